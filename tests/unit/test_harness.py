"""How the end-to-end tests wait."""

import itertools

import pytest

from tests.e2e.harness import eventually
from tests.e2e.reads import Refused


def test_a_refusal_that_passes_ends_no_wait() -> None:
    answers = itertools.count()

    def look() -> int:
        if (count := next(answers)) == 0:
            raise Refused("widgets are gone")
        return count

    assert eventually("it is there", look) == 1


def test_a_refusal_that_stays_is_told() -> None:
    def look() -> bool:
        raise Refused("widgets are gone")

    with pytest.raises(AssertionError, match=r"not within 0 s: it is there; last: Refused\('widgets are gone'\)"):
        eventually("it is there", look, within=0)


def test_what_a_check_itself_finds_wrong_ends_the_wait() -> None:
    def look() -> bool:
        raise AssertionError("the operator has ended")

    with pytest.raises(AssertionError, match=r"^the operator has ended$"):
        eventually("it is there", look)
