"""The command line: ``nuvop``, ``python -m nuvop``, and the ``kopf`` that serves nuvop's kinds by itself."""

import copy
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
import kopf.cli

from nuvop.commands import common
from nuvop.commands.check import check
from nuvop.commands.completion import COMPLETE_VARIABLE, completion, for_kubectl
from nuvop.commands.new import new
from nuvop.commands.plan import plan
from nuvop.commands.rbac import rbac
from nuvop.commands.render import render
from nuvop.commands.run import kopf_run, run
from nuvop.commands.tree import tree


def kopf_main() -> None:
    """kopf's own command line; its ``run`` serves nuvop's kinds where no handlers are named."""
    group = copy.copy(kopf.cli.main)
    group.commands = {**group.commands, "run": kopf_run}
    group(prog_name="kopf")


@contextmanager
def _usage_errors_as_errors() -> Iterator[None]:
    """click's own exit code 2 is that of what `plan` and `tree` find."""
    try:
        yield
    except click.UsageError as error:
        error.exit_code = 1  # type: ignore[misc] # a class variable that every error has for itself
        raise


@contextmanager
def _interrupted_as_in_a_shell() -> Iterator[None]:
    """Ctrl-C is no error: it ends a command with the exit code that a shell has for it."""
    try:
        yield
    except (KeyboardInterrupt, click.Abort) as error:
        # At a question click makes an Abort of it, and of the end of the input, too.
        if isinstance(error, click.Abort) and not isinstance(error.__context__, KeyboardInterrupt):
            raise
        click.echo(err=True)
        raise click.exceptions.Exit(common.INTERRUPTED) from None


class _Commands(click.Group):
    def make_context(self, *args: Any, **more: Any) -> click.Context:
        with _usage_errors_as_errors():
            return super().make_context(*args, **more)

    def invoke(self, ctx: click.Context) -> Any:
        with _usage_errors_as_errors(), _interrupted_as_in_a_shell():
            return super().invoke(ctx)


@click.group(name="nuvop", cls=_Commands)
@click.version_option(package_name="nuvop")
@common.color_option
def _nuvop() -> None:
    """Turn folders of plain Kubernetes manifests into operators.

    Output has colours on a terminal only, and not where $NO_COLOR is set; --color and --no-color have the last word.

    Exit code 0 where all is as it should be, 1 for an error, of the command line too, 2 where a command has found
    something that it was asked to look for: `plan` changes, `tree` that something is wrong. 130 after Ctrl-C.
    """


COMMANDS: click.Group = _nuvop
for _command in (check, completion, new, plan, rbac, render, run, tree):
    COMMANDS.add_command(common.color_option(_command))


def main() -> None:
    """The ``nuvop`` command."""
    _call(COMMANDS, "nuvop")


def kubectl_plugin() -> None:
    """``kubectl nuvop``: kubectl finds a program ``kubectl-nuvop`` on PATH
    (https://kubernetes.io/docs/tasks/extend-kubectl/kubectl-plugins/).
    """
    group = copy.copy(COMMANDS)
    group.commands = {name: _as_plugin(command) for name, command in COMMANDS.commands.items()}
    _call(group, "kubectl nuvop")


def _as_plugin(command: click.Command) -> click.Command:
    """The same command, whose examples call it as kubectl does."""
    copied = copy.copy(command)
    copied.help = _EXAMPLE.sub(r"\g<before>kubectl nuvop ", command.help or "")
    return copied


def kubectl_complete() -> None:
    """``kubectl_complete-nuvop WORD…``, which kubectl runs to complete the last word of ``kubectl nuvop WORD…``."""
    click.echo(for_kubectl(COMMANDS, sys.argv[1:]))


_EXAMPLE = re.compile(r"(?P<before>^ *|[|`(] ?)nuvop ", re.MULTILINE)
"""Where a help text names the program."""


def _call(group: click.Group, name: str) -> None:
    group(prog_name=name, complete_var=COMPLETE_VARIABLE, color=_color())


def _color() -> bool | None:
    """False where nobody wants colours (https://no-color.org); None for only on a terminal."""
    return False if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" else None
