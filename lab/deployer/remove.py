"""Remove the operator; what its users have made goes only when they say so."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from lab.controlplane import console
from lab.controlplane.paths import PROJECT
from lab.deployer import kubectl, readiness, rights
from lab.deployer.errors import DeployError
from lab.deployer.install import is_ours
from nuvop import kind_folder, yamltext
from nuvop.objects import OWNER_LABEL

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from pathlib import Path

    from lab.deployer.kubectl import Body

LOOK_SECONDS = 1.0
FINALIZERS = "nuvop.nuvolaris.org/"
"""How nuvop's finalizers begin."""


class Resources(Enum):
    """What is to become of custom resources."""

    KEEP = "keep"
    DELETE = "delete"


@dataclass(frozen=True, order=True)
class Resource:
    """A custom resource of one of nuvop's kinds."""

    crd: str
    namespace: str
    name: str
    waits: bool
    """Whether it has a finalizer of nuvop's, so that its deletion needs an operator."""

    def __str__(self) -> str:
        return f"{self.crd} {self.name} in {self.namespace}"


@dataclass(frozen=True)
class Operator:
    """A Deployment of nuvop; ``serves`` are the CRDs that its roles tell of."""

    namespace: str
    name: str
    serves: frozenset[str]

    def __str__(self) -> str:
        return f"deployment {self.name} in {self.namespace}"


def remove(namespace: str, kinds: Sequence[Path], choice: Resources | None, patience: int) -> None:
    """Remove the operator of a namespace with all that belongs to it, and the CRDs that no other one serves.

    Which it serves is read from its roles; without any they are those of the folders ``kinds``. Without a ``choice`` it
    refuses while there are custom resources. Raises DeployError: for that, for what Helm has installed, where kubectl
    fails, and where something is still there after that many seconds.
    """
    given = rights.found()
    own = rights.of(rights.ACCOUNT, namespace, given)
    _leave_to_helm(namespace, own)
    crds = _installed(served) if (served := rights.served(own)) else _guessed(namespace, kinds)
    others = _other_operators(namespace, given)
    sharing = [each for each in others if not each.serves or each.serves & set(crds)]
    found = _resources(crds)
    if found and choice is None:
        raise DeployError(_refusal(found))
    if found and choice is Resources.DELETE:
        if sharing:
            raise DeployError(
                f"CRS=delete would delete what {_listed(sharing)} may serve as well: delete those that you mean with "
                "kubectl, then undeploy with CRS=keep"
            )
        _check_operator(namespace, found)
        _delete_resources(found, patience)
    crds_go = not sharing and choice is not Resources.KEEP
    if crds and crds_go:
        _see_children_go(crds, patience)
    if not _remove_operator(namespace, patience):
        console.say(f"there is no operator in {namespace}{f', but {_listed(others)}' if others else ''}")
    _remove_namespace(namespace, [each for each in others if each.namespace == namespace], patience)
    # Once more: somebody may have made one meanwhile.
    left = _resources(crds)
    if left:
        console.say(_farewell(left))
    if left or not crds_go:
        if crds:
            console.say(f"the CRDs stay{f', for {_listed(sharing)}' if sharing else ''}: {', '.join(crds)}")
        return
    for crd in crds:
        kubectl.run("delete", "crd", crd, f"--timeout={patience}s")
        console.say(f"customresourcedefinition {crd} deleted")


_HELM = ("app.kubernetes.io/managed-by", "Helm")
"""The label that Helm gives to all that is of a release."""


def _leave_to_helm(namespace: str, roles: Sequence[Body]) -> None:
    """Raise DeployError where anything of the operator is a release's: Helm would still believe that it is there."""
    here = f"--namespace={namespace}"
    found = [kubectl.get(readiness.DEPLOYMENT, here), kubectl.get("serviceaccount", rights.ACCOUNT, here), *roles]
    for body in filter(None, found):
        key, value = _HELM
        if (body["metadata"].get("labels") or {}).get(key) == value:
            of: dict[str, str] = body["metadata"].get("annotations") or {}
            name, place = (of.get(f"meta.helm.sh/release-{each}", "…") for each in ("name", "namespace"))
            raise DeployError(
                f"nothing was removed, because Helm has installed {rights.Reference.to(body)}: "
                f"`helm uninstall {name} --namespace {place}` removes it, and leaves custom resources and CRDs"
            )


