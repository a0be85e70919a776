"""The command line: ``nuvop``, ``python -m nuvop``, and the ``kopf`` that serves nuvop's kinds by itself."""

import copy
import os
import re
import sys
import warnings
from typing import Any

import click
import kopf
import kopf.cli

from nuvop import logs
from nuvop.commands import common
from nuvop.commands.check import check
from nuvop.commands.completion import COMPLETE_VARIABLE, completion, for_kubectl
from nuvop.commands.new import new
from nuvop.commands.plan import plan
from nuvop.commands.rbac import rbac
from nuvop.commands.render import render
from nuvop.commands.tree import tree
from nuvop.errors import NuvopError
from nuvop.settings import KINDS_VARIABLE

HANDLERS = "nuvop.handlers"
"""The module with nuvop's own handlers; it reads the settings when it is loaded."""


class _Run(click.Command):
    """kopf's ``run``, with errors as the other commands have them."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the operator; an error that nuvop knows is one line and exit code 1."""
        if HANDLERS in ctx.params["modules"]:
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


class _KopfRun(_Run):
    """``kopf run``: nuvop's handlers where no others are named."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the handlers that are named, or nuvop's."""
        if not ctx.params["modules"] and not ctx.params["paths"]:
            ctx.params["modules"] = (HANDLERS,)
        return super().invoke(ctx)


class _NuvopRun(_Run):
    """``nuvop run``: nuvop's handlers, and those that are named beside them."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run nuvop's handlers with the kinds of the command line, and those that are named."""
        ctx.params["modules"] = (HANDLERS, *ctx.params["modules"])
        if folders := ctx.params.pop("folders"):
            # The handlers take their settings from the environment, before anybody could hand them over.
            os.environ[KINDS_VARIABLE] = os.pathsep.join(str(folder.absolute()) for folder in folders)
        return super().invoke(ctx)


_RUN = kopf.cli.main.commands["run"]

_kopf_run = _KopfRun(
    "run",
    params=[*_RUN.params],
    callback=_RUN.callback,
    help="Serve the kinds in $NUVOP_KINDS (kustomize/), or the handlers of PATHS and modules where they are named.",
)

_nuvop_run = _NuvopRun(
    "run",
    params=[*_RUN.params],
    callback=_RUN.callback,
    help="""Run the operator: serve the kinds, and the kopf handlers of PATHS and modules beside them.

    Handlers of your own may do what a kind cannot say: timers, webhooks, daemons (docs/extending.md).

    Exit code 1 where it cannot start, with the reason in one line.

    \b
    nuvop run -n demo
    nuvop run -A --kinds ./my-kinds --kinds ./others/web
    nuvop run -n demo extra.py
    """,
)
_nuvop_run = common.kinds_option(_nuvop_run)


def kopf_main() -> None:
    """kopf's own command line; its ``run`` serves nuvop's kinds where no handlers are named."""
    group = copy.copy(kopf.cli.main)
    group.commands = {**group.commands, "run": _kopf_run}
    group(prog_name="kopf")


@click.group(name="nuvop", context_settings={"auto_envvar_prefix": "KOPF"})
@click.version_option(package_name="nuvop")
@common.color_option
def _nuvop() -> None:
    """Turn folders of plain Kubernetes manifests into operators.

    Output has colours on a terminal only, and not where $NO_COLOR is set; --color and --no-color have the last word.

    Exit code 0 where all is as it should be, 1 for an error, of the command line too, 2 where a command has found
    something that it was asked to look for: `plan` changes, `tree` that something is wrong. 130 after Ctrl-C.
    """


COMMANDS: click.Group = _nuvop
for _command in (check, completion, new, plan, rbac, render, tree):
    COMMANDS.add_command(common.color_option(_command))
COMMANDS.add_command(_nuvop_run)


def main() -> None:
    """The ``nuvop`` command."""
    _main("nuvop")


def kubectl_plugin() -> None:
    """``kubectl nuvop``: kubectl finds a program ``kubectl-nuvop`` on PATH
    (https://kubernetes.io/docs/tasks/extend-kubectl/kubectl-plugins/).
    """
    for command in COMMANDS.commands.values():
        command.help = _EXAMPLE.sub(r"\g<before>kubectl nuvop ", command.help or "")
    _main("kubectl nuvop")


def kubectl_complete() -> None:
    """``kubectl_complete-nuvop WORD…``, which kubectl runs to complete the last word of ``kubectl nuvop WORD…``."""
    click.echo(for_kubectl(COMMANDS, sys.argv[1:]))


_EXAMPLE = re.compile(r"(?P<before>^ *|[|`(] ?)nuvop ", re.MULTILINE)
"""Where a help text names the program."""


def _main(name: str) -> None:
    # click's own 2 is the code of what `plan` and `tree` find.
    click.UsageError.exit_code = 1
    COMMANDS(prog_name=name, complete_var=COMPLETE_VARIABLE, color=_color())


def _color() -> bool | None:
    """False where nobody wants colours (https://no-color.org); None for only on a terminal."""
    return False if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" else None
