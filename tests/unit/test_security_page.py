"""docs/security.md names the tests that show what it says."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMED = re.findall(r"`(\w+/\w+\.py)?(?:::(test_\w+)(…)?)?`", (ROOT / "docs/security.md").read_text())


def claims() -> list[tuple[str, str]]:
    """Files and the beginnings of tests' names; a test without a file is in the one that was named before it."""
    found, file = [], ""
    for path, test, cut in NAMED:
        file = path or file
        if path or test:
            found.append((file, f"def {test}" + ("" if cut or not test else "(")))
    return list(dict.fromkeys(found))


def test_there_are_claims() -> None:
    assert len(claims()) > 30


@pytest.mark.parametrize(("file", "test"), claims(), ids=str)
def test_the_tests_that_it_names_are_there(file: str, test: str) -> None:
    assert test in (ROOT / "tests" / file).read_text()
