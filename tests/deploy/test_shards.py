"""Two operators side by side, each for the namespaces that match its pattern."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import controlplane
from tests.deploy.deployed import Deployed
from tests.e2e.audited import refused, requests_of
from tests.e2e.harness import PROGRAMS, ROOT, Kubectl, Operator, always, eventually, is_ready, own_cluster, sample

pytestmark = pytest.mark.e2e

SHARDS = ("team-a", "team-b")


@pytest.fixture
def cluster() -> Iterator[controlplane.Cluster]:
    with own_cluster(f"{os.environ.get('NUVOP_TEST_CLUSTER', 'deploy')}-shards", nodes=1) as made:
        yield made


def with_sample(cluster: controlplane.Cluster, namespace: str) -> Kubectl:
    """A new namespace with a Sample."""
    kubectl = Kubectl(cluster.kubeconfig, namespace)
    kubectl("create", "namespace", namespace)
    kubectl.apply(sample("obj", 1))
    return kubectl


def test_each_namespace_has_exactly_one_operator(cluster: controlplane.Cluster, tmp_path: Path) -> None:
    home = Kubectl(cluster.kubeconfig, "nuvop-system")
    home("apply", "-k", str(ROOT / "deploy/shards"))
    logs = ROOT / "test-artifacts/shards"
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir(parents=True)
    shards = {shard: Deployed(cluster, "nuvop-system", f"nuvop-{shard}") for shard in SHARDS}
    assert len({deployed.user for deployed in shards.values()}) == len(SHARDS)
    begin = cluster.audit_log.stat().st_size
    operators: dict[str, Operator] = {}
    try:
        for shard, deployed in shards.items():
            (tmp_path / shard).mkdir()
            operators[shard] = deployed.operator(tmp_path / shard, logs / f"{shard}.log").start()
        outside = with_sample(cluster, "team-c-1")
        served = [with_sample(cluster, namespace) for namespace in ("team-a-1", "team-a-2", "team-b-1")]
        eventually("the others are ready", lambda: all(is_ready(each.get("sam/obj")) for each in served))
        always("it is no shard's", lambda: not outside.list("deployments"), during=2)
    finally:
        codes = [operator.stop() for operator in operators.values()]
    assert codes == [0, 0]
    assert {shard: applied_in(operator) for shard, operator in operators.items()} == {
        "team-a": ["team-a-1", "team-a-2"],
        "team-b": ["team-b-1"],
    }
    for shard, deployed in shards.items():
        entries = requests_of(cluster, deployed.user, begin)
        assert refused(entries) == []
        writes = [entry for entry in entries if entry["verb"] in ("patch", "delete")]
        assert {entry["objectRef"]["namespace"].startswith(f"{shard}-") for entry in writes} == {True}
    shutil.rmtree(logs)


def test_what_removes_one_operator_leaves_the_shards(cluster: controlplane.Cluster) -> None:
    home = Kubectl(cluster.kubeconfig, "nuvop-system")
    home("apply", "-k", str(ROOT / "deploy/shards"))
    command: list[str | Path] = [PROGRAMS / "python", "-m", "lab.deployer", "remove"]
    variables = {"KUBECONFIG": str(cluster.kubeconfig), "HOME": "/nonexistent", "PATH": os.environ["PATH"]}
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=True)
    assert "the CRDs stay, for deployment nuvop-team-a in nuvop-system and deployment nuvop-team-b" in done.stderr
    assert "namespace nuvop-system stays" in done.stderr
    assert len(home.list("deployments")) == len(SHARDS)
    home("delete", "-k", str(ROOT / "deploy/shards/team-a"))
    assert [found["metadata"]["name"] for found in home.list("deployments")] == ["nuvop-team-b"]
    assert home.get("crd/samples.nuvolaris.org")


def applied_in(operator: Operator) -> list[str]:
    """The namespace of each resource that an operator says it has applied."""
    return sorted(re.findall("samples/obj in ([^:]*): applied", operator.log()))
