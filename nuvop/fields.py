"""Field paths: where a value stands in an object, read from it and turned into JSON patches.

The syntax is kustomize's own ``fieldPath`` of replacements
(https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/replacements/):
``spec.template.spec.containers.[name=nginx].image``. Segments are parted by dots; ``\\.`` is a dot in a
name; ``[name=nginx]`` picks the items of a list by a field; a number picks one item; ``*`` picks all.

Pure: nothing here reads or writes anything but the objects it is given.
"""

import copy
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from nuvop.errors import FieldPathError

Json = Any
"""A value as JSON has it: dict, list, str, int, float, bool or None."""


@dataclass(frozen=True)
class Name:
    """A member of a mapping, or the index of a list's item when it is a number."""

    name: str


@dataclass(frozen=True)
class Where:
    """The items of a list whose field ``key`` has the value ``value``, compared as text."""

    key: str
    value: str


@dataclass(frozen=True)
class Every:
    """All items of a list, or all members of a mapping."""


Segment = Name | Where | Every


@dataclass(frozen=True)
class FieldPath:
    """A parsed field path; ``str()`` gives back the text it was parsed from."""

    text: str
    segments: tuple[Segment, ...]

    def __str__(self) -> str:
        return self.text


Pointer = tuple[str | int, ...]
"""The way to a value: members by their names, items of lists by their numbers."""


def path_to(*names: str | int) -> FieldPath:
    """The path through members and items that are named one by one."""
    return FieldPath(".".join(written(str(name)) for name in names), tuple(Name(str(name)) for name in names))


_PLAIN = re.compile(r"[^.\\\[\]*]+")


def written(name: str) -> str:
    """A member's name as a part of a field path."""
    if _PLAIN.fullmatch(name):
        return name
    if name and not any(mark in name for mark in "=]"):
        return f"[{name}]"
    return re.sub(r"([.\\\[\]])", r"\\\1", name)


_SEGMENT = re.compile(r"\[(?P<inner>[^\]]*)\](?=\.|$)|(?P<plain>(?:[^.\\\[\]]|\\.)+)(?=\.|$)")


def parse(text: str) -> FieldPath:
    """Parse a field path; raise FieldPathError when it is empty or not well-formed."""
    segments: list[Segment] = []
    position = 0
    while position < len(text):
        match = _SEGMENT.match(text, position)
        if match is None:
            raise FieldPathError(f"field path {text!r} cannot be read at {text[position:]!r}")
        segments.append(_segment(match))
        position = match.end() + 1
    # After the last segment it stands behind the dot that there is not; an escaped one is the segment's own.
    if position == len(text):
        raise FieldPathError(f"field path {text!r} is empty or ends with a dot")
    return FieldPath(text, tuple(segments))


def _segment(match: re.Match[str]) -> Segment:
    inner = match["inner"]
    if inner is None:
        plain = re.sub(r"\\(.)", r"\1", match["plain"])
        return Every() if plain == "*" else Name(plain)
    if not inner:
        raise FieldPathError(f"field path {match.string!r} has empty brackets")
    key, equals, value = inner.partition("=")
    return Where(key, value) if equals else Name(inner)


def values(obj: Json, path: FieldPath) -> list[Json]:
    """Return the values at ``path``, in the object's order; none where the path leads nowhere."""
    return [value for _, value in _walk(obj, path.segments, ())]


def places(obj: Json, path: FieldPath) -> list[tuple[FieldPath, Json]]:
    """Return the values at ``path``, each with the path of names that leads to it alone."""
    return [(path_to(*at), value) for at, value in _walk(obj, path.segments, ())]


def pointers(obj: Json, path: FieldPath) -> list[Pointer]:
    """Return where the values at ``path`` stand, members by their names and items by their numbers."""
    return [at for at, _ in _walk(obj, path.segments, ())]


def readable(obj: Json, path: FieldPath) -> FieldPath:
    """A path of names as one would write it for this object: an item by its name, if it has one, not by its place."""
    segments: list[Segment] = []
    for segment in path.segments:
        found = list(_members(obj, segment))
        below = found[0][1] if found else None
        called = below.get("name") if isinstance(obj, list) and isinstance(below, dict) else None
        is_called = isinstance(called, str) and "]" not in called
        segments.append(Where("name", str(called)) if is_called else segment)
        obj = below
    return FieldPath(".".join(map(_as_written, segments)), tuple(segments))


def _as_written(segment: Segment) -> str:
    match segment:
        case Name(name):
            return written(name)
        case Where(key, value):
            return f"[{key}={value}]"
        case Every():
            return "*"


def value_at(obj: Json, *names: str | int) -> Json:
    """Return the value at a path of names; None where there is none."""
    found = _walk(obj, tuple(Name(str(name)) for name in names), ())
    return next((value for _, value in found), None)


def mapped(value: Json) -> dict[str, Json]:
    """A mapping; an empty one for what is none: in a child's fields may be anything that a CR gives."""
    return value if isinstance(value, dict) else {}


def listed(value: Json) -> list[Json]:
    """A list; an empty one for what is none."""
    return value if isinstance(value, list) else []


