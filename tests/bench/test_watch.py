import json
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import pytest

from lab.bench.errors import BenchError, NotWithin
from lab.bench.watch import Watch
from lab.bench.workload import is_ready

if TYPE_CHECKING:
    from lab.bench.api import Api

PATH, OTHER = "apis/x/v1/things", "api/v1/others"


def body(name: str, status: str = "Unknown") -> dict[str, Any]:
    return {
        "metadata": {"name": name, "generation": 1},
        "status": {"conditions": [{"type": "Ready", "status": status}]},
    }


class FakeApi:
    """An API server whose events are put by the test; None ends a watch."""

    def __init__(self, *listed: dict[str, Any]) -> None:
        self.listed = list(listed)
        self.lines: dict[str, queue.Queue[bytes | None]] = {PATH: queue.Queue(), OTHER: queue.Queue()}

    def get(self, path: str) -> dict[str, Any]:
        return {"metadata": {"resourceVersion": "7"}, "items": self.listed if path == PATH else []}

    @contextmanager
    def watching(self, path: str, resource_version: str) -> Iterator[Iterator[bytes]]:
        assert resource_version == "7"
        yield cast("Iterator[bytes]", iter(self.lines[path].get, None))
        self.lines[path].put(None)

    def tell(self, kind: str, obj: dict[str, Any], path: str = PATH) -> None:
        self.lines[path].put(json.dumps({"type": kind, "object": obj}).encode())


def wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.001)


def watch(api: FakeApi, *paths: str) -> Watch:
    return Watch(cast("Api", api), paths or [PATH], is_ready)


def test_the_time_ends_with_the_event_that_made_it_true() -> None:
    api, seen_at = FakeApi(), [0.0]

    def tell() -> None:
        api.tell("ADDED", body("a", "True"))
        wait_until(lambda: (PATH, "a") in seen.ready)
        seen_at[0] = time.monotonic()

    with watch(api) as seen:
        timer = threading.Timer(0.2, tell)
        begun = time.monotonic()
        seconds = seen.seconds_until("ready", lambda: (PATH, "a") in seen.ready, timer.start, within=60)
        timer.join()
    assert 0.2 <= seconds <= seen_at[0] - begun


def test_an_event_during_the_act_counts_when_it_comes() -> None:
    api = FakeApi()

    seen_at = [0.0]

    def act() -> None:
        api.tell("ADDED", body("a", "True"))
        wait_until(lambda: len(seen.ready) == 1)
        seen_at[0] = time.monotonic()
        time.sleep(0.3)

    with watch(api) as seen:
        begun = time.monotonic()
        seconds = seen.seconds_until("ready", lambda: len(seen.ready) == 1, act, within=60)
    assert seconds <= seen_at[0] - begun


def test_latency_is_from_the_first_event_to_the_first_ready() -> None:
    api = FakeApi()
    with watch(api) as seen:
        api.tell("ADDED", body("a"))
        wait_until(lambda: (PATH, "a") in seen.created)
        for status in ("True", "False", "True"):
            threading.Timer(0.1, api.tell, ["MODIFIED", body("a", status)]).start()
        seen.seconds_until("ready", lambda: len(seen.ready) == 1, within=60)
        first = seen.ready[PATH, "a"]
        api.tell("MODIFIED", body("a", "True") | {"last": True})
        seen.seconds_until("the last event", lambda: "last" in seen.objects[PATH, "a"], within=60)
    assert first - seen.created[PATH, "a"] >= 0.1
    assert seen.ready[PATH, "a"] == first


def test_what_was_there_before_was_not_created_now() -> None:
    with watch(FakeApi(body("a", "True"))) as seen:
        assert (PATH, "a") in seen.objects
        assert (PATH, "a") in seen.ready
        assert seen.created == {}


def test_several_resources_are_one_picture() -> None:
    api = FakeApi(body("a"))
    with watch(api, PATH, OTHER) as seen:
        api.tell("DELETED", body("a"))
        api.tell("ADDED", body("b"), OTHER)
        seen.seconds_until("both events", lambda: set(seen.objects) == {(OTHER, "b")}, within=60)


def test_what_does_not_come_true_is_told() -> None:
    with watch(FakeApi()) as seen, pytest.raises(NotWithin, match="never"):
        seen.seconds_until("never", lambda: False, within=0)


def test_what_is_told_meanwhile_may_end_the_waiting() -> None:
    def tell() -> None:
        raise BenchError("it has ended")

    with watch(FakeApi()) as seen, pytest.raises(BenchError, match="it has ended"):
        seen.seconds_until("never", lambda: False, within=60, tell=tell)


def test_an_error_of_the_watch_is_an_error() -> None:
    api = FakeApi()
    with watch(api) as seen:
        api.tell("ERROR", {"message": "too old resource version"})
        with pytest.raises(BenchError, match="too old resource version"):
            seen.seconds_until("never", lambda: False, within=60)


def test_an_end_of_the_watch_is_an_error() -> None:
    api = FakeApi()
    with watch(api) as seen:
        api.lines[PATH].put(None)
        with pytest.raises(BenchError, match="ended the watch"):
            seen.seconds_until("never", lambda: False, within=60)


def test_a_mistake_of_the_question_is_told_to_who_waits() -> None:
    api = FakeApi()
    with watch(api) as seen:
        threading.Timer(0.1, api.tell, ["ADDED", body("a")]).start()
        with pytest.raises(BenchError, match="KeyError"):
            seen.seconds_until("never", lambda: seen.objects and seen.objects["b", "b"], within=60)
