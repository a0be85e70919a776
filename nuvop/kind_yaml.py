"""``kind.yaml``: what a CR's fields set, and what the children report back. Pure.

Every section is a function of its own that yields what its lines say. A line that is wrong does not hide the next one:
`parse` raises the first error, which carries all the others.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from nuvop import crd, directives, fields, kind_folder, patches_py, readiness
from nuvop.crd import Crd
from nuvop.errors import FieldPathError, KindError, Place
from nuvop.fields import FieldPath
from nuvop.kind_folder import mapping
from nuvop.kinds import OUTSIDE, ChildField, ChildSelector, Component, Generated, Kind, Report, Setting
from nuvop.objects import LABELS, NO_NAMESPACE, is_kustomizes, is_namespace
from nuvop.problems import Problems
from nuvop.readiness import Rule

FILE = "kind.yaml"
API_VERSION = "nuvop.nuvolaris.org/v1"
SECTIONS = (
    "set", "components", "status", "ready", "follow", "names", "children", "install", "generate", "delete", "release",
    "retired",
)  # fmt: skip

DEADLINE = "10m"

_NOT_SETTABLE = frozenset(
    {
        ("apiVersion",), ("kind",), ("status",),
        ("metadata", "name"), ("metadata", "namespace"), ("metadata", "ownerReferences"),
        *(("metadata", "labels", label) for label in LABELS),
    }
)  # fmt: skip
"""Fields of a child that say which object it is, and whose."""

_LENGTHS = range(8, 129)
"""How many characters a generated value may have."""

_SECRET_KEY = re.compile("[-._A-Za-z0-9]+")
"""https://kubernetes.io/docs/concepts/configuration/secret/#restriction-names-data"""

Line = TypeVar("Line")
Section = TypeVar("Section", dict[str, Any], list[Any])


def parse(place: Path, files: Mapping[str, bytes]) -> Kind:
    """Understand a kind's files; raise KindError, with file, field and value of what is wrong."""
    problems = Problems()
    for error in kind_folder.refused(place, files):
        problems.add(error)
    with problems.caught():
        if patches_py.FILE in files:
            patches_py.compiled(place, files[patches_py.FILE])
    with problems.caught():
        reader = _Reader(Place(place / FILE), crd.parse(place, files), problems)
        document = kind_folder.document(reader.place, files, FILE)
        kind = _kind(place, files, reader, document)
    problems.settle()
    return kind


def _kind(place: Path, files: Mapping[str, bytes], reader: "_Reader", document: Mapping[str, Any]) -> Kind:
    for name, expected in (("apiVersion", API_VERSION), ("kind", "Kind")):
        if document.get(name) != expected:
            reader.problems.add(KindError(f"{document.get(name)!r} must be {expected!r}", reader.place / name))
    _refuse_others(reader, reader.place, document, ("apiVersion", "kind", *SECTIONS))
    ready = reader.section(document, "ready", dict)
    _refuse_others(reader, reader.place / "ready", ready, ("deadline", "children"))
    delete = reader.section(document, "delete", dict)
    _refuse_others(reader, reader.place / "delete", delete, ("keep",))
    return Kind(
        place,
        files,
        kind_folder.digest(files),
        reader.crd,
        settings=tuple(reader.lines(document, "set", _settings)),
        reports=tuple(reader.lines(document, "status", _report)),
        releases=tuple(reader.items(document, "release", _release)),
        follows=tuple(reader.items(document, "follow", _follow)),
        components=tuple(reader.lines(document, "components", _component_in(files))),
        generated=tuple(reader.lines(document, "generate", _generated)),
        install=tuple(reader.items(document, "install", _installed)),
        elsewhere=dict(reader.lines(document, "children", _elsewhere)),
        retired=tuple(reader.items(document, "retired", _retired)),
        kept=frozenset(reader.items(delete, "keep", _kept, under=("delete",))),
        keeps_names=_keeps_names(reader, document),
        deadline=_deadline(reader, ready.get("deadline", DEADLINE)),
        rules=dict(reader.lines(ready, "children", _rule, under=("ready",))),
        carried=kind_folder.carried(files),
        defined=crd.defined(files),
    )


