"""A stand-in for the base image, of Debian's packages: for machines that reach Debian's mirrors and no registry."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from lab import debian
from lab.image.errors import ImageError

if TYPE_CHECKING:
    from lab.image.engines import Buildah

RELEASE = "bookworm"
"""Debian's release in the official image of Python; its python3 is of the same minor version."""

PACKAGES = ("ca-certificates", "python3-pip", "python3-venv")

PATH = "/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin"


def make(engine: Buildah, name: str) -> None:
    """Make the stand-in and keep it as `name`. Raises ImageError."""
    try:
        debian.install({"debootstrap": "debootstrap"})
    except debian.DebianError as error:
        raise ImageError(f"no stand-in for {name}: {error}") from error
    # mkdtemp's mode would be that of the image's root folder.
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / "root"
        root.mkdir(mode=0o755)
        _debootstrap(root)
        _as_the_official(root)
        engine.keep(root, name, PATH)


def _debootstrap(root: Path) -> None:
    command = ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", RELEASE, str(root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ImageError(f"debootstrap failed: {done.stderr.strip() or done.stdout[-1000:].strip()}")


def _as_the_official(root: Path) -> None:
    """Put Python where the official image has it, and leave out what was only downloaded."""
    for program in ("python", "python3"):
        (root / "usr" / "local" / "bin" / program).symlink_to("/usr/bin/python3")
    for folder in ("var/cache/apt", "var/lib/apt/lists"):
        shutil.rmtree(root / folder)
        (root / folder / "partial").mkdir(parents=True)
