"""A kind's base: what kustomize makes of its folder, taken in and checked against ``kind.yaml``. Pure.

A folder with components has several bases, one for each choice of them. Lines of ``kind.yaml`` may name what only a
component brings; so they are checked against the folder with no component and with each one alone.
"""

import copy
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from nuvop import directives, fields, yamltext
from nuvop.errors import FieldPathError, KindError, Place
from nuvop.fields import FieldPath, Json
from nuvop.kind_folder import EXAMPLES, EXPECTED
from nuvop.kinds import (
    MADE_BY_CHILDREN,
    NEVER_A_CHILD,
    OUTSIDE,
    Child,
    ChildField,
    ChildSelector,
    Kind,
    is_outside,
    selector_of,
    unique,
)
from nuvop.objects import a
from nuvop.problems import Problems

CHILD_DIRECTIVES = {directives.RECREATE: ("true", "false"), directives.PRUNE: ("disabled",)}
"""nuvop's annotations that may stand on a child in the base, and their values."""


def with_base(kind: Kind, rendered: str, chosen: frozenset[str] = frozenset()) -> Kind:
    """Return the kind with the base that kustomize rendered with some of its components; raise KindError."""
    problems = Problems()
    documents = list(_documents(rendered))
    children, installed = [], []
    for text, obj in documents:
        with problems.caught():
            if _selector_of(kind, obj) in kind.install:
                installed.append(text)
            else:
                children.append((text, _child(kind, obj)))
    place = Place(kind.folder / "kustomization.yaml")
    base = tuple(child for _, child in children)
    if not base and not chosen:
        problems.add(KindError("kustomize makes no object of it, so a CR of this kind would have no children", place))
    names = [(child.group, child.kind, child.name) for child in base]
    for twice in sorted({str(child) for child, name in zip(base, names, strict=True) if names.count(name) > 1}):
        problems.add(KindError(f"{twice} stands there twice", place))
    problems.settle()
    return replace(
        kind,
        base=base,
        rendered="---\n".join(text for text, _ in children),
        installed="---\n".join(installed),
        chosen=chosen,
        everything=kind.everything or base,
        variants=kind.variants or base,
    )


def with_everything(kind: Kind, bases: Sequence[Kind]) -> Kind:
    """Return the kind, checked against its base and those with one component each; raise KindError."""
    children = [child for each in bases for child in each.base]
    whole = replace(kind, everything=tuple(unique(children)), variants=tuple(_different(children)))
    problems = Problems()
    for error in _unfit(whole, bases):
        problems.add(error)
    problems.settle()
    return whole


def _different(children: Sequence[Child]) -> Iterator[Child]:
    """Each object with each body that it has."""
    seen: dict[Child, list[Mapping[str, Json]]] = {}
    for child in children:
        bodies = seen.setdefault(child, [])
        if child.body not in bodies:
            bodies.append(child.body)
            yield child


def _documents(rendered: str) -> Iterator[tuple[str, Mapping[str, Json]]]:
    """The objects that kustomize printed, each with its text."""
    for text in re.split(r"^---\n", rendered, flags=re.MULTILINE):
        for obj in yamltext.load_printed(text):
            yield text, obj


def _selector_of(kind: Kind, obj: Mapping[str, Json]) -> ChildSelector:
    match obj:
        case {"apiVersion": str(api_version), "kind": str(name), "metadata": {"name": str(called)}} if (
            api_version and name and called
        ):
            return selector_of(name, called)
    has = ", ".join(map(repr, _named(obj)))
    message = f"every object needs apiVersion, kind and metadata.name, which are texts; one has {has}"
    place = next((place for place, document in _manifests(kind) if _named(document) == _named(obj)), None)
    raise KindError(message, place or Place(kind.folder / "kustomization.yaml"))


def _named(obj: Json) -> list[Json]:
    return [fields.value_at(obj, *at) for at in (("apiVersion",), ("kind",), ("metadata", "name"))]


def _child(kind: Kind, obj: Mapping[str, Json]) -> Child:
    selector, metadata = _selector_of(kind, obj), obj["metadata"]
    if wrong := _unfit_for_a_child(selector, metadata):
        raise KindError(f"{selector}: {wrong}", place_of(kind, selector))
    namespace = OUTSIDE if is_outside(obj["apiVersion"], selector.kind) else kind.elsewhere.get(selector)
    return Child(obj["apiVersion"], selector.kind, metadata["name"], obj, namespace, kind.keeps_names)


