"""Removes what an operator leaves behind when it dies without a word (SIGKILL, out of memory): processes, credentials.

Runs as a process of its own, as ``python -I -S reaper.py [PRIVATE_FOLDER]``. Standard input tells it what to watch:
``+123`` for a group that has begun, ``-123`` for one that has ended, ``bye`` when all have ended and none will begin.
The end of the input is the end of the operator, however it came about: the kernel closes the pipe. Linux's parent-death
signal would do without a process, but macOS has none.

What an operator has started in its very last moment, nobody has told of. On Linux it is known by its HOME, which is the
private folder.
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

CALM_LOOKS = 10
"""How often in a row nothing has to be found of an operator that was killed: a process that was just forked looks like
the operator until it has become kubectl."""

FAREWELL = b"bye\n"


def begun(group: int) -> bytes:
    """The line that tells of a group that has begun."""
    return f"+{group}\n".encode()


def ended(group: int) -> bytes:
    """The line that tells of a group that has ended."""
    return f"-{group}\n".encode()


def main() -> None:
    """Follow standard input to its end, then kill what is still running and remove the private folder."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    groups: set[int] = set()
    looks = CALM_LOOKS
    for line in sys.stdin.buffer:
        if line == FAREWELL:
            looks = 1
            continue
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
        _clear(private, looks)


def _clear(private: str, looks: int) -> None:
    """Remove a private folder, and kill who uses it, until that many looks in a row find nothing."""
    deadline = time.monotonic() + PATIENCE
    calm = 0
    while time.monotonic() < deadline:
        found = _kill_users(private)
        calm = calm + 1 if remove(private) and not found else 0
        if calm >= looks:
            return
        time.sleep(PAUSE)


def _kill_users(private: str) -> bool:
    """Kill the processes whose HOME is a private folder; return whether there were any."""
    home = f"HOME={private}".encode()
    found = False
    for process in filter(str.isdigit, os.listdir("/proc") if os.path.isdir("/proc") else ()):
        with contextlib.suppress(OSError):  # it has ended, or is somebody else's
            with open(f"/proc/{process}/environ", "rb") as environment:
                uses = home in environment.read().split(b"\0")
            if uses:
                os.kill(int(process), signal.SIGKILL)
                found = True
    return found


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
