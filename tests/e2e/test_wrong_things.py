"""What users do wrong, and what they are told."""

import copy
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab.controlplane import Cluster
from nuvop import yamltext
from tests.conftest import Start
from tests.e2e.harness import (
    PATIENCE,
    PROGRAMS,
    ROOT,
    Kubectl,
    copy_kinds,
    environment,
    eventually,
    fake_kubectl,
    is_ready,
    sample,
    stalled,
    writes_of,
)


def make_second_kind(kinds: Path, group: str) -> None:
    """A copy of the Sample kind under another name: Example, in ``group``."""
    folder = kinds / "examples"
    shutil.copytree(kinds / "samples", folder)
    crd = (folder / "crd.yaml").read_text()
    crd = crd.replace("nuvolaris.org", group).replace("samples", "examples").replace("Sample", "Example")
    crd = crd.replace("singular: sample", "singular: example").replace("shortNames: [sam]", "shortNames: [exa]")
    (folder / "crd.yaml").write_text(crd)


@pytest.mark.parametrize(
    ("count", "said"), [(-1, "greater than or equal to 0"), ("two", "must be of type integer"), (1.5, "integer")]
)
def test_a_count_that_cannot_be_is_refused(kubectl: Kubectl, count: object, said: str) -> None:
    done = kubectl.run("apply", "-f", "-", stdin=str(sample("obj", count)).replace("'", '"'))
    assert done.returncode != 0
    assert "spec.count" in done.stderr
    assert said in done.stderr


def test_a_name_that_is_too_long_for_a_child_is_refused_and_says_why(kubectl: Kubectl, operator: Start) -> None:
    refused = kubectl.run("apply", "-f", "-", stdin=str(sample("a" * 52)).replace("'", '"'))
    assert refused.returncode != 0
    assert "51 characters at most" in refused.stderr
    assert "<name>-demo-deploy" in refused.stderr

    operator()
    longest = "a" * 51
    kubectl.apply(sample(longest, 1))
    kubectl("wait", "--for=condition=Ready", f"sam/{longest}", "--timeout=60s")


def test_an_annotation_of_kopfs_that_is_spoilt_hides_no_resource(kubectl: Kubectl, operator: Start) -> None:
    running = operator()
    for name, text in {"broken": "{broken", "list": "[1]", "shape": '{"metadata":null}'}.items():
        cr = sample(name, 1)
        cr["metadata"]["annotations"] = {"handlers.nuvop.nuvolaris.org/last-handled": text}
        kubectl.apply(cr)
        kubectl("wait", "--for=condition=Ready", f"sam/{name}", "--timeout=60s")
    kubectl("delete", "sam", "--all")
    overlays = running.generated / "samples" / kubectl.namespace
    eventually("it has noticed that they are gone", lambda: not [*overlays.glob("*")])
    assert "Traceback" not in running.log()


def test_a_crd_that_is_not_installed_is_waited_for(
    cluster: Cluster, kubectl: Kubectl, operator: Start, tmp_path: Path
) -> None:
    kinds = copy_kinds(tmp_path / "kinds")
    group = f"{kubectl.namespace}.example.org"
    make_second_kind(kinds, group)
    running = operator(NUVOP_KINDS=str(kinds))
    crd = str(kinds / "examples/crd.yaml")
    assert f"CRD examples.{group} is not installed" in running.log()
    assert f"kubectl apply -f {os.path.relpath(crd, ROOT)}" in running.log()
    kubectl.apply(sample("obj", 1))
    kubectl("wait", "--for=condition=Ready", "sam/obj", "--timeout=60s")

    kubectl("apply", "-f", crd)
    try:
        kubectl("wait", "--for=condition=Established", f"crd/examples.{group}", "--timeout=30s")
        kubectl.apply({**sample("exa", 1), "apiVersion": f"{group}/v1", "kind": "Example"})
        kubectl("wait", "--for=condition=Ready", "exa/exa", "--timeout=60s")
    finally:
        kubectl("delete", "-f", crd)


