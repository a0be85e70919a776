"""Every way to log in, on a real API server: who did what stands in its audit log."""

import base64
import json
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from lab.controlplane import Cluster
from tests.conftest import Start
from tests.e2e.audited import entries_of
from tests.e2e.harness import Kubectl, eventually, is_ready, sample
from tests.e2e.outage import without

ACCOUNT = "operator"


@pytest.fixture
def account(kubectl: Kubectl) -> Iterator[str]:
    """A service account that may do everything; its user name."""
    name = f"{kubectl.namespace}-{ACCOUNT}"
    kubectl("create", "serviceaccount", ACCOUNT)
    kubectl(
        "create", "clusterrolebinding", name,
        "--clusterrole=cluster-admin", f"--serviceaccount={kubectl.namespace}:{ACCOUNT}",
    )  # fmt: skip
    yield f"system:serviceaccount:{kubectl.namespace}:{ACCOUNT}"
    kubectl("delete", "clusterrolebinding", name)


def make_token(kubectl: Kubectl, secret: str) -> str:
    """A token that is good for as long as a Secret exists."""
    kubectl("create", "secret", "generic", secret)
    return kubectl("create", "token", ACCOUNT, "--bound-object-kind=Secret", f"--bound-object-name={secret}")


def users_of_nuvop(cluster: Cluster, namespace: str) -> dict[str, set[str]]:
    """Which users each of nuvop's clients was in a namespace, from the audit log."""
    found: dict[str, set[str]] = {}
    for event in entries_of(cluster.audit_log):
        agent = event.get("userAgent", "").split("/")[0]
        resource = (event.get("objectRef") or {}).get("resource")
        is_here = (event.get("objectRef") or {}).get("namespace") == namespace
        is_nuvops = agent in ("kopf", "nuvop") or (agent == "kubectl" and event["verb"] == "patch")
        if is_here and is_nuvops and resource in ("samples", "deployments"):
            found.setdefault(agent, set()).add(event["user"]["username"])
    return found


def admin(cluster: Cluster) -> dict[str, Any]:
    """The administrator's kubeconfig, in its parts."""
    config: dict[str, Any] = YAML(typ="safe").load(cluster.kubeconfig)
    return config


def write(path: Path, **parts: Any) -> str:
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", **parts}))
    return str(path)


def with_user(cluster: Cluster, user: dict[str, Any]) -> dict[str, Any]:
    """The parts of a kubeconfig for the lab's API server and another user."""
    return {
        "clusters": [{"name": "c", "cluster": admin(cluster)["clusters"][0]["cluster"]}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "here",
    }


def kubeconfig(style: str, cluster: Cluster, kubectl: Kubectl, folder: Path) -> str:
    """The value of KUBECONFIG in one of the styles that users have."""
    if style == "client certificate files":
        user = admin(cluster)["users"][0]["user"]
        for name in ("client-certificate", "client-key"):
            data = base64.b64decode(user[f"{name}-data"]) if f"{name}-data" in user else Path(user[name]).read_bytes()
            (folder / f"{name}.pem").write_bytes(data)
        # Paths in a kubeconfig are relative to it.
        named = {name: f"{name}.pem" for name in ("client-certificate", "client-key")}
        return write(folder / "config", **with_user(cluster, named))
    token = make_token(kubectl, "token")
    if style == "token":
        return write(folder / "config", **with_user(cluster, {"token": token}))
    if style == "token file":
        (folder / "my-token").write_text(token)
        return write(folder / "config", **with_user(cluster, {"tokenFile": str(folder / "my-token")}))
    if style == "several files":
        parts = with_user(cluster, {"token": token})
        other = {"name": "other", "context": {"cluster": "nowhere", "user": "nobody"}}
        first = write(folder / "1", clusters=parts["clusters"], contexts=[other, *parts["contexts"]])
        second = write(folder / "2", users=parts["users"], **{"current-context": "here"})
        return os.pathsep.join([first, str(folder / "missing"), second])
    assert style == "credential plugin"
    plugin = folder / "plugin"
    answer = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": token}}
    (folder / "answer").write_text(json.dumps(answer))
    plugin.write_text(
        "#!/bin/sh\n"
        'test "$1" = --please && test "$SECRET_HANDSHAKE" = 42 || exit 7\n'
        'case "$KUBERNETES_EXEC_INFO" in *ExecCredential*) cat "$(dirname "$0")/answer";; *) exit 8;; esac\n'
    )
    plugin.chmod(plugin.stat().st_mode | stat.S_IXUSR)
    exec_ = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "./plugin",
        "args": ["--please"],
        "env": [{"name": "SECRET_HANDSHAKE", "value": "42"}],
        "interactiveMode": "Never",
    }
    return write(folder / "config", **with_user(cluster, {"exec": exec_}))


