from typing import Any

import pytest

from nuvop import objects
from nuvop.objects import CRKey


def body(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"name": "x", "managedFields": list(entries)}}


def entry(manager: str, fields: dict[str, Any], operation: str = "Apply", **more: object) -> dict[str, Any]:
    return {"manager": manager, "operation": operation, "apiVersion": "apps/v1", "fieldsV1": fields, **more}


REPLICAS: dict[str, Any] = {"f:spec": {"f:replicas": {}, "f:paused": {}}}


def test_instance_is_a_label_value_and_stable() -> None:
    assert CRKey("samples", "demo", "obj").instance == "samples-obj"
    long = CRKey("samples", "demo", "a" * 60).instance
    assert len(long) == 63
    assert long.startswith("samples-aaaa")
    assert long != CRKey("samples", "demo", "a" * 59 + "b").instance
    assert long == CRKey("samples", "other", "a" * 60).instance, "the namespace parts them already"
    assert len(CRKey("samples", "demo", "a" * 55).instance) == 63
    assert CRKey("samples", "demo", "a" * 55).instance == "samples-" + "a" * 55


def test_ownership_is_our_apply_entry_without_subresource() -> None:
    ours = entry("nuvop", REPLICAS, time="2026-01-01T00:00:00Z")
    others = [
        entry("nuvop", {"f:spec": {}}, operation="Update"),
        entry("nuvop", {"f:status": {}}, subresource="status"),
        entry("kubectl", {"f:spec": {}}),
    ]
    assert objects.owned_tree(body(*others, ours)) == objects.owned_tree(objects.kept(body(*others, ours))) == REPLICAS
    assert objects.is_applied(body(ours))
    assert not objects.is_applied(body(*others))
    assert objects.owned_tree(body(*others)) == {}
    assert objects.ownership_digest(body(*others)) == ""
    assert not objects.is_applied({"metadata": {"name": "x"}})


def test_digest_depends_on_owned_fields_only() -> None:
    digest = objects.ownership_digest(body(entry("nuvop", REPLICAS)))
    assert digest == objects.ownership_digest(body(entry("nuvop", REPLICAS, time="later"), entry("x", {})))
    assert digest != objects.ownership_digest(body(entry("nuvop", {"f:spec": {"f:paused": {}}})))
    assert digest != objects.ownership_digest(body({**entry("nuvop", REPLICAS), "apiVersion": "apps/v2"}))


def test_taken_fields_name_field_and_manager() -> None:
    containers: dict[str, Any] = {'k:{"name":"nginx"}': {".": {}, "f:name": {}, "f:image": {}}}
    before = body(entry("nuvop", {"f:spec": {"f:replicas": {}, "f:containers": containers}}))
    after = body(
        entry("nuvop", {"f:spec": {"f:containers": {'k:{"name":"nginx"}': {".": {}, "f:name": {}}}}}),
        entry("kubectl", {"f:spec": {"f:replicas": {}}}, operation="Update", subresource="scale"),
    )
    assert objects.taken_fields(before, after) == [
        ("spec.containers.[name=nginx].image", ""),
        ("spec.replicas", "kubectl"),
    ]
    assert objects.taken_fields(before, before) == []


NGINX: dict[str, Any] = {'k:{"name":"nginx"}': {".": {}, "f:name": {}, "f:image": {}}}
SET: dict[str, Any] = {"f:spec": {"f:replicas": {}, "f:containers": NGINX}, "f:metadata": {"f:labels": {"f:a.b/c": {}}}}
LEFT: dict[str, Any] = {"f:spec": {"f:containers": {'k:{"name":"nginx"}': {".": {}, "f:name": {}}}}}


def test_a_digest_tells_what_was_taken() -> None:
    before = body(entry("nuvop", SET))
    digest = objects.ownership_digest(before)
    kubectl = {"f:metadata": {"f:labels": {".": {}, "f:a.b/c": {}, "f:more": {}}}, "f:spec": {"f:replicas": {}}}
    image: dict[str, Any] = {"f:spec": {"f:containers": {'k:{"name":"nginx"}': {"f:image": {}}}}}
    after = body(
        entry("nuvop", LEFT),
        entry("kubectl", kubectl, operation="Update", subresource="scale"),
        entry("other", image, operation="Update"),
        entry("controller", {"f:status": {"f:replicas": {}}}, operation="Update", subresource="status"),
    )
    taken = [
        ("metadata.labels.[a.b/c]", "kubectl"),
        ("spec.containers.[name=nginx].image", "other"),
        ("spec.replicas", "kubectl"),
    ]
    assert objects.taken_since(after, digest) == taken
    assert objects.taken_since(objects.kept(after), digest) == taken
    gone = body(entry("nuvop", LEFT), entry("other", image, operation="Update"))
    assert objects.taken_since(gone, digest) is None, "the replicas are removed, and nobody's"


def test_a_digest_tells_who_took_all() -> None:
    digest = objects.ownership_digest(body(entry("nuvop", REPLICAS)))
    after = {**body(entry("thief", REPLICAS, operation="Update")), "apiVersion": "apps/v1"}
    assert objects.taken_since(after, digest) == [("spec.paused", "thief"), ("spec.replicas", "thief")]


