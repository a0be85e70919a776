"""Which Warning events are taken to be about which objects."""

from datetime import UTC, datetime
from typing import Any

import pytest

from nuvop.complaints import Complaints

SINCE = datetime(2026, 1, 1, 10, tzinfo=UTC).timestamp()


def event(
    kind: str, name: str, message: str = "no", *, at: str = "2026-01-01T10:00:05Z", uid: str = ""
) -> dict[str, Any]:
    return {
        "metadata": {"uid": uid or f"{kind}/{name}/{message}"},
        "involvedObject": {"kind": kind, "namespace": "demo", "name": name},
        "reason": "Failed",
        "message": message,
        "lastTimestamp": at,
    }


@pytest.mark.parametrize(
    ("kind", "name", "maker", "owner"),
    [
        ("Deployment", "web", "Deployment", "web"),
        ("Pod", "web", "Pod", "web"),
        ("Pod", "web-7d4b9c6f5d-x2kfz", "Deployment", "web"),
        ("ReplicaSet", "web-7d4b9c6f5d", "Deployment", "web"),
        ("Pod", "web-x2kfz", "DaemonSet", "web"),
        ("Pod", "web-x2kfz", "Job", "web"),
        ("Pod", "web-0", "StatefulSet", "web"),
        ("Pod", "nightly-29384720-x2kfz", "CronJob", "nightly"),
        ("Job", "nightly-29384720", "CronJob", "nightly"),
    ],
)
def test_events_of_pods_are_about_what_made_them(kind: str, name: str, maker: str, owner: str) -> None:
    complaints = Complaints()
    assert (maker, "demo", owner) in complaints.put(event(kind, name))
    assert complaints.about((maker, "demo", owner), SINCE) == "Failed: no"
    assert complaints.about(("Service", "demo", owner), SINCE) == "", "another object of that name"


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("Pod", "web-api-7d4b9c6f5d-x2kfz"),
        ("Deployment", "web-0"),
        ("Pod", "web-aeiou"),
        ("Service", "web-x2kfz"),
        ("Service", "web"),
    ],
)
def test_events_of_others_are_not(kind: str, name: str) -> None:
    complaints = Complaints()
    complaints.put(event(kind, name))
    assert complaints.about(("Deployment", "demo", "web"), SINCE) == ""


def test_the_newest_counts_and_old_ones_do_not() -> None:
    complaints = Complaints()
    complaints.put(event("Pod", "web-0", "older", at="2026-01-01T10:00:05Z"))
    complaints.put(event("Pod", "web-1", "newer", at="2026-01-01T10:00:07Z"))
    complaints.put(event("Pod", "web-2", "oldest", at="2026-01-01T09:59:00Z"))
    assert complaints.about(("StatefulSet", "demo", "web"), SINCE) == "Failed: newer"
    assert complaints.about(("StatefulSet", "demo", "web"), SINCE + 8) == ""


def test_an_event_that_repeats_is_as_new_as_its_last_time() -> None:
    complaints = Complaints()
    repeated = {**event("Pod", "web-0"), "lastTimestamp": None, "eventTime": "2026-01-01T09:00:00.000000Z"}
    complaints.put({**repeated, "series": {"lastObservedTime": "2026-01-01T10:30:00.000000Z"}})
    assert complaints.about(("StatefulSet", "demo", "web"), SINCE) == "Failed: no"


def test_what_is_gone_is_forgotten() -> None:
    complaints = Complaints()
    complaints.put(event("Pod", "web-0"))
    complaints.remove(event("Pod", "web-0"))
    assert complaints.about(("StatefulSet", "demo", "web"), SINCE) == ""
    complaints.remove(event("Pod", "web-0"))
    complaints.put(event("Pod", "web-0"))
    complaints.replace("other", [])
    assert complaints.about(("StatefulSet", "demo", "web"), SINCE)
    complaints.replace("demo", [])
    assert not complaints.about(("StatefulSet", "demo", "web"), SINCE)


def test_a_list_tells_of_what_was_not_known() -> None:
    complaints = Complaints()
    known, other = event("Pod", "db-0", "a"), event("Job", "job", "b")
    assert ("Pod", "demo", "db-0") in complaints.replace(None, [known, other])
    assert complaints.replace("demo", [known, other]) == set()
    assert complaints.replace("demo", [known]) == set(), "what has expired is no news"
    assert complaints.replace("demo", [{**known, "count": 7}]) == {
        ("Pod", "demo", "db-0"),
        ("StatefulSet", "demo", "db"),
    }


def test_lines_and_odd_events() -> None:
    complaints = Complaints()
    complaints.put(event("Pod", "web-0", "two\n  lines"))
    complaints.put({"metadata": {"uid": "x"}})
    assert complaints.about(("StatefulSet", "demo", "web"), SINCE) == "Failed: two lines"


# --- what kubelet says -----------------------------------------------------------------------------------------------

POD = "web-7d4b9c6f5d-x2kfz"
WEB = ("Deployment", "demo", "web")

PULL = 'Failed: Failed to pull image "nosuch:1": rpc error: code = NotFound desc = nosuch:1: not found'
START = 'Failed: Error: failed to create containerd task: exec: "/busybox": stat /busybox: no such file or directory'
CONFIG = 'Failed: Error: configmap "web" not found'
CRASH = f"BackOff: Back-off restarting failed container web in pod {POD}_demo(4c3e)"
LIVENESS = "Unhealthy: Liveness probe failed: HTTP probe failed with statuscode: 500"
READINESS = "Unhealthy: Readiness probe failed: dial tcp 10.0.0.7:80: connect: connection refused"
NEVER = 'ErrImageNeverPull: Container image "web:1" is not present with pull policy of Never'
NO_IMAGE = 'InspectFailed: Failed to apply default image tag "A:1": couldn\'t parse image name'


