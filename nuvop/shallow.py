"""JSON that anybody may have written, made safe for what reads it recursively. Pure.

The API server takes 10,000 mappings and lists inside of each other; Python's own parser, and whatever copies or
compares what it has read, fail at a few hundred. In kopf that ends the operator, and each that is started after it.
"""

import re
from collections.abc import Iterator

DEEPEST = 240
"""Levels that are read. A value of so many is refused in any place where it counts (`nuvop.overlay`)."""

_STEP = {ord("{"): 1, ord("["): 1, ord("}"): -1, ord("]"): -1}
_ONE_KIND = bytes.maketrans(b"[]", b"{}")
_NO_MARKS = bytes(set(range(256)) - set(b'[]{}"'))
_PART = re.compile(rb'"(?:[^"\\]|\\.)*"|[][{}]|[^][{}"]+|"', re.DOTALL)


def shallow(text: bytes) -> bytes:
    """JSON in which whatever stands deeper than `DEEPEST` levels is null; the same where nothing does.

    What is no JSON stays none.
    """
    return text if _is_shallow(text) else b"".join(_parts(text))


def _is_shallow(text: bytes) -> bool:
    """Whether JSON has no more levels. All in bytes' own methods: a list may be megabytes, and is read often."""
    marks = text.replace(rb"\\", b"").replace(rb"\"", b"").translate(_ONE_KIND, _NO_MARKS)
    # Most texts have no bracket in them; two marks beside each other change nothing for what is outside of texts.
    left = b"".join(marks.replace(b'""', b"").split(b'"')[::2])
    for _ in range(DEEPEST):
        if not left:
            return True
        left = left.replace(b"{}", b"")  # one level, the innermost everywhere
    return not left


def _parts(text: bytes) -> Iterator[bytes]:
    level = 0
    for found in _PART.finditer(text):
        part = found[0]
        step = _STEP.get(part[0], 0)
        level += step
        if level <= DEEPEST and not (step < 0 and level == DEEPEST):
            yield part
        elif step > 0 and level == DEEPEST + 1:
            yield b"null"
