"""A contestant's program: started, watched in the audit log until it has settled, stopped."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lab.bench import usage
from lab.bench.audit import AuditLog, Request
from lab.bench.errors import BenchError, NotWithin
from lab.bench.place import CONTESTANT_USER
from lab.demo import leash

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from lab.bench.place import Place

QUIET_SECONDS = 5.0
LOOK_SECONDS = 0.2
TAIL_LINES = 15


@dataclass(frozen=True)
class Command:
    """How to start a contestant."""

    arguments: Sequence[str]
    environment: Mapping[str, str]
    """On top of the place's."""


@dataclass
class Program:
    """A contestant that runs."""

    place: Place
    log: Path
    pid: int
    """The contestant itself."""
    audit: AuditLog
    _leash: subprocess.Popen[bytes]
    seen: list[Request] = field(default_factory=list)
    """What it asked since the last call of requests()."""

    def check(self) -> None:
        """Raise BenchError with the end of its log when it has ended."""
        if self._leash.poll() is not None:
            raise BenchError(
                f"it ended with exit code {self._leash.returncode}; the end of its log:\n{self.end_of_log()}"
            )

    def end_of_log(self) -> str:
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:])

    def requests(self) -> list[Request]:
        """What it asked of the API server since the last call, or since its start."""
        self._look()
        found, self.seen = self.seen, []
        return found

    def wait_until_watching(self, resource: str, seconds: float) -> None:
        """Wait until it watches a resource, and so knows of what is created."""
        deadline = time.monotonic() + seconds
        while not any(request.verb == "watch" and request.resource == resource for request in self.seen):
            self._pause(f"watching {resource}", seconds, deadline)

    def wait_until_quiet(self, seconds: float) -> float:
        """Wait until it has asked nothing for QUIET_SECONDS; the moment (time.monotonic()) of its last request.

        The moment is as exact as LOOK_SECONDS. Leases and watches do not count.
        """
        last = time.monotonic()
        deadline = last + seconds
        while time.monotonic() - last < QUIET_SECONDS:
            if not all(request.is_housekeeping for request in self._pause("quiet", seconds, deadline)):
                last = time.monotonic()
        return last

    def _pause(self, what: str, seconds: float, deadline: float) -> list[Request]:
        """What it asks meanwhile."""
        time.sleep(LOOK_SECONDS)
        self.check()
        if time.monotonic() > deadline:
            raise NotWithin(f"not {what} within {seconds:.0f} s")
        return self._look()

    def _look(self) -> list[Request]:
        new = self.audit.new()
        self.seen += new
        return new


@contextmanager
def running(command: Command, place: Place, log: Path) -> Iterator[Program]:
    """Run a contestant until the end of the block; it gets a SIGTERM then, and 15 seconds."""
    audit = AuditLog(place.cluster.audit_log, CONTESTANT_USER)
    environment = {**place.environment, **command.environment}
    with (
        log.open("ab") as output,
        leash.during(command.arguments, environment, place.folder, output, place.lock) as process,
    ):
        program = Program(place, log, _program_of(process), audit, process)
        try:
            yield program
        except NotWithin as error:
            raise BenchError(f"{error}; the end of its log:\n{program.end_of_log()}") from error


def _program_of(process: subprocess.Popen[bytes]) -> int:
    """The pid of the only child of a leash."""
    while process.poll() is None:
        if found := usage.children(process.pid):
            return found[0]
        time.sleep(0.001)
    raise BenchError(f"it ended at once, with exit code {process.returncode}")
