"""What an operator tells of CRDs that are missing."""

import asyncio
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nuvop import crd, kind_folder, operator
from nuvop.crd import ResourceType
from nuvop.errors import ClusterUnreachable
from nuvop.login import Credentials
from nuvop.operator import Operator
from nuvop.rights import in_pod
from nuvop.settings import Settings
from tests.unit.test_kinds import SAMPLES

LOOKS = 8


@pytest.mark.parametrize(
    ("token", "typed"),
    [
        ("/account/token", "kubectl exec -n ops pod-1 -- cat /share/kinds/samples/crd.yaml | kubectl apply -f -"),
        ("/elsewhere/token", "kubectl apply -f kinds/samples/crd.yaml"),
    ],
)
def test_what_installs_a_crd_that_is_missing(monkeypatch: pytest.MonkeyPatch, token: str, typed: str) -> None:
    """Who reads the log of a pod does not have its folders."""
    monkeypatch.setattr("socket.gethostname", lambda: "pod-1")
    monkeypatch.setattr("os.path.relpath", lambda path: str(path).removeprefix("/share/"))
    settings = Settings((), Path("/generated"), Path("/account"), None, 50)
    credentials = Credentials("source", "https://server", "ops", token_file=Path(token))
    type_ = crd.resource_type(SAMPLES, kind_folder.read(SAMPLES))
    folder, pod = Path("/share/kinds/samples"), in_pod(settings, credentials)
    told = operator._how_to_install(folder, type_, pod, [])
    assert told == f"CRD samples.nuvolaris.org is not installed (`{typed}`)"
    told = operator._how_to_install(folder, type_, pod, ["v2", "v1beta1"])
    assert told == f"CRD samples.nuvolaris.org in the cluster has v2, v1beta1 and not v1 (`{typed}`)"


@pytest.mark.usefixtures("impatient")
async def test_what_looks_meet_now_and_then_is_told_once_a_minute(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a bad day one of a few requests fails, and there is a look every few seconds."""
    caplog.set_level(logging.WARNING, "nuvop")
    monkeypatch.setattr(operator, "LOOK_FOR_TYPES_EVERY", 0.0)
    asked, enough = 0, asyncio.Event()

    async def discover(*_: str, anew: bool) -> None:
        nonlocal asked
        asked += 1
        if asked % 2:
            raise ClusterUnreachable("away")

    async def see(_: ResourceType) -> None:
        if asked >= 2 * LOOKS:
            enough.set()

    made: Any = Operator(Settings((), Path("/generated"), Path("/account"), None, 50), SimpleNamespace())  # type: ignore[arg-type]  # it is not asked
    made.cluster = SimpleNamespace(discover=discover)
    made._credentials = Credentials("source", "https://server", "ops")
    made._catalog = SimpleNamespace(types=[(SAMPLES, crd.resource_type(SAMPLES, kind_folder.read(SAMPLES)))])
    looking = asyncio.create_task(made._keep_looking_for_types(see))
    await asyncio.wait_for(enough.wait(), 10)
    looking.cancel()
    assert [record.getMessage() for record in caplog.records] == [
        "asking what is served: away; trying again until it works",
        "asking what is served: works again",
    ]
