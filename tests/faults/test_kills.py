"""Operators that are killed at each stage of their work, before a request is done and when it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from nuvop import yamltext
from tests.e2e.harness import PROGRAMS, assert_true, configmap, eventually, fake_kubectl, is_ready, make_kind
from tests.faults.aftermath import assert_told_once, kill
from tests.faults.history import History
from tests.faults.proxy import Hold
from tests.faults.workload import SETTINGS, base

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lab.controlplane import Cluster
    from tests.conftest import Start
    from tests.e2e.harness import Kubectl
    from tests.faults.conftest import Scene
    from tests.faults.proxy import Asked, Proxy
    from tests.faults.workload import Workload


def is_of(name: str, hits: Callable[[Asked], bool], request: Asked) -> bool:
    """Whether a request is for a CR or one of its children."""
    return request.name in (name, f"{name}-role") and hits(request)


def is_apply_of(resource: str) -> Callable[[Asked], bool]:
    return lambda request: (request.agent, request.verb, request.resource) == ("kubectl", "patch", resource)


def is_status(request: Asked) -> bool:
    return (request.agent, request.subresource) == ("nuvop", "status")


def is_metadata(request: Asked) -> bool:
    """A finalizer is put on or taken off a CR."""
    return (request.agent, request.verb, request.resource, request.subresource) == ("nuvop", "patch", "widgets", "")


def is_deletion_of(resource: str) -> Callable[[Asked], bool]:
    return lambda request: (request.agent, request.verb, request.resource) == ("nuvop", "delete", resource)


# --- at each stage ---------------------------------------------------------------------------------------------------


def create(workload: Workload, mark: str) -> None:
    workload.put(mark)


def change(workload: Workload, mark: str) -> None:
    workload.put("a", text=mark)


def drift(workload: Workload, _: str) -> None:
    workload.kubectl("scale", "deployment/b-web", "--replicas=3")


def lose_a_child(workload: Workload, _: str) -> None:
    workload.kubectl("delete", "configmap/b-config", "--wait=false")


@dataclass(frozen=True)
class Stage:
    """A moment in the work on a CR: what begins it, and the request at which it has come."""

    name: str
    begin: Callable[[Workload, str], None]
    hits: Callable[[Asked], bool]


STAGES = [
    Stage("apply of a new CR's first child", create, is_apply_of("configmaps")),
    Stage("apply of a new CR's last child", create, is_apply_of("deployments")),
    Stage("apply of a changed child", change, is_apply_of("configmaps")),
    Stage("putting back what drifted", drift, is_apply_of("deployments")),
    Stage("putting back what is missing", lose_a_child, is_apply_of("configmaps")),
    Stage("first status of a CR", create, is_status),
    Stage("status of a changed CR", change, is_status),
]


def title(name: str, *, is_done: bool) -> str:
    return f"{name}: {'done, and not heard of' if is_done else 'not done'}"


@pytest.mark.timeout(600)
def test_killed_at_each_stage_of_the_work_on_a_cr(scene: Scene, subtests: pytest.Subtests) -> None:
    running, before = scene.begin()
    for number, stage in enumerate(STAGES):
        for is_done in (False, True):
            with subtests.test(title(stage.name, is_done=is_done)):
                hold = Hold(is_done=is_done)
                with scene.proxy.fault(hold, stage.hits, times=1):
                    stage.begin(scene.workload, f"n{number}-{is_done}".lower())
                    assert hold.reached.wait(60), "the stage was not reached"
                    kill(running)
                running.start()
                scene.check(running, before)


def test_killed_between_two_stages(scene: Scene, kubeconfig: Path, tmp_path: Path, subtests: pytest.Subtests) -> None:
    """Where no request is under way."""
    halt, halted = tmp_path / "halt", tmp_path / "halted"
    path = fake_kubectl(
        tmp_path / "bin",
        f'''if [ "$1" = apply ] && [ -e "{halt}" ]; then touch "{halted}"; sleep 600 & wait; fi
exec "$REAL" "$@"
''',
    )
    workload = scene.workload
    running = scene.start(PATH=path)
    before = scene.settle(running)

    def is_told(name: str) -> bool:
        return any(is_ready(body) for body in scene.history.of("Widget") if body["spec"]["text"] == name)

    with subtests.test("the overlay is written, kubectl has started and done nothing"):
        halt.touch()
        workload.put("d")
        eventually("kubectl halts", halted.exists)
        assert (running.generated / "widgets" / workload.kubectl.namespace / "d").is_dir()
        kill(running)
        halt.unlink()
        assert not workload.kubectl.get("configmap/d-config")
        running.start()
        scene.check(running, before)

    with subtests.test("the status has just been written"):
        workload.put("a", text="told")
        eventually("the status is written", lambda: is_told("told"))
        kill(running)
        running.start()
        scene.check(running, before)

    with subtests.test("a CR has just been deleted"):
        workload.remove("a")
        kill(running)
        running.start()
        scene.check(running, before)

    with subtests.test("a CR is deleted and made anew while nobody is there"):
        kill(running)
        workload.remove("b")
        workload.put("b", text="another")
        running.start()
        scene.check(running, before)


# --- what is deleted -------------------------------------------------------------------------------------------------

EXTRA: list[dict[str, Any]] = [
    configmap("old", of="the older revision"),
    {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "old"}, "data": {"of": "b2xk"}},
]
"""Children that come and go with a kind's folder: of a type that stays, and of one that goes with it."""


