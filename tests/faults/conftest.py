"""A workload, an operator that reaches the API server through the proxy, and a history of all they do."""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from lab.bench.api import Api
from tests.conftest import INJECTED
from tests.e2e.harness import SHARED_GROUP
from tests.faults.account import Account
from tests.faults.aftermath import assert_no_leak, assert_told_once, descriptors
from tests.faults.history import History
from tests.faults.proxy import Proxy
from tests.faults.truth import assert_nothing_wrong
from tests.faults.unruly import Unruly
from tests.faults.workload import Workload, child_name, make_workload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lab.controlplane import Cluster
    from tests.conftest import Start
    from tests.e2e.harness import Kubectl, Operator


@pytest.fixture
def group() -> str:
    """The API group of the workload's kind; `parametrize` gives another where the CRD is not to be shared."""
    return SHARED_GROUP


@pytest.fixture
def workload(kubectl: Kubectl, group: str, tmp_path: Path) -> Iterator[Workload]:
    made = make_workload(tmp_path / "kinds", kubectl, group)
    yield made
    made.kind.forget(kubectl)


@pytest.fixture
def proxy(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Proxy]:
    with Proxy(cluster).serving() as serving:
        yield serving
    request.config.stash[INJECTED].update(serving.injected)


@pytest.fixture
def history(cluster: Cluster, workload: Workload) -> Iterator[History]:
    with History(cluster, workload.paths).recording() as recording:
        yield recording


@pytest.fixture
def account(kubectl: Kubectl) -> Iterator[Account]:
    """Whom the operator logs in as; it may do everything."""
    made = Account(replace(kubectl, namespace="default"), f"operator-{kubectl.namespace}")
    made.create()
    made.allow()
    yield made
    made.forbid()
    made.delete()


@pytest.fixture
def api(cluster: Cluster, account: Account) -> Iterator[Api]:
    """Connections that make many objects soon."""
    server = urlsplit(cluster.server)
    authority = (cluster.pki / "ca.crt").read_text()
    with closing(Api(str(server.hostname), server.port or 443, authority, account.token())) as connected:
        yield connected


@pytest.fixture
def kubeconfig(account: Account, proxy: Proxy, tmp_path: Path) -> Path:
    """The operator's kubeconfig: the proxy's URL, and a token of the account's."""
    file = tmp_path / "kubeconfig"
    account.write_kubeconfig(file, proxy.url)
    return file


@pytest.fixture
def unruly(tmp_path: Path) -> Unruly:
    return Unruly(tmp_path / "bin")


@dataclass(frozen=True)
class Scene:
    """An operator at work, and what a test does to it."""

    workload: Workload
    proxy: Proxy
    history: History
    start: Callable[..., Operator]
    """Makes an operator that serves the workload's kind through the proxy."""

    def begin(self) -> tuple[Operator, list[str]]:
        """An operator whose workload is at rest, and what it has open then."""
        running = self.start()
        return running, self.settle(running)

    def settle(self, operator: Operator) -> list[str]:
        """A workload at rest beside objects that are none of nuvop's; returns what the operator has open then."""
        self.workload.put("a", "b", "c")
        self.workload.converges()
        self.workload.add_bystanders("a")
        return descriptors(operator)

    def stir(self) -> None:
        """Everything that users do, at once: create, change, scale, drift, delete."""
        self.workload.put("d", "e")
        self.workload.put("a", text="changed", count=2)
        self.workload.kubectl("scale", "deployment/b-web", "--replicas=3")
        self.workload.kubectl("delete", "configmap/b-config", "--wait=false")
        self.workload.remove("c")

    def stir_again(self, turn: int) -> None:
        """Everything that users do, at once, and in each turn (1, 2, …) something new of it."""
        self.workload.put(f"new{turn}")
        self.workload.put("a", text=f"changed in turn {turn}", count=1 + turn % 2)
        # Each time another's: the same one would be fought over.
        drifting = f"new{turn - 1}" if turn > 1 else "b"
        scaled = self.workload.kubectl.run("scale", f"deployment/{child_name(drifting, 'Deployment')}", "--replicas=3")
        # What is not there yet cannot be changed.
        assert scaled.returncode == 0 or "not found" in scaled.stderr, scaled.stderr
        config = f"configmap/{child_name(drifting, 'ConfigMap')}"
        self.workload.kubectl("delete", config, "--wait=false", "--ignore-not-found")
        if (before := f"new{turn - 2}") in self.workload.wanted:
            self.workload.remove(before)

    def check(self, operator: Operator, before: list[str]) -> None:
        """All that must hold once a fault is over."""
        self.workload.converges()
        assert operator.process.poll() is None, "the operator has ended"
        assert_no_leak(operator, before)
        self.workload.is_seen_by(self.history)
        assert_nothing_wrong(self.history.versions(), self.history.gaps)
        for log in operator.logs():
            assert_told_once(log)

    @contextmanager
    def operator(self, *command: str | Path, **variables: str) -> Iterator[Operator]:
        """One that has settled, and is checked after the block."""
        running = self.start(*command, **variables)
        before = self.settle(running)
        yield running
        self.check(running, before)


@pytest.fixture
def scene(
    workload: Workload, proxy: Proxy, history: History, operator: Start, kubeconfig: Path, tmp_path: Path
) -> Scene:
    def start(*command: str | Path, **variables: str) -> Operator:
        return operator(*command, KUBECONFIG=str(kubeconfig), NUVOP_KINDS=str(tmp_path / "kinds"), **variables)

    return Scene(workload, proxy, history, start)
