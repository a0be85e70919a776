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
    complaints.clear("other")
    assert complaints.about(("StatefulSet", "demo", "web"), SINCE)
    complaints.clear("demo")
    assert not complaints.about(("StatefulSet", "demo", "web"), SINCE)


def test_lines_and_odd_events() -> None:
    complaints = Complaints()
    complaints.put(event("Pod", "web-0", "two\n  lines"))
    complaints.put({"metadata": {"uid": "x"}})
    assert complaints.about(("StatefulSet", "demo", "web"), SINCE) == "Failed: two lines"
