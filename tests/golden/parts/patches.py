"""A Service of type NodePort where the greeting asks for it, and a note of how many hosts there are."""

from collections.abc import Iterable, Mapping
from typing import Any


def patches(cr: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    spec = cr["spec"]
    if spec.get("greeting") == "loud":
        yield {"kind": "Service", "metadata": {"name": "web"}, "spec": {"type": "NodePort"}}
    if spec.get("hosts"):
        count = str(len(spec["hosts"]))
        yield {"kind": "Deployment", "metadata": {"name": "web", "annotations": {"hosts": count}}}
