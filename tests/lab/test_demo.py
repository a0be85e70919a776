"""The demo, for real: what it shows, how it fails, and what is left of it when it ends before its time."""

from __future__ import annotations

import re
import signal
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from lab.controlplane import locks
from lab.demo.shell import PROGRAMS
from tests.lab.checkout import Checkout, read_until, wait_until, without_escapes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# The first test may have to build the control plane.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

DEMO = "lab.demo"


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Checkout]:
    made = Checkout.make(tmp_path)
    yield made
    assert not made.processes()
    assert (made.home / ".kube" / "config").read_text() == "the user's own"
    assert [path.name for path in made.home.rglob("*")] == [".kube", "config"]


def in_order(output: str, *expected: str) -> None:
    """Each text is in the output, after the one before it."""
    position = 0
    for text in expected:
        found = output.find(text, position)
        assert found >= 0, f"no {text!r} after {output[:position][-200:]!r} in:\n{output}"
        position = found + len(text)


def test_shows_the_life_of_a_sample(checkout: Checkout, tmp_path: Path) -> None:
    kubeconfig = tmp_path / "other"
    kubeconfig.write_text("the user's other")
    # Settings that concern other clusters, and would lead the operator there.
    elsewhere = {
        "KUBECONFIG": str(kubeconfig),
        "KUBERNETES_SERVICE_HOST": "192.0.2.1",
        "NUVOP_SERVICE_ACCOUNT": str(service_account(tmp_path)),
        "NUVOP_GENERATED": str(tmp_path / "generated"),
        "HTTPS_PROXY": "http://127.0.0.1:1",
    }
    code, output = checkout.run(DEMO, **elsewhere)
    assert code == 0, output
    in_order(
        output,
        "1/9",
        "Server Version: v1.36.",
        "2/9",
        "samples.nuvolaris.org created",
        "3/9",
        "$ poetry run kopf run -n demo",
        "logged in to https://127.0.0.1:",
        "4/9",
        "$ kubectl apply -f kustomize/samples/examples/obj.yaml",
        "condition met",
        "5/9",
        "$ cat generated/samples/demo/obj/deployment-demo-deploy.json",
        '"path": "/spec/replicas",\n      "value": 2\n',
        "6/9",
        "deployment.apps/obj-demo-deploy   2/2",
        "7/9",
        "condition met",
        '"path": "/spec/replicas",\n      "value": 3\n',
        "8/9",
        "$ kubectl -n demo scale deploy/obj-demo-deploy --replicas 5",
        "spec.replicas was changed by kubectl",
        "9/9",
        "No resources found in demo namespace.",
        "generated/samples/demo/obj'",  # whatever language ls speaks
        "Clean up",
        "What to try next",
    )
    assert re.search(r"^  obj +2 +True +Deployment/obj-demo-deploy is ready", output, re.MULTILINE)
    assert re.search(r"^  obj-demo-deploy +./5", output, re.MULTILINE)
    assert "\x1b" not in output
    assert checkout.clusters() == []
    assert kubeconfig.read_text() == "the user's other"


def service_account(parent: Path) -> Path:
    folder = parent / "account"
    folder.mkdir()
    for name, text in {"token": "t", "namespace": "n", "ca.crt": "c"}.items():
        (folder / name).write_text(text)
    return folder


def test_tells_why_the_operator_does_not_start(checkout: Checkout) -> None:
    with locks.exclusive(checkout.root / "generated" / ".nuvop.lock", waiting=lambda: None):
        code, output = checkout.run(DEMO)
    assert code == 1
    in_order(
        output,
        "3/9  Start the operator",
        "This step did not come true: 3/9  Start the operator",
        "expected: a running operator",
        "seen: it has ended, with exit code 1",
        f"the end of the operator's log, {checkout.root}/.lab/demo/operator.log:",
        "another nuvop writes its overlays",
        "Clean up",
    )
    assert "4/9" not in output
    assert "What to try next" not in output
    assert checkout.clusters() == []


def test_tells_why_the_sample_does_not_become_ready(checkout: Checkout) -> None:
    (checkout.root / "kustomize" / "samples" / "kind.yaml").write_text("set: [")
    code, output = checkout.run(DEMO)
    assert code == 1
    in_order(
        output,
        "This step did not come true: 4/9",
        "expected: Sample obj is Ready",
        "seen: it is Stalled",
        "kind.yaml",
        "the end of the operator's log",
        "kind.yaml",
        "Clean up",
    )
    assert checkout.clusters() == []


