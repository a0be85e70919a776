"""Applies overlays: a folder in, the live objects out, a few kubectl at a time."""

import asyncio
from pathlib import Path
from typing import Any

from nuvop.kubectl import Kubectl

SLOTS = 2
"""kubectl processes at once; each has its own discovery and its own TLS, so more of them only wait for each other."""


class Applier:
    """Runs `kubectl apply -k` for one overlay at a time in each of its slots."""

    def __init__(self, kubectl: Kubectl) -> None:
        """Have all slots free."""
        self._kubectl = kubectl
        self._slots = asyncio.Semaphore(SLOTS)

    async def apply(self, folder: Path) -> list[dict[str, Any]]:
        """Apply a folder; return its live objects. Raises ApplyFailed and KubectlTimeout."""
        async with self._slots:
            return await self._kubectl.apply(folder)
