"""Whether the operator is alive and ready, as a probe asks it
(https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/).

The answer has a line for each check, as the API server's own has them
(https://kubernetes.io/docs/reference/using-api/health-checks/).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import Any

from nuvop.web import Page

PATIENCE = 5.0
"""Seconds in which the event loop has to answer: nothing in it may take that long."""


@dataclass(frozen=True)
class Check:
    """One thing that was looked at; ``trouble`` is empty where it is well."""

    name: str
    trouble: str = ""

    def __str__(self) -> str:
        return f"[-]{self.name} failed: {self.trouble}" if self.trouble else f"[+]{self.name} ok"


Checks = Callable[[], Awaitable[Sequence[Check]]]


def page(loop: asyncio.AbstractEventLoop, checks: Checks) -> Page:
    """A page that says 200 where all checks are well, 503 otherwise. It is asked from other threads than the loop's."""

    def answer(_: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        found = _asked(loop, checks)
        is_well = not any(check.trouble for check in found)
        start("200 OK" if is_well else "503 Service Unavailable", [("Content-Type", "text/plain; charset=utf-8")])
        return ["".join(f"{check}\n" for check in found).encode()]

    return answer


async def alive() -> list[Check]:
    """The checks of one who lives: the event loop comes to answer."""
    return [Check("loop")]


def _asked(loop: asyncio.AbstractEventLoop, checks: Checks) -> Sequence[Check]:
    async def look() -> Sequence[Check]:
        return await checks()

    asked = asyncio.run_coroutine_threadsafe(look(), loop)
    try:
        return asked.result(PATIENCE)
    except TimeoutError:
        asked.cancel()
        return [Check("loop", f"it has not answered in {PATIENCE:g} s")]
    except CancelledError:
        return [Check("loop", "the operator ends")]
