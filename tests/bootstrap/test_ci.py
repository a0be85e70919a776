""".ci/run: what it says last, and its exit code."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.bootstrap.checkout import ROOT


@pytest.mark.parametrize(
    ("counts", "code"), [("3 passed, 1 skipped in 0.10s", 0), ("1 failed, 2 passed in 61.10s (0:01:01)", 1)]
)
def test_ends_with_the_counts_of_pytest(tmp_path: Path, counts: str, code: int) -> None:
    run = ci(tmp_path, f'echo "===== {counts} ====="', f'test {code} = 0 || echo "task: Failed" >&2', f"exit {code}")
    assert run.stdout.splitlines()[-1] == f"===== {counts} ====="
    assert run.returncode == code


def test_fails_where_no_test_could_run(tmp_path: Path) -> None:
    assert ci(tmp_path, "echo lint fails", "exit 2").returncode == 2


def test_runs_taskw_test_in_the_project(tmp_path: Path) -> None:
    assert ci(tmp_path, 'echo "$PWD $*"').stdout.splitlines() == [f"{tmp_path} test"]


def ci(folder: Path, *taskw: str) -> subprocess.CompletedProcess[str]:
    """Run .ci/run with another taskw."""
    (folder / ".ci").mkdir()
    shutil.copy2(ROOT / ".ci" / "run", folder / ".ci")
    (folder / "taskw").write_text("\n".join(["#!/bin/sh", *taskw]))
    (folder / "taskw").chmod(0o755)
    return subprocess.run([folder / ".ci" / "run"], cwd="/", capture_output=True, text=True, check=False)
