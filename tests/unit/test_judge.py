"""How far a CR is said to be, from its children's readiness."""

import time
from dataclasses import replace
from typing import Any

import pytest

from nuvop import directives, judge, kind_folder, kind_yaml, overlay, status
from nuvop.cluster import ApiResource
from nuvop.kinds import Kind
from nuvop.objects import ObjectKey
from nuvop.record import Record
from nuvop.scene import Scene
from nuvop.status import Also, Aspect, Phase, Reason
from tests.unit.based import with_base
from tests.unit.test_overlay import DEPLOYMENT, SAMPLES

WEB = ObjectKey("apps", "Deployment", "demo", "obj-demo-deploy")
RESOURCES = {("apps/v1", "Deployment"): ApiResource("apps", "v1", "deployments", "Deployment", has_status=True)}


@pytest.fixture
def kind() -> Kind:
    return with_base(kind_yaml.parse(SAMPLES, kind_folder.read(SAMPLES)), [DEPLOYMENT])


def deployment(available: int, *, failed: bool = False) -> dict[str, Any]:
    conditions = [{"type": "Available", "status": str(available > 0)}]
    if failed:
        reason = {"reason": "ProgressDeadlineExceeded", "message": "took too long"}
        conditions.append({"type": "Progressing", "status": "False", **reason})
    counts = {"replicas": 1, "updatedReplicas": 1, "readyReplicas": available, "availableReplicas": available}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": WEB.name, "namespace": "demo", "generation": 1},
        "spec": {"replicas": 1},
        "status": {"observedGeneration": 1, **counts, "conditions": conditions},
    }


def scene(kind: Kind, live: dict[ObjectKey, Any], told: dict[str, Any] | None = None, **annotations: str) -> Scene:
    metadata = {
        "name": "obj", "namespace": "demo", "uid": "u1", "generation": 1, "resourceVersion": "1",
        "annotations": {f"nuvop.nuvolaris.org/{name}": value for name, value in annotations.items()},
    }  # fmt: skip
    cr = {"metadata": metadata, "spec": {"count": 1}, "status": told or {"observedGeneration": -1}}
    record = Record.of(cr, 0.0)
    return Scene(
        overlay.make(kind, cr).key, record, 1, kind, directives.of(cr), overlay.make(kind, cr), live, RESOURCES
    )


def silent(key: ObjectKey, since: float) -> str:
    return ""


def test_ready(kind: Kind) -> None:
    found = judge.judge(scene(kind, {WEB: deployment(1)}), silent)
    assert (found.verdict.phase, found.verdict.reason, found.due) == (Phase.READY, Reason.SUCCEEDED, 0.0)
    assert found.verdict.message == "Deployment/obj-demo-deploy is ready"
    assert found.verdict.reported == {"replicas": 1, "podNames": []}


def test_a_label_tells_the_pods_of_one_child_from_anothers(kind: Kind) -> None:
    def pod(name: str, **labels: str) -> tuple[ObjectKey, dict[str, Any]]:
        metadata = {"name": name, "namespace": "demo", "labels": labels}
        return ObjectKey("", "Pod", "demo", name), {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}

    pods = dict([pod("web-1", app="web"), pod("backup-1", app="backup"), pod("none-1"), pod("web-0", app="web")])
    (line,) = [each for each in kind.reports if str(each.path) == "podNames"]
    (source,) = line.sources
    labelled = replace(source, child=replace(source.child, label=("app", "web")))
    kind = replace(kind, reports=(replace(line, sources=(labelled,)),))
    found = judge.judge(scene(kind, {WEB: deployment(1), **pods}), silent)
    assert found.verdict.reported == {"podNames": ["web-0", "web-1"]}


def test_not_ready_yet_is_looked_at_again(kind: Kind) -> None:
    found = judge.judge(scene(kind, {WEB: deployment(0)}), silent)
    assert (found.verdict.phase, found.verdict.reason) == (Phase.IN_PROGRESS, Reason.PROGRESSING)
    assert found.verdict.message == "Deployment/obj-demo-deploy: 0 of 1 replicas are available"
    assert 0 < found.due <= kind.deadline


