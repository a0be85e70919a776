"""What keeps the API server from taking a CustomResourceDefinition, as far as that shows without one. Pure.

Sources: https://github.com/kubernetes/apiextensions-apiserver/tree/v0.36.3/pkg, ``apis/apiextensions/validation`` and
``apiserver/schema``. Rules in CEL are not tried, nor what only an update of a CRD meets with.
"""

import re
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

import jsonschema

from nuvop import crd, go_regexp, json_types
from nuvop.fields import Json, Pointer
from nuvop.problems import Fault

Schema = Mapping[str, Any]


def faults(document: Mapping[str, Json]) -> Iterator[Fault]:
    """What is wrong with a CRD whose fields have the types that Kubernetes gives them, and that lacks none."""
    spec = document["spec"]
    yield from _of_name(document)
    yield from _of_names(spec["names"])
    yield from _of_versions(spec["versions"])
    if spec.get("preserveUnknownFields"):
        instead = "write `x-kubernetes-preserve-unknown-fields: true` into the schema, where fields may be unknown"
        yield ("spec", "preserveUnknownFields"), f"must be false: {instead}"
    for index, version in enumerate(spec["versions"]):
        yield from _of_version(version, ("spec", "versions", index))


# --- names -----------------------------------------------------------------------------------------------------------

_LABEL = re.compile("[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_DOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+")
_OF_KUBERNETES = re.compile(r"(.*\.)?(k8s|kubernetes)\.io")
_APPROVED = "api-approved.kubernetes.io"


def _of_name(document: Mapping[str, Json]) -> Iterator[Fault]:
    group, plural = document["spec"]["group"], document["spec"]["names"]["plural"]
    metadata = document.get("metadata") or {}
    if metadata.get("name") != f"{plural}.{group}":
        yield ("metadata", "name"), f"{metadata.get('name')!r} must be {f'{plural}.{group}'!r}, plural and group"
    if not _DOMAIN.fullmatch(group):
        yield ("spec", "group"), f"{group!r} must be a domain with a dot in it, such as example.com"
    elif _OF_KUBERNETES.fullmatch(group) and not (metadata.get("annotations") or {}).get(_APPROVED):
        yield (
            ("spec", "group"),
            f"{group!r} is for Kubernetes itself: write a domain of your own, or the annotation {_APPROVED}",
        )


def _of_names(names: Mapping[str, Json]) -> Iterator[Fault]:
    at: Pointer = ("spec", "names")
    words = [((*at, name), names[name]) for name in ("plural", "singular") if names.get(name)]
    for name in ("shortNames", "categories"):
        words += [((*at, name, index), word) for index, word in enumerate(names.get(name) or ())]
    for place, word in words:
        if not _LABEL.fullmatch(word):
            yield place, f"{word!r} must be a word of lower-case letters, digits and hyphens, and begin with a letter"
    for name in ("kind", "listKind"):
        if names.get(name) and not _LABEL.fullmatch(names[name].lower()):
            yield (*at, name), f"{names[name]!r} must be a word of letters and digits, and begin with a letter"
    if names["kind"] == names.get("listKind"):
        yield (*at, "listKind"), f"{names['kind']!r} is the kind itself: write {names['kind'] + 'List'!r}"


# --- versions --------------------------------------------------------------------------------------------------------

_COLUMN_TYPES = ("integer", "number", "string", "boolean", "date")
_COLUMN_FORMATS = ("int32", "int64", "float", "double", "byte", "date", "date-time", "password")
_SCALE_PATHS = {
    "specReplicasPath": (".spec.",),
    "statusReplicasPath": (".status.",),
    "labelSelectorPath": (".status.", ".spec."),
}


def _of_versions(versions: list[Mapping[str, Json]]) -> Iterator[Fault]:
    at = ("spec", "versions")
    stored = [version["name"] for version in versions if version.get("storage")]
    if len(stored) > 1:
        yield at, f"{', '.join(stored)} have `storage: true`, and one version can"
    names = [version["name"] for version in versions]
    for index, name in enumerate(names):
        if name in names[:index]:
            yield (*at, index, "name"), f"{name!r} stands there twice"
        if not _LABEL.fullmatch(name):
            yield (*at, index, "name"), f"{name!r} must be a name such as v1 or v1alpha1"


