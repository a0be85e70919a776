"""A CR's status from facts: pure. The one writer of it is `nuvop.reporter`, through `nuvop.cluster`.

The conditions follow kstatus (https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md) and the
invariants that Flux checks (https://github.com/fluxcd/pkg/blob/main/runtime/conditions/check/fail.go):

* ``Ready`` is always there. ``Reconciling`` and ``Stalled`` are there only while they are True, never both, and
  Ready is False then.
* Each condition carries the generation it speaks of. ``status.observedGeneration`` follows once that generation has
  been brought to an end, well or not: ``Reconciling`` lasts until then.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from nuvop.inventory import Inventory

MESSAGE_LIMIT = 1024
"""Characters; a condition's message may have 32768, but this one is a column of ``kubectl get``."""

NEVER_OBSERVED = -1


class Reason(StrEnum):
    """Every reason that a condition of nuvop's can have."""

    SUCCEEDED = "Succeeded"
    """All children are as the CR wants them, and ready."""
    PROGRESSING = "Progressing"
    """The children have been applied and are not ready yet."""
    RETRYING = "ProgressingWithRetry"
    """Something failed that may pass; it is tried again."""
    KIND_INVALID = "KindInvalid"
    """The kind's folder does not describe a kind that nuvop can run."""
    BUILD_FAILED = "BuildFailed"
    """kustomize cannot build the kind's folder."""
    INVALID_SPEC = "InvalidSpec"
    """A value of the CR cannot be set where kind.yaml wants it."""
    NOT_OWNED = "NotOwned"
    """An object with a child's name exists, and nuvop has not made it."""
    SECRET_LOST = "SecretLost"  # noqa: S105 – a reason
    """A Secret whose values were made once is gone, and the data that it unlocks is not."""
    NAME_COLLISION = "NameCollision"
    """A child's name is that of another resource's child."""
    APPLY_FAILED = "ApplyFailed"
    """The API server refuses a child."""
    HEALTH_CHECK_FAILED = "HealthCheckFailed"
    """A child says that it has failed."""
    CONTESTED = "Contested"
    """Somebody changes a child again and again."""
    RECREATING = "Recreating"
    """A child whose fields may not be changed is deleted, to be made anew."""
    SUSPENDED = "Suspended"
    """An annotation asks nuvop to change nothing."""
    DELETE_FAILED = "DeleteFailed"
    """What the garbage collector leaves cannot be deleted yet."""
    DRIFTED = "Drifted"
    """A child is not as nuvop made it, and an annotation asks to leave it so."""
    PRUNE_REFUSED = "PruneRefused"
    """So many children would be deleted at once that somebody has to confirm it."""
    PRUNE_FAILED = "PruneFailed"
    """A child that is no longer part of the kind cannot be deleted."""


class Phase(StrEnum):
    """How far a CR is."""

    READY = "Ready"
    IN_PROGRESS = "InProgress"
    STALLED = "Stalled"


class Aspect(StrEnum):
    """Conditions beside the three of kstatus; each is there only while it is True."""

    DRIFTED = "Drifted"
    SUSPENDED = "Suspended"
    PRUNE_BLOCKED = "PruneBlocked"


@dataclass(frozen=True)
class Also:
    """What is true besides: it changes nothing about how far the CR is."""

    aspect: Aspect
    reason: Reason
    message: str


@dataclass(frozen=True)
class Verdict:
    """What a reconciliation found, for the generation it looked at.

    ``handled`` is the value of the annotation ``nuvop.nuvolaris.org/reconcile`` that has been followed last,
    ``applied`` the revision of the overlay that was applied last, to which the inventory belongs. ``beside`` is what
    others have written into fields of the status that are not nuvop's.
    """

    generation: int
    phase: Phase
    reason: Reason
    message: str
    inventory: Inventory = ()
    reported: Mapping[str, Any] = field(default_factory=dict)
    also: tuple[Also, ...] = ()
    handled: str = ""
    applied: str = ""
    beside: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_prune_refused(self) -> bool:
        """Whether nothing is pruned until somebody confirms it."""
        return any(also.reason is Reason.PRUNE_REFUSED for also in self.also)


