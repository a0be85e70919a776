"""Events against an API that is made up here: what is written when, and which warning is found."""

import asyncio
import logging
import re
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from nuvop import events, trouble
from nuvop.cluster import ApiResource, Cluster
from nuvop.errors import ClusterError, ClusterUnreachable, Conflict, Forbidden, LoginError, NotFound
from nuvop.events import News, Recorder
from nuvop.objects import Body

CR = {
    "apiVersion": "nuvolaris.org/v1",
    "kind": "Sample",
    "metadata": {"name": "one", "namespace": "demo", "uid": "u-1", "resourceVersion": "42", "generation": 3},
    "spec": {"password": "hunter2"},
}


class FakeCluster(Cluster):
    """Keeps what was created; `errors` are raised first, in order."""

    def __init__(self) -> None:
        self.created: list[Any] = []
        self.attempts = 0
        self.errors: list[Exception] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def create(self, resource: ApiResource, namespace: str, body: Body) -> Body:
        self.attempts += 1
        await self.gate.wait()
        await asyncio.sleep(0)
        if self.errors:
            raise self.errors.pop(0)
        self.created.append((resource.path(namespace), body))
        return body

    @property
    def notes(self) -> list[str]:
        return [body["note"] for _, body in self.created]


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    monkeypatch.setattr(trouble, "RETRY_DELAYS", (0.005,))
    return FakeCluster()


def news(note: str = "as it should be") -> News:
    return News("Normal", "Succeeded", "Apply", note)


def forbidden(namespace: str = "demo") -> Forbidden:
    return Forbidden(f"events is forbidden: cannot create in {namespace} (403)", status=403)


async def until(check: Callable[[], bool]) -> None:
    for _ in range(400):
        if check():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it never came")


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "nuvop.events"]


# --- writing ---------------------------------------------------------------------------------------------------------


async def test_what_an_event_says(api: FakeCluster) -> None:
    before = datetime.now(UTC)
    recorder = Recorder(api)
    recorder.tell(CR, News("Warning", "Drifted", "PutBack", "spec.replicas was changed by kubectl-edit"))
    await recorder.close()
    ((path, event),) = api.created
    assert path == "/apis/events.k8s.io/v1/namespaces/demo/events"
    name, time = event["metadata"].pop("name"), event.pop("eventTime")
    assert re.fullmatch(r"one\.[0-9a-f]{16}", name)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", time)
    assert before <= datetime.fromisoformat(time) <= datetime.now(UTC)
    assert event == {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"namespace": "demo"},
        "reportingController": "nuvop.nuvolaris.org/operator",
        "reportingInstance": socket.gethostname(),
        "type": "Warning",
        "reason": "Drifted",
        "action": "PutBack",
        "note": "spec.replicas was changed by kubectl-edit",
        "regarding": {
            "apiVersion": "nuvolaris.org/v1",
            "kind": "Sample",
            "namespace": "demo",
            "name": "one",
            "uid": "u-1",
            "resourceVersion": "42",
        },
    }


async def test_the_time_is_that_of_the_telling(api: FakeCluster) -> None:
    api.gate.clear()
    recorder = Recorder(api)
    for note in "ab":
        recorder.tell(CR, news(note))
    told = datetime.now(UTC)
    await asyncio.sleep(0.03)
    api.gate.set()
    await recorder.close()
    assert all(datetime.fromisoformat(event["eventTime"]) <= told for _, event in api.created)


@pytest.mark.parametrize(
    ("note", "kept"),
    [
        ("x" * 1024, "x" * 1024),
        ("x" * 1025, "x" * 1021 + "…"),
        ("é" * 600, "é" * 510 + "…"),
        ("broken \udcff", "broken ?"),
        ("two\nlines", "two\nlines"),
    ],
)
async def test_a_long_note_is_cut_to_what_the_api_server_takes(api: FakeCluster, note: str, kept: str) -> None:
    recorder = Recorder(api)
    recorder.tell(CR, news(note))
    await recorder.close()
    assert api.notes == [kept]
    assert len(kept.encode()) <= 1024


@pytest.mark.parametrize("name", ["n" * 253, "n" * 235 + "." + "n" * 17, "n" * 234 + "-." + "n" * 17])
async def test_a_long_name_stays_a_valid_one(api: FakeCluster, name: str) -> None:
    recorder = Recorder(api)
    recorder.tell({**CR, "metadata": {**CR["metadata"], "name": name}}, news())  # type: ignore[dict-item]
    await recorder.close()
    ((_, event),) = api.created
    assert len(event["metadata"]["name"]) <= 253
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", event["metadata"]["name"])
    assert event["regarding"]["name"] == name


async def test_events_are_written_in_order_and_under_names_of_their_own(api: FakeCluster) -> None:
    recorder = Recorder(api)
    notes = [str(number) for number in range(200)]
    for note in notes:
        recorder.tell(CR, news(note))
    await recorder.close()
    assert api.notes == notes
    assert len({event["metadata"]["name"] for _, event in api.created}) == 200


async def test_telling_does_not_wait(api: FakeCluster) -> None:
    api.gate.clear()
    recorder = Recorder(api)
    recorder.tell(CR, news())
    await asyncio.sleep(0.02)
    assert (api.attempts, api.created) == (1, [])
    api.gate.set()
    await until(lambda: len(api.created) == 1)
    recorder.tell(CR, news("more"))
    await until(lambda: len(api.created) == 2)
    await asyncio.sleep(0.01)
    assert asyncio.all_tasks() == {asyncio.current_task()}, "nothing runs while there is nothing to write"


