"""The pipeline: what happens to a custom resource, a function a stage, readable from top to bottom.

    seen / watched ──▶ queue ──▶ reconcile ──▶ overlay ──▶ compare ──▶ clear the way ──▶ apply ──▶ judge ──▶ prune
                                                                                                     └──▶ status

One reconcile serves creation, update and restart: it looks at what is, never at what happened. It runs for one CR at
a time, so there is one apply in flight per CR; CRs that wait at the same time are applied together (`nuvop.applier`).
"""

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from nuvop import children, directives, drift, foreign, inventory
from nuvop import judge as judges
from nuvop import overlay as overlays
from nuvop.applier import Applier
from nuvop.catalog import Catalog
from nuvop.children import Comparison, Instance
from nuvop.claims import Claimant, Claims
from nuvop.cluster import ApiResource, Cluster
from nuvop.directives import Directives
from nuvop.dismantle import detach, dismantle, finalizers
from nuvop.errors import (
    ApplyFailed,
    BuildFailed,
    ClusterError,
    ClusterUnreachable,
    Conflict,
    DirectiveError,
    KindError,
    LoginError,
    NotFound,
    NotServed,
    NuvopError,
    OverlayError,
)
from nuvop.events import News
from nuvop.fights import Fights
from nuvop.foreign import Lookups
from nuvop.judge import Judgement
from nuvop.kinds import Kind
from nuvop.metrics import Metrics
from nuvop.objects import OWNER_LABEL, Body, CRKey, ObjectKey, is_deleting, labels_of, owned_fields, version_of
from nuvop.observer import Observer
from nuvop.overlay import Overlay
from nuvop.pruner import Pruner
from nuvop.record import Record
from nuvop.reporter import Reporter
from nuvop.scene import Scene, instance_of
from nuvop.status import Also, Aspect, Phase, Reason, Verdict
from nuvop.workqueue import WorkQueue

logger = logging.getLogger(__name__)

COALESCE = 0.05
"""Seconds for which changes to a CR's children are gathered: a rollout changes several of them several times."""

RETRY_FIRST = 1.0
RETRY_MOST = 60.0
RETRY_MOST_PASSING = 5.0
"""Seconds before something that failed is tried again: doubled each time, up to the most. Less where it is the API
server's trouble and not the CR's."""

FRESH = 2.0
"""Seconds for which what a watch showed of a CR is taken for true before it is applied."""

SLOW_APPLY = 10.0
"""Seconds for which kubectl applies a CR until its status tells that. While it waits for its turn, that its
observedGeneration is behind says enough: a write for each of a thousand that wait would make them wait longer."""

LOOK_AT_APPLY = 5.0
"""Seconds between two looks whether that is so."""

RELEASED_TO = "nuvop-released"
"""The field manager that owns a field which nuvop has let go."""

LOOK_FOR_END = 10.0
"""Seconds after which a CR with nuvop's finalizer is read anew, should nobody have told of its deletion."""

MISSED_END = 60.0
"""The same for a CR that is being deleted and waits for somebody else."""

ORPHAN = "orphan"
"""The garbage collector's own finalizer, put on by ``kubectl delete --cascade=orphan``."""

STOP_GRACE = 10.0
"""Seconds that a running apply gets when the operator stops; then kubectl is killed."""


APPLYING = "its children are being applied"


class Another(Exception):
    """The CR that a record is about is gone, or another one has its name."""


