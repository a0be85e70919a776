"""What the API server would refuse of a custom resource."""

from typing import Any

import pytest

from nuvop import validation
from nuvop.crd import Crd, ResourceType
from nuvop.fields import Name

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["spec"],
    "x-kubernetes-validations": [
        {"rule": "self.metadata.name.size() <= 15", "message": "15 characters at most"},
        {"rule": "self.metadata.name.matches('^[a-z]') && self.metadata.name.size() < 20"},
        {"rule": "self.metadata.name.size() <= 0 || self.spec.size > 0", "message": "which is not tried"},
        {"rule": "self.metadata.name.matches('^z') || self.kind.matches('T')", "message": "which is not tried, either"},
        {"rule": "self.metadata.name.matches('\\\\pL')", "message": "which Python does not know"},
    ],
    "properties": {
        "metadata": {"type": "object", "properties": {"name": {"type": "string", "maxLength": 10}}},
        "spec": {
            "type": "object",
            "required": ["size"],
            "allOf": [{"properties": {"second": {"minLength": 12}}}],
            "properties": {
                "token": {"type": "string", "pattern": "^.{12,}$"},
                "second": {"type": "string", "format": "password"},
                "size": {"type": "integer", "format": "int32", "minimum": 1, "maximum": 10, "default": 2},
                "most": {"type": "integer", "format": "int32"},
                "tier": {"type": "string", "enum": ["small", "large"]},
                "password": {"type": "string", "format": "password", "minLength": 8},
                "port": {"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}]},
                "ratio": {"type": "number", "minimum": 0, "exclusiveMinimum": True},
                "tags": {"type": "object", "additionalProperties": {"type": "string"}},
                "at": {
                    "type": "object",
                    "properties": {"hour": {"type": "integer"}, "cron": {"type": "string"}},
                    "oneOf": [{"required": ["hour"]}, {"required": ["cron"], "properties": {"cron": {"minLength": 1}}}],
                },
                "pod": {
                    "type": "object",
                    "x-kubernetes-embedded-resource": True,
                    "properties": {"spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
                },
            },
        },
        "status": {"type": "object", "properties": {"ready": {"type": "boolean"}}},
    },
}
CRD = Crd(ResourceType("x.org", "v1", "Thing", "things"), {"v1": SCHEMA})

SECRETS = {*CRD.passwords, (Name("spec"), Name("token"))}


def unfit(spec: Any = None, **metadata: Any) -> list[str]:
    cr = {"apiVersion": "x.org/v1", "kind": "Thing", "metadata": {"name": "a", **metadata}, "status": {"ready": "no"}}
    return [
        f"{'.'.join(map(str, way))}: {told}" for way, told in validation.unfit(CRD, {**cr, "spec": spec or {}}, SECRETS)
    ]


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"size": None, "tier": None, "tags": {"a": None, "b": "c"}},
        {"size": 10, "tier": "small", "port": "http", "ratio": 0.1, "password": "x" * 8},
        {"port": 80, "at": {"hour": 1}},
        {"at": {"cron": "@daily"}},
        {"pod": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"any": 1}}},
    ],
)
def test_what_the_api_server_takes(spec: dict[str, Any]) -> None:
    assert unfit(spec) == []


def test_metadata_as_the_api_server_writes_them() -> None:
    written = {
        "uid": "u",
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "generation": 1,
        "managedFields": [],
        "labels": None,
    }
    assert unfit(namespace="demo", **written) == []


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ({"size": "many"}, "spec.size: 'many' is not of type 'integer'"),
        ({"size": True}, "spec.size: True is not of type 'integer'"),
        ({"size": 11}, "spec.size: 11 is greater than the maximum of 10"),
        ({"most": 2**31}, "spec.most: 2147483648 is greater than the maximum of 2147483647"),
        ({"tier": "huge"}, "spec.tier: 'huge' is not one of ['small', 'large']"),
        (
            {"tires": 4},
            "spec.tires: there is no such field; token, second, size, most, tier, password, port, ratio, tags, ",
        ),
        ({"tags": {"a": 1}}, "spec.tags.a: 1 is not of type 'string'"),
        ({"ratio": 0}, "spec.ratio: 0 is less than or equal to the minimum of 0"),
        ({"at": {"hour": 1, "cron": "x"}}, "spec.at: {…} is valid under each of"),
        ({"port": [1]}, "spec.port: […] is not "),
        ({"pod": {"specs": {}}}, "spec.pod.specs: there is no such field"),
        ({"tier": "x" * 500}, f"spec.tier: '{'x' * 98}… is not one of"),
    ],
)
def test_what_it_refuses(spec: dict[str, Any], told: str) -> None:
    assert unfit(spec)[0].startswith(told)


@pytest.mark.parametrize(
    ("name", "said"), [("password", "`minLength`"), ("token", "`pattern`"), ("second", "`minLength`")]
)
def test_what_is_secret_is_not_told(name: str, said: str) -> None:
    """By its format, because it goes into a Secret, or with what it has to be said elsewhere."""
    assert unfit({name: "hunter2"}) == [f"spec.{name}: the value, which is secret, does not fit the CRD's {said}"]


@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        ({"name": "Upper"}, "metadata.name: 'Upper' must be lower-case letters, digits, hyphens and dots, "),
        ({"name": "a..b"}, "metadata.name: 'a..b' must be lower-case letters, "),
        ({"name": "a" * 254}, f"metadata.name: '{'a' * 254}' is too long: 253 characters are allowed"),
        ({"name": "a" * 11}, f"metadata.name: '{'a' * 11}' is too long"),
        ({"name": "a" * 16}, "metadata.name: 15 characters at most"),
        ({"name": "1"}, "metadata.name: does not fit the CRD's rule self.metadata.name.matches('^[a-z]') && self.met"),
        ({"namespace": "a.b"}, "metadata.namespace: 'a.b' is no name of a namespace: "),
        ({"annotation": {}}, "metadata.annotation: there is no such field (Kubernetes "),
        (
            {"annotations": {"nuvop.nuvolaris.org/suspend": True}},
            'metadata.annotations.nuvop.nuvolaris.org/suspend: True must be a text, so write it in quotes: "true"',
        ),
    ],
)
def test_metadata_that_it_refuses(metadata: dict[str, Any], told: str) -> None:
    found, *_ = unfit(**metadata)
    assert found.startswith(told)
