"""An operator that cannot tell its peering that it is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.harness import PROGRAMS, ROOT, eventually
from tests.faults import proxy as faults
from tests.faults.aftermath import assert_told_once
from tests.faults.proxy import Asked, Drop
from tests.faults.unruly import says

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.harness import Kubectl
    from tests.faults.conftest import Scene

PEERING = "nuvop"
ATTEMPTS = 8
"""That many take kopf half a minute. It tells of each."""


def tells(request: Asked) -> bool:
    return (request.verb, request.resource) == ("patch", "kopfpeerings")


@pytest.fixture
def command(kubectl: Kubectl) -> Iterator[tuple[str | Path, ...]]:
    """Runs an operator of a peering."""
    kubectl("apply", "-k", str(ROOT / "deploy/peering/crd"))
    kubectl("wait", "--for=condition=Established", "crd/kopfpeerings.kopf.dev", "--timeout=60s")
    kubectl.apply({"apiVersion": "kopf.dev/v1", "kind": "KopfPeering", "metadata": {"name": PEERING}})
    yield (PROGRAMS / "nuvop", "run", "-n", kubectl.namespace, "--peering", PEERING)
    kubectl("delete", f"kopfpeering/{PEERING}")


def test_one_that_is_refused_goes_on(scene: Scene, command: tuple[str | Path, ...]) -> None:
    with scene.proxy.fault(faults.CONFLICT, tells, times=2) as fault, scene.operator(*command) as running:
        says(running, 0, "telling the peering in .* that this operator is there: works again")
        assert fault.count == 2
        scene.stir()


def test_one_that_is_not_heard_says_so_once_and_stops(scene: Scene, command: tuple[str | Path, ...]) -> None:
    with scene.proxy.fault(Drop(), tells) as fault:
        running = scene.start(*command)
        scene.workload.put("a")
        scene.workload.converges()
        eventually("it has tried again and again", lambda: fault.count >= ATTEMPTS)
        assert running.stop() == 0
        assert_told_once(running.log())
        assert "is not told that this operator ends: no answer in time" in running.log()