@pytest.mark.parametrize(
    "style", ["client certificate files", "token", "token file", "several files", "credential plugin"]
)
def test_a_kubeconfig_of_every_style(
    cluster: Cluster, kubectl: Kubectl, operator: Start, account: str, tmp_path: Path, style: str
) -> None:
    operator(KUBECONFIG=kubeconfig(style, cluster, kubectl, tmp_path))
    kubectl.apply(sample("obj", 1))
    kubectl("wait", "--for=condition=Ready", "sam/obj", "--timeout=60s")
    users = users_of_nuvop(cluster, kubectl.namespace)
    assert users.keys() == {"kopf", "kubectl", "nuvop"}
    expected = {"kwok-admin"} if style == "client certificate files" else {account}
    assert set.union(*users.values()) == expected, users


def test_a_service_account_whose_token_is_replaced(
    cluster: Cluster, kubectl: Kubectl, operator: Start, account: str, tmp_path: Path
) -> None:
    folder = tmp_path / "serviceaccount"
    folder.mkdir()
    (folder / "token").write_text(make_token(kubectl, "first"))
    (folder / "namespace").write_text(kubectl.namespace)
    ca = admin(cluster)["clusters"][0]["cluster"]
    data = ca.get("certificate-authority-data")
    pem = base64.b64decode(data) if data else Path(ca["certificate-authority"]).read_bytes()
    (folder / "ca.crt").write_bytes(pem)
    host, port = cluster.server.removeprefix("https://").split(":")
    running = operator(
        KUBERNETES_SERVICE_HOST=host,
        KUBERNETES_SERVICE_PORT=port,
        NUVOP_SERVICE_ACCOUNT=str(folder),
        KUBECONFIG=str(tmp_path / "none"),
    )
    kubectl.apply(sample("obj", 1))
    kubectl("wait", "--for=condition=Ready", "sam/obj", "--timeout=60s")
    assert set.union(*users_of_nuvop(cluster, kubectl.namespace).values()) == {account}

    second = make_token(kubectl, "second")
    kubectl("delete", "secret", "first")
    first = (folder / "token").read_text()
    eventually("the first token is good for nothing", lambda: not is_good(kubectl, first))
    with without(cluster, "kube-apiserver"):
        pass  # its watches end with it, and there is no good token yet
    eventually("it is refused", lambda: "is not accepted" in running.log())
    time.sleep(3)
    assert running.process.poll() is None, running.log()
    (folder / "token").write_text(second)

    kubectl("patch", "sam/obj", "--type=merge", "-p", '{"spec":{"count":2}}')
    eventually("ready", lambda: is_ready(kubectl.get("sam/obj")), within=120)
    kubectl("scale", "deployment/obj-demo-deploy", "--replicas=5")
    eventually("drift is seen", lambda: kubectl.get("deployment/obj-demo-deploy")["spec"]["replicas"] == 2)
    assert "Traceback" not in running.log()


def is_good(kubectl: Kubectl, token: str) -> bool:
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
    answer = json.loads(kubectl("create", "-f", "-", "-o", "json", stdin=json.dumps(review)))
    return bool(answer["status"].get("authenticated"))


def test_no_secret_is_told(kubectl: Kubectl, operator: Start, cluster: Cluster, account: str, tmp_path: Path) -> None:
    """Neither by the log nor by the command line of anything that runs."""
    token = make_token(kubectl, "token")
    running = operator(KUBECONFIG=write(tmp_path / "config", **with_user(cluster, {"token": token})))
    kubectl.apply(sample("obj", 1))
    kubectl("wait", "--for=condition=Ready", "sam/obj", "--timeout=60s")
    assert token not in running.log()
    assert not any(token in command for command in running.processes())
