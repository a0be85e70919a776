"""What a kind installs for all of its CRs."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nuvop import made_once
from nuvop.errors import ApplyFailed
from nuvop.kinds import Kind
from nuvop.made_once import Installer
from tests.unit.world import make_kind, manifest

NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shared}\n"


class FakeKubectl:
    """Applies nothing; ``failing`` is what it says, and ``going`` keeps it from coming to an end."""

    def __init__(self) -> None:
        self.applied = 0
        self.failing = ""
        self.going = asyncio.Event()
        self.going.set()

    async def apply(self, folder: Path, **_: Any) -> list[Any]:
        self.applied += 1
        assert (folder / "install.yaml").read_text() == NAMESPACE
        await self.going.wait()
        if self.failing:
            raise ApplyFailed(self.failing, terminal=True)
        return []


@pytest.fixture
def kubectl() -> FakeKubectl:
    return FakeKubectl()


@pytest.fixture
def installer(kubectl: Any, tmp_path: Path) -> Installer:
    return Installer(kubectl, tmp_path)


def kind(plural: str = "samples", digest: str = "a") -> Kind:
    made = make_kind(manifest("config"), digest=digest)
    return replace(made, installed=NAMESPACE, crd=replace(made.crd, resource=replace(made.resource, plural=plural)))


async def test_once_for_each_state_of_the_folder(installer: Installer, kubectl: FakeKubectl) -> None:
    await asyncio.gather(*(installer.install(kind()) for _ in range(20)))
    assert kubectl.applied == 1
    await installer.install(kind(digest="b"))
    assert kubectl.applied == 2


async def test_a_failure_is_that_of_all_who_ask_at_once(
    installer: Installer, kubectl: FakeKubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubectl.failing = "it is forbidden"
    found = await asyncio.gather(*(installer.install(kind()) for _ in range(20)), return_exceptions=True)
    assert {str(each) for each in found} == {f"{kind().folder}: install: it is forbidden"}
    assert kubectl.applied == 1
    kubectl.failing = ""
    await installer.install(kind(digest="b"))  # the folder was mended
    monkeypatch.setattr(made_once, "INSTALL_AGAIN", 0.0)
    kubectl.failing = "it is still forbidden"
    for count in (3, 4):
        with pytest.raises(ApplyFailed):
            await installer.install(kind(digest="c"))
        assert kubectl.applied == count


async def test_one_kind_waits_for_no_other(installer: Installer, kubectl: FakeKubectl) -> None:
    kubectl.going.clear()
    slow = asyncio.create_task(installer.install(kind("slows")))
    await asyncio.sleep(0)
    other = asyncio.create_task(installer.install(kind("others")))
    await asyncio.sleep(0.05)
    assert kubectl.applied == 2
    kubectl.going.set()
    await asyncio.gather(slow, other)
