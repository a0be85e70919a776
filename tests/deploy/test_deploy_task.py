"""`task deploy` and `task undeploy`: what they make, what they leave, and what they refuse."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from lab import controlplane
from lab.controlplane import node
from lab.deployer import DeployError, Wanted, kubectl, overlay, readiness, rights, serving
from lab.deployer.__main__ import commands
from lab.image import is_reference
from nuvop import yamltext
from nuvop.objects import OWNER_LABEL
from tests.conftest import artifacts_of
from tests.deploy.deployed import Deployed
from tests.deploy.manifests import Body, built, container, kustomized, of_kind, one, pod
from tests.e2e.harness import (
    PROGRAMS,
    ROOT,
    Kubectl,
    Operator,
    environment,
    eventually,
    is_ready,
    own_cluster,
    sample,
)

Done = subprocess.CompletedProcess[str]


# --- the overlay -----------------------------------------------------------------------------------------------------


def overlaid(folder: Path, wanted: Wanted, *, has_namespace: bool = True, on_real_node: bool = False) -> list[Body]:
    return kustomized(
        overlay.write(
            folder,
            wanted,
            rights.computed(wanted.rights, wanted.kinds),
            has_namespace=has_namespace,
            on_real_node=on_real_node,
        )
    )


def places(objects: Sequence[Body]) -> set[tuple[str, str, str]]:
    """Kind, namespace and name of all that is no CRD."""
    return {
        (obj["kind"], obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
        for obj in objects
        if obj["kind"] != "CustomResourceDefinition"
    }


def by_name(objects: Sequence[Body]) -> list[Body]:
    return sorted(objects, key=lambda obj: (obj["kind"], obj["metadata"]["name"]))


def test_nothing_wanted_is_what_kubectl_makes_of_the_default(tmp_path: Path) -> None:
    assert by_name(overlaid(tmp_path, Wanted())) == by_name(built("default"))


def test_namespaces_that_are_served_have_a_role_each_and_the_operator_has_no_other(tmp_path: Path) -> None:
    objects = overlaid(tmp_path, Wanted("ops", "registry.example.org:5000/nuvop:2", ("a", "b")))
    assert places(objects) == {
        ("Namespace", "", "ops"),
        ("ServiceAccount", "ops", "nuvop"),
        ("Deployment", "ops", "nuvop"),
        *((kind, place, "nuvop:ops") for kind in ("Role", "RoleBinding") for place in ("a", "b")),
    }
    assert {json.dumps(obj["subjects"]) for obj in objects if "subjects" in obj} == {
        json.dumps([{"kind": "ServiceAccount", "name": "nuvop", "namespace": "ops"}])
    }
    found = container(objects)
    assert found["args"] == ["run", "--namespace=a", "--namespace=b", "--standalone"]
    assert found["image"] == "registry.example.org:5000/nuvop:2"


@pytest.fixture(scope="module")
def my_kinds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of kinds outside of the checkout: Podinfo, of the group example.com."""
    folder = tmp_path_factory.mktemp("my kinds")
    command: list[str | Path] = [PROGRAMS / "nuvop", "new", "Podinfo", "--group", "example.com", "--yes"]
    subprocess.run([*command, "--from", ROOT / "tests/new/podinfo", "--into", folder], check=True, capture_output=True)
    return folder


def podinfo(kinds: Path) -> Body:
    found: Body = yamltext.load((kinds / "podinfos/examples/podinfo.yaml").read_text())
    return found


def test_kinds_of_ones_own_have_their_crds_and_rights_and_those_of_no_others(tmp_path: Path, my_kinds: Path) -> None:
    for name, kinds in (("all", my_kinds), ("one", my_kinds / "podinfos")):
        (tmp_path / name).mkdir()
        objects = overlaid(tmp_path / name, Wanted(kinds=(kinds,)))
        assert [crd["metadata"]["name"] for crd in of_kind(objects, "CustomResourceDefinition")] == [
            "podinfos.example.com"
        ]
        assert rights.served(objects) == {"podinfos.example.com"}
        resources = {name for rule in one(objects, "ClusterRole")["rules"] for name in rule["resources"]}
        assert {"podinfos", "horizontalpodautoscalers"} <= resources
        assert not {"samples", "statefulsets"} & resources


