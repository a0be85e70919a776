"""Which fields a kind would usually have, given the objects of its base. Pure.

Proposed is what can be changed later on, and alone: no image of a Job, whose pods stay as they were made, no port of a
Service that a text or a webhook of the base names, and none that would be the port of the pods, too.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from nuvop import autoscaling, directives, fields, follow, labelling
from nuvop.fields import Json, parse
from nuvop.kinds import Child, ChildField

_SCALED = ("Deployment", "StatefulSet", "ReplicaSet", "ReplicationController", "Rollout")
_DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"

_ORDER = ("replicas", "minReplicas", "maxReplicas", "image", "resources", "schedule", "storage", "port", "host")

_SUFFIXES = {
    "CronJob": ("cronjob", "job"),
    "DaemonSet": ("daemonset", "ds"),
    "Deployment": ("deployment", "deploy"),
    "Ingress": ("ingress",),
    "PersistentVolumeClaim": ("pvc", "claim"),
    "Pod": ("pod",),
    "Service": ("service", "svc"),
    "StatefulSet": ("statefulset", "sts"),
}
"""What many a name ends with that only says of which kind the object is."""


@dataclass(frozen=True)
class Proposal:
    """A field of the CR, by its path under ``spec``, and the fields of children that it sets."""

    name: str
    targets: tuple[ChildField, ...]

    @property
    def source(self) -> str:
        """The path in the CR."""
        return f"spec.{self.name}"


@dataclass(frozen=True)
class _Usual:
    """A field that one usually sets: what it is called, whose it is, of which part, and what it sets.

    ``part`` is a container, a volume or a service, where the owner has several.
    """

    what: str
    owner: Child
    part: str
    targets: tuple[ChildField, ...]


def propose(base: Sequence[Child]) -> list[Proposal]:
    """The usual fields: replicas, images, resources, ports, hosts, storage, schedules.

    With one workload its fields are called by what they are (``replicas``); of several, each is a member of its own
    (``web.replicas``). What is no workload's is a member only where another one has the same. A Deployment that an
    autoscaler scales has no replicas of its own.
    """
    found = [usual for child in base for usual in _of(child, base)]
    workloads = list(dict.fromkeys(usual.owner for usual in found if labelling.pods_at(usual.owner.body) is not None))
    owners = list(dict.fromkeys(usual.owner for usual in found))
    called = labels([*workloads, *(owner for owner in owners if owner not in workloads)])
    counts = Counter(what for what, _ in {(usual.what, usual.owner.selector) for usual in found})
    found.sort(key=lambda usual: (_place(usual.owner, workloads, called), _ORDER.index(usual.what)))
    proposals: dict[str, Proposal] = {}
    for usual in found:
        is_member = len(workloads) > 1 if usual.owner in workloads else counts[usual.what] > 1
        path = ([called[usual.owner]] if is_member else []) + ([_part(usual.part)] if usual.part else [])
        name, count = ".".join([*path, usual.what]), 1
        while name in proposals:
            count += 1
            name = ".".join([*path, f"{usual.what}{count}"])
        proposals[name] = Proposal(name, usual.targets)
    return list(proposals.values())


def _place(owner: Child, workloads: Sequence[Child], called: Mapping[Child, str]) -> tuple[bool, str]:
    """Workloads first: who writes a CR begins with them."""
    return owner not in workloads, called[owner]


# --- names -----------------------------------------------------------------------------------------------------------


def labels(owners: Sequence[Child]) -> dict[Child, str]:
    """What each is called in the CR: without what all names begin with, nor what only says its kind.

    Of two that would be called the same, the second one has its kind behind it.
    """
    shared = _shared_prefix([child.name for child in owners])
    found: dict[Child, str] = {}
    for child in owners:
        label = _camel(_without_kind(child.kind, child.name.removeprefix(shared)), child.kind)
        found[child] = f"{label}{child.kind}" if label in (*_ORDER, *found.values()) else label
    return found


def may_be_field(name: str) -> bool:
    """Whether a field of a CR may be called so."""
    return re.fullmatch(r"[a-z][A-Za-z0-9]*", name) is not None


def _shared_prefix(names: Sequence[str]) -> str:
    """What all names begin with, up to a hyphen: the folder's own prefix, of which nobody wants to know."""
    first = min(names, key=len, default="").split("-")
    for length in range(len(first) - 1, 0, -1):
        prefix = "-".join(first[:length]) + "-"
        if all(name.startswith(prefix) for name in names):
            return prefix
    return ""


