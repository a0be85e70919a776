"""Programs from Debian's packages.

Those that need nothing of other packages are unpacked into the user's cache: nothing is installed, and nobody need be
root. The others are installed as packages, which only root can.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from lab.controlplane import console, locks, paths

if TYPE_CHECKING:
    from collections.abc import Mapping


class DebianError(Exception):
    """A package cannot be had; one message that says why."""


def program(package: str, name: str) -> Path:
    """The path of a program, such as promtool of prometheus; its package is downloaded once.

    Only for programs that need no more of other packages than libc, as those that are written in Go.
    Raises DebianError where there is no apt-get, where it fails, and where the package has no such program.
    """
    folder = _unpacked(package)
    for place in ("usr/bin", "usr/sbin", "bin"):
        if (found := folder / place / name).is_file():
            return found
    raise DebianError(f"Debian's package {package} has no program {name}")


def install(wanted: Mapping[str, str]) -> None:
    """Install what is missing: `wanted` has for each program, or its path, the package that it comes from.

    Raises DebianError where something is missing and this is not root on Debian or a relative, and where apt-get fails.
    """
    if not missing(wanted):
        return
    lock = paths.cache().parent / "debian" / "lock"
    with locks.exclusive(lock, waiting=lambda: console.say("another process is downloading packages")):
        packages = " ".join(lacking := missing(wanted))
        if not lacking:
            return  # the other process has installed them
        if os.geteuid() != 0:
            raise DebianError(f"{packages}: not installed, and only root can install packages")
        if shutil.which("apt-get") is None:
            raise DebianError(f"{packages}: not installed, and there is no apt-get, as Debian and Ubuntu have it")
        console.say(f"installing {packages}")
        _run(packages, ["apt-get", "-q", "update"], Path("/"))
        _run(packages, ["apt-get", "-q", "install", "--yes", "--no-install-recommends", *lacking], Path("/"))


def missing(wanted: Mapping[str, str]) -> list[str]:
    """The packages of those programs that are not there, each once."""
    return sorted({package for program, package in wanted.items() if shutil.which(program) is None})


def _unpacked(package: str) -> Path:
    base = paths.cache().parent / "debian"
    folder = base / package
    with locks.exclusive(base / "lock", waiting=lambda: console.say("another process is downloading packages")):
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(dir=base) as scratch:
                unpacked = _download(package, Path(scratch))
                unpacked.rename(folder)
    return folder


def _download(package: str, scratch: Path) -> Path:
    """Download a package's newest version as the machine's sources have it; return the folder of its files."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise DebianError(f"{package}: this needs apt-get and dpkg-deb, as Debian and Ubuntu have them")
    for folder in ("state/lists/partial", "cache/archives/partial"):
        (scratch / folder).mkdir(parents=True)
    # Lists of its own: those of the machine may be old or empty, and only root may write them.
    apt = ["apt-get", "-q", "-o", f"Dir::State={scratch}/state", "-o", "Dir::State::status=/var/lib/dpkg/status"]
    apt += ["-o", f"Dir::Cache={scratch}/cache", "-o", "APT::Sandbox::User="]
    _run(package, [*apt, "update"], scratch)
    _run(package, [*apt, "download", package], scratch)
    (file,) = scratch.glob("*.deb")
    unpacked = scratch / "unpacked"
    _run(package, ["dpkg-deb", "--extract", str(file), str(unpacked)], scratch)
    return unpacked


def _run(package: str, command: list[str], directory: Path) -> None:
    environment = {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise DebianError(f"{package}: {command[0]} {command[-1]}: {done.stderr.strip() or done.stdout.strip()}")
