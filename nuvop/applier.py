"""Group commit: whatever overlays wait are applied by one `kubectl apply -k` of a kustomization that lists them.

    apply(overlay) ──▶ waiting ──▶ batch ──▶ kubectl ──▶ each CR's own objects, or its own error
                          ▲                    │
                          └── innocent ────────┤ failed
                       lone lane ◀── suspect ──┘

There is no artificial wait: while all slots are busy, overlays gather; one that comes alone goes alone, at once.

A batch that fails says little: kubectl's errors name no object that could be relied upon. So the watch is asked which
CRs have landed as a whole. The others are suspects: each is applied alone, gets its own error, and stays in the lone
lane until that works. The lone lane takes one slot at most, and a small share of its time while others are at work. Who
does not get on, because of a slow webhook say, needs no processor: others get the slot, the next of the lone lane, too
(`nuvop.slots`). So whatever is wrong with one CR hardly delays another.
"""

import asyncio
import functools
import itertools
import logging
import math
from collections import deque
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from nuvop import batches
from nuvop import overlay as overlays
from nuvop.batches import Job, Landed
from nuvop.errors import ApplyFailed, BuildFailed, KubectlCrashed, KubectlError, KubectlTimeout, NuvopError, WriteFailed
from nuvop.kubectl import Kubectl
from nuvop.metrics import ApplyResult, Metrics
from nuvop.objects import Body, CRKey, key_of
from nuvop.overlay import Overlay
from nuvop.slots import SLOTS, Slots

logger = logging.getLogger(__name__)

FOLDER = ".batches"

BATCH = 50
"""CRs in one process: kustomize's time grows faster than their number."""

BATCH_LEAST = 12
"""No batch is made smaller than this so that another slot gets some: to start kubectl costs more than that saves."""

BATCH_SIZE = 4 * 1024 * 1024
"""Bytes that kustomize may make of one batch."""

BATCH_TIMEOUT = 20.0
SINGLE_TIMEOUT = 60.0
"""Seconds until kubectl is killed."""

STALL_FIRST = 5.0
STALL = 0.5
"""Seconds without another object of a batch landing, before the first and after it, until others get its slot."""

STALL_UNSEEN = 0.2
"""Seconds more for each CR that cannot be seen to land, because all of it is there already."""

HELD_UP_AFTER = 0.75
"""Seconds more until the batch is taken for held up by the CR whose turn it is: a webhook that takes its time, say."""

LOOK_EVERY = 0.25
"""Seconds between two looks at what a running batch has landed."""

LANDING = 0.5
"""Seconds that the watch gets to show what a process has applied that has ended."""

LANDING_EVERY = 0.1
"""Seconds between two looks at that."""

SLOW = 1.5
"""Seconds after which the apply of a single CR is slow, unless kubectl as such is."""

SLOWER = 2.0
"""How many times as long as the quickest of others it has to take for that."""

OTHERS = 5
"""How many applies of single CRs are remembered to compare with: the latest that worked."""

REMOVE_AGAIN = 5.0
"""Seconds until a batch's folder is removed that could not be."""


@dataclass(frozen=True, eq=False)
class Work:
    """What one kubectl has to do: a batch, or a single job, of the lone lane or not."""

    jobs: Sequence[Job]
    begun: float
    is_lone: bool = False

    def is_of(self, key: CRKey) -> bool:
        """Whether a CR is among those that it applies."""
        return any(job.overlay.key == key for job in self.jobs)


class HeldUp(KubectlError):
    """kubectl made no progress, and was killed."""


class Withdrawn(NuvopError):
    """Something else is wanted by now, and kubectl had not begun, or would have to begin anew."""


class Abandoned(KubectlError):
    """Nobody waits any more for what was being applied, and kubectl was killed."""


