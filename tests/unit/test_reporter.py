"""What is written into a CR's status, when, and what is told beside it."""

import logging
from collections.abc import Collection
from dataclasses import replace
from typing import Any, cast

import pytest

from nuvop import fights, reporter
from nuvop.cluster import ApiResource
from nuvop.errors import ClusterError, ClusterUnreachable, Conflict, Forbidden, NotFound
from nuvop.events import News
from nuvop.metrics import Metrics
from nuvop.objects import Body, CRKey
from nuvop.record import Record
from nuvop.reporter import PROGRESS_PAUSE, Reporter
from nuvop.status import Also, Aspect, Phase, Reason, Verdict

KEY = CRKey("samples", "demo", "obj")
SAMPLE = ApiResource("nuvolaris.org", "v1", "samples", "Sample")
READY = Verdict(1, Phase.READY, Reason.SUCCEEDED, "3 objects are ready")
WAITING = Verdict(1, Phase.IN_PROGRESS, Reason.PROGRESSING, "Deployment/web: 0 of 3 replicas are available")
FURTHER = replace(WAITING, message="Deployment/web: 2 of 3 replicas are available")
FAILED = Verdict(1, Phase.STALLED, Reason.APPLY_FAILED, "denied")
MISFIT = ClusterError("status.replicas: Invalid value: 'string'", status=422)


