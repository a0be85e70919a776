"""What is applied: a kustomization upon deploy/, in a folder of its own, so that no file of the checkout changes."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lab.controlplane.paths import PROJECT

if TYPE_CHECKING:
    from pathlib import Path

DEPLOY = PROJECT / "deploy"
NAMESPACE = "nuvop-system"
"""The one that the manifests in deploy/ name."""

PATTERN_MARKS = "*?!"
"""What makes a pattern for namespaces, which `nuvop run` takes as well, of a name."""

_HEAD = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
_CONTAINER = "/spec/template/spec/containers/0"


@dataclass(frozen=True)
class Wanted:
    """An operator in ``namespace`` that serves ``watched`` (names and patterns), or all namespaces where that is empty.

    Without ``image`` it is the one of deploy/default.
    """

    namespace: str = NAMESPACE
    image: str = ""
    watched: tuple[str, ...] = ()

    @property
    def named(self) -> tuple[str, ...]:
        """The namespaces that are no patterns."""
        return tuple(each for each in self.watched if not set(each) & set(PATTERN_MARKS))

    @property
    def rights(self) -> list[str]:
        """The arguments of `nuvop rbac` for it.

        Outside of deploy/'s own namespace the roles are called after it: another operator may be there, too.
        """
        name = "nuvop" if self.namespace == NAMESPACE else f"nuvop-{self.namespace}"
        served = [f"--namespace={each}" for each in self.watched]
        return [*served, f"--service-account={self.namespace}/nuvop", f"--name={name}"]


def write(folder: Path, wanted: Wanted, rights: str, *, has_namespace: bool) -> Path:
    """Write the kustomization into an empty folder and return its path.

    ``rights`` are the roles as `nuvop rbac` prints them; with ``has_namespace`` the namespace is made, too.
    """
    folder = folder.resolve()  # kustomize follows links, and counts the `..` of a path from there
    operator = folder / "operator"
    operator.mkdir()
    (folder / "rights.yaml").write_text(rights)
    (folder / "kustomization.yaml").write_text(
        json.dumps({**_HEAD, "resources": [_path(folder, "crd"), "operator", "rights.yaml"]})
    )
    # Apart, because `namespace` would move the roles, which are in the namespaces that are served.
    parts = ["manager", "rbac/account", *(["namespace"] if has_namespace else [])]
    (operator / "kustomization.yaml").write_text(
        json.dumps(
            {
                **_HEAD,
                "namespace": wanted.namespace,
                "resources": [_path(operator, part) for part in parts],
                **_changes(wanted),
            }
        )
    )
    return folder


def _path(start: Path, part: str) -> str:
    """Kustomize takes no absolute paths."""
    return os.path.relpath(DEPLOY / part, start)


def _changes(wanted: Wanted) -> dict[str, Any]:
    """What is different in the Deployment."""
    patch = []
    if wanted.image:
        patch.append({"op": "replace", "path": f"{_CONTAINER}/image", "value": wanted.image})
    if wanted.watched:
        patch.append({"op": "test", "path": f"{_CONTAINER}/args/1", "value": "--all-namespaces"})
        patch.append({"op": "remove", "path": f"{_CONTAINER}/args/1"})
        patch += [
            {"op": "add", "path": f"{_CONTAINER}/args/{index}", "value": f"--namespace={each}"}
            for index, each in enumerate(wanted.watched, start=1)
        ]
    if not patch:
        return {}
    return {"patches": [{"target": {"kind": "Deployment", "name": "nuvop"}, "patch": json.dumps(patch)}]}
