"""Work by key: one run of a key at a time, and one more if it was asked for meanwhile.

The semantics of client-go's workqueue, for asyncio.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

logger = logging.getLogger(__name__)

Key = TypeVar("Key", bound=Hashable)

PANIC_DELAY = 30.0
"""Seconds until a key is tried again whose run ended in an error that nobody foresaw."""


class WorkQueue(Generic[Key]):
    """Runs ``work(key)`` for every key that was added."""

    def __init__(self, work: Callable[[Key], Awaitable[None]]) -> None:
        """``work`` is expected to handle its errors; one that escapes is logged, and the key is tried again."""
        self._work = work
        self._running: dict[Key, asyncio.Task[None]] = {}
        self._again: set[Key] = set()
        self._delayed: dict[Key, asyncio.TimerHandle] = {}
        self._closed = False

    def add(self, key: Key, delay: float = 0.0) -> None:
        """Run a key now, or in ``delay`` seconds; an earlier time wins over a later one."""
        if self._closed:
            return
        loop = asyncio.get_running_loop()
        waiting = self._delayed.get(key)
        if delay > 0:
            when = loop.time() + delay
            if waiting is None or waiting.when() > when:
                self._cancel(key)
                self._delayed[key] = loop.call_at(when, self.add, key)
            return
        self._cancel(key)
        if key in self._running:
            self._again.add(key)
        else:
            self._running[key] = asyncio.create_task(self._run(key))

    async def close(self, grace: float) -> None:
        """Start nothing new, give what runs ``grace`` seconds, then cancel it."""
        self._closed = True
        for key in list(self._delayed):
            self._cancel(key)
        running = list(self._running.values())
        if running:
            _, late = await asyncio.wait(running, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _cancel(self, key: Key) -> None:
        waiting = self._delayed.pop(key, None)
        if waiting is not None:
            waiting.cancel()

    async def _run(self, key: Key) -> None:
        try:
            await self._work(key)
        except Exception:
            logger.exception("%s: nuvop has an error here; trying again in %g s", key, PANIC_DELAY)
            self.add(key, PANIC_DELAY)
        finally:
            del self._running[key]
            if key in self._again:
                self._again.discard(key)
                self.add(key)