@dataclass(frozen=True)
class _Reader:
    """Reads sections line by line, and goes on after a line that is wrong."""

    place: Place
    crd: Crd
    problems: Problems

    def section(
        self, document: Mapping[str, Any], name: str, of: type[Section], under: tuple[str, ...] = ()
    ) -> Section:
        """A section's value, empty where there is none or it is of another type."""
        value = document.get(name)
        if isinstance(value, of):
            return value
        if value is not None:
            what = "a mapping" if of is dict else "a list"
            self.problems.add(KindError(f"{value!r} is not {what}", Place(self.place.file, (*under, name))))
        return of()

    def lines(
        self,
        document: Mapping[str, Any],
        name: str,
        read: Callable[[Crd, Place, str, Any], Iterator[Line]],
        under: tuple[str, ...] = (),
    ) -> Iterator[Line]:
        """What the lines of a section that is a mapping say."""
        for key, value in self.section(document, name, dict, under).items():
            with self.problems.caught():
                yield from read(self.crd, Place(self.place.file, (*under, name, key)), str(key), value)

    def items(
        self, document: Mapping[str, Any], name: str, read: Callable[[Place, Any], Line], under: tuple[str, ...] = ()
    ) -> Iterator[Line]:
        """What the items of a section that is a list say."""
        for index, value in enumerate(self.section(document, name, list, under)):
            with self.problems.caught():
                yield read(Place(self.place.file, (*under, name, index)), value)


