"""What tests ask of the machine that they run on, beyond what the others need."""

import os

import pytest


def need(missing: str) -> None:
    """Skip where something is missing, with that one line; in a CI that is a failure: there all tests run."""
    if not missing:
        return
    if os.environ.get("CI"):
        pytest.fail(missing, pytrace=False)
    pytest.skip(missing)
