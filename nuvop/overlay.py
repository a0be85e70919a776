"""Overlays: a kind and a CR become a small kustomize folder.

`make` is pure: it gives the files, the revision that digests what they were made from, and the objects that
kustomize will make of them. `write`, `snapshot`, `remove` and `claim` put them on disk under ``generated/``:

    generated/.kinds/<digest>/source/         a kind's folder as it was when it was digested
    generated/.kinds/<digest>/base/           what kustomize made of that, once
    generated/.kinds/<digest>/base.<name>/    the same with a component; with.<name>/ is what it was made from
    generated/.kinds/<digest>/install/        what is applied once for all CRs
    generated/<plural>/<namespace>/<name>/    kustomization.yaml and a patch for each child

No string is ever pasted into a file: a serializer writes every one of them.
"""

import base64
import copy
import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nuvop import child_names, directives, fields, labelling, patches_py, yamltext
from nuvop.errors import FieldPathError, GeneratedInUse, OverlayError, Place, SettingsError, WriteFailed
from nuvop.fields import FieldPath, Json, Operation
from nuvop.kinds import Child, ChildSelector, Kind, Setting, home_namespace, is_outside, name_prefix
from nuvop.objects import (
    HIDDEN,
    INSTANCE_LABEL,
    LABELS,
    MANAGED_BY_LABEL,
    NAMESPACE_LABEL,
    OWNER_LABEL,
    REVISION_LABEL,
    Body,
    CRKey,
    ObjectKey,
    is_kustomizes,
    labels_of,
)

RULES = 1
"""The rules by which overlays are made. Raised when, and only when, golden outputs change: an upgrade of nuvop
rewrites nobody's objects otherwise."""

