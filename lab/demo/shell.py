"""Run commands for the show, and look at the cluster to verify what they brought about."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from lab.controlplane.paths import PROJECT
from lab.demo import leash
from lab.demo.errors import StepFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from lab.demo.show import Show

T = TypeVar("T")

PROGRAMS = Path(sys.executable).parent
"""Of the project's own environment: kopf, and the pinned kubectl."""

LOOK_SECONDS = 0.1
"""Between two looks at something that is to come true."""

BEGIN_SECONDS = 1.0
"""What a watch of nothing gets to begin: of what is made before that, it does not show how that began."""

HEADER = 1
"""The lines of a watch that are above its first row."""

QUIET_SECONDS = 0.7
"""A watch without a new row for so long has shown them all."""

SETTLE_SECONDS = 5.0
"""Rows that come still later are not waited for."""

ELSEWHERE = ("KUBERNETES_SERVICE_", "NUVOP_", "KOPF_")
"""How settings begin that would lead the operator to the cluster whose pod this is, or to other kinds and folders."""


def environment(kubeconfig: Path, cache: Path) -> dict[str, str]:
    """The environment of every command: this cluster, the project's programs, nothing written to ~/.kube."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ELSEWHERE)}
    return kept | {
        "PATH": f"{PROGRAMS}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "KUBECONFIG": str(kubeconfig),
        "KUBECACHEDIR": str(cache),
        "KUBERC": "off",  # the user's own defaults for kubectl's options
    }


@dataclass(frozen=True)
class Shell:
    """Runs commands in the project's folder, in one explicit environment."""

    show: Show
    environment: Mapping[str, str]
    patience: float
    """Seconds that anything may take to come true."""
    check: Callable[[], None]
    """Raises StepFailed when waiting has become pointless."""

    def run(self, *command: str, expect: int = 0) -> str:
        """Show a command, run it, show its output; StepFailed for another exit code than expected."""
        self.show.command(command)
        code, output = self._run(command)
        self.show.output(output)
        if code != expect:
            raise StepFailed(f"exit code {expect} of the last command", f"exit code {code}")
        return output

    def run_until(self, expected: str, holds: Callable[[str], object], *command: str) -> None:
        """Show a command, run it until its output is such that `holds`, show that."""
        self.show.command(command)
        self.show.output(self.until(expected, lambda: self._run(command)[1], holds))

    def ask(self, *command: str) -> str:
        """Run a command that is not part of the show and return its output; StepFailed where it fails."""
        code, output = self._run(command)
        if code:
            raise StepFailed(f"exit code 0 of: {shlex.join(command)}", output.strip())
        return output

    def get(self, *what: str) -> Any:
        """An object, or a list of them, from kubectl."""
        return json.loads(self.ask("kubectl", "get", *what, "--output=json"))

    def until(self, expected: str, look: Callable[[], T], holds: Callable[[T], object]) -> T:
        """Look again and again until what is seen is such that `holds`; StepFailed when that takes too long."""
        deadline = time.monotonic() + self.patience
        while not holds(seen := look()):
            if time.monotonic() > deadline:
                raise StepFailed(expected, f"after {self.patience:.0f} seconds: {seen}")
            self.check()
            time.sleep(LOOK_SECONDS)
        return seen

    @contextmanager
    def watching(self, *command: str, empty: bool = False) -> Iterator[None]:
        """Show the rows of a `kubectl get --watch` as they come, beside what happens in the block.

        The block begins when the watch has shown what there is; with ``empty`` that is nothing.
        """
        self.show.typed(f"{shlex.join(command)} &")
        with leash.during(command, self.environment, PROJECT, subprocess.PIPE) as process:
            rows = _Rows(process, self.show)
            if empty:
                time.sleep(BEGIN_SECONDS)
            else:
                self.until("a first row of the watch", lambda: rows.count, lambda count: count > HEADER)
            yield
            rows.settle()

    def _run(self, command: Sequence[str]) -> tuple[int, str]:
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=PROJECT,
            env=self.environment,
            text=True,
            errors="replace",
        ) as process:
            deadline = time.monotonic() + 2 * self.patience
            try:
                while time.monotonic() < deadline:
                    try:
                        output, _ = process.communicate(timeout=LOOK_SECONDS)
                    except subprocess.TimeoutExpired:
                        self.check()
                    else:
                        return process.returncode, output
                raise StepFailed(f"an end of: {shlex.join(command)}", f"none within {2 * self.patience:.0f} seconds")
            except BaseException:
                process.kill()
                raise


class _Rows:
    """Shows what a process prints, line by line, until told that it is enough."""

    def __init__(self, process: subprocess.Popen[bytes], show: Show) -> None:
        self._process, self._show = process, show
        self.count = 0
        self._enough = False
        self._last = time.monotonic()
        threading.Thread(target=self._follow, daemon=True).start()

    def settle(self) -> None:
        """Return when no more rows come, or only after a long time."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < min(self._last + QUIET_SECONDS, deadline):
            time.sleep(LOOK_SECONDS)
        self._enough = True

    def _follow(self) -> None:
        for line in self._process.stdout or ():
            if self._enough:
                return
            self._show.output(line.decode(errors="replace"))
            self.count += 1
            self._last = time.monotonic()
