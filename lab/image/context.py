"""What the image is made of, in a folder of its own: the checkout's files, and the kinds that it is to have."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from lab.controlplane import paths
from lab.image.errors import ImageError
from nuvop import kind_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

KINDS = "kustomize"
"""Where the Dockerfile looks for kinds."""


def write(folder: Path, kinds: Sequence[Path]) -> None:
    """Write it into an empty folder; ``kinds`` are folders of kinds, or folders of such.

    An engine reads nothing outside of one folder, and the kinds may be anywhere. Raises ImageError, and NuvopError
    where a kind has files that it may not have.
    """
    for name in _listed():
        source, target = paths.PROJECT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    for kind in _by_name(kinds):
        for name, content in kind_folder.read(kind).items():
            target = folder / KINDS / kind.name / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)


def _listed() -> Iterator[str]:
    """What .dockerignore does not ignore, but for the kinds; and the Dockerfile, which it need not name."""
    yield "Dockerfile"
    for line in (paths.PROJECT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        if line.startswith("!") and line != f"!{KINDS}":
            yield line.removeprefix("!")


def _by_name(kinds: Sequence[Path]) -> list[Path]:
    """The folders of the kinds; raise ImageError where two would have to have one name."""
    found: dict[str, Path] = {}
    for kind in kind_folder.find(kinds):
        if other := found.get(kind.name):
            raise ImageError(
                f"{other} and {kind} have one name, and the image has one folder for all kinds: rename one"
            )
        found[kind.name] = kind
    return list(found.values())
