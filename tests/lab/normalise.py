"""Whether what a terminal shows is what a text says, but for what is different each time."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ANYTHING = "…"
"""A line of it alone is any number of lines."""

_SAFE = "[bcdfghjklmnpqrstvwxz2456789]"
"""What Kubernetes makes random names of: https://github.com/kubernetes/apimachinery/blob/master/pkg/util/rand/rand.go."""

_DIFFERENT_EACH_TIME = (
    (re.compile(r"\x1b\[[0-9;?]*[A-Za-z]"), ""),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:\d\d)?"), "<time>"),
    # Of a ReplicaSet, of its pods, of another's pods.
    (re.compile(rf"(?<=-)(?:{_SAFE}{{8,10}}(?:-{_SAFE}{{5}})?|{_SAFE}{{5}})(?![-\w])"), "<random>"),
    # A whole cell of a table: `cpu: 10m` is no age.
    (re.compile(r"(?<= {2})(?:\d+[dhms])+(?= {2}|$)"), "<age>"),
    # How wide a column is depends on all of these; what a line is indented by does not.
    (re.compile(r"(?<=\S) {2,}"), "  "),
    (re.compile(r"\s+$"), ""),
)


def normalise(lines: Sequence[str]) -> list[str]:
    """The same lines with a word for whatever is different each time, and without blank ones at the end."""
    found = [_line(line) for line in lines]
    while found and not found[-1]:
        found.pop()
    return found


def difference(shown: Sequence[str], got: Sequence[str]) -> str:
    """What is wrong with an output that is whole; empty where nothing is."""
    expected, lines = normalise(shown), normalise(got)
    if re.fullmatch(_pattern(expected), _text(lines)):
        return ""
    return _missing(expected, lines) or f"there is more than that, from {lines[_end(expected, lines) or 0]!r} on"


def seen(shown: Sequence[str], got: Sequence[str]) -> tuple[int | None, str]:
    """How many lines an output has up to the end of what is shown; None, and what is missing, if that is not there."""
    expected, lines = normalise(shown), normalise(got)
    end = _end(expected, lines)
    return end, "" if end is not None else _missing(expected, lines)


def _line(line: str) -> str:
    for pattern, word in _DIFFERENT_EACH_TIME:
        line = pattern.sub(word, line)
    return line


def _pattern(expected: Sequence[str]) -> str:
    return "".join(
        r"(?:.*\n)*?" if line == ANYTHING else ".*".join(map(re.escape, line.split(ANYTHING))) + r"\n"
        for line in expected
    )


def _text(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _end(expected: Sequence[str], lines: Sequence[str]) -> int | None:
    """How many lines are needed for what is expected, from the first line on."""
    match = re.match(_pattern(expected), _text(lines))
    return match[0].count("\n") if match else None


def _missing(expected: Sequence[str], lines: Sequence[str]) -> str:
    """The first expected line that is not there, after those before it; empty where all are."""
    missing = next((i for i in range(len(expected)) if _end(expected[: i + 1], lines) is None), None)
    return "" if missing is None else f"missing, after what is shown before it: {expected[missing]!r}"
