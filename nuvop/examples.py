"""The examples of a kind: custom resources in its folder, which have to be what the CRD says."""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from nuvop import crd, validation, yamltext
from nuvop.errors import Place
from nuvop.kind_folder import EXAMPLES, EXPECTED
from nuvop.kinds import Kind
from nuvop.objects import REVISION_LABEL
from nuvop.problems import Fault


def of(kind: Kind) -> Iterator[tuple[Place, Any]]:
    """The documents of the example files, each with its place; a file that is no YAML is a text."""
    for name in _files(kind, EXAMPLES):
        place = Place(kind.folder / name)
        try:
            for index, document in enumerate(yamltext.load_all(kind.files[name])):
                yield replace(place, document=index), document
        except yamltext.NotYaml as error:
            yield place, f"is not YAML: {error}"


def _files(kind: Kind, under: str) -> list[str]:
    return [name for name in kind.files if name.startswith(under) and name.endswith((".yaml", ".yml"))]


def idle(kind: Kind) -> Iterator[tuple[Place, str]]:
    """Files that show nothing: examples without a custom resource, and what is expected of no example."""
    shown = {place.file for place, _ in of(kind)}
    for name in _files(kind, EXAMPLES):
        if kind.folder / name not in shown:
            yield Place(kind.folder / name), "has no custom resource in it: write one, or delete the file"
    examples = list(map(posixpath.basename, _files(kind, EXAMPLES)))
    for name in _files(kind, EXPECTED):
        example = name.removeprefix(EXPECTED)
        if example not in examples:
            told = f"there is no {EXAMPLES}{example} that could become this: write it, or delete the file"
            yield Place(kind.folder / name), told


def unfit(kind: Kind, example: Any) -> Iterator[Fault]:
    """What keeps an example from being a custom resource of the kind."""
    if isinstance(example, str):
        yield (), example
    else:
        yield from validation.unfit(kind.crd, example, kind.secrets)


def untried(kind: Kind) -> Iterator[tuple[Place, str]]:
    """What of the CRD no example is tried against, because only Go's regular expressions have it."""
    for version, schema in kind.crd.schemas.items():
        place = Place(kind.folder / crd.FILE, kind.crd.schema_at(version))
        for at, pattern in crd.unknown_patterns(schema):
            told = f"{pattern!r} is none of the regular expressions that nuvop knows, which are Python's"
            yield Place(place.file, (*place.at, *at)), f"{told}: the examples are not tried against it"


def are_alike(rendered: str, expected: str) -> bool:
    """Whether an example becomes what is expected; its revision changes with every word of the folder."""
    return _without_revision(rendered) == _without_revision(expected)


def _without_revision(text: str) -> str:
    return re.sub(rf"^ *{re.escape(REVISION_LABEL)}: .*\n", "", text, flags=re.MULTILINE)
