"""What breaks while the operator runs, and what is true afterwards."""

import random
import re
import signal
import time
from pathlib import Path

import pytest

from lab.controlplane import Cluster
from tests.conftest import Start
from tests.e2e.harness import Kubectl, always, eventually, fake_kubectl, is_ready, sample, writes_of
from tests.e2e.outage import without


def test_a_restart_with_nothing_to_do_writes_nothing(cluster: Cluster, kubectl: Kubectl, operator: Start) -> None:
    first = operator()
    kubectl.apply(*(sample(f"obj{i}", 1) for i in range(10)))
    for i in range(10):
        kubectl("wait", "--for=condition=Ready", f"sam/obj{i}", "--timeout=60s")
    eventually("all have told their pods", lambda: all(c["status"].get("podNames") for c in kubectl.list("samples")))
    assert writes_of(cluster, kubectl.namespace, 0)
    first.stop()

    since = cluster.audit_log.stat().st_size
    second = operator()
    overlays = second.generated / "samples" / kubectl.namespace
    eventually("it has looked at all", lambda: overlays.is_dir() and len(list(overlays.iterdir())) == 10)
    always("nothing is written", lambda: not writes_of(cluster, kubectl.namespace, since), during=3)

    kubectl("scale", "deployment/obj4-demo-deploy", "--replicas=3")
    told = "Deployment/obj4-demo-deploy: spec.replicas was changed by kubectl"
    eventually("the author of a drift is known after a restart too", lambda: told in second.log())

    kubectl("patch", "sam/obj3", "--type=merge", "-p", '{"spec":{"count":2}}')
    kubectl("wait", "--for=condition=Ready", "sam/obj3", "--timeout=60s")
    assert kubectl.get("deployment/obj3-demo-deploy")["spec"]["replicas"] == 2


def test_what_happened_while_no_operator_ran_is_made_up_for(kubectl: Kubectl, operator: Start) -> None:
    first = operator()
    kubectl.apply(sample("changed", 1), sample("drifted", 1), sample("bereft", 1), sample("deleted", 1))
    for name in ("changed", "drifted", "bereft", "deleted"):
        kubectl("wait", "--for=condition=Ready", f"sam/{name}", "--timeout=60s")
    first.stop()

    kubectl("patch", "sam/changed", "--type=merge", "-p", '{"spec":{"count":3}}')
    kubectl("scale", "deployment/drifted-demo-deploy", "--replicas=4")
    kubectl("delete", "deployment/bereft-demo-deploy")
    kubectl("delete", "sam/deleted")
    kubectl.apply(sample("new", 1))
    operator()
    for name in ("changed", "new"):
        kubectl("wait", "--for=condition=Ready", f"sam/{name}", "--timeout=60s")
    eventually("drift", lambda: kubectl.get("deployment/drifted-demo-deploy")["spec"]["replicas"] == 1)
    eventually("missing", lambda: kubectl.get("deployment/bereft-demo-deploy"))
    eventually("deleted", lambda: not kubectl.get("deployment/deleted-demo-deploy"))


def test_the_api_server_goes_away_for_20_seconds(cluster: Cluster, kubectl: Kubectl, operator: Start) -> None:
    running = operator()
    kubectl.apply(sample("obj", 1))
    kubectl("wait", "--for=condition=Ready", "sam/obj", "--timeout=60s")
    running.process.send_signal(signal.SIGSTOP)  # else it would have seen the change before the server went
    kubectl("scale", "deployment/obj-demo-deploy", "--replicas=5")
    with without(cluster, "kube-apiserver"):
        running.process.send_signal(signal.SIGCONT)
        late = operator(start=False).start(until="waiting for https://")
        time.sleep(20)
        assert late.process.poll() is None
        late.stop()
    eventually("drift is seen", lambda: kubectl.get("deployment/obj-demo-deploy")["spec"]["replicas"] == 1)
    kubectl("patch", "sam/obj", "--type=merge", "-p", '{"spec":{"count":2}}')
    eventually("ready", lambda: is_ready(kubectl.get("sam/obj")), within=120)
    assert running.process.poll() is None
    assert "Traceback" not in running.log()
    told = re.findall(r"watching deployments.*trying again until it works", running.log())
    assert told
    assert len(told) == len(set(told)), "the same trouble is told again and again"


def test_an_operator_that_starts_before_the_api_server(cluster: Cluster, kubectl: Kubectl, operator: Start) -> None:
    with without(cluster, "kube-apiserver"):
        running = operator(start=False).start(until="waiting for https://")
    eventually("it has started", lambda: "Initial authentication has finished" in running.log())
    kubectl.apply(sample("obj", 1))
    eventually("it works", lambda: kubectl.get("deployment/obj-demo-deploy"))


