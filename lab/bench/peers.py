"""Build kro and Flux' kustomize-controller from the Go module proxy, once, into the user's cache.

<cache>/<name>-<version>-<processor>/   the program and its crds/, whole: the folder appears by one rename
<cache>/build/                          what a build is at, with Go's caches; removed when the build is whole
<cache>/build.lock                      held by a build and by every process that it starts
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lab.bench.errors import BenchError
from lab.controlplane import build as controlplane_build
from lab.controlplane import console, locks, paths

GIGABYTE = 10**9
DISK_BYTES = 5 * GIGABYTE
MEMORY_BYTES = 2 * GIGABYTE


@dataclass(frozen=True)
class Source:
    """A version of a Go module, whose zip the module proxy has."""

    module: str
    version: str

    def __str__(self) -> str:
        return f"{self.module}@{self.version}"


@dataclass(frozen=True)
class Peer:
    """A program that nuvop is compared with, and where its CRDs are: folders in the sources of Go modules."""

    name: str
    source: Source
    package: str
    crds: tuple[tuple[Source, str], ...]
    drop_replace: tuple[str, ...] = ()
    """Modules that the peer's go.mod takes from a folder beside it, which its zip does not hold."""

    @property
    def folder(self) -> Path:
        """Where it is once it is built: the program, called `name`, and `crds/`."""
        return _cache() / f"{self.name}-{self.source.version}-{platform.machine()}"

    @property
    def program(self) -> Path:
        return self.folder / self.name


_KRO = Source("github.com/kubernetes-sigs/kro", "v0.9.4")
_FLUX = Source("github.com/fluxcd/kustomize-controller", "v1.9.5")
_FLUX_SOURCES = Source("github.com/fluxcd/source-controller", "v1.9.5")

KRO = Peer("kro", _KRO, "./cmd/controller", ((_KRO, "helm/crds"),))
FLUX = Peer(
    "kustomize-controller",
    _FLUX,
    ".",
    ((_FLUX, "config/crd/bases"), (_FLUX_SOURCES, "config/crd/bases")),
    drop_replace=("github.com/fluxcd/kustomize-controller/api",),
)


def ensure(peer: Peer) -> Peer:
    """The same peer, built now unless an earlier build made it. Raises BenchError."""
    if _is_whole(peer):
        return peer

    def waiting() -> None:
        console.say(f"another build of the peers is at work ({_cache() / 'build.lock'}); waiting for it")

    with locks.exclusive(_cache() / "build.lock", waiting=waiting) as lock:
        if not _is_whole(peer):  # the one that we waited for may have made it
            _build(peer, _cache() / "build", lock)
    return peer


def _cache() -> Path:
    return paths.cache().with_name("bench")


def _is_whole(peer: Peer) -> bool:
    """The folder comes whole, but a cleaner of caches may take single files."""
    return os.access(peer.program, os.X_OK) and any((peer.folder / "crds").glob("*.yaml"))


def _build(peer: Peer, work: Path, lock: int) -> None:
    go = _Go(work, lock)
    _check_machine(work)
    console.say(
        f"building {peer.source} with Go, once for this machine: about 4 minutes, niced;\n"
        f"  up to 5 GB in {work} meanwhile, 0.2 GB in {peer.folder} afterwards"
    )
    source, result = work / "source", work / "result"
    for leftover in (source, result, go.temporary):
        shutil.rmtree(leftover, ignore_errors=True)
        leftover.mkdir(parents=True)
    (result / "crds").mkdir()
    for crds, folder in peer.crds:
        for file in sorted((go.download(crds) / folder).glob("*.yaml")):
            shutil.copyfile(file, result / "crds" / file.name)
    # The module cache is shared by what Go builds later; a copy may be changed. Its files are read-only.
    shutil.copytree(go.download(peer.source), source, dirs_exist_ok=True, copy_function=shutil.copyfile)
    for module in peer.drop_replace:
        go.run(source, "mod", "edit", f"-dropreplace={module}")
    go.run(
        source, "build", "-buildvcs=false", "-trimpath", "-ldflags=-s -w", "-o", f"{result / peer.name}", peer.package
    )
    shutil.rmtree(peer.folder, ignore_errors=True)
    result.rename(peer.folder)
    shutil.rmtree(work)
    console.say(f"built {peer.program}")


class _Go:
    """Runs go with caches of its own in `work`, niced, in a process group that is killed whole."""

    def __init__(self, work: Path, lock: int) -> None:
        go = shutil.which("go")
        if not go:
            raise BenchError("building kro and Flux needs Go; run this through ./taskw, which brings it")
        self._go = go
        self._lock = lock
        self._log = work / "build.log"
        self.temporary = work / "tmp"
        self._environment = os.environ | {
            "CGO_ENABLED": "0",
            # -mod=mod: a module's zip may lack entries of go.sum that a dropped replace needs.
            "GOFLAGS": "-mod=mod -modcacherw",
            "GOWORK": "off",
            "GOTOOLCHAIN": "local",
            "GOCACHE": str(work / "gocache"),
            "GOMODCACHE": str(work / "gomodcache"),
            "GOTMPDIR": str(self.temporary),
        }

    def download(self, source: Source) -> Path:
        """The folder of a module's files, as the proxy has them."""
        found: str = json.loads(self.run(self.temporary, "mod", "download", "-json", str(source)))["Dir"]
        return Path(found)

    def run(self, folder: Path, *arguments: str) -> str:
        """Run go in a folder, return what it printed; BenchError with the end of its log where it failed."""
        with self._log.open("w+", encoding="utf-8") as log:
            process = subprocess.Popen(
                ["nice", "-n", "10", self._go, *arguments],
                cwd=folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
                # If this process is killed with no chance to kill Go, Go holds the lock on until it ends.
                pass_fds=[self._lock],
            )
            try:
                printed, _ = process.communicate()
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            if process.returncode != 0:
                log.seek(0)
                said = "".join([printed, *log.readlines()[-15:]])  # go mod download -json tells its error in the JSON
                raise BenchError(f"go {' '.join(arguments)} failed with exit code {process.returncode}:\n{said}")
        return printed


def _check_machine(work: Path) -> None:
    work.mkdir(parents=True, exist_ok=True)
    free, memory = shutil.disk_usage(work).free, controlplane_build.available_memory()
    if free < DISK_BYTES:
        raise BenchError(
            f"building kro and Flux needs {DISK_BYTES / GIGABYTE:.0f} GB of disk, {work} has {free / GIGABYTE:.1f} GB "
            "free; free some, or set XDG_CACHE_HOME to a folder on another disk"
        )
    if memory < MEMORY_BYTES:
        raise BenchError(
            f"building kro and Flux needs {MEMORY_BYTES / GIGABYTE:.0f} GB of memory, {memory / GIGABYTE:.1f} GB are "
            "available; end other programs first"
        )
