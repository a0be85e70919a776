import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from nuvop import workqueue
from nuvop.workqueue import WorkQueue
from tests.unit.virtual_time import VirtualTime

LOOP = VirtualTime


class Work:
    """Records the runs of each key; a run lasts until it is let go."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.ended: list[str] = []
        self.running: set[str] = set()
        self.gate = asyncio.Event()
        self.gate.set()
        self.errors: list[Exception] = []

    async def __call__(self, key: str) -> None:
        assert key not in self.running, "two runs of one key at once"
        self.started.append(key)
        self.running.add(key)
        try:
            await asyncio.sleep(0)
            await self.gate.wait()
            if self.errors:
                raise self.errors.pop(0)
            self.ended.append(key)
        finally:
            self.running.discard(key)


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
async def queue(work: Work) -> AsyncIterator[WorkQueue[str]]:
    made: WorkQueue[str] = WorkQueue(work)
    yield made
    await made.close(0)


async def settle(seconds: float = 0.02) -> None:
    await asyncio.sleep(seconds)


async def test_an_added_key_runs_once(work: Work, queue: WorkQueue[str]) -> None:
    queue.add("a")
    await settle()
    assert work.ended == ["a"]


async def test_three_adds_during_a_run_are_one_more_run_after_it(work: Work, queue: WorkQueue[str]) -> None:
    work.gate.clear()
    queue.add("a")
    await settle()
    for _ in range(3):
        queue.add("a")
    await settle()
    assert work.started == ["a"], "the second run waits for the first"
    work.gate.set()
    await settle()
    assert work.ended == ["a", "a"]


async def test_an_add_before_the_first_step_of_a_run_is_not_lost(work: Work, queue: WorkQueue[str]) -> None:
    queue.add("a")
    queue.add("a")
    await settle(0.5)
    assert work.ended == ["a", "a"], "what the second add tells may have come after the first run looked"


async def test_keys_run_in_parallel(work: Work, queue: WorkQueue[str]) -> None:
    work.gate.clear()
    for key in "abc":
        queue.add(key)
    await settle()
    assert work.running == {"a", "b", "c"}
    work.gate.set()


async def test_a_delayed_key_waits(work: Work, queue: WorkQueue[str]) -> None:
    queue.add("a", 0.15)
    await settle(0.05)
    assert work.started == []
    await settle(0.2)
    assert work.ended == ["a"]


@pytest.mark.parametrize("delays", [(0.05, 30.0), (30.0, 0.05)])
async def test_the_earlier_time_wins(work: Work, queue: WorkQueue[str], delays: tuple[float, float]) -> None:
    for delay in delays:
        queue.add("a", delay)
    await settle(0.15)
    assert work.ended == ["a"]


async def test_two_delays_are_one_run(work: Work, queue: WorkQueue[str]) -> None:
    queue.add("a", 0.05)
    queue.add("a", 0.02)
    queue.add("a", 0.08)
    await settle(0.2)
    assert work.ended == ["a"]


async def test_an_immediate_add_takes_the_place_of_a_delayed_one(work: Work, queue: WorkQueue[str]) -> None:
    queue.add("a", 0.05)
    queue.add("a")
    await settle(0.15)
    assert work.ended == ["a"]


async def test_delays_are_per_key(work: Work, queue: WorkQueue[str]) -> None:
    queue.add("a", 30)
    queue.add("b", 0.02)
    await settle(0.1)
    assert work.ended == ["b"]


async def test_a_delay_that_ends_during_a_run_runs_once_more(work: Work, queue: WorkQueue[str]) -> None:
    work.gate.clear()
    queue.add("a")
    await settle()
    queue.add("a", 0.03)
    await settle(0.1)
    assert work.started == ["a"]
    work.gate.set()
    await settle()
    assert work.ended == ["a", "a"]


async def test_a_run_may_add_its_own_key(queue: WorkQueue[str]) -> None:
    runs: list[str] = []

    async def again(key: str) -> None:
        runs.append(key)
        if len(runs) < 3:
            own.add(key, 0.01)

    own: WorkQueue[str] = WorkQueue(again)
    own.add("a")
    await settle(0.15)
    assert runs == ["a", "a", "a"]
    await own.close(0)


async def test_an_error_is_logged_and_the_key_tried_again(
    work: Work, queue: WorkQueue[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(workqueue, "PANIC_DELAY", 0.1)
    work.errors = [ValueError("not foreseen")]
    queue.add("a")
    await settle(0.04)
    assert (work.started, work.ended) == (["a"], []), "not at once, or an error would burn the CPU"
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage().startswith("a: ")
    assert record.exc_text is not None
    assert "not foreseen" in record.exc_text
    await settle(0.15)
    assert work.ended == ["a"]


async def test_an_error_in_one_key_leaves_the_others(work: Work, queue: WorkQueue[str]) -> None:
    work.errors = [ValueError()]
    queue.add("a")
    queue.add("b")
    await settle()
    assert work.ended == ["b"]


async def test_an_add_during_a_run_that_fails_runs_at_once(work: Work, queue: WorkQueue[str]) -> None:
    work.gate.clear()
    work.errors = [ValueError()]
    queue.add("a")
    await settle()
    queue.add("a")
    work.gate.set()
    await settle()
    assert work.ended == ["a"], "it was asked for anew: there is something new to see"


async def test_closing_lets_what_runs_end_in_its_grace(work: Work, queue: WorkQueue[str]) -> None:
    work.gate.clear()
    queue.add("a")
    await settle()
    closing = asyncio.create_task(queue.close(5))
    await settle()
    assert not closing.done()
    work.gate.set()
    await asyncio.wait_for(closing, 1)
    assert work.ended == ["a"]


async def test_closing_cancels_what_is_late_and_waits_for_its_end() -> None:
    ended: list[str] = []

    async def stubborn(key: str) -> None:
        try:
            await asyncio.sleep(30)
        finally:
            await asyncio.sleep(0.05)
            ended.append(key)

    queue: WorkQueue[str] = WorkQueue(stubborn)
    queue.add("a")
    queue.add("b")
    await settle()
    loop = asyncio.get_running_loop()
    began = loop.time()
    await queue.close(0.1)
    assert sorted(ended) == ["a", "b"]
    assert 0.1 <= loop.time() - began < 1


async def test_nothing_starts_after_closing(work: Work, queue: WorkQueue[str]) -> None:
    work.gate.clear()
    queue.add("running")
    queue.add("delayed", 0.5)  # a busy machine does not get to closing before a shorter one
    await settle()
    queue.add("running")  # once more after this run
    closing = asyncio.create_task(queue.close(5))
    await settle()
    queue.add("late")
    queue.add("late too", 0.01)
    work.gate.set()
    await closing
    await settle(0.6)
    assert work.started == ["running"]


async def test_an_idle_queue_does_nothing(work: Work, queue: WorkQueue[str]) -> None:
    queue.add("a")
    queue.add("b", 30)
    await settle()
    loop = asyncio.get_running_loop()
    steps = 0
    real = loop.call_soon

    def counted(*args: object, **more: object) -> asyncio.Handle:
        nonlocal steps
        steps += 1
        return real(*args, **more)  # type: ignore[arg-type]

    loop.call_soon = counted  # type: ignore[method-assign]
    await settle(0.2)
    assert steps < 5
    assert asyncio.all_tasks() == {asyncio.current_task()}, "no task is left of a run that has ended"


async def test_a_key_that_is_added_again_and_again_does_not_starve_others(work: Work, queue: WorkQueue[str]) -> None:
    queue.add("a")
    for _ in range(200):
        queue.add("a")
        await asyncio.sleep(0)
        if work.started[-1:] == ["b"]:
            break
        queue.add("b")
    assert "b" in work.started
