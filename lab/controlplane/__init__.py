"""A real Kubernetes without Docker: API server, etcd, controllers and scheduler, with nodes that kwok simulates.

    cluster = controlplane.up("name", nodes=50)
    ...
    controlplane.down("name")

`python -m lab.controlplane` does the same from a shell. Errors are ControlPlaneError.
"""

from lab.controlplane.cluster import COMPONENTS, Cluster, State, Status, down, find, status, up
from lab.controlplane.errors import ControlPlaneError

__all__ = ["COMPONENTS", "Cluster", "ControlPlaneError", "State", "Status", "down", "find", "status", "up"]
