"""The pipeline: what happens to a custom resource, a function a stage, readable from top to bottom.

    seen / watched ──▶ queue ──▶ reconcile ──▶ overlay ──▶ compare ──▶ clear the way ──▶ apply ──▶ judge ──▶ prune
                                                                                                     └──▶ status

One reconcile serves creation, update and restart: it looks at what is, never at what happened. It runs for one CR at
a time, so there is one apply in flight per CR; CRs that wait at the same time are applied together (`nuvop.applier`).
"""

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from nuvop import children, directives, drift, drift_policy, foreign, inventory
from nuvop import judge as judges
from nuvop import overlay as overlays
from nuvop.announcements import Announcements
from nuvop.applier import Applier, Withdrawn
from nuvop.backoff import Backoff
from nuvop.catalog import Catalog
from nuvop.children import Instance
from nuvop.cluster import ApiResource, Cluster
from nuvop.custom_resource import Another, CustomResources
from nuvop.directives import Directives
from nuvop.drift_policy import Changes, DriftPolicy
from nuvop.ending import Ending
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
    TookTooLong,
    WriteFailed,
)
from nuvop.events import News
from nuvop.judge import Judgement
from nuvop.kinds import OUTSIDE, Kind
from nuvop.logs import about
from nuvop.made_once import Installer, Secrets
from nuvop.metrics import Metrics
from nuvop.objects import RELEASED_TO, Body, CRKey, ObjectKey, is_deleting, key_of, version_of
from nuvop.observer import Observer
from nuvop.overlay import Overlay
from nuvop.ownership import Ownership
from nuvop.pruner import Pruner
from nuvop.record import Record
from nuvop.reporter import Reporter, crd_without
from nuvop.scene import Scene, instance_of
from nuvop.status import Also, Aspect, Phase, Reason, Verdict
from nuvop.volumes import Volumes
from nuvop.workqueue import WorkQueue

logger = logging.getLogger(__name__)

COALESCE = 0.05
"""Seconds for which changes to a CR's children are gathered: a rollout changes several of them several times."""

RETRY_FIRST = 1.0
RETRY_MOST = 60.0
RETRY_MOST_PASSING = 5.0
"""Seconds before something that failed is tried again: doubled each time, up to the most. Less where it is the API
server's trouble and not the CR's; for each cause by itself, or the CR would pay for the API server's."""

LOOKS = 3
"""How often a CR is looked at in a row where others change meanwhile what nuvop would change; then that is told."""

FRESH = 2.0
"""Seconds for which what a watch showed of a CR is taken for true before it is applied."""

SLOW_APPLY = 10.0
"""Seconds until the status of a CR tells that it is being applied.

While it waits for its turn and its observedGeneration is behind, that says enough: a write for each of a thousand that
wait would make them wait longer."""

LOOK_AT_APPLY = 5.0
"""Seconds between two looks whether that is so."""

LOOK_FOR_END = 10.0
"""Seconds after which a CR with nuvop's finalizer is read anew, should nobody have told of its deletion."""

MISSED_END = 60.0
"""The same for a CR that is being deleted and waits for somebody else."""

STOP_GRACE = 10.0
"""Seconds that a running apply gets when the operator stops; then kubectl is killed."""


APPLYING = "its children are being applied"
WAITING = "its children wait for their turn to be applied"


