"""The examples of a kind: custom resources in its folder, which have to be what the CRD says."""

import re
from collections.abc import Iterator
from typing import Any

from nuvop import crd, validation, yamltext
from nuvop.errors import Place
from nuvop.kind_folder import EXAMPLES
from nuvop.kinds import Kind
from nuvop.objects import REVISION_LABEL
from nuvop.validation import Misfit


def of(kind: Kind) -> Iterator[tuple[Place, Any]]:
    """The documents of the example files, each with its place; a file that is no YAML is a text."""
    for name, content in kind.files.items():
        if name.startswith(EXAMPLES) and name.endswith((".yaml", ".yml")):
            file = kind.folder / name
            try:
                for index, document in enumerate(yamltext.load_all(content)):
                    yield Place(file, document=index), document
            except yamltext.NotYaml as error:
                yield Place(file), f"is not YAML: {error}"


def unfit(kind: Kind, example: Any) -> Iterator[Misfit]:
    """What keeps an example from being a custom resource of the kind."""
    if isinstance(example, str):
        yield (), example
    else:
        yield from validation.unfit(kind.crd, example)


def untried(kind: Kind) -> Iterator[tuple[Place, str]]:
    """What of the CRD no example is tried against, because only Go's regular expressions have it."""
    for index, schema in enumerate(kind.crd.schemas.values()):
        place = Place(kind.folder / crd.FILE, ("spec", "versions", index, "schema", "openAPIV3Schema"))
        for at, pattern in crd.unknown_patterns(schema):
            told = f"{pattern!r} is none of the regular expressions that nuvop knows, which are Python's"
            yield Place(place.file, (*place.at, *at)), f"{told}: the examples are not tried against it"


def are_alike(rendered: str, expected: str) -> bool:
    """Whether an example becomes what is expected; its revision changes with every word of the folder."""
    return _without_revision(rendered) == _without_revision(expected)


def _without_revision(text: str) -> str:
    return re.sub(rf"^ *{re.escape(REVISION_LABEL)}: .*\n", "", text, flags=re.MULTILINE)
