"""Operators that are killed at any moment, or stopped in the middle of much work; and two instead of one."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from nuvop import yamltext
from tests.e2e.harness import (
    always,
    assert_true,
    configmap,
    eventually,
    fake_kubectl,
    is_ready,
    make_kind,
    writes_of,
)
from tests.faults.aftermath import assert_told_once, temporary_files
from tests.faults.history import History
from tests.faults.proxy import Hold
from tests.faults.workload import SETTINGS, base

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lab.bench.api import Api
    from lab.controlplane import Cluster
    from tests.conftest import Start
    from tests.e2e.harness import Kubectl, Operator
    from tests.faults.conftest import Scene
    from tests.faults.proxy import Asked, Proxy
    from tests.faults.workload import Workload

REAPED = 10.0
"""Seconds after which nothing may be left running of an operator that was killed."""


def private_folders(operator: Operator) -> list[Path]:
    """Where operators keep their credentials."""
    return list((operator.generated.parent / "tmp").glob("nuvop-*"))


def settle(scene: Scene) -> tuple[Operator, list[str]]:
    """An operator whose workload is at rest, and what it has open then."""
    running = scene.start()
    return running, scene.settle(running)


def kill(operator: Operator) -> None:
    """Kill it, and see that it leaves nothing behind that runs or that is secret."""
    operator.kill()
    assert operator.process.returncode == -signal.SIGKILL, "it had ended before"
    eventually("nothing is left running", lambda: not operator.processes(), within=REAPED)
    eventually("no credentials are left", lambda: not private_folders(operator), within=REAPED)


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
    running, before = settle(scene)
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
    running, before = settle(scene)
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
        assert is_gone(keeper)


@pytest.mark.timeout(600)
def test_killed_during_a_batch(scene: Scene, subtests: pytest.Subtests) -> None:
    running, before = settle(scene)
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


# --- at any moment ---------------------------------------------------------------------------------------------------

KILLS = 200
KILLS_BETWEEN_CHECKS = 20
LONGEST_WAIT = 3.0
"""Seconds until a kill comes whose moment does not: there may be no work left for so many requests."""


AT_WORK = ("kubectl patch", "nuvop patch", "nuvop create events", "nuvop delete")
"""How what is held begins where an operator has started and does something."""


@dataclass
class Moment:
    """The so-many-th request of a life, or the so-many-th that writes; ``request`` is the last one it saw."""

    number: int
    of_writes: bool
    request: str = ""
    _seen: int = 0

    def __call__(self, request: Asked) -> bool:
        """Whether it has come."""
        if request.verb == "watch":
            return False  # its answer has no end
        self._seen += request.is_write or not self.of_writes
        self.request = f"{request.agent} {request.verb} {request.resource}/{request.subresource}".rstrip("/")
        return self._seen == self.number


def disturb(chance: random.Random, workload: Workload) -> str:
    """What a user, or somebody else, does while an operator is killed; returns what it was."""
    what = chance.choice(["create", "create", "update", "update", "scale", "edit", "lose", "delete", "replace"])
    name = chance.choice(sorted(workload.wanted))
    match what:
        case "create":
            workload.put(f"w{chance.randrange(8)}", text=f"made {chance.randrange(10**6)}")
        case "update":
            workload.put(name, text=f"changed {chance.randrange(10**6)}", count=chance.randrange(1, 4))
        case "scale":
            workload.kubectl.run("scale", f"deployment/{name}-web", f"--replicas={chance.randrange(5)}")
        case "edit":
            patch = '{"data":{"text":"of another"}}'
            workload.kubectl.run("patch", f"configmap/{name}-config", "--type=merge", "-p", patch)
        case "lose":
            workload.kubectl.run("delete", f"serviceaccount/{name}-account", "--wait=false")
        case "delete" if len(workload.wanted) > 3:
            workload.remove(name)
        case "replace":
            workload.remove(name)
            workload.put(name, text=f"anew {chance.randrange(10**6)}")
        case _:
            return "nothing"
    return what


@pytest.mark.timeout(1200)
def test_killed_at_any_moment(scene: Scene) -> None:
    """200 times: after a while, or at one of the requests of a life, before it is done or when it is."""
    seed = int(os.environ.get("NUVOP_SEED") or 1)
    print(f"NUVOP_SEED={seed}")
    chance = random.Random(seed)
    done: Counter[str] = Counter()
    met: Counter[str] = Counter()
    running, before = settle(scene)
    running.stop()
    for number in range(1, KILLS + 1):
        way = chance.choices(["time", "request", "write"], [7, 5, 8])[0]
        moment = Moment(chance.randrange(1, 7 if way == "write" else 40), of_writes=way == "write")
        # An operator takes more than a second to start.
        hold, seconds = Hold(is_done=chance.random() < 0.5), chance.uniform(0, 3.0)
        with ExitStack() as injected:
            if way != "time":
                injected.enter_context(scene.proxy.fault(hold, moment, times=1))
            running.start(until=None)
            begun = time.monotonic()
            done[disturb(chance, scene.workload)] += 1
            if way == "time":
                time.sleep(max(begun + seconds - time.monotonic(), 0))
                met["any time"] += 1
            elif hold.reached.wait(LONGEST_WAIT):
                met[f"{moment.request}, {hold}"] += 1
            else:
                met["idle"] += 1
            running.kill()
        assert running.process.returncode == -signal.SIGKILL, running.logs()[-1]
        if number % KILLS_BETWEEN_CHECKS == 0:
            running.start()
            scene.check(running, before)
            eventually("one is running", lambda: len(running.processes()) == 2)
            eventually("credentials of the killed are gone", lambda: len(private_folders(running)) == 1, within=REAPED)
            kill(running)
            print(f"{number} kills", flush=True)
    print(f"{KILLS} kills at {dict(met.most_common())}\nwhile {dict(done.most_common())}")
    assert met.total() == KILLS
    assert not scene.history.gaps
    at_work = sum(count for what, count in met.items() if what.startswith(AT_WORK))
    assert at_work > KILLS / 4, "hardly any was killed at its work"


# --- asked to stop ---------------------------------------------------------------------------------------------------

BURST = 5_000
GOES_ON = 500
"""So many more are enough to see that it does; all 5,000 take a minute."""

GRACE = 30.0
"""Kubernetes' own terminationGracePeriodSeconds."""


