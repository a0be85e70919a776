"""Where the lab's control plane keeps its files."""

from __future__ import annotations

import os
from pathlib import Path

MODULE = Path(__file__).resolve().parent
"""The Go module that pins the programs."""

PROJECT = MODULE.parents[1]

CLUSTERS = PROJECT / ".lab" / "clusters"
"""A folder a cluster: state, logs, kubeconfig. Git ignores it."""


def cache() -> Path:
    """The folder of what all checkouts of this user share: the built programs, and the machine-wide locks.

    It is `nuvop/controlplane` in $XDG_CACHE_HOME or ~/.cache, and `.lab/cache` in the project where neither can be
    written (a container without a home folder).
    """
    for base in _user_caches():
        folder = base / "nuvop" / "controlplane"
        if _writable(folder):
            return folder
    return PROJECT / ".lab" / "cache" / "controlplane"


def _user_caches() -> list[Path]:
    xdg, home = os.environ.get("XDG_CACHE_HOME", ""), os.environ.get("HOME", "")
    candidates = [Path(xdg)] if xdg else [Path(home) / ".cache"] if home else []
    # The XDG specification: a relative path is invalid and to be ignored.
    return [path for path in candidates if path.is_absolute()]


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)
