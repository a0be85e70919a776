"""Which folder's rules `nuvop tree` takes."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from nuvop import settings
from nuvop.commands import tree
from nuvop.errors import KindError
from nuvop.kinds import ChildSelector
from nuvop.settings import Settings
from tests.unit.test_overlay import SAMPLES
from tests.unit.world import SAMPLE

RULES = {ChildSelector("Deployment", "demo-deploy")}


@pytest.fixture
def known(tmp_path: Path) -> Settings:
    """The samples, with a rule, beside a folder that says nothing of its type."""
    shutil.copytree(SAMPLES, tmp_path / "samples")
    kind = tmp_path / "samples/kind.yaml"
    kind.write_text(f"{kind.read_text()}\nready:\n  children:\n    Deployment/demo-deploy: exists\n")
    broken(tmp_path / "aaa")
    return replace(settings.from_environment({}), kinds=(tmp_path,))


def broken(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "kind.yaml").write_text("")
    (folder / "crd.yaml").write_text("[")


@pytest.mark.parametrize("is_named", [False, True])
def test_another_folder_that_is_broken_does_not_matter(known: Settings, is_named: bool) -> None:
    rules, note = tree._rules(known, is_named, SAMPLE)
    assert rules.keys() == RULES
    assert not note


def test_its_own_folder_does(known: Settings) -> None:
    broken(known.kinds[0] / "samples")
    rules, note = tree._rules(known, False, SAMPLE)
    assert not rules
    assert note.startswith("the rules of its kind's folder do not count: ")
    assert "samples/crd.yaml" in note
    with pytest.raises(KindError):
        tree._rules(known, True, SAMPLE)


def test_one_that_was_named_does(known: Settings) -> None:
    only = replace(known, kinds=(known.kinds[0] / "aaa",))
    with pytest.raises(KindError):
        tree._rules(only, True, SAMPLE)
    both = replace(known, kinds=(*only.kinds, known.kinds[0]))
    assert tree._rules(both, True, SAMPLE)[0].keys() == RULES
