"""The shipped kind NginxServer: a Deployment and a Service; a new image is rolled out, and Ready follows."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from tests.conftest import Start
from tests.e2e.harness import (
    ROOT,
    Kubectl,
    Operator,
    always,
    assert_true,
    condition,
    eventually,
    every_version,
    example,
    is_ready,
)

FOLDER = ROOT / "kustomize/nginxservers"
INSTANCE = "nuvop.nuvolaris.org/instance"

Versions = list[dict[str, Any]]


@pytest.fixture
def seen(kubectl: Kubectl) -> Iterator[Versions]:
    """Every version of the CRs; each is checked for its truth."""
    with every_version(kubectl, "nginxservers") as versions:
        yield versions
    assert_true(versions)


@pytest.fixture
def running(kubectl: Kubectl, operator: Start, seen: Versions) -> Operator:
    """An operator of this kind."""
    return operator(NUVOP_KINDS=str(FOLDER))


def server(name: str, replicas: int, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "web.example.com/v1",
        "kind": "NginxServer",
        "metadata": {"name": name},
        "spec": {"replicas": replicas, **spec},
    }


def status(kubectl: Kubectl, name: str) -> dict[str, Any]:
    found: dict[str, Any] = kubectl.get(f"nginxserver/{name}").get("status", {})
    return found


def ready(kubectl: Kubectl, name: str) -> None:
    eventually(f"{name} is ready", lambda: is_ready(kubectl.get(f"nginxserver/{name}")))


def pods(kubectl: Kubectl, name: str, image: str | None = None) -> list[str]:
    """The names of the pods that are there to stay, of those with an image."""
    found = kubectl.list("pods")
    return sorted(
        pod["metadata"]["name"]
        for pod in found
        if pod["metadata"]["labels"].get(INSTANCE) == f"nginxservers-{name}"
        and "deletionTimestamp" not in pod["metadata"]
        and image in (None, pod["spec"]["containers"][0]["image"])
    )


def endpoints(kubectl: Kubectl, service: str) -> list[str]:
    """The names of the pods that a Service leads to."""
    slices = kubectl("get", "endpointslices", "-l", f"kubernetes.io/service-name={service}", "-o", "name").split()
    found = [endpoint for each in slices for endpoint in kubectl.get(each).get("endpoints") or []]
    return sorted(endpoint["targetRef"]["name"] for endpoint in found if endpoint["conditions"]["ready"])


def tells(kubectl: Kubectl, name: str, names: Sequence[str]) -> bool:
    told = status(kubectl, name)
    return (told.get("availableReplicas"), told.get("replicas", 0), told.get("podNames")) == (
        len(names),
        len(names),
        names,
    )


def test_a_server_from_creation_to_deletion(kubectl: Kubectl, running: Operator) -> None:
    kubectl.apply(example(FOLDER, "plain"))
    ready(kubectl, "site")
    eventually("its pods are told", lambda: tells(kubectl, "site", pods(kubectl, "site")))
    assert len(pods(kubectl, "site")) == 2
    eventually("the service leads to them", lambda: endpoints(kubectl, "site-nginx") == pods(kubectl, "site"))
    header, line = kubectl("get", "nginxservers").splitlines()
    assert header.split() == ["NAME", "REPLICAS", "AVAILABLE", "READY", "MESSAGE", "AGE"]
    assert line.split()[:4] == ["site", "2", "2", "True"]

    kubectl("patch", "nginxserver/site", "--type=merge", "-p", '{"spec": {"replicas": 3}}')
    ready(kubectl, "site")
    assert kubectl.get("deployment/site-nginx")["status"]["availableReplicas"] == 3
    kubectl("scale", "nginxserver/site", "--replicas=1")
    ready(kubectl, "site")
    eventually("one pod is told", lambda: tells(kubectl, "site", pods(kubectl, "site")))
    assert len(pods(kubectl, "site")) == 1
    kubectl("scale", "nginxserver/site", "--replicas=0")
    ready(kubectl, "site")
    eventually("none is told", lambda: tells(kubectl, "site", []))

    kubectl("delete", "nginxserver/site")
    eventually("no child is left", lambda: not kubectl.list("deployments,replicasets,pods"))
    eventually("nor its service", lambda: not kubectl.get("service/site-nginx"))


def test_ready_follows_the_rollout_of_an_image(kubectl: Kubectl, running: Operator, seen: Versions) -> None:
    kubectl.apply(server("site", 3, image="nginx:1.27"))
    ready(kubectl, "site")
    with every_version(kubectl, "deployments") as deployments:
        kubectl("patch", "nginxserver/site", "--type=merge", "-p", '{"spec": {"image": "nginx:1.29.3"}}')
        ready(kubectl, "site")
        eventually("the new pods are told", lambda: tells(kubectl, "site", pods(kubectl, "site", "nginx:1.29.3")))
        for what, versions in (("nginxserver/site", seen), ("deployment/site-nginx", deployments)):
            last = number(kubectl.get(what))
            eventually(f"all of {what} is seen", lambda last=last, of=versions: last in map(number, of))  # type: ignore[misc]
    told = [
        (found["status"], found["reason"])
        for version in seen
        if (found := condition(version, "Ready")) and found["observedGeneration"] == 2
    ]
    assert told[0] == ("False", "Progressing")
    assert told[-1] == ("True", "Succeeded")
    assert_no_old_pod_when_ready(seen, deployments)


def assert_no_old_pod_when_ready(servers: Versions, deployments: Versions) -> None:
    """Fail where Ready was told of the second generation while there were pods of the first: by resource versions."""
    checked = 0
    for version in servers:
        if condition(version, "Ready").get("status") != "True" or not is_ready(version):
            continue
        if version["metadata"]["generation"] == 1:
            continue
        then = max((each for each in deployments if number(each) < number(version)), key=number)
        counts = {name: then["status"].get(name) for name in ("replicas", "updatedReplicas", "availableReplicas")}
        assert counts == dict.fromkeys(counts, 3)
        assert then["metadata"]["generation"] == then["status"]["observedGeneration"]
        assert then["spec"]["template"]["spec"]["containers"][0]["image"] == "nginx:1.29.3"
        checked += 1
    assert checked


def number(version: Mapping[str, Any]) -> int:
    return int(version["metadata"]["resourceVersion"])


def test_a_rollout_that_hangs_is_not_ready_and_says_why(kubectl: Kubectl, running: Operator) -> None:
    kubectl.apply(server("site", 2, image="nginx:1.27"))
    ready(kubectl, "site")
    before = pods(kubectl, "site")
    kubectl("create", "quota", "full", "--hard=pods=2")
    eventually("it counts", lambda: kubectl.get("quota/full")["status"].get("used", {}).get("pods") == "2")
    kubectl("patch", "nginxserver/site", "--type=merge", "-p", '{"spec": {"image": "nginx:1.29.3"}}')

    def hangs() -> bool:
        found = condition(kubectl.get("nginxserver/site"), "Ready")
        return found["status"] == "False" and found["observedGeneration"] == 2 and "exceeded quota" in found["message"]

    eventually("it says why", hangs)
    always("it stays so", hangs, during=3)
    # The old pods go on serving.
    assert tells(kubectl, "site", before)
    kubectl("delete", "quota/full")
    ready(kubectl, "site")
    eventually("the new pods are told", lambda: tells(kubectl, "site", pods(kubectl, "site", "nginx:1.29.3")))
    assert not set(before) & set(pods(kubectl, "site"))


def test_two_side_by_side(kubectl: Kubectl, running: Operator) -> None:
    kubectl.apply(server("a", 2), server("a-b", 3, image="nginx:1.29.3"))
    for name, replicas in (("a", 2), ("a-b", 3)):
        ready(kubectl, name)
        eventually("its pods are told", lambda name=name: tells(kubectl, name, pods(kubectl, name)))  # type: ignore[misc]
        own = pods(kubectl, name)
        assert len(own) == replicas
        eventually("its service leads to them", lambda name=name, own=own: endpoints(kubectl, f"{name}-nginx") == own)  # type: ignore[misc]
    assert not set(pods(kubectl, "a")) & set(pods(kubectl, "a-b"))
    kubectl("delete", "nginxserver/a")
    eventually("its pods are gone", lambda: not pods(kubectl, "a"))
    assert len(pods(kubectl, "a-b", "nginx:1.29.3")) == 3
    assert is_ready(kubectl.get("nginxserver/a-b"))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a" * 58, "metadata.name may have 57 characters at most"),
        ("1a", "metadata.name must begin with a letter"),
        ("a.b", "metadata.name must begin with a letter and have no dot"),
    ],
)
def test_names_that_no_child_could_have_are_refused(kubectl: Kubectl, name: str, said: str) -> None:
    assert said in kubectl.run("apply", "-f", "-", stdin=json.dumps(server(name, 1))).stderr


def test_the_longest_name_will_do(kubectl: Kubectl, running: Operator) -> None:
    name = "a" * 57
    kubectl.apply(server(name, 1))
    ready(kubectl, name)
    kubectl("delete", f"nginxserver/{name}")