def _refuse_others(reader: _Reader, place: Place, document: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for name in [name for name in document if name not in known]:
        may = ", ".join(each for each in known if each not in ("apiVersion", "kind"))
        reader.problems.add(KindError(f"there is no such field; {may} may stand here", place / name))


# --- set -------------------------------------------------------------------------------------------------------------


def _settings(crd_: Crd, place: Place, source: str, targets: Any) -> Iterator[Setting]:
    path = _cr_field(crd_, place, source)
    for target in targets if isinstance(targets, list) else [targets]:
        found = _child_field(place, target)
        if found.child.name == "*":
            raise KindError(f"{target!r}: name the child; * is for status", place)
        if _is_nuvops(found.path):
            raise KindError(f"{target!r}: {found.path} is for nuvop alone to set", place)
        if _is_all_annotations(found.path):
            raise KindError(f"{target!r}: nuvop's own annotations may be among them; name each that is set", place)
        yield Setting(path, found.child, found.path)


def _cr_field(crd_: Crd, place: Place, text: str) -> FieldPath:
    """A field of the CR under spec, named part by part."""
    path = _path(place, text)
    if not text.startswith("spec.") or not crd.has(crd_.schema, path):
        raise KindError("the CRD has no such field under spec", place)
    if not all(isinstance(segment, fields.Name) for segment in path.segments):
        raise KindError("a CR field is named part by part, without brackets or wildcards", place)
    return path


def _is_nuvops(path: FieldPath) -> bool:
    """Whether a field says which object it is or whose, which a CR may not change; a wildcard may be any field."""
    if _may_be(path, ("metadata",)) or _may_be(path, ("metadata", "labels")):
        return True
    match path.segments:
        case (_, _, fields.Name(name), *_) if (name.startswith(directives.PREFIX) or is_kustomizes(name)) and _may_be(
            path, ("metadata", "annotations", name), whole=False
        ):
            return True
    return any(_may_be(path, names, whole=False) for names in _NOT_SETTABLE)


def _is_all_annotations(path: FieldPath) -> bool:
    """Whether a field holds all annotations of a child, or may be any of them."""
    every = len(path.segments) > 2 and not isinstance(path.segments[2], fields.Name)
    return _may_be(path, ("metadata", "annotations"), whole=not every)


def _may_be(path: FieldPath, names: tuple[str, ...], *, whole: bool = True) -> bool:
    """Whether a path may lead to a field, or, unless it is the ``whole`` path that counts, to what is in it."""
    if len(path.segments) < len(names) or (whole and len(path.segments) > len(names)):
        return False
    return all(
        segment.name == name if isinstance(segment, fields.Name) else True
        for segment, name in zip(path.segments, names, strict=False)
    )


# --- components ------------------------------------------------------------------------------------------------------


def _component_in(files: Mapping[str, bytes]) -> Callable[[Crd, Place, str, Any], Iterator[Component]]:
    def component(crd_: Crd, place: Place, name: str, condition: Any) -> Iterator[Component]:
        if not re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", name):
            raise KindError("a component's name has lower-case letters, digits and hyphens", place)
        if not any(f"components/{name}/{kustomization}" in files for kustomization in kind_folder.KUSTOMIZATION_NAMES):
            raise KindError(f"there is no components/{name}/kustomization.yaml", place)
        source, equals, wanted = condition.partition("=") if isinstance(condition, str) else ("", "", "")
        values = tuple(value.strip() for value in wanted.split("|")) if equals else ()
        if not source.strip() or (equals and not all(values)):
            raise KindError(f"{condition!r} must read `spec.field`, or `spec.field=value|another`", place)
        yield Component(name, _cr_field(crd_, place, source.strip()), values)

    return component


# --- status ----------------------------------------------------------------------------------------------------------


def _report(crd_: Crd, place: Place, name: str, value: Any) -> Iterator[Report]:
    path = _path(place, name)
    if not all(isinstance(segment, fields.Name) for segment in path.segments):
        raise KindError("a status field is named part by part, without brackets or wildcards", place)
    if any(path.segments[0] == fields.Name(known) for known in crd.STATUS_FIELDS):
        raise KindError("nuvop itself writes this field", place)
    schema = crd.field(crd_.schema["properties"]["status"], path)
    if schema is None:
        raise KindError(f"the CRD has no status.{name}, so the API server would drop it", place)
    is_sum = isinstance(value, dict)
    if is_sum and value.keys() != {"sum"}:
        raise KindError(f"{value!r} must read `Kind/name field.path`, a list of such, or `{{sum: …}}`", place)
    of = value["sum"] if is_sum else value
    sources = tuple(_child_field(place, text) for text in (of if isinstance(of, list) else [of]))
    for source in sources:
        _refuse_secret(place, source)
    type_ = str(schema.get("type", ""))
    if is_sum and type_ not in ("integer", "number", ""):
        raise KindError(f"a sum is a number, and the CRD says `type: {type_}`", place)
    yield Report(path, sources, type_, str((schema.get("items") or {}).get("type", "")), is_sum)


# --- ready -----------------------------------------------------------------------------------------------------------

_DURATION = re.compile(r"(?:(?P<h>\d+)h)?(?:(?P<m>\d+)m)?(?:(?P<s>\d+)s)?")


def _deadline(reader: _Reader, value: Any) -> float:
    """Read a duration as Go and kubectl write it, in seconds."""
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    hours, minutes, seconds = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
    total = 3600.0 * hours + 60.0 * minutes + seconds
    if not total:
        place = reader.place / "ready" / "deadline"
        reader.problems.add(KindError(f"{value!r} must be a duration such as 90s, 10m or 1h30m", place))
    return total


def _rule(_: Crd, place: Place, name: str, text: Any) -> Iterator[tuple[ChildSelector, Rule]]:
    selector = _selector(place, name)
    if not isinstance(text, str):
        raise KindError(f"{text!r} is none of CONDITION=STATUS, FIELD=VALUE, exists", place)
    try:
        rule = readiness.parse_rule(text)
    except FieldPathError as error:
        raise KindError(str(error), place) from error
    if rule.path is not None:
        _refuse_secret(place, ChildField(selector, rule.path))
    yield selector, rule


# --- which objects, and whose ----------------------------------------------------------------------------------------


def _keeps_names(reader: _Reader, document: Mapping[str, Any]) -> bool:
    value = document.get("names", "prefix")
    if value not in ("prefix", "keep"):
        reader.problems.add(KindError(f"{value!r} must be prefix or keep", reader.place / "names"))
    return bool(value == "keep")


def _follow(place: Place, text: Any) -> ChildField:
    found = _child_field(place, text)
    if found.child.name == "*":
        raise KindError(f"{text!r}: name the child", place)
    if _is_nuvops(found.path):
        raise KindError(f"{text!r}: {found.path} is for nuvop alone to set", place)
    _refuse_secret(place, found)
    return found


def _elsewhere(_: Crd, place: Place, name: str, value: Any) -> Iterator[tuple[ChildSelector, str]]:
    selector = _selector(place, name)
    match value:
        case {"namespace": str(namespace), **rest} if namespace and not rest:
            if not is_namespace(namespace):
                raise KindError(f"{namespace!r} {NO_NAMESPACE}", place / "namespace")
            yield selector, namespace
        case {"scope": "Cluster", **rest} if not rest:
            yield selector, OUTSIDE
        case _:
            raise KindError(f"{value!r} must read `namespace: <name>` or `scope: Cluster`", place)


def _installed(place: Place, text: Any) -> ChildSelector:
    selector = _selector(place, text)
    if selector.kind not in ("Namespace", "CustomResourceDefinition"):
        raise KindError(f"{text!r}: only a Namespace or a CustomResourceDefinition is installed", place)
    return selector


def _generated(_: Crd, place: Place, name: str, value: Any) -> Iterator[Generated]:
    selector = _selector(place, name)
    if selector.kind != "Secret":
        raise KindError("only the values of a Secret are generated", place)
    lengths = mapping(place, value)
    for key, length in lengths.items():
        if not _SECRET_KEY.fullmatch(key):
            raise KindError("a Secret's key has letters, digits, `-`, `_` and `.`", place / key)
        if not isinstance(length, int) or isinstance(length, bool) or length not in _LENGTHS:
            raise KindError(f"{length!r} must be a number of characters from 8 to 128", place / key)
    if not lengths:
        raise KindError("name the keys, each with a number of characters", place)
    yield Generated(selector, lengths)


def _kept(place: Place, text: Any) -> ChildSelector:
    return _selector(place, text)


def _release(place: Place, text: Any) -> ChildField:
    found = _child_field(place, text)
    if found.child.name == "*" or any(isinstance(segment, fields.Every) for segment in found.path.segments):
        raise KindError(f"{text!r}: name the child and the field; there are no wildcards here", place)
    if _is_nuvops(found.path):
        raise KindError(f"{text!r}: {found.path} is nuvop's own", place)
    _refuse_secret(place, found)
    return found


def _retired(place: Place, text: Any) -> tuple[str, str]:
    api_version, _, kind = text.partition(" ") if isinstance(text, str) else ("", "", "")
    if not re.fullmatch(r"([a-z0-9.-]+/)?v[a-z0-9]+", api_version) or not re.fullmatch(r"[A-Z][A-Za-z0-9]*", kind):
        raise KindError(f"{text!r} must read `apiVersion Kind`, like `batch/v1 CronJob`", place)
    return api_version, kind


# --- parts of a line -------------------------------------------------------------------------------------------------


def _refuse_secret(place: Place, of: ChildField) -> None:
    """Refuse what would need a Secret's values: nuvop keeps none, and tells none."""
    if of.child.kind == "Secret" and any(_may_be(of.path, (name,), whole=False) for name in ("data", "stringData")):
        raise KindError(f"{of}: a Secret's values are not read", place)


def _selector(place: Place, text: Any) -> ChildSelector:
    kind, slash, name = text.partition("/") if isinstance(text, str) else ("", "", "")
    if not (kind and slash and name) or name == "*" or name.startswith("["):
        raise KindError(f"{text!r} must read `Kind/name`, as they stand in the base", place)
    return ChildSelector(kind, name)


def _path(place: Place, text: Any) -> FieldPath:
    try:
        return fields.parse(str(text))
    except FieldPathError as error:
        raise KindError(str(error), place) from error


def _child_field(place: Place, text: Any) -> ChildField:
    """Read ``Deployment/demo-deploy spec.replicas``."""
    child, _, path = text.partition(" ") if isinstance(text, str) else ("", "", "")
    kind, slash, name = child.partition("/")
    if not (kind and slash and name and path.strip()):
        raise KindError(f"{text!r} must read `Kind/name field.path`, like `Deployment/web spec.replicas`", place)
    return ChildField(_one_or_many(place, kind, name), _path(place, path.strip()))


def _one_or_many(place: Place, kind: str, name: str) -> ChildSelector:
    """Read what stands behind ``Kind/``: a name, ``*``, or ``[label=value]``."""
    if not name.startswith("["):
        return ChildSelector(kind, name)
    label, equals, value = name.removeprefix("[").removesuffix("]").partition("=")
    if not (name.endswith("]") and label and equals):
        raise KindError(f"{name!r} must read `[label=value]`", place)
    return ChildSelector(kind, "*", (label, value))
