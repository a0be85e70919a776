"""What nuvop promises of every child, on a real API server: drift, ownership, pruning, deletion, readiness."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from lab.controlplane import Cluster
from tests.conftest import Start
from tests.e2e.conftest import Make
from tests.e2e.harness import (
    PROGRAMS,
    Kubectl,
    TestKind,
    always,
    assert_true,
    condition,
    configmap,
    deployment,
    eventually,
    every_version,
    fake_kubectl,
    is_ready,
    stalled,
    writes_of,
)

ROLE = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRole",
    "metadata": {"name": "role"},
    "rules": [],
}
"""A child that lives outside namespaces."""


@pytest.fixture
def make(kubectl: Kubectl, widgets: Make) -> Iterator[Make]:
    """Makes the test's kind. Every version of its CRs is checked for its truth."""
    with ExitStack() as ending:

        def make(*manifests: dict[str, Any], **fields: Any) -> TestKind:
            kind = widgets(*manifests, **fields)
            seen = ending.enter_context(every_version(kubectl, kind.plural, "-A"))
            ending.callback(check, seen)
            return kind

        yield make


@pytest.fixture
def other(kubectl: Kubectl) -> Iterator[Kubectl]:
    """kubectl in a second namespace."""
    beside = Kubectl(kubectl.kubeconfig, f"{kubectl.namespace}-b")
    beside("create", "namespace", beside.namespace)
    yield beside
    beside("delete", "namespace", beside.namespace, "--wait=false")


class Halting:
    """A kubectl that halts before it applies anything, until it may go on."""

    def __init__(self, folder: Path) -> None:
        self._halt, self._begun = folder / "halt", folder / "begun"
        self._halt.touch()
        self._begun.mkdir()
        waits = f'''if [ "$1" = apply ]; then
  echo "$3" | cat - "$3/kustomization.yaml" > "{self._begun}/$$"
  while [ -e "{self._halt}" ]; do sleep 0.1; done
fi'''
        self.path = fake_kubectl(folder / "bin", f'{waits}\nexec "$REAL" "$@"')

    def begun(self) -> int:
        """How many have halted."""
        return len(list(self._begun.iterdir()))

    def is_at(self, name: str) -> bool:
        """Whether one has halted that is to apply this CR, alone or with others."""
        return any(name in each.read_text() for each in self._begun.iterdir())

    def go_on(self) -> None:
        """Let them all go on, and those to come."""
        self._halt.unlink()


def check(seen: list[dict[str, Any]]) -> None:
    assert seen
    assert_true(seen)


def ready(kubectl: Kubectl, kind: TestKind, *names: str) -> None:
    for name in names:
        eventually(f"{name} is ready", partial(is_it_ready, kubectl, f"{kind.plural}/{name}"))


def is_it_ready(kubectl: Kubectl, what: str) -> bool:
    return is_ready(kubectl.get(what))


def blocked(kubectl: Kubectl, what: str) -> dict[str, Any]:
    return condition(kubectl.get(what), "PruneBlocked")


def are_there(kubectl: Kubectl, what: str, count: int) -> bool:
    return len(kubectl.list(what)) == count


def replicas(kubectl: Kubectl, name: str) -> int | None:
    found: int | None = kubectl.get(f"deployment/{name}").get("spec", {}).get("replicas")
    return found


def events(kubectl: Kubectl, reason: str) -> list[str]:
    found = json.loads(kubectl("get", "events", "-o", "json", f"--field-selector=reason={reason}"))["items"]
    return [event["message"] for event in found]


def annotate(kubectl: Kubectl, kind: TestKind, name: str, annotation: str) -> None:
    kubectl("annotate", "--overwrite", f"{kind.plural}/{name}", f"nuvop.nuvolaris.org/{annotation}")


# --- drift -----------------------------------------------------------------------------------------------------------


def test_drift_is_put_back_and_an_event_says_who_did_it(kubectl: Kubectl, operator: Start, make: Make) -> None:
    kind = make(deployment("web"), configmap("config", greeting="hello"))
    operator(NUVOP_KINDS=str(kind.folder.parent))
    kubectl.apply(kind.cr("a"))
    ready(kubectl, kind, "a")
    kubectl("scale", "deployment/a-web", "--replicas=4")
    eventually("put back", lambda: replicas(kubectl, "a-web") == 1)
    told = "putting back: Deployment/a-web: spec.replicas was changed by kubectl"
    eventually("an event tells", lambda: told in events(kubectl, "Drifted"))
    kubectl("patch", "configmap/a-config", "--type=json", "-p", '[{"op":"remove","path":"/data/greeting"}]')
    eventually("put back", lambda: kubectl.get("configmap/a-config").get("data") == {"greeting": "hello"})
    kubectl("delete", "configmap/a-config")
    eventually("made anew", lambda: kubectl.get("configmap/a-config"))
    eventually("told", lambda: "putting back: ConfigMap/a-config was deleted" in events(kubectl, "Drifted"))