def _walk(obj: Json, segments: tuple[Segment, ...], at: Pointer) -> Iterator[tuple[Pointer, Json]]:
    if not segments:
        yield at, obj
        return
    for key, child in _members(obj, segments[0]):
        yield from _walk(child, segments[1:], (*at, key))


def _members(obj: Json, segment: Segment) -> Iterator[tuple[str | int, Json]]:
    """The members of ``obj`` that one segment picks."""
    match segment, obj:
        case Name(name), dict() if name in obj:
            yield name, obj[name]
        case Name(name), list() if name.isdecimal() and int(name) < len(obj):
            yield int(name), obj[int(name)]
        case Where(key, value), list():
            for index, item in enumerate(obj):
                if isinstance(item, dict) and key in item and as_text(item[key]) == value:
                    yield index, item
        case Every(), list():
            yield from enumerate(obj)
        case Every(), dict():
            yield from obj.items()


def meet(one: Sequence[Segment], other: Sequence[Segment]) -> bool:
    """Whether two ways lead to the same, or one to a part of what the other leads to."""
    return all(map(_may_be_same, one, other))


def _may_be_same(one: Segment, other: Segment) -> bool:
    is_of_list = any(not isinstance(each, Name) or each.name.isdecimal() for each in (one, other))
    return one == other or is_of_list


def as_text(value: Json) -> str:
    """A value as YAML writes it, where it is neither a mapping nor a list."""
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass(frozen=True)
class Operation:
    """One operation of a JSON patch (RFC 6902)."""

    op: str
    path: str
    value: Json = None

    def as_dict(self) -> dict[str, Json]:
        """The operation as it is written to a patch file."""
        operation = {"op": self.op, "path": self.path}
        return operation if self.op == "remove" else {**operation, "value": self.value}


def put(obj: Json, path: FieldPath, value: Json) -> list[Operation]:
    """Set ``value`` at every place that ``path`` means in ``obj`` (changed in place); return the patch that does it.

    Mappings that are missing on the way are made; items of lists are not, because which item is meant cannot be
    known. Raises FieldPathError when the path leads nowhere or through a value that is no mapping.
    """
    operations = list(_put(obj, path.segments, (), value, path))
    if not operations:
        raise FieldPathError(f"field path {path} leads nowhere")
    return operations


def landings(obj: Json, path: FieldPath) -> list[Pointer]:
    """Return where `put` would set a value, also in mappings that it would make; none where the path leads nowhere."""
    return list(_land(obj, path.segments, ()))


def _land(obj: Json, segments: tuple[Segment, ...], at: Pointer) -> Iterator[Pointer]:
    if not segments:
        yield at
        return
    members = list(_members(obj, segments[0]))
    for key, child in members:
        yield from _land(child, segments[1:], (*at, key))
    if not members and (obj is None or isinstance(obj, dict)):
        names = [segment.name for segment in segments if isinstance(segment, Name)]
        if len(names) == len(segments):
            yield (*at, *names)


def _put(obj: Json, segments: tuple[Segment, ...], at: Pointer, value: Json, path: FieldPath) -> Iterator[Operation]:
    first, rest = segments[0], segments[1:]
    members = list(_members(obj, first))
    if not members:
        if not (isinstance(first, Name) and isinstance(obj, dict)):
            raise FieldPathError(f"field path {path} leads nowhere: {_describe(obj, first, at)}")
        yield _add(obj, first.name, rest, at, value, path)
    for key, child in members:
        if not rest:
            obj[key] = copy.deepcopy(value)
            yield Operation("replace", pointer((*at, key)), value)
        elif child is None and isinstance(obj, dict):
            # `emptyDir:` and the like: a member without a value counts as missing.
            yield _add(obj, str(key), rest, at, value, path)
        else:
            yield from _put(child, rest, (*at, key), value, path)


def _add(
    obj: dict[str, Json], name: str, rest: tuple[Segment, ...], at: Pointer, value: Json, path: FieldPath
) -> Operation:
    """One ``add`` that brings the missing mappings and the value at their end."""
    for segment in reversed(rest):
        if not isinstance(segment, Name):
            raise FieldPathError(f"field path {path} leads nowhere: there is no list at {pointer((*at, name))}")
        value = {segment.name: value}
    obj[name] = copy.deepcopy(value)
    return Operation("add", pointer((*at, name)), value)


def _describe(obj: Json, segment: Segment, at: Pointer) -> str:
    where = pointer(at) or "the object"
    match segment, obj:
        case Where(key, value), list():
            found = ", ".join(as_text(item.get(key)) for item in obj if isinstance(item, dict)) or "nothing"
            return f"no item of {where} has {key}={value} (there is {found})"
        case Name(name), list():
            return f"{where} is a list of {len(obj)} and has no item {name!r}"
        case Where() | Every(), dict() | list():
            return f"{where} has nothing that it could pick"
        case _:
            return f"{where} is a {type(obj).__name__} and has no members"


def pointer(keys: Pointer) -> str:
    """The JSON pointer (RFC 6901) of a place: ``("metadata", "a/b") → "/metadata/a~1b"``."""
    return "".join("/" + str(key).replace("~", "~0").replace("/", "~1") for key in keys)
