"""Values that the API server does not take in objects of Kubernetes' own kinds, though their types are right. Pure.

Two tables, by the name that Kubernetes gives a type: a rule for a container holds in a Pod as in a CronJob. Beside
them, what OpenAPI itself says is tried: which words a field takes, and what tells the items of a list apart.

Sources: the files named below, of https://github.com/kubernetes/kubernetes/tree/v1.36.3. Only what is certain, whatever
the cluster's settings, is a rule here. What stands there as well and is not tried: whether several fields fit together,
but for a few of them, and what an update may not change.
"""

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeGuard

from nuvop import cron, fields
from nuvop.fields import Json, Pointer
from nuvop.openapi import Node, resolved


@dataclass(frozen=True)
class Misvalue:
    """A value that is not taken: the way to it, and why.

    ``about`` is the way to all that has a part in it: whoever sets something there may mend it. With ``is_missing`` it
    is a field that is not there.
    """

    at: Pointer
    message: str
    about: Pointer
    is_missing: bool = False


Found = Iterator[Misvalue]
Rule = Callable[[Json], Found]


def misvalues(node: Node) -> Found:
    """What is wrong with a value and its members, whose types may be wrong, too: that is told elsewhere."""
    yield from _below(node.at, _of_enum(node))
    if node.of == _QUANTITY:
        yield from _below(node.at, _quantity(node.value))
    elif isinstance(node.value, dict):
        for name, rule in _FIELDS.get(node.of, {}).items():
            if name in node.value and node.value[name] is not None:
                yield from _below((*node.at, name), rule(node.value[name]))
        for name, value in node.value.items():
            if keys := (schema := node.members.get(name, {})).get("keys"):
                yield from _below((*node.at, name), _twice(value, keys, schema))
        for part in _TOGETHER.get(node.of, ()):
            yield from _below(node.at, part(node.value))


def _below(at: Pointer, found: Found) -> Found:
    for each in found:
        yield Misvalue((*at, *each.at), each.message, (*at, *each.about), each.is_missing)


def _wrong(message: str, *at: str | int) -> Misvalue:
    return Misvalue(at, message, at)


# --- what OpenAPI says -----------------------------------------------------------------------------------------------


def _of_enum(node: Node) -> Found:
    """A word that is none of those that a field takes.

    An empty one counts as left out, mostly. Only ``stopSignal`` has more than a few words, and where the cluster does
    not know that field, it takes anything there.
    """
    words = node.schema.get("enum") or ()
    if 0 < len(words) <= _FEW and isinstance(node.value, str) and node.value:
        yield from _words(*words)(node.value)


def _words(*words: str) -> Rule:
    def rule(value: Json) -> Found:
        if isinstance(value, str) and value not in words:
            meant = difflib.get_close_matches(value.lower(), [word.lower() for word in words], 1, 0.7)
            instead = [word for word in words if word and word.lower() in meant]
            told = f"{value!r} must be one of {', '.join(filter(None, words))}"
            yield _wrong(f"{told}: write `{instead[0]}`" if instead else told)

    return rule


_FEW = 30


def _twice(items: Json, keys: Sequence[str], schema: Mapping[str, Json]) -> Found:
    """Items of a list that the API server could not tell apart."""
    if not isinstance(items, list):
        return
    members = resolved(schema["items"]).get("properties") or {}
    defaults = {key: members.get(key, {}).get("default") for key in keys}
    seen: set[tuple[str, ...]] = set()
    for index, item in enumerate(items):
        if not isinstance(item, dict):
            continue
        found = tuple(repr(item.get(key, defaults[key])) for key in keys)
        if found in seen:
            what = ", ".join(f"{key} {item.get(key, defaults[key])!r}" for key in keys)
            yield Misvalue((index,), f"{what} stands there twice: each item needs another one", ())
        seen.add(found)


# --- numbers and texts -----------------------------------------------------------------------------------------------


