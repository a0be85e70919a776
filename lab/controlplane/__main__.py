"""`python -m lab.controlplane`: clusters from a shell."""

from __future__ import annotations

import shlex
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

import lab.image
from lab import controlplane
from lab.controlplane import console
from lab.controlplane.cluster import NODES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

NAME = "lab"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def commands() -> None:
    """A real Kubernetes on this machine without Docker; its nodes are simulated by kwok."""


@commands.command()
@click.argument("name", default=NAME)
@click.option("--nodes", default=NODES, show_default=True, type=click.IntRange(min=0), help="How many nodes.")
@click.option("--real-node", is_flag=True, help="This machine as one more node, which runs pods for real; needs root.")
def up(name: str, nodes: int, real_node: bool) -> None:
    """Create cluster NAME (default: lab), or find it running."""
    cluster = controlplane.up(name, nodes, real_node=real_node)
    console.say(f"cluster {name} is ready: Kubernetes {cluster.version} at {cluster.server}; to use it:")
    click.echo(_export(cluster))


@commands.command()
@click.argument("name", default=NAME)
def down(name: str) -> None:
    """Remove cluster NAME (default: lab) with its data."""
    removed = controlplane.down(name)
    console.say(f"cluster {name} is removed" if removed else f"there is no cluster {name}")


@commands.command()
@click.argument("image")
@click.argument("name", default=NAME)
def load(image: str, name: str) -> None:
    """Bring IMAGE, which was built here, into the real node of cluster NAME (default: lab)."""
    cluster = controlplane.find(name)
    engine = lab.image.engine()
    if not engine.has(image):
        raise lab.image.ImageError(f"there is no image {image} here: `task image IMAGE={image}` builds the operator's")
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "image.tar"
        engine.save(image, archive)
        cluster.node().load(archive, image)
    console.say(f"{image} is in the real node of cluster {name}")


@commands.command()
@click.argument("name", required=False)
def status(name: str | None) -> None:
    """List clusters: all, or only NAME."""
    found = [line for line in controlplane.status() if name in (None, line.name)]
    if not found:
        console.say(f"there is no cluster{f' {name}' if name else ''}; make one: python -m lab.controlplane up")
        return
    rows = [("NAME", "STATE", "VERSION", "NODES", "SERVER", "KUBECONFIG"), *map(_row, found)]
    click.echo("\n".join(_table(rows)))
    for line in found:
        if line.cluster and line.state == controlplane.State.RUNNING:
            console.say(f"to use {line.name}: {_export(line.cluster)}")


def _row(line: controlplane.Status) -> tuple[str, ...]:
    cluster = line.cluster
    nodes = f"{cluster.nodes}{' + 1 real' if cluster.real_node else ''}" if cluster else "-"
    facts = (cluster.version, nodes, cluster.server) if cluster else ("-", nodes, "-")
    return (line.name, line.state, *facts, str(line.kubeconfig))


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["   ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _export(cluster: controlplane.Cluster) -> str:
    return f"export KUBECONFIG={shlex.quote(str(cluster.kubeconfig))}"


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    # As an exception, so that what was started is killed on the way out; as for Ctrl-C.
    sys.exit(128 + number)


def main() -> None:
    """Run a command. Exit code 1: it failed, and one line on stderr says why."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    with console.ending(controlplane.ControlPlaneError, lab.image.ImageError):
        commands()


if __name__ == "__main__":
    main()