def _guessed(namespace: str, kinds: Sequence[Path]) -> list[str]:
    """The CRDs there are of the kinds in some folders, where no role tells of any; it says so."""
    crds = _installed(_defined(kinds))
    if crds:
        folders = " and ".join(
            str(each.relative_to(PROJECT) if each.is_relative_to(PROJECT) else each) for each in kinds
        )
        console.say(
            f"no role of the operator in {namespace} tells which kinds it serves, so they are those of {folders}: "
            f"{', '.join(crds)} (KINDS= names others)"
        )
    return crds


def _defined(kinds: Sequence[Path]) -> frozenset[str]:
    """The names of the CRDs of kinds. Raises KindError where there are none."""
    texts = [(kind / "crd.yaml").read_text(encoding="utf-8") for kind in kind_folder.find(kinds)]
    return frozenset(yamltext.load(text)["metadata"]["name"] for text in texts)


def _installed(crds: Iterable[str]) -> list[str]:
    return [crd for crd in sorted(crds) if kubectl.get("crd", crd)]


def _other_operators(namespace: str, given: Sequence[Body]) -> list[Operator]:
    found = kubectl.find("deployments", "--all-namespaces", f"--selector={rights.LABEL}")
    operators = [_operator(body, given) for body in found]
    return [each for each in operators if (each.namespace, each.name) != (namespace, "nuvop")]


def _operator(deployment: Body, given: Sequence[Body]) -> Operator:
    metadata, pod = deployment["metadata"], deployment["spec"]["template"]["spec"]
    own = rights.of(pod.get("serviceAccountName", "default"), metadata["namespace"], given)
    return Operator(metadata["namespace"], metadata["name"], rights.served(own))


def _check_operator(namespace: str, found: Sequence[Resource]) -> None:
    """Raise DeployError where custom resources need an operator to finish their deletion, and there is none."""
    waiting = [each for each in found if each.waits]
    deployment = kubectl.get(readiness.DEPLOYMENT, f"--namespace={namespace}")
    if waiting and not deployment.get("status", {}).get("readyReplicas"):
        lack = "the operator in {} is not Ready" if deployment else "there is no operator in {}"
        raise DeployError(
            f"{_told('nothing was deleted, because a finalizer of nuvop is on', waiting)}\n"
            f"{lack.format(namespace)}, and nobody else finishes their deletion: deploy one that serves them, then "
            "undeploy with CRS=delete"
        )


def _resources(crds: Iterable[str]) -> list[Resource]:
    return [
        Resource(
            crd,
            body["metadata"]["namespace"],
            body["metadata"]["name"],
            any(each.startswith(FINALIZERS) for each in body["metadata"].get("finalizers") or ()),
        )
        for crd in crds
        for body in kubectl.find(crd, "--all-namespaces")
    ]


def _refusal(found: Sequence[Resource]) -> str:
    return (
        f"{_told(f'nothing was removed, because there {_are(found)}', found)}\n"
        "CRS=keep removes the operator and leaves them, with their CRDs and children; CRS=delete deletes them with all "
        "that was made for them, and the CRDs, too"
    )


def _are(found: Sequence[Resource]) -> str:
    return "is" if len(found) == 1 else "are"


def _count(found: Sequence[Resource]) -> str:
    return f"{len(found)} custom resource{'' if len(found) == 1 else 's'}"


def _told(what: str, found: Sequence[Resource]) -> str:
    """How many they are, and then each on a line."""
    return "\n".join([f"{what} {_count(found)}:", *(f"  {each}" for each in sorted(found))])


def _listed(operators: Sequence[Operator]) -> str:
    return " and ".join(map(str, operators))


def _farewell(left: Sequence[Resource]) -> str:
    """What whoever deletes what is left has to know."""
    waiting = [each for each in left if each.waits]
    if not waiting:
        return f"{_count(left)} can be deleted without an operator; the children go with each"
    return (
        f"{_told('a finalizer of nuvop is on', waiting)}\n"
        "who deletes one of them waits until an operator is deployed again: nobody else finishes the deletion"
    )


