"""From one version of the operator to the next, with custom resources in place: nothing is written, nothing restarts.

``NUVOP_UPGRADE`` is how many Samples there are; with 500 it takes about three minutes.
"""

import os
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab import controlplane
from lab.bench.audit import AuditLog, by_verb
from tests.deploy.deployed import Deployed
from tests.e2e.harness import ROOT, Kubectl, eventually, is_ready, own_cluster, sample

pytestmark = pytest.mark.e2e

COUNT = int(os.environ.get("NUVOP_UPGRADE", "100"))
PATIENCE = 60 + COUNT

NEXT = "9.9.9"
QUIET = 3.0
"""Seconds in which something would still be written that is too much."""


@pytest.fixture
def cluster() -> Iterator[controlplane.Cluster]:
    with own_cluster(f"{os.environ.get('NUVOP_TEST_CLUSTER', 'deploy')}-upgrade", nodes=max(2, COUNT // 50)) as made:
        yield made


def next_version(folder: Path) -> Path:
    """A folder with the same nuvop, which says that it is another version."""
    shutil.copytree(ROOT / "nuvop", folder / "nuvop", ignore=shutil.ignore_patterns("__pycache__"))
    information = folder / f"nuvop-{NEXT}.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Metadata-Version: 2.4\nName: nuvop\nVersion: {NEXT}\n")
    return folder


def specified(objects: list[dict[str, Any]]) -> set[tuple[str, str, int]]:
    """What would differ had anybody made an object anew, or written its spec."""
    return {
        (each["metadata"]["name"], each["metadata"]["uid"], each["metadata"].get("generation", 0)) for each in objects
    }


def has_pod(cr: dict[str, Any]) -> bool:
    return len(cr["status"].get("podNames", ())) == 1


def metrics(port: int) -> set[str]:
    """The lines of an operator's metrics; empty while it does not answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            return set(answer.read().decode().splitlines())
    except urllib.error.URLError:
        return set()


@pytest.mark.timeout(PATIENCE * 3)
def test_an_upgrade_writes_nothing(cluster: controlplane.Cluster, tmp_path: Path) -> None:
    team, deployed = Kubectl(cluster.kubeconfig, "team"), Deployed(cluster, "nuvop-system")
    team("create", "namespace", "team")
    deployed.kubectl("apply", "-k", str(ROOT / "deploy/default"))
    logs = ROOT / "test-artifacts/upgrade"
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir(parents=True)
    for name in ("old", "new", "next"):
        (tmp_path / name).mkdir()
    samples = [sample(f"s{number}", 1) for number in range(COUNT)]
    for begin in range(0, COUNT, 50):
        team.apply(*samples[begin : begin + 50])
    old = deployed.operator(tmp_path / "old", logs / "old.log").start()
    eventually("all are ready", lambda: all(map(is_ready, team.list("sam"))), within=PATIENCE)
    eventually("their pods are known", lambda: all(map(has_pod, team.list("sam"))), within=PATIENCE)
    assert old.stop() == 0

    before = {what: specified(team.list(what)) for what in ("samples", "deployments", "pods")}
    audit = AuditLog(cluster.audit_log, deployed.user)
    changed = next_version(tmp_path / "next")
    new = deployed.operator(tmp_path / "new", logs / "new.log", PYTHONPATH=str(changed)).start()
    try:
        seen = {f'nuvop_resources{{kind="samples",phase="Ready"}} {COUNT}.0'}
        eventually("it has looked at all", lambda: seen <= metrics(deployed.port), within=PATIENCE)
        assert any(f'version="{NEXT}"' in line for line in metrics(deployed.port))
        time.sleep(QUIET)
        requests = audit.new()
        print(f"{COUNT} Samples: {len(requests)} requests of the new operator, {by_verb(requests)}")
        assert [request for request in requests if request.is_write] == []
        assert {what: specified(team.list(what)) for what in before} == before

        team("patch", "sam/s0", "--type=merge", "-p", '{"spec":{"count":2}}')
        eventually("it is at work", lambda: team.get("sam/s0")["status"].get("replicas") == 2)
        written: set[str] = set()

        def is_noted() -> bool:
            """What is done is noted a moment later."""
            written.update(request.resource for request in audit.new() if request.is_write)
            return written >= {"deployments", "samples/status"}

        eventually("both are noted", is_noted)
    finally:
        code = new.stop()
    assert code == 0
    shutil.rmtree(logs)