_UNWRITABLE = re.compile("[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What is not printable in YAML (https://yaml.org/spec/1.2.2/#51-character-set), and NEL, which kustomize folds."""

_NO_KEY = re.compile("(?:<<)?|.*[\u2028\u2029].*", re.DOTALL)
"""What kustomize writes down as a key without quotes, and then reads as something else, or not at all."""

_KEY_LIMIT = 1000
"""Characters, as JSON writes them, of a key: YAML's readers take 1,024 for one, quotes included."""

_DIRECTIVE = re.compile(r"\$patch|\$retainKeys|\$setElementOrder/.*|\$deleteFromPrimitiveList/.*", re.DOTALL)
"""Keys that tell a strategic merge patch what to do."""

_TOLD = 100
"""Characters of a path or a key in a message."""

DEEPEST = 200
"""Levels of mappings and lists in a value: patches are written, and live objects are read, by what takes 254."""

SNAPSHOTS = ".kinds"
LOCK = ".nuvop.lock"

_FRESH = ".new"
_OLD = ".old"
"""What stands beside a folder while it is replaced."""


@dataclass(frozen=True)
class Overlay:
    """A CR's overlay: what is written, what it was made from, and what kustomize will make of it."""

    key: CRKey
    revision: str
    files: Mapping[str, str] = field(repr=False)
    children: Mapping[ObjectKey, Child] = field(repr=False)
    """Which object each child becomes, in the base's order; what was left out is not in it."""
    secrets: Mapping[ObjectKey, Child] = field(repr=False)
    """The Secrets whose values are made once, which are not applied."""
    contents: Mapping[ObjectKey, str] = field(repr=False)
    """For each Job, also one that was left out, a digest of what base and CR make of it, 16 hexadecimal digits."""
    released: tuple[tuple[ObjectKey, FieldPath], ...]
    """The fields that the kind releases and that have no value here: another manager may have them."""
    size: int
    """About how many bytes kustomize reads and makes."""
    is_orphaning: bool
    """Whether the children are to outlive the CR."""

    @property
    def written(self) -> "Overlay":
        """The overlay once its files are on disk, and no longer in memory."""
        return replace(self, files={})

    @property
    def objects(self) -> tuple[ObjectKey, ...]:
        """What kustomize will make of it."""
        return tuple(self.children)

    @property
    def needs_finalizer(self) -> bool:
        """Whether the garbage collector alone does not do what is to happen to the children when the CR goes."""
        return self.is_orphaning or any(not child.is_beside for child in self.children.values())


def objects_of(kind: Kind, key: CRKey) -> tuple[ObjectKey, ...]:
    """The objects of a CR's overlay, nothing left out, without making it; also what is made once."""
    return tuple(child.key(key) for child in kind.base)


def make(kind: Kind, cr: Body, *, orphan: bool = False, without: Collection[ObjectKey] = ()) -> Overlay:
    """Translate a CR into its overlay; ``kind`` has the base of the components that the CR wants.

    With ``orphan`` no child has an ownerReference: the children outlive the CR. ``without`` are objects that are not
    to be made, which changes neither the others nor the revision. Raises OverlayError where a value of the CR does not
    fit, or the kind's own Python fails.
    """
    key = CRKey(kind.resource.plural, cr["metadata"]["namespace"], cr["metadata"]["name"])
    used = list(_used(kind, cr))
    python = _python(kind, cr)
    revision = _revision(kind, key, used, python, orphan=orphan)
    secrets = [child for each in kind.generated if (child := kind.child(each.child))]
    children = {child.key(key): child for child in kind.base if child not in secrets}

    drafts = {child: _Draft(child) for child in kind.base}
    _follow(kind, key, drafts)
    # What sets a part of a field comes after what sets all of it, which would undo it.
    for setting, value in sorted(used, key=lambda pair: len(pair[0].target.segments)):
        if child := kind.child(setting.child):
            drafts[child].set(setting, value)
    for draft in drafts.values():
        with _told_of(draft.child):
            draft.bind_subjects(kind, key)
    contents = {
        at: _digest([drafts[child].body, *python.get(child.selector, ())])
        if child.selector in python
        else _digest(drafts[child].body)
        for at, child in children.items()
        if child.is_job
    }
    # Also as they were before the CR set anything: a selector that a mapping leaves behind still means this CR's pods.
    bodies = [body for draft in drafts.values() for body in (draft.child.body, draft.body)]
    templates = [labels for body in bodies for labels in labelling.template_labels(body)]
    services = [labels_of(body) for body in bodies if labelling.is_service(body)]
    for draft in drafts.values():
        with _told_of(draft.child):
            draft.move_string_data()
            draft.label(key, templates, services)
        if draft.child in secrets:
            draft.put(_LOCAL_CONFIG, "true")
        elif draft.child.selector in kind.kept:
            draft.put(_KEEP, "keep")
        elif not orphan and draft.child.is_beside:
            draft.put(_OWNER_REFERENCES, [_owner_reference(kind, cr)])

    left_out = {children[at] for at in without if at in children}
    patches = {
        child: _deletion(child) if child in left_out else [operation.as_dict() for operation in draft.operations]
        for child, draft in drafts.items()
    }
    names = _file_names(kind.base)
    patched = {names[child]: child for child, patch in patches.items() if patch}
    by_python = {
        f"python-{index}-{names[child]}": (child, patch)
        for selector, given in python.items()
        for index, patch in enumerate(given, 1)
        if (child := kind.child(selector)) and child not in left_out
    }
    patched |= {name: child for name, (child, _) in by_python.items()}
    files = {
        **{names[child]: yamltext.dump_json(patch) for child, patch in patches.items() if patch},
        **{name: yamltext.dump_json(patch) for name, (_, patch) in by_python.items()},
        "kustomization.yaml": yamltext.dump(_kustomization(kind, key, cr["metadata"]["uid"], revision, patched)),
    }
    return Overlay(
        key,
        revision,
        files,
        {at: child for at, child in children.items() if child not in left_out},
        {child.key(key): child for child in secrets},
        contents,
        tuple(_released(kind, key, {child: draft.body for child, draft in drafts.items() if child not in left_out})),
        len(kind.rendered.encode()) + sum(len(text.encode()) for text in files.values()),
        orphan,
    )


async def make_in_time(kind: Kind, cr: Body, *, orphan: bool, without: Collection[ObjectKey] = ()) -> Overlay:
    """`make` it; a kind's own Python has its own thread, and may not take for ever. Raises OverlayError."""
    return await patches_py.within_time(kind.folder, kind.files, lambda: make(kind, cr, orphan=orphan, without=without))


def _used(kind: Kind, cr: Body) -> Iterator[tuple[Setting, Json]]:
    """The settings that the CR has a value for, and that value."""
    for setting in kind.settings:
        found = fields.values(cr, setting.source)
        if found and found[0] is not None:
            _refuse_unwritable(str(setting.source), found[0])
            yield setting, found[0]


def _python(kind: Kind, cr: Body) -> dict[ChildSelector, list[dict[str, Json]]]:
    """What the kind's own Python makes of a CR: partial objects, by the child that they are for."""
    source = kind.files.get(patches_py.FILE)
    found: dict[ChildSelector, list[dict[str, Json]]] = {}
    if source is None:
        return found
    _refuse_directives("spec", cr.get("spec"))
    try:
        given = patches_py.run(kind.folder, source, cr)
    except OverlayError as error:
        makes_secrets = kind.secrets or any(child.kind == "Secret" for child in kind.everything)
        # Not from the error: whoever prints the chain would tell it.
        raise (OverlayError(_without_values(error.message, cr), error.place) if makes_secrets else error) from None
    for patch in given:
        place, where = Place(kind.folder / patches_py.FILE), f"{patch['kind']}/{patch['metadata']['name']}"
        child = kind.child(ChildSelector(patch["kind"], patch["metadata"]["name"]))
        if child is None:
            raise OverlayError(f"{where}: the folder has none; it has {', '.join(map(str, kind.base))}", place)
        _refuse_unwritable(where, patch, place)
        _refuse_nuvops(where, patch, place)
        found.setdefault(child.selector, []).append({**patch, "apiVersion": child.api_version})
    return found


def _without_values(message: str, cr: Body) -> str:
    """What the error of a kind's own Python says, but for the values of the CR's spec: any of them may be a secret."""
    words = {each for text in _texts(cr.get("spec")) for each in (text, repr(text)[1:-1])}
    for word in sorted(words, key=len, reverse=True):
        message = message.replace(word, HIDDEN) if len(word) >= _SHORTEST else message
    return message


def _texts(value: Json) -> Iterator[str]:
    match value:
        case dict() | list():
            for below in value.values() if isinstance(value, dict) else value:
                yield from _texts(below)
        case str() | int() | float():
            yield str(value)


_SHORTEST = 4
"""Characters of a value that is looked for in a text: shorter ones are in many by chance."""

_PYTHON_METADATA = ("name", "labels", "annotations")
"""What a kind's own Python may give of a child's metadata; the rest says which object it is, and whose."""


def _refuse_nuvops(where: str, patch: Mapping[str, Any], place: Place) -> None:
    """Refuse what would make a child another object, another's, or none: nuvop would wait for it for ever."""
    metadata = patch["metadata"]
    refused = [
        *(name for name in patch if name.startswith("$") or name == "status"),
        *(f"metadata.{name}" for name in metadata if name not in _PYTHON_METADATA),
        *(f"metadata.labels.{name}" for name in metadata.get("labels") or () if name in LABELS),
        *(f"metadata.annotations.{name}" for name in metadata.get("annotations") or () if _is_nuvops(name)),
    ]
    if refused:
        raise OverlayError(
            f"{where}: {', '.join(refused)}: which children there are, and whose, is not for Python to say", place
        )


def _is_nuvops(annotation: str) -> bool:
    return annotation.startswith(directives.PREFIX) or is_kustomizes(annotation)


def _follow(kind: Kind, cr: CRKey, drafts: Mapping[Child, "_Draft"]) -> None:
    """Replace the names of the kind's children in texts by what they are called for this CR."""
    if not kind.follows:
        return
    known, home = child_names.of_base(kind.base), home_namespace(kind.base)
    rename = (lambda name: name) if kind.keeps_names else (lambda name: f"{name_prefix(cr.name)}{name}")
    for line in kind.follows:
        if child := kind.child(line.child):
            # As the base has them: what two lines name is the same to both.
            for at, text in child_names.followed(child, line.path, known, home, rename, cr.namespace):
                drafts[child].put(at, text)


@contextmanager
def _told_of(child: Child) -> Iterator[None]:
    """Name the child in which a value of the CR leaves no room for what nuvop sets."""
    try:
        yield
    except FieldPathError as error:
        raise OverlayError(f"{child}: {error}") from error


class _Draft:
    """A child on its way into an overlay: its body as it will be, and the patch that makes it so."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self.body = copy.deepcopy(dict(child.body))
        self.operations: list[Operation] = []

    def put(self, path: FieldPath, value: Json) -> None:
        """Set a field."""
        self.operations += fields.put(self.body, path, value)

    def set(self, setting: Setting, value: Json) -> None:
        """Set what the CR sets; raise OverlayError."""
        try:
            self.put(setting.target, value)
        except FieldPathError as error:
            raise OverlayError(f"{setting.source} cannot be set in {self.child}: {error}") from error

    def bind_subjects(self, kind: Kind, cr: CRKey) -> None:
        """Name the CR's ServiceAccounts in a RoleBinding of another namespace: kustomize looks for them there only."""
        if self.child.kind != "RoleBinding" or self.child.is_beside:
            return
        for index, subject in enumerate(fields.listed(self.body.get("subjects"))):
            subject = fields.mapped(subject)
            account = kind.child(ChildSelector("ServiceAccount", str(subject.get("name", ""))))
            if subject.get("kind") == "ServiceAccount" and account is not None and account.is_beside:
                own = fields.value_at(account.body, "metadata", "namespace") or "default"
                if subject.get("namespace", own) == own:
                    self.put(fields.path_to("subjects", index, "name"), account.name_for(cr.name))
                    self.put(fields.path_to("subjects", index, "namespace"), cr.namespace)

    def move_string_data(self) -> None:
        """Move a Secret's stringData to data: it is never seen again in stringData, so neither is its drift."""
        if (self.child.api_version, self.child.kind) != ("v1", "Secret") or not self.body.get("stringData"):
            return
        texts = self.body.pop("stringData")
        if not isinstance(texts, dict):
            raise FieldPathError("stringData must be a mapping")
        for name, text in texts.items():
            if isinstance(text, dict | list):
                raise FieldPathError(f"stringData.{_cut(name)} must be a text")
            self.put(fields.path_to("data", name), base64.b64encode(str(text).encode()).decode())
        self.operations.append(Operation("remove", "/stringData"))

    def label(self, cr: CRKey, templates: list[Mapping[str, str]], services: list[Mapping[str, str]]) -> None:
        """Set the labels that kustomize does not.

        ``templates`` are the labels of all pods that the kind makes, ``services`` those of its Services.
        """
        selectors = labelling.selector_paths(self.body, templates, services, cr.namespace)
        for path in [*labelling.template_paths(self.body), *selectors]:
            self.put(path, cr.instance)
        if not self.child.is_beside:
            self.put(_NAMESPACE_LABEL, cr.namespace)


_OWNER_REFERENCES = fields.path_to("metadata", "ownerReferences")
_NAMESPACE_LABEL = fields.path_to("metadata", "labels", NAMESPACE_LABEL)
_KEEP = fields.path_to("metadata", "annotations", directives.DELETE)
LOCAL_CONFIG = "config.kubernetes.io/local-config"
_LOCAL_CONFIG = fields.path_to("metadata", "annotations", LOCAL_CONFIG)
"""What kustomize leaves out of its output, having renamed the references to it
(https://kubectl.docs.kubernetes.io/references/kustomize/glossary/#local-configuration)."""


def _released(kind: Kind, key: CRKey, bodies: Mapping[Child, Body]) -> Iterator[tuple[ObjectKey, FieldPath]]:
    for release in kind.releases:
        child = kind.child(release.child)
        if (
            child is not None
            and child in bodies
            and all(value is None for value in fields.values(bodies[child], release.path))
        ):
            yield child.key(key), release.path


def _kustomization(kind: Kind, key: CRKey, uid: str, revision: str, patched: Mapping[str, Child]) -> Json:
    """The overlay's kustomization; ``patched`` are the children that have a patch, by its file's name."""
    labels = {
        MANAGED_BY_LABEL: "nuvop",
        INSTANCE_LABEL: key.instance,
        OWNER_LABEL: uid,
        REVISION_LABEL: revision,
    }
    prefix = {} if kind.keeps_names else {"namePrefix": name_prefix(key.name)}
    moves = [
        _move(child) for child in kind.base if not child.is_beside and not is_outside(child.api_version, child.kind)
    ]
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [f"../../../{SNAPSHOTS}/{kind.digest}/{_base_name(kind)}"],
        **prefix,
        "namespace": key.namespace,
        "labels": [{"pairs": labels}],
        "patches": [{"path": name, "target": _target(child)} for name, child in patched.items()],
        **({"transformers": moves} if moves else {}),
    }


