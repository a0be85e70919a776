"""Golden tests: an example CR in, its overlay and what kustomize makes of it out.

Each kind's ``examples/*.yaml`` is one. ``NUVOP_GOLDEN=write pytest tests/golden`` writes the expected files anew; look
at the difference before it is committed, and raise `nuvop.overlay.RULES` with it.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from nuvop import kinds, overlay

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
EXPECTED = HERE / "expected"
KUBECTL = Path(sys.executable).parent / "kubectl"
EXAMPLES = sorted([*ROOT.glob("kustomize/*/examples/*.yaml"), *HERE.glob("*/examples/*.yaml")])


def build(folder: Path) -> str:
    done = subprocess.run([KUBECTL, "kustomize", folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def documents(text: str) -> list[dict[str, Any]]:
    return [document for document in YAML(typ="safe").load_all(text) if document]


def load(folder: Path, generated: Path) -> kinds.Kind:
    kind = kinds.parse(folder, kinds.read(folder))
    rendered = build(overlay.write_source(generated, kind))
    return replace(kinds.with_base(kind, documents(rendered)), rendered=rendered)


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


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: f"{path.parents[1].name}-{path.stem}")
def test_example(path: Path, generated: Path) -> None:
    kind = load(path.parents[1], generated)
    made = overlay.make(kind, example(path))
    built = build(overlay.write(generated, kind, made))
    seen = "".join(f"# {name}\n{text}\n" for name, text in sorted(made.files.items()))
    seen += f"# what kustomize makes of it\n{built}"

    golden = EXPECTED / f"{path.parents[1].name}-{path.stem}.yaml"
    if os.environ.get("NUVOP_GOLDEN") == "write":
        golden.write_text(seen)
    assert seen == golden.read_text()
    # The overlay knows its objects before it is built.
    assert {(o.group, o.kind, o.namespace, o.name) for o in made.objects} == {
        (d["apiVersion"].rpartition("/")[0], d["kind"], d["metadata"].get("namespace", ""), d["metadata"]["name"])
        for d in documents(built)
    }


def test_every_expected_file_has_its_example() -> None:
    assert {path.stem for path in EXPECTED.glob("*.yaml")} == {f"{p.parents[1].name}-{p.stem}" for p in EXAMPLES}


def test_changed_rules_are_said() -> None:
    """An upgrade that makes other overlays of the same input has to rewrite objects: RULES must say so."""
    total = hashlib.sha256()
    for path in sorted(EXPECTED.glob("wide-*.yaml")):
        total.update(path.read_bytes())
    known = EXPECTED / "rules.json"
    now = {"rules": overlay.RULES, "digest": total.hexdigest()}
    if os.environ.get("NUVOP_GOLDEN") == "write":
        known.write_text(json.dumps(now) + "\n")
    before = json.loads(known.read_text())
    assert now == before, (
        "the expected overlays have changed: raise RULES, then write them anew"
        if now["rules"] == before["rules"]
        else "RULES was raised: write the expected overlays anew"
    )
