"""Kinds: find, parse and check the folders that describe them.

A kind is a folder (see ``docs/kinds.md``): ``crd.yaml``, ``kustomization.yaml`` with its resources, and
``kind.yaml``, which says which CR field sets what and what the children report back.

Reading the folder (`find`, `read`) is kept apart from understanding it (`parse`, `with_base`), which is pure.
The base is what kustomize makes of the folder; kubectl renders it, so the caller hands it in.
"""

import copy
import hashlib
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nuvop import directives, fields, readiness, yamltext
from nuvop.errors import FieldPathError, KindError, KindUnreadable
from nuvop.fields import FieldPath, Json
from nuvop.objects import LABELS, CRKey, ObjectKey
from nuvop.readiness import Rule

KIND_API_VERSION = "nuvop.nuvolaris.org/v1"
KIND_FIELDS = ("set", "status", "release", "ready")
KUSTOMIZATION_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")

NEVER_A_CHILD = frozenset({"Namespace", "CustomResourceDefinition", "APIService"})
"""kustomize would rename a Namespace to the CR's own; deleting any of these deletes what others made."""

_CLUSTER_SCOPED = {
    "": "ComponentStatus Node PersistentVolume",
    "admissionregistration.k8s.io": (
        "MutatingAdmissionPolicy MutatingAdmissionPolicyBinding MutatingWebhookConfiguration "
        "ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding ValidatingWebhookConfiguration"
    ),
    "certificates.k8s.io": "CertificateSigningRequest ClusterTrustBundle",
    "flowcontrol.apiserver.k8s.io": "FlowSchema PriorityLevelConfiguration",
    "networking.k8s.io": "IngressClass IPAddress ServiceCIDR",
    "node.k8s.io": "RuntimeClass",
    "rbac.authorization.k8s.io": "ClusterRole ClusterRoleBinding",
    "resource.k8s.io": "DeviceClass DeviceTaintRule ResourceSlice",
    "scheduling.k8s.io": "PriorityClass",
    "storage.k8s.io": "CSIDriver CSINode StorageClass VolumeAttachment VolumeAttributesClass",
    "storagemigration.k8s.io": "StorageVersionMigration",
}
CLUSTER_SCOPED = frozenset((group, kind) for group, names in _CLUSTER_SCOPED.items() for kind in names.split())
"""The kinds of Kubernetes itself that live outside namespaces and may be children, by group; of others the API
server's discovery tells (https://kubernetes.io/docs/reference/kubernetes-api/)."""

MADE_BY_CHILDREN = {"Pod": "v1", "PersistentVolumeClaim": "v1", "Job": "batch/v1"}
"""What controllers make of children: it carries the instance label, so a status line may ask for it."""

NOT_SETTABLE = frozenset(
    {
        ("apiVersion",), ("kind",), ("status",),
        ("metadata", "name"), ("metadata", "namespace"), ("metadata", "ownerReferences"),
        *(("metadata", "labels", label) for label in LABELS),
    }
)  # fmt: skip
"""Fields of a child that say which object it is, and whose."""

DEADLINE = "10m"

CHILD_DIRECTIVES = {directives.RECREATE: ("true", "false"), directives.PRUNE: ("disabled",)}
"""nuvop's annotations that may stand on a child in the base, and their values."""

STATUS_FIELDS = ("conditions", "observedGeneration", "inventory", "lastAppliedRevision", "lastHandledReconcileAt")
"""What nuvop writes to every CR's status; a field that the schema lacks would vanish without an error."""


@dataclass(frozen=True)
class ResourceType:
    """A CR's type as its CRD names it."""

    group: str
    version: str
    kind: str
    plural: str

    @property
    def api_version(self) -> str:
        """``group/version``."""
        return f"{self.group}/{self.version}"


@dataclass(frozen=True)
class ChildSelector:
    """Which children a line of ``kind.yaml`` means: ``Deployment/demo-deploy`` or ``Pod/*``."""

    kind: str
    name: str

    def of(self, base: Sequence["Child"]) -> "Child":
        """The child that is meant, of a base that `with_base` has checked."""
        return next(child for child in base if (child.kind, child.name) == (self.kind, self.name))

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True)
class Setting:
    """One line of ``set``: a CR field and a field of a child that takes its value."""

    source: FieldPath
    child: ChildSelector
    target: FieldPath