def _move(child: Child) -> str:
    """The transformer that moves a child to where it lives, once kustomize has put all into the CR's namespace."""
    at = fields.pointer(("metadata", "namespace"))
    move = Operation("remove", at) if child.cluster_scoped else Operation("replace", at, child.namespace)
    return yamltext.dump_json(
        {
            "apiVersion": "builtin",
            "kind": "PatchTransformer",
            "metadata": {"name": f"{child.kind}-{child.name}".lower()},
            "target": _target(child),
            "patch": yamltext.dump_json([move.as_dict()]),
        }
    )


def _refuse_unwritable(source: str, value: Json, place: Place | None = None, left: int = DEEPEST) -> None:
    """Refuse what kubectl's YAML does not take, or changes: kubectl would answer with the whole manifest."""
    if not left:
        raise _too_deep(source, place)
    match value:
        case str():
            if found := _UNWRITABLE.search(value):
                raise OverlayError(f"{source}: the character U+{ord(found[0]):04X} cannot stand in a manifest", place)
        case dict():
            for name, member in value.items():
                _refuse_unwritable(source, name, place)
                if _NO_KEY.fullmatch(name) or len(yamltext.dump_json(name)) > _KEY_LIMIT:
                    raise _no_key(source, name, place)
                _refuse_unwritable(f"{source}.{name}", member, place, left - 1)
        case list():
            for index, item in enumerate(value):
                _refuse_unwritable(f"{source}.{index}", item, place, left - 1)


