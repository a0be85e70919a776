"""deploy/ on a real API server, and the operator with the rights of the deployed service account and no others.

The nodes are simulated, so the deployed pod is only looked at.
"""

import http.client
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from lab import controlplane
from tests.conftest import artifacts_of
from tests.deploy.deployed import Deployed
from tests.e2e.audited import Right, granted, refused, requests_of, used
from tests.e2e.harness import ROOT, Kubectl, Operator, eventually, is_ready, own_cluster, sample

pytestmark = pytest.mark.e2e


@dataclass(frozen=True)
class Variant:
    """A way to deploy: a kustomization, the operator's namespace, one that it serves, and its role.

    ``silent`` are the rights that no request shows, each with the reason why they are granted all the same.
    """

    folder: Path
    namespace: str
    served: str
    role: str
    silent: dict[Right, str]


IDLE = (("cache.example.com", "memcacheds"), ("web.example.com", "nginxservers"), ("test.com", "psqls"))
"""The kinds of which there is no resource here."""

THEIRS = (
    *(("", plural) for plural in ("configmaps", "persistentvolumeclaims", "secrets", "services")),
    *(("apps", "statefulsets"), ("batch", "cronjobs")),
)
"""What only these have for children; tests/e2e/test_rights.py lives through the life of each."""

SELDOM = {
    ("apps", "deployments", "delete"): "for a child that left its folder, or that is made anew: the folder stays here",
    **{(group, plural, verb): "there is none of them here" for group, plural in IDLE for verb in ("get", "patch")},
    **{(group, f"{plural}/status", "patch"): "there is none of them here" for group, plural in IDLE},
    **{
        (group, plural, verb): "there is none of the kinds that have them here"
        for group, plural in THEIRS
        for verb in ("get", "list", "watch", "create", "patch", "delete")
    },
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[controlplane.Cluster]:
    with own_cluster(f"{os.environ.get('NUVOP_TEST_CLUSTER', 'deploy')}-test", nodes=2) as made:
        yield made


@pytest.fixture(scope="module")
def admin(cluster: controlplane.Cluster) -> Kubectl:
    """An administrator who has deployed the operator."""
    kubectl = Kubectl(cluster.kubeconfig, "nuvop-system")
    done = kubectl.run("apply", "-k", str(ROOT / "deploy/default"))
    assert (done.returncode, done.stderr) == (0, "")
    return kubectl


@pytest.fixture(scope="module", params=["default", "namespaced"])
def variant(request: pytest.FixtureRequest, admin: Kubectl, tmp_path_factory: pytest.TempPathFactory) -> Variant:
    """Each way to deploy, deployed."""
    if request.param == "default":
        admin("create", "namespace", "apps")
        return Variant(ROOT / "deploy/default", "nuvop-system", "apps", "clusterrole/nuvop", SELDOM)
    # As a user would build upon it, for a namespace of their own.
    folder = tmp_path_factory.mktemp("team-a").resolve()
    base = os.path.relpath(ROOT / "deploy/namespaced", folder)
    (folder / "kustomization.yaml").write_text(f"namespace: team-a\nresources:\n  - {json.dumps(base)}\n")
    admin("create", "namespace", "team-a")
    Kubectl(admin.kubeconfig, "team-a")("apply", "-k", str(folder))
    return Variant(folder, "team-a", "team-a", "role/nuvop", SELDOM)


def test_applying_again_changes_nothing(admin: Kubectl) -> None:
    lines = admin("apply", "-k", str(ROOT / "deploy/default")).splitlines()
    assert len(lines) == 9
    assert [line for line in lines if not line.endswith(" unchanged")] == []
    admin("diff", "-k", str(ROOT / "deploy/default"))


def test_the_deployment_becomes_available(admin: Kubectl) -> None:
    admin("rollout", "status", "deployment/nuvop", "--timeout=50s")
    assert [pod["status"]["phase"] for pod in admin.list("pods")] == ["Running"]


def test_pod_security_accepts_the_operator_and_nothing_less_restricted(admin: Kubectl, variant: Variant) -> None:
    deployment = Kubectl(admin.kubeconfig, variant.namespace).get("deployment/nuvop")
    spec = deployment["spec"]["template"]["spec"]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "tried"}}
    admin("apply", "--dry-run=server", "-f", "-", stdin=json.dumps({**pod, "spec": spec}))
    for less in ({"runAsNonRoot": True}, {"seccompProfile": {"type": "RuntimeDefault"}}):
        unsafe = {**pod, "spec": {**spec, "securityContext": less}}
        refused = admin.run("apply", "--dry-run=server", "-f", "-", stdin=json.dumps(unsafe))
        assert 'violates PodSecurity "restricted' in refused.stderr


