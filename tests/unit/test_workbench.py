"""Which kinds a command loads."""

import os
import shutil
from pathlib import Path
from typing import Any, cast

import pytest

from nuvop import settings
from nuvop.errors import KindError, NotResolved
from nuvop.workbench import Workbench

SAMPLES = Path(__file__).parents[2] / "kustomize/samples"
OTHER = "example.org"


class Loading:
    """Loads nothing, and remembers what was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def load(self, path: Path, **_: Any) -> Path:
        self.asked.append(path.name)
        return path


@pytest.fixture
def loading() -> Loading:
    return Loading()


@pytest.fixture
def bench(tmp_path: Path, loading: Loading) -> Workbench:
    """Samples, beside a kind of which its CRD tells nothing, and one that cannot be loaded."""
    for name in ("samples", "nocrd", "samplers"):
        shutil.copytree(SAMPLES, tmp_path / name)
    (tmp_path / "nocrd/crd.yaml").write_text("a: [")
    text = (SAMPLES / "crd.yaml").read_text().replace("plural: samples", "plural: samplers").replace("[sam]", "[smp]")
    text = text.replace("Sample\n", "Sampler\n").replace("nuvolaris.org", OTHER).replace(": sample\n", ": sampler\n")
    (tmp_path / "samplers/crd.yaml").write_text(text)
    (tmp_path / "samplers/kind.yaml").write_text("a: [")
    known = settings.from_environment({"NUVOP_KINDS": str(tmp_path), "PATH": os.environ["PATH"]})
    nobody: Any = None
    return Workbench(known, nobody, tmp_path, nobody, cast("Any", loading))


@pytest.mark.parametrize(
    "name",
    ["samples", "Sample", "sample", "sam", "samples.nuvolaris", "samples.nuvolaris.org", "samples.v1.nuvolaris.org"],
)
async def test_a_kind_is_called_as_by_kubectl_and_no_other_is_loaded(
    bench: Workbench, loading: Loading, name: str
) -> None:
    await bench.kind_called(name)
    assert loading.asked == ["samples"]


async def test_a_kind_that_may_be_two_or_none_is_not_chosen(bench: Workbench, loading: Loading) -> None:
    (file,) = bench.settings.kinds[0].glob("samplers/crd.yaml")
    file.write_text(file.read_text().replace("[smp]", "[smp, sam]"))
    for name, told in (
        ("sam", "'sam' may be samplers.example.org or samples.nuvolaris.org: say which"),
        ("", "'': there is no such kind; there are samplers, samples; "),
        ("samples.x", "'samples.x': there is no such kind; there are samplers, samples; "),
    ):
        with pytest.raises(NotResolved) as error:
            await bench.kind_called(name)
        assert str(error.value).startswith(told)
        assert str(error.value).endswith(": say which") or "nocrd/crd.yaml:1: is not YAML" in str(error.value)
    assert loading.asked == []


async def test_a_resource_says_itself_of_which_kind_it_is(bench: Workbench, loading: Loading) -> None:
    await bench.kind_of("nuvolaris.org/v1", "Sample")
    await bench.kind_of("nuvolaris.org/v1", "Sample")
    assert loading.asked == ["samples"]
    with pytest.raises(
        KindError, match=r"no kind's folder is for it; there are Sampler .*nocrd/crd.yaml:1: is not YAML"
    ):
        await bench.kind_of("nuvolaris.org/v1", "Simple")


async def test_all_kinds_are_all_or_none(bench: Workbench) -> None:
    with pytest.raises(KindError, match=r"nocrd/crd\.yaml:1: is not YAML"):
        await bench.kinds()
