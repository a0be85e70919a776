from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from nuvop import children, inventory
from nuvop.children import Children, Instance, Scope
from nuvop.inventory import Entry
from nuvop.kinds import Child
from nuvop.objects import INSTANCE_LABEL, NAMESPACE_LABEL, OWNER_LABEL, REVISION_LABEL, CRKey, ObjectKey, key_of
from nuvop.overlay import Overlay

INSTANCE = ("demo", "samples-obj")
DEPLOYMENT = ObjectKey("apps", "Deployment", "demo", "obj-web")


def obj(
    version: int,
    name: str = "obj-web",
    *,
    kind: str = "Deployment",
    api_version: str = "apps/v1",
    instance: str | None = "samples-obj",
    namespace: str = "demo",
    fields: dict[str, Any] | None = None,
    **metadata: Any,
) -> dict[str, Any]:
    labels = {INSTANCE_LABEL: instance, OWNER_LABEL: "u1", REVISION_LABEL: "r1"} if instance else {}
    managed = [{"manager": "nuvop", "operation": "Apply", "fieldsV1": fields or {"f:spec": {}}}]
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": f"uid-{name}",
            "resourceVersion": str(version),
            "labels": labels,
            "managedFields": managed,
            **metadata,
        },
    }


def test_the_newest_version_wins() -> None:
    known = Children()
    assert known.put(obj(5)) == {INSTANCE}
    assert known.put(obj(4)) == set(), "an apply may answer after the watch has seen more"
    assert known.put(obj(5)) == set()
    assert known.of(INSTANCE)[DEPLOYMENT]["metadata"]["resourceVersion"] == "5"
    assert known.put(obj(10)) == {INSTANCE}, "numbers, not texts"


def test_what_is_gone_does_not_come_back_by_an_old_answer() -> None:
    known = Children()
    known.put(obj(5))
    assert known.remove(obj(7)) == {INSTANCE}
    assert known.put(obj(6)) == set()
    assert known.of(INSTANCE) == {}
    assert known.put(obj(8)) == {INSTANCE}


ANOTHER = ("demo", "samples-another")


@pytest.mark.parametrize(
    "go",
    [
        lambda known: known.remove(obj(7)),
        lambda known: known.replace(("apps", "Deployment", None), [], 7),
        lambda known: known.forget_type("apps/v1", "Deployment"),
        lambda known: known.show(obj(7, labels={INSTANCE_LABEL: "samples-obj"})),
    ],
    ids=["deleted", "not listed", "not served", "of another owner"],
)
def test_the_end_of_an_object_concerns_who_waits_for_its_name(go: Callable[[Children], set[Instance]]) -> None:
    known = Children()
    known.put(obj(5))
    known.wait_for(ANOTHER, [DEPLOYMENT])
    assert known.put(obj(6)) == {INSTANCE}, "it is still there"
    assert go(known) == {INSTANCE, ANOTHER}


def test_who_waits_no_more_for_a_name_is_not_concerned() -> None:
    for now_for in ([], [replace(DEPLOYMENT, name="other")]):
        known = Children()
        known.put(obj(5))
        known.wait_for(ANOTHER, [DEPLOYMENT])
        known.wait_for(ANOTHER, now_for)
        assert known.remove(obj(7)) == {INSTANCE}


def test_who_waits_for_the_name_of_a_finished_job_is_not_told_that_it_was_its_own() -> None:
    known = Children()
    finished = {
        **obj(5, "job", kind="Job", api_version="batch/v1"),
        "status": {"conditions": [{"type": "Complete", "status": "True"}]},
    }
    known.put(finished)
    known.wait_for(ANOTHER, [key_of(finished)])
    known.remove(finished)
    assert known.take_finished(ANOTHER) == {}
    assert known.take_finished(INSTANCE) != {}


NUVOPS = obj(1)["metadata"]["managedFields"][0]
THEIRS = {"manager": "somebody", "operation": "Update", "fieldsV1": {"f:data": {}}}


def theirs(version: int, **more: Any) -> dict[str, Any]:
    """An object of which nuvop is not the only writer."""
    return obj(version, **{"managedFields": [NUVOPS, THEIRS], **more})


def test_what_was_taken_over_is_told_by_the_first_event_of_it() -> None:
    known = Children()
    known.show(obj(5))
    known.show(theirs(6))
    assert not known.is_taken_over(DEPLOYMENT), "a controller came later"
    known.show(theirs(7, uid="another"))
    assert known.is_taken_over(DEPLOYMENT), "another object of the name"
    known.show(obj(8, uid="another"))
    assert known.is_taken_over(DEPLOYMENT), "so it stays"
    known.show(obj(9, uid="another", instance=None))
    assert not known.is_taken_over(DEPLOYMENT), "it was given back"


def test_a_list_and_the_answer_to_an_apply_tell_nothing_of_how_an_object_was_first() -> None:
    known = Children()
    known.replace(("apps", "Deployment", "demo"), [theirs(5)], 5)
    known.show(theirs(6))
    assert not known.is_taken_over(DEPLOYMENT)
    known = Children()
    known.put(theirs(5))
    assert known.is_unshown(DEPLOYMENT)
    known.replace(("apps", "Deployment", "demo"), [theirs(5)], 5)
    assert not known.is_unshown(DEPLOYMENT)
    assert not known.is_taken_over(DEPLOYMENT)


