"""Deletes children that are no longer part of their CR's overlay, when it is safe to. `nuvop.prune` says which.

Nothing is deleted but right after the CR was found to be what its newest overlay says, and after it was read anew; nor
where the kind's folder is another one by then.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial

from nuvop import prune
from nuvop.catalog import Catalog
from nuvop.cluster import Cluster
from nuvop.errors import ClusterError, Conflict, NotFound
from nuvop.events import News
from nuvop.judge import prune_blocked
from nuvop.logs import about
from nuvop.metrics import Metrics
from nuvop.objects import ObjectKey
from nuvop.prune import Refusal
from nuvop.reporter import Reporter
from nuvop.scene import Scene
from nuvop.status import Also

logger = logging.getLogger(__name__)

StillCurrent = Callable[[], Awaitable[bool]]


class Pruner:
    """Prunes, and holds a kind's pruning back when a changed folder would make too many children go."""

    def __init__(
        self,
        catalog: Catalog,
        cluster: Cluster,
        reporter: Reporter,
        metrics: Metrics,
        *,
        percent: int,
        cluster_wide: bool,
    ) -> None:
        """``percent`` of a kind's children may go at once: of all there are, or of those in the CR's namespace."""
        self._catalog = catalog
        self._cluster = cluster
        self._reporter = reporter
        self._metrics = metrics
        self._percent = percent
        self._cluster_wide = cluster_wide
        self._guards: dict[tuple[str, str | None], tuple[str, Refusal | None]] = {}
        self._judging = asyncio.Lock()

    async def prune(self, scene: Scene, *, is_ready: bool, is_current: StillCurrent) -> tuple[Also, ...]:
        """Delete what is left over of a CR that has just been applied cleanly; return what keeps it from being so.

        ConfigMaps and Secrets go only once the CR ``is_ready``: pods of the older revision may still use them.
        Raises ClusterError where the CR itself cannot be read.
        """
        self._forget_other_folders(scene)
        left = prune.orphans(scene.overlay.objects, scene.record.uid, scene.overlay.revision, scene.live)
        due = [key for key in left if prune.may_go_now(key, is_ready)]
        record = scene.record
        record.is_tidy = record.is_tidy or not (left or scene.unseen)
        if not left or scene.wishes.confirm_prune:
            record.prune_refused = ""
        # What was refused once stays so, also for an operator that finds less of it left, until somebody confirms it.
        # It is about what a folder makes go, and not about what the CR itself gives up after that, as a component.
        elif not record.prune_refused and not record.is_tidy:
            refusal = await self._refusal(scene)
            if not self._catalog.is_newest(scene.kind):
                return ()  # what was judged may be the newer one
            record.prune_refused = str(refusal) if refusal else ""
        if record.prune_refused:
            return prune_blocked(record, "")
        # What has been tried before is true until it is tried again: pods may be unready for long.
        known = {key: record.undeletable.get(key, "") for key in left}
        if due and await is_current() and self._catalog.is_newest(scene.kind):
            known |= {key: await self._delete(scene, key) for key in due}
        record.undeletable = {key: text for key, text in known.items() if text}
        return prune_blocked(record, "; ".join(record.undeletable.values()))

    async def _delete(self, scene: Scene, key: ObjectKey) -> str:
        """Delete one object as it was seen; say why that cannot be, empty where it was done or is to be tried again."""
        body = scene.live[key]
        try:
            await self._cluster.delete(await self._cluster.discover(body["apiVersion"], key.kind), body)
        except (NotFound, Conflict):
            return ""  # the watch will tell more
        except ClusterError as error:
            if error.is_silence:
                raise
            # No right, a webhook, a policy: that is about this object.
            return f"{key} is no longer part of the kind and cannot be deleted: {error}"
        logger.info("%s: %s is no longer part of the kind: deleted", scene.key, key, extra=about(scene.key, "prune"))
        self._metrics.pruned(scene.key.plural)
        self._reporter.news(scene.record, News("Normal", "Pruned", "Prune", f"{key} is no longer part of the kind"))
        return ""

    async def _refusal(self, scene: Scene) -> Refusal | None:
        """The verdict on a folder's digest: found once, over all CRs, before the first of their children goes."""
        plural, namespace = self._judged_together(scene)
        async with self._judging:
            judged, refusal = self._guards.get((plural, namespace), ("", None))
            if judged != scene.kind.digest:
                refusal = await self._judge(scene, namespace)
                if not self._catalog.is_newest(scene.kind):
                    return refusal
                self._guards[plural, namespace] = (scene.kind.digest, refusal)
                if refusal is not None:
                    logger.warning("%s%s: %s", plural, f" in {namespace}" if namespace else "", refusal)
        return refusal

    def _forget_other_folders(self, scene: Scene) -> None:
        """Forget the verdict on another folder than the one that counts now: should it come back, so may more CRs."""
        judged, _ = self._guards.get(self._judged_together(scene), ("", None))
        if judged not in ("", scene.kind.digest):
            del self._guards[self._judged_together(scene)]

    def _judged_together(self, scene: Scene) -> tuple[str, str | None]:
        """The plural and the namespace, None for all, whose CRs are counted with this one."""
        return scene.key.plural, None if self._cluster_wide else scene.key.namespace

    async def _judge(self, scene: Scene, namespace: str | None) -> Refusal | None:
        plural = scene.key.plural
        crs = await self._cluster.list(self._catalog.resource(plural), namespace)
        return await prune.judged(plural, crs, partial(self._catalog.choose, plural), self._percent)
