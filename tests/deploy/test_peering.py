"""The peering component: with its rights and no others the deployed operator stands still for a developer's, and takes
over again."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import controlplane
from tests.deploy.deployed import Deployed
from tests.deploy.manifests import write_with
from tests.e2e.audited import Right, granted, refused, requests_of, used
from tests.e2e.harness import (
    PROGRAMS,
    ROOT,
    Kubectl,
    Operator,
    environment,
    eventually,
    is_ready,
    own_cluster,
    sample,
    writes_of,
)
from tests.e2e.test_peering import stands_still

pytestmark = pytest.mark.e2e

WAYS = {
    "default": ("peering", "nuvop-system", "-A", "clusterrole", "clusterkopfpeerings"),
    "namespaced": ("peering/namespaced", "team-a", "-nteam-a", "role", "kopfpeerings"),
}
"""The component, the operator's namespace, what a developer serves, and where the rights are."""


@pytest.fixture
def cluster() -> Iterator[controlplane.Cluster]:
    with own_cluster(f"{os.environ.get('NUVOP_TEST_CLUSTER', 'deploy')}-peering", nodes=1) as made:
        yield made


@pytest.mark.parametrize("variant", WAYS)
def test_a_developers_operator_takes_over_from_the_deployed_one(
    variant: str, cluster: controlplane.Cluster, tmp_path: Path
) -> None:
    component, namespace, served, role, peerings = WAYS[variant]
    admin = Kubectl(cluster.kubeconfig, "team-a")
    admin("create", "namespace", "team-a")
    for needed in ("deploy/crd", "deploy/peering/crd"):
        admin("apply", "-k", str(ROOT / needed))
    admin("wait", "--for=condition=Established", f"crd/{peerings}.kopf.dev")
    deployed = Deployed(cluster, namespace)
    own = tmp_path / "overlay"
    own.mkdir()
    deployed.kubectl("apply", "-k", str(write_with(component, variant, own, namespace=namespace)))
    logs = ROOT / "test-artifacts" / f"peering-{variant}"
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir(parents=True)
    before = cluster.audit_log.stat().st_size
    (tmp_path / "there").mkdir()
    there = deployed.operator(tmp_path / "there", logs / "deployed.log").start()
    here = Operator(
        [PROGRAMS / "nuvop", "run", served, "--peering", "nuvop", "--dev"],
        environment(cluster, tmp_path / "generated", NUVOP_KINDS=str(ROOT / "kustomize")),
        logs / "developers.log",
        tmp_path / "generated",
    )
    try:
        take_turns(cluster, admin, there, here)
    finally:
        codes = [each.stop() for each in (here, there) if hasattr(each, "process")]
    assert codes == [0, 0]
    entries = requests_of(cluster, deployed.user, before)
    assert refused(entries) == []
    rights: set[Right] = {("kopf.dev", peerings, verb) for verb in ("list", "watch", "patch")}
    assert rights <= granted([deployed.kubectl.get(f"{role}/nuvop")])
    assert rights <= used(entries)
    shutil.rmtree(logs)


def take_turns(cluster: controlplane.Cluster, team: Kubectl, there: Operator, here: Operator) -> None:
    assert "taking part with priority -" in there.log()
    team.apply(sample("a", 1), sample("gone", 1))
    eventually("ready", lambda: all(map(is_ready, team.list("sam"))))

    here.start()
    eventually("the deployed one stands still", lambda: stands_still(there))
    since = cluster.audit_log.stat().st_size
    team.apply(sample("b", 1))
    eventually("ready", lambda: is_ready(team.get("sam/b")))
    team("scale", "deployment/a-demo-deploy", "--replicas=3")
    eventually("it is put back", lambda: team.get("deployment/a-demo-deploy")["spec"]["replicas"] == 1)
    assert (applied(here, "b"), applied(there, "b")) == (1, 0)
    assert (put_back(here), put_back(there)) == (1, 0)
    team("delete", "sam/gone")
    eventually("its child is gone", lambda: not team.get("deployment/gone-demo-deploy"), within=90)
    assert patches(cluster, team, since) == 2, "b's once, a's once: put back"

    assert here.stop() == 0
    eventually("the deployed one goes on", lambda: not stands_still(there))
    since = cluster.audit_log.stat().st_size
    team.apply(sample("c", 1))
    eventually("ready", lambda: is_ready(team.get("sam/c")))
    team("scale", "deployment/b-demo-deploy", "--replicas=3")
    eventually("it is put back", lambda: team.get("deployment/b-demo-deploy")["spec"]["replicas"] == 1)
    assert [applied(there, name) for name in ("a", "c", "gone")] == [1, 1, 1]
    assert patches(cluster, team, since) == 2, "c's once, b's once: put back; a's was as it should be"


def patches(cluster: controlplane.Cluster, team: Kubectl, since: int) -> int:
    """How many Deployments were patched, once the last of them is noted: that comes a moment later."""

    def noted() -> int:
        return writes_of(cluster, team.namespace, since).count("patch deployments/")

    eventually("it is noted", lambda: noted() >= 2)
    return noted()


def applied(operator: Operator, name: str) -> int:
    """How often an operator says that it has applied a Sample."""
    return len(re.findall(f"samples/{name} in .*: applied", operator.log()))


def put_back(operator: Operator) -> int:
    return operator.log().count("spec.replicas was changed")
