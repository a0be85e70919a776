"""``patches.py``: Python of a kind's folder, for what a mapping cannot say.

It has one function, ``patches(cr)``, that takes the CR and gives partial objects, as strategic merge patches have them
(https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/#notes-on-the-strategic-merge-patch):
``kind`` and ``metadata.name`` as they stand in the base, and what is to be another. It must give the same for the same
CR, because a revision is a digest of what it gives.
"""

import asyncio
import re
import traceback
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
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
    except TimeoutError as error:
        raise KindError(f"took longer than {TIMEOUT:g} s", Place(folder / FILE)) from error


class _Threads:
    """A few threads for the Python of one folder, in the state that it is in; one that never ends holds up no other.

    They are daemons: neither asyncio nor the interpreter waits for them at the end, as for those of an executor.
    """

    def __init__(self) -> None:
        self._waiting: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        for _ in range(THREADS):
            Thread(target=self._work, name=FILE, daemon=True).start()

    def submit(self, work: Callable[[], Result]) -> Future[Result]:
        """Have something done as soon as a thread is free."""
        future: Future[Result] = Future()
        self._waiting.put((future, work))
        return future

    def close(self) -> None:
        """Let each thread end that is free, or will be."""
        for _ in range(THREADS):
            self._waiting.put(None)

    def _work(self) -> None:
        while (given := self._waiting.get()) is not None:
            future, work = given
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(work())
                except BaseException as error:
                    future.set_exception(error)
            del given, future, work  # nothing of it is kept until the next one comes


_threads: dict[Path, tuple[bytes, _Threads]] = {}


async def in_time(folder: Path, source: bytes, work: Callable[[], Result]) -> Result:
    """Do work that runs a folder's Python, in a thread of the folder's own; raise TimeoutError after the `TIMEOUT`."""
    known = _threads.get(folder)
    if known is None or known[0] != source:
        if known is not None:
            known[1].close()
        known = _threads[folder] = source, _Threads()
    return await asyncio.wait_for(asyncio.wrap_future(known[1].submit(work)), TIMEOUT)


async def within_time(folder: Path, files: Mapping[str, bytes], work: Callable[[], Result]) -> Result:
    """Do work that runs the Python among a folder's files, if there is any; raise TookTooLong after the `TIMEOUT`."""
    source = files.get(FILE)
    if source is None:
        return work()
    try:
        return await in_time(folder, source, work)
    except TimeoutError as error:
        raise TookTooLong(f"took longer than {TIMEOUT:g} s", Place(folder / FILE)) from error


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
