"""A tree of a custom resource as lines for a person, and as JSON for a program. Pure."""

import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from nuvop import tree
from nuvop.complaints import Complaint
from nuvop.printable import on_one_line
from nuvop.tree import Node, Owned, State


class Style(StrEnum):
    """What a part of a line is to look like."""

    GOOD = "good"
    WAITING = "waiting"
    BAD = "bad"
    ASIDE = "aside"


STYLES = {
    State.READY: Style.GOOD,
    State.IN_PROGRESS: Style.WAITING,
    State.UNSEEN: Style.ASIDE,
    State.FAILED: Style.BAD,
    State.STALLED: Style.BAD,
    State.MISSING: Style.BAD,
    State.NOT_OWNED: Style.BAD,
}

Paint = Callable[[str, Style], str]
"""Makes a text look like its style."""

MANY = 10
"""So many objects of a kind may stand below another one; of more, those with nothing to say are counted only."""
SHOWN = 3
"""How many of those are shown, how many fields of a manager, how many events of an object."""

_NARROWEST = 30
"""Columns that a text has at least: on a terminal that is too narrow lines are longer than it."""
_GAP = "  "


@dataclass(frozen=True)
class _Row:
    """An object: the lines of the tree and its name, and what the lines of the tree go on with below it."""

    left: str
    below: str
    node: Node


def lines(root: Node, now: float, width: int | None, paint: Paint) -> list[str]:
    """The tree; ``width`` is the terminal's in columns, None where lines may be of any length.

    ``now`` is in seconds since the epoch.
    """
    rows = list(_rows(root, "", ""))
    states = max(len(row.node.state) for row in rows)
    longest = max(len(row.left) for row in rows)
    column = longest if width is None else min(longest, max(width - states - len(_GAP) - _NARROWEST, _NARROWEST))
    return [line for row in rows for line in _lines(row, now, width, column, states, paint)]


def _rows(node: Node, first: str, rest: str) -> Iterator[_Row]:
    children = list(_folded(node.children))
    where = f" {node.where}" if node.where else ""
    yield _Row(f"{first}{node.name}{where}", f"{rest}{'│' if children else ' '}  ", node)
    for child in children:
        is_last = child is children[-1]
        yield from _rows(child, f"{rest}{'└─ ' if is_last else '├─ '}", f"{rest}{'   ' if is_last else '│  '}")


def _folded(nodes: Sequence[Node]) -> Iterator[Node]:
    """The nodes; of many that are alike and well, a few and how many more there are."""
    quiet: dict[str, list[Node]] = {}
    for node in nodes:
        if _is_quiet(node):
            quiet.setdefault(node.key.kind, []).append(node)
    hidden = {id(node): alike for alike in quiet.values() if len(alike) > MANY for node in alike[SHOWN:]}
    for node in nodes:
        if id(node) not in hidden:
            yield node
        elif (alike := hidden[id(node)])[-1] is node:
            yield Node(node.key, f"{len(alike) - SHOWN} more of kind {node.key.kind}", "", State.READY)


def _is_quiet(node: Node) -> bool:
    says = node.message or node.notes or node.drift or node.managers or node.complaints or node.children
    return node.state is State.READY and not says


def _lines(row: _Row, now: float, width: int | None, column: int, states: int, paint: Paint) -> Iterator[str]:
    node, style = row.node, STYLES[row.node.state]
    message = on_one_line(node.message)
    head = f"{row.left.ljust(column)}{_GAP}{node.state.ljust(states)}{_GAP}"
    fits = width is None or len(head) + len(message) <= width
    state = node.state.ljust(states) if fits and message else node.state
    told = f"{_GAP}{message}" if fits and message else ""
    yield f"{row.left.ljust(column)}{_GAP}{paint(state, style)}{told}"
    if not fits:
        yield from _wrapped(message, row.below, "", width)
    for note in node.notes:
        yield from _wrapped(on_one_line(note), row.below, "", width)
    for changed in node.drift:
        yield from _painted(_wrapped(on_one_line(changed), row.below, "~ ", width), row.below, Style.WAITING, paint)
    for owned in node.managers:
        yield from _painted(_wrapped(_owned(owned), row.below, "", width), row.below, Style.ASIDE, paint)
    is_bad = Style.BAD if node.state is not State.READY else Style.WAITING
    for complaint in node.complaints[:SHOWN]:
        text = _complaint(complaint, now)
        yield from _painted(_wrapped(text, row.below, "! ", width), row.below, is_bad, paint)


def _wrapped(text: str, below: str, mark: str, width: int | None) -> list[str]:
    start = f"{below}{_GAP}{mark}"
    if width is None:
        return [f"{start}{text}"]
    return textwrap.wrap(
        text,
        max(width, len(start) + _NARROWEST),
        initial_indent=start,
        subsequent_indent=f"{below}{_GAP}{' ' * len(mark)}",
        break_on_hyphens=False,
    )


def _painted(wrapped: Sequence[str], below: str, style: Style, paint: Paint) -> Iterator[str]:
    """Lines whose text, but not the tree before it, has a style."""
    for line in wrapped:
        yield below + paint(line[len(below) :], style)


def _owned(owned: Owned) -> str:
    more = len(owned.fields) - SHOWN
    names = ", ".join(owned.fields[:SHOWN]) + (f" and {more} more" if more > 0 else "")
    return on_one_line(f"owned by {owned.manager}{' and nuvop' if owned.is_shared else ''}: {names}")


def _complaint(complaint: Complaint, now: float) -> str:
    times = f", {complaint.count} times" if complaint.count > 1 else ""
    return on_one_line(f"{age(now - complaint.time)} ago{times}: {complaint.text}")


def age(seconds: float) -> str:
    """How long ago, in the largest unit of which it is at least two: ``90s``, ``5m``, ``3h``, ``2d``."""
    whole = max(int(seconds), 0)
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if whole >= 2 * size:
            return f"{whole // size}{unit}"
    return f"{whole}s"


def as_json(root: Node) -> dict[str, Any]:
    """The tree for a program."""
    return {**_as_json(root), "well": tree.is_well(root)}


def _as_json(node: Node) -> dict[str, Any]:
    key = node.key
    more: dict[str, Any] = {
        "message": node.message,
        "notes": list(node.notes),
        "drift": list(node.drift),
        "managers": [
            {"manager": each.manager, "fields": list(each.fields), "shared": each.is_shared} for each in node.managers
        ],
        "warnings": [{"time": each.time, "count": each.count, "text": each.text} for each in node.complaints],
        "children": [_as_json(child) for child in node.children],
    }
    return {
        "group": key.group,
        "kind": key.kind,
        "namespace": key.namespace,
        "name": key.name,
        "state": str(node.state),
        **{name: value for name, value in more.items() if value},
    }
