"""The Helm chart, without a cluster: it makes what deploy/ makes, and of each value what it says."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from lab import chart, image
from lab.chart import CHART
from lab.controlplane import build
from lab.deployer import Wanted, overlay, rights
from lab.helm import HELM
from nuvop import yamltext
from tests.chart.helm import Helm
from tests.deploy.manifests import Body, built, container, kustomized, of_kind, one, pod, write_with

DIGEST = f"sha256:{'0123456789abcdef' * 4}"
ON = {"enabled": True}


@pytest.fixture
def helm(tmp_path: Path) -> Helm:
    return Helm(tmp_path / "home")


# --- what is copied, and what is written about it --------------------------------------------------------------------


def test_what_is_generated_is_not_stale() -> None:
    wanted = chart.generated()
    found = {path: (CHART / path).read_text() for path in wanted if (CHART / path).exists()}
    assert found == wanted, "the chart is stale: `task chart` writes it anew"
    assert chart.present() <= wanted.keys(), "`task chart` deletes what deploy/ has no more"


def test_all_rights_are_those_that_nuvop_rbac_computes() -> None:
    assert set(chart.RIGHTS.values()) == set(rights.ROLES)
    by_hand = [path.name for path in (CHART / "templates").iterdir() if "apiGroups" in path.read_text()]
    assert by_hand == []


def test_versions_are_those_of_nuvop() -> None:
    described = yamltext.load((CHART / "Chart.yaml").read_text())
    assert (described["version"], described["appVersion"]) == (image.version(), image.version())


def test_each_value_is_explained_and_has_a_rule() -> None:
    explained = {name for name, _, _ in chart.values()}
    values = yamltext.load((CHART / "values.yaml").read_text())
    schema = json.loads((CHART / "values.schema.json").read_text())
    assert set(defaults(values, explained)) == explained
    assert set(ruled(schema, explained)) - {"global", "kopf-peering"} == explained


def defaults(value: Any, explained: set[str], path: str = "") -> Iterator[str]:
    """The paths of values.yaml down to what is explained."""
    if path in explained or not isinstance(value, dict):
        yield path
    else:
        for name, member in value.items():
            yield from defaults(member, explained, f"{path}.{name}".strip("."))


def ruled(schema: Body, explained: set[str], path: str = "") -> Iterator[str]:
    """The paths that a schema knows, down to what is explained."""
    if path in explained or "properties" not in schema:
        yield path
    else:
        assert schema["additionalProperties"] is False, path
        for name, member in schema["properties"].items():
            yield from ruled(member, explained, f"{path}.{name}".strip("."))


# --- the same as deploy/ ---------------------------------------------------------------------------------------------

HELMS_OWN = {
    "app.kubernetes.io/instance",
    "app.kubernetes.io/managed-by",
    "app.kubernetes.io/version",
    "helm.sh/chart",
    "helm.sh/resource-policy",
}
"""Labels, also in selectors, and an annotation that only Helm's objects have."""


def plain(value: Any) -> Any:
    """Objects without what is Helm's own."""
    if isinstance(value, list):
        return [plain(member) for member in value]
    if isinstance(value, dict):
        left = {name: plain(member) for name, member in value.items() if name not in HELMS_OWN}
        return {name: member for name, member in left.items() if (name, member) != ("annotations", {})}
    return value


def by_name(objects: Sequence[Body]) -> dict[tuple[str, str, str], Body]:
    named = {(o["kind"], o["metadata"].get("namespace", ""), o["metadata"]["name"]): plain(o) for o in objects}
    assert len(named) == len(objects)
    return named


def without_namespace(objects: Sequence[Body]) -> list[Body]:
    """Helm makes the release's namespace, if anybody."""
    return [obj for obj in objects if obj["kind"] != "Namespace"]


def test_without_values_it_is_the_default(helm: Helm) -> None:
    assert by_name(helm.template()) == by_name(without_namespace(built("default")))


