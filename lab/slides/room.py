"""Whether what is on a slide fits, by the sizes that the theme names. Pure.

Code fits or not, since each of its characters is equally wide. For text this is an estimate on the safe side: how wide
a word is nobody knows before it is drawn.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from markdown_it.token import Token

    from lab.slides.deck import Slide

CODE_WIDTH = 0.6
"""How wide a character of the typeface for code is, in its size."""

TEXT_WIDTH = 0.48
"""How wide a character of the typeface for text is on the average, in its size."""

PICTURE_HEIGHT = 460
"""What a picture needs, in px, so that what is written in it can be read; it takes all that is left."""

_SIZE = re.compile(r"--([a-z-]+): (\d+)px;")


@dataclass(frozen=True)
class Room:
    """What a slide has room for."""

    sizes: Mapping[str, int]
    """The theme's, in px."""

    @property
    def width(self) -> int:
        """From margin to margin."""
        return self.sizes["width"] - 2 * self.sizes["side"]

    @property
    def height(self) -> int:
        """From margin to margin."""
        return self.sizes["height"] - self.sizes["top"] - self.sizes["bottom"]

    @property
    def columns(self) -> int:
        """Characters in a line of code."""
        return int((self.width - 2 * self.sizes["code-side"]) / (CODE_WIDTH * self.sizes["code-size"]))


def of_theme(css: str) -> Room:
    """The room that a theme leaves."""
    return Room({name: int(size) for name, size in _SIZE.findall(css)})


def too_much(slide: Slide, room: Room) -> list[str]:
    """What does not fit, a sentence each."""
    lines = [line for token in slide.tokens if token.type == "fence" for line in token.content.splitlines()]
    wide = [line for line in lines if len(line) > room.columns]
    found = [f"{len(line)} columns of code, and {room.columns} fit: {line}" for line in wide]
    heights = list(_heights(slide.tokens, room))
    height = sum(heights) + room.sizes["gap"] * (len(heights) - 1)
    if height > room.height:
        found.append(f"about {height} px high, and {room.height} fit")
    return found


def _heights(tokens: Sequence[Token], room: Room) -> Iterator[int]:
    """The height of each block of a slide."""
    sizes = room.sizes
    for block in _blocks(tokens):
        first = block[0]
        if first.type == "heading_open":
            yield sizes["heading-line"]
        elif first.type == "fence":
            yield len(first.content.splitlines()) * sizes["code-line"] + 2 * sizes["code-padding"]
        elif first.type == "table_open":
            rows = sum(token.type == "tr_open" for token in block)
            yield rows * (sizes["text-line"] + sizes["row"])
        elif first.type in ("paragraph_open", "bullet_list_open", "ordered_list_open"):
            texts = [token for token in block if token.type == "inline"]
            gaps = (len(texts) - 1) * sizes["item-gap"]
            yield sum(_text_height(text, room) for text in texts) + gaps


def _text_height(text: Token, room: Room) -> int:
    children = text.children or ()
    if any(child.type == "image" for child in children):
        return PICTURE_HEIGHT
    shown = "".join(child.content for child in children)
    return math.ceil(len(shown) * TEXT_WIDTH * room.sizes["text-size"] / room.width) * room.sizes["text-line"]


def _blocks(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """The tokens of each block that stands by itself on the slide."""
    block: list[Token] = []
    for token in tokens:
        block.append(token)
        if token.level == 0 and token.nesting <= 0:
            yield block
            block = []
