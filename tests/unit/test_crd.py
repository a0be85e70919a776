"""What a CRD says of a CR's fields."""

from typing import Any

import jsonschema
import pytest

from nuvop import crd, fields
from nuvop.crd import Crd, ResourceType

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "default": {},
            "properties": {
                "count": {"type": "integer", "default": 2, "minimum": 1},
                "note": {"type": "string", "nullable": True, "default": "x"},
                "backup": {"type": "object", "properties": {"at": {"type": "string", "default": "noon"}}},
                "ports": {"type": "array", "items": {"type": "object", "properties": {"name": {"default": "http"}}}},
                "tags": {
                    "type": "object",
                    "additionalProperties": {
                        "type": "object",
                        "properties": {"on": {"type": "boolean", "default": True}},
                    },
                },
                "size": {"x-kubernetes-int-or-string": True},
                "free": {
                    "type": "object",
                    "x-kubernetes-preserve-unknown-fields": True,
                    "properties": {"names": {"type": "array"}},
                },
            },
        }
    },
}
CRD = Crd(ResourceType("x.org", "v1", "Thing", "things"), {"v1": SCHEMA, "v1beta1": {"type": "object"}})


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (None, {"count": 2, "note": "x"}),
        ({"count": 0}, {"count": 0, "note": "x"}),
        ({"count": None, "note": None}, {"count": 2, "note": None}),
        ({"backup": {}}, {"count": 2, "note": "x", "backup": {"at": "noon"}}),
        (
            {"ports": [{}, {"name": "a"}], "tags": {"a": {}}},
            {"count": 2, "note": "x", "ports": [{"name": "http"}, {"name": "a"}], "tags": {"a": {"on": True}}},
        ),
    ],
)
def test_defaults_are_filled_in_as_the_api_server_does(spec: Any, expected: Any) -> None:
    cr = {"apiVersion": "x.org/v1", "kind": "Thing"} | ({} if spec is None else {"spec": spec})
    before = repr(cr)
    assert CRD.defaulted(cr)["spec"] == expected
    assert repr(cr) == before


def test_a_cr_of_another_version_is_shown_in_the_stored_one() -> None:
    cr = {"apiVersion": "x.org/v1beta1", "kind": "Thing", "spec": {"count": 5}}
    assert CRD.defaulted(cr) == {"apiVersion": "x.org/v1", "kind": "Thing", "spec": {"count": 5}}


@pytest.mark.parametrize(
    ("path", "type_"),
    [
        ("spec.count", "integer"),
        ("spec.ports.*.name", None),
        ("spec.tags.any.on", "boolean"),
        ("spec.free.a.b", None),
        ("spec.free.names", "array"),
        ("spec.size", None),
    ],
)
def test_a_field_that_there_can_be(path: str, type_: str | None) -> None:
    found = crd.field(SCHEMA, fields.parse(path))
    assert found is not None
    assert found.get("type") == type_


@pytest.mark.parametrize("path", ["spec.none", "spec.count.x", "spec.backup.on", "status"])
def test_a_field_that_there_cannot_be(path: str) -> None:
    assert crd.field(SCHEMA, fields.parse(path)) is None


def test_the_ends_of_a_schema() -> None:
    found = {".".join(leaf) for leaf in crd.leaves(SCHEMA)}
    assert {"spec.count", "spec.backup.at", "spec.ports", "spec.tags", "spec.free.names"} <= found
    assert "spec.backup" not in found


@pytest.mark.parametrize(
    ("spec", "fits"),
    [
        ({"count": 1, "size": 3}, True),
        ({"size": "3Gi", "note": None, "free": {"a": 1}}, True),
        ({"tags": {"a": {"on": False}}}, True),
        ({"count": 0}, False),
        ({"count": "1"}, False),
        ({"size": 1.5}, False),
        ({"cuont": 1}, False),
        ({"tags": {"a": {"of": True}}}, False),
    ],
)
def test_as_json_schema(spec: dict[str, Any], fits: bool) -> None:
    validator = jsonschema.Draft202012Validator(crd.json_schema(SCHEMA))
    assert validator.is_valid({"spec": spec}) == fits
