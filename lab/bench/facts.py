"""Under which conditions was measured: the machine, the versions, the date."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import platform
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import nuvop
from lab.bench import peers
from lab.bench.contestants import CONCURRENCY
from lab.bench.place import PROGRAMS
from lab.controlplane.build import Recipe


@dataclass(frozen=True)
class Facts:
    """What stands beside the figures."""

    date: str
    machine: str
    versions: str
    samples: int
    """How often one alone was measured."""


def gather(samples: int) -> Facts:
    """The facts of now and here."""
    return Facts(datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"), _machine(), _versions(), samples)


def _machine() -> str:
    cpu = re.search(r"^model name\s*:\s*(.+)$", _text("/proc/cpuinfo"), re.MULTILINE)
    memory = re.search(r"^MemTotal:\s*(\d+) kB$", _text("/proc/meminfo"), re.MULTILINE)
    gigabytes = f"{int(memory[1]) / 2**20:.0f} GiB of memory" if memory else "memory unknown"
    model = cpu[1] if cpu else platform.machine()
    return f"{os.cpu_count()} cores ({model}), {gigabytes}, Linux {platform.release()}"


def _text(path: str) -> str:
    return Path(path).read_text(encoding="utf-8")


def _versions() -> str:
    kubectl = json.loads(_output(str(PROGRAMS / "kubectl"), "version", "--client", "--output=json"))
    return ", ".join(
        [
            f"nuvop {importlib.metadata.version('nuvop')} ({_commit(Path(nuvop.__file__).parent)})",
            f"kro {peers.KRO.source.version.removeprefix('v')} ({CONCURRENCY} concurrent reconciles)",
            f"Flux kustomize-controller {peers.FLUX.source.version.removeprefix('v')} (--concurrent={CONCURRENCY})",
            f"kopf {importlib.metadata.version('kopf')}",
            f"Kubernetes {Recipe.of_this_machine().version.removeprefix('v')}",
            f"kubectl {kubectl['clientVersion']['gitVersion'].removeprefix('v')}",
            f"Python {platform.python_version()}",
        ]
    )


def _commit(folder: Path) -> str:
    """The commit that a folder is at, and whether it differs from that."""
    commit = _output("git", "-C", str(folder), "rev-parse", "--short", "HEAD")
    changes = _output("git", "-C", str(folder), "status", "--porcelain", "--", ".")
    return f"{commit or 'no commit'}{', with changes' if changes else ''}"


def _output(*command: str) -> str:
    """What a command prints; nothing where it fails, as git does outside of a checkout."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""
