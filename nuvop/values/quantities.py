"""Quantities, and the resources that a container has. Pure."""

import difflib
import re
from collections.abc import Mapping
from decimal import Decimal

from nuvop import fields
from nuvop.fields import Json
from nuvop.values.rule import Found, Misvalue, Together, wrong

QUANTITY = "apimachinery.pkg.api.resource.Quantity"

_QUANTITIES = re.compile(
    r"(?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+))(?P<suffix>[KMGTPE]i|[numkMGTPE]|[eE](?P<exponent>[+-]?\d{1,3}))?"
)

_FACTORS = {
    **{f"{letter}i": Decimal(1024**power) for power, letter in enumerate("KMGTPE", 1)},
    **{letter: Decimal(1000) ** power for power, letter in enumerate(("n", "u", "m", "", "k", *"MGTPE"), -3)},
}


def quantity(value: Json) -> Found:
    """``ParseQuantity`` of staging/src/k8s.io/apimachinery/pkg/api/resource/quantity.go."""
    if isinstance(value, dict | list | bool):
        yield wrong("the value must be a quantity, such as 500m or 1Gi")
    elif amount_of(value) is None:
        yield wrong(f"{value!r} must be a quantity: a number, with m, k, M, G or Ki, Mi, Gi behind it, such as 1Gi")


def amount_of(value: Json) -> Decimal | None:
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
            amount = amount_of(much)
            if "/" not in name and name not in _RESOURCES and not name.startswith("hugepages-"):
                meant = difflib.get_close_matches(name, _RESOURCES, 1, 0.7)
                instead = f": write `{meant[0]}`" if meant else ""
                yield wrong(f"must be one of {', '.join(_RESOURCES)}, or have a domain before it{instead}", of, name)
            elif amount is not None and amount < 0:
                yield wrong(f"{much!r} must be 0 or more", of, name)
    for name in limits.keys() & requests.keys():
        most, least = amount_of(limits[name]), amount_of(requests[name])
        if most is not None and least is not None and least > most >= 0:
            told = f"{requests[name]!r} is more than the limit, {limits[name]!r}: raise the limit, or request less"
            yield Misvalue(("requests", name), told, ())


TOGETHER: Together = {
    "core.v1.ResourceRequirements": (_resources,),
}
