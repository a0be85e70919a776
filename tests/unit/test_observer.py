"""What is watched, what that shows of the CRs' children, and which CRs a change concerns."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, cast

import pytest

from nuvop import observer
from nuvop.children import Instance
from nuvop.cluster import ApiResource, Changed, Event, Failing, Listed, Removed
from nuvop.errors import Forbidden, NotFound
from nuvop.kinds import OUTSIDE
from nuvop.objects import INSTANCE_LABEL, NAMESPACE_LABEL, ObjectKey
from nuvop.observer import EVENTS, Observer
from tests.unit.world import until

PODS = ApiResource("", "v1", "pods", "Pod")
ROLES = ApiResource("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", namespaced=False)
X, Y = ("demo", "samples-x"), ("demo", "samples-y")
"""Two CRs, as their children name them."""
FORBIDDEN = Forbidden("pods is forbidden", status=403)


def at(namespace: str, *resources: ApiResource) -> list[tuple[ApiResource, str]]:
    """Resources, all wanted in one namespace."""
    return [(resource, namespace) for resource in resources]


class Watches:
    """An API server of which tests say what each watch shows."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, str | None]] = []
        self.selectors: dict[str, tuple[str, str]] = {}
        self.running = 0
        self._shown: dict[tuple[str, str | None], asyncio.Queue[Event | Exception]] = {}

    def show(self, resource: ApiResource, *events: Event | Exception, namespace: str | None = None) -> None:
        """Have a watch show events, or end in an error that nobody foresaw."""
        for event in events:
            self._queue(resource, namespace).put_nowait(event)

    def is_shown(self) -> bool:
        """Whether all of that has been read."""
        return all(queue.empty() for queue in self._shown.values())

    async def follow(
        self, resource: ApiResource, namespace: str | None, *, labels: str = "", fields: str = ""
    ) -> AsyncIterator[Event]:
        self.begun.append((resource.plural, namespace))
        self.selectors[resource.plural] = (labels, fields)
        self.running += 1
        try:
            while True:
                event = await self._queue(resource, namespace).get()
                if isinstance(event, Exception):
                    raise event
                yield event
        finally:
            self.running -= 1

    def _queue(self, resource: ApiResource, namespace: str | None) -> asyncio.Queue[Event | Exception]:
        return self._shown.setdefault((resource.plural, namespace), asyncio.Queue())


class Told:
    """What the observer tells."""

    def __init__(self) -> None:
        self.changed: list[set[Instance]] = []
        self.looks: list[str | None] = []

    def take(self) -> list[set[Instance]]:
        """The CRs that were told of since the last time; a change that concerns nobody is left out."""
        taken = [concerned for concerned in self.changed if concerned]
        self.changed.clear()
        return taken


@pytest.fixture
def watches() -> Watches:
    return Watches()


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
async def wide(watches: Watches, told: Told) -> AsyncIterator[Observer]:
    """Watches all namespaces."""
    made = Observer(cast("Any", watches), told.changed.append, told.looks.append, cluster_wide=True)
    yield made
    await made.close()


@pytest.fixture
async def narrow(watches: Watches, told: Told) -> AsyncIterator[Observer]:
    """Watches each namespace for itself."""
    made = Observer(cast("Any", watches), told.changed.append, told.looks.append, cluster_wide=False)
    yield made
    await made.close()


def pod(name: str, version: int, instance: Instance | None = X, kind: str = "Pod") -> dict[str, Any]:
    namespace, label = instance or ("demo", "")
    labels = {INSTANCE_LABEL: label} if label else {}
    metadata = {"name": name, "namespace": namespace, "uid": name, "resourceVersion": str(version), "labels": labels}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata}


def role(name: str, version: int) -> dict[str, Any]:
    labels = {INSTANCE_LABEL: "samples-x", NAMESPACE_LABEL: "demo"}
    metadata = {"name": name, "uid": name, "resourceVersion": str(version), "labels": labels}
    return {"apiVersion": ROLES.api_version, "kind": "ClusterRole", "metadata": metadata}


