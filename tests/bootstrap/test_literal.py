"""The very command that the README shows, in a checkout whose path has a space."""

import os
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from tests.bootstrap.checkout import ROOT, Checkout
from tests.conftest import Start
from tests.e2e.harness import Kubectl, sample


@pytest.fixture
def with_nuvop(checkout: Checkout) -> Iterator[Checkout]:
    """The checkout with nuvop itself in the place of its stand-in, and with its kinds."""
    stand_in = checkout.root / "stand-in"
    (checkout.root / "nuvop").rename(stand_in)
    for name in ("nuvop", "kustomize"):
        # Where another test writes what it has compiled, files come and go.
        shutil.copytree(ROOT / name, checkout.root / name, ignore=shutil.ignore_patterns("__pycache__"))
    yield checkout
    for name in ("nuvop", "kustomize"):
        shutil.rmtree(checkout.root / name)
    stand_in.rename(checkout.root / "nuvop")


def test_poetry_run_kopf_run_handles_a_sample(with_nuvop: Checkout, kubectl: Kubectl, operator: Start) -> None:
    root = with_nuvop.root
    assert " " in str(root)
    # As after `export PATH="$PWD/.tools/bin:$PWD/.venv/bin:$PATH"`, which taskw prints.
    path = f"{root}/.tools/bin:{root}/.venv/bin:{os.environ['PATH']}"
    running = operator(
        root / ".tools/bin/poetry", "run", "kopf", "run", "-n", kubectl.namespace,
        directory=root, start=False, PATH=path, NUVOP_KINDS="",
    )  # fmt: skip
    running.start()
    kubectl.apply(sample("obj", 2))
    kubectl("wait", "--for=condition=Ready", "sam/obj", "--timeout=60s")
    assert (running.generated / "samples" / kubectl.namespace / "obj/deployment-demo-deploy.json").exists()


def test_a_script_of_ones_own_is_not_mixed_with_nuvops_kinds(with_nuvop: Checkout) -> None:
    script = with_nuvop.root / "mine.py"
    script.write_text("print('mine')\nraise SystemExit(3)\n")
    command = [str(with_nuvop.root / ".venv/bin/kopf"), "run", "-A", str(script)]
    no_kinds = {**os.environ, "NUVOP_KINDS": "/no/kinds/here"}  # nuvop would end with that before the script ran
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, env=no_kinds)
    assert (done.returncode, done.stdout.strip()) == (3, "mine")