def test_a_crd_in_the_cluster_that_is_not_the_folders_is_told(
    kubectl: Kubectl, operator: Start, tmp_path: Path
) -> None:
    kinds = copy_kinds(tmp_path / "kinds")
    group = f"{kubectl.namespace}.example.org"
    make_second_kind(kinds, group)
    whole: Any = yamltext.load((kinds / "examples/crd.yaml").read_text())
    other = copy.deepcopy(whole)
    other["spec"]["versions"][0]["name"] = "v1alpha1"
    kubectl.apply(other)
    try:
        kubectl("wait", "--for=condition=Established", f"crd/examples.{group}", "--timeout=30s")
        running = operator(NUVOP_KINDS=str(kinds))
        eventually("told", lambda: f"CRD examples.{group} in the cluster has v1alpha1 and not v1" in running.log())
        kubectl("delete", f"crd/examples.{group}")
        poor = copy.deepcopy(whole)
        del poor["spec"]["versions"][0]["subresources"]
        kubectl.apply(poor)
        kubectl("wait", "--for=condition=Established", f"crd/examples.{group}", "--timeout=30s")
        kubectl.apply({**sample("exa", 1), "apiVersion": f"{group}/v1", "kind": "Example"})
        told = f"its status cannot be told: the CRD examples.{group} in the cluster has no status subresource"
        eventually("told", lambda: told in running.log())
        kubectl.apply(whole)
        kubectl("wait", "--for=condition=Ready", "exa/exa", "--timeout=60s")
        assert "is gone" not in running.log()
    finally:
        kubectl("delete", f"crd/examples.{group}")


def test_a_kind_that_comes_while_the_operator_runs_is_served(kubectl: Kubectl, operator: Start, tmp_path: Path) -> None:
    kinds = copy_kinds(tmp_path / "kinds")
    group = f"{kubectl.namespace}.example.org"
    running = operator(NUVOP_KINDS=str(kinds))
    make_second_kind(kinds, group)
    crd = kinds / "examples/crd.yaml"
    eventually("its CRD is missed", lambda: f"CRD examples.{group} is not installed" in running.log())
    whole = crd.read_text()
    crd.write_text("broken: [")
    kubectl("apply", "-f", "-", stdin=whole)
    try:
        kubectl("wait", "--for=condition=Established", f"crd/examples.{group}", "--timeout=30s")
        kubectl.apply({**sample("exa", 1), "apiVersion": f"{group}/v1", "kind": "Example"})
        eventually("it is stalled", lambda: "KindInvalid" in stalled(kubectl.get("exa/exa")))
        crd.write_text(whole)
        kubectl("wait", "--for=condition=Ready", "exa/exa", "--timeout=60s")
        kubectl("patch", "exa/exa", "--type=merge", "-p", '{"spec":{"count":2}}')
        kubectl("wait", "--for=condition=Ready", "exa/exa", "--timeout=60s")
    finally:
        kubectl("delete", "-f", str(crd))


def test_a_broken_folder_stalls_its_own_kind_only(
    cluster: Cluster, kubectl: Kubectl, operator: Start, tmp_path: Path
) -> None:
    kinds = copy_kinds(tmp_path / "kinds")
    group = f"{kubectl.namespace}.example.org"
    make_second_kind(kinds, group)
    crd = str(kinds / "examples/crd.yaml")
    kubectl("apply", "-f", crd)
    try:
        kubectl("wait", "--for=condition=Established", f"crd/examples.{group}", "--timeout=30s")
        broken = kinds / "samples/deployment.yaml"
        whole = broken.read_text()
        broken.write_text(whole + "\nthis is not\n  YAML: [\n")
        operator(NUVOP_KINDS=str(kinds))
        kubectl.apply(sample("obj", 1), {**sample("exa", 1), "apiVersion": f"{group}/v1", "kind": "Example"})
        kubectl("wait", "--for=condition=Ready", "exa/exa", "--timeout=60s")
        reason, message = eventually("obj is stalled", lambda: any(found := stalled(kubectl.get("sam/obj"))) and found)
        assert reason == "BuildFailed"
        assert "deployment.yaml" in message
        assert "is not YAML" in message

        broken.write_text(whole)
        eventually("mended without a restart", lambda: is_ready(kubectl.get("sam/obj")))
        kubectl("patch", "exa/exa", "--type=merge", "-p", '{"spec":{"count":2}}')
        kubectl("wait", "--for=condition=Ready", "exa/exa", "--timeout=60s")
    finally:
        kubectl("delete", "-f", crd)


