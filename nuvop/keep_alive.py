"""How kopf tells its peering that this operator is there, and at the end that it is not.

kopf ends the operator where the API server refuses that, and an end would wait for an API server that is away. kopf has
no call for it, so this room reaches into kopf's own.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

from kopf._cogs.clients.errors import APIError
from kopf._cogs.structs.references import Namespace
from kopf._core.engines import peering

from nuvop.errors import ClusterError
from nuvop.trouble import Trouble

WAIT = 5.0
"""Seconds that the API server has to take in what cannot wait: an end, and what precedes a look at who else is there.
Where an end is not told, this operator counts as there for a minute."""

_may_wait: ContextVar[bool] = ContextVar("may_wait", default=False)
"""Whether what runs is kopf's task that does nothing but tell that the operator is there."""

logger = logging.getLogger(__name__)


def serve() -> None:
    """Have the next operator that kopf's command runs tell so."""
    touch, clean, keepalive = peering.touch, peering.clean, peering.keepalive
    troubles: dict[str, Trouble] = {}

    async def telling(*, namespace: Namespace, lifetime: int | None = None, **more: Any) -> None:
        async def tell() -> None:
            await touch(namespace=namespace, lifetime=lifetime, **more)

        if lifetime == 0:
            await _take_leave(tell, namespace)
            return
        what = f"telling {_called(namespace)} that this operator is there"
        trouble = troubles.setdefault(what, Trouble(what))
        if _may_wait.get():
            await _tell_until_it_is_heard(tell, trouble)
        else:
            # Others have not been heard of for long. What they tell next, and what comes of this, must be seen.
            await _in_time(tell, trouble)

    async def cleaning(*, namespace: Namespace, **more: Any) -> None:
        what = f"removing from {_called(namespace)} who is gone"

        async def remove() -> None:
            await clean(namespace=namespace, **more)

        # Else with the next change of the peering. What kopf does next is to see who is there, which cannot wait.
        await _in_time(remove, troubles.setdefault(what, Trouble(what)))

    async def keeping_alive(**more: Any) -> None:
        _may_wait.set(True)
        await keepalive(**more)

    peering.touch, peering.clean, peering.keepalive = telling, cleaning, keeping_alive  # type: ignore[assignment]  # it ends with its operator


async def _in_time(do: Callable[[], Awaitable[None]], trouble: Trouble) -> None:
    try:
        async with asyncio.timeout(WAIT):
            await do()
    except (APIError, TimeoutError) as error:
        trouble.say(_told(error))
    else:
        trouble.over()


async def _take_leave(tell: Callable[[], Awaitable[None]], namespace: Namespace) -> None:
    try:
        async with asyncio.timeout(WAIT):
            await tell()
    except (APIError, TimeoutError) as error:
        logger.warning("%s is not told that this operator ends: %s", _called(namespace), _told(error))


async def _tell_until_it_is_heard(tell: Callable[[], Awaitable[None]], trouble: Trouble) -> None:
    while True:
        try:
            await tell()
        except APIError as error:
            await trouble.wait(_told(error), is_somebodys=True)
        else:
            trouble.over()
            return


def _called(namespace: Namespace) -> str:
    return f"the peering in {namespace}" if namespace else "the peering"


def _told(error: APIError | TimeoutError) -> ClusterError:
    if isinstance(error, TimeoutError):
        return ClusterError("no answer in time")
    return ClusterError(f"{next(iter(error.args), 'refused')} ({error.status})", status=error.status)