def _is_number(value: Json) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(least: int, most: int | None = None) -> Rule:
    allowed = f"{least} or more" if most is None else f"{least} to {most}"

    def rule(value: Json) -> Found:
        if _is_number(value) and (value < least or (most is not None and value > most)):
            yield _wrong(f"{value} must be {allowed}")

    return rule


def _text(pattern: str, told: str, longest: int | None = None) -> Rule:
    is_right = re.compile(pattern)

    def rule(value: Json) -> Found:
        if isinstance(value, str) and not is_right.fullmatch(value):
            yield _wrong(f"{value!r} must be {told}")
        elif isinstance(value, str) and longest is not None and len(value) > longest:
            yield _wrong(f"{value!r} is too long: {longest} characters are allowed")

    return rule


def _either(of_numbers: Rule, of_texts: Rule) -> Rule:
    """A field that takes a number or a text."""
    return lambda value: of_texts(value) if isinstance(value, str) else of_numbers(value)


def _if_said(rule: Rule) -> Rule:
    """A field of which 0 and an empty text count as left out."""
    return lambda value: iter(()) if value in (0, "") else rule(value)


def _each(rule: Rule) -> Rule:
    """For each item of a list."""

    def rule_for_all(value: Json) -> Found:
        for index, item in enumerate(value if isinstance(value, list) else ()):
            yield from _below((index,), rule(item))

    return rule_for_all


_NATURAL = _number(0)
_POSITIVE = _number(1)
_PORT = _number(1, 65535)
_PORT_OR_NONE = _number(0, 65535)
_USER = _number(0, 2**31 - 1)
_MODE = _number(0, 0o777)

LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
SUBDOMAIN = rf"{LABEL}(\.{LABEL})*"
NAME = _text(LABEL, "lower-case letters, digits and hyphens, 63 at most, with no hyphen at an end", 63)
_PORT_NAME = _text(
    "(?=.*[a-z])(?!.*--)[a-z0-9]([-a-z0-9]*[a-z0-9])?",
    "lower-case letters, digits and single hyphens, 15 at most, with a letter among them and no hyphen at an end",
    15,
)
_PORT_OR_NAME = _either(_PORT, _PORT_NAME)
_PERCENT = _text("[0-9]+%", "a number, or one with % behind it, such as 25%")
_PART = _either(_NATURAL, _PERCENT)
_HOST = _text(rf"(\*\.)?{SUBDOMAIN}", "a host's name in lower-case letters, of which the first part may be *", 253)
_ADDRESS = re.compile(r"\d+(\.\d+){3}")
_VARIABLE = _text("[ -<>-~]+", "the name of a variable: letters that stand on any keyboard, without =")
_KEY_OF_DATA = re.compile(r"(?!\.\.?$|\.\.)[-._a-zA-Z0-9]{1,253}")


def _share(value: Json) -> Found:
    """``IsNotMoreThan100Percent`` of pkg/apis/apps/validation/validation.go."""
    yield from _PART(value)
    if isinstance(value, str) and re.fullmatch("[0-9]+%", value) and int(value[:-1]) > 100:
        yield _wrong(f"{value!r} must be 100% or less")


def _named_host(value: Json) -> Found:
    """``validateIngressRules`` of pkg/apis/networking/validation/validation.go."""
    yield from _HOST(value)
    if isinstance(value, str) and _ADDRESS.fullmatch(value) and all(int(part) <= _BYTE for part in value.split(".")):
        yield _wrong(f"{value!r} must be a host's name, not an IP address")


_BYTE = 255


def _keys_of_data(value: Json) -> Found:
    """``IsConfigMapKey`` of staging/src/k8s.io/apimachinery/pkg/util/validation/validation.go."""
    for key in value if isinstance(value, dict) else ():
        if not _KEY_OF_DATA.fullmatch(key):
            yield _wrong("a key must be letters, digits, hyphens, dots and underscores, as a file's name may be", key)


def _schedule(value: Json) -> Found:
    """``validateScheduleFormat`` of pkg/apis/batch/validation/validation.go."""
    if isinstance(value, str) and (told := cron.refusal(value)):
        yield _wrong(f"{value!r} is no schedule: {told}; one is `*/15 2 * * 1-5`, or `@daily`")


