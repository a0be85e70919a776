"""Two operators of one peering: the one with the higher priority works, the other one stands still, nothing is lost."""

import re
from collections.abc import Iterator

import pytest

from lab.controlplane import Cluster
from tests.conftest import Start
from tests.e2e.conftest import Make
from tests.e2e.harness import (
    LATE,
    PROGRAMS,
    ROOT,
    Kubectl,
    Operator,
    TestKind,
    always,
    configmap,
    deployment,
    eventually,
    is_ready,
    writes_of,
)

PEERING = "nuvop"


@pytest.fixture
def peering(kubectl: Kubectl) -> Iterator[str]:
    """A peering of the test's namespace."""
    kubectl("apply", "-k", str(ROOT / "deploy/peering/crd"))
    kubectl("wait", "--for=condition=Established", "crd/kopfpeerings.kopf.dev", "--timeout=60s")
    kubectl.apply({"apiVersion": "kopf.dev/v1", "kind": "KopfPeering", "metadata": {"name": PEERING}})
    yield PEERING
    kubectl("delete", f"kopfpeering/{PEERING}")


@pytest.fixture
def kind(widgets: Make) -> TestKind:
    return widgets(deployment("web"), configmap("config", greeting="hello"))


def ready(kubectl: Kubectl, kind: TestKind, name: str) -> None:
    eventually(f"{name} is ready", lambda: is_ready(kubectl.get(f"{kind.plural}/{name}")))


def applied(operator: Operator, name: str) -> int:
    """How often an operator says that it has applied a CR."""
    return len(re.findall(f"widgets/{name} in .*: applied", operator.log()))


def priority(operator: Operator) -> int:
    """The priority that it was given by chance."""
    found = re.search(r"taking part with priority (-\d+)", operator.log())
    assert found, operator.log()
    return int(found[1])


def stands_still(operator: Operator) -> bool:
    """Whether it does for another one's sake; each does for a moment at its start, until it has seen the peering."""
    log = operator.log()
    return "Pausing operations in favour of" in log and log.rfind("standing still") > log.rfind("going on")


def test_a_developers_operator_takes_over_and_gives_back(
    cluster: Cluster, kubectl: Kubectl, operator: Start, kind: TestKind, peering: str
) -> None:
    command = (PROGRAMS / "nuvop", "run", "-n", kubectl.namespace, "--peering", peering)
    kinds = str(kind.folder.parent)
    there = operator(*command, NUVOP_KINDS=kinds)
    assert "taking part with priority -" in there.log()
    kubectl.apply(kind.cr("a"), kind.cr("gone"))
    ready(kubectl, kind, "a")
    ready(kubectl, kind, "gone")

    here = operator(*command, "--dev", NUVOP_KINDS=kinds)
    assert "taking part with priority 666" in here.log()
    eventually("the other one stands still", lambda: stands_still(there))
    since = cluster.audit_log.stat().st_size
    kubectl.apply(kind.cr("b"))
    ready(kubectl, kind, "b")
    kubectl("scale", "deployment/a-web", "--replicas=3")
    eventually("it is put back", lambda: kubectl.get("deployment/a-web")["spec"]["replicas"] == 1)
    kubectl("delete", f"{kind.plural}/gone")
    assert (applied(here, "b"), applied(there, "b")) == (1, 0)
    assert (here.log().count("spec.replicas was changed"), there.log().count("spec.replicas was changed")) == (1, 0)
    made = [write for write in writes_of(cluster, kubectl.namespace, since) if write.endswith("configmaps/")]
    assert made.count("patch configmaps/") <= 2, "b's once, a's with what was put back"

    here.stop()
    eventually("the first one goes on", lambda: not stands_still(there))
    kubectl.apply(kind.cr("c"))
    ready(kubectl, kind, "c")
    assert (applied(there, "a"), applied(there, "b")) == (1, 0), "all was as it should be"
    kubectl("scale", "deployment/b-web", "--replicas=3")
    eventually("it is put back", lambda: kubectl.get("deployment/b-web")["spec"]["replicas"] == 1)
    assert applied(there, "gone") == 1
    eventually("its children are gone", lambda: not kubectl.get("deployment/gone-web"), within=LATE)


def test_two_replicas_by_mistake(kubectl: Kubectl, operator: Start, kind: TestKind, peering: str) -> None:
    """One of them works; the other one takes over when it ends, without having been told of an end."""
    command = (PROGRAMS / "nuvop", "run", "-n", kubectl.namespace, "--peering", peering)
    both = [operator(*command, NUVOP_KINDS=str(kind.folder.parent)) for _ in range(2)]
    first, second = both
    if priority(second) > priority(first):
        eventually("the first one stands still", lambda: stands_still(first))
    else:
        # It never worked, so it says nothing new once it has seen the peering.
        eventually("both take part", lambda: len(kubectl.get(f"kopfpeering/{peering}").get("status", {})) == len(both))
    kubectl.apply(kind.cr("a"))
    ready(kubectl, kind, "a")
    assert sorted(applied(each, "a") for each in both) == [0, 1]
    (works,) = [each for each in both if applied(each, "a")]
    (waits,) = [each for each in both if each is not works]
    always("the other one stands still", lambda: not applied(waits, "a"), during=3)
    works.stop()
    kubectl.apply(kind.cr("b"))
    ready(kubectl, kind, "b")
    assert applied(waits, "b") == 1


def test_what_is_in_the_way_is_told(kubectl: Kubectl, operator: Start, kind: TestKind, peering: str) -> None:
    command = (PROGRAMS / "nuvop", "run", "-n", kubectl.namespace)
    kinds = str(kind.folder.parent)
    alone = operator(*command, NUVOP_KINDS=kinds)
    where = f"in {kubectl.namespace}"
    assert f"peering default: there is no KopfPeering default {where}; this operator works alone" in alone.log()
    dev = operator(*command, "--dev", NUVOP_KINDS=kinds)
    assert f"no KopfPeering default {where}; so nobody is told to stand still for this operator" in dev.log()
    mandatory = operator(*command, "--peering", "none", start=False, NUVOP_KINDS=kinds)
    mandatory.start(until=None)
    assert mandatory.process.wait(60) == 1
    assert f"Error: peering none: there is no KopfPeering none {where} (docs/operations.md, Peering)" in mandatory.log()