def test_what_is_too_much_to_guess_is_not_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "MOST_GUESSES", 100)
    digest = objects.ownership_digest(body(entry("nuvop", {"f:x0": {}, "f:x1": {}, "f:x2": {}})))
    many: dict[str, Any] = {f"f:x{number}": {} for number in range(30)}
    assert objects.taken_since({**body(entry("thief", many)), "apiVersion": "apps/v1"}, digest) is None


def test_what_others_own() -> None:
    theirs = {
        "f:spec": {
            "f:replicas": {},
            "f:containers": {
                'k:{"name":"nginx"}': {"f:image": {}, "f:tty": {}},
                'k:{"name":"sidecar"}': {".": {}, "f:name": {}, "f:image": {}},
            },
        },
        "f:metadata": {"f:finalizers": {".": {}, 'v:"x/y"': {}}, "f:annotations": {".": {}, "f:note": {}}},
    }
    obj = body(
        entry("nuvop", SET),
        entry("nuvop", {"f:metadata": {"f:finalizers": {}}}, operation="Update"),
        entry("kubectl", theirs, operation="Update", subresource="scale"),
        entry("controller", {"f:status": {"f:replicas": {}}}, operation="Update", subresource="status"),
    )
    assert objects.shares(obj) == objects.shares(objects.kept(obj))
    assert {(share.field, share.is_shared) for share in objects.shares(obj)} == {
        ("spec.replicas", True),
        ("spec.containers.[name=nginx].image", True),
        ("spec.containers.[name=nginx].tty", False),
        ("spec.containers.[name=sidecar]", False),
        ('metadata.finalizers."x/y"', False),
        ("metadata.annotations.note", False),
    }
    assert {share.manager for share in objects.shares(obj)} == {"kubectl"}


def test_taken_labels_are_readable() -> None:
    before = body(entry("nuvop", {"f:metadata": {"f:labels": {"f:a.b/c": {}}}}))
    assert objects.taken_fields(before, body()) == [("metadata.labels.[a.b/c]", "")]


@pytest.mark.parametrize(
    ("entries", "maker"),
    [
        ([], ""),
        ([entry("late", {}, time="2026-02"), entry("early", {}, time="2026-01")], "early"),
        ([entry("nuvop", {}, time="2025"), entry("maker", {}, time="2026")], "maker"),
        ([entry("status-writer", {}, time="2025", subresource="status"), entry("maker", {}, time="2026")], "maker"),
    ],
)
def test_maker(entries: list[dict[str, Any]], maker: str) -> None:
    assert objects.maker_of(body(*entries)) == maker


@pytest.mark.parametrize(
    ("own", "other", "is_taken_over"),
    [
        pytest.param(5, None, False, id="made by nuvop"),
        pytest.param(4, None, False, id="made by nuvop, and a second began meanwhile"),
        pytest.param(5, 5, True, id="made by another in the same second"),
        pytest.param(9, 5, True, id="made by another"),
        pytest.param(9, None, True, id="made by another who set no field"),
        pytest.param(None, 5, False, id="not applied by nuvop at all"),
    ],
)
def test_what_was_taken_over(own: int | None, other: int | None, is_taken_over: bool) -> None:
    def at(second: int) -> str:
        return f"2026-01-01T00:00:0{second}Z"

    entries = [] if own is None else [entry("nuvop", {}, time=at(own))]
    entries += [] if other is None else [entry("somebody", {}, operation="Update", time=at(other))]
    entries.append(entry("kube-controller-manager", {}, operation="Update", time=at(5), subresource="status"))
    entries.append(entry("nuvop-released", {}, time=at(5)))
    obj = body(*entries)
    obj["metadata"]["creationTimestamp"] = at(5)
    assert objects.is_taken_over(obj) == is_taken_over


def test_whose_fields_of_a_status_are_whose() -> None:
    def entry(manager: str, *names: str, subresource: str = "status") -> dict[str, Any]:
        told: dict[str, Any] = {"f:status": {".": {}, **{f"f:{name}": {} for name in names}}}
        return {"manager": manager, "operation": "Update", "subresource": subresource, "fieldsV1": told}

    entries = [entry("nuvop", "conditions", "shared"), entry("kopf", "lastBackup", "shared"), entry("me", "note")]
    assert objects.status_of_others({"metadata": {"managedFields": entries}}) == {"lastBackup", "note"}
    assert objects.status_of_others({"metadata": {"managedFields": [entry("kopf", "a", subresource="")]}}) == set()
    assert objects.status_of_others({"metadata": {}}) == set()


def test_what_is_held_in_memory_tells_the_same_of_owned_fields() -> None:
    whole = body(
        entry("nuvop", REPLICAS),
        entry("kubectl", {"f:spec": {"f:paused": {}}}, operation="Update", subresource="scale"),
        entry("controller", {"f:status": {}}, operation="Update", subresource="status"),
    ) | {"data": {"password": "x"}, "kind": "Secret"}
    held = objects.kept(whole, ["data"])
    assert "data" not in held
    assert held["kind"] == "Secret"
    assert [written["manager"] for written in held["metadata"]["managedFields"]] == ["nuvop", "kubectl"]
    assert objects.ownership_digest(held) == objects.ownership_digest(whole)
    assert objects.owned_tree(held) == objects.owned_tree(whole) == REPLICAS
    after = objects.kept(body(entry("kubectl", REPLICAS, operation="Update", subresource="scale")))
    assert ("spec.replicas", "kubectl") in objects.taken_fields(held, after)
    assert objects.kept(held) == {**held}, "once is enough"