def test_drift_may_be_reported_only(kubectl: Kubectl, operator: Start, make: Make) -> None:
    kind = make(deployment("web"), set={"spec.image": "Deployment/web spec.template.spec.containers.[name=main].image"})
    operator(NUVOP_KINDS=str(kind.folder.parent))
    kubectl.apply(kind.cr("a", {"nuvop.nuvolaris.org/drift": "report"}))
    ready(kubectl, kind, "a")
    kubectl("scale", "deployment/a-web", "--replicas=3")
    said = eventually("it is told", lambda: condition(kubectl.get(f"{kind.plural}/a"), "Drifted"))
    assert said["message"] == "Deployment/a-web: spec.replicas was changed by kubectl"
    always("it is left", lambda: replicas(kubectl, "a-web") == 3, during=2)
    ready(kubectl, kind, "a")
    annotate(kubectl, kind, "a", "drift=repair")
    eventually("it is put back", lambda: replicas(kubectl, "a-web") == 1)
    eventually("told no more", lambda: not condition(kubectl.get(f"{kind.plural}/a"), "Drifted"))


def test_a_mistyped_annotation_is_told(kubectl: Kubectl, operator: Start, make: Make) -> None:
    kind = make(configmap("config"))
    operator(NUVOP_KINDS=str(kind.folder.parent))
    kubectl.apply(kind.cr("a", {"nuvop.nuvolaris.org/suspend": "yes"}))
    reason, message = eventually("it is told", lambda: any(s := stalled(kubectl.get(f"{kind.plural}/a"))) and s)
    assert reason == "InvalidSpec"
    assert message == "metadata.annotations: nuvop.nuvolaris.org/suspend: 'yes' must be true or false"
    assert not kubectl.get("configmap/a-config")


def test_suspended_means_nothing_is_changed(cluster: Cluster, kubectl: Kubectl, operator: Start, make: Make) -> None:
    kind = make(deployment("web"), set={"spec.count": "Deployment/web spec.replicas"})
    operator(NUVOP_KINDS=str(kind.folder.parent))
    kubectl.apply(kind.cr("a", count=1))
    ready(kubectl, kind, "a")
    annotate(kubectl, kind, "a", "suspend=true")
    eventually("it is told", lambda: condition(kubectl.get(f"{kind.plural}/a"), "Suspended"))
    kubectl("scale", "deployment/a-web", "--replicas=2")
    kubectl.apply(kind.cr("a", {"nuvop.nuvolaris.org/suspend": "true"}, count=3))
    eventually(
        "the new generation waits", lambda: condition(kubectl.get(f"{kind.plural}/a"), "Ready")["reason"] == "Suspended"
    )
    always("nothing is applied", lambda: replicas(kubectl, "a-web") == 2, during=2)
    annotate(kubectl, kind, "a", "suspend-")
    eventually("it goes on", lambda: replicas(kubectl, "a-web") == 3)
    ready(kubectl, kind, "a")
    assert not condition(kubectl.get(f"{kind.plural}/a"), "Suspended")


def test_reconcile_now(cluster: Cluster, kubectl: Kubectl, operator: Start, make: Make) -> None:
    kind = make(configmap("config", a="b"))
    running = operator(NUVOP_KINDS=str(kind.folder.parent))
    kubectl.apply(kind.cr("a"))
    ready(kubectl, kind, "a")
    applies = running.log().count(": applied ")
    annotate(kubectl, kind, "a", "reconcile=now")
    eventually("it is told", lambda: kubectl.get(f"{kind.plural}/a")["status"].get("lastHandledReconcileAt") == "now")
    assert running.log().count(": applied ") == applies + 1
    running.stop()
    since = cluster.audit_log.stat().st_size
    operator(NUVOP_KINDS=str(kind.folder.parent))
    always("it was done", lambda: not writes_of(cluster, kubectl.namespace, since), during=4)