class Reconciler:
    """Brings every CR that it is shown to what its kind says, and keeps it there."""

    def __init__(
        self,
        catalog: Catalog,
        cluster: Cluster,
        applier: Applier,
        reporter: Reporter,
        pruner: Pruner,
        metrics: Metrics,
        generated: Path,
        *,
        cluster_wide: bool,
    ) -> None:
        """``generated`` is where overlays are written; ``cluster_wide`` makes one watch a kind for all namespaces
        instead of one for each that has CRs.
        """
        self._catalog = catalog
        self._cluster = cluster
        self._applier = applier
        self._observer = Observer(cluster, self._changed, self._look_again, cluster_wide=cluster_wide)
        self._reporter = reporter
        self._pruner = pruner
        self._metrics = metrics
        self._generated = generated
        self._records: dict[CRKey, Record] = {}
        self._keys: dict[Instance, CRKey] = {}
        self._announced: dict[tuple[str, str], CRKey] = {}
        self._claims = Claims()
        self._fights: Fights[tuple[CRKey, drift.Contender]] = Fights()
        self._lookups = Lookups(cluster)
        self._queue: WorkQueue[CRKey] = WorkQueue(self._reconcile)

    # --- what the outside tells -----------------------------------------------------------------------------------

    def seen(self, plural: str, body: Body) -> None:
        """Take in a CR as kopf showed it."""
        key = CRKey(plural, body["metadata"]["namespace"], body["metadata"]["name"])
        record = self._records.get(key)
        if record is not None and version_of(body) < version_of(record.body):
            return  # an old answer, perhaps of another CR that had this name
        if record is None or record.uid != body["metadata"]["uid"]:
            record = self._records[key] = Record.of(body, time.monotonic())
            self._keys[instance_of(key)] = key
            for entry in record.inventory:
                self._announced.setdefault((entry.apiVersion, entry.kind), key)
        else:
            record.take(body)
            record.seen_at = time.monotonic()
        self._queue.add(key)

    def gone(self, plural: str, body: Body) -> None:
        """Take in that a CR is gone. The garbage collector deletes its children."""
        key = CRKey(plural, body["metadata"]["namespace"], body["metadata"]["name"])
        record = self._records.get(key)
        if record is not None and record.uid == body["metadata"]["uid"]:
            self._forget(key)

    def kind_changed(self, plural: str) -> None:
        """Look at all CRs of a kind again: its folder has changed."""
        for key in self._records:
            if key.plural == plural:
                self._queue.add(key)

    def _changed(self, instances: set[Instance]) -> None:
        """Look at the CRs again whose children have changed: once for the changes that come with a first one."""
        for instance in instances & self._keys.keys():
            self._queue.add(self._keys[instance], COALESCE)

    def _look_again(self, namespace: str | None) -> None:
        """Look at the CRs that may wait for a full list, or cannot have one."""
        for key in self._records:
            if namespace in (None, key.namespace):
                self._queue.add(key)

    async def close(self) -> None:
        """Stop: what is being applied may end."""
        await self._queue.close(STOP_GRACE)
        await self._lookups.close()
        await self._observer.close()

    def _forget(self, key: CRKey) -> None:
        self._records.pop(key, None)
        self._keys.pop(instance_of(key), None)
        self._announced = {type_: by for type_, by in self._announced.items() if by != key}
        self._applier.forget(key)
        self._reporter.forget(key)
        for waiting in self._claims.release(key):
            self._queue.add(waiting)
        overlays.remove(self._generated, key)
        logger.info("%s is gone", key)

    # --- the pipeline ---------------------------------------------------------------------------------------------

    async def _reconcile(self, key: CRKey) -> None:
        """Bring one CR to what it should be, and tell in its status how far it is."""
        record = self._records.get(key)
        if record is None:
            return
        try:
            if is_deleting(record.body):
                await self._end(key, record)
                return
            if not await self._may_wait_for_its_end(key, record):
                return
            verdict = await self._converge(key, record, record.generation)
            if verdict is not None:
                await self._tell(key, record, verdict)
        except Another:
            # Nobody told: a watch may miss a deletion. The children of a CR that is gone must not come back.
            if self._records.get(key) is record:
                self._forget(key)
        except (ClusterError, LoginError) as error:
            self._say_once(key, record, str(error))
            self._retry(key, record, RETRY_MOST_PASSING)

    async def _may_wait_for_its_end(self, key: CRKey, record: Record) -> bool:
        """Read a CR anew that waits for nuvop when it is deleted, or that fails; False where it has changed.

        kopf watches a namespace no more that is being deleted, so nobody tells of what is deleted with it. One that
        fails may have gone unnoticed, and hold names that others want.
        """
        is_needed = record.has_finalizer or record.failures
        if not is_needed or time.monotonic() - record.seen_at < LOOK_FOR_END:
            return True
        return await self._is_current(key, record, record.generation, anew=True)

    async def _arm(self, key: CRKey, record: Record) -> None:
        """See to it that children which are to outlive their CR do so, whatever else is wrong with it."""
        if directives.keeps_children(record.body) and not record.has_finalizer:
            await detach(self._cluster, record.body, self._types(record))
            await self._set_finalizer(key, record, wanted=True)

    @staticmethod
    def _types(record: Record) -> set[tuple[str, str]]:
        """The types of all objects that a CR may have."""
        return {(entry.apiVersion, entry.kind) for entry in record.inventory}

    async def _converge(self, key: CRKey, record: Record, generation: int) -> Verdict | None:
        """Apply what has to be applied; return what to say of it, or None where it is too early to say anything."""
        try:
            await self._arm(key, record)
            scene = await self._look(key, record, generation)
            if scene is None:
                return None
            if scene.wishes.suspend:
                return self._said_of(scene, judges.suspended(scene, self._observer.complaint))
            return await self._repair(scene)
        except NuvopError as error:
            return self._failed(key, record, generation, error)

    async def _look(self, key: CRKey, record: Record, generation: int) -> Scene | None:
        """See what is wanted and what is there; None while the watches have not shown everything."""
        wishes = directives.of(record.body)
        kind = self._catalog.kind(key.plural)
        resources = await self._catalog.watched(kind)
        unseen = await self._retired(key, record, resources)
        if unseen is None or not self._observer.is_watching(resources, key.namespace):
            return None
        live = self._live(key)
        overlay = self._overlay(kind, key, record, wishes, live)
        by_type = {(resource.api_version, resource.kind): resource for resource in resources}
        also = (Also(Aspect.PRUNE_BLOCKED, Reason.PRUNE_FAILED, "; ".join(unseen.values())),) if unseen else ()
        return Scene(key, record, generation, kind, wishes, overlay, live, by_type, also, frozenset(unseen))

    async def _retired(
        self, key: CRKey, record: Record, resources: list[ApiResource]
    ) -> dict[tuple[str, str], str] | None:
        """Watch what the CR has children of that its kind has no more; None while not all of it was listed.

        Returns the types that nuvop may not watch, each with what there is to tell of it. Raises ClusterUnreachable.
        """
        known = {(resource.api_version, resource.kind) for resource in resources}
        blocked: dict[tuple[str, str], str] = {}
        is_complete = True
        for api_version, kind in {(entry.apiVersion, entry.kind) for entry in record.inventory} - known:
            try:
                resource = await self._cluster.discover(api_version, kind)
                is_complete &= self._observer.is_watching([resource], key.namespace)
            except NotServed:
                continue  # its API is gone, and the objects with it
            except ClusterUnreachable:
                raise
            except ClusterError as error:
                if isinstance(error, NotFound) and not await self._is_served(api_version, kind):
                    continue
                told = f"{kind} is no longer part of the kind, and what is left of it cannot be seen: {error}"
                blocked[api_version, kind] = told
        return blocked if is_complete else None

    async def _is_served(self, api_version: str, kind: str) -> bool:
        """Whether the API server knows a type now, whatever it knew before."""
        try:
            await self._cluster.discover(api_version, kind, anew=True)
        except NotServed:
            return False
        return True

    def _overlay(
        self, kind: Kind, key: CRKey, record: Record, wishes: Directives, live: Mapping[ObjectKey, Body]
    ) -> Overlay:
        """The CR's overlay, made and written when CR or kind have changed."""
        contents = record.overlay.contents if record.overlay else {}
        gone = self._observer.take_finished(instance_of(key))
        record.inventory = inventory.with_finished_jobs(record.inventory, contents, gone)
        without = inventory.finished_and_gone(record.inventory, contents, live)
        made_of = (kind.digest, record.generation, wishes.orphan, without)
        if record.overlay is None or record.overlay_of != made_of:
            overlay = overlays.make(kind, record.body, orphan=wishes.orphan)
            without = inventory.finished_and_gone(record.inventory, overlay.contents, live)
            if without:
                overlay = overlays.make(kind, record.body, orphan=wishes.orphan, without=without)
            overlays.write(self._generated, kind, overlay)
            record.overlay = overlay.written
            record.overlay_of = (kind.digest, record.generation, wishes.orphan, without)
        return record.overlay

    async def _repair(self, scene: Scene) -> Verdict | None:
        """Bring the children to what the overlay says; return what to say, None where the CR is looked at again."""
        key, record, overlay = scene.key, scene.record, scene.overlay
        if collision := self._collision(scene):
            return self._stalled(key, record, scene.generation, Reason.NAME_COLLISION, collision)
        comparison = children.compare(overlay, record.uid, record.inventory, record.applied_revision, scene.live)
        if comparison.is_intact and not scene.is_asked:
            record.remember(overlay.revision, (scene.live[child] for child in overlay.objects if child in scene.live))
            record.failures, record.said, record.drift_told = 0, "", ""
            return await self._judge(scene)
        drifted = self._drift(scene, comparison)
        if not await self._is_current(key, record, scene.generation, scene.wishes, anew=bool(drifted)):
            return None
        if drifted:
            if scene.wishes.report_drift and not scene.is_asked:
                return await self._report_drift(scene, drifted)
            if contested := self._contested(scene, drifted):
                return contested
        if obstacle := await self._obstacle(scene, comparison):
            return self._stalled(key, record, scene.generation, *obstacle)
        if not await self._prepare(scene):
            return None
        try:
            await self._apply(scene, drifted)
        except ApplyFailed as error:
            if error.immutable and await self._recreate(scene):
                return judges.unfinished(record, scene.generation, Reason.RECREATING, str(error))
            raise
        return await self._judge(replace(scene, live=self._live(key)))

    def _live(self, key: CRKey) -> dict[ObjectKey, Body]:
        """A CR's live children as they are now; what the watch shows later does not change it."""
        return dict(self._observer.live(instance_of(key)))

    def _collision(self, scene: Scene) -> str:
        """Say which other CR has a child of the same name, and was there first; empty where none has."""
        metadata = scene.record.body["metadata"]
        claimant = Claimant(scene.key, scene.record.uid, metadata.get("creationTimestamp", ""))
        owned = {key for key in scene.overlay.objects if key in scene.live and _is_of(scene.live[key], claimant.uid)}
        claim = self._claims.claim(claimant, scene.overlay.objects, owned=owned)
        for displaced in claim.displaced:
            self._queue.add(displaced)
        return "; ".join(
            f"{key} belongs to {other.key}, which was there first: give one of them another name"
            for key, other in claim.held_by_others.items()
        )

    async def _is_current(
        self, key: CRKey, record: Record, generation: int, wishes: Directives | None = None, *, anew: bool
    ) -> bool:
        """Look at the CR before anything of it is applied or deleted: it may be gone, changed or another one.

        What a watch has just shown is taken for true unless it is to be read ``anew``. Raises Another where the CR is
        gone. Where it, or what it ``wishes``, has changed, it is queued again, and False returned.
        """
        if anew or time.monotonic() - record.seen_at > FRESH:
            await self._read(key, record)
        is_another = record.generation != generation or (wishes is not None and directives.of(record.body) != wishes)
        if is_deleting(record.body) or is_another:
            self._queue.add(key)
            return False
        return True

    async def _read(self, key: CRKey, record: Record) -> None:
        """Read a CR anew; raise Another where it is gone."""
        try:
            body = await self._cluster.get(self._catalog.resource(key.plural), key.namespace, key.name)
        except NotFound as error:
            raise Another from error
        if body["metadata"]["uid"] != record.uid:
            raise Another
        record.take(body)
        record.seen_at = time.monotonic()

    @staticmethod
    def _drift(scene: Scene, comparison: Comparison) -> tuple[drift.Change, ...]:
        """What somebody changed of what had been applied; nothing at the first apply, and at a new revision."""
        record = scene.record
        made = {entry.key for entry in record.inventory if entry.uid}
        if not made or (comparison.outdated and record.applied_revision != scene.overlay.revision):
            return ()
        # What was never made, because the API server refused it, nobody has deleted.
        deleted = tuple(key for key in comparison.missing if key in made)
        return drift.changes(replace(comparison, missing=deleted), record.owned, scene.live)

    async def _report_drift(self, scene: Scene, drifted: tuple[drift.Change, ...]) -> Verdict:
        """Leave things as somebody made them, and tell of it."""
        also = Also(Aspect.DRIFTED, Reason.DRIFTED, drift.told(drifted))
        self._count_drift(scene, drifted, "left as it is")
        return await self._judge(replace(scene, also=(*scene.also, also)))

    def _contested(self, scene: Scene, drifted: tuple[drift.Change, ...]) -> Verdict | None:
        """Say who changed what; return a verdict where the repair has to wait, because it happens again and again."""
        now = time.monotonic()
        told = drift.told(drifted)
        if wait := min(self._fights.delay((scene.key, change.contender), now) for change in drifted):
            if self._say_once(scene.key, scene.record, f"contested: {told}"):
                self._metrics.contested(scene.key.plural)
            self._queue.add(scene.key, wait)
            return judges.unfinished(scene.record, scene.generation, Reason.CONTESTED, told)
        self._count_drift(scene, drifted, "putting back")
        return None

    def _count_drift(self, scene: Scene, drifted: tuple[drift.Change, ...], what_is_done: str) -> None:
        """Tell who changed what in the log, in an Event and in a metric; once, as long as it stays so."""
        told = drift.told(drifted)
        if scene.record.drift_told == told:
            return
        scene.record.drift_told = told
        logger.info("%s: %s: %s", scene.key, what_is_done, told)
        self._reporter.news(scene.record, News("Warning", Reason.DRIFTED, "Reconcile", f"{what_is_done}: {told}"))
        for change in drifted:
            self._metrics.drifted(scene.key.plural, change.key.kind, change.field, change.manager)

    async def _obstacle(self, scene: Scene, comparison: Comparison) -> tuple[Reason, str] | None:
        """Say which object stands in the way of a child: somebody else's; None where the way is free, or was cleared.

        Applying over it would take it over without a word, and delete its owner's fields.
        """
        found = {key: scene.live[key] for key in (*comparison.outdated, *comparison.drifted)}
        for key in comparison.missing:
            body = self._observer.at(key) or await self._lookups.find(scene.resource(key), key)
            if body is not None:
                found[key] = body
        for obstacle in foreign.obstacles(scene.key, scene.record.uid, scene.record.inventory, found):
            if obstacle.owner:
                return Reason.NAME_COLLISION, str(obstacle)
            if not scene.wishes.adopt:
                return Reason.NOT_OWNED, str(obstacle)
            await foreign.adopt(self._cluster, scene.resource(obstacle.key), obstacle.body)
            logger.info("%s: taking over %s", scene.key, obstacle.key)
            self._reporter.news(scene.record, News("Normal", "Adopted", "Adopt", f"{obstacle.key} is taken over"))
        return None

    async def _prepare(self, scene: Scene) -> bool:
        """Do what has to be done before an apply; False where the CR has to be looked at again first."""
        record = scene.record
        if scene.overlay.needs_finalizer and not record.has_finalizer:
            await self._set_finalizer(scene.key, record, wanted=True)
        if not await self._announce(scene):
            return False
        for key, path in scene.overlay.released:
            body = scene.live.get(key)
            if body is not None and str(path) in owned_fields(body):
                part = foreign.part_of(body, path)
                await self._cluster.hand_over(scene.resource(key), key.namespace, part, RELEASED_TO)
        if self._collision(scene):
            # An earlier CR has come meanwhile.
            self._queue.add(scene.key)
            return False
        is_there = self._records.get(scene.key) is record and not is_deleting(record.body)
        return is_there and record.generation == scene.generation

    async def _set_finalizer(self, key: CRKey, record: Record, *, wanted: bool) -> None:
        resource = self._catalog.resource(key.plural)
        try:
            body = await self._cluster.patch_metadata(resource, record.body, finalizers(record.body, wanted=wanted))
        except NotFound as error:
            raise Another from error
        record.take(body)

    async def _announce(self, scene: Scene) -> bool:
        """Write kinds of children that no inventory tells of into one, before the first of them is made.

        Should the operator end before it can tell what it has applied, the next one knows what to look for. Returns
        whether all is written that has to be.
        """
        record, made = scene.record, scene.overlay.children
        known = inventory.keys(record.inventory)
        fresh = tuple(inventory.announced(key, child.api_version) for key, child in made.items() if key not in known)
        unknown = {(child.api_version, child.kind) for child in made.values()} - self._announced.keys()
        # What only nuvop deletes must be found again whatever becomes of the other resources.
        if not unknown and not (fresh and scene.overlay.needs_finalizer):
            return True
        announced = (*record.inventory, *fresh)
        verdict = judges.unfinished(record, scene.generation, Reason.PROGRESSING, APPLYING)
        if not await self._tell(scene.key, record, replace(verdict, inventory=announced)):
            return False
        record.inventory = announced
        self._announced |= dict.fromkeys(unknown, scene.key)
        return True

    async def _apply(self, scene: Scene, drifted: tuple[drift.Change, ...]) -> None:
        """Apply the overlay; ``drifted`` is what is put back by that."""
        record, overlay = scene.record, scene.overlay
        applying = asyncio.ensure_future(
            self._applier.apply(overlay, lambda: self._landed(scene), is_repair=bool(drifted))
        )
        try:
            while not (await asyncio.wait([applying], timeout=LOOK_AT_APPLY))[0]:
                if self._applier.seconds_under_way(scene.key) >= SLOW_APPLY:
                    await self._tell_of_progress(scene)
            objects = await applying
        finally:
            applying.cancel()
        record.failures, record.said = 0, ""
        if drifted:
            self._note_repair(scene, drifted)
        record.inventory = inventory.after_apply(record.inventory, objects)
        record.remember(overlay.revision, objects)
        self._observer.applied(objects)
        logger.info("%s: applied %s (revision %s)", scene.key, ", ".join(map(str, overlay.objects)), overlay.revision)

    async def _tell_of_progress(self, scene: Scene) -> None:
        """Tell that an apply is under way; it goes on whether that can be told or not."""
        verdict = judges.unfinished(scene.record, scene.generation, Reason.PROGRESSING, APPLYING)
        try:
            await self._tell(scene.key, scene.record, verdict)
        except (ClusterError, LoginError) as error:
            self._say_once(scene.key, scene.record, str(error))

    def _note_repair(self, scene: Scene, drifted: tuple[drift.Change, ...]) -> None:
        """Count who was answered, and tell of what was changed while the repair was under way: it is put back, too."""
        live = self._live(scene.key)
        record = scene.record
        comparison = children.compare(scene.overlay, record.uid, record.inventory, record.applied_revision, live)
        since = {change.contender for change in drifted}
        late = tuple(
            change for change in self._drift(replace(scene, live=live), comparison) if change.contender not in since
        )
        if late:
            self._count_drift(scene, late, "putting back")
        for contender in {change.contender for change in (*drifted, *late)}:
            self._fights.repaired((scene.key, contender), time.monotonic())
        scene.record.drift_told = ""

    def _landed(self, scene: Scene) -> list[Body]:
        """The overlay's objects that are live as this revision of it made them."""
        return children.landed(scene.overlay, scene.record.uid, self._observer.live(instance_of(scene.key)))

    async def _recreate(self, scene: Scene) -> bool:
        """Delete the children that cannot be changed and may be made anew; return whether there are any."""
        refused = []
        for key in (key for key, child in scene.overlay.children.items() if directives.may_be_recreated(child.body)):
            # The watch may not have shown yet which of them was applied all the same.
            body = (await self._cluster.find(scene.resource(key), key.namespace, [key.name])).get(key.name)
            if (
                body is not None
                and not is_deleting(body)
                and not children.is_of(body, scene.record.uid, scene.overlay.revision)
            ):
                refused.append((key, body))
        for key, body in refused:
            await self._cluster.delete(scene.resource(key), body)
            scene.record.inventory = inventory.without_uid(scene.record.inventory, [key])
            logger.info("%s: %s is deleted to be made anew", scene.key, key)
            self._reporter.news(scene.record, News("Normal", Reason.RECREATING, "Recreate", f"{key} is made anew"))
        self._queue.add(scene.key, RETRY_FIRST)
        return bool(refused)

    # --- what to say ----------------------------------------------------------------------------------------------

    async def _judge(self, scene: Scene) -> Verdict:
        """Say how far the children are, and prune what is left over."""
        record, overlay = scene.record, scene.overlay
        record.inventory = inventory.with_finished_jobs(record.inventory, overlay.contents, scene.live)
        verdict = self._said_of(scene, judges.judge(scene, self._observer.complaint))

        async def is_current() -> bool:
            return await self._is_current(scene.key, record, scene.generation, scene.wishes, anew=True)

        blocked = await self._pruner.prune(scene, is_ready=verdict.phase is Phase.READY, is_current=is_current)
        record.inventory = inventory.still(record.inventory, overlay.objects, scene.live, scene.unseen)
        is_needed = overlay.needs_finalizer or any(not entry.namespace for entry in record.inventory)
        if record.has_finalizer and not is_needed:
            await self._set_finalizer(scene.key, record, wanted=False)
        return replace(verdict, inventory=record.inventory, also=(*verdict.also, *blocked))

    def _said_of(self, scene: Scene, judgement: Judgement) -> Verdict:
        if judgement.due:
            self._queue.add(scene.key, judgement.due)
        return judgement.verdict

    def _failed(self, key: CRKey, record: Record, generation: int, error: NuvopError) -> Verdict:
        for type_, reason in _NO_RETRY:
            if isinstance(error, type_):
                if record.has_finalizer:
                    self._queue.add(key, LOOK_FOR_END)
                return self._stalled_verdict(record, generation, reason, str(error))
        # Somebody may have removed what was written.
        record.overlay = None
        if isinstance(error, ApplyFailed) and error.terminal:
            return self._stalled(key, record, generation, Reason.APPLY_FAILED, str(error))
        self._retry(key, record, RETRY_MOST_PASSING)
        return judges.unfinished(record, generation, Reason.RETRYING, str(error))

    def _stalled(self, key: CRKey, record: Record, generation: int, reason: Reason, message: str) -> Verdict:
        """Stalled by something in the cluster, which may be mended without a word to nuvop: look again."""
        self._retry(key, record, RETRY_MOST)
        return self._stalled_verdict(record, generation, reason, message)

    def _stalled_verdict(self, record: Record, generation: int, reason: Reason, message: str) -> Verdict:
        return replace(judges.unfinished(record, generation, reason, message), phase=Phase.STALLED)

    def _retry(self, key: CRKey, record: Record, most: float) -> None:
        """Try again later; the delays grow while the same generation goes on failing."""
        if record.failed_generation != record.generation:
            record.failures, record.failed_generation = 0, record.generation
        self._queue.add(key, min(RETRY_FIRST * 2**record.failures, most))
        record.failures = min(record.failures + 1, 16)

    async def _tell(self, key: CRKey, record: Record, verdict: Verdict) -> bool:
        """Write the status, if it still speaks of the CR's generation; return whether it says all that it should."""
        if verdict.generation != record.generation:
            self._queue.add(key)
            return False
        try:
            later = await self._reporter.tell(key, self._catalog.resource(key.plural), record, verdict)
        except NotFound as error:
            raise Another from error
        except Conflict:
            # Another generation, or another CR: kopf has told, or will.
            if await self._is_current(key, record, verdict.generation, anew=True):
                raise
            return False
        if later:
            self._queue.add(key, later)
        return not later

    def _say_once(self, key: CRKey, record: Record, what: str) -> bool:
        """Log what was not said just before; return whether it was news."""
        if record.said == what:
            return False
        logger.warning("%s: %s", key, what)
        record.said = what
        return True

    # --- the end --------------------------------------------------------------------------------------------------

    async def _end(self, key: CRKey, record: Record) -> None:
        """Delete, or let go, what the garbage collector would not delete, and let the CR go."""
        if not record.has_finalizer:
            # Somebody else's finalizer holds it, the garbage collector's say; that it has gone may not be told.
            if time.monotonic() - record.seen_at >= MISSED_END:
                await self._read(key, record)
            self._queue.add(key, MISSED_END)
            return
        try:
            orphan = directives.keeps_children(record.body) or ORPHAN in record.body["metadata"]["finalizers"]
            done = await dismantle(self._cluster, record.body, self._types(record), orphan=orphan)
            if done:
                logger.info("%s: %s", key, ", ".join(done))
            await self._set_finalizer(key, record, wanted=False)
        except Conflict:
            # Something changed meanwhile: look again.
            await self._read(key, record)
            self._retry(key, record, RETRY_MOST_PASSING)
        except ClusterError as error:
            if self._say_once(key, record, str(error)):
                self._reporter.news(record, News("Warning", Reason.DELETE_FAILED, "Delete", str(error)))
            self._retry(key, record, RETRY_MOST_PASSING)


_NO_RETRY: tuple[tuple[type[NuvopError], Reason], ...] = (
    (BuildFailed, Reason.BUILD_FAILED),
    (KindError, Reason.KIND_INVALID),
    (OverlayError, Reason.INVALID_SPEC),
    (DirectiveError, Reason.INVALID_SPEC),
)
"""What waiting does not mend: a kind is loaded anew when its folder changes, a CR is looked at again when it does."""


def _is_of(body: Body, uid: str) -> bool:
    return labels_of(body).get(OWNER_LABEL) == uid