def _without_kind(kind: str, name: str) -> str:
    return next((name.removesuffix(f"-{end}") for end in _SUFFIXES.get(kind, ()) if name.endswith(f"-{end}")), name)


def _part(name: str) -> str:
    label = _camel(name, "part")
    return f"{label}Part" if label in _ORDER else label


def _camel(name: str, kind: str) -> str:
    """``kube-rbac-proxy`` → ``kubeRbacProxy``; the kind comes first where the name begins with a digit."""
    parts = [part for part in re.split(r"[^A-Za-z0-9]+", name) if part]
    first, *rest = [kind, *parts] if parts[0][0].isdigit() else parts
    return first.lower() + "".join(part[:1].upper() + part[1:] for part in rest)


# --- what children have ----------------------------------------------------------------------------------------------


def _of(child: Child, base: Sequence[Child]) -> Iterator[_Usual]:
    if child.kind in _SCALED and autoscaling.autoscaler_of(child, base) is None:
        yield _usual("replicas", child, child, "spec.replicas")
    if bounds := autoscaling.BOUNDS.get(child.kind):
        scaled = next((each for each in base if autoscaling.scales(child, each)), child)
        yield from (
            _usual(what, scaled, child, at) for what, at in zip(("minReplicas", "maxReplicas"), bounds, strict=True)
        )
    if child.kind == "CronJob":
        yield _usual("schedule", child, child, "spec.schedule")
    if not child.is_job or directives.may_be_recreated(child.body):
        yield from _of_containers(child)
    if child.kind == "StatefulSet":
        claims = fields.listed(fields.value_at(child.body, "spec", "volumeClaimTemplates"))
        for index, claim in enumerate(claims):
            path = f"spec.volumeClaimTemplates.{index}.spec.resources.requests.storage"
            name = str(fields.value_at(claim, "metadata", "name") or "")
            yield _usual("storage", child, child, path, name if len(claims) > 1 else "")
    if child.kind == "PersistentVolumeClaim":
        yield _usual("storage", child, child, "spec.resources.requests.storage")
    if (child.kind, child.group) == ("Service", ""):
        yield from _of_service(child, base)
    if child.kind == "Ingress":
        yield from _of_hosts(child, base)


def _usual(what: str, owner: Child, child: Child, path: str, part: str = "") -> _Usual:
    return _Usual(what, owner, part, (_field(child, path),))


def _field(child: Child, path: str) -> ChildField:
    return ChildField(child.selector, parse(path))


def _of_containers(child: Child) -> Iterator[_Usual]:
    at = labelling.pods_at(child.body)
    containers = [] if at is None else fields.value_at(child.body, *at, "spec", "containers") or []
    if at is None or not containers:
        return
    annotations = fields.value_at(child.body, *at, "metadata", "annotations") or {}
    main = annotations.get(_DEFAULT_CONTAINER) or _called_alike(child.name, [each["name"] for each in containers])
    beside = fields.value_at(child.body, *at, "spec", "initContainers") or []
    images: dict[str, list[ChildField]] = {}
    parts: dict[str, str] = {}
    for kind, listed in (("containers", containers), ("initContainers", beside)):
        for index, container in enumerate(listed):
            name = container["name"]
            part = "" if name == main or len(containers) == 1 else name
            path = fields.readable(child.body, fields.path_to(*at, "spec", kind, index))
            image = container.get("image", "")
            # One that runs the same image, also before the others, is to go on doing so.
            if image in images:
                images[image].append(_field(child, f"{path}.image"))
            elif image and kind == "containers":
                images[image] = [_field(child, f"{path}.image")]
                parts[image] = part
            if container.get("resources") and kind == "containers" and child.kind != "Pod":
                yield _usual("resources", child, child, f"{path}.resources", part)
    for image, targets in images.items():
        yield _Usual("image", child, parts[image], tuple(targets))


