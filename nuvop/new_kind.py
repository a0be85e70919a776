"""What a new kind is made of: the objects of a kustomize folder, sorted, and the fields that it is to have. Pure.

Refuses, with the reason, what cannot be a kind.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nuvop import base, crd, fields, follow, manifests, name_limits
from nuvop.autoscaling import autoscaler_of
from nuvop.errors import FieldPathError, KindError, Place
from nuvop.kinds import (
    NEVER_A_CHILD,
    OUTSIDE,
    Child,
    ChildField,
    ChildSelector,
    home_namespace,
    is_outside,
)
from nuvop.objects import a, plural_of
from nuvop.proposals import Proposal, value_of

_INSTALLED = ("Namespace", "CustomResourceDefinition")


@dataclass(frozen=True)
class TypeNames:
    """What a new kind is called; ``short`` may be empty."""

    group: str
    version: str
    kind: str
    plural: str
    short: str

    @property
    def file(self) -> str:
        """The name of the file with its example."""
        return f"{self.kind.lower()}.yaml"


@dataclass(frozen=True)
class NewKind:
    """What a new kind is called, and what it is made of.

    ``children`` are the objects of its base, ``installed`` those that are no children, as ``Kind/name``; ``homes`` are
    the Namespaces of the folder in whose place each CR has its own. ``schemas`` are those of the CRDs that the folder
    brings, by apiVersion and kind. ``keeps_names`` says why the children have to be called as in the base; it is empty
    where they need not.
    """

    names: TypeNames
    children: Sequence[Child]
    installed: Sequence[str]
    homes: Sequence[Mapping[str, Any]]
    schemas: Mapping[tuple[str, str], crd.Schema]
    keeps_names: str
    fields: Sequence[Proposal] = ()

    def child(self, target: ChildField) -> Child:
        """The child that a field is of."""
        return next(child for child in self.children if child.selector == target.child)

    @property
    def autoscaled(self) -> list[ChildField]:
        """The replicas that the folder gives to workloads which its autoscalers scale."""
        scaled = [child for child in self.children if autoscaler_of(child, self.children)]
        found = [(child, ChildField(child.selector, fields.parse("spec.replicas"))) for child in scaled]
        return [target for child, target in found if value_of(child, target) is not None]

    @property
    def released(self) -> list[ChildField]:
        """Those that no field of the CR sets: they are the autoscalers' own."""
        is_set = {target for field in self.fields for target in field.targets}
        return [target for target in self.autoscaled if target not in is_set]

    def with_fields(self, chosen: Sequence[Proposal]) -> "NewKind":
        """The kind with the fields of its CRs; raise KindError where one is a member of another."""
        names = [field.name for field in chosen]
        for name in names:
            if above := next((other for other in names if name.startswith(f"{other}.")), None):
                raise KindError(f"--field: {name}: {above} is a field of its own, so it has no members")
        return replace(self, fields=chosen)


def names(kind: str, group: str, version: str, plural: str, short: str) -> TypeNames:
    """The names as given on the command line, an empty plural made of the kind's name; raise KindError."""
    plural = plural or plural_of(kind)
    label = r"[a-z]([-a-z0-9]*[a-z0-9])?"
    for what, value, pattern, example in (
        ("KIND", kind, r"[A-Za-z][A-Za-z0-9]*", "NginxServer"),
        ("--group", group, rf"{label}(\.{label})+", "web.example.com"),
        ("--version", version, r"v[1-9][0-9]*((alpha|beta)[1-9][0-9]*)?", "v1 or v1alpha1"),
        ("--plural", plural, label, "nginxservers"),
        ("--short", short or "x", label, "nx"),
    ):
        if not re.fullmatch(pattern, value):
            raise KindError(f"{what}: {value!r} must be a name such as {example}")
    return TypeNames(group, version, kind, plural, short)


# --- what the folder makes -------------------------------------------------------------------------------------------


def understood(names: TypeNames, objects: Sequence[Mapping[str, Any]]) -> NewKind:
    """Tell children from what is installed once, and where they live; raise KindError where that makes no kind."""
    installed: list[Mapping[str, Any]] = []
    others: list[Mapping[str, Any]] = []
    for obj in objects:
        _refuse_malformed(obj)
        if obj["kind"] in NEVER_A_CHILD and obj["kind"] not in _INSTALLED:
            raise KindError(
                f"{obj['kind']}/{obj['metadata']['name']}: deleting one {names.kind} must not delete it, so it cannot "
                "be part of a kind; take it out of the folder and apply it by hand"
            )
        (installed if obj["kind"] in _INSTALLED else others).append(obj)
    crds = [obj for obj in installed if obj["kind"] == "CustomResourceDefinition"]
    own = f"{names.plural}.{names.group}"
    if own in [obj["metadata"]["name"] for obj in crds]:
        raise KindError(
            f"CustomResourceDefinition/{own}: the folder brings it, and so would {names.kind}: give another --group or "
            "--plural"
        )
    children = _children(others, crds)
    needed = next(((obj, child) for obj in crds for child in follow.needed_by(obj, children)), None)
    keeps_names = f"CustomResourceDefinition/{needed[0]['metadata']['name']} asks {needed[1]}" if needed else ""
    if not keeps_names:
        _refuse_long_names(names, children)
    # Where names are kept, a CRD asks for a child in this namespace.
    homes = [] if keeps_names else _homes([obj for obj in installed if obj["kind"] == "Namespace"], children)
    return NewKind(
        names,
        children,
        [f"{obj['kind']}/{obj['metadata']['name']}" for obj in installed if obj not in homes],
        homes,
        dict(_schemas(crds)),
        keeps_names,
    )