@pytest.mark.parametrize(
    ("wanted", "values"),
    [
        (
            Wanted("ops", "registry.example.org:5000/nuvop:2", ("a", "b")),
            {"image": {"repository": "registry.example.org:5000/nuvop", "tag": "2"}, "watchNamespaces": ["a", "b"]},
        ),
        (Wanted("ops", watched=("team-*",)), {"watchNamespaces": ["team-*"]}),
        (Wanted(watched=("one", "team-*")), {"watchNamespaces": ["one", "team-*"]}),
        (Wanted("ops", f"nuvop@{DIGEST}"), {"image": {"digest": DIGEST}}),
        (Wanted(image=f"nuvop:2@{DIGEST}"), {"image": {"digest": DIGEST, "tag": "2"}}),
    ],
    ids=["namespaces", "pattern", "namespace and pattern", "digest", "tag and digest"],
)
def test_with_values_it_is_what_task_deploy_applies(wanted: Wanted, values: Body, helm: Helm, tmp_path: Path) -> None:
    (tmp_path / "overlay").mkdir()
    computed = rights.computed(wanted.rights)
    written = overlay.write(tmp_path / "overlay", wanted, computed, has_namespace=False, on_real_node=False)
    applied = kustomized(written)
    assert by_name(helm.template(values, namespace=wanted.namespace)) == by_name(applied)


def of_its_own_namespace(objects: Sequence[Body]) -> list[Body]:
    """Objects of deploy/namespaced as the chart has them, which knows the namespace's name and needs no variable."""
    text = json.dumps(objects).replace("$(NAMESPACE)", "nuvop-system")
    found: list[Body] = json.loads(text)
    (only,) = pod(found)["containers"]
    only["env"] = [entry for entry in only["env"] if entry["name"] != "NAMESPACE"]
    return found


NAMESPACED = {"watchNamespaces": ["nuvop-system"], "crds": {"create": False}}


def test_for_its_own_namespace_it_is_the_namespaced_variant(helm: Helm) -> None:
    assert by_name(helm.template(NAMESPACED)) == by_name(of_its_own_namespace(built("namespaced")))


@pytest.mark.parametrize(
    ("component", "value"),
    [
        ("peering", "peering"),
        ("network-policy", "networkPolicy"),
        ("disruption-budget", "podDisruptionBudget"),
    ],
)
def test_an_option_is_the_component(component: str, value: str, helm: Helm, tmp_path: Path) -> None:
    applied = without_namespace(kustomized(write_with(component, "default", tmp_path)))
    assert by_name(helm.template({value: ON})) == by_name(applied)


def test_peering_in_a_namespace_is_the_component(helm: Helm, tmp_path: Path) -> None:
    applied = of_its_own_namespace(kustomized(write_with("peering/namespaced", "namespaced", tmp_path)))
    assert by_name(helm.template({**NAMESPACED, "peering": ON})) == by_name(applied)


def test_each_served_namespace_has_its_peering(helm: Helm) -> None:
    objects = helm.template({"watchNamespaces": ["a", "b"], "peering": ON})
    assert [obj["metadata"]["namespace"] for obj in of_kind(objects, "KopfPeering")] == ["a", "b"]


@pytest.mark.parametrize("enabled", [True, False])
def test_the_crds_of_peerings_are_those_of_deploy_and_only_with_peering(enabled: bool, helm: Helm) -> None:
    text = helm("template", "nuvop", CHART, "--include-crds", values={"peering": {"enabled": enabled}})
    found = [obj for obj in yamltext.load_all(text) if obj.get("spec", {}).get("group") == "kopf.dev"]
    assert by_name(found) == (by_name(built("peering/crd")) if enabled else {})
    assert by_name(yamltext.load_all(helm("show", "crds", CHART))) == by_name(built("peering/crd"))


def test_monitoring_is_that_of_deploy(helm: Helm) -> None:
    monitored = dict.fromkeys(["podMonitor", "prometheusRule", "dashboard"], ON)
    assert by_name(helm.template({"monitoring": monitored})) == by_name(
        [*without_namespace(built("default")), *built("monitoring")]
    )


# --- what each value does --------------------------------------------------------------------------------------------


def test_helm_finds_no_fault(helm: Helm) -> None:
    assert helm("version", "--template={{.Version}}") == build.Recipe.of_this_machine(HELM).version
    helm("lint", "--strict", CHART)


