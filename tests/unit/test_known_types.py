"""When kopf is made to look again for the types that there are."""

from typing import Any

import kopf
import pytest
from kopf._cogs.clients.errors import APIForbiddenError
from kopf._cogs.structs.references import Insights, Resource
from kopf._core.reactor import observation, running

from nuvop.crd import ResourceType
from nuvop.errors import ClusterError
from nuvop.known_types import KnownTypes

SAMPLES = ResourceType("nuvolaris.org", "v1", "Sample", "samples")


@pytest.fixture
def known() -> KnownTypes:
    return KnownTypes()


@pytest.fixture
def insights(known: KnownTypes, monkeypatch: pytest.MonkeyPatch) -> Insights:
    """What kopf's command is given to keep its list in."""
    given: list[Insights] = []

    def run(*, insights: Insights) -> None:
        given.append(insights)

    monkeypatch.setattr(running, "run", run)
    known.serve()
    running.run()
    return given[0]


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The groups that kopf has looked for."""
    looked: list[str] = []

    async def look(*, raw_event: Any, **_: Any) -> None:
        looked.append(raw_event["object"]["spec"]["group"])

    monkeypatch.setattr(observation, "process_discovered_resource_event", look)
    return looked


async def test_kopf_looks_for_what_it_does_not_know_once_it_has_looked_at_all(
    known: KnownTypes, insights: Insights, looked: list[str]
) -> None:
    settings = kopf.OperatorSettings()
    await known.see(settings, SAMPLES)
    assert looked == []
    insights.ready_resources.set()
    insights.watched_resources.add(Resource("nuvolaris.org", "v2", "samples"))
    await known.see(settings, SAMPLES)
    assert looked == ["nuvolaris.org"]
    insights.watched_resources.add(Resource("nuvolaris.org", "v1", "samples"))
    await known.see(settings, SAMPLES)
    assert looked == ["nuvolaris.org"]


async def test_a_refusal_is_an_error_of_the_cluster(
    known: KnownTypes, insights: Insights, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(**_: Any) -> None:
        raise APIForbiddenError("no", status=403, headers={})

    monkeypatch.setattr(observation, "process_discovered_resource_event", refused)
    insights.ready_resources.set()
    with pytest.raises(ClusterError, match=r"samples\.nuvolaris\.org: no"):
        await known.see(kopf.OperatorSettings(), SAMPLES)
