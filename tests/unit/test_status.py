"""The fold from facts to a status, and the ten invariants that Flux checks of every status."""

from itertools import product
from typing import Any

from nuvop import status
from nuvop.inventory import Entry
from nuvop.status import Also, Aspect, Phase, Reason, Verdict

NOW, LATER = "2026-01-01T00:00:00Z", "2026-01-01T00:00:09Z"
FRESH = {"observedGeneration": -1}
"""A new CR's status, by the CRD's default."""


def verdict(phase: Phase, generation: int = 1, message: str = "said", **more: Any) -> Verdict:
    reason = {Phase.READY: Reason.SUCCEEDED, Phase.IN_PROGRESS: Reason.PROGRESSING, Phase.STALLED: Reason.BUILD_FAILED}
    return Verdict(generation, phase, reason[phase], message, **more)


def conditions(of: dict[str, Any]) -> dict[str, str]:
    return {condition["type"]: condition["status"] for condition in of["conditions"]}


def test_phases() -> None:
    ready = status.fold(FRESH, verdict(Phase.READY), NOW)
    assert conditions(ready) == {"Ready": "True"}
    assert ready["observedGeneration"] == 1
    progress = status.fold(FRESH, verdict(Phase.IN_PROGRESS), NOW)
    assert conditions(progress) == {"Ready": "False", "Reconciling": "True"}
    assert progress["observedGeneration"] == -1
    stalled = status.fold(FRESH, verdict(Phase.STALLED), NOW)
    assert conditions(stalled) == {"Ready": "False", "Stalled": "True"}
    assert stalled["observedGeneration"] == 1


def test_a_pod_that_dies_later_is_no_new_reconciliation() -> None:
    ready = status.fold(FRESH, verdict(Phase.READY), NOW)
    assert conditions(status.fold(ready, verdict(Phase.IN_PROGRESS), LATER)) == {"Ready": "False"}


def test_nothing_new_is_the_same_status() -> None:
    for phase in Phase:
        first = status.fold(FRESH, verdict(phase), NOW)
        assert status.fold(first, verdict(phase), LATER) == first


def test_times_change_with_the_value_only() -> None:
    first = status.fold(FRESH, verdict(Phase.IN_PROGRESS), NOW)
    second = status.fold(first, verdict(Phase.IN_PROGRESS, message="other"), LATER)
    assert {c["lastTransitionTime"] for c in second["conditions"]} == {NOW}
    third = status.fold(second, verdict(Phase.READY), LATER)
    assert third["conditions"][0]["lastTransitionTime"] == LATER


def test_inventory_and_reports_are_told() -> None:
    entry = Entry("v1", "Service", "demo", "x", "uid", "digest")
    told = status.fold(FRESH, verdict(Phase.READY, inventory=(entry,), reported={"replicas": 2}), NOW)
    assert told["inventory"] == [
        {"apiVersion": "v1", "kind": "Service", "namespace": "demo", "name": "x", "uid": "uid", "digest": "digest"}
    ]
    assert told["replicas"] == 2


def test_what_is_true_besides_changes_nothing_else() -> None:
    also = (Also(Aspect.DRIFTED, Reason.DRIFTED, "spec.replicas was changed"),)
    told = status.fold(FRESH, verdict(Phase.READY, also=also), NOW)
    assert conditions(told) == {"Ready": "True", "Drifted": "True"}
    assert told["conditions"][1]["reason"] == "Drifted"
    later = status.fold(told, verdict(Phase.READY), LATER)
    assert conditions(later) == {"Ready": "True"}
    assert later["conditions"][0]["lastTransitionTime"] == NOW


def test_the_revision_that_was_applied_is_told() -> None:
    assert "lastAppliedRevision" not in status.fold(FRESH, verdict(Phase.READY), NOW)
    assert status.fold(FRESH, verdict(Phase.READY, applied="r1"), NOW)["lastAppliedRevision"] == "r1"


def test_what_was_asked_for_is_told_once_it_was_done() -> None:
    assert "lastHandledReconcileAt" not in status.fold(FRESH, verdict(Phase.READY), NOW)
    assert status.fold(FRESH, verdict(Phase.READY, handled="now"), NOW)["lastHandledReconcileAt"] == "now"


def changes(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, str, bool]]:
    return [(change.type, change.reason, change.is_bad) for change in status.changes(before, after)]


def test_one_event_on_a_change_and_none_on_repeats() -> None:
    progress = status.fold(FRESH, verdict(Phase.IN_PROGRESS), NOW)
    ready = status.fold(progress, verdict(Phase.READY), NOW)
    stalled = status.fold(ready, verdict(Phase.STALLED), NOW)
    assert changes(FRESH, progress) == [], "that something new is not ready yet is no news"
    assert changes(progress, ready) == [("Ready", "Succeeded", False)]
    assert changes(ready, stalled) == [("Ready", "BuildFailed", True)]
    assert changes(ready, status.fold(ready, verdict(Phase.IN_PROGRESS), NOW)) == [("Ready", "Progressing", False)]
    assert changes(FRESH, stalled) == [("Ready", "BuildFailed", True)]
    for same in (progress, ready, stalled):
        assert changes(same, same) == []
    other_words = status.fold(stalled, verdict(Phase.STALLED, message="other words"), NOW)
    assert changes(stalled, other_words) == []
    also = (Also(Aspect.PRUNE_BLOCKED, Reason.PRUNE_REFUSED, "too many"),)
    assert changes(ready, status.fold(ready, verdict(Phase.READY, also=also), NOW)) == [
        ("PruneBlocked", "PruneRefused", True)
    ]


