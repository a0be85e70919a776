"""What a plan says where the API server cannot be asked; all else is in tests/e2e."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from nuvop.cluster import ApiResource
from nuvop.errors import ClusterError, Forbidden, NotFound, NotServed
from nuvop.objects import Body
from nuvop.planner import Planner
from tests.unit.world import make_kind, manifest

KIND = make_kind(manifest("a"))
RESOURCE = ApiResource("nuvolaris.org", "v1", "samples", "Sample")


class Bare:
    """An API server without the CRD, or without any custom resource, nor any namespace."""

    def __init__(self, *, has_crd: bool = True, answer: ClusterError | None = None) -> None:
        self._has_crd = has_crd
        self._answer = answer

    async def discover(self, *_: Any) -> ApiResource:
        if not self._has_crd:
            raise NotServed("no Sample")
        return RESOURCE

    async def get(self, *_: Any) -> Body:
        if self._answer is not None:
            raise self._answer
        return {}

    async def list(self, *_: Any, **__: Any) -> list[Body]:
        return []

    async def try_out(self, *_: Any) -> Body:
        raise NotFound('namespaces "demo" not found (404)')


def planner(cluster: Bare) -> Planner:
    bench = SimpleNamespace(kubectl=None, generated=Path("generated"))
    return Planner(cast("Any", bench), cast("Any", cluster))


def sample(count: Any) -> Body:
    metadata = {"name": "obj", "namespace": "demo"}
    return {"apiVersion": "nuvolaris.org/v1", "kind": "Sample", "metadata": metadata, "spec": {"count": count}}


@pytest.mark.parametrize("has_crd", [True, False])
async def test_what_would_be_refused_is_told_before_the_namespace_or_the_crd_is_there(has_crd: bool) -> None:
    asked = planner(Bare(has_crd=has_crd, answer=NotFound("there is no obj")))
    wanted = await asked._once_applied(KIND, sample("many"))
    assert (wanted.cr, wanted.refused) == (None, "spec.count: 'many' is not of type 'integer'")
    wanted = await asked._once_applied(KIND, sample(1))
    assert wanted.cr is not None
    assert wanted.notes


async def test_a_namespace_that_is_not_there_is_no_empty_one() -> None:
    with pytest.raises(NotFound, match=r"^namespace nowhere does not exist$"):
        await planner(Bare(answer=NotFound('namespaces "nowhere" not found'))).of_kind(KIND, "nowhere")


@pytest.mark.parametrize("answer", [None, Forbidden("may not get namespaces")])
async def test_an_empty_namespace_has_nothing_to_change(answer: ClusterError | None) -> None:
    assert (await planner(Bare(answer=answer)).of_kind(KIND, "demo")).plans == ()
