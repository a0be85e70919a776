"""A CRD's rules on the names of its resources, as nuvop writes them. Pure.

They are written in CEL, which nuvop does not evaluate: what Kubernetes adds to it, the libraries for Python do not know
(https://kubernetes.io/docs/reference/using-api/cel/#cel-options-language-features-and-libraries). A rule that says no
more than how long a name may be, or what it has to look like, is read here by its words.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from nuvop import go_regexp

_NAME = r"self\.metadata\.name"
_SIZE = re.compile(rf"{_NAME}\.size\(\) *(?P<less><=?) *(?P<bound>\d+)")
_MATCHES = re.compile(rf"{_NAME}\.matches\((?P<raw>r?)(?P<quote>['\"])(?P<text>(?:(?!(?P=quote)).)*)(?P=quote)\)")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def broken(schema: Mapping[str, Any], name: str) -> Iterator[str]:
    """What the rules at the top of a schema say against a name: the message of each, where it has one."""
    for each in schema.get("x-kubernetes-validations") or ():
        rule = each["rule"].strip()
        if not _holds(rule, name):
            yield each.get("message") or f"does not fit the CRD's rule {rule}"


def _holds(rule: str, name: str) -> bool:
    """Whether a rule holds; of one that is about anything else nobody knows, so it does."""
    parts = re.split(" +&& +", rule)
    if not all(_SIZE.fullmatch(part) or _MATCHES.fullmatch(part) for part in parts):
        return True
    return all(_is_short(part, name) and _is_like(part, name) for part in parts)


def _is_short(part: str, name: str) -> bool:
    found = _SIZE.fullmatch(part)
    return found is None or len(name) < int(found["bound"]) + (found["less"] == "<=")


def _is_like(part: str, name: str) -> bool:
    found = _MATCHES.fullmatch(part)
    if found is None:
        return True
    pattern = found["text"] if found["raw"] else _ESCAPED.sub(r"\1", found["text"])
    return not go_regexp.is_known(pattern) or re.search(pattern, name) is not None