@dataclass(frozen=True)
class Report:
    """One line of ``status``: a CR status field and the field of the children it is read from."""

    name: str
    child: ChildSelector
    source: FieldPath
    is_list: bool


@dataclass(frozen=True)
class Release:
    """One line of ``release``: a field of a child that another manager may have once nothing here sets it."""

    child: ChildSelector
    path: FieldPath


@dataclass(frozen=True)
class Child:
    """One object of a kind's base, as kustomize rendered it."""

    api_version: str
    kind: str
    name: str
    body: Mapping[str, Json] = field(compare=False)

    @property
    def group(self) -> str:
        """The API group; empty for the core group."""
        return self.api_version.rpartition("/")[0]

    @property
    def cluster_scoped(self) -> bool:
        """Whether it lives outside namespaces."""
        return (self.group, self.kind) in CLUSTER_SCOPED

    @property
    def is_job(self) -> bool:
        """Whether it is a Job of Kubernetes itself."""
        return (self.group, self.kind) == ("batch", "Job")

    def key(self, cr: CRKey) -> ObjectKey:
        """Which object it is for a CR."""
        namespace = "" if self.cluster_scoped else cr.namespace
        return ObjectKey(self.group, self.kind, namespace, child_name(cr.name, self.name))

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True)
class Kind:
    """A kind: its folder's files and what they say. ``base`` is empty until `with_base`; ``rendered`` is its text.

    ``deadline`` is how many seconds the children have until they should be ready; ``rules`` say of some of them, by
    kind and name in the base, when they are.
    ``carried`` are the files that tell kustomize where custom objects hold names, by the kustomization's field.
    """

    folder: Path
    files: Mapping[str, bytes] = field(repr=False, compare=False)
    digest: str
    resource: ResourceType
    settings: tuple[Setting, ...]
    reports: tuple[Report, ...]
    releases: tuple[Release, ...]
    deadline: float
    rules: Mapping[tuple[str, str], Rule] = field(default_factory=dict)
    carried: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    base: tuple[Child, ...] = ()
    rendered: str = field(default="", repr=False)

    @property
    def watched(self) -> frozenset[tuple[str, str]]:
        """The apiVersion and kind of all that its CRs' status depends on."""
        children = {(child.api_version, child.kind) for child in self.base}
        known = {kind for _, kind in children}
        asked = {report.child.kind for report in self.reports} - known
        return frozenset(children | {(MADE_BY_CHILDREN[kind], kind) for kind in asked})


def child_name(cr_name: str, base_name: str) -> str:
    """What a CR's child is called whose name in the base is ``base_name``."""
    return f"{cr_name}-{base_name}"


def find(roots: Sequence[Path]) -> list[Path]:
    """Return the kind folders among ``roots`` and right under them, each once.

    Raises KindError where a root is no folder, and where there is no kind at all.
    """
    found: dict[Path, None] = {}
    for root in roots:
        if not root.is_dir():
            raise KindError(f"{root}: there is no such folder, so there are no kinds")
        is_kind = (root / "kind.yaml").exists()
        found |= dict.fromkeys([root] if is_kind else sorted(path.parent for path in root.glob("*/kind.yaml")))
    if not found:
        where = ", ".join(map(str, roots))
        raise KindError(f"{where}: no folder in it describes a kind (one with kind.yaml and crd.yaml)")
    return list(found)


def read(folder: Path) -> dict[str, bytes]:
    """Return the folder's files by their path in it (``/`` between parts).

    Hidden files and Python's caches are left out. A symbolic link is refused: what kustomize reads must be what
    was digested. Raises KindError where there is something that may not be, KindUnreadable.
    """
    files: dict[str, bytes] = {}
    try:
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder)
            if not name.as_posix().isprintable():
                raise KindError(f"{folder}: {name.as_posix()!r}: a file's name must be readable text")
            if any(part.startswith(".") or part == "__pycache__" for part in name.parts):
                continue
            if path.is_symlink():
                raise KindError(f"{path}: is a symbolic link; put the file itself into the kind's folder")
            if path.is_file():
                files[name.as_posix()] = path.read_bytes()
    except OSError as error:
        raise KindUnreadable(f"{error.filename or folder}: {error.strerror or error}") from error
    return files