def test_killed_during_prune(scene: Scene, subtests: pytest.Subtests) -> None:
    kind, kubectl = scene.workload.kind, scene.workload.kubectl
    running, before = scene.begin()
    for resource, is_done in (("configmaps", True), ("secrets", False)):
        with subtests.test(title(f"deletion of one of the {resource}", is_done=is_done)):
            kind.write(*base(), *EXTRA, set=SETTINGS)
            for name in "abc":
                eventually("it is there", partial(kubectl.get, f"secret/{name}-old"))
                eventually("it is there", partial(kubectl.get, f"configmap/{name}-old"))
            hold = Hold(is_done=is_done)
            with scene.proxy.fault(hold, is_deletion_of(resource), times=1):
                kind.write(*base(), set=SETTINGS)
                assert hold.reached.wait(60), "nothing is pruned"
                kill(running)
            running.start()
            scene.check(running, before)


@pytest.mark.parametrize(
    ("other", "suffix"),
    [("", ""), ("a", ""), ("a", "-b")],
    ids=["it is alone", "another one tells of such children", "another one does, in another namespace"],
)
def test_killed_before_it_tells_of_a_child_that_is_no_part_of_the_kind_any_more(
    scene: Scene, other: str, suffix: str
) -> None:
    kind, kubectl = scene.workload.kind, scene.workload.kubectl
    elsewhere = replace(kubectl, namespace=f"{kubectl.namespace}{suffix}")
    if suffix:
        kubectl("create", "namespace", elsewhere.namespace)
    kind.write(*base(), *EXTRA, set=SETTINGS)
    running = scene.start(PROGRAMS / "kopf", "run", "-n", kubectl.namespace, "-n", elsewhere.namespace)
    if other:
        scene.workload.put(other)
        eventually("it is told of", lambda: is_ready(kubectl.get(f"{kind.plural}/{other}")))
    hold = Hold(is_done=True)
    with scene.proxy.fault(hold, partial(_is_secret_of, "late"), times=1):
        elsewhere.apply(kind.cr("late", text="hello", count=1))
        assert hold.reached.wait(60), "the secret is not made"
        kill(running)
    assert elsewhere.get("secret/late-old")
    kind.write(*base(), set=SETTINGS)
    running.start()
    eventually("it is gone", lambda: not elsewhere.get("secret/late-old"))
    if suffix:
        kubectl("delete", "namespace", elsewhere.namespace, "--wait=false")


def _is_secret_of(name: str, request: Asked) -> bool:
    return is_apply_of("secrets")(request) and request.name == f"{name}-old"


ROLE: dict[str, Any] = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRole",
    "metadata": {"name": "role"},
    "rules": [],
}
"""A child that the garbage collector does not delete: its CR has a finalizer."""

