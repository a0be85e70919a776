"""What is measured of a contestant, one phase after the other, from a fresh cluster to one that is empty again."""

from __future__ import annotations

import json
import os
import subprocess
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from lab.bench import usage, workload
from lab.bench.audit import AuditLog, by_verb
from lab.bench.contestants import BY_HAND
from lab.bench.errors import BenchError, NotWithin
from lab.bench.place import CONTESTANT_USER, PROGRAMS
from lab.bench.program import running
from lab.bench.rows import Row, p50, p95
from lab.bench.watch import Watch
from lab.controlplane import console

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lab.bench.contestants import Contestant
    from lab.bench.place import Place
    from lab.bench.program import Program

REST_SECONDS = 5.0
"""Once a cluster is ready its own controllers still have something to do."""

AFTERMATH_SECONDS = 2.0
"""What a contestant does after the last custom resource is Ready belongs to its costs."""

ALONE_SECONDS = 60.0
DRIFT_SECONDS = 20.0
"""Who has not put a field back by then does not do so at once."""
PAUSE_SECONDS = 0.5
"""Between the steps with one custom resource, so that each begins with a contestant that has nothing to do."""

CHANGED_COUNT = 2
DRIFTED_COUNT = 5

Figures = dict[str, Any]


def program(who: Contestant, n: int, samples: int, place: Place, log: Path) -> Row:
    """Measure a program with n custom resources; one alone is measured `samples` times. Raises BenchError, OSError."""
    tell = _teller(who.name, n)
    time.sleep(REST_SECONDS)
    with who.prepare(place) as command:
        with running(command, place, log) as contestant, usage.PeakMemory(contestant.pid) as memory:
            tell("started; waiting until it has nothing to do")
            contestant.wait_until_watching(who.resource, patience(n))
            contestant.wait_until_quiet(patience(n))
            bulk = _bulk(who, n, place, contestant, memory)
            tell(f"all Ready after {bulk['seconds']:.1f} s; waiting until it has nothing to do")
            contestant.wait_until_quiet(patience(n))
        start = time.monotonic()
        with running(command, place, log) as contestant:
            restart = _restart(who, n, contestant, start)
            tell(f"restarted with {restart['restart_requests']} requests; one alone, {samples} times")
            alone = _alone(who, samples, place, contestant)
            tell("deleting")
            resource = ["--namespace", workload.NAMESPACE, who.resource, "--all"]
            deleted = _delete(n, place, [who.crs], resource, contestant.check)
    return Row(who.name, n, **bulk, **restart, **alone, delete_seconds=deleted)


def by_hand(n: int, place: Place) -> Row:
    """Measure one `kubectl apply` of the objects of n custom resources. Raises BenchError, OSError."""
    tell = _teller(BY_HAND, n)
    time.sleep(REST_SECONDS)
    manifests = place.folder / "manifests.yaml"
    objects = [obj for name in workload.names(n) for obj in workload.objects(name)]
    manifests.write_text("\n---\n".join(map(json.dumps, objects)), encoding="utf-8")
    audit = AuditLog(place.cluster.audit_log, CONTESTANT_USER)
    costs: Figures = {}
    with Watch(place.api, [workload.DEPLOYMENTS], workload.is_available) as watch:
        seconds = watch.seconds_until(
            "all Deployments available",
            lambda: len(watch.ready) == n,
            lambda: costs.update(_apply_by_hand(place, manifests)),
            within=patience(n),
        )
    tell(f"all available after {seconds:.1f} s; deleting")
    requests = by_verb(audit.new())
    resource = ["--namespace", workload.NAMESPACE, "--filename", str(manifests)]
    deleted = _delete(n, place, [], resource)
    return Row(BY_HAND, n, seconds, **_latencies(watch), **costs, requests=requests, delete_seconds=deleted)


def patience(n: int) -> float:
    """Seconds that n custom resources may take the slowest contestant on a slow machine."""
    return 300.0 + 3.0 * n


def _teller(name: str, n: int) -> Callable[[str], None]:
    return lambda text: console.say(f"{name}, {n}: {text}")


def _bulk(who: Contestant, n: int, place: Place, contestant: Program, memory: usage.PeakMemory) -> Figures:
    """All at once: from the first create to the last Ready."""
    bodies = [who.custom_resource(name) for name in workload.names(n)]
    contestant.requests()  # those of its start
    cpu = usage.cpu_seconds(contestant.pid)
    with Watch(place.api, [who.crs], workload.is_ready) as watch, console.Progress() as progress:

        def tell() -> None:
            contestant.check()
            progress.update(f"{who.name}, {n}: {len(watch.ready)} Ready")

        seconds = watch.seconds_until(
            "all custom resources Ready",
            lambda: len(watch.ready) == n,
            lambda: place.api.create_all(who.crs, bodies),
            within=patience(n),
            tell=tell,
        )
        time.sleep(AFTERMATH_SECONDS)
    return {
        "seconds": seconds,
        **_latencies(watch),
        "cpu_seconds": usage.cpu_seconds(contestant.pid) - cpu,
        **_peaks(memory.peak),
        "requests": by_verb(contestant.requests()),
    }


