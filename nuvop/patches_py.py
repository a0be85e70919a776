"""``patches.py``: Python of a kind's folder, for what a mapping cannot say.

It has one function, ``patches(cr)``, that takes the CR and gives partial objects, as strategic merge patches have them
(https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/#notes-on-the-strategic-merge-patch):
``kind`` and ``metadata.name`` as they stand in the base, and what is to be another. It must give the same for the same
CR, because a revision is a digest of what it gives.
"""

import asyncio
import re
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from types import CodeType
from typing import Any, TypeVar

import orjson

from nuvop.errors import KindError, OverlayError, Place, TookTooLong
from nuvop.objects import Body

FILE = "patches.py"
FUNCTION = "patches"

TIMEOUT = 10.0
"""Seconds that a folder's Python may take, for a CR or to be loaded."""

THREADS = 4
"""How many CRs of a kind may be at its Python at once. Each that never ends takes one, until the file changes."""

_FAILURES = (Exception, SystemExit)
"""A folder's ``sys.exit()`` must not end the operator."""

Result = TypeVar("Result")
Patches = Callable[[Mapping[str, Any]], Iterable[Mapping[str, Any]]]


def compiled(folder: Path, source: bytes) -> CodeType:
    """Return the code of a ``patches.py``; raise KindError where it is no Python."""
    path = folder / FILE
    try:
        return compile(source, str(path), "exec")
    except SyntaxError as error:
        raise KindError(error.msg, Place(path, line=error.lineno or 0)) from error
    except ValueError as error:
        raise KindError(str(error), Place(path)) from error


@lru_cache(maxsize=64)
def _function(folder: Path, source: bytes) -> Patches:
    code = compiled(folder, source)
    module: dict[str, Any] = {"__name__": FUNCTION, "__file__": str(folder / FILE)}
    try:
        exec(code, module)  # noqa: S102 – the folder's own code is what it is for
    except _FAILURES as error:
        raise KindError(_told(error), _place_of(folder, error)) from error
    if not callable(module.get(FUNCTION)):
        raise KindError("there is no function `patches(cr)` in it", Place(folder / FILE))
    function: Patches = module[FUNCTION]
    return function


def load(folder: Path, source: bytes) -> None:
    """Run a ``patches.py`` once; raise KindError where it fails, or has no function."""
    _function(folder, source)


async def try_out(folder: Path, source: bytes) -> None:
    """`load` it within the `TIMEOUT`; raise KindError, also where it takes longer."""
    try:
        await in_time(folder, source, lambda: load(folder, source))
    except TookTooLong as error:
        raise KindError(error.message, error.place) from error


@dataclass
class _Work:
    """Something that a thread is to do."""

    do: Callable[[], Any]
    done: Future[Any] = field(default_factory=Future)
    since: float = field(default_factory=time.monotonic)
    """When it was asked for; when it was begun, once it was."""
    is_begun: bool = False


class _Threads:
    """A few threads for the Python of one folder, in the state that it is in; one that never ends holds up no other.

    They are daemons: neither asyncio nor the interpreter waits for them at the end, as for those of an executor.
    """

    def __init__(self) -> None:
        self._waiting: SimpleQueue[_Work | None] = SimpleQueue()
        self._begun_last = 0.0
        for _ in range(THREADS):
            Thread(target=self._work, name=FILE, daemon=True).start()

    def submit(self, work: _Work) -> None:
        """Have something done as soon as a thread is free."""
        self._waiting.put(work)

    def seconds_left(self, work: _Work) -> float:
        """For how long something may still take; while it waits, for how long nothing else that waits may be begun."""
        since = work.since if work.is_begun else max(work.since, self._begun_last)
        return since + TIMEOUT - time.monotonic()

    def close(self) -> None:
        """Let each thread end that is free, or will be."""
        for _ in range(THREADS):
            self._waiting.put(None)

    def _work(self) -> None:
        while (work := self._waiting.get()) is not None:
            if work.done.set_running_or_notify_cancel():
                self._begun_last = work.since = time.monotonic()
                work.is_begun = True
                try:
                    work.done.set_result(work.do())
                except BaseException as error:
                    work.done.set_exception(error)
            del work  # nothing of it is kept until the next one comes


_threads: dict[Path, tuple[bytes, _Threads]] = {}


async def in_time(folder: Path, source: bytes, do: Callable[[], Result]) -> Result:
    """Do something that runs a folder's Python, in a thread of the folder's own; raise TookTooLong after the `TIMEOUT`.

    The time counts from when a thread has begun with it. Until then others have theirs: it is given up where all of the
    threads are at something that takes too long.
    """
    known = _threads.get(folder)
    if known is None or known[0] != source:
        if known is not None:
            known[1].close()
        known = _threads[folder] = source, _Threads()
    threads, work = known[1], _Work(do)
    threads.submit(work)
    done: asyncio.Future[Result] = asyncio.wrap_future(work.done)
    try:
        while (left := threads.seconds_left(work)) > 0:
            if (await asyncio.wait([done], timeout=left))[0]:
                return done.result()
    finally:
        done.cancel()
    too_long = f"longer than {TIMEOUT:g} s"
    told = f"took {too_long}" if work.is_begun else f"has not begun: it takes {too_long} for {THREADS} others"
    raise TookTooLong(told, Place(folder / FILE), work.done)


async def within_time(folder: Path, files: Mapping[str, bytes], work: Callable[[], Result]) -> Result:
    """Do work that runs the Python among a folder's files, if there is any, `in_time`."""
    source = files.get(FILE)
    return work() if source is None else await in_time(folder, source, work)


def run(folder: Path, source: bytes, cr: Body) -> list[dict[str, Any]]:
    """Return the partial objects that the function gives for a CR, as JSON has them.

    Raises OverlayError, which names file and line, where the function fails or gives anything else; KindError.
    """
    function = _function(folder, source)
    # A copy, in both directions: what the function changes or keeps is its own.
    own = orjson.loads(orjson.dumps(cr))
    try:
        given = list(function(own))
    except _FAILURES as error:
        raise OverlayError(_told(error), _place_of(folder, error)) from error
    try:
        found: list[dict[str, Any]] = orjson.loads(orjson.dumps(given))
    except orjson.JSONEncodeError as error:
        raise OverlayError(f"gives what no manifest can hold: {error}", Place(folder / FILE)) from error
    for patch in found:
        match patch:
            case {"kind": str(), "metadata": {"name": str()}}:
                continue
        raise OverlayError("gives something without kind and metadata.name", Place(folder / FILE))
    return found


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def _place_of(folder: Path, error: BaseException) -> Place:
    """The line of the file that an error comes from."""
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(folder / FILE)]
    return Place(folder / FILE, line=(own[-1].lineno or 0) if own else 0)


def place_naming(folder: Path, source: bytes, word: str) -> Place:
    """The first line of a ``patches.py`` that has a word in quotes; the file where none has."""
    quoted = re.compile(rf"([\"']){re.escape(word)}\1")
    lines = source.decode(errors="replace").splitlines()
    return Place(folder / FILE, line=next((number for number, line in enumerate(lines, 1) if quoted.search(line)), 0))
