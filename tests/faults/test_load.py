"""Thousands of resources, one that never rests, and a day's full lists: nobody starves, nothing grows.

A few hundred in CI; NUVOP_LOAD says how many else (`task test:load` takes 5,000).
"""

from __future__ import annotations

import os
import statistics
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import pytest

from lab.bench import usage
from lab.bench.errors import BenchError
from lab.bench.watch import Watch
from tests.e2e.harness import Kubectl, TestKind, comes_to_rest, configmap, eventually, is_ready, make_kind, writes_of
from tests.faults.aftermath import SPARE_DESCRIPTORS, descriptors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lab.bench.api import Api
    from lab.controlplane import Cluster
    from tests.conftest import Start
    from tests.e2e.harness import Operator
    from tests.faults.proxy import Proxy

MANY = int(os.environ.get("NUVOP_LOAD") or 200)
QUIET = [f"n{number}" for number in range(MANY // 5)]
TURNS, SAMPLES = 5, 8
"""How many quiet resources are changed in each turn, alone and then beside one that never rests, to see how long that
takes. In turns, and of three in four: what else the machine has to do comes and goes.
"""

CHANGES_A_SECOND = 50
LEAST = 0.5
"""Seconds by which it may be more whatever it was."""

PATIENCE = 120 + MANY * 0.4
"""Seconds: the garbage collector deletes 20 objects a second."""

LISTS_A_DAY = 24 * 6
"""nuvop lists everything anew every ten minutes."""

GROWTH = 1.25
"""What memory may come to once the same is done again: allocators keep some."""

pytestmark = pytest.mark.timeout(300 + 12 * PATIENCE)


@dataclass(frozen=True)
class Load:
    """A kind of two cheap children, and a connection that makes many of them."""

    cluster: Cluster
    kubectl: Kubectl
    kind: TestKind
    api: Api

    @property
    def crs(self) -> str:
        return f"apis/{self.kind.group}/v1/namespaces/{self.kubectl.namespace}/widgets"

    @property
    def configs(self) -> str:
        return f"api/v1/namespaces/{self.kubectl.namespace}/configmaps"

    @property
    def accounts(self) -> str:
        return f"api/v1/namespaces/{self.kubectl.namespace}/serviceaccounts"

    def create(self, names: list[str]) -> None:
        self.api.create_all(self.crs, (self.kind.cr(name, text="new") for name in names))

    def delete(self, names: list[str]) -> None:
        for name in names:
            self.api.delete(f"{self.crs}/{name}")

    def change(self, name: str, text: str) -> None:
        self.api.merge(f"{self.crs}/{name}", {"spec": {"text": text}})

    def watching(self) -> Watch:
        return Watch(self.api, [self.crs, self.configs, self.accounts])

    def is_ready(self, watch: Watch, name: str) -> bool:
        return (self.crs, name) in watch.objects and is_ready(watch.objects[self.crs, name])

    def says(self, watch: Watch, name: str, text: str) -> bool:
        """Whether a resource's child has a text."""
        child = watch.objects.get((self.configs, f"{name}-config"))
        return child is not None and child["data"]["text"] == text


@pytest.fixture
def load(cluster: Cluster, kubectl: Kubectl, api: Api, tmp_path: Path) -> Load:
    manifest = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "account"}}
    settings = {"spec.text": "ConfigMap/config data.text"}
    kind = make_kind(tmp_path / "kinds", kubectl, configmap("config", None, text="base"), manifest, set=settings)
    made = Load(cluster, kubectl, kind, api)
    eventually("the new CRD is served", lambda: _is_served(made))
    return made


def _all(names: list[str], holds: Callable[[str], bool]) -> Callable[[], bool]:
    """Whether it holds of all; quick, as it is asked after every event: of whom it held is asked again in the end."""
    left = list(names)

    def is_so() -> bool:
        while left and holds(left[-1]):
            left.pop()
        return not left and all(map(holds, names))

    return is_so


def _is_served(load: Load) -> bool:
    try:
        load.api.get(load.crs)
    except BenchError:
        return False  # "storage is (re)initializing"
    return True


def test_many_are_created_changed_and_deleted(load: Load, operator: Start) -> None:
    running = operator(NUVOP_KINDS=str(load.kind.folder.parent))
    memories, opened = [], []
    for cycle in range(3):
        figures = _live(load)
        memories.append(_memory_at_rest(running))
        opened.append(len(descriptors(running)))
        print(f"cycle {cycle}, {MANY} CRs: {figures}, {memories[-1] >> 20} MiB, {opened[-1]} descriptors")
    assert memories[-1] <= memories[0] * GROWTH, memories
    assert opened[-1] <= opened[0] + SPARE_DESCRIPTORS, opened


