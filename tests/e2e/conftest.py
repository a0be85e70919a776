import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from lab.controlplane import Cluster
from tests.e2e.harness import PROGRAMS, Kubectl, TestKind, environment, make_kind

Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]
Make = Callable[..., TestKind]


@pytest.fixture
def widgets(kubectl: Kubectl, tmp_path: Path) -> Iterator[Make]:
    """Makes the test's kind, which is all that there is in the folder ``kinds``."""
    with ExitStack() as ending:

        def make(*manifests: dict[str, Any], **fields: Any) -> TestKind:
            kind = make_kind(tmp_path / "kinds", kubectl, *manifests, **fields)
            ending.callback(kind.forget, kubectl)
            return kind

        yield make


@pytest.fixture
def nuvop(cluster: Cluster, tmp_path: Path) -> Run:
    """Runs a command of nuvop's, with the kinds in ``kinds`` unless it is said otherwise."""
    home = tmp_path / "command"
    home.mkdir()

    def run(command: str, *arguments: str | Path, stdin: str = "", **variables: str) -> Done:
        return subprocess.run(
            [PROGRAMS / "nuvop", command, *arguments],
            env=environment(cluster, home / "generated", **{"NUVOP_KINDS": str(tmp_path / "kinds"), **variables}),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )

    return run