def test_all_objects_are_labelled_as_helms_and_are_of_the_release(helm: Helm) -> None:
    monitored = {**dict.fromkeys(["podMonitor", "prometheusRule", "dashboard"], ON), "labels": {"release": "prom"}}
    options = {**dict.fromkeys(["peering", "networkPolicy", "podDisruptionBudget"], ON), "monitoring": monitored}
    objects = helm.template(options, release="shop", namespace="ops")
    labelled = [obj for obj in objects if obj["kind"] != "CustomResourceDefinition"]
    for obj in labelled:
        labels = obj["metadata"]["labels"]
        assert (labels["app.kubernetes.io/instance"], labels["app.kubernetes.io/managed-by"]) == ("shop", "Helm"), obj
    own = {"app.kubernetes.io/name": "nuvop", "app.kubernetes.io/instance": "shop"}
    deployment = one(objects, "Deployment")
    assert deployment["spec"]["template"]["metadata"]["labels"] == own
    assert deployment["spec"]["selector"] == {"matchLabels": own}
    for kind in ("PodMonitor", "PodDisruptionBudget"):
        assert one(objects, kind)["spec"]["selector"] == {"matchLabels": own}
    assert one(objects, "NetworkPolicy")["spec"]["podSelector"] == {"matchLabels": own}
    for kind in ("PodMonitor", "PrometheusRule"):
        assert one(objects, kind)["metadata"]["labels"]["release"] == "prom"
    names = {obj["metadata"]["name"] for obj in labelled}
    assert names == {"shop-nuvop", "shop-nuvop:ops", "shop-nuvop-dashboard", "nuvop"}, "nuvop is the peering"


def test_crds_are_kept_or_are_not_of_the_release(helm: Helm) -> None:
    crds = of_kind(helm.template(), "CustomResourceDefinition")
    assert len(crds) == 4
    for crd in crds:
        assert crd["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert of_kind(helm.template({"crds": {"create": False}}), "CustomResourceDefinition") == []


def test_the_service_account(helm: Helm) -> None:
    role = "arn:aws:iam::1:role/nuvop"
    objects = helm.template({"serviceAccount": {"name": "ops", "annotations": {"eks.amazonaws.com/role-arn": role}}})
    assert one(objects, "ServiceAccount")["metadata"]["name"] == "ops"
    assert one(objects, "ServiceAccount")["metadata"]["annotations"] == {"eks.amazonaws.com/role-arn": role}
    others = helm.template({"serviceAccount": {"create": False, "name": "ops"}})
    assert of_kind(others, "ServiceAccount") == []
    for found in (objects, others):
        assert pod(found)["serviceAccountName"] == "ops"
        (subject,) = one(found, "ClusterRoleBinding")["subjects"]
        assert subject == {"kind": "ServiceAccount", "name": "ops", "namespace": "nuvop-system"}


def test_without_rbac_there_is_no_right(helm: Helm) -> None:
    for watched in ([], ["a"], ["a-*"]):
        objects = helm.template({"rbac": {"create": False}, "watchNamespaces": watched})
        assert [obj["kind"] for obj in objects if "Role" in obj["kind"]] == []


def test_where_the_pod_runs_and_with_what(helm: Helm) -> None:
    rule = {"key": "only", "operator": "Exists"}
    term = {"matchExpressions": [rule]}
    preference = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}
    chosen = {"tolerations": [rule], "affinity": preference, "priorityClassName": "system-cluster-critical"}
    limits = {"requests": {"cpu": 1}, "limits": {"memory": "2Gi", "cpu": None}}
    env = [{"name": "NUVOP_PRUNE_LIMIT", "value": "10"}]
    image = {"pullPolicy": "Always", "pullSecrets": ["registry"]}
    found = helm.template({**chosen, "resources": limits, "extraEnv": env, "image": image, "nodeSelector": {"d": "s"}})
    assert {name: pod(found)[name] for name in chosen} == chosen
    assert pod(found)["nodeSelector"] == {"kubernetes.io/os": "linux", "d": "s"}
    assert pod(found)["imagePullSecrets"] == [{"name": "registry"}]
    assert container(found)["imagePullPolicy"] == "Always"
    assert container(found)["resources"] == {
        "requests": {"cpu": 1, "memory": "128Mi"},
        "limits": {"memory": "2Gi"},
    }
    assert container(found)["env"] == [*container(helm.template())["env"], *env]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"nosuch": 1}, "additional properties 'nosuch' not allowed"),
        ({"image": {"tagg": "1"}}, "at '/image': additional properties 'tagg' not allowed"),
        ({"image": {"tag": 1.0}}, "at '/image/tag': got number, want string"),
        ({"image": {"repository": ""}}, "at '/image/repository'"),
        ({"image": {"digest": "sha256:1"}}, "at '/image/digest': 'sha256:1' does not match pattern"),
        ({"image": {"pullPolicy": "never"}}, "at '/image/pullPolicy': value must be one of '', 'Always'"),
        ({"image": {"pullSecrets": [{"name": "a"}]}}, "at '/image/pullSecrets/0': got object, want string"),
        ({"rbac": {"create": "yes"}}, "at '/rbac/create': got string, want boolean"),
        ({"watchNamespaces": "a"}, "at '/watchNamespaces': got string, want array"),
        ({"watchNamespaces": ["a,b"]}, "at '/watchNamespaces/0': 'a,b' does not match pattern"),
        ({"watchNamespaces": ["Team"]}, "at '/watchNamespaces/0': 'Team' does not match pattern"),
        ({"watchNamespaces": ["a", "a"]}, "at '/watchNamespaces': items at 0 and 1 are equal"),
        ({"resources": {"limit": {}}}, "at '/resources': additional properties 'limit' not allowed"),
        ({"tolerations": {}}, "at '/tolerations': got object, want array"),
        ({"extraEnv": [{"value": "1"}]}, "at '/extraEnv/0': missing property 'name'"),
        ({"extraEnv": [{"name": "A", "value": 1}]}, "at '/extraEnv/0/value': got number, want string"),
        ({"monitoring": {"labels": {"a": 1}}}, "at '/monitoring/labels/a': got number, want string"),
        ({"serviceAccount": {"create": False}}, "serviceAccount.name must say which one the operator has"),
        (
            {"peering": ON, "watchNamespaces": ["team-*"]},
            "name the namespaces in watchNamespaces, or leave peering out",
        ),
    ],
)
def test_a_wrong_value_is_refused_with_a_reason(values: Body, told: str, helm: Helm) -> None:
    done = helm.run("template", "nuvop", CHART, values=values)
    assert done.returncode != 0
    assert told in done.stderr


