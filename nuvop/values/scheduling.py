"""Onto which nodes pods may go: what they tolerate, and what they like. Pure.

Tables: pkg/apis/core/validation/validation.go.
"""

from collections.abc import Mapping

from nuvop import fields
from nuvop.fields import Json
from nuvop.values.metadata import VALUE, qualified, values_of
from nuvop.values.rule import Fields, Found, Misvalue, Together, below, if_said, number, wrong


def _toleration(value: Mapping[str, Json]) -> Found:
    """``ValidateTolerations``."""
    operator, said = value.get("operator") or "Equal", value.get("value")
    if not value.get("key") and operator != "Exists":
        yield Misvalue((), "key is missing: only `operator: Exists` needs none", (), is_missing=True)
    if operator == "Exists" and said:
        yield Misvalue(("value",), "may not stand beside `operator: Exists`: take it out", ())
    elif operator == "Equal":
        yield from below(("value",), VALUE(said))
    if value.get("tolerationSeconds") is not None and value.get("effect") != "NoExecute":
        yield Misvalue(("tolerationSeconds",), "may stand beside `effect: NoExecute` only: take it out", ())


def _requirement(value: Mapping[str, Json]) -> Found:
    """``ValidateNodeSelectorRequirement``."""
    yield from values_of(value)
    operator = value.get("operator")
    if operator in ("Gt", "Lt") and len(fields.listed(value.get("values"))) != 1:
        yield wrong(f"`operator: {operator}` takes exactly one value")


_WEIGHT = number(1, 100)

FIELDS: Fields = {
    "core.v1.Toleration": {"key": if_said(qualified)},
    "core.v1.NodeSelectorRequirement": {"key": qualified},
    "core.v1.PreferredSchedulingTerm": {"weight": _WEIGHT},
    "core.v1.WeightedPodAffinityTerm": {"weight": _WEIGHT},
    "core.v1.PodAffinityTerm": {"topologyKey": qualified},
}

TOGETHER: Together = {
    "core.v1.Toleration": (_toleration,),
    "core.v1.NodeSelectorRequirement": (_requirement,),
}
