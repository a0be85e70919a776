"""YAML as Kubernetes' tools mean it: JSON in another dress. Every file that nuvop reads or writes goes through here.

Written, every string is quoted, because kubectl reads YAML 1.1, to which a bare ``no`` is false. Read, what JSON has no
type for (a date, a lone ``=`` or ``<<``) stays the text that it is. ruamel's own parser is used, because libyaml's
refuses flow lists with a colon in an item, such as ``[https://…]``, which kustomize reads. PyYAML's C emitter writes:
it takes a quarter of ruamel's time, and every custom resource has a folder of files.
"""

import math
import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import islice
from typing import Any

import orjson
import yaml  # type: ignore[import-untyped]
from ruamel.yaml import YAML
from ruamel.yaml.constructor import ConstructorError, DuplicateKeyError, SafeConstructor
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

Json = Any


class NotYaml(ValueError):
    """The text is no YAML; says where and why on one line. ``line`` is where, counted from 1."""

    def __init__(self, message: str, line: int = 1) -> None:
        super().__init__(message)
        self.line = line


class KeyTwice(NotYaml):
    """A key stands twice in one mapping; the values, which may be a Secret's, are not told."""


_TOO_DEEP = "it is nested too deep"

_TWICE = re.compile('found duplicate key "(?P<key>.*?)" with value')


def _not_yaml(error: YAMLError | yaml.YAMLError) -> NotYaml:
    if isinstance(error, DuplicateKeyError):
        found = _TWICE.match(error.problem)
        return KeyTwice(
            f"{found['key'] if found else 'a key'!r} stands there twice: take one out", error.problem_mark.line + 1
        )
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    # Not the error's own text, which quotes the line: a password may stand there, read as an alias or a tag maybe.
    said = [getattr(error, name, None) or "" for name in ("context", "problem", "reason")]
    told = ", ".join(_NAMED.sub(r"\1", each) for each in said if each)
    return NotYaml(told or "it cannot be read", mark.line + 1 if mark else 1)


_NAMED = re.compile(r"(alias|anchor|tag) .*", re.DOTALL)


_INTEGERS = range(-(2**63), 2**64)
_INT = "tag:yaml.org,2002:int"
_FLOAT = "tag:yaml.org,2002:float"
_NULL = "tag:yaml.org,2002:null"


class _Constructor(SafeConstructor):
    """Knows JSON's types only."""

    def number(self, node: ScalarNode) -> int | float | str:
        """Read a number as kubectl does.

        Text such as ``._`` or ``0x_``, which ruamel takes for one, stays text, and so does what JSON cannot write. An
        integer of more than 64 bits becomes what is nearest to it.
        """
        read = self.construct_yaml_int if node.tag == _INT else self.construct_yaml_float
        try:
            value: int | float = read(node)
            if isinstance(value, int) and value not in _INTEGERS:
                value = float(value)
        except (ValueError, OverflowError):
            return str(node.value)
        return value if math.isfinite(value) else str(node.value)

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[str, Json]:
        """Make texts of the keys, as kubectl does: JSON has no others."""
        members = super().construct_mapping(node, deep)
        if all(isinstance(key, str) for key in members):
            return members  # type: ignore[no-any-return] # ruamel has no types here
        return {self._key(key, node): value for key, value in members.items()}

    def _key(self, key: Any, node: MappingNode) -> str:
        if not isinstance(key, str | int | float):
            raise ConstructorError(None, None, f"{key!r} can be no key", node.start_mark)
        return str(key).lower() if isinstance(key, bool) else str(key)


for _tag in ("timestamp", "value", "merge"):
    _Constructor.add_constructor(f"tag:yaml.org,2002:{_tag}", SafeConstructor.construct_yaml_str)

for _tag in (_INT, _FLOAT):
    _Constructor.add_constructor(_tag, _Constructor.number)


def load_all(content: bytes | str) -> list[Json]:
    """Read all documents that are not empty; raise NotYaml."""
    reader = YAML(typ="safe", pure=True)
    reader.Constructor = _Constructor
    try:
        text = content.decode() if isinstance(content, bytes) else content
        return [document for document in reader.load_all(text) if document is not None]
    except YAMLError as error:
        raise _not_yaml(error) from error
    except UnicodeDecodeError as error:
        raise NotYaml(str(error), error.object.count(b"\n", 0, error.start) + 1) from error
    except RecursionError as error:
        raise NotYaml(_TOO_DEEP) from error


def load(content: bytes | str) -> Json:
    """Read one document, None where there is none; raise NotYaml, also where there are several."""
    documents = load_all(content)
    if len(documents) > 1:
        raise NotYaml(f"there are {len(documents)} documents where one belongs")
    return documents[0] if documents else None


