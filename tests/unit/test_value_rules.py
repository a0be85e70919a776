"""Values that the API server refuses, as nuvop knows without one; `tests/e2e/test_values.py` asks one."""

from collections.abc import Iterator
from typing import Any

import pytest

from nuvop import manifests
from nuvop.fields import Json, Pointer
from nuvop.manifests import Nature
from tests.values import OBJECTS, REFUSED, TAKEN, Case


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


@pytest.mark.parametrize("cidr", ["10.1.2.3/8", "010.0.0.0/08", "10.00.0.0/8", "::ffff:10.0.0.0/104", "2001:DB8::1/32"])
def test_what_an_older_api_server_takes_is_no_flaw(cidr: str) -> None:
    """Kubernetes 1.36 refuses most of these unless its settings say otherwise."""
    assert (
        list(manifests.flaws(Case("NetworkPolicy", "spec.ingress.0.from", [{"ipBlock": {"cidr": cidr}}]).obj, "x"))
        == []
    )


def test_a_secret_is_not_told() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "stringData": {"hunter 2": "hunter3"}}
    (flaw,) = manifests.flaws(secret, "x")
    assert "hunter" not in flaw.message


def ways(value: Json, at: Pointer = ()) -> Iterator[Pointer]:
    yield at
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, below in members:
        yield from ways(below, (*at, name))


@pytest.mark.parametrize("kind", OBJECTS)
@pytest.mark.parametrize("odd", [5, "x", ["a"], [None], [{"name": ["a"]}], {"a": None}], ids=str)
def test_what_is_of_another_type_does_not_end_a_check(kind: str, odd: Any) -> None:
    for at in ways(OBJECTS[kind]):
        if len(at) > 1 and at != ("metadata", "name"):
            path = ".".join(str(name).replace(".", r"\.") for name in at)
            list(manifests.flaws(Case(kind, path, odd).obj, "x"))


def test_a_list_with_a_gap_is_counted_as_it_stands() -> None:
    ports = [None, {"name": "a", "port": 80}, {"port": 81}, {"name": "a", "port": 82}]
    told = [(flaw.at, flaw.message) for flaw in manifests.flaws(Case("Service", "spec.ports", ports).obj, "x")]
    assert [at for at, message in told if "name is missing" in message] == [("spec", "ports", 2)]
    assert [at for at, message in told if "stands there twice" in message] == [("spec", "ports", 3, "name")]
