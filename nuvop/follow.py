"""Texts of a base that name other children, where kustomize does not rename them. Pure.

Looked at are the places that may hold host names: environment, arguments, probes, ConfigMaps, annotations, and all of
a custom object, of which kustomize knows nothing. A name counts where it can only be meant as an address
(`nuvop.addresses`), or where the name of a custom object's field says that an object is named.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nuvop import addresses, fields, labelling, openapi
from nuvop.fields import FieldPath, Json, Pointer, parse
from nuvop.kinds import Child, home_namespace
from nuvop.objects import Body

_OF_CONTAINER = tuple(
    f"{containers}.*.{text}"
    for containers in ("containers", "initContainers")
    for text in (
        "env.*.value",
        "args.*",
        "command.*",
        *(
            f"{action}.{text}"
            for action in (
                "livenessProbe", "readinessProbe", "startupProbe", "lifecycle.postStart", "lifecycle.preStop",
            )
            for text in ("exec.command.*", "httpGet.host", "httpGet.httpHeaders.*.value", "tcpSocket.host")
        ),
    )
)  # fmt: skip
_OF_KIND = {
    ("", "ConfigMap"): ("data.*",),
    ("", "Service"): ("spec.externalName",),
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"): ("webhooks.*.clientConfig.url",),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"): ("webhooks.*.clientConfig.url",),
}
"""Where Kubernetes' own kinds hold host names that kustomize does not rename."""

_ADDRESSABLE = frozenset({("", "Service"), ("apps", "StatefulSet")})
"""What has a host name."""


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
        if (child.group, child.kind) != ("", "Secret"):  # what a Secret holds is not read
            yield from ((child, at) for at in _in_child(child, names, _own_namespace(child, home)))


def callers(service: Child, children: Sequence[Child]) -> Iterator[Child]:
    """The children that name a Service in a text: they tell its port there, or know it without a word."""
    called = frozenset({service.name})
    names = _Names(frozenset({(service.kind, service.name)}), called, called, frozenset())
    home = home_namespace(children)
    for child in children:
        is_read = child != service and (child.group, child.kind) != ("", "Secret")
        if is_read and any(_in_child(child, names, _own_namespace(child, home))):
            yield child


def _own_namespace(child: Child, home: str) -> str:
    return str(fields.value_at(child.body, "metadata", "namespace") or home)


def needed_by(installed: Body, children: Sequence[Child]) -> Iterator[Child]:
    """The children that an object which is installed once for all CRs asks by name: the webhook of a CRD.

    Each CR has its own, called otherwise, and the CRD can only ask one.
    """
    service = fields.value_at(installed, "spec", "conversion", "webhook", "clientConfig", "service", "name")
    yield from (child for child in children if (child.group, child.kind, child.name) == ("", "Service", service))


def _in_child(child: Child, names: _Names, own: str) -> Iterator[FieldPath]:
    pods = labelling.pods_at(child.body)
    of_pods = [] if pods is None else [".".join([*pods, "spec", text]) for text in _OF_CONTAINER]
    annotations = [[*at, "annotations", "*"] for at in (["metadata"], *([] if pods is None else [[*pods, "metadata"]]))]
    for pattern in (*of_pods, *_OF_KIND.get((child.group, child.kind), ())):
        for at, text in fields.places(child.body, parse(pattern)):
            if isinstance(text, str) and not addresses.is_program(at) and _is_host(child, at, text, names, own):
                yield at
    if not openapi.knows(child.api_version, child.kind):
        yield from _in_custom(child, child.body, (), "", names, own)
    for way in annotations:
        for at, text in fields.places(child.body, parse(".".join(way))):
            if isinstance(text, str) and _is_named(child, at, text, names, own):
                yield at


def _is_host(child: Child, at: FieldPath, text: str, names: _Names, own: str) -> bool:
    return addresses.names_one(text, names.hosts, names.stateful, own, addresses.before(child.body, at))


def _is_named(child: Child, at: FieldPath, text: str, names: _Names, own: str) -> bool:
    return addresses.is_reference(text, names.all, own) or _is_host(child, at, text, names, own)


def _in_custom(child: Child, value: Json, at: Pointer, key: str, names: _Names, own: str) -> Iterator[FieldPath]:
    """The texts below a value of a custom object; ``key`` is the field that it is of."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for member, below in members:
        if not at and member in ("apiVersion", "kind", "metadata", "status"):
            continue
        field = member if isinstance(member, str) else key
        path = fields.path_to(*at, member)
        if not isinstance(below, str):
            yield from _in_custom(child, below, (*at, member), field, names, own)
        elif _is_named(child, path, below, names, own) or (
            isinstance(value, dict) and _refers(field, below, value.get("kind"), key, names)
        ):
            yield path


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