class _Printed(yaml.CSafeLoader):  # type: ignore[misc] # PyYAML has no types
    """Knows JSON's types as kustomize writes them."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 – as in PyYAML, whose own are YAML 1.1's


for _type, _written, _first in (
    ("bool", "true|false", "tf"),
    ("null", "null", "n"),
    ("int", "-?(?:0|[1-9][0-9]*)", "-0123456789"),
    ("float", r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?", "-0123456789"),
):
    _Printed.add_implicit_resolver(f"tag:yaml.org,2002:{_type}", re.compile(f"(?:{_written})$"), list(_first))


def load_printed(text: str) -> list[Json]:
    """Read what kustomize has printed, in a tenth of the time that `load_all` takes; raise NotYaml.

    kustomize quotes what any reader of YAML could take for something else, and writes no list or mapping in one line
    but an empty one, so libyaml's parser will do.
    """
    try:
        return [document for document in yaml.load_all(text, Loader=_Printed) if document is not None]
    except yaml.YAMLError as error:
        raise _not_yaml(error) from error


def load_fast(content: bytes) -> list[Json]:
    """Read all documents in a tenth of the time that `load_all` takes, where texts are all that counts; raise NotYaml.

    What is no text may be read as one, and merge keys are not followed.
    """
    try:
        return load_printed(content.decode())
    except (NotYaml, UnicodeDecodeError):
        return load_all(content)  # libyaml's parser does not read all that is YAML


def compose(text: str, document: int = 0) -> Any:
    """A document as ruamel's nodes, which know where in the text they stand; None where there is none.

    ``document`` is counted from 0, without empty ones, as `load_all` gives them. Raises NotYaml.
    """
    return next(islice(_composed(text), document, None), None)


@lru_cache(maxsize=8)
def _composed(text: str) -> tuple[Any, ...]:
    """All documents as nodes: of one text many lines are asked for, and this takes seconds where it is large."""
    try:
        return tuple(filter(_is_there, YAML(typ="safe", pure=True).compose_all(text)))
    except YAMLError as error:
        raise _not_yaml(error) from error
    except RecursionError as error:
        raise NotYaml(_TOO_DEEP) from error


def _is_there(node: Any) -> bool:
    return node is not None and node.tag != "tag:yaml.org,2002:null"


def line_of(content: bytes, at: Sequence[str | int], document: int = 0) -> int:
    """The line, counted from 1, of a value in a document, by the way to it; of what there is of the way.

    Of what is no YAML it is the line where that shows.
    """
    line = 1
    try:
        if not at:
            load_all(content)
        node = compose(content.decode(), document)
    except NotYaml as error:
        return error.line
    except UnicodeDecodeError:
        return line
    if node is not None:
        line = node.start_mark.line + 1
    for name in at:
        found = _member(node, name)
        if found is None:
            break
        key, node = found
        line = key.start_mark.line + 1
    return line


def _member(node: Any, name: str | int) -> tuple[Any, Any] | None:
    """A member of a node with its key, or an item of it with itself."""
    if isinstance(node, MappingNode):
        return next((pair for pair in node.value if str(pair[0].value) == str(name)), None)
    if isinstance(node, SequenceNode) and isinstance(name, int) and name < len(node.value):
        return node.value[name], node.value[name]
    return None


_PLAIN_KEY = re.compile(r"[A-Za-z][A-Za-z0-9]{1,}")
_NOT_PLAIN = frozenset({"yes", "no", "on", "off", "true", "false", "null", "nan", "inf"})


class _Dumper(yaml.CSafeDumper):  # type: ignore[misc] # PyYAML has no types
    """Quotes every string but the keys that no reader of YAML takes for anything else."""

    def ignore_aliases(self, data: Json) -> bool:
        """Write a value that stands in two places twice: who reads a file needs no anchors."""
        return True

    def represent_quoted(self, text: str) -> yaml.ScalarNode:
        return self.represent_scalar("tag:yaml.org,2002:str", text, style='"')

    def represent_members(self, mapping: dict[str, Json]) -> yaml.MappingNode:
        node = self.represent_mapping("tag:yaml.org,2002:map", mapping)
        for key, _ in node.value:
            if _PLAIN_KEY.fullmatch(key.value) and key.value.lower() not in _NOT_PLAIN:
                key.style = None
        return node


_Dumper.add_representer(str, _Dumper.represent_quoted)
_Dumper.add_representer(dict, _Dumper.represent_members)


def dump(document: Json) -> str:
    """Write a document; `load` and kubectl read back the same values."""
    text: str = yaml.dump(
        document, Dumper=_Dumper, default_flow_style=False, sort_keys=False, allow_unicode=True, width=1_000_000
    )
    return text


_PLAIN_START = re.compile(r"[A-Za-z]|\.[a-z]|\.\./")


class _Readable(yaml.SafeDumper):  # type: ignore[misc] # PyYAML has no types
    """Writes for people: no more quotes than any reader needs, lists indented, texts of several lines as such."""

    def ignore_aliases(self, data: Json) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:
        return super().increase_indent(flow, indentless=False)

    def represent_text(self, text: str) -> yaml.ScalarNode:
        is_plain = (
            _PLAIN_START.match(text) is not None and text.lower() not in _NOT_PLAIN and text.lower() not in ("y", "n")
        )
        style = "|" if "\n" in text else None if is_plain else "'" if "\\" in text else '"'
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Readable.add_representer(str, _Readable.represent_text)


def dump_readable(document: Json) -> str:
    """Write a document that people will go on writing; `load` and kubectl read back the same values."""
    text: str = yaml.dump(
        document, Dumper=_Readable, default_flow_style=False, sort_keys=False, allow_unicode=True, width=110
    )
    return text


def dump_text(text: str) -> str:
    """Write a text of one line as a part of a document, with quotes where any reader needs them."""
    written: str = yaml.dump(text, Dumper=_Readable, allow_unicode=True, width=1_000_000)
    return written.partition("\n")[0]


def dump_json(document: Json) -> str:
    """Write a document as JSON, for JSON patches: in a tenth of the time, and kustomize reads it faster, too."""
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()
