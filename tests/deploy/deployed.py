"""A deployed operator as a process of this machine: the nodes of the cluster are simulated, and so is its pod.

It has the arguments and the environment of the Deployment's container, and the token of its service account.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.bench.isolation import free_port
from lab.controlplane import Cluster
from tests.e2e.harness import PROGRAMS, Kubectl, Operator, eventually


@dataclass(frozen=True)
class Deployed:
    """A Deployment of nuvop."""

    cluster: Cluster
    namespace: str
    name: str = "nuvop"
    port: int = field(default_factory=free_port)
    """Where its process answers probes."""

    @property
    def kubectl(self) -> Kubectl:
        return Kubectl(self.cluster.kubeconfig, self.namespace)

    @property
    def _pod(self) -> dict[str, Any]:
        spec: dict[str, Any] = self.kubectl.get(f"deployment/{self.name}")["spec"]["template"]["spec"]
        return spec

    @property
    def container(self) -> dict[str, Any]:
        found: dict[str, Any]
        (found,) = self._pod["containers"]
        return found

    @property
    def account(self) -> str:
        """The name of its service account."""
        return str(self._pod["serviceAccountName"])

    @property
    def user(self) -> str:
        """Who it is in the audit log."""
        return f"system:serviceaccount:{self.namespace}:{self.account}"

    def operator(self, folder: Path, log: Path, **variables: str) -> Operator:
        """Its process, which writes into an empty folder; ``variables`` are added to the environment."""
        container = self.container
        arguments = [argument.replace("$(NAMESPACE)", self.namespace) for argument in container["args"]]
        host, api_port = self.cluster.server.removeprefix("https://").split(":")
        for name in ("home", "tmp", "account"):
            (folder / name).mkdir()
        account = folder / "account"
        (account / "token").write_text(self.kubectl("create", "token", self.account, "--duration=1h"))
        (account / "namespace").write_text(self.namespace)
        # A namespace gets it a moment after it was made.
        found = eventually("what to trust is there", lambda: self.kubectl.get("configmap/kube-root-ca.crt"))
        (account / "ca.crt").write_text(found["data"]["ca.crt"])
        environment = {
            "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
            "HOME": str(folder / "home"),
            "TMPDIR": str(folder / "tmp"),
            "NUVOP_GENERATED": str(folder / "generated"),
            "NUVOP_SERVICE_ACCOUNT": str(account),
            "KUBERNETES_SERVICE_HOST": host,
            "KUBERNETES_SERVICE_PORT": api_port,
            **{entry["name"]: entry.get("value", "of-the-pod") for entry in container["env"]},
            "NUVOP_HTTP": f"127.0.0.1:{self.port}",
            **variables,
        }
        return Operator([PROGRAMS / "nuvop", *arguments], environment, log, folder / "generated")