class Clock:
    """The time, which stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now


class Api:
    """Keeps one CR; and the Events that were told of it."""

    def __init__(self) -> None:
        self.version = 10
        self.attempts = 0
        self.written: list[dict[str, Any]] = []
        self.error: Exception | None = None
        self.refuses = ""
        """A field that does not fit the CRD."""
        self.loses_answers = False
        """Whether what is written is not answered."""
        self.news: list[News] = []

    async def write_status(
        self, resource: ApiResource, body: Body, status: dict[str, Any], beside: Collection[str]
    ) -> Body:
        assert resource == SAMPLE
        self.attempts += 1
        if self.error:
            raise self.error
        if self.refuses in status:
            raise MISFIT
        self.written.append({name: value for name, value in status.items() if name not in beside})
        self.version += 1
        if self.loses_answers:
            raise ClusterUnreachable("the connection was reset")
        return {**body, "metadata": {**body["metadata"], "resourceVersion": str(self.version)}, "status": status}

    def tell(self, body: Body, news: News) -> None:
        self.news.append(news)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(reporter, "time", made)
    return made


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def told(clock: Clock, api: Api, metrics: Metrics) -> Reporter:
    return Reporter(cast("Any", api), cast("Any", api), metrics)


@pytest.fixture
def record() -> Record:
    metadata = {"name": "obj", "namespace": "demo", "uid": "u1", "generation": 1, "resourceVersion": "5"}
    return Record.of({"metadata": metadata, "status": {"observedGeneration": -1}}, 0.0)


def show(record: Record, version: int, **more: Any) -> None:
    """Show a newer state of the CR, as a watch does."""
    record.take({**record.body, **more, "metadata": {**record.body["metadata"], "resourceVersion": str(version)}})


def phases(metrics: Metrics) -> dict[str, float | None]:
    value = metrics.registry.get_sample_value
    return {phase: value("nuvop_resources", {"kind": "samples", "phase": phase}) for phase in Phase}


async def test_a_refused_prune_is_counted_until_it_is_refused_no_more(
    told: Reporter, record: Record, metrics: Metrics
) -> None:
    """Also by an operator that finds it refused, and after somebody has confirmed it."""
    also = Also(Aspect.PRUNE_BLOCKED, Reason.PRUNE_REFUSED, "26 of 39 would go")
    failed = replace(also, reason=Reason.PRUNE_FAILED)
    for what, blocked in (((also,), 1), ((failed,), 0), ((also,), 1), ((), 0)):
        await told.tell(KEY, SAMPLE, record, replace(READY, also=what))
        assert metrics.registry.get_sample_value("nuvop_prune_blocked", {"kind": "samples"}) == blocked


# --- what is written -------------------------------------------------------------------------------------------------


async def test_a_verdict_is_written_as_a_whole_status(told: Reporter, api: Api, record: Record) -> None:
    assert await told.tell(KEY, SAMPLE, record, replace(READY, reported={"replicas": 3}, handled="now")) == 0
    (written,) = api.written
    assert written["observedGeneration"] == 1
    assert written["replicas"] == 3
    assert written["lastHandledReconcileAt"] == "now"
    assert [(c["type"], c["status"], c["lastTransitionTime"]) for c in written["conditions"]] == [
        ("Ready", "True", "1970-01-01T00:16:40Z")
    ]
    assert record.status == written


async def test_nothing_is_written_where_nothing_is_new(told: Reporter, api: Api, record: Record, clock: Clock) -> None:
    await told.tell(KEY, SAMPLE, record, READY)
    clock.now += 3600
    assert await told.tell(KEY, SAMPLE, record, READY) == 0
    assert len(api.written) == 1
    assert len(api.news) == 1


def show_theirs(record: Record, version: int, **theirs: Any) -> None:
    """Show the CR after others have written fields of its status."""
    told: dict[str, Any] = {"f:status": {f"f:{name}": {} for name in theirs}}
    entry = {"manager": "kopf", "operation": "Update", "subresource": "status", "fieldsV1": told}
    metadata = {**record.body["metadata"], "resourceVersion": str(version), "managedFields": [entry]}
    record.take({"metadata": metadata, "status": {**record.status, **theirs}})


async def test_what_others_write_beside_it_stays_and_is_no_fight(
    told: Reporter, api: Api, record: Record, clock: Clock
) -> None:
    for api.version in range(100, 140, 2):
        show_theirs(record, api.version, lastBackup=f"{api.version}")
        verdict = replace(READY, message=f"{api.version}", beside=record.beside)
        assert await told.tell(KEY, SAMPLE, record, verdict) == 0
        clock.now += 1
    assert len(api.written) == 20
    assert not any("lastBackup" in written for written in api.written)
    assert record.status["lastBackup"] == "138"


async def test_an_operator_that_is_started_anew_writes_nothing(
    told: Reporter, api: Api, record: Record, clock: Clock
) -> None:
    await told.tell(KEY, SAMPLE, record, READY)
    clock.now += 3600
    other, metrics = Api(), Metrics()
    await Reporter(cast("Any", other), cast("Any", other), metrics).tell(KEY, SAMPLE, Record.of(record.body, 0), READY)
    assert (other.written, other.news) == ([], [])
    assert phases(metrics)["Ready"] == 1


async def test_the_api_servers_answer_is_what_is_known_of_the_cr(told: Reporter, api: Api, record: Record) -> None:
    await told.tell(KEY, SAMPLE, record, READY)
    assert record.body["metadata"]["resourceVersion"] == "11"


async def test_an_answer_that_is_older_than_what_is_known_changes_nothing(
    told: Reporter, api: Api, record: Record
) -> None:
    show(record, 100, spec={"count": 7})
    await told.tell(KEY, SAMPLE, record, READY)
    assert record.body["metadata"]["resourceVersion"] == "100"
    assert record.body["spec"] == {"count": 7}


# --- when ------------------------------------------------------------------------------------------------------------


async def test_mere_progress_is_told_after_a_pause(told: Reporter, api: Api, record: Record, clock: Clock) -> None:
    await told.tell(KEY, SAMPLE, record, WAITING)
    clock.now += 0.1
    assert await told.tell(KEY, SAMPLE, record, FURTHER) == pytest.approx(PROGRESS_PAUSE - 0.1)
    assert len(api.written) == 1
    clock.now += PROGRESS_PAUSE
    assert await told.tell(KEY, SAMPLE, record, FURTHER) == 0
    assert api.written[-1]["conditions"][0]["message"] == FURTHER.message


@pytest.mark.parametrize(
    "verdict",
    [
        READY,
        FAILED,
        replace(WAITING, reason=Reason.RETRYING),
        replace(WAITING, also=(Also(Aspect.DRIFTED, Reason.DRIFTED, "x"),)),
    ],
)
async def test_what_is_more_than_progress_is_told_at_once(
    told: Reporter, api: Api, record: Record, verdict: Verdict
) -> None:
    await told.tell(KEY, SAMPLE, record, WAITING)
    assert await told.tell(KEY, SAMPLE, record, verdict) == 0
    assert len(api.written) == 2


async def test_a_new_generation_is_told_at_once(told: Reporter, api: Api, record: Record) -> None:
    await told.tell(KEY, SAMPLE, record, WAITING)
    await told.tell(KEY, SAMPLE, record, replace(WAITING, generation=2))
    assert len(api.written) == 2


async def test_what_a_cr_that_is_ready_reports_is_told_at_once(told: Reporter, api: Api, record: Record) -> None:
    await told.tell(KEY, SAMPLE, record, replace(READY, reported={"replicas": 1}))
    await told.tell(KEY, SAMPLE, record, replace(READY, reported={"replicas": 2}))
    assert len(api.written) == 2


def overwrite(api: Api, record: Record) -> None:
    """Have somebody else write the status, another nuvop say."""
    api.version += 1
    show(record, api.version, status={"observedGeneration": 1, "conditions": []})


async def test_two_that_write_one_status_do_so_later_and_later(
    told: Reporter, api: Api, record: Record, clock: Clock
) -> None:
    await told.tell(KEY, SAMPLE, record, READY)
    for _ in range(fights.ROUNDS):
        overwrite(api, record)
        assert await told.tell(KEY, SAMPLE, record, READY) == 0
        clock.now += 1
    overwrite(api, record)
    written = len(api.written)
    assert await told.tell(KEY, SAMPLE, record, READY) == pytest.approx(fights.DELAY_FIRST - 1)
    assert len(api.written) == written == 1 + fights.ROUNDS
    clock.now += fights.DELAY_FIRST
    assert await told.tell(KEY, SAMPLE, record, READY) == 0
    overwrite(api, record)
    assert await told.tell(KEY, SAMPLE, record, READY) == pytest.approx(2 * fights.DELAY_FIRST)


async def test_what_nuvop_itself_has_to_say_often_is_no_fight(told: Reporter, api: Api, record: Record) -> None:
    for number in range(3 * fights.ROUNDS):
        verdict = replace(READY, reported={"replicas": number})
        assert await told.tell(KEY, SAMPLE, record, verdict) == 0
    assert len(api.written) == 3 * fights.ROUNDS


async def test_a_fight_over_one_cr_holds_up_no_other(told: Reporter, api: Api, record: Record) -> None:
    other = Record.of(record.body, 0.0)
    await told.tell(KEY, SAMPLE, record, READY)
    for _ in range(fights.ROUNDS):
        overwrite(api, record)
        await told.tell(KEY, SAMPLE, record, READY)
    await told.tell(replace(KEY, name="other"), SAMPLE, other, READY)
    overwrite(api, other)
    assert await told.tell(replace(KEY, name="other"), SAMPLE, other, READY) == 0


# --- what goes wrong -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        NotFound("gone", status=404),
        Conflict("another generation", status=422),
        ClusterUnreachable("away"),
        Forbidden("no", status=403),
        ClusterError("a webhook failed", status=500),
    ],
)
async def test_what_the_api_server_answers_goes_up(
    told: Reporter, api: Api, record: Record, error: ClusterError
) -> None:
    api.error = error
    with pytest.raises(type(error), match=str(error)):
        await told.tell(KEY, SAMPLE, record, replace(READY, reported={"replicas": 3}))
    assert api.attempts == 1
    assert api.news == []
    api.error = None
    assert await told.tell(KEY, SAMPLE, record, WAITING) == 0, "what was not written is no reason to wait"
    assert len(api.written) == 1


async def test_what_children_report_and_does_not_fit_the_crd_is_told_without_it(
    told: Reporter, api: Api, record: Record, metrics: Metrics
) -> None:
    api.refuses = "replicas"
    also = (Also(Aspect.DRIFTED, Reason.DRIFTED, "somebody changed it"),)
    verdict = replace(READY, reported={"replicas": "three"}, handled="now", also=also)
    assert await told.tell(KEY, SAMPLE, record, verdict) == 0
    (written,) = api.written
    assert [(c["type"], c["status"], c["reason"]) for c in written["conditions"]] == [
        ("Ready", "False", "KindInvalid"),
        ("Stalled", "True", "KindInvalid"),
        ("Drifted", "True", "Drifted"),
    ]
    assert written["conditions"][0]["message"] == f"kind.yaml: status: {MISFIT}"
    assert "replicas" not in written
    assert written["lastHandledReconcileAt"] == "now", "it was applied all the same"
    assert phases(metrics) == {"Ready": 0, "InProgress": 0, "Stalled": 1}
    await told.tell(KEY, SAMPLE, record, verdict)
    assert len(api.written) == 1
    assert [news.reason for news in api.news] == ["KindInvalid"]


async def test_a_status_that_does_not_fit_for_another_reason_goes_up(told: Reporter, api: Api, record: Record) -> None:
    api.error = MISFIT
    with pytest.raises(ClusterError, match="Invalid value"):
        await told.tell(KEY, SAMPLE, record, READY)


async def lose_the_answer(told: Reporter, api: Api, record: Record, verdict: Verdict) -> None:
    """Have a status written, the answer lost, and a watch show it before it is told again."""
    api.loses_answers = True
    with pytest.raises(ClusterUnreachable):
        await told.tell(KEY, SAMPLE, record, verdict)
    api.loses_answers = False
    show(record, api.version, status={**api.written[-1], **record.beside})


async def test_what_was_written_is_told_though_the_answer_was_lost(
    told: Reporter, api: Api, record: Record, caplog: pytest.LogCaptureFixture
) -> None:
    await told.tell(KEY, SAMPLE, record, READY)
    await lose_the_answer(told, api, record, FAILED)
    assert [news.reason for news in api.news] == ["Succeeded"]
    for _ in range(2):
        assert await told.tell(KEY, SAMPLE, record, FAILED) == 0
    assert len(api.written) == 2, "it is there"
    assert [news.reason for news in api.news] == ["Succeeded", "ApplyFailed"]
    assert [one.getMessage() for one in caplog.records] == ["samples/obj in demo: Ready: ApplyFailed: denied"]


async def test_so_it_is_where_there_is_more_to_say_by_then(told: Reporter, api: Api, record: Record) -> None:
    await told.tell(KEY, SAMPLE, record, READY)
    await lose_the_answer(told, api, record, FAILED)
    await told.tell(KEY, SAMPLE, record, READY)
    assert [news.reason for news in api.news] == ["Succeeded", "ApplyFailed", "Succeeded"]


async def test_a_write_whose_answer_is_lost_is_no_fight(told: Reporter, api: Api, record: Record, clock: Clock) -> None:
    for _ in range(fights.ROUNDS + 1):
        await lose_the_answer(told, api, record, replace(FAILED, beside=record.beside))
        api.version += 1
        show_theirs(record, api.version, lastBackup=f"{api.version}")
        assert await told.tell(KEY, SAMPLE, record, replace(READY, beside=record.beside)) == 0
        clock.now += 1


# --- what is told beside it ------------------------------------------------------------------------------------------


async def test_a_change_is_told_in_one_event_and_its_repetition_in_none(
    told: Reporter, api: Api, record: Record, clock: Clock
) -> None:
    for verdict in (FAILED, replace(FAILED, message="denied again"), READY, READY, FAILED):
        clock.now += 60
        await told.tell(KEY, SAMPLE, record, verdict)
    assert [(news.type, news.reason, news.note) for news in api.news] == [
        ("Warning", "ApplyFailed", "denied"),
        ("Normal", "Succeeded", "3 objects are ready"),
        ("Warning", "ApplyFailed", "denied"),
    ]


async def test_that_a_new_cr_is_not_ready_yet_is_no_event(told: Reporter, api: Api, record: Record) -> None:
    await told.tell(KEY, SAMPLE, record, WAITING)
    assert len(api.written) == 1
    assert api.news == []


async def test_what_is_bad_is_logged_as_a_warning(
    told: Reporter, record: Record, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await told.tell(KEY, SAMPLE, record, FAILED)
    await told.tell(KEY, SAMPLE, record, READY)
    assert [(one.levelname, one.getMessage()) for one in caplog.records] == [
        ("WARNING", "samples/obj in demo: Ready: ApplyFailed: denied"),
        ("INFO", "samples/obj in demo: Ready: Succeeded: 3 objects are ready"),
    ]


async def test_news_are_told_as_they_are(told: Reporter, api: Api, record: Record) -> None:
    news = News("Normal", "Pruned", "Prune", "Service/web is no longer part of the kind")
    told.news(record, news)
    assert api.news == [news]
    assert api.written == []


async def test_a_cr_counts_once_in_the_metric_until_it_is_gone(
    told: Reporter, api: Api, record: Record, metrics: Metrics
) -> None:
    for verdict in (WAITING, FURTHER, READY, READY):
        await told.tell(KEY, SAMPLE, record, verdict)
    assert phases(metrics) == {"Ready": 1, "InProgress": 0, "Stalled": 0}
    told.forget(KEY)
    assert phases(metrics) == {"Ready": 0, "InProgress": 0, "Stalled": 0}
