"""Group commit: whatever overlays wait are applied by one `kubectl apply -k` of a kustomization that lists them.

    apply(overlay) ──▶ waiting ──▶ batch ──▶ kubectl ──▶ each CR's own objects, or its own error
                          ▲                    │
                          └── innocent ────────┤ failed
                       lone lane ◀── suspect ──┘

There is no artificial wait: while all slots are busy, overlays gather; one that comes alone goes alone, at once.

A batch that fails says little: kubectl's errors name no object that could be relied upon. So the watch is asked which
CRs have landed as a whole. The others are suspects: each is applied alone, gets its own error, and stays in the lone
lane until that works. The lone lane takes one slot at most, and LONE_SHARE of its time while others are at work. Who
does not get on, because of a slow webhook say, needs no processor: others get the slot. So whatever is wrong with one
CR hardly delays another.
"""

import asyncio
import functools
import itertools
import logging
import math
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from nuvop import overlay as overlays
from nuvop import yamltext
from nuvop.errors import ApplyFailed, BuildFailed, KubectlError, KubectlTimeout, WriteFailed
from nuvop.kubectl import Kubectl
from nuvop.metrics import ApplyResult, Metrics
from nuvop.objects import Body, CRKey, key_of
from nuvop.overlay import Overlay

logger = logging.getLogger(__name__)

FOLDER = ".batches"

SLOTS = 2
"""kubectl processes at once; each has its own discovery and its own TLS, so more of them only wait for each other."""

BATCH = 50
"""CRs in one process: kustomize's time grows faster than their number."""

BATCH_LEAST = 12
"""CRs in one process where fewer would keep all slots at work: kubectl has to start for each."""

BATCH_SIZE = 4 * 1024 * 1024
"""Bytes that kustomize may make of one batch."""

BATCH_TIMEOUT = 20.0
LONE_TIMEOUT = 60.0
"""Seconds until kubectl is killed."""

STALL_FIRST = 5.0
STALL = 0.5
"""Seconds without another object of a batch landing, before the first and after it, until others get its slot."""

STALL_UNSEEN = 0.2
"""Seconds more for each CR that cannot be seen to land, because all of it is there already."""

HELD_UP = 0.75
"""Seconds more until the batch is taken for held up by the CR whose turn it is: a webhook that takes its time, say."""

SPARE = 2
"""How many kubectl processes may have given their slots to others."""

LOOK_EVERY = 0.25
"""Seconds between two looks at what a running batch has landed."""

LANDING = 0.5
"""Seconds that the watch gets to show what a process has applied that has ended."""

LANDING_EVERY = 0.1
"""Seconds between two looks at that."""

SLOW = 1.5
"""Seconds after which a lone apply is taken for held up."""

REMOVE_AGAIN = 5.0
"""Seconds until a batch's folder is removed that could not be."""

LONE_SHARE = 0.1
"""How much of a slot's time the lone lane gets while others wait or are at work."""


Landed = Callable[[], Sequence[Body]]
"""The objects of an overlay that are live at its revision, as the watch has shown them."""


@dataclass(eq=False)
class Job:
    """One overlay on its way, and who waits for what becomes of it."""

    overlay: Overlay
    landed: Landed
    done: "asyncio.Future[list[Body]]"
    is_repair: bool = False
    was_put_back: bool = False
    was_stuck: bool = False
    """Whether nothing at all has landed of the batch that it was in last."""
    landed_before: int = 0
    """How many of its objects were live at its revision before its batch began."""

    @property
    def landed_since(self) -> int:
        """How many of its objects its batch has brought there; fewer may be left than there were, if one is deleted."""
        return max(len(self.landed()) - self.landed_before, 0)

    @property
    def can_be_seen(self) -> bool:
        """Whether the watch can tell that it was applied: not where all was there before, and only drifted, say."""
        return self.landed_before < len(self.overlay.objects)

    @property
    def may_hide_a_refusal(self) -> bool:
        """Whether something drifted of it was there before: that it still is says nothing."""
        return self.is_repair and self.landed_before > 0


@dataclass(frozen=True)
class Work:
    """What one kubectl has to do: a batch, or one job of the lone lane."""

    jobs: Sequence[Job]
    is_lone: bool = False
    begun: float = field(default_factory=time.monotonic)


