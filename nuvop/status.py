"""A CR's status from facts: pure. The one writer of it is `nuvop.reconcile`, through `nuvop.cluster`.

The conditions follow kstatus (https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md) and the
invariants that Flux checks (https://github.com/fluxcd/pkg/blob/main/runtime/conditions/check/fail.go):

* ``Ready`` is always there. ``Reconciling`` and ``Stalled`` are there only while they are True, never both, and
  Ready is False then.
* Each condition carries the generation it speaks of. ``status.observedGeneration`` follows once that generation has
  been brought to an end, well or not: ``Reconciling`` lasts until then.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from nuvop.children import Inventory

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
    APPLY_FAILED = "ApplyFailed"
    """The API server refuses a child."""
    HEALTH_CHECK_FAILED = "HealthCheckFailed"
    """A child says that it has failed."""
    CONTESTED = "Contested"
    """Somebody changes a child again and again."""


class Phase(StrEnum):
    """How far a CR is."""

    READY = "Ready"
    IN_PROGRESS = "InProgress"
    STALLED = "Stalled"


@dataclass(frozen=True)
class Verdict:
    """What a reconciliation found, for the generation it looked at."""

    generation: int
    phase: Phase
    reason: Reason
    message: str
    inventory: Inventory = ()
    reported: Mapping[str, Any] = field(default_factory=dict)


def fold(previous: Mapping[str, Any], verdict: Verdict, now: str) -> dict[str, Any]:
    """Return the whole new status.

    ``previous`` is the status so far, ``now`` the time in RFC 3339: the time of a condition changes only with its
    value. The result equals ``previous`` where nothing is new.
    """
    generation = verdict.generation
    observed = int(previous.get("observedGeneration", NEVER_OBSERVED))
    if verdict.phase is not Phase.IN_PROGRESS:
        observed = generation
    wanted = {"Ready": verdict.phase is Phase.READY}
    if verdict.phase is Phase.IN_PROGRESS and observed < generation:
        wanted["Reconciling"] = True
    if verdict.phase is Phase.STALLED:
        wanted["Stalled"] = True
    known = {condition["type"]: condition for condition in previous.get("conditions") or ()}
    message = one_line(verdict.message)
    conditions = []
    for type_, is_true in wanted.items():
        value = str(is_true)
        before = known.get(type_, {})
        conditions.append(
            {
                "type": type_,
                "status": value,
                "reason": str(verdict.reason),
                "message": message,
                "lastTransitionTime": before["lastTransitionTime"] if before.get("status") == value else now,
                "observedGeneration": generation,
            }
        )
    return {
        "observedGeneration": observed,
        "conditions": conditions,
        "inventory": [entry.as_dict() for entry in verdict.inventory],
        **verdict.reported,
    }


def is_mere_progress(previous: Mapping[str, Any], fresh: Mapping[str, Any]) -> bool:
    """Whether nothing has come to an end or begun: the same conditions have the same values as before."""
    before, after = (
        {(c["type"], c["status"], c["reason"], c["observedGeneration"]) for c in status.get("conditions") or ()}
        for status in (previous, fresh)
    )
    return before == after and ("Ready", "False") in {(type_, value) for type_, value, *_ in after}


def one_line(text: str) -> str:
    """A message as one line, cut where it is too long for a column."""
    line = " ".join(text.split())
    return line if len(line) <= MESSAGE_LIMIT else line[: MESSAGE_LIMIT - 1] + "…"
