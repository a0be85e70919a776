"""What becomes of a kind when its folder cannot be read or changes. kubectl is a stand-in."""

import asyncio
import json
import logging
import shutil
import threading
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from nuvop import catalog as catalogs
from nuvop import kind_folder
from nuvop.catalog import SERVING, Catalog
from nuvop.cluster import ApiResource
from nuvop.errors import BuildFailed, KindError, KindUnreadable, KubectlCrashed, KubectlError
from nuvop.kind_finder import KindFinder
from nuvop.metrics import Metrics
from tests.unit.test_kind_finder import kind, without_file_descriptors
from tests.unit.test_overlay import DEPLOYMENT, SAMPLES


@pytest.fixture
async def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Catalog:
    monkeypatch.setattr(catalogs, "LOOK_EVERY", 0.01)
    shutil.copytree(SAMPLES, tmp_path / "kinds/samples")

    async def build(_: Path) -> str:
        return json.dumps(DEPLOYMENT)

    finder = KindFinder((tmp_path / "kinds",))
    finder.look()
    made = Catalog(finder, cast("Any", SimpleNamespace(build=build)), cast("Any", None), tmp_path / "made", Metrics())
    await made.load_all()
    return made


async def test_a_kind_is_not_the_newest_from_when_its_folder_is_another_one(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while that is still rendered."""
    kind, looked, may_end = catalog.kind("samples"), asyncio.Event(), asyncio.Event()
    assert catalog.is_newest(kind)

    async def wait(*_: Any, **__: Any) -> None:
        looked.set()
        await may_end.wait()
        raise KindError("broken")

    monkeypatch.setattr(catalog._loader, "load_files", wait)
    looking = asyncio.create_task(catalog.keep_looking(lambda _: None))
    (tmp_path / "kinds/samples/another.yaml").write_text("")
    await looked.wait()
    assert not catalog.is_newest(kind)
    may_end.set()
    await asyncio.sleep(0.01)
    assert not catalog.is_newest(kind)
    looking.cancel()


class Unreadable:
    """A folder for which there are no file descriptors left, until there are."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.looks = 0
        self._real, self._monkeypatch = kind_folder.read, monkeypatch
        monkeypatch.setattr(kind_folder, "read", self._refuse)

    def _refuse(self, folder: Path) -> dict[str, bytes]:
        self.looks += 1
        raise KindUnreadable(f"{folder}: Too many open files")

    def ends(self) -> None:
        self._monkeypatch.setattr(kind_folder, "read", self._real)


async def until(check: Any) -> None:
    async with asyncio.timeout(10):
        while not check():  # noqa: ASYNC110 – nobody tells
            await asyncio.sleep(0.005)


async def test_what_was_read_of_a_folder_holds_while_it_cannot_be_read(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    before, changed = catalog.kind("samples"), list[str]()
    looking = asyncio.create_task(catalog.keep_looking(changed.append))
    unreadable = Unreadable(monkeypatch)
    await until(lambda: unreadable.looks > 4)
    assert catalog.kind("samples") is before
    assert caplog.text.count("Too many open files") == 1
    with (tmp_path / "kinds/samples/deployment.yaml").open("a") as manifest:
        manifest.write("# changed meanwhile\n")
    unreadable.ends()
    await until(lambda: changed)
    assert changed == ["samples"]
    assert catalog.kind("samples").digest != before.digest
    looking.cancel()


async def test_a_folder_that_cannot_be_read_at_start_is_read_later(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    unreadable = Unreadable(monkeypatch)
    await catalog.load_all()
    with pytest.raises(KindUnreadable, match="Too many open files"):
        catalog.kind("samples")
    unreadable.ends()
    changed: list[str] = []
    looking = asyncio.create_task(catalog.keep_looking(changed.append))
    await until(lambda: changed)
    assert catalog.kind("samples").base
    looking.cancel()


async def test_a_crash_of_kubectl_is_not_the_folders_fault(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    errors: list[KubectlError] = [KubectlCrashed("no memory"), KubectlCrashed("no memory"), BuildFailed("no base")]
    builds: list[int] = []

    async def build(_: Path) -> str:
        builds.append(len(errors))
        if errors:
            raise errors.pop(0)
        return json.dumps(DEPLOYMENT)

    monkeypatch.setattr(catalog._loader._kubectl, "build", build)
    await catalog.load_all()
    with pytest.raises(KubectlCrashed):
        catalog.kind("samples")
    changed: list[str] = []
    looking = asyncio.create_task(catalog.keep_looking(changed.append))
    await until(lambda: not errors)
    await asyncio.sleep(0.1)
    assert builds == [3, 2, 1], "what kustomize says of a folder holds until that changes"
    with pytest.raises(BuildFailed):
        catalog.kind("samples")
    looking.cancel()


async def test_a_folder_that_comes_later_is_loaded_and_looked_at_from_then_on(catalog: Catalog, tmp_path: Path) -> None:
    changed: list[str] = []
    looking = asyncio.create_task(catalog.keep_looking(changed.append))
    kind(tmp_path / "kinds" / "later", "things")
    await until(lambda: len(catalog.types) == 2)
    before = catalog.kind("things")
    assert [type_.plural for _, type_ in catalog.types] == ["samples", "things"]
    (tmp_path / "kinds/later/deployment.yaml").write_text("broken: [")
    await until(lambda: changed)
    assert changed == ["things"]
    assert before.digest not in {each.digest for each in catalog.served()}
    looking.cancel()


async def test_the_log_tells_which_kinds_are_served(
    catalog: Catalog, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "nuvop")
    await catalog.load_all()
    (tmp_path / "kinds/samples/kind.yaml").write_text("broken: [")
    await catalog.load_all()
    told = [line for line in caplog.messages if line.startswith(SERVING)]
    assert told == ["serving samples.nuvolaris.org", "serving nothing"]


@pytest.mark.parametrize("meanwhile", [b"x: 1\n", b"not: [YAML"])
@pytest.mark.parametrize("is_being_loaded", [True, False])
async def test_a_folder_that_is_for_a_moment_another_one_while_it_is_read(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch, meanwhile: bytes, is_being_loaded: bool
) -> None:
    """An editor, or git, may write a file and take it back."""
    before, real, reads, changed = catalog.kind("samples").digest, kind_folder.read, list[bool](), list[str]()

    def read(folder: Path) -> Mapping[str, bytes]:
        files = real(folder)
        reads.append(len(reads) == (0 if is_being_loaded else 1))
        return {**files, "kind.yaml": meanwhile} if reads[-1] else files

    monkeypatch.setattr(kind_folder, "read", read)
    await catalog.load_all()
    assert reads == [is_being_loaded]
    looking = asyncio.create_task(catalog.keep_looking(changed.append))
    await until(lambda: len(reads) > 10)
    assert reads[1] is not is_being_loaded, "the first look has seen it"
    assert catalog.kind("samples").digest == before
    assert changed == (["samples"] if is_being_loaded else [])
    looking.cancel()


@pytest.mark.parametrize("moment", range(6))
@pytest.mark.parametrize("is_new", [True, False])
async def test_what_one_look_alone_has_seen_is_never_loaded(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int, is_new: bool
) -> None:
    """Half a folder may be a kind, too; the children that it lacks would be deleted."""
    folder = tmp_path / "kinds" / ("later" if is_new else "samples")
    plural = "things" if is_new else "samples"
    real_read, real_load = kind_folder.read, catalog._loader.load_files
    reads, loaded = list[str](), list[str]()

    def read(path: Path) -> Mapping[str, bytes]:
        files = real_read(path)
        if path == folder:
            files |= {"half.yaml": b""} if len(reads) == moment else {}
            reads.append(kind_folder.digest(files))
        return files

    async def load_files(path: Path, files: Mapping[str, bytes], *, lenient: bool = False) -> Any:
        loaded.append(kind_folder.digest(files))
        return await real_load(path, files, lenient=lenient)

    if is_new:
        kind(tmp_path / "later", plural)
        (tmp_path / "later").rename(folder)
    else:
        (folder / "another.yaml").write_text("")
    monkeypatch.setattr(kind_folder, "read", read)
    monkeypatch.setattr(catalog._loader, "load_files", load_files)
    looking = asyncio.create_task(catalog.keep_looking(lambda _: None))
    await until(lambda: len(reads) > moment + 6)
    looking.cancel()
    assert loaded == [reads[-1]]
    assert catalog.kind(plural).digest == reads[-1]


def served_from_now_on(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [line for line in caplog.messages if line.endswith("is served from now on")]


async def test_a_kind_that_comes_is_told_where_it_is_right(
    catalog: Catalog, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "nuvop")
    right, broken, mended = (tmp_path / "kinds" / name for name in ("right", "broken", "mended"))
    kind(tmp_path / "mended", "cups")
    whole = (tmp_path / "mended/crd.yaml").read_text()
    (tmp_path / "mended/crd.yaml").write_text("broken: [")
    (tmp_path / "mended").rename(mended)
    looking = asyncio.create_task(catalog.keep_looking(lambda _: None))
    await until(lambda: "a kind cannot be served" in caplog.text)
    (mended / "crd.yaml").write_text(whole)
    await until(lambda: len(catalog.types) == 2)
    kind(tmp_path / "broken", "plates")
    manifest = (tmp_path / "broken/kind.yaml").read_text()
    (tmp_path / "broken/kind.yaml").write_text("broken: [")
    (tmp_path / "broken").rename(broken)
    await until(lambda: "kind plates cannot be served" in caplog.text)
    kind(right, "things")
    await until(lambda: len(catalog.types) == 4)
    await until(lambda: len(served_from_now_on(caplog)) == 2)
    (broken / "kind.yaml").write_text(manifest)
    await until(lambda: len(served_from_now_on(caplog)) == 3)
    assert served_from_now_on(caplog) == [
        f"{mended}: the kind cups is served from now on",
        f"{right} is new: the kind things is served from now on",
        f"{broken}: the kind plates is served from now on",
    ]
    looking.cancel()


async def test_a_kind_that_was_found_before_an_error_is_loaded_after_it(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = KindFinder.look_again

    def look_again(finder: KindFinder) -> None:
        real(finder)
        if len(finder.found) == 2:
            raise OSError("an error that nobody foresaw")

    kind(tmp_path / "kinds" / "later", "things")
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(KindFinder, "look_again", look_again)
        with pytest.raises(OSError, match="nobody foresaw"):
            await catalog.keep_looking(lambda _: None)
    looking = asyncio.create_task(catalog.keep_looking(lambda _: None))
    await until(lambda: len(catalog.types) == 2)
    assert catalog.kind("things").base
    looking.cancel()


async def test_a_change_is_noticed_while_no_new_kinds_can_be_looked_for(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    without_file_descriptors(monkeypatch, tmp_path / "kinds")
    changed: list[str] = []
    looking = asyncio.create_task(catalog.keep_looking(changed.append))
    await until(lambda: "Too many open files" in caplog.text)
    with (tmp_path / "kinds/samples/deployment.yaml").open("a") as manifest:
        manifest.write("# changed meanwhile\n")
    await until(lambda: changed or looking.done())
    assert changed == ["samples"]
    assert caplog.text.count("Too many open files") == 1
    looking.cancel()


async def test_the_event_loop_reads_no_file_to_tell_a_line(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    readers: list[threading.Thread] = []

    def tell_lines(*_: object) -> None:
        readers.append(threading.current_thread())

    monkeypatch.setattr(kind_folder, "tell_lines", tell_lines)
    deployments = ApiResource("apps", "v1", "deployments", "Deployment", namespaced=False)
    with pytest.raises(KindError, match="a Deployment lives outside namespaces: write `scope: Cluster` here"):
        await catalogs.check_scope(catalog.kind("samples"), deployments)
    assert readers
    assert threading.main_thread() not in readers
