"""Deploy the operator, and wait until it is Ready."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from lab.controlplane import console
from lab.deployer import kubectl, nodes, overlay, readiness, rights, serving
from lab.deployer.errors import DeployError
from nuvop import yamltext

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.deployer.overlay import Wanted


def install(wanted: Wanted, patience: int) -> None:
    """Apply what is wanted, take away the rights of an earlier deployment, wait until the operator is Ready.

    Raises DeployError: where a namespace or the pull secret is missing, kubectl fails, the operator is not Ready after
    that many seconds, or does not serve the kinds that are wanted.
    """
    _check_namespaces(wanted)
    _check_pull_secret(wanted)
    on_real_node = nodes.has_real()
    before = rights.served(rights.of(rights.ACCOUNT, wanted.namespace, rights.found()))
    with tempfile.TemporaryDirectory() as folder:
        has_namespace = _makes_namespace(wanted.namespace)
        computed = rights.computed(wanted.rights, wanted.kinds)
        written = overlay.write(Path(folder), wanted, computed, has_namespace=has_namespace, on_real_node=on_real_node)
        for line in kubectl.run("apply", "--kustomize", str(written)).splitlines():
            console.say(line)
    now = _settle_rights(wanted.namespace, yamltext.load_all(computed))
    for crd in sorted(before - now):
        console.say(f"{crd}: no longer served; the CRD, the custom resources and their children stay as they are")
    if readiness.renew_token(wanted.namespace):
        console.say("the operator is started anew: its service account is newer than its pod, whose token is not valid")
    readiness.wait(wanted.namespace, patience)
    pretending = nodes.pretending(readiness.pods(wanted.namespace))
    for name in pretending:
        console.say(
            f"no image was pulled and nothing runs: {name} is a node of kwok, which pretends to run pods "
            "(`task cluster:up REAL_NODE=1` has one that does)"
        )
    if not pretending:
        serving.check(wanted.namespace, rights.served(yamltext.load_all(computed)))
    served = f"namespaces {', '.join(wanted.watched)}" if wanted.watched else "all namespaces"
    console.say(f"the operator in {wanted.namespace} is Ready; it serves {served}")


def _settle_rights(namespace: str, wanted: Sequence[kubectl.Body]) -> frozenset[str]:
    """Take away the rights of an earlier deployment; return the CRDs of the kinds that there are rights to now."""
    found, applied = rights.found(), rights.references(wanted)
    stale = rights.references(rights.deployed(namespace, found)) - applied
    for gone in rights.delete(stale):
        console.say(f"{gone} deleted: of an earlier deployment")
    left = [body for body in rights.of(rights.ACCOUNT, namespace, found) if rights.Reference.to(body) not in stale]
    if given := sorted(rights.references(left) - applied):
        console.say(f"rights that somebody else has given to the operator stay: {', '.join(map(str, given))}")
    return rights.served(left)


def _check_namespaces(wanted: Wanted) -> None:
    missing = [each for each in wanted.named if each != wanted.namespace and not kubectl.get("namespace", each)]
    if missing:
        raise DeployError(
            f"there is no namespace {' and no '.join(missing)}, where the operator's role would have to be: create it "
            "first (kubectl create namespace …), or take it off WATCH_NAMESPACES"
        )


def _check_pull_secret(wanted: Wanted) -> None:
    """Kubernetes would pull without a Secret that is not there, and say no more than that it may not."""
    name, here = wanted.pull_secret, f"--namespace={wanted.namespace}"
    # Only the name is asked for.
    if name and not kubectl.run("get", "secret", name, here, "--ignore-not-found", "--output=name"):
        raise DeployError(
            f"there is no secret {name} in {wanted.namespace}, with which the image is to be pulled: create it first "
            "(kubectl create secret docker-registry …)"
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
