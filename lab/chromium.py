"""A browser that needs no screen."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from lab import debian

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def program() -> Path:
    """The machine's Chromium or Chrome; where there is none, Debian's package is installed.

    Raises DebianError where that cannot be.
    """
    if (there := present()) is not None:
        return there
    debian.install({"chromium": "chromium"})
    if (there := present()) is None:
        raise debian.DebianError("chromium: its package is installed and has no such program on PATH")
    return there


def present() -> Path | None:
    """The machine's Chromium or Chrome; None where there is none."""
    return next((Path(found) for name in NAMES if (found := shutil.which(name))), None)


def runs_without_a_sandbox() -> bool:
    """Whether it has to: Chromium refuses to start one for root."""
    return os.geteuid() == 0
