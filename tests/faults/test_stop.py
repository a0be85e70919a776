"""An operator that is asked to stop in the middle of much work."""

from __future__ import annotations

import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.e2e.harness import configmap, eventually, is_ready, make_kind
from tests.faults.aftermath import private_folders, temporary_files

if TYPE_CHECKING:
    from pathlib import Path

    from lab.bench.api import Api
    from tests.conftest import Start
    from tests.e2e.harness import Kubectl

BURST = 5_000
GOES_ON = 500
"""So many more are enough to see that it does; all 5,000 take a minute."""

GRACE = 30.0
"""Kubernetes' own terminationGracePeriodSeconds."""


@pytest.mark.timeout(600)
def test_stopped_during_a_burst(api: Api, kubectl: Kubectl, operator: Start, own_group: str, tmp_path: Path) -> None:
    settings = {"spec.text": "ConfigMap/config data.text"}
    kind = make_kind(tmp_path / "kinds", kubectl, configmap("config", text="base"), group=own_group, set=settings)
    path = f"apis/{kind.group}/v1/namespaces/{kubectl.namespace}/widgets"
    running = operator(NUVOP_KINDS=str(tmp_path / "kinds"))
    crs = [kind.cr(f"n{each}", text=f"of n{each}") for each in range(BURST)]
    burst = threading.Thread(target=api.create_all, args=(path, crs))

    def applied() -> int:
        return running.logs()[-1].count(": applied ConfigMap/")

    def told_and_made() -> tuple[set[str], set[str]]:
        """Whose status says Ready, and whose child is as it should be."""
        told = {body["metadata"]["name"] for body in kubectl.list(kind.plural) if is_ready(body)}
        made = [body for body in kubectl.list("configmaps") if "ownerReferences" in body["metadata"]]
        owners = [body["metadata"]["ownerReferences"][0]["name"] for body in made]
        assert [body["data"] for body in made] == [{"text": f"of {owner}"} for owner in owners]
        return told, set(owners)

    try:
        burst.start()
        eventually("it is in the middle", lambda: applied() >= 200)
        running.process.send_signal(signal.SIGTERM)
        begun = time.monotonic()
        assert running.process.wait(GRACE) == 0, running.log()[-4000:]
        print(f"stopped in {time.monotonic() - begun:.1f} s after {applied()} of {BURST}")
        assert not running.processes()
        assert not private_folders(running)
        assert not temporary_files(running)
        assert "Traceback" not in running.log()
        told, made = told_and_made()
        assert told <= made
        assert applied() <= len(made) < BURST

        burst.join()
        running.start()
        eventually("it goes on", lambda: applied() >= GOES_ON, within=120)
        eventually("it is told", lambda: len(told_and_made()[0]) >= len(made) + GOES_ON / 2, within=120)
        told, later = told_and_made()
        assert made | told <= later
        assert "Traceback" not in running.log()
        running.stop()
    finally:
        burst.join()
        kind.forget(kubectl)
    # Else the garbage collector is at the children, one by one, and has no time for the next test.
    kubectl("delete", "--raw", f"/api/v1/namespaces/{kubectl.namespace}/configmaps")
