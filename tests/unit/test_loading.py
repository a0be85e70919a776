"""Kinds are loaded once for each choice of components. kubectl is a stand-in that counts."""

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest
from click.testing import CliRunner

from nuvop import findings, openapi
from nuvop.commands.check import check
from nuvop.errors import BuildFailed, KindError
from nuvop.loading import Loader

PARTS = Path(__file__).parents[1] / "golden/parts"

BASE = """apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {greeting: x, web.conf: x}
"""


class Kubectl:
    """What kustomize makes of a folder: its name is all that counts."""

    def __init__(self) -> None:
        self.built: list[str] = []
        self.error: Exception | None = None

    async def build(self, folder: Path) -> str:
        self.built.append(folder.name)
        await asyncio.sleep(0)
        if self.error:
            raise self.error
        job = "---\napiVersion: batch/v1\nkind: Job\nmetadata: {name: more}\n" if "backup" in folder.name else ""
        return f"{BASE}{job}"


@pytest.fixture
def kind(tmp_path: Path) -> Path:
    """A folder with two components, and a kind.yaml that asks little."""
    folder = tmp_path / "parts"
    for name in ("backup", "metrics"):
        (folder / "components" / name).mkdir(parents=True)
        (folder / "components" / name / "kustomization.yaml").touch()
    (folder / "kustomization.yaml").write_text("{}")
    (folder / "crd.yaml").write_bytes((PARTS / "crd.yaml").read_bytes())
    components = "components: {backup: spec.backup, metrics: spec.metrics=plain}"
    (folder / "kind.yaml").write_text(f"apiVersion: nuvop.nuvolaris.org/v1\nkind: Kind\n{components}\n")
    return folder


@pytest.mark.parametrize(
    ("file", "old", "new", "line"),
    [
        ("kind.yaml", "kind: Kind", "kind: Sort", 2),
        ("kind.yaml", "metrics: spec.metrics=plain", "metrics: spec.nothing", 3),
        ("crd.yaml", "status: {}", "scale: {}", 0),
        ("kustomization.yaml", "{}", "\nresources:\n- /abroad", 3),
    ],
)
async def test_an_error_tells_the_line_as_nuvop_check_does(
    kind: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, old: str, new: str, line: int
) -> None:
    text = (kind / file).read_text()
    (kind / file).write_text(text.replace(old, new, 1))
    with pytest.raises(KindError) as error:
        await Loader(cast("Any", Kubectl()), tmp_path / "generated").load(kind)
    place = error.value.place
    assert place is not None
    assert place.line == line or (line == 0 and place.line > 1)
    assert str(error.value).startswith(f"{kind / file}:{place.line}: {place.path}: ")
    monkeypatch.chdir(tmp_path)
    first, *_ = (await asyncio.to_thread(CliRunner().invoke, check, ["parts"])).output.splitlines()
    assert f"{tmp_path}/{first.replace(' error:', '')}" == str(error.value)


async def test_each_choice_is_rendered_once(kind: Path, tmp_path: Path) -> None:
    kubectl = Kubectl()
    loader = Loader(cast("Any", kubectl), tmp_path / "generated")
    loaded = await loader.load(kind)
    assert kubectl.built == ["source", "with.backup", "with.metrics"]
    assert list(map(str, loaded.base)) == ["ConfigMap/settings"]
    assert list(map(str, loaded.everything)) == ["ConfigMap/settings", "Job/more"]

    assert await loader.choose(loaded, {"spec": {}}) is loaded
    one = await loader.choose(loaded, {"spec": {"backup": {}}})
    assert (list(map(str, one.base)), one.everything) == (["ConfigMap/settings", "Job/more"], loaded.everything)
    assert len(kubectl.built) == 3
    both: dict[str, Any] = {"spec": {"backup": {}, "metrics": "plain"}}
    found = await asyncio.gather(*(loader.choose(loaded, both) for _ in range(100)))
    assert kubectl.built[3:] == ["with.backup.metrics"]
    assert all(each is found[0] for each in found)


async def test_a_changed_folder_is_rendered_anew(kind: Path, tmp_path: Path) -> None:
    kubectl = Kubectl()
    loader = Loader(cast("Any", kubectl), tmp_path / "generated")
    both: dict[str, Any] = {"spec": {"backup": {}, "metrics": "plain"}}
    before = await loader.choose(await loader.load(kind), both)
    (kind / "note.txt").write_text("x")
    after = await loader.choose(await loader.load(kind), both)
    assert before.digest != after.digest
    assert kubectl.built.count("with.backup.metrics") == 2


async def test_what_cannot_be_built_says_with_which_components(kind: Path, tmp_path: Path) -> None:
    kubectl = Kubectl()
    loader = Loader(cast("Any", kubectl), tmp_path / "generated")
    loaded = await loader.load(kind)
    kubectl.error = BuildFailed("no")
    with pytest.raises(BuildFailed) as raised:
        await loader.choose(loaded, {"spec": {"backup": {}, "metrics": "plain"}})
    assert str(raised.value) == f"{kind}: with backup, metrics: no"


async def test_what_a_newer_kubernetes_may_have_keeps_no_operator_from_serving(kind: Path, tmp_path: Path) -> None:
    loader = Loader(cast("Any", Kubectl()), tmp_path / "generated")
    with (kind / "kind.yaml").open("a") as file:
        file.write("set: {spec.greeting: ConfigMap/settings novel}\n")
    with pytest.raises(KindError, match="a ConfigMap has no field novel"):
        await loader.load(kind)
    loaded = await loader.load(kind, lenient=True)
    assert [finding.message for finding in loader.findings(loaded) if finding.is_error] == [
        f"a ConfigMap has no field novel (Kubernetes {openapi.version()})"
    ]


async def test_what_was_loaded_is_there_while_it_is_loaded_anew(
    kind: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who checks the rights in that moment asks for it."""
    loader = Loader(cast("Any", Kubectl()), tmp_path / "generated")
    loaded = await loader.load(kind)
    seen: list[list[str]] = []

    def meanwhile(*_: object) -> None:
        seen.append([each.digest for each in loader.alternatives(loaded)])

    monkeypatch.setattr(findings, "error_of", meanwhile)
    (kind / "note.txt").write_text("x")
    await loader.load(kind)
    assert seen == [[loaded.digest] * 3]
