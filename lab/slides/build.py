"""From the deck to HTML, PDF and pictures of the slides."""

from __future__ import annotations

import base64
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab import chromium
from lab.controlplane.paths import PROJECT
from lab.slides import deck, node, room
from lab.slides.errors import SlidesError

if TYPE_CHECKING:
    from collections.abc import Iterator

DECK = PROJECT / "lab" / "slides.md"
INTO = PROJECT / "dist" / "slides"

_HERE = Path(__file__).resolve().parent
_THEME = _HERE / "theme.css"
_ENGINE = _HERE / "engine.mjs"
_FONT = re.compile(r'url\("([^"]+\.woff2)"\)')
_DRAWN_BY_CHROMIUM = ("--browser", "chrome", "--browser-timeout", "120", "--browser-path")


@dataclass(frozen=True)
class Slides:
    """The slides of lab/slides.md, ready to be made."""

    marp: node.Marp
    theme: Path
    """A file with the typefaces inside."""

    def html(self, file: Path) -> None:
        """Write the slides as one HTML file that needs no other. Raises SlidesError."""
        self._make(file)

    def bare_html(self, file: Path) -> None:
        """Write them as HTML without controls, one slide under the other. Raises SlidesError."""
        self._make(file, "--template", "bare")

    def pdf(self, file: Path, browser: Path) -> None:
        """Write them as PDF. Raises SlidesError."""
        self._make(file, "--pdf", "--pdf-outlines", *_DRAWN_BY_CHROMIUM, str(browser))

    def pictures(self, folder: Path, browser: Path) -> None:
        """Write a PNG a slide, slide.001.png and so on. Raises SlidesError."""
        self._make(folder / "slide.png", "--images", "png", *_DRAWN_BY_CHROMIUM, str(browser))

    def _make(self, file: Path, *options: str) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        more = {"CHROME_NO_SANDBOX": "1"} if chromium.runs_without_a_sandbox() else {}
        self.marp.run(
            "--no-config-file", "--no-stdin", "--engine", str(_ENGINE), "--theme-set", str(self.theme), *options,
            "--output", str(file.absolute()), "--", str(DECK), folder=DECK.parent, more=more,
        )  # fmt: skip


def of_deck(scratch: Path) -> Slides:
    """The slides, made from files in a folder that goes away. Raises SlidesError, also for what does not fit."""
    if found := list(problems(DECK.read_text(encoding="utf-8"))):
        raise SlidesError("\n".join(found))
    slides = Slides(node.marp(), scratch / _THEME.name)
    slides.theme.write_text(_with_fonts(_THEME.read_text(encoding="utf-8"), slides.marp.modules), encoding="utf-8")
    return slides


def problems(markdown: str) -> Iterator[str]:
    """What is wrong with a deck in the place of lab/slides.md: a sentence each, with the line."""
    theme = room.of_theme(_THEME.read_text(encoding="utf-8"))
    for slide in deck.slides(markdown):
        found = room.too_much(slide, theme)
        found += [f"there is no picture {path}" for path in slide.pictures if not (DECK.parent / path).is_file()]
        found += [] if slide.title else ["it has no title"]
        yield from (f"{DECK.name}:{slide.line}: slide {slide.number}: {what}" for what in found)


def all_of_it(into: Path, *, pictures: bool) -> list[Path]:
    """Write HTML and PDF, and pictures where asked for, into a folder. Raises SlidesError and DebianError."""
    with tempfile.TemporaryDirectory() as scratch:
        slides = of_deck(Path(scratch))
        made = [into / "slides.html", into / "slides.pdf"]
        slides.html(made[0])
        browser = chromium.program()
        slides.pdf(made[1], browser)
        if pictures:
            slides.pictures(into / "pictures", browser)
            made.append(into / "pictures")
    return made


def _with_fonts(css: str, modules: Path) -> str:
    """A theme with the typefaces, which it names from node_modules on, inside of the text."""

    def inside(found: re.Match[str]) -> str:
        return f'url("data:font/woff2;base64,{base64.b64encode((modules / found[1]).read_bytes()).decode()}")'

    return _FONT.sub(inside, css)