# --- labels ----------------------------------------------------------------------------------------------------------

_QUALIFIED = re.compile(rf"(({SUBDOMAIN})/)?[A-Za-z0-9]([-A-Za-z0-9_.]{{0,61}}[A-Za-z0-9])?")
_VALUE = _text(
    "([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?",
    "letters, digits, hyphens, dots and underscores, 63 at most, and begin and end with a letter or digit",
    63,
)


def _qualified(value: Json) -> Found:
    if isinstance(value, str) and not _QUALIFIED.fullmatch(value):
        told = "a word of letters, digits, hyphens, dots and underscores, 63 at most"
        yield _wrong(f"{value!r} must be {told}, perhaps with a domain and a slash before it")


def _labels(value: Json) -> Found:
    """``ValidateLabels`` of staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/validation/validation.go."""
    for key, label in value.items() if isinstance(value, dict) else ():
        yield from _below((key,), _qualified(key))
        yield from _below((key,), _VALUE(label))


def _annotations(value: Json) -> Found:
    """``ValidateAnnotations`` of staging/src/k8s.io/apimachinery/pkg/api/validation/objectmeta.go."""
    for key in value if isinstance(value, dict) else ():
        yield from _below((key,), _qualified(key.lower()))


# --- quantities ------------------------------------------------------------------------------------------------------

_QUANTITY = "apimachinery.pkg.api.resource.Quantity"
_QUANTITIES = re.compile(
    r"(?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+))(?P<suffix>[KMGTPE]i|[numkMGTPE]|[eE](?P<exponent>[+-]?\d{1,3}))?"
)
_FACTORS = {
    **{f"{letter}i": Decimal(1024**power) for power, letter in enumerate("KMGTPE", 1)},
    **{letter: Decimal(1000) ** power for power, letter in enumerate(("n", "u", "m", "", "k", *"MGTPE"), -3)},
}


def _quantity(value: Json) -> Found:
    """``ParseQuantity`` of staging/src/k8s.io/apimachinery/pkg/api/resource/quantity.go."""
    if isinstance(value, dict | list | bool):
        yield _wrong("the value must be a quantity, such as 500m or 1Gi")
    elif _amount(value) is None:
        yield _wrong(f"{value!r} must be a quantity: a number, with m, k, M, G or Ki, Mi, Gi behind it, such as 1Gi")


def _amount(value: Json) -> Decimal | None:
    """How much a quantity is; None for what is none."""
    found = _QUANTITIES.fullmatch(str(value).strip()) if isinstance(value, str | int | float) else None
    if found is None:
        return None
    if found["exponent"] is not None:
        return Decimal(found["number"]).scaleb(int(found["exponent"]))
    return Decimal(found["number"]) * _FACTORS[found["suffix"] or ""]


_RESOURCES = ("cpu", "memory", "ephemeral-storage")


def _resources(value: Mapping[str, Json]) -> Found:
    """``ValidateContainerResourceRequirements`` of pkg/apis/core/validation/validation.go."""
    limits, requests = fields.mapped(value.get("limits")), fields.mapped(value.get("requests"))
    for of, listed in (("limits", limits), ("requests", requests)):
        for name, much in listed.items():
            amount = _amount(much)
            if "/" not in name and name not in _RESOURCES and not name.startswith("hugepages-"):
                meant = difflib.get_close_matches(name, _RESOURCES, 1, 0.7)
                instead = f": write `{meant[0]}`" if meant else ""
                yield _wrong(f"must be one of {', '.join(_RESOURCES)}, or have a domain before it{instead}", of, name)
            elif amount is not None and amount < 0:
                yield _wrong(f"{much!r} must be 0 or more", of, name)
    for name in limits.keys() & requests.keys():
        most, least = _amount(limits[name]), _amount(requests[name])
        if most is not None and least is not None and least > most >= 0:
            told = f"{requests[name]!r} is more than the limit, {limits[name]!r}: raise the limit, or request less"
            yield Misvalue(("requests", name), told, ())


