"""How `nuvop tree --watch` ends, and what it outlives."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from nuvop import sight
from nuvop.cluster import ApiResource, Event, Failing, Listed
from nuvop.errors import Forbidden, NotFound, NotServed, NuvopError
from nuvop.inventory import entry_of
from nuvop.objects import INSTANCE_LABEL
from nuvop.sight import EVENTS, Sight
from nuvop.tree import Seen
from tests.unit.world import RESOURCES, SAMPLE, cr

CHILD = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {
        "name": "obj-a",
        "namespace": "demo",
        "uid": "c1",
        "resourceVersion": "1",
        "labels": {INSTANCE_LABEL: "samples-obj"},
    },
}
WARNING = {
    "metadata": {"uid": "e1", "creationTimestamp": "2026-01-01T00:00:00Z"},
    "involvedObject": {"uid": "c1"},
    "message": "it does not start",
}


class Api:
    """Has one CR with a child, about which there is an event."""

    def __init__(self) -> None:
        self.may_list = asyncio.Event()
        self.may_list.set()
        self.cr = {**cr(), "status": {"inventory": [entry_of(CHILD).as_dict()]}}

    async def discover(self, _: str, kind: str) -> ApiResource:
        return RESOURCES[kind]

    async def get(self, resource: ApiResource, namespace: str, name: str, **_: Any) -> dict[str, Any]:
        if resource == SAMPLE:
            return self.cr
        if self.may_list.is_set():
            raise NotFound("no such object", status=404)
        raise Forbidden("no right", status=403)

    async def follow(self, resource: ApiResource, namespace: str | None, **_: Any) -> AsyncIterator[Event]:
        if not self.may_list.is_set() and resource != SAMPLE:
            yield Failing(Forbidden("no right", status=403))
            raise AssertionError("the log would say what the tree says")
        yield Listed([self.cr if resource == SAMPLE else WARNING if resource == EVENTS else CHILD], 1)
        await asyncio.Event().wait()


@pytest.mark.parametrize("error", [BrokenPipeError("closed"), NotServed("gone", status=404)])
async def test_what_showing_it_ends_with_is_told_as_it_is(error: Exception) -> None:
    """click knows what a pipe is that `head` has closed, and not a group of errors."""

    def show(_: Any) -> None:
        raise error

    with pytest.raises((BrokenPipeError, NuvopError)) as ended:
        await Sight(cast("Any", Api()), SAMPLE, "demo", "obj").follow(show)
    assert ended.value is error


async def test_what_may_not_be_listed_is_shown_once_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    """An API server that has just started refuses all that it does not know the roles for."""
    monkeypatch.setattr(sight, "ASK_AGAIN", 0.01)
    api, shown = Api(), list[Seen]()
    api.may_list.clear()

    def show(seen: Seen) -> None:
        shown.append(seen)
        api.may_list.set()

    async def until_there() -> None:
        async with asyncio.timeout(10):
            while not (shown and shown[-1].live and shown[-1].complaints):  # noqa: ASYNC110 – nobody tells
                await asyncio.sleep(0.01)

    following = asyncio.create_task(Sight(cast("Any", api), SAMPLE, "demo", "obj").follow(show))
    await until_there()
    following.cancel()
    first, last = shown[0], shown[-1]
    assert list(first.unseen.values()) == ["no right to list configmaps in demo"]
    assert first.refused == ("no right to list events in demo",)
    assert [key.name for key in last.live] == ["obj-a"]
    assert list(last.complaints) == ["c1"]
    assert (last.unseen, last.refused) == ({}, ())
