"""Values that the API server refuses, as nuvop knows without one; `tests/e2e/test_values.py` asks one."""

import pytest

from nuvop import manifests
from nuvop.manifests import Nature
from tests.values import REFUSED, TAKEN, Case


@pytest.mark.parametrize("case", TAKEN, ids=str)
def test_what_is_taken(case: Case) -> None:
    assert list(manifests.flaws(case.obj, "x")) == []


@pytest.mark.parametrize("case", REFUSED, ids=str)
def test_what_is_refused(case: Case) -> None:
    (flaw,) = manifests.flaws(case.obj, "x")
    assert flaw.message.startswith(case.told)
    assert flaw.nature in (Nature.VALUE, Nature.LACK)


def test_what_has_a_part_in_it_is_told_along() -> None:
    """Whoever sets the limit may mend it."""
    (case,) = [case for case in REFUSED if case.path.endswith("requests.cpu")]
    (flaw,) = manifests.flaws(case.obj, "x")
    box = ("spec", "template", "spec", "containers", 0)
    assert flaw.at == (*box, "resources", "requests", "cpu")
    assert flaw.about == (*box, "resources")


def test_a_secret_is_not_told() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "stringData": {"hunter 2": "hunter3"}}
    (flaw,) = manifests.flaws(secret, "x")
    assert "hunter" not in flaw.message
