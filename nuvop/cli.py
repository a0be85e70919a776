"""The command line: ``nuvop``, ``python -m nuvop``, and the ``kopf`` that serves nuvop's kinds by itself."""

import copy
import warnings
from typing import Any

import click
import kopf
import kopf.cli

from nuvop import logs
from nuvop.commands.check import check
from nuvop.commands.new import new
from nuvop.commands.plan import plan
from nuvop.commands.render import render
from nuvop.errors import NuvopError


class _Run(click.Command):
    """kopf's ``run``, with nuvop's handlers where no others are named."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the operator; an error that nuvop knows is one line and exit code 1."""
        if not ctx.params["modules"] and not ctx.params["paths"]:
            ctx.params["modules"] = ("nuvop.handlers",)
            logs.leave_start_errors_to_cli()
            # kopf's tasks that a failed start never gets to.
            warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
        try:
            return super().invoke(ctx)
        except (kopf.LoginError, NuvopError) as error:
            raise click.ClickException(str(error)) from error
        except Exception as error:
            # How kopf ends when a startup handler says that it cannot work.
            if isinstance(error.__cause__, kopf.PermanentError):
                raise click.ClickException(str(error.__cause__)) from error
            raise


def _run_command() -> click.Command:
    original = kopf.cli.main.commands["run"]
    return _Run(
        "run",
        params=original.params,
        callback=original.callback,
        help="Serve the kinds in $NUVOP_KINDS (kustomize/), or the handlers of PATHS and modules where they are named.",
    )


def kopf_main() -> None:
    """kopf's own command line; its ``run`` serves nuvop's kinds where no handlers are named."""
    group = copy.copy(kopf.cli.main)
    group.commands = {**group.commands, "run": _run_command()}
    group(prog_name="kopf")


@click.group(context_settings={"auto_envvar_prefix": "KOPF"})
@click.version_option(package_name="nuvop")
def _nuvop() -> None:
    """Turn folders of plain Kubernetes manifests into operators."""


for _command in (_run_command(), check, new, plan, render):
    _nuvop.add_command(_command)


def main() -> None:
    """The ``nuvop`` command."""
    _nuvop(prog_name="nuvop")
