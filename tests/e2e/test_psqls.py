"""The shipped kind psql: a StatefulSet with a volume for each pod, a headless Service, and a password made once.

The nodes are simulated, and nothing provides volumes: the tests do.
"""

import base64
import json
from collections.abc import Iterable, Iterator
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
    stalled,
)

FOLDER = ROOT / "kustomize/psqls"
OWNER = "nuvop.nuvolaris.org/owner"


@pytest.fixture
def running(kubectl: Kubectl, operator: Start) -> Iterator[Operator]:
    """An operator of this kind; every version of its CRs is checked for its truth."""
    with every_version(kubectl, "psqls") as seen:
        yield operator(NUVOP_KINDS=str(FOLDER))
    assert_true(seen)


class Volumes:
    """PersistentVolumes, each for the claim of one pod."""

    def __init__(self, kubectl: Kubectl) -> None:
        self._kubectl = kubectl
        self.made: list[str] = []

    def provide(self, name: str, count: int) -> None:
        """Make them for so many pods of a psql."""
        namespace = self._kubectl.namespace
        volumes: list[dict[str, Any]] = [
            {
                "apiVersion": "v1",
                "kind": "PersistentVolume",
                "metadata": {"name": f"{namespace}-{claim}"},
                "spec": {
                    "capacity": {"storage": "1Gi"},
                    "accessModes": ["ReadWriteOnce"],
                    "persistentVolumeReclaimPolicy": "Retain",
                    "storageClassName": "",
                    "hostPath": {"path": "/nonexistent"},
                    "claimRef": {"namespace": namespace, "name": claim},
                },
            }
            for claim in claims_of(name, range(count))
        ]
        self.made += [volume["metadata"]["name"] for volume in volumes]
        self._kubectl.apply(*volumes)


def claims_of(name: str, numbers: Iterable[int]) -> list[str]:
    return [f"www-{name}-psql-pod-{number}" for number in numbers]


@pytest.fixture
def volumes(kubectl: Kubectl) -> Iterator[Volumes]:
    provider = Volumes(kubectl)
    yield provider
    kubectl("delete", "pv", *provider.made, "--wait=false")


def psql(name: str, size: int, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "test.com/v1",
        "kind": "psql",
        "metadata": {"name": name},
        "spec": {"size": size, **spec},
    }


def ready(kubectl: Kubectl, name: str) -> None:
    eventually(f"{name} is ready", lambda: is_ready(kubectl.get(f"psql/{name}")))


def told(kubectl: Kubectl, name: str, field: str) -> Any:
    return kubectl.get(f"psql/{name}")["status"].get(field)


def claims_are_told(kubectl: Kubectl, name: str, numbers: Iterable[int]) -> None:
    """Wait until a psql's status has the claims of these pods: they are seen by another watch than the pods."""
    wanted = claims_of(name, numbers)
    eventually(f"{wanted} are told", lambda: told(kubectl, name, "claims") == wanted)


def claims(kubectl: Kubectl) -> dict[str, str]:
    """The uids of all claims that are not being deleted, by their names."""
    found = [claim["metadata"] for claim in kubectl.list("pvc")]
    return {metadata["name"]: metadata["uid"] for metadata in found if "deletionTimestamp" not in metadata}


def password(kubectl: Kubectl, name: str) -> str:
    """The password; empty where there is none."""
    data = kubectl.get(f"secret/{name}-psql").get("data") or {}
    return base64.b64decode(data.get("password", "")).decode()


def owners(kubectl: Kubectl, what: str) -> set[str]:
    """Whose an object is, as ``Kind/name``."""
    found = kubectl.get(what)["metadata"].get("ownerReferences") or []
    return {f"{owner['kind']}/{owner['name']}" for owner in found}


def scaled(kubectl: Kubectl, name: str, size: int) -> None:
    kubectl("scale", f"psql/{name}", f"--replicas={size}")
    ready(kubectl, name)
    eventually("its pods are told", lambda: len(told(kubectl, name, "podNames")) == size)


def delete(kubectl: Kubectl, name: str) -> None:
    """Delete a psql, and wait until its pods are gone."""
    kubectl("delete", f"psql/{name}")
    eventually("its pods are gone", lambda: not pods(kubectl, name))
    for what in (f"statefulset/{name}-psql-pod", f"service/{name}-psql"):
        eventually("so is the rest", lambda what=what: not kubectl.get(what))  # type: ignore[misc]