@pytest.mark.parametrize(
    ("number", "moment"),
    [
        (signal.SIGINT, "creating cluster demo"),
        (signal.SIGINT, "4/9"),
        (signal.SIGTERM, "3/9"),
        (signal.SIGKILL, "4/9"),
    ],
    ids=["SIGINT while the cluster starts", "SIGINT", "SIGTERM", "SIGKILL"],
)
def test_leaves_nothing_when_it_is_ended(checkout: Checkout, number: signal.Signals, moment: str) -> None:
    with checkout.start(DEMO) as process:
        read_until(process, moment)
        process.send_signal(number)
        process.send_signal(number)  # the impatient user's
        output, _ = process.communicate()
    if number == signal.SIGKILL:
        wait_until(lambda: not checkout.processes())
    else:
        assert process.returncode == 128 + number
        assert "interrupted; nothing is left running" in output
    assert checkout.processes() == []
    assert checkout.clusters() == []


@dataclass(frozen=True)
class User:
    """Somebody with a cluster of their own."""

    checkout: Checkout

    @property
    def kubeconfig(self) -> Path:
        return self.checkout.root / ".lab" / "clusters" / "user" / "kubeconfig"

    def kubectl(self, *arguments: str) -> str:
        return subprocess.run(
            [PROGRAMS / "kubectl", *arguments],
            env=self.checkout.environment(KUBECONFIG=str(self.kubeconfig), KUBECACHEDIR=str(self.checkout.root)),
            cwd=self.checkout.root,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    def run(self, answers: str) -> tuple[int, str]:
        return self.checkout.run_on_terminal(answers, *CURRENT, KUBECONFIG=str(self.kubeconfig))

    def has(self) -> set[str]:
        """Which of what the demo makes is in the cluster."""
        return {CRD, "namespace/demo"} & set(self.kubectl("get", "crd,namespaces", "--output=name").split())


CURRENT = (DEMO, "--cluster", "current")
CRD = "customresourcedefinition.apiextensions.k8s.io/samples.nuvolaris.org"


@pytest.fixture(scope="module")
def users_checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    made = Checkout.make(tmp_path_factory.mktemp("users"))
    code, output = made.run("lab.controlplane", "up", "user", "--nodes", "1")
    assert code == 0, output
    yield made
    made.run("lab.controlplane", "down", "user")
    assert [path.name for path in made.home.rglob("*")] == [".kube", "config"]


@pytest.fixture
def user(users_checkout: Checkout) -> Iterator[User]:
    user = User(users_checkout)
    user.kubectl("apply", "--filename=kustomize/samples/crd.yaml")
    before = user.kubeconfig.read_bytes()
    yield user
    assert user.kubeconfig.read_bytes() == before
    assert users_checkout.processes() == []
    assert not (users_checkout.root / ".lab" / "demo" / "kubeconfig").exists()
    user.kubectl("delete", "namespace", "demo", "--ignore-not-found")


def test_asks_before_it_uses_the_current_cluster(user: User) -> None:
    server = user.kubectl("config", "view", "--minify", "--output=jsonpath={.clusters[0].cluster.server}")
    code, output = user.checkout.run(*CURRENT, KUBECONFIG=str(user.kubeconfig))
    assert code == 1
    assert "no terminal" in output
    for answer in ("n\n", "\n", "\x04"):
        code, output = user.run(answer)
        assert code == 1
        assert server in output
        assert "Proceed? [y/N]" in output
        assert "1/9" not in output
    assert user.has() == {CRD}


def test_says_so_when_there_is_no_current_cluster(user: User) -> None:
    code, output = user.checkout.run_on_terminal("y\n", *CURRENT, KUBECONFIG="/nonexistent")
    assert code == 1
    assert "kubectl has no current context" in output


def test_plays_on_the_current_cluster(user: User) -> None:
    code, shown = user.run("y\n")
    output = without_escapes(shown)
    assert code == 0, output
    in_order(output, "Proceed?", *[f"\n{step}/9  " for step in range(1, 10)], "Clean up", "What to try next")
    assert shown != output, "no colours on a terminal"
    assert user.has() == {CRD}, "what was there stays, the rest goes"


def test_keeps_off_samples_that_are_there(user: User) -> None:
    user.kubectl("create", "namespace", "demo")
    user.kubectl("apply", "--filename=kustomize/samples/examples/image.yaml")
    code, output = user.run("y\n")
    assert code == 1
    assert "has Samples" in output
    assert "2/9" not in output
    assert "pinned" in user.kubectl("get", "samples", "--namespace=demo")


def test_removes_what_it_made_in_the_current_cluster_when_it_is_killed(user: User) -> None:
    user.kubectl("delete", CRD)
    user.kubectl("create", "namespace", "demo")
    variables = {"KUBECONFIG": str(user.kubeconfig), "NO_COLOR": "1"}
    with user.checkout.on_terminal("y\n", *CURRENT, **variables) as terminal:
        assert "\x1b" not in terminal.read_until("5/9")
        terminal.process.kill()
    wait_until(lambda: not user.checkout.processes())
    assert user.has() == {"namespace/demo"}