class Reconciler:
    """Brings every CR that it is shown to what its kind says, and keeps it there."""

    def __init__(
        self,
        catalog: Catalog,
        cluster: Cluster,
        applier: Applier,
        installer: Installer,
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
        self._generated = generated
        self._records: dict[CRKey, Record] = {}
        self._keys: dict[Instance, CRKey] = {}
        self._announcements = Announcements(cluster_wide=cluster_wide)
        self._custom_resources = CustomResources(catalog, cluster)
        self._ending = Ending(cluster, self._custom_resources, reporter)
        self._metrics = metrics
        self._drift_policy = DriftPolicy(reporter, metrics)
        self._queue: WorkQueue[CRKey] = WorkQueue(self._work)
        self._ownership = Ownership(cluster, self._observer, reporter, self._queue.add)
        self._installer = installer
        self._secrets = Secrets(cluster)
        self._volumes = Volumes(cluster)

    # --- what the outside tells -----------------------------------------------------------------------------------

    def seen(self, plural: str, body: Body) -> None:
        """Take in a CR as kopf showed it."""
        key = CRKey(plural, body["metadata"]["namespace"], body["metadata"]["name"])
        record = self._records.get(key)
        if record is not None and version_of(body) < version_of(record.body):
            return  # an old answer, perhaps of another CR that had this name
        if record is not None and record.uid != body["metadata"]["uid"]:
            self._forget(key)  # its end may be told later, or never
            record = None
        if record is None:
            record = self._records[key] = Record.of(body, time.monotonic())
            record.show(body)
            self._keys[instance_of(key)] = key
            self._announcements.note(key, record.types)
        else:
            if is_deleting(body) or directives.differ(record.body, body):
                # Who suspends one in a burst of thousands must not see it applied when its turn comes. A generation
                # is no reason: a CR that changes all the time would never get its turn.
                self._applier.withdraw(key)
            record.seen_at = time.monotonic()
            if not record.show(body):
                # What waits to be tried again would be tried at once, with each status that says why.
                return
        if is_deleting(body):
            self._announcements.forget(key)
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
        for gone in instances - self._keys.keys():
            self._observer.take_finished(gone)  # nobody else will
        for instance in instances & self._keys.keys():
            self._queue.add(self._keys[instance], COALESCE)

    def _look_again(self, namespace: str | None) -> None:
        """Look at the CRs that may wait for a full list, or cannot have one."""
        for key, record in self._records.items():
            if namespace is None or namespace in record.looks_in:
                self._queue.add(key)

    def unsynced(self) -> list[str]:
        """The watches that do not show all there is: each with the reason, if there is one."""
        return self._observer.unsynced()

    async def close(self) -> None:
        """Stop: what is being applied may end, and be told."""
        self._applier.drain()
        await self._queue.close(STOP_GRACE)
        await self._ownership.close()
        await self._observer.close()

    def _forget(self, key: CRKey) -> None:
        self._records.pop(key, None)
        self._keys.pop(instance_of(key), None)
        self._applier.forget(key)
        logger.info("%s is gone", key, extra=about(key, "delete"))
        self._leave_nothing(key)

    def _leave_nothing(self, key: CRKey, *, is_news: bool = True) -> None:
        """Remove what was made or noted for a CR that is gone."""
        self._reporter.forget(key)
        self._announcements.forget(key)
        self._ownership.forget(key)
        self._observer.depends_on(instance_of(key), ())
        self._sweep(key, is_news=is_news)

    def _sweep(self, key: CRKey, *, is_news: bool = True) -> None:
        """Remove the overlay of a CR that is gone; where that fails, because the disk is read-only say, try again."""
        try:
            overlays.remove(self._generated, key)
        except WriteFailed as error:
            if is_news:
                logger.warning("%s: %s; trying again until it works", key, error)
            self._queue.add(key, RETRY_MOST_PASSING)

    # --- the pipeline ---------------------------------------------------------------------------------------------

    async def _work(self, key: CRKey) -> None:
        try:
            if record := self._records.get(key):
                with self._metrics.stage("reconcile"):
                    await self._reconcile(key, record)
        finally:
            # It may have gone meanwhile, and more have been made and noted for it since.
            if key not in self._records:
                self._leave_nothing(key, is_news=False)

    async def _reconcile(self, key: CRKey, record: Record) -> None:
        """Bring one CR to what it should be, and tell in its status how far it is."""
        try:
            if is_deleting(record.body):
                await self._end(key, record)
                return
            if not await self._is_still_there(key, record):
                return
            verdict = await self._converge(key, record, record.generation)
            if verdict is not None:
                await self._tell(key, record, verdict)
                if record.is_well:
                    # Not before: that a status cannot be written is trouble like any other.
                    record.is_failing, record.backoff, record.said = False, Backoff(), ""
        except Another:
            # Nobody told: a watch may miss a deletion. The children of a CR that is gone must not come back.
            if self._records.get(key) is record:
                self._forget(key)
        except (ClusterError, LoginError) as error:
            _say_once(key, record, str(error))
            self._retry(key, record)

    async def _end(self, key: CRKey, record: Record) -> None:
        """Bring about a CR's end, and wait for it."""
        self._observer.depends_on(instance_of(key), ())
        if record.has_finalizer and not await self._ending.end(key, record):
            self._retry(key, record)
            return
        # Somebody else's finalizer may hold it, the garbage collector's say; and that it has gone may not be told.
        if time.monotonic() - record.seen_at >= MISSED_END:
            await self._custom_resources.read(key, record)
        self._queue.add(key, MISSED_END)

    async def _is_still_there(self, key: CRKey, record: Record) -> bool:
        """Read a CR anew that waits for nuvop when it is deleted, or that fails; False where it has changed.

        kopf watches a namespace no more that is being deleted, so nobody tells of what is deleted with it. One that
        fails may have gone unnoticed, and hold names that others want.
        """
        is_needed = record.has_finalizer or record.is_failing
        if not is_needed or time.monotonic() - record.seen_at < LOOK_FOR_END:
            return True
        return await self._is_current(key, record, record.generation, anew=True)

    async def _converge(self, key: CRKey, record: Record, generation: int) -> Verdict | None:
        """Apply what has to be applied; return what to say of it, or None where it is too early to say anything."""
        try:
            for _ in range(LOOKS - 1):
                with suppress(Conflict):
                    return await self._go_through(key, record, generation)
                await asyncio.sleep(COALESCE)  # by then the watch shows, too, what has changed of a child
                if not await self._is_current(key, record, generation, anew=True):
                    return None
            return await self._go_through(key, record, generation)
        except NuvopError as error:
            return self._failed(key, record, generation, error)

    async def _go_through(self, key: CRKey, record: Record, generation: int) -> Verdict | None:
        """The same once; raise Conflict where something has changed since it was seen, or another NuvopError."""
        record.is_well = False
        await self._ending.arm(key, record)
        scene = await self._look(key, record, generation)
        if scene is None:
            return None
        if scene.wishes.suspend:
            return self._said_of(scene, judges.suspended(scene, self._observer.complaint))
        return await self._repair(scene)

    async def _look(self, key: CRKey, record: Record, generation: int) -> Scene | None:
        """See what is wanted and what is there; None while the watches have not shown everything."""
        wishes = directives.of(record.body)
        kind = await self._catalog.choose(key.plural, record.body)
        await self._installer.install(kind)
        resources = await self._catalog.watched(kind)
        wanted = [
            (resource, namespace)
            for resource in resources
            for namespace in _namespaces(kind, record, (resource.api_version, resource.kind), key.namespace)
        ]
        # Before anything is asked for: a list may come while the rest is still looked up.
        record.looks_in = frozenset({key.namespace, *(where for _, where in wanted)}.union(*record.places.values()))
        self._observer.depends_on(instance_of(key), _needs(wanted, record, key.namespace))
        unseen = await self._retired(key, record, resources)
        if unseen is None or not self._observer.is_watching(wanted):
            return None
        live = self._live(key)
        with self._metrics.stage("overlay"):
            overlay = await self._overlay(kind, key, record, wishes, live)
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
        places = record.places
        for api_version, kind in record.types - known:
            try:
                resource = await self._cluster.discover(api_version, kind)
                wanted = [(resource, namespace) for namespace in {key.namespace, *places[api_version, kind]}]
                is_complete &= self._observer.is_watching(wanted)
            except NotServed:
                self._observer.forget(api_version, kind)  # its API is gone, and the objects with it
            except ClusterUnreachable:
                raise
            except ClusterError as error:
                if isinstance(error, NotFound) and not await self._is_served(api_version, kind):
                    self._observer.forget(api_version, kind)
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

    async def _overlay(
        self, kind: Kind, key: CRKey, record: Record, wishes: Directives, live: Mapping[ObjectKey, Body]
    ) -> Overlay:
        """The CR's overlay, made and written when CR or kind have changed."""
        finished = self._observer.take_finished(instance_of(key))
        if record.overlay is not None:
            _note_finished(record, record.overlay, finished)
        contents = record.overlay.contents if record.overlay else {}
        without = inventory.finished_and_gone(record.inventory, contents, live)
        made_of = (kind.digest, record.generation, wishes.orphan, without)
        if record.overlay is None or record.overlay_of != made_of:
            record.is_tidy = record.is_tidy and record.overlay_of[:1] == made_of[:1]
            if record.late is not None and record.late_of == made_of and not record.late.work.done():
                raise record.late  # begun anew it would take another thread
            try:
                overlay = await overlays.make_in_time(kind, record.body, orphan=wishes.orphan)
            except TookTooLong as error:
                record.late, record.late_of = error, made_of
                self._look_after(key, error.work)
                raise
            record.late = None
            _note_finished(record, overlay, finished)
            without = inventory.finished_and_gone(record.inventory, overlay.contents, live)
            if without:
                overlay = await overlays.make_in_time(kind, record.body, orphan=wishes.orphan, without=without)
            overlays.write(self._generated, kind, overlay)
            record.overlay = overlay.written
            record.overlay_of = (kind.digest, record.generation, wishes.orphan, without)
        return record.overlay

    async def _repair(self, scene: Scene) -> Verdict | None:
        """Bring the children to what the overlay says; return what to say, None where the CR is looked at again."""
        key, record, overlay = scene.key, scene.record, scene.overlay
        if collision := self._ownership.collision(scene):
            return self._stalled(key, record, scene.generation, Reason.NAME_COLLISION, collision)
        if strangers := await self._ownership.give_back(scene):
            return self._not_owned(scene, strangers)
        lost = await self._secrets.ensure(
            scene, lambda: self._is_current(key, record, scene.generation, scene.wishes, anew=True)
        )
        if lost is None:
            return None
        if lost:
            return self._stalled(key, record, scene.generation, Reason.SECRET_LOST, lost)
        comparison = drift_policy.compare(scene)
        if comparison.is_intact and not scene.is_asked:
            record.remember(overlay.revision, (scene.live[child] for child in overlay.objects if child in scene.live))
            record.is_well, record.drift_told = True, ""
            return await self._judge(scene)
        found = await self._ownership.find(scene, comparison)
        drifted = drift_policy.changes(scene, comparison, found)
        if not await self._is_current(key, record, scene.generation, scene.wishes, anew=bool(drifted)):
            return None
        if drifted and scene.wishes.report_drift and not scene.is_asked:
            return await self._report_drift(scene, drifted)
        # Before a word of drift: what another CR has taken was not deleted.
        if obstacle := await self._ownership.obstacle(scene, found):
            return self._stalled(key, record, scene.generation, *obstacle)
        if drifted:
            if not scene.is_asked and (wait := self._drift_policy.wait(scene, drifted)):
                self._queue.add(key, wait)
                return judges.unfinished(record, scene.generation, Reason.CONTESTED, drift.told(drifted))
            self._drift_policy.tell_put_back(scene, drifted)
        if not await self._prepare(scene):
            return None
        try:
            strangers = await self._apply(scene, drifted, found)
        except Withdrawn:
            return None
        except ApplyFailed as error:
            refused = await self._to_recreate(scene) if error.immutable else []
            if not refused:
                raise
            is_current = await self._is_current(key, record, scene.generation, scene.wishes, anew=True)
            if not (is_current and self._catalog.is_newest(scene.kind)):
                return None
            await self._recreate(scene, refused)
            return judges.unfinished(record, scene.generation, Reason.RECREATING, str(error))
        if strangers:
            return self._not_owned(scene, strangers)
        return await self._judge(replace(scene, live=self._live(key)))

    def _live(self, key: CRKey) -> dict[ObjectKey, Body]:
        """A CR's live children as they are now; what the watch shows later does not change it."""
        return dict(self._observer.live(instance_of(key)))

    async def _is_current(
        self, key: CRKey, record: Record, generation: int, wishes: Directives | None = None, *, anew: bool
    ) -> bool:
        """Look at the CR before anything of it is applied or deleted: it may be gone, changed or another one.

        What a watch has just shown is taken for true unless it is to be read ``anew``. Raises Another where the CR is
        gone. Where it, or what it ``wishes``, has changed, it is queued again, and False returned.
        """
        if anew or time.monotonic() - record.seen_at > FRESH:
            await self._custom_resources.read(key, record)
        is_another = record.generation != generation or (wishes is not None and directives.of(record.body) != wishes)
        if is_deleting(record.body) or is_another:
            self._queue.add(key)
            return False
        return True

    async def _report_drift(self, scene: Scene, drifted: Changes) -> Verdict:
        """Leave things as somebody made them, and tell of it."""
        also = Also(Aspect.DRIFTED, Reason.DRIFTED, drift.told(drifted))
        self._drift_policy.tell_left(scene, drifted)
        return await self._judge(replace(scene, also=(*scene.also, also)))

    async def _prepare(self, scene: Scene) -> bool:
        """Do what has to be done before an apply; False where the CR has to be looked at again first."""
        record = scene.record
        if scene.overlay.needs_finalizer and not record.has_finalizer:
            await self._custom_resources.set_finalizer(scene.key, record, wanted=True)
        if not await self._announce(scene):
            return False
        for key in dict.fromkeys(key for key, _ in scene.overlay.released):
            paths = [path for at, path in scene.overlay.released if at == key]
            body = scene.live.get(key)
            if body is not None and (part := foreign.handed_over(body, paths)):
                await self._cluster.hand_over(scene.resource(key), key.namespace, part, RELEASED_TO)
        if self._ownership.collision(scene):
            # An earlier CR has come meanwhile.
            self._queue.add(scene.key)
            return False
        return record.generation == scene.generation and self._is_wished(scene)

    def _is_wished(self, scene: Scene) -> bool:
        """Whether the CR is still there, and asks by its annotations for what it asked for when it was looked at."""
        record = scene.record
        is_there = self._records.get(scene.key) is record and not is_deleting(record.body)
        return is_there and directives.of(record.body) == scene.wishes

    async def _announce(self, scene: Scene) -> bool:
        """Write kinds of children that no inventory tells of into one, before the first of them is made.

        Should the operator end before it can tell what it has applied, the next one knows what to look for. Returns
        whether all is written that has to be.
        """
        record, made = scene.record, scene.overlay.children
        known = inventory.keys(record.inventory)
        fresh = tuple(inventory.announced(key, child.api_version) for key, child in made.items() if key not in known)
        unknown = self._announcements.unannounced(
            scene.key, {(child.api_version, child.kind) for child in made.values()}
        )
        # What only nuvop deletes must be found again whatever becomes of the other resources.
        if not unknown and not (fresh and scene.overlay.needs_finalizer):
            return True
        announced = (*record.inventory, *fresh)
        verdict = judges.unfinished(record, scene.generation, Reason.PROGRESSING, APPLYING)
        if not await self._tell(scene.key, record, replace(verdict, inventory=announced)):
            return False
        record.inventory = announced
        return True

    async def _apply(self, scene: Scene, drifted: Changes, found: Mapping[ObjectKey, Body]) -> dict[ObjectKey, str]:
        """Apply the overlay; ``drifted`` is what is put back by that, ``found`` was there beside what is live.

        Returns what somebody else has made of that meanwhile, and what there is to say of it.
        """
        record, overlay = scene.record, scene.overlay
        applying = asyncio.ensure_future(
            self._applier.apply(overlay, lambda: self._landed(scene), is_repair=bool(drifted))
        )
        begun = time.monotonic()
        try:
            while not (await asyncio.wait([applying], timeout=LOOK_AT_APPLY))[0]:
                if self._applier.seconds_under_way(scene.key) >= SLOW_APPLY:
                    await self._tell_of_progress(scene, APPLYING)
                elif scene.is_observed and time.monotonic() - begun >= SLOW_APPLY:
                    await self._tell_of_progress(scene, WAITING)
                if not self._is_wished(scene):  # the answer to a status may have shown it first
                    self._applier.withdraw(scene.key)
            objects = await applying
        finally:
            applying.cancel()
        shown = self._live(scene.key)
        self._observer.applied(objects)
        strangers = await self._ownership.give_back(replace(scene, live=self._live(scene.key)))
        own = [body for body in objects if key_of(body) not in strangers]
        if drifted:
            self._drift_policy.repaired(replace(scene, live=shown), drifted, found)
        self._ownership.applied(scene, own)
        record.inventory = inventory.after_apply(record.inventory, own)
        if strangers:
            return strangers
        record.is_well = True
        record.remember(overlay.revision, objects)
        done = about(scene.key, "apply", revision=overlay.revision, seconds=time.monotonic() - begun)
        what = ", ".join(map(str, overlay.objects))
        logger.info("%s: applied %s (revision %s)", scene.key, what, overlay.revision, extra=done)
        return {}

    async def _tell_of_progress(self, scene: Scene, message: str) -> None:
        """Tell that an apply is under way; it goes on whether that can be told or not."""
        verdict = judges.unfinished(scene.record, scene.generation, Reason.PROGRESSING, message)
        try:
            await self._tell(scene.key, scene.record, verdict)
        except (ClusterError, LoginError) as error:
            _say_once(scene.key, scene.record, str(error))

    def _landed(self, scene: Scene) -> list[Body]:
        """The overlay's objects that are live as this revision of it made them."""
        return children.landed(scene.overlay, scene.record.uid, self._observer.live(instance_of(scene.key)))

    async def _to_recreate(self, scene: Scene) -> list[tuple[ObjectKey, Body]]:
        """The children of an older revision that may be deleted to be made anew; what nuvop has not made may not.

        They are looked up: the watch may not have shown yet which of them was applied all the same.
        """
        found = []
        for key in (key for key, child in scene.overlay.children.items() if directives.may_be_recreated(child.body)):
            body = (await self._cluster.find(scene.resource(key), key.namespace, [key.name])).get(key.name)
            if body is not None and children.is_older(body, scene.key, scene.record.uid, scene.overlay.revision):
                found.append((key, body))
        return found

    async def _recreate(self, scene: Scene, refused: list[tuple[ObjectKey, Body]]) -> None:
        """Delete children that cannot be changed, and look again soon: one may take its time to go."""
        for key, body in refused:
            if is_deleting(body):
                continue
            await self._cluster.delete(scene.resource(key), body)
            scene.record.inventory = inventory.without_uid(scene.record.inventory, [key])
            logger.info("%s: %s is deleted to be made anew", scene.key, key, extra=about(scene.key, "recreate"))
            self._reporter.news(scene.record, News("Normal", Reason.RECREATING, "Recreate", f"{key} is made anew"))
        self._retry(scene.key, scene.record)

    # --- what to say ----------------------------------------------------------------------------------------------

    async def _judge(self, scene: Scene) -> Verdict:
        """Say how far the children are, and prune what is left over."""
        record, overlay = scene.record, scene.overlay
        await self._volumes.settle(scene)
        record.inventory = inventory.with_finished_jobs(record.inventory, overlay.contents, scene.live)
        verdict = self._said_of(scene, judges.judge(scene, self._observer.complaint))

        async def is_current() -> bool:
            return await self._is_current(scene.key, record, scene.generation, scene.wishes, anew=True)

        blocked = await self._pruner.prune(scene, is_ready=verdict.phase is Phase.READY, is_current=is_current)
        if any(also.reason is Reason.PRUNE_FAILED for also in blocked):
            # A right may be given, a webhook may be mended without a word to nuvop.
            self._queue.add(scene.key, RETRY_MOST)
        record.inventory = inventory.still(record.inventory, overlay.objects, scene.live, scene.unseen)
        if record.has_finalizer and not (overlay.needs_finalizer or record.has_children_outside):
            await self._custom_resources.set_finalizer(scene.key, record, wanted=False)
        return replace(verdict, inventory=record.inventory, also=(*verdict.also, *blocked))

    def _said_of(self, scene: Scene, judgement: Judgement) -> Verdict:
        if judgement.due:
            self._queue.add(scene.key, judgement.due)
        return judgement.verdict

    def _failed(self, key: CRKey, record: Record, generation: int, error: NuvopError) -> Verdict:
        for type_, reason in _NO_RETRY:
            if isinstance(error, type_):
                # Its children may go because it does, and nobody tell: what fails is read anew.
                record.is_failing = True
                if record.has_finalizer:
                    self._queue.add(key, LOOK_FOR_END)
                return self._stalled_verdict(record, generation, reason, str(error))
        # Somebody may have removed what was written.
        record.overlay = None
        if isinstance(error, ApplyFailed) and error.terminal:
            return self._stalled(key, record, generation, Reason.APPLY_FAILED, str(error))
        self._retry(key, record)
        return judges.unfinished(record, generation, Reason.RETRYING, str(error))

    def _look_after(self, key: CRKey, work: Future[Any]) -> None:
        """Look at a CR again some time after what a thread does for it is done: sooner it would take another thread."""
        loop = asyncio.get_running_loop()

        def look(_: Future[Any]) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._queue.add, key, RETRY_MOST)

        work.add_done_callback(look)

    def _not_owned(self, scene: Scene, strangers: Mapping[ObjectKey, str]) -> Verdict:
        message = "; ".join(strangers.values())
        return self._stalled(scene.key, scene.record, scene.generation, Reason.NOT_OWNED, message)

    def _stalled(self, key: CRKey, record: Record, generation: int, reason: Reason, message: str) -> Verdict:
        """Stalled by something in the cluster, which may be mended without a word to nuvop: look again."""
        self._retry(key, record, reason)
        return self._stalled_verdict(record, generation, reason, message)

    def _stalled_verdict(self, record: Record, generation: int, reason: Reason, message: str) -> Verdict:
        return replace(judges.unfinished(record, generation, reason, message), phase=Phase.STALLED)

    def _retry(self, key: CRKey, record: Record, stalled: Reason | None = None) -> None:
        """Try again later, the CR being ``stalled`` or, None, meeting with what passes.

        The delays grow while the same generation goes on failing.
        """
        if record.failed_generation != record.generation:
            record.backoff, record.failed_generation = Backoff(), record.generation
        cause, most = (stalled, RETRY_MOST) if stalled else (Reason.RETRYING, RETRY_MOST_PASSING)
        self._queue.add(key, record.backoff.failed(cause, time.monotonic(), first=RETRY_FIRST, most=most))
        record.is_failing, record.is_well = True, False

    async def _tell(self, key: CRKey, record: Record, verdict: Verdict) -> bool:
        """Write the status, if it still speaks of the CR's generation; return whether it says all that it should."""
        if verdict.generation != record.generation:
            self._queue.add(key)
            return False
        try:
            later = await self._reporter.tell(key, self._catalog.resource(key.plural), record, verdict)
        except NotFound as error:
            await self._custom_resources.read(key, record)
            resource = self._catalog.resource(key.plural)
            if (await self._cluster.discover(resource.api_version, resource.kind, anew=True)).has_status:
                raise
            raise crd_without(resource, "status subresource") from error
        except Conflict:
            # Another generation, or another CR: kopf has told, or will.
            if await self._is_current(key, record, verdict.generation, anew=True):
                raise
            return False
        if later:
            self._queue.add(key, later)
            return False
        if self._records.get(key) is record and not is_deleting(record.body):
            self._announcements.note(key, inventory.types(verdict.inventory))
        return True