def _unfit_for_a_child(selector: ChildSelector, metadata: Mapping[str, Json]) -> str:
    """What keeps an object from being a child; empty where nothing does."""
    if selector.kind in ("Namespace", "CustomResourceDefinition"):
        return (
            f"{a(selector.kind)} cannot be a child: deleting a CR must not delete it; write it under `install:` in "
            "kind.yaml, and it is applied once for all"
        )
    if selector.kind in NEVER_A_CHILD:
        return f"{a(selector.kind)} cannot be a child: deleting a CR must not delete it"
    for name, type_, called in (("namespace", str, "a text"), ("annotations", dict, "a mapping")):
        if not isinstance(metadata.get(name), type_ | None):
            return f"metadata.{name} must be {called}"
    if metadata.get("ownerReferences"):
        return "metadata.ownerReferences: the owner of a child is its CR"
    for annotation, value in (metadata.get("annotations") or {}).items():
        if annotation.startswith(directives.PREFIX) and value not in CHILD_DIRECTIVES.get(annotation, ()):
            allowed = "; ".join(f"{known}: {' or '.join(map(repr, of))}" for known, of in CHILD_DIRECTIVES.items())
            return (
                f"metadata.annotations: {annotation}: {value!r} means nothing to nuvop; on a child it knows {allowed}"
            )
    return ""


def place_of(kind: Kind, selector: ChildSelector, path: FieldPath | None = None) -> Place:
    """Where an object stands, or a field of it: in a manifest or a patch, or in the kustomization where in neither.

    A field that none of these has, because kustomize has made it, stands where its object does.
    """
    written = list(_written(kind, selector))
    for place, document in written:
        if found := fields.pointers(document, path) if path else ():
            return replace(place, at=found[0])
    return written[0][0] if written else Place(kind.folder / "kustomization.yaml")


def _written(kind: Kind, selector: ChildSelector) -> Iterator[tuple[Place, Json]]:
    """The documents of a folder's files that are of an object, or patch it."""
    for place, document in _manifests(kind, selector.name):
        match document:
            case {"kind": selector.kind, "metadata": {"name": selector.name}}:
                yield place, document


def _manifests(kind: Kind, word: str = "") -> Iterator[tuple[Place, Json]]:
    """The documents of a folder's files in which a word stands."""
    for name, content in kind.files.items():
        is_manifest = name.endswith((".yaml", ".yml")) and not name.startswith((EXAMPLES, EXPECTED))
        if is_manifest and word.encode() in content:
            for index, document in enumerate(_read(content)):
                yield Place(kind.folder / name, document=index), document


@lru_cache(maxsize=16)
def _read(content: bytes) -> list[Json]:
    """A file's documents, which nobody may change; large ones are asked for again with each finding."""
    try:
        return yamltext.load_fast(content)
    except yamltext.NotYaml:
        return []


# --- what does not fit together --------------------------------------------------------------------------------------


def _unfit(kind: Kind, bases: Sequence[Kind]) -> Iterator[KindError]:
    place = Place(kind.folder / "kind.yaml")
    for setting in kind.settings:
        at = place / "set" / str(setting.source)
        target = ChildField(setting.child, setting.target)
        yield from _never_applied(at, target, kind) or _no_such_field(at, target, kind, bases)
    for section, listed in (("release", kind.releases), ("follow", kind.follows)):
        for index, each in enumerate(listed):
            at = place / section / index
            yield from _never_applied(at, each, kind) or _no_such_field(at, each, kind, bases)
    for index, each in enumerate(kind.follows):
        yield from _no_text(place / "follow" / index, each, bases)
    for section, selectors in (
        ("children", kind.elsewhere),
        ("generate", [generated.child for generated in kind.generated]),
    ):
        for selector in selectors:
            yield from _no_such_child(place / section / str(selector), selector, kind)
    for selector in kind.rules:
        yield from _no_such_child(place / "ready" / "children" / str(selector), selector, kind)
    for selector in kind.kept:
        yield from _no_such_child(place / "delete" / "keep" / str(selector), selector, kind)
    for generated in kind.generated:
        if any(child.selector == generated.child and child.has_hash for child in kind.everything):
            yield KindError(
                "kustomize puts a hash behind its name, so it would be another Secret, with other values, after a "
                "change of the folder: write `options: {disableNameSuffixHash: true}` in its generator",
                place / "generate" / str(generated.child),
            )
        if generated.child in kind.elsewhere:
            yield KindError(
                "nuvop makes its values once (`generate`), and it lives as long as the resource and its data, so it "
                "lives beside them: take this line out",
                place / "children" / str(generated.child),
            )
    installed = set().union(*map(_installed_in, bases)) if kind.install else set()
    for index, selector in enumerate(kind.install):
        if selector not in installed:
            yield KindError(f"the folder has no {selector}", place / "install" / index)
    for selector, namespace in kind.elsewhere.items():
        child = next((child for child in kind.everything if child.selector == selector), None)
        if child and is_outside(child.api_version, child.kind) and namespace != OUTSIDE:
            yield KindError(f"{a(child.kind)} lives outside namespaces", place / "children" / str(selector))
    for report in kind.reports:
        at = place / "status" / str(report.path)
        for source in report.sources:
            if source.child.name != "*":
                yield from _no_such_child(at, source.child, kind)
            elif source.child.kind not in MADE_BY_CHILDREN.keys() | {child.kind for child in kind.everything}:
                yield KindError(
                    f"{source.child}: the folder has no {source.child.kind}, and its children make none", at
                )
            elif source.child.label and not any(_has_label(child.body, source.child.label) for child in kind.variants):
                label = "=".join(source.child.label)
                yield KindError(f"{source.child}: no object of the folder, and no template in one, has {label}", at)