def digest(files: Mapping[str, bytes]) -> str:
    """Return a digest of names and contents, 16 hexadecimal digits."""
    total = hashlib.sha256()
    for name, content in sorted(files.items()):
        total.update(f"{len(name.encode())}:{name}:{len(content)}:".encode())
        total.update(content)
    return total.hexdigest()[:16]


def resource_type(folder: Path, files: Mapping[str, bytes]) -> ResourceType:
    """Return the CR type that ``crd.yaml`` defines: what must be known to watch CRs, even of a broken kind."""
    where = folder / "crd.yaml"
    crd = _mapping(where, _document(where, _content(where, files, "crd.yaml")))
    if crd.get("kind") != "CustomResourceDefinition":
        raise KindError(f"{where}: kind: {crd.get('kind')!r} is not CustomResourceDefinition")
    try:
        spec = crd["spec"]
        stored = [version["name"] for version in spec["versions"] if version["storage"]]
        return ResourceType(spec["group"], stored[0], spec["names"]["kind"], spec["names"]["plural"])
    except (KeyError, IndexError, TypeError) as error:
        raise KindError(
            f"{where}: spec needs group, names.kind, names.plural and a version with storage: true ({error!r})"
        ) from error


def parse(folder: Path, files: Mapping[str, bytes]) -> Kind:
    """Understand a kind's files; raise KindError that names file, field and value of what is wrong."""
    try:
        return _parse(folder, files)
    except (TypeError, AttributeError, KeyError, IndexError) as error:
        raise KindError(f"{folder / 'crd.yaml'}: is not of the shape of a CRD: {error}") from error


def _parse(folder: Path, files: Mapping[str, bytes]) -> Kind:
    resource = resource_type(folder, files)
    schema = _schema(folder / "crd.yaml", files, resource.version)
    where = folder / "kind.yaml"
    document = _mapping(where, _document(where, _content(where, files, "kind.yaml")))
    for name, expected in (("apiVersion", KIND_API_VERSION), ("kind", "Kind")):
        if document.get(name) != expected:
            raise KindError(f"{where}: {name}: {document.get(name)!r} must be {expected!r}")
    for name in document.keys() - {"apiVersion", "kind", *KIND_FIELDS}:
        raise KindError(f"{where}: {name}: there is no such field; {', '.join(KIND_FIELDS)} may stand here")
    _refuse_outside(folder, files)
    ready = _ready(where, document.get("ready"))
    return Kind(
        folder,
        files,
        digest(files),
        resource,
        settings=tuple(_settings(where, document.get("set"), schema)),
        reports=tuple(_reports(where, document.get("status"), schema)),
        releases=tuple(_releases(where, document.get("release"))),
        deadline=_deadline(where, ready.get("deadline", DEADLINE)),
        rules=dict(_rules(where, ready.get("children"))),
        carried=_carried(files),
    )


def with_base(kind: Kind, objects: Sequence[Mapping[str, Json]]) -> Kind:
    """Return the kind with its rendered base; raise KindError when base and ``kind.yaml`` do not fit together."""
    base = tuple(_child(kind.folder, obj) for obj in objects)
    where = kind.folder / "kustomization.yaml"
    if not base:
        raise KindError(f"{where}: kustomize makes no object of it, so a CR of this kind would have no children")
    for index, child in enumerate(base):
        if any(
            (other.group, other.kind, other.name) == (child.group, child.kind, child.name) for other in base[:index]
        ):
            raise KindError(f"{where}: {child} stands there twice")
    checked = replace(kind, base=base)
    for setting in kind.settings:
        line = f"{kind.folder / 'kind.yaml'}: set: {setting.source}: {setting.child} {setting.target}"
        _try(line, child_of(checked, setting.child, line), setting.target)
    for release in kind.releases:
        line = f"{kind.folder / 'kind.yaml'}: release: {release.child} {release.path}"
        _try(line, child_of(checked, release.child, line), release.path)
    for name in kind.rules:
        selector = ChildSelector(*name)
        child_of(checked, selector, f"{kind.folder / 'kind.yaml'}: ready: children: {selector}")
    for report in kind.reports:
        line = f"{kind.folder / 'kind.yaml'}: status: {report.name}: {report.child}"
        if report.child.name != "*":
            child_of(checked, report.child, line)
        elif report.child.kind not in MADE_BY_CHILDREN.keys() | {child.kind for child in base}:
            raise KindError(f"{line}: the folder has no {report.child.kind}, and its children make none")
    return checked