def test_what_the_base_leaves_out_is_never_touched(kubectl: Kubectl, operator: Start, make: Make) -> None:
    kind = make(
        deployment("web", replicas=None),
        set={"spec.image": "Deployment/web spec.template.spec.containers.[name=main].image"},
    )
    running = operator(NUVOP_KINDS=str(kind.folder.parent))
    kubectl.apply(kind.cr("a"))
    ready(kubectl, kind, "a")
    kubectl("scale", "deployment/a-web", "--replicas=3")
    kubectl.apply(kind.cr("a", image="nginx:2"))
    eventually("applied", lambda: "nginx:2" in str(kubectl.get("deployment/a-web")["spec"]))
    ready(kubectl, kind, "a")
    assert replicas(kubectl, "a-web") == 3
    assert "putting back" not in running.log()


@pytest.mark.parametrize(("release", "left"), [([], 1), (["Deployment/web spec.replicas"], 3)])
def test_a_field_that_is_no_longer_set_is_reset_or_released(
    kubectl: Kubectl, operator: Start, make: Make, release: list[str], left: int
) -> None:
    more = {"release": release} if release else {}
    kind = make(deployment("web", replicas=None), set={"spec.count": "Deployment/web spec.replicas"}, **more)
    operator(NUVOP_KINDS=str(kind.folder.parent))
    kubectl.apply(kind.cr("a", count=3))
    ready(kubectl, kind, "a")
    kubectl.apply(kind.cr("a"))
    eventually("applied", lambda: kubectl.get(f"{kind.plural}/a")["status"]["observedGeneration"] == 2)
    ready(kubectl, kind, "a")
    assert replicas(kubectl, "a-web") == left
    kubectl.apply(kind.cr("a", count=2))
    eventually("taken back", lambda: replicas(kubectl, "a-web") == 2)


def test_who_takes_a_field_again_and_again_is_answered_later_and_later(
    kubectl: Kubectl, operator: Start, make: Make, own_group: str
) -> None:
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "all"},
        # The controller manager owns the rules of an aggregated ClusterRole, and always writes them.
        "aggregationRule": {
            "clusterRoleSelectors": [{"matchLabels": {"rbac.authorization.k8s.io/aggregate-to-view": "true"}}]
        },
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}],
    }
    kind = make(role, group=own_group)
    running = operator(PROGRAMS / "kopf", "run", "-A", NUVOP_KINDS=str(kind.folder.parent))
    name = kubectl.namespace
    kubectl.apply(kind.cr(name))
    said = eventually(
        "it is told",
        lambda: (
            (found := condition(kubectl.get(f"{kind.plural}/{name}"), "Ready"))
            and found["reason"] == "Contested"
            and found
        ),
    )
    assert said["message"].startswith(f"ClusterRole/{name}-all: rules was changed by ")
    applied = running.log().count(": applied ")
    assert applied <= 5
    time.sleep(4)
    assert running.log().count(": applied ") <= applied + 1
    kubectl("delete", f"{kind.plural}/{name}")
    assert not kubectl.get(f"clusterrole/{name}-all")


def test_who_is_suspended_while_it_waits_for_its_turn_is_not_applied(
    kubectl: Kubectl, operator: Start, make: Make, tmp_path: Path
) -> None:
    kind = make(configmap("config", x="1"))
    halting = Halting(tmp_path)
    operator(NUVOP_KINDS=str(kind.folder.parent), PATH=halting.path)
    kubectl.apply(kind.cr("a"))
    eventually("kubectl has begun", lambda: halting.begun() == 1)
    kubectl.apply(kind.cr("b"))
    eventually("both slots are taken", lambda: halting.begun() == 2)
    kubectl.apply(kind.cr("c"), kind.cr("d"))
    annotate(kubectl, kind, "c", "suspend=true")
    eventually("it is told", lambda: condition(kubectl.get(f"{kind.plural}/c"), "Suspended"))
    halting.go_on()
    ready(kubectl, kind, "a", "b", "d")
    assert not kubectl.get("configmap/c-config")
    annotate(kubectl, kind, "c", "suspend-")
    ready(kubectl, kind, "c")


# --- ownership -------------------------------------------------------------------------------------------------------


