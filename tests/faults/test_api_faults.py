"""What networks and API servers do on bad days, and what is true once they are over."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.harness import comes_to_rest, condition, configmap, eventually, is_ready, writes_of
from tests.faults import proxy as faults
from tests.faults.proxy import Asked, Cut, Delay, Drop, Lose, What
from tests.faults.unruly import says
from tests.faults.workload import SETTINGS, base

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.controlplane import Cluster
    from tests.faults.conftest import Scene


def writes(request: Asked) -> bool:
    return request.is_write


def reads(request: Asked) -> bool:
    return request.verb in ("get", "list")


def watches(request: Asked) -> bool:
    return request.verb == "watch"


def everything(_: Asked) -> bool:
    return True


REFUSALS: list[tuple[What, Callable[[Asked], bool]]] = [
    (faults.CONFLICT, writes),
    (faults.TOO_MANY, everything),
    (faults.INTERNAL, everything),
    (faults.UNAVAILABLE, everything),
    (faults.UNAUTHORIZED, everything),
]
BROKEN_CONNECTIONS: list[tuple[What, Callable[[Asked], bool]]] = [
    (Drop(), everything),
    (Lose(), writes),
    (Lose(), reads),
    (Cut(), everything),
]
SHARE = 3
"""Of so many requests one meets the fault."""


@pytest.mark.parametrize("several", [REFUSALS, BROKEN_CONNECTIONS], ids=["refusals", "broken connections"])
def test_it_converges_after(
    scene: Scene, several: list[tuple[What, Callable[[Asked], bool]]], subtests: pytest.Subtests
) -> None:
    with scene.operator():
        for turn, (what, hits) in enumerate(several, 1):
            with subtests.test(f"{what}, {hits.__name__}"):
                with scene.proxy.fault(what, faults.every(SHARE, hits)) as fault:
                    scene.stir_again(turn)
                    time.sleep(4)
                    eventually("something has met the fault", lambda fault=fault: fault.count)  # type: ignore[misc]
                scene.workload.converges()


def test_it_converges_while_every_fifth_request_fails_somehow(scene: Scene) -> None:
    """Primes, so that the requests of one who tries again meet another fault, or none."""
    several: list[tuple[What, Callable[[Asked], bool], int]] = [
        (faults.CONFLICT, writes, 7),
        (faults.TOO_MANY, everything, 23),
        (faults.INTERNAL, everything, 29),
        (Drop(), everything, 31),
        (Lose(), everything, 37),
        (Cut(), everything, 41),
    ]
    with scene.operator(), ExitStack() as injected:
        begun = [
            injected.enter_context(scene.proxy.fault(what, faults.every(step, hits))) for what, hits, step in several
        ]
        for turn in (1, 2):
            scene.stir_again(turn)
            scene.workload.converges()
        assert all(fault.count for fault in begun), "not all were met"


WATCHED_BY_NUVOP = ("configmaps", "serviceaccounts", "deployments", "events")
WATCH_FAULTS: list[What] = [faults.TOO_OLD, faults.BROKEN, faults.EXPIRED, Cut(0), Cut(4000), faults.INTERNAL, Drop()]


def test_it_converges_after_its_watches_failed(scene: Scene, subtests: pytest.Subtests) -> None:
    """Open watches are severed, so that kopf's and nuvop's own meet the fault when they open them anew."""

    wanted = {("kopf", "widgets"), *(("nuvop", each) for each in WATCHED_BY_NUVOP)}

    def are_open() -> bool:
        # What has failed before is tried again later and later, and nobody need have missed the Events.
        return wanted <= {(watch.agent, watch.resource) for watch in scene.proxy.watches()}

    def have_opened(before: Counter[tuple[str, str, str]]) -> bool:
        return all(scene.proxy.requests[agent, "watch", what] > before[agent, "watch", what] for agent, what in wanted)

    with scene.operator():
        for turn, what in enumerate(WATCH_FAULTS):
            with subtests.test(str(what)):
                before = Counter(scene.proxy.requests)
                eventually("all watches are open", are_open)
                with scene.proxy.fault(what, watches):
                    scene.proxy.sever()
                    scene.stir_again(turn)
                    eventually("all have met it", partial(have_opened, before))
                scene.workload.converges()


def test_answers_that_take_30_seconds(scene: Scene) -> None:
    with (
        scene.operator(),
        scene.proxy.fault(Delay(30), writes, times=4) as slow_writes,
        scene.proxy.fault(Delay(30), reads, times=2) as slow_reads,
    ):
        scene.stir()
        eventually("all have met it", lambda: slow_writes.count == 4 and slow_reads.count == 2, within=90)


def test_one_verb_is_refused(scene: Scene, subtests: pytest.Subtests) -> None:
    """What needs it waits and says so, all else goes on."""
    with scene.operator() as running:
        with subtests.test("a kind of children may not be applied"):

            def applies_configmaps(request: Asked) -> bool:
                return request.resource == "configmaps" and request.verb == "patch"

            with scene.proxy.fault(faults.FORBIDDEN, applies_configmaps):
                scene.stir()
                eventually("told why", lambda: "Forbidden" in condition(_cr(scene, "d"), "Ready").get("message", ""))
                assert not is_ready(_cr(scene, "d"))
                eventually("the others go on", lambda: scene.workload.kubectl.get("deployment/d-web"))
            scene.workload.converges()

        with subtests.test("a status may not be written"):

            def writes_status(request: Asked) -> bool:
                return request.subresource == "status"

            with scene.proxy.fault(faults.FORBIDDEN, writes_status):
                since = len(running.log())
                scene.stir_again(1)
                says(running, since, "the proxy says Forbidden")
                eventually("the children are there", lambda: scene.workload.kubectl.get("deployment/new1-web"))
            scene.workload.converges()

        with subtests.test("a kind of children may not be watched"):

            def watches_configmaps(request: Asked) -> bool:
                return request.resource == "configmaps" and request.verb in ("watch", "list")

            with scene.proxy.fault(faults.FORBIDDEN, watches_configmaps) as fault:
                assert scene.proxy.sever(watches_configmaps)
                scene.stir_again(2)
                eventually("both verbs have met it", lambda: fault.count >= 3)
                eventually("told why", lambda: "Forbidden" in condition(_cr(scene, "new2"), "Ready").get("message", ""))
            scene.workload.converges()

        with subtests.test("a kind of children may not be deleted"):

            def deletes_configmaps(request: Asked) -> bool:
                return request.resource == "configmaps" and request.verb == "delete"

            scene.workload.kind.write(*base(), configmap("extra"), set=SETTINGS)
            eventually("it has another child", lambda: scene.workload.kubectl.get("configmap/a-extra"))
            with scene.proxy.fault(faults.FORBIDDEN, deletes_configmaps):
                scene.workload.kind.write(*base(), set=SETTINGS)
                eventually(
                    "told why", lambda: "Forbidden" in condition(_cr(scene, "a"), "PruneBlocked").get("message", "")
                )
                assert scene.workload.kubectl.get("configmap/a-extra")
            scene.workload.converges()


def test_children_are_made_while_no_status_can_be_written_though_the_first_cr_is_gone(scene: Scene) -> None:
    """It wrote the kinds of children into its inventory before there were any; the others' tell of them by now."""
    scene.start()
    scene.workload.put("first")
    scene.workload.converges()
    scene.workload.put("second")
    scene.workload.converges()
    scene.workload.remove("first")
    scene.workload.converges()
    with scene.proxy.fault(faults.FORBIDDEN, lambda request: request.subresource == "status"):
        scene.workload.put("third")
        eventually("the children are there", lambda: scene.workload.kubectl.get("deployment/third-web"))
    scene.workload.converges()


def test_nothing_is_done_twice_when_nothing_is_wrong(cluster: Cluster, scene: Scene) -> None:
    """The proxy itself is no fault: a workload at rest makes no write."""
    with scene.operator():
        scene.workload.converges()
        comes_to_rest(cluster, scene.workload.kubectl.namespace)
        since = cluster.audit_log.stat().st_size
        time.sleep(3)
        assert writes_of(cluster, scene.workload.kubectl.namespace, since) == []


def _cr(scene: Scene, name: str) -> dict[str, Any]:
    return scene.workload.kubectl.get(f"{scene.workload.kind.plural}/{name}")