def _refuse_directives(source: str, value: Json, left: int = DEEPEST) -> None:
    """Refuse what would tell a strategic merge patch what to do, should a kind's own Python hand it on."""
    if not left:
        raise _too_deep(source)
    match value:
        case dict():
            for name, member in value.items():
                if _DIRECTIVE.fullmatch(name):
                    raise _no_key(source, name)
                _refuse_directives(f"{source}.{name}", member, left - 1)
        case list():
            for index, item in enumerate(value):
                _refuse_directives(f"{source}.{index}", item, left - 1)


def _too_deep(source: str, place: Place | None = None) -> OverlayError:
    return OverlayError(f"{_cut(source)}: there are more than {DEEPEST} mappings and lists inside of each other", place)


def _no_key(source: str, name: str, place: Place | None = None) -> OverlayError:
    return OverlayError(f"{_cut(source)}: {_cut(name)!r} can be no key in a manifest", place)


def _cut(text: str) -> str:
    return text if len(text) <= _TOLD else f"{text[: _TOLD - 1]}…"


def _revision(
    kind: Kind,
    key: CRKey,
    used: Iterable[tuple[Setting, Json]],
    python: Mapping[ChildSelector, Json],
    *,
    orphan: bool,
) -> str:
    """A digest of everything that decides the output except the CR's uid and what was left out."""
    values = [(str(setting.source), value) for setting, value in used]
    inputs: list[Json] = [RULES, kind.digest, key.plural, key.namespace, key.name, values]
    if kind.chosen:
        inputs.append(["components", *sorted(kind.chosen)])
    if python:
        inputs.append(["python", {str(selector): given for selector, given in python.items()}])
    return _digest([*inputs, "orphan"] if orphan else inputs)


