"""What the API server does not take as a CRD."""

from pathlib import Path
from typing import Any

import pytest

from nuvop import crd_rules, yamltext

SAMPLES = Path(__file__).parents[2] / "kustomize/samples/crd.yaml"


def told(document: Any) -> list[str]:
    return [f"{'.'.join(map(str, at))}: {message}" for at, message in crd_rules.faults(document)]


def crd(text: str = "{}") -> Any:
    """The CRD of Samples with another field in it, ``spec.x``, of a schema."""
    document = yamltext.load(SAMPLES.read_text())
    schema = document["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    schema["properties"]["spec"]["properties"]["x"] = yamltext.load(text)
    return document


X = "spec.versions.0.schema.openAPIV3Schema.properties.spec.properties.x"
LIST = "type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [a]"
A_AND_B = "type: object, properties: {a: {type: string}, b: {type: string}}"


@pytest.mark.parametrize(
    "schema",
    [
        "{type: string}",
        "{type: string, nullable: true, default: null}",
        "{type: string, pattern: '^[a-z]+$', default: abc}",
        "{type: string, pattern: '^[[:alpha:]]+$', default: abc}",
        "{x-kubernetes-int-or-string: true, nullable: true, default: 80}",
        "{type: integer, multipleOf: 0, default: 1}",
        r"{type: string, pattern: '\pL', default: '1'}",
        "{x-kubernetes-int-or-string: true}",
        "{x-kubernetes-int-or-string: true, anyOf: [{type: integer}, {type: string}], pattern: '^[0-9]+$'}",
        "{x-kubernetes-int-or-string: true, allOf: [{anyOf: [{type: integer}, {type: string}]}, {pattern: a}]}",
        "{x-kubernetes-preserve-unknown-fields: true}",
        "{type: object, x-kubernetes-preserve-unknown-fields: true, default: {any: 1}}",
        "{type: object, properties: {a: {type: string}}, additionalProperties: true}",
        "{type: object, additionalProperties: {type: string}}",
        "{type: object, additionalProperties: {type: string, default: 1}}",
        "{type: array, items: {type: string}, x-kubernetes-list-type: set, default: [a]}",
        f"{{{LIST}, items: {{type: object, required: [a], properties: {{a: {{type: string}}}}}}}}",
        f"{{{LIST}, items: {{type: object, properties: {{a: {{type: string, default: b}}}}}}}}",
        "{type: object, x-kubernetes-embedded-resource: true, x-kubernetes-preserve-unknown-fields: true}",
        f"{{{A_AND_B}, oneOf: [{{required: [a]}}, {{required: [b], properties: {{b: {{minLength: 1}}}}}}]}}",
        "{type: object, default: {}, properties: {a: {type: integer, default: 1}}}",
        "{type: number, default: 2, minimum: 1, exclusiveMinimum: true}",
    ],
)
def test_a_schema_that_it_takes(schema: str) -> None:
    assert told(crd(schema)) == []


@pytest.mark.parametrize(
    ("schema", "at", "said"),
    [
        ("{}", "", "the type of a field is missing: write `type`, or `x-kubernetes-preserve-unknown-fields"),
        ("{type: text}", ".type", "'text' must be one of array, boolean, integer"),
        ("{type: array}", "", "`type: array` needs `items`"),
        ("{type: array, items: {}}", ".items", "the type of the items of a list is missing"),
        ("{type: array, items: {type: string}, uniqueItems: true}", ".uniqueItems", "write `x-kubernetes-list-type: s"),
        ("{type: object, $ref: '#/x'}", ".$ref", "does not take it: write what it refers to"),
        ("{type: object, patternProperties: {a: {type: string}}}", ".patternProperties", "write `additionalProp"),
        (
            "{type: object, properties: {a: {type: string}}, additionalProperties: {type: string}}",
            ".additionalProperties",
            "may not stand beside `properties`",
        ),
        ("{type: string, pattern: '('}", ".pattern", "'(' is no regular expression of Go's: missing )"),
        (
            "{type: object, x-kubernetes-preserve-unknown-fields: false}",
            ".x-kubernetes-preserve-unknown-fields",
            "true",
        ),
        ("{type: object, x-kubernetes-list-type: set}", ".x-kubernetes-list-type", "only beside `type: array`"),
        ("{type: object, x-kubernetes-map-type: set}", ".x-kubernetes-map-type", "must be one of atomic, granular"),
        (f"{{{LIST}, items: {{type: string}}}}", ".items", "need `type: object`"),
        (f"{{{LIST}, items: {{type: object}}}}", ".x-kubernetes-list-map-keys", "the items have no property a"),
        (
            f"{{{LIST}, items: {{type: object, properties: {{a: {{type: string}}}}}}}}",
            ".items.properties.a",
            "write a under `required` of the items, or give it a default",
        ),
        ("{type: array, x-kubernetes-list-type: map, items: {type: object}}", "", "needs `x-kubernetes-list-map-keys`"),
        (
            "{type: array, x-kubernetes-list-type: set, items: {type: object}}",
            ".items",
            "x-kubernetes-map-type: atomic",
        ),
        (
            "{type: string, x-kubernetes-validations: [{rule: ' '}]}",
            ".x-kubernetes-validations.0.rule",
            "is empty",
        ),
        (
            f"{{{A_AND_B}, oneOf: [{{required: [a], type: object}}]}}",
            ".oneOf.0.type",
            "may not stand below allOf, anyOf, oneOf or not",
        ),
        (f"{{{A_AND_B}, not: {{properties: {{c: {{minLength: 1}}}}}}}}", ".not.properties.c", "is described here only"),
        (
            f"{{{A_AND_B}, anyOf: [{{properties: {{a: {{pattern: '('}}}}}}]}}",
            ".anyOf.0.properties.a.pattern",
            "missing )",
        ),
        (
            "{type: integer, default: two}",
            ".default",
            "the default is not what the schema allows: 'two' is not of type",
        ),
        ("{type: string, enum: [a, b], default: c}", ".default", "'c' is not one of ['a', 'b']"),
        ("{type: object, default: {a: 1}, properties: {a: {type: string}}}", ".default.a", "1 is not of type 'string'"),
        ("{type: object, default: {c: 1}, properties: {a: {type: string}}}", ".default", "'c' was unexpected"),
    ],
)
def test_a_schema_that_it_does_not_take(schema: str, at: str, said: str) -> None:
    (found,) = told(crd(schema))
    assert found.startswith(f"{X}{at}: ")
    assert said in found


def test_a_default_is_tried_only_against_a_schema_that_says_what_it_takes() -> None:
    assert [line for line in told(crd("{type: array, default: two}")) if "default" in line] == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "name: samples.nuv",
            "name: sample.nuv",
            "metadata.name: 'sample.nuvolaris.org' must be 'samples.nuvolaris.org'",
        ),
        ("nuvolaris.org", "nuvolaris", "spec.group: 'nuvolaris' must be a domain with a dot in it"),
        ("nuvolaris.org", "nuvolaris.k8s.io", "spec.group: 'nuvolaris.k8s.io' is for Kubernetes itself"),
        (
            "shortNames: [sam]",
            "shortNames: [Sam]",
            "spec.names.shortNames.0: 'Sam' must be a word of lower-case letters",
        ),
        ("kind: Sample", "kind: Sam_ple", "spec.names.kind: 'Sam_ple' must be a word of letters and digits"),
        (
            "singular: sample",
            "listKind: Sample",
            "spec.names.listKind: 'Sample' is the kind itself: write 'SampleList'",
        ),
        ("name: v1", "name: '1'", "spec.versions.0.name: '1' must be a name such as v1 or v1alpha1"),
        ("type: date", "type: time", "additionalPrinterColumns.3.type: 'time' must be one of integer, number"),
        (
            "jsonPath: .spec",
            "jsonPath: spec",
            "additionalPrinterColumns.0.jsonPath: 'spec.count' must begin with a dot",
        ),
        ("Path: .status.replicas", "Path: .spec.count", "statusReplicasPath: '.spec.count' must begin with .status."),
        ("      served:", "      deprecationWarning: x\n      served:", "may stand only beside `deprecated: true`"),
        (
            "          required: [spec]",
            "          nullable: true",
            "openAPIV3Schema.nullable: may not stand at the top",
        ),
        (
            "            metadata:\n",
            "            metadata:\n              description: x\n",
            "metadata.description: of metadata, a schema may describe only name and generateName",
        ),
        ("              type: string", "              type: integer", "apiVersion.type: 'integer' must be 'string'"),
        ("  scope:", "  preserveUnknownFields: true\n  scope:", "spec.preserveUnknownFields: must be false"),
    ],
)
def test_a_crd_that_it_does_not_take(old: str, new: str, said: str) -> None:
    text = SAMPLES.read_text()
    changed = text.replace(old, new) if old == "nuvolaris.org" else text.replace(old, new, 1)
    assert changed != text
    (found,) = told(yamltext.load(changed))
    assert said in found


def test_one_version_is_stored() -> None:
    document = crd("{type: string}")
    version = document["spec"]["versions"][0]
    document["spec"]["versions"] = [version, {**version, "name": "v2"}]
    assert told(document) == ["spec.versions: v1, v2 have `storage: true`, and one version can"]
    document["spec"]["versions"] = [version, {**version, "storage": False}]
    assert told(document) == ["spec.versions.1.name: 'v1' stands there twice"]
    document["spec"]["versions"] = [version, {"name": "v0", "served": False, "storage": False}]
    assert told(document) == ["spec.versions.1: schema.openAPIV3Schema is missing: every version needs one"]
