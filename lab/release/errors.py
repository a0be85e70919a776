"""Why nothing can be released."""

from __future__ import annotations


class ReleaseError(Exception):
    """One message that says what is wrong; it has no secret in it."""
