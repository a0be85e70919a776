"""What a kustomize folder's objects are to a new kind, and what of it is refused."""

from typing import Any

import pytest

from nuvop import new_kind
from nuvop.errors import KindError
from nuvop.new_kind import NewKind, TypeNames

NAMES = TypeNames("example.com", "v1", "Web", "webs", "")


def obj(kind: str, name: str, namespace: str = "", **more: Any) -> dict[str, Any]:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": API_VERSIONS.get(kind, "v1"), "kind": kind, "metadata": metadata, **more}


API_VERSIONS = {
    "APIService": "apiregistration.k8s.io/v1",
    "ClusterRole": "rbac.authorization.k8s.io/v1",
    "CustomResourceDefinition": "apiextensions.k8s.io/v1",
    "StatefulSet": "apps/v1",
    "Rollout": "argoproj.io/v1alpha1",
    "Role": "rbac.authorization.k8s.io/v1",
    "Zone": "example.org/v1",
}


def crd(kind: str, scope: str = "Namespaced", service: str = "") -> dict[str, Any]:
    plural = f"{kind.lower()}s"
    spec: dict[str, Any] = {
        "group": "example.org",
        "scope": scope,
        "names": {"kind": kind, "plural": plural},
        "versions": [{"name": "v1", "schema": {"openAPIV3Schema": {"type": "object"}}}],
    }
    if service:
        client = {"service": {"name": service, "namespace": "home"}}
        spec["conversion"] = {"strategy": "Webhook", "webhook": {"clientConfig": client}}
    return obj("CustomResourceDefinition", f"{plural}.example.org", spec=spec)


def understood(*objects: dict[str, Any]) -> NewKind:
    return new_kind.understood(NAMES, objects)


def where(made: NewKind) -> dict[str, str | None]:
    return {str(child): child.namespace for child in made.children}


def test_home_is_where_most_children_live_that_live_in_a_namespace() -> None:
    """Of a kubebuilder project most objects are ClusterRoles."""
    roles = [obj("ClusterRole", f"role-{index}") for index in range(5)]
    made = understood(
        *roles,
        obj("Service", "a", "home"),
        obj("Service", "b", "home"),
        obj("Role", "r", "kube-system"),
        obj("Pod", "x"),
    )
    assert where(made) == {
        **{f"ClusterRole/role-{index}": "" for index in range(5)},
        "Service/a": None,
        "Service/b": None,
        "Role/r": "kube-system",
        "Pod/x": None,
    }


def test_a_crd_says_of_its_kind_what_it_has_and_where_it_lives() -> None:
    made = understood(crd("Zone", "Cluster"), obj("Zone", "z"), obj("Namespace", "home"), obj("Service", "a", "home"))
    assert where(made) == {"Zone/z": "", "Service/a": None}
    assert made.installed == ["CustomResourceDefinition/zones.example.org"]
    assert made.schemas == {("example.org/v1", "Zone"): {"type": "object"}}
    assert made.keeps_names == ""


@pytest.mark.parametrize(
    ("objects", "homes", "installed"),
    [
        ([obj("Service", "a", "home")], ["home"], []),
        ([obj("Service", "a", "home"), obj("ClusterRole", "r")], ["home"], []),
        ([obj("Service", "a"), obj("ClusterRole", "r")], ["home"], []),
        ([obj("Service", "a", "home"), obj("Service", "b"), obj("Role", "r", "away")], ["home"], []),
        ([obj("Service", "a", "away"), obj("Service", "b", "away"), obj("Role", "r", "home")], [], ["home"]),
        ([obj("Service", "a", "away")], [], ["home"]),
        ([obj("Service", "a", "home"), obj("Namespace", "empty")], ["home"], ["empty"]),
        ([obj("Service", "a"), obj("Namespace", "other")], [], ["home", "other"]),
    ],
)
def test_the_namespace_that_children_live_in_is_the_crs(
    objects: list[dict[str, Any]], homes: list[str], installed: list[str]
) -> None:
    made = understood(obj("Namespace", "home"), *objects)
    assert [home["metadata"]["name"] for home in made.homes] == homes
    assert made.installed == [f"Namespace/{name}" for name in installed]


