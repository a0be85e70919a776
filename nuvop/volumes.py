"""Sees to it that the volumes of StatefulSets go with them, or stay, as these say."""

import logging
from contextlib import suppress

from nuvop import retention
from nuvop.cluster import Cluster
from nuvop.errors import Conflict, NotFound
from nuvop.fields import pointer
from nuvop.logs import about
from nuvop.objects import ObjectKey
from nuvop.retention import CLAIM, Change
from nuvop.scene import Scene

logger = logging.getLogger(__name__)


class Volumes:
    """Does what the controller of StatefulSets leaves undone; `nuvop.retention` says what."""

    def __init__(self, cluster: Cluster) -> None:
        """Do nothing yet."""
        self._cluster = cluster

    async def settle(self, scene: Scene) -> None:
        """Make the claims of a CR's StatefulSets as these say; raise a ClusterError.

        What the watches have shown may be of different moments, and a claim that is bound to go takes its data with it:
        so what a StatefulSet says now is asked before anything is changed.
        """
        for key, child in scene.overlay.children.items():
            seen = scene.live.get(key)
            if seen is None or not retention.has_claims(child.body) or not any(retention.changes(seen, scene.live)):
                continue
            with suppress(Conflict, NotFound):  # something has changed meanwhile, which the watch will show
                now = await self._cluster.get(scene.resource(key), key.namespace, key.name)
                for change in retention.changes(now, scene.live):
                    await self._carry_out(scene, key, change)

    async def _carry_out(self, scene: Scene, stateful_set: ObjectKey, change: Change) -> None:
        operation = {"op": "add", "path": pointer(("metadata", "ownerReferences")), "value": change.owners}
        await self._cluster.patch_metadata(scene.resources[CLAIM], change.claim, [operation])
        name = change.claim["metadata"]["name"]
        told = "goes with" if change.goes else "outlives"
        what = f"PersistentVolumeClaim/{name} {told} {stateful_set} from now on"
        logger.info("%s: %s", scene.key, what, extra=about(scene.key, "volumes"))
