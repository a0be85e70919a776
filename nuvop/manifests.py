"""What keeps the API server from taking an object of one of Kubernetes' own kinds, as far as nuvop knows. Pure.

Of custom kinds no more is said than what their metadata, and the pods that they make, cannot look like.
"""

import difflib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from nuvop import fields, json_types, labelling, openapi, value_rules
from nuvop.errors import KindError, Place
from nuvop.fields import Json, Pointer
from nuvop.objects import a, group_of
from nuvop.openapi import Node
from nuvop.problems import Fault
from nuvop.values.metadata import is_whole
from nuvop.values.texts import LABEL, SUBDOMAIN


class Nature(Enum):
    """What is wrong with an object."""

    SHAPE = "what cannot be right, whatever anybody sets"
    VALUE = "a value, which somebody may set to another, or what goes with it"
    LACK = "a field that is not there, which somebody may set"


@dataclass(frozen=True)
class Flaw:
    """What is wrong with an object: the way to where it shows, and what.

    ``about`` is the way to what has a part in it, which may be missing: whoever sets something there may mend it.
    """

    at: Pointer
    message: str
    about: Pointer
    nature: Nature = Nature.SHAPE


def flaws(obj: Mapping[str, Json], name: str) -> Iterator[Flaw]:
    """What is wrong with an object that will have a name."""
    api_version, kind = obj["apiVersion"], obj["kind"]
    if not openapi.knows(api_version, kind):
        yield from _flaws(_unreadable(obj))
        return
    for node in openapi.nodes(api_version, kind, obj):
        yield from _flaws(_of_shape(node, a(kind), is_secret=kind == "Secret"))
        for field in node.missing():
            yield Flaw(node.at, f"{field} is missing", (*node.at, field), Nature.LACK)
        for each in value_rules.misvalues(node):
            yield Flaw(each.at, each.message, each.about, Nature.LACK if each.is_missing else Nature.VALUE)
    for part in (_of_selector, _of_mounts):
        yield from part(obj)
    yield from _flaws(_of_name(kind, name))


def _flaws(faults: Iterable[Fault]) -> Iterator[Flaw]:
    return (Flaw(at, message, at) for at, message in faults)


def of_metadata(metadata: Json) -> Iterator[Fault]:
    """What is wrong with the metadata of an object, whatever its kind."""
    for node in openapi.nodes("v1", "ConfigMap", {"metadata": metadata}):
        yield from _of_shape(node)
        yield from ((each.at, each.message) for each in value_rules.misvalues(node))


# --- apiVersion and kind ---------------------------------------------------------------------------------------------

_GONE = frozenset({"extensions"})
"""Groups that Kubernetes once had."""