def test_an_object_of_somebody_elses_is_taken_over_only_when_asked_for(
    kubectl: Kubectl, operator: Start, make: Make
) -> None:
    kind = make(configmap("config", greeting="nuvop"))
    operator(NUVOP_KINDS=str(kind.folder.parent))
    kubectl.apply(configmap("a-config", greeting="mine", theirs="kept"))
    kubectl.apply(kind.cr("a"))
    reason, message = eventually("it is told", lambda: any(s := stalled(kubectl.get(f"{kind.plural}/a"))) and s)
    assert reason == "NotOwned"
    assert "ConfigMap/a-config exists, made by kubectl-client-side-apply, and nuvop has not made it" in message
    assert kubectl.get("configmap/a-config")["data"] == {"greeting": "mine", "theirs": "kept"}
    annotate(kubectl, kind, "a", "adopt=true")
    ready(kubectl, kind, "a")
    assert kubectl.get("configmap/a-config")["data"] == {"greeting": "nuvop", "theirs": "kept"}
    always("and so it stays", lambda: "theirs" in kubectl.get("configmap/a-config")["data"], during=1)


def test_what_is_made_between_nuvops_look_and_its_apply_is_given_back(
    kubectl: Kubectl, operator: Start, make: Make, own_group: str, tmp_path: Path
) -> None:
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "account"}}
    kind = make(configmap("config", x="nuvop"), configmap("other", x="nuvop"), account, ROLE, group=own_group)
    halting = Halting(tmp_path)
    running = operator(PROGRAMS / "kopf", "run", "-A", NUVOP_KINDS=str(kind.folder.parent), PATH=halting.path)
    a, b = (f"{kubectl.namespace}-{name}" for name in "ab")
    kubectl.apply(kind.cr(a), kind.cr(b))
    eventually("kubectl has begun", lambda: halting.is_at(a))
    names = (f"configmap/{a}-config", f"configmap/{a}-other", f"serviceaccount/{a}-account", f"clusterrole/{a}-role")
    kubectl("create", "serviceaccount", f"{a}-account")  # without a field of its maker's
    kubectl("create", "clusterrole", f"{a}-role", "--verb=get", "--resource=pods")
    kubectl.apply(configmap(f"{a}-config", x="theirs", theirs="kept"))
    server_side = json.dumps(configmap(f"{a}-other", x="theirs", theirs="kept"))
    kubectl("apply", "--server-side", "--field-manager=gitops", "-f", "-", stdin=server_side)
    made = {name: kubectl.get(name)["metadata"]["uid"] for name in names}
    time.sleep(1.1)  # what bears no writer's name is known by its age, in seconds
    halting.go_on()
    assert eventually("it is told", lambda: stalled(kubectl.get(f"{kind.plural}/{a}"))[0]) == "NotOwned"
    ready(kubectl, kind, b)

    def marks(name: str) -> list[Any]:
        metadata = kubectl.get(name)["metadata"]
        entries = [entry for entry in metadata.get("managedFields", ()) if entry["manager"] == "nuvop"]
        return [*metadata.get("labels", ()), *metadata.get("ownerReferences", ()), *entries]

    eventually("they are given back", lambda: not any(map(marks, names)))
    eventually("it is told", lambda: running.log().count("given back") == len(names))
    kubectl("delete", f"{kind.plural}/{a}")
    time.sleep(2)  # the garbage collector takes no longer
    assert {name: kubectl.get(name)["metadata"]["uid"] for name in names} == made
    # Of what was applied on the client's side kubectl has deleted all that nuvop does not set (docs/reliability.md).
    assert kubectl.get(f"configmap/{a}-other")["data"] == {"x": "nuvop", "theirs": "kept"}
    kubectl("delete", f"clusterrole/{a}-role")


def test_two_crs_whose_children_have_the_same_name(kubectl: Kubectl, operator: Start, make: Make) -> None:
    kind = make(configmap("c", of="c"), configmap("b-c", of="b-c"))
    operator(NUVOP_KINDS=str(kind.folder.parent))
    kubectl.apply(kind.cr("a"))
    ready(kubectl, kind, "a")
    kubectl.apply(kind.cr("a-b"))
    reason, message = eventually("it is told", lambda: any(s := stalled(kubectl.get(f"{kind.plural}/a-b"))) and s)
    assert reason == "NameCollision"
    assert message.startswith("ConfigMap/a-b-c belongs to widgets/a in")
    assert kubectl.get("configmap/a-b-c")["data"] == {"of": "b-c"}
    ready(kubectl, kind, "a")
    kubectl("delete", f"{kind.plural}/a")
    ready(kubectl, kind, "a-b")
    assert kubectl.get("configmap/a-b-c")["data"] == {"of": "c"}