# --- fields that belong together -------------------------------------------------------------------------------------


def _needs(name: str, why: str = "") -> Callable[[Mapping[str, Json]], Found]:
    """A field that must have something in it."""

    def rule(value: Mapping[str, Json]) -> Found:
        if not value.get(name):
            at = (name,) if name in value else ()
            yield Misvalue(at, f"{name} is missing{why}", (name,), is_missing=True)

    return rule


def _exactly_one(*names: str) -> Callable[[Mapping[str, Json]], Found]:
    """Of fields of which each says all: one, and no more."""
    told = f"{', '.join(names[:-1])} or {names[-1]} is missing"

    def rule(value: Mapping[str, Json]) -> Found:
        if all(value.get(name) in _LEFT_OUT for name in names):
            yield Misvalue((), told, (), is_missing=True)
        yield from _only_one(value, names)

    return rule


def _only_one(value: Mapping[str, Json], names: Iterable[str]) -> Found:
    first, *others = [name for name in names if value.get(name) not in _LEFT_OUT] or [""]
    for other in others:
        yield Misvalue((other,), f"may not stand beside {first}: take one of them out", ())


_LEFT_OUT = (None, "", 0)


def _one_source(value: Mapping[str, Json]) -> Found:
    """``validateVolumeSource`` of pkg/apis/core/validation/validation.go; without one it is an emptyDir."""
    yield from _only_one(value, (name for name in value if name != "name"))


def _always(value: Mapping[str, Json]) -> Found:
    """``ValidatePodTemplateSpecForReplicaSet`` of pkg/apis/apps/validation/validation.go, and its siblings."""
    yield from _restarts(value, ("Always",), is_default="Always")


def _never_always(value: Mapping[str, Json]) -> Found:
    """``validateJobTemplateSpec``, ``validateJobSpec`` of pkg/apis/batch/validation/validation.go."""
    yield from _restarts(value, ("OnFailure", "Never"), is_default="")


def _restarts(value: Mapping[str, Json], takes: tuple[str, ...], is_default: str) -> Found:
    at = ("template", "spec")
    pod = fields.mapped(fields.value_at(value, "template", "spec"))
    policy = pod.get("restartPolicy") or is_default
    if not policy and pod:
        told = f"restartPolicy is missing: write {' or '.join(takes)}"
        yield Misvalue(at, told, (*at, "restartPolicy"), is_missing=True)
    elif policy and policy not in takes and policy in ("Always", "OnFailure", "Never"):
        yield _wrong(f"{policy!r} must be {' or '.join(takes)} here", *at, "restartPolicy")


def _of_service(value: Mapping[str, Json]) -> Found:
    """``ValidateService`` of pkg/apis/core/validation/validation.go."""
    type_ = value.get("type") or "ClusterIP"
    is_headless = value.get("clusterIP") == "None"
    if type_ == "ExternalName":
        yield from _needs("externalName", ": `type: ExternalName` needs it")(value)
    elif not is_headless:
        yield from _needs("ports", _NO_PORTS)(value)
    elif type_ in ("NodePort", "LoadBalancer"):
        yield Misvalue(("clusterIP",), f"'None' may not stand beside `type: {type_}`: take one of them out", ())
    for index, port in enumerate(fields.listed(value.get("ports")) if type_ == "ClusterIP" else ()):
        node_port = fields.mapped(port).get("nodePort")
        if _is_number(node_port) and node_port > 0:
            told = f"{node_port} needs `type: NodePort` or `type: LoadBalancer`"
            yield Misvalue(("ports", index, "nodePort"), told, ())


_NO_PORTS = ": a Service needs one, but for `clusterIP: None` and `type: ExternalName`"


def _named_ports(value: Mapping[str, Json]) -> Found:
    """``ValidateService``, ``validateServicePort`` of pkg/apis/core/validation/validation.go."""
    ports = fields.listed(value.get("ports"))
    for index, port in enumerate(ports if len(ports) > 1 else ()):
        if isinstance(port, dict) and not port.get("name"):
            yield Misvalue(
                ("ports", index), "name is missing: a Service with several ports names each of them", ("ports",)
            )
    yield from _ports_named_twice(value)


