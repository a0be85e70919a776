"""What fields Kubernetes' own kinds have: an extract of its OpenAPI documents that comes with nuvop.

The extract is made by ``task openapi`` from the API server whose version it names. Custom kinds are not in it; a folder
that brings their CRDs says itself what they have (`nuvop.crd`).
"""

import gzip
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from nuvop import fields
from nuvop.fields import FieldPath, Json

FILE = Path(__file__).with_suffix(".json.gz")

Schema = Mapping[str, Any]
"""As in OpenAPI, with references resolved; ``keys`` are the fields by which a list's items are told apart."""

SENTENCE = re.compile(r"(?<=[a-z0-9)\"'`])\.\s+(?=[A-Z])")
"""Where a sentence of a description ends and another one begins."""


@cache
def _extract() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(gzip.decompress(FILE.read_bytes()))
    return found


def version() -> str:
    """The version of Kubernetes that the extract is of."""
    return str(_extract()["version"])


def knows(api_version: str, kind: str) -> bool:
    """Whether a kind is in the extract."""
    return f"{api_version} {kind}" in _extract()["kinds"]


def kinds() -> list[tuple[str, str]]:
    """The kinds in the extract, each by apiVersion and kind."""
    return [(api_version, kind) for api_version, _, kind in (name.partition(" ") for name in _extract()["kinds"])]


def field(api_version: str, kind: str, path: FieldPath) -> Schema | None:
    """The schema of a field of a kind; None where there is no such field, or the kind is not known."""
    name = _extract()["kinds"].get(f"{api_version} {kind}")
    schema = {"$ref": name} if name else None
    for segment in path.segments:
        if schema is None:
            return None
        schema = _member(resolved(schema), segment)
    return resolved(schema) if schema is not None else None


def names_field(api_version: str, kind: str, path: FieldPath) -> bool:
    """Whether a field is one that Kubernetes has given its name, not a member of a mapping, which may have any."""
    above = field(api_version, kind, FieldPath("", path.segments[:-1])) or {}
    last = path.segments[-1]
    return isinstance(last, fields.Name) and last.name in (above.get("properties") or {})


def misfits(api_version: str, kind: str, obj: Json) -> Iterator[tuple[FieldPath, str]]:
    """Fields of an object that have no such value as Kubernetes' kind has there, each with the type that it has."""
    name = _extract()["kinds"].get(f"{api_version} {kind}")
    if name:
        yield from _misfits({"$ref": name}, obj, ())


def _misfits(schema: Schema, value: Json, at: tuple[str | int, ...]) -> Iterator[tuple[FieldPath, str]]:
    schema = resolved(schema)
    type_ = str(schema.get("type", ""))
    if value is None or type_ not in _TYPES or schema.get("x-kubernetes-int-or-string"):
        return
    if not isinstance(value, _TYPES[type_]) or (isinstance(value, bool) and type_ != "boolean"):
        yield fields.path_to(*at), type_
    elif isinstance(value, list):
        for index, item in enumerate(value):
            if item is None:
                yield fields.path_to(*at, index), resolved(schema["items"]).get("type", "value")
            yield from _misfits(schema["items"], item, (*at, index))
    elif isinstance(value, dict):
        for member, below in value.items():
            found = (schema.get("properties") or {}).get(member, schema.get("additionalProperties"))
            if isinstance(found, dict):
                yield from _misfits(found, below, (*at, member))


_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
}


def _member(schema: Schema, segment: fields.Segment) -> dict[str, Any] | None:
    found: dict[str, Any] | None
    if "items" in schema:
        is_item = not isinstance(segment, fields.Name) or segment.name.isdecimal()
        found = schema["items"] if is_item else None
    elif isinstance(segment, fields.Name) and segment.name in (schema.get("properties") or {}):
        found = schema["properties"][segment.name]
    else:
        found = schema.get("additionalProperties")
        if found is None and schema.get("type") == "object" and "properties" not in schema:
            found = {}  # anything
    return found


def resolved(schema: Schema) -> Schema:
    """A schema with what it refers to; its own description counts more."""
    if "$ref" not in schema:
        return schema
    return {
        **_extract()["schemas"][schema["$ref"]],
        **{name: value for name, value in schema.items() if name != "$ref"},
    }
