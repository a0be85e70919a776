"""The benchmark itself, with nuvop and few custom resources, on a cluster."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lab import controlplane
from lab.controlplane.paths import PROJECT


@pytest.mark.e2e
def test_nuvop_with_five(tmp_path: Path) -> None:
    options = ["--n", "5", "--samples", "2", "--contestants", "nuvop", "--out", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "lab.bench", *options], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr

    (row,) = json.loads((tmp_path / "latest.json").read_text())
    assert (row["contestant"], row["n"]) == ("nuvop", 5)
    assert 0 < row["latency_p50"] <= row["latency_p95"] <= row["seconds"]
    assert row["cpu_seconds"] > 0
    assert row["peak_rss_mib"] > row["peak_anonymous_mib"] > 0
    assert row["requests"]["patch"] >= 5 * 4  # each of the four objects is applied
    assert row["restart_requests"] > 0
    assert 0 < row["create_p50"] <= row["create_p95"]
    assert row["change_p50"] > 0
    assert row["drift_p50"] > 0
    assert "bench-nuvop-5" not in [status.name for status in controlplane.status()]
