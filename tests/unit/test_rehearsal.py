"""What planning asks for, in how many requests, and what it makes of the answers."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from nuvop import overlay, yamltext
from nuvop.cluster import ApiResource
from nuvop.errors import (
    BuildFailed,
    ClusterError,
    ClusterUnreachable,
    Forbidden,
    KubectlCrashed,
    KubectlError,
    KubectlTimeout,
    NotFound,
    NotServed,
)
from nuvop.forecast import Trial
from nuvop.objects import INSTANCE_LABEL, NAMESPACE_LABEL, CRKey, ObjectKey
from nuvop.overlay import Overlay
from nuvop.rehearsal import Coming, Rehearsal, There
from tests.unit.world import RESOURCES, at, cr, make_kind, manifest

KIND = make_kind(manifest("a"), manifest("role", "ClusterRole"))
CONFIGMAPS = RESOURCES["ConfigMap"]


class Api:
    """Answers as a cluster's client."""

    def __init__(self) -> None:
        self.lists: list[tuple[str, str | None, str]] = []
        self.finds: list[tuple[str, list[str]]] = []
        self.listed: dict[str, list[dict[str, Any]]] = {}
        self.error: Exception | None = None

    async def discover(self, api_version: str, kind: str) -> ApiResource:
        if kind not in RESOURCES:
            raise NotServed(f"the API server serves no {kind}", status=404)
        return RESOURCES[kind]

    async def list(self, resource: ApiResource, namespace: str | None, *, labels: str) -> list[dict[str, Any]]:
        self.lists.append((resource.kind, namespace, labels))
        return self.listed.get(resource.kind, [])

    async def find(self, resource: ApiResource, namespace: str, names: Collection[str]) -> dict[str, Any]:
        self.finds.append((namespace, list(names)))
        return {name: {"metadata": {"name": name}} for name in names if name != "absent"}

    async def get(self, resource: ApiResource, namespace: str, name: str) -> dict[str, Any]:
        if name == "absent":
            raise NotFound("absent", status=404)
        return {"metadata": {"name": name}}

    async def try_apply(self, resource: ApiResource, body: Any) -> Any:
        if self.error:
            raise self.error
        return {**body, "tried": True}


class Kubectl:
    """Builds what the folders name; ``bad`` is the name of a CR that kustomize cannot take."""

    def __init__(self, generated: Path, bad: str = "", error: type[KubectlError] = BuildFailed) -> None:
        self.generated = generated
        self.bad, self.error = bad, error
        self.built: list[list[str]] = []

    async def build(self, folder: Path) -> str:
        listed = yamltext.load((folder / "kustomization.yaml").read_text())["resources"]
        names = [Path(entry).name for entry in listed]
        if names == ["base"]:
            names = [folder.name]
        self.built.append(names)
        if self.bad in names:
            raise self.error(f"it is {self.bad}")
        return "---\n".join(yamltext.dump(made(ObjectKey("", "ConfigMap", "demo", f"{name}-a"))) for name in names)


def made(key: ObjectKey, **labels: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": key.kind,
        "metadata": {"name": key.name, "namespace": key.namespace, "labels": labels},
    }


@pytest.fixture
def api() -> Api:
    return Api()


def rehearsal(api: Api, generated: Path, *, everywhere: bool = False, **more: Any) -> tuple[Rehearsal, Kubectl]:
    kubectl = Kubectl(generated, **more)
    return Rehearsal(cast("Any", kubectl), cast("Any", api), generated, everywhere=everywhere), kubectl


def crs(count: int, **status: Any) -> dict[CRKey, dict[str, Any]]:
    names = [f"n{number}" for number in range(count)]
    return {CRKey("samples", "demo", name): {**cr(name), "status": status} for name in names}


# --- what is there ---------------------------------------------------------------------------------------------------


