"""Anything in any order, against a model of what must hold: a few rounds in CI, hours with `task soak`."""

from __future__ import annotations

import os
import random
import time
from typing import TYPE_CHECKING

import pytest

from tests.faults.history import History
from tests.faults.model import Model
from tests.faults.play import Play, write

if TYPE_CHECKING:
    from pathlib import Path

    from lab.controlplane import Cluster
    from tests.conftest import Start
    from tests.faults.proxy import Proxy
    from tests.faults.workload import Workload

MINUTES = float(os.environ.get("NUVOP_SOAK_MINUTES") or 0)
ROUNDS, SEED = 14, 6065
"""How many rounds there are where no time is given, and of which seed: its few rounds have every kind of step, and what
the guard holds back is let through."""


@pytest.mark.timeout(MINUTES * 60 + 300)
def test_anything_in_any_order(
    cluster: Cluster, workload: Workload, proxy: Proxy, operator: Start, kubeconfig: Path, tmp_path: Path
) -> None:
    seed = int(os.environ.get("NUVOP_SEED") or (random.randrange(10**6) if MINUTES else SEED))
    print(f"\nseed {seed}: NUVOP_SEED={seed} does the same again", flush=True)
    rng, model = random.Random(seed), Model()
    write(workload.kind, model.folder)
    running = operator(KUBECONFIG=str(kubeconfig), NUVOP_KINDS=str(tmp_path / "kinds"))
    begun, number = time.monotonic(), 0
    with History(cluster, workload.paths).recording() as history:
        play = Play(model, cluster, workload.kubectl, workload.kind, running, proxy, history)
        while time.monotonic() < begun + MINUTES * 60 if MINUTES else number < ROUNDS:
            number += 1
            drawn = model.draw(rng)
            print(f"{time.monotonic() - begun:7.1f} s  round {number}: {', '.join(map(str, drawn))}", flush=True)
            play.round(drawn)
    print(f"{number} rounds, injected: {dict(proxy.injected)}", flush=True)
