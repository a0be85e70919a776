"""Autoscalers. Pure.

Tables: pkg/apis/autoscaling/validation/validation.go.
"""

from collections.abc import Mapping

from nuvop.fields import Json
from nuvop.values.rule import Fields, Found, Misvalue, Together, is_number, one_of_words
from nuvop.values.texts import NATURAL, POSITIVE


def _replicas(value: Mapping[str, Json]) -> Found:
    """``validateHorizontalPodAutoscalerSpec`` of pkg/apis/autoscaling/validation/validation.go."""
    least, most = value.get("minReplicas"), value.get("maxReplicas")
    if is_number(least) and is_number(most) and least > most >= 1:
        yield Misvalue(("maxReplicas",), f"{most} must be minReplicas, {least}, or more", ())


_AUTOSCALER = {"minReplicas": NATURAL, "maxReplicas": POSITIVE}

FIELDS: Fields = {
    "autoscaling.v1.HorizontalPodAutoscalerSpec": _AUTOSCALER,
    "autoscaling.v2.HorizontalPodAutoscalerSpec": _AUTOSCALER,
    "autoscaling.v2.HPAScalingPolicy": {"type": one_of_words("Pods", "Percent"), "value": POSITIVE},
    "autoscaling.v2.HPAScalingRules": {"selectPolicy": one_of_words("Max", "Min", "Disabled")},
    "autoscaling.v2.MetricSpec": {"type": one_of_words("Object", "Pods", "Resource", "ContainerResource", "External")},
    "autoscaling.v2.MetricTarget": {
        "type": one_of_words("Utilization", "Value", "AverageValue"),
        "averageUtilization": POSITIVE,
    },
}

TOGETHER: Together = {
    "autoscaling.v1.HorizontalPodAutoscalerSpec": (_replicas,),
    "autoscaling.v2.HorizontalPodAutoscalerSpec": (_replicas,),
}
