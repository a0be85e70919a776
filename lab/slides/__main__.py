"""`python -m lab.slides`: build the slides from a shell."""

from __future__ import annotations

from pathlib import Path

import click

from lab import debian
from lab.controlplane import console
from lab.slides import build
from lab.slides.errors import SlidesError


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--into", type=click.Path(path_type=Path, file_okay=False), default=build.INTO, help="The folder.")
@click.option("--pictures", is_flag=True, help="A PNG of each slide, too, to look at.")
def command(into: Path, *, pictures: bool) -> None:
    """Build lab/slides.md: one HTML file that needs no other, and a PDF."""
    for path in build.all_of_it(into, pictures=pictures):
        click.echo(path)


def main() -> None:
    """Run the command. Exit code 1: it failed, and one line on stderr says why."""
    with console.ending(SlidesError, debian.DebianError):
        command()


if __name__ == "__main__":
    main()
