"""The end of a CR that carries nuvop's finalizer: what the garbage collector leaves is deleted, or let go.

It works from the API server's answers alone: the kind's folder may be broken or gone by then, and so may a child's
API, its namespace, or nuvop's memory of it.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from nuvop import marks
from nuvop.cluster import ApiResource, Cluster
from nuvop.directives import DELETE
from nuvop.errors import NotFound, NotServed
from nuvop.generated import is_generated
from nuvop.objects import FINALIZER, NAMESPACE_LABEL, OWNER_LABEL, Body, is_deleting, labels_of, owns_label

Places = Mapping[tuple[str, str], frozenset[str]]
"""The namespaces that objects of each type, an apiVersion and a kind, are in; an empty one is none."""


async def dismantle(cluster: Cluster, cr: Body, places: Places, *, orphan: bool) -> list[str]:
    """Delete a CR's children outside of its namespace, or with ``orphan`` let all of them go.

    The garbage collector deletes those with an ownerReference. It takes the references off where the CR is deleted with
    ``--cascade=orphan``, so when no child in the CR's namespace has one, all are to stay. Returns what was
    done, an object each. Raises the ClusterError of the first object that resists; what was done until then stays
    done, and the next attempt goes on from there.
    """
    found = [pair async for pair in _children(cluster, cr, places)]
    beside = [child for _, child in found if _is_the_garbage_collectors(cr, child)]
    orphan = orphan or bool(beside and not any(marks.is_owned(child, cr["metadata"]["uid"]) for child in beside))
    done = []
    for resource, child in found:
        what = f"{resource.kind}/{child['metadata']['name']}"
        if orphan and await _let_go(cluster, resource, cr, child):
            done.append(f"{what} was let go")
        elif not orphan and _is_outside(cr, child) and not _is_kept(child) and await _delete(cluster, resource, child):
            done.append(f"{what} was deleted")
    return done


async def detach(cluster: Cluster, cr: Body, places: Places) -> None:
    """Take the CR's ownerReference off its children, so that they outlive it however it is deleted.

    A deletion in the foreground does not wait for the CR's finalizers before it deletes the children.
    """
    for resource, child in [pair async for pair in _children(cluster, cr, places)]:
        operations = list(marks.reference_off(cr["metadata"]["uid"], child))
        if operations:
            await cluster.patch_metadata(resource, child, operations)


async def _children(cluster: Cluster, cr: Body, places: Places) -> AsyncIterator[tuple[ApiResource, Body]]:
    """The live children of these types that nuvop made for this very CR."""
    labels = f"{OWNER_LABEL}={cr['metadata']['uid']}"
    for (api_version, kind), namespaces in sorted(places.items()):
        for namespace in sorted(namespaces):
            try:
                resource = await cluster.discover(api_version, kind)
                listed = await cluster.list(resource, namespace or None, labels=labels, metadata_only=True)
            except (NotServed, NotFound):
                continue  # its API is gone, and the objects with it
            for child in listed:
                # Another's copy has the label, too, but it is not nuvop's.
                if (owns_label(child, OWNER_LABEL) or is_generated(child)) and not is_deleting(child):
                    yield resource, child


def _is_the_garbage_collectors(cr: Body, child: Body) -> bool:
    """Whether a child has an ownerReference to the CR as long as that lives; what is made once may lose it before."""
    return not (_is_outside(cr, child) or _is_kept(child) or is_generated(child))


def _is_outside(cr: Body, child: Body) -> bool:
    """Whether a child cannot have an ownerReference to the CR, so that the garbage collector leaves it."""
    return NAMESPACE_LABEL in labels_of(child) or child["metadata"].get("namespace") != cr["metadata"]["namespace"]


def _is_kept(child: Body) -> bool:
    """Whether a child stays when its CR goes."""
    return DELETE in (child["metadata"].get("annotations") or {})


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