NEWLINE = "a\nhostNetwork: true"
QUOTE = 'a" # b'


@pytest.mark.parametrize(
    "hostile", [NEWLINE, "x: y", QUOTE, "a b", " a", "-", "&a", "A", "a/b/../c: d", "{{ .Values }}"]
)
def test_a_hostile_value_is_refused(hostile: str, helm: Helm) -> None:
    key, label = {f"{hostile}/": "a"}, {"a": f"{hostile}-"}
    values: Body = {
        "image": {"repository": hostile, "tag": f"{hostile}:", "pullPolicy": hostile, "pullSecrets": [hostile]},
        "serviceAccount": {"name": hostile, "annotations": key},
        "watchNamespaces": [hostile],
        "nodeSelector": {**key, **label},
        "priorityClassName": hostile,
        "extraEnv": [{"name": f"{hostile}="}],
        "monitoring": {"labels": {**key, **label}},
    }
    done = helm.run("template", "nuvop", CHART, values=values)
    assert done.returncode != 0
    assert set(re.findall(r"at '(/[^']+)'", done.stderr)) >= {
        "/image/repository",
        "/image/tag",
        "/image/pullPolicy",
        "/image/pullSecrets/0",
        "/serviceAccount/name",
        "/serviceAccount/annotations",
        "/watchNamespaces/0",
        "/nodeSelector",
        "/nodeSelector/a",
        "/priorityClassName",
        "/extraEnv/0/name",
        "/monitoring/labels",
        "/monitoring/labels/a",
    }


@pytest.mark.parametrize("hostile", [NEWLINE, "x: y", QUOTE, "123", "true", "null", "{{ .Values }}", "*a"])
def test_a_text_that_may_be_anything_stays_one(hostile: str, helm: Helm) -> None:
    env = [{"name": "A", "value": hostile}]
    objects = helm.template({"serviceAccount": {"annotations": {"a": hostile}}, "extraEnv": env})
    assert one(objects, "ServiceAccount")["metadata"]["annotations"] == {"a": hostile}
    assert container(objects)["env"][-1:] == env
    assert pod(objects).keys() == pod(helm.template()).keys()


