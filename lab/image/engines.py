"""The programs that build images, told alike: which of them works here, and how each says the same."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from lab import debian
from lab.controlplane import paths
from lab.image.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

STAND_IN = "org.nuvolaris.nuvop.stand-in"
"""The label of a stand-in for a base image, and of all that is built upon it."""

SECONDS = 600
"""How long a command but a build may take, such as a pull of the base image, of some 50 MB."""


class Engine(Protocol):
    """Builds images and keeps them. All but `pull` raise ImageError where the program fails."""

    def build(self, folder: Path, name: str, arguments: Mapping[str, str], secrets: Mapping[str, Path]) -> None:
        """Build the Dockerfile in `folder`; the files `secrets` are there, by their ids, while it is built."""
        ...

    def has(self, name: str) -> bool:
        """Whether the image is kept here."""
        ...

    def pull(self, name: str) -> str:
        """Take an image from its registry; says why that failed, and nothing where it did not."""
        ...

    def layers(self, name: str) -> list[str]:
        """The digests of the image's layers, from the lowest on."""
        ...

    def save(self, name: str, archive: Path) -> None:
        """Write the image, under that name, as `docker load` and `ctr images import` take it."""
        ...

    def push_command(self, name: str) -> str:
        """How a user brings the image into a registry."""
        ...


@dataclass(frozen=True)
class Docker:
    """docker, and podman, which understands the same."""

    program: str

    def works(self) -> bool:
        """Whether the program is here and can be used: a docker without its daemon cannot."""
        if not shutil.which(self.program):
            return False
        return subprocess.run([self.program, "info"], capture_output=True, check=False).returncode == 0

    def build(self, folder: Path, name: str, arguments: Mapping[str, str], secrets: Mapping[str, Path]) -> None:
        _show([self.program, "build", *_build_options(name, arguments, secrets), str(folder)])

    def has(self, name: str) -> bool:
        return _try([self.program, "image", "inspect", name]).returncode == 0

    def pull(self, name: str) -> str:
        return _complaint(_try([self.program, "pull", "--quiet", name]))

    def layers(self, name: str) -> list[str]:
        found: list[str] = json.loads(
            _ask([self.program, "image", "inspect", "--format={{json .RootFS.Layers}}", name])
        )
        return found

    def save(self, name: str, archive: Path) -> None:
        _ask([self.program, "save", f"--output={archive}", name])

    def push_command(self, name: str) -> str:
        there = _in_registry(name)
        tag = f"{self.program} tag {name} {there} && " if there != name else ""
        return f"{tag}{self.program} push {there}"


@dataclass(frozen=True)
class Buildah:
    """buildah without containers: it runs the Dockerfile's commands in a chroot, so it works wherever root does.

    Its images are in a folder of their own, where a stand-in may have the name of an image that others know.
    """

    storage: Path

    @property
    def command(self) -> list[str]:
        """buildah with this storage."""
        folders = [f"--root={self.storage / 'storage'}", f"--runroot={self.storage / 'run'}"]
        return ["buildah", *folders, "--storage-driver=vfs"]

    def build(self, folder: Path, name: str, arguments: Mapping[str, str], secrets: Mapping[str, Path]) -> None:
        options = ["--isolation=chroot", "--pull=false", *_build_options(name, arguments, secrets)]
        _show([*self.command, "build", *options, str(folder)])
        _ask([*self.command, "rmi", "--prune"])  # the image that had the name before

    def has(self, name: str) -> bool:
        return _try([*self.command, "inspect", "--type=image", name]).returncode == 0

    def pull(self, name: str) -> str:
        return _complaint(_try([*self.command, "pull", "--quiet", name]))

    def layers(self, name: str) -> list[str]:
        found: list[str] = self._described(name)["rootfs"]["diff_ids"]
        return found

    def is_stand_in(self, name: str) -> bool:
        """Whether an image is one that `keep` has made, or was built upon it."""
        return STAND_IN in (self._described(name)["config"].get("Labels") or {})

    def _described(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(_ask([*self.command, "inspect", "--type=image", name]))["OCIv1"]
        return found

    def save(self, name: str, archive: Path) -> None:
        archive.unlink(missing_ok=True)  # it would not write over one
        _ask([*self.command, "push", "--quiet", name, f"docker-archive:{archive}:{name}"])

    def push_command(self, name: str) -> str:
        return f"{shlex.join(self.command)} push {name} docker://{_in_registry(name)}"

    def keep(self, root: Path, name: str, path: str) -> None:
        """Keep a folder as an image of one layer, a stand-in whose programs are looked for on `path`."""
        container = _ask([*self.command, "from", "scratch"]).strip()
        _ask([*self.command, "add", "--quiet", container, str(root), "/"])
        _ask([*self.command, "config", f"--env=PATH={path}", "--cmd=python3", f"--label={STAND_IN}=true", container])
        _ask([*self.command, "commit", "--quiet", "--rm", container, name])


def find() -> Engine:
    """The first that works of docker, podman and buildah, which is installed where that can be done.

    Raises ImageError where there is none.
    """
    for program in ("docker", "podman"):
        if (found := Docker(program)).works():
            return found
    if os.geteuid() != 0:
        raise ImageError("an image is built by docker or podman, and neither works here; as root buildah would do")
    try:
        debian.install({"buildah": "buildah"})
    except debian.DebianError as error:
        raise ImageError(f"an image is built by docker, podman or buildah, and there is none here: {error}") from error
    return Buildah(paths.cache().parent / "image")


def _in_registry(name: str) -> str:
    """An image's name with the registry that it goes to; one without any may go to whichever the user has."""
    first, slash, _ = name.partition("/")
    has_one = slash and ("." in first or ":" in first or first == "localhost")
    return name if has_one else f"<registry>/{name}"


def _build_options(name: str, arguments: Mapping[str, str], secrets: Mapping[str, Path]) -> list[str]:
    options = [f"--tag={name}"]
    for key, value in arguments.items():
        options += ["--build-arg", f"{key}={value}"]
    for identity, file in secrets.items():
        options += ["--secret", f"id={identity},src={file}"]
    return options


def _show(command: list[str]) -> None:
    """Run what takes long, in the sight of who waits for it."""
    # docker's older builder knows no secrets.
    done = subprocess.run(command, env=os.environ | {"DOCKER_BUILDKIT": "1"}, stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        raise ImageError(f"{command[0]} build failed with exit code {done.returncode}; it says above why")


def _ask(command: list[str]) -> str:
    done = _try(command)
    if complaint := _complaint(done):
        raise ImageError(f"{shlex.join(command)}: {done.stderr.strip() or complaint}")
    return done.stdout


def _try(command: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, -1, "", f"{command[0]} has not ended in {SECONDS} s")


def _complaint(done: subprocess.CompletedProcess[str]) -> str:
    """Why it failed, in a line; empty where it did not."""
    if done.returncode == 0:
        return ""
    said = done.stderr.strip() or f"{done.args[0]} ended with exit code {done.returncode}"
    return str(said.splitlines()[-1])
