"""Where a contestant is measured: a fresh lab cluster, in which it and the benchmark are different users."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lab import controlplane
from lab.bench.api import Api
from lab.bench.errors import BenchError
from lab.bench.workload import NAMESPACE
from lab.controlplane.paths import PROJECT
from lab.demo import leash
from nuvop import yamltext

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lab.controlplane import Cluster

FILES = PROJECT / ".lab" / "bench"
"""What the benchmark writes, but for its results. Git ignores it."""

PROGRAMS = Path(sys.executable).parent

USERS = "bench-users"
"""The namespace of the service accounts, so that they are no children of anything."""
CONTESTANT = "contestant"
CONTESTANT_USER = f"system:serviceaccount:{USERS}:{CONTESTANT}"
"""What the audit log calls the contestant: whatever it starts logs in as that, and nobody else does."""

KUBECTL_SECONDS = 600

UNLIMITED = ["--kube-api-qps=5000", "--kube-api-burst=10000"]


@dataclass(frozen=True)
class Place:
    """A cluster, the benchmark's connection to it, and a folder for the contestant."""

    cluster: Cluster
    api: Api
    kubeconfig: Path
    """The contestant's. It is an administrator, in the benchmark's namespace."""
    folder: Path
    lock: int
    """A file descriptor that programs hold as long as they live."""

    @property
    def environment(self) -> dict[str, str]:
        """What a contestant's program sees of this machine: nothing but what it needs."""
        kept = {name: os.environ[name] for name in ("PYTHONPATH", "LANG") if name in os.environ}
        return kept | {
            "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "TMPDIR": str(self.folder),
            "KUBECONFIG": str(self.kubeconfig),
        }

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl as the cluster's administrator, whose requests are not the contestant's."""
        return _kubectl(self.cluster.kubeconfig, *arguments, stdin=stdin)


@contextmanager
def fresh(name: str, lock: int) -> Iterator[Place]:
    """A new cluster, which is removed at the end of the block, or of this process, however it comes."""
    down = [sys.executable, "-m", "lab.controlplane", "down", name]
    folder = FILES / name
    with tempfile.TemporaryFile() as log, leash.afterwards([down], os.environ, PROJECT, log, lock):
        controlplane.down(name)  # what a killed benchmark left
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            cluster = controlplane.up(name)
            _lift_limits(cluster)
            here = _furnish(cluster, folder, lock)
            with closing(here.api):
                _await_controllers(here)
                yield here
        finally:
            shutil.rmtree(folder)


def _furnish(cluster: Cluster, folder: Path, lock: int) -> Place:
    """Make the namespace and the two users."""
    admin = cluster.kubeconfig
    _kubectl(admin, "create", "namespace", NAMESPACE)
    _kubectl(admin, "create", "namespace", USERS)
    tokens = {}
    for user in ("driver", CONTESTANT):
        _kubectl(admin, "-n", USERS, "create", "serviceaccount", user)
        binding = ["clusterrolebinding", user, "--clusterrole=cluster-admin", f"--serviceaccount={USERS}:{user}"]
        _kubectl(admin, "create", *binding)
        tokens[user] = _kubectl(admin, "-n", USERS, "create", "token", user, "--duration=24h").strip()
    view = json.loads(_kubectl(admin, "config", "view", "--minify", "--flatten", "--raw", "--output=json"))
    authority = view["clusters"][0]["cluster"]["certificate-authority-data"]
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(json.dumps(_kubeconfig(cluster.server, authority, tokens[CONTESTANT])), encoding="utf-8")
    server = urlsplit(cluster.server)
    api = Api(str(server.hostname), server.port or 443, base64.b64decode(authority).decode(), tokens["driver"])
    return Place(cluster, api, kubeconfig, folder, lock)


def _kubeconfig(server: str, authority: str, token: str) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "bench", "cluster": {"server": server, "certificate-authority-data": authority}}],
        "users": [{"name": CONTESTANT, "user": {"token": token}}],
        "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": CONTESTANT, "namespace": NAMESPACE}}],
        "current-context": "bench",
    }


def _lift_limits(cluster: Cluster) -> None:
    """Start the controllers and the scheduler anew without their limit of requests a second.

    By default a controller may make 20 a second, so that 1,000 Deployments take four minutes whoever makes them: all
    contestants would be as fast as the Deployment controller.
    """
    (file,) = cluster.directory.glob("home/.kwok/clusters/*/kwok.yaml")
    documents = yamltext.load_all(file.read_bytes())
    limited = ("kube-controller-manager", "kube-scheduler")
    for document in documents:
        for component in document.get("components", []):
            if component["name"] in limited:
                component["args"] += UNLIMITED
    # Every string quoted: kwok's own reader stumbles over a path with a space that is wrapped into two lines.
    file.write_text("---\n".join(yamltext.dump(document) for document in documents))
    for name in limited:
        cluster.stop_component(name)
    for name in limited:
        cluster.start_component(name)


def _await_controllers(here: Place) -> None:
    """Run a Deployment and remove it: restarted controllers wait first until their predecessors' lease ends."""
    probe = ["--namespace", USERS, "deployment/probe"]
    here.kubectl("create", "--namespace", USERS, "deployment", "probe", "--image=nginx")
    here.kubectl("wait", "--for=condition=Available", "--timeout=120s", *probe)
    here.kubectl("delete", "--cascade=foreground", *probe)


def _kubectl(kubeconfig: Path, *arguments: str, stdin: str | None = None) -> str:
    command: Sequence[str | Path] = [PROGRAMS / "kubectl", *arguments]
    done = subprocess.run(
        command,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=KUBECTL_SECONDS,
        env={"KUBECONFIG": str(kubeconfig), "HOME": str(kubeconfig.parent), "PATH": os.environ["PATH"]},
    )
    if done.returncode:
        raise BenchError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout
