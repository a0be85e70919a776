"""``nuvop completion``: a shell's completion script."""

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "fish", "zsh"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that makes a shell complete nuvop's commands and options.

    \b
    source <(nuvop completion bash)
    nuvop completion zsh > "${fpath[1]}/_nuvop"
    nuvop completion fish > ~/.config/fish/completions/nuvop.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 – click has the three that may be named
    click.echo(kind(context.find_root().command, {}, "nuvop", "_NUVOP_COMPLETE").source())
