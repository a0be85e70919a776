"""How far a CR's children are, and what to say of it: facts in, a verdict out."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from nuvop import children, directives, readiness, status
from nuvop.fields import Name
from nuvop.objects import ObjectKey, is_deleting, is_finished
from nuvop.readiness import Readiness, State
from nuvop.record import Record, Wait
from nuvop.scene import Scene
from nuvop.status import Also, Aspect, Phase, Reason, Verdict

COMPLAINTS_SINCE = 60.0
"""Seconds before the children began to be unready from which on the controllers' warnings are told: a probe fails some
times before a pod is not ready. What was said before all children were ready the last time is settled."""

_SUSPENDED = Also(Aspect.SUSPENDED, Reason.SUSPENDED, "nothing is changed until the annotation is taken off")

Complaint = Callable[[ObjectKey, float], str]
"""The newest Warning event about an object or its pods since a time, in seconds since the epoch; empty where there is
none."""


@dataclass(frozen=True)
class Judgement:
    """A verdict, and in how many seconds another one is due without anything happening; 0 for never."""

    verdict: Verdict
    due: float = 0.0


def judge(scene: Scene, complaint: Complaint) -> Judgement:
    """Fold the readiness of all children: what has failed counts most, then what is not ready yet."""
    found = [(key, _readiness(scene, key)) for key in scene.overlay.objects]
    failed = [(key, ready.message) for key, ready in found if ready.state is State.FAILED]
    unready = [(key, ready.message) for key, ready in found if ready.state is State.IN_PROGRESS]
    verdict = Verdict(
        scene.generation,
        Phase.READY,
        Reason.SUCCEEDED,
        f"{len(found)} objects are ready" if len(found) != 1 else f"{found[0][0]} is ready",
        scene.record.inventory,
        children.report(scene.kind, scene.overlay, scene.live),
        scene.also,
        scene.wishes.reconcile,
        scene.record.applied_revision,
        _beside(scene),
    )
    if not failed and not unready:
        _settle(scene.record)
        return Judgement(verdict)
    wait = _wait(scene)
    message = _blocking(failed or unready, complaint, _complaints_since(scene.record, wait))
    if failed:
        return Judgement(replace(verdict, phase=Phase.STALLED, reason=Reason.HEALTH_CHECK_FAILED, message=message))
    left = wait.begun + scene.kind.deadline - time.monotonic()
    if left <= 0:
        late = f"not ready within {scene.kind.deadline:g} s: {message}"
        return Judgement(replace(verdict, phase=Phase.STALLED, reason=Reason.HEALTH_CHECK_FAILED, message=late))
    # A pod that cannot be scheduled has failed after a while, without another word from anybody.
    due = min(left, readiness.SCHEDULE_WINDOW.total_seconds())
    return Judgement(replace(verdict, phase=Phase.IN_PROGRESS, reason=Reason.PROGRESSING, message=message), due)


def suspended(scene: Scene, complaint: Complaint) -> Judgement:
    """Judge the children as they are; what was not applied is not judged but waits.

    An observedGeneration would not do: a generation that a broken folder has stalled was observed, too.
    """
    undeletable = "; ".join(text for key, text in scene.record.undeletable.items() if key in scene.live)
    blocked = prune_blocked(scene.record, undeletable)
    scene = replace(scene, also=(*_drifted(scene.record), *scene.also, *blocked, _SUSPENDED))
    if scene.record.applied_revision != scene.overlay.revision:
        verdict = unfinished(scene.record, scene.generation, Reason.SUSPENDED, _SUSPENDED.message)
        return Judgement(replace(verdict, also=scene.also))
    judgement = judge(scene, complaint)
    return replace(judgement, verdict=replace(judgement.verdict, handled=scene.record.handled))


def unfinished(record: Record, generation: int, reason: Reason, message: str) -> Verdict:
    """What to say where the children were not looked at: what they reported last, and what was true, stays so."""
    return Verdict(
        generation,
        Phase.IN_PROGRESS,
        reason,
        message,
        record.inventory,
        record.last_reported,
        _still(record),
        record.handled,
        record.applied_revision,
        record.beside,
    )


def _still(record: Record) -> tuple[Also, ...]:
    """What is true besides where nobody has looked: what was told before, unless the CR's annotations say otherwise."""
    undeletable = status.told_message(record.status, Aspect.PRUNE_BLOCKED, Reason.PRUNE_FAILED)
    return (
        *_drifted(record),
        *prune_blocked(record, undeletable),
        *([_SUSPENDED] if directives.suspends(record.body) else ()),
    )


def _drifted(record: Record) -> tuple[Also, ...]:
    told = status.told_message(record.status, Aspect.DRIFTED, Reason.DRIFTED)
    return (Also(Aspect.DRIFTED, Reason.DRIFTED, told),) if told and directives.reports_drift(record.body) else ()


def prune_blocked(record: Record, undeletable: str) -> tuple[Also, ...]:
    """What keeps left-over children: a refusal, or else what there is to say of the ``undeletable`` ones, if any."""
    if record.prune_refused:
        return (Also(Aspect.PRUNE_BLOCKED, Reason.PRUNE_REFUSED, record.prune_refused),)
    return (Also(Aspect.PRUNE_BLOCKED, Reason.PRUNE_FAILED, undeletable),) if undeletable else ()


def _beside(scene: Scene) -> dict[str, object]:
    """What others have written into the status, but for the fields that the kind's children report."""
    reported = {line.path.segments[0] for line in scene.kind.reports}
    return {name: value for name, value in scene.record.beside.items() if Name(name) not in reported}


def _readiness(scene: Scene, key: ObjectKey) -> Readiness:
    if key in scene.live and is_finished(scene.live[key]) and is_deleting(scene.live[key]):
        return readiness.READY  # its TTL removes it, and it is not made again
    if key not in scene.live:
        return readiness.in_progress("is not there")
    child = scene.overlay.children[key]
    rule = scene.kind.rules.get(child.selector)
    now = datetime.now(UTC)
    return readiness.assess(scene.live[key], rule, has_status=scene.resource(key).has_status, now=now)


def _wait(scene: Scene) -> Wait:
    """Since when this revision's children are not all ready."""
    record, revision = scene.record, scene.overlay.revision
    if record.wait is None or record.wait.revision != revision:
        # An operator that was started anew goes on counting from what the status tells.
        told = None if record.wait else status.unready_since(record.status, scene.generation)
        now = time.time()
        since = now if told is None else min(told, now)
        record.wait = Wait(revision, since, time.monotonic() - (now - since))
    return record.wait


def _settle(record: Record) -> None:
    """Take in that all children are ready."""
    if record.wait is not None or not record.settled:
        told = None if record.wait else status.ready_since(record.status)
        record.settled = time.time() if told is None else told
    record.wait = None


def _complaints_since(record: Record, wait: Wait) -> float:
    """From when on what the controllers complain of is about what there is to wait for now."""
    settled = record.settled or status.ready_since(record.status) or 0.0
    # A clock may have been set back meanwhile.
    return max(wait.since - COMPLAINTS_SINCE, min(settled, wait.since))


def _blocking(found: list[tuple[ObjectKey, str]], complaint: Complaint, since: float) -> str:
    """Name the children that block; the first of them with what the cluster's controllers say of it."""
    worst, message = found[0]
    complained = complaint(worst, since)
    first = f"{worst}: {message}" + (f" ({complained})" if complained else "")
    return "; ".join([first, *(f"{key}: {said}" for key, said in found[1:])])