def _try(line: str, child: Child, path: FieldPath) -> None:
    """Raise KindError, which starts with ``line``, when a child cannot have such a field."""
    try:
        fields.put(copy.deepcopy(child.body), path, None)
    except FieldPathError as error:
        raise KindError(f"{line}: {error}") from error


def child_of(kind: Kind, selector: ChildSelector, line: str) -> Child:
    """Return the one child that a selector means; raise KindError, which starts with ``line``, if there is none."""
    found = [child for child in kind.base if (child.kind, child.name) == (selector.kind, selector.name)]
    if len(found) != 1:
        has = ", ".join(map(str, kind.base))
        raise KindError(f"{line}: the folder has {len(found) or 'no'} {selector}; it has {has}")
    return found[0]


def _content(where: Path, files: Mapping[str, bytes], name: str) -> bytes:
    if name not in files:
        raise KindError(f"{where}: there is no such file")
    return files[name]


def _document(where: Path, content: bytes) -> Any:
    try:
        return yamltext.load(content)
    except yamltext.NotYaml as error:
        raise KindError(f"{where}: is not YAML: {error}") from error


def _mapping(where: Path, value: Any, name: str = "") -> dict[str, Any]:
    if not isinstance(value, dict):
        raise KindError(f"{where}: {name or 'the file'}: {value!r} is not a mapping")
    return value


def _schema(where: Path, files: Mapping[str, bytes], version: str) -> dict[str, Any]:
    """The OpenAPI schema of the stored version, checked for what nuvop needs of it."""
    crd = _document(where, files["crd.yaml"])
    if crd["spec"].get("scope") != "Namespaced":
        raise KindError(f"{where}: spec.scope: {crd['spec'].get('scope')!r} must be 'Namespaced'")
    stored = next(entry for entry in crd["spec"]["versions"] if entry["name"] == version)
    if "status" not in (stored.get("subresources") or {}):
        raise KindError(f"{where}: version {version}: subresources: status is missing: write `status: {{}}`")
    schema = _mapping(where, (stored.get("schema") or {}).get("openAPIV3Schema"), f"version {version}: schema")
    status = ((schema.get("properties") or {}).get("status") or {}).get("properties") or {}
    for name in STATUS_FIELDS:
        if name not in status:
            raise KindError(
                f"{where}: version {version}: the schema has no status.{name}, so the API server would drop it"
            )
    if not _known(status["inventory"], fields.path_to(0, "done")):
        raise KindError(
            f"{where}: version {version}: the schema has no status.inventory[].done, so the API server would drop it, "
            "and finished Jobs would run again: write `done: {type: string}`"
        )
    default = schema["properties"]["status"].get("default")
    if not isinstance(default, dict) or default.get("observedGeneration") != -1:
        raise KindError(
            f"{where}: version {version}: status: default: {default!r} must be `{{observedGeneration: -1}}`, "
            "so that a new CR does not look reconciled before nuvop has seen it"
        )
    return schema


def _known(schema: Mapping[str, Any], path: FieldPath) -> bool:
    """Whether a CR's schema has the field; below what the schema leaves open, anything may stand."""
    for segment in path.segments:
        if schema.get("x-kubernetes-preserve-unknown-fields") or schema.get("x-kubernetes-int-or-string"):
            return True
        properties = schema.get("properties") or {}
        if isinstance(segment, fields.Name) and segment.name in properties:
            schema = properties[segment.name]
        elif "additionalProperties" in schema and isinstance(schema["additionalProperties"], dict):
            schema = schema["additionalProperties"]
        elif "items" in schema:
            schema = schema["items"]
        else:
            return schema.get("additionalProperties") is True
    return True


def _settings(where: Path, value: Any, schema: Mapping[str, Any]) -> Iterator[Setting]:
    for source, targets in _mapping(where, value or {}, "set").items():
        line = f"{where}: set: {source}"
        path = _path(line, source)
        if not str(source).startswith("spec.") or not _known(schema, path):
            raise KindError(f"{line}: the CRD has no such field under spec")
        if not all(isinstance(segment, fields.Name) for segment in path.segments):
            raise KindError(f"{line}: a CR field is named part by part, without brackets or wildcards")
        for target in targets if isinstance(targets, list) else [targets]:
            child, at = _child_and_path(line, target)
            if child.name == "*":
                raise KindError(f"{line}: {target!r}: name the child; * is for status")
            if _is_nuvops(at):
                raise KindError(f"{line}: {target!r}: {at} is for nuvop alone to set")
            yield Setting(path, child, at)


