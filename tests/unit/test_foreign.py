"""Whose an object is that has a child's name, and how many requests it takes to find out."""

import asyncio
from typing import Any, cast

import pytest

from nuvop import fields, foreign
from nuvop.cluster import ApiResource
from nuvop.errors import ClusterUnreachable
from nuvop.foreign import Lookups, obstacles
from nuvop.inventory import Entry
from nuvop.objects import INSTANCE_LABEL, NAMESPACE_LABEL, OWNER_LABEL, CRKey, ObjectKey

CR = CRKey("samples", "demo", "x")
CONFIG = ObjectKey("", "ConfigMap", "demo", "x-config")
ROLE = ObjectKey("rbac.authorization.k8s.io", "ClusterRole", "", "x-role")
CONFIGMAPS = ApiResource("", "v1", "configmaps", "ConfigMap")


def body(key: ObjectKey, manager: str = "nuvop", uid: str = "c1", **labels: str) -> dict[str, Any]:
    operation = "Apply" if manager == "nuvop" else "Update"
    entry = {"manager": manager, "operation": operation, "time": "2026-01-01T00:00:00Z", "fieldsV1": {"f:data": {}}}
    metadata = {"name": key.name, "namespace": key.namespace, "uid": uid, "labels": labels, "managedFields": [entry]}
    return {"apiVersion": "v1", "kind": key.kind, "metadata": metadata}


def ours(owner: str, instance: str = "samples-x", **more: str) -> dict[str, str]:
    return {OWNER_LABEL: owner, INSTANCE_LABEL: instance, **more}


def found(obj: dict[str, Any], key: ObjectKey = CONFIG, *entries: Entry) -> list[str]:
    return [str(obstacle) for obstacle in obstacles(CR, "u1", entries, {key: obj})]


def test_an_object_of_somebody_elses_is_in_the_way() -> None:
    (text,) = found(body(CONFIG, "kubectl-create"))
    assert text.startswith("ConfigMap/x-config exists, made by kubectl-create, and nuvop has not made it")


def test_a_copy_is_somebody_elses() -> None:
    assert found(body(CONFIG, "kubectl-create", **ours("u1")))


def test_the_crs_own_is_not() -> None:
    assert found(body(CONFIG, **ours("u1"))) == []
    assert found(body(CONFIG, **ours("an earlier CR of the name"))) == []
    entry = Entry("v1", "ConfigMap", "demo", "x-config", "c1", "d")
    assert found(body(CONFIG, "somebody"), CONFIG, entry) == [], "the inventory knows it by its uid"


def test_what_another_operator_took_at_the_same_time_is_in_the_way() -> None:
    """Both have it in their inventories; whose label it bears has it."""
    entry = Entry("v1", "ClusterRole", "", "x-role", "c1", "d")
    taken = body(ROLE, **ours("u2", **{NAMESPACE_LABEL: "other"}))
    assert found(taken, ROLE, entry) == [], "somebody has changed the label by hand: that is put back"
    taken["metadata"]["managedFields"][0]["fieldsV1"] = {"f:metadata": {"f:labels": {f"f:{OWNER_LABEL}": {}}}}
    (text,) = found(taken, ROLE, entry)
    assert text == "ClusterRole/x-role belongs to another resource (samples-x in other): give this one another name"


def test_another_crs_child_is_in_the_way() -> None:
    (text,) = found(body(CONFIG, **ours("u2", "samples-y")))
    assert text.startswith("ConfigMap/x-config belongs to another resource (samples-y)")


def test_a_cluster_scoped_child_of_the_same_name_in_another_namespace() -> None:
    assert found(body(ROLE, **ours("u2", **{NAMESPACE_LABEL: "other"})), ROLE)
    assert found(body(ROLE, **ours("u2", **{NAMESPACE_LABEL: "demo"})), ROLE) == []


class Api:
    def __init__(self) -> None:
        self.asked: list[set[str]] = []
        self.error: Exception | None = None

    async def find(self, resource: ApiResource, namespace: str, names: Any) -> dict[str, Any]:
        self.asked.append(set(names))
        await asyncio.sleep(0.01)
        if self.error is not None:
            raise self.error
        return {name: {"metadata": {"name": name}} for name in names if name != "absent"}


async def test_look_ups_gather_while_an_answer_is_awaited() -> None:
    api = Api()
    lookups = Lookups(cast("Any", api))

    def look(name: str) -> "asyncio.Task[Any]":
        return asyncio.create_task(lookups.find(CONFIGMAPS, ObjectKey("", "ConfigMap", "demo", name)))

    tasks = [look("first")]
    await asyncio.sleep(0.001)
    tasks += [look(name) for name in ("a", "absent", "a", "b")]
    answers = await asyncio.gather(*tasks)
    assert [answer and answer["metadata"]["name"] for answer in answers] == ["first", "a", None, "a", "b"]
    assert api.asked == [{"first"}, {"a", "absent", "b"}]


