"""What may be deleted, and above all what may not."""

from collections.abc import Iterable
from typing import Any

import pytest

from nuvop import prune
from nuvop.objects import INSTANCE_LABEL, OWNER_LABEL, REVISION_LABEL, ObjectKey, key_of
from nuvop.prune import Refusal

UID = "11111111-1111-1111-1111-111111111111"
NEW, OLD = "new", "old"

Entry = dict[str, Any]


def owning(*labels: str) -> dict[str, Any]:
    return {"f:metadata": {"f:labels": {f"f:{label}": {} for label in labels}}, "f:data": {"f:key": {}}}


def entry(manager: str = "nuvop", operation: str = "Apply", **more: Any) -> Entry:
    return {
        "manager": manager,
        "operation": operation,
        "apiVersion": "v1",
        "fieldsType": "FieldsV1",
        "fieldsV1": owning(INSTANCE_LABEL, OWNER_LABEL, REVISION_LABEL),
        **more,
    }


def obj(
    kind: str = "Service",
    api_version: str = "v1",
    *,
    name: str = "obj-web",
    labels: dict[str, str] | None = None,
    managed: Iterable[Entry] | None = None,
    **metadata: Any,
) -> dict[str, Any]:
    """What nuvop made of the old revision, but for what the test says."""
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": "demo",
            "uid": f"uid-{name}",
            "labels": {INSTANCE_LABEL: "samples-obj", OWNER_LABEL: UID, REVISION_LABEL: OLD, **(labels or {})},
            "managedFields": [entry()] if managed is None else list(managed),
            **metadata,
        },
    }


def pruned(*bodies: dict[str, Any], overlay: Iterable[ObjectKey] = ()) -> list[str]:
    live = {key_of(body): body for body in bodies}
    return [str(key) for key in prune.orphans(tuple(overlay), UID, NEW, live)]


def test_what_nuvop_made_and_the_overlay_has_no_more_is_an_orphan() -> None:
    assert pruned(obj()) == ["Service/obj-web"]


def test_others_that_write_to_it_too_do_not_change_that() -> None:
    status = entry("kube-controller-manager", "Update", subresource="status")
    assert pruned(obj(managed=[status, entry("kubectl-edit", "Update"), entry()])) == ["Service/obj-web"]


def test_orphans_of_all_kinds_are_told_in_order() -> None:
    bodies = [obj("Widget", "example.com/v1"), obj(name="obj-b"), obj(name="obj-a"), obj("Job", "batch/v1")]
    assert pruned(*bodies) == ["Service/obj-a", "Service/obj-b", "Job/obj-web", "Widget/obj-web"]


def test_what_the_overlay_has_stays_whatever_its_revision() -> None:
    kept, left = obj(), obj(name="obj-cache")
    assert pruned(kept, left, overlay=[key_of(kept)]) == ["Service/obj-cache"]


def test_what_the_overlay_has_in_another_group_is_another_object() -> None:
    gone = obj("Ingress", "extensions/v1beta1")
    assert pruned(gone, overlay=[key_of(obj("Ingress", "networking.k8s.io/v1"))]) == ["Ingress/obj-web"]
    moved = obj("Ingress", "networking.k8s.io/v1beta1")
    assert pruned(moved, overlay=[key_of(obj("Ingress", "networking.k8s.io/v1"))]) == []


def test_what_is_of_the_same_revision_stays() -> None:
    assert pruned(obj(labels={REVISION_LABEL: NEW})) == []


def test_what_lost_its_revision_label_stays() -> None:
    body = obj()
    del body["metadata"]["labels"][REVISION_LABEL]
    assert pruned(body) == []


def test_what_is_another_crs_stays() -> None:
    assert pruned(obj(labels={OWNER_LABEL: "22222222-2222-2222-2222-222222222222"})) == [], "adopted by another CR"


@pytest.mark.parametrize("labels", [None, {}, {INSTANCE_LABEL: "samples-obj", REVISION_LABEL: OLD}])
def test_what_is_nobodys_stays(labels: dict[str, str] | None) -> None:
    body = obj()
    body["metadata"]["labels"] = labels
    assert pruned(body) == []


@pytest.mark.parametrize(
    ("kind", "api_version", "manager"),
    [
        ("EndpointSlice", "discovery.k8s.io/v1", "kube-controller-manager"),
        ("Endpoints", "v1", "kube-controller-manager"),
        ("ReplicaSet", "apps/v1", "kube-controller-manager"),
        ("ControllerRevision", "apps/v1", "kube-controller-manager"),
        ("Pod", "v1", "kube-controller-manager"),
    ],
)
def test_what_controllers_made_of_children_stays(kind: str, api_version: str, manager: str) -> None:
    made = [entry(manager, "Update"), entry("kubelet", "Update", subresource="status")]
    assert pruned(obj(kind, api_version, managed=made)) == []
    assert pruned(obj(kind, api_version, managed=[])) == []