def _digest(value: Json) -> str:
    """16 hexadecimal digits."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def _owner_reference(kind: Kind, cr: Body) -> dict[str, Json]:
    """The garbage collector deletes the children with their CR by this, also when nuvop is gone."""
    return {
        "apiVersion": kind.resource.api_version,
        "kind": kind.resource.kind,
        "name": cr["metadata"]["name"],
        "uid": cr["metadata"]["uid"],
        "controller": True,
    }


def _target(child: Child) -> dict[str, str]:
    # kustomize takes the name of a target as a regular expression.
    version = child.api_version.rpartition("/")[2]
    name = re.sub(r"[^\w:-]", lambda found: f"\\{found[0]}", child.name)
    target = {"version": version, "kind": child.kind, "name": name}
    return {"group": child.group, **target} if child.group else target


def _file_names(base: tuple[Child, ...]) -> dict[Child, str]:
    """A patch file's name for each child: ``deployment-web.json``; with the group where two would be the same."""
    plain = {child: f"{child.kind}-{child.name}".lower() for child in base}
    taken = list(plain.values())
    return {
        child: (f"{name}.json" if taken.count(name) == 1 else f"{name}.{child.group or 'core'}.json").replace(":", "_")
        for child, name in plain.items()
    }


def _deletion(child: Child) -> dict[str, Json]:
    """The strategic merge patch that leaves a child out. It costs kubectl 0.09 s, so there is none without need."""
    return {
        "$patch": "delete",
        "apiVersion": child.api_version,
        "kind": child.kind,
        "metadata": {"name": child.name},
    }