def test_the_first_event_counts_also_where_an_answer_came_before_it() -> None:
    for first, is_taken_over in ((obj(4), False), (theirs(4), True), (theirs(9), True)):
        known = Children()
        known.put(theirs(9))
        assert not known.is_taken_over(DEPLOYMENT)
        assert known.show(first) == ({INSTANCE} if is_taken_over else set())
        assert known.is_taken_over(DEPLOYMENT) == is_taken_over
        assert not known.is_unshown(DEPLOYMENT)
        assert known.of(INSTANCE)[DEPLOYMENT]["metadata"]["resourceVersion"] == "9"
    known = Children()
    known.put(obj(9, uid="new"))
    known.show(theirs(4))
    assert known.is_unshown(DEPLOYMENT), "that was another object of the name"
    assert not known.is_taken_over(DEPLOYMENT)


def test_a_copy_with_nuvops_labels_that_nuvop_applies_over_was_taken_over() -> None:
    known = Children()
    known.show(obj(5, managedFields=[THEIRS]))
    assert not known.is_taken_over(DEPLOYMENT)
    known.show(theirs(6))
    assert known.is_taken_over(DEPLOYMENT)


def test_a_type_that_is_no_longer_served_takes_its_objects_with_it_but_no_other_versions() -> None:
    known = Children()
    known.put(obj(1, name="old", api_version="apps/v1beta1", instance="samples-old"))
    known.put(obj(2))
    assert known.forget_type("apps/v1beta1", "Deployment") == {("demo", "samples-old")}
    assert known.of(("demo", "samples-old")) == {}
    assert DEPLOYMENT in known.of(INSTANCE)


def test_how_a_job_ended_is_told_once_when_it_goes_at_once() -> None:
    def job(version: int, *, is_complete: bool) -> dict[str, Any]:
        conditions = [{"type": "Complete", "status": "True"}] if is_complete else []
        return {**obj(version, kind="Job", api_version="batch/v1"), "status": {"conditions": conditions}}

    known = Children()
    known.put(job(5, is_complete=False))
    known.remove(job(7, is_complete=True))
    assert [key.name for key in known.take_finished(INSTANCE)] == ["obj-web"]
    assert known.take_finished(INSTANCE) == {}
    known.put(job(8, is_complete=False))
    known.remove(job(9, is_complete=False))
    assert known.take_finished(INSTANCE) == {}, "somebody deleted it"


def test_an_old_removal_does_not_remove_what_is_new() -> None:
    known = Children()
    known.put(obj(9))
    assert known.remove(obj(7)) == set()
    assert DEPLOYMENT in known.of(INSTANCE)


def test_an_object_may_change_hands() -> None:
    known = Children()
    known.put(obj(1))
    assert known.put(obj(2, instance="samples-other")) == {INSTANCE, ("demo", "samples-other")}
    assert known.of(INSTANCE) == {}
    assert known.put(obj(3, instance=None)) == {("demo", "samples-other")}
    assert known.of(("demo", "samples-other")) == {}


def test_a_full_list_tells_what_is_gone_in_its_scope() -> None:
    known = Children()
    known.put(obj(1, "obj-a"))
    known.put(obj(1, "obj-b"))
    known.put(obj(1, "obj-a", kind="Pod", api_version="v1"))
    known.put(obj(1, "obj-a", namespace="elsewhere"))
    assert known.replace(("apps", "Deployment", "demo"), [obj(2, "obj-b")], 3) == {INSTANCE}
    assert {str(key) for key in known.of(INSTANCE)} == {"Deployment/obj-b", "Pod/obj-a"}
    assert known.of(("elsewhere", "samples-obj"))
    assert known.replace(("apps", "Deployment", "demo"), [obj(2, "obj-b")], 3) == set()
    known.replace(("apps", "Deployment", None), [], 4)
    assert {str(key) for key in known.of(INSTANCE)} == {"Pod/obj-a"}
    assert not known.of(("elsewhere", "samples-obj"))


@pytest.mark.parametrize("scope", [("apps", "Deployment", None), ("apps", "Deployment", "demo")])
def test_what_a_list_has_no_more_does_not_come_back_by_an_old_answer(scope: Scope) -> None:
    """kubectl answers at its end; what it made may be gone by then, and a list be newer than that answer."""
    known = Children()
    known.put(obj(5))
    known.remove(obj(7))
    known.replace(scope, [], version=9)
    assert known.put(obj(6)) == set()
    assert known.of(INSTANCE) == {}
    assert known.put(obj(10)) == {INSTANCE}
    assert known.put(obj(6, "obj-other", kind="StatefulSet")) == {INSTANCE}, "the list was of another kind"


def test_nor_does_what_is_gone_since_before_the_first_list() -> None:
    known = Children()
    known.replace(("apps", "Deployment", "other"), [], version=9)
    assert known.put(obj(5)) == {INSTANCE}, "the list was of another namespace"
    known.replace(("apps", "Deployment", "demo"), [], version=9)
    assert known.of(INSTANCE) == {}
    assert known.put(obj(6)) == set()


