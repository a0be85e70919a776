"""What a process costs together with all that it started: CPU time and memory, from /proc (see proc(5))."""

from __future__ import annotations

import os
import re
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Self

SAMPLE_SECONDS = 0.05
_TICK = 1 / os.sysconf("SC_CLK_TCK")
_MEMORY = re.compile(rb"^(VmRSS|RssAnon):\s+(\d+) kB$", re.MULTILINE)


@dataclass(frozen=True)
class Memory:
    """Bytes, summed over processes."""

    rss: int = 0
    """Resident: a page that several processes share counts in each."""
    anonymous: int = 0
    """Resident and backed by no file: what would be lost to the machine even if programs were not shared."""

    def __add__(self, other: Memory) -> Memory:
        return Memory(self.rss + other.rss, self.anonymous + other.anonymous)

    def maximum(self, other: Memory) -> Memory:
        """The greater of each figure."""
        return Memory(max(self.rss, other.rss), max(self.anonymous, other.anonymous))


def tree(root: int) -> list[int]:
    """The pids of a process and all its descendants; whoever ends meanwhile is left out."""
    found = [root]
    for pid in found:
        found.extend(children(pid))
    return found


def children(pid: int) -> list[int]:
    """The pids that a process started and that live."""
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return []
    return [int(child) for thread in threads for child in _read(thread / "children").split()]


def cpu_seconds(root: int) -> float:
    """CPU time of a process tree: of those that live, and of those that ended and were waited for."""
    return sum(map(_cpu_ticks, tree(root))) * _TICK


def memory(root: int) -> Memory:
    """What a process tree holds now."""
    return sum((_memory(pid) for pid in _programs(root)), Memory())


def _programs(root: int) -> list[int]:
    """The pids of a process and its descendants, without those that have not begun their own program yet.

    Between vfork and exec a process is a second name of its parent's memory.
    """
    found = [root]
    for pid in found:
        own = _read(Path(f"/proc/{pid}/cmdline"))
        found.extend(child for child in children(pid) if _read(Path(f"/proc/{child}/cmdline")) != own)
    return found


def _cpu_ticks(pid: int) -> int:
    # The second field is the program's name in parentheses, and may hold anything. utime, stime, cutime, cstime are
    # the fields 14 to 17; the last two are of children that it waited for.
    fields = _read(Path(f"/proc/{pid}/stat")).rpartition(b")")[2].split()
    return sum(map(int, fields[11:15]))


def _memory(pid: int) -> Memory:
    found = {name: int(kib) * 1024 for name, kib in _MEMORY.findall(_read(Path(f"/proc/{pid}/status")))}
    return Memory(found.get(b"VmRSS", 0), found.get(b"RssAnon", 0))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # it has just ended
        return b""


class PeakMemory:
    """Looks at the memory of a process tree again and again until the end of the block."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._peak = Memory()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    @property
    def peak(self) -> Memory:
        """The most so far, of each figure."""
        return self._peak

    def _sample(self) -> None:
        while not self._end.wait(SAMPLE_SECONDS):
            self._peak = self._peak.maximum(memory(self._root))
