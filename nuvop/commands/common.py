"""What the commands have in common: options, exit codes, and how an error is told."""

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO, TypeVar

import click

from nuvop import settings, yamltext
from nuvop.errors import NuvopError
from nuvop.objects import NO_UID
from nuvop.settings import Settings

Result = TypeVar("Result")
Command = TypeVar("Command", bound=Callable[..., Any])


def kinds_option(command: Command) -> Command:
    """``--kinds FOLDER``, repeatable, in the place of $NUVOP_KINDS."""
    return click.option(
        "--kinds",
        "folders",
        multiple=True,
        type=click.Path(path_type=Path),
        metavar="FOLDER",
        allow_from_autoenv=False,
        help="A kind's folder, or a folder of them; may be repeated. Without it $NUVOP_KINDS, else kustomize/.",
    )(command)


def file_option(command: Command) -> Command:
    """``-f FILE``, which may be ``-`` for standard input."""
    return click.option(
        "-f", "--filename", "file", type=click.File(), required=True, help="A file of custom resources; - is stdin."
    )(command)


def namespace_option(command: Command) -> Command:
    """``-n NAMESPACE``, for what names none."""
    return click.option("-n", "--namespace", metavar="NAMESPACE", help="The namespace of what names none.")(command)


def color_option(command: Command) -> Command:
    """``--color`` and ``--no-color``, which count more than the terminal and the environment."""
    return click.option(
        "--color/--no-color",
        default=None,
        allow_from_autoenv=False,
        expose_value=False,
        callback=_take_color,
        help="Print colours, or none, wherever the output goes.",
    )(command)


def _take_color(context: click.Context, _: click.Parameter, value: bool | None) -> None:
    if value is not None:
        context.color = value


def read_settings(folders: tuple[Path, ...]) -> Settings:
    """The settings from the environment, with the kinds of the command line where it names some."""
    known = settings.from_environment(os.environ)
    return replace(known, kinds=tuple(folder.absolute() for folder in folders)) if folders else known


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a command's work to its end; an error that nuvop knows is one line and exit code 1."""
    with told():
        return asyncio.run(work)


@contextmanager
def told() -> Iterator[None]:
    """Tell an error that nuvop knows in one line, and end with exit code 1."""
    try:
        yield
    except NuvopError as error:
        raise click.ClickException(str(error)) from error


def custom_resources(file: TextIO, namespace: str) -> list[dict[str, Any]]:
    """The custom resources of a file, each with a namespace; raise ClickException where one is none."""
    try:
        documents = yamltext.load_all(file.read())
    except (yamltext.NotYaml, UnicodeDecodeError) as error:
        raise click.ClickException(f"{file.name}: is not YAML: {error}") from error
    found = []
    for document in documents:
        items = document["items"] if _is_list(document) else [document]
        found += [_with_namespace(file.name, item, namespace) for item in items]
    if not found:
        raise click.ClickException(f"{file.name}: there is no object in it")
    return found


def _is_list(document: Any) -> bool:
    return isinstance(document, dict) and document.get("kind") == "List" and isinstance(document.get("items"), list)


def _with_namespace(file: str, document: Any, namespace: str) -> dict[str, Any]:
    match document:
        case {"apiVersion": str(), "kind": str(), "metadata": {"name": str()} as metadata}:
            return {**document, "metadata": _completed(metadata, namespace)}
    raise click.ClickException(f"{file}: an object in it has no apiVersion, kind or metadata.name")


def for_rendering(cr: Mapping[str, Any], uid: str | None = None) -> dict[str, Any]:
    """A custom resource with all that an overlay is made of, where it has none: a namespace, and a uid."""
    metadata = _completed(cr["metadata"], "default")
    return {**cr, "metadata": {**metadata, "uid": metadata.get("uid") or uid or NO_UID}}


def _completed(metadata: Mapping[str, Any], namespace: str) -> dict[str, Any]:
    return {**metadata, "namespace": metadata.get("namespace") or namespace}
