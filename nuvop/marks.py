"""What marks an object as a CR's child, and the JSON patches that take it off again. Pure."""

from collections.abc import Iterable, Sequence
from typing import Any

from nuvop.fields import pointer
from nuvop.objects import FIELD_MANAGER, LABELS, Body, labels_of


def off(uid: str, child: Body) -> Iterable[dict[str, Any]]:
    """Take off all that marks an object as a child of the CR with this uid; ``child`` has all of its managedFields.

    A pod template keeps its label, or its pods would be made anew.
    """
    for label in LABELS:
        if label in labels_of(child):
            yield {"op": "remove", "path": pointer(("metadata", "labels", label))}
    yield from reference_off(uid, child)
    entries = [e for e in child["metadata"].get("managedFields") or () if e.get("manager") != FIELD_MANAGER]
    # An empty list means nothing to the API server; a list of one empty entry takes all entries off.
    yield {"op": "replace", "path": pointer(("metadata", "managedFields")), "value": entries or [{}]}


def reference_off(uid: str, child: Body) -> Iterable[dict[str, Any]]:
    """Take the CR's ownerReference off; nothing where it is not there."""
    if not is_owned(child, uid):
        return
    others = [owner for owner in _owners(child) if owner.get("uid") != uid]
    path = pointer(("metadata", "ownerReferences"))
    yield {"op": "replace", "path": path, "value": others} if others else {"op": "remove", "path": path}


def is_owned(child: Body, uid: str) -> bool:
    """Whether an object has an ownerReference to the CR with this uid."""
    return any(owner.get("uid") == uid for owner in _owners(child))


def _owners(child: Body) -> Sequence[Body]:
    return child["metadata"].get("ownerReferences") or []
