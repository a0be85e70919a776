"""What is on the slides, as Marp sees it. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from markdown_it.token import Token

_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)


@dataclass(frozen=True)
class Slide:
    number: int
    line: int
    """Of the first thing on it."""
    tokens: tuple[Token, ...]
    """As markdown-it has parsed them, which Marp uses, too."""

    @property
    def title(self) -> str:
        """The text of its first heading."""
        return next((after.content for token, after in pairwise(self.tokens) if token.type == "heading_open"), "")

    @property
    def pictures(self) -> tuple[str, ...]:
        """Their paths, from the deck's folder on."""
        inline = (child for token in self.tokens for child in token.children or ())
        return tuple(str(child.attrs["src"]) for child in inline if child.type == "image")


def slides(markdown: str) -> tuple[Slide, ...]:
    """All slides of a deck."""
    # What Marp is told stands before the first slide; blank lines in its place keep the numbers of the others.
    text = _FRONT_MATTER.sub(lambda found: "\n" * found[0].count("\n"), markdown)
    parts: list[list[Token]] = [[]]
    for token in MarkdownIt().enable("table").parse(text):
        if token.type == "hr":
            parts.append([])
        else:
            parts[-1].append(token)
    return tuple(Slide(number, _line(part), tuple(part)) for number, part in enumerate(parts, 1))


def _line(tokens: list[Token]) -> int:
    return next((token.map[0] + 1 for token in tokens if token.map), 0)
