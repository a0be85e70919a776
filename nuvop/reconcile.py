"""The pipeline: what happens to a custom resource, a function a stage, readable from top to bottom.

    seen / watched ──▶ queue ──▶ reconcile ──▶ overlay ──▶ compare ──▶ apply ──▶ judge ──▶ status

One reconcile serves creation, update and restart: it looks at what is, never at what happened. It runs for one CR at
a time, so there is one apply in flight per CR; no CR waits for another but for a free slot of the applier.
"""

import datetime
import logging
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nuvop import children, readiness, status
from nuvop import overlay as overlays
from nuvop.applier import Applier
from nuvop.catalog import Catalog
from nuvop.children import Comparison, Instance, Inventory
from nuvop.cluster import Cluster
from nuvop.errors import (
    ApplyFailed,
    BuildFailed,
    ClusterError,
    Conflict,
    KindError,
    LoginError,
    NotFound,
    NuvopError,
    OverlayError,
)
from nuvop.kinds import STATUS_FIELDS, Kind
from nuvop.objects import (
    OWNER_LABEL,
    REVISION_LABEL,
    Body,
    CRKey,
    ObjectKey,
    is_deleting,
    key_of,
    labels_of,
    maker_of,
    ownership,
    taken_fields,
    version_of,
)
from nuvop.observer import Observer
from nuvop.overlay import Overlay
from nuvop.readiness import State
from nuvop.status import Phase, Reason, Verdict
from nuvop.workqueue import WorkQueue

logger = logging.getLogger(__name__)

RETRY_FIRST = 1.0
RETRY_MOST = 60.0
RETRY_MOST_PASSING = 5.0
"""Seconds before something that failed is tried again: doubled each time, up to the most. Less where it is the API
server's trouble and not the CR's."""

FIGHT_WINDOW = 600.0
FIGHT_ROUNDS = 3
FIGHT_DELAY_FIRST = 5.0
FIGHT_DELAY_MOST = 300.0
"""Who changes a child more than that many times in that many seconds is answered later and later."""

PROGRESS_PAUSE = 0.5
"""Seconds between two status writes that tell of progress only; the end of it is told at once."""

UNPROCESSABLE = 422
"""The HTTP status of what does not fit a schema."""

STOP_GRACE = 10.0
"""Seconds that a running apply gets when the operator stops; then kubectl is killed."""


@dataclass
class Record:
    """What the operator remembers of one CR between two reconciliations."""

    body: Body
    inventory: Inventory
    overlay: Overlay | None = None
    overlay_of: tuple[str, int] = ("", 0)
    is_first_look: bool = True
    applied_revision: str = ""
    owned: dict[ObjectKey, Body] = field(default_factory=dict)
    failures: int = 0
    failed_generation: int = 0
    said: str = ""
    told: Mapping[str, object] | None = None
    told_at: float = 0.0
    repairs: deque[float] = field(default_factory=deque)
    overwritten: deque[float] = field(default_factory=deque)

    @property
    def uid(self) -> str:
        """The CR's uid."""
        return str(self.body["metadata"]["uid"])

    @property
    def generation(self) -> int:
        """The CR's generation."""
        return int(self.body["metadata"]["generation"])

    def remember(self, revision: str, bodies: Iterable[Body]) -> None:
        """Remember who owns which field of the children while all is well: a later drift is told by it."""
        self.applied_revision = revision
        self.owned = {
            key_of(body): {"metadata": {"managedFields": body["metadata"].get("managedFields") or []}}
            for body in bodies
        }


class Another(Exception):
    """The CR that a record is about is gone, or another one has its name."""


