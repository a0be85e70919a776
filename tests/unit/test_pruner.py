"""What is done before and after a child is pruned; which ones may be is in test_prune."""

import asyncio
from dataclasses import replace
from typing import Any, cast

import pytest

from nuvop import inventory, kind_folder, kind_yaml
from nuvop.cluster import ApiResource
from nuvop.errors import ClusterError, ClusterUnreachable, Conflict, Forbidden, NotFound
from nuvop.events import News
from nuvop.kinds import Kind
from nuvop.metrics import Metrics
from nuvop.objects import INSTANCE_LABEL, OWNER_LABEL, REVISION_LABEL, Body, CRKey, ObjectKey, key_of
from nuvop.pruner import Pruner
from nuvop.record import Record
from nuvop.scene import Scene
from nuvop.status import Aspect, Reason
from tests.unit.based import with_base
from tests.unit.test_judge import scene
from tests.unit.test_overlay import DEPLOYMENT, SAMPLES


def left(name: str, kind: str = "Service") -> dict[str, Any]:
    labels = {OWNER_LABEL: "u1", REVISION_LABEL: "older", INSTANCE_LABEL: "samples-obj"}
    owned: dict[str, Any] = {"f:metadata": {"f:labels": {f"f:{OWNER_LABEL}": {}}}}
    entry = {"manager": "nuvop", "operation": "Apply", "fieldsV1": owned}
    metadata = {"name": name, "namespace": "demo", "uid": name, "resourceVersion": "5", "labels": labels}
    return {"apiVersion": "v1", "kind": kind, "metadata": {**metadata, "managedFields": [entry]}}