def time(second: int) -> str:
    return f"2026-01-01T10:{second // 60:02}:{second % 60:02}Z"


def kubelets(said: str, first: int, last: int, *, container: str = "web", pod: str = POD) -> dict[str, Any]:
    """An event as kubelet's recorder writes it, with seconds after SINCE."""
    reason, _, message = said.partition(": ")
    about = {
        "kind": "Pod",
        "namespace": "demo",
        "name": pod,
        "uid": pod,
        "fieldPath": f"spec.containers{{{container}}}",
    }
    return {
        "metadata": {"uid": f"{pod}/{container}/{said}"},
        "involvedObject": about,
        "reason": reason,
        "message": message,
        "firstTimestamp": time(first),
        "lastTimestamp": time(last),
        "type": "Warning",
    }


@pytest.mark.parametrize(
    ("earlier", "later", "told"),
    [
        ((PULL, 1, 50), ("Failed: Error: ErrImagePull", 1, 50), PULL),
        ((PULL, 1, 20), ("Failed: Error: ImagePullBackOff", 2, 55), PULL),
        ((NEVER, 1, 20), ("Failed: Error: ErrImageNeverPull", 1, 55), NEVER),
        ((NO_IMAGE, 1, 20), ("Failed: Error: InvalidImageName", 1, 55), NO_IMAGE),
        ((START, 1, 1), (CRASH, 2, 14), START),
        ((START, 1, 40), (CRASH, 2, 55), START),
        ((LIVENESS, 1, 50), (CRASH, 30, 55), LIVENESS),
        ((CRASH, 2, 40), (START, 1, 55), START),
        # What is mended is not why it crashes.
        ((PULL, 1, 20), (CRASH, 22, 55), CRASH),
        ((CONFIG, 1, 20), (CRASH, 42, 55), CRASH),
        # What follows of a crash is not why, either, and neither is what else was said.
        ((READINESS, 1, 50), (CRASH, 30, 55), CRASH),
        (("Failed: Error: ErrImagePull", 1, 50), (CRASH, 51, 55), CRASH),
        ((START, 1, 20), ("Failed: Error: ImagePullBackOff", 2, 55), "Failed: Error: ImagePullBackOff"),
        ((PULL, 1, 20), (READINESS, 2, 55), READINESS),
    ],
)
def test_why_a_container_does_not_run_is_told_and_not_that_it_does_not(
    earlier: tuple[str, int, int], later: tuple[str, int, int], told: str
) -> None:
    for order in ([earlier, later], [later, earlier]):
        complaints = Complaints()
        for each in order:
            complaints.put(kubelets(*each))
        assert complaints.about(WEB, SINCE) == told


def test_the_cause_is_of_the_same_container_and_as_new_as_asked_for() -> None:
    complaints = Complaints()
    complaints.put(kubelets(CRASH, 2, 55))
    complaints.put(kubelets(START, 1, 40, container="sidecar"))
    complaints.put(kubelets(START, 1, 40, pod="web-7d4b9c6f5d-zzzzz"))
    assert complaints.about(WEB, SINCE) == CRASH
    complaints.put(kubelets(START, 1, 40))
    assert complaints.about(WEB, SINCE) == START
    assert complaints.about(WEB, SINCE + 45) == CRASH


# --- the newest revision ---------------------------------------------------------------------------------------------


def deployment(message: str, type_: str = "Progressing", kind: str = "Deployment") -> dict[str, Any]:
    return {"kind": kind, "status": {"conditions": [{"type": type_, "status": "True", "message": message}]}}


@pytest.mark.parametrize(
    "message",
    [
        'ReplicaSet "web-5f6d" has successfully progressed.',
        'ReplicaSet "web-5f6d" is progressing.',
        'ReplicaSet "web-5f6d" has timed out progressing.',
        'Found new replica set "web-5f6d"',
        'Created new replica set "web-5f6d"',
        'Failed to create new replica set "web-5f6d": no',
    ],
)
def test_what_is_said_of_the_pods_of_an_older_revision_is_not_told(message: str) -> None:
    complaints = Complaints()
    complaints.put(event("Pod", POD))
    complaints.put(event("ReplicaSet", "web-7d4b9c6f5d"))
    assert complaints.about(WEB, SINCE, deployment(message)) == ""
    complaints.put(event("Deployment", "web", "of itself"))
    assert complaints.about(WEB, SINCE, deployment(message)) == "Failed: of itself"
    complaints.put(event("ReplicaSet", "web-5f6d", "of its set", at=time(6)))
    assert complaints.about(WEB, SINCE, deployment(message)) == "Failed: of its set"
    complaints.put(event("Pod", "web-5f6d-x2kfz", "of its pod", at=time(7)))
    assert complaints.about(WEB, SINCE, deployment(message)) == "Failed: of its pod"


@pytest.mark.parametrize(
    "live",
    [
        None,
        {"kind": "Deployment"},
        deployment("Deployment is paused"),
        deployment('ReplicaSet "web-5f6d" is it', "Available"),
        deployment('ReplicaSet "web-5f6d" is it', kind="Rollout"),
    ],
)
def test_where_nothing_tells_the_newest_revision_all_count(live: dict[str, Any] | None) -> None:
    complaints = Complaints()
    complaints.put(event("Pod", POD))
    assert complaints.about(WEB, SINCE, live) == "Failed: no"