def test_the_deployed_rights_suffice_and_none_is_too_much(
    request: pytest.FixtureRequest, cluster: controlplane.Cluster, variant: Variant, tmp_path: Path
) -> None:
    kubectl = Kubectl(cluster.kubeconfig, variant.served)
    artifacts = artifacts_of(request.node)
    shutil.rmtree(artifacts, ignore_errors=True)
    artifacts.mkdir(parents=True)
    before = cluster.audit_log.stat().st_size
    deployed = Deployed(cluster, variant.namespace)
    operator = deployed.operator(tmp_path, artifacts / "operator.log")
    operator.start()
    try:
        live_through(kubectl, operator)
        for probe in ("livenessProbe", "readinessProbe"):
            path = deployed.container[probe]["httpGet"]["path"]
            eventually(f"{path} says that all is well", partial(is_well, deployed.port, path))
    finally:
        code = operator.stop()
    assert code == 0
    assert not operator.processes()

    entries = requests_of(cluster, deployed.user, before)
    assert refused(entries) == []
    rights = granted([Kubectl(cluster.kubeconfig, variant.namespace).get(variant.role)])
    assert rights - used(entries) == variant.silent.keys() & rights
    assert "rights are missing" not in operator.log()
    shutil.rmtree(artifacts)


def live_through(kubectl: Kubectl, operator: Operator) -> None:
    """A Sample's life: created, changed, its child changed by hand and deleted, at last deleted itself."""
    kubectl.apply(sample("obj", 2))
    kubectl("wait", "--for=condition=Ready", "sam/obj", "--timeout=50s")

    kubectl("patch", "sam/obj", "--type=merge", "-p", '{"spec":{"count":3}}')
    eventually("ready with 3", lambda: is_ready(cr := kubectl.get("sam/obj")) and cr["status"].get("replicas") == 3)
    eventually("3 names", lambda: len(kubectl.get("sam/obj")["status"].get("podNames", ())) == 3)

    kubectl("scale", "deployment/obj-demo-deploy", "--replicas=5")
    eventually("3 again", lambda: kubectl.get("deployment/obj-demo-deploy")["spec"]["replicas"] == 3)
    kubectl("delete", "deployment/obj-demo-deploy")
    eventually("it is there again", lambda: kubectl.get("deployment/obj-demo-deploy"))
    eventually("ready again", lambda: is_ready(kubectl.get("sam/obj")))

    kubectl("annotate", "sam/obj", "nuvop.nuvolaris.org/deletion-policy=Orphan")
    eventually("armed", lambda: kubectl.get("sam/obj")["metadata"].get("finalizers"))
    kubectl("annotate", "sam/obj", "nuvop.nuvolaris.org/deletion-policy-")
    eventually("disarmed", lambda: not kubectl.get("sam/obj")["metadata"].get("finalizers"))
    eventually("owned", lambda: kubectl.get("deployment/obj-demo-deploy")["metadata"].get("ownerReferences"))

    overlay = operator.generated / "samples" / kubectl.namespace / "obj"
    assert overlay.is_dir()
    kubectl("delete", "sam/obj")
    eventually("no child is left", lambda: not kubectl.get("deployment/obj-demo-deploy"))
    eventually("the overlay is gone", lambda: not overlay.exists())


def is_well(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    finally:
        connection.close()


def test_components_are_what_the_api_server_takes(admin: Kubectl) -> None:
    for component in ("network-policy", "disruption-budget"):
        (manifest,) = (ROOT / "deploy/components" / component).glob("*_*.yaml")
        admin("apply", "--dry-run=server", "--validate=strict", "-f", str(manifest))
    admin("apply", "-f", str(ROOT / "deploy/components/disruption-budget/disruption_budget.yaml"))
    budget = eventually("it counts the pod", lambda: admin.get("pdb/nuvop").get("status", {}).get("expectedPods"))
    assert budget == 1
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction"}
    (name,) = [pod["metadata"]["name"] for pod in admin.list("pods")]
    path = f"/api/v1/namespaces/nuvop-system/pods/{name}/eviction"
    text = json.dumps({**eviction, "metadata": {"name": name, "namespace": "nuvop-system"}})
    admin("create", "--raw", path, "-f", "-", stdin=text)
    admin("delete", "pdb", "nuvop")
