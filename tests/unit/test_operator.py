"""Which kinds an operator takes on at its start."""

import logging
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from nuvop.operator import find_types
from tests.unit.test_kinds import SAMPLES


def kind(folder: Path, plural: str) -> None:
    shutil.copytree(SAMPLES, folder)
    crd = folder / "crd.yaml"
    text = crd.read_text().replace("samples", plural).replace("singular: sample\n", f"singular: one-of-{plural}\n")
    named = plural.title().replace("-", "")
    crd.write_text(text.replace("kind: Sample\n", f"kind: {named}\n").replace("[sam]", f"[s-{plural}]"))


@pytest.mark.parametrize("plurals", [("foo", "foo-bar"), ("foo-bar", "foo"), ("foo", "foo")])
def test_kinds_whose_resources_could_have_one_label_are_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, plurals: tuple[str, str]
) -> None:
    caplog.set_level(logging.ERROR, "nuvop")
    for folder, plural in zip("ab", plurals, strict=True):
        kind(tmp_path / folder, plural)
    kind(tmp_path / "c", "foobar")
    found = find_types(cast("Any", SimpleNamespace(kinds=(tmp_path,))))
    assert [type_.plural for _, type_ in found] == [plurals[0], "foobar"]
    (record,) = caplog.records
    assert f"{tmp_path / 'b' / 'crd.yaml'}:10: spec.names.plural: {plurals[1]!r}" in record.getMessage()
