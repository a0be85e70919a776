"""The shipped kind Memcached: a Deployment, a headless Service, and a CronJob while a backup is asked for."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import Start
from tests.e2e.harness import (
    ROOT,
    Kubectl,
    Operator,
    assert_true,
    eventually,
    every_version,
    example,
    is_ready,
    stalled,
)

FOLDER = ROOT / "kustomize/memcacheds"
INSTANCE = "nuvop.nuvolaris.org/instance"


@pytest.fixture
def running(kubectl: Kubectl, operator: Start) -> Iterator[Operator]:
    """An operator of this kind; every version of its CRs is checked for its truth."""
    with every_version(kubectl, "memcacheds") as seen:
        yield operator(NUVOP_KINDS=str(FOLDER))
    assert_true(seen)


def memcached(name: str, size: int, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "cache.example.com/v1alpha1",
        "kind": "Memcached",
        "metadata": {"name": name},
        "spec": {"size": size, **spec},
    }


def ready(kubectl: Kubectl, name: str) -> dict[str, Any]:
    found: dict[str, Any] = eventually(
        f"{name} is ready", lambda: is_ready(cr := kubectl.get(f"memcached/{name}")) and cr
    )
    return found


def nodes(kubectl: Kubectl, name: str) -> list[str]:
    found: list[str] = kubectl.get(f"memcached/{name}")["status"].get("nodes", [])
    return found


def pods(kubectl: Kubectl, name: str, app: str = "memcached") -> list[str]:
    selected = f"{INSTANCE}=memcacheds-{name},app={app}"
    return sorted(kubectl("get", "pods", "-l", selected, "-o", "jsonpath={.items[*].metadata.name}").split())


def test_a_memcached_from_creation_to_deletion(kubectl: Kubectl, running: Operator) -> None:
    kubectl.apply(example(FOLDER, "plain"))
    ready(kubectl, "sessions")
    deployment = kubectl.get("deployment/sessions-memcached")
    assert (deployment["spec"]["replicas"], deployment["status"]["availableReplicas"]) == (3, 3)
    eventually("its nodes are told", lambda: len(nodes(kubectl, "sessions")) == 3)
    assert nodes(kubectl, "sessions") == pods(kubectl, "sessions")
    assert kubectl.get("service/sessions-memcached")["spec"]["clusterIP"] == "None"
    header, line = kubectl("get", "mc").splitlines()
    assert header.split() == ["NAME", "SIZE", "BACKUP", "READY", "MESSAGE", "AGE"]
    assert line.split()[:3] == ["sessions", "3", "True"]

    kubectl("patch", "mc/sessions", "--type=merge", "-p", '{"spec": {"size": 4}}')
    ready(kubectl, "sessions")
    assert kubectl.get("deployment/sessions-memcached")["status"]["availableReplicas"] == 4
    kubectl("scale", "mc/sessions", "--replicas=1")
    ready(kubectl, "sessions")
    eventually("one node is told", lambda: nodes(kubectl, "sessions") == pods(kubectl, "sessions"))
    scale = kubectl("get", "mc/sessions", "--subresource=scale", "-o", "jsonpath={.spec.replicas} {.status.replicas}")
    assert scale == "1 1"

    kubectl("delete", "mc/sessions")
    eventually("no child is left", lambda: not kubectl.list("deployments,replicasets,pods"))
    eventually("nor its service", lambda: not kubectl.get("service/sessions-memcached"))


@pytest.mark.parametrize("size", [0, 11])
def test_there_are_one_to_ten_nodes(kubectl: Kubectl, size: int) -> None:
    refused = kubectl.run("apply", "-f", "-", stdin=json.dumps(memcached("a", size)))
    assert f"Invalid value: {size}: spec.size in body should be" in refused.stderr
    kubectl.apply(memcached("a", 1))
    refused = kubectl.run("scale", "mc/a", f"--replicas={size}")
    assert f"Invalid value: {size}: spec.size in body should be" in refused.stderr
    kubectl("delete", "mc/a")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a" * 46, "metadata.name may have 45 characters at most: the CronJob of its backup"),
        ("1a", "metadata.name must begin with a letter"),
        ("a.b", "metadata.name must begin with a letter and have no dot"),
    ],
)
def test_names_that_no_child_could_have_are_refused(kubectl: Kubectl, name: str, said: str) -> None:
    assert said in kubectl.run("apply", "-f", "-", stdin=json.dumps(memcached(name, 1))).stderr


def test_the_longest_name_will_do(kubectl: Kubectl, running: Operator) -> None:
    name = "a" * 45
    kubectl.apply(memcached(name, 1, backup={"schedule": "@hourly"}))
    ready(kubectl, name)
    kubectl("delete", f"mc/{name}")


def test_the_backup_comes_and_goes_with_its_field(kubectl: Kubectl, running: Operator) -> None:
    kubectl.apply(memcached("a", 2))
    ready(kubectl, "a")
    assert not kubectl.list("cronjobs")

    kubectl("patch", "mc/a", "--type=merge", "-p", '{"spec": {"backup": {"schedule": "0 4 * * 0"}}}')
    ready(kubectl, "a")
    cron = kubectl.get("cronjob/a-backup")
    assert cron["spec"]["schedule"] == "0 4 * * 0"
    (container,) = cron["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert container["env"] == [{"name": "SERVICE", "value": "a-memcached"}]
    script = cron["spec"]["jobTemplate"]["spec"]["template"]["spec"]["volumes"][0]["configMap"]["name"]
    assert "metadump" in kubectl.get(f"configmap/{script}")["data"]["backup.py"]
    assert "0 4 * * 0" in kubectl("get", "mc")

    # A backup's pod is none of the nodes.
    kubectl("create", "job", "--from=cronjob/a-backup", "now")
    (pod,) = eventually("it runs", lambda: pods(kubectl, "a", app="memcached-backup"))
    eventually("it ends", lambda: kubectl.get(f"pod/{pod}")["status"]["phase"] == "Succeeded")
    kubectl("scale", "mc/a", "--replicas=3")
    ready(kubectl, "a")
    eventually("the nodes are told", lambda: len(nodes(kubectl, "a")) == 3)
    assert nodes(kubectl, "a") == pods(kubectl, "a")

    kubectl("patch", "mc/a", "--type=merge", "-p", '{"spec": {"backup": {"schedule": "now and then"}}}')
    reason, message = eventually("it is refused", lambda: any(s := stalled(kubectl.get("mc/a"))) and s)
    assert reason == "ApplyFailed"
    assert "now and then" in message
    assert kubectl.get("cronjob/a-backup")["spec"]["schedule"] == "0 4 * * 0"

    kubectl("patch", "mc/a", "--type=merge", "-p", '{"spec": {"backup": null}}')
    ready(kubectl, "a")
    eventually("the backup is gone", lambda: not kubectl.get("cronjob/a-backup"))
    eventually("so is its script", lambda: not kubectl.get(f"configmap/{script}"))
    eventually("and what it has made", lambda: not kubectl.get("job/now"))
    assert len(pods(kubectl, "a")) == 3

    def in_the_inventory() -> set[str]:
        return {entry["kind"] for entry in kubectl.get("mc/a")["status"]["inventory"]}

    eventually("nothing else is in the inventory", lambda: in_the_inventory() == {"Deployment", "Service"})
    ready(kubectl, "a")


def test_two_side_by_side(kubectl: Kubectl, running: Operator) -> None:
    backup = {"schedule": "@daily"}
    kubectl.apply(memcached("a", 2, backup=backup), memcached("a-b", 3, backup=backup))
    for name, size in (("a", 2), ("a-b", 3)):
        ready(kubectl, name)
        eventually("its nodes are told", lambda name=name, size=size: len(nodes(kubectl, name)) == size)  # type: ignore[misc]
        assert nodes(kubectl, name) == pods(kubectl, name)
        cron = kubectl.get(f"cronjob/{name}-backup")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        assert cron["containers"][0]["env"][0]["value"] == f"{name}-memcached"
        assert kubectl.get(f"service/{name}-memcached")["spec"]["selector"][INSTANCE] == f"memcacheds-{name}"
    assert not set(nodes(kubectl, "a")) & set(nodes(kubectl, "a-b"))
    kubectl("delete", "mc/a")
    eventually("its pods are gone", lambda: not pods(kubectl, "a"))
    assert len(pods(kubectl, "a-b")) == 3
    assert is_ready(kubectl.get("mc/a-b"))
