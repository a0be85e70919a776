"""What would become of custom resources and their objects: as values, counted, and as JSON for programs. Pure."""

from collections import Counter
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from nuvop.crd import ResourceType
from nuvop.differences import MISSING, Difference, Hidden
from nuvop.fields import Json
from nuvop.objects import HIDDEN, CRKey, ObjectKey

API_VERSION = "nuvop.nuvolaris.org/v1"


class Action(StrEnum):
    """What would become of an object."""

    CREATE = "create"
    CHANGE = "change"
    RECREATE = "recreate"
    """It would be deleted and made anew, as a field of it cannot be changed."""
    DELETE = "delete"
    HOLD = "hold"
    """It would be deleted once somebody confirms that."""
    LEAVE = "leave"
    """It is not as it should be, and an annotation asks to leave it so."""
    FAIL = "fail"
    """The API server refuses it."""
    UNCHANGED = "unchanged"


CHANGES = frozenset({Action.CREATE, Action.CHANGE, Action.RECREATE, Action.DELETE, Action.HOLD})
"""What ``nuvop plan`` ends with exit code 2 for."""


class Outcome(StrEnum):
    """What would become of a custom resource."""

    APPLIED = "applied"
    """Its objects would be what its overlay says; they may be that already."""
    STOPPED = "stopped"
    """Nothing would be applied, for the reason that its status would tell."""
    REFUSED = "refused"
    """The API server refuses the custom resource itself."""
    SUSPENDED = "suspended"
    DELETING = "deleting"


WRONG = frozenset({Outcome.STOPPED, Outcome.REFUSED})


@dataclass(frozen=True)
class Planned:
    """One object: what would become of it, in which fields, and what else there is to say of it.

    With ``is_relabelled`` it gets another revision label; one of which nothing else changes counts as unchanged.
    """

    action: Action
    api_version: str
    key: ObjectKey
    differences: tuple[Difference, ...] = ()
    message: str = ""
    is_relabelled: bool = False


@dataclass(frozen=True)
class Plan:
    """What would become of one CR.

    ``itself`` is what a file changes in the CR; None where nothing is applied to it. ``reason`` is that of the
    condition which its status would have, and ``message`` what there is to say of its outcome.
    """

    key: CRKey
    outcome: Outcome = Outcome.APPLIED
    reason: str = ""
    message: str = ""
    itself: Planned | None = None
    objects: tuple[Planned, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_wrong(self) -> bool:
        """Whether somebody has to mend something first."""
        return self.outcome in WRONG or any(each.action is Action.FAIL for each in self.all)

    @property
    def is_changing(self) -> bool:
        """Whether anything of it would change."""
        return any(each.action in CHANGES for each in self.all)

    @property
    def all(self) -> tuple[Planned, ...]:
        """The CR itself, where a file is applied to it, and its objects."""
        return ((self.itself,) if self.itself else ()) + self.objects


@dataclass(frozen=True)
class Plans:
    """All that was asked for: CRs, and what their kinds install once for all of them.

    ``kinds`` are the types that were asked about, also where there is no CR of one.
    """

    kinds: tuple[ResourceType, ...] = ()
    plans: tuple[Plan, ...] = ()
    installed: tuple[Planned, ...] = ()

    def __add__(self, other: "Plans") -> "Plans":
        return Plans(self.kinds + other.kinds, self.plans + other.plans, self.installed + other.installed)


@dataclass(frozen=True)
class Summary:
    """How many CRs and objects would have what become of them.

    Each CR is counted once: as wrong, else as changing, else by its outcome or as unchanged. ``relabelled`` objects are
    those of the unchanged ones that get another revision label.
    """

    resources: Counter[str] = field(default_factory=Counter)
    objects: Counter[Action] = field(default_factory=Counter)
    relabelled: int = 0
    is_wrong: bool = False

    @property
    def exit_code(self) -> int:
        """0 where nothing would change, 2 where something would, 1 where anything is wrong."""
        if self.is_wrong:
            return 1
        return 2 if any(self.objects[action] for action in CHANGES) else 0


def summed_up(found: Plans) -> Summary:
    """Count what would happen."""
    objects = [*found.installed, *(each for plan in found.plans for each in plan.all)]
    counts = Counter(each.action for each in objects)
    return Summary(
        Counter(map(_counted_as, found.plans)),
        counts,
        sum(each.is_relabelled for each in objects if each.action is Action.UNCHANGED),
        counts[Action.FAIL] > 0 or any(plan.is_wrong for plan in found.plans),
    )


FAILING, CHANGING, UNCHANGED = "failing", "changing", "unchanged"
"""What the summary calls CRs that are neither stopped, refused, suspended nor being deleted."""


def _counted_as(plan: Plan) -> str:
    if plan.outcome is not Outcome.APPLIED:
        return str(plan.outcome)
    return FAILING if plan.is_wrong else CHANGING if plan.is_changing else UNCHANGED


def held(plan: Plan, refusal: str) -> Plan:
    """A plan of which nothing is deleted before somebody confirms it, and why."""
    return replace(
        plan,
        objects=tuple(
            replace(each, action=Action.HOLD, message=refusal) if each.action is Action.DELETE else each
            for each in plan.objects
        ),
    )


# --- for programs ----------------------------------------------------------------------------------------------------


def as_json(found: Plans) -> dict[str, Any]:
    """The plans as docs/plan.md describes them, values whole; of a secret one only that it changes."""
    summary = summed_up(found)
    return {
        "apiVersion": API_VERSION,
        "kind": "Plan",
        "summary": {
            "exitCode": summary.exit_code,
            "resources": {
                name: summary.resources[name] for name in (CHANGING, UNCHANGED, FAILING, *map(str, list(Outcome)[1:]))
            },
            "objects": {
                **{str(action): summary.objects[action] for action in Action},
                "relabelled": summary.relabelled,
            },
        },
        "installed": [_object(each) for each in found.installed],
        "resources": [_resource(plan) for plan in found.plans],
    }


def _resource(plan: Plan) -> dict[str, Any]:
    return {
        "resource": plan.key.plural,
        "namespace": plan.key.namespace,
        "name": plan.key.name,
        "outcome": str(plan.outcome),
        **_said(reason=plan.reason, message=plan.message),
        "notes": list(plan.notes),
        **({"itself": _object(plan.itself)} if plan.itself else {}),
        "objects": [_object(each) for each in plan.objects],
    }


def _object(each: Planned) -> dict[str, Any]:
    return {
        "action": str(each.action),
        "apiVersion": each.api_version,
        "kind": each.key.kind,
        "namespace": each.key.namespace,
        "name": each.key.name,
        **_said(message=each.message),
        "relabelled": each.is_relabelled,
        "fields": [_field(difference) for difference in each.differences],
    }


def _said(**texts: str) -> dict[str, str]:
    return {name: text for name, text in texts.items() if text}


def _field(each: Difference) -> dict[str, Any]:
    if each.is_secret:
        return {"path": each.path, "secret": True}
    values = {"from": each.before, "to": each.after}
    return {"path": each.path, **{name: told(value) for name, value in values.items() if value is not MISSING}}


def told(value: Json) -> Json:
    """A value without what must not be told."""
    match value:
        case Hidden():
            return HIDDEN
        case dict():
            return {name: told(below) for name, below in value.items()}
        case list():
            return [told(item) for item in value]
    return value