# --- on disk ---------------------------------------------------------------------------------------------------------


def claim(generated: Path) -> int:
    """Take ``generated/`` for this process and sweep what an earlier one left; return the lock's file descriptor.

    The lock ends with the process. Raises GeneratedInUse when another operator has it, and SettingsError when the
    folder holds what nuvop has not made.
    """
    try:
        generated.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(generated.iterdir()) and not (generated / LOCK).exists():
            raise SettingsError(f"NUVOP_GENERATED: {generated} is not empty and nuvop has not made it; name another")
    except OSError as error:
        raise _unusable(error) from error
    lock = _lock(generated)
    for entry in generated.iterdir():
        if entry.name != LOCK:
            _remove(entry)
    return lock


def keep_claim(generated: Path, lock: int) -> None:
    """Lock ``generated/`` anew where somebody has removed it, or the lock in it; ``lock`` stays the descriptor.

    Without a lock another operator could claim the folder, and this one could not once it has started again. Raises as
    `claim` does.
    """
    try:
        is_there = os.path.samestat((generated / LOCK).stat(), os.fstat(lock))
    except FileNotFoundError:
        is_there = False
    except OSError as error:
        raise _unusable(error) from error
    if not is_there:
        fresh = _lock(generated)
        os.dup2(fresh, lock, inheritable=False)
        os.close(fresh)


def _lock(generated: Path) -> int:
    try:
        generated.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(generated / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unusable(error) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise GeneratedInUse(
            f"another nuvop writes its overlays to {generated}: stop it, or start this one with "
            "NUVOP_GENERATED=<another folder>"
        ) from error
    return lock


def _unusable(error: OSError) -> SettingsError:
    return SettingsError(f"NUVOP_GENERATED: {error.filename}: {error.strerror}")


def write_source(generated: Path, kind: Kind) -> Path:
    """Write a kind's files as they were digested, read-only; return the folder, which kustomize can build."""
    target = source(generated, kind)
    _write_snapshot(target, kind.files)
    return target


def source(generated: Path, kind: Kind) -> Path:
    """Where a kind's files stand as they were digested."""
    return generated / SNAPSHOTS / kind.digest / "source"


def write_choice(generated: Path, kind: Kind, chosen: frozenset[str]) -> Path:
    """Write a kind's files, and a kustomization of them with components; return the folder, which can be built."""
    base = write_source(generated, kind)
    if not chosen:
        return base
    target = generated / SNAPSHOTS / kind.digest / ".".join(["with", *sorted(chosen)])
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": ["../source"],
        "components": [f"../source/components/{name}" for name in sorted(chosen)],
    }
    _write_snapshot(target, {"kustomization.yaml": yamltext.dump(kustomization).encode()})
    return target