_YOUNG = frozenset(
    {
        *("IPAddress", "ServiceCIDR", "VolumeAttributesClass", "MutatingAdmissionPolicy"),
        *("MutatingAdmissionPolicyBinding", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"),
        *("DeviceClass", "ResourceClaim", "ResourceClaimTemplate", "ResourceSlice", "FlowSchema"),
        "PriorityLevelConfiguration",
    }
)
"""Kinds whose beta versions clusters of some years still serve
(https://kubernetes.io/docs/reference/using-api/deprecation-guide/)."""


def of_type(api_version: str, kind: str) -> Iterator[Fault]:
    """What is wrong with an apiVersion and kind that Kubernetes does not have; nothing of a custom kind."""
    if openapi.knows(api_version, kind):
        return
    group = group_of(api_version)
    has = [each for each, name in openapi.kinds() if name == kind]
    if group not in _GONE | {group_of(each) for each, _ in openapi.kinds()} or kind in _YOUNG:
        return
    fitting = [each for each in has if group_of(each) == group] or has
    if fitting:
        yield ("apiVersion",), f"{api_version!r} must be {max(fitting)!r} for {a(kind)}"
    elif re.search(r"(^|/)v\d+$", api_version):
        named = [name for each, name in openapi.kinds() if each == api_version]
        yield ("kind",), f"{api_version} has no {kind} (Kubernetes {openapi.version()}){_meant(kind, named)}"


class Malformed(KindError):
    """An object is not of the shape of its kind."""

    def __init__(self, obj: Json, fault: Fault, place: Place | None = None) -> None:
        at, message = fault
        self._alike = fields.value_at(obj, "kind"), fault
        called = "/".join(
            value for way in (("kind",), ("metadata", "name")) if isinstance(value := fields.value_at(obj, *way), str)
        )
        told = (called, str(fields.readable(obj, fields.path_to(*at))), message)
        super().__init__(": ".join(filter(None, told)), place)

    def is_alike(self, other: "Malformed") -> bool:
        """Whether another one is the same fault of an object of the same kind."""
        return self._alike == other._alike


# --- shape -----------------------------------------------------------------------------------------------------------


def misshapen(obj: Json) -> Iterator[Fault]:
    """What of an object cannot be read for what it is: another type of it or of a value, a part without its name."""
    if not isinstance(obj, dict):
        yield (), f"{_shown(obj)} must be a mapping, with apiVersion, kind and metadata"
        return
    unnamed = list(_unnamed(obj))
    yield from unnamed or _unreadable(obj)


def _unnamed(obj: Mapping[str, Json]) -> Iterator[Fault]:
    for at in (("apiVersion",), ("kind",), ("metadata", "name")):
        value = fields.value_at(obj, *at)
        if value is None:
            yield at, "is missing"
        elif not (isinstance(value, str) and value):
            yield at, f"{_shown(value)} must be a text that is not empty"


def _unreadable(obj: Mapping[str, Json]) -> Iterator[Fault]:
    yield from of_type(obj["apiVersion"], obj["kind"])
    for node in _read(obj):
        yield from _misfit(node, is_secret=obj["kind"] == "Secret")
    yield from _nameless(obj)


def _read(obj: Mapping[str, Json]) -> Iterator[Node]:
    """The values of an object that are known by their type, also in custom objects."""
    api_version, kind = obj["apiVersion"], obj["kind"]
    if openapi.knows(api_version, kind):
        yield from openapi.nodes(api_version, kind, obj)
        return
    yield from openapi.nodes("v1", "ConfigMap", {"metadata": obj.get("metadata")})
    if (group_of(api_version), kind) == labelling.ROLLOUT:
        spec = obj.get("spec")
        known = {name: spec[name] for name in _AS_A_DEPLOYMENT if name in spec} if isinstance(spec, dict) else spec
        yield from openapi.nodes("apps/v1", "Deployment", {"spec": known})


_AS_A_DEPLOYMENT = ("replicas", "selector", "template")
"""The fields of a Rollout that are a Deployment's
(https://argo-rollouts.readthedocs.io/en/stable/features/specification/)."""


def _nameless(obj: Mapping[str, Json]) -> Iterator[Fault]:
    """Parts of an object that nothing can be told of without their names."""
    for pattern in (*_named_in(obj), *_NEEDED.get((obj["apiVersion"], obj["kind"]), ())):
        above, _, last = pattern.rpartition(".")
        path = fields.parse(above) if above else fields.path_to()
        for at in fields.pointers(obj, path):
            member = fields.value_at(obj, *at) if at else obj
            if isinstance(member, dict) and not member.get(last):
                yield at, f"{last} is missing"


_NEEDED = {
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"): (
        "spec", "spec.group", "spec.scope", "spec.names", "spec.names.kind", "spec.names.plural", "spec.versions",
        "spec.versions.*.name",
    ),
    ("v1", "Service"): ("spec.ports.*.port",),
    ("apps/v1", "StatefulSet"): (
        "spec.volumeClaimTemplates.*.metadata", "spec.volumeClaimTemplates.*.metadata.name",
    ),
}  # fmt: skip
"""Fields that an object cannot do without."""


def _named_in(obj: Mapping[str, Json]) -> Iterator[str]:
    """The names of containers."""
    pods = labelling.pods_at(obj)
    for containers in ("containers", "initContainers") if pods is not None else ():
        yield ".".join([*(pods or ()), "spec", containers, "*", "name"])


# --- fields ----------------------------------------------------------------------------------------------------------


def _of_shape(node: Node, of: str = "", *, is_secret: bool = False) -> Iterator[Fault]:
    """Members that ``of``, a kind with its article, does not have, and a value of another type than it has there."""
    has_none = f"{of} has no such field" if of else "there is no such field"
    for name in node.unknown():
        yield (*node.at, name), f"{has_none} (Kubernetes {openapi.version()}){_meant(name, node.members)}"
    yield from _misfit(node, is_secret=is_secret)


def _misfit(node: Node, *, is_secret: bool) -> Iterator[Fault]:
    """That a value is of another type than it has there."""
    if not node.fits:
        shown = "the value" if is_secret else _shown(node.value)
        is_bare = node.type == "string" and shown != "the value"
        quoted = f', so write it in quotes: "{fields.as_text(node.value)}"' if is_bare else ""
        yield node.at, f"{shown} must be {json_types.CALLED[node.type]}{quoted}"


