"""What becomes of drift: it is told, put back, or, where somebody changes the same again and again, waited with."""

import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from nuvop import children, drift, status
from nuvop.children import Comparison
from nuvop.drift import Change, Contender
from nuvop.events import News
from nuvop.fights import Fights
from nuvop.logs import about
from nuvop.metrics import Metrics
from nuvop.objects import Body, ObjectKey
from nuvop.reporter import Reporter
from nuvop.scene import Scene
from nuvop.status import Aspect, Reason

if TYPE_CHECKING:
    from nuvop.objects import CRKey

logger = logging.getLogger(__name__)

Changes = tuple[Change, ...]


def compare(scene: Scene) -> Comparison:
    """Compare a CR's live children with what they should be."""
    record = scene.record
    return children.compare(scene.overlay, record.uid, record.inventory, record.applied_revision, scene.live)


def changes(scene: Scene, comparison: Comparison, found: Mapping[ObjectKey, Body]) -> Changes:
    """What somebody changed of what had been applied; nothing at the first apply, and at a new revision.

    Who takes an object's labels off hides it from the watch: what of the missing was ``found`` is not deleted.
    """
    record = scene.record
    made = {entry.key: entry.uid for entry in record.inventory if entry.uid}
    if not made or (comparison.outdated and record.applied_revision != scene.overlay.revision):
        return ()
    hidden = tuple(key for key in comparison.missing if key in found and found[key]["metadata"]["uid"] == made.get(key))
    # What was never made, because the API server refused it, nobody has deleted.
    deleted = tuple(key for key in comparison.missing if key in made and key not in hidden)
    told = replace(comparison, missing=deleted, drifted=(*comparison.drifted, *hidden))
    return drift.changes(told, record.owned, {**scene.live, **found}, record.guess)


class DriftPolicy:
    """Remembers who changed what how often, and tells of it."""

    def __init__(self, reporter: Reporter, metrics: Metrics) -> None:
        """Nobody has changed anything yet."""
        self._reporter = reporter
        self._metrics = metrics
        self._fights: Fights[tuple[CRKey, Contender]] = Fights()

    def wait(self, scene: Scene, drifted: Changes) -> float:
        """For how many seconds a repair has to wait, because it happens again and again; 0 where it does not."""
        now = time.monotonic()
        wait = min(self._fights.delay((scene.key, change.contender), now) for change in drifted)
        contested = f"contested: {drift.told(drifted)}"
        if wait and scene.record.is_news(contested):
            logger.warning("%s: %s", scene.key, contested, extra=about(scene.key, "drift"))
            self._metrics.contested(scene.key.plural)
        return wait

    def tell_put_back(self, scene: Scene, drifted: Changes) -> None:
        """Tell of changes that are put back."""
        self._tell(scene, drifted, f"putting back: {drift.told(drifted)}")

    def tell_left(self, scene: Scene, drifted: Changes) -> None:
        """Tell of changes that stay; after a start not of what the CR's condition tells already."""
        record, told = scene.record, drift.told(drifted)
        line = f"left as it is: {told}"
        in_condition = status.told_message(record.status, Aspect.DRIFTED, Reason.DRIFTED)
        if not record.drift_told and in_condition == status.one_line(told):
            record.drift_told = line
        self._tell(scene, drifted, line)

    def _tell(self, scene: Scene, drifted: Changes, told: str) -> None:
        """Tell who changed what in the log, in an Event and in a metric; once, as long as it stays so."""
        if scene.record.drift_told == told:
            return
        scene.record.drift_told = told
        logger.info("%s: %s", scene.key, told, extra=about(scene.key, "drift"))
        self._reporter.news(scene.record, News("Warning", Reason.DRIFTED, "Reconcile", told))
        for change in drifted:
            self._metrics.drifted(scene.key.plural, change.key.kind, change.field, change.manager)

    def repaired(self, scene: Scene, drifted: Changes, found: Mapping[ObjectKey, Body]) -> None:
        """Count who was answered; ``scene`` is how things were when the repair was done, ``found`` as for `changes`.

        What was changed while it was under way is told, too: it was put back with the rest.
        """
        before = {change.contender for change in drifted}
        late = tuple(change for change in changes(scene, compare(scene), found) if change.contender not in before)
        if late:
            self.tell_put_back(scene, late)
        for contender in {change.contender for change in (*drifted, *late)}:
            self._fights.repaired((scene.key, contender), time.monotonic())
        scene.record.drift_told = ""
