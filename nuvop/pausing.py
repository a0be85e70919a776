"""kopf pauses an operator in favour of another one of its peering. nuvop has to know, for kopf stops its watches only.

kopf has no call for it, so this room reaches into kopf's own, as nuvop.known_types and nuvop.known_namespaces do.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from kopf._cogs.aiokits.aiotoggles import Toggle, ToggleSet
from kopf._core.reactor import orchestration

Changed = Callable[[bool], Awaitable[None]]
"""Takes in whether the operator is paused, when that changes."""


@dataclass(frozen=True)
class _Toggles:
    """What pauses kopf: one toggle for each peering, and nuvop's own.

    While that is on kopf does not watch. All that it shows when it begins anew it shows once.
    """

    all: ToggleSet
    own: Toggle

    async def wait_for_others(self) -> None:
        """Wait until nothing but nuvop's own pauses kopf."""
        async with self.all._condition:
            await self.all._condition.wait_for(
                lambda: not any(toggle.is_on() for toggle in self.all if toggle is not self.own)
            )


class Pause:
    """Whether kopf has paused the operator. Until kopf has begun to watch, it has not."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._begun: asyncio.Future[_Toggles] | None = None

    def serve(self) -> None:
        """Have the next operator that kopf's command runs tell here."""
        orchestrator = orchestration.orchestrator

        async def telling(*, operator_paused: ToggleSet, **more: Any) -> None:
            own = await operator_paused.make_toggle(name="nuvop does not see anything yet")
            self._future().set_result(_Toggles(operator_paused, own))
            await orchestrator(operator_paused=operator_paused, **more)

        orchestration.orchestrator = telling

    async def follow(self, changed: Changed) -> None:
        """Call ``changed`` for each change, the next one when that has come back; for ever.

        kopf stays paused until it has come back from the last one.
        """
        toggles = await asyncio.shield(self._future())
        while True:
            await toggles.all.wait_for(True)
            await toggles.own.turn_to(True)
            await changed(True)
            await toggles.wait_for_others()
            await changed(False)
            await toggles.own.turn_to(False)

    def _future(self) -> "asyncio.Future[_Toggles]":
        if self._begun is None:
            self._begun = asyncio.get_running_loop().create_future()
        return self._begun
