"""One checkout, set up for real once: by a taskw that is killed, then by two at the same time."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.bootstrap.checkout import Checkout, finish


@dataclass(frozen=True)
class SetUp:
    """A checkout that has its tools, and how it came to them."""

    checkout: Checkout
    left_by_killed: list[str]
    concurrent: list[subprocess.CompletedProcess[str]]


@pytest.fixture
def bare(tmp_path: Path) -> Checkout:
    """A checkout in which taskw never ran."""
    return Checkout.make(tmp_path)


@pytest.fixture(scope="session")
def set_up(tmp_path_factory: pytest.TempPathFactory) -> SetUp:
    checkout = Checkout.make(tmp_path_factory.mktemp("bootstrap"))
    kill_when(checkout.start(), lambda: any(checkout.tools.glob("new-*/bin/python")))
    left = sorted(entry.name for entry in checkout.tools.iterdir())
    both = [checkout.start("--version"), checkout.start("--version")]
    return SetUp(checkout, left, [finish(process) for process in both])


@pytest.fixture
def checkout(set_up: SetUp) -> Checkout:
    """A checkout in which everything is there."""
    return set_up.checkout


def kill_when(process: subprocess.Popen[str], condition: Callable[[], bool]) -> None:
    """Kill a taskw, and nothing of what it started, as soon as a condition holds."""
    end = time.monotonic() + 120
    while not condition():
        assert process.poll() is None, f"taskw ended before it could be killed: {process.communicate()}"
        assert time.monotonic() < end, "taskw did not come as far as this in 2 minutes"
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