def _delete_resources(found: Sequence[Resource], patience: int) -> None:
    """Delete custom resources while their operator still runs, and wait until all are gone."""
    crds = sorted({each.crd for each in found})
    for crd in crds:
        kubectl.run("delete", crd, "--all", "--all-namespaces", "--wait=false")
    deadline = time.monotonic() + patience
    with console.Progress() as progress:
        while left := _resources(crds):
            if time.monotonic() > deadline:
                raise DeployError(
                    f"{_told(f'after {patience} seconds there {_are(left)} still', left)}\n"
                    "they wait for their operator, which is still deployed, or for somebody else's finalizer"
                )
            progress.update(f"{_count(left)} to go")
            time.sleep(LOOK_SECONDS)
    console.say(f"{_count(found)} deleted")


def _see_children_go(crds: Sequence[str], patience: int) -> None:
    """Wait until the garbage collector has come to the children of custom resources that are gone.

    It looks for new CRDs every 30 seconds. Of one that goes before that it never learns, and the children stay.
    """
    owners = frozenset(
        (spec["group"], spec["names"]["kind"]) for spec in (kubectl.get("crd", crd)["spec"] for crd in crds)
    )
    types = _types()
    deadline = time.monotonic() + patience
    with console.Progress() as progress:
        # Whoever makes a custom resource meanwhile keeps the CRDs.
        while (left := _children(owners, types)) and not _resources(crds):
            if time.monotonic() > deadline:
                raise DeployError(
                    f"after {patience} seconds the garbage collector has left of custom resources that are gone:\n"
                    + "\n".join(f"  {each}" for each in left)
                    + "\nwithout the CRDs they would stay for ever, so the CRDs stay, and the operator does"
                )
            progress.update(f"{len(left)} of their children to go")
            time.sleep(LOOK_SECONDS)


def _children(owners: Collection[tuple[str, str]], types: str) -> list[rights.Reference]:
    """The objects of some types that nuvop has made for owners of these groups and kinds, and nobody deletes yet."""
    return sorted(
        rights.Reference.to(body)
        for body in kubectl.find(types, "--all-namespaces", f"--selector={OWNER_LABEL}")
        if "deletionTimestamp" not in body["metadata"]
        and any(
            (owner["apiVersion"].partition("/")[0], owner["kind"]) in owners
            for owner in body["metadata"].get("ownerReferences") or ()
        )
    )


def _remove_operator(namespace: str, patience: int) -> bool:
    """Whether there was anything to remove.

    The Deployment goes first, with its pods, so that an operator that ends still has its rights.
    """
    here, limit = f"--namespace={namespace}", f"--timeout={patience}s"
    gone = kubectl.run(
        "delete", "deployment", "nuvop", here, "--cascade=foreground", "--ignore-not-found", limit
    ).splitlines()
    for reference in rights.delete(rights.references(rights.of(rights.ACCOUNT, namespace, rights.found()))):
        gone.append(f"{reference} deleted")
    gone += kubectl.run("delete", "serviceaccount", "nuvop", here, "--ignore-not-found", limit).splitlines()
    for line in gone:
        console.say(line)
    return bool(gone)


def _remove_namespace(name: str, operators: Sequence[Operator], patience: int) -> None:
    """Remove the namespace where it is the deployment's; ``operators`` are the others in it."""
    found = kubectl.get("namespace", name)
    if not found:
        return
    if not is_ours(found):
        console.say(f"namespace {name} stays: it was there before the operator")
    elif operators:
        console.say(f"namespace {name} stays: {_listed(operators)}")
    elif others := _others_in(name):
        console.say("\n".join([f"namespace {name} stays, because there is more in it than the operator:", *others]))
    else:
        kubectl.run("delete", "namespace", name, f"--timeout={patience}s")
        console.say(f"namespace {name} deleted")


_EVERYWHERE = ("configmap/kube-root-ca.crt", "serviceaccount/default")
"""What Kubernetes puts into every namespace."""

_FLEETING = ("events", "events.events.k8s.io")


def _others_in(namespace: str) -> list[str]:
    """What is in a namespace that neither Kubernetes nor deploy/ has put there; only names are asked for."""
    others = f"--selector={rights.LABEL.replace('=', '!=')}"
    names = kubectl.run("get", _types(), f"--namespace={namespace}", others, "--output=name")
    return [f"  {name}" for name in names.split() if name not in _EVERYWHERE]


def _types() -> str:
    """The types of what can be in a namespace and be deleted, as `kubectl get` takes them."""
    types = kubectl.run("api-resources", "--namespaced", "--verbs=list,delete", "--output=name").split()
    return ",".join(sorted(set(types) - set(_FLEETING)))
