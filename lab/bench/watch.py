"""What the API server tells of some resources, and when: all times that the benchmark measures end here."""

from __future__ import annotations

import json
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from lab.bench.errors import BenchError, NotWithin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lab.bench.api import Api
    from lab.bench.workload import Body

TELL_SECONDS = 1.0


class Watch:
    """A picture of several resources, kept up to date by a watch of each from the start of the block to its end.

    Times are time.monotonic() seconds: the moment at which the benchmark had read an event.
    """

    def __init__(self, api: Api, paths: Sequence[str], is_ready: Callable[[Body], bool] = lambda _: False) -> None:
        self._api = api
        self._paths = paths
        self._is_ready = is_ready
        self._changed = threading.Condition()
        self._ends = ExitStack()
        self._failure: Exception | None = None
        self._goal: Callable[[], object] = lambda: False
        self._reached: float | None = None
        self.objects: dict[tuple[str, str], Body] = {}
        """What there is, by the path of its collection and its name."""
        self.created: dict[tuple[str, str], float] = {}
        """When each was seen for the first time, unless it was there at the start."""
        self.ready: dict[tuple[str, str], float] = {}
        """When each was seen ready for the first time."""

    def __enter__(self) -> Self:
        with ExitStack() as ends:
            for path in self._paths:
                listed = self._api.get(path)
                for body in listed["items"]:
                    self._keep(path, body, time.monotonic())
                lines = ends.enter_context(self._api.watching(path, listed["metadata"]["resourceVersion"]))
                threading.Thread(target=self._follow, args=[path, lines], daemon=True).start()
            self._ends = ends.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()

    def seconds_until(
        self,
        what: str,
        holds: Callable[[], object],
        act: Callable[[], object] = lambda: None,
        *,
        within: float,
        tell: Callable[[], object] = lambda: None,
    ) -> float:
        """Call `act`; the seconds from then to the event after which `holds()` is true.

        `holds` looks at this picture and says "not yet" before `act`. It is asked after every event, so it must be
        quick. `tell` is called every second or so; what it raises ends the waiting. Raises NotWithin.
        """
        self._aim(holds)
        start = time.monotonic()
        act()
        self._look()  # perhaps no event was needed
        while (reached := self._wait()) is None:
            if time.monotonic() > start + within:
                raise NotWithin(f"not within {within:.0f} s: {what}")
            tell()
        return reached - start

    def _aim(self, holds: Callable[[], object]) -> None:
        with self._changed:
            self._goal, self._reached = holds, None

    def _look(self) -> None:
        with self._changed:
            self._note_if_reached(time.monotonic())

    def _note_if_reached(self, now: float) -> None:
        if self._reached is None and self._goal():
            self._reached = now
            self._changed.notify()

    def _wait(self) -> float | None:
        with self._changed:
            self._changed.wait_for(lambda: self._reached is not None or self._failure is not None, TELL_SECONDS)
            if self._failure:
                raise BenchError(f"a watch failed: {self._failure!r}") from self._failure
            return self._reached

    def _follow(self, path: str, lines: Iterator[bytes]) -> None:
        try:
            for line in lines:
                now = time.monotonic()
                self._take(path, json.loads(line), now)
            raise BenchError(f"{path}: the API server ended the watch")
        except Exception as error:  # whatever it is, who waits is told
            with self._changed:
                self._failure = error
                self._changed.notify()

    def _take(self, path: str, event: Body, now: float) -> None:
        kind, body = event["type"], event["object"]
        if kind not in ("ADDED", "MODIFIED", "DELETED"):
            raise BenchError(f"{path}: {kind}: {body.get('message')}")
        with self._changed:
            if kind == "DELETED":
                self.objects.pop((path, body["metadata"]["name"]), None)
            else:
                if kind == "ADDED":
                    self.created[path, body["metadata"]["name"]] = now
                self._keep(path, body, now)
            self._note_if_reached(now)

    def _keep(self, path: str, body: Body, now: float) -> None:
        key = path, body["metadata"]["name"]
        self.objects[key] = body
        if key not in self.ready and self._is_ready(body):
            self.ready[key] = now
