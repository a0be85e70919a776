"""Find and end the processes of a cluster.

Pid files do not suffice: a `create` killed between fork and write leaves none, and after a reboot they name
strangers. So every process of a cluster carries a mark in its environment, which children inherit.
"""

from __future__ import annotations

import os
import select
import signal
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from lab.controlplane.errors import ControlPlaneError

if TYPE_CHECKING:
    from collections.abc import Iterable

MARK = "NUVOP_LAB_CLUSTER"
"""The environment variable whose value is the folder of the cluster that a process belongs to."""

GONE_SECONDS = 30.0


def of_cluster(directory: Path) -> frozenset[int]:
    """The pids of the living processes of the cluster in `directory`.

    A zombie has no environment, so it is not among them; nor, for an instant, is a process in the middle of its exec.
    """
    mark = _mark(directory)
    pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return frozenset(pid for pid in pids if mark in _environment(pid))


def _mark(directory: Path) -> bytes:
    return f"{MARK}={directory}".encode()


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:  # it ended meanwhile, or belongs to another user
        return []


def has_ended(pid: int) -> bool:
    """Whether there is no such process, or only a zombie that nobody has reaped (a container without an init)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return True
    # The second field is the program's name in parentheses, and may hold anything.
    return stat.rpartition(")")[2].split()[0] in {"Z", "X"}


def kill_cluster(directory: Path) -> int:
    """Kill every process of the cluster in `directory` and wait until all are gone; says how many there were.

    Looks again after each round: kwokctl may have started one more.
    """
    killed = 0
    while found := of_cluster(directory):
        kill(found, directory)
        killed += len(found)
        time.sleep(0.05)  # what kwokctl just forked shows its environment only when its exec is done
    return killed


def kill(pids: Iterable[int], directory: Path) -> None:
    """Kill these processes of the cluster in `directory` and wait until they are gone, with all their sockets.

    Through pidfds: they name a process for good, and tell its end only when its last thread ended.
    """
    with ExitStack() as stack:
        ends = select.poll()
        waiting = {}
        for pid in pids:
            with suppress(ProcessLookupError):
                descriptor = os.pidfd_open(pid)
                stack.callback(os.close, descriptor)
                if _mark(directory) in _environment(pid):  # not a stranger that got the number before it was opened
                    signal.pidfd_send_signal(descriptor, signal.SIGKILL)
                    ends.register(descriptor, select.POLLIN)
                    waiting[descriptor] = pid
        deadline = time.monotonic() + GONE_SECONDS
        while waiting:
            left = deadline - time.monotonic()
            if left <= 0:
                raise ControlPlaneError(f"{directory}: still running after SIGKILL: pids {sorted(waiting.values())}")
            for descriptor, _ in ends.poll(left * 1000):
                ends.unregister(descriptor)
                del waiting[descriptor]
