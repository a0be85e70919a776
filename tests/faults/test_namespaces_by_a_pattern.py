"""Namespaces that come while kopf does not watch them: between two of its lists, or while its watch is broken.

A list's namespaces are none of a watch's events, so nobody would tell of these again.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.e2e.harness import PROGRAMS, eventually, is_ready
from tests.faults import proxy as faults
from tests.faults.proxy import Asked, Delay

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.harness import Kubectl, Operator
    from tests.faults.conftest import Scene


def lists(request: Asked) -> bool:
    return (request.agent, request.verb, request.resource) == ("kopf", "list", "namespaces")


def watches(request: Asked) -> bool:
    return (request.agent, request.verb, request.resource) == ("kopf", "watch", "namespaces")


def test_one_that_comes_while_the_operator_starts_is_served(scene: Scene) -> None:
    """kopf lists the namespaces at its start, and again when it begins to watch them."""
    with scene.proxy.fault(Delay(5), faults.every(2, lists), times=1) as second:
        _start(scene)
        eventually("it lists them again", lambda: second.count)
        with _another(scene, "late") as late:
            _is_served(scene, late)


def test_one_that_comes_while_the_watch_is_broken_is_served(scene: Scene) -> None:
    _start(scene)
    _is_served(scene, scene.workload.kubectl)
    with scene.proxy.fault(faults.TOO_OLD, watches) as broken:
        assert scene.proxy.sever(watches)
        eventually("it lists them again", lambda: broken.count >= 2)
        with _another(scene, "late") as late:
            seen = broken.count
            eventually("it has listed that one", lambda: broken.count >= seen + 2)
            _is_served(scene, late)


def _start(scene: Scene) -> Operator:
    return scene.start(PROGRAMS / "kopf", "run", "-n", f"{scene.workload.kubectl.namespace}*")


@contextmanager
def _another(scene: Scene, suffix: str) -> Iterator[Kubectl]:
    kubectl = scene.workload.kubectl
    name = f"{kubectl.namespace}-{suffix}"
    kubectl("create", "namespace", name)
    yield replace(kubectl, namespace=name)
    kubectl("delete", "namespace", name, "--wait=false")


def _is_served(scene: Scene, kubectl: Kubectl) -> None:
    kind = scene.workload.kind
    kubectl.apply(kind.cr("one", text="hello", count=1))
    eventually("ready", lambda: is_ready(kubectl.get(f"{kind.plural}/one")))