def test_crs_that_are_made_at_once_with_colliding_names(kubectl: Kubectl, operator: Start, make: Make) -> None:
    kind = make(configmap("c", of="c"), configmap("b-c", of="b-c"))
    kubectl.apply(kind.cr("a"))
    time.sleep(1.1)  # so that one is older
    kubectl.apply(kind.cr("a-b"), *(kind.cr(f"n{i}") for i in range(5)))
    running = operator(NUVOP_KINDS=str(kind.folder.parent))
    ready(kubectl, kind, "a", *(f"n{i}" for i in range(5)))
    assert eventually("told", lambda: stalled(kubectl.get(f"{kind.plural}/a-b"))[0]) == "NameCollision"
    running.stop()
    operator(NUVOP_KINDS=str(kind.folder.parent))
    always("also after a restart", lambda: is_ready(kubectl.get(f"{kind.plural}/a")), during=3)
    assert kubectl.get("configmap/a-b-c")["data"] == {"of": "b-c"}


def test_a_cluster_scoped_child_belongs_to_one_cr(
    kubectl: Kubectl, other: Kubectl, operator: Start, make: Make, own_group: str
) -> None:
    kind = make(ROLE, configmap("config"), group=own_group)
    name = kubectl.namespace
    operator(PROGRAMS / "kopf", "run", "-A", NUVOP_KINDS=str(kind.folder.parent))
    kubectl.apply(kind.cr(name))
    ready(kubectl, kind, name)
    other.apply(kind.cr(name))
    assert eventually("told", lambda: stalled(other.get(f"{kind.plural}/{name}"))[0]) == "NameCollision"
    ready(kubectl, kind, name)
    first = kubectl.get(f"clusterrole/{name}-role")
    assert first["metadata"]["labels"]["nuvop.nuvolaris.org/namespace"] == kubectl.namespace
    assert "ownerReferences" not in first["metadata"]
    other("delete", f"{kind.plural}/{name}")
    assert kubectl.get(f"clusterrole/{name}-role")["metadata"]["uid"] == first["metadata"]["uid"]
    kubectl("delete", f"{kind.plural}/{name}", "--timeout=30s")
    eventually("the ClusterRole is gone", lambda: not kubectl.get(f"clusterrole/{name}-role"))


def test_what_two_operators_make_at_the_same_time_belongs_to_one(
    kubectl: Kubectl, other: Kubectl, operator: Start, make: Make, own_group: str
) -> None:
    kind = make(ROLE, configmap("config"), group=own_group)
    kinds = str(kind.folder.parent)
    operators = [operator(PROGRAMS / "kopf", "run", "-n", of.namespace, NUVOP_KINDS=kinds) for of in (kubectl, other)]
    names = [f"{kubectl.namespace}-{number}" for number in range(3)]

    def has_one(name: str) -> bool:
        crs = [of.get(f"{kind.plural}/{name}") for of in (kubectl, other)]
        told = ["Ready" if is_ready(body) else stalled(body)[0] for body in crs]
        return sorted(told) == ["NameCollision", "Ready"]

    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda of: of.apply(*map(kind.cr, names)), (kubectl, other)))
    for name in names:
        eventually("one has it", partial(has_one, name))
    always("it stays so", lambda: all(map(has_one, names)), during=3)
    assert not any("was deleted" in running.log() for running in operators), "nobody has deleted anything"
    for of in (kubectl, other):
        of("delete", kind.plural, "--all", "--timeout=30s")


def test_the_finalizer_is_put_on_again(kubectl: Kubectl, operator: Start, make: Make, own_group: str) -> None:
    kind = make(ROLE, group=own_group)
    name = kubectl.namespace
    operator(PROGRAMS / "kopf", "run", "-A", NUVOP_KINDS=str(kind.folder.parent))
    kubectl.apply(kind.cr(name))
    ready(kubectl, kind, name)
    kubectl("replace", "-f", "-", stdin=json.dumps(kind.cr(name)))
    eventually("it is on again", lambda: kubectl.get(f"{kind.plural}/{name}")["metadata"].get("finalizers"))
    kubectl("delete", f"{kind.plural}/{name}", "--timeout=30s")
    assert not kubectl.get(f"clusterrole/{name}-role")


# --- pruning ---------------------------------------------------------------------------------------------------------

SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web"},
    "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
}


