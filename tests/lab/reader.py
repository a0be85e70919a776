"""Somebody who follows the tutorial, or the slides, word by word: each command typed, each output compared.

A part of them is what begins on a new cluster, so that one can be followed without the others.
"""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.controlplane import paths
from tests.bootstrap.checkout import is_network_setting
from tests.lab import blocks
from tests.lab.checkout import PROJECT, Checkout
from tests.lab.terminals import Terminals

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.lab.blocks import Chapter

TUTORIAL, SLIDES = "lab/README.md", "lab/slides.md"
PATIENCE_SECONDS = 600.0
"""How long one step may take. An image is built in one, on a machine that may have much else to do."""

TOOLS = (".tools", ".venv")
"""What taskw has brought; a copy would take long."""

MADE = (".lab", "generated", "my-kinds", "test-artifacts", "dist", "__pycache__", ".*_cache", ".hypothesis")
"""What commands leave behind, those of the tutorial as well."""


@contextmanager
def checkout(folder: Path) -> Iterator[Checkout]:
    """The project as a reader has it who has run taskw once."""
    made = Checkout(folder / "nuvop", folder / "home")
    shutil.copytree(PROJECT, made.root, ignore=shutil.ignore_patterns(".git", *TOOLS, *MADE))
    for name in TOOLS:
        (made.root / name).symlink_to(PROJECT / name)
    made.home.mkdir()
    (made.root / ".lab" / "clusters").mkdir(parents=True)
    try:
        yield made
    finally:
        for name in made.clusters():
            made.run("lab.controlplane", "down", name)
    assert not made.processes()


def environment(checkout: Checkout) -> dict[str, str]:
    """A reader's, who has none of the project's programs on PATH yet, and no cluster."""
    ours = {str(PROJECT / ".tools" / "bin"), str(PROJECT / ".venv" / "bin")}
    kept = {name: value for name, value in os.environ.items() if is_network_setting(name)}
    return kept | {
        "PATH": os.pathsep.join(folder for folder in os.environ["PATH"].split(os.pathsep) if folder not in ours),
        "HOME": str(checkout.home),
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "XDG_CACHE_HOME": str(paths.cache().parents[1]),
    }


def follow(document: str, part: Sequence[Chapter], folder: Path) -> None:
    """Follow a part in a new checkout in that folder; raises Failed where a step does not come true."""
    with checkout(folder) as made:
        with Terminals(document, made.root, environment(made), PATIENCE_SECONDS) as terminals:
            for chapter in part:
                terminals.follow(chapter)
        assert made.clusters() == []


def parts(document: str) -> Sequence[Sequence[Chapter]]:
    """All parts of one of them. Who follows one names the others, too, so that none is forgotten."""
    return blocks.parts((PROJECT / document).read_text(encoding="utf-8"))
