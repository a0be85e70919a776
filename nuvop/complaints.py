"""What the cluster's controllers complain of: the newest Warning event about each object, and about its pods; of some
about one container the one that says why.

An event names the pod or the ReplicaSet, not the workload that made it, so workloads are found by how Kubernetes names
what they make (https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#pod-template-hash-label).
"""

import re
from collections.abc import Iterable, Iterator
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

_NEWEST_REPLICA_SET = re.compile(r'[Rr]eplica ?[Ss]et "(?P<name>[^"]+)"')
"""How a Deployment's condition Progressing names the ReplicaSet of its newest revision
(k8s.io/kubernetes/pkg/controller/deployment, progress.go and sync.go)."""

_NO_IMAGE = (
    "Failed: Error: (?:ErrImagePull|ImagePullBackOff|ImageInspectError|ErrImageNeverPull|InvalidImageName"
    "|RegistryUnavailable|SignatureValidationFailed)$"
)
_CAUSES = (
    (_NO_IMAGE, "Failed: Failed to pull image |InspectFailed: |ErrImageNeverPull: "),
    (
        "BackOff: Back-off restarting ",
        f"(?!{_NO_IMAGE})Failed: (?!Failed to pull image )|FailedPostStartHook: |Unhealthy: (?:Liveness|Startup) ",
    ),
)
"""What kubelet says again and again of a container, and what it has said before of why (k8s.io/kubernetes/pkg/kubelet:
images/image_manager.go, kuberuntime/kuberuntime_container.go and kuberuntime_manager.go, prober/prober.go)."""

_SOON = 10.0
"""Seconds from a cause that counts to the first time that kubelet says its consequence."""


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


@dataclass(frozen=True)
class _Source:
    """What a complaint is about: an object, and which part of it."""

    kind: str
    name: str
    uid: str
    part: str

    @classmethod
    def of(cls, event: Body) -> "_Source":
        about = event.get("involvedObject") or {}
        return cls(*(about.get(name, "") for name in ("kind", "name", "uid", "fieldPath")))

    def is_of(self, replica_set: str) -> bool:
        """Whether it is this ReplicaSet or a pod of it, or neither a pod nor a ReplicaSet at all."""
        if self.kind == "Pod":
            return self.name.startswith(f"{replica_set}-")
        return self.kind != "ReplicaSet" or self.name == replica_set


@dataclass(frozen=True)
class _Known:
    """A complaint with what it is about, and when it was first seen."""

    source: _Source
    begun: float
    complaint: Complaint

    def is_why(self, other: "_Known") -> bool:
        """Whether it tells why there is another complaint, which says of the same container only that it does not run.

        A container that did not start, and was mended, may crash later for another reason.
        """
        return self.source == other.source and any(
            re.match(consequence, other.complaint.text)
            and re.match(cause, self.complaint.text)
            and self.complaint.time >= other.begun - _SOON
            for consequence, cause in _CAUSES
        )


class Complaints:
    """The Warning events there are."""

    def __init__(self) -> None:
        """Know of none yet."""
        self._by_name: dict[Name, dict[str, _Known]] = {}

    def put(self, event: Body) -> set[Name]:
        """Take in an event; return the names of the objects that it may be about."""
        known = _Known(_Source.of(event), _first_seen(event), Complaint.of(event))
        names = set(_names(event))
        for name in names:
            self._by_name.setdefault(name, {})[event["metadata"]["uid"]] = known
        return names

    def remove(self, event: Body) -> None:
        """Take in that an event is gone; events live for an hour."""
        for name in _names(event):
            known = self._by_name.get(name, {})
            known.pop(event["metadata"]["uid"], None)
            if not known:
                self._by_name.pop(name, None)

    def replace(self, namespace: str | None, events: Iterable[Body]) -> set[Name]:
        """Take in a full list of a namespace's events, of all where it is None.

        Returns the names of the objects of which it tells what was not known.
        """
        before = {name: self._by_name.pop(name) for name in [*self._by_name] if namespace in (None, name[1])}
        names = {name for event in events for name in self.put(event)}
        return {name for name in names if not self._by_name[name].items() <= before.get(name, {}).items()}

    def about(self, name: Name, since: float, live: Body | None = None) -> str:
        """The newest complaint about an object since a time (in seconds since the epoch); empty where there is none.

        What tells why is told instead of what only says that a container does not run. ``live`` is the object: what is
        about pods that a Deployment has made before its newest revision is not about it.
        """
        replica_set = _newest_replica_set(live or {})
        found = [
            known
            for known in self._by_name.get(name, {}).values()
            if known.complaint.time >= since and (not replica_set or known.source.is_of(replica_set))
        ]
        if not found:
            return ""
        newest = max(found, key=_time)
        return max([known for known in found if known.is_why(newest)] or [newest], key=_time).complaint.text


def _time(known: _Known) -> float:
    return known.complaint.time


def _newest_replica_set(live: Body) -> str:
    """The name of the ReplicaSet of a Deployment's newest revision, as far as it tells it."""
    if live.get("kind") != "Deployment":
        return ""
    for condition in (live.get("status") or {}).get("conditions") or ():
        if condition["type"] == "Progressing" and (found := _NEWEST_REPLICA_SET.search(condition.get("message", ""))):
            return found["name"]
    return ""


def _names(event: Body) -> Iterator[Name]:
    about = event.get("involvedObject") or {}
    kind, namespace, name = (about.get(part, "") for part in ("kind", "namespace", "name"))
    yield kind, namespace, name
    for maker, suffix in _MAKERS.get(kind, ()):
        if found := suffix.search(name):
            yield maker, namespace, name[: found.start()]


def _first_seen(event: Body) -> float:
    """When an event was first seen, in seconds since the epoch."""
    times = [time for name in ("firstTimestamp", "eventTime") if (time := event.get(name))]
    return min((datetime.fromisoformat(time).timestamp() for time in times), default=_last_seen(event))


def _last_seen(event: Body) -> float:
    """When an event was last seen, in seconds since the epoch: which of its times is set depends on who wrote it."""
    series = event.get("series") or {}
    times = (series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"))
    return max((datetime.fromisoformat(time).timestamp() for time in times if time), default=0.0)
