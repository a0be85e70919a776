"""What would become of custom resources and their children: as values, and told to a person. Pure."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from nuvop.differences import MISSING, Difference
from nuvop.fields import Json
from nuvop.objects import CRKey, ObjectKey

LONGEST = 60
"""Characters of a value that are shown."""

SHOWN = 3
"""How many names of a group are shown."""


class Action(StrEnum):
    """What would become of an object."""

    CREATE = "create"
    CHANGE = "change"
    DELETE = "delete"
    REFUSE = "refuse"
    UNCHANGED = "unchanged"


MARKS = {Action.CREATE: "+", Action.CHANGE: "~", Action.DELETE: "-", Action.REFUSE: "!"}
COLOURS = {Action.CREATE: "green", Action.CHANGE: "yellow", Action.DELETE: "red", Action.REFUSE: "red"}


@dataclass(frozen=True)
class Planned:
    """One object: what would become of it, in which fields, or why it is refused.

    ``alike`` names it without its CR's name, so that the same object of several CRs has one name.
    """

    action: Action
    api_version: str
    key: ObjectKey
    alike: str
    differences: tuple[Difference, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class Plan:
    """What would become of one CR: its objects, what else there is to say, or the error that it would have."""

    key: CRKey
    objects: tuple[Planned, ...] = ()
    note: str = ""
    error: str = ""

    @property
    def is_quiet(self) -> bool:
        """Whether nothing would happen."""
        return not self.error and all(each.action is Action.UNCHANGED for each in self.objects)


@dataclass(frozen=True)
class Summary:
    """How many objects would have what become of them; how many CRs have an error."""

    counts: Counter[Action] = field(default_factory=Counter)
    errors: int = 0

    @property
    def exit_code(self) -> int:
        """0 for nothing to do, 2 for changes, 1 for an error or something that is refused."""
        if self.errors or self.counts[Action.REFUSE]:
            return 1
        return 2 if any(self.counts[action] for action in (Action.CREATE, Action.CHANGE, Action.DELETE)) else 0

    def __str__(self) -> str:
        counts = self.counts
        told = [f"{counts[Action.CREATE]} to create", f"{counts[Action.CHANGE]} to change"]
        told += [f"{counts[Action.DELETE]} to delete", f"{counts[Action.UNCHANGED]} unchanged"]
        told += [f"{counts[Action.REFUSE]} refused"] if counts[Action.REFUSE] else []
        told += [f"{self.errors} resource{'s' if self.errors > 1 else ''} with errors"] if self.errors else []
        return ", ".join(told)


def summed_up(plans: Iterable[Plan]) -> Summary:
    """Count what would happen."""
    listed = list(plans)
    return Summary(
        Counter(each.action for plan in listed for each in plan.objects), sum(bool(plan.error) for plan in listed)
    )


# --- for a person ----------------------------------------------------------------------------------------------------


def lines(plans: Sequence[Plan], paint: Callable[[str, Action], str]) -> Iterator[str]:
    """The plans for a person: what is the same for several CRs is told once. ``paint`` colours a line."""
    groups: dict[Any, list[Plan]] = {}
    for plan in plans:
        groups.setdefault(_signature(plan), []).append(plan)
    for group in groups.values():
        first = group[0]
        if first.is_quiet and not first.note:
            continue
        yield _title(group)
        if first.error:
            yield paint(f"  ! {first.error}", Action.REFUSE)
        for each in first.objects:
            if each.action is not Action.UNCHANGED:
                yield from _object(each, len(group) > 1, paint)
        yield ""


def _signature(plan: Plan) -> Any:
    told = tuple(
        (each.action, each.alike, repr(each.differences), each.reason.replace(plan.key.name, "*"))
        for each in plan.objects
        if each.action is not Action.UNCHANGED
    )
    return plan.key.plural, told, plan.note, plan.error.replace(plan.key.name, "*")


def _title(group: list[Plan]) -> str:
    first = group[0]
    note = f" ({first.note})" if first.note else ""
    if len(group) == 1:
        return f"{first.key}{note}"
    names = [f"{plan.key.namespace}/{plan.key.name}" for plan in group[:SHOWN]]
    more = f" and {len(group) - SHOWN} more" if len(group) > SHOWN else ""
    return f"{len(group)} {first.key.plural}: {', '.join(names)}{more}{note}"


def _object(each: Planned, is_shared: bool, paint: Callable[[str, Action], str]) -> Iterator[str]:
    name = each.alike if is_shared else str(each.key)
    # Why something is refused begins with its name.
    told = each.reason if each.action is Action.REFUSE else f"{name} ({each.reason})" if each.reason else name
    yield paint(f"  {MARKS[each.action]} {told}", each.action)
    for difference in each.differences:
        yield f"      {_difference(difference)}"


def _difference(each: Difference) -> str:
    if each.is_secret:
        return f"{each.path}: (another value)"
    if each.before is MISSING:
        return f"{each.path}: + {shown(each.after)}"
    if each.after is MISSING:
        return f"{each.path}: - {shown(each.before)}"
    return f"{each.path}: {shown(each.before)} → {shown(each.after)}"


def shown(value: Json) -> str:
    """A value on one line, cut where it is long."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split()) if text.strip() else repr(text)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


# --- for a program ---------------------------------------------------------------------------------------------------


def as_json(plans: Sequence[Plan]) -> dict[str, Any]:
    """The plans for a program, values whole; of a Secret's value only that it changes."""
    summary = summed_up(plans)
    return {
        "resources": [_as_json(plan) for plan in plans],
        "summary": {
            **{str(action): summary.counts[action] for action in Action},
            "errors": summary.errors,
            "exitCode": summary.exit_code,
        },
    }


def _as_json(plan: Plan) -> dict[str, Any]:
    return {
        "plural": plan.key.plural,
        "namespace": plan.key.namespace,
        "name": plan.key.name,
        **({"note": plan.note} if plan.note else {}),
        **({"error": plan.error} if plan.error else {}),
        "objects": [
            {
                "action": str(each.action),
                "apiVersion": each.api_version,
                "kind": each.key.kind,
                "namespace": each.key.namespace,
                "name": each.key.name,
                **({"reason": each.reason} if each.reason else {}),
                **({"fields": [_field(difference) for difference in each.differences]} if each.differences else {}),
            }
            for each in plan.objects
        ],
    }


def _field(each: Difference) -> dict[str, Any]:
    if each.is_secret:
        return {"path": each.path, "secret": True}
    before = {} if each.before is MISSING else {"from": each.before}
    after = {} if each.after is MISSING else {"to": each.after}
    return {"path": each.path, **before, **after}
