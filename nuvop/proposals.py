"""Which fields a kind would usually have, given the objects of its base. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from nuvop import fields
from nuvop.fields import Json, parse
from nuvop.kinds import Child, ChildField

_SCALED = ("Deployment", "StatefulSet")
_PODS = {
    **dict.fromkeys(("Deployment", "StatefulSet", "DaemonSet", "Job"), "spec.template.spec"),
    "CronJob": "spec.jobTemplate.spec.template.spec",
}


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
    """A field that one usually sets: what it is called, the child's part of the name, and where it is."""

    what: str
    of: str
    target: ChildField


def propose(base: Sequence[Child]) -> list[Proposal]:
    """The usual fields: replicas, images, resources, ports, hosts, storage, schedules.

    What only one child has is called by what it is (``replicas``); of several, each is a member of its own
    (``web.replicas``). A Deployment that an autoscaler scales has no replicas of its own.
    """
    shared = _shared_prefix([child.name for child in base])
    found = [usual for child in base for usual in _of(child, base)]
    found.sort(key=lambda usual: (usual.of.removeprefix(shared), _ORDER.index(usual.what)))
    counts = {what: len({usual.of for usual in group}) for what, group in _grouped(found)}
    proposals: dict[str, list[ChildField]] = {}
    for usual in found:
        name = (
            usual.what
            if counts[usual.what] == 1 or not usual.of
            else f"{_camel(usual.of.removeprefix(shared))}.{usual.what}"
        )
        proposals.setdefault(name, []).append(usual.target)
    return [Proposal(name, tuple(targets)) for name, targets in proposals.items()]


_ORDER = ("replicas", "minReplicas", "maxReplicas", "image", "resources", "schedule", "storage", "port", "host")


def _shared_prefix(names: Sequence[str]) -> str:
    """What all names begin with, up to a hyphen: the folder's own prefix, of which nobody wants to know."""
    first = min(names, key=len).split("-")
    for length in range(len(first) - 1, 0, -1):
        prefix = "-".join(first[:length]) + "-"
        if all(name.startswith(prefix) for name in names):
            return prefix
    return ""


def _grouped(found: Sequence[_Usual]) -> Iterator[tuple[str, list[_Usual]]]:
    for what, group in groupby(sorted(found, key=lambda usual: usual.what), key=lambda usual: usual.what):
        yield what, list(group)


def _of(child: Child, base: Sequence[Child]) -> Iterator[_Usual]:
    if child.kind in _SCALED and not _is_autoscaled(child, base):
        yield _usual("replicas", child.name, child, "spec.replicas")
    if child.kind == "HorizontalPodAutoscaler":
        target = str(fields.value_at(child.body, "spec", "scaleTargetRef", "name"))
        yield _usual("minReplicas", target, child, "spec.minReplicas")
        yield _usual("maxReplicas", target, child, "spec.maxReplicas")
    if child.kind == "CronJob":
        yield _usual("schedule", child.name, child, "spec.schedule")
    if at := _PODS.get(child.kind):
        yield from _of_containers(child, at)
    if child.kind == "StatefulSet":
        for index, claim in enumerate(fields.value_at(child.body, "spec", "volumeClaimTemplates") or ()):
            path = f"spec.volumeClaimTemplates.{index}.spec.resources.requests.storage"
            yield _usual("storage", claim["metadata"]["name"], child, path)
    if child.kind == "PersistentVolumeClaim":
        yield _usual("storage", child.name, child, "spec.resources.requests.storage")
    if (child.kind, child.group) == ("Service", ""):
        ports = fields.value_at(child.body, "spec", "ports") or ()
        if len(ports) == 1 and fields.value_at(child.body, "spec", "clusterIP") != "None":
            yield _usual("port", child.name, child, "spec.ports.0.port")
    if child.kind == "Ingress":
        yield from _of_hosts(child)


def _of_containers(child: Child, at: str) -> Iterator[_Usual]:
    containers = fields.value_at(child.body, *at.split("."), "containers") or ()
    for container in containers:
        name = container["name"]
        of = child.name if len(containers) == 1 else name
        for what, field in (("image", "image"), ("resources", "resources")):
            if container.get(field):
                yield _usual(what, of, child, f"{at}.containers.[name={name}].{field}")


def _of_hosts(child: Child) -> Iterator[_Usual]:
    """The hosts of an Ingress; where one stands in several places, all of them take the same value."""
    for i, rule in enumerate(fields.value_at(child.body, "spec", "rules") or ()):
        host = rule.get("host")
        if not host:
            continue
        yield _usual("host", child.name if i == 0 else f"{child.name}-{i}", child, f"spec.rules.{i}.host")
        for j, tls in enumerate(fields.value_at(child.body, "spec", "tls") or ()):
            for k, secured in enumerate(tls.get("hosts") or ()):
                if secured == host:
                    of = child.name if i == 0 else f"{child.name}-{i}"
                    yield _usual("host", of, child, f"spec.tls.{j}.hosts.{k}")


def _usual(what: str, of: str, child: Child, path: str) -> _Usual:
    return _Usual(what, of, ChildField(child.selector, parse(path)))


def _is_autoscaled(child: Child, base: Sequence[Child]) -> bool:
    return any(
        each.kind == "HorizontalPodAutoscaler"
        and fields.value_at(each.body, "spec", "scaleTargetRef", "name") == child.name
        and fields.value_at(each.body, "spec", "scaleTargetRef", "kind") == child.kind
        for each in base
    )


def _camel(name: str) -> str:
    first, *rest = [part for part in re.split(r"[^A-Za-z0-9]+", name) if part]
    return first.lower() + "".join(part[:1].upper() + part[1:] for part in rest)


def value_of(child: Child, target: ChildField) -> Json:
    """The value that a field has in the base; None where it has none."""
    found = fields.values(child.body, target.path)
    return found[0] if found else None
