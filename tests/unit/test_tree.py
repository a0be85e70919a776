"""A custom resource's tree, from what was seen."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nuvop import objects, readiness, tree
from nuvop.complaints import Complaint
from nuvop.kinds import ChildSelector
from nuvop.objects import INSTANCE_LABEL, NAMESPACE_LABEL, OWNER_LABEL, REVISION_LABEL, Body, ObjectKey, key_of
from nuvop.tree import Node, Owned, Rules, Seen, State

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
OWN: dict[str, Any] = {
    "f:metadata": {"f:labels": {f"f:{REVISION_LABEL}": {}}},
    "f:spec": {"f:replicas": {}, "f:paused": {}},
}
READY_STATUS = {
    "observedGeneration": 1,
    "replicas": 1,
    "fullyLabeledReplicas": 1,
    "updatedReplicas": 1,
    "readyReplicas": 1,
    "availableReplicas": 1,
    "conditions": [
        {"type": "Available", "status": "True"},
        {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},
    ],
}


def entry(manager: str, fields: dict[str, Any], operation: str = "Update", **more: Any) -> dict[str, Any]:
    return {"manager": manager, "operation": operation, "apiVersion": "apps/v1", "fieldsV1": fields, **more}


def child(
    kind: str, name: str, *others: dict[str, Any], own: dict[str, Any] | None = OWN, **more: Any
) -> dict[str, Any]:
    """An object that nuvop has applied; without ``own`` it has not."""
    api_version = {"Deployment": "apps/v1", "StatefulSet": "apps/v1"}.get(kind, "v1")
    labels = {INSTANCE_LABEL: "samples-obj", OWNER_LABEL: "u", REVISION_LABEL: "r1"}
    metadata = {
        "name": name,
        "namespace": "demo",
        "uid": f"uid-{name}",
        "labels": {**labels, **more.pop("labels", {})},
        "managedFields": [*([entry("nuvop", own, "Apply")] if own else []), *others],
        **more.pop("metadata", {}),
    }
    status = {"status": READY_STATUS, "spec": {"replicas": 1}} if kind == "Deployment" else {}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **status, **more}


def made(api_version: str, kind: str, name: str, owner: Body | None = None, **more: Any) -> dict[str, Any]:
    """What a controller has made of an object."""
    owners = (
        [
            {
                "kind": owner["kind"],
                "name": owner["metadata"]["name"],
                "uid": owner["metadata"]["uid"],
                "controller": True,
            }
        ]
        if owner
        else []
    )
    metadata = {
        "name": name,
        "namespace": "demo",
        "uid": f"uid-{name}",
        "labels": {INSTANCE_LABEL: "samples-obj"},
        "ownerReferences": owners,
    }
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **more}


def pod(name: str, owner: Body | None, *, is_ready: bool = True) -> dict[str, Any]:
    ready = {"type": "Ready", "status": str(is_ready), "message": "containers with unready status: [main]"}
    return made("v1", "Pod", name, owner, status={"phase": "Running", "conditions": [ready]})


def listed(body: Body, **more: str) -> dict[str, str]:
    """An object's entry in the inventory, as it was when nuvop had just applied it."""
    key = key_of(body)
    applied = {**body, "metadata": {**body["metadata"], "managedFields": [entry("nuvop", OWN, "Apply")]}}
    found = {
        "apiVersion": body["apiVersion"],
        "kind": key.kind,
        "namespace": key.namespace,
        "name": key.name,
        "uid": body["metadata"]["uid"],
        "digest": objects.ownership_digest(applied),
    }
    return {**found, **more}


def condition(
    type_: str, status: str = "True", reason: str = "", message: str = "", generation: int = 1
) -> dict[str, Any]:
    return {"type": type_, "status": status, "reason": reason, "message": message, "observedGeneration": generation}


READY = condition("Ready", "True", "Succeeded", "2 objects are ready")


