"""Clusters, for real: what listens, who may do what, and what is left when things are cut off."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import uuid
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lab import controlplane
from lab.controlplane import build, locks, paths, processes
from tests.controlplane.checkout import Checkout, finish, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

# The first test may have to build the programs.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

NODES = 3

CONTROLLERS = ("kube-controller-manager", "kube-scheduler")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[controlplane.Cluster]:
    with pytest.MonkeyPatch.context() as patch:
        # Not among the project's own clusters.
        patch.setattr(paths, "CLUSTERS", tmp_path_factory.mktemp("clusters"))
        try:
            yield controlplane.up("shared", NODES)
        finally:
            controlplane.down("shared")


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Checkout]:
    """With the programs that are built already, and a home folder that has a kubeconfig."""
    made = Checkout.make(tmp_path)
    home = tmp_path / "home"
    (home / ".kube").mkdir(parents=True)
    (home / ".kube" / "config").write_text("the user's own")
    settings = {"HOME": str(home), "XDG_CACHE_HOME": str(_cache_home())}
    # Settings for kwokctl of a user who works with it too: a cluster of the lab must not follow them.
    settings |= {"KUBECONFIG": str(tmp_path / "other"), "KWOK_ETCD_BINARY": str(tmp_path / "none")}
    (tmp_path / "other").write_text("the user's other")
    made = Checkout(made.root, made.environment | settings)
    yield made
    for directory in [made.directory(name) for name in ("one", "two", "three")]:
        processes.kill_cluster(directory)


def _cache_home() -> Path:
    build.ensure()
    return paths.cache().parents[1]


def kubectl(cluster: controlplane.Cluster, *arguments: str, stdin: str | None = None) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [str(shutil.which("kubectl", path=path)), f"--kubeconfig={cluster.kubeconfig}", *arguments],
        input=stdin,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=os.environ | {"KUBECACHEDIR": str(cluster.directory / "home" / "cache")},
    ).stdout


def renewals(cluster: controlplane.Cluster) -> list[datetime]:
    """When each controller has renewed its lease; those that could not end after ten seconds."""
    path = "jsonpath={.items[*].spec.renewTime}"
    times = kubectl(cluster, "get", "leases", "--namespace=kube-system", *CONTROLLERS, f"--output={path}").split()
    return [datetime.fromisoformat(time) for time in times]


def listening(pids: frozenset[int]) -> set[tuple[str, int]]:
    """Addresses, as hexadecimal digits, and ports of the listening TCP and all UDP sockets of these processes."""
    inodes = set()
    for link in [link for pid in pids for link in Path(f"/proc/{pid}/fd").iterdir()]:
        with suppress(FileNotFoundError):  # closed meanwhile
            inodes |= set(re.findall(r"socket:\[(\d+)\]", os.readlink(link)))
    found = set()
    for table, states in (("tcp", {"0A"}), ("tcp6", {"0A"}), ("udp", {"07", "01"}), ("udp6", {"07", "01"})):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, _, _, _, _, _, inode, *_ = line.split()
            if inode in inodes and state in states:
                address, port = local.split(":")
                found.add((address, int(port, 16)))
    return found


def test_is_whole_and_ours(cluster: controlplane.Cluster) -> None:
    assert set(cluster.pids()) == set(controlplane.COMPONENTS)
    assert cluster.version == build.Recipe.of_this_machine().version
    assert cluster.kubeconfig.stat().st_mode & 0o777 == 0o600
    assert cluster.directory.stat().st_mode & 0o777 == 0o700
    nodes = json.loads(kubectl(cluster, "get", "nodes", "-o", "json"))["items"]
    assert len(nodes) == NODES
    (line,) = [line for line in controlplane.status() if line.name == cluster.name]
    assert line == controlplane.Status(cluster.name, controlplane.State.RUNNING, cluster.kubeconfig, cluster)


def test_listens_on_127_0_0_1_only(cluster: controlplane.Cluster) -> None:
    found = listening(frozenset(cluster.pids().values()))
    assert int(cluster.server.rpartition(":")[2]) in {port for _, port in found}
    assert len(found) >= 6
    assert {address for address, _ in found} == {"0100007F"}


def test_an_unprivileged_token_is_denied(cluster: controlplane.Cluster) -> None:
    kubectl(cluster, "create", "serviceaccount", "nobody")
    token = kubectl(cluster, "create", "token", "nobody").strip()

    def get(path: str) -> int:
        authority = cluster.kubeconfig.read_text().partition("certificate-authority: ")[2].splitlines()[0]
        tls = ssl.create_default_context(cafile=authority)
        connection = http.client.HTTPSConnection(cluster.server.removeprefix("https://"), context=tls)
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        status = connection.getresponse().status
        connection.close()
        return status

    assert get("/api/v1/namespaces/default/secrets") == 403
    assert get("/version") == 200, "the token was refused altogether"
    kubectl(cluster, "create", "rolebinding", "nobody", "--clusterrole=admin", "--serviceaccount=default:nobody")
    wait_until(lambda: get("/api/v1/namespaces/default/secrets") == 200)


def test_audit_log_has_each_request_at_once(cluster: controlplane.Cluster) -> None:
    name = f"audited-{uuid.uuid4().hex}"
    assert cluster.api().get(f"/api/v1/namespaces/{name}")[0] == 404
    entries = [json.loads(line) for line in cluster.audit_log.read_text().splitlines() if name in line]
    (entry,) = entries
    assert (entry["level"], entry["stage"], entry["verb"]) == ("Metadata", "ResponseComplete", "get")
    assert entry["objectRef"]["name"] == name
    assert '"resource":"leases","namespace"' not in cluster.audit_log.read_text(), "heartbeats would fill the disk"


def test_a_deployment_gets_ready_pods_and_is_collected(cluster: controlplane.Cluster) -> None:
    kubectl(cluster, "create", "deployment", "web", "--image=nginx", "--replicas=4")
    kubectl(cluster, "rollout", "status", "deployment/web", "--timeout=60s")
    pods: list[Any] = json.loads(kubectl(cluster, "get", "pods", "-l", "app=web", "-o", "json"))["items"]
    assert len(pods) == 4
    assert {pod["status"]["phase"] for pod in pods} == {"Running"}
    assert all(pod["spec"]["nodeName"].startswith("node-") for pod in pods)
    kubectl(cluster, "delete", "deployment", "web")
    wait_until(lambda: kubectl(cluster, "get", "pods,replicasets", "-l", "app=web", "-o", "name") == "")


def test_there_are_addresses_for_many_services(cluster: controlplane.Cluster) -> None:
    # 10.96.0.0/14: at its far end, so both the API server's allocator and its range are meant.
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "far"},
        "spec": {"clusterIP": "10.99.255.250", "ports": [{"port": 80}]},
    }
    kubectl(cluster, "create", "-f", "-", stdin=json.dumps(service))


def test_the_api_server_stops_and_starts(cluster: controlplane.Cluster) -> None:
    kubectl(cluster, "create", "configmap", "kept")
    before = cluster.pids()
    cluster.stop_component("kube-apiserver")
    assert processes.has_ended(before["kube-apiserver"])
    with pytest.raises(OSError, match="refused"):
        cluster.api().get("/readyz")
    cluster.stop_component("kube-apiserver")  # fine
    (line,) = [line for line in controlplane.status() if line.name == cluster.name]
    assert line.state == controlplane.State.STOPPED

    cluster.start_component("kube-apiserver")
    ready = datetime.now(UTC)

    def is_whole() -> bool:
        # Who could not renew its lease in time ends only now.
        cluster.start_component("kube-apiserver")
        return cluster.is_running() and all(renewed > ready for renewed in renewals(cluster))

    wait_until(is_whole)
    assert cluster.pids()["kube-apiserver"] != before["kube-apiserver"]
    assert "kept" in kubectl(cluster, "get", "configmaps", "-o", "name")
    assert controlplane.up(cluster.name) == cluster


def test_stale_pid_files_do_not_keep_a_component_down(cluster: controlplane.Cluster) -> None:
    cluster.stop_component("kube-scheduler")
    (pid_file,) = cluster.directory.rglob("kube-scheduler.pid")
    pid_file.write_text(str(os.getpid()))  # a stranger got the number
    cluster.start_component("kube-scheduler")
    assert cluster.pids()["kube-scheduler"] != os.getpid()


def test_unknown_components_and_bad_names_are_errors(cluster: controlplane.Cluster) -> None:
    with pytest.raises(controlplane.ControlPlaneError, match="'kubelet': not one of etcd, kube-apiserver"):
        cluster.stop_component("kubelet")
    for name in ("", "UP", "a.b", "../a", "-a", "a-", "a" * 64, "a\n"):
        with pytest.raises(controlplane.ControlPlaneError, match="DNS label"):
            controlplane.up(name)
        with pytest.raises(controlplane.ControlPlaneError, match="DNS label"):
            controlplane.down(name)
    with pytest.raises(controlplane.ControlPlaneError, match="nodes: -1"):
        controlplane.up("a", nodes=-1)


def test_from_up_to_down_under_a_path_with_a_space(checkout: Checkout, tmp_path: Path) -> None:
    up = checkout.run("up", "one", "--nodes", "2")
    assert up.returncode == 0, up.stderr
    kubeconfig = checkout.directory("one") / "kubeconfig"
    assert up.stdout == f"export KUBECONFIG='{kubeconfig}'\n"
    assert {address for address, _ in listening(checkout.pids("one"))} == {"0100007F"}
    pids = checkout.pids("one")

    again = checkout.run("up", "one")
    assert again.returncode == 0
    assert "is running already, with 2 nodes" in again.stderr
    assert checkout.pids("one") == pids

    header, row = checkout.run("status").stdout.splitlines()
    assert header.split() == ["NAME", "STATE", "VERSION", "NODES", "SERVER", "KUBECONFIG"]
    assert row.split()[:4] == ["one", "running", build.Recipe.of_this_machine().version, "2"]
    assert row.endswith(str(kubeconfig))

    down = checkout.run("down", "one")
    assert (down.returncode, down.stdout) == (0, "")
    assert "is removed" in down.stderr
    assert all(map(processes.has_ended, pids))
    assert not checkout.directory("one").exists()
    nothing = checkout.run("down", "one")
    assert nothing.returncode == 0
    assert "there is no cluster one" in nothing.stderr

    # The user's own files are as they were, and no new ones came.
    assert (tmp_path / "home" / ".kube" / "config").read_text() == "the user's own"
    assert (tmp_path / "other").read_text() == "the user's other"
    assert [path.name for path in (tmp_path / "home").rglob("*")] == [".kube", "config"]


def rows(checkout: Checkout) -> list[list[str]]:
    """The columns of each cluster's line."""
    return [line.split() for line in checkout.run("status").stdout.splitlines()[1:]]


