"""Who is applied with whom, and what becomes of those who meet with others' errors. kubectl is a stand-in."""

import asyncio
import errno
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from nuvop import applier as appliers
from nuvop import slots, yamltext
from nuvop.applier import BATCH, BATCH_SIZE, Applier, Withdrawn
from nuvop.errors import ApplyFailed, BuildFailed, KubectlCrashed, KubectlError, KubectlTimeout, KubectlUnusable
from nuvop.metrics import Metrics
from nuvop.objects import CRKey, ObjectKey
from nuvop.overlay import Overlay
from nuvop.slots import SLOTS, SPARE
from tests.unit.virtual_time import VirtualTime

LOOP = VirtualTime


def overlay(name: str, size: int = 1000) -> Overlay:
    key = CRKey("samples", "demo", name)
    objects = (ObjectKey("", "ConfigMap", "demo", f"{name}-a"), ObjectKey("", "ConfigMap", "demo", f"{name}-b"))
    return cast("Overlay", SimpleNamespace(key=key, objects=objects, size=size))


def live(key: ObjectKey) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": key.kind, "metadata": {"namespace": key.namespace, "name": key.name}}


class Kubectl:
    """Applies what it is given, CR by CR, but for those that something is wrong with."""

    def __init__(self) -> None:
        self.runs: list[list[str]] = []
        self.at_once = self.most_at_once = self.builds = 0
        self.refused: dict[str, KubectlError] = {}
        self.unbuildable: dict[str, str] = {}
        self.failure: type[KubectlError] = BuildFailed
        """What kustomize does with these."""
        self.slow: dict[str, float] = {}
        self.hanging: set[str] = set()
        """Of these not even the first object lands before they are through."""
        self.broken: KubectlError | None = None
        self.cluster: set[str] = set()
        self.visible: set[str] | None = None
        """What the watch has shown of it; None where that is all."""
        self.begun: set[str] = set()
        """Of these the first object is there."""
        self.gate: asyncio.Event | None = None
        self.killed = 0

    async def apply(self, folder: Path, *, size: int, timeout: float) -> list[dict[str, Any]]:  # noqa: ASYNC109
        names = self._names(folder)
        self.runs.append(names)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return await asyncio.wait_for(self._apply(names), timeout)
        except TimeoutError:
            raise KubectlTimeout("took too long") from None
        except asyncio.CancelledError:
            self.killed += 1
            raise
        finally:
            self.at_once -= 1

    async def _apply(self, names: list[str]) -> list[dict[str, Any]]:
        await asyncio.sleep(0.005)
        if self.gate is not None:
            await self.gate.wait()
        if self.broken is not None:
            raise self.broken
        if bad := [self.unbuildable[name] for name in names if name in self.unbuildable]:
            raise ApplyFailed(bad[0], terminal=True)
        errors = []
        for name in names:
            if name not in self.hanging:
                self.begun.add(name)
            await asyncio.sleep(self.slow.get(name, 0))
            if name in self.refused:
                errors.append(self.refused[name])
            else:
                self.cluster.add(name)
        if errors:
            raise errors[0]
        return [live(key) for name in names for key in overlay(name).objects]

    async def build(self, folder: Path) -> str:
        self.builds += 1
        if bad := [self.unbuildable[name] for name in self._names(folder) if name in self.unbuildable]:
            raise self.failure(bad[0])
        return ""

    @staticmethod
    def _names(folder: Path) -> list[str]:
        if folder.parent.name != appliers.FOLDER:
            return [folder.name]
        kustomization = yamltext.load((folder / "kustomization.yaml").read_bytes())
        assert kustomization["sortOptions"] == {"order": "fifo"}
        for path in kustomization["resources"]:
            assert path.startswith("../../samples/demo/")
        return [path.rpartition("/")[2] for path in kustomization["resources"]]


