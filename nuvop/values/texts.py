"""Rules for numbers and texts that fields of several types share. Pure."""

import re

from nuvop.fields import Json
from nuvop.values.rule import Found, either, number, text, wrong

NATURAL = number(0)
POSITIVE = number(1)
PORT = number(1, 65535)
PORT_OR_NONE = number(0, 65535)
LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
SUBDOMAIN = rf"{LABEL}(\.{LABEL})*"
NAME = text(LABEL, "lower-case letters, digits and hyphens, 63 at most, with no hyphen at an end", 63)

PORT_NAME = text(
    "(?=.*[a-z])(?!.*--)[a-z0-9]([-a-z0-9]*[a-z0-9])?",
    "lower-case letters, digits and single hyphens, 15 at most, with a letter among them and no hyphen at an end",
    15,
)

PORT_OR_NAME = either(PORT, PORT_NAME)
_PERCENT = text("[0-9]+%", "a number, or one with % behind it, such as 25%")
PART = either(NATURAL, _PERCENT)
HOST = text(rf"(\*\.)?{SUBDOMAIN}", "a host's name in lower-case letters, of which the first part may be *", 253)


def share(value: Json) -> Found:
    """``IsNotMoreThan100Percent`` of pkg/apis/apps/validation/validation.go."""
    yield from PART(value)
    if isinstance(value, str) and re.fullmatch("[0-9]+%", value) and int(value[:-1]) > 100:
        yield wrong(f"{value!r} must be 100% or less")
