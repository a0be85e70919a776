"""The examples of a kind: custom resources in its folder, which have to be what the CRD says."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema

from nuvop import crd, yamltext
from nuvop.errors import Place
from nuvop.kind_folder import EXAMPLES
from nuvop.kinds import Kind
from nuvop.objects import REVISION_LABEL


def of(kind: Kind) -> Iterator[tuple[Place, Any]]:
    """The documents of the example files, each with its place; a file that is no YAML is a text."""
    for name, content in kind.files.items():
        if name.startswith(EXAMPLES) and name.endswith((".yaml", ".yml")):
            place = Place(kind.folder / name)
            try:
                for document in yamltext.load_all(content):
                    yield place, document
            except yamltext.NotYaml as error:
                yield place, f"is not YAML: {error}"


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
    validator = jsonschema.Draft202012Validator(_schema(kind.crd.schemas[version]))
    for error in sorted(validator.iter_errors(example), key=lambda found: list(map(str, found.absolute_path))):
        yield tuple(error.absolute_path), error.message


def untried(kind: Kind) -> Iterator[tuple[Place, str]]:
    """What of the CRD no example is tried against, because only Go's regular expressions have it."""
    for index, schema in enumerate(kind.crd.schemas.values()):
        place = Place(kind.folder / crd.FILE, ("spec", "versions", index, "schema", "openAPIV3Schema"))
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
