"""What networks and API servers do on bad days, and what is true once they are over."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.e2e.harness import always
from tests.faults import proxy as faults
from tests.faults.proxy import Cut, Drop, Lose

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.conftest import Scene
    from tests.faults.proxy import Asked, What


def writes(request: Asked) -> bool:
    return request.is_write


def reads(request: Asked) -> bool:
    return request.verb in ("get", "list")


def everything(_: Asked) -> bool:
    return True


@pytest.mark.parametrize(
    ("what", "hits"),
    [
        pytest.param(faults.CONFLICT, writes, id="409 to writes"),
        pytest.param(faults.TOO_MANY, everything, id="429 with Retry-After"),
        pytest.param(faults.INTERNAL, everything, id="500"),
        pytest.param(faults.UNAVAILABLE, everything, id="503"),
        pytest.param(faults.UNAUTHORIZED, everything, id="401"),
        pytest.param(Drop(), everything, id="connections dropped"),
        pytest.param(Lose(), writes, id="answers to writes lost"),
        pytest.param(Lose(), reads, id="answers to reads lost"),
        pytest.param(Cut(), everything, id="bodies cut short"),
    ],
)
@pytest.mark.parametrize("share", [3], ids=["every third"])
def test_it_converges_after(scene: Scene, what: What, hits: Callable[[Asked], bool], share: int) -> None:
    turn = 0

    def its_turn(request: Asked) -> bool:
        nonlocal turn
        turn += hits(request)
        return hits(request) and turn % share == 0

    with scene.operator():
        with scene.proxy.fault(what, its_turn) as fault:
            scene.stir()
            time.sleep(4)
        assert fault.count, "nothing has met the fault"


def test_it_converges_while_every_fifth_request_fails_somehow(scene: Scene) -> None:
    """Primes, so that the requests of one who tries again meet another fault, or none."""
    turn = 0

    def every(step: int) -> Callable[[Asked], bool]:
        def hits(_: Asked) -> bool:
            nonlocal turn
            turn += 1
            return turn % step == 0

        return hits

    several: list[tuple[What, int]] = [
        (faults.CONFLICT, 23), (faults.TOO_MANY, 29), (faults.INTERNAL, 31), (Drop(), 37), (Lose(), 41), (Cut(), 43)
    ]  # fmt: skip
    with scene.operator(), ExitStack() as injected:
        for what, step in several:
            injected.enter_context(scene.proxy.fault(what, every(step)))
        scene.stir()
        scene.workload.converges()


def test_nothing_is_done_twice_when_nothing_is_wrong(scene: Scene) -> None:
    """The proxy itself is no fault: a workload at rest makes no write."""
    with scene.operator():
        since = len(scene.history.versions())
        time.sleep(1)
        settled = len(scene.history.versions())
        always("nothing changes", lambda: len(scene.history.versions()) == settled, during=3)
        assert settled - since <= 2
