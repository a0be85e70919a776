"""``patches.py``: Python of a kind's folder, for what a mapping cannot say.

It has one function, ``patches(cr)``, that takes the CR and gives partial objects, as strategic merge patches have them
(https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/#notes-on-the-strategic-merge-patch):
``kind`` and ``metadata.name`` as they stand in the base, and what is to be another. It must give the same for the same
CR, because a revision is a digest of what it gives.
"""

import traceback
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from types import CodeType
from typing import Any

import orjson

from nuvop.errors import KindError, OverlayError, Place
from nuvop.objects import Body

FILE = "patches.py"
FUNCTION = "patches"

_FAILURES = (Exception, SystemExit)
"""A folder's ``sys.exit()`` must not end the operator."""

Patches = Callable[[Mapping[str, Any]], Iterable[Mapping[str, Any]]]


def compiled(folder: Path, source: bytes) -> CodeType:
    """Return the code of a ``patches.py``; raise KindError where it is no Python."""
    path = folder / FILE
    try:
        return compile(source, str(path), "exec")
    except (SyntaxError, ValueError) as error:
        line = f"line {error.lineno}: {error.msg}" if isinstance(error, SyntaxError) and error.lineno else str(error)
        raise KindError(line, Place(path)) from error


@lru_cache(maxsize=64)
def _function(folder: Path, source: bytes) -> Patches:
    code = compiled(folder, source)
    module: dict[str, Any] = {"__name__": FUNCTION, "__file__": str(folder / FILE)}
    try:
        exec(code, module)  # noqa: S102 – the folder's own code is what it is for
    except _FAILURES as error:
        raise KindError(_told(folder, error), Place(folder / FILE)) from error
    if not callable(module.get(FUNCTION)):
        raise KindError("there is no function `patches(cr)` in it", Place(folder / FILE))
    function: Patches = module[FUNCTION]
    return function


def load(folder: Path, source: bytes) -> None:
    """Run a ``patches.py`` once; raise KindError where it fails, or has no function."""
    _function(folder, source)


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
        raise OverlayError(f"{folder / FILE}: {_told(folder, error)}") from error
    try:
        found: list[dict[str, Any]] = orjson.loads(orjson.dumps(given))
    except orjson.JSONEncodeError as error:
        raise OverlayError(f"{folder / FILE}: gives what no manifest can hold: {error}") from error
    for patch in found:
        match patch:
            case {"kind": str(), "metadata": {"name": str()}}:
                continue
        raise OverlayError(f"{folder / FILE}: gives something without kind and metadata.name")
    return found


def _told(folder: Path, error: BaseException) -> str:
    """The error in one line, with the line of the file that it comes from."""
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(folder / FILE)]
    line = f"line {own[-1].lineno}: " if own else ""
    return f"{line}{type(error).__name__}: {error}"
