"""Values that two want to have, or to set: several resources, or nuvop and an autoscaler. Pure."""

import copy
from collections.abc import Iterator, Mapping

from nuvop import autoscaling, child_names, crd, fields, findings, labelling
from nuvop.checks import targets
from nuvop.errors import Place
from nuvop.fields import FieldPath, Json
from nuvop.findings import Finding, InFolder
from nuvop.kinds import Child, ChildField, Kind, Setting
from nuvop.objects import Body, group_of

_OF_A_CLUSTER = "only one object of a cluster can have that"

_OF_REQUESTS = "only one of them can answer there"

_ONLY_ONE: Mapping[tuple[str, str], tuple[tuple[str, ...], str]] = {
    ("", "Service"): (
        ("spec.ports.*.nodePort", "spec.healthCheckNodePort", "spec.clusterIP", "spec.clusterIPs.*"), _OF_A_CLUSTER,
    ),
    ("", "PersistentVolumeClaim"): (("spec.volumeName",), _OF_A_CLUSTER),
    ("networking.k8s.io", "Ingress"): (("spec.rules.*.host",), _OF_REQUESTS),
    ("gateway.networking.k8s.io", "HTTPRoute"): (("spec.hostnames.*",), _OF_REQUESTS),
    ("route.openshift.io", "Route"): (("spec.host",), _OF_REQUESTS),
}  # fmt: skip
"""Fields whose value one object of a cluster can have, and why: the API server refuses a second one, or it waits for
ever, or gets none of the requests."""

_VOLUME, _TLS = fields.parse("spec.volumeName"), fields.parse("spec.tls.*.secretName")

_ON_A_NODE = ("spec.containers.*.ports.*.hostPort", "spec.initContainers.*.ports.*.hostPort")
"""Fields of pods whose value one pod of a node can have: a second one waits for another node."""

_CERTIFIED = frozenset({"cert-manager.io/issuer", "cert-manager.io/cluster-issuer"})
"""Annotations by which cert-manager makes the Secrets of an Ingress (https://cert-manager.io/docs/usage/ingress/)."""


def only_one(kind: Kind) -> Iterator[Finding]:
    """Values that the children of a second resource could not have, or not for themselves."""
    # What names children: kustomize renames it with them, or it follows.
    own = {
        _VOLUME: [child.name for child in kind.variants if child.kind == "PersistentVolume"],
        _TLS: [
            *(child.name for child in kind.variants if child.kind == "Secret"),
            *(name for _, _, name in child_names.made_secrets(kind.variants)),
        ],
    }
    for child in kind.variants if not kind.keeps_names else ():
        body = _by_default(kind, child)
        for path, why in _alone(body):
            for at, value in fields.places(body, path):
                if value in (None, "", "None", 0) or value in own.get(path, ()):
                    continue
                told = f"{child} {fields.readable(body, at)} is {value!r} for every {kind.resource.kind}"
                set_by = [each for each in kind.settings if targets.sets(child, each, fields.pointers(body, at)[0])]
                if not set_by:
                    place = Place(kind.folder / "kustomization.yaml")
                    yield Finding(place, f"{told}, and {why}: leave it out of the manifest")
                elif (
                    not crd.is_always_there(kind.crd.schema, set_by[-1].source)
                    or _default(kind, set_by[-1]) is not None
                ):
                    source = set_by[-1].source
                    instead = "let the CRD require that field, without a default, or leave it out of the manifest"
                    place = findings.kind_yaml(kind) / "set" / str(source)
                    yield Finding(place, f"{told} that leaves out {source}, and {why}: {instead}", is_hint=True)


def _alone(body: Body) -> Iterator[tuple[FieldPath, str]]:
    """Where an object may have what no other one can have, and why."""
    texts, why = _ONLY_ONE.get((group_of(body["apiVersion"]), body["kind"]), ((), ""))
    yield from ((fields.parse(text), why) for text in texts)
    pods = labelling.pods_at(body)
    for text in _ON_A_NODE if pods is not None else ():
        yield fields.parse(".".join([*(pods or ()), text])), "only one pod of a node can have that"
    if not _CERTIFIED.isdisjoint(body["metadata"].get("annotations") or {}):
        yield _TLS, "cert-manager makes one Secret for all of them: write a Certificate instead of the annotation, or"


def _by_default(kind: Kind, child: Child) -> Body:
    """A child of a CR that leaves out all that it may."""
    body = copy.deepcopy(dict(child.body))
    for setting in kind.settings:
        if targets.landings(child, setting) and (value := _default(kind, setting)) is not None:
            fields.put(body, setting.target, value)
    return body


def _default(kind: Kind, setting: Setting) -> Json:
    """What a CR has that leaves out a field; None where it has none then."""
    values = fields.values(kind.crd.defaulted({"spec": {}}), setting.source)
    return values[0] if values else None


def fought_over(kind: Kind) -> Iterator[InFolder]:
    """Replicas that the base sets, and a HorizontalPodAutoscaler of it, too.

    Where a component takes them out they are not: it will be the one that brings the autoscaler.
    """
    for child, autoscaler, replicas in autoscaling.autoscaled(kind):
        release = ChildField(child.selector, autoscaling.REPLICAS)
        line = "" if release in kind.releases else f", and write `- {release}` under `release` in kind.yaml"
        told = f"{autoscaler} sets the replicas of {child}, and nuvop would set them back to {replicas!r} each time"
        yield InFolder(child.selector, autoscaling.REPLICAS, f"{told}: take this line out{line}")