class Applier:
    """Applies overlays, many at a time."""

    def __init__(self, kubectl: Kubectl, generated: Path, metrics: Metrics) -> None:
        """``generated`` is where overlays stand; batches are put beside them."""
        self._kubectl = kubectl
        self._metrics = metrics
        self._generated = generated
        self._waiting: deque[Job] = deque()
        self._halves: deque[Sequence[Job]] = deque()
        self._lone: deque[Job] = deque()
        self._lone_timer: asyncio.TimerHandle | None = None
        self._suspects: set[CRKey] = set()
        self._latest: deque[tuple[CRKey, float]] = deque(maxlen=OTHERS)
        """How many seconds the latest single CRs took that worked."""
        self._slots: Slots[Work] = Slots(_now)
        self._tasks: dict[asyncio.Task[None], Work] = {}
        self._batches = itertools.count()
        self._is_draining = False

    async def apply(self, overlay: Overlay, landed: Landed, *, is_repair: bool = False) -> list[Body]:
        """Apply an overlay that has been written; return its live objects, managedFields and all.

        ``landed`` is asked what of it is there when kubectl cannot tell. A repair goes before what is new: somebody
        relies on what it puts back.
        Raises ApplyFailed, KubectlTimeout or another KubectlError with what is wrong with this very overlay, and
        Withdrawn where the CR asks for something else before its turn has come, or would have to come again.
        """
        job = Job(overlay, landed, asyncio.get_running_loop().create_future(), _now(), is_repair)
        if overlay.key in self._suspects:
            self._lone.append(job)
        elif is_repair:
            self._waiting.appendleft(job)
        else:
            self._waiting.append(job)
        with self._metrics.stage("apply"):
            self._fill_slots()
            return await job.done

    def forget(self, key: CRKey) -> None:
        """Take in that a CR is gone: what waits to be applied for it is abandoned, and so is kubectl at it alone.

        Its overlay is about to go, and a batch with it could not be built; another CR of its name starts anew.
        """
        self._suspects.discard(key)
        waiting = itertools.chain(self._waiting, self._lone, *self._halves, *(w.jobs for w in self._tasks.values()))
        _abandon(job for job in waiting if job.overlay.key == key)

    def withdraw(self, key: CRKey) -> None:
        """Take in that a CR asks for something else by now: what waits for its turn ends in `Withdrawn`.

        What is with kubectl is brought to its end, and does not wait for another turn after that.
        """
        begun = itertools.chain.from_iterable(work.jobs for work in self._tasks.values())
        for job in (job for job in begun if job.overlay.key == key):
            job.is_withdrawn = True
        _withdraw(job for job in itertools.chain(self._waiting, self._lone, *self._halves) if job.overlay.key == key)

    def seconds_under_way(self, key: CRKey) -> float:
        """For how many seconds a CR's overlay has been with kubectl; 0 while it waits for its turn."""
        return max((_now() - work.begun for work in self._tasks.values() if work.is_of(key)), default=0.0)

    def drain(self) -> None:
        """Begin nothing new: what is with kubectl may end; what waits, or is still to come, is abandoned."""
        self._is_draining = True
        self._fill_slots()

    async def close(self) -> None:
        """Kill what runs, and begin nothing new."""
        self.drain()
        running = list(self._tasks)
        for work in self._tasks.values():
            _abandon(work.jobs)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        self._set_lone_timer(None)

    # --- slots ----------------------------------------------------------------------------------------------------

    def _fill_slots(self) -> None:
        if self._is_draining:
            for jobs in (self._waiting, self._lone, *self._halves):
                _abandon(jobs)
        while self._slots.has_free and (work := self._next()):
            self._slots.enter(work)
            self._note_turns(work)
            task = asyncio.create_task(self._do(work))
            self._tasks[task] = work
            task.add_done_callback(self._tasks.pop)
        self._set_lone_timer(self._lone_rest() if self._lone and self._slots.has_free else None)

    def _note_turns(self, work: Work) -> None:
        for job in work.jobs:
            if not job.has_begun:
                job.has_begun = True
                self._metrics.turn_came(work.begun - job.since)

    def _set_lone_timer(self, rest: float | None) -> None:
        """Wake the lone lane when it has rested: it may be that nobody else does."""
        if self._lone_timer is not None:
            self._lone_timer.cancel()
        self._lone_timer = asyncio.get_running_loop().call_later(rest, self._fill_slots) if rest else None

    def _lone_rest(self) -> float | None:
        return self._slots.lone_rest(is_contended=bool(self._waiting or self._halves))

    def _next(self) -> Work | None:
        for lane in (self._waiting, self._lone):
            _drop_abandoned(lane)
        return self._next_lone() or self._next_batch()

    def _next_lone(self) -> Work | None:
        ready = self._ready(self._lone)
        if not ready or self._lone_rest() != 0:
            return None
        self._lone.remove(ready[0])
        return Work(ready[:1], _now(), is_lone=True)

    def _next_batch(self) -> Work | None:
        while self._halves:
            if half := [job for job in self._halves.popleft() if not job.done.done()]:
                return Work(half, _now())
        ready = self._ready(self._waiting)
        # Those that wait are shared out among the slots that are free, or soon will be.
        busy = sum(len(work.jobs) > 1 for work in self._slots.holders)
        most = min(max(math.ceil(len(ready) / (SLOTS - busy)), BATCH_LEAST), BATCH)
        sizes = itertools.accumulate(job.overlay.size for job in ready)
        batch = [job for job, size in zip(ready[:most], sizes, strict=False) if job is ready[0] or size <= BATCH_SIZE]
        for job in batch:
            self._waiting.remove(job)
        return Work(batch, _now()) if batch else None

    def _ready(self, lane: Iterable[Job]) -> list[Job]:
        """Those that may start: kubectl may still be at a batch with a CR of the same name that is gone."""
        under_way = {job.overlay.key for work in self._slots.running for job in work.jobs}
        return [job for job in lane if job.overlay.key not in under_way]

    async def _do(self, work: Work) -> None:
        """Run one kubectl, and hand out what came of it; whatever happens, every job is answered or waits again."""
        try:
            with self._metrics.applying(len(work.jobs)):
                failure = await self._run(work)
            seconds = _now() - work.begun
            if failure is not None:
                await self._sort_out(work, failure)
            landed = sum(_has_worked(job) for job in work.jobs)
            result: ApplyResult = "applied" if landed == len(work.jobs) else "partly" if landed else "failed"
            self._metrics.batch_applied(result, seconds, len(work.jobs))
        except Exception as error:
            _fail(work.jobs, error)

    async def _run(self, work: Work) -> KubectlError | None:
        """Run kubectl in a slot; return how it failed, None where it did not."""
        try:
            objects = await (self._apply_single(work) if len(work.jobs) == 1 else self._apply_together(work))
        except KubectlError as error:
            return error
        finally:
            self._slots.leave(work)
            self._fill_slots()
        if len(work.jobs) == 1:
            self._judge(work.jobs[0], _now() - work.begun)
        _hand_out(work.jobs, objects)
        return None

    async def _apply_single(self, work: Work) -> list[Body]:
        (job,) = work.jobs
        folder = overlays.folder(self._generated, job.overlay.key)
        slow = self._slow(job.overlay.key)
        async with self._kubectl_at(folder, job.overlay.size, SINGLE_TIMEOUT) as applying:
            done, _ = await asyncio.wait([applying, job.done], timeout=slow, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                if not self._slots.has_spare and not work.is_lone:
                    raise HeldUp(f"it was not done after {slow:.1f} s")
                self._mark(work, is_stuck=True)
                await asyncio.wait([applying, job.done], return_when=asyncio.FIRST_COMPLETED)
            if not applying.done():
                raise Abandoned(f"nobody waits for {job.overlay.key} any more")
            return await applying

    async def _apply_together(self, work: Work) -> list[Body]:
        for job in work.jobs:
            job.landed_before = len(job.landed())
        folder = self._write_batch(work.jobs)
        size = sum(job.overlay.size for job in work.jobs)
        try:
            async with self._kubectl_at(folder, size, BATCH_TIMEOUT) as applying:
                await self._watch_progress(work, applying)
                return await applying
        finally:
            self._remove_batch(folder)

    @asynccontextmanager
    async def _kubectl_at(self, folder: Path, size: int, seconds: float) -> AsyncIterator["asyncio.Task[list[Body]]"]:
        """kubectl at work on a folder; killed where it is not awaited."""
        applying = asyncio.create_task(self._kubectl.apply(folder, size=size, timeout=seconds))
        try:
            yield applying
        finally:
            applying.cancel()
            await asyncio.gather(applying, return_exceptions=True)

    def _mark(self, work: Work, *, is_stuck: bool) -> None:
        """Give the slot of one that makes no progress to others, and none to others while one does again."""
        self._slots.mark(work, is_stuck=is_stuck)
        self._fill_slots()

    def _slow(self, key: CRKey) -> float:
        """After how many seconds this CR is slow: more where others of late took long, as kubectl as such is slow."""
        others = [seconds for other, seconds in self._latest if other != key]
        return max(SLOW, SLOWER * min(others, default=0.0))

    def _judge(self, job: Job, seconds: float) -> None:
        """Let a single one that works wait with the others next time, unless it takes its time or its CR is gone."""
        key = job.overlay.key
        if seconds < self._slow(key):
            self._suspects.discard(key)
        elif not job.done.done():
            self._suspects.add(key)
        self._latest.append((key, seconds))

    def _write_batch(self, jobs: Sequence[Job]) -> Path:
        """Write a kustomization of all these overlays; return its folder."""
        folder = self._generated / FOLDER / str(next(self._batches))
        try:
            folder.mkdir(mode=0o700, parents=True)
            (folder / "kustomization.yaml").write_text(batches.kustomization([job.overlay.key for job in jobs]))
        except OSError as error:
            self._remove_batch(folder)
            raise WriteFailed(f"{folder} cannot be written: {error.strerror or error}") from error
        return folder

    def _remove_batch(self, folder: Path, *, is_news: bool = True) -> None:
        """Remove a batch's folder; where that fails, because the disk is read-only for a while say, try again later."""
        try:
            overlays.remove_folder(folder)
        except WriteFailed as error:
            if is_news:
                logger.warning("%s; trying again until it works", error)
            again = functools.partial(self._remove_batch, folder, is_news=False)
            asyncio.get_running_loop().call_later(REMOVE_AGAIN, again)

    async def _watch_progress(self, work: Work, applying: "asyncio.Task[list[Body]]") -> None:
        """Return when kubectl has ended; raise HeldUp when nothing more lands."""
        unseen = STALL_UNSEEN * sum(not job.can_be_seen for job in work.jobs)
        landed, stalled, allowed = 0, 0.0, STALL_FIRST + unseen
        while not applying.done():
            looked = _now()
            await asyncio.wait([applying], timeout=LOOK_EVERY)
            now = sum(job.landed_since for job in work.jobs)
            if now > landed:
                landed, stalled, allowed = now, 0.0, STALL + unseen
            elif _now() - looked < 2 * LOOK_EVERY:
                # Looks that come late do not count: this process is what is slow then, the watch with it.
                stalled += LOOK_EVERY
            if stalled > allowed + HELD_UP_AFTER:
                raise HeldUp(f"nothing landed for {stalled:.1f} s")
            self._mark(work, is_stuck=stalled > allowed)

    # --- after a failure ------------------------------------------------------------------------------------------

    async def _sort_out(self, work: Work, failure: KubectlError) -> None:
        """Find out who has landed all the same, who is to blame, and who has to wait again."""
        if len(work.jobs) == 1:
            self._blame(work.jobs[0], failure)
        elif isinstance(failure, HeldUp | KubectlTimeout):
            await self._part_at_hold_up(work.jobs, failure)
        elif isinstance(failure, ApplyFailed) and failure.unreachable:
            # Nobody's fault: they try again together.
            _fail(await self._left(work.jobs, LANDING), failure)
        elif error := await self._words_of_kustomize(work.jobs, failure):
            self._divide([job for job in work.jobs if not job.done.done()], error)
        else:
            left = await self._left(work.jobs, LANDING)
            unseen = [job for job in left if not job.can_be_seen and not job.was_put_back]
            self._suspect(job for job in left if job not in unseen)
            for job in unseen:
                job.was_put_back = True
            self._put_back(unseen)
        _withdraw(job for job in work.jobs if job.is_withdrawn)
        self._fill_slots()

    def _blame(self, job: Job, failure: KubectlError) -> None:
        """Tell a single one what is wrong with it, or have it tried again in the lone lane where it was held up."""
        if job.done.done():
            return  # nobody asks
        if isinstance(failure, HeldUp):
            self._suspect([job])
        else:
            if _is_its_own(failure):
                self._suspects.add(job.overlay.key)
            _fail([job], failure)

    async def _left(self, jobs: Sequence[Job], patience: float) -> list[Job]:
        """Answer those who have landed as a whole; return the others, when for some seconds no more of them lands."""
        seen, deadline = -1, 0.0
        while True:
            left = [job for job in jobs if not job.done.done()]
            whole = [job for job in left if job.can_be_seen and job.is_whole and not job.may_hide_a_refusal]
            for job in whole:
                _answer(job, job.landed())
            left = [job for job in left if job not in whole]
            if (landed := sum(job.landed_since for job in jobs)) > seen:
                seen, deadline = landed, _now() + patience
            if not left or _now() >= deadline:
                return left
            await asyncio.sleep(LANDING_EVERY)

    def _suspect(self, jobs: Iterable[Job]) -> None:
        for job in jobs:
            self._suspects.add(job.overlay.key)
            self._lone.append(job)

    async def _part_at_hold_up(self, jobs: Sequence[Job], failure: KubectlError) -> None:
        """Suspect the one that held up the others, and those before it, whose turn had come; the others wait again."""
        # Nothing has landed for a while where it was held up: there is nothing to wait for.
        left = await self._left(jobs, 0 if isinstance(failure, HeldUp) else LANDING)
        has_landed = any(job.landed_since for job in jobs)
        if not has_landed and any(job.was_stuck for job in left):
            _fail(left, failure)
            return
        # One that lands all the time until its time is over is slow as a whole: the machine is, or the API server.
        suspects = batches.had_their_turn(jobs, is_held_up=isinstance(failure, HeldUp) or not has_landed) & set(left)
        others = [job for job in left if job not in suspects]
        for job in others:
            job.was_stuck = not has_landed
        self._suspect(job for job in left if job in suspects)
        self._put_back(others)

    def _put_back(self, jobs: Sequence[Job]) -> None:
        """Have them go first with what waits."""
        self._waiting.extendleft(reversed(jobs))

    async def _words_of_kustomize(self, jobs: Sequence[Job], failure: KubectlError) -> str:
        """What kustomize says against a batch; empty where it says nothing: something of it has landed, say.

        It is asked only where kubectl's failure is not its words already.
        """
        if any(job.landed_since for job in jobs):
            return ""
        if batches.named(jobs, str(failure)):
            return str(failure)
        folder = self._write_batch(jobs)
        try:
            await self._kubectl.build(folder)
        except (BuildFailed, KubectlCrashed) as error:
            return str(error)
        finally:
            self._remove_batch(folder)
        return ""

    def _divide(self, jobs: Sequence[Job], error: str) -> None:
        """Part those that the error names from the others, or, as it may name none or the wrong one, in two halves."""
        named = batches.named(jobs, error)
        if named and len(named) < len(jobs):
            self._suspect(named)
            self._put_back([job for job in jobs if job not in named])
        else:
            middle = len(jobs) // 2
            self._halves.extend([jobs[:middle], jobs[middle:]])


def _hand_out(jobs: Sequence[Job], objects: Iterable[Body]) -> None:
    """Give each job its own objects."""
    found = {key_of(body): body for body in objects}
    for job in jobs:
        missing = [key for key in job.overlay.objects if key not in found]
        if missing:
            _fail([job], ApplyFailed(f"kubectl apply ended well but did not print {missing[0]}", terminal=False))
        else:
            _answer(job, [found[key] for key in job.overlay.objects])


def _answer(job: Job, objects: Sequence[Body]) -> None:
    if not job.done.done():
        job.done.set_result(list(objects))


def _fail(jobs: Iterable[Job], error: Exception) -> None:
    for job in jobs:
        if not job.done.done():
            job.done.set_exception(error)


def _is_its_own(failure: KubectlError) -> bool:
    """Whether a failure has to do with what was applied.

    It has not where the API server is away, or where somebody has killed kubectl, or it could not be started.
    """
    return isinstance(failure, KubectlTimeout) or (isinstance(failure, ApplyFailed) and not failure.unreachable)


def _withdraw(jobs: Iterable[Job]) -> None:
    for job in jobs:
        _fail([job], Withdrawn(f"{job.overlay.key} asks for something else by now"))


def _has_worked(job: Job) -> bool:
    return job.done.done() and not job.done.cancelled() and job.done.exception() is None


def _abandon(jobs: Iterable[Job]) -> None:
    for job in jobs:
        job.done.cancel()


def _drop_abandoned(jobs: deque[Job]) -> None:
    """Nobody waits for them any more."""
    left = [job for job in jobs if not job.done.done()]
    jobs.clear()
    jobs.extend(left)


def _now() -> float:
    """The event loop's clock, in seconds."""
    return asyncio.get_running_loop().time()
