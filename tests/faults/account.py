"""Whom the operator logs in as: a service account whose rights and tokens a test takes away and gives back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.harness import Kubectl


@dataclass(frozen=True)
class Account:
    """A service account; its cluster role binding has its name."""

    kubectl: Kubectl
    """In the account's own namespace, which is not the one that the operator serves: that one may be deleted."""
    name: str

    def create(self) -> None:
        """Create it; the rights that were bound to the name before are its own."""
        self.kubectl("create", "serviceaccount", self.name)

    def delete(self) -> None:
        """Delete it: its tokens are good for nothing from now on."""
        self.kubectl("delete", "serviceaccount", self.name, "--ignore-not-found")

    def allow(self) -> None:
        """Give it all rights."""
        self.kubectl(
            "create", "clusterrolebinding", self.name, "--clusterrole=cluster-admin",
            f"--serviceaccount={self.kubectl.namespace}:{self.name}",
        )  # fmt: skip

    def forbid(self) -> None:
        """Take its rights away."""
        self.kubectl("delete", "clusterrolebinding", self.name, "--ignore-not-found")

    def token(self) -> str:
        """A new token."""
        return self.kubectl("create", "token", self.name, "--duration=24h").strip()

    def write_kubeconfig(self, file: Path, server: str) -> None:
        """Write a kubeconfig with a new token for a server that has the cluster's certificates."""
        view = json.loads(self.kubectl("config", "view", "--minify", "--flatten", "--raw", "-o", "json"))
        view["clusters"][0]["cluster"]["server"] = server
        view["users"][0]["user"] = {"token": self.token()}
        file.write_text(json.dumps(view))
