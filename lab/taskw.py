"""What taskw has brought."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.controlplane import paths

if TYPE_CHECKING:
    from pathlib import Path


def python() -> Path | None:
    """The Python whose pip is pinned: the project's environment need not have one. None where taskw never ran."""
    found = (paths.PROJECT / ".tools" / "bin" / "task").resolve().parent / "python"
    return found if found.exists() else None