def _ports_named_twice(value: Mapping[str, Json]) -> Found:
    """Names that stand there twice, beside what makes ports the same."""
    names = _names(value, "ports")
    for index, name in enumerate(names):
        if name and name in names[:index]:
            yield Misvalue(
                ("ports", index, "name"), f"{name!r} stands there twice: each needs another name", ("ports",)
            )


def _names(value: Mapping[str, Json], name: str) -> list[str]:
    """What the items of a list are called; empty for those that are called nothing."""
    names = (item.get("name") if isinstance(item, dict) else None for item in fields.listed(value.get(name)))
    return [called if isinstance(called, str) else "" for called in names]


def _of_container(value: Mapping[str, Json]) -> Found:
    """``validateContainerCommon``, ``validateContainerPorts`` of pkg/apis/core/validation/validation.go."""
    if not value.get("image"):
        yield Misvalue((), "image is missing", ("image",), is_missing=True)
    yield from _ports_named_twice(value)
    yield from _of_probes(value)


def _of_probes(value: Mapping[str, Json]) -> Found:
    """``validateLivenessProbe`` and its siblings of pkg/apis/core/validation/validation.go."""
    for name in ("livenessProbe", "startupProbe"):
        successes = fields.mapped(value.get(name)).get("successThreshold")
        if _is_number(successes) and successes > 1:
            yield _wrong(f"{successes} must be 1 in a {name}", name, "successThreshold")
    if fields.mapped(value.get("readinessProbe")).get("terminationGracePeriodSeconds") is not None:
        told = "may not stand in a readinessProbe, which ends nothing: take it out"
        yield _wrong(told, "readinessProbe", "terminationGracePeriodSeconds")


def _containers(value: Mapping[str, Json]) -> Found:
    """``validateContainers``, ``validateInitContainers`` of pkg/apis/core/validation/validation.go."""
    if value.get("containers") == []:
        yield Misvalue(("containers",), "a pod needs a container", ("containers",), is_missing=True)
    names = _names(value, "containers")
    for index, name in enumerate(_names(value, "initContainers")):
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


def _one_of(first: str, second: str) -> Callable[[Mapping[str, Json]], Found]:
    def rule(value: Mapping[str, Json]) -> Found:
        if value.get(first) not in (None, "") and value.get(second) is not None:
            yield Misvalue((second,), f"may not stand beside {first}: take one of them out", ())

    return rule


def _replicas(value: Mapping[str, Json]) -> Found:
    """``validateHorizontalPodAutoscalerSpec`` of pkg/apis/autoscaling/validation/validation.go."""
    least, most = value.get("minReplicas"), value.get("maxReplicas")
    if _is_number(least) and _is_number(most) and least > most >= 1:
        yield Misvalue(("maxReplicas",), f"{most} must be minReplicas, {least}, or more", ())


def _strategy(value: Mapping[str, Json]) -> Found:
    """``ValidateDeploymentStrategy`` of pkg/apis/apps/validation/validation.go."""
    if value.get("type") == "Recreate" and value.get("rollingUpdate") is not None:
        yield Misvalue(("rollingUpdate",), "may not stand beside `type: Recreate`: take it out", ())


def _progress(value: Mapping[str, Json]) -> Found:
    """``ValidateDeploymentSpec`` of pkg/apis/apps/validation/validation.go."""
    deadline, wait = value.get("progressDeadlineSeconds"), value.get("minReadySeconds") or 0
    if _is_number(deadline) and _is_number(wait) and 0 <= deadline <= wait:
        yield Misvalue(("progressDeadlineSeconds",), f"{deadline} must be more than minReadySeconds, {wait}", ())


def _no_progress(value: Mapping[str, Json]) -> Found:
    """``ValidateRollingUpdateDeployment`` of pkg/apis/apps/validation/validation.go."""
    if all(value.get(name) in _NONE for name in ("maxSurge", "maxUnavailable")):
        yield Misvalue(("maxUnavailable",), "may not be 0 when maxSurge is 0: no pod could ever be replaced", ())


