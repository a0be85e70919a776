"""Which namespaces kopf takes in."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import kopf
import pytest
from kopf._cogs.clients import watching
from kopf._cogs.structs.references import Insights, NamespaceName, Resource
from kopf._core.reactor import observation, queueing

from nuvop import known_namespaces


@pytest.fixture
def insights(monkeypatch: pytest.MonkeyPatch) -> Insights:
    monkeypatch.setattr(
        observation, "process_discovered_namespace_event", observation.process_discovered_namespace_event
    )
    known_namespaces.serve()
    return Insights()


async def _show(insights: Insights, type_: str | None, name: str, version: int = 5) -> bool:
    """Show one; return whether kopf has looked at all that it watches because of it."""

    async def look() -> None:
        async with insights.revised:
            await insights.revised.wait()

    looking = asyncio.create_task(look())
    await asyncio.sleep(0)
    await _take_in(insights, type_, name, version)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    looked = looking.done()
    looking.cancel()
    return looked


async def _take_in(insights: Insights, type_: str | None, name: str, version: int) -> None:
    body: Any = {"metadata": {"name": name, "resourceVersion": str(version)}}
    await observation.process_discovered_namespace_event(
        raw_event={"type": type_, "object": body},  # type: ignore[typeddict-item]
        insights=insights,
        namespaces=["team*"],
    )


async def test_what_is_listed_is_taken_in_once(insights: Insights) -> None:
    assert await _show(insights, None, "team-a")
    assert insights.namespaces == {"team-a"}
    assert not await _show(insights, None, "team-a")


@pytest.mark.parametrize("type_", [None, "ADDED"])
async def test_what_does_not_match_is_not(insights: Insights, type_: str | None) -> None:
    assert not await _show(insights, type_, "other")
    assert insights.namespaces == set()


async def test_what_kopf_has_listed_itself_is_no_news(insights: Insights) -> None:
    insights.namespaces.add(NamespaceName("team-a"))
    assert not await _show(insights, None, "team-a")


async def test_one_that_is_listed_while_the_end_of_the_one_before_waits_is_served(insights: Insights) -> None:
    insights.namespaces.add(NamespaceName("team-a"))
    async with insights.revised:
        ending = asyncio.create_task(_take_in(insights, "DELETED", "team-a", 7))
        beginning = asyncio.create_task(_take_in(insights, None, "team-a", 8))
        await asyncio.sleep(0)
    await asyncio.gather(ending, beginning)
    assert insights.namespaces == {"team-a"}


async def test_what_a_watch_shows_is_taken_as_before(insights: Insights) -> None:
    assert await _show(insights, "ADDED", "team-a")
    assert await _show(insights, "DELETED", "team-a", version=6)
    assert insights.namespaces == set()


async def test_one_that_comes_again_is_served_however_late_the_end_of_the_one_before_is_taken_in(
    insights: Insights, monkeypatch: pytest.MonkeyPatch
) -> None:
    """kopf has a worker for each namespace by its uid, and all of them wait while it begins and ends watches."""

    def event(type_: str, uid: str, version: int, **status: Any) -> Any:
        metadata = {"name": "team-a", "uid": uid, "resourceVersion": str(version)}
        if status:
            metadata["deletionTimestamp"] = "2026-01-02T00:00:00Z"
        return {"type": type_, "object": {"metadata": metadata, "status": status}}

    async def shown(**_: Any) -> AsyncIterator[Any]:
        await insights.revised.acquire()
        yield event("MODIFIED", "u1", 6, conditions=[{"type": "NamespaceContentRemaining", "status": "False"}])
        await asyncio.sleep(0.01)
        yield event("DELETED", "u1", 7)
        await asyncio.sleep(0.01)
        yield event("ADDED", "u2", 8)
        await asyncio.sleep(0.01)
        insights.revised.release()
        await asyncio.Event().wait()

    monkeypatch.setattr(watching, "infinite_watch", shown)
    insights.namespaces.add(NamespaceName("team-a"))
    take_in = partial(observation.process_discovered_namespace_event, namespaces=["team*"], insights=insights)
    resource = Resource("", "v1", "namespaces", namespaced=False)
    watch = queueing.watcher(namespace=None, settings=kopf.OperatorSettings(), resource=resource, processor=take_in)
    watching_ = asyncio.create_task(watch)
    await asyncio.sleep(0.1)
    assert insights.namespaces == {"team-a"}
    watching_.cancel()
    await asyncio.gather(watching_, return_exceptions=True)