async def test_of_few_their_own_objects_are_listed(api: Api, tmp_path: Path) -> None:
    asking, _ = rehearsal(api, tmp_path)
    labels = {INSTANCE_LABEL: "samples-n0"}
    api.listed = {
        "ConfigMap": [made(at("n0-a"), **labels)],
        "ClusterRole": [made(at("n0-role", "ClusterRole"), **labels, **{NAMESPACE_LABEL: "demo"})],
    }
    there = await asking.there(KIND, crs(2))
    selector = f"{INSTANCE_LABEL} in (samples-n0,samples-n1)"
    assert api.lists == [("ClusterRole", None, selector), ("ConfigMap", "demo", selector)]
    assert set(there.by_instance["demo", "samples-n0"]) == {
        at("n0-a"),
        ObjectKey("", "ClusterRole", "", "n0-role"),
    }
    assert not there.is_whole


async def test_of_many_everything_with_a_label_is_listed(api: Api, tmp_path: Path) -> None:
    there = await rehearsal(api, tmp_path)[0].there(KIND, crs(21))
    assert api.lists == [("ClusterRole", None, INSTANCE_LABEL), ("ConfigMap", "demo", INSTANCE_LABEL)]
    assert there.is_whole


async def test_what_an_inventory_tells_of_is_looked_for_where_it_was(api: Api, tmp_path: Path) -> None:
    entry = {"kind": "Service", "apiVersion": "v1", "name": "x", "uid": "u", "digest": "d"}
    gone = {**entry, "apiVersion": "gone/v1", "kind": "Gone", "namespace": "demo"}
    known = crs(1, inventory=[{**entry, "namespace": "elsewhere"}, {**entry, "namespace": ""}, gone])
    await rehearsal(api, tmp_path)[0].there(KIND, known)
    assert [scope[:2] for scope in api.lists] == [
        ("ClusterRole", None),
        ("ConfigMap", "demo"),
        ("Service", "elsewhere"),
    ]
    api.lists = []
    await rehearsal(api, tmp_path, everywhere=True)[0].there(KIND, known)
    assert [scope[:2] for scope in api.lists] == [("ClusterRole", None), ("ConfigMap", None), ("Service", None)]


async def test_for_nobody_nothing_is_listed(api: Api, tmp_path: Path) -> None:
    await rehearsal(api, tmp_path)[0].there(KIND, {})
    assert api.lists == []


@pytest.mark.parametrize(("is_whole", "asked"), [(True, [["x", "absent", "y"]]), (False, [["x"], ["absent"], ["y"]])])
async def test_names_are_looked_up_together_where_that_tells_all(
    api: Api, tmp_path: Path, is_whole: bool, asked: Sequence[list[str]]
) -> None:
    """Many at once are one list of what has no instance label."""
    known = {at("known"): made(at("known"))}
    wanted = [(at(name), CONFIGMAPS) for name in ("x", "known", "absent", "y")]
    found = await rehearsal(api, tmp_path)[0].named(wanted, There({}, known, is_whole))
    assert found.keys() == {at("x"), at("known"), at("y")}
    assert found[at("known")] is known[at("known")]
    assert api.finds == [("demo", names) for names in asked]


async def test_an_object_as_a_whole(api: Api, tmp_path: Path) -> None:
    asking, _ = rehearsal(api, tmp_path)
    assert await asking.whole(CONFIGMAPS, at("x"))
    assert await asking.whole(CONFIGMAPS, at("absent")) is None


# --- what kustomize makes --------------------------------------------------------------------------------------------

ONE = make_kind(manifest("a"))


def written(generated: Path, count: int, size: int = 1000) -> list[Overlay]:
    made = [overlay.make(ONE, body) for body in crs(count).values()]
    for each in made:
        overlay.write(generated, ONE, each)
    return [replace(each, size=size) for each in made]


