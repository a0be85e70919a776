"""Pods, their containers and volumes. Pure.

Tables: pkg/apis/core/validation/validation.go.
"""

from collections.abc import Mapping

from nuvop import fields
from nuvop.fields import Json
from nuvop.values.metadata import labels
from nuvop.values.rule import (
    Fields,
    Found,
    Misvalue,
    Together,
    exactly_one,
    if_said,
    is_number,
    names_in,
    needs,
    not_both,
    number,
    one_of_words,
    only_one,
    ports_named_twice,
    text,
    wrong,
)
from nuvop.values.texts import NAME, NATURAL, PORT, PORT_NAME, PORT_OR_NAME, PORT_OR_NONE

_USER = number(0, 2**31 - 1)
_MODE = number(0, 0o777)
_VARIABLE = text("[ -<>-~]+", "the name of a variable: letters that stand on any keyboard, without =")


def _one_source(value: Mapping[str, Json]) -> Found:
    """``validateVolumeSource`` of pkg/apis/core/validation/validation.go; without one it is an emptyDir."""
    yield from only_one(value, (name for name in value if name != "name"))


def _below_the_volume(value: Json) -> Found:
    """``validateLocalDescendingPath`` of pkg/apis/core/validation/validation.go."""
    if isinstance(value, str) and (value.startswith("/") or ".." in value.split("/")):
        yield wrong(f"{value!r} must be a way below the volume, without `..` and a slash at its beginning")


def _of_container(value: Mapping[str, Json]) -> Found:
    """``validateContainerCommon``, ``validateContainerPorts`` of pkg/apis/core/validation/validation.go."""
    if not value.get("image"):
        yield Misvalue((), "image is missing", ("image",), is_missing=True)
    yield from ports_named_twice(value)
    yield from _of_probes(value)


def _of_probes(value: Mapping[str, Json]) -> Found:
    """``validateLivenessProbe`` and its siblings of pkg/apis/core/validation/validation.go."""
    for name in ("livenessProbe", "startupProbe"):
        successes = fields.mapped(value.get(name)).get("successThreshold")
        if is_number(successes) and successes > 1:
            yield wrong(f"{successes} must be 1 in a {name}", name, "successThreshold")
    if fields.mapped(value.get("readinessProbe")).get("terminationGracePeriodSeconds") is not None:
        told = "may not stand in a readinessProbe, which ends nothing: take it out"
        yield wrong(told, "readinessProbe", "terminationGracePeriodSeconds")


def _containers(value: Mapping[str, Json]) -> Found:
    """``validateContainers``, ``validateInitContainers`` of pkg/apis/core/validation/validation.go."""
    if value.get("containers") == []:
        yield Misvalue(("containers",), "a pod needs a container", ("containers",), is_missing=True)
    names = names_in(value, "containers")
    for index, name in enumerate(names_in(value, "initContainers")):
        if name and name in names:
            told = f"{name!r} is one of the containers, too: each needs another name"
            yield Misvalue(("initContainers", index, "name"), told, ())
    for index, container in enumerate(map(fields.mapped, fields.listed(value.get("initContainers")))):
        for name in _OF_LIVING if container.get("restartPolicy") != "Always" else ():
            if container.get(name) is not None:
                told = "may stand in an init container with `restartPolicy: Always` only: take it out"
                yield Misvalue(("initContainers", index, name), told, ("initContainers", index))


_OF_LIVING = ("livenessProbe", "readinessProbe", "startupProbe", "lifecycle")
"""What only a container has that goes on."""

_PROBE = dict.fromkeys(
    ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"), NATURAL
)

FIELDS: Fields = {
    "core.v1.VolumeMount": dict.fromkeys(("subPath", "subPathExpr"), _below_the_volume),
    "core.v1.Container": {"name": NAME},
    "core.v1.Volume": {"name": NAME},
    "core.v1.EnvVar": {"name": _VARIABLE},
    "core.v1.ContainerPort": {"containerPort": PORT, "hostPort": PORT_OR_NONE, "name": if_said(PORT_NAME)},
    "core.v1.HTTPGetAction": {"port": PORT_OR_NAME},
    "core.v1.TCPSocketAction": {"port": PORT_OR_NAME},
    "core.v1.GRPCAction": {"port": PORT},
    "core.v1.Probe": _PROBE,
    "core.v1.PodSpec": {
        "activeDeadlineSeconds": number(1, 2**31 - 1),
        "nodeSelector": labels,
    },
    "core.v1.PodOS": {"name": one_of_words("linux", "windows")},
    "core.v1.PodSecurityContext": dict.fromkeys(("runAsUser", "runAsGroup", "fsGroup"), _USER),
    "core.v1.SecurityContext": dict.fromkeys(("runAsUser", "runAsGroup"), _USER),
    "core.v1.KeyToPath": {"mode": _MODE},
    "core.v1.ConfigMapVolumeSource": {"defaultMode": _MODE},
    "core.v1.SecretVolumeSource": {"defaultMode": _MODE},
}

TOGETHER: Together = {
    "core.v1.Container": (_of_container,),
    "core.v1.PodSpec": (_containers,),
    "core.v1.Probe": (exactly_one("exec", "grpc", "httpGet", "tcpSocket"),),
    "core.v1.LifecycleHandler": (exactly_one("exec", "httpGet", "sleep", "tcpSocket"),),
    "core.v1.ExecAction": (needs("command"),),
    "core.v1.Volume": (_one_source,),
    "core.v1.VolumeMount": (not_both("subPath", "subPathExpr"),),
    "core.v1.EnvVar": (not_both("value", "valueFrom"),),
    "core.v1.EnvVarSource": (
        exactly_one("configMapKeyRef", "fieldRef", "fileKeyRef", "resourceFieldRef", "secretKeyRef"),
    ),
    "core.v1.EnvFromSource": (exactly_one("configMapRef", "secretRef"),),
}
