"""How often trouble is said, and how long it is waited between attempts."""

import asyncio
import logging

import pytest

from nuvop import trouble as troubles
from nuvop.errors import ClusterUnreachable
from nuvop.trouble import Trouble


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(troubles, "RETRY_DELAYS", (0.01,))


async def test_trouble_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "nuvop")
    trouble = Trouble("looking")
    trouble.over()
    for error in ("away", "away", "busy", "busy"):
        await trouble.wait(ClusterUnreachable(error))
    trouble.over()
    trouble.over()
    assert [record.getMessage() for record in caplog.records] == [
        "looking: away; trying again until it works",
        "looking: busy; trying again until it works",
        "looking: works again",
    ]


async def test_trouble_that_comes_and_goes_is_said_now_and_then(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A watch that is cut after each event would fill the log."""
    caplog.set_level(logging.WARNING, "nuvop")
    trouble = Trouble("looking")
    for _ in range(10):
        for error in ("away", "busy", "away"):
            await trouble.wait(ClusterUnreachable(error))
        trouble.over()
    told = [
        "looking: away; trying again until it works",
        "looking: busy; trying again until it works",
        "looking: works again",
    ]
    assert [record.getMessage() for record in caplog.records] == told
    caplog.clear()
    monkeypatch.setattr(troubles, "SAY_AGAIN_AFTER", 0.0)
    for _ in range(2):
        await trouble.wait(ClusterUnreachable("away"))
    trouble.over()
    assert [record.getMessage() for record in caplog.records] == [told[0], told[2]]


@pytest.mark.parametrize(
    ("is_somebodys", "expected"), [(False, (1, 10, 100, 100, 100, 1)), (True, (1, 10, 100, 1000, 1000, 1))]
)
async def test_trouble_waits_longer_each_time_and_starts_over(
    monkeypatch: pytest.MonkeyPatch, is_somebodys: bool, expected: tuple[int, ...]
) -> None:
    monkeypatch.setattr(troubles, "RETRY_DELAYS", (1.0, 10.0, 100.0))
    monkeypatch.setattr(troubles, "SOMEBODYS_DELAYS", (1000.0,))
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    trouble = Trouble("looking")
    for _ in range(5):
        await trouble.wait(ClusterUnreachable("away"), is_somebodys=is_somebodys)
    trouble.over()
    await trouble.wait(ClusterUnreachable("away"), is_somebodys=is_somebodys)
    assert [round(seconds / about, 9) for seconds, about in zip(slept, expected, strict=True)] == [
        pytest.approx(1, abs=0.2) for _ in slept
    ]
    assert len(set(slept)) == len(slept), "many clients do not come back in step"