async def test_fifty_are_rendered_at_once(api: Api, tmp_path: Path) -> None:
    asking, kubectl = rehearsal(api, tmp_path)
    found = await asking.rendered(written(tmp_path, 101))
    assert sorted(map(len, kubectl.built)) == [1, 50, 50]
    assert len(found) == 101
    one = found[CRKey("samples", "demo", "n7")]
    assert isinstance(one, dict)
    assert list(one) == [at("n7-a")]


async def test_not_more_than_kustomize_can_bear(api: Api, tmp_path: Path) -> None:
    asking, kubectl = rehearsal(api, tmp_path)
    await asking.rendered(written(tmp_path, 5, size=2 * 1024 * 1024))
    assert sorted(map(len, kubectl.built)) == [1, 2, 2]


@pytest.mark.parametrize("error", [BuildFailed, KubectlCrashed, KubectlTimeout])
async def test_one_that_cannot_be_built_is_found_among_many(
    api: Api, tmp_path: Path, error: type[KubectlError]
) -> None:
    asking, kubectl = rehearsal(api, tmp_path, bad="n13", error=error)
    found = await asking.rendered(written(tmp_path, 40))
    failed = {key.name: str(error) for key, error in found.items() if isinstance(error, KubectlError)}
    assert failed == {"n13": "it is n13"}
    assert len(found) == 40
    assert len(kubectl.built) <= 13


async def test_another_error_of_kubectls_is_nobodys_fault(api: Api, tmp_path: Path) -> None:
    asking, _ = rehearsal(api, tmp_path, bad="n1", error=KubectlError)
    with pytest.raises(KubectlError, match="it is n1"):
        await asking.rendered(written(tmp_path, 2))


# --- dry runs --------------------------------------------------------------------------------------------------------

BODY = made(at("x"))


async def test_what_an_apply_would_leave(api: Api, tmp_path: Path) -> None:
    assert await rehearsal(api, tmp_path)[0].tried(CONFIGMAPS, BODY, Coming()) == Trial({**BODY, "tried": True})


@pytest.mark.parametrize(
    ("error", "trial"),
    [
        (
            ClusterError('ConfigMap "x" is invalid: data (422)', status=422),
            Trial(error='ConfigMap "x" is invalid: data'),
        ),
        (
            ClusterError("spec.selector: Invalid value: 1: field is immutable (422)", status=422),
            Trial(error="spec.selector: Invalid value: 1: field is immutable", is_immutable=True),
        ),
        (
            ClusterUnreachable(
                '.data.a: expected string, got &value.valueUnstructured{Value:"hunter2"} (500)', status=500
            ),
            Trial(error=".data.a: expected string"),
        ),
        (Forbidden("you may not (403)", status=403), Trial(error="you may not")),
        (NotFound('namespaces "later" not found (404)', status=404), Trial(awaits="once namespace later exists")),
        (NotFound('namespaces "never" not found (404)', status=404), Trial(error='namespaces "never" not found')),
    ],
)
async def test_what_the_api_server_says_of_one_object(
    api: Api, tmp_path: Path, error: ClusterError, trial: Trial
) -> None:
    api.error = error
    assert await rehearsal(api, tmp_path)[0].tried(CONFIGMAPS, BODY, Coming(namespaces={"later"})) == trial


@pytest.mark.parametrize(
    "error",
    [
        ClusterUnreachable("away"),
        ClusterUnreachable("too many requests (429)", status=429),
        Forbidden("who are you? (401)", status=401),
    ],
)
async def test_what_says_nothing_of_an_object_ends_it_all(api: Api, tmp_path: Path, error: ClusterError) -> None:
    api.error = error
    with pytest.raises(type(error)):
        await rehearsal(api, tmp_path)[0].tried(CONFIGMAPS, BODY, Coming())


async def test_what_has_no_type_yet_is_not_tried(api: Api, tmp_path: Path) -> None:
    api.error = AssertionError()
    assert await rehearsal(api, tmp_path)[0].tried(None, BODY, Coming()) == Trial(awaits="once its CRD is installed")
