"""What becomes of an operator of a peering that it cannot tell that it is there."""

# ruff: noqa: ASYNC110 – what is waited for sets no event

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import kopf
import pytest
from kopf._cogs.clients import patching
from kopf._cogs.clients.errors import APIConflictError
from kopf._cogs.structs.references import NamespaceName, Resource
from kopf._core.engines import peering
from kopf._core.engines.peering import Identity, Peer

from nuvop import keep_alive

PEERING = Resource("kopf.dev", "v1", "kopfpeerings", namespaced=True)
DEMO = NamespaceName("demo")

Patch = Callable[[], Awaitable[None]]


@pytest.fixture
def patches(monkeypatch: pytest.MonkeyPatch) -> list[Patch]:
    """What becomes of each patch of the peering; the last one is repeated."""
    answers: list[Patch] = []

    async def patch_obj(**_: Any) -> tuple[dict[str, Any], None]:
        await (answers.pop(0) if len(answers) > 1 else answers[0])()
        return {}, None

    monkeypatch.setattr(patching, "patch_obj", patch_obj)
    monkeypatch.setattr(peering, "touch", peering.touch)
    monkeypatch.setattr(peering, "clean", peering.clean)
    monkeypatch.setattr(peering, "keepalive", peering.keepalive)
    monkeypatch.setattr(keep_alive, "WAIT", 0.05)
    keep_alive.serve()
    return answers


async def works() -> None:
    """The API server takes it in."""


async def hangs() -> None:
    """As kopf does while the API server is away, or there is no right."""
    await asyncio.Event().wait()


async def refuses() -> None:
    raise APIConflictError({"message": "no, says the webhook"}, status=409, headers={})  # type: ignore[arg-type]  # all that counts


def keeping_alive() -> "asyncio.Task[None]":
    settings = kopf.OperatorSettings()
    settings.peering.stealth = True
    return asyncio.create_task(
        peering.keepalive(namespace=DEMO, resource=PEERING, identity=Identity("me"), settings=settings)
    )


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


async def until(is_so: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not is_so():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("last", "why"), [(hangs, "no answer in time"), (refuses, "no, says the webhook (409)"), (works, "")]
)
async def test_an_end_does_not_wait_for_the_peering(
    patches: list[Patch], caplog: pytest.LogCaptureFixture, last: Patch, why: str
) -> None:
    """One who is not told takes the operator for gone a minute later."""
    patches += [works, last]
    running = keeping_alive()
    await until(lambda: len(patches) == 1)
    running.cancel()
    async with asyncio.timeout(5):
        await asyncio.gather(running, return_exceptions=True)
    assert said(caplog) == ([f"the peering in demo is not told that this operator ends: {why}"] if why else [])


@pytest.mark.usefixtures("impatient")
async def test_a_refusal_is_waited_out(patches: list[Patch], caplog: pytest.LogCaptureFixture) -> None:
    """A webhook's, say. kopf would end the operator."""
    patches += [refuses, refuses, works, works]
    running = keeping_alive()
    await until(lambda: running.done() or "works again" in caplog.text)
    assert not running.done()
    running.cancel()
    told = "telling the peering in demo that this operator is there"
    assert said(caplog) == [f"{told}: no, says the webhook (409); trying again until it works", f"{told}: works again"]


@pytest.mark.parametrize(("first", "why"), [(refuses, "no, says the webhook (409)"), (hangs, "no answer in time")])
async def test_who_is_gone_is_removed_another_time(
    patches: list[Patch], caplog: pytest.LogCaptureFixture, first: Patch, why: str
) -> None:
    """Whoever is there by then counts at once: this operator may have to stand still."""
    patches += [first, first, works]
    async with asyncio.timeout(5):
        for _ in range(3):
            await peering.clean(
                peers=[Peer(identity=Identity("gone"))],
                settings=kopf.OperatorSettings(),
                resource=PEERING,
                namespace=DEMO,
            )
    told = "removing from the peering in demo who is gone"
    assert said(caplog) == [f"{told}: {why}; trying again until it works", f"{told}: works again"]


@pytest.mark.parametrize("fails", [refuses, hangs])
async def test_who_looks_for_others_does_not_wait_until_it_is_heard_itself(patches: list[Patch], fails: Patch) -> None:
    """What others tell next would not be seen."""
    patches += [fails]
    async with asyncio.timeout(5):
        await peering.touch(identity=Identity("me"), settings=kopf.OperatorSettings(), resource=PEERING, namespace=DEMO)
