"""What `kubectl apply` works out by itself, so that a dry run of the API server's does not tell it. Pure."""

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from nuvop.fields import Json
from nuvop.objects import LAST_APPLIED, Body

_WRITTEN_BY_SERVER = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink")

_NOTE = ("f:metadata", "f:annotations", f"f:{LAST_APPLIED}")

Tree = Mapping[str, Any]
"""A fieldsV1 (https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management)."""


def merged(live: Body, wanted: Body) -> dict[str, Any]:
    """A custom resource once `kubectl apply` has brought it from ``live`` to what a file says.

    What the file once had and has no more is removed, what others have set beside it stays: a JSON merge patch of
    three (https://kubernetes.io/docs/tasks/manage-kubernetes-objects/declarative-config/#how-apply-calculates-differences-and-merges-changes).
    """
    bared = bare(wanted)
    # kubectl puts its note into what it compares, so others' annotations stay where the file has none any more.
    noted = {**bared, "metadata": {"annotations": {}, **bared["metadata"]}}
    result: dict[str, Any] = _merged(_last(live), noted, live)
    return result


def _last(live: Body) -> Json:
    """What kubectl has noted that it has applied last; it notes all that was in the file."""
    note = (live["metadata"].get("annotations") or {}).get(LAST_APPLIED)
    try:
        last = orjson.loads(note or "{}")
    except ValueError:
        return {}
    return bare(last) if isinstance(last, dict) and isinstance(last.get("metadata"), dict) else last


def bare(wanted: Body) -> dict[str, Any]:
    """A file's object without what only the API server or kubectl write."""
    metadata = {name: value for name, value in wanted["metadata"].items() if name not in _WRITTEN_BY_SERVER}
    if annotations := metadata.get("annotations"):
        metadata["annotations"] = {name: value for name, value in annotations.items() if name != LAST_APPLIED}
    return {**{name: value for name, value in wanted.items() if name != "status"}, "metadata": metadata}


def _merged(last: Json, wanted: Json, live: Json) -> Json:
    if not (isinstance(wanted, dict) and isinstance(live, dict)):
        return wanted
    before = last if isinstance(last, dict) else {}
    result = {name: value for name, value in live.items() if name in wanted or name not in before}
    for name, value in wanted.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = _merged(before.get(name), value, live.get(name))
    return result


def without_kubectls(tried: Body) -> Body:
    """An object once nuvop's kubectl has applied it, given how a dry run has left it.

    `kubectl apply --server-side` takes over the fields of whoever wrote kubectl's own annotation, and what of them is
    not applied is removed then
    (https://github.com/kubernetes/kubernetes/blob/v1.36.0/staging/src/k8s.io/kubectl/pkg/cmd/apply/apply.go,
    ``migrateToSSAIfNecessary``).
    """
    entries = tried["metadata"].get("managedFields") or ()
    trees = [(entry.get("operation"), entry.get("fieldsV1") or {}) for entry in entries]
    theirs = [tree for operation, tree in trees if operation == "Update" and _has(tree, _NOTE)]
    if not theirs:
        return tried
    others = [tree for _, tree in trees if tree not in theirs]
    result = copy.deepcopy(dict(tried))
    for tree in theirs:
        _remove(result, tree, others)
    return result


def _has(tree: Tree, way: Sequence[str]) -> bool:
    return not way or (way[0] in tree and _has(tree[way[0]], way[1:]))


def _remove(value: Json, tree: Tree, others: Iterable[Tree]) -> None:
    """Take from a value, in place, what a tree owns and none of the others does."""
    for part, below in tree.items():
        at = place(value, part)
        if at is None:
            continue
        also = [other[part] for other in others if part in other]
        if not also and (not below or "." in below):
            del value[at]
        else:
            _remove(value[at], below, also)


def place(value: Json, part: str) -> Any:
    """Where in a mapping or a list that is which a part of a tree names; None where it is not there."""
    mark, _, text = part.partition(":")
    match mark, value:
        case "f", dict() if text in value:
            return text
        case "k", list():
            keys = orjson.loads(text)
            items = ((i, item) for i, item in enumerate(value) if isinstance(item, dict))
            return next((i for i, item in items if all(item.get(k) == v for k, v in keys.items())), None)
        case "v", list():
            return next((i for i, item in enumerate(value) if item == orjson.loads(text)), None)
    return None