def _apply_by_hand(place: Place, manifests: Path) -> Figures:
    """What kubectl costs."""
    arguments = ["apply", "--server-side", "--namespace", workload.NAMESPACE, "--filename", str(manifests)]
    process = subprocess.Popen(
        [PROGRAMS / "kubectl", *arguments], env=place.environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        with usage.PeakMemory(process.pid) as memory:
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it stays in /proc until it is waited for
            cpu = usage.cpu_seconds(process.pid)
    finally:
        process.kill()
        _, said = process.communicate()
    if process.returncode:
        raise BenchError(f"kubectl apply: {said.decode(errors='replace').strip()}")
    return {"cpu_seconds": cpu, **_peaks(memory.peak)}


def _latencies(watch: Watch) -> Figures:
    """Of the objects that the watch was to see ready: from created to ready."""
    latencies = [ready - watch.created[key] for key, ready in watch.ready.items()]
    return {"latency_p50": p50(latencies), "latency_p95": p95(latencies)}


def _peaks(peak: usage.Memory) -> Figures:
    return {"peak_rss_mib": peak.rss / 2**20, "peak_anonymous_mib": peak.anonymous / 2**20}


def _restart(who: Contestant, n: int, contestant: Program, start: float) -> Figures:
    """Started again, with nothing to do: until it is quiet."""
    contestant.wait_until_watching(who.resource, patience(n))
    last = contestant.wait_until_quiet(patience(n))
    requests = contestant.requests()
    return {
        "restart_seconds": last - start,
        "restart_requests": len(requests),
        "restart_writes": sum(request.is_write for request in requests),
        "restart_cpu_seconds": usage.cpu_seconds(contestant.pid),
    }


def _alone(who: Contestant, samples: int, place: Place, contestant: Program) -> Figures:
    """One custom resource after the other: created, changed, its child changed by somebody else, deleted."""
    created, changed, restored = [], [], []
    restores = True
    with Watch(place.api, [who.crs, *workload.CHILDREN.values()]) as watch:
        for number in range(samples):
            one = _One(who, f"alone-{number:03d}", place, watch, contestant)
            created.append(one.create())
            changed.append(one.change())
            if restores:
                try:
                    restored.append(one.drift())
                except NotWithin:
                    restores = False
            one.delete()
    return {
        **_percentiles("create", created),
        **_percentiles("change", changed),
        **_percentiles("drift", restored if restores else []),
    }


def _percentiles(what: str, values: list[float]) -> Figures:
    return {f"{what}_p50": p50(values), f"{what}_p95": p95(values)}


class _One:
    """A custom resource that is alone. Its methods return seconds, and wait before until there is nothing to do."""

    def __init__(self, who: Contestant, name: str, place: Place, watch: Watch, contestant: Program) -> None:
        self._who, self._name, self._api, self._watch = who, name, place.api, watch
        self._path = f"{who.crs}/{name}"
        self._deployment = workload.DEPLOYMENTS, workload.child(name)
        self._keys = [(path, workload.child(name)) for path in workload.CHILDREN.values()]
        self._seconds = partial(watch.seconds_until, within=ALONE_SECONDS, tell=contestant.check)

    def create(self) -> float:
        """From its creation until its children exist."""
        body = self._who.custom_resource(self._name)
        return self._seconds(
            f"the children of {self._name} exist",
            lambda: all(key in self._watch.objects for key in self._keys),
            lambda: self._api.create(self._who.crs, body),
        )

    def change(self) -> float:
        """From its change until the Deployment is changed."""
        self._wait_until_ready()
        patch = self._who.change(CHANGED_COUNT)
        return self._seconds(
            f"the Deployment of {self._name} follows its change",
            lambda: self._replicas() == CHANGED_COUNT,
            lambda: self._api.merge(self._path, patch),
        )

    def drift(self) -> float:
        """From somebody's change of the Deployment until that is undone. Raises NotWithin."""
        self._wait_until_ready()
        before = self._generation()
        return self._seconds(
            f"the Deployment of {self._name} is as it was",
            lambda: self._generation() >= before + 2 and self._replicas() == CHANGED_COUNT,
            lambda: self._api.merge("/".join(self._deployment), {"spec": {"replicas": DRIFTED_COUNT}}),
            within=DRIFT_SECONDS,
        )

    def delete(self) -> float:
        """From its deletion until nothing of it is left."""
        time.sleep(PAUSE_SECONDS)
        return self._seconds(
            f"nothing of {self._name} is left",
            lambda: not any(key in self._watch.objects for key in [(self._who.crs, self._name), *self._keys]),
            lambda: self._api.delete(self._path),
        )

    def _wait_until_ready(self) -> None:
        key = self._who.crs, self._name
        self._seconds(f"{self._name} is Ready", lambda: workload.is_ready(self._watch.objects.get(key, {})))
        time.sleep(PAUSE_SECONDS)

    def _replicas(self) -> object:
        return self._watch.objects[self._deployment]["spec"]["replicas"]

    def _generation(self) -> int:
        generation: int = self._watch.objects[self._deployment]["metadata"]["generation"]
        return generation


def _delete(
    n: int, place: Place, paths: list[str], arguments: list[str], check: Callable[[], object] = lambda: None
) -> float:
    """Seconds from the start of `kubectl delete` until nothing of the n custom resources is left.

    `paths` are those of the custom resources. Raises BenchError when there was not all before.
    """
    children = workload.CHILDREN.values()
    expected = {(path, name) for path in paths for name in workload.names(n)}
    expected |= {(path, workload.child(name)) for path in children for name in workload.names(n)}
    with Watch(place.api, [*paths, *children]) as watch:
        if missing := expected - watch.objects.keys():
            raise BenchError(f"{len(missing)} of {len(expected)} objects are missing, such as {sorted(missing)[:3]}")
        others = len(watch.objects) - len(expected)
        return watch.seconds_until(
            "nothing is left",
            lambda: len(watch.objects) == others,
            lambda: place.kubectl("delete", "--wait=false", *arguments),
            within=patience(n),
            tell=check,
        )
