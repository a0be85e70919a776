"""The API server refuses what nuvop says that it refuses, and takes the rest, as nuvop applies it."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.harness import Kubectl
from tests.values import REFUSED, TAKEN, Case

pytestmark = pytest.mark.e2e


def test_it_is_as_the_table_says(kubectl: Kubectl) -> None:
    def is_taken(case: Case) -> bool:
        done = kubectl.run(
            *("apply", "--server-side", "--dry-run=server", "--validate=false", "-f", "-"), stdin=json.dumps(case.obj)
        )
        assert done.returncode == 0 or "invalid" in done.stderr or "Error from server" in done.stderr, done.stderr
        return done.returncode == 0

    with ThreadPoolExecutor(2) as threads:
        answers = dict(zip(map(str, [*TAKEN, *REFUSED]), threads.map(is_taken, [*TAKEN, *REFUSED]), strict=True))
    assert [name for name, taken in answers.items() if taken] == list(map(str, TAKEN))
