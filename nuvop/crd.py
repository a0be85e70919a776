"""A kind's CustomResourceDefinition: which type it defines, and what its schema says of a field. Pure."""

import copy
import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import jsonschema

from nuvop import fields, go_regexp, json_types, kind_folder, openapi, yamltext
from nuvop.errors import KindError, KindUnreadable, Place
from nuvop.fields import Every, FieldPath, Json, Name, Pointer, Segment
from nuvop.kind_folder import document, mapping
from nuvop.problems import Problems

FILE = "crd.yaml"

_NAMESPACED = "Namespaced"

_API_VERSION, _KIND = "apiextensions.k8s.io/v1", "CustomResourceDefinition"

STATUS_FIELDS = ("conditions", "observedGeneration", "inventory", "lastAppliedRevision", "lastHandledReconcileAt")
"""What nuvop writes to every CR's status; a field that the schema lacks would vanish without an error."""

Schema = Mapping[str, Any]
"""A structural schema
(https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema)."""


@dataclass(frozen=True)
class ResourceType:
    """A CR's type as its CRD names it; what else it is called makes no other type of it.

    ``version`` is the stored one, and ``versions`` are all that are served.
    """

    group: str
    version: str
    kind: str
    plural: str
    singular: str = dataclasses.field(default="", compare=False)
    short_names: tuple[str, ...] = dataclasses.field(default=(), compare=False)
    versions: tuple[str, ...] = dataclasses.field(default=(), compare=False)
    list_kind: str = dataclasses.field(default="", compare=False)

    @property
    def api_version(self) -> str:
        """``group/version``."""
        return f"{self.group}/{self.version}"

    @property
    def names(self) -> tuple[Mapping[str, tuple[str, ...]], ...]:
        """What it is called, by the fields of its CRD: one CRD of a group may have each name of a mapping."""
        resources = {"plural": (self.plural,), "singular": (self.singular,), "shortNames": self.short_names}
        return {"kind": (self.kind,), "listKind": (self.list_kind,)}, resources


@dataclass(frozen=True)
class Resource:
    """What a kind is called in rules, its plural, and whether its objects live in namespaces."""

    plural: str
    namespaced: bool


@dataclass(frozen=True)
class Crd:
    """A CRD: the type that nuvop watches, which is the stored version's, and the schema of each version.

    ``document`` is all that the file says.
    """

    resource: ResourceType
    schemas: Mapping[str, Schema]
    document: Mapping[str, Json] = dataclasses.field(default_factory=dict, repr=False)

    @property
    def schema(self) -> Schema:
        """The stored version's schema."""
        return self.schemas[self.resource.version]

    def schema_at(self, version: str) -> Pointer:
        """The way to a version's schema in the file."""
        names = [each["name"] for each in self.document["spec"]["versions"]]
        return ("spec", "versions", names.index(version), "schema", "openAPIV3Schema")

    @cached_property
    def passwords(self) -> frozenset[tuple[Segment, ...]]:
        """The fields of any version that hold a password, as ``format`` says."""
        return frozenset(way for schema in self.schemas.values() for way in _passwords(schema, ()))

    def defaulted(self, cr: Mapping[str, Json]) -> dict[str, Json]:
        """A CR of any version as the API server would show it in the stored version, defaults and all."""
        result = copy.deepcopy(dict(cr))
        schema = self.schemas.get(str(cr.get("apiVersion", "")).rpartition("/")[2], self.schema)
        _default(result, schema)
        # Another version differs in nothing else unless a webhook converts it.
        return {**result, "apiVersion": self.resource.api_version}


def resource_type(folder: Path, files: Mapping[str, bytes]) -> ResourceType:
    """Return the CR type that ``crd.yaml`` defines: what must be known to watch CRs, even of a broken kind.

    Raises KindError.
    """
    place = Place(folder / FILE)
    crd = document(place, files, FILE)
    for name, value in (("kind", _KIND), ("apiVersion", _API_VERSION)):
        if crd.get(name) != value:
            raise KindError(f"{crd.get(name)!r} must be {value!r}", place / name)
    _refuse(_misshapen(place, crd))
    spec = crd["spec"]
    index = next((index for index, version in enumerate(spec["versions"]) if version.get("storage")), None)
    if index is None:
        raise KindError("no version has `storage: true`: write it for one of them", place / "spec" / "versions")
    stored, names = spec["versions"][index], spec["names"]
    found = ResourceType(
        spec["group"],
        stored["name"],
        names["kind"],
        names["plural"],
        names.get("singular") or names["kind"].lower(),
        tuple(names.get("shortNames") or ()),
        tuple(version["name"] for version in spec["versions"] if version.get("served")),
        names.get("listKind") or f"{names['kind']}List",
    )
    if not stored.get("served"):
        raise KindError(
            f"version {found.version}: nuvop watches the stored version, and this one is not served: write "
            "`served: true`, or let another version be the stored one",
            place / "spec" / "versions" / index / "served",
        )
    return found


