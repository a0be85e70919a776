"""What tests ask of the machine that they run on, beyond what the others need."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lab.controlplane import locks, paths


def need(missing: str) -> None:
    """Skip where something is missing, with that one line; in a CI that is a failure: there all tests run."""
    if not missing:
        return
    if os.environ.get("CI"):
        pytest.fail(missing, pytrace=False)
    pytest.skip(missing)


@contextmanager
def as_node() -> Iterator[None]:
    """Be the one test of all that run now which makes this machine a real node: it can be one at most."""
    with locks.exclusive(paths.cache().parent / "node-tests.lock", waiting=lambda: None):
        yield