def test_three_creates_at_once(checkout: Checkout) -> None:
    names = ("one", "two", "three")
    ups = [checkout.start("up", name, "--nodes", "2") for name in names]
    done = [finish(up) for up in ups]
    assert [up.returncode for up in done] == [0, 0, 0], [up.stderr for up in done]
    # An API server that has just started may miss one answer.
    wait_until(lambda: [row[:2] for row in rows(checkout)] == [[name, "running"] for name in sorted(names)])
    assert len({row[4] for row in rows(checkout)}) == 3

    # Each is its own: the end of one is nothing to the others.
    checkout.run("down", "two")
    wait_until(lambda: [row[:2] for row in rows(checkout)] == [["one", "running"], ["three", "running"]])


def test_creates_take_turns_on_the_machine(checkout: Checkout) -> None:
    # Else two could choose the same free port.
    with locks.exclusive(paths.cache() / "create.lock", waiting=lambda: None):
        up = checkout.start("up", "one", "--nodes", "0")
        assert up.stderr is not None
        assert "creating cluster one" in up.stderr.readline()
        assert "another cluster is being created" in up.stderr.readline()
        assert not checkout.pids("one")
        up.send_signal(signal.SIGINT)
        assert finish(up).returncode != 0
    assert not checkout.directory("one").exists()


