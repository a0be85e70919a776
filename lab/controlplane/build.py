"""Build programs once from the versions that a go.mod pins: those of the control plane, of a real node, and Helm.

In the user's cache, for each of these modules; where it says `build`, the node's have `node-build`, and so on:

<cache>/<key>/       the programs, whole: the folder appears by one rename
<cache>/build/       what a build is at: Go's caches (a later build goes on from them), temporary files, the log;
                     removed when the build is whole
<cache>/build.lock   held by a build and by every process that it starts
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab.controlplane import console, locks, paths
from lab.controlplane.errors import ControlPlaneError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

GIGABYTE = 10**9
MEMORY_BYTES = 2 * GIGABYTE

_GO_NAMES = {"x86_64": "amd64", "aarch64": "arm64"}
"""What Go calls the processors that Python names so."""

_ETCD_AS_BUILT = "server"
"""go build calls a program after the last part of its package path, which for etcd is .../etcd/server/v3."""


@dataclass(frozen=True)
class Module:
    """A Go module whose tools are built, and what its first build costs."""

    name: str
    """As messages call what is made of it."""
    folder: Path
    source: str
    """The module in its go.mod whose version is that of the programs."""
    stamps: Mapping[str, str]
    """Variables of its packages that the linker sets; `{version}`, `{major}` and `{minor}` are filled in."""
    programs: tuple[str, ...]
    work: str
    """The name of the folder in the cache that a build is in."""
    contents: str
    minutes: int
    """About how long on two cores that have nothing else to do."""
    download: str
    disk_bytes: int
    """At most, while it is built."""
    afterwards: str


_KUBERNETES = "k8s.io/kubernetes"
_KUBERNETES_STAMPS = {
    "k8s.io/component-base/version.gitVersion": "{version}",
    "k8s.io/component-base/version.gitMajor": "{major}",
    "k8s.io/component-base/version.gitMinor": "{minor}",
    "k8s.io/component-base/version.gitTreeState": "clean",
}

CONTROL_PLANE = Module(
    name="the control plane",
    folder=paths.MODULE,
    source=_KUBERNETES,
    stamps=_KUBERNETES_STAMPS,
    programs=("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok", "kwokctl"),
    work="build",
    contents="Kubernetes {version}, etcd and kwok",
    minutes=6,
    download="0.13 GB",
    disk_bytes=5 * GIGABYTE,
    afterwards="0.4 GB",
)

NODE = Module(
    name="the real node",
    folder=paths.MODULE / "node",
    source=_KUBERNETES,
    stamps=_KUBERNETES_STAMPS,
    programs=("kubelet", "kube-proxy"),
    work="node-build",
    contents="kubelet and kube-proxy of Kubernetes {version}",
    minutes=6,
    download="0.1 GB",
    disk_bytes=5 * GIGABYTE,
    afterwards="0.2 GB",
)


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what a build makes."""

    module: Module
    go_mod: str
    go_sum: str
    architecture: str

    @classmethod
    def of_this_machine(cls, module: Module = CONTROL_PLANE) -> Recipe:
        """The recipe of a module in this checkout for this machine."""
        go_mod, go_sum = ((module.folder / name).read_text(encoding="utf-8") for name in ("go.mod", "go.sum"))
        return cls(module, go_mod, go_sum, go_architecture())

    @property
    def go_version(self) -> tuple[int, ...]:
        """The oldest Go that go.mod allows."""
        return _numbers(self._pinned(r"^go (\S+)$"))

    @property
    def version(self) -> str:
        """Such as `v1.36.3`."""
        return self._pinned(rf"^\s*(?:require )?{re.escape(self.module.source)} (v\S+)$")

    @property
    def flags(self) -> list[str]:
        """The flags of go build."""
        major, minor, *_ = self.version.removeprefix("v").split(".")
        filled = {"version": self.version, "major": major, "minor": minor}
        stamped = " ".join(f"-X {name}={value.format(**filled)}" for name, value in self.module.stamps.items())
        return ["-mod=readonly", "-modcacherw", "-trimpath", "-buildvcs=false", f"-ldflags=-s -w {stamped}"]

    @property
    def key(self) -> str:
        """Names what the build makes: another recipe, another key."""
        parts = [self.go_mod, self.go_sum, self.flags, "linux", self.architecture]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]

    def _pinned(self, pattern: str) -> str:
        found = re.search(pattern, self.go_mod, re.MULTILINE)
        if not found:
            raise ControlPlaneError(f"go.mod: no line matches {pattern!r}")
        return found[1]


