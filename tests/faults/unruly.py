"""A kubectl that tests tell what to do instead of its work."""

from __future__ import annotations

import re
import shlex
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.e2e.harness import eventually, fake_kubectl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.harness import Operator


@dataclass(frozen=True)
class Unruly:
    """A kubectl that does what it is told for some of its commands, and its work otherwise."""

    folder: Path

    def install(self) -> str:
        """Return a PATH on which it is kubectl."""
        text = (
            f'told={shlex.quote(str(self.folder))}/"told-$1"\n'
            'what=$(cat "$told" 2>&-) && echo $$ >> "$told.met" && eval "$what"\n'
            'exec "$REAL" "$@"'
        )
        return fake_kubectl(self.folder, text)

    @contextmanager
    def fault(self, what: str, command: str = "apply") -> Iterator[Told]:
        """Make ``command`` do something else first (sh) for the length of a block."""
        order = self.folder / f"told-{command}"
        fresh = order.with_suffix(".new")
        fresh.write_text(what)
        fresh.rename(order)
        try:
            yield Told(Path(f"{order}.met"))
        finally:
            order.unlink()
            Path(f"{order}.met").unlink(missing_ok=True)

    @contextmanager
    def replaced(self, content: str | None, mode: int = 0o700) -> Iterator[None]:
        """Put another program in its place, or none, for the length of a block."""
        program, aside = self.folder / "kubectl", self.folder / "kubectl.aside"
        program.rename(aside)
        try:
            if content is not None:
                fresh = self.folder / "kubectl.new"
                fresh.write_text(content)
                fresh.chmod(mode)
                fresh.rename(program)
            yield
        finally:
            aside.rename(program)


@dataclass(frozen=True)
class Told:
    """Who has met a fault."""

    file: Path

    def pids(self) -> list[int]:
        """The processes, in order."""
        return [int(line) for line in self.file.read_text().split()] if self.file.exists() else []


def says(running: Operator, since: int, words: str) -> None:
    """Wait until the log has the words, a regular expression, after a position."""
    eventually(f"the log says {words!r}", lambda: re.search(words, running.log()[since:]))
