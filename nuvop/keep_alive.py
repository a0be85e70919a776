"""How kopf tells its peering that this operator is there, and at the end that it is not.

kopf ends the operator where the API server refuses that, and an end would wait for an API server that is away. kopf has
no call for it, so this room reaches into kopf's own.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from kopf._cogs.clients.errors import APIError
from kopf._cogs.structs.references import Namespace
from kopf._core.engines import peering

from nuvop.errors import ClusterError
from nuvop.trouble import Trouble

LEAVE = 5.0
"""Seconds that an end waits until the peering is told. Where it is not, this operator counts as there for a minute."""

logger = logging.getLogger(__name__)


def serve() -> None:
    """Have the next operator that kopf's command runs tell so."""
    touch, clean = peering.touch, peering.clean
    troubles: dict[str, Trouble] = {}

    async def telling(*, namespace: Namespace, lifetime: int | None = None, **more: Any) -> None:
        async def tell() -> None:
            await touch(namespace=namespace, lifetime=lifetime, **more)

        if lifetime == 0:
            await _take_leave(tell, namespace)
            return
        what = f"telling {_called(namespace)} that this operator is there"
        await _tell_until_it_is_heard(tell, troubles.setdefault(what, Trouble(what)))

    async def cleaning(*, namespace: Namespace, **more: Any) -> None:
        what = f"removing from {_called(namespace)} who is gone"
        trouble = troubles.setdefault(what, Trouble(what))
        try:
            await clean(namespace=namespace, **more)
        except APIError as error:
            # With the next change of the peering. What kopf does next is to see who is there, which cannot wait.
            trouble.say(_refusal(error))
        else:
            trouble.over()

    peering.touch, peering.clean = telling, cleaning


async def _take_leave(tell: Callable[[], Awaitable[None]], namespace: Namespace) -> None:
    try:
        async with asyncio.timeout(LEAVE):
            await tell()
    except (APIError, TimeoutError) as error:
        why = _refusal(error) if isinstance(error, APIError) else "no answer in time"
        logger.warning("%s is not told that this operator ends: %s", _called(namespace), why)


async def _tell_until_it_is_heard(tell: Callable[[], Awaitable[None]], trouble: Trouble) -> None:
    while True:
        try:
            await tell()
        except APIError as error:
            await trouble.wait(_refusal(error), is_somebodys=True)
        else:
            trouble.over()
            return


def _called(namespace: Namespace) -> str:
    return f"the peering in {namespace}" if namespace else "the peering"


def _refusal(error: APIError) -> ClusterError:
    return ClusterError(f"{next(iter(error.args), 'refused')} ({error.status})", status=error.status)