def write_install(generated: Path, kind: Kind) -> Path:
    """Write what a kind installs once for all of its CRs; return the folder, which kubectl can apply."""
    target = generated / SNAPSHOTS / kind.digest / "install"
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": ["install.yaml"],
    }
    files = {"install.yaml": kind.installed.encode(), "kustomization.yaml": yamltext.dump(kustomization).encode()}
    _write_snapshot(target, files)
    return target


def write(generated: Path, kind: Kind, overlay: Overlay) -> Path:
    """Write an overlay as a whole, in the place of an older one, and what it builds upon; return its folder."""
    _write_base(generated, kind)
    target = folder(generated, overlay.key)
    _write_folder(target, {name: text.encode() for name, text in overlay.files.items()}, mode=0o600)
    return target


def folder(generated: Path, key: CRKey) -> Path:
    """Where a CR's overlay stands."""
    return generated / key.plural / key.namespace / key.name


def remove(generated: Path, key: CRKey) -> None:
    """Remove the overlay of a CR that is gone, and the folders that it leaves empty; raise WriteFailed."""
    path = folder(generated, key)
    for left in (path, path.parent / _FRESH, path.parent / _OLD):
        remove_folder(left)
    try:
        for parent in (path.parent, path.parent.parent):
            if parent.is_dir() and not any(parent.iterdir()):
                parent.rmdir()
    except FileNotFoundError:
        return  # somebody else removes it, too
    except OSError as error:
        raise WriteFailed(f"{error.filename} cannot be removed: {error.strerror or error}") from error


def remove_folder(path: Path) -> None:
    """Remove a folder if it is there; raise WriteFailed."""
    try:
        _remove(path)
    except OSError as error:
        raise WriteFailed(f"{path} cannot be removed: {error.strerror or error}") from error


def _write_base(generated: Path, kind: Kind) -> None:
    """Write what kustomize made of a kind's folder: what every overlay of the kind builds upon.

    It is rendered once, so names that kustomize makes up (the hashes of generated ConfigMaps) are known before an
    overlay is applied, and kustomize has less to do for each CR. What tells kustomize of names inside of custom
    objects has to be told again one level up.
    """
    target = generated / SNAPSHOTS / kind.digest / _base_name(kind)
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": ["base.yaml"],
        **{name: [f"source/{path}" for path in paths] for name, paths in kind.carried.items()},
    }
    carried = {f"source/{path}": kind.files[path] for paths in kind.carried.values() for path in paths}
    files = {
        "base.yaml": kind.rendered.encode(),
        "kustomization.yaml": yamltext.dump(kustomization).encode(),
        **carried,
    }
    _write_snapshot(target, files)


def _base_name(kind: Kind) -> str:
    """What the folder of the base with the chosen components is called."""
    return ".".join(["base", *sorted(kind.chosen)])


def _write_snapshot(target: Path, files: Mapping[str, bytes]) -> None:
    """Write what never changes, unless it is there: somebody may have removed it, or some of it."""
    if not all((target / name).exists() for name in files):
        _write_folder(target, files, mode=0o400)


def _write_folder(target: Path, files: Mapping[str, bytes], *, mode: int) -> None:
    try:
        _replace_folder(target, files, mode)
    except OSError as error:
        raise WriteFailed(f"{target} cannot be written: {error.strerror or error}") from error


def _replace_folder(target: Path, files: Mapping[str, bytes], mode: int) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # There is one write at a time, so what has these names was left when an earlier one failed.
    fresh, old = target.parent / _FRESH, target.parent / _OLD
    _remove(fresh)
    _remove(old)
    try:
        fresh.mkdir(mode=0o700)
        for name, content in files.items():
            if "/" in name:
                (fresh / name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(f"{fresh}/{name}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(content)
        if target.exists():
            # A folder cannot replace another in one step: the old one steps aside first.
            target.rename(old)
        fresh.rename(target)
        _remove(old)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise


def _remove(path: Path) -> None:
    while path.is_symlink() or path.exists():
        try:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        except FileNotFoundError:
            continue  # somebody else removes it, too
