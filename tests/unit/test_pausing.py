"""How nuvop hears that kopf pauses it."""

import asyncio
from typing import Any

import pytest
from kopf._cogs.aiokits.aiotoggles import ToggleSet
from kopf._core.reactor import orchestration

from nuvop.pausing import Changed, Pause


@pytest.fixture
def began(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What kopf's orchestrators were called with that have begun."""
    began: list[dict[str, Any]] = []

    async def orchestrator(**arguments: Any) -> None:
        began.append(arguments)

    monkeypatch.setattr(orchestration, "orchestrator", orchestrator)
    return began


async def test_each_change_is_told_once(began: list[dict[str, Any]]) -> None:
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


async def paused_for_a_moment(pause: Pause, toggles: ToggleSet, changed: Changed) -> "asyncio.Task[None]":
    """Follow a kopf that is paused and goes on; return what follows it."""
    pause.serve()
    await orchestration.orchestrator(operator_paused=toggles)  # type: ignore[call-arg]
    following = asyncio.create_task(pause.follow(changed))
    toggle = await toggles.make_toggle(True)
    await asyncio.sleep(0.01)
    await toggle.turn_to(False)
    return following


async def test_kopf_begins_to_watch_again_when_there_is_somebody_to_show_it_to(began: list[dict[str, Any]]) -> None:
    """What it lists before, and shows once, nobody would see: what was being applied may take its time to end."""
    pause, toggles = Pause(), ToggleSet(any)
    told: list[tuple[bool, bool]] = []
    gate = asyncio.Event()

    async def changed(is_paused: bool) -> None:
        told.append((is_paused, toggles.is_on()))
        await gate.wait()

    following = await paused_for_a_moment(pause, toggles, changed)
    await asyncio.sleep(0.01)
    assert toggles.is_on()
    gate.set()
    await asyncio.sleep(0.01)
    assert told == [(True, True), (False, True)]
    assert toggles.is_off()
    following.cancel()


async def test_a_change_that_could_not_be_taken_in_is_told_again(began: list[dict[str, Any]]) -> None:
    pause, toggles = Pause(), ToggleSet(any)
    told: list[bool] = []

    async def changed(is_paused: bool) -> None:
        told.append(is_paused)
        if told == [True, False]:
            raise OSError("it cannot be taken in")

    following = await paused_for_a_moment(pause, toggles, changed)
    with pytest.raises(OSError, match="taken in"):
        await following
    assert toggles.is_on()
    following = asyncio.create_task(pause.follow(changed))
    await asyncio.sleep(0.01)
    assert told == [True, False, True, False]
    assert toggles.is_off()
    following.cancel()
