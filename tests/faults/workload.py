"""What the operator has to do while faults happen: Widgets of three objects each, and what must be true of them.

Beside them stand objects that are none of nuvop's business, though one carries its labels: they must never change.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nuvop.objects import INSTANCE_LABEL, OWNER_LABEL, version_of
from tests.e2e.harness import Kubectl, TestKind, configmap, deployment, eventually, is_ready, make_kind
from tests.e2e.reads import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from tests.faults.history import History

KIND = "Widget"
NAMES = {"ConfigMap": "config", "ServiceAccount": "account", "Deployment": "web"}
"""A Widget's children, by kind: their names in the base."""

SETTINGS = {"spec.text": "ConfigMap/config data.text", "spec.count": "Deployment/web spec.replicas"}
TYPES = "configmaps,secrets,serviceaccounts,deployments"

ROLLED_OUT = ("replicas", "updatedReplicas", "availableReplicas")

CONVERGES = 90.0
"""Seconds after which all must be well again once a fault is over. Retries are 60 s apart at the most."""


def child_name(cr: str, kind: str) -> str:
    """What a Widget's child is called."""
    return f"{cr}-{NAMES[kind]}"


def as_wanted(cr: Mapping[str, Any], child: Mapping[str, Any]) -> bool:
    """Whether a child is what the CR's spec says, and ready."""
    if child["metadata"].get("labels", {}).get(OWNER_LABEL) != cr["metadata"]["uid"]:
        return False
    if "deletionTimestamp" in child["metadata"]:
        return False
    spec = cr["spec"]
    match child["kind"]:
        case "ConfigMap":
            wanted: bool = child["data"]["text"] == spec["text"]
            return wanted
        case "Deployment":
            told = child.get("status", {})
            counts = [child["spec"]["replicas"], *(told.get(name, 0) for name in ROLLED_OUT)]
            return set(counts) == {spec["count"]} and told.get("observedGeneration") == child["metadata"]["generation"]
        case _:
            return True


@dataclass
class Workload:
    """Widgets in one namespace: what was asked for, and whether it is so."""

    kubectl: Kubectl
    kind: TestKind
    wanted: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The spec of each Widget that should exist."""
    _bystanders: dict[str, Any] = field(default_factory=dict)

    @property
    def paths(self) -> list[str]:
        """The API paths of all objects that play a part."""
        namespace = self.kubectl.namespace
        return [
            f"/apis/{self.kind.group}/v1/namespaces/{namespace}/widgets",
            f"/api/v1/namespaces/{namespace}/configmaps",
            f"/api/v1/namespaces/{namespace}/serviceaccounts",
            f"/apis/apps/v1/namespaces/{namespace}/deployments",
        ]

    def put(self, *names: str, **spec: Any) -> None:
        """Create Widgets or change them."""
        for name in names:
            self.wanted[name] = {"text": "hello", "count": 1, **self.wanted.get(name, {}), **spec}
        self.kubectl.apply(*(self.kind.cr(name, **self.wanted[name]) for name in names))

    def remove(self, *names: str) -> None:
        """Delete Widgets, without waiting for their end."""
        for name in names:
            del self.wanted[name]
        self.kubectl("delete", self.kind.plural, *names, "--wait=false")

    def add_bystanders(self, name: str) -> None:
        """Make objects that nuvop must leave alone: a stranger, and a copy of a Widget's child, labels and all."""
        original = self.kubectl.get(f"configmap/{child_name(name, 'ConfigMap')}")
        labels = original["metadata"]["labels"]
        copy = {**original, "metadata": {"name": "copy", "labels": labels}}
        self.kubectl("create", "-f", "-", stdin=json.dumps(copy))
        self.kubectl("create", "-f", "-", stdin=json.dumps(configmap("stranger", text="mine")))
        self._bystanders = {each: self._fingerprint(each) for each in ("copy", "stranger")}

    def forget_bystanders(self) -> None:
        """Take in that they went with their namespace."""
        self._bystanders.clear()

    def _fingerprint(self, name: str) -> Any:
        body = self.kubectl.get(f"configmap/{name}")
        return body and (body["metadata"]["uid"], body["metadata"]["resourceVersion"], body["data"])

    def wrong(self) -> list[str]:
        """What is not as it should be now, a line each."""
        crs = {body["metadata"]["name"]: body for body in self.kubectl.list(self.kind.plural)}
        found = [f"{name} exists" for name in sorted(crs.keys() - self.wanted)]
        children = {(body["kind"], body["metadata"]["name"]): body for body in self._children()}
        for name, spec in self.wanted.items():
            cr = crs.get(name)
            if cr is None or cr["spec"] != spec:
                found.append(f"{name} is lost, or not what was asked for")
                continue
            if not is_ready(cr):
                found.append(f"{name} is not ready: {cr.get('status', {}).get('conditions')}")
            for kind in NAMES:
                child = children.pop((kind, child_name(name, kind)), None)
                if child is None or not as_wanted(cr, child):
                    found.append(f"{kind}/{child_name(name, kind)} is missing or not as it should be")
        found += [f"{kind}/{name} is an orphan" for kind, name in children if name not in self._bystanders]
        for name, before in self._bystanders.items():
            if self._fingerprint(name) != before:
                found.append(f"ConfigMap/{name} is not nuvop's, and was touched")
        return found

    def _children(self) -> list[dict[str, Any]]:
        """What says that it is a Widget's; a test may have other kinds, too."""
        listed = self.kubectl.list(TYPES, INSTANCE_LABEL)
        return [body for body in listed if body["metadata"]["labels"][INSTANCE_LABEL].startswith("widgets-")]

    def is_seen_by(self, history: History) -> None:
        """Wait until a history has all that there is now of Widgets and their children."""
        wait_until_seen(history, [*self.kubectl.list(self.kind.plural), *self._children()])

    def converges(self, within: float = CONVERGES) -> None:
        """Wait until nothing is wrong; fail with what still is."""
        wait_until_well(self.wrong, within)


def wait_until_seen(history: History, bodies: Iterable[Mapping[str, Any]]) -> None:
    """Wait until a history has all that there is now."""
    now = {(body["kind"], body["metadata"]["name"]): version_of(body) for body in bodies}
    eventually("the history has it", lambda: all(history.has_seen(*each) for each in now.items()))


def wait_until_well(wrong: Callable[[], list[str]], within: float = CONVERGES) -> None:
    """Wait until ``wrong`` has no more to tell; fail with what it tells last. What is refused it is asked again."""
    deadline = time.monotonic() + within
    while found := _wrong_or_refused(wrong):
        if time.monotonic() > deadline:
            raise AssertionError(f"not well within {within:g} s:\n" + "\n".join(found))
        time.sleep(0.2)


def _wrong_or_refused(wrong: Callable[[], list[str]]) -> list[str]:
    try:
        return wrong()
    except Refused as error:
        return [str(error)]


def base(**said: str) -> list[dict[str, Any]]:
    """The manifests of a Widget's children; ``said`` stands in the ConfigMap."""
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": NAMES["ServiceAccount"]}}
    return [configmap(NAMES["ConfigMap"], None, text="base", **said), account, deployment(NAMES["Deployment"])]


def make_workload(kinds: Path, kubectl: Kubectl, group: str) -> Workload:
    """Install the Widgets' kind."""
    return Workload(kubectl, make_kind(kinds, kubectl, *base(), group=group, set=SETTINGS))
