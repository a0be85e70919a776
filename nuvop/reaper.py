"""Removes what an operator leaves behind when it dies without a word (SIGKILL, out of memory): processes, credentials.

Runs as a process of its own, as ``python -I -S reaper.py [PRIVATE_FOLDER]``. Standard input tells it what to watch:
``+123`` for a group that has begun, ``-123`` for one that has ended. The end of the input is the end of the operator,
however it came about: the kernel closes the pipe. Linux's parent-death signal would do without a process, but macOS has
none.
"""

import os
import shutil
import signal
import sys


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
        shutil.rmtree(private)


if __name__ == "__main__":
    main()
