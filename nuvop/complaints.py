"""What the cluster's controllers complain of: the newest Warning event about each object, and about its pods.

An event names the pod or the ReplicaSet, not the workload that made it, so workloads are found by how Kubernetes names
what they make (https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#pod-template-hash-label).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from nuvop.objects import Body

_RANDOM = "[bcdfghjklmnpqrstvwxz2456789]"
"""The alphabet of generated names (k8s.io/apimachinery/pkg/util/rand)."""

_MAKERS = {
    "Pod": (
        ("DaemonSet", re.compile(f"-{_RANDOM}{{5}}$")),
        ("Job", re.compile(f"-{_RANDOM}{{5}}$")),
        ("ReplicaSet", re.compile(f"-{_RANDOM}{{5}}$")),
        ("Deployment", re.compile(f"-{_RANDOM}{{1,10}}-{_RANDOM}{{5}}$")),
        ("CronJob", re.compile(rf"-\d+-{_RANDOM}{{5}}$")),
        ("StatefulSet", re.compile(r"-\d+$")),
    ),
    "ReplicaSet": (("Deployment", re.compile(f"-{_RANDOM}{{1,10}}$")),),
    "Job": (("CronJob", re.compile(r"-\d+$")),),
}
"""What makes objects of a kind, and what it appends to its own name."""

Name = tuple[str, str, str]
"""A kind, a namespace, and a name in it."""


@dataclass(frozen=True, order=True)
class Complaint:
    """A Warning event: when it was last seen, in seconds since the epoch, how often, and what it says."""

    time: float
    count: int
    text: str

    @classmethod
    def of(cls, event: Body) -> "Complaint":
        """What an event says."""
        count = (event.get("series") or {}).get("count") or event.get("count") or 1
        return cls(_last_seen(event), count, f"{event.get('reason', '')}: {' '.join(event.get('message', '').split())}")


class Complaints:
    """The Warning events there are."""

    def __init__(self) -> None:
        """Know of none yet."""
        self._by_name: dict[Name, dict[str, Complaint]] = {}

    def put(self, event: Body) -> set[Name]:
        """Take in an event; return the names of the objects that it may be about."""
        complaint = Complaint.of(event)
        names = set(_names(event))
        for name in names:
            self._by_name.setdefault(name, {})[event["metadata"]["uid"]] = complaint
        return names

    def remove(self, event: Body) -> None:
        """Take in that an event is gone; events live for an hour."""
        for name in _names(event):
            known = self._by_name.get(name, {})
            known.pop(event["metadata"]["uid"], None)
            if not known:
                self._by_name.pop(name, None)

    def clear(self, namespace: str | None) -> None:
        """Forget the events of a namespace, of all where it is None."""
        for name in [name for name in self._by_name if namespace in (None, name[1])]:
            del self._by_name[name]

    def about(self, name: Name, since: float) -> str:
        """The newest complaint about an object since a time (in seconds since the epoch); empty where there is none."""
        found = [complaint for complaint in self._by_name.get(name, {}).values() if complaint.time >= since]
        return max(found, key=lambda complaint: complaint.time).text if found else ""


def _names(event: Body) -> Iterator[Name]:
    about = event.get("involvedObject") or {}
    kind, namespace, name = (about.get(part, "") for part in ("kind", "namespace", "name"))
    yield kind, namespace, name
    for maker, suffix in _MAKERS.get(kind, ()):
        if found := suffix.search(name):
            yield maker, namespace, name[: found.start()]


def _last_seen(event: Body) -> float:
    """When an event was last seen, in seconds since the epoch: which of its times is set depends on who wrote it."""
    series = event.get("series") or {}
    times = (series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"))
    return max((datetime.fromisoformat(time).timestamp() for time in times if time), default=0.0)
