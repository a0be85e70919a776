"""A copy of the lab in a folder of its own: its clusters are not the project's, and its path has a space."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import lab
from lab.controlplane import processes

if TYPE_CHECKING:
    from collections.abc import Callable

GENEROUS_SECONDS = 60.0


def wait_until(done: Callable[[], object]) -> None:
    deadline = time.monotonic() + GENEROUS_SECONDS
    while not done():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


@dataclass(frozen=True)
class Checkout:
    """Runs `python -m lab.controlplane` as a user of that copy would."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)
    """Beside the environment of the tests."""

    @classmethod
    def make(cls, parent: Path) -> Checkout:
        root = parent / "a project"
        package = Path(lab.__file__).parent
        shutil.copytree(package, root / "lab", ignore=shutil.ignore_patterns("__pycache__"))
        # The pinned kubectl is beside the Python of the project's venv. Last: tests put a fake go first.
        path = f"{os.environ['PATH']}{os.pathsep}{Path(sys.executable).parent}"
        return cls(root.resolve(), {"PATH": path})

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return self.python("-m", "lab.controlplane", *arguments)

    def python(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=self.root,
            env=os.environ | self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return finish(self.start(*arguments))

    def directory(self, name: str) -> Path:
        return self.root / ".lab" / "clusters" / name

    def pids(self, name: str) -> frozenset[int]:
        return processes.of_cluster(self.directory(name))


def finish(process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    output, errors = process.communicate(timeout=4 * GENEROUS_SECONDS)
    return subprocess.CompletedProcess(process.args, process.returncode, output, errors)