def warning(about: str, text: str, uid: str = "e1", time: str = "2026-01-01T00:00:10Z") -> dict[str, Any]:
    involved = {"kind": "Pod", "namespace": "demo", "name": about}
    metadata = {"name": uid, "namespace": "demo", "uid": uid, "resourceVersion": "1"}
    said = {"reason": "BackOff", "message": text, "lastTimestamp": time}
    return {"apiVersion": "v1", "kind": "Event", "metadata": metadata, "involvedObject": involved, **said}


def key(name: str) -> ObjectKey:
    return ObjectKey("", "Pod", "demo", name)


async def listed(observer: Observer, watches: Watches, told: Told, *bodies: dict[str, Any]) -> None:
    """Watch pods, and see the first list of them."""
    observer.is_watching(at("demo", PODS))
    watches.show(PODS, Listed(list(bodies), 10))
    await until(watches.is_shown)
    told.changed.clear()
    told.looks.clear()


# --- what is watched -------------------------------------------------------------------------------------------------


async def test_nothing_is_known_before_the_first_full_list(wide: Observer, watches: Watches, told: Told) -> None:
    assert not wide.is_watching(at("demo", PODS))
    await until(lambda: ("pods", None) in watches.begun)
    assert not wide.is_watching(at("demo", PODS))
    watches.show(PODS, Listed([], 10))
    await until(lambda: told.looks == [None])
    assert wide.is_watching(at("demo", PODS))


async def test_all_that_is_asked_for_has_to_be_listed(wide: Observer, watches: Watches) -> None:
    assert not wide.is_watching(at("demo", PODS, ROLES))
    watches.show(PODS, Listed([], 10))
    await until(lambda: wide.is_watching(at("demo", PODS)))
    assert not wide.is_watching(at("demo", PODS, ROLES))
    watches.show(ROLES, Listed([], 10))
    await until(lambda: wide.is_watching(at("demo", PODS, ROLES)))


async def test_what_lives_outside_namespaces_has_no_events_of_its_own(narrow: Observer, watches: Watches) -> None:
    """A list of Events in no namespace would be one of all namespaces, which an operator of one may not have."""
    narrow.is_watching([*at("demo", PODS), *at(OUTSIDE, ROLES)])
    await until(lambda: len(watches.begun) == 3)
    assert set(watches.begun) == {("pods", "demo"), ("clusterroles", None), ("events", "demo")}


async def test_the_events_need_not_be_listed(wide: Observer, watches: Watches, told: Told) -> None:
    await listed(wide, watches, told)
    assert wide.is_watching(at("demo", PODS))
    watches.show(EVENTS, Failing(FORBIDDEN))
    await until(watches.is_shown)
    assert wide.is_watching(at("demo", PODS))
    assert told.looks == []


async def test_each_is_watched_once(wide: Observer, watches: Watches) -> None:
    for namespace in ("demo", "other", "demo"):
        wide.is_watching(at(namespace, PODS, ROLES))
    await until(lambda: len(watches.begun) == 3)
    assert sorted(plural for plural, _ in watches.begun) == ["clusterroles", "events", "pods"]
    assert {namespace for _, namespace in watches.begun} == {None}
    assert watches.selectors["pods"] == (INSTANCE_LABEL, "")
    assert watches.selectors["events"] == ("", "type=Warning")


async def test_each_namespace_is_watched_for_itself_but_not_what_lives_outside(
    narrow: Observer, watches: Watches, told: Told
) -> None:
    for namespace in ("demo", "other", "demo"):
        assert not narrow.is_watching(at(namespace, PODS, ROLES))
    await until(lambda: len(watches.begun) == 5)
    assert sorted(watches.begun, key=str) == [
        ("clusterroles", None),
        ("events", "demo"),
        ("events", "other"),
        ("pods", "demo"),
        ("pods", "other"),
    ]
    watches.show(PODS, Listed([], 10), namespace="demo")
    watches.show(ROLES, Listed([], 10))
    await until(lambda: narrow.is_watching(at("demo", PODS, ROLES)))
    assert not narrow.is_watching(at("other", PODS, ROLES))
    assert sorted(told.looks, key=str) == [None, "demo"]


