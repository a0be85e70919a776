"""The main job: a Sample's life from beginning to end."""

import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from lab.controlplane import Cluster
from tests.conftest import Start
from tests.e2e.harness import PROGRAMS, ROOT, Kubectl, condition, eventually, is_ready, sample


def test_a_sample_from_creation_to_deletion(kubectl: Kubectl, operator: Start) -> None:
    running = operator()
    example = YAML(typ="safe").load(ROOT / "kustomize/samples/examples/obj.yaml")
    del example["metadata"]["namespace"]
    kubectl.apply(example)
    kubectl("wait", "--for=condition=Ready", "sam/obj", "--timeout=60s")

    deployment = kubectl.get("deployment/obj-demo-deploy")
    assert deployment["spec"]["replicas"] == 2
    assert deployment["status"]["availableReplicas"] == 2
    listed = kubectl("get", "sam")
    assert listed.split()[:4] == ["NAME", "COUNT", "READY", "MESSAGE"]
    assert "Deployment/obj-demo-deploy is ready" in listed

    kubectl("patch", "sam/obj", "--type=merge", "-p", '{"spec":{"count":3}}')
    kubectl("wait", "--for=condition=Ready", "sam/obj", "--timeout=60s")
    assert kubectl.get("deployment/obj-demo-deploy")["status"]["availableReplicas"] == 3

    kubectl("scale", "sam/obj", "--replicas=1")
    kubectl("wait", "--for=condition=Ready", "sam/obj", "--timeout=60s")
    status = kubectl.get("sam/obj")["status"]
    assert status["replicas"] == 1
    eventually("one pod's name", lambda: len(kubectl.get("sam/obj")["status"].get("podNames", ())) == 1)

    overlay = running.generated / "samples" / kubectl.namespace / "obj"
    assert overlay.is_dir()
    kubectl("delete", "sam/obj")
    eventually("no child is left", lambda: not kubectl.list("deployments,replicasets,pods"))
    eventually("the overlay is gone", lambda: not overlay.exists())


def test_the_overlay_builds_by_hand_and_is_what_runs(kubectl: Kubectl, operator: Start) -> None:
    running = operator()
    kubectl.apply(sample("obj", 2, image="0045691"))
    kubectl("wait", "--for=condition=Ready", "sam/obj", "--timeout=60s")

    folder = running.generated / "samples" / kubectl.namespace / "obj"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    built = subprocess.run([PROGRAMS / "kubectl", "kustomize", folder], capture_output=True, text=True, check=True)
    (deployment,) = YAML(typ="safe").load_all(built.stdout)
    live = kubectl.get("deployment/obj-demo-deploy")
    assert contains(live, deployment)
    assert live["spec"]["template"]["spec"]["containers"][0]["image"] == "0045691"
    kubectl("diff", "-k", str(folder), "--server-side", "--field-manager=nuvop", "--force-conflicts")


def contains(whole: object, part: object) -> bool:
    """Whether ``whole`` has all that ``part`` has."""
    if isinstance(whole, dict) and isinstance(part, dict):
        return all(key in whole and contains(whole[key], value) for key, value in part.items())
    if isinstance(whole, list) and isinstance(part, list):
        return len(whole) == len(part) and all(map(contains, whole, part))
    return whole == part


@pytest.mark.parametrize(
    "command",
    [
        [PROGRAMS / "kopf", "run"],
        [PROGRAMS / "nuvop", "run"],
        [Path(sys.executable), "-m", "nuvop", "run"],
    ],
    ids=["kopf", "nuvop", "python -m nuvop"],
)
def test_each_way_to_run_serves_a_namespace(kubectl: Kubectl, operator: Start, command: list[Path]) -> None:
    operator(*command, "-n", kubectl.namespace)
    kubectl.apply(sample("obj", 1))
    kubectl("wait", "--for=condition=Ready", "sam/obj", "--timeout=60s")


