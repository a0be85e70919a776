"""Texts of a base that name other children, where kustomize does not rename them. Pure.

A child's bare name may be any word, so it counts with a port, with a namespace, in a URL, or where the key, the flag
or the program before it asks for a host (`nuvop.addresses`): a variable's name, a ConfigMap's key, a probe's ``host``.
In a custom object, of which kustomize knows nothing, it counts, too, where the field's name says that an object is
named.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from nuvop import addresses, fields, labelling, openapi
from nuvop.fields import FieldPath, Json, Name, Pointer, parse
from nuvop.kinds import Child, home_namespace
from nuvop.objects import Body

_HANDLERS = ("livenessProbe", "readinessProbe", "startupProbe", "lifecycle.postStart", "lifecycle.preStop")
_CONTAINERS = ("containers.*", "initContainers.*")
_ARGUMENTS = ("args.*", "command.*", *(f"{handler}.exec.command.*" for handler in _HANDLERS))
_HOSTS = tuple(
    f"{handler}.{host}"
    for handler in _HANDLERS
    for host in ("httpGet.host", "httpGet.httpHeaders.*.value", "tcpSocket.host")
)
_OF_KIND = {
    ("", "Service"): ("spec.externalName",),
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"): ("webhooks.*.clientConfig.url",),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"): ("webhooks.*.clientConfig.url",),
}
"""Where Kubernetes' own kinds hold host names that kustomize does not rename."""

_A_HOST = "host="
"""What stands before a text that is a host name wherever it is a name."""

_ADDRESSABLE = frozenset({("", "Service"), ("apps", "StatefulSet")})
"""What has a host name."""

_HOST_FIELDS = frozenset(
    {"host", "hosts", "hostname", "hostnames", "server", "servers", "address", "addresses", "endpoint", "upstream"}
)
"""Fields of custom objects that hold host names."""


@dataclass(frozen=True)
class _Names:
    """What the children of a base are called; ``hosts`` are the names of those that have a host name."""

    children: frozenset[tuple[str, str]]
    all: frozenset[str]
    hosts: frozenset[str]
    stateful: frozenset[str]


def mentions(children: Sequence[Child]) -> Iterator[tuple[Child, FieldPath]]:
    """Each text that names a child, by the child that it stands in and the way to it."""
    types = [(child.group, child.kind, child.name) for child in children]
    names = _Names(
        frozenset((kind, name) for _, kind, name in types),
        frozenset(name for *_, name in types),
        frozenset(name for group, kind, name in types if (group, kind) in _ADDRESSABLE),
        frozenset(name for group, kind, name in types if (group, kind) == ("apps", "StatefulSet")),
    )
    home = home_namespace(children)
    for child in children:
        own = fields.value_at(child.body, "metadata", "namespace") or home
        if (child.group, child.kind) != ("", "Secret"):  # what a Secret holds is not read
            yield from ((child, at) for at in _in_child(child, names, own))


def needed_by(installed: Body, children: Sequence[Child]) -> Iterator[Child]:
    """The children that an object which is installed once for all CRs asks by name: the webhook of a CRD.

    Each CR has its own, called otherwise, and the CRD can only ask one.
    """
    service = fields.value_at(installed, "spec", "conversion", "webhook", "clientConfig", "service", "name")
    yield from (child for child in children if (child.group, child.kind, child.name) == ("", "Service", service))


def _in_child(child: Child, names: _Names, own: str) -> Iterator[FieldPath]:
    pods = labelling.pods_at(child.body)
    for at, text, before in _texts(child, pods):
        if isinstance(text, str) and addresses.names_one(text, names.hosts, names.stateful, before):
            yield at
    if not openapi.knows(child.api_version, child.kind):
        yield from _in_custom(child.body, (), "", names, own)
    for metadata in (("metadata",), *([] if pods is None else [(*pods, "metadata")])):
        for at, text in fields.places(child.body, parse(".".join([*metadata, "annotations", "*"]))):
            if isinstance(text, str) and _is_sure(text, names, own):
                yield at


def _texts(child: Child, pods: Sequence[str] | None) -> Iterator[tuple[FieldPath, Json, str]]:
    """The texts of one of Kubernetes' own kinds that may hold a host name, each with what stands before it."""
    for containers in _CONTAINERS:
        spec = () if pods is None else fields.places(child.body, parse(".".join([*pods, "spec", containers])))
        for at, container in spec:
            for below, text, before in _texts_of_container(container):
                yield FieldPath(f"{at}.{below}", at.segments + below.segments), text, before
    for pattern in _OF_KIND.get((child.group, child.kind), ()):
        yield from ((at, text, _A_HOST) for at, text in fields.places(child.body, parse(pattern)))
    if (child.group, child.kind) == ("", "ConfigMap"):
        yield from ((at, text, f"{_member(at, -1)}=") for at, text in fields.places(child.body, parse("data.*")))


def _texts_of_container(container: Json) -> Iterator[tuple[FieldPath, Json, str]]:
    for at, value in fields.places(container, parse("env.*.value")):
        yield at, value, _before_value(fields.value_at(container, "env", _member(at, 1), "name"), value)
    for pattern in _ARGUMENTS:
        words = fields.places(container, parse(pattern))
        if pattern == "args.*":
            yield from ((at, word, "") for at, word in words[:1])
        # Of the others nobody needs the first: what a command begins with is a program.
        yield from ((at, word, f"{before} ") for (_, before), (at, word) in pairwise(words))
    for pattern in _HOSTS:
        yield from ((at, text, _A_HOST) for at, text in fields.places(container, parse(pattern)))


def _before_value(name: Json, value: Json) -> str:
    """A variable that is called as the host that it holds asks for it, too: ``CACHE=cache``."""
    is_called_so = isinstance(value, str) and name == value.upper().replace("-", "_")
    return _A_HOST if is_called_so else f"{name}="


def _member(at: FieldPath, index: int) -> str:
    segment = at.segments[index]
    return segment.name if isinstance(segment, Name) else ""


def _is_sure(text: str, names: _Names, own: str) -> bool:
    return addresses.names_one(text, names.hosts, names.stateful) or addresses.is_reference(text, names.all, own)


def _in_custom(value: Json, at: Pointer, key: str, names: _Names, own: str) -> Iterator[FieldPath]:
    """The texts below a value of a custom object; ``key`` is the field that it is of."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for member, below in members:
        if not at and member in ("apiVersion", "kind", "metadata", "status"):
            continue
        field = member if isinstance(member, str) else key
        if not isinstance(below, str):
            yield from _in_custom(below, (*at, member), field, names, own)
        elif (
            _is_sure(below, names, own)
            or (field in _HOST_FIELDS and addresses.names_one(below, names.hosts, names.stateful, _A_HOST))
            or (isinstance(value, dict) and _refers(field, below, value.get("kind"), key, names))
        ):
            yield fields.path_to(*at, member)


def _refers(field: str, name: str, kind: Json, of: str, names: _Names) -> bool:
    """Whether a field refers to a child, as in ``issuerRef: {name: ca}``, ``services: [{name: web}]``, ``secretName``.

    ``kind`` stands beside it, if any does; ``of`` is the field that both are members of.
    """
    if field != "name":
        return field.endswith("Name") and _has(names, field.removesuffix("Name"), name)
    if isinstance(kind, str):
        return (kind, name) in names.children
    of = of.removesuffix("s")
    return name in names.all if of.endswith("Ref") else _has(names, of, name)


def _has(names: _Names, kind: str, name: str) -> bool:
    return any(known.lower() == kind.lower() and called == name for known, called in names.children)
