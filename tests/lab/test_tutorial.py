"""Tutorial and slides, followed word by word: each command typed, each output compared, on a cluster of their own."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from lab.controlplane import paths
from tests.bootstrap.checkout import is_network_setting
from tests.lab.blocks import chapters
from tests.lab.checkout import PROJECT, Checkout
from tests.lab.terminals import Terminals

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# The first test may have to build the control plane.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

DOCUMENTS = ("lab/README.md", "lab/slides.md")
PATIENCE_SECONDS = 120.0

TOOLS = (".tools", ".venv")
"""What taskw has brought; a copy would take long."""

NOT_COPIED = (
    *(*TOOLS, ".git", ".lab", "generated", "my-kinds", "dist", "test-artifacts"),
    *("__pycache__", ".*_cache", ".hypothesis"),
)


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Checkout]:
    """The project as a reader has it who has run taskw once."""
    made = Checkout(tmp_path / "nuvop", tmp_path / "home")
    shutil.copytree(PROJECT, made.root, ignore=shutil.ignore_patterns(*NOT_COPIED))
    for name in TOOLS:
        (made.root / name).symlink_to(PROJECT / name)
    made.home.mkdir()
    (made.root / ".lab" / "clusters").mkdir(parents=True)
    yield made
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


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_step_comes_true(document: str, checkout: Checkout) -> None:
    with Terminals(document, checkout.root, environment(checkout), PATIENCE_SECONDS) as terminals:
        for chapter in chapters((checkout.root / document).read_text(encoding="utf-8")):
            terminals.follow(chapter)
    assert checkout.clusters() == []