def test_two_ups_of_one_name_make_one_cluster(checkout: Checkout) -> None:
    done = [finish(up) for up in [checkout.start("up", "one", "--nodes", "1") for _ in range(2)]]
    assert [up.returncode for up in done] == [0, 0], [up.stderr for up in done]
    assert sum("creating cluster" in up.stderr for up in done) == 1
    assert len(checkout.pids("one")) == len(controlplane.COMPONENTS)


@pytest.mark.parametrize("recovery", ["up", "down"])
def test_what_sigkill_leaves_of_a_creation_is_recovered(checkout: Checkout, recovery: str) -> None:
    up = checkout.start("up", "one", "--nodes", "1")
    wait_until(lambda: checkout.pids("one"))  # kwokctl, which goes on alone, and later its daemons
    up.kill()
    finish(up)
    assert checkout.run("status", "one").stdout.splitlines()[1].split()[:2] == ["one", "incomplete"]

    recovered = checkout.run(recovery, "one")
    assert recovered.returncode == 0, recovered.stderr
    if recovery == "up":
        assert "removed what was left" in recovered.stderr
        assert len(checkout.pids("one")) == len(controlplane.COMPONENTS)
    else:
        assert not checkout.pids("one")
        assert not checkout.directory("one").exists()


def test_ctrl_c_while_creating_leaves_nothing(checkout: Checkout) -> None:
    up = checkout.start("up", "one", "--nodes", "1")
    wait_until(lambda: len(checkout.pids("one")) >= 2)  # kwokctl and a daemon
    up.send_signal(signal.SIGINT)
    assert finish(up).returncode != 0
    assert not checkout.pids("one")
    assert not checkout.directory("one").exists()