def cr(
    *inventory: dict[str, str], conditions: tuple[dict[str, Any], ...] = (READY,), observed: int = 1, **metadata: Any
) -> dict[str, Any]:
    named = {"name": "obj", "namespace": "demo", "uid": "u", "generation": 1, **metadata}
    status = {
        "observedGeneration": observed,
        "conditions": list(conditions),
        "inventory": list(inventory),
        "lastAppliedRevision": "r1",
    }
    return {"apiVersion": "nuvolaris.org/v1", "kind": "Sample", "metadata": named, "status": status}


def seen(cr: Body, *live: Body, **more: Any) -> Seen:
    return Seen("samples", cr, {key_of(body): body for body in live}, **more)


def grow(seen: Seen, rules: Rules | None = None) -> Node:
    return tree.grow(seen, rules or {}, NOW)


def shape(node: Node) -> Any:
    """Names and states alone."""
    return (
        (node.name, str(node.state), [shape(child) for child in node.children])
        if node.children
        else (node.name, str(node.state))
    )


DEPLOYMENT, CONFIG = child("Deployment", "obj-web"), child("ConfigMap", "obj-config")


def test_all_is_well() -> None:
    new = made("apps/v1", "ReplicaSet", "obj-web-2", DEPLOYMENT, spec={"replicas": 1}, status=READY_STATUS)
    old = made("apps/v1", "ReplicaSet", "obj-web-1", DEPLOYMENT, spec={"replicas": 0}, status={"observedGeneration": 1})
    root = grow(seen(cr(listed(DEPLOYMENT), listed(CONFIG)), DEPLOYMENT, CONFIG, new, old, pod("obj-web-2-a", new)))
    assert shape(root) == (
        "samples/obj",
        "Ready",
        [
            ("Deployment/obj-web", "Ready", [("ReplicaSet/obj-web-2", "Ready", [("Pod/obj-web-2-a", "Ready")])]),
            ("ConfigMap/obj-config", "Ready"),
        ],
    )
    assert (root.where, root.message, root.notes) == ("in demo", "2 objects are ready", ())
    assert tree.is_well(root)
    web = root.children[0]
    assert (web.where, web.message, web.notes, web.drift, web.managers) == ("", "", (), (), ())


# --- the CR itself ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cr", "state", "message", "notes"),
    [
        pytest.param(cr(conditions=()), State.IN_PROGRESS, "no operator has looked at it yet", [], id="no operator"),
        pytest.param(
            cr(generation=3, observed=2, conditions=(condition("Ready", generation=2),)),
            State.IN_PROGRESS,
            "no operator has looked at generation 3 yet; generation 2 was ready",
            [],
            id="changed since",
        ),
        pytest.param(
            cr(
                observed=-1,
                conditions=(condition("Ready", "False", "Progressing", "wait"), condition("Reconciling")),
            ),
            State.IN_PROGRESS,
            "Progressing: wait",
            ["generation 1 has not come to an end yet, nor has any before"],
            id="at work",
        ),
        pytest.param(
            cr(
                generation=3,
                observed=2,
                conditions=(condition("Ready", "False", "Progressing", "wait", generation=3),),
            ),
            State.IN_PROGRESS,
            "Progressing: wait",
            ["generation 3 has not come to an end yet, the last that has is 2"],
            id="at work again",
        ),
        pytest.param(
            cr(
                conditions=(
                    condition("Ready", "False", "ApplyFailed", "no"),
                    condition("Stalled", reason="ApplyFailed"),
                )
            ),
            State.STALLED,
            "ApplyFailed: no",
            [],
            id="stalled",
        ),
        pytest.param(
            cr(
                conditions=(
                    READY,
                    condition("Suspended", reason="Suspended", message="nothing is changed"),
                    condition("PruneBlocked", reason="PruneRefused", message="too many"),
                    condition("Mine", "False", "Why", "said"),
                ),
                annotations={
                    "nuvop.nuvolaris.org/suspend": "true",
                    "nuvop.nuvolaris.org/deletion-policy": "Orphan",
                    "nuvop.nuvolaris.org/reconcile": "now",
                    "example.org/x": "y",
                },
            ),
            State.READY,
            "2 objects are ready",
            [
                "Suspended: nothing is changed",
                "PruneBlocked: PruneRefused: too many",
                "Mine is False: Why: said",
                "nuvop.nuvolaris.org/deletion-policy: Orphan",
            ],
            id="also",
        ),
        pytest.param(
            cr(deletionTimestamp="2026-01-01T00:00:00Z", finalizers=["a/b"]),
            State.IN_PROGRESS,
            "is being deleted, and waits for a/b",
            [],
            id="deleted",
        ),
    ],
)
def test_the_resource(cr: Body, state: State, message: str, notes: list[str]) -> None:
    root = grow(seen(cr))
    assert (root.state, root.message) == (state, message)
    assert list(root.notes) == [*notes, "nuvop has made nothing for it"]
    assert tree.is_well(root) == (state is State.READY)


