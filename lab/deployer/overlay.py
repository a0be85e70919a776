"""What is applied: a kustomization upon deploy/, in a folder of its own, so that no file of the checkout changes."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lab.controlplane.paths import PROJECT
from lab.deployer import nodes
from lab.kinds import SHIPPED
from nuvop import kind_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
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

    Without ``image`` it is the one of deploy/default; ``pull_secret`` names the Secret with which it is pulled. The
    image is to have the kinds in the folders ``kinds``, or right under them.
    """

    namespace: str = NAMESPACE
    image: str = ""
    watched: tuple[str, ...] = ()
    pull_secret: str = ""
    kinds: tuple[Path, ...] = SHIPPED

    @property
    def named(self) -> tuple[str, ...]:
        """The namespaces that are no patterns."""
        return tuple(each for each in self.watched if not set(each) & set(PATTERN_MARKS))

    @property
    def rights(self) -> list[str]:
        """The arguments of `nuvop rbac` for it."""
        served = [f"--namespace={each}" for each in self.watched]
        return [*served, f"--service-account={self.namespace}/nuvop"]


def write(folder: Path, wanted: Wanted, rights: str, *, has_namespace: bool, on_real_node: bool) -> Path:
    """Write the kustomization into an empty folder and return its path.

    ``rights`` are the roles as `nuvop rbac` prints them; with ``has_namespace`` the namespace is made, too, and with
    ``on_real_node`` the pod goes to the lab's. Raises KindError where there are no kinds.
    """
    folder = folder.resolve()  # kustomize follows links, and counts the `..` of a path from there
    operator = folder / "operator"
    operator.mkdir()
    (folder / "rights.yaml").write_text(rights)
    crds = list(_crds(folder, wanted.kinds))
    (folder / "kustomization.yaml").write_text(json.dumps({**_HEAD, "resources": [*crds, "operator", "rights.yaml"]}))
    # Apart, because `namespace` would move the roles, which are in the namespaces that are served.
    parts = ["manager", "rbac/account", *(["namespace"] if has_namespace else [])]
    (operator / "kustomization.yaml").write_text(
        json.dumps(
            {
                **_HEAD,
                "namespace": wanted.namespace,
                "resources": [_path(operator, part) for part in parts],
                **_patches([*_changes(wanted), *(nodes.onto_real() if on_real_node else [])]),
            }
        )
    )
    return folder


def _crds(folder: Path, kinds: Sequence[Path]) -> Iterator[str]:
    """Copy the CRDs of the kinds there, and yield the files' names: kustomize takes no file from elsewhere."""
    for number, kind in enumerate(kind_folder.find(kinds)):
        name = f"crd-{number}.yaml"
        shutil.copy(kind / "crd.yaml", folder / name)
        yield name


def _path(start: Path, part: str) -> str:
    """Kustomize takes no absolute paths."""
    return os.path.relpath(DEPLOY / part, start)


def _patches(operations: list[dict[str, Any]]) -> dict[str, Any]:
    """What a kustomization says to have the Deployment changed by a JSON patch."""
    if not operations:
        return {}
    return {"patches": [{"target": {"kind": "Deployment", "name": "nuvop"}, "patch": json.dumps(operations)}]}


def _changes(wanted: Wanted) -> list[dict[str, Any]]:
    """What is different in the Deployment, as operations of a JSON patch."""
    patch: list[dict[str, Any]] = []
    if wanted.image:
        patch.append({"op": "replace", "path": f"{_CONTAINER}/image", "value": wanted.image})
    if wanted.watched:
        patch.append({"op": "test", "path": f"{_CONTAINER}/args/1", "value": "--all-namespaces"})
        patch.append({"op": "remove", "path": f"{_CONTAINER}/args/1"})
        patch += [
            {"op": "add", "path": f"{_CONTAINER}/args/{index}", "value": f"--namespace={each}"}
            for index, each in enumerate(wanted.watched, start=1)
        ]
    if wanted.pull_secret:
        secrets = [{"name": wanted.pull_secret}]
        patch.append({"op": "add", "path": "/spec/template/spec/imagePullSecrets", "value": secrets})
    return patch
