"""Which fields a kind has whose base is made of custom objects, of which nuvop knows nothing. Pure.

Proposed are the plain values that the objects have under ``spec``, where they stand there; of an object without any
those that its CRD has, if the folder brings it. Left out is what says which object is meant: names, kinds, selectors,
and texts in which a child is named.
"""

from collections.abc import Iterator, Mapping, Sequence

from nuvop import crd, fields, follow, openapi, proposals
from nuvop.fields import FieldPath, Json, Pointer
from nuvop.kinds import Child, ChildField
from nuvop.proposals import Proposal

Schemas = Mapping[tuple[str, str], crd.Schema]
"""Those of the CRDs that a folder brings, by apiVersion and kind."""

_DEEPEST = 4
"""Levels of an object below ``spec``: what stands deeper nobody would look for in a custom resource."""

_SAYS_WHICH = frozenset({"apiGroup", "apiVersion", "group", "kind", "name", "namespace", "type"})
_SAY_WHICH = ("Ref", "Selector", "selector", "Labels", "labels", "annotations", "metadata")
"""Members, and ends of members, that tell of which object or which of several shapes it is, not what it is to be."""


def propose(base: Sequence[Child], schemas: Schemas) -> list[Proposal]:
    """The plain values of the custom objects of a base; of several objects each has members of its own."""
    named = {(child, at.segments) for child, at in follow.mentions(base)}
    owners = custom(base)
    labels = proposals.labels(owners)
    found = []
    for child in owners:
        prefix = f"{labels[child]}." if len(owners) > 1 else ""
        for at in _plain(child, schemas.get((child.api_version, child.kind))):
            if not any((child, each.segments) in named for each in _texts(child, at)):
                name = f"{prefix}{'.'.join(map(str, at[1:]))}"
                found.append(Proposal(name, (ChildField(child.selector, fields.path_to(*at)),)))
    return found


def custom(base: Sequence[Child]) -> list[Child]:
    """The custom objects of a base."""
    return [child for child in base if not openapi.knows(child.api_version, child.kind)]


def _plain(child: Child, schema: crd.Schema | None) -> list[Pointer]:
    """Where a custom object has plain values, or could have them."""
    spec = child.body.get("spec")
    present = [at for at in _values(spec, ("spec",)) if schema is None or crd.has(schema, fields.path_to(*at))]
    return present or [("spec", name) for name in _known(schema or {})]


def _values(value: Json, at: Pointer) -> Iterator[Pointer]:
    for name, below in value.items() if isinstance(value, dict) and len(at) <= _DEEPEST else ():
        if not _may_be_field(name):
            continue
        if _is_plain(below) or (isinstance(below, list) and below and all(map(_is_plain, below))):
            yield (*at, name)
        else:
            yield from _values(below, (*at, name))


def _known(schema: crd.Schema) -> Iterator[str]:
    """The plain values that a schema has right under ``spec``."""
    spec = crd.field(schema, fields.path_to("spec")) or {}
    for name, below in (spec.get("properties") or {}).items():
        if _may_be_field(name) and below.get("type") in ("boolean", "integer", "number", "string"):
            yield name


def _is_plain(value: Json) -> bool:
    return isinstance(value, bool | int | float) or (isinstance(value, str) and "\n" not in value)


def _may_be_field(name: str) -> bool:
    """Whether a member may be a field of a CR, and is none that names an object, such as ``secretName``."""
    is_object = name.endswith("Name") and name.removesuffix("Name").lower() in _kinds()
    return proposals.may_be_field(name) and not (name in _SAYS_WHICH or name.endswith(_SAY_WHICH) or is_object)


def _kinds() -> frozenset[str]:
    return frozenset(kind.lower() for _, kind in openapi.kinds())


def _texts(child: Child, at: Pointer) -> Iterator[FieldPath]:
    """The ways to the texts that a plain value is, or has as its items."""
    value = fields.value_at(child.body, *at)
    ways = [(*at, index) for index in range(len(value))] if isinstance(value, list) else [at]
    yield from (fields.path_to(*way) for way in ways)