def _of_version(version: Mapping[str, Json], at: Pointer) -> Iterator[Fault]:
    if version.get("deprecationWarning") is not None and not version.get("deprecated"):
        yield (*at, "deprecationWarning"), "may stand only beside `deprecated: true`"
    for index, column in enumerate(version.get("additionalPrinterColumns") or ()):
        yield from _of_column(column, (*at, "additionalPrinterColumns", index))
    scale = (version.get("subresources") or {}).get("scale") or {}
    for name, beginnings in _SCALE_PATHS.items():
        if scale.get(name) and not scale[name].startswith(beginnings):
            yield (*at, "subresources", "scale", name), f"{scale[name]!r} must begin with {' or '.join(beginnings)}"
    schema = (version.get("schema") or {}).get("openAPIV3Schema")
    if schema is None:
        yield at, "schema.openAPIV3Schema is missing: every version needs one"
        return
    at = (*at, "schema", "openAPIV3Schema")
    has_status = (version.get("subresources") or {}).get("status") is not None
    found = [*_of_root(schema, at, has_status=has_status), *_of_schema(schema, at)]
    # As the API server does: of a schema that is not structural nobody can say what fits.
    yield from found or _of_defaults(schema, at)


def _of_column(column: Mapping[str, Json], at: Pointer) -> Iterator[Fault]:
    if column["type"] not in _COLUMN_TYPES:
        yield (*at, "type"), f"{column['type']!r} must be one of {', '.join(_COLUMN_TYPES)}"
    if column.get("format") and column["format"] not in _COLUMN_FORMATS:
        yield (*at, "format"), f"{column['format']!r} must be one of {', '.join(_COLUMN_FORMATS)}"
    if not column["jsonPath"].startswith("."):
        yield (*at, "jsonPath"), f"{column['jsonPath']!r} must begin with a dot, such as .spec.replicas"


# --- schemas ---------------------------------------------------------------------------------------------------------

_INT_OR_STRING = [{"type": "integer"}, {"type": "string"}]
_NOT_IN_KUBERNETES = {
    "$ref": "write what it refers to in its place",
    "$schema": "take it out",
    "additionalItems": "take it out",
    "definitions": "write each where it is used",
    "dependencies": "write a rule under x-kubernetes-validations",
    "id": "take it out",
    "patternProperties": "write `additionalProperties`",
}
"""Keywords of JSON Schema that the API server does not take."""