def test_a_dead_cluster_is_made_anew_and_one_whose_folder_is_gone_is_ended(checkout: Checkout) -> None:
    checkout.run("up", "one", "--nodes", "1")
    processes.kill_cluster(checkout.directory("one"))  # as a reboot would
    assert checkout.run("status").stdout.splitlines()[1].split()[:2] == ["one", "stopped"]
    up = checkout.run("up", "one", "--nodes", "1")
    assert up.returncode == 0, up.stderr
    assert "not alive" in up.stderr
    assert len(checkout.pids("one")) == len(controlplane.COMPONENTS)

    shutil.rmtree(checkout.root / ".lab")  # git clean -fdx
    assert checkout.pids("one")
    assert "is removed" in checkout.run("down", "one").stderr
    assert not checkout.pids("one")


def test_a_creation_that_fails_says_where_the_logs_are(checkout: Checkout, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    folder = broken / "nuvop" / "controlplane" / build.Recipe.of_this_machine().key
    shutil.copytree(build.ensure(), folder, copy_function=os.symlink)
    (folder / "kube-apiserver").unlink()
    (folder / "kube-apiserver").write_text('#!/bin/sh\n[ "$1" = --version ] && echo Kubernetes v1.36.3 || exit 1\n')
    (folder / "kube-apiserver").chmod(0o755)
    up = Checkout(checkout.root, checkout.environment | {"XDG_CACHE_HOME": str(broken)}).run("up", "one")
    assert up.returncode == 1
    assert "kube-apiserver" in up.stderr
    assert (log := re.search(r"/\S.*/logs/kube-apiserver\.log", up.stderr))
    assert Path(log[0]).exists()
    assert not checkout.pids("one")
