"""The operator deployed on the real node, and what the machine knows of its pod."""

import json
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.controlplane.node import machine
from tests.e2e.harness import ROOT, Kubectl, eventually
from tests.image.built import NAME

Patch = dict[str, Any]
"""An operation of a JSON patch."""

LIMIT = 512 * 2**20
"""The memory limit in deploy/manager."""

SHORT_LIVED_TOKEN: list[Patch] = [
    {"op": "replace", "path": "/spec/template/spec/automountServiceAccountToken", "value": False},
    {
        "op": "add",
        "path": "/spec/template/spec/volumes/-",
        "value": {
            "name": "account",
            "projected": {
                "sources": [
                    {"serviceAccountToken": {"path": "token", "expirationSeconds": 600}},
                    {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
                    {
                        "downwardAPI": {
                            "items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]
                        }
                    },
                ]
            },
        },
    },
    {
        "op": "add",
        "path": "/spec/template/spec/containers/0/volumeMounts/-",
        "value": {"name": "account", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "readOnly": True},
    },
]
"""The shortest that Kubernetes gives, in the place of one that is good for a year."""


def kustomization(folder: Path, base: str, patches: Iterable[Patch], **more: Any) -> Path:
    """A kustomization of one's own upon a folder of deploy/, with the tests' image."""
    name, _, tag = NAME.partition(":")
    written = {
        "resources": [os.path.relpath(ROOT / "deploy" / base, folder)],
        "images": [{"name": "nuvop", "newName": name, "newTag": tag}],
        "patches": [{"target": {"kind": "Deployment", "name": "nuvop"}, "patch": json.dumps(list(patches))}],
        **more,
    }
    (folder / "kustomization.yaml").write_text(json.dumps(written))
    return folder


@dataclass(frozen=True)
class Deployed:
    """The operator's Deployment, in kubectl's namespace."""

    kubectl: Kubectl

    def pod(self) -> dict[str, Any]:
        """Its one pod that is not about to end; empty while there is none."""
        pods = self.kubectl.list("pods")
        staying = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"] and not _is_over(pod)]
        return staying[0] if len(staying) == 1 else {}

    def ready(self, but: Callable[[dict[str, Any]], object] = bool) -> dict[str, Any]:
        """Its pod, once that is ready and ``but`` is true of it, too."""

        def is_it() -> dict[str, Any]:
            pod = self.pod()
            return pod if pod and _is_ready(pod) and but(pod) else {}

        found: dict[str, Any] = eventually("the operator's pod is ready", is_it, within=120)
        return found

    def execute(self, *command: str) -> str:
        """What a command in its container prints."""
        return self.kubectl("exec", "deploy/nuvop", "--", *command)

    def log(self) -> str:
        return self.kubectl("logs", "deploy/nuvop")


def _is_over(pod: Mapping[str, Any]) -> bool:
    return pod["status"]["phase"] in ("Failed", "Succeeded")


def _is_ready(pod: Mapping[str, Any]) -> bool:
    conditions = pod["status"].get("conditions", [])
    return any(found["type"] == "Ready" and found["status"] == "True" for found in conditions)


def restarts(pod: Mapping[str, Any]) -> int:
    count: int = pod["status"]["containerStatuses"][0]["restartCount"]
    return count


def process(pod: Mapping[str, Any], program: str) -> int:
    """The pid, on this machine, of the program in the pod that was started first."""
    uid = pod["metadata"]["uid"]
    pids = []
    for pid in machine.container_pids():
        with suppress(OSError):  # it has ended
            of_pod = uid in Path(f"/proc/{pid}/cgroup").read_text().replace("_", "-")
            if of_pod and Path(f"/proc/{pid}/comm").read_text().strip() == program:
                pids.append(pid)
    return min(pids)


def memory_peak(pod: Mapping[str, Any]) -> int:
    """The most memory that the pod has had, its /tmp included, in bytes."""
    version_2 = machine.CGROUPS / "cgroup.controllers"
    top = machine.CGROUPS if version_2.exists() else machine.CGROUPS / "memory"
    (folder,) = top.glob(f"nuvop-node/kubepods/*/pod{pod['metadata']['uid']}")
    return int((folder / ("memory.peak" if version_2.exists() else "memory.max_usage_in_bytes")).read_text())
