"""How nuvop hears that kopf pauses it."""

import asyncio
from typing import Any

import pytest
from kopf._cogs.aiokits.aiotoggles import ToggleSet
from kopf._core.reactor import orchestration

from nuvop.pausing import Pause


async def test_each_change_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    began = []

    async def orchestrator(**arguments: Any) -> None:
        began.append(arguments)

    monkeypatch.setattr(orchestration, "orchestrator", orchestrator)
    pause, told = Pause(), []
    gate = asyncio.Event()

    async def changed(is_paused: bool) -> None:
        told.append(is_paused)
        await gate.wait()

    pause.serve()
    following = asyncio.create_task(pause.follow(changed))
    await asyncio.sleep(0.01)
    toggles = ToggleSet(any)
    await orchestration.orchestrator(operator_paused=toggles, settings="kopf's")  # type: ignore[call-arg, arg-type]
    assert began == [{"operator_paused": toggles, "settings": "kopf's"}]
    toggle = await toggles.make_toggle()
    await asyncio.sleep(0.01)
    assert told == []
    await toggle.turn_to(True)
    await asyncio.sleep(0.01)
    await toggle.turn_to(False)
    await toggle.turn_to(True)
    await asyncio.sleep(0.01)
    assert told == [True], "the next one when that has come back"
    gate.set()
    await asyncio.sleep(0.01)
    assert told == [True], "it is as it was told"
    await toggle.turn_to(False)
    await asyncio.sleep(0.01)
    assert told == [True, False]
    following.cancel()
