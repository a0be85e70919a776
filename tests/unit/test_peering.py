"""What is in the way of taking part in a peering."""

from collections.abc import Sequence
from typing import Any, cast

import pytest

from nuvop import peering
from nuvop.cluster import ApiResource, Cluster
from nuvop.errors import NotServed
from nuvop.rbac import EVERYWHERE, Right


class FakeCluster:
    def __init__(self, *there: tuple[str, str], refused: str = "", is_served: bool = True) -> None:
        self.there, self.refused, self.is_served = there, refused, is_served
        self.asked: list[Right] = []

    async def discover(self, api_version: str, kind: str, *, anew: bool) -> ApiResource:
        if not self.is_served:
            raise NotServed("no")
        return ApiResource("kopf.dev", "v1", f"{kind.lower()}s", kind)

    async def may(self, right: Right) -> bool:
        self.asked.append(right)
        return right.verb != self.refused

    async def list(self, resource: ApiResource, namespace: str | None) -> list[dict[str, Any]]:
        return [{"metadata": {"name": name}} for place, name in self.there if namespace in (None, place)]


async def obstacle(cluster: FakeCluster, *places: str, cluster_wide: bool = False) -> str:
    return await peering.obstacle(cast("Cluster", cluster), "mine", places, cluster_wide=cluster_wide)


@pytest.mark.parametrize(
    ("there", "places", "cluster_wide", "told"),
    [
        ([("a", "mine"), ("b", "mine")], ["a", "b"], False, ""),
        ([("a", "mine")], ["a", "b"], False, "there is no KopfPeering mine in b"),
        ([("a", "other")], ["a"], False, "there is no KopfPeering mine in a"),
        ([("", "mine")], [EVERYWHERE], True, ""),
        ([("", "other")], [EVERYWHERE], True, "there is no ClusterKopfPeering mine"),
        ([("a", "mine")], [EVERYWHERE], False, ""),
    ],
)
async def test_the_object_has_to_be_there(
    there: Sequence[tuple[str, str]], places: list[str], cluster_wide: bool, told: str
) -> None:
    assert await obstacle(FakeCluster(*there), *places, cluster_wide=cluster_wide) == told


async def test_its_crd_has_to_be_installed() -> None:
    assert await obstacle(FakeCluster(is_served=False), "a") == "there is no CRD kopfpeerings.kopf.dev"


@pytest.mark.parametrize(
    ("verb", "told"),
    [
        ("watch", "it has no right to watch kopfpeerings.kopf.dev in a"),
        ("patch", "it has no right to patch kopfpeerings.kopf.dev mine in a"),
    ],
)
async def test_the_rights_have_to_be_there(verb: str, told: str) -> None:
    assert await obstacle(FakeCluster(("a", "mine"), refused=verb), "a") == told


def test_a_priority_by_chance_is_below_every_one_that_is_given() -> None:
    found = {peering.unnamed_priority() for _ in range(20)}
    assert len(found) > 15
    assert max(found) < 0