COMING = {
    "finalizer": is_metadata,
    "announcing the children": is_status,
    "apply of a ClusterRole": is_apply_of("clusterroles"),
}
GOING = {"deletion of a ClusterRole": is_deletion_of("clusterroles"), "finalizer": is_metadata}


def test_killed_while_a_cr_with_a_finalizer_comes_or_goes(
    cluster: Cluster,
    kubectl: Kubectl,
    operator: Start,
    proxy: Proxy,
    kubeconfig: Path,
    tmp_path: Path,
    subtests: pytest.Subtests,
) -> None:
    kind = make_kind(tmp_path / "kinds", kubectl, ROLE, configmap("config"))
    keeper = f"{kubectl.namespace}-keeper"

    def is_it_ready(name: str) -> bool:
        return is_ready(kubectl.get(f"{kind.plural}/{name}"))

    def left_of(name: str) -> list[str]:
        every = f"{kind.plural}/{name}", f"clusterrole/{name}-role", f"configmap/{name}-config"
        return [each for each in every if kubectl.get(each)]

    def is_gone(name: str) -> bool:
        return not left_of(name)

    paths = [f"/apis/{kind.group}/v1/namespaces/{kubectl.namespace}/widgets"]
    with History(cluster, paths).recording() as history:
        running = operator(KUBECONFIG=str(kubeconfig), NUVOP_KINDS=str(tmp_path / "kinds"))
        kubectl.apply(kind.cr(keeper))
        eventually("ready", lambda: is_it_ready(keeper))
        kept = kubectl.get(f"clusterrole/{keeper}-role")
        number = 0
        for stages, is_going in ((COMING, False), (GOING, True)):
            for stage, hits in stages.items():
                for is_done in (False, True):
                    number += 1
                    name = f"{kubectl.namespace}-{number}"
                    with subtests.test(title(f"{'going' if is_going else 'coming'}: {stage}", is_done=is_done)):
                        if is_going:
                            kubectl.apply(kind.cr(name))
                            eventually("ready", partial(is_it_ready, name))
                        hold = Hold(is_done=is_done)
                        with proxy.fault(hold, partial(is_of, name, hits), times=1):
                            if is_going:
                                kubectl("delete", f"{kind.plural}/{name}", "--wait=false")
                            else:
                                kubectl.apply(kind.cr(name))
                            assert hold.reached.wait(60), "the stage was not reached"
                            kill(running)
                        kubectl("delete", f"{kind.plural}/{name}", "--wait=false", "--ignore-not-found")
                        running.start()
                        eventually("all of it is gone", partial(is_gone, name))
        assert kubectl.get(f"clusterrole/{keeper}-role")["metadata"]["uid"] == kept["metadata"]["uid"]
        for log in running.logs():
            assert_told_once(log)
        assert_true(history.of("Widget"))
        assert is_it_ready(keeper)
        kubectl("delete", f"{kind.plural}/{keeper}", "--timeout=60s")
        eventually("all of it is gone", partial(is_gone, keeper))


@pytest.mark.timeout(600)
def test_killed_during_a_batch(scene: Scene, subtests: pytest.Subtests) -> None:
    running, before = scene.begin()
    for number, is_done in enumerate((False, True)):
        with subtests.test(title("apply in the middle of 50", is_done=is_done)):
            new = [f"batch{number}-{each}" for each in range(50)]
            seen: set[str] = set()

            def is_the_25th(request: Asked, seen: set[str] = seen, new: list[str] = new) -> bool:
                if is_apply_of("configmaps")(request) and request.name.removesuffix("-config") in new:
                    seen.add(request.name)
                return len(seen) == 25

            hold = Hold(is_done=is_done)
            with scene.proxy.fault(hold, is_the_25th, times=1):
                kill(running)
                scene.workload.put(*new)  # so that they all wait when it starts
                running.start()
                assert hold.reached.wait(60), "so many were not applied"
                batches = eventually(
                    "kubectl is at a batch", lambda: list((running.generated / ".batches").glob("*/kustomization.yaml"))
                )
                kill(running)
            sizes = [len(yamltext.load(batch.read_text())["resources"]) for batch in batches]
            assert max(sizes) > 10, "nothing much was applied together"
            running.start()
            scene.check(running, before)
            scene.workload.remove(*new)
    scene.check(running, before)
