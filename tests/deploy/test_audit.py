"""What `task audit` makes of pip-audit's reports; the database itself is on the Internet."""

from typing import Any

import pytest

from lab.audit import UNKNOWN, answered, verdict


def package(name: str, *bugs: str, **more: Any) -> dict[str, Any]:
    vulns = [{"id": bug, "fix_versions": ["2.0"] if bug != "UNMENDED" else []} for bug in bugs]
    return {"name": name, "version": "1.0", "vulns": vulns, **more}


@pytest.mark.parametrize(
    ("packages", "code", "said"),
    [
        ([package("a"), package("b")], 0, ["2 packages asked for, 0 known vulnerabilities"]),
        (
            [package("a", "PYSEC-1", "UNMENDED")],
            1,
            ["a 1.0: PYSEC-1, mended in 2.0", "a 1.0: UNMENDED, mended in no version yet"],
        ),
        (
            [package("a"), {"name": "b", "skip_reason": "not found on PyPI"}],
            UNKNOWN,
            ["1 could not be asked for, so nothing is known of them: b"],
        ),
        ([package("a", "PYSEC-1"), {"name": "b", "skip_reason": "x"}], 1, ["1 could not be asked for"]),
    ],
)
def test_what_is_told(packages: list[dict[str, Any]], code: int, said: list[str]) -> None:
    found, lines = verdict({"dependencies": packages})
    assert found == code
    for text in said:
        assert any(line.startswith(text) for line in lines)


@pytest.mark.parametrize(
    ("errors", "why"), [("Traceback\n  …\nno route to host\n", "no route to host"), ("", "no word")]
)
def test_a_database_that_cannot_be_asked_is_told(errors: str, why: str) -> None:
    assert answered("", errors) == (UNKNOWN, [f"the database cannot be asked, so nothing is known: {why}"])
    assert answered('{"dependencies": []}', errors)[0] == 0