@pytest.mark.timeout(600)
def test_stopped_during_a_burst(api: Api, kubectl: Kubectl, operator: Start, own_group: str, tmp_path: Path) -> None:
    settings = {"spec.text": "ConfigMap/config data.text"}
    kind = make_kind(tmp_path / "kinds", kubectl, configmap("config", text="base"), group=own_group, set=settings)
    path = f"apis/{kind.group}/v1/namespaces/{kubectl.namespace}/widgets"
    running = operator(NUVOP_KINDS=str(tmp_path / "kinds"))
    crs = [kind.cr(f"n{each}", text=f"of n{each}") for each in range(BURST)]
    burst = threading.Thread(target=api.create_all, args=(path, crs))

    def applied() -> int:
        return running.logs()[-1].count(": applied ConfigMap/")

    def told_and_made() -> tuple[set[str], set[str]]:
        """Whose status says Ready, and whose child is as it should be."""
        told = {body["metadata"]["name"] for body in kubectl.list(kind.plural) if is_ready(body)}
        made = [body for body in kubectl.list("configmaps") if "ownerReferences" in body["metadata"]]
        owners = [body["metadata"]["ownerReferences"][0]["name"] for body in made]
        assert [body["data"] for body in made] == [{"text": f"of {owner}"} for owner in owners]
        return told, set(owners)

    try:
        burst.start()
        eventually("it is in the middle", lambda: applied() >= 200)
        running.process.send_signal(signal.SIGTERM)
        begun = time.monotonic()
        assert running.process.wait(GRACE) == 0, running.log()[-4000:]
        print(f"stopped in {time.monotonic() - begun:.1f} s after {applied()} of {BURST}")
        assert not running.processes()
        assert not private_folders(running)
        assert not temporary_files(running)
        assert "Traceback" not in running.log()
        told, made = told_and_made()
        assert told <= made
        assert applied() <= len(made) < BURST

        burst.join()
        running.start()
        eventually("it goes on", lambda: applied() >= GOES_ON, within=120)
        eventually("it is told", lambda: len(told_and_made()[0]) >= len(made) + GOES_ON / 2, within=120)
        told, later = told_and_made()
        assert made | told <= later
        assert "Traceback" not in running.log()
    finally:
        burst.join()
        kind.forget(kubectl)


# --- two of them -----------------------------------------------------------------------------------------------------


def test_two_by_mistake(cluster: Cluster, scene: Scene) -> None:
    """The same kinds, a folder of overlays each: they agree, so it is for nothing but does no harm."""
    one, before = settle(scene)
    two = scene.start()
    scene.workload.converges()
    for _ in range(3):
        scene.stir()
        scene.workload.converges()
        scene.workload.put("c")
    scene.check(one, before)
    scene.check(two, before)
    time.sleep(1)
    since = cluster.audit_log.stat().st_size
    always("they are at rest", lambda: not writes_of(cluster, scene.workload.kubectl.namespace, since), during=5)
    kill(one)
    scene.workload.put("a", text="one is enough")
    scene.check(two, before)


def test_two_that_share_a_folder(scene: Scene) -> None:
    one, before = settle(scene)
    two = scene.start(start=False, NUVOP_GENERATED=str(one.generated))
    two.start(until=None)
    assert two.process.wait(60) == 1
    assert f"another nuvop writes its overlays to {one.generated}" in two.log()
    assert "Traceback" not in two.log()
    scene.stir()
    scene.check(one, before)
    one.kill()
    two.start()
    scene.workload.put("a", text="the folder is free")
    scene.check(two, before)
