"""Which kinds an operator takes on at its start."""

import logging
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from nuvop import operator
from nuvop.login import Credentials
from nuvop.operator import find_types
from nuvop.rights import in_pod
from nuvop.settings import Settings
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


@pytest.mark.parametrize(
    ("token", "typed"),
    [
        ("/account/token", "kubectl exec -n ops pod-1 -- cat /share/kinds/samples/crd.yaml | kubectl apply -f -"),
        ("/elsewhere/token", "kubectl apply -f kinds/samples/crd.yaml"),
    ],
)
def test_what_installs_a_crd_that_is_missing(monkeypatch: pytest.MonkeyPatch, token: str, typed: str) -> None:
    """Who reads the log of a pod does not have its folders."""
    monkeypatch.setattr("socket.gethostname", lambda: "pod-1")
    monkeypatch.setattr("os.path.relpath", lambda path: str(path).removeprefix("/share/"))
    settings = Settings((), Path("/generated"), Path("/account"), None, 50)
    credentials = Credentials("source", "https://server", "ops", token_file=Path(token))
    (found,) = find_types(cast("Any", SimpleNamespace(kinds=(SAMPLES,))))
    told = operator._how_to_install(Path("/share/kinds/samples"), found[1], in_pod(settings, credentials))
    assert told == f"CRD samples.nuvolaris.org is not installed (`{typed}`)"
