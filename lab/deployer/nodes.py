"""Which nodes run a pod for real: the lab's others only pretend to, and every pod is Ready there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lab.controlplane.node import LABEL
from lab.deployer import kubectl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lab.deployer.kubectl import Body

PRETENCE = ("kwok.x-k8s.io/node", "fake")
"""The annotation that kwok gives its nodes (https://kwok.sigs.k8s.io/docs/user/kwok-manage-nodes-and-pods/)."""

_POD = "/spec/template/spec"


def has_real() -> bool:
    """Whether the cluster has the lab's real node. Raises DeployError."""
    return bool(kubectl.find("nodes", f"--selector={LABEL}=true"))


def onto_real() -> list[dict[str, Any]]:
    """The operations of a JSON patch that bring a Deployment's pods there, and nowhere else."""
    return [
        {"op": "add", "path": f"{_POD}/nodeSelector/{LABEL.replace('/', '~1')}", "value": "true"},
        {"op": "add", "path": f"{_POD}/tolerations", "value": [{"key": LABEL, "operator": "Exists"}]},
    ]


def pretending(pods: Iterable[Body]) -> list[str]:
    """The names of the nodes with these pods that only pretend to run them. Raises DeployError."""
    names = sorted({pod["spec"]["nodeName"] for pod in pods if pod["spec"].get("nodeName")})
    return [name for name in names if _is_pretence(kubectl.get("node", name))]


def _is_pretence(node: Body) -> bool:
    key, value = PRETENCE
    annotations: dict[str, str] = node["metadata"].get("annotations") or {} if node else {}
    return annotations.get(key) == value