@pytest.mark.parametrize("word", ["123", "true", "null"])
def test_a_name_that_yaml_takes_for_something_else_is_a_name(word: str, helm: Helm) -> None:
    monitored = {**dict.fromkeys(["podMonitor", "prometheusRule", "dashboard"], ON), "labels": {"release": word}}
    options = {**dict.fromkeys(["peering", "networkPolicy", "podDisruptionBudget"], ON), "monitoring": monitored}
    own = {"serviceAccount": {"name": word}, "priorityClassName": word, "image": {"repository": word, "tag": word}}
    objects = helm.template(
        {**options, **own, "watchNamespaces": [word], "nodeSelector": {"a": word}}, release=word, namespace=word
    )
    for obj in objects:
        assert obj["metadata"].get("namespace", word) == word
        assert all(isinstance(label, str) for label in obj["metadata"].get("labels", {}).values())
    assert one(objects, "ServiceAccount")["metadata"]["name"] == pod(objects)["serviceAccountName"] == word
    assert pod(objects)["priorityClassName"] == pod(objects)["nodeSelector"]["a"] == word
    assert container(objects)["image"] == f"{word}:{word}"
    assert one(objects, "RoleBinding")["subjects"] == [{"kind": "ServiceAccount", "name": word, "namespace": word}]
    assert one(objects, "Deployment")["spec"]["selector"]["matchLabels"]["app.kubernetes.io/instance"] == word


@pytest.mark.parametrize(
    "repository",
    ["nuvop", "a/b-c/d__e.f", "localhost/a", "Registry.example.org:5000/a/b", "10.0.0.1:80/a", "[fd00::1]:5000/a"],
)
def test_where_an_image_may_be(repository: str, helm: Helm) -> None:
    assert container(helm.template({"image": {"repository": repository}}))["image"] == f"{repository}:0.1.0"


def test_a_tag_of_digits_is_given_as_a_text(helm: Helm) -> None:
    assert container(helm.template(set_string="image.tag=1"))["image"] == "nuvop:1"
    (meaning,) = (meaning for name, _, meaning in chart.values() if name == "image.tag")
    assert "--set-string image.tag=1" in meaning


def test_it_may_be_a_part_of_another_chart(helm: Helm, tmp_path: Path) -> None:
    umbrella = tmp_path / "umbrella"
    umbrella.mkdir()
    part = {"name": "nuvop", "version": "0.1.0", "repository": f"file://{CHART}"}
    described = {"apiVersion": "v2", "name": "umbrella", "version": "1.0.0", "dependencies": [part]}
    (umbrella / "Chart.yaml").write_text(json.dumps(described))
    (umbrella / "values.yaml").write_text(json.dumps({"global": {"a": 1}, "nuvop": {"peering": ON}}))
    helm("dependency", "build", umbrella, "--skip-refresh")
    objects = yamltext.load_all(helm("template", "nuvop", umbrella, "--namespace=nuvop-system"))
    assert by_name(objects) == by_name(helm.template({"peering": ON}))


@pytest.mark.parametrize(
    ("values", "told", "not_told"),
    [
        ({}, "serves all namespaces.", "nuvop rbac"),
        ({"watchNamespaces": ["a", "b"]}, "serves a, b.", "all namespaces"),
        (
            {"rbac": {"create": False}, "watchNamespaces": ["a"], "peering": ON},
            "  nuvop rbac --namespace 'a' --peering nuvop --service-account ops/nuvop",
            "all namespaces",
        ),
        ({"peering": ON}, "  nuvop run -A --peering nuvop --dev", "nuvop rbac"),
    ],
)
def test_the_notes(values: Body, told: str, not_told: str, helm: Helm) -> None:
    dry = ("--dry-run=client", "--namespace=ops")
    _, _, notes = helm("install", "nuvop", CHART, *dry, values=values).partition("\nNOTES:\n")
    assert told in notes
    assert not_told not in notes
    assert all(len(line) <= 120 for line in notes.splitlines())
