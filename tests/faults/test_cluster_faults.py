"""What happens to clusters, to credentials, and to the operator's own time; and what is true once it is over."""

from __future__ import annotations

import json
import re
import signal
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest

from lab.bench.isolation import free_port
from tests.e2e.harness import condition, eventually, is_ready
from tests.e2e.outage import without
from tests.faults.proxy import Delay
from tests.faults.unruly import says
from tests.faults.workload import KIND

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab.controlplane import Cluster
    from tests.e2e.harness import Kubectl, Operator
    from tests.faults.account import Account
    from tests.faults.conftest import Scene
    from tests.faults.history import Version
    from tests.faults.proxy import Asked

DAY = 86400.0


@contextmanager
def cordoned(kubectl: Kubectl) -> Iterator[None]:
    """No new pod becomes ready: there is no node for it."""
    kubectl("cordon", "--selector=type=kwok")
    try:
        yield
    finally:
        kubectl("uncordon", "--selector=type=kwok")


@contextmanager
def frozen(operator: Operator) -> Iterator[None]:
    """The operator does nothing for the length of a block."""
    operator.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        operator.process.send_signal(signal.SIGCONT)


def test_components_that_come_back(scene: Scene, cluster: Cluster, subtests: pytest.Subtests) -> None:
    with scene.operator() as running:
        with subtests.test("the API server"):
            scene.stir()
            with without(cluster, "kube-apiserver"):
                eventually("it is missed", lambda: "cannot be reached" in running.log())
            scene.stir_again(1)
            scene.workload.converges()

        with subtests.test("etcd"):
            scene.stir_again(2)
            with without(cluster, "etcd"):
                eventually("the API server is not ready", lambda: not cluster.api().is_ready())
            scene.stir_again(3)
            scene.workload.converges()

        with subtests.test("the history of the watches is gone"):
            with frozen(running):
                scene.stir_again(4)
                # Something that no watch of the operator's shows is written after all that one would show, so that each
                # of them is behind.
                cluster.stop_component("kube-controller-manager")
                scene.workload.kubectl("create", "secret", "generic", "later")
                with without(cluster, "kube-apiserver"):
                    pass  # one that has just started knows no history: what the watches go on from is 410 Gone
                scene.stir_again(5)
                listed = Counter(scene.proxy.requests)
            scene.workload.converges()
            for agent, resource in (("kopf", "widgets"), ("nuvop", "deployments")):
                request = (agent, "list", resource)
                assert scene.proxy.requests[request] > listed[request], f"{agent}'s watch was not too old"


@pytest.mark.parametrize("group", ["deleted.example.org"])
def test_the_crd_is_deleted_and_put_back(scene: Scene, subtests: pytest.Subtests) -> None:
    kubectl, kind = scene.workload.kubectl, scene.workload.kind

    def put_back() -> None:
        kubectl("apply", "-f", str(kind.folder / "crd.yaml"))
        kubectl("wait", "--for=condition=Established", f"crd/{kind.plural}", "--timeout=60s")
        scene.workload.put(*scene.workload.wanted)

    def missed(log: str) -> int:
        return log.count(f"CRD {kind.plural} is not installed")

    def found(log: str) -> int:
        return log.count(f"CRD {kind.plural} is installed")

    def discovers(request: Asked) -> bool:
        return request.agent == "kopf" and request.verb == "list" and not request.resource

    with scene.operator() as running:
        with subtests.test("at once"):
            kubectl("delete", "crd", kind.plural)
            put_back()
            scene.workload.converges()

        with subtests.test("later, and kopf hears of it later still"):
            # A look may have met the first end, too; until the next look that is told, and the second one would not be.
            eventually("it is known to be there", lambda: missed(running.log()) == found(running.log()))
            with scene.proxy.fault(Delay(3), discovers) as fault:
                since = len(running.log())
                kubectl("delete", "crd", kind.plural)
                eventually("kopf has met it", lambda: fault.count)
                says(running, since, "is not installed")
            put_back()
            scene.workload.converges()


