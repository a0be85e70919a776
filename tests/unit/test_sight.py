"""How `nuvop tree --watch` ends."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from nuvop.cluster import ApiResource, Event, Listed
from nuvop.errors import NotServed, NuvopError
from nuvop.sight import Sight
from tests.unit.world import SAMPLE, cr


class Api:
    """Has one CR without children."""

    async def get(self, resource: ApiResource, namespace: str, name: str, **_: Any) -> dict[str, Any]:
        return cr(name)

    async def follow(self, resource: ApiResource, namespace: str | None, **_: Any) -> AsyncIterator[Event]:
        yield Listed([cr()] if resource == SAMPLE else [], 1)
        await asyncio.Event().wait()


@pytest.mark.parametrize("error", [BrokenPipeError("closed"), NotServed("gone", status=404)])
async def test_what_showing_it_ends_with_is_told_as_it_is(error: Exception) -> None:
    """click knows what a pipe is that `head` has closed, and not a group of errors."""

    def show(_: Any) -> None:
        raise error

    with pytest.raises((BrokenPipeError, NuvopError)) as ended:
        await Sight(cast("Any", Api()), SAMPLE, "demo", "obj").follow(show)
    assert ended.value is error
