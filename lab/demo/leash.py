"""Ties programs to the life of the demo, which may end at any point and in any way.

A leash is a small process between the demo and a program. It learns of the demo's end from its standard input: the
kernel closes that pipe, after a SIGKILL too. It is in a session of its own, where no Ctrl-C reaches it.

    with leash.during(command, …):        the program runs now; at the end it is ended
    with leash.afterwards(commands, …):   the programs run at the end, one after the other

`python -I -S leash.py during|afterwards COMMANDS` is the leash itself; it needs nothing but Python.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import IO

GRACE_SECONDS = 15.0
"""How long a program may take to end after SIGTERM. Then it is killed, with its process group."""


class LeftBehind(Exception):
    """What was to run at the end failed; says why."""


@contextmanager
def during(
    command: Sequence[str], environment: Mapping[str, str], cwd: Path, output: int | IO[bytes], *holding: int
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `command` until the end of the block, at the latest; its standard output and error go to `output`.

    Yields its leash, which ends when it does and with the same exit code. `holding` as in `afterwards`.
    """
    process = _start("during", [command], environment, cwd, output, *holding)
    try:
        yield process
    finally:
        _let_go(process)


@contextmanager
def afterwards(
    commands: Sequence[Sequence[str]], environment: Mapping[str, str], cwd: Path, log: IO[bytes], *holding: int
) -> Iterator[None]:
    """Run `commands` at the end of the block, or of this process; raises LeftBehind when one fails then.

    `log` takes their output, and is read for the reason. `holding` are file descriptors, of locks, which stay open
    until all have run.
    """
    process = _start("afterwards", commands, environment, cwd, log, *holding)
    try:
        yield
    finally:
        _let_go(process)
    if process.returncode:
        log.seek(0)
        raise LeftBehind(log.read().decode(errors="replace").strip())


def _start(
    mode: str,
    commands: Sequence[Sequence[str]],
    environment: Mapping[str, str],
    cwd: Path,
    output: int | IO[bytes],
    *holding: int,
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-I", "-S", __file__, mode, json.dumps(commands)],
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=subprocess.STDOUT,
        cwd=cwd,
        env=environment,
        start_new_session=True,
        pass_fds=holding,
    )


def _let_go(process: subprocess.Popen[bytes]) -> None:
    if process.stdin:
        process.stdin.close()
    process.wait()


def main() -> int:
    """Be a leash; return the exit code."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: None)  # not SIG_IGN, which the programs would inherit
    mode, commands = sys.argv[1], json.loads(sys.argv[2])
    return _run_now(*commands) if mode == "during" else _run_afterwards(commands)


def _run_now(command: Sequence[str]) -> int:
    program = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    threading.Thread(target=_end_with_input, args=[program], daemon=True).start()
    code = program.wait()
    return code if code >= 0 else 128 - code


def _await_end_of_input() -> None:
    # Not by sys.stdin, whose lock a thread would still hold when this process ends.
    while os.read(0, 1):
        pass


def _end_with_input(program: subprocess.Popen[bytes]) -> None:
    _await_end_of_input()
    program.terminate()
    try:
        program.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)


def _run_afterwards(commands: Sequence[Sequence[str]]) -> int:
    _await_end_of_input()
    return max(subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode for command in commands)


if __name__ == "__main__":
    sys.exit(main())