def _misshapen(place: Place, crd: Mapping[str, Json]) -> Iterator[KindError]:
    """Fields of a CRD that it lacks, or whose values are of another type than Kubernetes has them."""
    for node in openapi.nodes(_API_VERSION, _KIND, crd):
        at = replace(place, at=node.at)
        if not node.fits:
            yield KindError(f"{node.value!r} must be {json_types.CALLED[node.type]}", at)
        for name in node.missing():
            yield KindError(f"{name} is missing", at)


def _refuse(errors: Iterable[KindError]) -> None:
    problems = Problems()
    for error in errors:
        problems.add(error)
    problems.settle()


Unfit = KindError | KindUnreadable


def resource_types(folders: Iterable[Path]) -> Iterator[tuple[Path, ResourceType | Unfit]]:
    """The CR type of each folder, or why it can have none beside those of the folders before it."""
    known: list[tuple[Path, ResourceType]] = []
    for path in folders:
        yield path, learn(path, content(path), known)


def content(folder: Path) -> Mapping[str, bytes] | Unfit:
    """What is in a folder, or why that cannot be a kind or is not known."""
    try:
        return kind_folder.read(folder)
    except (KindError, KindUnreadable) as error:
        return error


def learn(
    path: Path, files: Mapping[str, bytes] | Unfit, known: list[tuple[Path, ResourceType]]
) -> ResourceType | Unfit:
    """Add the CR type of a folder's files to those known and return it.

    Return why, with lines, where it has none, or none beside those known, which stay as they are then.
    """
    if isinstance(files, Unfit):
        return files
    try:
        type_ = resource_type(path, files)
        _refuse_ambiguous(path, type_, known)
    except KindError as error:
        kind_folder.tell_lines(error, path, files)
        return error
    known.append((path, type_))
    return type_


def _refuse_ambiguous(path: Path, type_: ResourceType, known: Iterable[tuple[Path, ResourceType]]) -> None:
    """Refuse what labels could not tell apart: ``plural-name`` of one type may be that of another.

    So is what the API server would not accept beside another CRD of the group.
    """
    names = Place(path / FILE) / "spec" / "names"
    place, plural = names / "plural", type_.plural
    for other, of_other in known:
        if of_other.plural == plural:
            gone = "" if other.is_dir() else ", a folder that is gone: if it was renamed, restart nuvop"
            raise KindError(f"{plural!r} is that of {other} too{gone}", place)
        if plural.startswith(f"{of_other.plural}-") or of_other.plural.startswith(f"{plural}-"):
            raise KindError(
                f"{plural!r} and that of {other} differ by what may be the beginning of a name, so two resources could "
                "have one label: change one of them",
                place,
            )
        for field, name in _taken(type_, of_other) if type_.group == of_other.group else ():
            raise KindError(f"{name!r} is that of {other} too, and both are of the group {type_.group}", names / field)


def _taken(type_: ResourceType, other: ResourceType) -> Iterator[tuple[str, str]]:
    """The names of a type, each with its field in the CRD, that are another one's."""
    for own, others in zip(type_.names, other.names, strict=True):
        taken = {name for each in others.values() for name in each}
        yield from ((field, name) for field, each in own.items() for name in each if name in taken)


def defined(files: Mapping[str, bytes]) -> dict[tuple[str, str], Resource]:
    """The resources of all CRDs that stand in any of a folder's files, by group and kind."""
    found: dict[tuple[str, str], Resource] = {}
    for name, content in files.items():
        if name.endswith((".yaml", ".yml", ".json")) and _KIND.encode() in content:
            found |= dict(_defined(content))
    return found


def _defined(content: bytes) -> Iterator[tuple[tuple[str, str], Resource]]:
    try:
        documents = yamltext.load_fast(content)
    except yamltext.NotYaml:
        return  # kustomize reads it, or nobody does
    for each in documents:
        match each:
            case {
                "kind": "CustomResourceDefinition",
                "spec": {"group": str(group), "scope": scope, "names": {"kind": str(kind), "plural": str(plural)}},
            }:
                yield (group, kind), Resource(plural, scope == _NAMESPACED)