def pods(kubectl: Kubectl, name: str) -> list[str]:
    found = kubectl("get", "pods", "-l", f"nuvop.nuvolaris.org/instance=psqls-{name}", "-o", "name")
    return [pod.removeprefix("pod/") for pod in found.split()]


def test_a_psql_from_creation_to_deletion(kubectl: Kubectl, running: Operator, volumes: Volumes) -> None:
    kubectl.apply(example(FOLDER, "plain"))
    # Nothing binds the claim yet, so no node takes the pod.
    waits = "StatefulSet/db-psql-pod: 0 of 1 replicas are ready (FailedScheduling:"
    eventually(
        "it says what it waits for",
        lambda: condition(kubectl.get("psql/db"), "Ready").get("message", "").startswith(waits),
    )
    claims_are_told(kubectl, "db", [0])
    volumes.provide("db", 3)
    ready(kubectl, "db")

    stateful_set = kubectl.get("statefulset/db-psql-pod")
    assert stateful_set["spec"]["serviceName"] == "db-psql"
    assert kubectl.get("service/db-psql")["spec"]["clusterIP"] == "None"
    (container,) = kubectl.get("pod/db-psql-pod-0")["spec"]["containers"]
    environment = {entry["name"]: entry for entry in container["env"]}
    assert environment["POSTGRES_PASSWORD"]["valueFrom"]["secretKeyRef"] == {"name": "db-psql", "key": "password"}
    claim = kubectl.get("pvc/www-db-psql-pod-0")
    assert claim["spec"]["resources"]["requests"]["storage"] == "1Gi"
    secret = kubectl.get("secret/db-psql")
    assert base64.b64decode(secret["data"]["username"]) == b"postgres"
    assert len(password(kubectl, "db")) == 24
    header, line = kubectl("get", "psqls").splitlines()
    assert header.split() == ["NAME", "SIZE", "RETAIN", "READY", "MESSAGE", "AGE"]
    assert line.split()[:4] == ["db", "1", "true", "True"]

    scaled(kubectl, "db", 3)
    assert told(kubectl, "db", "podNames") == [f"db-psql-pod-{number}" for number in range(3)]
    claims_are_told(kubectl, "db", range(3))
    kubectl("patch", "psql/db", "--type=merge", "-p", '{"spec": {"size": 1}}')
    ready(kubectl, "db")
    eventually("one pod is told", lambda: told(kubectl, "db", "podNames") == ["db-psql-pod-0"])
    # Their volumes stay, and are found again.
    before = claims(kubectl)
    assert told(kubectl, "db", "claims") == sorted(before) == claims_of("db", range(3))
    scaled(kubectl, "db", 2)
    assert claims(kubectl) == before
    scaled(kubectl, "db", 0)
    assert claims(kubectl) == before
    # The password was made once, whatever came since.
    assert kubectl.get("secret/db-psql")["data"] == secret["data"]


def test_data_and_password_outlive_a_psql_and_are_a_new_ones(
    kubectl: Kubectl, running: Operator, volumes: Volumes
) -> None:
    volumes.provide("db", 3)
    kubectl.apply(psql("db", 3))
    ready(kubectl, "db")
    scaled(kubectl, "db", 2)
    data, secret = claims(kubectl), kubectl.get("secret/db-psql")
    assert len(data) == 3
    references = {f"PersistentVolumeClaim/{claim}" for claim in data}
    eventually("the password has its owners", lambda: owners(kubectl, "secret/db-psql") == {"psql/db"} | references)
    assert not any(owners(kubectl, f"pvc/{claim}") for claim in data)

    delete(kubectl, "db")
    eventually("it has gone from the owners", lambda: owners(kubectl, "secret/db-psql") == references)
    assert claims(kubectl) == data
    assert kubectl.get("secret/db-psql")["data"] == secret["data"]

    kubectl.apply(psql("db", 1))
    ready(kubectl, "db")
    assert claims(kubectl) == data
    adopted = kubectl.get("secret/db-psql")
    assert (adopted["data"], adopted["metadata"]["uid"]) == (secret["data"], secret["metadata"]["uid"])
    assert adopted["metadata"]["labels"][OWNER] == kubectl.get("psql/db")["metadata"]["uid"]
    eventually("it is the new one's", lambda: owners(kubectl, "secret/db-psql") == {"psql/db"} | references)

    # Who wants to be rid of the data deletes it; with the last of it the password goes.
    delete(kubectl, "db")
    first, *rest = claims_of("db", range(3))
    kubectl("delete", "pvc", *rest)
    eventually("the others are gone", lambda: sorted(claims(kubectl)) == [first])
    always("what unlocks the last one stays", lambda: password(kubectl, "db"), during=2)
    kubectl("delete", "pvc", first)
    eventually("so is the password", lambda: not kubectl.get("secret/db-psql"))


