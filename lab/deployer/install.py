"""Deploy the operator, and wait until it is Ready."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from lab.controlplane import console
from lab.deployer import kubectl, overlay, readiness, rights
from lab.deployer.errors import DeployError

if TYPE_CHECKING:
    from lab.deployer.overlay import Wanted


def install(wanted: Wanted, patience: int) -> None:
    """Apply what is wanted, take away the rights of an earlier deployment, wait until the operator is Ready.

    Raises DeployError: where a namespace is missing, kubectl fails, or it is not Ready after that many seconds.
    """
    _check_namespaces(wanted)
    with tempfile.TemporaryDirectory() as folder:
        has_namespace = _makes_namespace(wanted.namespace)
        computed = rights.computed(wanted.rights)
        written = overlay.write(Path(folder), wanted, computed, has_namespace=has_namespace)
        for line in kubectl.run("apply", "--kustomize", str(written)).splitlines():
            console.say(line)
    stale = rights.present(wanted.namespace) - rights.named(computed)
    for gone in rights.delete(stale):
        console.say(f"{gone.kind.lower()} {gone.name} deleted: of an earlier deployment")
    readiness.wait(wanted.namespace, patience)
    served = f"namespaces {', '.join(wanted.watched)}" if wanted.watched else "all namespaces"
    console.say(f"the operator in {wanted.namespace} is Ready; it serves {served}")


def _check_namespaces(wanted: Wanted) -> None:
    missing = [each for each in wanted.named if each != wanted.namespace and not kubectl.get("namespace", each)]
    if missing:
        raise DeployError(
            f"there is no namespace {' and no '.join(missing)}, where the operator's role would have to be: create it "
            "first (kubectl create namespace …), or take it off WATCH_NAMESPACES"
        )


def _makes_namespace(name: str) -> bool:
    """Whether the namespace is the deployment's. One that others have made stays as it is, here and in `remove`."""
    found = kubectl.get("namespace", name)
    if not found or is_ours(found):
        return True
    console.say(f"namespace {name} is there already, and stays as it is: without Pod Security of nuvop's own")
    return False


def is_ours(namespace: kubectl.Body) -> bool:
    """Whether a namespace came with nuvop's manifests."""
    key, _, value = rights.LABEL.partition("=")
    found: dict[str, str] = namespace["metadata"].get("labels") or {}
    return found.get(key) == value
