"""How long work talks to the person who waits for it: on stderr, so that stdout holds only results."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterator

HEARTBEAT_SECONDS = 15.0
"""How often progress is told where there is no terminal (a log, a CI job)."""


def say(text: str) -> None:
    """Print one line."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def ending(*errors: type[Exception]) -> Iterator[None]:
    """End the program with exit code 1, and a line on stderr that says why, where one of ``errors`` comes.

    So does an OSError, which names its file: a full disk, no right.
    """
    told: tuple[type[Exception], ...] = (OSError, *errors)
    try:
        yield
    except told as error:
        say(f"error: {error}")
        sys.exit(1)


class Progress:
    """One line that says where the work is: rewritten in place on a terminal, elsewhere repeated now and then."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._start = time.monotonic()
        self._told = self._start

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._clear()  # what follows, an error too, begins on an empty line

    def update(self, text: str) -> None:
        """Tell `text` with the elapsed time."""
        now = time.monotonic()
        if self._terminal:
            self._clear()
            print(f"  {self._elapsed()}  {text}", end="", file=sys.stderr, flush=True)
        elif now - self._told >= HEARTBEAT_SECONDS:
            self._told = now
            say(f"  {self._elapsed()}  {text}")

    def finish(self, text: str) -> None:
        """Tell the end of the work, on a line of its own."""
        self._clear()
        say(f"  {self._elapsed()}  {text}")

    def _clear(self) -> None:
        if self._terminal:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def _elapsed(self) -> str:
        seconds = int(time.monotonic() - self._start)
        return f"{seconds // 60:2d}:{seconds % 60:02d}"