def test_it_is_gone() -> None:
    root = grow(seen(cr(listed(CONFIG)), CONFIG, is_gone=True, refused=("no right to list pods",)))
    assert (root.state, root.message, root.notes) == (State.MISSING, "is gone", ("no right to list pods",))
    assert [child.name for child in root.children] == ["ConfigMap/obj-config"]


@pytest.mark.parametrize("status", [None, {}, {"conditions": "x"}, {"conditions": ["x", {"type": "Ready"}]}])
def test_a_status_of_another_shape(status: Any) -> None:
    body = {**cr(), "status": status}
    assert grow(seen(body)).message == "no operator has looked at it yet"


# --- children that are not as they should be -------------------------------------------------------------------------


def only_child(seen: Seen, rules: Rules | None = None) -> Node:
    (found,) = grow(seen, rules).children
    return found


def test_what_is_missing() -> None:
    entries = [listed(DEPLOYMENT), listed(CONFIG, uid="", digest=""), listed(child("Job", "obj-job"), done="d")]
    root = grow(seen(cr(*entries)))
    assert [(node.name, node.state, node.message) for node in root.children] == [
        ("Deployment/obj-web", State.MISSING, "is not there"),
        ("ConfigMap/obj-config", State.MISSING, "is not made yet"),
        ("Job/obj-job", State.READY, "has finished, and is gone"),
    ]
    assert not tree.is_well(root)


def test_what_may_not_be_seen_is_neither_missing_nor_wrong() -> None:
    root = grow(seen(cr(listed(CONFIG)), unseen={key_of(CONFIG): "no right to list configmaps"}))
    assert (root.children[0].state, root.children[0].message) == (State.UNSEEN, "no right to list configmaps")
    assert tree.is_well(root)


@pytest.mark.parametrize(
    ("body", "state", "message"),
    [
        pytest.param({"metadata": {"deletionTimestamp": "x"}}, State.IN_PROGRESS, "is being deleted", id="deleted"),
        pytest.param({"status": {}}, State.IN_PROGRESS, "its controller has not seen it yet", id="new"),
        pytest.param(
            {
                "status": {
                    "conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]
                }
            },
            State.FAILED,
            "ProgressDeadlineExceeded",
            id="failed",
        ),
    ],
)
def test_readiness(body: dict[str, Any], state: State, message: str) -> None:
    unready = child("Deployment", "obj-web", **body)
    root = grow(seen(cr(listed(unready)), unready))
    assert (root.children[0].state, root.children[0].message) == (state, message)
    assert not tree.is_well(root)


@pytest.mark.parametrize("name", ["config", "obj-config"])
def test_the_folders_rules_count(name: str) -> None:
    """A kind may keep its children's names."""
    rules = {ChildSelector("ConfigMap", name): readiness.parse_rule("data.done=yes")}
    found = only_child(seen(cr(listed(CONFIG)), CONFIG), rules)
    assert (found.state, found.message) == (State.IN_PROGRESS, "it has no data.done")