def test_what_left_the_folder_is_pruned_and_nothing_else(kubectl: Kubectl, operator: Start, make: Make) -> None:
    kept = configmap("kept", {"nuvop.nuvolaris.org/prune": "disabled"})
    kind = make(deployment("web"), SERVICE, configmap("old", a="b"), kept)
    operator(NUVOP_KINDS=str(kind.folder.parent))
    kubectl.apply(kind.cr("a"), kind.cr("b"))
    ready(kubectl, kind, "a", "b")
    copy = kubectl.get("configmap/a-old")
    metadata = {"name": "copy", "labels": copy["metadata"]["labels"]}
    kubectl("create", "-f", "-", stdin=json.dumps({**copy, "metadata": metadata}))
    untouched = {"replicasets": 2, "endpointslices": 2}
    for what, count in untouched.items():
        eventually(f"{what} are there", partial(are_there, kubectl, what, count))
    before = {obj["metadata"]["uid"] for what in untouched for obj in kubectl.list(what)}

    kind.write(deployment("web"), SERVICE)
    eventually("pruned", lambda: not kubectl.get("configmap/a-old") and not kubectl.get("configmap/b-old"))
    ready(kubectl, kind, "a", "b")
    eventually("told", lambda: "ConfigMap/a-old is no longer part of the kind" in events(kubectl, "Pruned"))

    def in_the_inventory() -> set[str]:
        return {entry["name"] for entry in kubectl.get(f"{kind.plural}/a")["status"]["inventory"]}

    eventually("the inventory has the rest", lambda: in_the_inventory() == {"a-web", "a-kept"})
    assert kubectl.get("configmap/a-kept")
    assert kubectl.get("configmap/copy")
    assert {obj["metadata"]["uid"] for what in untouched for obj in kubectl.list(what)} == before


def test_a_configmap_goes_only_once_the_new_revision_is_ready(kubectl: Kubectl, operator: Start, make: Make) -> None:
    kind = make(deployment("web"), configmap("old"))
    operator(NUVOP_KINDS=str(kind.folder.parent))
    kubectl.apply(kind.cr("a"))
    ready(kubectl, kind, "a")
    stuck = deployment("web")
    stuck["spec"]["template"]["spec"]["nodeSelector"] = {"no": "such-node"}
    kind.write(stuck)
    eventually("applied", lambda: "such-node" in str(kubectl.get("deployment/a-web")["spec"]))
    always("the pods of before may need it", lambda: kubectl.get("configmap/a-old"), during=2)
    kind.write(deployment("web"))
    eventually("pruned", lambda: not kubectl.get("configmap/a-old"))


def test_a_kind_of_object_that_left_the_folder_is_pruned_after_a_restart(
    kubectl: Kubectl, operator: Start, make: Make
) -> None:
    kind = make(configmap("config"), SERVICE)
    first = operator(NUVOP_KINDS=str(kind.folder.parent))
    kubectl.apply(kind.cr("a"))
    ready(kubectl, kind, "a")
    first.stop()
    kind.write(configmap("config"))
    operator(NUVOP_KINDS=str(kind.folder.parent))
    eventually("pruned", lambda: not kubectl.get("service/a-web"))
    assert kubectl.get("configmap/a-config")


def test_too_much_at_once_has_to_be_confirmed(kubectl: Kubectl, operator: Start, make: Make) -> None:
    kind = make(configmap("one"), configmap("two"), configmap("three"))
    names = [f"n{i}" for i in range(6)]
    operator(NUVOP_KINDS=str(kind.folder.parent))
    kubectl.apply(*(kind.cr(name) for name in names))
    ready(kubectl, kind, *names)
    kind.write(configmap("one"))
    for name in names:
        said = eventually("held", partial(blocked, kubectl, f"{kind.plural}/{name}"))
        assert said["reason"] == "PruneRefused"
        assert "12 of 18" in said["message"]
    assert len([obj for obj in kubectl.list("configmaps") if obj["metadata"]["name"].startswith("n")]) == 18
    ready(kubectl, kind, *names)
    annotate(kubectl, kind, "n3", "prune=confirm")
    eventually("pruned", lambda: not kubectl.get("configmap/n3-two") and not kubectl.get("configmap/n3-three"))
    eventually("told no more", lambda: not blocked(kubectl, f"{kind.plural}/n3"))
    assert len([obj for obj in kubectl.list("configmaps") if obj["metadata"]["name"].startswith("n")]) == 16


