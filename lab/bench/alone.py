"""One measurement at a time in this folder, which a signal ends cleanly and an error with one line."""

from __future__ import annotations

import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from lab.bench import place
from lab.bench.errors import BenchError, Interrupted
from lab.controlplane import ControlPlaneError, console, locks
from lab.demo.leash import LeftBehind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def alone() -> Iterator[int]:
    """Wait for the end of another measurement; the lock's file descriptor, for programs to hold.

    Ends the process, with a line that says why, after a signal (128 and its number) and after an error (1).
    """
    for number in SIGNALS:
        signal.signal(number, _interrupt)
    try:
        place.FILES.mkdir(parents=True, exist_ok=True)
        with locks.exclusive(place.FILES / "lock", waiting=_tell_waiting) as lock:
            yield lock
    except Interrupted as interrupted:
        console.say("interrupted; nothing is left running")
        sys.exit(128 + interrupted.number)
    except (BenchError, ControlPlaneError, LeftBehind, OSError) as error:
        console.say(f"error: {error}")
        sys.exit(1)


def _tell_waiting() -> None:
    console.say("another benchmark is at work in this folder; waiting for its end")


def _interrupt(number: int, _frame: FrameType | None) -> NoReturn:
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)  # cleaning up takes a few seconds, and is not to be interrupted
    raise Interrupted(number)