def test_a_custom_object_without_a_status() -> None:
    widget = {**child("Widget", "obj-w"), "apiVersion": "example.com/v1"}
    wanted = seen(cr(listed(widget)), widget)
    assert only_child(wanted).state is State.READY
    found = only_child(replace(wanted, with_status=frozenset({("example.com/v1", "Widget")})))
    assert (found.state, found.message) == (State.IN_PROGRESS, "it has no status yet")


def test_a_pod_that_finds_no_node_has_failed_after_a_while() -> None:
    why = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes"}
    status = {"phase": "Pending", "conditions": [why]}
    states = []
    for seconds in (1, 20):
        created = (NOW - timedelta(seconds=seconds)).isoformat()
        body = child("Pod", "obj-pod", metadata={"creationTimestamp": created}, status=status)
        states.append(only_child(seen(cr(listed(body)), body)).state)
    assert states == [State.IN_PROGRESS, State.FAILED]


def test_a_finished_job_that_its_ttl_removes() -> None:
    done = {"conditions": [{"type": "Complete", "status": "True"}]}
    job = {**child("Job", "obj-job", metadata={"deletionTimestamp": "x"}, status=done), "apiVersion": "batch/v1"}
    assert only_child(seen(cr(listed(job)), job)).state is State.READY


LEFT: dict[str, Any] = {**OWN, "f:spec": {"f:paused": {}}}
SCALED: dict[str, Any] = {"f:spec": {"f:replicas": {}}}


def test_drift_names_field_and_manager() -> None:
    drifted = child("Deployment", "obj-web", entry("kubectl", SCALED, subresource="scale"), own=LEFT)
    root = grow(seen(cr(listed(drifted)), drifted))
    (found,) = root.children
    assert (found.state, found.drift, found.managers) == (State.READY, ("spec.replicas was changed by kubectl",), ())
    assert not tree.is_well(root)


def test_of_what_was_removed_the_operator_knows() -> None:
    drifted = child("Deployment", "obj-web", own=LEFT)
    assert only_child(seen(cr(listed(drifted)), drifted)).drift == (
        "fields that nuvop set were removed, or changed by others",
    )
    message = "ConfigMap/obj-web: a was removed; Deployment/obj-web: spec.replicas was removed, b was changed by x"
    told = cr(listed(drifted), conditions=(READY, condition("Drifted", message=message)))
    assert only_child(seen(told, drifted)).drift == ("spec.replicas was removed, b was changed by x",)


def test_another_revision_is_no_drift() -> None:
    other = child("Deployment", "obj-web", own=LEFT, labels={REVISION_LABEL: "r0"})
    found = only_child(seen(cr(listed(other)), other))
    assert (found.drift, found.notes) == ((), ("of another revision than the one applied last",))
    kept = child(
        "Deployment",
        "obj-web",
        labels={REVISION_LABEL: "r0"},
        metadata={"annotations": {"nuvop.nuvolaris.org/prune": "disabled"}},
    )
    (note,) = only_child(seen(cr(listed(kept)), kept)).notes
    assert note.endswith(", and kept (nuvop.nuvolaris.org/prune)")


def test_a_revision_label_that_somebody_changed_is_drift() -> None:
    thief = entry("kubectl", {"f:metadata": {"f:labels": {f"f:{REVISION_LABEL}": {}}}})
    changed = child("Deployment", "obj-web", thief, own={"f:spec": OWN["f:spec"]}, labels={REVISION_LABEL: "mine"})
    found = only_child(seen(cr(listed(changed)), changed))
    assert found.drift == ("metadata.labels.[nuvop.nuvolaris.org/revision] was changed by kubectl",)


def test_other_managers_are_named_with_their_fields() -> None:
    theirs = {
        "f:spec": {
            "f:replicas": {},
            "f:template": {"f:spec": {"f:containers": {'k:{"name":"side"}': {".": {}, "f:image": {}}}}},
        },
        "f:metadata": {"f:annotations": {"f:example.org/a": {}}},
    }
    housekeeping: dict[str, Any] = {
        "f:metadata": {"f:annotations": {".": {}, "f:deployment.kubernetes.io/revision": {}}}
    }
    status = entry("kube-controller-manager", {"f:status": {"f:replicas": {}}}, subresource="status")
    body = child("Deployment", "obj-web", entry("kube-controller-manager", housekeeping), status, entry("helm", theirs))
    assert only_child(seen(cr(listed(body)), body)).managers == (
        Owned("helm", ("annotations.[example.org/a]", "containers.[name=side]"), is_shared=False),
        Owned("helm", ("replicas",), is_shared=True),
    )


