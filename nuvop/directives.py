"""What users ask of nuvop by annotations: of a CR, on the CR; of a child, in its manifest. Pure.

| on a CR: ``nuvop.nuvolaris.org/…``   | means                                                                         |
|--------------------------------------|-------------------------------------------------------------------------------|
| ``drift: report``                    | tell of changes to children, do not undo them; ``repair`` is the default      |
| ``suspend: "true"``                  | change nothing                                                                |
| ``reconcile: <any new value>``       | apply now                                                                     |
| ``prune: confirm``                   | delete what is left over, however much it is                                  |
| ``adopt: "true"``                    | take over objects of the children's names                                     |
| ``deletion-policy: Orphan``          | the children outlive the CR; ``Delete`` is the default                        |

| on a child                           | means                                                                         |
|--------------------------------------|-------------------------------------------------------------------------------|
| ``prune: disabled``                  | it stays when its CR no longer has it                                         |
| ``recreate: "true"``                 | it may be deleted and made anew where a change is not possible otherwise      |
"""

from collections.abc import Mapping
from dataclasses import dataclass

from nuvop.errors import DirectiveError
from nuvop.objects import Body

PREFIX = "nuvop.nuvolaris.org/"

DRIFT = f"{PREFIX}drift"
SUSPEND = f"{PREFIX}suspend"
RECONCILE = f"{PREFIX}reconcile"
PRUNE = f"{PREFIX}prune"
ADOPT = f"{PREFIX}adopt"
DELETION_POLICY = f"{PREFIX}deletion-policy"
RECREATE = f"{PREFIX}recreate"
DELETE = f"{PREFIX}delete"
"""On a child that stays when its CR goes: nuvop's own note of what the kind says."""

_VALUES: Mapping[str, tuple[str, ...] | None] = {
    ADOPT: ("true", "false"),
    DELETION_POLICY: ("Orphan", "Delete"),
    DRIFT: ("report", "repair"),
    PRUNE: ("confirm", "disabled"),
    RECONCILE: None,
    RECREATE: ("true", "false"),
    SUSPEND: ("true", "false"),
}
"""The values that each annotation of a CR may have; None for any. A CR may be a child, too, of another kind."""


@dataclass(frozen=True)
class Directives:
    """What a CR's annotations ask for; ``reconcile`` is empty where nothing was asked."""

    report_drift: bool
    suspend: bool
    reconcile: str
    confirm_prune: bool
    adopt: bool
    orphan: bool


def of(cr: Body) -> Directives:
    """Read a CR's annotations.

    Raises DirectiveError where an annotation with nuvop's prefix has an unknown name or value: who mistypes
    ``suspend`` must not learn it from what nuvop does then.
    """
    asked = _asked(cr)
    for name, value in sorted(asked.items()):
        _check(name, value)
    return Directives(
        report_drift=reports_drift(cr),
        suspend=suspends(cr),
        reconcile=asked.get(RECONCILE, ""),
        confirm_prune=asked.get(PRUNE) == "confirm",
        adopt=asked.get(ADOPT) == "true",
        orphan=asked.get(DELETION_POLICY) == "Orphan",
    )


def differ(before: Body, after: Body) -> bool:
    """Whether two versions of a CR ask for different things, known or not."""
    return _asked(before) != _asked(after)


def suspends(cr: Body) -> bool:
    """Whether a CR asks to change nothing, whatever else it asks for."""
    return _annotations(cr).get(SUSPEND) == "true"


def reports_drift(cr: Body) -> bool:
    """Whether changes to a CR's children are to be told and left, whatever else it asks for."""
    return _annotations(cr).get(DRIFT) == "report"


def keeps_children(cr: Body) -> bool:
    """Whether the children of a CR that is being deleted are to stay.

    An unknown value keeps them, because deleting is what cannot be undone; it is no error, because the deletion of a
    CR must come to an end.
    """
    return _annotations(cr).get(DELETION_POLICY, "Delete") != "Delete"


def may_be_pruned(child: Body) -> bool:
    """Whether a child may be deleted once its CR no longer has it.

    ``prune: disabled`` keeps it, and so does any other value, because deleting is what cannot be undone.
    """
    return PRUNE not in _annotations(child)


def may_be_recreated(child: Body) -> bool:
    """Whether a child may be deleted and made anew where the API server refuses to change it."""
    return _annotations(child).get(RECREATE) == "true"


def _asked(cr: Body) -> dict[str, str]:
    return {name: value for name, value in _annotations(cr).items() if name.startswith(PREFIX)}


def _annotations(body: Body) -> Mapping[str, str]:
    return body["metadata"].get("annotations") or {}


def _check(name: str, value: str) -> None:
    at = f"metadata.annotations: {name}: {value!r}"
    if name not in _VALUES:
        known = ", ".join(known.removeprefix(PREFIX) for known in sorted(_VALUES))
        raise DirectiveError(f"{at}: a custom resource has no such annotation; {known} may stand here")
    allowed = _VALUES[name]
    if allowed is not None and value not in allowed:
        raise DirectiveError(f"{at} must be {' or '.join(allowed)}")