def test_killed_again_and_again_it_converges(kubectl: Kubectl, operator: Start) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    running = operator()
    wanted: dict[str, int] = {}
    for _ in range(8):
        for name in chance.sample(["a", "b", "c", "d"], 2):
            wanted[name] = chance.randrange(4)
            kubectl.apply(sample(name, wanted[name]))
        time.sleep(chance.random() * 0.5)
        running.kill()
        running.start(until=None)
        time.sleep(chance.random() * 2)
    for name, count in wanted.items():
        kubectl("wait", "--for=condition=Ready", f"sam/{name}", "--timeout=60s")
        assert kubectl.get(f"deployment/{name}-demo-deploy")["spec"]["replicas"] == count
    kubectl("delete", "sam", "--all")
    eventually("nothing is left", lambda: not kubectl.list("deployments,replicasets,pods"))


STUBBORN = 'case "$1" in apply) trap "" TERM; sleep 600 & wait; sleep 600;; *) exec "$REAL" "$@";; esac'
"""A kubectl that never ends an apply, ignores SIGTERM, and has a child of its own."""


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_no_kubectl_outlives_the_operator(
    kubectl: Kubectl, operator: Start, tmp_path: Path, how: signal.Signals
) -> None:
    running = operator(PATH=fake_kubectl(tmp_path / "bin", STUBBORN))
    kubectl.apply(sample("obj", 1))
    eventually("kubectl and its child run", lambda: sum("sleep" in line for line in running.processes()))
    running.process.send_signal(how)
    running.process.wait(30)
    eventually("nothing is left running", lambda: not running.processes(), within=10)
    if how != signal.SIGKILL:
        left = [path for path in (running.generated.parent / "tmp").iterdir() if path.name.startswith("nuvop-")]
        assert not left, "credentials are left on disk"


def test_no_credentials_are_left_on_disk(kubectl: Kubectl, operator: Start) -> None:
    running = operator()
    temporary = running.generated.parent / "tmp"
    (private,) = temporary.glob("nuvop-*")
    assert private.stat().st_mode & 0o777 == 0o700
    assert (private / "kubeconfig").stat().st_mode & 0o777 == 0o600
    running.kill()
    eventually("the reaper has removed them", lambda: not private.exists(), within=10)

    # Should the reaper be killed as well, the next operator sweeps.
    left = temporary / "nuvop-left"
    left.mkdir()
    (left / "lock").touch()
    running.start()
    assert not left.exists()
    assert len(list(temporary.glob("nuvop-*"))) == 1
    assert running.stop() == 0
    assert not list(temporary.glob("nuvop-*"))


def test_a_ghost_cr_does_not_bring_its_children_back(cluster: Cluster, kubectl: Kubectl, operator: Start) -> None:
    """A CR goes while the operator is frozen, and its watches grow too old: kopf lists anew, and tells nothing."""
    running = operator()
    kubectl.apply(sample("ghost", 1), sample("alive", 1))
    for name in ("ghost", "alive"):
        kubectl("wait", "--for=condition=Ready", f"sam/{name}", "--timeout=60s")
    running.process.send_signal(signal.SIGSTOP)
    kubectl("delete", "sam/ghost")
    eventually("the garbage collector was there", lambda: not kubectl.get("deployment/ghost-demo-deploy"))
    with without(cluster, "kube-apiserver"):
        pass  # one that has just started knows no history: the old versions are 410 Gone
    before = cluster.audit_log.stat().st_size
    running.process.send_signal(signal.SIGCONT)
    overlay = running.generated / "samples" / kubectl.namespace
    eventually("it has noticed", lambda: not (overlay / "ghost").exists())
    assert not [write for write in writes_of(cluster, kubectl.namespace, before) if "deployments" in write]
    assert "ghost in" in running.log()
    assert (overlay / "alive").exists()


def test_a_cr_that_is_made_anew_gets_its_own_children(kubectl: Kubectl, operator: Start) -> None:
    operator()
    for _ in range(3):
        kubectl.apply(sample("obj", 1))
        kubectl("wait", "--for=condition=Ready", "sam/obj", "--timeout=60s")
        uid = kubectl.get("sam/obj")["metadata"]["uid"]
        owner = kubectl.get("deployment/obj-demo-deploy")["metadata"]["ownerReferences"][0]
        assert owner["uid"] == uid
        kubectl("delete", "sam/obj")
    eventually("nothing is left", lambda: not kubectl.list("deployments,replicasets,pods"))
