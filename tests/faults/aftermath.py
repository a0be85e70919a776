"""What an operator must not leave behind: processes, descriptors, files, and a log that says one thing for ever."""

from __future__ import annotations

import os
import re
import signal
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from tests.e2e.harness import eventually

if TYPE_CHECKING:
    from tests.e2e.harness import Operator

TOLD_MOST = 6
"""How often the same trouble may be told of one thing: when it comes, when its words change, when it comes again."""

SPARE_DESCRIPTORS = 12
"""Connections come and go: a pool keeps some open. A leak is more than that."""

QUIET = 30.0

REAPED = 10.0
"""Seconds after which nothing may be left running of an operator that was killed."""


def descriptors(operator: Operator) -> list[str]:
    """What the operator's open file descriptors are, sockets by their kind only."""
    found = []
    for entry in Path(f"/proc/{operator.process.pid}/fd").iterdir():
        try:
            found.append(re.sub(r"\d+", "N", os.readlink(entry)))
        except OSError:
            continue  # closed meanwhile
    return found


def as_it_sees(operator: Operator, path: Path) -> Path:
    """The way to a path as the operator sees it, whose mounts may be its own."""
    return Path(f"/proc/{operator.process.pid}/root{path}")


def temporary_files(operator: Operator) -> list[str]:
    """What stands about for a moment only, while something is written or applied."""
    generated = as_it_sees(operator, operator.generated)
    temporary = [path for path in generated.rglob(".*") if path.name.startswith((".new", ".old"))]
    batches = generated / ".batches"
    return [str(path) for path in [*temporary, *(batches.iterdir() if batches.is_dir() else ())]]


def private_folders(operator: Operator) -> list[Path]:
    """Where operators keep their credentials."""
    return list((operator.generated.parent / "tmp").glob("nuvop-*"))


def kill(operator: Operator) -> None:
    """Kill an operator, and see that it leaves nothing behind that runs or that is secret."""
    operator.kill()
    assert operator.process.returncode == -signal.SIGKILL, "it had ended before"
    eventually("nothing is left running", lambda: not operator.processes(), within=REAPED)
    eventually("no credentials are left", lambda: not private_folders(operator), within=REAPED)


def assert_no_leak(operator: Operator, before: list[str]) -> None:
    """Fail where more is open, running or lying about than there was, once the operator is idle."""

    def leaked() -> list[str]:
        grown = len(descriptors(operator)) - len(before) - SPARE_DESCRIPTORS
        more = [f"{name} +{count}" for name, count in (Counter(descriptors(operator)) - Counter(before)).items()]
        children = operator.children()
        reapers = [line for line in children if "reaper.py" in line]
        others = [line for line in children if line not in reapers]
        return [*(more if grown > 0 else []), *reapers[1:], *others, *temporary_files(operator)]

    eventually("nothing has leaked", lambda: not leaked() or _show(leaked()), within=QUIET)


def _show(found: list[str]) -> bool:
    print("leaked:", found)
    return False


def repeated(log: str) -> dict[str, int]:
    """The warnings and errors that a log tells more often than anybody wants to read, with their number."""
    # A time is in front; numbers that differ each time make no other trouble.
    said = Counter(
        re.sub(r"0x[0-9a-f]+|\d+", "N", re.sub(r"^\[[^\]]*\] *", "", line))
        for line in log.splitlines()
        if re.search(r"\[(WARNING|ERROR|CRITICAL)", line)
    )
    return {line: count for line, count in said.items() if count > TOLD_MOST}


def assert_told_once(log: str) -> None:
    """Fail where the log repeats itself, shows an error that nobody foresaw, or tells that a child is given back."""
    assert "Traceback" not in log, log[log.index("Traceback") :][:4000]
    assert not (found := repeated(log)), found
    assert "given back" not in log, "a child was taken for somebody else's"