def _never_applied(place: Place, of: ChildField, kind: Kind) -> list[KindError]:
    """What is to become of a Secret that is made once: nothing would, as it is not applied."""
    if of.child not in [generated.child for generated in kind.generated]:
        return []
    told = "its values are made once (`generate`) and it is not applied, so this would do nothing"
    return [KindError(f"{of}: {told}: put what changes into another Secret, or a ConfigMap", place)]


def _has_label(body: Json, label: tuple[str, str]) -> bool:
    """Whether an object has a label, or a template in it: what is made of that has the template's labels."""
    name, value = label
    match body:
        case {"metadata": {"labels": {**labels}}} if labels.get(name) == value:
            return True
        case dict():
            return any(_has_label(below, label) for below in body.values())
        case list():
            return any(_has_label(below, label) for below in body)
    return False


def _installed_in(base: Kind) -> set[ChildSelector]:
    return {_selector_of(base, obj) for _, obj in _documents(base.installed)}


def _no_such_child(place: Place, selector: ChildSelector, kind: Kind) -> Iterator[KindError]:
    # With another component, what is in a generated ConfigMap is another, and so is the hash; it is the same child.
    found = {(child.group, child.has_hash) for child in kind.everything if child.selector == selector}
    if len(found) != 1:
        has = ", ".join(dict.fromkeys(map(str, kind.everything)))
        yield KindError(
            f"the folder has {len(found) or 'no'} {selector}; it has {has}{advice(selector, kind.everything)}", place
        )


def advice(selector: ChildSelector, children: Sequence[Child]) -> str:
    """What to write for a child's name that has kustomize's hash behind it; empty where it has none."""
    plain = selector_of(selector.kind, selector.name)
    is_hashed = plain != selector and any(child.selector == plain for child in children)
    return f"; write {plain}, without the hash that kustomize puts behind it" if is_hashed else ""


def _no_such_field(place: Place, wanted: ChildField, kind: Kind, bases: Sequence[Kind]) -> Iterator[KindError]:
    """What keeps a child from having a field; nothing where it can have it with any of the components."""
    wrong = list(_no_such_child(place, wanted.child, kind))
    tried = [] if wrong else [_refusal(child, wanted) for child in _all(bases, wanted.child)]
    if tried and None not in tried:
        wrong = [KindError(f"{wanted}: {tried[0]}", place)]
    yield from wrong


def _refusal(child: Child, wanted: ChildField) -> FieldPathError | None:
    try:
        fields.put(copy.deepcopy(child.body), wanted.path, None)
    except FieldPathError as error:
        return error
    return None


def _no_text(place: Place, followed: ChildField, bases: Sequence[Kind]) -> Iterator[KindError]:
    for child in _all(bases, followed.child):
        for value in fields.values(child.body, followed.path):
            if not isinstance(value, str):
                yield KindError(f"{followed}: {value!r} is no text, so there is no name in it", place)


def _all(bases: Sequence[Kind], selector: ChildSelector) -> Iterable[Child]:
    return [child for base in bases for child in base.base if child.selector == selector]