def _surges_or_not(value: Mapping[str, Json]) -> Found:
    """``ValidateRollingUpdateDaemonSet`` of pkg/apis/apps/validation/validation.go."""
    surge, unavailable = value.get("maxSurge"), value.get("maxUnavailable")
    has_surge = surge not in (None, *_NONE)
    if not has_surge and unavailable in _NONE:
        yield Misvalue(("maxUnavailable",), "may not be 0 when maxSurge is 0: no pod could ever be replaced", ())
    elif has_surge and unavailable not in _NONE:
        told = "must be 0 when maxUnavailable is not: a DaemonSet does one or the other, and 1 is the default of that"
        yield Misvalue(("maxSurge",), told, ())


_NONE = (0, "0%")


def _on_delete(value: Mapping[str, Json]) -> Found:
    """``ValidateStatefulSetSpec`` of pkg/apis/apps/validation/validation.go."""
    if value.get("type") == "OnDelete" and value.get("rollingUpdate") is not None:
        yield Misvalue(("rollingUpdate",), "may not stand beside `type: OnDelete`: take it out", ())


def _claimed(value: Mapping[str, Json]) -> Found:
    """``ValidateStatefulSetSpec``: each template is a volume of the pods, too, and has its name."""
    for index, claim in enumerate(fields.listed(value.get("volumeClaimTemplates"))):
        at = ("volumeClaimTemplates", index, "metadata", "name")
        yield from _below(at, NAME(fields.value_at(claim, "metadata", "name")))


def _claim(value: Mapping[str, Json]) -> Found:
    """``ValidatePersistentVolumeClaimSpec`` of pkg/apis/core/validation/validation.go."""
    yield from _needs("accessModes")(value)
    modes = fields.listed(value.get("accessModes"))
    if "ReadWriteOncePod" in modes and len(modes) > 1:
        yield Misvalue(("accessModes",), "ReadWriteOncePod stands alone: take it out, or the others", ("accessModes",))
    at = ("resources", "requests", "storage")
    storage = fields.value_at(value, *at)
    amount = _amount(storage)
    if storage is None:
        yield Misvalue((), f"{'.'.join(at)} is missing", at, is_missing=True)
    elif amount is not None and amount <= 0:
        yield _wrong(f"{storage!r} must be more than 0", *at)


def _values_of(value: Mapping[str, Json]) -> Found:
    """``ValidateLabelSelectorRequirement`` of staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/validation."""
    operator = value.get("operator")
    if operator in ("In", "NotIn"):
        yield from _needs("values", f": `operator: {operator}` needs some")(value)
    elif operator in ("Exists", "DoesNotExist") and value.get("values"):
        yield Misvalue(("values",), f"may not stand beside `operator: {operator}`: take it out", ())


def is_whole(expression: Mapping[str, Json]) -> bool:
    """Whether one of a selector's ``matchExpressions`` can be asked, as far as its operator goes."""
    return expression.get("operator") in _OPERATORS and not any(_values_of(expression))


_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")


def _path(value: Mapping[str, Json]) -> Found:
    """``validateHTTPIngressRuleValue`` of pkg/apis/networking/validation/validation.go."""
    path, type_ = value.get("path") or "", value.get("pathType")
    if isinstance(path, str) and not path.startswith("/") and (path or type_ in ("Exact", "Prefix")):
        at = ("path",) if path else ()
        told = f"{path!r} must begin with a slash" if path else f"path is missing: `pathType: {type_}` needs one"
        yield Misvalue(at, told, (), is_missing=not path)


# --- the tables ------------------------------------------------------------------------------------------------------

_PROBE = dict.fromkeys(
    ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"), _NATURAL
)
_CONTAINER = {"name": NAME}
_AUTOSCALER = {"minReplicas": _NATURAL, "maxReplicas": _POSITIVE}
_DATA = {"data": _keys_of_data, "binaryData": _keys_of_data, "stringData": _keys_of_data}