def test_what_is_not_there_is_named(kind: Kind) -> None:
    assert judge.judge(scene(kind, {}), silent).verdict.message == "Deployment/obj-demo-deploy: is not there"


def test_failed(kind: Kind) -> None:
    found = judge.judge(scene(kind, {WEB: deployment(0, failed=True)}), silent)
    assert (found.verdict.phase, found.verdict.reason) == (Phase.STALLED, Reason.HEALTH_CHECK_FAILED)
    assert "took too long" in found.verdict.message


def test_the_deadline_counts_from_the_first_look_and_anew_after_it_was_ready(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = scene(kind, {WEB: deployment(0)})
    now = time.monotonic()
    assert judge.judge(here, silent).verdict.phase is Phase.IN_PROGRESS
    monkeypatch.setattr(time, "monotonic", lambda: now + kind.deadline + 1)
    late = judge.judge(here, silent).verdict
    assert (late.phase, late.reason) == (Phase.STALLED, Reason.HEALTH_CHECK_FAILED)
    assert late.message.startswith("not ready within 600 s: Deployment/obj-demo-deploy: 0 of 1")
    assert judge.judge(replace(here, live={WEB: deployment(1)}), silent).verdict.phase is Phase.READY
    assert judge.judge(here, silent).verdict.phase is Phase.IN_PROGRESS


def test_an_operator_that_was_restarted_goes_on_counting(kind: Kind) -> None:
    since = status.rfc3339(time.time() - kind.deadline - 5)
    ready = {"type": "Ready", "status": "False", "observedGeneration": 1, "lastTransitionTime": since}
    told = {"observedGeneration": -1, "conditions": [{**ready, "reason": "Progressing", "message": "x"}]}
    assert judge.judge(scene(kind, {WEB: deployment(0)}, told), silent).verdict.phase is Phase.STALLED
    told["conditions"][0]["observedGeneration"] = 0  # type: ignore[index]
    assert judge.judge(scene(kind, {WEB: deployment(0)}, told), silent).verdict.phase is Phase.IN_PROGRESS


DAY = 86400.0


@pytest.mark.parametrize("jump", [DAY, -DAY])
def test_a_clock_that_is_set_does_not_move_the_deadline(
    kind: Kind, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    here = scene(kind, {WEB: deployment(0)})
    now, begun = time.time(), time.monotonic()
    assert judge.judge(here, silent).verdict.phase is Phase.IN_PROGRESS
    monkeypatch.setattr(time, "time", lambda: now + jump)
    asked: list[float] = []

    def complaint(_: ObjectKey, since: float) -> str:
        asked.append(since)
        return ""

    assert judge.judge(here, complaint).verdict.phase is Phase.IN_PROGRESS
    assert now - 120 < asked[0] < now, "what is complained of has the time of before"
    monkeypatch.setattr(time, "monotonic", lambda: begun + kind.deadline + 1)
    assert judge.judge(here, silent).verdict.phase is Phase.STALLED


def test_a_status_from_the_future_counts_from_now(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    """Written by an operator whose clock was wrong."""
    ready = {"type": "Ready", "status": "False", "observedGeneration": 1, "reason": "Progressing", "message": "x"}
    told = {"conditions": [{**ready, "lastTransitionTime": status.rfc3339(time.time() + DAY)}]}
    here = scene(kind, {WEB: deployment(0)}, told)
    begun = time.monotonic()
    assert judge.judge(here, silent).verdict.phase is Phase.IN_PROGRESS
    monkeypatch.setattr(time, "monotonic", lambda: begun + kind.deadline + 1)
    assert judge.judge(here, silent).verdict.phase is Phase.STALLED


def test_the_worst_child_is_told_with_what_controllers_complain_of(kind: Kind) -> None:
    asked: list[tuple[ObjectKey, float]] = []

    def complaint(key: ObjectKey, since: float) -> str:
        asked.append((key, since))
        return "FailedScheduling: no node"

    found = judge.judge(scene(kind, {WEB: deployment(0)}), complaint)
    assert found.verdict.message.endswith("0 of 1 replicas are available (FailedScheduling: no node)")
    assert asked[0][0] == WEB
    assert time.time() - 120 < asked[0][1] < time.time()
    judge.judge(scene(kind, {WEB: deployment(1)}), complaint)
    assert len(asked) == 1, "nobody is asked about what is ready"


def asked_since(here: Scene) -> float:
    """From when on complaints are told."""
    asked: list[float] = []

    def complaint(_: ObjectKey, since: float) -> str:
        asked.append(since)
        return ""

    judge.judge(here, complaint)
    return asked[0]


def test_what_was_complained_of_before_all_were_ready_is_settled(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    began = time.time()
    now = [began]
    monkeypatch.setattr(time, "time", lambda: now[0])
    crashing = scene(kind, {WEB: deployment(0)})
    assert asked_since(crashing) == began - judge.COMPLAINTS_SINCE
    mended = replace(crashing, live={WEB: deployment(1)})
    now[0] = began + 20
    judge.judge(mended, silent)
    now[0] = began + 40
    judge.judge(mended, silent)
    assert asked_since(crashing) == began + 20, "and not from when it was looked at last"
    judge.judge(mended, silent)
    now[0] = began + 400
    assert asked_since(crashing) == began + 400 - judge.COMPLAINTS_SINCE


def test_an_operator_that_was_restarted_knows_since_when_all_were_ready(kind: Kind) -> None:
    since = float(int(time.time() - 20))
    condition = {"type": "Ready", "status": "True", "observedGeneration": 1, "reason": "Succeeded", "message": "x"}
    told = {"conditions": [{**condition, "lastTransitionTime": status.rfc3339(since)}]}
    assert asked_since(scene(kind, {WEB: deployment(0)}, told)) == since
    seen = scene(kind, {WEB: deployment(1)}, told)
    judge.judge(seen, silent)
    assert asked_since(replace(seen, live={WEB: deployment(0)})) == since


def test_a_clock_that_was_set_back_silences_nobody(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    here = scene(kind, {WEB: deployment(1)})
    judge.judge(here, silent)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - DAY)
    assert asked_since(replace(here, live={WEB: deployment(0)})) <= now - DAY


def test_suspended(kind: Kind) -> None:
    waiting = judge.suspended(scene(kind, {WEB: deployment(1)}, suspend="true"), silent).verdict
    assert (waiting.phase, waiting.reason) == (Phase.IN_PROGRESS, Reason.SUSPENDED)
    assert [also.aspect for also in waiting.also] == [Aspect.SUSPENDED]
    # As after a broken folder, which stalls a generation without applying it.
    stalled = scene(kind, {WEB: deployment(1)}, {"observedGeneration": 1, "lastAppliedRevision": "old"}, suspend="true")
    assert judge.suspended(stalled, silent).verdict.reason == Reason.SUSPENDED
    told = {"observedGeneration": 1, "lastAppliedRevision": stalled.overlay.revision}
    applied = scene(kind, {WEB: deployment(1)}, told, suspend="true", reconcile="now")
    judged = judge.suspended(applied, silent).verdict
    assert judged.phase is Phase.READY
    assert judged.handled == "", "what is suspended does not do what it is asked"
    assert [also.aspect for also in judged.also] == [Aspect.SUSPENDED]


def condition(aspect: Aspect, reason: Reason, message: str) -> dict[str, Any]:
    at = {"lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 1}
    return {"type": str(aspect), "status": "True", "reason": str(reason), "message": message, **at}


DRIFTED = condition(Aspect.DRIFTED, Reason.DRIFTED, "x was changed")
REFUSED = condition(Aspect.PRUNE_BLOCKED, Reason.PRUNE_REFUSED, "26 of 39 would go")
UNDELETABLE = condition(Aspect.PRUNE_BLOCKED, Reason.PRUNE_FAILED, "Service/a cannot be deleted")
SUSPENDED = condition(Aspect.SUSPENDED, Reason.SUSPENDED, "nothing is changed until the annotation is taken off")


@pytest.mark.parametrize(
    ("annotations", "told", "kept"),
    [
        ({"drift": "report"}, [DRIFTED, UNDELETABLE], [DRIFTED, UNDELETABLE]),
        ({"drift": "report"}, [], []),
        ({}, [DRIFTED, REFUSED, SUSPENDED], [REFUSED]),
        ({"suspend": "true"}, [], [SUSPENDED]),
    ],
)
def test_what_was_not_looked_at_stays_true_unless_the_annotations_say_otherwise(
    kind: Kind, annotations: dict[str, str], told: list[dict[str, Any]], kept: list[dict[str, Any]]
) -> None:
    found = scene(kind, {}, {"conditions": told}, **annotations)
    verdict = judge.unfinished(found.record, 1, Reason.RETRYING, "the API server is away")
    fresh = status.fold(found.record.status, verdict, "2026-01-01T00:00:00Z")
    assert [each for each in fresh["conditions"] if each["type"] in list(Aspect)] == kept


def test_drift_that_was_left_is_told_of_a_suspended_cr_too(kind: Kind) -> None:
    found = scene(kind, {WEB: deployment(1)}, {"conditions": [DRIFTED]}, suspend="true", drift="report")
    told = {also.aspect: also.message for also in judge.suspended(found, silent).verdict.also}
    assert told[Aspect.DRIFTED] == "x was changed"


def test_what_was_refused_to_be_pruned_is_told_before_what_cannot_be_seen(kind: Kind) -> None:
    """A refusal that is not told is forgotten with the next start."""
    unseen = Also(Aspect.PRUNE_BLOCKED, Reason.PRUNE_FAILED, "Service cannot be seen")
    found = replace(scene(kind, {WEB: deployment(1)}, suspend="true"), also=(unseen,))
    found.record.prune_refused = "26 of 39 would go"
    fresh = status.fold({}, judge.suspended(found, silent).verdict, "2026-01-01T00:00:00Z")
    assert "26 of 39 would go" in [each["message"] for each in fresh["conditions"]]


@pytest.mark.parametrize("revision", ["this", "older"])
def test_what_is_left_over_is_told_of_a_suspended_cr_too(kind: Kind, revision: str) -> None:
    left = ObjectKey("", "Service", "demo", "left")
    found = scene(kind, {WEB: deployment(1), left: {}}, suspend="true")
    found.record.applied_revision = found.overlay.revision if revision == "this" else revision
    found.record.undeletable = {left: "Service/left stays", replace(left, name="gone"): "Service/gone stays"}
    told = {also.aspect: also.message for also in judge.suspended(found, silent).verdict.also}
    assert told[Aspect.PRUNE_BLOCKED] == "Service/left stays"
    found.record.prune_refused = "26 of 39 would go"
    told = {also.aspect: also.message for also in judge.suspended(found, silent).verdict.also}
    assert told[Aspect.PRUNE_BLOCKED] == "26 of 39 would go"


def test_what_others_wrote_into_the_status_stays_unless_the_children_report_it(kind: Kind) -> None:
    told = {"observedGeneration": 1, "conditions": "theirs", "lastBackup": "today", "podNames": ["theirs"]}
    found = scene(kind, {WEB: deployment(1)}, told)
    found.record.others = frozenset(told)
    assert judge.judge(found, silent).verdict.beside == {"lastBackup": "today"}
    verdict = judge.unfinished(found.record, 1, Reason.RETRYING, "why")
    assert (verdict.beside, verdict.reported) == ({"lastBackup": "today", "podNames": ["theirs"]}, {})
    assert status.fold(told, verdict, "now")["lastBackup"] == "today"
    assert status.fold(told, verdict, "now")["conditions"] != "theirs"
