"""The end of a CR that carries nuvop's finalizer: what the garbage collector leaves is deleted, or let go.

It works from the API server's answers alone: the kind's folder may be broken or gone by then, and so may a child's
API, its namespace, or nuvop's memory of it.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from nuvop.cluster import ApiResource, Cluster
from nuvop.errors import NotFound, NotServed
from nuvop.fields import pointer
from nuvop.objects import (
    FIELD_MANAGER,
    FINALIZER,
    LABELS,
    OWNER_LABEL,
    Body,
    is_deleting,
    labels_of,
    ownership,
)

Type = tuple[str, str]
"""An apiVersion and a kind."""


async def dismantle(cluster: Cluster, cr: Body, types: Iterable[Type], *, orphan: bool) -> list[str]:
    """Delete a CR's children of these types that no ownerReference covers, or with ``orphan`` let all of them go.

    Returns what was done, an object each. Raises the ClusterError of the first object that resists; what was done
    until then stays done, and the next attempt goes on from there.
    """
    done = []
    for api_version, kind in sorted(set(types)):
        try:
            resource = await cluster.discover(api_version, kind)
            namespace = cr["metadata"]["namespace"] if resource.namespaced else None
            found = await cluster.list(resource, namespace, labels=f"{OWNER_LABEL}={cr['metadata']['uid']}")
        except (NotServed, NotFound):
            continue  # its API is gone, and the objects with it
        for child in found:
            if ownership(child) is None:
                continue  # somebody's copy
            if await (_let_go(cluster, resource, cr, child) if orphan else _delete(cluster, resource, cr, child)):
                done.append(f"{kind}/{child['metadata']['name']}")
    return done


async def _delete(cluster: Cluster, resource: ApiResource, cr: Body, child: Body) -> bool:
    if is_deleting(child) or _owners(child) != _owners_without(child, cr):
        return False  # on its way, or the garbage collector's
    try:
        await cluster.delete(resource, child)
    except NotFound:
        return False
    return True


async def _let_go(cluster: Cluster, resource: ApiResource, cr: Body, child: Body) -> bool:
    """Take off what marks a child as nuvop's; a pod template keeps its label, or its pods would be made anew."""
    try:
        await cluster.patch_metadata(resource, child, list(_marks_off(cr, child)))
    except NotFound:
        return False
    return True


def _marks_off(cr: Body, child: Body) -> Iterable[dict[str, Any]]:
    for label in LABELS:
        if label in labels_of(child):
            yield {"op": "remove", "path": pointer(("metadata", "labels", label))}
    others = _owners_without(child, cr)
    if others != _owners(child):
        path = pointer(("metadata", "ownerReferences"))
        yield {"op": "replace", "path": path, "value": others} if others else {"op": "remove", "path": path}
    entries = [e for e in child["metadata"].get("managedFields") or () if e.get("manager") != FIELD_MANAGER]
    # An empty list means nothing to the API server; a list of one empty entry takes all entries off.
    yield {"op": "replace", "path": pointer(("metadata", "managedFields")), "value": entries or [{}]}


def _owners(child: Body) -> Sequence[Body]:
    return child["metadata"].get("ownerReferences") or []


def _owners_without(child: Body, cr: Body) -> Sequence[Body]:
    return [owner for owner in _owners(child) if owner.get("uid") != cr["metadata"]["uid"]]


def finalizers(cr: Body, *, wanted: bool) -> list[dict[str, Any]]:
    """The JSON patch that puts nuvop's finalizer on a CR, or takes it off."""
    others = [name for name in cr["metadata"].get("finalizers") or () if name != FINALIZER]
    return [{"op": "add", "path": "/metadata/finalizers", "value": [*others, FINALIZER] if wanted else others}]
