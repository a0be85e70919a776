"""What a newer Python gets right and the oldest one that nuvop promises does not."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

_POSSESSIVE_GROUP = re.compile(r"(?<!\\)\)(?:[*+?]|\{[\d,]+\})\+")
"""A possessive quantifier behind a group. Before Python 3.11.5, and Debian 12 has 3.11.2, such a group matches nothing
once it has to go back within itself (https://github.com/python/cpython/issues/106052). An atomic group around a plain
quantifier, ``(?>(?:…)*)``, does the same and is right everywhere, and so is a possessive one behind a single character
or class."""


def texts(source: str) -> Iterator[tuple[int, str]]:
    """All texts of a source with their lines; what an f-string puts in counts as a group."""
    parts: set[ast.AST] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            parts.update(node.values)
            yield (
                node.lineno,
                "".join(str(part.value) if isinstance(part, ast.Constant) else "()" for part in node.values),
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in parts:
            yield node.lineno, node.value


def possessive_groups(source: str) -> list[int]:
    """The lines of the texts with a possessive quantifier behind a group."""
    return [line for line, text in texts(source) if _POSSESSIVE_GROUP.search(text)]


def raising_in_groups(source: str) -> list[int]:
    """The lines of what raises out of an ``except*``.

    Before Python 3.11.4 that comes out in a group of its own (https://github.com/python/cpython/issues/103590).
    """
    groups = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.TryStar)]
    handlers = [handler for node in groups for handler in node.handlers]
    return [
        node.lineno
        for handler in handlers
        for node in ast.walk(handler)
        if isinstance(node, ast.Raise) and node.exc is not None
    ]


SOURCES = [path for folder in ("nuvop", "lab") for path in sorted((ROOT / folder).rglob("*.py"))]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_that_the_oldest_python_gets_wrong(path: Path) -> None:
    source = path.read_text()
    assert (possessive_groups(source), raising_in_groups(source)) == ([], [])


@pytest.mark.parametrize(
    ("source", "is_found"),
    [
        (r'r"(?:a|b)*+"', True),
        (r'r"(?:a|b)++"', True),
        (r'r"(a)?+"', True),
        (r'r"(?:ab){2,3}+"', True),
        (r'rf"(?:{a}){{1,}}+"', True),
        (r'rf"{a}*+"', True),
        (r'r"(?>(?:a|b)*)"', False),
        (r'r"\w*+[a-z]++\)?+"', False),
        (r'rf"{a}\w{{2}}"', False),
    ],
)
def test_which_quantifiers_are_found(source: str, is_found: bool) -> None:
    assert bool(possessive_groups(source)) is is_found


@pytest.mark.parametrize(
    ("handled", "is_found"),
    [
        ("except* OSError as errors: raise errors.exceptions[0]", True),
        ("except* OSError: raise", False),
        ("except OSError as error: raise ValueError from error", False),
    ],
)
def test_which_handlers_are_found(handled: str, is_found: bool) -> None:
    assert bool(raising_in_groups(f"try: pass\n{handled}")) is is_found
