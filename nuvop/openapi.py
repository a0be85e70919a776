"""What fields Kubernetes' own kinds have: an extract of its OpenAPI documents that comes with nuvop.

The extract is made by ``task openapi`` from the API server whose version it names. Custom kinds are not in it; a folder
that brings their CRDs says itself what they have (`nuvop.crd`).
"""

import gzip
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from nuvop import fields, json_types
from nuvop.fields import FieldPath, Json, Pointer

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
    return _below({"$ref": name}, path.segments) if name else None


def live_field(api_version: str, kind: str, path: FieldPath) -> Schema | None:
    """The schema of a field of a known kind's objects as the API server shows them; empty where that is not known.

    None where there is no such field. The extract has what a kind's status is, but no field of that name.
    """
    name = _extract()["kinds"][f"{api_version} {kind}"]
    status = fields.Name(_LEFT_OUT)
    if path.segments[0] == status:
        found = f"{name}Status"
        return _live({"$ref": found}, path.segments[1:]) if found in _extract()["schemas"] else None
    return _live({"$ref": name}, path.segments)


def _live(schema: Schema, segments: Sequence[fields.Segment]) -> Schema | None:
    schema = resolved(schema)
    for segment in segments:
        is_any = segment == fields.Name(_LEFT_OUT) or (isinstance(segment, fields.Every) and "items" not in schema)
        if (found := _below(schema, (segment,))) is None:
            return {} if is_any else None
        schema = found
    return schema


def _below(schema: Schema, segments: Sequence[fields.Segment]) -> Schema | None:
    for segment in segments:
        found = _member(resolved(schema), segment)
        if found is None:
            return None
        schema = found
    return resolved(schema)


def names_field(api_version: str, kind: str, path: FieldPath) -> bool:
    """Whether a field is one that Kubernetes has given its name, not a member of a mapping, which may have any."""
    above = field(api_version, kind, FieldPath("", path.segments[:-1])) or {}
    last = path.segments[-1]
    return isinstance(last, fields.Name) and last.name in (above.get("properties") or {})


@dataclass(frozen=True)
class Node:
    """A value of an object that Kubernetes' kind has a field for.

    ``at`` is the way to it, ``schema`` the field's, and ``of`` what Kubernetes calls the type that the schema
    describes, such as ``core.v1.Container``; empty where it has no name.
    """

    at: Pointer
    schema: Schema
    value: Json
    of: str = ""

    @property
    def type(self) -> str:
        """The field's type; empty where it may be anything."""
        return "" if self.schema.get("x-kubernetes-int-or-string") else str(self.schema.get("type", ""))

    @property
    def fits(self) -> bool:
        """Whether the value is of the field's type."""
        return not self.type or json_types.fits(self.value, self.type)

    def unknown(self) -> Iterator[str]:
        """The members that the kind does not have there."""
        if isinstance(self.value, dict) and self.members and "additionalProperties" not in self.schema:
            yield from (name for name in self.value if name not in self.members and name != _LEFT_OUT)

    def missing(self) -> Iterator[str]:
        """The members that the kind cannot do without and that are not there."""
        for name in self.schema.get("required") or () if isinstance(self.value, dict) else ():
            if self.value.get(name) is None and name not in _ZERO_WILL_DO:
                yield name

    @property
    def members(self) -> Mapping[str, Schema]:
        """The members that Kubernetes has given a name."""
        return self.schema.get("properties") or {}


def nodes(api_version: str, kind: str, obj: Json) -> Iterator[Node]:
    """Every value of an object that the kind has a field for; nothing of a kind that is not known."""
    name = _extract()["kinds"].get(f"{api_version} {kind}")
    if name:
        yield from _walk({"$ref": name}, obj, ())


_ZERO_WILL_DO = frozenset({"served", "storage", "value", "lun"})
"""Fields that the OpenAPI document requires because Go always writes them, and that may be left out all the same: a
version's ``served`` is false then, a header's ``value`` empty."""


_LEFT_OUT = "status"
"""A field that the extract has nowhere."""

_SCHEMA = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps"
"""A schema. Of the types that allow for something else in its place the extract tells nothing: a list, which no API
server takes, and true or false."""


_OF_KUBERNETES = "io.k8s."
_OF_THE_API = "api."
"""What the names of types begin with in the documents."""


def _walk(schema: Schema, value: Json, at: Pointer) -> Iterator[Node]:
    if schema.get("$ref") == f"{_SCHEMA}OrArray" or (
        schema.get("$ref") == f"{_SCHEMA}OrBool" and not isinstance(value, bool)
    ):
        schema = {"$ref": _SCHEMA}
    of = schema.get("$ref", "").removeprefix(_OF_KUBERNETES).removeprefix(_OF_THE_API)
    schema = resolved(schema)
    if value is None:
        return
    yield Node(at, schema, value, of)
    if isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            if item is None:
                yield Node((*at, index), resolved(schema["items"]), None)
            yield from _walk(schema["items"], item, (*at, index))
    elif isinstance(value, dict):
        of_any = schema.get("additionalProperties")
        for member, below in value.items():
            found = (schema.get("properties") or {}).get(member, of_any)
            if (
                below is None
                and found is of_any
                and isinstance(found, dict)
                and resolved(found).get("type") == "object"
            ):
                yield Node((*at, member), resolved(found), None)
            elif isinstance(found, dict):
                yield from _walk(found, below, (*at, member))


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
