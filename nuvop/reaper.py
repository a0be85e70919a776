"""Removes what an operator leaves behind when it dies without a word (SIGKILL, out of memory): processes, credentials.

Runs as a process of its own, as ``python -I -S reaper.py [PRIVATE_FOLDER]``. Standard input tells it what to watch:
``+123`` for a group that has begun, ``-123`` for one that has ended. The end of the input is the end of the operator,
however it came about: the kernel closes the pipe. Linux's parent-death signal would do without a process, but macOS has
none.
"""

import contextlib
import os
import shutil
import signal
import sys
import time

LOCK = "lock"
"""The file in a private folder by which an operator holds it, and by which others know what it is."""

PATIENCE = 5.0
"""Seconds for which what was killed may go on writing: a process dies when its last system call has ended."""

PAUSE = 0.05


def main() -> None:
    """Follow standard input to its end, then kill what is still running and remove the private folder."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin.buffer:
        mark, group = line[:1], line[1:].strip()
        if not group.isdigit():
            continue  # half a line, of an operator that died while it wrote
        if mark == b"+":
            groups.add(int(group))
        else:
            groups.discard(int(group))
    for group in groups:
        try:
            os.killpg(group, signal.SIGKILL)
        except ProcessLookupError:
            continue
    for private in sys.argv[1:]:
        deadline = time.monotonic() + PATIENCE
        while not remove(private) and time.monotonic() < deadline:
            time.sleep(PAUSE)


def remove(private: str) -> bool:
    """Remove a private folder and return whether it is gone; others may write into it, or remove it, meanwhile.

    Where it cannot be removed, because the disk is read-only say, that is no error. Its lock goes last: as long as
    anything is left, the next operator knows it for what it is.
    """
    with contextlib.suppress(OSError):
        for name in os.listdir(private):
            path = f"{private}/{name}"
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path, ignore_errors=True)
            elif name != LOCK:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)
        if set(os.listdir(private)) <= {LOCK}:
            shutil.rmtree(private, ignore_errors=True)
    return not os.path.exists(private)


if __name__ == "__main__":
    main()