async def test_a_list_of_one_namespace_says_nothing_of_another(narrow: Observer, watches: Watches, told: Told) -> None:
    elsewhere = ("other", "samples-x")
    narrow.is_watching(at("demo", PODS))
    narrow.is_watching(at("other", PODS))
    watches.show(PODS, Listed([pod("a", 5)], 10), namespace="demo")
    watches.show(PODS, Listed([pod("a", 6, elsewhere)], 11), namespace="other")
    await until(lambda: len(told.looks) == 2)
    watches.show(PODS, Listed([], 20), namespace="demo")
    await until(lambda: len(told.looks) == 3)
    assert narrow.live(X) == {}
    assert len(narrow.live(elsewhere)) == 1


async def test_what_may_not_be_watched_is_told_until_it_may(wide: Observer, watches: Watches, told: Told) -> None:
    wide.is_watching(at("demo", PODS))
    watches.show(PODS, Failing(FORBIDDEN))
    await until(lambda: told.looks == [None])
    for _ in range(2):
        with pytest.raises(Forbidden, match=r"^Pod \(v1\) cannot be watched: pods is forbidden") as raised:
            wide.is_watching(at("demo", PODS))
        assert raised.value is not FORBIDDEN, "one error raised twice would grow a traceback without end"
        assert raised.value.status == 403
    assert not wide.is_watching(at("demo", ROLES)), "others do not fail for it"
    watches.show(PODS, Listed([], 10))
    await until(lambda: told.looks == [None, None])
    assert wide.is_watching(at("demo", PODS))


async def test_what_may_not_be_watched_any_more_is_told(wide: Observer, watches: Watches, told: Told) -> None:
    await listed(wide, watches, told)
    watches.show(PODS, Failing(NotFound("no such resource", status=404)))
    await until(lambda: told.looks == [None])
    with pytest.raises(NotFound, match="no such resource"):
        wide.is_watching(at("demo", PODS))


async def test_what_may_not_be_watched_in_one_namespace_may_be_in_another(
    narrow: Observer, watches: Watches, told: Told
) -> None:
    narrow.is_watching(at("demo", PODS))
    narrow.is_watching(at("other", PODS))
    watches.show(PODS, Failing(FORBIDDEN), namespace="other")
    watches.show(PODS, Listed([], 10), namespace="demo")
    await until(lambda: sorted(told.looks, key=str) == ["demo", "other"])
    assert narrow.is_watching(at("demo", PODS))
    with pytest.raises(Forbidden):
        narrow.is_watching(at("other", PODS))


