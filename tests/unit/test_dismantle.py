"""What becomes of the children of a CR that carries nuvop's finalizer."""

from typing import Any, cast

import pytest

from nuvop.cluster import ApiResource
from nuvop.dismantle import detach, dismantle, finalizers
from nuvop.errors import Conflict, Forbidden, NotFound, NotServed
from nuvop.objects import (
    FINALIZER,
    GENERATED_LABEL,
    INSTANCE_LABEL,
    MANAGED_BY_LABEL,
    NAMESPACE_LABEL,
    OWNER_LABEL,
    REVISION_LABEL,
)

CR: dict[str, Any] = {"metadata": {"name": "x", "namespace": "demo", "uid": "u1"}}
ROLE, CONFIG = ("rbac.authorization.k8s.io/v1", "ClusterRole"), ("v1", "ConfigMap")
LABELS = {
    MANAGED_BY_LABEL: "nuvop",
    INSTANCE_LABEL: "samples-x",
    OWNER_LABEL: "u1",
    REVISION_LABEL: "r1",
    "app": "theirs",
}


def child(name: str, *, owners: tuple[str, ...] = (), manager: str = "nuvop", **more: Any) -> dict[str, Any]:
    labelled: dict[str, Any] = {"f:data": {}, "f:metadata": {"f:labels": {f"f:{OWNER_LABEL}": {}}}}
    entries = [
        {"manager": manager, "operation": "Apply", "fieldsV1": labelled},
        {"manager": "kubectl-edit", "operation": "Update", "fieldsV1": {"f:data": {}}},
    ]
    metadata = {"name": name, "uid": f"uid-{name}", "resourceVersion": "5", "labels": LABELS, "managedFields": entries}
    references = {"ownerReferences": [{"uid": uid} for uid in owners]} if owners else {}
    return {"metadata": {**metadata, **references, **more}}


class Api:
    def __init__(self, **objects: list[dict[str, Any]]) -> None:
        self.objects = objects
        self.listed: list[tuple[str, str | None, str]] = []
        self.deleted: list[str] = []
        self.patched: dict[str, list[dict[str, Any]]] = {}
        self.error: Exception | None = None

    async def discover(self, api_version: str, kind: str) -> ApiResource:
        if kind not in self.objects:
            raise NotServed(kind, status=404)
        return ApiResource("", "v1", kind.lower() + "s", kind, namespaced=kind != "ClusterRole")

    async def delete(self, resource: ApiResource, body: dict[str, Any]) -> None:
        if self.error:
            raise self.error
        self.deleted.append(body["metadata"]["name"])

    async def patch_metadata(
        self, resource: ApiResource, body: dict[str, Any], operations: list[dict[str, Any]]
    ) -> None:
        if self.error:
            raise self.error
        self.patched[body["metadata"]["name"]] = operations

    async def list(
        self, resource: ApiResource, namespace: str | None, *, labels: str, metadata_only: bool
    ) -> list[dict[str, Any]]:
        assert metadata_only, "nothing of a Secret is to be read"
        self.listed.append((resource.kind, namespace, labels))
        beside = {"namespace": namespace} if namespace else {}
        return [{**obj, "metadata": {**beside, **obj["metadata"]}} for obj in self.objects[resource.kind]]


async def run(api: Api, *types: tuple[str, str], orphan: bool = False) -> list[str]:
    return await dismantle(cast("Any", api), CR, places(*types), orphan=orphan)


def places(*types: tuple[str, str]) -> dict[tuple[str, str], frozenset[str]]:
    """Where an inventory says that objects of these types are."""
    return {type_: frozenset({"" if type_ == ROLE else "demo"}) for type_ in types}


async def test_what_the_garbage_collector_leaves_is_deleted() -> None:
    api = Api(ClusterRole=[child("x-role")], ConfigMap=[child("x-config", owners=("u1",))])
    assert await run(api, ROLE, CONFIG) == ["ClusterRole/x-role was deleted"]
    assert api.deleted == ["x-role"]
    assert set(api.listed) == {
        ("ClusterRole", None, f"{OWNER_LABEL}=u1"),
        ("ConfigMap", "demo", f"{OWNER_LABEL}=u1"),
    }


async def test_copies_and_what_is_on_its_way_are_left_alone() -> None:
    copy, leaving = child("copy", manager="kubectl-create"), child("gone", deletionTimestamp="2026-01-01T00:00:00Z")
    api = Api(ClusterRole=[copy, leaving])
    assert await run(api, ROLE) == []
    assert await run(Api(ClusterRole=[copy]), ROLE, orphan=True) == []
    with_fields = child("copy")
    with_fields["metadata"]["managedFields"][0]["fieldsV1"] = {"f:data": {}}
    assert await run(Api(ClusterRole=[with_fields]), ROLE) == [], "its labels are not nuvop's"


async def test_a_kind_that_the_api_server_no_longer_knows_holds_nothing_up() -> None:
    api = Api(ClusterRole=[child("x")])
    assert await run(api, ROLE, CONFIG) == ["ClusterRole/x was deleted"]