@pytest.mark.parametrize("namespace", ["nuvop-system", "ops"])
@pytest.mark.parametrize("watched", [(), ("a", "b"), ("team-*",)])
def test_task_deploy_knows_the_roles_that_it_has_made(namespace: str, watched: tuple[str, ...]) -> None:
    wanted = Wanted(namespace, watched=watched, kinds=(ROOT / "tests/golden/cluster",))
    made = yamltext.load_all(rights.computed(wanted.rights, wanted.kinds))
    given = yamltext.load_all(rights.computed([*wanted.rights, "--name=nuvop-more"], wanted.kinds))
    other = yamltext.load_all(rights.computed(["--service-account=others/nuvop"], wanted.kinds))
    found = rights.deployed(namespace, [*given, *made, *other])
    assert rights.references(found) == rights.references(made)


def test_a_pattern_takes_a_cluster_role(tmp_path: Path) -> None:
    objects = overlaid(tmp_path, Wanted("ops", watched=("team-*",)))
    assert {place for place in places(objects) if "Role" in place[0]} == {
        ("ClusterRole", "", "nuvop:ops"),
        ("ClusterRoleBinding", "", "nuvop:ops"),
    }
    assert container(objects)["args"] == ["run", "--namespace=team-*", "--standalone"]


def test_a_secret_to_pull_with_is_the_pods(tmp_path: Path) -> None:
    spec = pod(overlaid(tmp_path, Wanted(pull_secret="registry")))
    assert spec["imagePullSecrets"] == [{"name": "registry"}]


def test_where_there_is_a_real_node_the_pod_goes_there(tmp_path: Path) -> None:
    spec = pod(overlaid(tmp_path, Wanted(), on_real_node=True))
    assert spec["nodeSelector"] == {"kubernetes.io/os": "linux", node.LABEL: "true"}
    assert spec["tolerations"] == [{"key": node.LABEL, "operator": "Exists"}]


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--watch-namespaces", ",", "names no namespace"),
        ("--watch-namespaces", " , ", "names no namespace"),
        ("--watch-namespaces", "-x", "'-x' is no namespace's name"),
        ("--watch-namespaces", "a,--help", "'--help' is no namespace's name"),
        ("--watch-namespaces", "a-", "'a-' is no namespace's name"),
        ("--watch-namespaces", "a;b", "'a;b' is no namespace's name"),
        ("--namespace", "--help", "'--help' is no namespace's name"),
        ("--image", "", "'' is no image's name"),
        ("--image", "--image", "'--image' is no image's name"),
        ("--kinds", "", "'' names no folder"),
        ("--kinds", ":", "':' names no folder"),
    ],
)
def test_what_names_nothing_is_refused_before_anything_is_asked(
    option: str, value: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(kubectl, "attempt", lambda *arguments: asked.append(arguments))
    done = CliRunner().invoke(commands, ["install", f"{option}={value}"])
    assert (done.exit_code, asked) == (2, [])
    assert told in done.output


@pytest.mark.parametrize(
    "name",
    [
        "nuvop",
        "nuvop:0.1.0",
        "library/nuvop",
        "docker.io/jane/nu-vop__x.y:2",
        "registry.example.org:5000/nuvop:2",
        "localhost:5000/nuvop",
        "[::1]:5000/nuvop",
        f"nuvop@sha256:{'0a' * 32}",
        f"nuvop:2@sha256:{'0a' * 32}",
    ],
)
def test_names_of_images(name: str) -> None:
    assert is_reference(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "a b",
        "nuvop\n",
        "Nuvop:1",
        "-nuvop",
        "nuvop:",
        "nuvop:-1",
        f"nuvop:{'1' * 129}",
        "nuvop@sha256:abc",
        f"nuvop@sha256:{'0a' * 33}",
        "https://registry.example.org/nuvop",
        "registry.example.org/",
        "nuvop/../x",
    ],
)
def test_what_is_no_images_name(name: str) -> None:
    assert not is_reference(name)


