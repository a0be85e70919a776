"""kopf pauses an operator in favour of another one of its peering. nuvop has to know, for kopf stops its watches only.

kopf has no call for it, so this room reaches into kopf's own, as nuvop.known_types and nuvop.known_namespaces do.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from kopf._cogs.aiokits.aiotoggles import ToggleSet
from kopf._core.reactor import orchestration

Changed = Callable[[bool], Awaitable[None]]
"""Takes in whether the operator is paused, when that changes."""


class Pause:
    """Whether kopf has paused the operator. Until kopf has begun to watch, it has not."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._begun: asyncio.Future[ToggleSet] | None = None

    def serve(self) -> None:
        """Have the next operator that kopf's command runs tell here."""
        orchestrator = orchestration.orchestrator

        async def telling(*, operator_paused: ToggleSet, **more: Any) -> None:
            self._future().set_result(operator_paused)
            await orchestrator(operator_paused=operator_paused, **more)

        orchestration.orchestrator = telling

    async def follow(self, changed: Changed) -> None:
        """Call ``changed`` for each change, the next one when that has come back; for ever."""
        toggles = await asyncio.shield(self._future())
        is_paused = False
        while True:
            await toggles.wait_for(not is_paused)
            is_paused = not is_paused
            await changed(is_paused)

    def _future(self) -> asyncio.Future[ToggleSet]:
        if self._begun is None:
            self._begun = asyncio.get_running_loop().create_future()
        return self._begun