def test_who_else_has_made_it() -> None:
    kubectl = entry("kubectl-create", {"f:data": {}})
    entries = [listed(CONFIG, uid="", digest="")]
    theirs = child("ConfigMap", "obj-config", kubectl, own=None)
    for where in ({}, {"found": {key_of(theirs): theirs}}):
        live = () if where else (theirs,)
        root = grow(seen(cr(*entries), *live, **where))
        (found,) = root.children
        assert (found.state, found.message) == (State.NOT_OWNED, "made by kubectl-create, not by nuvop")
        assert not tree.is_well(root)


@pytest.mark.parametrize(("more", "told"), [({}, "caches-obj"), ({NAMESPACE_LABEL: "other"}, "caches-obj in other")])
def test_what_nuvop_has_made_for_another_resource(more: dict[str, str], told: str) -> None:
    labels = {INSTANCE_LABEL: "caches-obj", OWNER_LABEL: "another", **more}
    theirs = child("ConfigMap", "obj-config", labels=labels)
    found = only_child(seen(cr(listed(CONFIG, uid="", digest="")), found={key_of(theirs): theirs}))
    assert (found.state, found.message) == (State.NOT_OWNED, f"made by nuvop for another resource ({told})")
    copied = child("ConfigMap", "obj-config", own=None, labels=labels)
    found = only_child(seen(cr(listed(CONFIG, uid="", digest="")), found={key_of(copied): copied}))
    assert found.message == "not made by nuvop"


def test_made_anew_meanwhile() -> None:
    again = child("ConfigMap", "obj-config", metadata={"uid": "other"})
    assert only_child(seen(cr(listed(CONFIG)), again)).state is State.READY
    elsewhere = seen(cr(listed(CONFIG)), found={key_of(again): again})
    assert only_child(elsewhere).state is State.NOT_OWNED, "without the label it is nuvop's no more"


def test_who_takes_the_label_off_hides_it() -> None:
    found = only_child(seen(cr(listed(CONFIG)), found={key_of(CONFIG): CONFIG}))
    assert found.state is State.READY
    assert found.notes == ("the label nuvop.nuvolaris.org/instance was taken off: nuvop does not see it",)


def test_made_for_an_earlier_resource_of_the_name() -> None:
    earlier = child("ConfigMap", "obj-config", labels={OWNER_LABEL: "before"})
    assert only_child(seen(cr(listed(earlier)), earlier)).notes == ("was made for an earlier resource of this name",)


def test_where_it_lives() -> None:
    away = child("ConfigMap", "obj-config", metadata={"namespace": "other"})
    role = child("ClusterRole", "obj-role", metadata={"namespace": ""})
    nodes = grow(seen(cr(listed(away), listed(role)), away, role)).children
    assert [node.where for node in nodes] == ["in other", "outside namespaces"]


# --- what stands below -----------------------------------------------------------------------------------------------


def test_claims_stand_below_their_stateful_set() -> None:
    template = {"metadata": {"name": "www"}}
    db = child("StatefulSet", "obj-db", spec={"replicas": 1, "volumeClaimTemplates": [template]})
    claims = [
        made("v1", "PersistentVolumeClaim", name, status={"phase": "Bound"})
        for name in ("www-obj-db-0", "www-obj-db-x", "www-obj-db2-0")
    ]
    root = grow(seen(cr(listed(db)), db, *claims))
    assert [node.name for node in root.children[0].children] == ["PersistentVolumeClaim/www-obj-db-0"]
    assert [node.name for node in root.children[1:]] == [
        "PersistentVolumeClaim/www-obj-db-x",
        "PersistentVolumeClaim/www-obj-db2-0",
    ]


