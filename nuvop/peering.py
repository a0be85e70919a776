"""Whether an operator can take part in kopf's peering, and what is in its way
(https://docs.kopf.dev/en/stable/peering/).

A peering is an object in which the operators of one cluster, or of one namespace, tell that they are there. kopf lets
the one with the highest priority work and pauses all others.
"""

import random
from collections.abc import Sequence
from functools import partial

from nuvop.cluster import ApiResource, Cluster, answer
from nuvop.errors import NotServed
from nuvop.rbac import EVERYWHERE, PEERING_GROUP, Right, told
from nuvop.trouble import Trouble

UNNAMED_PRIORITIES = range(-1_000_000, 0)
"""Those of operators that were given none. kopf pauses all operators of one priority: of two replicas by mistake both
would stand still. So each has its own, below that of every operator that was given one."""


def unnamed_priority() -> int:
    """Return the priority of an operator that was given none."""
    return random.choice(UNNAMED_PRIORITIES)  # noqa: S311 – nobody must not guess it


async def obstacle(cluster: Cluster, name: str, places: Sequence[str], *, cluster_wide: bool) -> str:
    """Return why the operator cannot take part in the peering of this name; empty where it can.

    ``places`` are the namespaces where there have to be peerings of this name, or `EVERYWHERE`. An API server that is
    away is waited for. Raises ClusterError where it refuses.
    """
    kind = "ClusterKopfPeering" if cluster_wide else "KopfPeering"
    plural = f"{kind.lower()}s"
    try:
        resource = await answer(
            Trouble(f"looking for {kind}"), lambda: cluster.discover(f"{PEERING_GROUP}/v1", kind, anew=True)
        )
    except NotServed:
        return f"there is no CRD {plural}.{PEERING_GROUP}"
    needed = [Right(place, PEERING_GROUP, plural, verb) for place in places for verb in ("list", "watch")]
    needed += [Right(place, PEERING_GROUP, plural, "patch", name) for place in places]
    for right in needed:
        if not await answer(Trouble("asking for its rights"), partial(cluster.may, right)):
            return f"it has no right to {told([right])}"
    return await _missing(cluster, resource, name, places)


async def _missing(cluster: Cluster, resource: ApiResource, name: str, places: Sequence[str]) -> str:
    for place in places:
        namespace = None if place == EVERYWHERE else place
        found = await answer(
            Trouble(f"looking for {resource.kind} {name}"),
            lambda namespace=namespace: cluster.list(resource, namespace),  # type: ignore[misc]
        )
        if all(body["metadata"]["name"] != name for body in found):
            return f"there is no {resource.kind} {name}{f' in {place}' if namespace else ''}"
    return ""