_FIELDS: Mapping[str, Mapping[str, Rule]] = {
    # staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/validation/validation.go
    "apimachinery.pkg.apis.meta.v1.ObjectMeta": {"labels": _labels, "annotations": _annotations},
    "apimachinery.pkg.apis.meta.v1.LabelSelector": {"matchLabels": _labels},
    "apimachinery.pkg.apis.meta.v1.LabelSelectorRequirement": {
        "key": _qualified,
        "operator": _words(*_OPERATORS),
        "values": _each(_VALUE),
    },
    # pkg/apis/core/validation/validation.go
    "core.v1.ConfigMap": _DATA,
    "core.v1.Secret": _DATA,
    "core.v1.Container": _CONTAINER,
    "core.v1.Volume": {"name": NAME},
    "core.v1.EnvVar": {"name": _VARIABLE},
    "core.v1.ContainerPort": {"containerPort": _PORT, "hostPort": _PORT_OR_NONE, "name": _if_said(_PORT_NAME)},
    "core.v1.ServicePort": {
        "port": _PORT,
        "nodePort": _PORT_OR_NONE,
        "targetPort": _if_said(_PORT_OR_NAME),
        "name": _if_said(NAME),
    },
    "core.v1.ServiceSpec": {"selector": _labels},
    "core.v1.HTTPGetAction": {"port": _PORT_OR_NAME},
    "core.v1.TCPSocketAction": {"port": _PORT_OR_NAME},
    "core.v1.GRPCAction": {"port": _PORT},
    "core.v1.Probe": _PROBE,
    "core.v1.PodSpec": {
        "activeDeadlineSeconds": _number(1, 2**31 - 1),
        "nodeSelector": _labels,
    },
    "core.v1.PodOS": {"name": _words("linux", "windows")},
    "core.v1.PodSecurityContext": dict.fromkeys(("runAsUser", "runAsGroup", "fsGroup"), _USER),
    "core.v1.SecurityContext": dict.fromkeys(("runAsUser", "runAsGroup"), _USER),
    "core.v1.KeyToPath": {"mode": _MODE},
    "core.v1.ConfigMapVolumeSource": {"defaultMode": _MODE},
    "core.v1.SecretVolumeSource": {"defaultMode": _MODE},
    "core.v1.ReplicationControllerSpec": {"replicas": _NATURAL, "minReadySeconds": _NATURAL, "selector": _labels},
    # pkg/apis/apps/validation/validation.go
    "apps.v1.DeploymentSpec": dict.fromkeys(
        ("replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"), _NATURAL
    ),
    "apps.v1.ReplicaSetSpec": dict.fromkeys(("replicas", "minReadySeconds"), _NATURAL),
    "apps.v1.StatefulSetSpec": dict.fromkeys(("replicas", "minReadySeconds"), _NATURAL),
    "apps.v1.DaemonSetSpec": dict.fromkeys(("minReadySeconds", "revisionHistoryLimit"), _NATURAL),
    "apps.v1.RollingUpdateDeployment": {"maxSurge": _PART, "maxUnavailable": _share},
    "apps.v1.RollingUpdateDaemonSet": dict.fromkeys(("maxSurge", "maxUnavailable"), _share),
    "apps.v1.RollingUpdateStatefulSetStrategy": {"partition": _NATURAL},
    "apps.v1.StatefulSetPersistentVolumeClaimRetentionPolicy": dict.fromkeys(
        ("whenDeleted", "whenScaled"), _if_said(_words("Retain", "Delete"))
    ),
    # pkg/apis/batch/validation/validation.go
    "batch.v1.JobSpec": dict.fromkeys(
        ("parallelism", "completions", "backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished"), _NATURAL
    ),
    "batch.v1.CronJobSpec": {
        "schedule": _schedule,
        **dict.fromkeys(("startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"), _NATURAL),
    },
    # pkg/apis/autoscaling/validation/validation.go
    "autoscaling.v1.HorizontalPodAutoscalerSpec": _AUTOSCALER,
    "autoscaling.v2.HorizontalPodAutoscalerSpec": _AUTOSCALER,
    "autoscaling.v2.HPAScalingPolicy": {"type": _words("Pods", "Percent"), "value": _POSITIVE},
    "autoscaling.v2.HPAScalingRules": {"selectPolicy": _words("Max", "Min", "Disabled")},
    "autoscaling.v2.MetricSpec": {"type": _words("Object", "Pods", "Resource", "ContainerResource", "External")},
    "autoscaling.v2.MetricTarget": {
        "type": _words("Utilization", "Value", "AverageValue"),
        "averageUtilization": _POSITIVE,
    },
    # pkg/apis/networking/validation/validation.go
    "networking.v1.IngressRule": {"host": _if_said(_named_host)},
    "networking.v1.IngressTLS": {"hosts": _each(_HOST)},
    "networking.v1.ServiceBackendPort": {"number": _PORT_OR_NONE},
    "networking.v1.NetworkPolicyPort": {"port": _PORT_OR_NAME, "endPort": _PORT},
    # pkg/apis/policy/validation/validation.go
    "policy.v1.PodDisruptionBudgetSpec": {"minAvailable": _share, "maxUnavailable": _share},
    # pkg/apis/rbac/validation/validation.go
    "rbac.v1.Subject": {"kind": _words("ServiceAccount", "User", "Group")},
    "rbac.v1.RoleRef": {"kind": _words("Role", "ClusterRole")},
}
"""What a field takes, beside what OpenAPI says of it."""

