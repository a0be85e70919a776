"""A cluster without one of its components for a while."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.e2e.harness import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.controlplane import Cluster


@contextmanager
def without(cluster: Cluster, component: str) -> Iterator[None]:
    """One component of the cluster is killed, and started anew after the block."""
    # These end without an API server, but some seconds later: a cluster that seems whole would lose them.
    for dependent in ("kube-controller-manager", "kube-scheduler"):
        if component in ("etcd", "kube-apiserver"):
            cluster.stop_component(dependent)
    cluster.stop_component(component)
    try:
        yield
    finally:
        cluster.start_component(component)
        eventually("the cluster is whole again", cluster.is_running)