def test_a_namespace_of_somebody_elses_is_not_in_it(tmp_path: Path) -> None:
    assert "Namespace" not in {obj["kind"] for obj in overlaid(tmp_path, Wanted(), has_namespace=False)}


# --- why it is not ready ---------------------------------------------------------------------------------------------


def pod_of(status: Body) -> Body:
    return {"metadata": {"name": "nuvop-1"}, "status": status}


WAITING = {"waiting": {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "nuvop:0"'}}
ENDED = {"terminated": {"exitCode": 1, "reason": "Error"}}


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (
            {"containerStatuses": [{"state": WAITING}]},
            'Pod nuvop-1: ImagePullBackOff: Back-off pulling image "nuvop:0"',
        ),
        (
            {"containerStatuses": [{"state": {"running": {}}, "ready": False, "lastState": ENDED}]},
            (
                "Pod nuvop-1: the container has ended with exit code 1 (Error)\n"
                "Pod nuvop-1: the container runs, and its readiness probe fails"
            ),
        ),
        (
            {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/2"}]},
            "Pod nuvop-1: Unschedulable: 0/2",
        ),
        ({"conditions": [{"type": "PodScheduled", "status": "True"}]}, ""),
    ],
)
def test_what_a_pod_says(status: Body, told: str) -> None:
    assert "\n".join(readiness.reasons({}, [pod_of(status)], [])) == told


def test_what_events_say_of_its_pods_and_of_no_others() -> None:
    events = [
        {"involvedObject": {"name": name}, "reason": "Unhealthy", "message": "Readiness probe failed: 503", "count": 7}
        for name in ("nuvop-1", "another")
    ]
    assert list(readiness.reasons({}, [pod_of({})], events)) == [
        "Event Unhealthy (7 times): Readiness probe failed: 503"
    ]


TEXT = "[2026-11-26 11:37:50,366] nuvop.catalog [INFO    ] serving psqls.test.com, samples.nuvolaris.org\nmore\n"
JSON = '{"message": "logged in"}\n{"message": "serving samples.nuvolaris.org", "severity": "info"}\n'


@pytest.mark.parametrize(
    ("log", "served"),
    [
        (TEXT, {"psqls.test.com", "samples.nuvolaris.org"}),
        (JSON, {"samples.nuvolaris.org"}),
        ("[INFO    ] serving nothing\n", set()),
        ("a line in the middle\n", None),
    ],
)
def test_which_kinds_an_operator_serves_by_its_log(log: str, served: set[str] | None) -> None:
    assert serving.told(log) == served


def test_an_image_without_the_kinds_that_are_wanted_is_no_success() -> None:
    assert serving.difference({"a.x", "b.x"}, {"a.x", "b.x"}) == ""
    assert serving.difference({"a.x"}, {"a.x", "b.x", "c.x"}).startswith("the image also holds b.x, c.x: KINDS=")
    with pytest.raises(DeployError, match=re.escape("it serves a.x, c.x, and not b.x, d.x: name the kinds")):
        serving.difference({"a.x", "b.x", "d.x"}, {"a.x", "c.x"})
    with pytest.raises(DeployError, match="it serves nothing, and not a"):
        serving.difference({"a.x"}, set())


# --- what the garbage collector has to have seen ----------------------------------------------------------------------


class Collector:
    """A cluster in which somebody has just deleted a Sample, whose Deployment the garbage collector has yet to see.

    It deletes it when it has been looked at ``looks`` times, or never once the CRD is gone.
    """

    def __init__(self, looks: int) -> None:
        self.looks = looks
        self.crd: Body | None = yamltext.load((ROOT / "kustomize/samples/crd.yaml").read_text())

    def attempt(self, *arguments: str) -> tuple[int, str, str]:
        """In place of ``kubectl.attempt``."""
        match arguments:
            case ("get", "crd", "samples.nuvolaris.org", *_) if self.crd:
                return 0, json.dumps(self.crd), ""
            case ("delete", "crd", *_):
                self.crd = None
            case ("api-resources", *_):
                return 0, "deployments.apps\nevents\n", ""
            case ("get", "deployments.apps", *_):
                self.looks -= self.crd is not None
                return 0, json.dumps({"items": [CHILD] if self.looks > 0 else []}), ""
            case ("get", *_) if "--ignore-not-found" not in arguments:
                return 0, '{"items": []}', ""
        return 0, "", ""


CHILD = {
    "kind": "Deployment",
    "metadata": {
        "name": "obj-demo-deploy",
        "namespace": "default",
        "ownerReferences": [{"apiVersion": "nuvolaris.org/v1", "kind": "Sample", "name": "obj", "uid": "1"}],
    },
}


def test_a_crd_goes_when_the_garbage_collector_has_seen_the_children(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = Collector(looks=2)
    monkeypatch.setattr(kubectl, "attempt", seen.attempt)
    done = CliRunner().invoke(commands, ["remove"])
    assert done.exit_code == 0, done.output
    assert (seen.crd, seen.looks) == (None, 0)


def test_a_crd_whose_children_nobody_deletes_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = Collector(looks=10**9)
    monkeypatch.setattr(kubectl, "attempt", seen.attempt)
    told = "of custom resources that are gone:\n  deployment obj-demo-deploy in default\n"
    with pytest.raises(DeployError, match=told):
        CliRunner().invoke(commands, ["remove", "--timeout=1"], catch_exceptions=False)
    assert seen.crd


# --- on a cluster ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster() -> Iterator[controlplane.Cluster]:
    with own_cluster(f"{os.environ.get('NUVOP_TEST_CLUSTER', 'deploy')}-task", nodes=2) as made:
        yield made


@pytest.fixture
def admin(cluster: controlplane.Cluster) -> Kubectl:
    return Kubectl(cluster.kubeconfig, "default")


@pytest.fixture
def task(cluster: controlplane.Cluster) -> "Task":
    return Task(cluster.kubeconfig)


@dataclass(frozen=True)
class Task:
    """The tasks, as the Taskfile has them, with variables from the command line."""

    kubeconfig: Path

    def run(self, name: str, **variables: str) -> Done:
        return self._run(ROOT / ".tools/bin/task", name, *(f"{name}={value}" for name, value in variables.items()))

    def __call__(self, name: str, **variables: str) -> str:
        done = self.run(name, **variables)
        assert done.returncode == 0, done.stderr
        return done.stderr

    def impatient(self, *arguments: str) -> Done:
        """What the tasks call, which knows how long to wait."""
        return self._run(PROGRAMS / "python", "-m", "lab.deployer", *arguments)

    def _run(self, *command: str | Path) -> Done:
        variables = {"KUBECONFIG": str(self.kubeconfig), "HOME": "/nonexistent", "PATH": os.environ["PATH"]}
        return subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)


IGNORED = ("events", "events.events.k8s.io", "leases.coordination.k8s.io", "nodes", "pods.metrics.k8s.io")
"""What Kubernetes itself makes as time goes by."""


def everything(admin: Kubectl) -> set[str]:
    """All objects of the cluster, as type, namespace and name."""
    types = set(admin("api-resources", "--verbs=list,delete", "-o", "name").split()) - set(IGNORED)
    line = '{range .items[*]}{.kind} {.metadata.namespace}/{.metadata.name}{"\\n"}{end}'
    return set(admin("get", ",".join(sorted(types)), "-A", "-o", f"jsonpath={line}").splitlines())


def new(admin: Kubectl, before: set[str]) -> list[str]:
    return sorted(everything(admin) - before)


def leaves_nothing(admin: Kubectl, before: set[str]) -> None:
    """Wait until nothing is there that was not: controllers remove what belonged to what has been removed."""
    eventually("nothing is left", lambda: new(admin, before) == [], within=90)


def test_deploying_twice_changes_nothing_and_undeploying_leaves_nothing(admin: Kubectl, task: Task) -> None:
    before = everything(admin)
    told = task("deploy")
    assert "the operator in nuvop-system is Ready; it serves all namespaces" in told
    assert "nothing runs: node-00000" in told
    versions = "jsonpath={.items[*].metadata.resourceVersion}"
    own = ("get", "deploy,sa,ns,clusterrole,clusterrolebinding,crd", "-A", "-l", "app.kubernetes.io/name=nuvop")
    seen = admin(*own, "-o", versions)
    lines = task("deploy").splitlines()
    assert {line.rpartition(" ")[2] for line in lines if "/" in line.partition(" ")[0]} == {"unchanged"}
    assert admin(*own, "-o", versions) == seen
    task("undeploy")
    leaves_nothing(admin, before)
    assert "there is no operator in nuvop-system" in task("undeploy")


def test_with_a_namespace_an_image_and_namespaces_to_serve(admin: Kubectl, task: Task) -> None:
    before = everything(admin)
    for name in ("one", "two"):
        admin("create", "namespace", name)
    task("deploy", NAMESPACE="ops", IMAGE="registry.example.org/nuvop:2", WATCH_NAMESPACES="one,two")
    (found,) = Kubectl(admin.kubeconfig, "ops").get("deployment/nuvop")["spec"]["template"]["spec"]["containers"]
    assert found["image"] == "registry.example.org/nuvop:2"
    user = "--as=system:serviceaccount:ops:nuvop"
    assert [admin.run("auth", "can-i", "patch", "samples", user, "-n", name).stdout for name in ("one", "two")] == [
        "yes\n"
    ] * 2
    assert admin.run("auth", "can-i", "list", "samples", user, "-n", "default").stdout == "no\n"

    # Who serves less than before has fewer rights.
    told = task("deploy", NAMESPACE="ops", IMAGE="registry.example.org/nuvop:2", WATCH_NAMESPACES="two")
    assert "\nrole nuvop:ops in one deleted: of an earlier deployment" in told
    assert admin.run("auth", "can-i", "patch", "samples", user, "-n", "one").stdout == "no\n"
    assert admin.run("auth", "can-i", "patch", "samples", user, "-n", "two").stdout == "yes\n"

    task("undeploy", NAMESPACE="ops")
    for name in ("one", "two"):
        admin("delete", "namespace", name)
    leaves_nothing(admin, before)


def test_what_is_to_be_there_and_is_not(admin: Kubectl, task: Task) -> None:
    before = everything(admin)
    done = task.run("deploy", WATCH_NAMESPACES="default,absent")
    assert done.returncode != 0
    assert "error: there is no namespace absent" in done.stderr
    done = task.run("deploy", PULL_SECRET="absent")
    assert "error: there is no secret absent in nuvop-system" in done.stderr
    leaves_nothing(admin, before)


def test_what_was_there_before_stays(admin: Kubectl, task: Task) -> None:
    admin("create", "namespace", "lived-in")
    own = Kubectl(admin.kubeconfig, "lived-in")
    assert "namespace lived-in is there already" in task("deploy", NAMESPACE="lived-in")
    assert not any("pod-security" in label for label in admin.get("namespace/lived-in")["metadata"]["labels"])
    assert "namespace lived-in stays: it was there before" in task("undeploy", NAMESPACE="lived-in")

    task("deploy")
    Kubectl(admin.kubeconfig, "nuvop-system")("create", "configmap", "somebodys")
    told = task("undeploy")
    assert "namespace nuvop-system stays, because there is more in it" in told
    assert "  configmap/somebodys" in told.splitlines()
    assert own.list("deployments") == []
    for name in ("lived-in", "nuvop-system"):
        admin("delete", "namespace", name)


def test_it_says_why_it_is_not_ready(admin: Kubectl, task: Task) -> None:
    admin("create", "namespace", "full")
    full = Kubectl(admin.kubeconfig, "full")
    full("create", "quota", "none", "--hard=pods=0")
    eventually("it counts", lambda: full.get("quota/none").get("status", {}).get("used"))
    done = task.impatient("install", "--namespace", "full", "--timeout", "3")
    assert done.returncode == 1
    assert "error: the operator in full is not Ready: error: timed out" in done.stderr
    assert "  Deployment: FailedCreate: pods " in done.stderr
    assert "exceeded quota: none" in done.stderr
    task("undeploy", NAMESPACE="full")
    admin("delete", "namespace", "full")


@pytest.fixture
def operator(cluster: controlplane.Cluster, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Operator]:
    """In the place of the deployed one, whose pod is a pretence."""
    artifacts = artifacts_of(request.node)
    shutil.rmtree(artifacts, ignore_errors=True)
    artifacts.mkdir(parents=True)
    command: list[str | Path] = [PROGRAMS / "nuvop", "run", "-A", "--standalone"]
    made = Operator(
        command, environment(cluster, tmp_path / "generated"), artifacts / "operator.log", tmp_path / "generated"
    )
    yield made
    if hasattr(made, "process"):
        made.stop()


def test_undeploying_does_to_custom_resources_what_it_is_told(admin: Kubectl, task: Task, operator: Operator) -> None:
    before = everything(admin)
    task("deploy")
    operator.start()
    team = Kubectl(admin.kubeconfig, "team")
    admin("create", "namespace", "team")
    team.apply(sample("kept"), sample("obj"))
    team("annotate", "sam/kept", "nuvop.nuvolaris.org/deletion-policy=Orphan")
    eventually("ready", lambda: all(map(is_ready, team.list("sam"))))
    eventually("armed", lambda: team.get("sam/kept")["metadata"].get("finalizers"))
    deployed = everything(admin)

    refused = task.run("undeploy")
    assert refused.returncode != 0
    assert "error: nothing was removed, because there are 2 custom resources:" in refused.stderr
    assert "  samples.nuvolaris.org obj in team" in refused.stderr.splitlines()
    assert everything(admin) == deployed

    told = task("undeploy", CRS="keep")
    assert "  samples.nuvolaris.org kept in team" in told.splitlines()
    assert "nobody else finishes the deletion" in told
    assert "the CRDs stay" in told
    assert {obj["metadata"]["name"] for obj in team.list("sam")} == {"kept", "obj"}
    assert {obj["metadata"]["name"] for obj in team.list("deploy")} == {"kept-demo-deploy", "obj-demo-deploy"}
    assert not admin.get("namespace/nuvop-system")

    task("deploy")
    team("annotate", "sam/kept", "nuvop.nuvolaris.org/deletion-policy-")
    eventually("disarmed", lambda: not team.get("sam/kept")["metadata"].get("finalizers"))
    assert "2 custom resources deleted" in task("undeploy", CRS="delete")
    admin("delete", "namespace", "team")
    leaves_nothing(admin, before)


def test_custom_resources_that_nobody_finishes_hold_up_the_undeployment(admin: Kubectl, task: Task) -> None:
    task("deploy")
    admin.apply({**sample("held"), "metadata": {"name": "held", "finalizers": ["nuvop.nuvolaris.org/children"]}})
    done = task.impatient("remove", "--crs", "delete", "--timeout", "2")
    assert done.returncode == 1
    assert "error: after 2 seconds there is still 1 custom resource:" in done.stderr
    assert admin.get("crd/samples.nuvolaris.org")
    admin("patch", "sam/held", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    task("undeploy")


def test_what_only_an_operator_can_finish_is_not_begun_without_one(admin: Kubectl, task: Task) -> None:
    task("deploy")
    held = {**sample("held"), "metadata": {"name": "held", "finalizers": ["nuvop.nuvolaris.org/children"]}}
    admin.apply(held, sample("free"))
    own = Kubectl(admin.kubeconfig, "nuvop-system")
    own("scale", "deploy/nuvop", "--replicas=0")
    eventually("it is down", lambda: not own.get("deploy/nuvop")["status"].get("replicas"))
    refused = task.run("undeploy", CRS="delete")
    assert "error: nothing was deleted, because a finalizer of nuvop is on 1 custom resource:" in refused.stderr
    assert "  samples.nuvolaris.org held in default\nthe operator in nuvop-system is not Ready" in refused.stderr
    task("undeploy", CRS="keep")
    refused = task.run("undeploy", CRS="delete")
    assert "\nthere is no operator in nuvop-system, and nobody else finishes" in refused.stderr
    assert [cr["metadata"].get("deletionTimestamp") for cr in admin.list("samples")] == [None, None]
    admin("patch", "sam/held", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    assert "2 custom resources deleted" in task("undeploy", CRS="delete")


def test_a_pod_whose_service_account_was_made_anew_is_made_anew(admin: Kubectl, task: Task) -> None:
    task("deploy")
    own = Kubectl(admin.kubeconfig, "nuvop-system")

    def pods() -> set[str]:
        return {pod["metadata"]["uid"] for pod in own.list("pods") if is_alive(pod)}

    before = pods()
    assert "started anew" not in task("deploy")
    assert pods() == before
    own("delete", "serviceaccount/nuvop")
    assert "the operator is started anew" in task("deploy")
    after = pods()
    assert len(after) == 1
    assert after != before
    assert "started anew" not in task("deploy")
    assert pods() == after
    task("undeploy")


def is_alive(pod: Body) -> bool:
    return "deletionTimestamp" not in pod["metadata"]


def test_kinds_of_ones_own(
    request: pytest.FixtureRequest,
    cluster: controlplane.Cluster,
    admin: Kubectl,
    task: Task,
    my_kinds: Path,
    tmp_path: Path,
) -> None:
    before = everything(admin)
    task("deploy", KINDS=str(my_kinds))
    artifacts = artifacts_of(request.node)
    shutil.rmtree(artifacts, ignore_errors=True)
    artifacts.mkdir(parents=True)
    process = Deployed(cluster, "nuvop-system").operator(
        tmp_path, artifacts / "operator.log", NUVOP_KINDS=str(my_kinds)
    )
    process.start()
    try:
        admin.apply(podinfo(my_kinds))
        eventually("ready", lambda: is_ready(admin.get("podinfo/example")))
        assert not admin.get("crd/samples.nuvolaris.org")

        # What somebody has given beside that stays, and is told.
        admin("apply", "-f", "-", stdin=rights.computed(["--name=nuvop-more"], [ROOT / "kustomize/samples"]))
        told = task("deploy", KINDS=str(my_kinds))
        stay = "clusterrole nuvop-more, clusterrolebinding nuvop-more"
        assert f"rights that somebody else has given to the operator stay: {stay}" in told.splitlines()
        assert admin.get("clusterrole/nuvop-more")

        refused = task.run("undeploy")
        assert "error: nothing was removed, because there is 1 custom resource:" in refused.stderr
        assert "  podinfos.example.com example in default" in refused.stderr
        told = task("undeploy", CRS="delete")
        assert "1 custom resource deleted" in told
        assert "customresourcedefinition podinfos.example.com deleted" in told
        assert "clusterrole nuvop-more deleted" in told
    finally:
        process.stop()
    log = process.log()
    assert [line for line in log.splitlines() if "rights are missing" in line or "is not installed" in line] == []
    assert "ERROR" not in log.partition("podinfos/example")[0]
    leaves_nothing(admin, before)


def test_nothing_is_left_of_a_kind_that_the_garbage_collector_has_not_seen(
    admin: Kubectl, task: Task, my_kinds: Path
) -> None:
    before = everything(admin)
    # It looks every 30 seconds. What waits for it goes after a look; another kind's whole life is before the next one.
    crd = yamltext.load((ROOT / "kustomize/samples/crd.yaml").read_text().replace("nuvolaris.org", "other.example.org"))
    admin.apply(crd)
    admin("wait", "--for=condition=Established", "crd/samples.other.example.org")
    admin.apply({**sample("obj"), "apiVersion": "other.example.org/v1"})
    admin("delete", "samples.other.example.org/obj", "--cascade=foreground")
    admin("delete", "crd/samples.other.example.org")

    task("deploy", KINDS=str(my_kinds))
    cr = podinfo(my_kinds)
    admin.apply(cr)
    owner = {name: cr[name] for name in ("apiVersion", "kind")}
    found = admin.get("podinfo/example")["metadata"]
    metadata = {
        "name": "child",
        "labels": {OWNER_LABEL: found["uid"]},
        "ownerReferences": [{**owner, "name": found["name"], "uid": found["uid"]}],
    }
    admin.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    assert "1 custom resource deleted" in task("undeploy", CRS="delete")
    leaves_nothing(admin, before)


def test_who_forgets_the_kinds_is_told_what_is_served_no_longer(admin: Kubectl, task: Task, my_kinds: Path) -> None:
    before = everything(admin)
    task("deploy", KINDS=f"{my_kinds}:{ROOT / 'kustomize/samples'}")
    told = task("deploy")
    assert [line for line in told.splitlines() if "no longer served" in line] == [
        "podinfos.example.com: no longer served; the CRD, the custom resources and their children stay as they are"
    ]
    task("undeploy")
    assert admin.get("crd/podinfos.example.com")
    task("undeploy", KINDS=str(my_kinds))
    leaves_nothing(admin, before)


def test_what_helm_has_installed_is_left_to_helm(admin: Kubectl, task: Task) -> None:
    task("deploy")
    own = Kubectl(admin.kubeconfig, "nuvop-system")
    release = ("meta.helm.sh/release-name=mine", "meta.helm.sh/release-namespace=nuvop-system")
    for what in ("clusterrole/nuvop", "deployment/nuvop"):
        own("label", what, "app.kubernetes.io/managed-by=Helm")
        own("annotate", what, *release)
        before = everything(admin)
        refused = task.run("undeploy", CRS="delete")
        assert f"error: nothing was removed, because Helm has installed {what.replace('/', ' ')}" in refused.stderr
        assert "helm uninstall mine --namespace nuvop-system" in refused.stderr
        assert everything(admin) == before
        own("label", what, "app.kubernetes.io/managed-by-")
    task("undeploy")


def test_without_roles_it_says_which_kinds_it_takes(admin: Kubectl, task: Task, my_kinds: Path) -> None:
    before = everything(admin)
    task("deploy", KINDS=str(my_kinds))
    admin("delete", "clusterrole,clusterrolebinding", "nuvop")
    admin("apply", "-f", str(ROOT / "kustomize/samples/crd.yaml"))
    guess = "no role of the operator in nuvop-system tells which kinds it serves, so they are those of"
    told = task("undeploy", CRS="keep").splitlines()
    assert f"{guess} kustomize: samples.nuvolaris.org (KINDS= names others)" in told
    told = task("undeploy", KINDS=str(my_kinds)).splitlines()
    assert f"{guess} {my_kinds}: podinfos.example.com (KINDS= names others)" in told
    assert not any(guess in line for line in task("undeploy", KINDS=str(my_kinds)).splitlines())
    admin("delete", "crd", "samples.nuvolaris.org")
    leaves_nothing(admin, before)


def test_operators_of_different_kinds_leave_each_other_alone(admin: Kubectl, task: Task, my_kinds: Path) -> None:
    before = everything(admin)
    task("deploy")
    task("deploy", NAMESPACE="ops", KINDS=str(my_kinds))
    admin.apply(sample("obj"), podinfo(my_kinds))
    told = task("undeploy", NAMESPACE="ops", CRS="delete")
    assert "1 custom resource deleted" in told
    assert "customresourcedefinition podinfos.example.com deleted" in told
    assert admin.get("sam/obj")
    admin("delete", "sam/obj")
    task("undeploy")
    leaves_nothing(admin, before)


def test_what_another_operator_serves_is_left_to_it(admin: Kubectl, task: Task) -> None:
    before = everything(admin)
    task("deploy")
    task("deploy", NAMESPACE="ops", WATCH_NAMESPACES="default")
    admin.apply(sample("obj"))
    refused = task.run("undeploy", NAMESPACE="ops", CRS="delete")
    assert refused.returncode != 0
    assert "what deployment nuvop in nuvop-system may serve as well" in refused.stderr
    assert "there is no operator in default, but deployment nuvop in nuvop-system and deployment nuvop in ops" in task(
        "undeploy", NAMESPACE="default", CRS="keep"
    )
    admin("delete", "sam/obj")
    assert "the CRDs stay, for deployment nuvop in nuvop-system" in task("undeploy", NAMESPACE="ops")
    task("undeploy")
    leaves_nothing(admin, before)
