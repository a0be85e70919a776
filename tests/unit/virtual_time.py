"""An event loop whose time passes only while all wait: a second takes no time, and is one on a busy machine too."""

import asyncio
import selectors
from collections.abc import Mapping
from typing import Any


class VirtualTime(asyncio.SelectorEventLoop):
    """An event loop for what neither reads nor writes, and waits for nothing but its own clock."""

    def __init__(self) -> None:
        self.now = 0.0
        super().__init__(_Jump(self))

    def time(self) -> float:
        return self.now


class _Jump(selectors.BaseSelector):
    """Where the loop would wait for its next timer it is that time at once."""

    def __init__(self, loop: VirtualTime) -> None:
        self._loop = loop
        self._real = selectors.DefaultSelector()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = self._real.select(0)
        if not found and timeout is None:
            raise AssertionError("all wait for something that never comes")
        self._loop.now += timeout if timeout and not found else 0
        return found

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def close(self) -> None:
        self._real.close()

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()
