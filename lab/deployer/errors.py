"""Why something cannot be deployed or undeployed."""

from __future__ import annotations


class DeployError(Exception):
    """One message that says what is in the way, and what to do."""
