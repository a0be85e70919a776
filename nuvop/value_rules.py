"""Values that the API server does not take in objects of Kubernetes' own kinds, though their types are right. Pure.

The rules are in `nuvop.values`, in tables by the name that Kubernetes gives a type: one for a container holds in a Pod
as in a CronJob. Beside them, what OpenAPI itself says is tried: which words a field takes, and what tells the items of
a list apart.
"""

from collections.abc import Mapping, Sequence

from nuvop.fields import Json
from nuvop.openapi import Node, resolved
from nuvop.values import access, metadata, network, pods, quantities, scaling, scheduling, storage, workloads
from nuvop.values.rule import Fields, Found, Misvalue, Together, below, one_of_words

_FIELDS: Fields = {
    **metadata.FIELDS,
    **pods.FIELDS,
    **scheduling.FIELDS,
    **workloads.FIELDS,
    **scaling.FIELDS,
    **network.FIELDS,
    **storage.FIELDS,
    **access.FIELDS,
}

_TOGETHER: Together = {
    **metadata.TOGETHER,
    **quantities.TOGETHER,
    **pods.TOGETHER,
    **scheduling.TOGETHER,
    **workloads.TOGETHER,
    **scaling.TOGETHER,
    **network.TOGETHER,
    **storage.TOGETHER,
}


def misvalues(node: Node) -> Found:
    """What is wrong with a value and its members, whose types may be wrong, too: that is told elsewhere."""
    yield from below(node.at, _of_enum(node))
    if node.of == quantities.QUANTITY:
        yield from below(node.at, quantities.quantity(node.value))
    elif isinstance(node.value, dict):
        for name, rule in _FIELDS.get(node.of, {}).items():
            if name in node.value and node.value[name] is not None:
                yield from below((*node.at, name), rule(node.value[name]))
        for name, value in node.value.items():
            if keys := (schema := node.members.get(name, {})).get("keys"):
                yield from below((*node.at, name), _twice(value, keys, schema))
        for part in _TOGETHER.get(node.of, ()):
            yield from below(node.at, part(node.value))


def _of_enum(node: Node) -> Found:
    """A word that is none of those that a field takes.

    An empty one counts as left out, mostly. Only ``stopSignal`` has more than a few words, and where the cluster does
    not know that field, it takes anything there.
    """
    words = node.schema.get("enum") or ()
    if 0 < len(words) <= _FEW and isinstance(node.value, str) and node.value:
        yield from one_of_words(*words)(node.value)


_FEW = 30


def _twice(items: Json, keys: Sequence[str], schema: Mapping[str, Json]) -> Found:
    """Items of a list that the API server could not tell apart."""
    if not isinstance(items, list):
        return
    members = resolved(schema["items"]).get("properties") or {}
    defaults = {key: members.get(key, {}).get("default") for key in keys}
    seen: set[tuple[str, ...]] = set()
    for index, item in enumerate(items):
        if not isinstance(item, dict):
            continue
        found = tuple(repr(item.get(key, defaults[key])) for key in keys)
        if found in seen:
            what = ", ".join(f"{key} {item.get(key, defaults[key])!r}" for key in keys)
            yield Misvalue((index,), f"{what} stands there twice: each item needs another one", ())
        seen.add(found)