async def test_too_many_at_once(api: FakeCluster, caplog: pytest.LogCaptureFixture) -> None:
    api.gate.clear()
    recorder = Recorder(api)
    recorder.tell(CR, news("first"))
    await asyncio.sleep(0.01)  # on its way
    for number in range(1007):
        recorder.tell(CR, news(str(number)))
    api.gate.set()
    await until(lambda: len(api.created) == 1001)
    assert api.notes == ["first", *(str(number) for number in range(7, 1007))], "the oldest go"
    await until(lambda: bool(caplog.records))
    assert lines(caplog) == ["too many Events at once; dropped: 7"]
    recorder.tell(CR, news("later"))
    await recorder.close()
    assert api.notes[-1] == "later"
    assert len(lines(caplog)) == 1, "it is said once"


@pytest.mark.parametrize(
    "make",
    [
        lambda number: forbidden(f"ns-{number}"),
        lambda number: NotFound(f'namespaces "ns-{number}" not found (404)', status=404),
        lambda number: Conflict(f"number {number} (422)", status=422),
        lambda number: ClusterError(f"number {number} (400)", status=400),
    ],
    ids=["forbidden", "no namespace", "invalid", "anything else"],
)
async def test_a_refusal_is_said_once(
    api: FakeCluster, caplog: pytest.LogCaptureFixture, make: Callable[[int], Exception]
) -> None:
    api.errors = [make(number) for number in range(50)]
    recorder = Recorder(api)
    for _ in range(51):
        recorder.tell(CR, news())
    await recorder.close()
    assert api.attempts == 51, "what is refused is not tried again"
    assert len(api.created) == 1
    (line,) = lines(caplog)
    assert line == f"Events cannot be written: {make(0)} (said once)"


async def test_each_kind_of_refusal_is_said(api: FakeCluster, caplog: pytest.LogCaptureFixture) -> None:
    ending = Forbidden("events is forbidden: unable to create in x because it is being terminated (403)", status=403)
    api.errors = [ending, forbidden(), ClusterError("a (400)", status=400), ClusterError("b (413)", status=413)]
    api.errors *= 2
    recorder = Recorder(api)
    for _ in range(8):
        recorder.tell(CR, news())
    await recorder.close()
    assert len(lines(caplog)) == 4


@pytest.mark.parametrize("error", [ClusterUnreachable("no answer"), LoginError("no token")])
async def test_an_api_server_that_comes_back_gets_the_events(
    api: FakeCluster, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    api.errors = [error] * 4
    recorder = Recorder(api)
    recorder.tell(CR, news("a"))
    recorder.tell(CR, news("b"))
    await until(lambda: len(api.created) == 2)
    assert api.notes == ["a", "b"]
    assert lines(caplog) == [f"Events cannot be written: {error} (said once)"]


async def test_an_api_server_that_stays_away_does_not_hold_all_up(api: FakeCluster) -> None:
    api.errors = [ClusterUnreachable("no answer")] * 5
    recorder = Recorder(api)
    recorder.tell(CR, news("a"))
    recorder.tell(CR, news("b"))
    await until(lambda: len(api.created) == 1)
    assert api.notes == ["b"]


async def test_an_attempt_whose_answer_was_lost_is_no_trouble(
    api: FakeCluster, caplog: pytest.LogCaptureFixture
) -> None:
    api.errors = [ClusterUnreachable("cut off"), Conflict("already exists (409)", status=409)]
    recorder = Recorder(api)
    recorder.tell(CR, news())
    await recorder.close()
    assert api.attempts == 2
    assert lines(caplog) == ["Events cannot be written: cut off (said once)"]


async def test_one_name_through_all_attempts(api: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    names = []
    create = api.create

    async def noting(resource: ApiResource, namespace: str, body: Body) -> Body:
        names.append(body["metadata"]["name"])
        return await create(resource, namespace, body)

    monkeypatch.setattr(api, "create", noting)
    api.errors = [ClusterUnreachable("cut off")]
    recorder = Recorder(api)
    recorder.tell(CR, news())
    await recorder.close()
    assert len(names) == 2
    assert len(set(names)) == 1


@pytest.mark.parametrize("trouble", [ValueError("not foreseen"), None])
async def test_an_error_of_nuvops_own_hits_one_event_only(
    api: FakeCluster, caplog: pytest.LogCaptureFixture, trouble: Exception | None
) -> None:
    recorder = Recorder(api)
    if trouble is not None:
        api.errors = [trouble]
        recorder.tell(CR, news())
    else:
        recorder.tell({"metadata": {}}, news())
    recorder.tell(CR, news("next"))
    await recorder.close()
    assert api.notes == ["next"]
    (record,) = caplog.records
    assert (record.levelno, record.getMessage()) == (logging.ERROR, "writing an Event: nuvop has an error here")
    assert record.exc_info is not None


async def test_closing_does_not_wait_for_ever(
    api: FakeCluster, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(events, "END_GRACE", 0.05)
    api.gate.clear()
    recorder = Recorder(api)
    for _ in range(3):
        recorder.tell(CR, news())
    await asyncio.sleep(0)
    await asyncio.wait_for(recorder.close(), 1)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert lines(caplog) == ["the operator stops; Events that were not written: 3"]


async def test_nothing_is_written_after_closing(api: FakeCluster) -> None:
    recorder = Recorder(api)
    await recorder.close()
    recorder.tell(CR, news())
    await asyncio.sleep(0.02)
    assert api.attempts == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}