def _memory_at_rest(operator: Operator) -> int:
    """Bytes that no file backs, once no kubectl is at work."""
    eventually("it is at rest", lambda: not any("kubectl" in line for line in operator.processes()))
    return usage.memory(operator.process.pid).anonymous


def _live(load: Load) -> dict[str, float]:
    """Create, change and delete; return how many seconds each took."""
    names = [f"n{number}" for number in range(MANY)]
    with load.watching() as watch:
        created = watch.seconds_until(
            "all are ready", _all(names, lambda name: load.is_ready(watch, name) and load.says(watch, name, "new")),
            lambda: load.create(names), within=PATIENCE,
        )  # fmt: skip

        def change() -> None:
            for name in names:
                load.change(name, "changed")

        changed = watch.seconds_until(
            "all are changed",
            _all(names, lambda name: load.says(watch, name, "changed") and load.is_ready(watch, name)),
            change, within=PATIENCE,
        )  # fmt: skip
        deleted = watch.seconds_until(
            "nothing is left", lambda: not any(name.startswith("n") for _, name in watch.objects),
            lambda: load.delete(names), within=PATIENCE,
        )  # fmt: skip
    return {"created": round(created, 1), "changed": round(changed, 1), "deleted": round(deleted, 1)}


def test_one_that_never_rests_starves_nobody(load: Load, operator: Start) -> None:
    operator(NUVOP_KINDS=str(load.kind.folder.parent))
    with load.watching() as watch:
        load.create(QUIET)
        watch.seconds_until("all are ready", _all(QUIET, partial(load.is_ready, watch)), within=PATIENCE)
        load.api.create(load.crs, load.kind.cr("busy", text="0"))
        calm: list[float] = []
        stirred: list[float] = []
        for turn in range(TURNS):
            names = [QUIET[(turn * SAMPLES + number) % len(QUIET)] for number in range(SAMPLES)]
            calm += [_seconds(load, watch, name, f"calm in turn {turn}") for name in names]
            with _restless(load, turn) as changes:
                stirred += [_seconds(load, watch, name, f"stirred in turn {turn}") for name in names]
            assert len(changes) > SAMPLES, "the other one has rested"
            last = partial(load.says, watch, "busy", changes[-1])
            watch.seconds_until("the restless one has its last text", last, within=60)
    quiet, beside = (statistics.quantiles(times, n=4)[-1] for times in (calm, stirred))
    print(f"{len(QUIET)} quiet CRs: p75 of a change {quiet:.2f} s, {beside:.2f} s beside one that never rests")
    assert beside <= 2 * quiet + LEAST


def _seconds(load: Load, watch: Watch, name: str, text: str) -> float:
    """How long it takes until a change has arrived at the child."""
    return watch.seconds_until(
        f"{name} says {text!r}",
        lambda: load.says(watch, name, text),
        lambda: load.change(name, text),
        within=60,
    )


@contextmanager
def _restless(load: Load, turn: int) -> Iterator[list[str]]:
    """One resource changes all the time; the texts that it was given."""
    done: list[str] = []
    ending = threading.Event()

    def change() -> None:
        begun = time.monotonic()
        while not ending.wait(max(0.0, begun + len(done) / CHANGES_A_SECOND - time.monotonic())):
            text = f"text {len(done)} of turn {turn}"
            load.change("busy", text)
            done.append(text)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        yield done
    finally:
        ending.set()
        thread.join()


def test_a_day_of_full_lists_changes_nothing_and_costs_nothing(
    load: Load, operator: Start, proxy: Proxy, kubeconfig: Path
) -> None:
    """144 lists of each type, as a day has, one after the other."""
    faster = "from nuvop import cluster, cli; cluster.RELIST_AFTER = 0.3; cli.kopf_main()"
    command = (sys.executable, "-c", faster, "run", "-n", load.kubectl.namespace)
    load.create(QUIET)
    running = operator(*command, KUBECONFIG=str(kubeconfig), NUVOP_KINDS=str(load.kind.folder.parent))
    with load.watching() as watch:
        watch.seconds_until("all are ready", _all(QUIET, partial(load.is_ready, watch)), within=PATIENCE)
    comes_to_rest(load.cluster, load.kubectl.namespace)
    since = load.cluster.audit_log.stat().st_size
    before, opened = _memory_at_rest(running), len(descriptors(running))
    lists = ("nuvop", "list", "configmaps")
    midnight = proxy.requests[lists] + LISTS_A_DAY
    eventually("a day has passed", lambda: proxy.requests[lists] >= midnight, within=PATIENCE)
    after = _memory_at_rest(running)
    print(f"{len(QUIET)} CRs, a day of lists: {before >> 20} MiB, then {after >> 20} MiB")
    assert writes_of(load.cluster, load.kubectl.namespace, since) == []
    assert after <= before * GROWTH
    assert len(descriptors(running)) <= opened + SPARE_DESCRIPTORS