class World:
    """An API server, a catalog and a reporter."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.crs: list[dict[str, Any]] = []
        self.error: Exception | None = None
        self.is_current = True
        self.is_newest_folder = True
        self.told: list[News] = []
        self.namespaces: list[str | None] = []

    async def choose(self, plural: str, cr: Body) -> Kind:
        return with_base(kind_yaml.parse(SAMPLES, kind_folder.read(SAMPLES)), [DEPLOYMENT])

    def is_newest(self, kind: Kind) -> bool:
        return self.is_newest_folder

    def resource(self, plural: str) -> ApiResource:
        return ApiResource("nuvolaris.org", "v1", plural, "Sample")

    async def discover(self, api_version: str, kind: str) -> ApiResource:
        return ApiResource("", "v1", kind.lower() + "s", kind)

    async def list(self, resource: ApiResource, namespace: str | None) -> Any:
        self.namespaces.append(namespace)
        await asyncio.sleep(0)
        return self.crs

    async def delete(self, resource: ApiResource, body: dict[str, Any]) -> None:
        self.steps.append(f"delete {body['metadata']['name']}")
        if self.error:
            raise self.error

    async def look(self) -> bool:
        self.steps.append("look")
        return self.is_current

    def news(self, record: Any, news: News) -> None:
        self.told.append(news)


def make(world: World, *, cluster_wide: bool = True) -> Pruner:
    api = cast("Any", world)
    return Pruner(api, api, api, Metrics(), percent=50, cluster_wide=cluster_wide)


def left_over(*bodies: Body, **annotations: str) -> Scene:
    kind = with_base(kind_yaml.parse(SAMPLES, kind_folder.read(SAMPLES)), [DEPLOYMENT])
    return scene(kind, {key_of(body): body for body in bodies}, None, **annotations)


async def prune(world: World, pruner: Pruner, here: Scene, *, is_ready: bool = True) -> list[tuple[str, str]]:
    also = await pruner.prune(here, is_ready=is_ready, is_current=world.look)
    return [(str(one.aspect), str(one.reason)) for one in also]


async def test_the_cr_is_read_anew_before_anything_goes() -> None:
    world = World()
    assert await prune(world, make(world), left_over(left("a"), left("b"))) == []
    assert world.steps == ["look", "delete a", "delete b"]
    assert [news.reason for news in world.told] == ["Pruned", "Pruned"]


async def test_nothing_goes_where_the_cr_has_changed() -> None:
    world = World()
    world.is_current = False
    await prune(world, make(world), left_over(left("a")))
    assert world.steps == ["look"]


async def test_a_folder_that_changes_while_it_is_judged_is_judged_when_it_comes_back() -> None:
    """What is found out of all CRs is of the folder that counts by then."""
    world = World()
    pruner, here = make(world), left_over(left("a"))
    world.is_newest_folder = False
    assert await prune(world, pruner, here) == []
    assert "delete a" not in world.steps
    world.is_newest_folder = True
    await prune(world, pruner, here)
    assert world.steps[-1] == "delete a"
    assert world.namespaces == [None, None]


async def test_nothing_is_asked_where_nothing_is_left_over() -> None:
    world = World()
    assert await prune(world, make(world), left_over()) == []
    assert world.steps == []
    assert world.namespaces == []


async def test_what_pods_read_waits_until_the_cr_is_ready() -> None:
    world = World()
    here = left_over(left("config", "ConfigMap"), left("a"))
    await prune(world, make(world), here, is_ready=False)
    assert world.steps == ["look", "delete a"]
    await prune(world, make(world), here)
    assert "delete config" in world.steps


@pytest.mark.parametrize("error", [NotFound("a", status=404), Conflict("a", status=409)])
async def test_what_has_gone_or_changed_meanwhile_is_no_trouble(error: Exception) -> None:
    world = World()
    world.error = error
    assert await prune(world, make(world), left_over(left("a"))) == []
    assert world.told == []


@pytest.mark.parametrize("error", [Forbidden("no", status=403), ClusterError("a webhook says no", status=400)])
async def test_what_resists_is_told_and_holds_up_nothing_else(error: Exception) -> None:
    world = World()
    world.error = error
    also = await make(world).prune(left_over(left("a"), left("b")), is_ready=True, is_current=world.look)
    assert [(one.aspect, one.reason) for one in also] == [(Aspect.PRUNE_BLOCKED, Reason.PRUNE_FAILED)]
    assert f"Service/a is no longer part of the kind and cannot be deleted: {error}" in also[0].message
    assert world.steps == ["look", "delete a", "delete b"]


async def test_what_resists_is_told_until_it_is_gone_also_while_it_is_not_tried() -> None:
    world = World()
    pruner, here = make(world), left_over(left("config", "ConfigMap"), left("a"))
    failed = [(str(Aspect.PRUNE_BLOCKED), str(Reason.PRUNE_FAILED))]
    world.error = Forbidden("no", status=403)
    assert await prune(world, pruner, here) == failed
    world.steps.clear()
    world.is_current = False
    assert await prune(world, pruner, here) == failed
    world.is_current, world.error = True, None
    (also,) = await pruner.prune(here, is_ready=False, is_current=world.look)
    assert also.message == "ConfigMap/config is no longer part of the kind and cannot be deleted: no"
    assert world.steps == ["look", "look", "delete a"]
    gone = replace(here, live={})
    assert await prune(world, pruner, gone, is_ready=False) == []
    assert await prune(world, pruner, here, is_ready=False) == [], "one that comes again was not tried yet"


async def test_an_api_server_that_is_away_is_no_answer() -> None:
    world = World()
    world.error = ClusterUnreachable("away")
    with pytest.raises(ClusterUnreachable):
        await prune(world, make(world), left_over(left("a")))


def many() -> list[dict[str, Any]]:
    """CRs of whose children most would go."""
    crs = []
    for number in range(8):
        key = CRKey("samples", "demo", f"n{number}")
        entries = [inventory.announced(ObjectKey("", "Service", "demo", f"{key.name}-{i}"), "v1") for i in range(2)]
        status = {"inventory": [entry.as_dict() for entry in entries]}
        crs.append({"metadata": {"name": key.name, "namespace": "demo"}, "status": status})
    return crs


async def test_too_much_is_refused_once_for_a_folder_and_may_be_confirmed() -> None:
    world = World()
    world.crs = many()
    pruner = make(world)
    refused = [(str(Aspect.PRUNE_BLOCKED), str(Reason.PRUNE_REFUSED))]
    assert await prune(world, pruner, left_over(left("a"))) == refused
    assert await prune(world, pruner, left_over(left("b"))) == refused
    assert world.steps == []
    assert world.namespaces == [None], "it is judged once"
    assert await prune(world, pruner, left_over(left("a"), prune="confirm")) == []
    assert world.steps == ["look", "delete a"]


async def test_another_folder_and_another_namespace_are_judged_anew() -> None:
    world = World()
    pruner = make(world, cluster_wide=False)
    here = left_over(left("a"))
    assert await prune(world, pruner, here) == []
    world.crs = many()
    other = replace(here, kind=replace(here.kind, digest="other"), record=left_over().record)
    assert await prune(world, pruner, other)
    elsewhere = replace(here, key=CRKey("samples", "elsewhere", "obj"), record=left_over().record)
    assert await prune(world, pruner, elsewhere)
    assert world.namespaces == ["demo", "demo", "elsewhere"]


async def test_a_folder_that_comes_back_is_judged_anew() -> None:
    """A change that is undone and done again: there may be ten times as many children by then."""
    world = World()
    pruner = make(world)
    here = left_over(left("a"))
    assert await prune(world, pruner, here) == []
    without = left_over()
    assert await prune(world, pruner, replace(without, kind=replace(without.kind, digest="other"))) == []
    world.crs = many()
    assert await prune(world, pruner, left_over(left("b")))
    assert world.steps == ["look", "delete a"]


async def test_what_was_refused_stays_refused_for_an_operator_that_finds_less_left() -> None:
    world = World()
    told: dict[str, Any] = {"type": "PruneBlocked", "status": "True", "reason": "PruneRefused", "message": "26 of 39 …"}
    told |= {"lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 1}
    here = left_over(left("a"))
    record = Record.of({**here.record.body, "status": {"conditions": [told]}}, 0.0)
    refused = [(str(Aspect.PRUNE_BLOCKED), str(Reason.PRUNE_REFUSED))]
    assert await prune(world, make(world), replace(here, record=record)) == refused
    assert world.steps == []
    assert await prune(world, make(world), replace(left_over(), record=record)) == [], "nothing is left over any more"
    assert await prune(world, make(world), replace(here, record=record)) == []


async def test_two_at_once_are_judged_once() -> None:
    world = World()
    world.crs = many()
    pruner = make(world)
    both = await asyncio.gather(prune(world, pruner, left_over(left("a"))), prune(world, pruner, left_over(left("b"))))
    assert all(both)
    assert world.namespaces == [None]
