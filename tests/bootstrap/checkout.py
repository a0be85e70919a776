"""A checkout of this project for taskw to work in, on a computer that has little."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# What the computer has beside Python: nothing that taskw brings.
PROGRAMS = ("sh", "env", "cat", "ls", "uname", "dirname", "git")

BASE_PYTHON: str = sys._base_executable  # type: ignore[attr-defined] # not .venv's, which taskw may rebuild

# Stands in for the operator, whose start needs a cluster.
STAND_IN = """
import sys

def main() -> None:
    print("nuvop's main", sys.argv[1:])

def kopf_main() -> None:
    print("nuvop's kopf", sys.argv[1:])
"""

PROBE = """
version: "3"
tasks:
  where: {silent: true, cmds: [pwd]}
  fail: exit 7
  which: {silent: true, cmds: ["command -v task poetry kubectl kopf nuvop go"]}
"""


@dataclass(frozen=True)
class Checkout:
    """A copy of the project, and how to call taskw in it."""

    root: Path
    path: Path

    @classmethod
    def make(cls, folder: Path) -> "Checkout":
        """Copy what taskw needs into a folder whose path has a space."""
        root = folder / "a checkout"
        (root / "nuvop").mkdir(parents=True)
        for name in ("taskw", "Taskfile.yml", "pyproject.toml", "poetry.lock", "poetry.toml", "LICENSE"):
            shutil.copy2(ROOT / name, root)
        shutil.copytree(ROOT / "tools", root / "tools")
        (root / "nuvop" / "__init__.py").write_text('"""Stands in for nuvop."""\n')
        (root / "nuvop" / "cli.py").write_text(STAND_IN)
        (root / "probe.yml").write_text(PROBE)
        return cls(root, programs(folder / "programs"))

    @property
    def tools(self) -> Path:
        return self.root / ".tools"

    @property
    def venv(self) -> Path:
        return self.root / ".venv"

    def environment(self, extra: Mapping[str, str] = {}) -> dict[str, str]:
        """Return an environment of almost nothing, with an empty HOME."""
        kept = {name: value for name, value in os.environ.items() if is_network_setting(name)}
        # Only to spare the network: what was downloaded for this checkout serves its copies too.
        caches = {
            "PIP_CACHE_DIR": os.environ.get("PIP_CACHE_DIR", str(Path.home() / ".cache" / "pip")),
            "POETRY_CACHE_DIR": str(ROOT / ".tools" / "poetry" / "cache"),
        }
        return {**kept, **caches, "PATH": str(self.path), "HOME": "", **extra}

    def start(self, *arguments: str, cwd: Path | None = None, **extra: str) -> subprocess.Popen[str]:
        """Start taskw and do not wait."""
        return popen([str(self.root / "taskw"), *arguments], cwd or self.root, self.environment(extra))

    def taskw(self, *arguments: str, cwd: Path | None = None, **extra: str) -> subprocess.CompletedProcess[str]:
        """Run taskw."""
        return finish(self.start(*arguments, cwd=cwd, **extra))

    def run(self, *command: str, **extra: str) -> subprocess.CompletedProcess[str]:
        """Run another program in the checkout."""
        return finish(popen(command, self.root, self.environment(extra)))

    def act(self, preamble: str, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        """Run taskw in a Python that a preamble has changed."""
        taskw = str(self.root / "taskw")
        code = f"import runpy, sys\n{preamble}\nsys.argv = {[taskw, *arguments]!r}\n"
        return self.run("python3", "-c", code + f"runpy.run_path({taskw!r}, run_name='__main__')", **extra)


def popen(command: tuple[str, ...] | list[str], cwd: Path, environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    out, err = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def programs(folder: Path) -> Path:
    """Make a folder for PATH that has next to nothing."""
    folder.mkdir()
    (folder / "python3").symlink_to(BASE_PYTHON)
    for name in PROGRAMS:
        program = shutil.which(name)
        assert program, f"these tests need {name}"
        (folder / name).symlink_to(Path(program).resolve())
    return folder


def is_network_setting(name: str) -> bool:
    """Say whether this variable tells how to reach the package index from here."""
    return name.lower().endswith("_proxy") or name.startswith("PIP_") or name in {"SSL_CERT_FILE", "SSL_CERT_DIR"}