class HeldUp(KubectlError):
    """A batch made no progress, and its kubectl was killed."""


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
        self._lone_next = 0.0
        self._suspects: set[CRKey] = set()
        self._running: dict[asyncio.Task[None], Work] = {}
        self._busy: list[Work] = []
        self._held_up: list[Work] = []
        self._batches = itertools.count()

    async def apply(self, overlay: Overlay, landed: Landed, *, is_repair: bool = False) -> list[Body]:
        """Apply an overlay that has been written; return its live objects, managedFields and all.

        ``landed`` is asked what of it is there when kubectl cannot tell. A repair goes before what is new: somebody
        relies on what it puts back.
        Raises ApplyFailed, KubectlTimeout or another KubectlError with what is wrong with this very overlay.
        """
        job = Job(overlay, landed, asyncio.get_running_loop().create_future(), is_repair)
        lane = self._lone if overlay.key in self._suspects else self._waiting
        (lane.appendleft if is_repair else lane.append)(job)
        self._fill_slots()
        return await job.done

    def forget(self, key: CRKey) -> None:
        """Take in that a CR is gone: what waits to be applied for it is abandoned.

        Its overlay is about to go, and a batch with it could not be built; another CR of its name starts anew.
        """
        self._suspects.discard(key)
        waiting = itertools.chain(self._waiting, self._lone, *self._halves, *(w.jobs for w in self._running.values()))
        _abandon(job for job in waiting if job.overlay.key == key)

    def seconds_under_way(self, key: CRKey) -> float:
        """For how many seconds a CR's overlay has been with kubectl; 0 while it waits for its turn."""
        now = time.monotonic()
        works = (work for work in self._running.values() if any(job.overlay.key == key for job in work.jobs))
        return max((now - work.begun for work in works), default=0.0)

    async def close(self) -> None:
        """Kill what runs, and start nothing new."""
        running = list(self._running)
        for work in self._running.values():
            _abandon(work.jobs)
        for jobs in (self._waiting, self._lone, *self._halves):
            _abandon(jobs)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    # --- slots ----------------------------------------------------------------------------------------------------

    def _fill_slots(self) -> None:
        while len(self._busy) < SLOTS and (work := self._next_lone() or self._next_batch()):
            self._busy.append(work)
            task = asyncio.create_task(self._do(work))
            self._running[task] = work
            task.add_done_callback(self._running.pop)

    def _next_lone(self) -> Work | None:
        _drop_abandoned(self._lone)
        if not self._lone or any(work.is_lone for work in [*self._busy, *self._held_up]):
            return None
        is_contended = bool(self._waiting or self._halves or self._busy)
        if is_contended and time.monotonic() < self._lone_next:
            return None
        return Work([self._lone.popleft()], is_lone=True)

    def _next_batch(self) -> Work | None:
        while self._halves:
            if half := [job for job in self._halves.popleft() if not job.done.done()]:
                return Work(half)
        _drop_abandoned(self._waiting)
        batch: list[Job] = []
        size, most = 0, min(max(math.ceil(len(self._waiting) / SLOTS), BATCH_LEAST), BATCH)
        while self._waiting and len(batch) < most:
            size += self._waiting[0].overlay.size
            if batch and size > BATCH_SIZE:
                break
            batch.append(self._waiting.popleft())
        return Work(batch) if batch else None

    async def _do(self, work: Work) -> None:
        """Run one kubectl, and hand out what came of it; whatever happens, every job is answered or waits again."""
        try:
            failure = await self._run(work)
            seconds = time.monotonic() - work.begun
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
            objects = await (self._apply_alone(work) if len(work.jobs) == 1 else self._apply_together(work))
        except KubectlError as error:
            return error
        finally:
            self._leave_slot(work)
        if len(work.jobs) == 1:
            self._judge_lone(work.jobs[0], time.monotonic() - work.begun)
        _hand_out(work.jobs, objects)
        return None

    async def _apply_alone(self, work: Work) -> list[Body]:
        (job,) = work.jobs
        folder = overlays.folder(self._generated, job.overlay.key)
        async with self._kubectl_at(folder, job.overlay.size, LONE_TIMEOUT) as applying:
            await asyncio.wait([applying], timeout=SLOW)
            if not applying.done():
                self._let_others(work)
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

    def _judge_lone(self, job: Job, seconds: float) -> None:
        """Let one that works wait with the others next time, unless it takes its time or its CR is gone."""
        if seconds < SLOW:
            self._suspects.discard(job.overlay.key)
        elif not job.done.done():
            self._suspects.add(job.overlay.key)

    def _leave_slot(self, work: Work) -> None:
        (self._held_up if work in self._held_up else self._busy).remove(work)
        if work.is_lone:
            taken = min(time.monotonic() - work.begun, SLOW)
            rest = taken / LONE_SHARE - taken
            self._lone_next = time.monotonic() + rest
            asyncio.get_running_loop().call_later(rest, self._fill_slots)
        self._fill_slots()

    def _let_others(self, work: Work) -> None:
        """Give the slot of one that makes no progress to others."""
        if work in self._busy and len(self._held_up) < SPARE:
            self._busy.remove(work)
            self._held_up.append(work)
            self._fill_slots()

    def _write_batch(self, jobs: Sequence[Job]) -> Path:
        """Write a kustomization of all these overlays; return its folder."""
        folder = self._generated / FOLDER / str(next(self._batches))
        keys = [job.overlay.key for job in jobs]
        kustomization = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": [f"../../{key.plural}/{key.namespace}/{key.name}" for key in keys],
            # One CR after the other: each is done as soon as possible, and who holds up the others can be told.
            "sortOptions": {"order": "fifo"},
        }
        try:
            folder.mkdir(mode=0o700, parents=True)
            (folder / "kustomization.yaml").write_text(yamltext.dump(kustomization))
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
            looked = time.monotonic()
            await asyncio.wait([applying], timeout=LOOK_EVERY)
            now = sum(job.landed_since for job in work.jobs)
            if now > landed:
                landed, stalled, allowed = now, 0.0, STALL + unseen
            elif time.monotonic() - looked < 2 * LOOK_EVERY:
                # Looks that come late do not count: this process is what is slow then, the watch with it.
                stalled += LOOK_EVERY
            if stalled > allowed + HELD_UP:
                raise HeldUp(f"nothing landed for {stalled:.1f} s")
            if stalled > allowed:
                self._let_others(work)

    # --- after a failure ------------------------------------------------------------------------------------------

    async def _sort_out(self, work: Work, failure: KubectlError) -> None:
        """Find out who has landed all the same, who is to blame, and who has to wait again."""
        if len(work.jobs) == 1:
            self._suspects.update(job.overlay.key for job in work.jobs if not job.done.done())
            _fail(work.jobs, failure)
            return
        if isinstance(failure, HeldUp | KubectlTimeout):
            await self._part_at_hold_up(work.jobs, failure)
        elif isinstance(failure, ApplyFailed) and failure.unreachable:
            # Nobody's fault: they try again together.
            _fail(await self._left(work.jobs, LANDING), failure)
        elif broken := await self._build_error(work.jobs, failure):
            self._divide([job for job in work.jobs if not job.done.done()], broken)
        else:
            left = await self._left(work.jobs, LANDING)
            unseen = [job for job in left if not job.can_be_seen and not job.was_put_back]
            self._suspect(job for job in left if job not in unseen)
            self._put_back(unseen)
        self._fill_slots()

    async def _left(self, jobs: Sequence[Job], patience: float) -> list[Job]:
        """Answer those who have landed as a whole; return the others, when for some seconds no more of them lands."""
        seen, deadline = -1, 0.0
        while True:
            left = [job for job in jobs if not job.done.done()]
            whole = [job for job in left if job.can_be_seen and _is_whole(job) and not job.may_hide_a_refusal]
            for job in whole:
                _answer(job, job.landed())
            left = [job for job in left if job not in whole]
            if (landed := sum(job.landed_since for job in jobs)) > seen:
                seen, deadline = landed, time.monotonic() + patience
            if not left or time.monotonic() >= deadline:
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
        suspects = _had_their_turn(jobs, is_held_up=isinstance(failure, HeldUp) or not has_landed) & set(left)
        others = [job for job in left if job not in suspects]
        for job in others:
            job.was_stuck = not has_landed
        self._suspect(job for job in left if job in suspects)
        self._put_back(others)

    def _put_back(self, jobs: Sequence[Job]) -> None:
        for job in reversed(jobs):
            job.was_put_back = True
            self._waiting.appendleft(job)

    async def _build_error(self, jobs: Sequence[Job], failure: KubectlError) -> str:
        """What keeps kustomize from building a batch; empty where nothing does: something of it has landed, say."""
        if any(job.landed_since for job in jobs):
            return ""
        if _named(jobs, str(failure)):
            return str(failure)  # only kustomize names a folder
        folder = self._write_batch(jobs)
        try:
            await self._kubectl.build(folder)
        except BuildFailed as error:
            return str(error)
        finally:
            self._remove_batch(folder)
        return ""

    def _divide(self, jobs: Sequence[Job], error: str) -> None:
        """Part those that the error names from the others, or, as it may name none or the wrong one, in two halves."""
        named = _named(jobs, error)
        if named and len(named) < len(jobs):
            self._suspect(named)
            self._waiting.extendleft(job for job in reversed(jobs) if job not in named)
        else:
            middle = len(jobs) // 2
            self._halves.extend([jobs[:middle], jobs[middle:]])


def _had_their_turn(jobs: Sequence[Job], *, is_held_up: bool) -> set[Job]:
    """Those that kubectl had come to when it was killed, but for those of which nobody can tell.

    It goes from one CR to the next: it was at the last one of which anything has landed, or at the one after that
    where all of it has. Where nothing has landed it was at the first, or at the first that would have shown.
    The one that it was at is among them only where that one held it up.
    """
    touched = [index for index, job in enumerate(jobs) if job.landed_since]
    if not touched:
        return {jobs[0], next((job for job in jobs if job.can_be_seen), jobs[0])}
    last = touched[-1] + 1 if _is_whole(jobs[touched[-1]]) else touched[-1]
    return {job for job in jobs[: last + is_held_up] if job.can_be_seen}


def _named(jobs: Sequence[Job], error: str) -> list[Job]:
    """Those whose overlay's folder an error of kustomize names."""
    return [job for job in jobs if f"/{job.overlay.key.namespace}/{job.overlay.key.name}'" in error]


def _is_whole(job: Job) -> bool:
    return len(job.landed()) == len(job.overlay.objects)


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
