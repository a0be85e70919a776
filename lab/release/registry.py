"""Bring an image into a registry, by the program that has built it. A password goes through a pipe only."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from lab.image.engines import Buildah, Docker
from lab.release.errors import ReleaseError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.image.engines import Engine
    from lab.release.account import Account


def log_in(engine: Engine, account: Account) -> None:
    """Log in where there is a password. Raises ReleaseError."""
    if account.password:
        options = ["login", f"--username={account.user}", "--password-stdin", account.registry]
        _ask([*_command(engine), *options], account.password)


def push(engine: Engine, account: Account, name: str) -> str:
    """Push an image that has a name in the account's repository; return its name with its digest.

    By the digest no node can take another image of that name that it may have. Raises ReleaseError.
    """
    if isinstance(engine, Buildah):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "digest"
            _show([*engine.command, "push", f"--digestfile={file}", name, f"docker://{name}"])
            return f"{name}@{file.read_text().strip()}"
    command = _command(engine)
    _show([*command, "push", name])
    digests: list[str] = json.loads(_ask([*command, "image", "inspect", "--format={{json .RepoDigests}}", name]))
    # docker leaves out its own registry's name, podman does not.
    repositories = {account.repository, account.repository.removeprefix("docker.io/")}
    for digest in digests:
        repository, _, value = digest.partition("@")
        if repository in repositories:
            return f"{name}@{value}"
    raise ReleaseError(f"{command[0]} tells no digest of {name} after the push")


def _command(engine: Engine) -> list[str]:
    if isinstance(engine, Docker):
        return [engine.program]
    if isinstance(engine, Buildah):
        return engine.command
    raise TypeError(f"{engine!r} is none of the programs that are known here")


def _show(command: Sequence[str]) -> None:
    """Run what takes long, in the sight of who waits for it."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        raise ReleaseError(f"{command[0]} push failed with exit code {done.returncode}; it says above why")


def _ask(command: Sequence[str], stdin: str = "") -> str:
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ReleaseError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout
