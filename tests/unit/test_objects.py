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
    assert objects.ownership(body(*others, ours)) == {"apiVersion": "apps/v1", "fieldsV1": REPLICAS}
    assert objects.ownership(body(*others)) is None
    assert objects.ownership_digest(body(*others)) == ""
    assert objects.ownership({"metadata": {"name": "x"}}) is None


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


def test_taken_labels_are_readable() -> None:
    before = body(entry("nuvop", {"f:metadata": {"f:labels": {"f:a.b/c": {}}}}))
    assert objects.taken_fields(before, body()) == [(r"metadata.labels.a\.b/c", "")]


@pytest.mark.parametrize(
    ("entries", "maker"),
    [
        ([], ""),
        ([entry("late", {}, time="2026-02"), entry("early", {}, time="2026-01")], "early"),
        ([entry("status-writer", {}, time="2025", subresource="status"), entry("maker", {}, time="2026")], "maker"),
    ],
)
def test_maker(entries: list[dict[str, Any]], maker: str) -> None:
    assert objects.maker_of(body(*entries)) == maker
