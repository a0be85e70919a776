"""Build the operator's image, and tell how large it is."""

from __future__ import annotations

import re
import subprocess
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab import kinds
from lab.controlplane import console, locks, paths
from lab.image import context, engines, pip_settings, stand_in
from lab.image.archive import Archive
from lab.image.engines import Buildah, Engine
from lab.image.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Image:
    """An image that has been built."""

    name: str
    engine: Engine
    base: str
    is_for_trials: bool
    """Whether it stands upon a stand-in for the base image."""

    def save(self, archive: Path) -> Archive:
        """Write it into a file, as `docker load` and the lab's `load` take it. Raises ImageError."""
        self.engine.save(self.name, archive)
        return Archive(archive)

    def megabytes(self, archive: Archive) -> float:
        """Its size beyond the base image, uncompressed. Raises ImageError."""
        return archive.megabytes(above=len(self.engine.layers(self.base)))


def engine() -> Engine:
    """The program that builds images here; raise ImageError where there is none."""
    return engines.find()


def version() -> str:
    """nuvop's version in this checkout."""
    found: str = tomllib.loads((paths.PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    return found


def build(name: str, of_kinds: Sequence[Path] = kinds.SHIPPED) -> Image:
    """Build the image of this checkout with these kinds and no others.

    Raises ImageError, and KindsError and NuvopError for what is wrong with the kinds, before anything is built.
    """
    kinds.check(of_kinds)
    dockerfile = (paths.PROJECT / "Dockerfile").read_text(encoding="utf-8")
    base = base_of(dockerfile)
    arguments = {"VERSION": version(), "REVISION": _revision()}
    settings = pip_settings.of_this_machine()
    builder = engine()

    def waiting() -> None:
        console.say("another process is building an image; waiting for it")

    with locks.exclusive(paths.cache().parent / "image.lock", waiting=waiting), tempfile.TemporaryDirectory() as folder:
        have_base(builder, base)
        pip_conf, files = Path(folder) / "pip.conf", Path(folder) / "files"
        pip_conf.write_text(settings.pip_conf, encoding="utf-8")
        context.write(files, of_kinds)
        secrets = {"pip.conf": pip_conf}
        if settings.certificates:
            secrets["certificates"] = settings.certificates
        builder.build(files, name, arguments, secrets)
    return Image(name, builder, base, isinstance(builder, Buildah) and builder.is_stand_in(name))


def base_of(dockerfile: str) -> str:
    """The base image that a Dockerfile names; raise ImageError where it names none."""
    found = re.search(r"^ARG BASE=(\S+)$", dockerfile, re.MULTILINE)
    if not found:
        raise ImageError("Dockerfile: no line `ARG BASE=<image>`")
    return found[1]


def have_base(builder: Engine, base: str) -> None:
    """Keep the base image where the program keeps its images: docker builds upon one without keeping it.

    Where it cannot be had, and buildah builds, a stand-in of Debian's packages takes its place; elsewhere that is an
    ImageError.
    """
    if builder.has(base) or not (refusal := builder.pull(base)):
        return
    told = f"{base} cannot be pulled: {refusal}"
    if not isinstance(builder, Buildah):
        raise ImageError(told)
    console.say(told)
    console.say("making a stand-in of Debian's packages, for trials and tests; it takes a minute, once")
    stand_in.make(builder, base)


def _revision() -> str:
    """The commit of the checkout, marked where files differ from it; `unknown` outside of git."""
    command = ["git", "-C", str(paths.PROJECT), "describe", "--always", "--abbrev=40", "--match=", "--dirty"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "unknown"
    return done.stdout.strip() or "unknown"