def go_architecture() -> str:
    """What Go, and images of containers, call this processor; raise ControlPlaneError where the lab does not run."""
    machine = platform.machine()
    if not sys.platform.startswith("linux") or machine not in _GO_NAMES:
        raise ControlPlaneError(
            f"the lab's control plane runs on Linux on {' or '.join(_GO_NAMES)}, not on {sys.platform} on {machine}"
        )
    return _GO_NAMES[machine]


def ensure(module: Module = CONTROL_PLANE) -> Path:
    """The folder with the module's programs, built now unless an earlier build made them.

    Raises ControlPlaneError when something that a build needs is missing, or go build fails.
    """
    recipe = Recipe.of_this_machine(module)
    cache = paths.cache()
    target = cache / recipe.key
    if _is_whole(target, module):
        return target
    lock_file = cache / f"{module.work}.lock"

    def waiting() -> None:
        console.say(f"another build of {module.name} is at work ({lock_file}); waiting for it")

    with locks.exclusive(lock_file, waiting=waiting) as lock:
        if not _is_whole(target, module):  # the one that we waited for may have made it
            _build(module, recipe, target, lock)
    return target


def _is_whole(target: Path, module: Module) -> bool:
    """Whether all programs are there. The folder comes whole, but a cleaner of caches may take single files."""
    return all(os.access(target / program, os.X_OK) for program in module.programs)


def _build(module: Module, recipe: Recipe, target: Path, lock: int) -> None:
    go = _find_go(module, recipe.go_version)
    work = target.parent / module.work
    work.mkdir(parents=True, exist_ok=True)
    _check_disk(module, work)
    memory = _check_memory(module)
    resumed = "; going on from an interrupted build, so less" if (work / "gocache").exists() else ""
    console.say(
        f"building {module.contents.format(version=recipe.version)} with Go, once for this machine:\n"
        f"  about {module.minutes} minutes on 2 cores{resumed};\n"
        f"  downloads {module.download}; up to {module.disk_bytes // GIGABYTE} GB in {work} meanwhile, "
        f"{module.afterwards} in {target} afterwards"
    )
    temporary, programs = work / "tmp", work / "programs"
    for leftover in (temporary, programs):
        shutil.rmtree(leftover, ignore_errors=True)
        leftover.mkdir()
    job = _Go(go, module, recipe, work, lock)
    packages = job.list_packages()
    job.build(programs, packages, processes=_parallel(memory))
    if (server := programs / _ETCD_AS_BUILT).exists():
        server.rename(programs / "etcd")
    _publish(module, programs, target)
    shutil.rmtree(work)


def _publish(module: Module, programs: Path, target: Path) -> None:
    """Make `target` appear whole, even after a power cut: the programs reach the disk before their folder's name."""
    if not _is_whole(programs, module):
        raise ControlPlaneError(f"go build ended well, but {programs} lacks one of {', '.join(module.programs)}")
    for program in module.programs:
        with (programs / program).open("rb") as file:
            os.fsync(file.fileno())
    shutil.rmtree(target, ignore_errors=True)
    programs.rename(target)