def test_a_folder_that_breaks_later_harms_nothing_that_runs(kubectl: Kubectl, operator: Start, tmp_path: Path) -> None:
    kinds = copy_kinds(tmp_path / "kinds")
    operator(NUVOP_KINDS=str(kinds))
    kubectl.apply(sample("obj", 1))
    kubectl("wait", "--for=condition=Ready", "sam/obj", "--timeout=60s")
    uid = kubectl.get("deployment/obj-demo-deploy")["metadata"]["uid"]

    (kinds / "samples/kustomization.yaml").unlink()
    eventually("stalled", lambda: stalled(kubectl.get("sam/obj"))[0] == "KindInvalid")
    assert "kustomization.yaml: there is no such file" in stalled(kubectl.get("sam/obj"))[1]
    assert kubectl.get("deployment/obj-demo-deploy")["metadata"]["uid"] == uid

    shutil.copy(ROOT / "kustomize/samples/kustomization.yaml", kinds / "samples")
    eventually("ready", lambda: is_ready(kubectl.get("sam/obj")))
    assert kubectl.get("deployment/obj-demo-deploy")["metadata"]["uid"] == uid


def test_a_change_of_the_folder_reaches_what_runs(kubectl: Kubectl, operator: Start, tmp_path: Path) -> None:
    kinds = copy_kinds(tmp_path / "kinds")
    operator(NUVOP_KINDS=str(kinds))
    kubectl.apply(sample("obj", 1))
    kubectl("wait", "--for=condition=Ready", "sam/obj", "--timeout=60s")

    base = kinds / "samples/deployment.yaml"
    base.write_text(base.read_text().replace("image: nginx", "image: nginx:1.29.3"))

    def image() -> str:
        found: str = kubectl.get("deploy/obj-demo-deploy")["spec"]["template"]["spec"]["containers"][0]["image"]
        return found

    eventually("the new image", lambda: image() == "nginx:1.29.3")
    eventually("ready", lambda: is_ready(kubectl.get("sam/obj")))


def test_what_the_api_server_refuses_is_told_and_tried_again(kubectl: Kubectl, operator: Start, tmp_path: Path) -> None:
    kinds = copy_kinds(tmp_path / "kinds")
    base = kinds / "samples/deployment.yaml"
    whole = base.read_text()
    base.write_text(whole.replace("containerPort: 80", "containerPort: 99999"))
    operator(NUVOP_KINDS=str(kinds))
    kubectl.apply(sample("obj", 1))
    reason, message = eventually("stalled", lambda: any(found := stalled(kubectl.get("sam/obj"))) and found)
    assert reason == "ApplyFailed"
    assert 'Deployment.apps "obj-demo-deploy" is invalid' in message or "obj-demo-deploy" in message
    assert "99999" in message
    base.write_text(whole)
    eventually("ready", lambda: is_ready(kubectl.get("sam/obj")))