def test_all_namespaces(cluster: Cluster, kubectl: Kubectl, operator: Start) -> None:
    other = Kubectl(cluster.kubeconfig, f"{kubectl.namespace}-b")
    other("create", "namespace", other.namespace)
    try:
        operator(PROGRAMS / "kopf", "run", "-A")
        for one in (kubectl, other):
            one.apply(sample("obj", 1))
        for one in (kubectl, other):
            one("wait", "--for=condition=Ready", "sam/obj", "--timeout=60s")
    finally:
        other("delete", "namespace", other.namespace, "--wait=false")


def test_a_namespace_that_is_not_named_is_left_alone(cluster: Cluster, kubectl: Kubectl, operator: Start) -> None:
    other = Kubectl(cluster.kubeconfig, f"{kubectl.namespace}-b")
    other("create", "namespace", other.namespace)
    try:
        operator()
        other.apply(sample("obj", 1))
        kubectl.apply(sample("obj", 1))
        kubectl("wait", "--for=condition=Ready", "sam/obj", "--timeout=60s")
        assert not condition(other.get("sam/obj"), "Ready")
    finally:
        other("delete", "namespace", other.namespace, "--wait=false")


def test_two_samples_do_not_select_each_others_pods(kubectl: Kubectl, operator: Start) -> None:
    operator()
    kubectl.apply(sample("a", 2), sample("b", 1))
    for name in "ab":
        kubectl("wait", "--for=condition=Ready", f"sam/{name}", "--timeout=60s")
    eventually(
        "each has its own pods",
        lambda: [len(kubectl.get(f"sam/{name}")["status"].get("podNames", [])) for name in "ab"] == [2, 1],
    )
    names = [set(kubectl.get(f"sam/{name}")["status"]["podNames"]) for name in "ab"]
    assert not names[0] & names[1]


def test_nobody_at_all(kubectl: Kubectl, operator: Start) -> None:
    operator()
    kubectl.apply(sample("none", 0))
    eventually("ready with no pod", lambda: is_ready(kubectl.get("sam/none")))
    assert kubectl.get("deployment/none-demo-deploy")["spec"]["replicas"] == 0


def test_a_hand_made_change_is_put_back_and_its_author_named(kubectl: Kubectl, operator: Start) -> None:
    running = operator()
    kubectl.apply(sample("obj", 2))
    kubectl("wait", "--for=condition=Ready", "sam/obj", "--timeout=60s")

    kubectl("scale", "deployment/obj-demo-deploy", "--replicas=5")
    eventually("2 again", lambda: kubectl.get("deployment/obj-demo-deploy")["spec"]["replicas"] == 2)
    assert "Deployment/obj-demo-deploy: spec.replicas was changed by kubectl" in running.log()

    kubectl("label", "deployment/obj-demo-deploy", "nuvop.nuvolaris.org/instance-")
    eventually(
        "the label is back",
        lambda: (
            "nuvop.nuvolaris.org/instance"
            in (kubectl.get("deployment/obj-demo-deploy")["metadata"].get("labels") or {})
        ),
    )

    kubectl("delete", "deployment/obj-demo-deploy")
    eventually("it is there again", lambda: kubectl.get("deployment/obj-demo-deploy"))
    eventually("ready again", lambda: is_ready(kubectl.get("sam/obj")))
    assert "Deployment/obj-demo-deploy was deleted" in running.log()


def test_what_others_add_is_left_alone(kubectl: Kubectl, operator: Start) -> None:
    running = operator()
    kubectl.apply(sample("obj", 1))
    kubectl("wait", "--for=condition=Ready", "sam/obj", "--timeout=60s")
    applied = running.log().count(": applied ")

    kubectl("annotate", "deployment/obj-demo-deploy", "mine=yes")
    kubectl("label", "deployment/obj-demo-deploy", "mine=yes")
    kubectl("patch", "sam/obj", "--type=merge", "-p", '{"metadata":{"labels":{"mine":"yes"}}}')
    kubectl("patch", "sam/obj", "--type=merge", "-p", '{"spec":{"count":2}}')
    kubectl("wait", "--for=condition=Ready", "sam/obj", "--timeout=60s")
    assert running.log().count(": applied ") == applied + 1
    metadata = kubectl.get("deployment/obj-demo-deploy")["metadata"]
    assert (metadata["annotations"]["mine"], metadata["labels"]["mine"]) == ("yes", "yes")
