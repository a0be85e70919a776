"""Which namespaces kopf takes in."""

import asyncio
from typing import Any

import pytest
from kopf._cogs.structs.references import Insights
from kopf._core.reactor import observation

from nuvop import known_namespaces


@pytest.fixture
def insights(monkeypatch: pytest.MonkeyPatch) -> Insights:
    monkeypatch.setattr(
        observation, "process_discovered_namespace_event", observation.process_discovered_namespace_event
    )
    known_namespaces.serve()
    return Insights()


async def _show(insights: Insights, type_: str | None, name: str) -> bool:
    """Show one; return whether kopf has looked at all that it watches because of it."""

    async def look() -> None:
        async with insights.revised:
            await insights.revised.wait()

    looking = asyncio.create_task(look())
    await asyncio.sleep(0)
    body: Any = {"metadata": {"name": name}}
    await observation.process_discovered_namespace_event(
        raw_event={"type": type_, "object": body},  # type: ignore[typeddict-item]
        insights=insights,
        namespaces=["team*"],
    )
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    looked = looking.done()
    looking.cancel()
    return looked


async def test_what_is_listed_is_taken_in_once(insights: Insights) -> None:
    assert await _show(insights, None, "team-a")
    assert insights.namespaces == {"team-a"}
    assert not await _show(insights, None, "team-a")


@pytest.mark.parametrize("type_", [None, "ADDED"])
async def test_what_does_not_match_is_not(insights: Insights, type_: str | None) -> None:
    await _show(insights, type_, "other")
    assert insights.namespaces == set()


async def test_what_a_watch_shows_is_taken_as_before(insights: Insights) -> None:
    assert await _show(insights, "ADDED", "team-a")
    assert await _show(insights, "DELETED", "team-a")
    assert insights.namespaces == set()
