"""What the API server would refuse of a custom resource, said without one. Pure.

Unknown fields are refused, as kubectl asks the API server to
(https://kubernetes.io/docs/reference/using-api/api-concepts/#field-validation). Rules in CEL are not tried, nor are
formats.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import jsonschema
from jsonschema.exceptions import ValidationError

from nuvop import crd, fields, manifests
from nuvop.crd import Crd
from nuvop.errors import way_to
from nuvop.fields import Json

Way = tuple[str | int, ...]
"""The way to a value, member by member."""

Misfit = tuple[Way, str]
"""Where something is wrong, and what."""

_LABEL = "[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
"""https://kubernetes.io/docs/concepts/overview/working-with-objects/names/"""

_SHOWN = 100
"""How many characters of a value are told."""


def is_namespace(text: str) -> bool:
    """Whether a text may be the name of a namespace."""
    return re.fullmatch(_LABEL, text) is not None


NO_NAMESPACE = "is no name of a namespace: lower-case letters, digits and - may stand in it, at most 63 characters"


def unfit(definition: Crd, cr: Any) -> Iterator[Misfit]:
    """What keeps a document from being a custom resource of a kind."""
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
        yield from _unfit_fields(definition.schemas[version], definition.defaulted(cr))


def refusal(definition: Crd, cr: Any) -> str:
    """All of that in one line; empty where the API server would take it."""
    return "; ".join(": ".join(filter(None, (way_to(way), message))) for way, message in unfit(definition, cr))


def _unfit_metadata(metadata: Mapping[str, Json]) -> Iterator[Misfit]:
    if told := manifests.unfit_name(metadata["name"]):
        yield ("metadata", "name"), told
    namespace = metadata.get("namespace") or ""
    if isinstance(namespace, str) and namespace and not is_namespace(namespace):
        yield ("metadata", "namespace"), f"{_shown(namespace)} {NO_NAMESPACE}"
    yield from manifests.of_metadata(metadata)


def _unfit_fields(schema: crd.Schema, cr: Mapping[str, Json]) -> Iterator[Misfit]:
    validator = jsonschema.Draft202012Validator(_of_whole_object(schema))
    for error in sorted(validator.iter_errors(cr), key=lambda found: list(map(str, found.absolute_path))):
        yield from _told(error)


def _of_whole_object(schema: crd.Schema) -> dict[str, Any]:
    """The schema of all that a user writes: the API server itself knows metadata, and takes no status from users."""
    found = crd.json_schema(schema)
    properties = found.get("properties", {})
    name = fields.value_at(schema, "properties", "metadata", "properties", "name") or {}
    metadata = {"properties": {"name": crd.json_schema(name)}}
    return {**found, "properties": {**properties, "apiVersion": {}, "kind": {}, "metadata": metadata, "status": {}}}


def _told(error: ValidationError) -> Iterator[Misfit]:
    way: Way = tuple(error.absolute_path)
    value: Any = error.instance
    schema: Any = error.schema
    if error.validator == "additionalProperties" and error.validator_value is False:
        known = schema.get("properties", {})
        for name in sorted(value.keys() - known.keys()):
            yield (*way, name), _no_such(known)
    elif error.validator == "required":
        yield way, error.message.replace("is a required property", "is missing")
    elif schema.get("format") == "password":
        yield way, f"the password does not fit the CRD's `{error.validator}: {error.validator_value}`"
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