def test_what_stands_below_a_child_that_is_gone_or_may_not_be_seen() -> None:
    left = pod("obj-web-a", DEPLOYMENT)
    root = grow(seen(cr(listed(DEPLOYMENT)), left))
    assert shape(root)[2] == [("Deployment/obj-web", "Missing", [("Pod/obj-web-a", "Ready")])]


def test_what_is_not_in_the_inventory() -> None:
    hidden = made("apps/v1", "ReplicaSet", "obj-web-1", DEPLOYMENT)
    secret = child("Secret", "obj-pass", own=None, labels={"nuvop.nuvolaris.org/generated": "true"})
    copy = child("ConfigMap", "copy", entry("kubectl-create", {}), own=None)
    late = child("ConfigMap", "late")
    root = grow(seen(cr(listed(CONFIG)), CONFIG, pod("obj-web-1-a", hidden), secret, copy, late))
    assert {node.name: node.notes for node in root.children[1:]} == {
        "Pod/obj-web-1-a": ("made by ReplicaSet/obj-web-1",),
        "Secret/obj-pass": ("is not in status.inventory",),
        "ConfigMap/copy": ("carries nuvop's labels; made by kubectl-create, not by nuvop",),
        "ConfigMap/late": ("is not in status.inventory",),
    }


# --- events ----------------------------------------------------------------------------------------------------------


def test_an_event() -> None:
    event = {
        "involvedObject": {"uid": "u"},
        "reason": "BackOff",
        "message": "Back-off\n pulling",
        "lastTimestamp": "2026-01-01T00:00:10Z",
        "eventTime": None,
        "count": 7,
    }
    assert Complaint.of(event) == Complaint(1767225610.0, 7, "BackOff: Back-off pulling")
    series = {"count": 9, "lastObservedTime": "2026-01-01T00:00:20.000000Z"}
    assert Complaint.of({**event, "series": series}) == Complaint(1767225620.0, 9, "BackOff: Back-off pulling")
    assert Complaint.of({}) == Complaint(0.0, 1, ": ")


def test_the_newest_event_of_each_reason_is_told() -> None:
    told = (Complaint(1, 1, "A: old"), Complaint(3, 1, "A: new"), Complaint(2, 1, "B: x"))
    bare = pod("obj-web-a", CONFIG)
    root = grow(seen(cr(listed(CONFIG)), CONFIG, bare, complaints={"uid-obj-web-a": told, "other": told}))
    assert [each.text for each in root.children[0].children[0].complaints] == ["A: new", "B: x"]
    assert root.children[0].complaints == ()


def test_what_an_object_says_itself_is_not_said_again() -> None:
    waiting = pod("obj-web-a", CONFIG, is_ready=False)
    said = Complaint(1, 1, "Unhealthy: containers with unready status: [main]")
    root = grow(seen(cr(listed(CONFIG)), CONFIG, waiting, complaints={"uid-obj-web-a": (said,)}))
    found = root.children[0].children[0]
    assert (found.message, found.complaints) == ("containers with unready status: [main]", ())


def test_what_a_condition_says_is_not_said_again() -> None:
    said = Complaint(1, 1, "HealthCheckFailed: 2 objects are ready")
    other = Complaint(1, 1, "Drifted: putting back")
    root = grow(seen(cr(), complaints={"u": (said, other)}))
    assert root.complaints == (other,)


def test_nothing_of_a_secret_but_names() -> None:
    theirs = entry("kubectl", {"f:data": {"f:word": {}}})
    secret = child("Secret", "obj-pass", theirs, data={"word": "aHVudGVyMg=="})
    root = grow(seen(cr(listed(secret)), secret))
    assert root.children[0].managers == (Owned("kubectl", ("data.word",), is_shared=False),)
    assert "aHVudGVyMg" not in repr(root)
    assert root.children[0].key == ObjectKey("", "Secret", "demo", "obj-pass")
