"""Kinds, as values: what a folder's files say, and the objects that kustomize makes of it.

A kind is a folder (see ``docs/kinds.md``): ``crd.yaml``, ``kustomization.yaml`` with its resources, and
``kind.yaml``, which says which CR field sets what and what the children report back.

The data flows from `nuvop.kind_folder`, which reads the files, through `nuvop.kind_yaml`, which understands them, to
`nuvop.base`, which takes in what kustomize made of them. `nuvop.loading` does all three.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nuvop import fields, retention
from nuvop.crd import Crd, Resource, ResourceType
from nuvop.fields import FieldPath, Json
from nuvop.objects import Body, CRKey, ObjectKey, group_of, labels_of
from nuvop.readiness import Rule

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
"""The kinds of Kubernetes itself that live outside namespaces and may be children, by group; of others ``kind.yaml``
tells (https://kubernetes.io/docs/reference/kubernetes-api/)."""

MADE_BY_CHILDREN = {"Pod": "v1", "PersistentVolumeClaim": "v1", "Job": "batch/v1"}
"""What controllers make of children: it carries the instance label, so a status line may ask for it."""

NEVER_A_CHILD = frozenset({"Namespace", "CustomResourceDefinition", "APIService"})
"""kustomize would rename a Namespace to the CR's own; deleting any of these deletes what others made."""

OUTSIDE = ""
"""The namespace of what lives outside namespaces."""


@dataclass(frozen=True)
class ChildSelector:
    """Which children a line of ``kind.yaml`` means: ``Deployment/demo-deploy``, ``Pod/*`` or ``Pod/[app=web]``.

    With a ``label``, its name and value, the name is ``*``: all of the kind that carry it.
    """

    kind: str
    name: str
    label: tuple[str, str] | None = None

    def selects(self, key: ObjectKey, body: Body) -> bool:
        """Whether a live object is one of all those of the kind that are meant."""
        if self.name != "*" or key.kind != self.kind:
            return False
        return self.label is None or labels_of(body).get(self.label[0]) == self.label[1]

    def __str__(self) -> str:
        return f"{self.kind}/" + (self.name if self.label is None else f"[{'='.join(self.label)}]")


_HASH = re.compile("-[bcdfghkmt2-9]{10}$")
"""What kustomize puts behind the name of a ConfigMap or a Secret that it generates, made of what is in it
(https://github.com/kubernetes-sigs/kustomize/blob/master/api/hasher/hasher.go)."""


def selector_of(kind: str, name: str) -> ChildSelector:
    """How a line of ``kind.yaml`` names an object that kustomize has rendered: without the hash of what is in it."""
    return ChildSelector(kind, _HASH.sub("", name) if kind in ("ConfigMap", "Secret") else name)


@dataclass(frozen=True)
class ChildField:
    """A field of a child: a line of ``release`` or ``follow``, or one source of a line of ``status``."""

    child: ChildSelector
    path: FieldPath

    def __str__(self) -> str:
        return f"{self.child} {self.path}"


@dataclass(frozen=True)
class Setting:
    """One line of ``set``: a CR field and a field of a child that takes its value."""

    source: FieldPath
    child: ChildSelector
    target: FieldPath


@dataclass(frozen=True)
class Report:
    """One line of ``status``: a CR status field, by its path, and the fields of the children it is read from.

    ``type`` is the field's in the CRD: an array takes all values, any other field the first one, or their sum with
    ``is_sum``.
    """

    path: FieldPath
    sources: tuple[ChildField, ...]
    type: str
    item_type: str
    is_sum: bool


@dataclass(frozen=True)
class Component:
    """One line of ``components``: a kustomize Component, and the CR field that includes it.

    Without ``values`` any value of the field but ``false`` does.
    """

    name: str
    source: FieldPath
    values: tuple[str, ...]

    def is_chosen(self, cr: Body) -> bool:
        """Whether a CR wants it."""
        found = fields.values(cr, self.source)
        if not found or found[0] is None:
            return False
        return fields.as_text(found[0]) in self.values if self.values else found[0] is not False


@dataclass(frozen=True)
class Generated:
    """One line of ``generate``: a Secret whose values are made once, by key; ``lengths`` in characters."""

    child: ChildSelector
    lengths: Mapping[str, int]


@dataclass(frozen=True)
class Child:
    """One object of a kind's base, as kustomize rendered it.

    ``namespace`` is where it lives when that is not its CR's namespace, `OUTSIDE` for none at all. With
    ``keeps_name`` it is called as in the base.
    """

    api_version: str
    kind: str
    name: str
    body: Mapping[str, Json] = field(compare=False)
    namespace: str | None = None
    keeps_name: bool = False

    @property
    def group(self) -> str:
        """The API group; empty for the core group."""
        return group_of(self.api_version)

    @property
    def cluster_scoped(self) -> bool:
        """Whether it lives outside namespaces."""
        return self.namespace == OUTSIDE

    @property
    def is_job(self) -> bool:
        """Whether it is a Job of Kubernetes itself."""
        return (self.group, self.kind) == ("batch", "Job")

    @property
    def is_beside(self) -> bool:
        """Whether it lives in its CR's namespace, so that it can have an ownerReference."""
        return self.namespace is None

    @property
    def selector(self) -> ChildSelector:
        """How a line of ``kind.yaml`` names it."""
        return selector_of(self.kind, self.name)

    @property
    def has_hash(self) -> bool:
        """Whether kustomize has put a hash behind its name: it is another object after a change of what is in it."""
        return self.selector.name != self.name

    def key(self, cr: CRKey) -> ObjectKey:
        """Which object it is for a CR."""
        namespace = cr.namespace if self.namespace is None else self.namespace
        return ObjectKey(self.group, self.kind, namespace, self.name_for(cr.name))

    def name_for(self, cr_name: str) -> str:
        """What it is called for a CR."""
        return self.name if self.keeps_name else f"{name_prefix(cr_name)}{self.name}"

    def __str__(self) -> str:
        return str(self.selector)


@dataclass(frozen=True)
class Kind:
    """A kind: its folder's files and what they say.

    ``deadline`` is how many seconds the children have until they should be ready; ``rules`` say of some of them when
    they are. ``elsewhere`` are the children outside of their CR's namespace. ``retired`` are the types, by apiVersion
    and kind, that the folder once had. ``kept`` stay when their CR goes.
    ``carried`` are the files that tell kustomize where custom objects hold names, by the kustomization's field.

    ``base`` is what kustomize makes of the folder with the components ``chosen``, and ``rendered`` is its text; both
    are empty until `nuvop.base` has filled them. ``everything`` is what it makes with any of them, each object once,
    and ``variants`` are these objects with each of the bodies that one component alone gives them. ``installed`` is
    what is applied once for all CRs.
    ``defined`` are the resources of the CRDs that stand in any of the files, by group and kind.
    """

    folder: Path
    files: Mapping[str, bytes] = field(repr=False, compare=False)
    digest: str
    crd: Crd = field(repr=False, compare=False)
    settings: tuple[Setting, ...]
    reports: tuple[Report, ...]
    releases: tuple[ChildField, ...]
    follows: tuple[ChildField, ...]
    components: tuple[Component, ...]
    generated: tuple[Generated, ...]
    install: tuple[ChildSelector, ...]
    elsewhere: Mapping[ChildSelector, str]
    retired: tuple[tuple[str, str], ...]
    kept: frozenset[ChildSelector]
    keeps_names: bool
    deadline: float
    rules: Mapping[ChildSelector, Rule]
    carried: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    defined: Mapping[tuple[str, str], Resource] = field(default_factory=dict, repr=False)
    chosen: frozenset[str] = frozenset()
    base: tuple[Child, ...] = ()
    rendered: str = field(default="", repr=False)
    everything: tuple[Child, ...] = ()
    variants: tuple[Child, ...] = field(default=(), repr=False, compare=False)
    installed: str = field(default="", repr=False)

    @property
    def resource(self) -> ResourceType:
        """The type of its CRs."""
        return self.crd.resource

    @property
    def watched(self) -> frozenset[tuple[str, str]]:
        """The apiVersion and kind of all that its CRs' status depends on."""
        children = {(child.api_version, child.kind) for child in self.everything}
        known = {kind for _, kind in children}
        asked = {source.child.kind for report in self.reports for source in report.sources} - known
        claims = {"PersistentVolumeClaim"} if self.generated or self.makes_claims else set()
        return frozenset(children | {(MADE_BY_CHILDREN[kind], kind) for kind in (asked | claims) - known})

    @property
    def makes_claims(self) -> bool:
        """Whether a StatefulSet of it makes PersistentVolumeClaims, whose owners nuvop may have to change."""
        return any(retention.has_claims(child.body) for child in self.variants)

    def namespaces_of(self, api_version: str, kind: str, cr_namespace: str) -> frozenset[str]:
        """The namespaces in which a CR of a namespace has objects of a type."""
        elsewhere = {
            child.namespace
            for child in self.everything
            if (child.api_version, child.kind) == (api_version, kind) and child.namespace
        }
        return frozenset({cr_namespace, *elsewhere})

    def chosen_by(self, cr: Body) -> frozenset[str]:
        """The names of the components that a CR wants."""
        return frozenset(component.name for component in self.components if component.is_chosen(cr))

    def child(self, selector: ChildSelector) -> Child | None:
        """The child that a line of ``kind.yaml`` means; None where the components chosen have none."""
        return next((child for child in self.base if child.selector == selector), None)


def name_prefix(cr_name: str) -> str:
    """What the names of a CR's children begin with."""
    return f"{cr_name}-"


def is_outside(api_version: str, kind: str) -> bool:
    """Whether a kind of Kubernetes itself lives outside namespaces."""
    return (group_of(api_version), kind) in CLUSTER_SCOPED


def home_namespace(children: Sequence[Child]) -> str:
    """The namespace in which most children of a base live; ``default`` where the base names none, as kubectl does."""
    found = [fields.value_at(child.body, "metadata", "namespace") or "" for child in children if child.is_beside]
    return next((str(namespace) for namespace, _ in Counter(found).most_common(1) if namespace), "default")


def unique(children: Sequence[Child]) -> Iterator[Child]:
    """Each object once, by group, kind and name, as it comes first."""
    seen = set()
    for child in children:
        at = (child.group, child.kind, child.name)
        if at not in seen:
            seen.add(at)
            yield child
