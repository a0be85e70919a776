"""A plan for people: a line for each object, its fields below it, and what is the same for many told once. Pure."""

import difflib
import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TypeVar

from nuvop import plan as plans
from nuvop import yamltext
from nuvop.differences import MISSING, Difference
from nuvop.fields import Json
from nuvop.objects import CRKey
from nuvop.plan import Action, Outcome, Plan, Planned, Plans
from nuvop.printable import printable

LONGEST = 60
"""Characters of a value on a line."""

CONTEXT = 1
MOST_LINES = 20
"""Lines around a change within a text of several, and lines of all its changes."""

SHOWN = 3
"""Names of a group."""

GROUPS = 20
"""How many groups are told, the largest first."""

MARKS = {
    Action.CREATE: "+",
    Action.CHANGE: "~",
    Action.RECREATE: "±",
    Action.DELETE: "-",
    Action.HOLD: "?",
    Action.LEAVE: "·",
    Action.FAIL: "!",
    Action.UNCHANGED: "=",
}

COLOURS = {"+": "green", "~": "yellow", "±": "yellow", "-": "red", "?": "red", "!": "red"}
"""Of a line, by its mark."""

Name = TypeVar("Name")

Paint = Callable[[str, str], str]
"""Colours a text: the text, and the colour's name."""


def lines(found: Plans, paint: Paint, *, verbose: bool = False) -> Iterator[str]:
    """The plans, and their summary. With ``verbose`` all names are told, all groups, and what is unchanged."""
    if installed := [line for each in found.installed for line in _object(each, verbose)]:
        yield "installed once for all"
        yield from (_painted(line, paint) for line in installed)
        yield ""
    groups: dict[tuple[str, ...], list[Plan]] = {}
    for plan in found.plans:
        groups.setdefault(_signature(plan, verbose), []).append(plan)
    told = sorted((group for signature, group in groups.items() if len(signature) > 1), key=len, reverse=True)
    for group in told if verbose else told[:GROUPS]:
        yield _title(group, verbose)
        body = _signature(group[0], verbose) if len(group) > 1 else tuple(_body(group[0], verbose))
        yield from (_painted(line, paint) for line in body[len(group) > 1 :])
        yield ""
    if left := sum(map(len, told[GROUPS:])) * (not verbose):
        what = "resource with changes of its" if left == 1 else "resources with changes of their"
        yield f"{left} more {what} own (--verbose tells {'it' if left == 1 else 'them'}, too)"
        yield ""
    yield from _summary(found)


def _signature(plan: Plan, verbose: bool) -> tuple[str, ...]:
    """The lines of a plan as they are for all CRs alike; the first is the plural."""
    return plan.key.plural, *(_unnamed(line, plan.key) for line in _body(plan, verbose))


def _unnamed(line: str, cr: CRKey) -> str:
    """A line without the name of its CR: what it ends with (``Sample/a``), or a child's begins with (``a-web``)."""
    name = re.escape(cr.name)
    return re.sub(rf"(?<=/){name}(?![\w.-])|(?<![\w.-]){name}(?=-)", "*", line)


def _title(group: Sequence[Plan], verbose: bool) -> str:
    first = group[0].key
    if len(group) == 1:
        return str(first)
    spaces = {plan.key.namespace for plan in group}
    names = [plan.key.name if len(spaces) == 1 else f"{plan.key.namespace}/{plan.key.name}" for plan in group]
    shown = names if verbose else names[:SHOWN]
    more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
    where = f" in {first.namespace}" if len(spaces) == 1 else ""
    return f"{len(group)} {first.plural}{where}: {', '.join(shown)}{more}"


def _body(plan: Plan, verbose: bool) -> Iterator[str]:
    yield from (f"  # {printable(note)}" for note in plan.notes)
    if plan.itself:
        yield from _object(plan.itself, verbose)
    if plan.outcome is not Outcome.APPLIED:
        mark = "!" if plan.outcome in plans.WRONG else "·"
        reason = f"{plan.reason}: " if plan.reason else ""
        yield f"  {mark} {reason}{printable(plan.message)}"
    for each in plan.objects:
        yield from _object(each, verbose)


def _object(each: Planned, verbose: bool) -> Iterator[str]:
    if each.action is Action.UNCHANGED and not verbose:
        return
    message = f": {printable(each.message)}" if each.message else ""
    yield f"  {MARKS[each.action]} {each.key}{message}"
    for difference in each.differences:
        yield from (f"      {line}" for line in difference_lines(difference))


def _painted(line: str, paint: Paint) -> str:
    indent = len(line) - len(line.lstrip())
    colour = COLOURS.get(line[indent : indent + 1]) if indent in (2, 8) else None
    return paint(line, colour) if colour else line