def test_a_childs_api_is_removed_and_put_back(scene: Scene, tmp_path: Path) -> None:
    kubectl, group = scene.workload.kubectl, scene.workload.kind.group

    def another_crd(kind: str) -> str:
        text = (scene.workload.kind.folder / "crd.yaml").read_text().replace('"wid"', f'"{kind[:3]}"')
        return text.replace("widget", kind).replace("Widget", kind.title())

    def install(kind: str) -> None:
        kubectl("apply", "-f", "-", stdin=another_crd(kind))
        kubectl("wait", "--for=condition=Established", f"crd/{kind}s.{group}", "--timeout=60s")

    folder = tmp_path / "kinds" / "frames"
    folder.mkdir()
    gear = {"apiVersion": f"{group}/v1", "kind": "Gear", "metadata": {"name": "gear"}, "spec": {}}
    note = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "note"}}
    (folder / "crd.yaml").write_text(another_crd("frame"))
    (folder / "manifests.yaml").write_text("\n---\n".join(map(json.dumps, (gear, note))))
    (folder / "kustomization.yaml").write_text("resources: [manifests.yaml]\n")
    head = {"apiVersion": "nuvop.nuvolaris.org/v1", "kind": "Kind"}
    (folder / "kind.yaml").write_text(json.dumps({**head, "ready": {"children": {"Gear/gear": "exists"}}}))
    frame = {"apiVersion": f"{group}/v1", "kind": "Frame", "metadata": {"name": "f"}, "spec": {}}

    def get() -> dict[str, Any]:
        return kubectl.get(f"frames.{group}/f")

    def is_operator_ready() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=30) as answer:
                return bool(answer.status == HTTPStatus.OK)
        except urllib.error.HTTPError:
            return False

    install("frame")
    install("gear")
    port = free_port()
    try:
        with scene.operator(NUVOP_HTTP=f"127.0.0.1:{port}"):
            kubectl.apply(frame)
            eventually("ready", lambda: is_ready(get()))
            secret = kubectl.get("secret/f-note")["metadata"]["uid"]

            kubectl("delete", "crd", f"gears.{group}")
            # It is told by whoever meets it first: the watch, or the look for what is served.
            words = (f"Gear ({group}/v1) cannot be watched", f"the API server serves no Gear of {group}/v1")
            eventually("told", lambda: any(each in condition(get(), "Ready")["message"] for each in words))
            assert not is_ready(get())
            assert not is_operator_ready()
            # Nobody is deleted: the garbage collector waits for a type that has gone, for minutes perhaps.
            scene.stir_again(1)
            scene.workload.converges()
            assert not is_ready(get())
            assert kubectl.get("secret/f-note")["metadata"]["uid"] == secret

            install("gear")
            eventually("ready again", lambda: is_ready(get()) and kubectl.get(f"gears.{group}/f-gear"))
            assert kubectl.get("secret/f-note")["metadata"]["uid"] == secret

            (folder / "kind.yaml").write_text(json.dumps(head))
            (folder / "manifests.yaml").write_text(json.dumps(note))
            eventually("pruned", lambda: not kubectl("get", f"gears.{group}", "-o", "name"))
            kubectl("delete", "crd", f"gears.{group}")
            scene.stir_again(2)
            scene.workload.converges()
            eventually("nobody waits for it", is_operator_ready)
    finally:
        kubectl("delete", "crd", f"gears.{group}", f"frames.{group}", "--ignore-not-found", "--wait=false")


def test_the_namespace_is_deleted_and_made_anew(scene: Scene) -> None:
    kubectl = scene.workload.kubectl
    with scene.operator():
        scene.stir()
        kubectl("delete", "namespace", kubectl.namespace)
        scene.history.take()  # what goes with its namespace is not wrongly deleted
        kubectl("create", "namespace", kubectl.namespace)
        eventually("controllers are at work in it", lambda: kubectl.get("serviceaccount/default"))
        scene.workload.put(*scene.workload.wanted)
        scene.workload.forget_bystanders()
        scene.workload.converges()
        scene.stir_again(1)