def _is_nuvops(path: FieldPath) -> bool:
    """Whether a field says which object it is or whose, which a CR may not change."""
    names = tuple(segment.name if isinstance(segment, fields.Name) else "*" for segment in path.segments)
    match names:
        case ("metadata",) | ("metadata", "labels"):
            return True
        case ("metadata", "annotations", annotation, *_) if annotation.startswith(directives.PREFIX):
            return True
    return any(names[:length] in NOT_SETTABLE for length in (1, 2, 3))


def _reports(where: Path, value: Any, schema: Mapping[str, Any]) -> Iterator[Report]:
    status = schema["properties"]["status"]["properties"]
    for name, source in _mapping(where, value or {}, "status").items():
        line = f"{where}: status: {name}"
        if name in STATUS_FIELDS:
            raise KindError(f"{line}: nuvop itself writes this field")
        if name not in status:
            raise KindError(f"{line}: the CRD has no status.{name}, so the API server would drop it")
        child, at = _child_and_path(line, source)
        _refuse_secret(line, child, at)
        yield Report(name, child, at, is_list=(status[name] or {}).get("type") == "array")


def _releases(where: Path, value: Any) -> Iterator[Release]:
    if not isinstance(value or [], list):
        raise KindError(f"{where}: release: {value!r} is not a list")
    for text in value or ():
        line = f"{where}: release: {text}"
        child, path = _child_and_path(line, text)
        if child.name == "*" or any(isinstance(segment, fields.Every) for segment in path.segments):
            raise KindError(f"{line}: name the child and the field; there are no wildcards here")
        if _is_nuvops(path):
            raise KindError(f"{line}: {path} is nuvop's own")
        _refuse_secret(line, child, path)
        yield Release(child, path)


def _refuse_secret(line: str, child: ChildSelector, path: FieldPath) -> None:
    """Refuse what would need a Secret's values: nuvop keeps none, and tells none."""
    if child.kind == "Secret" and path.segments[0] in (fields.Name("data"), fields.Name("stringData")):
        raise KindError(f"{line}: {path}: a Secret's values are not read")


def _ready(where: Path, value: Any) -> dict[str, Any]:
    ready = _mapping(where, value or {}, "ready")
    for name in ready.keys() - {"deadline", "children"}:
        raise KindError(f"{where}: ready: {name}: there is no such field; deadline and children may stand here")
    return ready


_DURATION = re.compile(r"(?:(?P<h>\d+)h)?(?:(?P<m>\d+)m)?(?:(?P<s>\d+)s)?")


def _deadline(where: Path, value: Any) -> float:
    """Read a duration as Go and kubectl write it, in seconds."""
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    hours, minutes, seconds = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
    total = 3600.0 * hours + 60.0 * minutes + seconds
    if not total:
        raise KindError(f"{where}: ready: deadline: {value!r} must be a duration such as 90s, 10m or 1h30m")
    return total


def _rules(where: Path, value: Any) -> Iterator[tuple[tuple[str, str], Rule]]:
    for name, text in _mapping(where, value or {}, "ready: children").items():
        line = f"{where}: ready: children: {name}: {text}"
        kind, slash, base_name = str(name).partition("/")
        if not (kind and slash and base_name) or base_name == "*":
            raise KindError(f"{line}: {name!r} must read `Kind/name`, as they stand in the base")
        try:
            rule = readiness.parse_rule(str(text))
        except FieldPathError as error:
            raise KindError(f"{line}: {error}") from error
        if rule.path is not None:
            _refuse_secret(line, ChildSelector(kind, base_name), rule.path)
        yield (kind, base_name), rule


def _path(line: str, text: Any) -> FieldPath:
    try:
        return fields.parse(str(text))
    except FieldPathError as error:
        raise KindError(f"{line}: {error}") from error


