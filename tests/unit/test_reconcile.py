"""The pipeline's decisions, with stand-ins for the API server and kubectl. tests/e2e shows what Kubernetes does."""

import asyncio
from collections.abc import AsyncIterator, Collection
from pathlib import Path
from typing import Any, cast

import pytest

from nuvop import kind_folder, kind_yaml, overlay, reconcile
from nuvop.cluster import ApiResource, Event, Listed
from nuvop.errors import NotFound, WriteFailed
from nuvop.events import News
from nuvop.kinds import Kind
from nuvop.metrics import Metrics
from nuvop.objects import INSTANCE_LABEL, OWNER_LABEL, REVISION_LABEL, Body, CRKey
from nuvop.overlay import Overlay, folder
from nuvop.pruner import Pruner
from nuvop.reconcile import FRESH, Reconciler
from nuvop.reporter import Reporter
from tests.unit.based import with_base
from tests.unit.test_overlay import DEPLOYMENT, SAMPLES

DEPLOYMENTS = ApiResource("apps", "v1", "deployments", "Deployment")
KEY = CRKey("samples", "demo", "obj")


def cr(version: int, uid: str = "u1", generation: int = 1) -> dict[str, Any]:
    metadata = {
        "name": "obj",
        "namespace": "demo",
        "uid": uid,
        "generation": generation,
        "resourceVersion": str(version),
    }
    return {"metadata": metadata, "spec": {"count": generation}, "status": {"observedGeneration": -1}}


def deployment(version: int, *, labels: dict[str, str], manager: str = "nuvop") -> dict[str, Any]:
    entry: dict[str, Any] = {
        "manager": manager,
        "operation": "Apply" if manager == "nuvop" else "Update",
        "fieldsV1": {"f:spec": {}},
    }
    metadata = {"name": "obj-demo-deploy", "namespace": "demo", "uid": f"d-{manager}", "resourceVersion": str(version)}
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicas": 0}}
    return {**body, "metadata": {**metadata, "labels": labels, "managedFields": [entry], "generation": 1},
            "status": {"observedGeneration": 1, "conditions": [{"type": "Available", "status": "True"}]}}  # fmt: skip


class World:
    """An API server with one CR and at most one Deployment, and a kubectl that applies."""

    def __init__(self, generated: Path, kind: Kind) -> None:
        self.generated, self._kind = generated, kind
        self.crs: dict[str, Any] = {}
        self.deployment: dict[str, Any] | None = None
        self.listed: list[dict[str, Any]] = []
        self.applied: list[str] = []
        self.told: list[dict[str, Any]] = []
        self.deleted: list[str] = []
        self.patched: list[Any] = []
        self.news: list[News] = []

    def drain(self) -> None:
        """Nothing waits here."""

    def forget(self, key: CRKey) -> None:
        pass

    def tell(self, body: Body, news: News) -> None:
        self.news.append(news)

    # what the Reconciler asks of Catalog, Cluster and Applier
    def kind(self, plural: str) -> Kind:
        return self._kind

    async def choose(self, plural: str, cr: Body) -> Kind:
        return self._kind

    async def install(self, kind: Kind) -> None:
        """Nothing is installed here."""

    def resource(self, plural: str) -> ApiResource:
        return ApiResource("nuvolaris.org", "v1", "samples", "Sample")

    async def watched(self, kind: Kind) -> list[ApiResource]:
        return [DEPLOYMENTS]

    async def discover(self, api_version: str, kind: str) -> ApiResource:
        return DEPLOYMENTS

    async def get(self, resource: ApiResource, namespace: str, name: str) -> dict[str, Any]:
        found = self.crs.get(name) if resource.plural == "samples" else self.deployment
        if found is None:
            raise NotFound(name, status=404)
        return found

    async def write_status(
        self, resource: ApiResource, body: dict[str, Any], status: dict[str, Any], beside: Collection[str]
    ) -> dict[str, Any]:
        self.told.append(status)
        metadata = {**body["metadata"], "resourceVersion": str(int(body["metadata"]["resourceVersion"]) + 1)}
        return {**body, "metadata": metadata, "status": status}

    async def find(self, resource: ApiResource, namespace: str, names: Collection[str]) -> dict[str, Any]:
        found = self.deployment
        return {found["metadata"]["name"]: found} if found and found["metadata"]["name"] in names else {}

    async def list(
        self, resource: ApiResource, namespace: str | None, *, labels: str = "", metadata_only: bool = False
    ) -> Any:
        return list(self.crs.values())

    async def delete(self, resource: ApiResource, body: dict[str, Any]) -> None:
        self.deleted.append(body["metadata"]["name"])

    async def patch_metadata(self, resource: ApiResource, body: dict[str, Any], operations: Any) -> dict[str, Any]:
        self.patched.append(operations)
        return body

    async def follow(
        self, resource: ApiResource, namespace: str, *, labels: str = "", fields: str = ""
    ) -> AsyncIterator[Event]:
        yield Listed(list(self.listed) if resource == DEPLOYMENTS else [], 10)
        await asyncio.Event().wait()

    async def apply(self, overlay: Overlay, landed: Any, *, is_repair: bool = False) -> Any:
        self.applied.append((folder(self.generated, overlay.key) / "kustomization.yaml").read_text())
        revision = self.applied[-1].split('"' + REVISION_LABEL + '": "')[1].split('"')[0]
        labels = {INSTANCE_LABEL: KEY.instance, OWNER_LABEL: "u1", REVISION_LABEL: revision}
        self.deployment = deployment(100 + len(self.applied), labels=labels)
        return [self.deployment]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, with_base(kind_yaml.parse(SAMPLES, kind_folder.read(SAMPLES)), [DEPLOYMENT]))