def parse(folder: Path, files: Mapping[str, bytes]) -> Crd:
    """Understand ``crd.yaml``, and check it for what nuvop needs of it; raise KindError."""
    resource = resource_type(folder, files)
    place = Place(folder / FILE)
    content = document(place, files, FILE)
    spec = content["spec"]
    if spec["scope"] != _NAMESPACED:
        raise KindError(f"{spec['scope']!r} must be 'Namespaced'", place / "spec" / "scope")
    schemas = {
        version["name"]: _schema(place / "spec" / "versions" / index, version)
        for index, version in enumerate(spec["versions"])
        if version.get("served") or version.get("storage")
    }
    return Crd(resource, schemas, content)


def _schema(place: Place, version: Mapping[str, Any]) -> Schema:
    if "status" not in (version.get("subresources") or {}):
        raise KindError(
            f"version {version['name']}: subresources: status is missing: write `status: {{}}`", place / "subresources"
        )
    schema = mapping(place / "schema", (version.get("schema") or {}).get("openAPIV3Schema"))
    _refuse_malformed(place / "schema" / "openAPIV3Schema", schema)
    at = place / "schema" / "openAPIV3Schema" / "properties" / "status"
    status = ((schema.get("properties") or {}).get("status") or {}).get("properties") or {}
    for name in STATUS_FIELDS:
        if name not in status:
            raise KindError(f"the schema has no status.{name}, so the API server would drop it", at)
    if not has(status["inventory"], fields.path_to(0, "done")):
        raise KindError(
            "the schema has no status.inventory[].done, so the API server would drop it, and finished Jobs would run "
            "again: write `done: {type: string}`",
            at,
        )
    default = schema["properties"]["status"].get("default")
    if not isinstance(default, dict) or default.get("observedGeneration") != -1:
        raise KindError(
            f"{default!r} must be `{{observedGeneration: -1}}`, so that a new CR does not look reconciled before nuvop "
            "has seen it",
            at / "default",
        )
    return schema


def flaw(schema: Mapping[str, Any]) -> jsonschema.SchemaError | None:
    """Return why a JSON Schema is none, so that nothing can be tried by it; None where it is one."""
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except jsonschema.SchemaError as error:
        return error
    return None


def _refuse_malformed(place: Place, schema: Schema) -> None:
    """Raise KindError where a schema is none, as the API server would say of the CRD."""
    if error := flaw(json_schema(schema)):
        way = list(error.absolute_path)
        is_type = way[-1:] == ["type"]
        told = f"{error.instance!r} is none of {', '.join(json_types.NAMES)}" if is_type else error.message
        raise KindError(told, Place(place.file, (*place.at, *way))) from error


def is_always_there(schema: Schema, path: FieldPath) -> bool:
    """Whether every CR has a field, which is named part by part: it is required, or has a default."""
    for segment in path.segments:
        name = segment.name if isinstance(segment, Name) else ""
        below = (schema.get("properties") or {}).get(name)
        if below is None or not (name in (schema.get("required") or ()) or below.get("default") is not None):
            return False
        schema = below
    return True


ANYTHING: Schema = {}
"""The schema of what the schema leaves open."""


def field(schema: Schema, path: FieldPath) -> Schema | None:
    """The schema of a field: `ANYTHING` below what is left open, None where there can be no such field."""
    for segment in path.segments:
        properties = schema.get("properties") or {}
        if isinstance(segment, fields.Name) and segment.name in properties:
            schema = properties[segment.name]
        elif isinstance(schema.get("additionalProperties"), dict):
            schema = schema["additionalProperties"]
        elif "items" in schema:
            schema = schema["items"]
        elif schema.get("x-kubernetes-preserve-unknown-fields") or schema.get("x-kubernetes-int-or-string"):
            return ANYTHING
        else:
            return ANYTHING if schema.get("additionalProperties") is True else None
    return schema


def has(schema: Schema, path: FieldPath) -> bool:
    """Whether there can be such a field."""
    return field(schema, path) is not None


