"""The types of JSON as schemas name them: which value is of which, and what a user calls each. Pure."""

from collections.abc import Mapping
from typing import Any

_PYTHONS: Mapping[str, type | tuple[type, ...]] = {
    "array": list,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "object": dict,
    "string": str,
}

NAMES = tuple(_PYTHONS)

CALLED = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a number",
    "number": "a number",
    "object": "a mapping",
    "string": "a text",
}
"""What a user calls a type."""


def fits(value: Any, type_: str) -> bool:
    """Whether a value is of a type: 1.0 is an integer, too, and to Python alone is true a number."""
    if type_ == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _PYTHONS[type_]) and (type_ == "boolean" or not isinstance(value, bool))


def type_of(value: Any) -> str:
    """The type of a value that is not null; of a number without a fraction ``integer``."""
    return next(name for name in NAMES if fits(value, name))
