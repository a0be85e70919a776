"""Autoscalers. Pure.

Tables: pkg/apis/autoscaling/validation/validation.go.
"""

from collections.abc import Mapping

from nuvop.fields import Json
from nuvop.values.quantities import amount_of
from nuvop.values.rule import Fields, Found, Misvalue, Part, Together, is_number, needs, number, one_of_words, wrong
from nuvop.values.texts import NATURAL, POSITIVE


def _replicas(value: Mapping[str, Json]) -> Found:
    """``validateHorizontalPodAutoscalerSpec`` of pkg/apis/autoscaling/validation/validation.go."""
    least, most = value.get("minReplicas"), value.get("maxReplicas")
    if is_number(least) and is_number(most) and least > most >= 1:
        yield Misvalue(("maxReplicas",), f"{most} must be minReplicas, {least}, or more", ())


def _positive(value: Json) -> Found:
    """``validateMetricTarget``."""
    amount = amount_of(value)
    if amount is not None and amount <= 0:
        yield wrong(f"{value!r} must be more than 0")


_SOURCES = {
    "Object": "object",
    "Pods": "pods",
    "Resource": "resource",
    "ContainerResource": "containerResource",
    "External": "external",
}
"""The field that says more of a metric of each type."""


def _source(value: Mapping[str, Json]) -> Found:
    """``validateMetricSpec``."""
    type_ = value.get("type")
    if not isinstance(type_, str) or type_ not in _SOURCES:
        return
    if value.get(_SOURCES[type_]) is None:
        yield from needs(_SOURCES[type_], f": `type: {type_}` needs it")(value)
        return
    for other in _SOURCES.values():
        if other != _SOURCES[type_] and value.get(other) is not None:
            yield Misvalue((other,), f"may not stand beside `type: {type_}`: take one of them out", ())


def _aims(*names: str, is_one: bool) -> Part:
    """What a metric's target has one of, and only one where ``is_one``: ``validateResourceSource`` and its siblings."""

    def rule(value: Mapping[str, Json]) -> Found:
        target = value.get("target")
        if not isinstance(target, dict):
            return
        first, *others = [name for name in names if target.get(name) is not None] or [""]
        if not first:
            yield Misvalue(("target",), f"{' or '.join(names)} is missing", ("target",), is_missing=True)
        for other in others if is_one else ():
            yield Misvalue(("target", other), f"may not stand beside {first}: take one of them out", ("target",))

    return rule


_AUTOSCALER = {"minReplicas": NATURAL, "maxReplicas": POSITIVE}

FIELDS: Fields = {
    "autoscaling.v1.HorizontalPodAutoscalerSpec": _AUTOSCALER,
    "autoscaling.v2.HorizontalPodAutoscalerSpec": _AUTOSCALER,
    "autoscaling.v2.HPAScalingPolicy": {
        "type": one_of_words("Pods", "Percent"),
        "value": POSITIVE,
        "periodSeconds": number(1, 1800),
    },
    "autoscaling.v2.HPAScalingRules": {
        "selectPolicy": one_of_words("Max", "Min", "Disabled"),
        "stabilizationWindowSeconds": number(0, 3600),
    },
    "autoscaling.v2.MetricSpec": {"type": one_of_words(*_SOURCES)},
    "autoscaling.v2.MetricTarget": {
        "type": one_of_words("Utilization", "Value", "AverageValue"),
        "averageUtilization": POSITIVE,
        "averageValue": _positive,
        "value": _positive,
    },
}

TOGETHER: Together = {
    "autoscaling.v1.HorizontalPodAutoscalerSpec": (_replicas,),
    "autoscaling.v2.HorizontalPodAutoscalerSpec": (_replicas,),
    "autoscaling.v2.MetricSpec": (_source,),
    "autoscaling.v2.ResourceMetricSource": (_aims("averageUtilization", "averageValue", is_one=True),),
    "autoscaling.v2.ContainerResourceMetricSource": (_aims("averageUtilization", "averageValue", is_one=True),),
    "autoscaling.v2.PodsMetricSource": (_aims("averageValue", is_one=False),),
    "autoscaling.v2.ObjectMetricSource": (_aims("value", "averageValue", is_one=False),),
    "autoscaling.v2.ExternalMetricSource": (_aims("value", "averageValue", is_one=True),),
}