def json_schema(schema: Schema) -> dict[str, Any]:
    """A structural schema as JSON Schema has it; a field that the API server would drop without a word is refused.

    Rules in CEL have no counterpart there, and patterns that Python does not know are left out (`unknown_patterns`).
    """
    kept = _of_values(schema)
    if schema.get("x-kubernetes-int-or-string"):
        kept["type"] = ["integer", "string"]
    if schema.get("nullable") and "type" in kept:
        allowed = kept["type"]
        kept["type"] = [*(allowed if isinstance(allowed, list) else [allowed]), "null"]
    if "properties" in schema:
        implied = _OF_AN_OBJECT if schema.get("x-kubernetes-embedded-resource") else {}
        kept["properties"] = {**implied, **{name: json_schema(below) for name, below in schema["properties"].items()}}
        if not (schema.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in schema):
            kept["additionalProperties"] = False
    if isinstance(schema.get("additionalProperties"), dict):
        kept["additionalProperties"] = json_schema(schema["additionalProperties"])
    if "items" in schema:
        kept["items"] = json_schema(schema["items"])
    return kept


def _of_values(schema: Schema) -> dict[str, Any]:
    """What a schema says of the values, not of which fields there are."""
    kept = {name: value for name, value in schema.items() if name in _SAME_IN_JSON_SCHEMA}
    if "pattern" in kept and not go_regexp.is_known(kept["pattern"]):
        del kept["pattern"]
    lowest, highest = _RANGES.get(schema.get("format", ""), (None, None))
    if schema.get("type") == "integer" and highest is not None:
        kept = {"minimum": lowest, "maximum": highest, **kept}
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if schema.get(exclusive) is True and bound in kept:
            kept[exclusive] = kept.pop(bound)
    for name in ("allOf", "anyOf", "oneOf"):
        if name in schema:
            kept[name] = [_alternative(each) for each in schema[name]]
    if "not" in schema:
        kept["not"] = _alternative(schema["not"])
    return kept


def _alternative(schema: Schema) -> dict[str, Any]:
    """A schema that stands beside the structural one, which alone says which fields there are."""
    kept = _of_values(schema)
    if "properties" in schema:
        kept["properties"] = {name: _alternative(below) for name, below in schema["properties"].items()}
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            kept[name] = _alternative(schema[name])
    return kept


_RANGES = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}

_OF_AN_OBJECT: Mapping[str, Any] = {"apiVersion": {}, "kind": {}, "metadata": {}}

_SAME_IN_JSON_SCHEMA = frozenset(
    {
        *("type", "format", "enum", "required", "minimum", "maximum", "multipleOf", "minLength", "maxLength"),
        *("pattern", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties"),
    }
)


def unknown_patterns(schema: Json, at: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """The regular expressions of a schema that Python does not understand as Go does, each with the way to it."""
    if not isinstance(schema, dict):
        return
    if "pattern" in schema and not go_regexp.is_known(schema["pattern"]):
        yield (*at, "pattern"), str(schema["pattern"])
    for name, below in (schema.get("properties") or {}).items():
        yield from unknown_patterns(below, (*at, "properties", name))
    for name in ("items", "additionalProperties", "not"):
        yield from unknown_patterns(schema.get(name), (*at, name))
    for name in ("allOf", "anyOf", "oneOf"):
        for index, below in enumerate(schema.get(name) or ()):
            yield from unknown_patterns(below, (*at, name, index))


def leaves(schema: Schema, at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The fields that have no members of their own in the schema, each as the names on the way to it."""
    properties = schema.get("properties")
    if not properties:
        yield at
        return
    for name, below in properties.items():
        yield from leaves(below, (*at, name))


def _passwords(schema: Schema, at: tuple[Segment, ...]) -> Iterator[tuple[Segment, ...]]:
    if schema.get("format") == "password":
        yield at
    for name, below in (schema.get("properties") or {}).items():
        yield from _passwords(below, (*at, Name(name)))
    for below in (schema.get("items"), schema.get("additionalProperties")):
        if isinstance(below, dict):
            yield from _passwords(below, (*at, Every()))


def _default(value: Json, schema: Schema) -> None:
    """Fill in defaults as the API server does: into what is there, never making what has no default.

    Source: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#defaulting
    """
    if isinstance(value, dict):
        for name, below in (schema.get("properties") or {}).items():
            if value.get(name) is None and name in value and not below.get("nullable"):
                del value[name]  # a null that may not be counts as left out
            if name not in value and "default" in below:
                value[name] = copy.deepcopy(below["default"])
            if name in value:
                _default(value[name], below)
        rest = schema.get("additionalProperties")
        if isinstance(rest, dict):
            for name in value.keys() - (schema.get("properties") or {}).keys():
                if value[name] is None and not rest.get("nullable"):
                    del value[name]
                else:
                    _default(value[name], rest)
    elif isinstance(value, list) and isinstance(schema.get("items"), dict):
        for item in value:
            _default(item, schema["items"])