def test_a_crd_with_a_webhook_of_the_folders_keeps_the_names() -> None:
    service = obj("Service", "x" * 63, "home")
    made = understood(obj("Namespace", "home"), crd("Zone", service="x" * 63), service)
    assert (made.homes, made.installed[0]) == ([], "Namespace/home"), "the CRD asks for it there"
    assert made.keeps_names == f"CustomResourceDefinition/zones.example.org asks Service/{'x' * 63}"
    assert understood(crd("Zone", service="other"), obj("Service", "webhook")).keeps_names == ""


@pytest.mark.parametrize(
    ("objects", "said"),
    [
        ([], "the folder makes no object that could be a child"),
        (
            [obj("Service", "a", "one"), obj("Service", "a"), obj("Service", "b", "one")],
            "Service/a stands in the namespaces one and default, and kind and name tell children apart: give",
        ),
        ([obj("Namespace", "a")], "the folder makes no object that could be a child"),
        ([{"apiVersion": "v1", "kind": "Pod", "metadata": {}}], "Pod: metadata.name: is missing"),
        ([obj("APIService", "v1.x.org")], "APIService/v1.x.org: deleting one Web must not delete it"),
        (
            [obj("Service", "x" * 62)],
            f"Service/{'x' * 62}: the name is too long for a kind: the children of a Web called x would be called x-…",
        ),
    ],
)
def test_what_makes_no_kind_is_refused(objects: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(KindError) as error:
        understood(*objects)
    assert said in str(error.value)


def rollout(**pod: Any) -> dict[str, Any]:
    return obj("Rollout", "r", spec={"template": {"spec": pod}})


POD: dict[str, Any] = {"containers": [{"image": "a"}], "initContainers": []}


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (obj("Pod", "p", spec=POD), "Pod/p: spec.containers.0: name is missing"),
        (obj("Pod", "p", spec={"containers": {}}), "Pod/p: spec.containers: the value must be a list"),
        (obj("Pod", "p", spec={"containers": [None]}), "Pod/p: spec.containers.0: None must be a mapping"),
        (obj("Pod", "p", spec=3), "Pod/p: spec: 3 must be a mapping"),
        (obj("Service", "s", spec={"ports": [{"name": "a"}]}), "Service/s: spec.ports.[name=a]: port is missing"),
        (obj("Service", "s", spec={"ports": [{"port": "80"}]}), "Service/s: spec.ports.0.port: '80' must be a number"),
        (
            obj("ConfigMap", "c", data={"a.b": True}),
            "ConfigMap/c: data.[a.b]: True must be a text, so write it in quotes",
        ),
        (
            obj("StatefulSet", "s", spec={"volumeClaimTemplates": [{"spec": {}}]}),
            "StatefulSet/s: spec.volumeClaimTemplates.0: metadata is missing",
        ),
        (obj("CustomResourceDefinition", "c"), "CustomResourceDefinition/c: spec is missing"),
        (
            obj("CustomResourceDefinition", "c", spec={**crd("Zone")["spec"], "versions": None}),
            "CustomResourceDefinition/c: spec: versions is missing",
        ),
        (obj("Rollout", "r", spec=5), "Rollout/r: spec: 5 must be a mapping"),
        (obj("Rollout", "r", spec={"template": 5}), "Rollout/r: spec.template: 5 must be a mapping"),
        (obj("Rollout", "r", spec={"selector": 5}), "Rollout/r: spec.selector: 5 must be a mapping"),
        (rollout(containers=5), "Rollout/r: spec.template.spec.containers: 5 must be a list"),
        (rollout(containers=[5]), "Rollout/r: spec.template.spec.containers.0: 5 must be a mapping"),
        (rollout(containers=[{"image": "x"}]), "Rollout/r: spec.template.spec.containers.0: name is missing"),
        (rollout(initContainers=5), "Rollout/r: spec.template.spec.initContainers: 5 must be a list"),
        (rollout(containers=[{"name": "a", "image": ["x"]}]), "containers.[name=a].image: the value must be a text"),
        (
            obj("CustomResourceDefinition", "c", spec=5) | {"apiVersion": "apiextensions.k8s.io/v1beta1"},
            "CustomResourceDefinition/c: apiVersion: 'apiextensions.k8s.io/v1beta1' must be 'apiextensions.k8s.io/v1'",
        ),
        *(
            (
                {"apiVersion": "e.org/v1", "kind": "Foo", "metadata": {"name": "f", name: value}},
                f"Foo/f: metadata.{said}",
            )
            for name, value, said in (
                ("labels", 3, "labels: 3 must be a mapping"),
                ("annotations", ["a"], "annotations: the value must be a mapping"),
                ("namespace", ["a"], "namespace: the value must be a text"),
            )
        ),
        ({"apiVersion": "v1", "kind": 3, "metadata": []}, "kind: 3 must be a text that is not empty"),
    ],
)
def test_what_is_malformed_is_named(broken: dict[str, Any], said: str) -> None:
    with pytest.raises(KindError) as error:
        understood(broken, obj("ConfigMap", "a"))
    assert said in str(error.value)


