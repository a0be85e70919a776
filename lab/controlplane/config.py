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

SERVICE_ADDRESS = "10.96.0.1"
"""That of the service `kubernetes`."""

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


@dataclass(frozen=True)
class RealNode:
    """What the control plane has to know of a real node: its address, and by which certificate kubelet knows it."""

    address: str
    pki: Path


def free_ports() -> Ports:
    """Ports that nothing listens on now. Hold the machine-wide lock until the cluster listens on them."""
    return Ports(*_free(6))


def free_port() -> int:
    """One port that nothing listens on now."""
    (port,) = _free(1)
    return port


def _free(count: int) -> list[int]:
    free = [port for port in random.sample(PORTS, 200) if _is_free(port)][:count]
    if len(free) < count:
        raise ControlPlaneError(f"no {count} free TCP ports among 200 tried between {PORTS.start} and {PORTS.stop}")
    return free


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As Go's servers do: a port whose last connections are in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))  # noqa: S104 - only a probe: it never listens
        except OSError:
            return False
        return True


def kwokctl(binaries: Path, ports: Ports, audit_policy: Path, real_node: RealNode | None = None) -> dict[str, Any]:
    """The KwokctlConfiguration. What it leaves out kwokctl would download, or open to every address."""
    patches = _real_node_patches(real_node) if real_node else []
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
            # In a pod the API server has the first address of the services.
            "kubeApiserverCertSANs": [SERVICE_ADDRESS],
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
            *patches,
        ],
    }


def _real_node_patches(node: RealNode) -> list[dict[str, Any]]:
    return [
        _extra_arguments(
            "kube-apiserver",
            {
                # What pods are told; the API server itself goes on to listen on 127.0.0.1 only.
                "advertise-address": node.address,
                "kubelet-preferred-address-types": "InternalIP",
                "kubelet-client-certificate": str(node.pki / "admin.crt"),
                "kubelet-client-key": str(node.pki / "admin.key"),
            },
        ),
        _extra_arguments(
            "kwok-controller",
            {"manage-all-nodes": "false", "manage-nodes-with-annotation-selector": "kwok.x-k8s.io/node=fake"},
        ),
    ]


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
