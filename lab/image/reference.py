"""The names that images can have. Pure."""

from __future__ import annotations

import re

_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_DOMAIN = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_TAG = r"[\w][\w.-]{0,127}"
_DIGEST = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
_REFERENCE = re.compile(rf"(?:{_DOMAIN}/)?{_COMPONENT}(?:/{_COMPONENT})*(?::{_TAG})?(?:@{_DIGEST})?", re.ASCII)
_SHORT_SHA256 = re.compile(r"@sha256:(?![0-9a-f]{64}\Z)")


def is_reference(text: str) -> bool:
    """Whether a text names an image, as container engines and kubelet read it.

    The grammar is that of https://pkg.go.dev/github.com/distribution/reference; a digest of sha256 has 64 digits.
    """
    return bool(_REFERENCE.fullmatch(text)) and not _SHORT_SHA256.search(text)