class _Go:
    """Runs go with private caches, in a process group of its own, and shows how far it is."""

    def __init__(self, go: str, module: Module, recipe: Recipe, work: Path, lock: int) -> None:
        self._go = go
        self._module = module
        self._recipe = recipe
        self._work = work
        self._lock = lock
        self._log = work / "build.log"

    def list_packages(self) -> int:
        """Download what is missing; says how many packages the programs are made of."""
        listing = self._work / "packages.txt"
        flags = [flag for flag in self._recipe.flags if flag.startswith("-mod")]
        with console.Progress() as progress:
            self._run(["list", *flags, "-deps", "tool"], listing, lambda: progress.update("downloading the sources"))
            packages = len(listing.read_text(encoding="utf-8").splitlines())
            progress.finish(f"the sources are there: {packages} packages")
        return packages

    def build(self, programs: Path, packages: int, processes: int) -> None:
        """Build all programs into the folder `programs`."""
        arguments = ["build", *self._recipe.flags, "-v", "-p", str(processes), "-o", f"{programs}/", "tool"]
        wanted = len(self._module.programs)
        with console.Progress() as progress:

            def show() -> None:
                ready = len(list(programs.iterdir()))
                compiled = self._log.read_bytes().count(b"\n")  # -v: a line a package
                progress.update(
                    f"{ready} of {wanted} programs ready; {compiled} of at most {packages} packages compiled"
                )

            self._run(arguments, self._work / "stdout.txt", show)
            progress.finish(f"all {wanted} programs ready")

    def _run(self, arguments: list[str], output: Path, show: Callable[[], None]) -> None:
        with output.open("wb") as stdout, self._log.open("wb") as stderr:
            process = subprocess.Popen(
                [self._go, *arguments],
                cwd=self._module.folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                # A group of its own, to kill it whole: `go` may be a wrapper, and starts many compilers.
                start_new_session=True,
                # If this process is killed with no chance to kill Go, Go holds the lock on until it ends.
                pass_fds=[self._lock],
            )
            try:
                while process.poll() is None:
                    show()
                    time.sleep(0.2)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        if process.returncode != 0:
            raise ControlPlaneError(
                f"go {arguments[0]} failed with exit code {process.returncode}; "
                f"the end of {self._log}:\n{self._complaints()}"
            )

    def _complaints(self) -> str:
        """The end of the log without the lines that only name a package."""
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join([line for line in lines if " " in line][-15:])

    def _environment(self) -> dict[str, str]:
        """The user's environment (proxy, certificates, GOPROXY, GOSUMDB) with what this build needs to differ."""
        return os.environ | {
            "GOOS": "linux",
            "GOARCH": self._recipe.architecture,
            "CGO_ENABLED": "0",
            "GOFLAGS": "",
            "GOWORK": "off",
            "GOTOOLCHAIN": "local",
            "GOCACHE": str(self._work / "gocache"),
            "GOMODCACHE": str(self._work / "gomodcache"),
            "GOTMPDIR": str(self._work / "tmp"),
        }


def _find_go(module: Module, oldest: tuple[int, ...]) -> str:
    go = shutil.which("go")
    wanted = ".".join(map(str, oldest[:2]))
    if not go:
        raise ControlPlaneError(f"building {module.name} needs Go {wanted}; run this through ./taskw, which brings it")
    said = subprocess.run(
        [go, "version"], capture_output=True, text=True, check=False, env=os.environ | {"GOTOOLCHAIN": "local"}
    ).stdout
    found = re.search(r"\bgo(\d+(\.\d+)+)", said)
    if not found or _numbers(found[1]) < oldest:
        raise ControlPlaneError(
            f"building {module.name} needs Go {wanted}, but {go} is {found[1] if found else 'no Go'}; "
            f"run this through ./taskw, which brings it"
        )
    return go


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _check_disk(module: Module, work: Path) -> None:
    free = shutil.disk_usage(work).free
    # What an interrupted build left counts: it is part of what a build takes.
    if free + (used := _size(work)) < module.disk_bytes:
        raise ControlPlaneError(
            f"building {module.name} needs {(module.disk_bytes - used) / GIGABYTE:.1f} GB of disk, "
            f"{work} has {free / GIGABYTE:.1f} GB free; free some, or set XDG_CACHE_HOME to a folder on another disk"
        )


def _size(folder: Path) -> int:
    return sum((Path(parent) / name).lstat().st_size for parent, _, names in os.walk(folder) for name in names)


def _check_memory(module: Module) -> int:
    available = available_memory()
    if available < MEMORY_BYTES:
        raise ControlPlaneError(
            f"building {module.name} needs {MEMORY_BYTES / GIGABYTE:.0f} GB of memory, "
            f"{available / GIGABYTE:.1f} GB are available; end other programs first"
        )
    return available


def available_memory() -> int:
    """Bytes that programs can still get without swapping."""
    meminfo = Path("/proc/meminfo").read_text(encoding="ascii")
    found = re.search(r"^MemAvailable:\s+(\d+) kB$", meminfo, re.MULTILINE)
    if not found:
        raise ControlPlaneError("/proc/meminfo: no MemAvailable")
    return int(found[1]) * 1024


def _parallel(memory: int) -> int:
    """How many compilers at once: one a core, and a gigabyte for each."""
    return max(1, min(os.cpu_count() or 1, memory // GIGABYTE))
