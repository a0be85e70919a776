"""The operator of the demo: the project's own, as its user would start it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.controlplane.paths import PROJECT
from lab.demo import leash
from lab.demo.clusters import FILES, NAMESPACE
from lab.demo.errors import StepFailed
from lab.demo.shell import PROGRAMS

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Mapping

LOG = FILES / "operator.log"

TAIL_LINES = 15


class Operator:
    """Runs once in a demo, under the demo's lock."""

    def __init__(self, lock: int) -> None:
        self._lock = lock
        self._leash: subprocess.Popen[bytes] | None = None
        LOG.unlink(missing_ok=True)

    @contextmanager
    def running(self, environment: Mapping[str, str]) -> Iterator[None]:
        """Run it until the end of the block."""
        command = [str(PROGRAMS / "kopf"), "run", "-n", NAMESPACE]
        with LOG.open("wb") as log, leash.during(command, environment, PROJECT, log, self._lock) as self._leash:
            yield

    def check(self) -> None:
        """Raise StepFailed when it was started and has ended."""
        if self._leash and self._leash.poll() is not None:
            raise StepFailed("a running operator", f"it has ended, with exit code {self._leash.returncode}")

    @staticmethod
    def end_of_log() -> list[str]:
        """The last lines of its log; none when it was not started."""
        return LOG.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:] if LOG.exists() else []