_TOGETHER: Mapping[str, Sequence[Callable[[Mapping[str, Json]], Found]]] = {
    "core.v1.ResourceRequirements": (_resources,),
    "apimachinery.pkg.apis.meta.v1.LabelSelectorRequirement": (_values_of,),
    "core.v1.ServiceSpec": (_of_service, _named_ports),
    "core.v1.Container": (_of_container,),
    "core.v1.PodSpec": (_containers,),
    "core.v1.Probe": (_exactly_one("exec", "grpc", "httpGet", "tcpSocket"),),
    "core.v1.LifecycleHandler": (_exactly_one("exec", "httpGet", "sleep", "tcpSocket"),),
    "core.v1.ExecAction": (_needs("command"),),
    "core.v1.Volume": (_one_source,),
    "core.v1.PersistentVolumeClaimSpec": (_claim,),
    "core.v1.EnvVar": (_one_of("value", "valueFrom"),),
    "core.v1.EnvVarSource": (
        _exactly_one("configMapKeyRef", "fieldRef", "fileKeyRef", "resourceFieldRef", "secretKeyRef"),
    ),
    "core.v1.EnvFromSource": (_exactly_one("configMapRef", "secretRef"),),
    "core.v1.ReplicationControllerSpec": (_always,),
    "apps.v1.DeploymentSpec": (_always, _progress),
    "apps.v1.ReplicaSetSpec": (_always,),
    "apps.v1.StatefulSetSpec": (_always, _claimed),
    "apps.v1.StatefulSetUpdateStrategy": (_on_delete,),
    "apps.v1.RollingUpdateDaemonSet": (_surges_or_not,),
    "apps.v1.DaemonSetSpec": (_always,),
    "apps.v1.DeploymentStrategy": (_strategy,),
    "apps.v1.RollingUpdateDeployment": (_no_progress,),
    "batch.v1.JobSpec": (_never_always,),
    "autoscaling.v1.HorizontalPodAutoscalerSpec": (_replicas,),
    "autoscaling.v2.HorizontalPodAutoscalerSpec": (_replicas,),
    "networking.v1.HTTPIngressPath": (_path,),
    "networking.v1.IngressBackend": (_exactly_one("resource", "service"),),
    "networking.v1.ServiceBackendPort": (_exactly_one("name", "number"),),
    "policy.v1.PodDisruptionBudgetSpec": (_one_of("minAvailable", "maxUnavailable"),),
}
"""What fields of a type mean for each other."""
