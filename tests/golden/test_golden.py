"""Golden tests: an example CR in, its overlay and what kustomize makes of it out.

Each kind's ``examples/*.yaml`` is one. ``NUVOP_GOLDEN=write pytest tests/golden`` writes the expected files anew; look
at the difference before it is committed, and raise `nuvop.overlay.RULES` with it.
"""

import asyncio
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from ruamel.yaml import YAML

from nuvop import directives, kinds, overlay
from nuvop.loading import Loader
from nuvop.objects import REVISION_LABEL, ObjectKey

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
EXPECTED = HERE / "expected"
KUBECTL = Path(sys.executable).parent / "kubectl"
MADE = "# what kustomize makes of it\n"
EXAMPLES = sorted([*ROOT.glob("kustomize/*/examples/*.yaml"), *HERE.glob("*/examples/*.yaml")])


def build(folder: Path) -> str:
    done = subprocess.run([KUBECTL, "kustomize", folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def documents(text: str) -> list[dict[str, Any]]:
    return [document for document in YAML(typ="safe").load_all(text) if document]


class Kustomize:
    """kubectl, where nothing else runs meanwhile."""

    async def build(self, folder: Path) -> str:
        return build(folder)


def load(folder: Path, generated: Path, cr: dict[str, Any]) -> tuple[kinds.Kind, dict[str, Any]]:
    """A kind with the components that a CR wants, and the CR with its defaults."""

    async def loaded() -> tuple[kinds.Kind, dict[str, Any]]:
        loader = Loader(cast("Any", Kustomize()), generated)
        kind = await loader.load(folder)
        whole = kind.crd.defaulted(cr)
        return await loader.choose(kind, whole), whole

    return asyncio.run(loaded())


@pytest.fixture
def generated(tmp_path: Path) -> Iterator[Path]:
    lock = overlay.claim(tmp_path / "generated")
    yield tmp_path / "generated"
    os.close(lock)


def example(path: Path) -> dict[str, Any]:
    """The CR as the API server would show it."""
    cr: dict[str, Any] = YAML(typ="safe").load(path)
    cr["metadata"] |= {"uid": "00000000-0000-0000-0000-000000000001", "generation": 1}
    return cr


def name_of(path: Path) -> str:
    return f"{path.parents[1].name}-{path.stem}"


def key_of(obj: dict[str, Any]) -> ObjectKey:
    metadata = obj["metadata"]
    return ObjectKey(obj["apiVersion"].rpartition("/")[0], obj["kind"], metadata.get("namespace", ""), metadata["name"])


def make(path: Path, generated: Path, **more: Any) -> tuple[overlay.Overlay, str]:
    """An example's overlay, and what kustomize makes of it; the children are orphaned as its annotation says."""
    kind, cr = load(path.parents[1], generated, example(path))
    made = overlay.make(kind, cr, **{"orphan": directives.of(cr).orphan} | more)
    return made, build(overlay.write(generated, kind, made))


@pytest.mark.parametrize("path", EXAMPLES, ids=name_of)
def test_example(path: Path, generated: Path) -> None:
    made, built = make(path, generated)
    seen = "".join(f"# {name}\n{text}\n" for name, text in sorted(made.files.items()))
    seen += f"{MADE}{built}"

    golden = EXPECTED / f"{name_of(path)}.yaml"
    if os.environ.get("NUVOP_GOLDEN") == "write":
        golden.write_text(seen)
    assert seen == golden.read_text()
    # The overlay knows its objects before it is built.
    assert sorted(made.objects) == sorted(map(key_of, documents(built)))


@pytest.mark.parametrize("path", EXAMPLES, ids=name_of)
def test_an_orphan_policy_changes_nothing_but_owner_and_revision(path: Path, generated: Path) -> None:
    """A pod template that changed would restart the pods."""
    objects, orphans = (documents(make(path, generated, orphan=orphan)[1]) for orphan in (False, True))
    assert all("ownerReferences" not in obj["metadata"] for obj in orphans)
    for obj in [*objects, *orphans]:
        obj["metadata"].pop("ownerReferences", None)
        assert obj["metadata"]["labels"].pop(REVISION_LABEL)
    assert objects == orphans


def test_what_is_left_out_is_not_made_and_changes_nothing_else(generated: Path) -> None:
    path = HERE / "wide/examples/everything.yaml"
    job = ObjectKey("batch", "Job", "here", "two-migrate")
    whole, built = make(path, generated)
    part, built_without = make(path, generated, without={job})
    assert job in whole.objects
    assert part.objects == tuple(key for key in whole.objects if key != job)
    assert documents(built_without) == [obj for obj in documents(built) if key_of(obj) != job]


def test_every_expected_file_has_its_example() -> None:
    assert {path.stem for path in EXPECTED.glob("*.yaml")} == set(map(name_of, EXAMPLES))


def test_changed_rules_are_said() -> None:
    """An upgrade that makes other objects of the same input has to rewrite them: RULES must say so."""
    known = EXPECTED / "rules.json"
    before = json.loads(known.read_text())
    now = {
        "rules": overlay.RULES,
        "input": digest(path for folder in {path.parents[1] for path in EXAMPLES} for path in files_of(folder)),
        "output": digest(EXPECTED.glob("*.yaml"), lambda text: text.partition(MADE)[2]),
    }
    if (now["rules"], now["input"]) == (before["rules"], before["input"]):
        assert now["output"] == before["output"], (
            "the same input makes other objects: raise RULES, then write them anew"
        )
    if os.environ.get("NUVOP_GOLDEN") == "write":
        known.write_text(json.dumps(now) + "\n")
        before = now
    assert now == before, "input or RULES have changed: write the expected overlays anew"


def files_of(folder: Path) -> Iterator[Path]:
    """The files of a kind, whatever they are: its own Python, and what kustomize makes ConfigMaps of, too."""
    yield from (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def digest(paths: Iterable[Path], part: Callable[[str], str] = str) -> str:
    total = hashlib.sha256()
    for path in sorted(paths):
        total.update(f"{path.name}:{part(path.read_text())}".encode())
    return total.hexdigest()