def test_what_is_left_empty_or_is_not_known_is_not_malformed() -> None:
    understood(
        obj("Pod", "p", spec={"containers": [{"name": "a", "args": None, "x": 1}], "volumes": None}),
        obj("Service", "s", spec={"ports": [{"port": 80, "targetPort": "a"}]}),
        obj("Zone", "z", spec=3),
    )


def test_one_letter_is_enough_for_a_name() -> None:
    assert where(understood(obj("Service", "x" * 61))) == {f"Service/{'x' * 61}": None}


def test_a_crd_of_its_own_name_is_refused() -> None:
    with pytest.raises(KindError, match=r"zones\.example\.org: the folder brings it, and so would Zone"):
        new_kind.understood(TypeNames("example.org", "v1", "Zone", "zones", ""), [crd("Zone"), obj("Service", "a")])


@pytest.mark.parametrize(
    ("kind", "plural"),
    [
        ("Endpoints", "endpoints"),
        ("Web", "webs"),
        ("Proxy", "proxies"),
        ("Key", "keys"),
        ("Cache", "caches"),
        ("Redis", "redises"),
        ("Box", "boxes"),
    ],
)
def test_the_plural(kind: str, plural: str) -> None:
    assert new_kind.names(kind, "example.com", "v1", "", "").plural == plural
    assert new_kind.names(kind, "example.com", "v1", "others", "").plural == "others"


def test_fields_of_one_name_are_one() -> None:
    made = understood(obj("Service", "a:b"), obj("ConfigMap", "c"))
    found = new_kind.wanted(
        made,
        [
            "port=Service/a:b:spec.ports.0.port",
            "port=ConfigMap/c:data.port",
            r"spec.web.x=ConfigMap/c:data.nginx\.conf",
        ],
    )
    assert {each.name: [str(target) for target in each.targets] for each in found} == {
        "port": ["Service/a:b spec.ports.0.port", "ConfigMap/c data.port"],
        "web.x": [r"ConfigMap/c data.nginx\.conf"],
    }


def test_a_name_with_a_hash_is_written_without_it() -> None:
    made = understood(obj("ConfigMap", "settings-bt65gcch65"))
    (found,) = new_kind.wanted(made, ["a=ConfigMap/settings:data.a"])
    assert str(found.targets[0]) == "ConfigMap/settings data.a"
    for name in ("settings-bt65gcch65", "settings-7c5h2d4gft"):
        with pytest.raises(
            KindError, match=rf"no ConfigMap/{name}; it has ConfigMap/settings; write ConfigMap/settings,"
        ):
            new_kind.wanted(made, [f"a=ConfigMap/{name}:data.a"])


def test_a_name_that_only_looks_like_one() -> None:
    made = understood(obj("ConfigMap", "settings-production"), obj("Service", "web-bt65gcch65"))
    assert new_kind.wanted(made, ["a=ConfigMap/settings-production:data.a", "b=Service/web-bt65gcch65:spec.type"])


def test_a_field_is_no_member_of_another() -> None:
    made = understood(obj("ConfigMap", "c"))
    for names in (["size", "size.a"], ["size.a", "size"]):
        found = new_kind.wanted(made, [f"{name}=ConfigMap/c:data.{name}" for name in names])
        with pytest.raises(KindError, match=r"size\.a: size is a field of its own"):
            made.with_fields(found)
    whole = made.with_fields(new_kind.wanted(made, ["size=ConfigMap/c:data.a", "sizes.a=ConfigMap/c:data.b"]))
    assert [field.source for field in whole.fields] == ["spec.size", "spec.sizes.a"]