_NO_RETRY: tuple[tuple[type[NuvopError], Reason], ...] = (
    (BuildFailed, Reason.BUILD_FAILED),
    (KindError, Reason.KIND_INVALID),
    (OverlayError, Reason.INVALID_SPEC),
    (DirectiveError, Reason.INVALID_SPEC),
)
"""What waiting does not mend: a kind is loaded anew when its folder changes, a CR is looked at again when it does."""


def _namespaces(kind: Kind, record: Record, type_: tuple[str, str], own: str) -> frozenset[str]:
    """Where a CR has objects of a type, or had when its folder was another: its own namespace, and maybe others."""
    return kind.namespaces_of(*type_, own) | record.places.get(type_, frozenset()) - {OUTSIDE}


def _needs(wanted: Iterable[tuple[ApiResource, str]], record: Record, own: str) -> set[tuple[str, str, str]]:
    """All that a CR's verdict depends on: what its kind has, and what it has children of that its kind has no more."""
    needs = {(resource.api_version, resource.kind, namespace) for resource, namespace in wanted}
    known, places = {need[:2] for need in needs}, record.places
    return needs | {(*type_, where) for type_ in places.keys() - known for where in {own, *places[type_]}}


def _note_finished(record: Record, overlay: Overlay, gone: Mapping[ObjectKey, Body]) -> None:
    """Note the Jobs that had finished when they went, and were made from this very overlay."""
    its_own = {key: body for key, body in gone.items() if children.is_of(body, record.uid, overlay.revision)}
    record.inventory = inventory.with_gone_jobs(record.inventory, overlay.contents, its_own)


def _say_once(key: CRKey, record: Record, what: str) -> None:
    """Log what was not said just before."""
    if record.is_news(what):
        logger.warning("%s: %s", key, what, extra=about(key, "reconcile"))
