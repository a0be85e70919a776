"""A copy of the project, in a folder whose path has a space, and a user who has other clusters too."""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab.controlplane import build, paths, processes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

PROJECT = Path(__file__).parents[2]
GENEROUS_SECONDS = 120.0


def wait_until(done: Callable[[], object]) -> None:
    deadline = time.monotonic() + GENEROUS_SECONDS
    while not done():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


@dataclass(frozen=True)
class Terminal:
    process: subprocess.Popen[bytes]
    screen: BinaryIO

    def read_until(self, text: str | None) -> str:
        """What is shown up to `text`, or to the end."""
        shown = b""
        with suppress(OSError):  # how Linux tells that nobody has the other end any more
            while (text is None or text.encode() not in shown) and (chunk := self.screen.read(4096)):
                shown += chunk
        assert text is None or text.encode() in shown, f"no {text!r} in:\n{shown.decode()}"
        return shown.decode().replace("\r\n", "\n")


@dataclass(frozen=True)
class Checkout:
    """Runs `python -m lab.…` as a user of the copy would, from another folder."""

    root: Path
    home: Path

    @classmethod
    def make(cls, parent: Path) -> Checkout:
        build.ensure()
        root, home = parent / "a project", parent / "home"
        for name in ("lab", "nuvop", "kustomize"):
            shutil.copytree(PROJECT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        (home / ".kube").mkdir(parents=True)
        (home / ".kube" / "config").write_text("the user's own")
        return cls(root, home)

    def environment(self, **more: str) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "TERM": "xterm",
            "XDG_CACHE_HOME": str(paths.cache().parents[1]),
            "PYTHONPATH": str(self.root),
            "PYTHONDONTWRITEBYTECODE": "1",
            **more,
        }

    def start(self, *arguments: str, **more: str) -> subprocess.Popen[str]:
        """`python -m` with these arguments; standard output and error are one pipe, and there is no terminal."""
        return subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=self.home,
            env=self.environment(**more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str, **more: str) -> tuple[int, str]:
        """Exit code and output."""
        process = self.start(*arguments, **more)
        output, _ = process.communicate(timeout=2 * GENEROUS_SECONDS)
        return process.returncode, output

    @contextmanager
    def on_terminal(self, answers: str, *arguments: str, **more: str) -> Iterator[Terminal]:
        """`python -m` with these arguments, on a terminal where `answers` are typed."""
        ours, theirs = pty.openpty()
        with os.fdopen(ours, "r+b", buffering=0) as screen:
            screen.write(answers.encode())
            with subprocess.Popen(
                [sys.executable, "-m", *arguments],
                cwd=self.home,
                env=self.environment(**more),
                stdin=theirs,
                stdout=theirs,
                stderr=theirs,
                start_new_session=True,
            ) as process:
                os.close(theirs)
                yield Terminal(process, screen)

    def run_on_terminal(self, answers: str, *arguments: str, **more: str) -> tuple[int, str]:
        """Exit code, and what the terminal showed."""
        with self.on_terminal(answers, *arguments, **more) as terminal:
            shown = terminal.read_until(None)
            return terminal.process.wait(GENEROUS_SECONDS), shown

    def processes(self) -> list[str]:
        """Commands that run now because of this copy, but for those of its cluster `user`."""
        found = []
        for entry in Path("/proc").iterdir():
            with suppress(OSError):
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
                everything = command.encode() + (entry / "environ").read_bytes()
                if command and str(self.root).encode() in everything and self._user_mark() not in everything:
                    found.append(command)
        return found

    def clusters(self) -> list[str]:
        """Folders of clusters."""
        return sorted(path.name for path in (self.root / ".lab" / "clusters").iterdir() if path.is_dir())

    def _user_mark(self) -> bytes:
        return f"{processes.MARK}={self.root / '.lab' / 'clusters' / 'user'}".encode()


def read_until(process: subprocess.Popen[str], text: str) -> None:
    """Read a process' output up to a line with `text`."""
    read = []
    while True:
        assert process.stdout
        line = process.stdout.readline()
        read.append(line)
        assert line, f"no line with {text!r} in:\n{''.join(read)}"
        if text in line:
            return


def without_escapes(shown: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", shown)
