"""The command line: ``nuvop``, ``python -m nuvop``, and the ``kopf`` that serves nuvop's kinds by itself."""

import copy

import click
import kopf.cli

from nuvop.commands.render import render
from nuvop.commands.run import kopf_run, run


def kopf_main() -> None:
    """kopf's own command line; its ``run`` serves nuvop's kinds where no handlers are named."""
    group = copy.copy(kopf.cli.main)
    group.commands = {**group.commands, "run": kopf_run}
    group(prog_name="kopf")


@click.group()
@click.version_option(package_name="nuvop")
def _nuvop() -> None:
    """Turn folders of plain Kubernetes manifests into operators."""


for _command in (run, render):
    _nuvop.add_command(_command)


def main() -> None:
    """The ``nuvop`` command."""
    _nuvop(prog_name="nuvop")