@pytest.mark.parametrize("orphan", [False, True])
async def test_what_is_gone_meanwhile_is_fine_and_what_resists_is_told(orphan: bool) -> None:
    api = Api(ClusterRole=[child("x")])
    api.error = NotFound("x", status=404)
    assert await run(api, ROLE, orphan=orphan) == []
    for error in (Forbidden("no", status=403), Conflict("changed", status=409)):
        api.error = error
        with pytest.raises(type(error)):
            await run(api, ROLE, orphan=orphan)


async def test_orphans_lose_every_mark_and_nothing_else() -> None:
    api = Api(ConfigMap=[child("x", owners=("u1", "theirs")), child("y", owners=("u1",)), child("z")])
    assert await run(api, CONFIG, orphan=True) == [f"ConfigMap/{name} was let go" for name in "xyz"]
    assert api.deleted == []
    marks = [f"/metadata/labels/{label.replace('/', '~1')}" for label in LABELS if label != "app"]
    for name in ("x", "y", "z"):
        removed = [op["path"] for op in api.patched[name] if op["op"] == "remove" and "labels" in op["path"]]
        assert sorted(removed) == sorted(marks)
        (entries,) = [op["value"] for op in api.patched[name] if op["path"] == "/metadata/managedFields"]
        assert [entry["manager"] for entry in entries] == ["kubectl-edit"]
    owners = {name: [op for op in api.patched[name] if "ownerReferences" in op["path"]] for name in "xyz"}
    assert owners["x"] == [{"op": "replace", "path": "/metadata/ownerReferences", "value": [{"uid": "theirs"}]}]
    assert owners["y"] == [{"op": "remove", "path": "/metadata/ownerReferences"}]
    assert owners["z"] == []


async def test_children_that_lost_their_owner_mean_that_all_stay() -> None:
    """So `kubectl delete --cascade=orphan` looks, once the garbage collector has been there."""
    api = Api(ClusterRole=[child("x-role")], ConfigMap=[child("x-config")])
    assert await run(api, ROLE, CONFIG) == ["ClusterRole/x-role was let go", "ConfigMap/x-config was let go"]
    assert api.deleted == []


async def test_what_lives_in_another_namespace_is_deleted_too() -> None:
    """Also where the CR is in that namespace: it has no owner there either."""
    outside = LABELS | {NAMESPACE_LABEL: "demo"}
    api = Api(ConfigMap=[child("x", owners=("u1",)), child("far", labels=outside)])
    assert await run(api, CONFIG) == ["ConfigMap/far was deleted"]
    api = Api(ConfigMap=[child("far", namespace="elsewhere", labels=outside)])
    done = await dismantle(cast("Any", api), CR, {CONFIG: frozenset({"elsewhere"})}, orphan=False)
    assert done == ["ConfigMap/far was deleted"]
    assert api.listed == [("ConfigMap", "elsewhere", f"{OWNER_LABEL}=u1")]


async def test_what_the_kind_keeps_stays_and_says_nothing_of_the_others() -> None:
    kept = child("data", annotations={"nuvop.nuvolaris.org/delete": "keep"})
    api = Api(ClusterRole=[child("x-role")], ConfigMap=[kept])
    assert await run(api, ROLE, CONFIG) == ["ClusterRole/x-role was deleted"]


async def test_a_password_that_its_data_keeps_says_nothing_of_the_others() -> None:
    """The garbage collector takes the reference to a CR that is gone off what has another owner."""
    password = child("a-password", owners=("claim",), labels=LABELS | {GENERATED_LABEL: "true"})
    api = Api(ClusterRole=[child("x-role")], ConfigMap=[password])
    assert await run(api, ROLE, CONFIG) == ["ClusterRole/x-role was deleted"]
    api = Api(ConfigMap=[password])
    assert await run(api, CONFIG) == []


async def test_one_child_that_lost_its_owner_means_nothing() -> None:
    """Somebody's slip; the others are the garbage collector's, and so is what lives outside of namespaces nuvop's."""
    api = Api(ClusterRole=[child("x-role")], ConfigMap=[child("lost"), child("x", owners=("u1",))])
    assert await run(api, ROLE, CONFIG) == ["ClusterRole/x-role was deleted"]


async def test_detached_children_lose_their_owner_and_nothing_else() -> None:
    copy = child("copy", owners=("u1",), manager="kubectl-create")
    api = Api(ConfigMap=[child("x", owners=("u1", "theirs")), child("y"), copy])
    await detach(cast("Any", api), CR, places(CONFIG))
    path = "/metadata/ownerReferences"
    assert api.patched == {"x": [{"op": "replace", "path": path, "value": [{"uid": "theirs"}]}]}


def test_the_finalizer_leaves_others_alone() -> None:
    cr = {"metadata": {"finalizers": ["theirs/x"]}}
    assert finalizers(cr, wanted=True)[0]["value"] == ["theirs/x", FINALIZER]
    ours = {"metadata": {"finalizers": [FINALIZER, "theirs/x"]}}
    assert finalizers(ours, wanted=False)[0]["value"] == ["theirs/x"]
    assert finalizers({"metadata": {}}, wanted=True)[0]["value"] == [FINALIZER]
