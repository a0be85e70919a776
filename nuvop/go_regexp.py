"""Regular expressions as Go has them, and so the API server, as far as Python can tell. Pure.

Source: https://pkg.go.dev/regexp/syntax. What only Go knows (``\\pL``, ``\\z``, ``(?U)``) cannot be judged here.
"""

import re

_NO_SYNTAX = re.compile(r"\\Q.*?(?:\\E|$)|\\[^1-9]|\[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*\]", re.DOTALL)
"""Escapes, but for references to groups, and classes of characters: what is in them has no meaning of its own."""

_REFUSED = {
    re.compile(r"\(\?<?[=!]"): "it has no lookahead and no lookbehind",
    re.compile(r"\\[1-9](?![0-7])|\(\?P="): "it has no references to groups",
    re.compile(r"\(\?>|[*+?]\+"): "it has no possessive quantifiers and no atomic groups",
    re.compile(r"\(\?\("): "it has no conditions",
}
"""What Python knows and Go does not."""

_COUNT = re.compile(r"\{(\d+)(?:,(\d*))?\}")
_MOST = 1000
"""How often Go repeats something at most."""

_BROKEN = re.compile(
    r"missing \), unterminated subpattern|unbalanced parenthesis|unterminated character set"
    r"|bad character range [^\\]-[^\\]$|min repeat greater than max repeat"
)
"""What Python finds wrong that is wrong in Go, too."""

_ESCAPE = re.compile(r"\\Q.*?(?:\\E|$)|\\(.)", re.DOTALL)
_ESCAPED = frozenset("afnrtvxQEAzbBdDsSwWpPC")
"""The letters that mean something in Go behind a backslash; the others are refused."""


def refusal(pattern: str) -> str:
    """Why Go does not take a regular expression; empty where it does, or nobody here can tell."""
    for found in _ESCAPE.finditer(pattern):
        if (found[1] or "").isalpha() and found[1] not in _ESCAPED:
            return f"it has no {found[0]}"
    bare = _NO_SYNTAX.sub("x", pattern)
    for refused, why in _REFUSED.items():
        if refused.search(bare):
            return why
    if any(int(count) > _MOST for each in _COUNT.finditer(bare) for count in each.groups() if count):
        return f"it repeats nothing more than {_MOST} times"
    try:
        re.compile(pattern)
    except re.error as error:
        # Before a repetition Go takes `^` and the like, and `{,5}` is a text to it.
        is_first = (pattern[: error.pos or 0] or "(").endswith(("(", "|", "(?:"))
        is_twice = error.msg == "multiple repeat" and "{," not in pattern
        if _BROKEN.match(error.msg) or is_twice or (error.msg == "nothing to repeat" and is_first):
            return error.msg
    except (OverflowError, RecursionError):
        pass
    return ""