class Reconciler:
    """Brings every CR that it is shown to what its kind says, and keeps it there."""

    def __init__(
        self, catalog: Catalog, cluster: Cluster, applier: Applier, generated: Path, *, cluster_wide: bool
    ) -> None:
        """``cluster_wide`` makes one watch a kind for all namespaces instead of one for each that has CRs."""
        self._catalog = catalog
        self._cluster = cluster
        self._applier = applier
        self._generated = generated
        self._records: dict[CRKey, Record] = {}
        self._keys: dict[Instance, CRKey] = {}
        self._observer = Observer(cluster, self._changed, self._look_again, cluster_wide=cluster_wide)
        self._queue: WorkQueue[CRKey] = WorkQueue(self._reconcile)

    # --- what the outside tells -----------------------------------------------------------------------------------

    def seen(self, plural: str, body: Body) -> None:
        """Take in a CR as kopf showed it."""
        key = CRKey(plural, body["metadata"]["namespace"], body["metadata"]["name"])
        record = self._records.get(key)
        if record is not None and version_of(body) < version_of(record.body):
            return  # an old answer, perhaps of another CR that had this name
        if record is None or record.uid != body["metadata"]["uid"]:
            self._records[key] = Record(body, children.inventory_of(body.get("status") or {}))
            self._keys[(key.namespace, key.instance)] = key
        else:
            record.body = body
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

    async def close(self) -> None:
        """Stop: what is being applied may end, then the watches end."""
        await self._queue.close(STOP_GRACE)
        await self._observer.close()

    def _changed(self, instances: set[Instance]) -> None:
        """Look at the CRs again whose children have changed."""
        for instance in instances & self._keys.keys():
            self._queue.add(self._keys[instance])

    def _look_again(self, namespace: str | None) -> None:
        """Look at the CRs that may wait for a full list, or cannot have one."""
        for key in self._records:
            if namespace in (None, key.namespace):
                self._queue.add(key)

    def _forget(self, key: CRKey) -> None:
        self._records.pop(key, None)
        self._keys.pop((key.namespace, key.instance), None)
        overlays.remove(self._generated, key)
        logger.info("%s is gone; the garbage collector deletes its children", key)

    # --- the pipeline ---------------------------------------------------------------------------------------------

    async def _reconcile(self, key: CRKey) -> None:
        """Bring one CR to what it should be, and tell in its status how far it is."""
        record = self._records.get(key)
        if record is None or is_deleting(record.body):
            return
        try:
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

    async def _converge(self, key: CRKey, record: Record, generation: int) -> Verdict | None:
        """Apply what has to be applied; return what to say of it, or None where it is too early to say anything."""
        try:
            kind = self._catalog.kind(key.plural)
            overlay = self._overlay(kind, key, record)
            if not self._observer.is_watching(await self._catalog.watched(kind), key.namespace):
                return None
            live = self._observer.live((key.namespace, key.instance))
            comparison = children.compare(overlay, record.uid, record.inventory, live)
            if comparison.is_intact:
                record.remember(overlay.revision, live.values())
                record.failures, record.said = 0, ""
            else:
                is_first_look, record.is_first_look = record.is_first_look, False
                if not is_first_look and not await self._is_current(key, record, generation):
                    return None
                if foreign := await self._foreign(kind, overlay, record, comparison, live):
                    return self._stalled(key, record, generation, Reason.NOT_OWNED, foreign)
                if contested := self._contested(key, record, overlay, generation, comparison, live):
                    return contested
                await self._apply(key, record, overlay)
        except NuvopError as error:
            return self._failed(key, record, generation, error)
        return self._judge(kind, overlay, record, generation)

    def _overlay(self, kind: Kind, key: CRKey, record: Record) -> Overlay:
        """The CR's overlay, made and written when CR or kind have changed."""
        made_of = (kind.digest, record.generation)
        if record.overlay is None or record.overlay_of != made_of:
            overlay = overlays.make(kind, record.body)
            overlays.write(self._generated, kind, overlay)
            record.overlay, record.overlay_of = overlay, made_of
        return record.overlay

    async def _is_current(self, key: CRKey, record: Record, generation: int) -> bool:
        """Look at the CR before anything of it is repaired: it may be gone, changed or another one.

        Raises Another where it is gone. Where it has changed, it is queued again, and False returned.
        """
        try:
            body = await self._cluster.get(self._catalog.resource(key.plural), key.namespace, key.name)
        except NotFound as error:
            raise Another from error
        if body["metadata"]["uid"] != record.uid:
            raise Another
        if version_of(body) > version_of(record.body):
            record.body = body
        if is_deleting(record.body) or record.generation != generation:
            self._queue.add(key)
            return False
        return True

    async def _foreign(
        self, kind: Kind, overlay: Overlay, record: Record, comparison: Comparison, live: Mapping[ObjectKey, Body]
    ) -> str:
        """Say which object stands in the way: one with a child's name that nuvop has not made; empty where none does.

        Applying over it would take it over without a word, and delete its owner's fields.
        """
        found = [(key, live[key]) for key in (*comparison.outdated, *comparison.drifted)]
        api_versions = {key: child.api_version for key, child in zip(overlay.objects, kind.base, strict=True)}
        for missing in comparison.missing:
            resource = await self._cluster.discover(api_versions[missing], missing.kind)
            try:
                found.append((missing, await self._cluster.get(resource, missing.namespace, missing.name)))
            except NotFound:
                continue
        ours = {entry.uid for entry in record.inventory}
        for key, body in found:
            # Who copies an object copies its labels; the entry of the manager nuvop is the API server's to write. It
            # is there in what an earlier CR of this name has left, too.
            is_ours = body["metadata"]["uid"] in ours or (
                OWNER_LABEL in labels_of(body) and ownership(body) is not None
            )
            if not is_ours:
                maker = maker_of(body)
                by = f", made by {maker}" if maker else ""
                return f"{key} exists{by}, and nuvop has not made it: delete it, or give this resource another name"
        return ""

    def _contested(
        self,
        key: CRKey,
        record: Record,
        overlay: Overlay,
        generation: int,
        comparison: Comparison,
        live: Mapping[ObjectKey, Body],
    ) -> Verdict | None:
        """Say who changed what; return a verdict where the repair has to wait, because it happens again and again."""
        if not record.inventory or (comparison.outdated and record.applied_revision != overlay.revision):
            return None  # the first apply, or a new revision
        told = _told(comparison, record, live)
        if wait := _fight_delay(record.repairs):
            self._say_once(key, record, f"contested: {told}")
            self._queue.add(key, wait)
            return Verdict(
                generation, Phase.IN_PROGRESS, Reason.CONTESTED, told, record.inventory, _last_reported(record)
            )
        record.repairs.append(time.monotonic())
        logger.info("%s: putting back: %s", key, told)
        return None

    async def _apply(self, key: CRKey, record: Record, overlay: Overlay) -> None:
        objects = await self._applier.apply(overlays.folder(self._generated, key))
        record.failures, record.said = 0, ""
        record.inventory = tuple(children.entry_of(body) for body in objects)
        record.remember(overlay.revision, objects)
        self._observer.applied(objects)
        logger.info("%s: applied %s (revision %s)", key, ", ".join(map(str, overlay.objects)), overlay.revision)

    def _failed(self, key: CRKey, record: Record, generation: int, error: NuvopError) -> Verdict:
        if isinstance(error, BuildFailed):
            # No retry helps: the kind is loaded anew when its folder changes.
            return self._stalled_verdict(record, generation, Reason.BUILD_FAILED, str(error))
        if isinstance(error, KindError):
            return self._stalled_verdict(record, generation, Reason.KIND_INVALID, str(error))
        if isinstance(error, OverlayError):
            return self._stalled_verdict(record, generation, Reason.INVALID_SPEC, str(error))
        if isinstance(error, ApplyFailed) and error.terminal:
            return self._stalled(key, record, generation, Reason.APPLY_FAILED, str(error))
        # Somebody may have removed what was written.
        record.overlay = None
        self._retry(key, record, RETRY_MOST_PASSING)
        return Verdict(
            generation, Phase.IN_PROGRESS, Reason.RETRYING, str(error), record.inventory, _last_reported(record)
        )

    def _stalled(self, key: CRKey, record: Record, generation: int, reason: Reason, message: str) -> Verdict:
        """Stalled by something in the cluster, which may be mended without a word to nuvop: look again."""
        self._retry(key, record, RETRY_MOST)
        return self._stalled_verdict(record, generation, reason, message)

    @staticmethod
    def _stalled_verdict(record: Record, generation: int, reason: Reason, message: str) -> Verdict:
        return Verdict(generation, Phase.STALLED, reason, message, record.inventory, _last_reported(record))

    def _retry(self, key: CRKey, record: Record, most: float) -> None:
        """Try again later; the delays grow while the same generation goes on failing."""
        if record.failed_generation != record.generation:
            record.failures, record.failed_generation = 0, record.generation
        self._queue.add(key, min(RETRY_FIRST * 2**record.failures, most))
        record.failures = min(record.failures + 1, 16)

    def _judge(self, kind: Kind, overlay: Overlay, record: Record, generation: int) -> Verdict:
        """Say how far the children are."""
        live = self._observer.live((overlay.key.namespace, overlay.key.instance))
        reported = children.report(kind, overlay, live)
        found = [
            (key, readiness.assess(live[key]) if key in live else readiness.in_progress("is not there"))
            for key in overlay.objects
        ]
        for state, phase, reason in (
            (State.FAILED, Phase.STALLED, Reason.HEALTH_CHECK_FAILED),
            (State.IN_PROGRESS, Phase.IN_PROGRESS, Reason.PROGRESSING),
        ):
            blocking = [f"{key}: {ready.message}" for key, ready in found if ready.state is state]
            if blocking:
                return Verdict(generation, phase, reason, "; ".join(blocking), record.inventory, reported)
        count = len(overlay.objects)
        message = f"{count} objects are ready" if count > 1 else f"{overlay.objects[0]} is ready"
        return Verdict(generation, Phase.READY, Reason.SUCCEEDED, message, record.inventory, reported)

    async def _tell(self, key: CRKey, record: Record, verdict: Verdict) -> None:
        """Write the status, if it says anything new and still speaks of the CR's generation."""
        if verdict.generation != record.generation:
            self._queue.add(key)
            return
        previous = record.body.get("status") or {}
        now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        fresh = status.fold(previous, verdict, now)
        if fresh == previous:
            return
        pause = record.told_at + PROGRESS_PAUSE - time.monotonic()
        if pause > 0 and status.is_mere_progress(previous, fresh):
            self._queue.add(key, pause)
            return
        if record.told is not None and previous != record.told:
            # Somebody else writes this status too, another nuvop perhaps.
            if wait := _fight_delay(record.overwritten):
                self._queue.add(key, wait)
                return
            record.overwritten.append(time.monotonic())
        try:
            body = await self._cluster.write_status(self._catalog.resource(key.plural), record.body, fresh)
        except NotFound as error:
            raise Another from error
        except Conflict:
            # Another generation, or another CR: kopf has told, or will.
            if await self._is_current(key, record, verdict.generation):
                raise
            return
        except ClusterError as error:
            if error.status != UNPROCESSABLE or not verdict.reported:
                raise
            # What the children report does not fit the CRD: that much can be told.
            message = f"kind.yaml: status: {error}"
            bare = Verdict(verdict.generation, Phase.STALLED, Reason.KIND_INVALID, message, verdict.inventory)
            await self._tell(key, record, bare)
            return
        record.told, record.told_at = body.get("status"), time.monotonic()
        if version_of(body) > version_of(record.body):
            record.body = body
        if fresh["conditions"] != previous.get("conditions"):
            is_news = verdict.reason in (Reason.SUCCEEDED, Reason.PROGRESSING)
            level = logging.INFO if is_news else logging.WARNING
            logger.log(level, "%s: %s: %s: %s", key, verdict.phase, verdict.reason, status.one_line(verdict.message))

    def _say_once(self, key: CRKey, record: Record, what: str) -> None:
        if record.said != what:
            logger.warning("%s: %s", key, what)
            record.said = what