def fold(previous: Mapping[str, Any], verdict: Verdict, now: str) -> dict[str, Any]:
    """Return the whole new status.

    ``previous`` is the status so far, ``now`` the time in RFC 3339: the time of a condition changes only with its
    value. The result equals ``previous`` where nothing is new.
    """
    generation = verdict.generation
    observed = int(previous.get("observedGeneration", NEVER_OBSERVED))
    if verdict.phase is not Phase.IN_PROGRESS:
        observed = generation
    wanted = {"Ready": (verdict.phase is Phase.READY, verdict.reason, verdict.message)}
    if verdict.phase is Phase.IN_PROGRESS and observed < generation:
        wanted["Reconciling"] = (True, verdict.reason, verdict.message)
    if verdict.phase is Phase.STALLED:
        wanted["Stalled"] = (True, verdict.reason, verdict.message)
    wanted |= {str(also.aspect): (True, also.reason, also.message) for also in verdict.also}
    known = {condition["type"]: condition for condition in _conditions(previous)}
    conditions = []
    for type_, (is_true, reason, message) in wanted.items():
        value = str(is_true)
        before = known.get(type_, {})
        conditions.append(
            {
                "type": type_,
                "status": value,
                "reason": str(reason),
                "message": one_line(message),
                "lastTransitionTime": before["lastTransitionTime"] if before.get("status") == value else now,
                "observedGeneration": generation,
            }
        )
    applied = {"lastAppliedRevision": verdict.applied} if verdict.applied else {}
    handled = {"lastHandledReconcileAt": verdict.handled} if verdict.handled else {}
    return {
        **verdict.beside,
        "observedGeneration": observed,
        "conditions": conditions,
        "inventory": [entry.as_dict() for entry in verdict.inventory],
        **applied,
        **handled,
        **verdict.reported,
    }


@dataclass(frozen=True)
class Change:
    """A condition that is another than before."""

    type: str
    reason: str
    message: str
    is_bad: bool


_TOLD_ELSEWHERE = ("Stalled", "Reconciling", Aspect.DRIFTED)


def changes(previous: Mapping[str, Any], fresh: Mapping[str, Any]) -> list[Change]:
    """What is worth an Event: conditions whose value or reason has changed.

    ``Stalled`` and ``Reconciling`` say why ``Ready`` is False: one Event tells both. What has drifted is told by who
    found it (`nuvop.drift_policy`), also where that changes. That a CR which was never told of is not ready yet is no
    news.
    """
    before = {c["type"]: (c["status"], c["reason"]) for c in _conditions(previous)}
    found = []
    for condition in fresh["conditions"]:
        type_, reason = condition["type"], condition["reason"]
        if type_ in _TOLD_ELSEWHERE or before.get(type_) == (condition["status"], reason):
            continue
        is_first = not before and reason == Reason.PROGRESSING
        if not is_first:
            is_bad = reason not in (Reason.SUCCEEDED, Reason.PROGRESSING, Reason.SUSPENDED)
            found.append(Change(type_, reason, condition["message"], is_bad))
    return found


def unready_since(previous: Mapping[str, Any], generation: int) -> float | None:
    """Since when the children of a generation are not ready, in seconds since the epoch; None where nothing tells."""
    for condition in _conditions(previous):
        is_about_children = condition["reason"] in (Reason.PROGRESSING, Reason.HEALTH_CHECK_FAILED)
        if (condition["type"], condition["status"], condition["observedGeneration"]) == (
            "Ready",
            "False",
            generation,
        ) and is_about_children:
            return datetime.fromisoformat(condition["lastTransitionTime"]).timestamp()
    return None


def ready_since(previous: Mapping[str, Any]) -> float | None:
    """Since when a CR is Ready, in seconds since the epoch; None where it is not."""
    for condition in _conditions(previous):
        if (condition["type"], condition["status"]) == ("Ready", "True"):
            return datetime.fromisoformat(condition["lastTransitionTime"]).timestamp()
    return None


def told_message(previous: Mapping[str, Any], aspect: Aspect, reason: Reason) -> str:
    """The message of a condition that is told for this reason; empty where it is not."""
    for condition in _conditions(previous):
        if (condition["type"], condition["reason"]) == (aspect, reason):
            return str(condition["message"])
    return ""


def _conditions(status: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The conditions as nuvop writes them; what others wrote may be anything where the CRD lets it."""
    found = status.get("conditions")
    return [each for each in found if _is_condition(each)] if isinstance(found, list) else []


def _is_condition(value: Any) -> bool:
    match value:
        case {
            "type": str(), "status": str(), "reason": str(), "message": str(),
            "lastTransitionTime": str(), "observedGeneration": int(),
        }:  # fmt: skip
            return True
        case _:
            return False


def rfc3339(seconds: float) -> str:
    """A time in seconds since the epoch as Kubernetes writes it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def is_mere_progress(previous: Mapping[str, Any], fresh: Mapping[str, Any]) -> bool:
    """Whether nothing has come to an end or begun: the same conditions have the same values as before."""
    before, after = (
        {(c["type"], c["status"], c["reason"], c["observedGeneration"]) for c in _conditions(status)}
        for status in (previous, fresh)
    )
    return before == after and ("Ready", "False") in {(type_, value) for type_, value, *_ in after}


def one_line(text: str) -> str:
    """A message as one line, cut where it is too long for a column."""
    line = " ".join(text.split())
    return line if len(line) <= MESSAGE_LIMIT else line[: MESSAGE_LIMIT - 1] + "…"