# --- fields ----------------------------------------------------------------------------------------------------------


def difference_lines(each: Difference) -> Iterator[str]:
    """One field; a text of several lines, or what is too long for one, by the lines that differ."""
    path = printable(each.path)
    if each.is_secret:
        yield f"{path}: {_of_secret(each)}"
        return
    before, after = (MISSING if value is MISSING else plans.told(value) for value in (each.before, each.after))
    if changed := _by_lines(before, after) if _has_lines(before) or _has_lines(after) else []:
        yield f"{path}:"
        yield from (f"  {line}" for line in changed)
    else:
        yield f"{path}: {' → '.join(shown(before, after))}"


def _of_secret(each: Difference) -> str:
    if each.before is MISSING:
        return "(added)"
    return "(removed)" if each.after is MISSING else "(changed)"


def _has_lines(value: Json) -> bool:
    if isinstance(value, str):
        return "\n" in value.rstrip("\n")
    return isinstance(value, dict | list) and len(_inline(value)) > LONGEST


def _by_lines(before: Json, after: Json) -> list[str]:
    """The lines that differ, with little around them."""
    found = list(difflib.unified_diff(_lines(before), _lines(after), n=CONTEXT, lineterm=""))[2:]
    changed = [f"{line[:1]} {_cut(printable(line[1:]), 2 * LONGEST)}" for line in found if not line.startswith("@@")]
    left = len(changed) - MOST_LINES
    return [*changed[:MOST_LINES], *([f"  … {left} more line{'s' * (left > 1)}"] if left > 0 else [])]


def _lines(value: Json) -> list[str]:
    if value is MISSING:
        return []
    return (value if isinstance(value, str) else yamltext.dump_readable(value)).splitlines()


def shown(before: Json, after: Json) -> tuple[str, str]:
    """Two values, each on a part of a line; where they are long, from where they begin to differ."""
    texts = [_inline(value) for value in (before, after)]
    if max(map(len, texts)) > LONGEST:
        same = next((i for i, (a, b) in enumerate(zip(*texts, strict=False)) if a != b), min(map(len, texts)))
        start = max(same - LONGEST // 4, 0)
        texts = [f"…{text[start:]}" if start and len(text) > start else text for text in texts]
    first, second = (_cut(text, LONGEST) for text in texts)
    return first, second


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _inline(value: Json) -> str:
    """A value on one line: a text without quotes where nobody could take it for anything else."""
    if value is MISSING:
        return "(not set)"
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value not in ("true", "false", "null"):
        return value
    return printable(json.dumps(value, ensure_ascii=False))


_PLAIN = re.compile(r"(?=.*[^\d.eE+-])(?![\"'{}\[\]()])[!-~](?:[ -~]*[!-~])?")
"""Printable ASCII that is neither a number nor looks like a list or a mapping."""


# --- the summary -----------------------------------------------------------------------------------------------------

_RESOURCES = {
    plans.CHANGING: "to change",
    plans.UNCHANGED: "unchanged",
    plans.FAILING: "failing",
    str(Outcome.STOPPED): "stopped",
    str(Outcome.REFUSED): "refused",
    str(Outcome.SUSPENDED): "suspended",
    str(Outcome.DELETING): "being deleted",
}

_OBJECTS = {
    Action.CREATE: "to create",
    Action.CHANGE: "to change",
    Action.RECREATE: "to recreate",
    Action.DELETE: "to delete",
    Action.HOLD: "not deleted before that is confirmed",
    Action.LEAVE: "left as they are",
    Action.FAIL: "refused",
    Action.UNCHANGED: "unchanged",
}

_ALWAYS = (Action.CREATE, Action.CHANGE, Action.DELETE)
"""What is counted though there be none."""


def _summary(found: Plans) -> Iterator[str]:
    for type_ in found.kinds:
        of_kind = tuple(plan for plan in found.plans if plan.key.plural == type_.plural)
        counted = _counted(plans.summed_up(Plans(plans=of_kind)).resources, _RESOURCES)
        called = type_.kind if len(of_kind) == 1 else type_.plural
        yield f"{len(of_kind)} {called}: {counted}" if of_kind else f"no {called}"
    summary = plans.summed_up(found)
    relabelled = f" ({summary.relabelled} with a new revision label)" if summary.relabelled else ""
    yield f"objects: {_counted(summary.objects, _OBJECTS, _ALWAYS)}{relabelled}"


def _counted(counts: Counter[Name], words: Mapping[Name, str], always: Collection[Name] = ()) -> str:
    return ", ".join(f"{counts[name]} {word}" for name, word in words.items() if counts[name] or name in always)