def _last_reported(record: Record) -> dict[str, object]:
    """What the children last reported: a verdict that has not looked at them leaves it as it was."""
    return {n: value for n, value in (record.body.get("status") or {}).items() if n not in STATUS_FIELDS}


def _told(comparison: Comparison, record: Record, live: Mapping[ObjectKey, Body]) -> str:
    """What was changed, and by whom."""
    told = [f"{missing} was deleted" for missing in comparison.missing]
    for outdated in comparison.outdated:
        revision = labels_of(live[outdated]).get(REVISION_LABEL)
        told.append(f"{outdated} was applied by another nuvop, with another folder (revision {revision})")
    for drifted in comparison.drifted:
        before = record.owned.get(drifted)
        taken = taken_fields(before, live[drifted]) if before else []
        what = ", ".join(f"{path} was {'changed by ' + who if who else 'removed'}" for path, who in taken)
        told.append(f"{drifted}: {what or 'was changed while nuvop was not looking'}")
    return "; ".join(told)


def _fight_delay(repairs: deque[float]) -> float:
    """Seconds to wait before the next repair; 0 while nobody fights."""
    now = time.monotonic()
    while repairs and now - repairs[0] > FIGHT_WINDOW:
        repairs.popleft()
    rounds = len(repairs) - FIGHT_ROUNDS
    if rounds < 0:
        return 0.0
    due = repairs[-1] + min(FIGHT_DELAY_FIRST * 2.0**rounds, FIGHT_DELAY_MOST)
    return max(0.0, due - now)
