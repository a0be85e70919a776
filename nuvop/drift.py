"""What somebody changed in a CR's children, field by field and by whom. Pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from nuvop import fields
from nuvop.children import Comparison
from nuvop.objects import (
    FIELD_MANAGER,
    OWNER_LABEL,
    REVISION_LABEL,
    Body,
    ObjectKey,
    Taken,
    labels_of,
    owns_label,
    taken_fields,
)

Contender = tuple[ObjectKey | None, str, str]
"""A child (None for all of a CR's), a field of it, a field manager."""

_REVISION = str(fields.path_to("metadata", "labels", REVISION_LABEL))


@dataclass(frozen=True)
class Change:
    """One change that nuvop did not make.

    ``field`` is empty where the whole object is meant or nobody knows which field it was; ``manager`` is empty where
    nobody knows who it was. Two changes are equal when the same manager changes the same field of the same child.
    """

    key: ObjectKey
    text: str
    field: str = ""
    manager: str = ""

    @property
    def contender(self) -> Contender:
        """Who changes what; another nuvop changes all children of a CR at once."""
        is_another_nuvop = (self.field, self.manager) == (_REVISION, FIELD_MANAGER)
        return (None if is_another_nuvop else self.key), self.field, self.manager


def changes(
    comparison: Comparison,
    owned: Mapping[ObjectKey, Body],
    live: Mapping[ObjectKey, Body],
    guess: Callable[[ObjectKey, Body], Taken],
) -> tuple[Change, ...]:
    """Return what was changed; ``owned`` are the children while all was well, as far as that is known.

    Of the others, as after a restart, ``guess`` says what nuvop owned and others own now; nothing where it cannot.
    """
    return (
        *(Change(key, f"{key} was deleted") for key in comparison.missing),
        *(change for key in comparison.outdated for change in _relabelled(key, owned.get(key), live[key])),
        *(
            change
            for key in comparison.drifted
            for change in _taken(key, taken_fields(owned[key], live[key]) if key in owned else guess(key, live[key]))
        ),
    )


def told(changes: Iterable[Change]) -> str:
    """Changes in words for a user, the fields of an object together."""
    texts: dict[ObjectKey, list[str]] = {}
    for change in changes:
        texts.setdefault(change.key, []).append(change.text)
    return "; ".join(", ".join(of_one) for of_one in texts.values())


def _relabelled(key: ObjectKey, before: Body | None, after: Body) -> Iterable[Change]:
    """What happened to a child whose labels name another revision or owner: a nuvop's own doing, or somebody else's."""
    if not all(owns_label(after, label) for label in (REVISION_LABEL, OWNER_LABEL)):
        yield from _taken(key, taken_fields(before, after) if before else [])
        return
    revision = labels_of(after).get(REVISION_LABEL)
    text = f"{key} was applied by another nuvop, with another folder (revision {revision})"
    yield Change(key, text, _REVISION, FIELD_MANAGER)


def _taken(key: ObjectKey, taken: Taken) -> Iterable[Change]:
    if not taken:
        yield Change(key, f"{key}: was changed while nuvop was not looking")
    for index, (field, manager) in enumerate(taken):
        name = f"{key}: {field}" if index == 0 else field
        yield Change(key, f"{name} was {f'changed by {manager}' if manager else 'removed'}", field, manager)
