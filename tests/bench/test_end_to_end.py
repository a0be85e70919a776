"""The benchmark itself, with nuvop and few custom resources, on a cluster."""

import json
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from lab import controlplane
from lab.bench import place
from lab.controlplane import paths, processes
from lab.controlplane.paths import PROJECT
from tests.e2e.harness import eventually


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


def _environments_with(text: str) -> list[str]:
    """The pids of processes that have the text in their environment."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has just ended, or is somebody else's
            if text.encode() in (entry / "environ").read_bytes():
                found.append(entry.name)
    return found


@pytest.mark.e2e
@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_benchmark_leaves_nothing_running(tmp_path: Path, ending: signal.Signals) -> None:
    log = tmp_path / "log"
    options = ["--n", "6", "--contestants", "nuvop", "--out", str(tmp_path)]
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, "-m", "lab.bench", *options], cwd=PROJECT, stderr=output)
    try:
        eventually(
            "nuvop runs", lambda: "nuvop, 6: started" in log.read_text() or process.poll() is not None, within=240
        )
        assert process.poll() is None, log.read_text()
    finally:
        process.send_signal(ending)
        process.wait(60)

    cluster = paths.CLUSTERS / "bench-nuvop-6"
    eventually("its cluster is gone", lambda: not cluster.exists() and not processes.of_cluster(cluster))
    folder = place.FILES / "bench-nuvop-6"
    eventually("nuvop has ended", lambda: not _environments_with(str(folder)))
    shutil.rmtree(folder, ignore_errors=True)  # after a SIGKILL the next run of that name would