# --- deletion --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cascade", ["background", "foreground"])
def test_orphans_outlive_their_cr_and_bear_no_mark(kubectl: Kubectl, operator: Start, make: Make, cascade: str) -> None:
    kind = make(deployment("web"), configmap("config", a="b"))
    operator(NUVOP_KINDS=str(kind.folder.parent))
    kubectl.apply(kind.cr("a"))
    ready(kubectl, kind, "a")
    pods = {pod["metadata"]["uid"] for pod in kubectl.list("pods")}
    annotate(kubectl, kind, "a", "deletion-policy=Orphan")
    for what in ("configmap/a-config", "deployment/a-web"):
        eventually("acts at once", lambda what=what: "ownerReferences" not in kubectl.get(what)["metadata"])  # type: ignore[misc]
    # It comes after that, and is what waits for the marks to be taken off.
    eventually("it is armed", lambda: kubectl.get(f"{kind.plural}/a")["metadata"].get("finalizers"))
    ready(kubectl, kind, "a")
    kubectl("delete", f"{kind.plural}/a", f"--cascade={cascade}", "--timeout=30s")
    time.sleep(2)
    for what in ("deployment/a-web", "configmap/a-config"):
        metadata = kubectl.get(what)["metadata"]
        assert "nuvop" not in str(metadata.get("labels", {}))
        assert "ownerReferences" not in metadata
    assert {pod["metadata"]["uid"] for pod in kubectl.list("pods")} == pods


def test_the_users_own_cascade_orphan_keeps_all(kubectl: Kubectl, operator: Start, make: Make, own_group: str) -> None:
    kind = make(ROLE, configmap("config"), group=own_group)
    name = kubectl.namespace
    operator(PROGRAMS / "kopf", "run", "-A", NUVOP_KINDS=str(kind.folder.parent))
    kubectl.apply(kind.cr(name))
    ready(kubectl, kind, name)
    kubectl("delete", f"{kind.plural}/{name}", "--cascade=orphan", "--timeout=30s")
    time.sleep(2)
    assert kubectl.get(f"configmap/{name}-config")
    assert kubectl.get(f"clusterrole/{name}-role")
    kubectl("delete", f"clusterrole/{name}-role")


@pytest.mark.parametrize("trouble", ["suspended", "broken folder", "mistyped"])
def test_orphaning_is_armed_whatever_else_is_wrong(kubectl: Kubectl, operator: Start, make: Make, trouble: str) -> None:
    kind = make(configmap("config"))
    operator(NUVOP_KINDS=str(kind.folder.parent))
    kubectl.apply(kind.cr("a"))
    ready(kubectl, kind, "a")
    if trouble == "suspended":
        annotate(kubectl, kind, "a", "suspend=true")
    elif trouble == "broken folder":
        (kind.folder / "manifests.yaml").write_text("{")
        eventually("it is told", lambda: stalled(kubectl.get(f"{kind.plural}/a"))[0] == "BuildFailed")
    annotate(kubectl, kind, "a", "deletion-policy=orphan" if trouble == "mistyped" else "deletion-policy=Orphan")
    eventually("armed", lambda: kubectl.get(f"{kind.plural}/a")["metadata"].get("finalizers"))
    eventually("detached", lambda: "ownerReferences" not in kubectl.get("configmap/a-config")["metadata"])
    kubectl("delete", f"{kind.plural}/a", "--cascade=foreground", "--timeout=30s")
    time.sleep(2)
    assert kubectl.get("configmap/a-config")


def test_a_deletion_is_not_held_up_by_a_broken_folder(
    kubectl: Kubectl, operator: Start, make: Make, own_group: str
) -> None:
    kind = make(ROLE, group=own_group)
    name = kubectl.namespace
    running = operator(PROGRAMS / "kopf", "run", "-A", NUVOP_KINDS=str(kind.folder.parent))
    kubectl.apply(kind.cr(name))
    ready(kubectl, kind, name)
    running.stop()
    (kind.folder / "manifests.yaml").write_text("{")
    kubectl("delete", f"{kind.plural}/{name}", "--wait=false")
    operator(PROGRAMS / "kopf", "run", "-A", NUVOP_KINDS=str(kind.folder.parent))
    eventually("the CR is gone", lambda: not kubectl.get(f"{kind.plural}/{name}"))
    eventually("the ClusterRole is gone", lambda: not kubectl.get(f"clusterrole/{name}-role"))


# --- what cannot be changed ------------------------------------------------------------------------------------------


