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
from lab.kinds import SHIPPED
from nuvop.rbac import KINDS_ANNOTATION, Subject, outside

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

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

ACCOUNT = "nuvop"
"""The service account of what `task deploy` makes."""

_TYPES = "clusterroles,roles,clusterrolebindings,rolebindings"


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

    def __str__(self) -> str:
        return f"{self.kind.lower()} {self.name}{f' in {self.namespace}' if self.namespace else ''}"


def computed(arguments: Iterable[str], kinds: Iterable[Path] = SHIPPED) -> str:
    """What `nuvop rbac` prints with these arguments for some kinds. Raises DeployError."""
    of = [f"--kinds={folder}" for folder in kinds]
    command = [sys.executable, "-m", "nuvop", "rbac", *of, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=PROJECT)
    if done.returncode != 0:
        raise DeployError(done.stderr.removeprefix("Error: ").strip())
    return done.stdout


def references(bodies: Iterable[Body]) -> frozenset[Reference]:
    """The references to objects."""
    return frozenset(map(Reference.to, bodies))


def served(bodies: Iterable[Body]) -> frozenset[str]:
    """The CRDs of the kinds that the operators serve whose roles are among these objects.

    A role that `nuvop rbac` has not made tells of none.
    """
    values = [(body["metadata"].get("annotations") or {}).get(KINDS_ANNOTATION, "") for body in bodies]
    return frozenset(name for value in values for name in value.split(",") if name)


def found() -> list[Body]:
    """All roles and bindings of nuvop's in the cluster. Raises DeployError."""
    return kubectl.find(_TYPES, "--all-namespaces", f"--selector={LABEL}")


def of(account: str, namespace: str, among: Iterable[Body]) -> list[Body]:
    """Those of the roles and bindings that are a service account's."""
    bodies = list(among)
    bindings = [body for body in bodies if "roleRef" in body and _is_for(body, account, namespace)]
    bound = set(map(_bound, bindings))
    return [*bindings, *(body for body in bodies if Reference.to(body) in bound)]


def deployed(namespace: str, among: Iterable[Body]) -> list[Body]:
    """Those of the operator of a namespace that `task deploy` has made.

    It makes none of other names; what somebody has given by `nuvop rbac --name` has one.
    """
    name = Subject(ACCOUNT, namespace).role
    names = (name, outside(name, namespace))
    return [body for body in of(ACCOUNT, namespace, among) if body["metadata"]["name"] in names]


def delete(what: Iterable[Reference]) -> Iterator[Reference]:
    """Delete roles and bindings, and yield each. Raises DeployError."""
    for each in sorted(what):
        place = [f"--namespace={each.namespace}"] if each.namespace else []
        kubectl.run("delete", each.kind.lower(), each.name, *place, "--ignore-not-found")
        yield each


def _is_for(binding: Body, account: str, namespace: str) -> bool:
    subject = {"kind": "ServiceAccount", "name": account, "namespace": namespace}
    return [{name: each.get(name) for name in subject} for each in binding.get("subjects") or ()] == [subject]


def _bound(binding: Body) -> Reference:
    kind, name = binding["roleRef"]["kind"], binding["roleRef"]["name"]
    return Reference(kind, binding["metadata"]["namespace"] if kind == "Role" else "", name)