def test_an_object_of_somebody_else_is_not_taken_over(kubectl: Kubectl, operator: Start) -> None:
    kubectl("create", "deployment", "obj-demo-deploy", "--image=mine", "--replicas=1")
    uid = kubectl.get("deployment/obj-demo-deploy")["metadata"]["uid"]
    operator()
    kubectl.apply(sample("obj", 2))
    reason, message = eventually("stalled", lambda: any(found := stalled(kubectl.get("sam/obj"))) and found)
    assert reason == "NotOwned"
    assert "Deployment/obj-demo-deploy exists, made by kubectl-create" in message
    theirs = kubectl.get("deployment/obj-demo-deploy")
    assert theirs["metadata"]["uid"] == uid
    assert theirs["spec"]["replicas"] == 1
    assert "ownerReferences" not in theirs["metadata"]

    kubectl("delete", "deployment/obj-demo-deploy")
    eventually("ready once the way is free", lambda: is_ready(kubectl.get("sam/obj")))


def test_two_operators_on_one_namespace_do_no_harm(kubectl: Kubectl, operator: Start) -> None:
    first, second = operator(), operator()
    kubectl.apply(*(sample(f"obj{i}", 1) for i in range(5)))
    for i in range(5):
        kubectl("wait", "--for=condition=Ready", f"sam/obj{i}", "--timeout=60s")
    kubectl("scale", "deployment/obj0-demo-deploy", "--replicas=4")
    eventually("put back", lambda: kubectl.get("deployment/obj0-demo-deploy")["spec"]["replicas"] == 1)

    def versions() -> list[str]:
        return [obj["metadata"]["resourceVersion"] for obj in kubectl.list("samples,deployments")]

    eventually("all ready", lambda: all(is_ready(kubectl.get(f"sam/obj{i}")) for i in range(5)))
    eventually("nothing is written any more", lambda: unchanged(versions, during=4))
    assert "Traceback" not in first.log() + second.log()


def unchanged(read: Callable[[], list[str]], *, during: float) -> list[str]:
    """What ``read`` returns before and after some seconds; empty where that is not the same."""
    before = read()
    time.sleep(during)
    return before if read() == before else []


def test_two_operators_with_different_folders_do_not_fight_for_ever(
    cluster: Cluster, kubectl: Kubectl, operator: Start, tmp_path: Path
) -> None:
    other = copy_kinds(tmp_path / "kinds")
    base = other / "samples/deployment.yaml"
    base.write_text(base.read_text().replace("image: nginx", "image: nginx:other"))
    since = cluster.audit_log.stat().st_size
    running = [operator(), operator(NUVOP_KINDS=str(other))]
    kubectl.apply(sample("obj", 1))
    eventually("it is noticed", lambda: any("contested: Deployment/obj-demo-deploy" in op.log() for op in running))
    assert any("was applied by another nuvop, with another folder" in op.log() for op in running)
    assert all(op.log().count(": applied ") < 12 for op in running)

    def all_writes() -> list[str]:
        return writes_of(cluster, kubectl.namespace, since)

    settled = eventually("they write no more than once in a while", lambda: unchanged(all_writes, during=3))
    assert len(settled) < 60


def test_a_crd_that_goes_away_is_told(kubectl: Kubectl, operator: Start, tmp_path: Path) -> None:
    kinds = copy_kinds(tmp_path / "kinds")
    group = f"{kubectl.namespace}.example.org"
    make_second_kind(kinds, group)
    crd = str(kinds / "examples/crd.yaml")
    kubectl("apply", "-f", crd)
    kubectl("wait", "--for=condition=Established", f"crd/examples.{group}", "--timeout=30s")
    running = operator(NUVOP_KINDS=str(kinds))
    assert "is not installed" not in running.log()
    kubectl("delete", "-f", crd)
    eventually("it is told", lambda: f"CRD examples.{group} is not installed" in running.log())
    assert running.process.poll() is None


def test_a_manifest_is_never_told(kubectl: Kubectl, operator: Start) -> None:
    running = operator()
    kubectl.apply(sample("obj", 1, image="a\x7fb"))
    reason, message = eventually("stalled", lambda: any(found := stalled(kubectl.get("sam/obj"))) and found)
    assert (reason, message) == ("InvalidSpec", "spec.image: the character U+007F cannot stand in a manifest")
    assert "containers" not in running.log()