def test_immutable_fields(kubectl: Kubectl, operator: Start, make: Make) -> None:
    kind = make(deployment("web"))
    operator(NUVOP_KINDS=str(kind.folder.parent))
    kubectl.apply(kind.cr("a"))
    ready(kubectl, kind, "a")
    uid = kubectl.get("deployment/a-web")["metadata"]["uid"]
    changed = deployment("web")
    changed["spec"]["selector"]["matchLabels"] = changed["spec"]["template"]["metadata"]["labels"] = {"app": "other"}
    kind.write(changed)
    reason, message = eventually("it is told", lambda: any(s := stalled(kubectl.get(f"{kind.plural}/a"))) and s)
    assert reason == "ApplyFailed"
    assert "spec.selector" in message
    assert "field is immutable" in message
    assert kubectl.get("deployment/a-web")["metadata"]["uid"] == uid
    changed["metadata"]["annotations"] = {"nuvop.nuvolaris.org/recreate": "true"}
    kind.write(changed)
    eventually("made anew", lambda: kubectl.get("deployment/a-web").get("metadata", {}).get("uid", uid) != uid)
    ready(kubectl, kind, "a")


def test_a_finished_job_stays_finished(kubectl: Kubectl, operator: Start, make: Make) -> None:
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "busybox"}]}}
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "migrate"},
        "spec": {"ttlSecondsAfterFinished": 2, "template": template},
    }
    kind = make(
        job,
        configmap("config"),
        set={
            "spec.text": "ConfigMap/config data.text",
            "spec.image": "Job/migrate spec.template.spec.containers.0.image",
        },
    )
    operator(NUVOP_KINDS=str(kind.folder.parent))
    kubectl.apply(kind.cr("a"))
    eventually("the job was there", lambda: kubectl.get("job/a-migrate"))
    eventually("its TTL has removed it", lambda: not kubectl.get("job/a-migrate"))
    ready(kubectl, kind, "a")
    always("it is not run again", lambda: not kubectl.get("job/a-migrate"), during=3)
    kubectl.apply(kind.cr("a", text="changed"))
    eventually("applied", lambda: kubectl.get("configmap/a-config").get("data") == {"text": "changed"})
    ready(kubectl, kind, "a")
    always("nor for a change elsewhere", lambda: not kubectl.get("job/a-migrate"), during=2)
    kubectl.apply(kind.cr("a", text="changed", image="busybox:2"))
    eventually("another job is run", lambda: kubectl.get("job/a-migrate"))


# --- readiness -------------------------------------------------------------------------------------------------------


def test_what_is_not_ready_in_time_has_failed_and_says_why(kubectl: Kubectl, operator: Start, make: Make) -> None:
    stuck = deployment("web")
    stuck["spec"]["template"]["spec"]["nodeSelector"] = {"no": "such-node"}
    kind = make(stuck, configmap("config"), ready={"deadline": "4s"})
    operator(NUVOP_KINDS=str(kind.folder.parent))
    kubectl.apply(kind.cr("a"))
    said = eventually("it waits", lambda: condition(kubectl.get(f"{kind.plural}/a"), "Ready"))
    assert said["reason"] == "Progressing"
    reason, message = eventually("it has failed", lambda: any(s := stalled(kubectl.get(f"{kind.plural}/a"))) and s)
    assert reason == "HealthCheckFailed"
    assert message.startswith("not ready within 4 s: Deployment/a-web: ")
    eventually("why", lambda: "FailedScheduling" in stalled(kubectl.get(f"{kind.plural}/a"))[1])
    assert "ConfigMap" not in message
    kind.write(deployment("web"), configmap("config"), ready={"deadline": "60s"})
    ready(kubectl, kind, "a")


def test_a_child_is_ready_when_the_kind_says_so(kubectl: Kubectl, operator: Start, make: Make) -> None:
    kind = make(configmap("config"), ready={"children": {"ConfigMap/config": "data.state=done"}})
    operator(NUVOP_KINDS=str(kind.folder.parent))
    kubectl.apply(kind.cr("a"))

    def waits() -> dict[str, Any] | None:
        found = condition(kubectl.get(f"{kind.plural}/a"), "Ready")
        return found if "it has no data.state" in found.get("message", "") else None

    said = eventually("it waits", waits)
    assert said["status"] == "False"
    always("it is not ready", lambda: not is_ready(kubectl.get(f"{kind.plural}/a")), during=1)
    kubectl("patch", "configmap/a-config", "-p", '{"data":{"state":"done"}}')
    ready(kubectl, kind, "a")