def _shown(value: Json) -> str:
    return "the value" if isinstance(value, dict | list) else repr(value)


def _meant(name: str, known: Collection[str]) -> str:
    found = difflib.get_close_matches(name, known, 1, 0.7)
    return f": write `{found[0]}`" if found else ""


# --- names -----------------------------------------------------------------------------------------------------------

_LABEL = re.compile(LABEL)
_LABEL_LIMIT = 63
_SUBDOMAIN = re.compile(SUBDOMAIN)
_SUBDOMAIN_LIMIT = 253
_HOST = re.compile("[a-z]([-a-z0-9]*[a-z0-9])?")

_SUBDOMAINS = frozenset(
    {
        *("ConfigMap", "Secret", "Pod", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob"),
        *("ReplicationController", "PersistentVolumeClaim", "PersistentVolume", "ServiceAccount", "Endpoints"),
        *("ResourceQuota", "LimitRange", "Ingress", "IngressClass", "NetworkPolicy", "PodDisruptionBudget"),
        *("HorizontalPodAutoscaler", "StorageClass", "PriorityClass", "ValidatingWebhookConfiguration"),
        "MutatingWebhookConfiguration",
    }
)
"""Kinds whose objects are called as hosts of the Internet
(https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-subdomain-names)."""


def _of_name(kind: str, name: str) -> Iterator[Fault]:
    at = ("metadata", "name")
    if kind == "Service" and not _HOST.fullmatch(name):
        yield at, f"{name!r} must be lower-case letters, digits and hyphens, and begin with a letter"
    elif kind == "Namespace" and not _LABEL.fullmatch(name):
        yield at, f"{name!r} must be lower-case letters, digits and hyphens, with none of these at an end"
    elif kind in ("Service", "Namespace") and len(name) > _LABEL_LIMIT:
        yield at, f"{name!r} is too long: {_LABEL_LIMIT} characters are allowed"
    elif kind in _SUBDOMAINS and (told := unfit_name(name)):
        yield at, told


def unfit_name(name: str) -> str:
    """Why an object of most kinds, custom ones among them, cannot have a name; empty where it can."""
    if len(name) > _SUBDOMAIN_LIMIT:
        return f"{name!r} is too long: {_SUBDOMAIN_LIMIT} characters are allowed"
    if not _SUBDOMAIN.fullmatch(name):
        return (
            f"{name!r} must be lower-case letters, digits, hyphens and dots, and begin and end with a letter or digit"
        )
    return ""


def _of_selector(obj: Mapping[str, Json]) -> Iterator[Flaw]:
    """A workload has to select its own pods, whose labels somebody may set."""
    for selector, label in labelling.selected_labels(obj):
        value = fields.value_at(obj, *selector)
        if fields.value_at(obj, *label) != value:
            told = f"{value!r} has to stand in {'.'.join(map(str, label[:-1]))}, too"
            yield Flaw(selector, told, label, Nature.VALUE)
    for at in fields.pointers(obj, _EXPRESSIONS):
        expression = fields.mapped(fields.value_at(obj, *at))
        for labels in labelling.template_labels(obj) if is_whole(expression) else ():
            if not labelling.fits(expression, labels):
                pods = labelling.pods_at(obj) or ()
                yield Flaw(
                    at, "the labels of the pods' template do not fit", (*pods, "metadata", "labels"), Nature.VALUE
                )


_EXPRESSIONS = fields.parse("spec.selector.matchExpressions.*")


def _of_mounts(obj: Mapping[str, Json]) -> Iterator[Flaw]:
    """What is mounted has to be a volume of the pod, which somebody may set, or one that a StatefulSet makes for it."""
    pods = labelling.pods_at(obj)
    if pods is None:
        return
    listed = fields.places(obj, fields.parse(".".join([*pods, "spec.volumes.*.name"])))
    claimed = fields.places(obj, fields.parse("spec.volumeClaimTemplates.*.metadata.name"))
    known = {name for _, name in [*listed, *claimed] if isinstance(name, str)}
    for containers in ("containers", "initContainers"):
        path = fields.parse(".".join([*pods, "spec", containers, "*.volumeMounts.*.name"]))
        for at in fields.pointers(obj, path):
            name = fields.value_at(obj, *at)
            if isinstance(name, str) and name not in known:
                yield Flaw(at, f"{name!r} is none of the pod's volumes", (*pods, "spec", "volumes"), Nature.VALUE)