@pytest.mark.parametrize(
    "managed",
    [
        pytest.param([entry("kubectl-create", "Update")], id="get -o yaml | create"),
        pytest.param([entry("kubectl", "Apply")], id="get -o yaml | apply --server-side"),
        pytest.param([entry("kubectl-client-side-apply", "Update")], id="get -o yaml | apply"),
        pytest.param([entry("nuvop", "Update")], id="somebody who calls himself nuvop"),
        pytest.param([entry("nuvop-released")], id="a manager with a longer name"),
        pytest.param([entry(subresource="status")], id="nuvop, but of the status only"),
        pytest.param([entry("kubectl-create", "Update"), entry(fieldsV1={"f:data": {"f:key": {}}})], id="other fields"),
        pytest.param([entry(fieldsV1=owning(INSTANCE_LABEL, REVISION_LABEL))], id="other labels"),
        pytest.param([entry(fieldsV1={f"f:{OWNER_LABEL}": {}})], id="a field of that name elsewhere"),
        pytest.param([entry(fieldsV1={"f:metadata": {"f:annotations": {f"f:{OWNER_LABEL}": {}}}})], id="an annotation"),
        pytest.param([entry(fieldsV1={})], id="no field"),
        pytest.param([entry(fieldsV1=None)], id="no fields at all"),
        pytest.param([], id="no managers"),
    ],
)
def test_a_label_that_nuvop_did_not_put_there_proves_nothing(managed: list[Entry]) -> None:
    assert pruned(obj(managed=managed)) == []


def test_what_is_being_deleted_is_not_deleted_again() -> None:
    assert pruned(obj(deletionTimestamp="2026-01-01T00:00:00Z", finalizers=["example.com/wait"])) == []


@pytest.mark.parametrize("value", ["disabled", "Disabled", "no"])
def test_what_is_annotated_stays(value: str) -> None:
    assert pruned(obj(annotations={"nuvop.nuvolaris.org/prune": value})) == []


@pytest.mark.parametrize(
    ("kind", "api_version"),
    [
        ("Namespace", "v1"),
        ("CustomResourceDefinition", "apiextensions.k8s.io/v1"),
        ("APIService", "apiregistration.k8s.io/v1"),
    ],
)
def test_what_others_live_in_always_stays(kind: str, api_version: str) -> None:
    assert pruned(obj(kind, api_version)) == []


@pytest.mark.parametrize(
    ("key", "before_ready"),
    [
        (ObjectKey("", "ConfigMap", "demo", "x"), False),
        (ObjectKey("", "Secret", "demo", "x"), False),
        (ObjectKey("", "Service", "demo", "x"), True),
        (ObjectKey("apps", "Deployment", "demo", "x"), True),
        (ObjectKey("example.com", "Secret", "demo", "x"), True),
    ],
)
def test_what_pods_read_goes_once_the_cr_is_ready(key: ObjectKey, before_ready: bool) -> None:
    assert prune.may_go_now(key, is_ready=False) is before_ready
    assert prune.may_go_now(key, is_ready=True)


def keys(count: int, kind: str = "Service", name: str = "x") -> frozenset[ObjectKey]:
    return frozenset(ObjectKey("", kind, "demo", f"{name}-{number}") for number in range(count))


@pytest.mark.parametrize(
    ("total", "going", "percent", "is_refused"),
    [
        (20, 11, 50, True),
        (22, 11, 50, False),  # half is not more than half
        (21, 11, 50, True),
        (18, 10, 50, False),  # no more than a few
        (10, 10, 50, False),
        (1000, 500, 50, False),
        (1000, 501, 50, True),
        (1000, 0, 50, False),
        (1000, 11, 1, True),
        (1000, 11, 0, True),
        (1000, 10, 0, False),
        (1000, 999, 100, False),
        (0, 0, 50, False),
    ],
)
def test_too_much_at_once_is_refused(total: int, going: int, percent: int, is_refused: bool) -> None:
    wanted = keys(total - going) | keys(1, "Secret")
    refusal = prune.guard([(keys(total), wanted)], "samples", percent)
    assert refusal == (Refusal("samples", going, total, percent) if is_refused else None)


def test_all_crs_of_a_kind_count_together() -> None:
    crs = [(keys(4, name=f"cr{number}"), keys(1, name=f"cr{number}")) for number in range(4)]
    assert prune.guard(iter(crs), "samples", 50) == Refusal("samples", 12, 16, 50)
    fresh = (keys(0), keys(100, name="fresh"))
    assert prune.guard([*crs, fresh], "samples", 50) == Refusal("samples", 12, 16, 50), "what is to be made is no child"
    assert prune.guard([*crs, (keys(8), keys(8))], "samples", 50) is None


def test_what_a_cr_has_is_not_kept_by_anothers_overlay() -> None:
    assert prune.guard([(keys(12), keys(1, "Secret")), (keys(0), keys(12))], "samples", 50) is not None


def test_a_build_that_came_out_empty_is_refused_however_few_would_go() -> None:
    assert prune.guard([(keys(3), ()), (keys(3, name="y"), ())], "samples", 50) == Refusal("samples", 6, 6, 50)
    assert prune.guard([(keys(3), ())], "samples", 100) == Refusal("samples", 3, 3, 100)
    assert prune.guard([((), ())], "samples", 50) is None
    assert prune.guard([], "samples", 50) is None


def test_a_refusal_says_how_many_would_go_and_what_to_do() -> None:
    assert str(Refusal("samples", 600, 1000, 50)) == (
        "600 of 1000 children of samples would be deleted (more than 50 %); "
        "annotate nuvop.nuvolaris.org/prune: confirm to delete those of this resource"
    )
    assert str(Refusal("samples", 3, 3, 100)).startswith("3 of 3 children of samples would be deleted; annotate")