def test_two_operators_on_one_folder_of_overlays_is_refused(
    cluster: Cluster, kubectl: Kubectl, operator: Start
) -> None:
    first = operator()
    second = operator(start=False, NUVOP_GENERATED=str(first.generated)).start(until=None)
    assert second.process.wait(PATIENCE) == 1
    assert f"another nuvop writes its overlays to {first.generated}" in second.log()
    kubectl.apply(sample("obj", 1))
    kubectl("wait", "--for=condition=Ready", "sam/obj", "--timeout=60s")


def test_a_folder_that_is_not_nuvops_is_not_swept(cluster: Cluster, operator: Start, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    refused = operator(start=False, NUVOP_GENERATED=str(mine)).start(until=None)
    assert refused.process.wait(PATIENCE) == 1
    assert f"{mine} is not empty and nuvop has not made it" in refused.log()
    assert (mine / "thesis.txt").read_text() == "years of work"


# --- what ends the operator at once, with one line -------------------------------------------------------------------


def run_to_its_end(cluster: Cluster, tmp_path: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run an operator that cannot work; it must end by itself."""
    return subprocess.run(
        [PROGRAMS / "kopf", "run", "-n", "default"],
        env={**environment(cluster, tmp_path / "generated"), **variables},
        cwd=ROOT,
        text=True,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )


def assert_one_clear_error(done: "subprocess.CompletedProcess[str]", *said: str) -> None:
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("Error: ")
    for part in said:
        assert part in line


def test_no_credentials(cluster: Cluster, tmp_path: Path) -> None:
    nowhere = str(tmp_path / "no-such-kubeconfig")
    done = run_to_its_end(cluster, tmp_path, KUBECONFIG=nowhere)
    assert_one_clear_error(done, "no credentials", nowhere, "service account")
    assert not [path for path in (tmp_path / "tmp").iterdir() if path.name.startswith("nuvop-")]


def test_kubeconfig_that_is_broken(cluster: Cluster, tmp_path: Path) -> None:
    broken = tmp_path / "kubeconfig"
    broken.write_text("clusters: {")
    assert_one_clear_error(run_to_its_end(cluster, tmp_path, KUBECONFIG=str(broken)), str(broken))


@pytest.mark.parametrize("name", ["certificate-authority-data", "client-key-data"])
def test_certificates_that_are_none(cluster: Cluster, tmp_path: Path, name: str) -> None:
    kubectl = Kubectl(cluster.kubeconfig, "default")
    config = kubectl("config", "view", "--raw", "--flatten")
    broken = tmp_path / "kubeconfig"
    broken.write_text(re.sub(f"{name}: .*", f"{name}: AAAA", config))
    assert_one_clear_error(run_to_its_end(cluster, tmp_path, KUBECONFIG=str(broken)), str(broken))


def test_kubectl_is_missing(cluster: Cluster, tmp_path: Path) -> None:
    done = run_to_its_end(cluster, tmp_path, PATH=str(tmp_path))
    assert_one_clear_error(done, "kubectl is not on PATH", "1.27 or newer")


def test_kubectl_is_too_old(cluster: Cluster, tmp_path: Path) -> None:
    path = fake_kubectl(tmp_path / "bin", """echo '{"clientVersion":{"gitVersion":"v1.20.3"}}'""")
    assert_one_clear_error(run_to_its_end(cluster, tmp_path, PATH=path), "v1.20.3", "1.27 or newer")


def test_kubectl_is_no_kubectl(cluster: Cluster, tmp_path: Path) -> None:
    path = fake_kubectl(tmp_path / "bin", "echo what >&2; exit 3")
    done = run_to_its_end(cluster, tmp_path, PATH=path)
    assert_one_clear_error(done, "does not tell its version", "exit code 3", "what")


def test_there_are_no_kinds(cluster: Cluster, tmp_path: Path) -> None:
    done = run_to_its_end(cluster, tmp_path, NUVOP_KINDS=str(tmp_path / "none"))
    assert_one_clear_error(done, str(tmp_path / "none"), "no such folder")
