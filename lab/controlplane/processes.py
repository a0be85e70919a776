"""Find and end the processes of a cluster.

Pid files do not suffice: a `create` killed between fork and write leaves none, and after a reboot they name
strangers. So every process of a cluster carries a mark in its environment, which children inherit.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from lab.controlplane.errors import ControlPlaneError

MARK = "NUVOP_LAB_CLUSTER"
"""The environment variable whose value is the folder of the cluster that a process belongs to."""

GONE_SECONDS = 30.0


def of_cluster(directory: Path) -> frozenset[int]:
    """The pids of the living processes of the cluster in `directory`. A zombie has no environment, so it is gone."""
    mark = f"{MARK}={directory}".encode()
    return frozenset(
        int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and mark in _environment(entry)
    )


def _environment(entry: Path) -> list[bytes]:
    try:
        return (entry / "environ").read_bytes().split(b"\0")
    except OSError:  # it ended meanwhile, or belongs to another user
        return []


def kill_cluster(directory: Path) -> int:
    """Kill every process of the cluster in `directory` and wait until all are gone; says how many there were.

    Looks again after each round: kwokctl may have started one more.
    """
    killed: set[int] = set()
    deadline = time.monotonic() + GONE_SECONDS
    while found := of_cluster(directory):
        if time.monotonic() > deadline:
            raise ControlPlaneError(f"{directory}: still running after SIGKILL: pids {sorted(found)}")
        killed |= found
        for pid in found:
            _kill(pid)
        time.sleep(0.02)
    return len(killed)


def kill(pid: int, directory: Path) -> None:
    """Kill one process of the cluster in `directory` and wait until it is gone."""
    _kill(pid)
    deadline = time.monotonic() + GONE_SECONDS
    while pid in of_cluster(directory):
        if time.monotonic() > deadline:
            raise ControlPlaneError(f"{directory}: pid {pid} is still running after SIGKILL")
        time.sleep(0.02)


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
