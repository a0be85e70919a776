"""The account at a registry that `.env` tells of."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lab.release.errors import ReleaseError

if TYPE_CHECKING:
    from pathlib import Path

DOCKER_HUB = "docker.io"


@dataclass(frozen=True)
class Account:
    """A user of a registry. Without a ``password`` the container engine is logged in already."""

    user: str
    password: str = field(default="", repr=False)
    registry: str = DOCKER_HUB

    @property
    def repository(self) -> str:
        """Where its images of nuvop are."""
        return f"{self.registry}/{self.user}/nuvop"


def read(file: Path) -> Account:
    """Read it from a file of lines such as ``DOCKER_USER=jane``.

    Raises ReleaseError, which quotes no line of the file, where it is not there, is not of that form, or names no user.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        raise ReleaseError(f"{file} is not there: copy .env.example, and fill it in") from error
    except UnicodeDecodeError as error:
        raise ReleaseError(f"{file}: is no text in UTF-8: {error.reason} at byte {error.start}") from None
    found = dict(pair for number, line in enumerate(lines, start=1) if (pair := _variable(line, f"{file}:{number}")))
    if not found.get("DOCKER_USER"):
        raise ReleaseError(f"{file}: DOCKER_USER is missing, your name at the registry")
    return Account(found["DOCKER_USER"], found.get("DOCKER_PASSWORD", ""), found.get("DOCKER_REGISTRY") or DOCKER_HUB)


def _variable(line: str, place: str) -> tuple[str, str] | None:
    """The name and value in a line, as a shell would read them; None for a line that has none."""
    try:
        words = [word for word in shlex.split(line, comments=True) if word != "export"]
    except ValueError as error:
        raise ReleaseError(f"{place}: {error}") from error
    if not words:
        return None
    name, equals, value = words[0].partition("=")
    if len(words) > 1 or not equals:
        raise ReleaseError(f"{place}: a line reads NAME=value; a value with spaces or # in it stands in quotes")
    return name, value
