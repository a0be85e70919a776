"""Labels, annotations and selectors. Pure.

Tables: staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/validation/validation.go.
"""

import re
from collections.abc import Mapping

from nuvop.fields import Json
from nuvop.values.rule import Fields, Found, Misvalue, Together, below, for_each, needs, one_of_words, text, wrong
from nuvop.values.texts import SUBDOMAIN

_QUALIFIED = re.compile(rf"(({SUBDOMAIN})/)?[A-Za-z0-9]([-A-Za-z0-9_.]{{0,61}}[A-Za-z0-9])?")

VALUE = text(
    "([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?",
    "letters, digits, hyphens, dots and underscores, 63 at most, and begin and end with a letter or digit",
    63,
)


def qualified(value: Json) -> Found:
    """``IsQualifiedName`` of staging/src/k8s.io/apimachinery/pkg/util/validation/validation.go."""
    if isinstance(value, str) and not _QUALIFIED.fullmatch(value):
        told = "a word of letters, digits, hyphens, dots and underscores, 63 at most"
        yield wrong(f"{value!r} must be {told}, perhaps with a domain and a slash before it")


def labels(value: Json) -> Found:
    """``ValidateLabels`` of staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/validation/validation.go."""
    for key, label in value.items() if isinstance(value, dict) else ():
        yield from below((key,), qualified(key))
        yield from below((key,), VALUE(label))


def _annotations(value: Json) -> Found:
    """``ValidateAnnotations`` of staging/src/k8s.io/apimachinery/pkg/api/validation/objectmeta.go."""
    for key in value if isinstance(value, dict) else ():
        yield from below((key,), qualified(key.lower()))


def values_of(value: Mapping[str, Json]) -> Found:
    """Whether an operator has the values that it needs, or none.

    ``ValidateLabelSelectorRequirement`` of staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/validation."""
    operator = value.get("operator")
    if operator in ("In", "NotIn"):
        yield from needs("values", f": `operator: {operator}` needs some")(value)
    elif operator in ("Exists", "DoesNotExist") and value.get("values"):
        yield Misvalue(("values",), f"may not stand beside `operator: {operator}`: take it out", ())


def is_whole(expression: Mapping[str, Json]) -> bool:
    """Whether one of a selector's ``matchExpressions`` can be asked, as far as its operator goes."""
    return expression.get("operator") in _OPERATORS and not any(values_of(expression))


_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")

FIELDS: Fields = {
    "apimachinery.pkg.apis.meta.v1.ObjectMeta": {"labels": labels, "annotations": _annotations},
    "apimachinery.pkg.apis.meta.v1.LabelSelector": {"matchLabels": labels},
    "apimachinery.pkg.apis.meta.v1.LabelSelectorRequirement": {
        "key": qualified,
        "operator": one_of_words(*_OPERATORS),
        "values": for_each(VALUE),
    },
}

TOGETHER: Together = {
    "apimachinery.pkg.apis.meta.v1.LabelSelectorRequirement": (values_of,),
}