def test_a_list_says_nothing_of_what_came_later() -> None:
    known = Children()
    known.put(obj(101))
    assert known.replace(("apps", "Deployment", None), [], 100) == set()
    assert DEPLOYMENT in known.of(INSTANCE)
    assert known.replace(("apps", "Deployment", None), [], 102) == {INSTANCE}


def test_a_secret_is_not_kept_in_memory() -> None:
    known = Children()
    secret = {**obj(1, kind="Secret", api_version="v1"), "data": {"password": "x"}, "type": "Opaque"}
    known.put(secret)
    (kept,) = known.of(INSTANCE).values()
    assert "data" not in kept
    assert kept["type"] == "Opaque"
    assert secret["data"] == {"password": "x"}


def overlay(*names: str, revision: str = "r1") -> Overlay:
    made = {ObjectKey("apps", "Deployment", "demo", name): Child("apps/v1", "Deployment", name, {}) for name in names}
    return Overlay(CRKey("samples", "demo", "obj"), revision, {}, made, {}, {}, (), 0, is_orphaning=False)


def compare(
    live: list[dict[str, Any]], applied: list[dict[str, Any]], revision: str = "r1", told: str = "r1"
) -> children.Comparison:
    known = Children()
    for body in live:
        known.put(body)
    entries = tuple(inventory.entry_of(body) for body in applied)
    return children.compare(overlay("obj-web", revision=revision), "u1", entries, told, known.of(INSTANCE))


def test_comparisons() -> None:
    intact = compare([obj(1)], [obj(1)])
    assert intact.is_intact
    assert compare([], []).missing == (DEPLOYMENT,)
    assert compare([obj(1)], [obj(1)], revision="r2").outdated == (DEPLOYMENT,)
    assert compare([obj(2, fields={"f:spec": {"f:x": {}}})], [obj(1)]).drifted == (DEPLOYMENT,)
    assert compare([obj(1, uid="another")], [obj(1)]).drifted == (DEPLOYMENT,)
    unfinished = compare([obj(2, fields={"f:spec": {"f:x": {}}})], [obj(1)], told="r0")
    assert unfinished.outdated == (DEPLOYMENT,), "applied by an operator that ended before it could tell"
    assert compare([obj(2)], [obj(1)], told="r0").is_intact, "that owns the same fields as before"
    assert compare([obj(1)], []).outdated == (DEPLOYMENT,), "what is not in the inventory was not told as applied"
    assert compare([obj(1, deletionTimestamp="now")], [obj(1)]).is_intact, (
        "an apply would not bring it back before it is gone"
    )


def test_another_crs_uid_is_outdated() -> None:
    body = obj(1)
    body["metadata"]["labels"][OWNER_LABEL] = "the CR that had this name before"
    assert compare([body], [obj(1)]).outdated == (DEPLOYMENT,)


def test_inventory_goes_through_the_status_and_back() -> None:
    entry = inventory.entry_of(obj(1))
    assert entry == Entry("apps/v1", "Deployment", "demo", "obj-web", "uid-obj-web", entry.digest)
    assert len(entry.digest) == 16
    assert inventory.of({"inventory": [entry.as_dict()]}) == (entry,)
    assert inventory.of({}) == ()
    assert entry.key == DEPLOYMENT


def test_what_was_announced_only_was_not_told_as_applied() -> None:
    announced = (inventory.announced(DEPLOYMENT, "apps/v1"),)
    assert children.compare(overlay("obj-web"), "u1", announced, "r1", {DEPLOYMENT: obj(1)}).outdated == (DEPLOYMENT,)


def test_what_has_landed() -> None:
    live = {DEPLOYMENT: obj(1)}
    assert children.landed(overlay("obj-web", "obj-other"), "u1", live) == [obj(1)]
    assert children.landed(overlay("obj-web", revision="r2"), "u1", live) == []
    assert children.landed(overlay("obj-web"), "u2", live) == []
    assert children.landed(overlay("obj-web"), "u1", {DEPLOYMENT: obj(1, deletionTimestamp="now")}) == []
    assert children.landed(overlay("obj-web"), "u1", {DEPLOYMENT: obj(1, managedFields=[])}) == []


def test_a_cluster_scoped_child_belongs_to_the_cr_in_the_namespace_that_its_label_names() -> None:
    known = Children()
    role = obj(1, "obj-role", kind="ClusterRole", api_version="rbac.authorization.k8s.io/v1", namespace="")
    role["metadata"]["labels"][NAMESPACE_LABEL] = "demo"
    assert known.put(role) == {INSTANCE}
    assert len(known.of(INSTANCE)) == 1


def test_names_lead_to_crs() -> None:
    known = Children()
    known.put(obj(1))
    assert known.named([("Deployment", "demo", "obj-web"), ("Deployment", "demo", "other")]) == {INSTANCE}
    assert known.named([("Service", "demo", "obj-web")]) == set()
    known.remove(obj(2))
    assert known.named([("Deployment", "demo", "obj-web")]) == set()
