"""When an operator says that it is ready."""

import asyncio
from typing import Any

import pytest

from nuvop import health, probes
from nuvop.errors import ClusterUnreachable, KubectlUnusable
from nuvop.health import Check
from nuvop.probes import Probes
from tests.unit.virtual_time import VirtualTime

LOOP = VirtualTime

HANGS = "it hangs"

READY = [Check("kubectl"), Check("api"), Check("watches")]


class FakeCluster:
    """An API server that knows pods, fails with ``error`` or hangs."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.hangs = False

    async def discover(self, api_version: str, kind: str, *, anew: bool) -> None:
        assert (api_version, kind, anew) == ("v1", "Pod", True)
        if self.hangs:
            await asyncio.Event().wait()
        if self.error:
            raise self.error


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is to be found of kubectl, one look each; the last one stays."""
    looks = [""]

    async def find(_: object) -> str:
        found = looks.pop(0) if len(looks) > 1 else looks[0]
        if found == HANGS:
            await asyncio.Event().wait()
        if found:
            raise KubectlUnusable(found)
        return "kubectl"

    monkeypatch.setattr(probes, "find_kubectl", find)
    return looks


@pytest.fixture
def cluster() -> FakeCluster:
    return FakeCluster()


async def test_not_before_the_kinds_are_loaded(looks: list[str]) -> None:
    processes: Any = None
    assert await Probes(processes).ready() == [Check("start", "the kinds are being loaded")]


def started(cluster: Any, unsynced: list[str]) -> Probes:
    processes: Any = None
    made = Probes(processes)
    made.started(cluster, lambda: unsynced)
    return made


async def test_each_thing_is_told(looks: list[str], cluster: FakeCluster) -> None:
    unsynced: list[str] = []
    made = started(cluster, unsynced)
    assert await made.ready() == READY
    unsynced += ["pods in a: not listed yet", "services: no"]
    cluster.error = ClusterUnreachable("nobody listens there")
    assert await made.ready() == [
        Check("kubectl"),
        Check("api", "nobody listens there"),
        Check("watches", "pods in a: not listed yet; services: no"),
    ]
    cluster.hangs = True
    assert (await made.ready())[1] == Check("api", "no answer in 3 s")


async def test_who_asks_has_an_answer_in_time_though_nobody_answers_nuvop(
    looks: list[str], cluster: FakeCluster
) -> None:
    looks[:], cluster.hangs = [HANGS], True
    made = started(cluster, [])
    found = await asyncio.wait_for(made.ready(), health.PATIENCE)
    assert [check.trouble for check in found] == ["no answer in 3 s", "no answer in 3 s", ""]


async def test_kubectl_is_not_looked_at_each_time_while_it_works(looks: list[str], cluster: FakeCluster) -> None:
    looks[:] = ["it is gone", "", "it is gone again"]
    made = started(cluster, [])
    assert [(await made.ready())[0].trouble for _ in range(3)] == ["it is gone", "", ""]
