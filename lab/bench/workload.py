"""What every contestant has to make: four objects a custom resource. Pure, but for reading their manifests once.

The manifests are those of the kind folder that nuvop serves. For the others the same objects are written with the
names that nuvop would give them.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

KINDS = Path(__file__).resolve().parent / "kinds"
FOLDER = KINDS / "benches"
"""The kind folder."""

NAMESPACE = "bench"
API_VERSION = "bench.nuvolaris.org/v1"
KIND = "Bench"
PLURAL = "benches"

BASE_NAME = "app"
"""What the objects are called in the folder, and the label and the references that go with the name."""

Body = dict[str, Any]

CHILDREN = {
    "ServiceAccount": f"api/v1/namespaces/{NAMESPACE}/serviceaccounts",
    "ConfigMap": f"api/v1/namespaces/{NAMESPACE}/configmaps",
    "Service": f"api/v1/namespaces/{NAMESPACE}/services",
    "Deployment": f"apis/apps/v1/namespaces/{NAMESPACE}/deployments",
}
"""The API path of each kind of children."""

DEPLOYMENTS = CHILDREN["Deployment"]
BENCHES = f"apis/{API_VERSION}/namespaces/{NAMESPACE}/{PLURAL}"


def names(n: int) -> list[str]:
    """The names of n custom resources."""
    return [f"s-{number:05d}" for number in range(n)]


def child(name: str) -> str:
    """What each of the four objects of the custom resource `name` is called."""
    return f"{name}-{BASE_NAME}"


def custom_resource(name: str, count: int = 1) -> Body:
    """The custom resource whose Deployment has `count` replicas."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"count": count},
    }


def objects(name: str, count: object = 1) -> list[Body]:
    """The four objects of the custom resource `name`; both arguments may be expressions of a template language."""
    made = [_renamed(manifest, child(name)) for manifest in _manifests()]
    for obj in made:
        if obj["kind"] == "Deployment":
            obj["spec"]["replicas"] = count
    return made


@cache
def _manifests() -> list[Body]:
    yaml = YAML(typ="safe")
    files = yaml.load(FOLDER / "kustomization.yaml")["resources"]
    return [yaml.load(FOLDER / file) for file in files]


def _renamed(value: Any, name: str) -> Any:
    """A copy in which every text that is the base name is `name`."""
    if isinstance(value, dict):
        return {key: _renamed(item, name) for key, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, name) for item in value]
    return name if value == BASE_NAME else value


def is_ready(cr: Body) -> bool:
    """Whether a custom resource says that it is Ready, and at its own generation where it tells one."""
    status = cr.get("status", {})
    for condition in status.get("conditions", []):
        if condition["type"] == "Ready" and condition["status"] == "True":
            seen = condition.get("observedGeneration", status.get("observedGeneration"))
            return seen in (None, cr["metadata"]["generation"])
    return False


def is_available(deployment: Body) -> bool:
    """Whether a Deployment runs all its replicas, by the rule of `kubectl rollout status`."""
    status, wanted = deployment.get("status", {}), deployment["spec"]["replicas"]
    counts = [status.get(field, 0) for field in ("replicas", "updatedReplicas", "availableReplicas")]
    return status.get("observedGeneration", 0) >= deployment["metadata"]["generation"] and counts == [wanted] * 3
