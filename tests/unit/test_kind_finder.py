"""Which kinds an operator takes on, at its start and later."""

import errno
import logging
import shutil
from pathlib import Path
from typing import Any

import pytest

from nuvop import crd as nuvop_crd
from nuvop.errors import KindError, KindUnreadable
from nuvop.kind_finder import KindFinder
from tests.unit.test_kinds import SAMPLES, unlisted


def kind(folder: Path, plural: str) -> Path:
    """A copy of the Sample's folder for a type of its own."""
    shutil.copytree(SAMPLES, folder)
    crd = folder / "crd.yaml"
    text = crd.read_text().replace("samples", plural).replace("singular: sample\n", f"singular: one-of-{plural}\n")
    named = plural.title().replace("-", "")
    crd.write_text(text.replace("kind: Sample\n", f"kind: {named}\n").replace("[sam]", f"[s-{plural}]"))
    return folder


def found(root: Path) -> KindFinder:
    """What an operator has found at its start."""
    finder = KindFinder((root,))
    finder.look()
    return finder


def come(finder: KindFinder) -> list[str]:
    """The plurals of what has become a kind when somebody looks again."""
    before = len(finder.found)
    finder.look_again()
    return [type_.plural for _, type_ in finder.found[before:]]


def without_file_descriptors(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    """Let nobody list a folder."""
    unlisted(monkeypatch, root, errno.EMFILE)


@pytest.mark.parametrize("plurals", [("foo", "foo-bar"), ("foo-bar", "foo"), ("foo", "foo")])
def test_kinds_whose_resources_could_have_one_label_are_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, plurals: tuple[str, str]
) -> None:
    caplog.set_level(logging.ERROR, "nuvop")
    for folder, plural in zip("ab", plurals, strict=True):
        kind(tmp_path / folder, plural)
    kind(tmp_path / "c", "foobar")
    assert [type_.plural for _, type_ in found(tmp_path).found] == [plurals[0], "foobar"]
    (record,) = caplog.records
    assert f"{tmp_path / 'b' / 'crd.yaml'}:10: spec.names.plural: {plurals[1]!r}" in record.getMessage()


def test_without_any_kind_there_is_nothing_to_run(tmp_path: Path) -> None:
    with pytest.raises(KindError, match="no folder in it describes a kind"):
        found(tmp_path)
    kind(tmp_path / "a", "foo")
    (tmp_path / "a" / "crd.yaml").unlink()
    with pytest.raises(KindError, match="no kind can be served"):
        found(tmp_path)


def test_a_folder_that_comes_later_is_a_kind_once_it_stays_as_it_is(tmp_path: Path) -> None:
    kind(tmp_path / "a", "foo")
    finder = found(tmp_path)
    assert come(finder) == []
    kind(tmp_path / "b", "bar")
    assert come(finder) == [], "somebody may still be copying"
    (tmp_path / "b" / "more.txt").write_text("more")
    assert come(finder) == []
    assert come(finder) == ["bar"]
    assert come(finder) == []
    assert [folder.name for folder, _ in finder.found] == ["a", "b"]


def told_of_one_that_is_mended(tmp_path: Path, caplog: pytest.LogCaptureFixture, wrong: str, at_start: bool) -> Any:
    """What is told, once, of a folder beside a right one, whose CRD is wrong and then right."""
    caplog.set_level(logging.ERROR, "nuvop")
    kind(tmp_path / "b", "foo")
    finder = found(tmp_path)
    crd = kind(tmp_path / "a", "bar") / "crd.yaml"
    right = crd.read_text()
    crd.write_text(wrong)
    if at_start:
        finder = found(tmp_path)
    assert [come(finder) for _ in range(3)] == [[]] * 3
    (record,) = caplog.records
    crd.write_text(right)
    assert [come(finder) for _ in range(3)] == [[], ["bar"], []]
    return record


@pytest.mark.parametrize("is_there_at_start", [True, False])
def test_one_that_is_none_is_told_once_and_is_one_when_it_is_mended(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, is_there_at_start: bool
) -> None:
    record = told_of_one_that_is_mended(tmp_path, caplog, "kind: ConfigMap\n", is_there_at_start)
    assert record.getMessage().startswith(f"a kind cannot be served: {tmp_path / 'a' / 'crd.yaml'}")


def test_who_renames_a_folder_is_told_to_start_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, "nuvop")
    kind(tmp_path / "b", "foo")
    finder = found(tmp_path)
    (tmp_path / "b").rename(tmp_path / "c")
    assert [come(finder) for _ in range(3)] == [[]] * 3
    (record,) = caplog.records
    told = f"'foo' is that of {tmp_path}/b too, a folder that is gone: if it was renamed, restart nuvop"
    assert record.getMessage().endswith(told)


def test_what_comes_later_has_to_fit_to_what_was_there(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, "nuvop")
    kind(tmp_path / "b", "foo")
    finder = found(tmp_path)
    kind(tmp_path / "a", "foo-bar")
    assert [come(finder) for _ in range(3)] == [[]] * 3
    (record,) = caplog.records
    assert f"'foo-bar' and that of {tmp_path / 'b'} differ" in record.getMessage()


def test_that_a_folder_of_kinds_is_gone_is_told_by_its_kinds(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    kind(tmp_path / "kinds" / "a", "foo")
    finder = found(tmp_path / "kinds")
    shutil.rmtree(tmp_path / "kinds")
    assert come(finder) == []
    assert not caplog.records


def test_that_no_kinds_can_be_looked_for_is_told_once_and_keeps_no_other_folder_from_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.ERROR, "nuvop")
    one, other = tmp_path / "one", tmp_path / "other"
    kind(one / "a", "foo")
    kind(other / "b", "bar")
    finder = KindFinder((one, other))
    finder.look()
    kind(one / "c", "baz")
    kind(other / "d", "qux")
    with monkeypatch.context() as meanwhile:
        without_file_descriptors(meanwhile, one)
        assert [come(finder) for _ in range(3)] == [[], ["qux"], []]
        (record,) = caplog.records
        assert record.getMessage() == f"new kinds cannot be looked for, trying again: {one}: Too many open files"
        with pytest.raises(KindUnreadable, match="one: Too many open files"):
            found(one)
    assert [come(finder) for _ in range(3)] == [[], ["baz"], []]
    with monkeypatch.context() as meanwhile:
        without_file_descriptors(meanwhile, one)
        come(finder)
    assert len(caplog.records) == 2, "it is told again when it happens again"


@pytest.mark.parametrize("is_there_at_start", [True, False])
def test_a_crd_that_nobody_foresaw_leaves_out_its_own_folder_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, is_there_at_start: bool
) -> None:
    learn = nuvop_crd.learn

    def learn_or_fail(path: Path, files: Any, known: Any) -> Any:
        if path.name == "a" and files["crd.yaml"] == b"MADDENING":
            raise RuntimeError("an error of nuvop's")
        return learn(path, files, known)

    monkeypatch.setattr(nuvop_crd, "learn", learn_or_fail)
    record = told_of_one_that_is_mended(tmp_path, caplog, "MADDENING", is_there_at_start)
    assert str(tmp_path / "a") in record.getMessage()
    assert record.exc_info, "with where in nuvop it happened"


def test_a_kustomization_that_is_nested_too_deep_keeps_no_folder_from_being_read(tmp_path: Path) -> None:
    kind(tmp_path / "a", "foo")
    (tmp_path / "a" / ".hidden").write_text("")
    (tmp_path / "a" / "kustomization.yaml").write_text("[" * 1000)
    assert len(found(tmp_path).found) == 1
