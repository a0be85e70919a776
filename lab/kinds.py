"""The kinds that an image holds and a deployment is for: those in kustomize/, or the user's own by `KINDS=…`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lab.controlplane import console
from lab.controlplane.paths import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterable

SHIPPED = (PROJECT / "kustomize",)


class KindsError(Exception):
    """One message that says which kinds cannot be taken, and why."""


class _Folders(click.ParamType[tuple[Path, ...]]):
    """Kinds' folders, or folders of them, with ``:`` between, as NUVOP_KINDS names them."""

    name = "folders"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[Path, ...]:
        if isinstance(value, tuple):  # the default
            return value
        folders = tuple(Path(part).absolute() for part in str(value).split(os.pathsep) if part)
        if not folders:
            # An unset variable of the user's must not become "those that come with nuvop".
            self.fail(f"{value!r} names no folder; leave it out, and it is kustomize/", param, ctx)
        return folders


kinds_option = click.option(
    "--kinds",
    type=_Folders(),
    default=SHIPPED,
    show_default="kustomize",
    help="The kinds: a kind's folder, or a folder of them; several with : between.",
)


def check(folders: Iterable[Path]) -> None:
    """Have `nuvop check` say what it finds in them; raise KindsError where there is an error among it."""
    command: list[str | Path] = [sys.executable, "-m", "nuvop", "check", *folders]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=PROJECT)
    console.say((done.stdout + done.stderr).strip())
    if done.returncode != 0:
        raise KindsError("nuvop check finds errors in the kinds; mend them first")
