"""The operator as a real pod: its image, rights, probes and limits, and what it survives on a real node.

One file, for a machine has one real node; and in this order, for deploying takes its time.
"""

import http.client
import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from lab import controlplane, image
from lab.controlplane import node
from lab.controlplane.node import machine
from lab.deployer import nodes
from tests.e2e.audited import refused, requests_of
from tests.e2e.harness import (
    PROGRAMS,
    ROOT,
    Kubectl,
    condition,
    deployment,
    eventually,
    example,
    is_ready,
    make_kind,
    sample,
)
from tests.e2e.test_psqls import Volumes
from tests.realnode.conftest import traces
from tests.realnode.deployed import (
    LIMIT,
    SHORT_LIVED_TOKEN,
    Deployed,
    Patch,
    kustomization,
    memory_peak,
    process,
    restarts,
)

# The first test has the programs and the image built.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

LATE = 90.0
"""Seconds until the garbage collector has noticed CRDs that are new."""

COUNT = int(os.environ.get("NUVOP_NODE_LOAD", "100"))
"""How many custom resources the operator's memory is measured with."""


@pytest.fixture(scope="module")
def operator(cluster: controlplane.Cluster, image: None, tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    """deploy/default, on the real node."""
    deployed = Deployed(Kubectl(cluster.kubeconfig, "nuvop-system"))
    patches = [*nodes.onto_real(), *SHORT_LIVED_TOKEN]
    folder = kustomization(tmp_path_factory.mktemp("default").resolve(), "default", patches)
    deployed.kubectl("apply", "-k", str(folder))
    deployed.ready()
    return deployed


@pytest.fixture(scope="module")
def apps(cluster: controlplane.Cluster, operator: Deployed) -> Kubectl:
    """kubectl in the namespace that has the resources."""
    kubectl = Kubectl(cluster.kubeconfig, "apps")
    kubectl("create", "namespace", "apps")
    return kubectl


def works(apps: Kubectl, count: int) -> None:
    """Fail unless the operator brings a Sample to this many pods."""
    apps.apply(sample("life", count))
    eventually(f"{count} pods", lambda: is_ready(cr := apps.get("sam/life")) and cr["status"]["replicas"] == count)


def ask(pod: dict[str, Any], path: str) -> int:
    """The answer of the operator's port in its pod, asked from the node."""
    connection = http.client.HTTPConnection(pod["status"]["podIP"], 8080, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def credentials(cluster: controlplane.Cluster, since: int) -> set[str]:
    """The tokens, by their ids, with which the operator has asked after that many bytes of the audit log."""
    entries = requests_of(cluster, "system:serviceaccount:nuvop-system:nuvop", since)
    return {entry["user"]["extra"]["authentication.kubernetes.io/credential-id"][0] for entry in entries}


def test_another_cluster_with_a_real_node_is_refused(cluster: controlplane.Cluster) -> None:
    with pytest.raises(controlplane.ControlPlaneError, match=f"{cluster.name} has that of this one; remove that"):
        controlplane.up(f"{cluster.name}-too", real_node=True)
    (line,) = [line for line in controlplane.status() if line.name == cluster.name]
    assert line.state == controlplane.State.RUNNING
    told = subprocess.run(
        [PROGRAMS / "python", "-m", "lab.controlplane", "status", cluster.name],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "15 + 1 real" in told.stdout


def test_runs_as_nobody_with_a_read_only_root(operator: Deployed) -> None:
    pod = operator.ready()
    assert pod["spec"]["nodeName"] == node.NAME
    user = "import os; print(os.getuid(), os.getgid(), os.getgroups())"
    assert operator.execute("python", "-c", user).split(maxsplit=2)[:2] == ["65532", "65532"]
    done = operator.kubectl.run("exec", "deploy/nuvop", "--", "python", "-c", "open('/opt/new', 'w')")
    assert "Read-only file system" in done.stderr
    status = Path(f"/proc/{process(pod, 'nuvop')}/status").read_text()
    (capabilities,) = [line.split()[1] for line in status.splitlines() if line.startswith("CapBnd")]
    assert int(capabilities, 16) == 0
    assert "Seccomp:\t2" in status, "not filtered"


def test_its_probes_pass(operator: Deployed) -> None:
    pod = operator.ready()
    assert [ask(pod, path) for path in ("/healthz", "/readyz")] == [200, 200]


def test_logs_and_exec(operator: Deployed) -> None:
    assert operator.execute("nuvop", "--version") == f"nuvop, version {image.version()}\n"
    assert operator.execute("cat", "/proc/1/comm") == "tini\n"
    assert "logged in to https://10.96.0.1:443 with the service account" in operator.log()


def test_handles_all_shipped_kinds(operator: Deployed, apps: Kubectl) -> None:
    Volumes(apps).provide("db", 1)
    kinds = {"samples": "obj", "memcacheds": "plain", "nginxservers": "plain", "psqls": "plain"}
    crs = [example(ROOT / "kustomize" / kind, name) for kind, name in kinds.items()]
    apps.apply(*crs)
    names = [f"{kind}/{cr['metadata']['name']}" for kind, cr in zip(kinds, crs, strict=True)]
    eventually("all are ready", lambda: all(is_ready(apps.get(name)) for name in names))
    pods = apps.list("pods")
    assert {pod["spec"]["nodeName"].partition("-")[0] for pod in pods} == {"node"}, "not on the simulated nodes"
    apps("delete", *names)
    eventually("all children are gone", lambda: not apps.list("deployments,statefulsets,services,pods"), within=LATE)


def test_survives_a_killed_process(operator: Deployed, apps: Kubectl) -> None:
    pod = operator.ready()
    os.kill(process(pod, "nuvop"), signal.SIGKILL)
    after = operator.ready(lambda now: restarts(now) > restarts(pod))
    assert after["metadata"]["uid"] == pod["metadata"]["uid"]
    works(apps, 1)


def test_survives_an_eviction(operator: Deployed, apps: Kubectl) -> None:
    before = operator.ready()["metadata"]
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": before["name"]}}
    path = f"/api/v1/namespaces/nuvop-system/pods/{before['name']}/eviction"
    operator.kubectl("create", "--raw", path, "-f", "-", stdin=json.dumps(eviction))
    operator.ready(lambda now: now["metadata"]["uid"] != before["uid"])
    works(apps, 2)


def test_survives_a_restart_of_the_nodes_programs_and_a_new_token(
    cluster: controlplane.Cluster, operator: Deployed, apps: Kubectl
) -> None:
    """kubelet remembers no token, so it gets new ones when it has started."""
    pod, real = operator.ready(), cluster.node()
    begun = cluster.audit_log.stat().st_size
    works(apps, 3)
    old = credentials(cluster, begun)
    see = ("exec", "deploy/nuvop", "--", "cat", "/var/run/secrets/kubernetes.io/serviceaccount/token")
    token = operator.kubectl(*see)
    real.stop()
    works(apps, 4)
    assert set(real.pids()) == {"socat"}
    real.start()
    eventually("a new token", lambda: operator.kubectl.run(*see).stdout not in ("", token))
    begun = cluster.audit_log.stat().st_size
    works(apps, 5)
    new = credentials(cluster, begun)
    assert len(new - old) == 1, "the new token is not used"
    assert restarts(operator.ready()) == restarts(pod)


def test_survives_a_power_cut(cluster: controlplane.Cluster, operator: Deployed, apps: Kubectl) -> None:
    pod, real = operator.ready(), cluster.node()
    real.cut_power()
    assert not machine.container_pids()
    apps.apply(sample("life", 6))
    real.start()
    operator.ready(lambda now: restarts(now) > restarts(pod))
    works(apps, 6)
    assert operator.execute("nuvop", "--version")


def test_its_memory_stays_below_the_limit(operator: Deployed, apps: Kubectl) -> None:
    apps.apply(*(sample(f"many-{number}", 1) for number in range(COUNT)))

    def all_are_ready() -> bool:
        time.sleep(3)  # to answer this takes much of what the operator has to work with
        return sum(is_ready(cr) for cr in apps.list("samples") if cr["metadata"]["name"].startswith("many-")) == COUNT

    eventually("all are ready", all_are_ready, within=900)
    pod = operator.ready()
    peak = memory_peak(pod)
    print(f"\nwith {COUNT} Samples, all ready: at most {peak / 2**20:.0f} MiB, of {LIMIT / 2**20:.0f}")
    assert pod["spec"]["containers"][0]["resources"]["limits"]["memory"] == "512Mi"
    assert 30 * 2**20 < peak < LIMIT
    assert "OOMKilled" not in json.dumps(pod["status"])


def test_all_of_that_was_within_its_rights(cluster: controlplane.Cluster, operator: Deployed) -> None:
    entries = requests_of(cluster, "system:serviceaccount:nuvop-system:nuvop", 0)
    assert refused(entries) == []
    assert "rights are missing" not in operator.log()


def test_undeploying_leaves_nothing(cluster: controlplane.Cluster, operator: Deployed) -> None:
    uid = operator.ready()["metadata"]["uid"]
    deployer(cluster, "remove", "--crs", "delete")
    assert not operator.kubectl("get", "-k", str(ROOT / "deploy/default"), "--ignore-not-found", "-o", "name")
    eventually("no process of it is left", lambda: not machine.container_pids())
    eventually("nor a file", lambda: not (node.DATA / "kubelet" / "pods" / uid).exists())


def deployer(cluster: controlplane.Cluster, *arguments: str | Path) -> None:
    """What `task deploy` and `task undeploy` call."""
    done = deploying(cluster, *arguments)
    assert done.returncode == 0, done.stderr


def deploying(cluster: controlplane.Cluster, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    """The same, which may fail."""
    return subprocess.run(
        [PROGRAMS / "python", "-m", "lab.deployer", *arguments],
        cwd=ROOT,
        env={"KUBECONFIG": str(cluster.kubeconfig), "HOME": "/nonexistent", "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )


def test_kinds_of_ones_own_in_an_image_of_their_own(cluster: controlplane.Cluster, tmp_path: Path) -> None:
    name, kinds = "nuvop-test:own", tmp_path / "my-kinds"
    command: list[str | Path] = [PROGRAMS / "nuvop", "new", "Podinfo", "--group", "example.com", "--yes"]
    subprocess.run([*command, "--from", ROOT / "tests/new/podinfo", "--into", kinds], check=True, capture_output=True)
    image.build(name, [kinds]).save(tmp_path / "image.tar")
    cluster.node().load(tmp_path / "image.tar", name)
    done = deploying(cluster, "install", "--image", name)
    assert "error: the operator is Ready, but it serves podinfos.example.com, and not memcacheds" in done.stderr
    deployer(cluster, "remove")
    begun = cluster.audit_log.stat().st_size
    deployer(cluster, "install", "--image", name, "--kinds", kinds)
    operator = Deployed(Kubectl(cluster.kubeconfig, "nuvop-system"))
    assert operator.ready()["spec"]["nodeName"] == node.NAME
    assert operator.execute("ls", "/opt/nuvop/share/kinds") == "podinfos\n"

    apps = Kubectl(cluster.kubeconfig, "default")
    apps("apply", "-f", str(kinds / "podinfos/examples/podinfo.yaml"))
    eventually("ready", lambda: is_ready(apps.get("podinfo/example")))
    apps("patch", "podinfo/example", "--type=merge", "-p", '{"spec": {"minReplicas": 3}}')
    eventually("changed", lambda: apps.get("hpa/example-podinfo")["spec"]["minReplicas"] == 3)
    eventually("ready again", lambda: is_ready(apps.get("podinfo/example")))
    log = operator.log()
    assert "podinfos/example in default" in log
    assert [line for line in log.splitlines() if "error" in line.lower() or "warning" in line.lower()] == []
    deployer(cluster, "remove", "--crs", "delete")
    assert not apps.get("crd/podinfos.example.com")
    entries = requests_of(cluster, "system:serviceaccount:nuvop-system:nuvop", begun)
    assert entries
    assert refused(entries) == []


@pytest.fixture(scope="module")
def team(
    cluster: controlplane.Cluster, image: None, workload: str, tmp_path_factory: pytest.TempPathFactory
) -> Kubectl:
    """deploy/namespaced on the real node, with one more kind: a program that serves, on the real node, too."""
    kubectl = Kubectl(cluster.kubeconfig, "team")
    kubectl("create", "namespace", "team")
    kubectl("apply", "-k", str(ROOT / "deploy/crd"))
    folder = tmp_path_factory.mktemp("namespaced").resolve()
    main = "Deployment/web spec.template.spec.containers.[name=main]"
    fields = {"image": "image", "args": "args", "path": "readinessProbe.httpGet.path"}
    mapping = {f"spec.{ours}": f"{main}.{theirs}" for ours, theirs in fields.items()}
    kind = make_kind(folder / "kinds", kubectl, serving(workload), set=mapping)
    files = sorted(kind.folder.iterdir())
    kubectl("create", "configmap", "kinds", *(f"--from-file={file}" for file in files))
    volume = {"name": "kinds", "configMap": {"name": "kinds"}}
    variable = {"name": "NUVOP_KINDS", "value": "/opt/nuvop/share/kinds:/kinds"}
    # One by one, for a whole ConfigMap is mounted as symbolic links, which a kind's folder may not have.
    mounts = [{"name": "kinds", "mountPath": f"/kinds/widgets/{file.name}", "subPath": file.name} for file in files]
    extra: list[Patch] = [
        {"op": "add", "path": "/spec/template/spec/volumes/-", "value": volume},
        {"op": "add", "path": "/spec/template/spec/containers/0/env/-", "value": variable},
        *({"op": "add", "path": "/spec/template/spec/containers/0/volumeMounts/-", "value": mount} for mount in mounts),
    ]
    own = folder / "own"
    own.mkdir()
    kustomization(own, "namespaced", [*nodes.onto_real(), *extra], namespace="team")
    kubectl("apply", "-k", str(own))
    roles = subprocess.run(
        [
            *(PROGRAMS / "nuvop", "rbac", "--kinds", ROOT / "kustomize", "--kinds", kind.folder),
            *("--namespace", "team", "--service-account", "team/nuvop"),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    kubectl("apply", "-f", "-", stdin=roles.stdout)
    eventually("the operator is ready", lambda: kubectl.get("deploy/nuvop")["status"].get("readyReplicas"), within=120)
    return kubectl


def serving(image: str) -> dict[str, Any]:
    """A Deployment whose pod serves its own file system, on the real node."""
    made = deployment("web", image=image)
    pod = made["spec"]["template"]["spec"]
    pod |= {"nodeSelector": {node.LABEL: "true"}, "tolerations": [{"key": node.LABEL, "operator": "Exists"}]}
    pod["terminationGracePeriodSeconds"] = 1
    (container,) = pod["containers"]
    container["args"] = ["httpd", "-f", "-p", "8080", "-h", "/"]
    container["readinessProbe"] = {"httpGet": {"path": "/busybox", "port": 8080}, "periodSeconds": 1}
    return made


def widget(name: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "example.org/v1", "kind": "Widget", "metadata": {"name": name}, "spec": spec}


def test_the_namespaced_operator_serves_its_namespace_only(team: Kubectl) -> None:
    elsewhere = Kubectl(team.kubeconfig, "default")
    elsewhere.apply(sample("ignored"))
    team.apply(sample("obj"))
    eventually("ready", lambda: is_ready(team.get("sam/obj")))
    assert not condition(elsewhere.get("sam/ignored"), "Ready")
    elsewhere("delete", "sam/ignored")


def test_a_real_workload_becomes_ready_when_its_probe_says_so(team: Kubectl) -> None:
    team.apply(widget("good"), widget("unready", path="/nothing"))
    eventually("ready", lambda: is_ready(team.get("widget/good")))
    eventually("it waits", lambda: message(team, "unready", "unready-web"))
    # First of all it may be that nothing listens yet.
    told = eventually("the probe", lambda: message(team, "unready", "404"))
    assert "Readiness probe failed" in told
    team.apply(widget("unready", path="/busybox"))
    eventually("ready, too", lambda: is_ready(team.get("widget/unready")))


def test_an_image_that_cannot_be_pulled_is_told(team: Kubectl) -> None:
    team.apply(widget("pulling", image="registry.invalid/none:1"))
    eventually("the pull", lambda: message(team, "pulling", "registry.invalid/none:1"))


def test_a_crash_loop_is_told(team: Kubectl) -> None:
    team.apply(widget("crashing", args=["false"]))
    eventually("the loop", lambda: message(team, "crashing", "Back-off restarting failed container"))


def message(kubectl: Kubectl, name: str, containing: str) -> str:
    """What a Widget says about why it is not ready, where that contains these words; empty otherwise."""
    ready = condition(kubectl.get(f"widget/{name}"), "Ready")
    told: str = ready.get("message", "")
    return told if ready.get("status") == "False" and containing in told else ""


def test_taking_the_cluster_down_leaves_no_trace(
    cluster: controlplane.Cluster, team: Kubectl, before: dict[str, str]
) -> None:
    """The last test here, while pods run."""
    assert machine.container_pids()
    assert controlplane.down(cluster.name)
    assert traces() == before
    assert not machine.container_pids()
