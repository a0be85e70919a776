"""docs/kind-yaml.md: the reference of kind.yaml, from its JSON Schema."""

import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from pymdownx.slugs import slugify

from nuvop import yamltext

RULES = Path(__file__).parents[2] / "docs/kinds.md"

HEAD = """# kind.yaml

Every key of a kind's `kind.yaml`, written by `task docs` from its [JSON Schema](kind.schema.json), which
[editors](kinds.md#in-your-editor) take, too. [Kinds](kinds.md#kindyaml) tells what each is for, and its rules.

The schema knows what a line looks like. Whether the CRD has a field and the folder a child, and which fields are for
nuvop alone, `nuvop check` tells.
"""

_anchor = slugify(case="lower")


def page(schema: Mapping[str, Any]) -> str:
    """The page, as Markdown."""
    return "\n".join([HEAD, *_lines(schema)])


def _lines(schema: Mapping[str, Any]) -> Iterator[str]:
    definitions: Mapping[str, Any] = schema["definitions"]
    rules = dict(_rules(RULES.read_text()))
    described = partial(_described, definitions)
    for name, section in schema["properties"].items():
        yield f"## {name}\n"
        yield f"{section['description']}\n"
        if "const" in section:
            yield f"Must be `{section['const']}`.\n"
            continue
        yield f"{_sentence(described(section))}\n"
        if below := section.get("properties"):
            yield "| key | what | value | default |\n|---|---|---|---|"
            for key, value in below.items():
                default = f"`{value['default']}`" if "default" in value else ""
                yield f"| `{name}.{key}` | {value['description']} | {described(value)} | {default} |"
            yield ""
        (example,) = section["examples"]
        yield f"```yaml\n{yamltext.dump_readable({name: example})}```\n"
        if name in rules:
            yield f"Its rules: [{name}]({RULES.name}#{rules[name]}).\n"
    yield "## How lines are written\n"
    for definition in definitions.values():
        yield f"### {definition['title']}\n"
        yield f"{definition['description']}\n"


def _rules(markdown: str) -> Iterator[tuple[str, str]]:
    """The anchors of the sections of docs/kinds.md that are about one section of kind.yaml."""
    for heading, name in re.findall(r"^### ((\w+): .*)$", markdown, re.MULTILINE):
        yield name, _anchor(heading, "-")


def _described(definitions: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """What may stand there, in words; with a link where that has a syntax of its own."""
    described = partial(_described, definitions)
    match schema:
        case {"$ref": str(ref)}:
            title = definitions[ref.rpartition("/")[2]]["title"]
            return f"[{title}](#{_anchor(title, '-')})"
        case {"enum": values, "default": default}:
            return f"{' or '.join(f'`{value}`' for value in values)}; `{default}` where it is left out"
        case {"const": value}:
            return f"`{value}`"
        case {"anyOf": [one, {"type": "array"}, *more]}:
            return " or ".join([f"{described(one)}, or a list of such", *map(described, more)])
        case {"anyOf": options}:
            return " or ".join(map(described, options))
        case {"type": "integer", "minimum": least, "maximum": most}:
            return f"a number from {least} to {most}"
        case {"type": ["array", "null"], "items": items}:
            return f"a list; each item is {described(items)}"
        case {"propertyNames": keys, "additionalProperties": values}:
            return f"a mapping; each key is {described(keys)}, each value {described(values)}"
        case {"properties": members, "required": _}:
            return f"a mapping with {', '.join(f'`{name}`: {described(value)}' for name, value in members.items())}"
        case {"properties": members}:
            return f"a mapping with {' and '.join(f'`{name}`' for name in members)}"
    raise ValueError(f"no words for {schema}")


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
