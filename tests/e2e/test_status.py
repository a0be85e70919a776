"""The status is never untrue: a watcher on the CR checks every version that there ever was."""

import json
from pathlib import Path

from tests.conftest import Start
from tests.e2e.harness import (
    Kubectl,
    assert_true,
    condition,
    copy_kinds,
    eventually,
    every_version,
    is_ready,
    sample,
    stalled,
)


def test_it_is_true_at_every_version(kubectl: Kubectl, operator: Start, tmp_path: Path) -> None:
    kinds = copy_kinds(tmp_path / "kinds")
    operator(NUVOP_KINDS=str(kinds))
    kubectl.apply(sample("obj", 2))
    with every_version(kubectl, "sam/obj") as seen:
        for count in (3, 1, 0, 2):
            kubectl("patch", "sam/obj", "--type=merge", "-p", json.dumps({"spec": {"count": count}}))
            kubectl("wait", "--for=condition=Ready", "sam/obj", "--timeout=60s")
            assert kubectl.get("deployment/obj-demo-deploy")["status"].get("availableReplicas", 0) == count
        kubectl("scale", "deployment/obj-demo-deploy", "--replicas=5")
        eventually("put back", lambda: kubectl.get("deployment/obj-demo-deploy")["spec"]["replicas"] == 2)
        kubectl("delete", "pods", "--all", "--wait=false")
        eventually("ready", lambda: is_ready(kubectl.get("sam/obj")))
        base = kinds / "samples/deployment.yaml"
        whole = base.read_text()
        base.write_text("{")
        eventually("stalled", lambda: stalled(kubectl.get("sam/obj"))[0] == "BuildFailed")
        base.write_text(whole)
        eventually("ready", lambda: is_ready(kubectl.get("sam/obj")))
        last = kubectl.get("sam/obj")["metadata"]["resourceVersion"]
        eventually("all is seen", lambda: last in [version["metadata"]["resourceVersion"] for version in seen])

    assert len(seen) > 10
    assert_true(seen)


def test_it_is_false_while_the_children_are_not_ready_and_names_them(
    kubectl: Kubectl, operator: Start, tmp_path: Path
) -> None:
    kinds = copy_kinds(tmp_path / "kinds")
    base = kinds / "samples/deployment.yaml"
    # No node has that much memory: the pod stays pending.
    base.write_text(base.read_text().replace("memory: 16Mi", "memory: 900Ti").replace("memory: 64Mi", "memory: 900Ti"))
    operator(NUVOP_KINDS=str(kinds))
    kubectl.apply(sample("obj", 2))
    message = "Deployment/obj-demo-deploy: 0 of 2 replicas are available (FailedScheduling: 0/50 nodes are available"
    eventually("it is named", lambda: condition(kubectl.get("sam/obj"), "Ready").get("message", "").startswith(message))
    told = kubectl.get("sam/obj")
    assert condition(told, "Ready")["status"] == "False"
    assert condition(told, "Reconciling")["status"] == "True"
    assert told["status"]["observedGeneration"] == -1
    assert kubectl.run("wait", "--for=condition=Ready", "sam/obj", "--timeout=2s").returncode != 0

    kubectl("patch", "sam/obj", "--type=merge", "-p", '{"spec":{"count":0}}')
    kubectl("wait", "--for=condition=Ready", "sam/obj", "--timeout=60s")


def test_before_anything_ran_it_does_not_look_reconciled(kubectl: Kubectl) -> None:
    kubectl.apply(sample("obj", 2))
    assert kubectl.get("sam/obj")["status"] == {"observedGeneration": -1}


def test_a_foreign_status_is_written_over(kubectl: Kubectl, operator: Start) -> None:
    operator()
    kubectl.apply(sample("obj", 1))
    kubectl("wait", "--for=condition=Ready", "sam/obj", "--timeout=60s")
    lie = {"status": {"replicas": 99, "conditions": None}}
    kubectl("patch", "sam/obj", "--subresource=status", "--type=merge", "-p", json.dumps(lie))
    eventually("ready", lambda: is_ready(kubectl.get("sam/obj")))
    assert kubectl.get("sam/obj")["status"]["replicas"] == 1