def _refuse_malformed(obj: Any) -> None:
    """Refuse an object that is not of the shape of its kind, so far as it will be read; raise Malformed."""
    for fault in manifests.misshapen(obj):
        raise manifests.Malformed(obj, fault)


def _children(objects: Sequence[Mapping[str, Any]], crds: Sequence[Mapping[str, Any]]) -> list[Child]:
    if not objects:
        raise KindError("the folder makes no object that could be a child")
    outside = {
        (obj["spec"]["group"], obj["spec"]["names"]["kind"]) for obj in crds if obj["spec"].get("scope") == "Cluster"
    }
    found = []
    for obj in objects:
        api_version, kind = obj["apiVersion"], obj["kind"]
        is_out = is_outside(api_version, kind) or (api_version.rpartition("/")[0], kind) in outside
        found.append(Child(api_version, kind, obj["metadata"]["name"], obj, OUTSIDE if is_out else None))
    _refuse_namesakes(found)
    home = home_namespace(found)
    return [replace(child, namespace=_namespace(child, home)) for child in found]


def _refuse_namesakes(children: Sequence[Child]) -> None:
    """Refuse objects of one name in several namespaces: their CR would bring all of them into its own."""
    namespaces: dict[tuple[str, str, str], list[str]] = {}
    for child in children:
        namespace = fields.value_at(child.body, "metadata", "namespace") or "default"
        namespaces.setdefault((child.group, child.kind, child.name), []).append(namespace)
    for (_, kind, name), found in namespaces.items():
        if len(found) > 1:
            raise KindError(
                f"{kind}/{name} stands in the namespaces {' and '.join(found)}, and kind and name tell children apart: "
                "give one of them another name"
            )


def _namespace(child: Child, home: str) -> str | None:
    own = fields.value_at(child.body, "metadata", "namespace") or home
    return child.namespace if child.cluster_scoped or own == home else str(own)


def _homes(namespaces: Sequence[Mapping[str, Any]], children: Sequence[Child]) -> list[Mapping[str, Any]]:
    """Of the Namespaces of a folder the one where its children live; of children that name none, the only one."""
    if not any(fields.value_at(child.body, "metadata", "namespace") for child in children):
        return list(namespaces) if len(namespaces) == 1 else []
    home = home_namespace(children)
    return [obj for obj in namespaces if obj["metadata"]["name"] == home]


def _refuse_long_names(names: TypeNames, children: Sequence[Child]) -> None:
    limit, longest = name_limits.name_limit(children)
    if limit < 1:
        raise KindError(
            f"{longest}: the name is too long for a kind: the children of {a(names.kind)} called x would be called "
            f"x-…, and {limit + len(longest.name_for(''))} characters are allowed here"
        )


def _schemas(crds: Sequence[Mapping[str, Any]]) -> Iterator[tuple[tuple[str, str], crd.Schema]]:
    for obj in crds:
        spec = obj["spec"]
        for version in spec["versions"]:
            schema = (version.get("schema") or {}).get("openAPIV3Schema") or {}
            yield (f"{spec['group']}/{version['name']}", spec["names"]["kind"]), schema


# --- which fields ----------------------------------------------------------------------------------------------------


def wanted(new: NewKind, texts: Sequence[str]) -> list[Proposal]:
    """Read lines such as ``replicas=Deployment/web:spec.replicas``, those of one name as one field; raise KindError."""
    targets: dict[str, tuple[ChildField, ...]] = {}
    for text in texts:
        name, target = _field(new, text)
        targets[name] = (*targets.get(name, ()), target)
    return [Proposal(name, all_) for name, all_ in targets.items()]


def _field(new: NewKind, text: str) -> tuple[str, ChildField]:
    place = Place(Path("--field"), (text,))
    found = re.fullmatch(r"(?P<name>[^=]+)=(?P<kind>[^/]+)/(?P<child>[^:]+(:[^.:]+)*):(?P<path>[^:].*)", text)
    if found is None or not re.fullmatch(
        r"[a-z][A-Za-z0-9]*(\.[a-z][A-Za-z0-9]*)*", found["name"].removeprefix("spec.")
    ):
        raise KindError("must read name=Kind/child:field.path, such as replicas=Deployment/web:spec.replicas", place)
    try:
        target = ChildField(ChildSelector(found["kind"], found["child"]), fields.parse(found["path"]))
    except FieldPathError as error:
        raise KindError(str(error), place) from error
    child = next((child for child in new.children if child.selector == target.child), None)
    if child is None:
        has = ", ".join(map(str, new.children))
        raise KindError(
            f"the folder has no {target.child}; it has {has}{base.advice(target.child, new.children)}", place
        )
    return found["name"].removeprefix("spec."), target
