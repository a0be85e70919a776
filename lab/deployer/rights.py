"""The roles and bindings of the operator of a namespace: those that are wanted, and those that are there.

What is there is found by whom the bindings are for, so that nothing need be known of how it was deployed.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.controlplane.paths import PROJECT
from lab.deployer import kubectl
from lab.deployer.errors import DeployError
from nuvop import yamltext

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lab.deployer.kubectl import Body

LABEL = "app.kubernetes.io/name=nuvop"
"""On all objects of deploy/."""

ROLES = {
    "rbac": (),
    "rbac/namespaced": ("--namespace=nuvop-system",),
    "rbac/patterns": ("--namespace=*",),
    "components/peering": ("--peering=nuvop",),
    "components/peering/namespaced": ("--namespace=nuvop-system", "--peering=nuvop"),
}
"""The folders of deploy/ that have a computed roles.yaml, with the arguments of `nuvop rbac` for each."""

_BINDINGS = ("clusterrolebindings", "rolebindings")
_KINDS_OF_ROLES = ("clusterroles", "roles")


@dataclass(frozen=True, order=True)
class Reference:
    """A role or a binding; the namespace is empty where it is in none."""

    kind: str
    namespace: str
    name: str

    @classmethod
    def to(cls, body: Body) -> Reference:
        """The reference to an object."""
        return cls(body["kind"], body["metadata"].get("namespace", ""), body["metadata"]["name"])


def computed(arguments: Iterable[str]) -> str:
    """What `nuvop rbac` prints with these arguments for the kinds in kustomize/. Raises DeployError."""
    command = [sys.executable, "-m", "nuvop", "rbac", "--kinds", str(PROJECT / "kustomize"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=PROJECT)
    if done.returncode != 0:
        raise DeployError(done.stderr.strip())
    return done.stdout


def named(manifests: str) -> frozenset[Reference]:
    """What the manifests of roles and bindings name."""
    return frozenset(Reference.to(body) for body in yamltext.load_all(manifests))


def present(namespace: str) -> frozenset[Reference]:
    """The roles and bindings in the cluster that are the operator's of this namespace. Raises DeployError."""
    bindings = [body for kind in _BINDINGS for body in _labelled(kind) if _is_for(body, namespace)]
    bound = set(map(_bound, bindings))
    roles = {Reference.to(body) for kind in _KINDS_OF_ROLES for body in _labelled(kind)}
    return frozenset({*map(Reference.to, bindings), *(bound & roles)})


def delete(what: Iterable[Reference]) -> Iterator[Reference]:
    """Delete roles and bindings, and yield each. Raises DeployError."""
    for each in sorted(what):
        place = [f"--namespace={each.namespace}"] if each.namespace else []
        kubectl.run("delete", each.kind.lower(), each.name, *place, "--ignore-not-found")
        yield each


def _labelled(kind: str) -> list[Body]:
    return kubectl.find(kind, "--all-namespaces", f"--selector={LABEL}")


def _is_for(binding: Body, namespace: str) -> bool:
    subject = {"kind": "ServiceAccount", "name": "nuvop", "namespace": namespace}
    return [{name: each.get(name) for name in subject} for each in binding.get("subjects") or ()] == [subject]


def _bound(binding: Body) -> Reference:
    kind, name = binding["roleRef"]["kind"], binding["roleRef"]["name"]
    return Reference(kind, binding["metadata"]["namespace"] if kind == "Role" else "", name)
