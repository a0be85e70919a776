"""What kwokctl is told: where it listens, how the API server and etcd run, what the audit log holds."""

from __future__ import annotations

import random
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lab.controlplane.errors import ControlPlaneError

if TYPE_CHECKING:
    from pathlib import Path

ADDRESS = "127.0.0.1"

SERVICES = "10.96.0.0/14"
"""Cluster addresses of services. The default of the API server holds 254 services."""

# Below Linux' range for outgoing connections (32768 and up): while a fault test has the API server stopped, nobody's
# connection can sit on its port. At random, not "the first free one", for the same reason: the next cluster would
# take it.
PORTS = range(10_000, 32_000)


@dataclass(frozen=True)
class Ports:
    """A TCP port for each thing that listens."""

    etcd: int
    etcd_peer: int
    kube_apiserver: int
    kube_controller_manager: int
    kube_scheduler: int
    kwok_controller: int


def free_ports() -> Ports:
    """Ports that nothing listens on now. Hold the machine-wide lock until the cluster listens on them."""
    candidates = random.sample(PORTS, 200)
    free = [port for port in candidates if _is_free(port)][:6]
    if len(free) < 6:
        raise ControlPlaneError(f"no six free TCP ports among 200 tried between {PORTS.start} and {PORTS.stop}")
    return Ports(*free)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As Go's servers do: a port whose last connections are in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))  # noqa: S104 - only a probe: it never listens
        except OSError:
            return False
        return True


def kwokctl(binaries: Path, ports: Ports, audit_policy: Path) -> dict[str, Any]:
    """The KwokctlConfiguration. What it leaves out kwokctl would download, or open to every address."""
    return {
        "apiVersion": "config.kwok.x-k8s.io/v1alpha1",
        "kind": "KwokctlConfiguration",
        "options": {
            "runtime": "binary",
            "bindAddress": ADDRESS,
            "etcdBinary": str(binaries / "etcd"),
            "kubeApiserverBinary": str(binaries / "kube-apiserver"),
            "kubeControllerManagerBinary": str(binaries / "kube-controller-manager"),
            "kubeSchedulerBinary": str(binaries / "kube-scheduler"),
            "kwokControllerBinary": str(binaries / "kwok"),
            "etcdPort": ports.etcd,
            "etcdPeerPort": ports.etcd_peer,
            "kubeApiserverPort": ports.kube_apiserver,
            "kubeControllerManagerPort": ports.kube_controller_manager,
            "kubeSchedulerPort": ports.kube_scheduler,
            "kwokControllerPort": ports.kwok_controller,
            "kubeAuthorization": True,
            "kubeAdmission": True,
            "kubeAuditPolicy": str(audit_policy),
        },
        "componentsPatches": [
            # A lab cluster may be lost with the machine; without fsync it is faster and spares the disk.
            _extra_arguments("etcd", {"unsafe-no-fsync": "true"}),
            _extra_arguments(
                "kube-apiserver",
                {
                    "service-cluster-ip-range": SERVICES,
                    # An entry is in the file before its request is answered, so a test reads what it just did.
                    "audit-log-mode": "blocking",
                    # Megabytes. Room for about half a million requests; then one older file is kept.
                    "audit-log-maxsize": "500",
                    "audit-log-maxbackup": "1",
                },
            ),
            _extra_arguments("kube-controller-manager", {"service-cluster-ip-range": SERVICES}),
        ],
    }


def _extra_arguments(component: str, arguments: dict[str, str]) -> dict[str, Any]:
    return {"name": component, "extraArgs": [{"key": key, "value": value} for key, value in arguments.items()]}


def audit_policy() -> dict[str, Any]:
    """Every request once, when answered (a watch when opened too), without bodies.

    Not the leases by which nodes and controllers say every few seconds that they live: some 300 MB a day.
    """
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [
            {
                "level": "None",
                "namespaces": ["kube-node-lease", "kube-system"],
                "resources": [{"group": "coordination.k8s.io", "resources": ["leases"]}],
            },
            {"level": "Metadata"},
        ],
    }
