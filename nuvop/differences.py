"""What differs between an object as it is and as it would be, field by field. Pure.

Fields are named as in kind.yaml (`nuvop.fields`), items of lists by their name where they have one. What nuvop or the
API server write with each apply is no difference: a user asks what changes for the workload.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nuvop.fields import Json
from nuvop.objects import LABELS, Body

_METADATA = ("labels", "annotations")
"""What users set in an object's metadata; all else there is bookkeeping."""

_MERGE_KEYS = ("name", "containerPort", "port", "mountPath", "key", "ip", "type", "topologyKey")
"""By which field items of Kubernetes' lists are told apart
(``x-kubernetes-list-map-keys`` and ``patchMergeKey`` in its OpenAPI)."""

_SECRET = ("data", "stringData")


@dataclass(frozen=True)
class Missing:
    """A field that is not there, which is something else than one that is null."""


MISSING = Missing()


@dataclass(frozen=True)
class Difference:
    """One field that would change; ``before`` or ``after`` is `MISSING`. The values of a Secret are left out."""

    path: str
    before: Json
    after: Json
    is_secret: bool = False


def between(before: Body, after: Body) -> list[Difference]:
    """What would change in an object."""
    is_secret = (after["apiVersion"], after["kind"]) == ("v1", "Secret")
    found = []
    for each in _differences(_wanted(before), _wanted(after), ()):
        hidden = is_secret and each.path.split(".")[0] in _SECRET
        found.append(Difference(each.path, None, None, is_secret=True) if hidden else each)
    return found


def _wanted(body: Body) -> dict[str, Any]:
    """An object without what says nothing of the workload."""
    metadata = {name: value for name, value in body["metadata"].items() if name in _METADATA and value}
    if labels := {name: value for name, value in (metadata.get("labels") or {}).items() if name not in LABELS}:
        metadata["labels"] = labels
    else:
        metadata.pop("labels", None)
    rest = {name: value for name, value in body.items() if name not in ("apiVersion", "kind", "metadata", "status")}
    return {"metadata": metadata, **rest} if metadata else rest


def _differences(before: Json, after: Json, at: tuple[str, ...]) -> Iterator[Difference]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _of_members(before, after, at, _escaped)
    elif isinstance(before, list) and isinstance(after, list) and (key := _merge_key(before, after)):
        was, will = ({str(item[key]): item for item in items} for items in (before, after))
        yield from _of_members(was, will, at, lambda name: f"[{key}={name}]")
    else:
        yield Difference(".".join(at), before, after)


def _of_members(
    before: Mapping[str, Json], after: Mapping[str, Json], at: tuple[str, ...], named: Callable[[str], str]
) -> Iterator[Difference]:
    for name in dict.fromkeys([*before, *after]):
        here = (*at, named(name))
        if name in before and name in after:
            yield from _differences(before[name], after[name], here)
        else:
            yield Difference(".".join(here), before.get(name, MISSING), after.get(name, MISSING))


def _escaped(name: str) -> str:
    return f"[{name}]" if "." in name else name


def _merge_key(*lists: list[Json]) -> str:
    """The field by which the items of both lists can be told apart; empty where there is none."""
    items = [item for each in lists for item in each]
    for key in _MERGE_KEYS:
        if items and all(isinstance(item, dict) and key in item for item in items):
            names = [[str(item[key]) for item in each] for each in lists]
            if all(len(set(each)) == len(each) for each in names):
                return key
    return ""
