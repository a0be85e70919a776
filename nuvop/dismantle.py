"""The end of a CR that carries nuvop's finalizer: what the garbage collector leaves is deleted, or let go.

It works from the API server's answers alone: the kind's folder may be broken or gone by then, and so may a child's
API, its namespace, or nuvop's memory of it.
"""

from collections.abc import AsyncIterator, Iterable
from typing import Any

from nuvop import marks
from nuvop.cluster import ApiResource, Cluster
from nuvop.errors import NotFound, NotServed
from nuvop.objects import FINALIZER, OWNER_LABEL, Body, is_deleting, owns_label

Type = tuple[str, str]
"""An apiVersion and a kind."""


async def dismantle(cluster: Cluster, cr: Body, types: Iterable[Type], *, orphan: bool) -> list[str]:
    """Delete a CR's children outside of namespaces, or with ``orphan`` let all of them go.

    The garbage collector deletes those with an ownerReference. It takes the references off where the CR is deleted with
    ``--cascade=orphan``, so when no child in the CR's namespace has one, all are to stay. Returns what was
    done, an object each. Raises the ClusterError of the first object that resists; what was done until then stays
    done, and the next attempt goes on from there.
    """
    found = [pair async for pair in _children(cluster, cr, types)]
    beside = [child for resource, child in found if resource.namespaced]
    orphan = orphan or bool(beside and not any(marks.is_owned(child, cr["metadata"]["uid"]) for child in beside))
    done = []
    for resource, child in found:
        what = f"{resource.kind}/{child['metadata']['name']}"
        if orphan and await _let_go(cluster, resource, cr, child):
            done.append(f"{what} was let go")
        elif not orphan and not resource.namespaced and await _delete(cluster, resource, child):
            done.append(f"{what} was deleted")
    return done


async def detach(cluster: Cluster, cr: Body, types: Iterable[Type]) -> None:
    """Take the CR's ownerReference off its children, so that they outlive it however it is deleted.

    A deletion in the foreground does not wait for the CR's finalizers before it deletes the children.
    """
    for resource, child in [pair async for pair in _children(cluster, cr, types)]:
        operations = list(marks.reference_off(cr["metadata"]["uid"], child))
        if operations:
            await cluster.patch_metadata(resource, child, operations)


async def _children(cluster: Cluster, cr: Body, types: Iterable[Type]) -> AsyncIterator[tuple[ApiResource, Body]]:
    """The live children of these types that nuvop made for this very CR."""
    for api_version, kind in sorted(set(types)):
        try:
            resource = await cluster.discover(api_version, kind)
            namespace = cr["metadata"]["namespace"] if resource.namespaced else None
            labels = f"{OWNER_LABEL}={cr['metadata']['uid']}"
            listed = await cluster.list(resource, namespace, labels=labels, metadata_only=True)
        except (NotServed, NotFound):
            continue  # its API is gone, and the objects with it
        for child in listed:
            # Another's copy has the label, too, but it is not nuvop's.
            if owns_label(child, OWNER_LABEL) and not is_deleting(child):
                yield resource, child


async def _delete(cluster: Cluster, resource: ApiResource, child: Body) -> bool:
    try:
        await cluster.delete(resource, child)
    except NotFound:
        return False
    return True


async def _let_go(cluster: Cluster, resource: ApiResource, cr: Body, child: Body) -> bool:
    try:
        await cluster.patch_metadata(resource, child, list(marks.off(cr["metadata"]["uid"], child)))
    except NotFound:
        return False
    return True


def finalizers(cr: Body, *, wanted: bool) -> list[dict[str, Any]]:
    """The JSON patch that puts nuvop's finalizer on a CR, or takes it off."""
    others = [name for name in cr["metadata"].get("finalizers") or () if name != FINALIZER]
    return [{"op": "add", "path": "/metadata/finalizers", "value": [*others, FINALIZER] if wanted else others}]