async def test_an_error_is_told_to_those_who_asked_and_the_next_is_asked_anew() -> None:
    api = Api()
    lookups = Lookups(cast("Any", api))
    api.error = ClusterUnreachable("away")
    with pytest.raises(ClusterUnreachable):
        await lookups.find(CONFIGMAPS, CONFIG)
    api.error = None
    assert await lookups.find(CONFIGMAPS, CONFIG)


async def test_closing_leaves_no_task() -> None:
    lookups = Lookups(cast("Any", Api()))
    task = asyncio.create_task(lookups.find(CONFIGMAPS, CONFIG))
    await asyncio.sleep(0.001)
    await lookups.close()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.all_tasks() == {asyncio.current_task()}


WEB, PORT = 'k:{"name":"web"}', 'k:{"containerPort":80,"protocol":"TCP"}'
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "x", "namespace": "demo", "annotations": {"a.b/c": "1", "d": "2"}, "finalizers": ["f", "g"]},
    "spec": {
        "replicas": 3,
        "paused": True,
        "template": {
            "spec": {
                "containers": [
                    {"name": "side", "image": "s"},
                    {"name": "web", "image": "nginx", "tty": True, "ports": [{"containerPort": 80, "protocol": "TCP"}]},
                ]
            }
        },
    },
}


def deployment(ours: dict[str, Any], released: dict[str, Any] | None = None) -> dict[str, Any]:
    entries = [
        {"manager": manager, "operation": "Apply", "fieldsV1": tree}
        for manager, tree in (("nuvop", ours), ("nuvop-released", released))
        if tree is not None
    ]
    return {**DEPLOYMENT, "metadata": {**cast("Any", DEPLOYMENT["metadata"]), "managedFields": entries}}


OURS: dict[str, Any] = {
    "f:metadata": {"f:annotations": {"f:a.b/c": {}}, "f:finalizers": {'v:"g"': {}}},
    "f:spec": {
        "f:replicas": {},
        "f:template": {
            "f:spec": {
                "f:containers": {
                    WEB: {".": {}, "f:name": {}, "f:image": {}, "f:ports": {PORT: {".": {}, "f:containerPort": {}}}}
                }
            }
        },
    },
}


def in_web(**part: Any) -> dict[str, Any]:
    return {"spec": {"template": {"spec": {"containers": [{"name": "web", **part}]}}}}


@pytest.mark.parametrize(
    ("paths", "part"),
    [
        (["spec.replicas"], {"spec": {"replicas": 3}}),
        *[
            ([path], in_web(image="nginx"))
            for path in (
                "spec.template.spec.containers.[name=web].image",
                "spec.template.spec.containers.1.image",
                "spec.template.spec.containers.[image=nginx].image",
                "spec.[template].spec.containers.[1].image",
            )
        ],
        *[
            ([path], {"metadata": {"name": "x", "annotations": {"a.b/c": "1"}}})
            for path in ("metadata.annotations.[a.b/c]", r"metadata.annotations.a\.b/c", "metadata.annotations")
        ],
        (
            ["spec.template.spec.containers.[name=web].ports.[containerPort=80].containerPort"],
            in_web(ports=[{"containerPort": 80, "protocol": "TCP"}]),
        ),
        (["metadata.finalizers.1"], {"metadata": {"name": "x", "finalizers": ["g"]}}),
        (["spec.paused"], None),
        (["spec.template.spec.containers.0.image"], None),
        (["spec.nothing", "spec.template.spec.containers.7.image"], None),
        (
            ["spec.replicas", "spec.template.spec.containers.1.image"],
            {"spec": {"replicas": 3, **in_web(image="nginx")["spec"]}},
        ),
    ],
)
def test_what_is_handed_over_however_it_is_spelt(paths: list[str], part: dict[str, Any] | None) -> None:
    head = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}}
    body = deployment(OURS)
    assert foreign.handed_over(body, map(fields.parse, paths)) == (None if part is None else {**head, **part})
    assert any(foreign.owned_at(body, fields.parse(path)) for path in paths) == (part is not None)


def test_what_was_handed_over_before_is_not_lost() -> None:
    """A manager that applies less loses the rest."""
    body = deployment({"f:spec": {"f:replicas": {}}}, {"f:spec": {"f:paused": {}}})
    part = foreign.handed_over(body, [fields.parse("spec.replicas")]) or {}
    assert part["spec"] == {"replicas": 3, "paused": True}
    assert foreign.handed_over(body, [fields.parse("spec.paused")]) is None
