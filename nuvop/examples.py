"""The examples of a kind: custom resources in its folder, which have to be what the CRD says."""

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import jsonschema

from nuvop import crd, manifests, yamltext
from nuvop.errors import Place
from nuvop.kind_folder import EXAMPLES, EXPECTED
from nuvop.kinds import Kind
from nuvop.objects import REVISION_LABEL


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


def unfit(kind: Kind, example: Any) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """What keeps an example from being a custom resource of the kind: the way to a value, and what is wrong there."""
    if isinstance(example, str):
        yield (), example
        return
    match example:
        case {"apiVersion": str(api_version), "kind": str(name), "metadata": {"name": str()}}:
            group, _, version = api_version.rpartition("/")
        case _:
            yield (), "has no apiVersion, kind or metadata.name"
            return
    if (group, name) != (kind.resource.group, kind.resource.kind):
        yield ("kind",), f"is no {kind.resource.kind} of {kind.resource.group}, which this folder is for"
        return
    if version not in kind.crd.schemas:
        yield ("apiVersion",), f"the CRD has no version {version}; it has {', '.join(kind.crd.schemas)}"
        return
    if told := manifests.unfit_name(example["metadata"]["name"]):
        yield ("metadata", "name"), told
    yield from manifests.of_metadata(example["metadata"])
    validator = jsonschema.Draft202012Validator(_schema(kind.crd.schemas[version]))
    for error in sorted(validator.iter_errors(example), key=lambda found: list(map(str, found.absolute_path))):
        yield tuple(error.absolute_path), error.message


def untried(kind: Kind) -> Iterator[tuple[Place, str]]:
    """What of the CRD no example is tried against, because only Go's regular expressions have it."""
    for version, schema in kind.crd.schemas.items():
        place = Place(kind.folder / crd.FILE, kind.crd.schema_at(version))
        for at, pattern in crd.unknown_patterns(schema):
            told = f"{pattern!r} is none of the regular expressions that nuvop knows, which are Python's"
            yield Place(place.file, (*place.at, *at)), f"{told}: the examples are not tried against it"


def _schema(schema: crd.Schema) -> Mapping[str, Any]:
    """The schema of a whole object: the API server itself knows its metadata."""
    found = crd.json_schema(schema)
    properties = {**found.get("properties", {}), "apiVersion": {}, "kind": {}, "metadata": {}}
    return {**found, "properties": properties}


def are_alike(rendered: str, expected: str) -> bool:
    """Whether an example becomes what is expected; its revision changes with every word of the folder."""
    return _without_revision(rendered) == _without_revision(expected)


def _without_revision(text: str) -> str:
    return re.sub(rf"^ *{re.escape(REVISION_LABEL)}: .*\n", "", text, flags=re.MULTILINE)
