"""The Helm chart on a cluster: install, upgrade, uninstall, and once more."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from lab import controlplane
from lab.chart import CHART
from lab.deployer.overlay import DEPLOY
from nuvop import yamltext
from tests.chart.helm import Done, Helm
from tests.deploy.deployed import Deployed
from tests.deploy.manifests import Body
from tests.deploy.test_deploy_task import everything
from tests.e2e.audited import refused, requests_of
from tests.e2e.harness import PROGRAMS, ROOT, Kubectl, eventually, is_ready, own_cluster, sample

pytestmark = pytest.mark.e2e

RELEASE = ("nuvop", CHART, "--namespace=nuvop-system", "--wait")


@pytest.fixture(scope="module")
def cluster() -> Iterator[controlplane.Cluster]:
    with own_cluster(f"{os.environ.get('NUVOP_TEST_CLUSTER', 'deploy')}-chart", nodes=2) as made:
        yield made


@pytest.fixture
def admin(cluster: controlplane.Cluster) -> Kubectl:
    return Kubectl(cluster.kubeconfig, "nuvop-system")


@pytest.fixture
def helm(cluster: controlplane.Cluster, tmp_path: Path) -> Helm:
    return Helm(tmp_path / "home", cluster.kubeconfig)


@pytest.fixture
def before(admin: Kubectl) -> Iterator[set[str]]:
    """What is there before the release, with an empty namespace for it; after the test no more than that is there."""
    names = ("nuvop-system", "one", "two")
    for name in names:
        admin("create", "namespace", name)

    def are_furnished() -> bool:
        places = [Kubectl(admin.kubeconfig, name) for name in names]
        return all(place.get(what) for place in places for what in ("sa/default", "cm/kube-root-ca.crt"))

    eventually("the namespaces are furnished", are_furnished)
    yield everything(admin)
    admin("delete", "namespace", *names)
    crds = [crd["metadata"]["name"] for crd in admin.list("crds")]
    admin("delete", "crds", *crds)


def left(admin: Kubectl, before: set[str]) -> set[str]:
    """What is there now and was not before, but for what the API server makes for each group that a CRD is of."""
    return {line for line in everything(admin) - before if not line.startswith("APIService ")}


def types(lines: Iterable[str]) -> set[str]:
    """The types of what is there."""
    return {line.split()[0] for line in lines}


def can(admin: Kubectl, verb: str, what: str, namespace: str) -> bool:
    user = "--as=system:serviceaccount:nuvop-system:nuvop"
    return admin.run("auth", "can-i", verb, what, user, "-n", namespace).stdout == "yes\n"


def undeploy(admin: Kubectl) -> Done:
    """`task undeploy`."""
    variables = {"KUBECONFIG": str(admin.kubeconfig), "HOME": "/nonexistent", "PATH": os.environ["PATH"]}
    command = [str(PROGRAMS / "python"), "-m", "lab.deployer", "remove", "--crs=keep"]
    return subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)


def older(folder: Path) -> Path:
    """The chart of an older version: another image, and a CRD that lacks a field."""
    shutil.copytree(CHART, folder)
    described = yamltext.load((CHART / "Chart.yaml").read_text())
    (folder / "Chart.yaml").write_text(json.dumps({**described, "version": "0.0.9", "appVersion": "0.0.9"}))
    file = folder / "files/crds/samples.nuvolaris.org.yaml"
    crd = yamltext.load(file.read_text())
    del fields(crd)["image"]
    file.write_text(json.dumps(crd))
    return folder


def fields(crd: Body) -> Body:
    (version,) = crd["spec"]["versions"]
    found: Body = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    return found


def test_from_kubectl_to_helm_and_on_to_other_namespaces_with_peering(
    admin: Kubectl, helm: Helm, before: set[str], tmp_path: Path
) -> None:
    admin("apply", "-f", str(older(tmp_path / "older") / "files/crds"))
    served = {"watchNamespaces": ["one", "two"]}
    theirs = helm.run("install", *RELEASE, values=served)
    assert theirs.returncode != 0
    assert "invalid ownership metadata" in theirs.stderr
    helm("install", *RELEASE, "--take-ownership", "--force-conflicts", values=served)
    assert "image" in fields(admin.get("crd/samples.nuvolaris.org"))
    assert [can(admin, "patch", "samples", name) for name in ("one", "two", "default")] == [True, True, False]

    refused = undeploy(admin)
    assert refused.returncode == 1
    assert "error: nothing was removed, because Helm has installed deployment nuvop in nuvop-system" in refused.stderr
    assert "helm uninstall nuvop --namespace nuvop-system" in refused.stderr
    assert can(admin, "patch", "samples", "one")

    peering = {"watchNamespaces": ["two"], "peering": {"enabled": True}}
    too_early = helm.run("upgrade", *RELEASE, values=peering)
    assert too_early.returncode != 0
    assert 'no matches for kind "KopfPeering"' in too_early.stderr
    admin("apply", "-f", "-", stdin=helm("show", "crds", CHART))
    admin("wait", "--for=condition=Established", "crd/kopfpeerings.kopf.dev")
    helm("upgrade", *RELEASE, values=peering)
    assert [can(admin, "patch", "samples", name) for name in ("one", "two")] == [False, True]
    assert can(admin, "patch", "kopfpeerings/nuvop", "two")

    helm("uninstall", "nuvop", "--namespace=nuvop-system", "--wait")
    eventually("only the CRDs are left", lambda: types(left(admin, before)) == {"CustomResourceDefinition"})


def written(admin: Kubectl) -> dict[str, str]:
    """When each object of the release but its own Secrets was last written."""
    types = "serviceaccounts,deployments,clusterroles,clusterrolebindings,clusterkopfpeerings"
    objects = json.loads(admin("get", types, "-l", "app.kubernetes.io/instance=nuvop", "-o", "json"))["items"]
    objects += admin.list("crds")
    return {f"{obj['kind']} {obj['metadata']['name']}": stamp(obj) for obj in objects}


def stamp(obj: Body) -> str:
    """What changes when somebody writes an object; the status of a Deployment is not meant."""
    if obj["kind"] == "Deployment":
        return str(obj["metadata"]["generation"])
    return str(obj["metadata"]["resourceVersion"])


def test_the_life_of_a_release(
    admin: Kubectl, helm: Helm, before: set[str], cluster: controlplane.Cluster, tmp_path: Path
) -> None:
    with_peering = ("--set=peering.enabled=true",)
    helm("install", "nuvop", older(tmp_path / "older"), "--namespace=nuvop-system", "--wait", *with_peering)
    deployed = Deployed(cluster, "nuvop-system")
    assert deployed.container["image"] == "nuvop:0.0.9"
    assert "image" not in fields(admin.get("crd/samples.nuvolaris.org"))

    helm("upgrade", *RELEASE, *with_peering)
    assert deployed.container["image"] == "nuvop:0.1.0"
    assert "image" in fields(admin.get("crd/samples.nuvolaris.org"))
    (computed, _) = yamltext.load_all((DEPLOY / "components/peering/roles.yaml").read_text())
    assert admin.get("clusterrole/nuvop")["rules"] == computed["rules"]

    # With the account, the rights and the arguments that the chart gives it.
    one = Kubectl(cluster.kubeconfig, "one")
    audited = cluster.audit_log.stat().st_size
    logs = ROOT / "test-artifacts/chart"
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir(parents=True)
    (tmp_path / "pod").mkdir()
    operator = deployed.operator(tmp_path / "pod", logs / "operator.log").start()
    try:
        one.apply(sample("obj"))
        eventually("ready", lambda: is_ready(one.get("sample/obj")))
        assert refused(requests_of(cluster, deployed.user, audited)) == []
        assert "rights are missing" not in operator.log()
    finally:
        operator.stop()

    stamps = written(admin)
    helm("upgrade", *RELEASE, *with_peering)
    assert written(admin) == stamps
    helm("upgrade", *RELEASE, "--reset-then-reuse-values", "--set=resources.limits.memory=1Gi")
    changed = written(admin)
    assert deployed.container["resources"]["limits"]["memory"] == "1Gi"
    assert {name for name, found in changed.items() if found != stamps[name]} == {"Deployment nuvop"}

    helm("uninstall", "nuvop", "--namespace=nuvop-system", "--wait")
    eventually(
        "only the CRDs are left, and what they are for",
        lambda: types(line for line in left(admin, before) if " one/" not in line) == {"CustomResourceDefinition"},
    )
    kept = left(admin, before)
    assert {"Sample one/obj", "Deployment one/obj-demo-deploy"} <= kept

    elsewhere = ("nuvop", CHART, "--namespace=two", "--wait")
    assert "invalid ownership metadata" in helm.run("install", *elsewhere).stderr
    helm("install", *RELEASE)
    helm("install", *elsewhere, "--set=crds.create=false")
    helm("upgrade", *RELEASE, "--set=crds.create=false")
    helm("upgrade", *elsewhere, "--take-ownership")
    for namespace in ("two", "nuvop-system"):
        helm("uninstall", "nuvop", f"--namespace={namespace}", "--wait")
    eventually("no more is left", lambda: left(admin, before) == kept)
    assert one.get("sample/obj")["metadata"].get("deletionTimestamp") is None
    shutil.rmtree(logs)