def test_since_when_a_cr_is_not_ready() -> None:
    progress = status.fold(FRESH, verdict(Phase.IN_PROGRESS), NOW)
    assert status.unready_since(progress, 1) == 1767225600
    assert status.unready_since(progress, 2) is None
    assert status.unready_since(status.fold(progress, verdict(Phase.READY), NOW), 1) is None
    assert status.unready_since(FRESH, 1) is None
    assert status.unready_since(status.fold(FRESH, verdict(Phase.STALLED), NOW), 1) is None, "its folder was broken"
    assert status.rfc3339(1767225600) == NOW


def test_a_message_is_one_line_that_fits() -> None:
    assert status.one_line("a\n  b\tc") == "a b c"
    assert len(status.one_line("x" * 5000)) == status.MESSAGE_LIMIT


def test_mere_progress() -> None:
    first = status.fold(FRESH, verdict(Phase.IN_PROGRESS, message="0 of 2"), NOW)
    second = status.fold(first, verdict(Phase.IN_PROGRESS, message="1 of 2"), NOW)
    assert status.is_mere_progress(first, second)
    assert not status.is_mere_progress(FRESH, first)
    assert not status.is_mere_progress(second, status.fold(second, verdict(Phase.READY), NOW))
    assert not status.is_mere_progress(second, status.fold(second, verdict(Phase.IN_PROGRESS, generation=2), NOW))
    ready = status.fold(second, verdict(Phase.READY), NOW)
    assert not status.is_mere_progress(ready, status.fold(ready, verdict(Phase.READY, reported={"a": 1}), NOW))


# --- https://github.com/fluxcd/pkg/blob/main/runtime/conditions/check/fail.go -----------------------------------------


def broken_invariants(generation: int, of: dict[str, Any]) -> list[str]:
    """Which of Flux's ten invariants a status breaks, for a CR of this generation."""
    found = {condition["type"]: condition for condition in of["conditions"]}
    ready, reconciling, stalled = (found.get(name) for name in ("Ready", "Reconciling", "Stalled"))
    is_ready = ready is not None and ready["status"] == "True"
    negative = [c for c in (reconciling, stalled) if c is not None and c["status"] == "True"]
    observed = of["observedGeneration"]
    generations = [condition["observedGeneration"] for condition in of["conditions"]]
    checks = {
        "1 Ready with a negative condition": is_ready and negative,
        "2 no Ready": ready is None,
        "3 Reconciling, and Ready is not False": reconciling and ready and ready["status"] != "False",
        "4 Stalled, and Ready is not False": stalled and ready and ready["status"] != "False",
        "5 Reconciling and Stalled": reconciling and stalled,
        "6 observed what is not there yet": observed > generation,
        "7 Ready of an older generation": is_ready and observed < generation,
        "8 Ready with a condition of an older generation": is_ready and any(g < generation for g in generations),
        "9 Ready with different generations": is_ready and any(g != observed for g in generations),
        "10 Reconciling what was observed": reconciling and observed >= reconciling["observedGeneration"],
        "present without being True": any(c["status"] != "True" for c in (reconciling, stalled) if c is not None),
    }
    return [name for name, is_broken in checks.items() if is_broken]


def test_flux_invariants_hold_after_every_step() -> None:
    """Every order of phases, with a new generation (None) anywhere in between."""
    for steps in product([None, *Phase], repeat=5):
        generation, told = 1, dict(FRESH)
        for phase in steps:
            if phase is None:
                generation += 1
                continue
            told = status.fold(told, verdict(phase, generation), NOW)
            assert broken_invariants(generation, told) == [], (steps, told)


def test_the_check_itself_notices() -> None:
    good = status.fold(FRESH, verdict(Phase.READY), NOW)
    assert broken_invariants(2, good)
    assert broken_invariants(1, {**good, "observedGeneration": 2})
    assert broken_invariants(1, {**good, "conditions": []})
    both = [*good["conditions"], {**good["conditions"][0], "type": "Stalled"}]
    assert broken_invariants(1, {**good, "conditions": both})


def test_what_others_wrote_for_conditions_is_written_over() -> None:
    """A CRD may let anything in."""
    theirs: list[Any] = [{"type": "Ready", "status": "True"}, "Ready", {"type": ["Ready"]}, None]
    for conditions_ in (theirs, "none", 7):
        previous = {"observedGeneration": 1, "conditions": conditions_}
        told = status.fold(previous, verdict(Phase.READY), NOW)
        assert conditions(told) == {"Ready": "True"}
        assert told["conditions"][0]["lastTransitionTime"] == NOW
        assert status.changes(previous, told)
        assert status.unready_since(previous, 1) is None
        assert not status.is_mere_progress(previous, told)
        assert status.told_message(previous, Aspect.DRIFTED, Reason.DRIFTED) == ""
