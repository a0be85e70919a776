"""The image that the tests look at: built once for each state of what goes into it."""

import hashlib
import os
import subprocess
from pathlib import Path

from lab import image
from lab.controlplane import locks
from lab.image.archive import Archive
from tests.e2e.harness import ROOT

NAME = "nuvop-test:built"

INPUTS = ("Dockerfile", "LICENSE", "poetry.lock", "pyproject.toml", "nuvop", "kustomize", "deploy/image", "lab/image")


def obstacle() -> str:
    """Why no image can be built and looked into here; empty where it can."""
    if os.geteuid() != 0:
        return "the image's tests build and run containers, which takes root"
    return ""


def archive() -> Archive:
    """The image of this checkout in a file; raise ImageError where it cannot be built."""
    folder = ROOT / ".lab" / "images"
    file = folder / f"{_digest()}.tar"
    with locks.exclusive(folder / "lock", waiting=lambda: None):
        if not file.exists():
            for older in folder.glob("*.tar*"):
                older.unlink()
            new = file.with_name(f"{file.name}.new")
            image.build(NAME).save(new)
            new.rename(file)
    return Archive(file)


def _digest() -> str:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *INPUTS],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    digest = hashlib.sha256()
    for name in sorted(listed.stdout.split("\0")[:-1]):
        digest.update(name.encode() + (ROOT / name).read_bytes() if Path(ROOT / name).exists() else b"")
    return digest.hexdigest()[:16]
