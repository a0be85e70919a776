import os
import shutil
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from lab import controlplane, helm
from lab.controlplane import build, node
from tests.e2e.harness import PROGRAMS, ROOT, Kubectl, Operator, artifacts, environment

settings.register_profile("nuvop", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
settings.load_profile("nuvop")
"""How long an example takes says more of the machine than of nuvop, and one run must not fail where another has not."""

ARTIFACTS = ROOT / "test-artifacts"

PURE = {"unit", "golden"}
"""Folders whose tests need no cluster."""

REAL = {"realnode", "test_tutorial_in_the_cluster.py"}
"""What needs a real node, too."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever needs the cluster is end to end."""
    for item in items:
        if "cluster" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.e2e)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Build what the lab needs before the clock of the first test runs: cold, that takes longer than any may."""
    needs_a_lab = any(PURE.isdisjoint(item.path.parts) for item in session.items)
    needs_a_node = any(not REAL.isdisjoint(item.path.parts) for item in session.items) and not node.obstacle()
    needs_helm = any("chart" in item.path.parts for item in session.items)
    if needs_a_lab and not session.config.option.collectonly:
        with session.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
            build.ensure()
            if needs_a_node:
                build.ensure(build.NODE)
            if needs_helm:
                helm.program()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call":
        # Each subtest has a report of its own, before the test's.
        item.stash[FAILED] = report.failed or item.stash.get(FAILED, False)
    return report


FAILED = pytest.StashKey[bool]()

LINES = 60
"""How much of an operator's log a failure shows; where the tests ran, the files may be gone."""


INJECTED = pytest.StashKey[Counter[str]]()
"""How many requests met which fault."""


def pytest_configure(config: pytest.Config) -> None:
    """Nothing has been injected yet."""
    config.stash[INJECTED] = Counter[str]()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand what was injected over to the process that gathers what its workers have done."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    injected = session.config.stash[INJECTED]
    if output is not None:
        output["injected"] = dict(injected)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take in what a worker has injected; one that has crashed tells nothing."""
    node.config.stash[INJECTED].update(getattr(node, "workeroutput", {}).get("injected", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say how many requests met which fault."""
    if injected := config.stash[INJECTED]:
        told = ", ".join(f"{what} {count}" for what, count in sorted(injected.items()))
        terminalreporter.write_line(f"requests that met a fault: {told}; {injected.total()} in all")


@pytest.fixture(scope="session")
def cluster() -> Iterator[controlplane.Cluster]:
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    name = os.environ.get("NUVOP_TEST_CLUSTER", "e2e") + (f"-{worker}" if worker else "")
    controlplane.down(name)
    cluster = controlplane.up(name)
    Kubectl(cluster.kubeconfig, "default")("apply", "-k", str(ROOT / "kustomize"))
    yield cluster
    controlplane.down(name)


@pytest.fixture
def namespace(request: pytest.FixtureRequest) -> str:
    """A namespace's name that no other test has."""
    return f"t{abs(hash(request.node.nodeid)) % 10**10}"


@pytest.fixture
def kubectl(cluster: controlplane.Cluster, namespace: str) -> Iterator[Kubectl]:
    kubectl = Kubectl(cluster.kubeconfig, namespace)
    kubectl("create", "namespace", namespace)
    yield kubectl
    kubectl("delete", "namespace", namespace, "--wait=false")


@pytest.fixture
def own_group(namespace: str) -> str:
    """An API group that no other test has."""
    return f"{namespace}.example.org"


def artifacts_of(test: pytest.Item) -> Path:
    """What a test leaves to look at goes there, and that of no other test, which may run at the same time."""
    return ARTIFACTS / test.nodeid.removeprefix("tests/").replace("::", "-").replace("/", "_")


Start = Callable[..., Operator]


@pytest.fixture
def operator(
    request: pytest.FixtureRequest, cluster: controlplane.Cluster, kubectl: Kubectl, tmp_path: Path
) -> Iterator[Start]:
    """Makes operators, which are stopped after the test. Their logs are kept where the test failed."""
    folder = artifacts_of(request.node)
    shutil.rmtree(folder, ignore_errors=True)
    made: list[Operator] = []

    def make(*command: str | Path, start: bool = True, directory: Path = ROOT, **variables: str) -> Operator:
        home = tmp_path / f"operator{len(made)}"
        home.mkdir()
        operator = Operator(
            command or (PROGRAMS / "kopf", "run", "-n", kubectl.namespace),
            environment(cluster, home / "generated", **variables),
            folder / f"operator{len(made)}.log",
            home / "generated",
            directory,
        )
        made.append(operator)
        return operator.start() if start else operator

    with artifacts(folder, kubectl):
        yield make
        running = [operator for operator in made if hasattr(operator, "process")]
        alive = [operator for operator in running if operator.process.poll() is None]
        codes = [operator.stop() for operator in alive]
        left = [command for operator in running for command in operator.processes()]
    assert not left, f"left running: {left}"
    assert not any(codes), f"operators that were asked to stop ended with {codes}"
    if request.node.stash.get(FAILED, True):
        print(f"\nthe operator's log and the events are in {folder}")
        for operator in made:
            print(f"--- the end of {operator.log_file.name}:", *operator.log().splitlines()[-LINES:], sep="\n")
    else:
        shutil.rmtree(folder)