def test_with_retain_off_everything_goes(kubectl: Kubectl, running: Operator, volumes: Volumes) -> None:
    volumes.provide("scratch", 3)
    kubectl.apply(example(FOLDER, "discard"))
    ready(kubectl, "scratch")
    scaled(kubectl, "scratch", 3)
    scaled(kubectl, "scratch", 1)
    assert len(claims(kubectl)) == 3
    delete(kubectl, "scratch")
    eventually("the volumes are gone", lambda: not claims(kubectl))
    eventually("the password is gone", lambda: not kubectl.get("secret/scratch-psql"))
    eventually("nothing is left", lambda: not kubectl.list("pvc,secrets,statefulsets,services,pods"))


@pytest.mark.parametrize("retain", [True, False])
def test_what_retain_says_last_counts_also_for_volumes_without_a_pod(
    kubectl: Kubectl, running: Operator, volumes: Volumes, retain: bool
) -> None:
    """Kubernetes itself forgets them."""
    volumes.provide("db", 3)
    kubectl.apply(psql("db", 3, retain=not retain))
    ready(kubectl, "db")
    scaled(kubectl, "db", 1)
    kubectl("patch", "psql/db", "--type=merge", "-p", json.dumps({"spec": {"retain": retain}}))
    ready(kubectl, "db")
    bound = set() if retain else {"StatefulSet/db-psql-pod"}
    eventually(
        "all volumes are as it says",
        lambda: all(owners(kubectl, f"pvc/{claim}") == bound for claim in claims_of("db", range(3))),
    )
    data = claims(kubectl)
    assert len(data) == 3
    delete(kubectl, "db")
    if retain:
        always("the volumes stay", lambda: claims(kubectl) == data, during=5)
        assert password(kubectl, "db")
    else:
        eventually("the volumes are gone", lambda: not claims(kubectl))
        eventually("the password is gone", lambda: not kubectl.get("secret/db-psql"))


def test_a_lost_password_is_told_and_never_made_anew(kubectl: Kubectl, running: Operator, volumes: Volumes) -> None:
    volumes.provide("db", 1)
    kubectl.apply(psql("db", 1))
    ready(kubectl, "db")
    pod = kubectl.get("pod/db-psql-pod-0")["metadata"]["uid"]
    saved = kubectl.get("secret/db-psql")
    kubectl("delete", "secret/db-psql")
    reason, message = eventually("it is told", lambda: any(s := stalled(kubectl.get("psql/db"))) and s)
    assert reason == "SecretLost"
    assert "Secret/db-psql is gone" in message
    assert "PersistentVolumeClaim/www-db-psql-pod-0" in message
    # Nor by a change, nor by a new psql of that name.
    kubectl("scale", "psql/db", "--replicas=2")
    eventually(
        "told of the change, too", lambda: condition(kubectl.get("psql/db"), "Stalled").get("observedGeneration") == 2
    )
    assert kubectl.get("statefulset/db-psql-pod")["spec"]["replicas"] == 1
    assert kubectl.get("pod/db-psql-pod-0")["metadata"]["uid"] == pod
    kubectl("delete", "psql/db")
    kubectl.apply(psql("db", 1))
    eventually("told of the new one", lambda: stalled(kubectl.get("psql/db"))[0] == "SecretLost")
    always("it is not made", lambda: not kubectl.get("secret/db-psql"), during=3)

    metadata = {name: saved["metadata"][name] for name in ("name", "labels")}
    kubectl.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": saved["data"]})
    ready(kubectl, "db")
    assert kubectl.get("secret/db-psql")["data"] == saved["data"]
    eventually(
        "it is the new one's",
        lambda: owners(kubectl, "secret/db-psql") == {"psql/db", "PersistentVolumeClaim/www-db-psql-pod-0"},
    )


