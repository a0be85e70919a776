"""What differs between an object as it is and as it would be, field by field. Pure.

Fields are named as in kind.yaml (`nuvop.fields`), items of lists by what tells them apart where something does. What
the API server writes by itself is no difference, nor that nuvop's labels name another revision or owner.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from nuvop import fields
from nuvop.fields import Every, Json, Name, Segment, Where
from nuvop.objects import LAST_APPLIED, OWNER_LABEL, REVISION_LABEL, Body

_OF_EACH_APPLY = (OWNER_LABEL, REVISION_LABEL)

_MERGE_KEYS = (
    "name", "uid", "mountPath", "devicePath", "containerPort", "port", "key", "ip", "host", "path", "type",
    "topologyKey", "secretName", "id",
)  # fmt: skip
"""By which field the items of lists are told apart, the usual ones of Kubernetes' lists
(``x-kubernetes-list-map-keys`` and ``x-kubernetes-patch-merge-key`` in its OpenAPI)."""

_OPEN_IN_SECRETS = frozenset({"metadata", "type", "immutable"})
"""What may be told of a Secret, but for its annotations; of any other field only that it differs."""

Way = tuple[Segment, ...]
"""The segments of a field path."""


@dataclass(frozen=True)
class Missing:
    """A field that is not there, which is something else than one that is null."""


MISSING = Missing()


@dataclass(frozen=True)
class Hidden:
    """A value that is compared and never told."""

    value: Json = field(repr=False)


@dataclass(frozen=True)
class Difference:
    """One field that would change; ``before`` or ``after`` is `MISSING` where it is not there.

    Where the items of a list change places, both are whole lists. Either, or a value in it, may be `Hidden`.
    """

    path: str
    before: Json
    after: Json

    @property
    def is_secret(self) -> bool:
        """Whether the values must not be told."""
        return isinstance(self.before, Hidden) or isinstance(self.after, Hidden)


def between(before: Body, after: Body, *, secret: Collection[Way] = ()) -> tuple[Difference, ...]:
    """What would change in an object; of a Secret's values, and of those at ``secret``, only that they do."""
    was, will = (_told(body, before, after, secret) for body in (before, after))
    return tuple(_differences(was, will, ()))


def _told(body: Body, before: Body, after: Body, secret: Collection[Way]) -> dict[str, Any]:
    """An object without what is no difference, its secret values hidden."""
    metadata = body["metadata"]
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    same = {
        label for label in _OF_EACH_APPLY if all(label in (b["metadata"].get("labels") or {}) for b in (before, after))
    }
    told = {
        "metadata": {
            "labels": _without(labels, same),
            "annotations": _without(annotations, {LAST_APPLIED}),
            **{name: metadata[name] for name in ("ownerReferences", "finalizers") if metadata.get(name)},
        },
        **_without(body, {"apiVersion", "kind", "metadata", "status"}),
    }
    if (body["apiVersion"], body["kind"]) == ("v1", "Secret"):
        told = {name: value if name in _OPEN_IN_SECRETS else _each_hidden(value) for name, value in told.items()}
        told["data"] = told.get("data") or {}
        told["metadata"]["annotations"] = _each_hidden(told["metadata"]["annotations"])
    for way in secret:
        told = _hidden_at(told, way)
    return told


def _without(mapping: Mapping[str, Json], names: Collection[str]) -> dict[str, Json]:
    return {name: value for name, value in mapping.items() if name not in names}


def _each_hidden(value: Json) -> Json:
    """A value hidden, a mapping's members one by one."""
    return {name: Hidden(below) for name, below in value.items()} if isinstance(value, dict) else Hidden(value)


def _hidden_at(obj: Json, way: Way) -> Json:
    """An object with the values at a way hidden, if there are any."""
    if not way:
        return obj if isinstance(obj, Hidden) else Hidden(obj)
    if isinstance(obj, dict):
        return {name: _hidden_at(below, way[1:]) if _leads_to(way[0], name) else below for name, below in obj.items()}
    if isinstance(obj, list):
        return [_hidden_at(item, way[1:]) if _picks(way[0], item) else item for item in obj]
    return obj


def _leads_to(segment: Segment, name: str) -> bool:
    return segment in (Every(), Name(name))


def _picks(segment: Segment, item: Json) -> bool:
    """Whether an item of a list may be meant. An index means any: items come, go and change places."""
    if isinstance(segment, Where):
        return isinstance(item, dict) and fields.as_text(item.get(segment.key)) == segment.value
    return isinstance(segment, Every) or segment.name.isdecimal()


def _differences(before: Json, after: Json, at: tuple[str, ...]) -> Iterator[Difference]:
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _of_members(before, after, at, fields.written)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _of_items(before, after, at)
    elif type(before) is not type(after) or before != after:
        yield Difference(".".join(at), before, after)


def _of_items(before: list[Json], after: list[Json], at: tuple[str, ...]) -> Iterator[Difference]:
    """Item by item where it is known which is which; else the lists as a whole."""
    key = _merge_key(before, after)
    was, will = (_by_key(items, key) for items in (before, after))
    pairs = list(zip(before, after, strict=False))
    is_as_long = len(before) == len(after)
    if key and [name for name in was if name in will] == [name for name in will if name in was]:
        yield from _of_members(was, will, at, lambda name: f"[{key}={name}]")
    elif not key and is_as_long and all(isinstance(item, dict | list) for item in (*before, *after)):
        for index, (old, new) in enumerate(pairs):
            yield from _differences(old, new, (*at, str(index)))
    elif key or not is_as_long or any(any(_differences(old, new, ())) for old, new in pairs):
        yield Difference(".".join(at), before, after)


def _of_members(
    before: Mapping[Any, Json], after: Mapping[Any, Json], at: tuple[str, ...], named: Callable[[Any], str]
) -> Iterator[Difference]:
    for name in dict.fromkeys([*before, *after]):
        here = (*at, named(name))
        if name in before and name in after:
            yield from _differences(before[name], after[name], here)
        else:
            yield Difference(".".join(here), before.get(name, MISSING), after.get(name, MISSING))


def _merge_key(*lists: list[Json]) -> str:
    """The field by which the items of both lists can be told apart; empty where there is none."""
    items = [item for each in lists for item in each]
    if not items or not all(isinstance(item, dict) for item in items):
        return ""
    for key in _MERGE_KEYS:
        has_names = all(_is_name(item.get(key)) for item in items)
        if has_names and all(len(_by_key(each, key)) == len(each) for each in lists):
            return key
    return ""


def _is_name(value: Json) -> bool:
    """Whether a field path can pick an item by this value."""
    return isinstance(value, int) or (isinstance(value, str) and "]" not in value)


def _by_key(items: list[Json], key: str) -> dict[str, Json]:
    return {fields.as_text(item[key]): item for item in items} if key else {}
