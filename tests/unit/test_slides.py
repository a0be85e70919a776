"""The deck and its pictures: what can be said of them without making the slides."""

from __future__ import annotations

import os
import re
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest

from lab.controlplane.paths import PROJECT
from lab.slides import build, deck, node

if TYPE_CHECKING:
    from pathlib import Path

PICTURES = sorted((PROJECT / "docs" / "pictures").glob("*.svg"))
SVG = "{http://www.w3.org/2000/svg}"


def slide(*blocks: str) -> str:
    return "\n\n".join(["---\nmarp: true\n---", "## A title", *blocks])


def code(*lines: str) -> str:
    return "\n".join(["```console", *lines, "```"])


def test_every_slide_has_a_title_its_pictures_and_room_for_all_of_it() -> None:
    assert list(build.problems(build.DECK.read_text(encoding="utf-8"))) == []


def test_slides_are_found_with_their_lines() -> None:
    found = deck.slides("---\nmarp: true\n---\n# One\n\n---\n\n## Two `x`\n\n![What](../a.svg)\n")
    assert [(each.number, each.line, each.title, each.pictures) for each in found] == [
        (1, 4, "One", ()),
        (2, 8, "Two `x`", ("../a.svg",)),
    ]


@pytest.mark.parametrize(
    ("blocks", "problem"),
    [
        ([code("$ ok")], ""),
        ([code("x" * 92)], ""),
        ([code("x" * 93)], "93 columns of code, and 92 fit: xxx"),
        ([code(*["x"] * 18)], ""),
        ([code(*["x"] * 19)], "px high, and 612 fit"),
        ([code(*["x"] * 17), "Some words."], "px high, and 612 fit"),
        (["Some words. " * 200], "px high, and 612 fit"),
        (["\n".join(["- point"] * 12)], "px high, and 612 fit"),
        (["| a | b |\n|---|---|\n" + "| 1 | 2 |\n" * 11], "px high, and 612 fit"),
        (["![Loop](../docs/pictures/reconcile-loop.svg)", "A line."], ""),
        (["![Loop](../docs/pictures/reconcile-loop.svg)", code("$ a", "b")], "px high, and 612 fit"),
        (["![Loop](../docs/pictures/none.svg)"], "there is no picture ../docs/pictures/none.svg"),
    ],
)
def test_what_does_not_fit_is_told(blocks: list[str], problem: str) -> None:
    found = list(build.problems(slide(*blocks)))
    assert len(found) == bool(problem)
    assert all(each.startswith("slides.md:5: slide 1: ") and problem in each for each in found)


def test_a_slide_without_a_title_is_told() -> None:
    assert list(build.problems("## One\n\n---\n\nmore\n")) == ["slides.md:5: slide 2: it has no title"]


@pytest.mark.parametrize("file", PICTURES, ids=lambda file: str(file.stem))
def test_a_picture_can_stand_among_others_and_tells_what_it_shows(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    root = ET.fromstring(text)  # noqa: S314 - the file is ours
    assert re.fullmatch(r"0 0 \d+ \d+", root.attrib["viewBox"])
    # Slides have all pictures in one document, where an id must not be another one's.
    ids = {element.attrib["id"] for element in root.iter() if "id" in element.attrib}
    assert {f"{file.stem}-title", f"{file.stem}-desc"} <= ids
    assert {each for each in ids if not each.startswith(f"{file.stem}-")} == set()
    assert set(re.findall(r"url\(#([^)]+)\)", text)) <= ids
    assert root.attrib["aria-labelledby"].split() == [f"{file.stem}-title", f"{file.stem}-desc"]
    assert all(root.findtext(SVG + name) for name in ("title", "desc"))


@pytest.mark.parametrize("file", PICTURES, ids=lambda file: str(file.stem))
def test_a_picture_can_be_read_from_the_last_row(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    sizes = [int(size) for size in re.findall(r"(?:font: |font-size: )(\d+)px", text)]
    assert sizes
    assert min(sizes) >= 19
    assert not re.findall(r'font-size="|https?://(?!www\.w3\.org/2000/svg)', text)


@pytest.mark.parametrize(
    ("programs", "found"),
    [
        ({"node": "v20.1.0", "npm": "10"}, True),
        ({"node": "v104.0.0", "npm": "10"}, True),
        ({"node": "v18.20.4", "npm": "9"}, False),
        ({"node": "v20.1.0"}, False),
        ({"npm": "10"}, False),
        ({"node": "no version", "npm": "10"}, False),
    ],
)
def test_the_machines_node_is_taken_where_it_will_do(
    programs: dict[str, str], found: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, version in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\necho {version}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}")
    assert (node.of_the_machine() is not None) == found