async def test_a_watch_that_crashes_begins_anew(
    wide: Observer, watches: Watches, told: Told, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(observer, "RESTART_DELAY", 0.02)
    await listed(wide, watches, told, pod("a", 5))
    watches.show(PODS, RuntimeError("nobody foresaw it"), Listed([pod("b", 20)], 20))
    await until(lambda: told.looks == [None])
    assert watches.begun.count(("pods", None)) == 2
    assert wide.live(X).keys() == {key("b")}
    logged = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert [one.getMessage() for one in logged] == ["watching pods: nuvop has an error here; beginning anew"]
    assert logged[0].exc_info is not None


async def test_the_watch_of_events_begins_anew_too(
    wide: Observer, watches: Watches, told: Told, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(observer, "RESTART_DELAY", 0.02)
    await listed(wide, watches, told, pod("a", 5))
    watches.show(EVENTS, RuntimeError("nobody foresaw it"), Listed([warning("a", "again")], 20))
    await until(lambda: wide.complaint(key("a"), 0) != "")
    assert "watching events: nuvop has an error here" in caplog.text


async def test_a_type_that_is_no_longer_served_takes_its_objects_with_it(
    wide: Observer, watches: Watches, told: Told
) -> None:
    wide.is_watching(at("demo", ROLES))
    watches.show(ROLES, Listed([role("reader", 5)], 10))
    await listed(wide, watches, told, pod("a", 5), pod("b", 5, Y))
    wide.forget("v1", "Pod")
    assert told.take() == [{X, Y}]
    assert {live.kind for live in wide.live(X)} == {"ClusterRole"}
    await until(lambda: watches.running == 2)
    assert not wide.is_watching(at("demo", PODS)), "served again, it is listed again"
    await until(lambda: watches.begun.count(("pods", None)) == 2)


async def test_a_type_that_is_served_elsewhere_by_now_is_watched_there(
    narrow: Observer, watches: Watches, told: Told
) -> None:
    """Its CRD was deleted, with all objects, and made anew."""
    for namespace in ("demo", "other"):
        narrow.is_watching(at(namespace, PODS))
        watches.show(PODS, Listed([pod("a", 3)] if namespace == "demo" else [], 10), namespace=namespace)
    await until(watches.is_shown)
    assert key("a") in narrow.live(X)
    told.take()
    elsewhere = replace(PODS, plural="podz")
    assert not narrow.is_watching(at("demo", elsewhere))
    assert (told.take(), dict(narrow.live(X))) == ([{X}], {})
    await until(lambda: ("podz", "demo") in watches.begun)
    assert watches.running == 3, "the events of two namespaces, and those"
    watches.show(elsewhere, Listed([pod("b", 20)], 20), namespace="demo")
    await until(lambda: narrow.is_watching(at("demo", elsewhere)))
    assert list(narrow.live(X)) == [key("b")]
    assert narrow.unsynced() == []


async def test_a_type_that_has_a_status_by_now_is_watched_as_before(
    wide: Observer, watches: Watches, told: Told
) -> None:
    await listed(wide, watches, told)
    assert wide.is_watching(at("demo", replace(PODS, has_status=True)))
    assert watches.begun.count(("pods", None)) == 1


async def test_an_error_of_a_type_that_is_no_longer_served_is_forgotten(
    wide: Observer, watches: Watches, told: Told
) -> None:
    await listed(wide, watches, told)
    watches.show(PODS, Failing(NotFound("no such resource", status=404)))
    await until(lambda: told.looks == [None])
    wide.forget("v1", "Pod")
    assert not wide.is_watching(at("demo", PODS))


def needs(resource: ApiResource, namespace: str = "demo") -> tuple[str, str, str]:
    return resource.api_version, resource.kind, namespace


async def test_what_no_cr_depends_on_any_more_is_not_missed(wide: Observer, watches: Watches) -> None:
    wide.depends_on(X, [needs(PODS), needs(ROLES)])
    wide.depends_on(Y, [needs(ROLES, "other")])
    wide.is_watching(at("demo", PODS, ROLES))
    watches.show(PODS, Listed([], 10))
    watches.show(ROLES, Failing(FORBIDDEN))
    await until(lambda: len(wide.unsynced()) == 1)
    wide.depends_on(X, [needs(PODS)])
    assert len(wide.unsynced()) == 1
    wide.depends_on(Y, [])
    assert wide.unsynced() == []
    wide.depends_on(Y, [needs(ROLES)])
    assert len(wide.unsynced()) == 1


async def test_each_namespace_is_missed_as_long_as_a_cr_depends_on_it(narrow: Observer) -> None:
    narrow.depends_on(X, [needs(PODS), needs(PODS, "other"), needs(ROLES, OUTSIDE)])
    narrow.is_watching([*at("demo", PODS), *at("other", PODS), *at(OUTSIDE, ROLES)])
    assert len(narrow.unsynced()) == 3
    narrow.depends_on(X, [needs(PODS)])
    assert len(narrow.unsynced()) == 1
    narrow.depends_on(X, [])
    assert narrow.unsynced() == []


async def test_closing_ends_all_watches(wide: Observer, watches: Watches) -> None:
    wide.is_watching(at("demo", PODS, ROLES))
    await until(lambda: watches.running == 3)
    await wide.close()
    assert watches.running == 0


# --- what it shows ---------------------------------------------------------------------------------------------------


async def test_a_list_concerns_the_crs_for_which_anything_changed(wide: Observer, watches: Watches, told: Told) -> None:
    wide.is_watching(at("demo", PODS))
    watches.show(PODS, Listed([pod("a", 5), pod("b", 6, Y)], 10))
    await until(watches.is_shown)
    assert told.take() == [{X, Y}]
    watches.show(PODS, Listed([pod("a", 5), pod("b", 15, Y)], 20))
    await until(watches.is_shown)
    assert told.take() == [{Y}]
    watches.show(PODS, Listed([pod("b", 15, Y)], 30))
    await until(watches.is_shown)
    assert told.take() == [{X}]
    assert (wide.live(X), wide.at(key("a"))) == ({}, None)


async def test_a_change_concerns_the_cr_whose_child_it_is(wide: Observer, watches: Watches, told: Told) -> None:
    await listed(wide, watches, told)
    watches.show(PODS, Changed(pod("a", 11)))
    await until(watches.is_shown)
    assert told.take() == [{X}]
    assert wide.live(X).keys() == {key("a")}
    found = wide.at(key("a"))
    assert found is not None
    assert found["metadata"]["resourceVersion"] == "11"


async def test_a_child_that_changes_hands_concerns_both(wide: Observer, watches: Watches, told: Told) -> None:
    await listed(wide, watches, told, pod("a", 5))
    watches.show(PODS, Changed(pod("a", 11, Y)))
    await until(watches.is_shown)
    assert told.take() == [{X, Y}]
    assert wide.live(X) == {}
    assert wide.live(Y).keys() == {key("a")}


async def test_a_removal_concerns_the_cr_whose_child_it_was(wide: Observer, watches: Watches, told: Told) -> None:
    await listed(wide, watches, told, pod("a", 5), pod("b", 5))
    watches.show(PODS, Removed(pod("a", 11, None)))
    await until(watches.is_shown)
    assert told.take() == [{X}]
    assert wide.live(X).keys() == {key("b")}


async def test_what_lives_outside_namespaces_concerns_the_cr_that_its_label_names(
    wide: Observer, watches: Watches, told: Told
) -> None:
    wide.is_watching(at("demo", ROLES))
    watches.show(ROLES, Listed([role("reader", 5)], 10))
    await until(watches.is_shown)
    assert told.take() == [{X}]


async def test_what_was_taken_over_is_known_by_the_first_event_of_it(
    wide: Observer, watches: Watches, told: Told
) -> None:
    await listed(wide, watches, told)
    entries = [{"manager": "nuvop", "operation": "Apply"}, {"manager": "somebody", "operation": "Update"}]

    def theirs(name: str, version: int) -> dict[str, Any]:
        body = pod(name, version)
        return {**body, "metadata": {**body["metadata"], "managedFields": entries}}

    watches.show(PODS, Listed([theirs("listed", 5)], 10), Changed(theirs("watched", 12)))
    await until(watches.is_shown)
    wide.applied([theirs("applied", 15)])
    names = ("listed", "watched", "applied")
    assert {name for name in names if wide.is_taken_over(key(name))} == {"watched"}
    assert {name for name in names if wide.is_unshown(key(name))} == {"applied"}
    wide.given_back(pod("watched", 20))
    assert wide.live(X).keys() == {key("listed"), key("applied")}


async def test_what_an_apply_showed_counts_until_the_watch_shows_more(
    wide: Observer, watches: Watches, told: Told
) -> None:
    await listed(wide, watches, told)
    wide.applied([pod("a", 15), pod("b", 16)])
    assert wide.live(X).keys() == {key("a"), key("b")}
    assert told.take() == [], "who applied it knows"
    watches.show(PODS, Changed(pod("a", 12)), Listed([], 14))
    await until(watches.is_shown)
    assert wide.live(X).keys() == {key("a"), key("b")}, "an older list does not know of them"
    watches.show(PODS, Changed(pod("a", 15)))
    await until(watches.is_shown)
    assert told.take() == [], "it is known"


# --- what others complain of -----------------------------------------------------------------------------------------


async def test_a_warning_concerns_the_cr_whose_child_it_is_about(wide: Observer, watches: Watches, told: Told) -> None:
    await listed(wide, watches, told, pod("a", 5), pod("b", 5, Y))
    watches.show(EVENTS, Changed(warning("a", "the image cannot be pulled")))
    await until(watches.is_shown)
    assert told.take() == [{X}]
    assert wide.complaint(key("a"), 0) == "BackOff: the image cannot be pulled"
    assert wide.complaint(key("b"), 0) == ""


async def test_a_warning_about_a_pod_concerns_the_cr_whose_deployment_made_it(
    wide: Observer, watches: Watches, told: Told
) -> None:
    web = pod("web", 5, kind="Deployment")
    deployments = replace(PODS, plural="deployments", kind="Deployment")
    wide.is_watching(at("demo", deployments))
    watches.show(deployments, Listed([web], 10))
    await until(watches.is_shown)
    told.take()
    watches.show(EVENTS, Changed(warning("web-6b7d8c9f4-x2x4z", "no node has room")))
    await until(watches.is_shown)
    assert told.take() == [{X}]


async def test_a_warning_about_a_pod_of_an_older_revision_is_not_told(
    wide: Observer, watches: Watches, told: Told
) -> None:
    condition = {"type": "Progressing", "status": "True", "message": 'ReplicaSet "web-5f6d" is progressing.'}
    web = {**pod("web", 5, kind="Deployment"), "apiVersion": "apps/v1", "status": {"conditions": [condition]}}
    deployments = ApiResource("apps", "v1", "deployments", "Deployment")
    wide.is_watching(at("demo", deployments))
    watches.show(deployments, Listed([web], 10))
    watches.show(EVENTS, Changed(warning("web-6b7d8c9f4-x2x4z", "it crashed")))
    await until(watches.is_shown)
    about = ObjectKey("apps", "Deployment", "demo", "web")
    assert wide.complaint(about, 0) == ""
    watches.show(EVENTS, Changed(warning("web-5f6d-x2x4z", "it crashes", "e2")))
    await until(lambda: wide.complaint(about, 0) == "BackOff: it crashes")


async def test_a_warning_about_a_strangers_object_concerns_nobody(wide: Observer, watches: Watches, told: Told) -> None:
    await listed(wide, watches, told, pod("a", 5))
    watches.show(EVENTS, Changed(warning("stranger", "it fails")))
    await until(watches.is_shown)
    assert told.take() == []


async def test_the_warnings_that_there_were_concern_whom_they_are_about(
    wide: Observer, watches: Watches, told: Told
) -> None:
    """Their list may come after those of the children, whose CRs were judged without it."""
    await listed(wide, watches, told, pod("a", 5), pod("b", 5, Y))
    watches.show(EVENTS, Listed([warning("a", "long ago")], 10))
    await until(watches.is_shown)
    assert told.take() == [{X}]
    assert wide.complaint(key("a"), 0) == "BackOff: long ago"
    watches.show(EVENTS, Listed([warning("a", "long ago"), warning("b", "meanwhile", "e2")], 20))
    await until(watches.is_shown)
    assert told.take() == [{Y}], "the other one is known"
    watches.show(EVENTS, Listed([], 30))
    await until(watches.is_shown)
    assert told.take() == [], "an Event that has expired says nothing"
    assert wide.complaint(key("a"), 0) == ""


async def test_a_warning_that_is_removed_or_too_old_is_not_told(wide: Observer, watches: Watches, told: Told) -> None:
    await listed(wide, watches, told, pod("a", 5))
    old, new = warning("a", "old"), warning("a", "new", "e2", "2026-01-01T00:00:20Z")
    watches.show(EVENTS, Listed([old, new], 10))
    await until(lambda: wide.complaint(key("a"), 0) == "BackOff: new")
    watches.show(EVENTS, Removed(new))
    await until(lambda: wide.complaint(key("a"), 0) == "BackOff: old")
    after = 1767225615.0  # 2026-01-01T00:00:15Z
    assert wide.complaint(key("a"), after) == ""


async def test_warnings_are_relisted_for_one_namespace_only(narrow: Observer, watches: Watches) -> None:
    narrow.is_watching(at("demo", PODS))
    narrow.is_watching(at("other", PODS))
    watches.show(EVENTS, Listed([warning("a", "it fails")], 10), namespace="demo")
    watches.show(EVENTS, Listed([], 10), namespace="other")
    await until(watches.is_shown)
    assert narrow.complaint(key("a"), 0) == "BackOff: it fails"
