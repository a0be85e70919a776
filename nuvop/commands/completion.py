"""``nuvop completion``: a shell's completion script; and what kubectl asks to complete ``kubectl nuvop``."""

from collections.abc import Sequence

import click
from click.shell_completion import ShellComplete, get_completion_class

COMPLETE_VARIABLE = "_NUVOP_COMPLETE"
"""The environment variable by which a shell's script asks for completions."""


@click.command()
@click.argument("shell", type=click.Choice(["bash", "fish", "zsh"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that makes a shell complete nuvop's commands, options and custom resources.

    `kubectl nuvop` needs none but kubectl's own, and kubectl_complete-nuvop on PATH, which is installed beside nuvop.

    \b
    source <(nuvop completion bash)
    nuvop completion zsh > "${fpath[1]}/_nuvop"
    nuvop completion fish > ~/.config/fish/completions/nuvop.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 – click has the three that may be named
    click.echo(kind(context.find_root().command, {}, "nuvop", COMPLETE_VARIABLE).source())


_FILES, _NO_FILES = ":0", ":4"
"""What kubectl's script does besides: complete names of files, or not (cobra's ShellCompDirective)."""


def for_kubectl(command: click.Command, words: Sequence[str]) -> str:
    """What the last of the words may become, as kubectl takes it from a plugin
    (https://kubernetes.io/docs/tasks/extend-kubectl/kubectl-plugins/, cobra's completions.go).
    """
    *before, incomplete = words or [""]
    found = ShellComplete(command, {}, "nuvop", COMPLETE_VARIABLE).get_completions(list(before), incomplete)
    lines = [f"{item.value}\t{item.help}" if item.help else item.value for item in found if item.type == "plain"]
    has_files = any(item.type in ("file", "dir") for item in found)
    return "\n".join([*lines, _FILES if has_files else _NO_FILES])
