"""What the commands have in common: options, exit codes, and how an error is told."""

import asyncio
import os
import shlex
import signal
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TextIO, TypeVar

import click

from nuvop import objects, settings, validation, yamltext
from nuvop.errors import NuvopError, Place
from nuvop.fields import Pointer
from nuvop.kinds import Kind
from nuvop.objects import NO_UID
from nuvop.settings import Settings

INTERRUPTED, TERMINATED = 128 + signal.SIGINT, 128 + signal.SIGTERM
"""Exit codes as a shell has them."""

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


def namespace_option(text: str) -> Callable[[Command], Command]:
    """``-n NAMESPACE``, with its help text."""
    return click.option("-n", "--namespace", metavar="NAMESPACE", callback=_checked_namespace, help=text)


def _checked_namespace(_: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value and not objects.is_namespace(value):
        raise click.BadParameter(f"{value!r} {objects.NO_NAMESPACE}", param=param)
    return value


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


def here(path: Path) -> Path:
    """A path as the user would type it here."""
    place = Path.cwd()
    return path.relative_to(place) if path.is_relative_to(place) else path


def typed(path: Path) -> str:
    """A path as a word of a command that the user may type here."""
    return shlex.quote(str(here(path)))


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


@dataclass(frozen=True)
class Given:
    """A custom resource of a file, with a namespace, and where it stands in the file's ``text``."""

    cr: dict[str, Any]
    place: Place
    text: str = field(repr=False)

    def misfits(self, kind: Kind) -> list[str]:
        """What the API server would refuse of it, each thing with file, line and field."""
        return [f"{self._at(way)}: {message}" for way, message in validation.unfit(kind.crd, self.cr, kind.secrets)]

    def _at(self, way: Pointer) -> Place:
        at = (*self.place.at, *way)
        return replace(self.place, at=at, line=yamltext.line_of(self.text.encode(), at, self.place.document))


def custom_resources(file: TextIO, namespace: str) -> list[Given]:
    """The custom resources of a file, each with a namespace; raise ClickException where one is none."""
    try:
        text = file.read()
        documents = yamltext.load_all(text)
    except (yamltext.NotYaml, UnicodeDecodeError) as error:
        raise click.ClickException(f"{file.name}: is not YAML: {error}") from error
    found = [
        Given(_with_namespace(file.name, each, namespace), place, text)
        for index, document in enumerate(documents)
        for each, place in _listed(document, Place(Path(file.name), document=index))
    ]
    if not found:
        raise click.ClickException(f"{file.name}: there is no object in it")
    return found


def _listed(document: Any, place: Place) -> Iterator[tuple[Any, Place]]:
    """The objects of a document, which may be a list of them."""
    match document:
        case {"kind": "List", "items": list(items)}:
            for index, item in enumerate(items):
                yield item, place / "items" / index
        case _:
            yield document, place


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