def _called_alike(workload: str, containers: Sequence[str]) -> str:
    """The container that has the name of its workload, or its end, where kustomize has put a prefix before it."""
    alike = [name for name in containers if workload == name or workload.endswith(f"-{name}")]
    return max(alike, key=len, default="")


def _of_service(child: Child, base: Sequence[Child]) -> Iterator[_Usual]:
    spec = child.body.get("spec") or {}
    ports = spec.get("ports") or []
    if len(ports) != 1 or spec.get("clusterIP") == "None" or spec.get("type") == "ExternalName":
        return
    # What has no targetPort has the same one as the port, and there nobody listens once that is another.
    if not ports[0].get("targetPort") or any(_is_asked(each, child.name) for each in base):
        return
    if any(follow.callers(child, base)):
        return
    owner = _selected(child, base)
    beside = [each for each in base if each.kind == "Service" and owner != child and _selected(each, base) == owner]
    shared = _shared_prefix([owner.name, *(each.name for each in beside)])
    name = child.name.removeprefix(f"{owner.name}-")
    part = _without_kind(child.kind, name.removeprefix(shared)) if len(beside) > 1 else ""
    targets = [_field(child, "spec.ports.0.port")]
    for each in base:
        if each.kind == "Ingress":
            targets += [_field(each, path) for path in _backends(each, child.name, ports[0]["port"])]
    yield _Usual("port", owner, part, tuple(targets))


def _selected(service: Child, base: Sequence[Child]) -> Child:
    """The one workload whose pods a Service selects; the Service itself where there is no such one."""
    selector = (service.body.get("spec") or {}).get("selector") or {}
    found = [
        child
        for child in base
        if selector and any(selector.items() <= labels.items() for labels in labelling.template_labels(child.body))
    ]
    return found[0] if len(found) == 1 else service


def _is_asked(child: Child, service: str) -> bool:
    """Whether a child has a webhook that a Service serves."""
    return service in fields.values(child.body, parse("webhooks.*.clientConfig.service.name"))


def _backends(ingress: Child, service: str, port: int) -> Iterator[str]:
    """Where an Ingress names a Service's port by its number."""
    for pattern in ("spec.defaultBackend", "spec.rules.*.http.paths.*.backend"):
        for at, backend in fields.places(ingress.body, parse(pattern)):
            if isinstance(backend, dict) and backend.get("service") == {"name": service, "port": {"number": port}}:
                yield f"{at}.service.port.number"


def _of_hosts(child: Child, base: Sequence[Child]) -> Iterator[_Usual]:
    """The hosts of an Ingress; where one stands in several places, all of them take the same value.

    Also in the Certificate that the Ingress shows: one for another host would be of no use.
    """
    places: dict[str, list[ChildField]] = {}
    for pattern in ("spec.rules.*.host", "spec.tls.*.hosts.*"):
        for at, host in fields.places(child.body, parse(pattern)):
            if host and isinstance(host, str):
                places.setdefault(host, []).append(ChildField(child.selector, at))
    for other in base:
        if (other.group, other.kind) == ("cert-manager.io", "Certificate"):
            for pattern in ("spec.dnsNames.*", "spec.commonName"):
                for at, host in fields.places(other.body, parse(pattern)):
                    if isinstance(host, str) and host in places:
                        places[host].append(ChildField(other.selector, at))
    for targets in places.values():
        yield _Usual("host", child, "", tuple(targets))


def value_of(child: Child, target: ChildField) -> Json:
    """The value that a field has in the base; None where it has none."""
    found = fields.values(child.body, target.path)
    return found[0] if found else None
