"""What nuvop knows of Kubernetes' own kinds, and how that was made of the API server's documents."""

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest

from lab import openapi as maker
from nuvop import openapi
from nuvop.fields import parse

EXTRACT = json.loads(gzip.decompress(openapi.FILE.read_bytes()))


def nodes(schema: dict[str, Any], at: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield at, schema
    for name, below in schema.get("properties", {}).items():
        yield from nodes(below, f"{at}.{name}")
    for name in ("items", "additionalProperties"):
        if name in schema:
            yield from nodes(schema[name], f"{at}.{name}")


NODES = [node for name, schema in EXTRACT["schemas"].items() for node in nodes(schema, name)]


def test_it_is_whole() -> None:
    assert openapi.version().startswith("v1.")
    assert {EXTRACT["kinds"][f"{of} {kind}"] for of, kind in openapi.kinds()} <= EXTRACT["schemas"].keys()
    referred = {schema["$ref"] for _, schema in NODES if "$ref" in schema}
    assert referred <= EXTRACT["schemas"].keys()
    known = {*maker._KEPT, "description", "properties", "items", "additionalProperties", "$ref", "keys"}
    known.add("x-kubernetes-int-or-string")
    for at, schema in NODES:
        assert schema.keys() <= known, at
        assert len(schema.get("description", "")) <= 2 * maker.LONGEST, at


@pytest.mark.parametrize(
    "kind",
    [
        *("v1 Service", "v1 ConfigMap", "v1 Secret", "v1 Pod", "v1 PersistentVolumeClaim", "v1 ServiceAccount"),
        *("apps/v1 Deployment", "apps/v1 StatefulSet", "apps/v1 DaemonSet", "batch/v1 Job", "batch/v1 CronJob"),
        *("networking.k8s.io/v1 Ingress", "networking.k8s.io/v1 NetworkPolicy", "policy/v1 PodDisruptionBudget"),
        *("autoscaling/v2 HorizontalPodAutoscaler", "rbac.authorization.k8s.io/v1 ClusterRole"),
        *("storage.k8s.io/v1 StorageClass", "admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration"),
    ],
)
def test_it_knows(kind: str) -> None:
    api_version, _, name = kind.partition(" ")
    assert openapi.knows(api_version, name)


def test_it_does_not_know() -> None:
    assert not openapi.knows("apps/v2", "Deployment")
    assert not openapi.knows("cert-manager.io/v1", "Certificate")
    assert openapi.field("apps/v2", "Deployment", parse("spec")) is None


@pytest.mark.parametrize(
    ("kind", "path", "expected"),
    [
        ("Deployment", "spec.replicas", {"type": "integer", "format": "int32"}),
        ("Deployment", "spec.template.spec.containers.[name=a].imagePullPolicy", {"type": "string"}),
        ("Deployment", "spec.template.spec.containers.0.ports.*.containerPort", {"type": "integer"}),
        ("Deployment", "metadata.annotations.[example.org/a]", {"type": "string"}),
        ("Deployment", "spec.template.spec.containers.*.resources.limits.cpu", {"x-kubernetes-int-or-string": True}),
        ("Deployment", "spec.strategy.rollingUpdate.maxSurge", {"x-kubernetes-int-or-string": True}),
        ("Deployment", "spec.replica", None),
        ("Deployment", "status", None),
        ("Deployment", "spec.replicas.x", None),
        ("Deployment", "spec.template.spec.containers.image", None),
    ],
)
def test_a_field(kind: str, path: str, expected: dict[str, Any] | None) -> None:
    found = openapi.field("apps/v1", kind, parse(path))
    if expected is None:
        assert found is None
    else:
        assert found is not None
        assert {name: found.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("kind", "path", "expected"),
    [
        ("Deployment", "status.readyReplicas", {"type": "integer"}),
        ("Deployment", "status.conditions.[type=Available].status", {"type": None}),
        ("Deployment", "status.conditions.0.reason", {"type": "string"}),
        ("Deployment", "metadata.labels.*", {"type": "string"}),
        ("Deployment", "spec.*", {"type": None}),
        ("Deployment", "status", {"type": "object"}),
        ("Deployment", "status.readyReplica", None),
        ("Deployment", "status.replicas.x", None),
        ("Deployment", "spec.replica", None),
        ("ControllerRevision", "status.conditions", None),
    ],
)
def test_a_field_of_a_live_object(kind: str, path: str, expected: dict[str, Any] | None) -> None:
    found = openapi.live_field("apps/v1", kind, parse(path))
    if expected is None:
        assert found is None
    else:
        assert found is not None
        assert found.get("type") == expected["type"]


def test_kinds_with_a_status_are_known() -> None:
    without = {kind for of, kind in openapi.kinds() if openapi.live_field(of, kind, parse("status")) is None}
    assert {"ConfigMap", "Secret", "Role", "NetworkPolicy", "ServiceAccount", "CSIDriver"} <= without
    assert not without & {
        "Pod",
        "Service",
        "Ingress",
        "Job",
        "HorizontalPodAutoscaler",
        "PodDisruptionBudget",
        "APIService",
    }


CONTAINER = {"name": "a", "imag": "b", "env": [{"name": "X", "value": 1}, None]}
OBJECT = {"spec": {"template": {"spec": {"containers": [CONTAINER]}}}, "status": {"any": 1}}


def misfits(nodes: list[openapi.Node]) -> list[tuple[Any, str]]:
    return [(node.at, node.type) for node in nodes if not node.fits]


def test_what_is_wrong_with_an_object() -> None:
    at = ("spec", "template", "spec", "containers", 0)
    nodes = list(openapi.nodes("apps/v1", "Deployment", OBJECT))
    ((where, name),) = [(node, name) for node in nodes for name in node.unknown()]
    assert (where.at, where.of, name) == (at, "core.v1.Container", "imag")
    assert "image" in where.members
    assert misfits(nodes) == [((*at, "env", 0, "value"), "string"), ((*at, "env", 1), "object")]
    assert [(node.at, name) for node in nodes for name in node.missing()] == [(("spec",), "selector")]


def test_what_is_wrong_deep_in_a_schema_of_a_crd() -> None:
    deep = {"type": ["string"], "patern": "x", "enum": [None], "properties": {"a": None}}
    for below in ({"items": deep}, {"additionalProperties": deep}, {"properties": {"a": deep}}):
        version = {"name": "v1", "schema": {"openAPIV3Schema": below}}
        of = "apiextensions.k8s.io/v1", "CustomResourceDefinition", {"spec": {"versions": [version]}}
        nodes = list(openapi.nodes(*of))
        assert [name for node in nodes for name in node.unknown()] == ["patern"]
        assert [(at[-1], type_) for at, type_ in misfits(nodes)] == [("type", "string"), ("a", "object")]


REFERENCE = {"$ref": "#/components/schemas/io.k8s.B"}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string", "enum": ["a"], "default": "", "x-kubernetes-validations": []},
         {"type": "string", "enum": ["a"], "default": ""}),
        ({"allOf": [REFERENCE], "default": {}, "description": "Its own"},
         {"$ref": "io.k8s.B", "description": "Its own."}),
        ({"oneOf": [{"type": "integer"}, {"type": "string"}], "format": "int-or-string"},
         {"x-kubernetes-int-or-string": True}),
        ({"oneOf": [{"type": "string"}, {"type": "number"}]}, {"x-kubernetes-int-or-string": True}),
        ({"type": "array", "items": REFERENCE, "x-kubernetes-patch-merge-key": "name"},
         {"type": "array", "items": {"$ref": "io.k8s.B"}, "keys": ["name"]}),
        ({"type": "object", "properties": {"status": {}, "spec": {"type": "object"}}},
         {"type": "object", "properties": {"spec": {"type": "object"}}}),
        ({"type": "object", "additionalProperties": {"type": "string"}},
         {"type": "object", "additionalProperties": {"type": "string"}}),
    ],
)  # fmt: skip
def test_a_schema_is_made_compact(schema: dict[str, Any], expected: dict[str, Any]) -> None:
    assert maker.compact(schema) == expected


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", ""),
        ("How many.", "How many."),
        ("How many", "How many."),
        ("How many. More info: https://example.org", "How many."),
        ("One of these.\n\nPossible enum values:\n - `a`", "One of these."),
        ("One. Two (e.g. a. b). Three", "One. Two (e.g. a. b). Three."),
        (f"{'a' * 150}. {'B' * 100}. Three", f"{'a' * 150}."),
    ],
)
def test_a_description_is_its_beginning(text: str, told: str) -> None:
    assert maker.described(text) == told


def test_what_is_referred_to_is_taken_along() -> None:
    schemas: dict[str, dict[str, Any]] = {
        "a": {"properties": {"b": {"allOf": [{"$ref": "#/components/schemas/b"}]}}},
        "b": {"items": {"$ref": "#/components/schemas/a"}},
        "c": {},
    }
    assert maker.reachable({"a"}, schemas) == {"a", "b"}
