"""The command line's reference as Markdown: what ``--help`` says of every command; ``task docs`` writes docs/cli.md."""

from collections.abc import Iterator

import click

HEAD = """# Command line

What `nuvop --help` and `nuvop COMMAND --help` say, written by `task docs`. As a kubectl plugin it is called
`kubectl nuvop COMMAND`; options stand behind that (`kubectl nuvop tree sam/obj -n demo`), as kubectl takes none before
a plugin's name.
"""


def reference(group: click.Group, name: str) -> str:
    """The reference of all commands of a group that is called so."""
    return "\n".join([HEAD, *_sections(group, name)])


def _sections(group: click.Group, name: str) -> Iterator[str]:
    parent = click.Context(group, info_name=name, max_content_width=100)
    yield _fenced(group.get_help(parent))
    for called in group.list_commands(parent):
        command = group.get_command(parent, called)
        if command is not None and not command.hidden:
            context = click.Context(command, info_name=called, parent=parent, max_content_width=100)
            yield f"## {name} {called}\n"
            yield _fenced(command.get_help(context))


def _fenced(text: str) -> str:
    return f"```\n{text}\n```\n"