_AT_ROOT = frozenset(
    {
        *("description", "type", "format", "title", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum"),
        *("maxLength", "minLength", "pattern", "maxItems", "minItems", "uniqueItems", "multipleOf", "required"),
        *("items", "properties", "externalDocs", "example", "x-kubernetes-preserve-unknown-fields"),
        "x-kubernetes-validations",
    }
)
"""What the API server takes at the top of a schema beside the status subresource."""

_IN_METADATA = ("name", "generateName")


class Level(Enum):
    """What a schema describes."""

    ROOT = "the object"
    ITEM = "the items of a list"
    FIELD = "a field"


def below(schema: Schema) -> Iterator[tuple[Pointer, Level, Schema]]:
    """The schemas that a schema has for fields, items and members, each with the way to it."""
    for name, field in (schema.get("properties") or {}).items():
        yield ("properties", name), Level.FIELD, field
    if schema.get("items") is not None:
        yield ("items",), Level.ITEM, schema["items"]
    if isinstance(schema.get("additionalProperties"), dict):
        yield ("additionalProperties",), Level.FIELD, schema["additionalProperties"]


def _of_root(schema: Schema, at: Pointer, *, has_status: bool) -> Iterator[Fault]:
    for name, value in schema.items():
        if has_status and name not in _AT_ROOT and value:
            yield (*at, name), "may not stand at the top of a schema beside the status subresource"
    if schema.get("type", "object") != "object":
        yield (*at, "type"), f"{schema['type']!r} must be 'object'"
    properties = schema.get("properties") or {}
    for name in ("apiVersion", "kind"):
        if properties.get(name, {}).get("type", "string") != "string":
            yield (*at, "properties", name, "type"), f"{properties[name]['type']!r} must be 'string'"
    for name in ("apiVersion", "kind", "metadata"):
        if properties.get(name, {}).get("default") is not None:
            yield (*at, "properties", name, "default"), "may have no default"
    metadata = properties.get("metadata") or {}
    others: list[Pointer] = [
        ("properties", name) for name in metadata.get("properties") or {} if name not in _IN_METADATA
    ]
    others += [(name,) for name, value in metadata.items() if value and name not in ("type", "properties", "default")]
    for other in others:
        yield (
            (*at, "properties", "metadata", *other),
            "of metadata, a schema may describe only name and generateName: take it out",
        )


def _of_schema(schema: Schema, at: Pointer, level: Level = Level.ROOT) -> Iterator[Fault]:
    yield from _of_type(schema, at, level)
    yield from _of_keywords(schema, at)
    yield from _of_lists(schema, at)
    yield from _of_rules(schema, at)
    yield from _of_junctors(schema, schema, at)
    for way, of, member in below(schema):
        yield from _of_schema(member, (*at, *way), of)


def _of_type(schema: Schema, at: Pointer, level: Level) -> Iterator[Fault]:
    type_ = schema.get("type")
    is_any = schema.get("x-kubernetes-int-or-string") or schema.get("x-kubernetes-preserve-unknown-fields")
    if type_ and type_ not in json_types.NAMES:
        yield (*at, "type"), f"{type_!r} must be one of {', '.join(json_types.NAMES)}"
    elif schema.get("x-kubernetes-embedded-resource") and type_ != "object":
        yield at, "the type of an embedded resource is missing: write `type: object`"
    elif not type_ and not is_any:
        told = f"the type of {level.value} is missing"
        yield at, f"{told}: write `type`, or `x-kubernetes-preserve-unknown-fields: true` where it may be anything"
    if type_ == "array" and schema.get("items") is None:
        yield at, "`type: array` needs `items`: write what each item is"


def _of_keywords(schema: Schema, at: Pointer) -> Iterator[Fault]:
    for name, instead in _NOT_IN_KUBERNETES.items():
        if schema.get(name):
            yield (*at, name), f"the API server does not take it: {instead}"
    if schema.get("uniqueItems"):
        yield (*at, "uniqueItems"), "the API server does not take it: write `x-kubernetes-list-type: set`"
    if schema.get("properties") and schema.get("additionalProperties") not in (None, True):
        yield (*at, "additionalProperties"), "may not stand beside `properties`: take one of them out"
    if schema.get("pattern") and (why := go_regexp.refusal(schema["pattern"])):
        yield (*at, "pattern"), f"{schema['pattern']!r} is no regular expression of Go's: {why}"
    preserves = "x-kubernetes-preserve-unknown-fields"
    if schema.get(preserves) is False:
        yield (*at, preserves), "must be true, or be left out"
    elif schema.get(preserves) and schema.get("x-kubernetes-int-or-string"):
        yield (*at, preserves), "may not stand beside `x-kubernetes-int-or-string`"


def _of_lists(schema: Schema, at: Pointer) -> Iterator[Fault]:
    for name, of, takes in (
        ("x-kubernetes-list-type", "array", ("atomic", "set", "map")),
        ("x-kubernetes-map-type", "object", ("atomic", "granular")),
    ):
        if name in schema and schema[name] not in takes:
            yield (*at, name), f"{schema[name]!r} must be one of {', '.join(takes)}"
        if name in schema and schema.get("type") != of:
            yield (*at, name), f"may stand only beside `type: {of}`"
    list_type, keys = schema.get("x-kubernetes-list-type"), schema.get("x-kubernetes-list-map-keys") or []
    items = schema.get("items")
    if keys and list_type != "map":
        yield (*at, "x-kubernetes-list-map-keys"), "may stand only beside `x-kubernetes-list-type: map`"
    if list_type == "map" and not keys:
        yield at, "`x-kubernetes-list-type: map` needs `x-kubernetes-list-map-keys`"
    if list_type in ("map", "set") and isinstance(items, dict):
        if items.get("nullable"):
            yield (*at, "items", "nullable"), f"may not be true in a list of the type {list_type}"
        yield from _of_map(items, keys, at) if list_type == "map" else _of_set(items, at)


def _of_map(items: Schema, keys: list[str], at: Pointer) -> Iterator[Fault]:
    if items.get("type") != "object":
        yield (*at, "items"), "the items of a list of the type map need `type: object`"
        return
    properties = items.get("properties") or {}
    for key in keys:
        place = (*at, "items", "properties", key)
        if key not in properties:
            yield (*at, "x-kubernetes-list-map-keys"), f"the items have no property {key}"
            continue
        if properties[key].get("type") in ("array", "object"):
            yield (*place, "type"), "a key of a list is no list and no mapping"
        if key not in (items.get("required") or ()) and properties[key].get("default") is None:
            yield place, f"is a key of the list: write {key} under `required` of the items, or give it a default"
        if properties[key].get("nullable"):
            yield (*place, "nullable"), "a key of a list may not be nullable"


def _of_set(items: Schema, at: Pointer) -> Iterator[Fault]:
    if items.get("type") == "object" and items.get("x-kubernetes-map-type") != "atomic":
        yield (*at, "items"), "the items of a list of the type set need `x-kubernetes-map-type: atomic`"
    if items.get("type") == "array" and items.get("x-kubernetes-list-type", "atomic") != "atomic":
        yield (*at, "items"), "the items of a list of the type set need `x-kubernetes-list-type: atomic`"


def _of_rules(schema: Schema, at: Pointer) -> Iterator[Fault]:
    for index, rule in enumerate(schema.get("x-kubernetes-validations") or ()):
        place = (*at, "x-kubernetes-validations", index)
        text, message = rule["rule"].strip(), (rule.get("message") or "").strip()
        if not text:
            yield (*place, "rule"), "is empty"
        if "\n" in message:
            yield (*place, "message"), "must be one line"
        if "\n" in text and not message:
            yield place, "a rule of several lines needs a message"


# --- allOf, anyOf, oneOf, not ----------------------------------------------------------------------------------------

_OUTSIDE = ("type", "default", "title", "description", "nullable")
"""What must be said outside of allOf, anyOf, oneOf and not, so that it is the same for all values."""


def _of_junctors(schema: Schema, main: Schema, at: Pointer) -> Iterator[Fault]:
    """What stands below ``schema``'s allOf and so on; ``main`` is what the schema says outside of any of them."""
    for name in ("allOf", "anyOf", "oneOf"):
        for index, nested in enumerate(schema.get(name) or ()):
            is_first = name == "allOf" and index == 0 and nested.get("anyOf") == _INT_OR_STRING
            if not (name == "anyOf" and schema["anyOf"] == _INT_OR_STRING):
                yield from _of_nested({**nested, "anyOf": []} if is_first else nested, main, (*at, name, index))
    if schema.get("not"):
        yield from _of_nested(schema["not"], main, (*at, "not"))


def _of_nested(nested: Schema, main: Schema, at: Pointer) -> Iterator[Fault]:
    for name, value in nested.items():
        if value and (name in _OUTSIDE or name.startswith("x-kubernetes-") or name == "additionalProperties"):
            yield (*at, name), "may not stand below allOf, anyOf, oneOf or not: write it outside of them"
    if nested.get("pattern") and (why := go_regexp.refusal(nested["pattern"])):
        yield (*at, "pattern"), f"{nested['pattern']!r} is no regular expression of Go's: {why}"
    for name, member in (nested.get("properties") or {}).items():
        outside = (main.get("properties") or {}).get(name)
        if outside is None:
            yield (
                (*at, "properties", name),
                "is described here only: describe it outside of allOf, anyOf and so on, too",
            )
        else:
            yield from _of_nested(member, outside, (*at, "properties", name))
    if isinstance(nested.get("items"), dict) and isinstance(main.get("items"), dict):
        yield from _of_nested(nested["items"], main["items"], (*at, "items"))
    yield from _of_junctors(nested, main, at)


# --- defaults --------------------------------------------------------------------------------------------------------


def _of_defaults(schema: Schema, at: Pointer) -> Iterator[Fault]:
    """Defaults that the schema itself does not allow. Those of a mapping's members the API server does not try."""
    default, tried = schema.get("default"), crd.json_schema(schema)
    is_tried = default is not None and not schema.get("x-kubernetes-embedded-resource")
    if is_tried and crd.flaw(tried) is None:
        validator = jsonschema.Draft202012Validator(tried)
        for error in sorted(validator.iter_errors(default), key=lambda found: list(map(str, found.absolute_path))):
            yield (*at, "default", *error.absolute_path), f"the default is not what the schema allows: {error.message}"
    for way, _, member in below(schema):
        if way != ("additionalProperties",):
            yield from _of_defaults(member, (*at, *way))