@pytest.fixture
async def reconciler(world: World) -> AsyncIterator[Reconciler]:
    api, metrics = cast("Any", world), Metrics()
    reporter = Reporter(api, api, metrics)
    pruner = Pruner(api, api, reporter, metrics, percent=50, cluster_wide=True)
    made = Reconciler(api, api, api, api, reporter, pruner, metrics, world.generated, cluster_wide=True)
    yield made
    await made.close()


async def settle() -> None:
    for _ in range(50):
        await asyncio.sleep(0.001)


def conditions(world: World) -> dict[str, tuple[str, str]]:
    return {c["type"]: (c["status"], c["reason"]) for c in world.told[-1]["conditions"]}


async def test_a_new_cr_is_applied_and_told(world: World, reconciler: Reconciler) -> None:
    world.crs["obj"] = cr(1)
    reconciler.seen("samples", cr(1))
    await settle()
    assert len(world.applied) == 1
    assert conditions(world)["Ready"] == ("True", "Succeeded")
    assert folder(world.generated, KEY).is_dir()


async def test_a_ghost_is_not_repaired(world: World, reconciler: Reconciler) -> None:
    world.crs["obj"] = cr(1)
    reconciler.seen("samples", cr(1))
    await settle()
    world.crs.clear()
    assert world.deployment is not None
    reconciler._changed(reconciler._observer._children.remove({**world.deployment, "metadata": {
        **world.deployment["metadata"], "resourceVersion": "200"}}))  # fmt: skip
    await settle()
    assert len(world.applied) == 1
    assert not folder(world.generated, KEY).exists()


async def test_an_overlay_that_cannot_be_removed_goes_later(
    world: World, reconciler: Reconciler, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(generated: Path, key: CRKey) -> None:
        raise WriteFailed(f"{folder(generated, key)} cannot be removed: Read-only file system")

    real = overlay.remove
    monkeypatch.setattr(reconcile, "RETRY_MOST_PASSING", 0.01)
    monkeypatch.setattr(overlay, "remove", refuse)
    world.crs["obj"] = cr(1)
    reconciler.seen("samples", cr(1))
    await settle()
    reconciler.gone("samples", world.crs.pop("obj"))
    await settle()
    assert folder(world.generated, KEY).exists()
    assert caplog.text.count("Read-only file system") == 1
    monkeypatch.setattr(overlay, "remove", real)
    await settle()
    assert not folder(world.generated, KEY).exists()


async def test_a_ghost_that_was_never_applied_is_not_applied(world: World, reconciler: Reconciler) -> None:
    world.crs["obj"] = cr(1)
    world.deployment = deployment(5, labels={}, manager="somebody")
    reconciler.seen("samples", cr(1))
    await settle()
    assert conditions(world)["Stalled"] == ("True", "NotOwned")
    world.crs.clear()
    world.deployment = None
    reconciler._records[KEY].seen_at -= FRESH
    reconciler._queue.add(KEY)
    await settle()
    assert world.applied == []


async def test_a_copy_with_our_labels_is_not_taken_over(world: World, reconciler: Reconciler) -> None:
    labels = {INSTANCE_LABEL: KEY.instance, OWNER_LABEL: "another uid", REVISION_LABEL: "x"}
    world.listed = [deployment(5, labels=labels, manager="somebody")]
    world.crs["obj"] = cr(1)
    reconciler.seen("samples", cr(1))
    await settle()
    assert world.applied == []
    assert conditions(world)["Stalled"] == ("True", "NotOwned")
    assert "made by somebody" in world.told[-1]["conditions"][0]["message"]


async def test_what_an_earlier_cr_of_the_name_has_left_is_taken_on(world: World, reconciler: Reconciler) -> None:
    labels = {INSTANCE_LABEL: KEY.instance, OWNER_LABEL: "earlier", REVISION_LABEL: "x"}
    world.listed = [deployment(5, labels=labels)]
    world.crs["obj"] = cr(1)
    reconciler.seen("samples", cr(1))
    await settle()
    assert len(world.applied) == 1


async def test_an_older_cr_of_the_same_name_does_not_count(world: World, reconciler: Reconciler) -> None:
    world.crs["obj"] = cr(20)
    reconciler.seen("samples", cr(20))
    reconciler.seen("samples", cr(10, uid="older"))
    reconciler.gone("samples", cr(11, uid="older"))
    await settle()
    assert reconciler._records[KEY].uid == "u1"
    assert len(world.applied) == 1


async def test_what_is_told_is_of_the_newest_generation(world: World, reconciler: Reconciler) -> None:
    async def slow(overlay: Overlay, landed: Any, *, is_repair: bool = False) -> Any:
        if not world.applied:
            world.crs["obj"] = cr(5, generation=2)
            reconciler.seen("samples", cr(5, generation=2))
        return await World.apply(world, overlay, landed)

    world.apply = slow  # type: ignore[method-assign]
    world.crs["obj"] = cr(1)
    reconciler.seen("samples", cr(1))
    await settle()
    assert len(world.applied) == 2
    announced, *told = world.told
    assert announced["conditions"][0]["message"] == "its children are being applied"
    assert {c["observedGeneration"] for status in told for c in status["conditions"]} == {2}