def test_credentials_that_are_revoked_and_restored(
    scene: Scene, account: Account, kubeconfig: Path, subtests: pytest.Subtests
) -> None:
    with scene.operator() as running:
        with subtests.test("no rights"):
            since = len(running.log())
            account.forbid()
            assert scene.proxy.sever()
            scene.stir()
            says(running, since, r"orbidden|is forbidden|cannot \w+ resource")
            account.allow()
            scene.workload.converges()

        with subtests.test("no token that is good"):
            account.delete()
            # The API server takes a token for good for some seconds after it has looked at it.
            eventually("it is told", lambda: scene.proxy.sever() is not None and "is not accepted" in running.log())
            scene.stir_again(1)
            account.create()
            account.write_kubeconfig(kubeconfig, scene.proxy.url)
            scene.workload.converges()
            scene.stir_again(2)


def test_the_clock_jumps_and_the_event_loop_is_blocked(scene: Scene, tmp_path: Path, subtests: pytest.Subtests) -> None:
    kubectl, plural = scene.workload.kubectl, scene.workload.kind.plural
    clock = tmp_path / "clock"
    command = (sys.executable, "-m", "tests.faults.disturbed", "run", "-n", kubectl.namespace)
    with scene.operator(*command, CLOCK=str(clock)) as running:

        def jump(seconds: float) -> None:
            since = len(running.log())
            clock.write_text(str(seconds))
            running.process.send_signal(signal.SIGUSR1)
            says(running, since, re.escape(f"the clock was set by {seconds:g} s"))

        def has_followed(name: str, asked: str) -> bool:
            status = kubectl.get(f"{plural}/{name}").get("status", {})
            return bool(status.get("lastHandledReconcileAt") == asked)

        for turn, seconds in enumerate((DAY, 0.0, -DAY)):
            with subtests.test(f"the clock is {seconds:g} s ahead"):
                with cordoned(kubectl):
                    scene.stir_again(turn)
                    name = f"new{turn}"
                    eventually("applied", partial(kubectl.get, f"deployment/{name}-web"))
                    jump(seconds)
                    kubectl("annotate", f"{plural}/{name}", f"nuvop.nuvolaris.org/reconcile={turn}")
                    eventually("judged once more", partial(has_followed, name, str(turn)))
                    assert not is_ready(kubectl.get(f"{plural}/{name}"))
                scene.workload.converges()
        jump(0)
        with subtests.test("the event loop is blocked"):
            scene.stir_again(3)
            running.process.send_signal(signal.SIGUSR2)
            scene.stir_again(4)
            eventually("it was", lambda: "the event loop was blocked" in running.log())
            scene.workload.converges()
        with subtests.test("the process is frozen"):
            scene.stir_again(5)
            with frozen(running):
                time.sleep(10)
                scene.stir_again(6)
            scene.workload.converges()
    versions = [version for version in scene.history.versions() if version.key[0] == KIND and not version.is_gone]
    assert not [version.key for version in versions if condition(version.body, "Stalled")], "a deadline took it amiss"
    assert not (found := restamped(versions)), found


def restamped(versions: list[Version]) -> list[str]:
    """The conditions whose lastTransitionTime changed when they did not."""
    last: dict[tuple[str, str], tuple[str, str]] = {}
    found = []
    for version in versions:
        conditions = version.body.get("status", {}).get("conditions", [])
        uid = version.body["metadata"]["uid"]
        now = {(uid, each["type"]): (each["status"], each["lastTransitionTime"]) for each in conditions}
        found += [
            f"{version.key}: {key[1]} {value} after {last[key]}"
            for key, value in now.items()
            if key in last and last[key][0] == value[0] and last[key] != value
        ]
        last = {key: value for key, value in last.items() if key[0] != uid} | now
    return found
