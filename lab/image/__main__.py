"""`python -m lab.image`: build the operator's image from a shell."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lab import image
from lab.controlplane import ControlPlaneError, console
from lab.kinds import KindsError, kinds_option
from nuvop.errors import NuvopError

if TYPE_CHECKING:
    from collections.abc import Sequence


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("name", required=False)
@kinds_option
def command(name: str | None, kinds: Sequence[Path]) -> None:
    """Build the operator's image as NAME (default: nuvop:<version>), and tell how large it is."""
    built = image.build(name or f"nuvop:{image.version()}", kinds)
    with tempfile.TemporaryDirectory() as folder:
        size = built.megabytes(built.save(Path(folder) / "image.tar"))
    console.say(f"{built.name} is built: {size:.0f} MB beyond {built.base}; to push it:")
    click.echo(built.engine.push_command(built.name))


def main() -> None:
    """Run the command. Exit code 1: it failed, and one line on stderr says why."""
    with console.ending(image.ImageError, KindsError, NuvopError, ControlPlaneError):
        command()


if __name__ == "__main__":
    main()