def _child_and_path(line: str, text: Any) -> tuple[ChildSelector, FieldPath]:
    """Read ``Deployment/demo-deploy spec.replicas``."""
    child, _, path = text.partition(" ") if isinstance(text, str) else ("", "", "")
    kind, slash, name = child.partition("/")
    if not (kind and slash and name and path.strip()):
        raise KindError(f"{line}: {text!r} must read `Kind/name field.path`, like `Deployment/web spec.replicas`")
    return ChildSelector(kind, name), _path(line, path.strip())


def _child(folder: Path, obj: Mapping[str, Json]) -> Child:
    kind, metadata = obj.get("kind"), obj.get("metadata") or {}
    name = metadata.get("name")
    if not (kind and name and obj.get("apiVersion")):
        raise KindError(f"{folder}: every object needs apiVersion, kind and metadata.name; one has {kind!r}, {name!r}")
    if kind in NEVER_A_CHILD:
        raise KindError(f"{folder}: {kind}/{name}: a {kind} cannot be a child: deleting a CR must not delete it")
    if metadata.get("ownerReferences"):
        raise KindError(f"{folder}: {kind}/{name}: metadata.ownerReferences: the owner of a child is its CR")
    for annotation, value in (metadata.get("annotations") or {}).items():
        if annotation.startswith(directives.PREFIX) and value not in CHILD_DIRECTIVES.get(annotation, ()):
            allowed = "; ".join(f"{known}: {' or '.join(map(repr, of))}" for known, of in CHILD_DIRECTIVES.items())
            raise KindError(
                f"{folder}: {kind}/{name}: metadata.annotations: {annotation}: {value!r} means nothing to nuvop; "
                f"on a child it knows {allowed}"
            )
    return Child(obj["apiVersion"], kind, name, obj)


def _carried(files: Mapping[str, bytes]) -> dict[str, tuple[str, ...]]:
    document = _kustomization(files[next(name for name in KUSTOMIZATION_NAMES if name in files)])
    listed = {name: document.get(name) for name in ("configurations", "crds")}
    return {
        name: tuple(path for path in map(posixpath.normpath, paths) if path in files)
        for name, paths in listed.items()
        if isinstance(paths, list)
    }


def _kustomization(content: bytes) -> dict[str, Any]:
    """A kustomization's fields; none where it cannot be read: kustomize will say so itself."""
    try:
        document = yamltext.load(content)
    except yamltext.NotYaml:
        return {}
    return document if isinstance(document, dict) else {}


_REFERENCES = ("resources", "components", "bases", "crds", "configurations", "transformers", "generators", "validators")


def _refuse_outside(folder: Path, files: Mapping[str, bytes]) -> None:
    """Refuse what kustomize would fetch, or read from outside the folder: it would not be in the digest.

    A kustomization that cannot be read, or a file that is missing, is left to kustomize: it says so itself.
    """
    kustomizations = [name for name in files if posixpath.basename(name) in KUSTOMIZATION_NAMES]
    if not any(posixpath.dirname(name) == "" for name in kustomizations):
        raise KindError(f"{folder / 'kustomization.yaml'}: there is no such file")
    for name in kustomizations:
        document = _kustomization(files[name])
        for listed in _REFERENCES:
            entries = document.get(listed)
            for entry in entries if isinstance(entries, list) else ():
                if isinstance(entry, str) and "\n" not in entry:
                    line = f"{folder / name}: {listed}: {entry!r}"
                    target = posixpath.normpath(posixpath.join(posixpath.dirname(name), entry))
                    _refuse_entry(line, entry, target, files)
                    if listed == "resources" and target in files:
                        _refuse_empty(line, files[target])


def _refuse_empty(line: str, content: bytes) -> None:
    """Refuse a manifest without an object, which kustomize takes: half saved, it would delete what it was about."""
    lines = map(bytes.strip, content.splitlines())
    if all(not each or each.startswith((b"#", b"---")) for each in lines):
        raise KindError(f"{line} has no object in it; if that is meant, take it off the list")


def _refuse_entry(line: str, entry: str, target: str, files: Mapping[str, bytes]) -> None:
    if entry.startswith("/") or target.split("/")[0] == "..":
        raise KindError(f"{line} is outside the kind's folder; copy it in")
    is_there = target == "." or target in files or any(name.startswith(target + "/") for name in files)
    looks_local = "://" not in entry and entry.endswith((".yaml", ".yml", ".json"))
    if not is_there and not looks_local:
        raise KindError(f"{line} is no file or folder of the kind; remote bases are not fetched, copy it in")
