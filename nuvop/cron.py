"""Schedules of CronJobs, read as the API server reads them. Pure.

Kubernetes takes what https://github.com/robfig/cron/blob/v3.0.1/parser.go takes (``ParseStandard``), which is not what
cron itself, or any library of Python's, takes: Sunday is 0 and never 7, there are no seconds, and ``@every`` is known.
"""

import re
from collections.abc import Mapping, Sequence

_DESCRIPTORS = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
_EVERY = re.compile(r"@every (0|[+-]?((\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))+)")

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_PARTS: Sequence[tuple[str, range, Mapping[str, int]]] = (
    ("the minute", range(60), {}),
    ("the hour", range(24), {}),
    ("the day of the month", range(1, 32), {}),
    ("the month", range(1, 13), {name: number for number, name in enumerate(_MONTHS, 1)}),
    ("the day of the week", range(7), {name: number for number, name in enumerate(_DAYS)}),
)


def refusal(schedule: str) -> str:
    """Why a text is no schedule; empty where it is one."""
    if "TZ" in schedule:
        return "a time zone goes into `timeZone`"
    if schedule.startswith("@"):
        is_known = schedule in _DESCRIPTORS or _EVERY.fullmatch(schedule) is not None
        return "" if is_known else f"it must be one of {', '.join(_DESCRIPTORS)}, or @every with a duration"
    parts = schedule.split()
    if len(parts) != len(_PARTS):
        return f"it has {len(parts)} parts and not 5: minute, hour, day of the month, month, day of the week"
    told = (_refused(part, *of) for part, of in zip(parts, _PARTS, strict=True))
    return next(filter(None, told), "")


def _refused(part: str, what: str, allowed: range, names: Mapping[str, int]) -> str:
    for each in filter(None, part.split(",")):
        if not _is_right(each, allowed, names):
            words = f", or {', '.join(names)}" if names else ""
            return f"{what}, {each!r}, must be *, {allowed[0]} to {allowed[-1]}{words}, or a range of these with a step"
    return ""


def _is_right(text: str, allowed: range, names: Mapping[str, int]) -> bool:
    """Whether one of a part's ranges is one: ``*``, ``3``, ``1-5``, each perhaps with ``/2`` behind it."""
    span, *steps = text.split("/")
    first, *last = span.split("-")
    if len(steps) > 1 or any(not (step.isascii() and step.isdecimal()) or int(step) == 0 for step in steps):
        return False
    if first in ("*", "?"):
        return True
    ends = [_number(end, names) for end in (first, *last)]
    return len(ends) <= 2 and all(end in allowed for end in ends) and ends == sorted(ends)


def _number(text: str, names: Mapping[str, int]) -> int:
    return names.get(text.lower(), int(text) if text.isascii() and text.isdecimal() else -1)
