"""What the API server would refuse of a custom resource, said without one. Pure.

Unknown fields are refused, as kubectl asks the API server to
(https://kubernetes.io/docs/reference/using-api/api-concepts/#field-validation). Of rules in CEL those on the name alone
are tried (`nuvop.name_rules`); formats are not.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import jsonschema
from jsonschema.exceptions import ValidationError

from nuvop import crd, fields, manifests, name_rules
from nuvop.crd import Crd
from nuvop.errors import way_to
from nuvop.fields import Json, Pointer, Segment
from nuvop.objects import NO_NAMESPACE, is_namespace
from nuvop.problems import Fault

Secrets = Collection[tuple[Segment, ...]]
"""Fields of a custom resource whose values must not be told."""

_SHOWN = 100
"""How many characters of a value are told."""


def unfit(definition: Crd, cr: Any, secrets: Secrets) -> Iterator[Fault]:
    """What keeps a document from being a custom resource of a kind; no value of ``secrets`` is told."""
    match cr:
        case {"apiVersion": str(api_version), "kind": str(name), "metadata": {"name": str()} as metadata}:
            group, _, version = api_version.rpartition("/")
        case _:
            yield (), "has no apiVersion, kind or metadata.name"
            return
    type_ = definition.resource
    if (group, name) != (type_.group, type_.kind):
        yield ("kind",), f"is no {type_.kind} of {type_.group}, which this folder is for"
    elif version not in definition.schemas:
        yield ("apiVersion",), f"the CRD has no version {version}; it has {', '.join(definition.schemas)}"
    else:
        yield from _unfit_metadata(metadata)
        for told in name_rules.broken(definition.schemas[version], metadata["name"]):
            yield ("metadata", "name"), told
        yield from _unfit_fields(definition.schemas[version], definition.defaulted(cr), secrets)


def refusal(definition: Crd, cr: Any, secrets: Secrets) -> str:
    """All of that in one line; empty where the API server would take it."""
    return "; ".join(": ".join(filter(None, (way_to(way), message))) for way, message in unfit(definition, cr, secrets))


def _unfit_metadata(metadata: Mapping[str, Json]) -> Iterator[Fault]:
    if told := manifests.unfit_name(metadata["name"]):
        yield ("metadata", "name"), told
    namespace = metadata.get("namespace") or ""
    if isinstance(namespace, str) and namespace and not is_namespace(namespace):
        yield ("metadata", "namespace"), f"{_shown(namespace)} {NO_NAMESPACE}"
    yield from manifests.of_metadata(metadata)


def _unfit_fields(schema: crd.Schema, cr: Mapping[str, Json], secrets: Secrets) -> Iterator[Fault]:
    validator = jsonschema.Draft202012Validator(_of_whole_object(schema))
    for error in sorted(validator.iter_errors(cr), key=lambda found: list(map(str, found.absolute_path))):
        yield from _told(error, secrets)


def _of_whole_object(schema: crd.Schema) -> dict[str, Any]:
    """The schema of all that a user writes: the API server itself knows metadata, and takes no status from users."""
    found = crd.json_schema(schema)
    properties = found.get("properties", {})
    name = fields.value_at(schema, "properties", "metadata", "properties", "name") or {}
    metadata = {"properties": {"name": crd.json_schema(name)}}
    return {**found, "properties": {**properties, "apiVersion": {}, "kind": {}, "metadata": metadata, "status": {}}}


def _told(error: ValidationError, secrets: Secrets) -> Iterator[Fault]:
    way: Pointer = tuple(error.absolute_path)
    value: Any = error.instance
    schema: Any = error.schema
    if error.validator == "additionalProperties" and error.validator_value is False:
        known = schema.get("properties", {})
        for name in sorted(value.keys() - known.keys()):
            yield (*way, name), _no_such(known)
    elif error.validator == "required":
        yield way, error.message.replace("is a required property", "is missing")
    elif any(fields.meet(fields.path_to(*way).segments, secret) for secret in secrets):
        yield way, f"the value, which is secret, does not fit the CRD's `{error.validator}`"
    else:
        yield way, error.message.replace(repr(value), _shown(value))


def _no_such(known: Iterable[str]) -> str:
    may = ", ".join(known)
    return f"there is no such field{f'; {may} may stand here' if may else ''}"


def _shown(value: Json) -> str:
    """A value, cut where it is long; what is in a mapping or a list may be a password."""
    if value and isinstance(value, dict | list):
        return "{…}" if isinstance(value, dict) else "[…]"
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