@pytest.fixture
def kubectl() -> Kubectl:
    return Kubectl()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def applier(kubectl: Kubectl, metrics: Metrics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Applier:
    times = {
        "LANDING": 0.05,
        "LOOK_EVERY": 0.02,
        "STALL": 0.06,
        "STALL_FIRST": 0.26,
        "HELD_UP_AFTER": 0.04,
        "SLOW": 0.05,
    }
    for name, seconds in times.items():
        monkeypatch.setattr(appliers, name, seconds)
    return Applier(cast("Any", kubectl), tmp_path, metrics)


@pytest.fixture
def send(applier: Applier, kubectl: Kubectl) -> Iterator[Callable[..., "asyncio.Task[list[Any]]"]]:
    def send(name: str, size: int = 1000) -> "asyncio.Task[list[Any]]":
        wanted = overlay(name, size)

        def landed() -> list[Any]:
            visible = kubectl.cluster if kubectl.visible is None else kubectl.visible
            landed = wanted.objects if name in visible else wanted.objects[:1] if name in kubectl.begun else ()
            return [live(key) for key in landed]

        return asyncio.create_task(applier.apply(wanted, landed))

    return send  # type: ignore[return-value]


Send = Callable[..., "asyncio.Task[list[Any]]"]


async def outcome(tasks: dict[str, "asyncio.Task[list[Any]]"]) -> dict[str, Any]:
    """For each CR the names of its objects, or its error."""
    async with asyncio.timeout(10):
        done = await asyncio.gather(*tasks.values(), return_exceptions=True)
    return {
        name: str(found) if isinstance(found, BaseException) else [body["metadata"]["name"] for body in found]
        for name, found in zip(tasks, done, strict=True)
    }


async def test_a_lone_cr_goes_at_once_from_its_own_folder(send: Send, kubectl: Kubectl) -> None:
    assert await outcome({"a": send("a")}) == {"a": ["a-a", "a-b"]}
    assert kubectl.runs == [["a"]]


async def test_what_waits_goes_together_and_each_gets_its_own_objects(send: Send, kubectl: Kubectl) -> None:
    names = [f"n{i}" for i in range(30)]
    assert await outcome({name: send(name) for name in names}) == {n: [f"{n}-a", f"{n}-b"] for n in names}
    assert [len(run) for run in kubectl.runs] == [1, 1, 14, 14], "who waits is shared out among the slots"
    assert kubectl.most_at_once <= SLOTS


async def test_each_turn_is_counted_once_and_nobody_is_left_in_a_stage(
    send: Send, kubectl: Kubectl, metrics: Metrics
) -> None:
    """Also of what waits a second time, because the batch failed that it was in."""
    kubectl.unbuildable = {"n3": "no good"}
    names = [f"n{i}" for i in range(8)]
    tasks = {name: send(name) for name in names}
    for _ in range(3):
        await asyncio.sleep(0)
    assert metrics.registry.get_sample_value("nuvop_in_stage", {"stage": "apply"}) == 8
    assert metrics.registry.get_sample_value("nuvop_applying") == 2
    assert "no good" in (await outcome(tasks))["n3"]
    assert metrics.registry.get_sample_value("nuvop_stage_seconds_count", {"stage": "turn"}) == 8
    assert metrics.registry.get_sample_value("nuvop_stage_seconds_count", {"stage": "apply"}) == 8
    assert metrics.registry.get_sample_value("nuvop_in_stage", {"stage": "apply"}) == 0
    assert metrics.registry.get_sample_value("nuvop_applying") == 0


async def test_none_of_those_who_wait_is_left_over(send: Send, kubectl: Kubectl) -> None:
    await outcome({f"n{i}": send(f"n{i}") for i in range(2 + 27)})
    assert [len(run) for run in kubectl.runs] == [1, 1, 14, 13]


async def test_nothing_is_kept_for_a_slot_that_is_busy_for_longer(send: Send, kubectl: Kubectl) -> None:
    kubectl.slow = {f"long{i}": 0.04 for i in range(12)}
    long = await busy_batch(send, kubectl, [*kubectl.slow])
    kubectl.runs.clear()
    await outcome({f"n{i}": send(f"n{i}") for i in range(1 + 30)})
    assert [len(run) for run in kubectl.runs] == [1, 30]
    await outcome(long)


async def take_both_slots(send: Send, kubectl: Kubectl) -> tuple[list["asyncio.Task[list[Any]]"], asyncio.Event]:
    """Have kubectl at work on the single CRs a and b, until the gate opens; return both and the gate."""
    kubectl.gate = gate = asyncio.Event()
    running = [send("a"), send("b")]
    await asyncio.sleep(0.02)
    return running, gate


async def busy_batch(send: Send, kubectl: Kubectl, names: list[str]) -> dict[str, "asyncio.Task[list[Any]]"]:
    """Send these so that they are one batch, and return once it is at work and the other slot is free."""
    kubectl.gate = asyncio.Event()
    first = {"first": send("first"), "second": send("second")}
    await asyncio.sleep(0.02)
    tasks = {name: send(name) for name in names}
    await asyncio.sleep(0.02)
    kubectl.gate.set()
    await outcome(first)
    await asyncio.sleep(0.02)
    assert kubectl.runs[-1] == names
    assert kubectl.at_once == 1
    return tasks


async def test_a_batch_is_bounded_in_number_and_bytes(send: Send, kubectl: Kubectl) -> None:
    kubectl.gate = asyncio.Event()
    tasks = {"first": send("first"), "second": send("second")}
    await asyncio.sleep(0.02)
    tasks |= {f"n{i}": send(f"n{i}") for i in range(SLOTS * BATCH + 5)}
    tasks |= {f"big{i}": send(f"big{i}", BATCH_SIZE // 2) for i in range(3)}
    await asyncio.sleep(0.02)
    kubectl.gate.set()
    await outcome(tasks)
    sizes = [len(run) for run in kubectl.runs[2:]]
    assert sizes[0] == BATCH
    assert all(sum(name.startswith("big") for name in run) <= 2 for run in kubectl.runs)
    assert kubectl.most_at_once == SLOTS


async def test_one_that_is_refused_gets_its_own_error_and_the_others_land(send: Send, kubectl: Kubectl) -> None:
    kubectl.gate = asyncio.Event()
    tasks = {"first": send("first"), "second": send("second")}
    await asyncio.sleep(0.02)
    kubectl.refused = {
        "bad1": ApplyFailed("bad1 is invalid", terminal=True),
        "bad2": ApplyFailed("bad2 is denied", terminal=True),
    }
    tasks |= {name: send(name) for name in ("x", "bad1", "y", "bad2", "z")}
    kubectl.gate.set()
    found = await outcome(tasks)
    assert found["bad1"] == "bad1 is invalid"
    assert found["bad2"] == "bad2 is denied"
    assert [found[name] for name in "xyz"] == [[f"{name}-a", f"{name}-b"] for name in "xyz"]
    assert kubectl.runs[2] == ["x", "bad1", "y", "bad2", "z"]
    assert sorted(kubectl.runs[3:]) == [["bad1"], ["bad2"]], "nobody else is applied again"


async def test_a_suspect_stays_alone_until_it_works(send: Send, kubectl: Kubectl) -> None:
    kubectl.refused["bad"] = ApplyFailed("no", terminal=True)
    assert await outcome({"bad": send("bad")}) == {"bad": "no"}

    async def burst() -> list[list[str]]:
        before = len(kubectl.runs)
        await at_once(send, kubectl, "p", "q", "r", "bad", "s")
        return kubectl.runs[before:]

    assert ["bad"] in await burst()
    kubectl.refused.clear()
    assert ["bad"] in await burst(), "it works now, alone"
    assert ["bad"] not in await burst()


async def test_the_lone_lane_never_takes_all_slots(send: Send, kubectl: Kubectl) -> None:
    for name in ("bad1", "bad2", "bad3"):
        kubectl.refused[name] = ApplyFailed("no", terminal=True)
        await outcome({name: send(name)})
    kubectl.slow = {"bad1": 0.2, "bad2": 0.2, "bad3": 0.2}
    bad = {name: send(name) for name in ("bad1", "bad2", "bad3")}
    await asyncio.sleep(0.02)
    async with asyncio.timeout(0.15):
        assert await send("good")
    await outcome(bad)


async def test_who_waits_in_vain_is_not_blamed(send: Send, kubectl: Kubectl) -> None:
    kubectl.broken = ApplyFailed("Unable to connect to the server", terminal=False, unreachable=True)
    names = [f"n{i}" for i in range(10)]
    found = await outcome({name: send(name) for name in names})
    assert set(found.values()) == {"Unable to connect to the server"}
    kubectl.broken = None
    before = len(kubectl.runs)
    kubectl.gate = asyncio.Event()
    tasks = {name: send(name) for name in names[3:]}
    await asyncio.sleep(0.02)
    kubectl.gate.set()
    await outcome(tasks)
    assert max(map(len, kubectl.runs[before:])) > 1, "they go together again"


@pytest.mark.parametrize(
    "nobodys",
    [
        ApplyFailed("Unable to connect to the server", terminal=False, unreachable=True),
        KubectlError("kubectl apply was killed by signal 9"),
        KubectlUnusable("kubectl cannot be started: Too many open files"),
    ],
    ids=["unreachable", "killed", "not started"],
)
async def test_who_is_alone_when_something_goes_wrong_is_not_blamed_for_it(
    send: Send, kubectl: Kubectl, nobodys: KubectlError
) -> None:
    kubectl.broken = nobodys
    for name in ("a", "b", "c"):
        assert await outcome({name: send(name)}) == {name: str(nobodys)}
    kubectl.broken = None
    await burst(send, kubectl, "a", "b", "c")


async def test_a_suspect_that_meets_with_an_outage_stays_one(send: Send, kubectl: Kubectl) -> None:
    kubectl.refused["bad"] = ApplyFailed("no", terminal=True)
    await outcome({"bad": send("bad")})
    kubectl.broken = ApplyFailed("Unable to connect to the server", terminal=False, unreachable=True)
    await outcome({"bad": send("bad")})
    kubectl.broken = None
    await at_once(send, kubectl, "first", "second", "a", "bad", "b")
    assert ["bad"] in kubectl.runs[2:]


async def test_a_slow_one_holds_up_nobody_for_long(send: Send, kubectl: Kubectl) -> None:
    kubectl.gate = asyncio.Event()
    tasks = {"first": send("first"), "second": send("second")}
    await asyncio.sleep(0.02)
    kubectl.slow["slow"] = 0.5
    tasks |= {name: send(name) for name in ("x", "slow", "y", "z")}
    kubectl.gate.set()
    async with asyncio.timeout(0.45):
        await asyncio.gather(tasks["x"], tasks["y"], tasks["z"])
    found = await outcome(tasks)
    assert found["slow"] == ["slow-a", "slow-b"]
    assert kubectl.killed == 1
    assert ["y", "z"] in kubectl.runs


@pytest.mark.parametrize("failure", [BuildFailed, KubectlCrashed])
async def test_a_folder_that_cannot_be_built_is_parted_from_the_others(
    send: Send, kubectl: Kubectl, failure: type[KubectlError]
) -> None:
    kubectl.failure = failure
    kubectl.gate = asyncio.Event()
    tasks = {"first": send("first"), "second": send("second")}
    await asyncio.sleep(0.02)
    kubectl.unbuildable = {
        "bad": "accumulating resources from '../../samples/demo/bad': no such file",
        "odd": "something that names no folder",
    }
    names = ["a", "b", "bad", "c", "odd", "d"]
    tasks |= {name: send(name) for name in names}
    kubectl.gate.set()
    found = await outcome(tasks)
    assert found["bad"] == kubectl.unbuildable["bad"]
    assert found["odd"] == kubectl.unbuildable["odd"]
    assert all(found[name] == [f"{name}-a", f"{name}-b"] for name in "abcd")


async def test_a_named_folder_is_parted_without_building_a_second_time(send: Send, kubectl: Kubectl) -> None:
    kubectl.unbuildable["bad"] = "accumulating resources from '../../samples/demo/bad': no such file"
    found = await burst(send, kubectl, "a", "bad", "b")
    assert found["bad"] == kubectl.unbuildable["bad"]
    assert ["a", "b"] in kubectl.runs
    assert kubectl.builds == 0


async def test_one_that_makes_no_progress_leaves_its_slot_to_others(
    send: Send, kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits for a webhook, say, and needs no processor: so do a lone one, and a batch before it is broken off."""
    monkeypatch.setattr(appliers, "STALL_FIRST", 0.05)
    monkeypatch.setattr(appliers, "HELD_UP_AFTER", 9.0)
    slow = [f"slow{i}" for i in range(SLOTS)]
    kubectl.slow = dict.fromkeys(slow, 2.0)
    waiting = [send(name) for name in slow]
    async with asyncio.timeout(1):
        await send("a")
    assert kubectl.most_at_once == SLOTS + 1
    assert kubectl.killed == 0
    await asyncio.gather(*waiting)


async def test_no_more_than_a_few_leave_their_slots(
    send: Send, kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"BATCH": 1, "SLOW": 0.03}.items():
        monkeypatch.setattr(appliers, name, value)
    names = [f"slow{i}" for i in range(SLOTS + SPARE + 3)]
    kubectl.slow = dict.fromkeys(names, 0.3)
    found = await outcome({name: send(name) for name in names})
    assert all(isinstance(answer, list) for answer in found.values())
    assert kubectl.most_at_once == SLOTS + SPARE


async def test_one_that_takes_its_time_stays_alone(send: Send, kubectl: Kubectl) -> None:
    kubectl.slow["slow"] = 0.1
    await outcome({"slow": send("slow")})
    await at_once(send, kubectl, "first", "second", "a", "slow", "b")
    assert ["slow"] in kubectl.runs[1:]


async def suspects(send: Send, kubectl: Kubectl, *names: str) -> None:
    """Have these be refused once; from now on they are not."""
    for name in names:
        kubectl.refused[name] = ApplyFailed("no", terminal=True)
        await outcome({name: send(name)})
    kubectl.refused.clear()
    kubectl.runs.clear()


async def test_the_lone_lane_takes_all_spares_and_no_more(send: Send, kubectl: Kubectl) -> None:
    names = [f"slow{i}" for i in range(SPARE + 2)]
    await suspects(send, kubectl, *names)
    kubectl.slow = dict.fromkeys(names, 0.5)
    tasks = {name: send(name) for name in names}
    await asyncio.sleep(0.4)
    assert kubectl.runs == [[name] for name in names[:SPARE]], "they hang, and no other may"
    found = await outcome(tasks)
    assert all(isinstance(answer, list) for answer in found.values())
    assert kubectl.most_at_once == SPARE


async def test_one_of_the_lone_lane_that_hangs_does_not_hold_up_the_others_there(send: Send, kubectl: Kubectl) -> None:
    others = [f"good{i}" for i in range(10)]
    await suspects(send, kubectl, "hangs", *others)
    kubectl.slow["hangs"] = 5.0
    tasks = {name: send(name) for name in ("hangs", *others)}
    await outcome({name: tasks[name] for name in others})
    assert not tasks["hangs"].done()
    await outcome(tasks)


async def test_the_lone_lane_has_one_at_work_at_a_time(send: Send, kubectl: Kubectl) -> None:
    names = [f"bad{i}" for i in range(4)]
    await suspects(send, kubectl, *names)
    await outcome({name: send(name) for name in names})
    assert kubectl.most_at_once == 1


async def test_the_lone_lane_gets_its_share_of_the_time_while_others_are_at_work(
    send: Send, kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = [f"bad{i}" for i in range(4)]
    for name in bad:
        kubectl.refused[name] = ApplyFailed("no", terminal=True)
        await outcome({name: send(name)})
    await asyncio.sleep(0.1)
    kubectl.runs.clear()
    monkeypatch.setattr(slots, "LONE_SHARE", 0.001)
    monkeypatch.setattr(appliers, "SLOW", 1.0)
    kubectl.slow["busy"] = 0.4
    busy = send("busy")
    refused = {name: send(name) for name in bad}
    await asyncio.sleep(0.2)
    assert not busy.done()
    assert [run for run in kubectl.runs if run != ["busy"]] == [["bad0"]], "one, and then not again for a while"
    await outcome({"busy": busy, **refused})


async def at_once(send: Send, kubectl: Kubectl, *names: str) -> None:
    """Send all of these before kubectl ends with the first, and wait until all are answered."""
    kubectl.gate = asyncio.Event()
    tasks = {name: send(name) for name in names}
    await asyncio.sleep(0.02)
    kubectl.gate.set()
    await outcome(tasks)


async def burst(send: Send, kubectl: Kubectl, *names: str) -> dict[str, Any]:
    """Send these so that they are one batch; return what became of each. Only the batch and what follows is noted."""
    kubectl.gate = asyncio.Event()
    busy = {"first": send("first"), "second": send("second")}
    await asyncio.sleep(0.02)
    kubectl.runs.clear()
    tasks = {name: send(name) for name in names}
    await asyncio.sleep(0.02)
    kubectl.gate.set()
    await outcome(busy)
    found = await outcome(tasks)
    assert kubectl.runs[0] == list(names)
    return found


async def test_who_fails_before_a_slow_one_is_not_taken_for_it(send: Send, kubectl: Kubectl) -> None:
    kubectl.refused = {name: ApplyFailed(f"{name} is denied", terminal=True) for name in ("bad1", "bad2", "bad3")}
    kubectl.slow["slow"] = 0.5
    found = await burst(send, kubectl, "x", "bad1", "bad2", "bad3", "slow", "y", "z")
    assert kubectl.killed == 1, "broken off once, not once for each that had failed before"
    assert kubectl.runs[1] == ["y", "z"] or kubectl.runs[2] == ["y", "z"]
    assert {found[name] for name in kubectl.refused} == {"bad1 is denied", "bad2 is denied", "bad3 is denied"}
    assert all(isinstance(found[name], list) for name in ("x", "slow", "y", "z")), found


async def test_nobody_is_blamed_for_a_batch_that_lands_until_its_time_is_over(
    send: Send, kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(appliers, "BATCH_TIMEOUT", 0.3)
    monkeypatch.setattr(appliers, "BATCH_LEAST", 16)
    names = [f"n{i}" for i in range(16)]
    kubectl.slow = dict.fromkeys(names, 0.04)
    kubectl.refused["n2"] = ApplyFailed("no", terminal=True)
    found = await burst(send, kubectl, *names)
    assert [name for name, answer in found.items() if answer == "no"] == ["n2"]
    assert kubectl.killed == 0
    assert [run for run in kubectl.runs if len(run) == 1] == [["n2"]]


@pytest.mark.parametrize("slow", [["a"], ["a", "b"], ["b", "c"], ["a", "b", "c", "d"]])
@pytest.mark.parametrize("is_hanging", [False, True])
async def test_slow_neighbours_are_no_error(send: Send, kubectl: Kubectl, slow: list[str], is_hanging: bool) -> None:
    kubectl.slow = dict.fromkeys(slow, 0.2)
    kubectl.hanging = set(slow) if is_hanging else set()
    found = await burst(send, kubectl, "a", "b", "c", "d", "e")
    assert all(isinstance(answer, list) for answer in found.values()), found


async def test_what_was_there_before_is_not_taken_for_applied(send: Send, kubectl: Kubectl) -> None:
    kubectl.cluster = {"asked"}
    kubectl.refused["bad"] = ApplyFailed("no", terminal=True)
    found = await burst(send, kubectl, "x", "bad", "asked", "y")
    assert found == {"x": ["x-a", "x-b"], "bad": "no", "asked": ["asked-a", "asked-b"], "y": ["y-a", "y-b"]}
    assert sorted(kubectl.runs[1:]) == [["asked"], ["bad"]], "it is applied again, as nobody can tell"


async def test_what_was_there_before_goes_together_again_but_not_for_ever(send: Send, kubectl: Kubectl) -> None:
    kubectl.cluster = {"asked1", "asked2", "asked3", "asked4"}
    kubectl.refused = {name: ApplyFailed(f"{name}: no", terminal=True) for name in ("asked1", "asked2", "bad")}
    found = await burst(send, kubectl, "asked1", "bad", "asked2", "asked3", "asked4")
    assert ["asked1", "asked2", "asked3", "asked4"] in kubectl.runs
    assert [found[name] for name in kubectl.refused] == ["asked1: no", "asked2: no", "bad: no"]
    assert found["asked4"] == ["asked4-a", "asked4-b"]


async def test_what_was_there_before_is_not_taken_for_what_hangs_behind_it(send: Send, kubectl: Kubectl) -> None:
    kubectl.cluster = {"asked"}
    kubectl.slow["hang"] = 1.5
    kubectl.hanging = {"hang"}
    found = await burst(send, kubectl, "asked", "hang", "x", "y")
    assert kubectl.killed == 1
    assert all(isinstance(answer, list) for answer in found.values()), found


async def test_what_lands_late_but_lands_is_not_suspected(send: Send, kubectl: Kubectl) -> None:
    """The watch may lag behind: the end of a batch is when nothing more of it comes."""
    kubectl.refused["bad"] = ApplyFailed("no", terminal=True)
    names = [f"n{i}" for i in range(6)]
    late = asyncio.create_task(show_one_by_one(kubectl, names))
    found = await burst(send, kubectl, "bad", *names)
    await late
    assert found == {"bad": "no"} | {name: [f"{name}-a", f"{name}-b"] for name in names}
    assert kubectl.runs[1:] == [["bad"]]


async def show_one_by_one(kubectl: Kubectl, names: list[str]) -> None:
    """Hide from the watch what has been applied, and show it bit by bit, each within LANDING of the one before."""
    shown, kubectl.cluster = kubectl.cluster, set()
    applied = kubectl.cluster
    kubectl.visible = shown
    while not applied.issuperset(names):  # noqa: ASYNC110 – the stub tells nobody
        await asyncio.sleep(0.005)
    for name in names:
        await asyncio.sleep(0.03)
        shown.add(name)


async def test_what_was_there_before_does_not_hide_that_a_folder_cannot_be_built(send: Send, kubectl: Kubectl) -> None:
    kubectl.cluster = {"asked"}
    kubectl.unbuildable["asked"] = "accumulating resources from '../../samples/demo/asked': no such file"
    names = [f"n{i}" for i in range(8)]
    found = await burst(send, kubectl, *names, "asked")
    assert found["asked"] == kubectl.unbuildable["asked"]
    assert all(found[name] == [f"{name}-a", f"{name}-b"] for name in names)
    assert names in kubectl.runs, "the others go together"


async def test_many_that_were_there_before_are_not_taken_for_stuck(
    send: Send, kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(appliers, "STALL_UNSEEN", 0.1)
    names = [f"n{i}" for i in range(6)]
    kubectl.cluster = set(names)
    kubectl.slow = dict.fromkeys(names, 0.08)
    await burst(send, kubectl, *names)
    assert kubectl.killed == 0


async def test_a_server_that_hangs_is_told_to_all(
    send: Send, kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(appliers, "SINGLE_TIMEOUT", 0.1)
    kubectl.gate = asyncio.Event()
    found = await outcome({name: send(name) for name in ("a", "b", "c", "d")})
    assert all(isinstance(text, str) for text in found.values()), found
    assert not kubectl.cluster


async def test_a_batch_that_is_stuck_twice_is_told_so(
    send: Send, kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(appliers, "SINGLE_TIMEOUT", 0.1)
    monkeypatch.setattr(appliers, "STALL_FIRST", 0.1)
    names = [f"n{i}" for i in range(8)]
    kubectl.slow = dict.fromkeys(names, 9.0)
    kubectl.hanging = set(names)
    found = await burst(send, kubectl, *names)
    assert sum("nothing landed" in text for text in found.values()) == 7, "all but the one that was tried alone"
    assert [len(run) for run in kubectl.runs if len(run) > 1] == [8, 7]


async def test_a_batch_that_got_on_is_not_held_against_those_that_are_stuck_next(send: Send, kubectl: Kubectl) -> None:
    kubectl.refused["bad"] = ApplyFailed("no", terminal=True)
    kubectl.slow["hang"] = 1.5
    kubectl.hanging = {"hang"}
    found = await burst(send, kubectl, "x", "bad", "hang", "y", "z")
    assert kubectl.killed == 2, "taken for the one before it, then told"
    assert found.pop("bad") == "no"
    assert all(isinstance(answer, list) for answer in found.values()), found


async def test_what_ends_well_without_an_object_is_an_error(send: Send, kubectl: Kubectl) -> None:
    async def apply(folder: Path, *, size: int, timeout: float) -> list[dict[str, Any]]:  # noqa: ASYNC109
        return [live(overlay("a").objects[0])]

    kubectl.apply = apply  # type: ignore[method-assign]
    assert (await outcome({"a": send("a")}))["a"].endswith("did not print ConfigMap/a-b")


async def test_closing_kills_and_answers_all(applier: Applier, send: Send, kubectl: Kubectl) -> None:
    kubectl.gate = asyncio.Event()
    tasks = [send(f"n{i}") for i in range(10)]
    await asyncio.sleep(0.02)
    await applier.close()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(error, asyncio.CancelledError) for error in found)
    assert kubectl.killed == SLOTS
    assert kubectl.at_once == 0


async def test_draining_lets_end_what_runs_and_begins_nothing(applier: Applier, send: Send, kubectl: Kubectl) -> None:
    await make_suspects(send, kubectl, "bad")
    running, gate = await take_both_slots(send, kubectl)
    assert kubectl.at_once == 2
    kubectl.refused["b"] = ApplyFailed("no", terminal=True)
    waiting = [send(name) for name in ("c", "d", "bad")]
    await asyncio.sleep(0.02)
    begun = list(kubectl.runs)
    applier.drain()
    late = [send("e"), send("bad")]
    abandoned = await asyncio.wait_for(asyncio.gather(*waiting, *late, return_exceptions=True), 1)
    assert all(isinstance(error, asyncio.CancelledError) for error in abandoned)
    assert not any(task.done() for task in running)
    gate.set()
    applied, refused = await asyncio.gather(*running, return_exceptions=True)
    assert isinstance(applied, list)
    assert isinstance(refused, ApplyFailed)
    assert kubectl.runs == begun
    assert kubectl.killed == 0


async def test_what_fails_together_while_draining_is_not_applied_alone(
    applier: Applier, send: Send, kubectl: Kubectl
) -> None:
    busy, gate = await take_both_slots(send, kubectl)
    kubectl.refused["n3"] = ApplyFailed("no", terminal=True)
    together = [send(f"n{i}") for i in range(5)]
    gate.set()
    await asyncio.gather(*busy)
    applier.drain()
    found = await asyncio.wait_for(asyncio.gather(*together, return_exceptions=True), 5)
    assert [type(each) for each in found] == [list, list, list, asyncio.CancelledError, list]
    assert [len(run) for run in kubectl.runs] == [1, 1, 5]


async def test_no_folder_of_a_batch_is_left(send: Send, kubectl: Kubectl, tmp_path: Path) -> None:
    kubectl.refused["n3"] = ApplyFailed("no", terminal=True)
    await outcome({name: send(name) for name in (f"n{i}" for i in range(10))})
    await asyncio.sleep(0.1)
    assert list((tmp_path / appliers.FOLDER).iterdir()) == []


async def test_no_folder_of_a_batch_is_left_that_could_not_be_written(
    send: Send, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_text", full)
    told = await outcome({name: send(name) for name in (f"n{i}" for i in range(10))})
    assert "cannot be written: No space left on device" in str(list(told.values()))
    assert list((tmp_path / appliers.FOLDER).iterdir()) == []


async def test_a_folder_of_a_batch_that_others_have_removed_is_no_error(
    send: Send, kubectl: Kubectl, tmp_path: Path
) -> None:
    first, second = asyncio.Event(), asyncio.Event()
    kubectl.gate = first
    sent = [send(f"n{i}") for i in range(10)]
    await asyncio.sleep(0.02)
    kubectl.gate = second
    first.set()
    await asyncio.gather(*sent[:2])
    await asyncio.sleep(0.02)
    shutil.rmtree(tmp_path / appliers.FOLDER)
    second.set()
    await asyncio.gather(*sent)


async def test_a_folder_of_a_batch_that_cannot_be_removed_goes_later(
    send: Send, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = shutil.rmtree

    def refuse(path: Path) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr(appliers, "REMOVE_AGAIN", 0.01)
    monkeypatch.setattr(shutil, "rmtree", refuse)
    await asyncio.gather(*(send(f"n{i}") for i in range(10)))
    left = list((tmp_path / appliers.FOLDER).iterdir())
    await asyncio.sleep(0.05)
    assert left
    assert len(caplog.messages) == len(left)
    assert all("cannot be removed: Read-only file system; trying again" in message for message in caplog.messages)
    monkeypatch.setattr(shutil, "rmtree", real)
    await asyncio.sleep(0.05)
    assert list((tmp_path / appliers.FOLDER).iterdir()) == []


async def test_an_abandoned_cr_is_not_applied(send: Send, kubectl: Kubectl) -> None:
    running, gate = await take_both_slots(send, kubectl)
    left = send("c")
    await asyncio.sleep(0)
    left.cancel()
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(*running)
    await asyncio.sleep(0.05)
    assert ["c"] not in kubectl.runs


async def test_what_waits_for_a_cr_that_is_gone_is_in_no_batch(applier: Applier, send: Send, kubectl: Kubectl) -> None:
    running, gate = await take_both_slots(send, kubectl)
    waiting = {name: send(name) for name in ("c", "gone", "d")}
    await asyncio.sleep(0.02)
    applier.forget(CRKey("samples", "demo", "gone"))
    gate.set()
    await asyncio.gather(*running, waiting["c"], waiting["d"])
    assert kubectl.runs[2:] == [["c", "d"]]
    assert waiting["gone"].cancelled()


async def test_what_waits_for_a_cr_that_asks_for_something_else_is_withdrawn_and_what_is_begun_is_not(
    applier: Applier, send: Send, kubectl: Kubectl
) -> None:
    running, gate = await take_both_slots(send, kubectl)
    waiting = {name: send(name) for name in ("c", "other", "d")}
    await asyncio.sleep(0.02)
    for name in ("a", "other"):
        applier.withdraw(CRKey("samples", "demo", name))
    with pytest.raises(Withdrawn):
        await waiting["other"]
    gate.set()
    await asyncio.gather(*running, waiting["c"], waiting["d"])
    assert kubectl.runs == [["a"], ["b"], ["c", "d"]]
    assert kubectl.killed == 0


async def test_who_asks_for_something_else_while_kubectl_is_held_up_at_it_is_not_begun_anew(
    applier: Applier, send: Send, kubectl: Kubectl
) -> None:
    kubectl.slow = dict.fromkeys(("a", "b", "c"), 0.5)
    kubectl.hanging = {"a", "b", "c"}
    stuck = [send(name) for name in "ab"]
    await asyncio.sleep(0.1)
    assert len(stuck) == SPARE
    held_up = send("c")
    await asyncio.sleep(0.02)
    applier.withdraw(CRKey("samples", "demo", "c"))
    with pytest.raises(Withdrawn):
        await held_up
    await asyncio.gather(*stuck)
    assert kubectl.runs == [["a"], ["b"], ["c"]]


HELD_UP = {"hanging": {"x"}, "slow": {"x": 1.0}}


@pytest.mark.parametrize(
    ("trouble", "withdrawn"),
    [
        (HELD_UP, "x"),
        (HELD_UP, "z"),
        ({"refused": {"y": ApplyFailed("no", terminal=True)}}, "y"),
        ({"unbuildable": {"x": "it names no folder"}}, "x"),
        ({"unbuildable": {"x": "accumulating resources from '../../samples/demo/x': no"}}, "x"),
        ({"unbuildable": {"x": "accumulating resources from '../../samples/demo/x': no"}}, "z"),
    ],
    ids=["at the hold-up", "behind it", "refused", "in a half", "named", "beside who is named"],
)
async def test_who_asks_for_something_else_is_not_begun_anew_after_a_batch_that_failed(
    applier: Applier, send: Send, kubectl: Kubectl, trouble: dict[str, Any], withdrawn: str
) -> None:
    vars(kubectl).update(trouble)
    running, gate = await take_both_slots(send, kubectl)
    batch = {name: send(name) for name in "xyz"}
    await asyncio.sleep(0.02)
    gate.set()
    await asyncio.gather(*running)
    assert kubectl.runs[2:] == [["x", "y", "z"]]
    applier.withdraw(CRKey("samples", "demo", withdrawn))
    found = await outcome(batch)
    assert found[withdrawn] == f"samples/{withdrawn} in demo asks for something else by now"
    assert {name for run in kubectl.runs[3:] for name in run} <= {*batch} - {withdrawn}
    assert all(isinstance(answer, list) or name in "xy" for name, answer in found.items() if name != withdrawn)


async def test_nothing_is_held_against_the_next_cr_of_a_name(applier: Applier, send: Send, kubectl: Kubectl) -> None:
    kubectl.refused["bad"] = ApplyFailed("no", terminal=True)
    kubectl.gate = asyncio.Event()
    running = [send("bad"), send("b")]
    await asyncio.sleep(0.02)
    applier.forget(CRKey("samples", "demo", "bad"))
    kubectl.gate.set()
    await asyncio.gather(*running, return_exceptions=True)
    await asyncio.sleep(0.05)
    kubectl.refused.clear()
    assert set(await burst(send, kubectl, "x", "bad", "y")) == {"x", "bad", "y"}


async def test_a_repair_goes_before_what_is_new(applier: Applier, send: Send, kubectl: Kubectl) -> None:
    kubectl.gate = asyncio.Event()
    tasks = [send("first"), send("second")]
    await asyncio.sleep(0.02)
    tasks += [send("new")]
    await asyncio.sleep(0)
    tasks += [asyncio.create_task(applier.apply(overlay("drifted"), list, is_repair=True))]
    await asyncio.sleep(0.02)
    kubectl.gate.set()
    await asyncio.gather(*tasks)
    assert kubectl.runs[2] == ["drifted", "new"]


async def test_how_long_kubectl_has_been_at_it_does_not_count_the_wait(
    applier: Applier, send: Send, kubectl: Kubectl
) -> None:
    kubectl.gate = asyncio.Event()
    sent = [send(name) for name in "abc"]
    await asyncio.sleep(0.05)
    a, b, c = (applier.seconds_under_way(overlay(name).key) for name in "abc")
    assert min(a, b) > 0.03
    assert c == 0, "both slots are taken"
    kubectl.gate.set()
    await asyncio.gather(*sent)
    assert applier.seconds_under_way(overlay("a").key) == 0


async def test_a_drifted_object_that_is_refused_is_not_hidden_by_a_new_one_that_lands(
    applier: Applier, send: Send, kubectl: Kubectl
) -> None:
    """One object of the CR is there at this revision, and only drifted; the other is new."""
    shown = 1

    def landed() -> list[dict[str, Any]]:
        return [live(key) for key in overlay("d").objects[:shown]]

    busy, gate = await take_both_slots(send, kubectl)
    kubectl.refused["d"] = ApplyFailed("d-a is denied", terminal=True)
    drifted, other = asyncio.create_task(applier.apply(overlay("d"), landed, is_repair=True)), send("e")
    await asyncio.sleep(0.02)
    gate.set()
    await asyncio.gather(*busy)
    shown = 2
    found = await outcome({"d": drifted, "e": other})
    assert found == {"d": "d-a is denied", "e": ["e-a", "e-b"]}
    assert kubectl.runs[-1] == ["d"], "asked alone"


# --- slots -----------------------------------------------------------------------------------------------------------


async def test_single_ones_that_hang_block_nobody(send: Send, kubectl: Kubectl) -> None:
    hanging = [f"hang{i}" for i in range(SLOTS + SPARE + 2)]
    kubectl.slow = dict.fromkeys(hanging, 1.0)
    tasks = {}
    for name in hanging:
        tasks[name] = send(name)
        await asyncio.sleep(0.1)
    async with asyncio.timeout(0.1):
        await send("good")
    assert kubectl.killed == len(hanging) - SPARE, "all that found no spare were put into the lone lane"
    assert all(isinstance(answer, list) for answer in (await outcome(tasks)).values())


async def test_a_single_one_that_finds_no_spare_is_applied_in_the_lone_lane(send: Send, kubectl: Kubectl) -> None:
    kubectl.slow = {"slow0": 0.3, "slow1": 0.3, "late0": 0.4, "late1": 0.4}
    tasks = {name: send(name) for name in ("slow0", "slow1")}
    await asyncio.sleep(0.1)
    tasks |= {name: send(name) for name in ("late0", "late1")}
    await asyncio.sleep(0.1)
    assert kubectl.killed == 2
    assert len(kubectl.runs) == 4 + 1, "one at a time"
    found = await outcome(tasks)
    assert all(isinstance(answer, list) for answer in found.values()), found
    assert sorted(kubectl.runs[4:]) == [["late0"], ["late1"]]


async def test_a_batch_that_pauses_is_not_broken_off(send: Send, kubectl: Kubectl) -> None:
    kubectl.slow["b"] = 0.09  # more than STALL, and less than HELD_UP_AFTER more
    await burst(send, kubectl, "a", "b", "c")
    assert kubectl.killed == 0


async def test_a_batch_that_gets_on_again_gets_its_slot_back(
    send: Send, kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"BATCH": 8, "BATCH_LEAST": 8, "HELD_UP_AFTER": 9.0}.items():
        monkeypatch.setattr(appliers, name, value)
    pausing = [f"p{i}" for i in range(8)]
    kubectl.slow = dict.fromkeys(pausing, 0.05) | {"p1": 0.15}
    tasks = await busy_batch(send, kubectl, pausing)
    others = [f"o{i}" for i in range(32)]
    kubectl.slow |= dict.fromkeys(others, 0.03)
    tasks |= {name: send(name) for name in ("first", *others)}
    await asyncio.sleep(0.14)
    assert kubectl.at_once == SLOTS + 1, "others have its slot while it pauses"
    await asyncio.sleep(0.18)
    assert kubectl.at_once == SLOTS
    await outcome(tasks)
    assert kubectl.most_at_once == SLOTS + 1
    assert kubectl.killed == 0


async def test_looks_that_come_late_are_not_held_against_a_batch(send: Send, kubectl: Kubectl) -> None:
    """This process had no processor: the batch may have got on all the same."""
    loop = cast("VirtualTime", asyncio.get_running_loop())

    async def take_the_processor() -> None:
        while True:
            await asyncio.sleep(0.015)
            loop.now += 0.1

    kubectl.slow = {"a": 0.03, "slow": 2.0}
    tasks = await busy_batch(send, kubectl, ["a", "slow", "b"])
    taking = asyncio.create_task(take_the_processor())
    await outcome(tasks)
    taking.cancel()
    assert kubectl.killed == 0


async def test_those_that_cannot_be_seen_have_their_time_between_others(
    send: Send, kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(appliers, "STALL_UNSEEN", 0.1)
    names = [f"n{i}" for i in range(6)]
    kubectl.cluster = set(names)
    kubectl.slow = dict.fromkeys(names, 0.08)
    await burst(send, kubectl, "new", *names, "newer")
    assert kubectl.killed == 0


# --- the lone lane ---------------------------------------------------------------------------------------------------


async def make_suspects(send: Send, kubectl: Kubectl, *names: str) -> None:
    """Have them refused, once; the lone lane has rested from that."""
    for name in names:
        kubectl.refused[name] = ApplyFailed("no", terminal=True)
        await outcome({name: send(name)})
        del kubectl.refused[name]
    await asyncio.sleep(1)
    kubectl.runs.clear()


async def test_the_lone_lane_goes_on_when_it_has_rested(
    send: Send, kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_suspects(send, kubectl, "bad0", "bad1", "bad2")
    monkeypatch.setattr(appliers, "SLOW", 9.0)
    kubectl.slow["busy"] = 5.0
    busy = send("busy")
    await asyncio.sleep(0.01)
    async with asyncio.timeout(1):
        await outcome({name: send(name) for name in ("bad0", "bad1", "bad2")})
    assert not busy.done(), "nobody else has woken it"
    await busy


async def test_those_who_wait_go_before_a_lone_lane_that_has_to_rest(
    send: Send, kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slots, "LONE_SHARE", 0.001)
    kubectl.refused = {name: ApplyFailed("no", terminal=True) for name in ("before", "bad")}
    for _ in range(2):
        await outcome({"before": send("before")})
    kubectl.cluster = {"asked"}
    await burst(send, kubectl, "bad", "asked")
    assert kubectl.runs[1:] == [["asked"], ["bad"]], "also where no slot is taken"


async def test_a_repair_of_a_suspect_does_not_go_before_other_suspects(
    applier: Applier, send: Send, kubectl: Kubectl
) -> None:
    await make_suspects(send, kubectl, "drifted0", "drifted1", "mended")
    drifted = {name: ApplyFailed("no", terminal=True) for name in ("drifted0", "drifted1")}
    kubectl.refused |= drifted

    async def repair(name: str) -> None:
        while True:
            with pytest.raises(ApplyFailed):
                await applier.apply(overlay(name), list, is_repair=True)

    repairing = [asyncio.create_task(repair(name)) for name in drifted]
    await asyncio.sleep(0.003)
    async with asyncio.timeout(1):
        await send("mended")
    for task in repairing:
        task.cancel()


async def test_where_kubectl_is_slow_nobody_is_suspected_of_it(send: Send, kubectl: Kubectl) -> None:
    names = [f"n{i}" for i in range(10)]
    kubectl.slow = dict.fromkeys(["first", "second", *names], 0.08)  # more than SLOW
    for name in names:
        await outcome({name: send(name)})
    await burst(send, kubectl, *names[1:])
    assert await is_suspected(send, kubectl, "n0"), "there was nothing yet to compare it with"
    await burst(send, kubectl, *names)


async def is_suspected(send: Send, kubectl: Kubectl, name: str) -> bool:
    """Whether it is applied alone though others wait with it."""
    kubectl.gate = asyncio.Event()
    tasks = {one: send(one) for one in ("first", "second", "x", name, "y")}
    await asyncio.sleep(0.02)
    kubectl.runs.clear()
    kubectl.gate.set()
    await outcome(tasks)
    return [name] in kubectl.runs


@pytest.mark.parametrize(("seconds", "is_suspect"), [(0.15, False), (0.3, True)])
async def test_who_is_much_slower_than_the_others_is_suspected(
    send: Send, kubectl: Kubectl, seconds: float, is_suspect: bool
) -> None:
    kubectl.slow = {"a": 0.1, "b": 0.5, "c": 0.1, "slow": seconds}
    for name in kubectl.slow:
        await outcome({name: send(name)})
    assert await is_suspected(send, kubectl, "slow") == is_suspect


async def test_a_slow_one_is_not_compared_with_itself(send: Send, kubectl: Kubectl) -> None:
    await outcome({"a": send("a")})
    kubectl.slow["slow"] = 0.1
    for _ in range(10):
        await outcome({"slow": send("slow")})
    assert await is_suspected(send, kubectl, "slow")


# --- who is to blame -------------------------------------------------------------------------------------------------


async def test_what_a_webhook_says_is_not_taken_for_the_name_of_a_folder(send: Send, kubectl: Kubectl) -> None:
    text = "denied: '/samples/demo/a', accumulating resources from '../../samples/demo/a'"
    kubectl.refused["bad"] = ApplyFailed(text, terminal=True)
    kubectl.cluster = {"a", "b"}  # nobody can tell of these; of the other nothing lands
    kubectl.hanging = {"bad"}
    await burst(send, kubectl, "bad", "a", "b")
    assert sorted(kubectl.runs[1:]) == [["a", "b"], ["bad"]]
    assert kubectl.builds == 1


@pytest.mark.parametrize("folder", ["../../gadgets/demo/a", "../../samples/other/a", "../../samples/demo/aa"])
async def test_the_folder_of_another_is_not_taken_for_a_crs_own(send: Send, kubectl: Kubectl, folder: str) -> None:
    kubectl.unbuildable["bad"] = f"accumulating resources from '{folder}': no such file"
    found = await burst(send, kubectl, "a", "b", "c", "bad")
    assert found.pop("bad") == kubectl.unbuildable["bad"]
    assert ["a", "b"] in kubectl.runs, "halved"


async def test_kustomize_is_not_asked_why_where_something_has_landed(send: Send, kubectl: Kubectl) -> None:
    kubectl.refused["bad"] = ApplyFailed("no", terminal=True)
    await burst(send, kubectl, "a", "bad")
    assert kubectl.builds == 0


async def test_who_is_parted_from_a_broken_folder_goes_with_those_who_wait(
    send: Send, kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(appliers, "SLOW", 9.0)
    kubectl.unbuildable["bad"] = "accumulating resources from '../../samples/demo/bad': no such file"
    kubectl.slow = {"second": 0.3, "next": 0.05}
    kubectl.gate = asyncio.Event()
    tasks = {"first": send("first"), "second": send("second")}
    await asyncio.sleep(0.02)
    tasks |= {name: send(name) for name in ("a", "bad", "b")}
    await asyncio.sleep(0.02)
    kubectl.gate.set()
    await outcome({"first": tasks["first"]})
    tasks |= {"next": send("next")}
    await asyncio.sleep(0.02)
    assert kubectl.runs[2:] == [["a", "bad", "b"], ["next"]]
    tasks |= {"last": send("last")}
    await outcome(tasks)
    assert ["a", "b", "last"] in kubectl.runs


async def test_who_is_whole_is_told_so_though_the_server_is_gone_since(send: Send, kubectl: Kubectl) -> None:
    gone = ApplyFailed("the server is gone", terminal=False, unreachable=True)
    kubectl.refused = {"c": gone, "d": gone}
    found = await burst(send, kubectl, "a", "b", "c", "d")
    assert found == {"a": ["a-a", "a-b"], "b": ["b-a", "b-b"], "c": str(gone), "d": str(gone)}
    kubectl.refused.clear()
    await burst(send, kubectl, "c", "d")


async def test_nothing_is_waited_for_after_a_hold_up(
    send: Send, kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(appliers, "LANDING", 9.0)
    kubectl.slow["slow"] = 1.0
    async with asyncio.timeout(2):
        await burst(send, kubectl, "a", "slow", "b", "c")
    assert kubectl.killed == 1


async def test_what_lands_late_is_waited_for_after_a_time_out(
    send: Send, kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(appliers, "BATCH_TIMEOUT", 0.2)
    names = [f"n{i}" for i in range(8)]
    kubectl.slow = dict.fromkeys(names, 0.04)
    kubectl.visible = set()

    async def show_late() -> None:
        """Each is seen 0.06 s after it was applied, or more."""
        while True:
            applied = set(kubectl.cluster)
            await asyncio.sleep(0.06)
            kubectl.visible = applied

    showing = asyncio.create_task(show_late())
    found = await burst(send, kubectl, *names)
    showing.cancel()
    assert all(isinstance(answer, list) for answer in found.values()), found
    assert kubectl.runs[1:] == [names[4:]], "the first four had landed"


# --- CRs that are gone -----------------------------------------------------------------------------------------------


async def test_what_is_applied_alone_for_a_cr_that_is_gone_is_killed(
    applier: Applier, send: Send, kubectl: Kubectl
) -> None:
    kubectl.slow["x"] = 5.0
    for seconds in (0.02, 0.2):  # before and after it has given its slot to others
        old = send("x")
        await asyncio.sleep(seconds)
        applier.forget(overlay("x").key)
        await asyncio.sleep(0.001)
        assert old.cancelled()
        assert kubectl.at_once == 0
    assert kubectl.killed == 2
    kubectl.slow.clear()
    assert await outcome({"x": send("x")}) == {"x": ["x-a", "x-b"]}


async def test_another_cr_of_a_name_waits_until_kubectl_is_through_with_the_first(
    applier: Applier, send: Send, kubectl: Kubectl
) -> None:
    kubectl.slow = {"a": 0.05, "x": 0.05, "b": 0.05}
    tasks = await busy_batch(send, kubectl, ["a", "x", "b"])
    applier.forget(overlay("x").key)
    another = send("x")
    await send("c")
    assert kubectl.runs[-2:] == [["a", "x", "b"], ["c"]], "the other slot is free"
    await outcome({"a": tasks["a"], "b": tasks["b"], "another": another})
    assert kubectl.runs[-1] == ["x"]
    assert kubectl.most_at_once == SLOTS
    assert kubectl.killed == 0


async def test_what_was_applied_slowly_is_not_held_against_another_cr_of_its_name(
    applier: Applier, send: Send, kubectl: Kubectl
) -> None:
    """It is gone at the very end: in each of the next steps of the event loop."""
    real, ended = kubectl.apply, asyncio.Event()

    async def apply(folder: Path, *, size: int, timeout: float) -> list[dict[str, Any]]:  # noqa: ASYNC109
        objects = await real(folder, size=size, timeout=timeout)
        ended.set()
        return objects

    kubectl.apply = apply  # type: ignore[method-assign]
    for steps in range(8):
        kubectl.slow["x"] = 0.1
        ended.clear()
        old = send("x")
        await ended.wait()
        for _ in range(steps):
            await asyncio.sleep(0)
        applier.forget(overlay("x").key)
        await asyncio.gather(old, return_exceptions=True)
        kubectl.slow.clear()
        await burst(send, kubectl, "a", "x", "b")


async def test_closing_leaves_no_timer(applier: Applier, send: Send, kubectl: Kubectl) -> None:
    await make_suspects(send, kubectl, "bad0", "bad1")
    await send("bad0")
    sent = [send("a"), send("bad1")]
    await asyncio.sleep(0)
    assert kubectl.runs == [["bad0"]], "one has not begun yet, and the lone lane rests"
    await applier.close()
    await asyncio.gather(*sent, return_exceptions=True)
    loop = cast("Any", asyncio.get_running_loop())
    assert [timer for timer in loop._scheduled if not timer.cancelled()] == []