def test_a_password_from_a_backup_that_has_no_labels_will_do(
    kubectl: Kubectl, running: Operator, volumes: Volumes
) -> None:
    volumes.provide("db", 1)
    kubectl.apply(psql("db", 1))
    ready(kubectl, "db")
    known = password(kubectl, "db")
    kubectl("delete", "secret/db-psql")
    eventually("it is told", lambda: stalled(kubectl.get("psql/db"))[0] == "SecretLost")
    literals = ["--from-literal=username=postgres", f"--from-literal=password={known}"]
    kubectl("create", "secret", "generic", "db-psql", *literals)
    ready(kubectl, "db")
    assert password(kubectl, "db") == known
    claim = "PersistentVolumeClaim/www-db-psql-pod-0"
    eventually("it is nuvop's again", lambda: owners(kubectl, "secret/db-psql") == {"psql/db", claim})
    assert kubectl.get("secret/db-psql")["metadata"]["labels"]["nuvop.nuvolaris.org/instance"] == "psqls-db"


def test_a_password_of_the_users_own_is_used_and_left_alone(
    kubectl: Kubectl, running: Operator, volumes: Volumes
) -> None:
    volumes.provide("db", 1)
    kubectl("create", "secret", "generic", "db-psql", "--from-literal=username=me", "--from-literal=password=mine")
    before = kubectl.get("secret/db-psql")
    kubectl.apply(psql("db", 1, retain=False))
    ready(kubectl, "db")
    delete(kubectl, "db")
    eventually("the volume is gone", lambda: not claims(kubectl))
    assert kubectl.get("secret/db-psql") == before


def test_the_password_is_nobodys_drift(kubectl: Kubectl, running: Operator, volumes: Volumes) -> None:
    volumes.provide("db", 1)
    kubectl.apply(psql("db", 1))
    ready(kubectl, "db")
    eventually("it has its owners", lambda: len(owners(kubectl, "secret/db-psql")) == 2)
    value = base64.b64encode(b"changed by hand").decode()
    kubectl("patch", "secret/db-psql", "--type=merge", "-p", json.dumps({"data": {"password": value}}))
    changed = kubectl.get("secret/db-psql")["metadata"]["resourceVersion"]
    kubectl("annotate", "psql/db", "nuvop.nuvolaris.org/reconcile=now")
    eventually("it has been applied anew", lambda: told(kubectl, "db", "lastHandledReconcileAt") == "now")
    assert password(kubectl, "db") == "changed by hand"
    assert kubectl.get("secret/db-psql")["metadata"]["resourceVersion"] == changed
    assert "putting back" not in running.log()
    assert is_ready(kubectl.get("psql/db"))
    assert "changed by hand" not in running.log()


def test_two_side_by_side(kubectl: Kubectl, running: Operator, volumes: Volumes) -> None:
    volumes.provide("a", 1)
    volumes.provide("a-b", 2)
    kubectl.apply(psql("a", 1, retain=False), psql("a-b", 2))
    for name, size in (("a", 1), ("a-b", 2)):
        ready(kubectl, name)
        own = [f"{name}-psql-pod-{number}" for number in range(size)]
        eventually("its pods are told", lambda name=name, own=own: told(kubectl, name, "podNames") == own)  # type: ignore[misc]
        claims_are_told(kubectl, name, range(size))
    assert password(kubectl, "a") != password(kubectl, "a-b")
    kept = password(kubectl, "a-b")
    delete(kubectl, "a")
    eventually("its volume is gone", lambda: sorted(claims(kubectl)) == claims_of("a-b", range(2)))
    eventually("so is its password", lambda: not kubectl.get("secret/a-psql"))
    assert password(kubectl, "a-b") == kept
    assert is_ready(kubectl.get("psql/a-b"))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a" * 44, "metadata.name may have 43 characters at most: its StatefulSet is called"),
        ("1a", "metadata.name must begin with a letter"),
        ("a.b", "metadata.name must begin with a letter and have no dot"),
    ],
)
def test_names_that_no_child_could_have_are_refused(kubectl: Kubectl, name: str, said: str) -> None:
    assert said in kubectl.run("apply", "-f", "-", stdin=json.dumps(psql(name, 1))).stderr


def test_the_longest_name_will_do(kubectl: Kubectl, running: Operator, volumes: Volumes) -> None:
    name = "a" * 43
    volumes.provide(name, 1)
    kubectl.apply(psql(name, 1))
    ready(kubectl, name)
