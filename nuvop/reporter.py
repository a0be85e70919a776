"""The one writer of CRs' status: tells a verdict when it says anything new, and an Event when a condition changes."""

import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace

from nuvop import status
from nuvop.cluster import ApiResource, Cluster
from nuvop.crd import STATUS_FIELDS
from nuvop.errors import ClusterError, Conflict
from nuvop.events import News, Recorder
from nuvop.fights import Fights
from nuvop.logs import about
from nuvop.metrics import Metrics
from nuvop.objects import CRKey
from nuvop.record import Record
from nuvop.status import Change, Phase, Reason, Verdict

logger = logging.getLogger(__name__)

PROGRESS_PAUSE = 0.5
"""Seconds between two status writes that tell of progress only; the end of it is told at once."""

UNPROCESSABLE = 422
"""The HTTP status of what does not fit a schema."""


class Reporter:
    """Writes verdicts into CRs."""

    def __init__(self, cluster: Cluster, recorder: Recorder, metrics: Metrics) -> None:
        """Nothing is told yet."""
        self._cluster = cluster
        self._recorder = recorder
        self._metrics = metrics
        self._fights: Fights[CRKey] = Fights()

    async def tell(self, key: CRKey, resource: ApiResource, record: Record, verdict: Verdict) -> float:
        """Write the status, if it says anything new; return in how many seconds it is to be told again, 0 for never.

        Raises NotFound where the CR is gone or has no status, Conflict where it is another one or has another
        generation by now, and other ClusterErrors.
        """
        self._metrics.judged(key, verdict.phase, is_prune_refused=verdict.is_prune_refused)
        previous = record.status
        if record.telling_over is not None and _own(previous, verdict) == _own(record.telling or {}, verdict):
            # The answer was lost, and a watch has shown that it was written.
            self._is_told(key, record, _own(previous, verdict), status.changes(record.telling_over, previous))
        fresh = status.fold(previous, verdict, status.rfc3339(time.time()))
        if fresh == previous:
            return 0.0
        pause = record.told_at + PROGRESS_PAUSE - time.monotonic()
        if pause > 0 and status.is_mere_progress(previous, fresh):
            return pause
        if record.told is not None and _own(previous, verdict) != record.told:
            # Somebody else writes this status too, another nuvop perhaps.
            if wait := self._fights.delay(key, time.monotonic()):
                return wait
            self._fights.repaired(key, time.monotonic())
        record.telling, record.telling_over = fresh, previous
        try:
            with self._metrics.stage("status"):
                body = await self._cluster.write_status(resource, record.body, fresh, verdict.beside)
        except Conflict:
            raise
        except ClusterError as error:
            if error.status != UNPROCESSABLE or not verdict.reported:
                raise
            # What the children report does not fit the CRD: that much can be told.
            message = f"kind.yaml: status: {error}"
            bare = replace(verdict, phase=Phase.STALLED, reason=Reason.KIND_INVALID, message=message, reported={})
            return await self.tell(key, resource, record, bare)
        record.telling_over = None
        if lost := [name for name in STATUS_FIELDS if name in fresh and name not in body.get("status", {})]:
            record.told = None  # or nuvop would take the next time for somebody else's doing
            raise crd_without(resource, ", ".join(f"status.{name}" for name in lost))
        record.take(body)
        self._is_told(key, record, _own(body.get("status") or {}, verdict), status.changes(previous, fresh))
        return 0.0

    def _is_told(self, key: CRKey, record: Record, told: Mapping[str, object], changes: Iterable[Change]) -> None:
        """Take in that a status is written, and tell what it changes in the log and in Events."""
        record.told, record.told_at, record.telling_over = told, time.monotonic(), None
        for change in changes:
            level = logging.WARNING if change.is_bad else logging.INFO
            said = about(key, "status", revision=record.applied_revision)
            logger.log(level, "%s: %s: %s: %s", key, change.type, change.reason, change.message, extra=said)
            news = News("Warning" if change.is_bad else "Normal", change.reason, "Reconcile", change.message)
            self._recorder.tell(record.body, news)

    def news(self, record: Record, news: News) -> None:
        """Tell what happened once, in an Event."""
        self._recorder.tell(record.body, news)

    def forget(self, key: CRKey) -> None:
        """Take in that a CR is gone."""
        self._metrics.gone(key)


def crd_without(resource: ApiResource, what: str) -> ClusterError:
    """What there is to say where the CRD in the cluster, which may not be the folder's, lacks what a status needs."""
    crd = f"the CRD {resource.plural}.{resource.group} in the cluster"
    return ClusterError(f"its status cannot be told: {crd} has no {what}")


def _own(told: Mapping[str, object], verdict: Verdict) -> dict[str, object]:
    """A status without what others have written beside nuvop's fields."""
    return {name: value for name, value in told.items() if name not in verdict.beside}
