"""What the pipeline decides, step by step, in a small cluster in memory (`tests.unit.world`)."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import pytest

from nuvop import fields, fights, patches_py, readiness, reconcile, reporter, scene, status
from nuvop.errors import (
    ApplyFailed,
    BuildFailed,
    ClusterError,
    ClusterUnreachable,
    Conflict,
    Forbidden,
    KindError,
    LoginError,
    NotFound,
    NuvopError,
    WriteFailed,
)
from nuvop.kinds import ChildField, ChildSelector, Kind, Setting
from nuvop.objects import (
    FINALIZER,
    INSTANCE_LABEL,
    LAST_APPLIED,
    OWNER_LABEL,
    REVISION_LABEL,
    CRKey,
    ObjectKey,
    labels_of,
)
from nuvop.overlay import folder
from tests.unit.world import KEY, TIMEOUT, World, at, cr, make_kind, manifest, raising, until

A, B = manifest("a"), manifest("b")
SERVICE = manifest("web", "Service")
ROLE = manifest("reader", "ClusterRole")
FORBIDDEN = Forbidden("it is forbidden", status=403)
AWAY = ClusterUnreachable("no answer", status=503)
DENIED = ApplyFailed("denied by a policy", terminal=True)
PASSING = ApplyFailed("the webhook is away", terminal=False)
IMMUTABLE = ApplyFailed("field is immutable", terminal=True, immutable=True)


class Make(Protocol):
    """Makes a cluster with an operator whose kind has this base."""

    def __call__(self, *base: dict[str, Any], cluster_wide: bool = True, **more: Any) -> World: ...


@pytest.fixture
async def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Make]:
    monkeypatch.setattr(reconcile, "STOP_GRACE", 0.1)
    made: list[World] = []

    def new(*base: dict[str, Any], cluster_wide: bool = True, **more: Any) -> World:
        made.append(World(tmp_path, make_kind(*base, **more), cluster_wide=cluster_wide))
        return made[-1]

    yield new
    for world in made:
        await world.reconciler.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed is tried again soon."""
    monkeypatch.setattr(reconcile, "RETRY_FIRST", 0.05)
    monkeypatch.setattr(reconcile, "RETRY_MOST", 0.05)
    monkeypatch.setattr(reconcile, "RETRY_MOST_PASSING", 0.05)


@pytest.fixture
def suspicious(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was shown of a CR is not taken for true any more when it comes to applying."""
    monkeypatch.setattr(reconcile, "FRESH", -1.0)


async def created(world: World, body: dict[str, Any] | None = None) -> World:
    """Create a CR, and wait until it is Ready."""
    body = body or cr()
    world.create(body)
    await until(lambda: world.is_ready(body["metadata"]["name"]))
    await world.settled()
    return world


def drift_told(world: World) -> list[str]:
    """What was told of drift in Events."""
    return [news.note for news in world.news if (news.type, news.reason) == ("Warning", "Drifted")]


async def look_until_patient(world: World, key: CRKey = KEY) -> None:
    """Look at a CR until the next look is so far off that nothing can wait for it."""
    while world.next_look(key) < TIMEOUT:
        world.look(key)
        await until(lambda: world.next_look(key) > 0)


def unseen(world: World, **metadata: Any) -> None:
    """Change a CR without showing it: kopf is late, or its watch is paused."""
    body = world.crs[KEY.name]
    version = str(int(body["metadata"]["resourceVersion"]) + 1)
    world.crs[KEY.name] = {**body, "metadata": {**body["metadata"], **metadata, "resourceVersion": version}}


def annotated(**annotations: str) -> dict[str, str]:
    """The annotations of a CR."""
    asked: dict[str, str] = cr(**annotations)["metadata"]["annotations"]
    return asked


def gate(world: World, request: str = "apply Sample") -> asyncio.Event:
    """Have the answer to a request wait until the event is set."""
    go_on = asyncio.Event()

    async def wait(_: str) -> None:
        await go_on.wait()

    world.before[request] = wait
    return go_on


def with_inventory(body: dict[str, Any], *names: str, kind: str = "Service") -> dict[str, Any]:
    """A CR whose status says that these objects were made for it."""
    entry = {"apiVersion": "v1", "kind": kind, "namespace": "demo", "uid": "s1", "digest": "x"}
    status = {"observedGeneration": 1, "inventory": [{**entry, "name": name} for name in names]}
    return {**body, "status": status}


def made_before(name: str, kind: str = "Service", uid: str = "s1") -> dict[str, Any]:
    """An object that nuvop made for the CR, from another folder."""
    labels = {OWNER_LABEL: "u1", REVISION_LABEL: "earlier", INSTANCE_LABEL: KEY.instance}
    owned: dict[str, Any] = {"f:metadata": {"f:labels": {f"f:{OWNER_LABEL}": {}}}}
    entry = {"manager": "nuvop", "operation": "Apply", "fieldsV1": owned}
    metadata = {"name": name, "namespace": "demo", "uid": uid, "labels": labels, "managedFields": [entry]}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata}


def foreign_object(name: str, *managers: str, kind: str = "ConfigMap") -> dict[str, Any]:
    """An object that others made."""
    entries = [{"manager": manager, "operation": "Update", "fieldsV1": {"f:data": {}}} for manager in managers]
    annotations = {LAST_APPLIED: "{}"}
    metadata = {"name": name, "namespace": "demo", "uid": "theirs", "annotations": annotations}
    return {"apiVersion": "v1", "kind": kind, "metadata": {**metadata, "managedFields": entries}, "data": {"x": "1"}}


# --- nothing to do ---------------------------------------------------------------------------------------------------


async def test_what_is_as_it_should_be_is_not_written(make: Make) -> None:
    world = await created(make(A, ROLE))
    with world.silence():
        for _ in range(3):
            world.look()
            world.see()
            await world.settled()


async def test_an_operator_that_is_started_anew_writes_nothing(make: Make) -> None:
    world = await created(make(A, ROLE))
    await created(world, cr("other", "u2"))
    await world.restart()
    with world.silence():
        await world.settled()
    assert world.phase("Ready") == 2


async def test_a_change_of_the_folder_is_applied_to_all_crs(make: Make) -> None:
    world = await created(await created(make(A)), cr("other", "u2"))
    world.change_folder(A, B)
    await until(lambda: world.applied == ["obj", "other", "obj", "other"])
    await until(lambda: {at("obj-b"), at("other-b")} <= world.objects.keys())


async def test_what_an_apply_has_made_is_told_with_its_inventory(make: Make) -> None:
    world = await created(make(A, ROLE))
    told = {entry["name"]: entry for entry in world.crs["obj"]["status"]["inventory"]}
    assert told.keys() == {"obj-a", "obj-reader"}
    assert all(told[key.name]["uid"] == body["metadata"]["uid"] for key, body in world.objects.items())
    assert all(entry["digest"] for entry in told.values())


async def test_a_new_cr_takes_two_writes_of_its_status(make: Make) -> None:
    """One before the first of its children is made, and one when they are ready."""
    world = await created(make(A))
    assert world.asked("status ") == ["Sample/obj", "Sample/obj"]
    revision = labels_of(world.objects[at("obj-a")])[REVISION_LABEL]
    assert world.crs["obj"]["status"]["lastAppliedRevision"] == revision


async def test_a_cr_that_goes_leaves_nothing(make: Make) -> None:
    world = await created(make(A))
    path = folder(world.generated, KEY)
    assert path.is_dir()
    world.delete_cr()
    await world.settled()
    assert not path.exists()
    assert world.asked("forget Sample/") == ["obj"]
    assert world.phase("Ready") == 0
    assert world.objects == {}


# --- look at the CR before anything is applied or deleted ------------------------------------------------------------


async def test_drift_of_a_cr_that_was_suspended_unseen_is_not_repaired(make: Make) -> None:
    world = await created(make(A))
    unseen(world, annotations=annotated(suspend="true"))
    world.drop(at("obj-a"))
    await until(lambda: "Suspended" in world.conditions())
    assert world.applied == ["obj"]


async def test_drift_of_a_cr_that_is_deleted_unseen_is_not_repaired(make: Make) -> None:
    world = await created(make(A))
    unseen(world, deletionTimestamp="2026-01-02T00:00:00Z", finalizers=["somebody.else/finalizer"])
    world.drop(at("obj-a"))
    await until(lambda: "get Sample/obj" in world.requests)
    await world.settled()
    assert world.applied == ["obj"]


@pytest.mark.usefixtures("suspicious")
async def test_a_cr_that_is_gone_unseen_is_not_applied_for_a_changed_folder(make: Make) -> None:
    world = await created(make(A))
    world.crs.clear()
    world.change_folder(A, B)
    await until(lambda: "forget Sample/obj" in world.requests)
    assert world.applied == ["obj"]
    assert not folder(world.generated, KEY).exists()


@pytest.mark.usefixtures("suspicious")
async def test_another_cr_of_the_name_is_not_applied_for_the_one_before(make: Make) -> None:
    world = await created(make(A))
    unseen(world, uid="u2")
    world.change_folder(A, B)
    await until(lambda: "forget Sample/obj" in world.requests)
    assert world.applied == ["obj"]


async def test_what_was_just_shown_is_not_read_again(make: Make) -> None:
    world = await created(make(A))
    assert world.asked("get Sample/") == []
    world.reconciler._records[KEY].seen_at -= 2 * reconcile.FRESH
    world.annotate(reconcile="now")
    await until(lambda: len(world.applied) == 2)
    assert world.asked("get Sample/") == []


async def test_a_cr_that_was_gone_after_its_apply_is_not_pruned(make: Make) -> None:
    world = await created(make(A, SERVICE))

    async def goes(_: str) -> None:
        world.crs.clear()

    world.before["apply Sample"] = goes
    world.change_folder(A)
    await until(lambda: "forget Sample/obj" in world.requests)
    assert world.asked("delete ") == []


async def test_a_cr_that_is_suspended_while_it_is_applied_is_not_pruned(make: Make) -> None:
    world = await created(make(A, SERVICE))

    async def meanwhile(_: str) -> None:
        world.annotate(suspend="true")

    world.before["apply Sample"] = meanwhile
    world.change_folder(A)
    await until(lambda: "Suspended" in world.conditions())
    await world.settled()
    assert world.asked("delete ") == []


@pytest.mark.parametrize("cluster_wide", [True, False])
async def test_what_another_folder_has_again_by_the_end_of_an_apply_is_not_pruned(
    make: Make, cluster_wide: bool
) -> None:
    """Who takes a mistake in a folder back has been in time until something is deleted."""
    world = await created(make(A, SERVICE, cluster_wide=cluster_wide))

    async def taken_back(_: str) -> None:
        del world.before["apply Sample"]
        world.change_folder(A, SERVICE, digest="d3")

    world.before["apply Sample"] = taken_back
    world.change_folder(A)
    await until(lambda: len(world.applied) == 3)
    await world.settled()
    assert world.asked("delete ") == []


async def test_a_cr_that_is_suspended_while_it_waits_for_its_turn_is_not_applied(make: Make) -> None:
    world = make(A)
    world.is_busy = True
    world.create(cr())
    await until(lambda: world._waiting)
    world.annotate(suspend="true")
    await until(lambda: "Suspended" in world.conditions())
    world.is_busy = False
    await world.settled()
    assert world.applied == []
    world.annotate(suspend="false")
    await until(world.is_ready)


async def test_so_is_one_where_only_the_answer_to_a_status_shows_it(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "LOOK_AT_APPLY", 0.01)
    monkeypatch.setattr(reconcile, "SLOW_APPLY", 0.0)
    world = await created(make(A))
    world.is_busy = True
    world.drop(at("obj-a"))
    await until(lambda: world._waiting)
    unseen(world, annotations=annotated(suspend="true"))
    await until(lambda: "withdraw Sample/obj" in world.requests)
    assert world.applied == ["obj"]


async def test_a_generation_that_comes_while_a_cr_waits_does_not_cost_it_its_turn(make: Make) -> None:
    world = make(A)
    world.is_busy = True
    world.create(cr())
    await until(lambda: world._waiting)
    world.next_generation()
    await asyncio.sleep(0.05)
    assert world.asked("withdraw ") == []
    world._waiting.pop(KEY).set_result(None)
    world.is_busy = False
    await until(world.is_ready)


async def test_a_generation_that_comes_during_a_look_up_is_applied_at_once(make: Make) -> None:
    sets = Setting(fields.parse("spec.x"), ChildSelector("ConfigMap", "a"), fields.parse("data.x"))
    world = await created(make(A, settings=(sets,)), cr("other", "u2"))

    async def meanwhile(_: str) -> None:
        del world.before["find ConfigMap"]
        world.next_generation(x="2")

    world.before["find ConfigMap"] = meanwhile
    await created(world)
    assert world.applied == ["other", "obj"]


async def test_a_cr_whose_deletion_begins_during_a_look_up_is_not_applied(make: Make) -> None:
    world = await created(make(A), cr("other", "u2"))

    async def meanwhile(_: str) -> None:
        del world.before["find ConfigMap"]
        world.change(deletionTimestamp="2026-01-02T00:00:00Z", finalizers=["somebody.else/theirs"])

    world.before["find ConfigMap"] = meanwhile
    world.create(cr())
    await until(lambda: "find ConfigMap" not in world.before)
    await world.settled()
    assert world.applied == ["other"]


async def test_a_cr_that_goes_during_a_look_up_is_not_applied_and_leaves_no_metric(make: Make) -> None:
    world = await created(make(A), cr("other", "u2"))

    async def meanwhile(_: str) -> None:
        world.reconciler.gone(KEY.plural, world.crs.pop("obj"))

    world.before["find ConfigMap"] = meanwhile
    world.create(cr())
    await until(lambda: "forget Sample/obj" in world.requests)
    await world.settled()
    assert world.applied == ["other"]
    assert (world.phase("Ready"), world.phase("InProgress")) == (1, 0)


async def test_a_cr_that_goes_while_it_is_looked_at_leaves_neither_an_overlay_nor_a_claim(make: Make) -> None:
    world = await created(make(manifest("c"), manifest("b-c")), cr("other", "u0"))

    async def meanwhile(_: str) -> None:
        del world.before["discover ConfigMap"]
        world.reconciler.gone(KEY.plural, world.crs.pop("a"))

    world.before["discover ConfigMap"] = meanwhile
    world.create(cr("a", "u1"))
    await until(lambda: "forget Sample/a" in world.requests)
    await world.settled()
    assert not folder(world.generated, replace(KEY, name="a")).exists()
    await created(world, cr("a-b", "u2", created="2026-01-02T00:00:00Z"))
    assert world.applied == ["other", "a-b"]


async def test_a_cr_that_goes_while_it_is_found_as_it_should_be_leaves_no_metric(make: Make) -> None:
    world = await created(make(A))

    async def meanwhile(_: str) -> None:
        del world.before["discover ConfigMap"]
        world.reconciler.gone(KEY.plural, world.crs.pop("obj"))

    world.before["discover ConfigMap"] = meanwhile
    world.look()
    await until(lambda: "forget Sample/obj" in world.requests)
    await world.settled()
    assert world.phase("Ready") == 0


async def test_a_cr_that_is_made_anew_while_the_one_before_is_looked_at_is_served(make: Make) -> None:
    world = await created(make(A), cr("other", "u0"))

    async def meanwhile(_: str) -> None:
        del world.before["discover ConfigMap"]
        world.reconciler.gone(KEY.plural, world.crs.pop("obj"))
        world.create(cr(uid="u2"))

    world.before["discover ConfigMap"] = meanwhile
    world.create(cr())
    await until(lambda: "forget Sample/obj" in world.requests)
    await until(world.is_ready)
    assert labels_of(world.objects[at("obj-a")])[OWNER_LABEL] == "u2"
    assert folder(world.generated, KEY).is_dir()


async def test_so_it_is_where_the_end_of_the_one_before_is_told_late(make: Make) -> None:
    """Its kubectl may hang; and who waits for a name of its has waited long enough."""
    world = make(manifest("c"), manifest("b-c"))
    never = gate(world)
    world.create(cr("a", "u1"))
    await until(lambda: world.applied == ["a"])
    world.create(cr("a-b", "u2", created="2026-01-02T00:00:00Z"))
    await until(lambda: world.conditions("a-b").get("Stalled") == ("True", "NameCollision"))
    del world.before["apply Sample"]
    before = world.crs.pop("a")
    world.create(cr("a", "u3", created="2026-01-03T00:00:00Z"))
    await until(lambda: world.is_ready("a-b"))
    await until(lambda: world.conditions("a").get("Stalled") == ("True", "NameCollision"))
    assert not never.is_set()
    assert world.asked("forget Sample/") == ["a"]
    world.reconciler.gone(KEY.plural, before)
    assert world.asked("forget Sample/") == ["a"], "that was told already"


async def test_drift_that_vanishes_meanwhile_is_no_error_of_nuvop(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    world = await created(make(A))

    async def meanwhile(_: str) -> None:
        if at("obj-a") in world.objects:
            world.drop(at("obj-a"))

    world.before["get Sample"] = meanwhile
    world.take_field(at("obj-a"), "x", "somebody")
    await until(lambda: len(world.applied) == 2)
    await world.settled()
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_a_child_whose_labels_somebody_takes_off_was_not_deleted(make: Make) -> None:
    world = await created(make(A))
    body = world.objects[at("obj-a")]
    (entry,) = body["metadata"]["managedFields"]
    owned = {**entry["fieldsV1"]["f:metadata"]["f:labels"]}
    del owned[f"f:{INSTANCE_LABEL}"]
    fields_v1 = {**entry["fieldsV1"], "f:metadata": {**entry["fieldsV1"]["f:metadata"], "f:labels": owned}}
    labels = {name: value for name, value in labels_of(body).items() if name != INSTANCE_LABEL}
    hidden = {**body["metadata"], "labels": labels, "managedFields": [{**entry, "fieldsV1": fields_v1}]}
    world.put({**body, "metadata": hidden})
    await until(lambda: INSTANCE_LABEL in labels_of(world.objects[at("obj-a")]))
    await world.settled()
    (told,) = drift_told(world)
    assert told == "putting back: ConfigMap/obj-a: metadata.labels.[nuvop.nuvolaris.org/instance] was removed"
    assert world.objects[at("obj-a")]["metadata"]["uid"] == body["metadata"]["uid"]
    assert world.is_ready()


# --- what stands in the way ------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("impatient")
async def test_an_object_of_others_is_not_applied_over_until_it_is_gone(make: Make) -> None:
    world = make(A)
    world.put(foreign_object("obj-a", "helm"))
    world.create(cr())
    await until(lambda: world.conditions().get("Stalled") == ("True", "NotOwned"))
    assert "made by helm" in world.message()
    assert world.asked("patch ") == []
    assert world.applied == []
    world.drop(at("obj-a"))
    await until(world.is_ready)


def made_meanwhile(world: World, *names: str) -> None:
    """Have somebody make objects between nuvop's look and its apply."""

    async def meanwhile(_: str) -> None:
        del world.before["apply Sample"]
        for name in names:
            theirs = foreign_object(name, "helm")
            theirs["metadata"]["managedFields"][0]["fieldsV1"] = {"f:data": {"f:theirs": {}}}
            world.put({**theirs, "metadata": {**theirs["metadata"], "uid": f"theirs-{name}"}})

    world.before["apply Sample"] = meanwhile


@pytest.mark.usefixtures("impatient")
async def test_what_somebody_makes_between_the_look_and_the_apply_is_given_back(make: Make) -> None:
    world = make(A, B, manifest("c"))
    made_meanwhile(world, "obj-a", "obj-b")
    world.create(cr())
    await until(lambda: world.conditions().get("Stalled") == ("True", "NotOwned"))
    assert "ConfigMap/obj-a exists, made by helm, and nuvop has not made it" in world.message()
    for name in ("obj-a", "obj-b"):
        metadata = world.objects[at(name)]["metadata"]
        assert metadata["uid"] == f"theirs-{name}"
        assert not metadata["labels"]
        assert "ownerReferences" not in metadata
        assert [entry["manager"] for entry in metadata["managedFields"]] == ["helm"]
    assert labels_of(world.objects[at("obj-c")])[OWNER_LABEL] == "u1"
    (first, second) = given_back(world)
    assert first.startswith("ConfigMap/obj-a was made by helm just before nuvop applied its own")
    assert second.startswith("ConfigMap/obj-b")
    await asyncio.sleep(0.2)
    assert world.applied == ["obj"], "and so it stays"
    world.delete_cr()
    assert world.objects.keys() == {at("obj-a"), at("obj-b")}


@pytest.mark.usefixtures("impatient")
async def test_it_is_given_back_also_where_another_child_is_refused(make: Make) -> None:
    world = make(A, B)
    world.refused["b"] = DENIED
    made_meanwhile(world, "obj-a")
    world.create(cr())
    await until(lambda: world.conditions().get("Stalled") == ("True", "NotOwned"))
    assert not labels_of(world.objects[at("obj-a")])


def given_back(world: World) -> list[str]:
    """What was told of that."""
    return [news.note for news in world.news if news.action == "GiveBack"]


@pytest.mark.usefixtures("impatient")
async def test_what_was_given_back_is_told_by_the_inventory_no_more_and_the_others_are(make: Make) -> None:
    world = make(A, B)
    made_meanwhile(world, "obj-a")
    world.create(cr())
    await until(lambda: world.conditions().get("Stalled") == ("True", "NotOwned"))
    told = {entry["name"]: entry["uid"] for entry in world.crs["obj"]["status"]["inventory"]}
    assert told["obj-b"] == world.objects[at("obj-b")]["metadata"]["uid"]
    assert not told.get("obj-a")


@pytest.mark.usefixtures("impatient")
async def test_who_may_not_give_one_back_says_so_and_gives_back_the_others(make: Make) -> None:
    world = make(A, B)
    made_meanwhile(world, "obj-a", "obj-b")

    async def refuse(name: str) -> None:
        if name == "obj-a":
            raise ClusterError("a webhook says no", status=400)

    world.before["patch ConfigMap"] = refuse
    world.create(cr())
    await until(lambda: world.conditions().get("Stalled") == ("True", "NotOwned"))
    assert "nuvop has applied over it, and cannot give it back: a webhook says no" in world.message()
    assert not labels_of(world.objects[at("obj-b")])
    del world.before["patch ConfigMap"]
    await until(lambda: not labels_of(world.objects[at("obj-a")]))
    assert len(given_back(world)) == 2


@pytest.mark.usefixtures("impatient")
async def test_it_is_given_back_where_the_folder_has_no_such_child_any_more(make: Make) -> None:
    """It is not pruned."""
    world = make(A, B)
    world.refused["b"] = DENIED
    made_meanwhile(world, "obj-a")
    first = world.before["apply Sample"]

    async def meanwhile(name: str) -> None:
        await first(name)
        world.folder = make_kind(B, digest="d2")

        async def then(_: str) -> None:
            world.refused.clear()

        world.before["apply Sample"] = then

    world.before["apply Sample"] = meanwhile
    world.create(cr())
    await until(world.is_ready)
    await world.settled()
    assert world.objects[at("obj-a")]["metadata"]["uid"] == "theirs-obj-a"
    assert not labels_of(world.objects[at("obj-a")])
    assert world.asked("delete ") == []


@pytest.mark.usefixtures("impatient")
async def test_it_stays_told_while_the_watch_lags(make: Make) -> None:
    world = make(A)
    made_meanwhile(world, "obj-a")

    async def hold(_: str) -> None:
        del world.before["patch ConfigMap"]
        world.hold_watches()

    world.before["patch ConfigMap"] = hold
    world.create(cr())
    await until(lambda: world.conditions().get("Stalled") == ("True", "NotOwned"))
    await asyncio.sleep(0.2)
    assert world.conditions()["Stalled"] == ("True", "NotOwned")
    assert len(given_back(world)) == 1


@pytest.mark.usefixtures("impatient")
async def test_it_is_given_back_when_the_watch_shows_it_late(make: Make) -> None:
    world = await created(make(A), cr("other", "u2"))
    made_meanwhile(world, "obj-a")
    world.hold_watches()
    world.create(cr())
    await until(lambda: len(world.applied) == 2)
    await asyncio.sleep(0.1)
    assert given_back(world) == [], "nobody can know it yet"
    refusals = iter([ClusterError("not now", status=400)] * 2)

    async def refuse(_: str) -> None:
        if error := next(refusals, None):
            raise error

    world.before["patch ConfigMap"] = refuse
    world.go_on_watching()
    await until(lambda: given_back(world))
    await until(lambda: world.conditions().get("Stalled") == ("True", "NotOwned"))
    assert not labels_of(world.objects[at("obj-a")])


async def test_what_an_answer_has_shown_first_is_still_a_reason_to_look(make: Make) -> None:
    """The answer to a status, or a look at the CR, may show who suspends it before the watch does."""
    world = await created(make(A))
    unseen(world, annotations=annotated(suspend="true"))
    record = world.reconciler._records[KEY]
    await world.reconciler._custom_resources.read(KEY, record)
    world.see()
    await until(lambda: world.conditions().get("Suspended") == ("True", "Suspended"))


async def test_what_only_an_answer_has_shown_is_missed_when_it_is_taken_back(make: Make) -> None:
    """kopf lists anew where its watch is lost: what was meanwhile, and is no more, it never shows."""
    world = await created(make(A))
    unseen(world, annotations=annotated(suspend="true"))
    world.take_field(at("obj-a"), "x", "somebody")
    await until(lambda: "Suspended" in world.conditions())
    await world.settled()
    assert not world.next_look()
    unseen(world, annotations=annotated())
    world.see()
    await until(lambda: world.applied == ["obj", "obj"])
    await until(world.is_ready)


async def test_its_own_status_is_no_reason_to_look_again(make: Make) -> None:
    """Else what waits to be tried again would be tried at once, with each status that says why."""
    world = make(A)
    world.put(foreign_object("obj-a", "kubectl"))
    world.create(cr())
    await until(lambda: world.conditions().get("Stalled") == ("True", "NotOwned"))
    await world.settled()
    asked = len(world.requests)
    world.see()
    await world.settled()
    assert len(world.requests) == asked
    world.crs[KEY.name] = {**world.crs[KEY.name], "status": {}}
    world.change(labels={"their": "label"})
    await until(lambda: len(world.requests) > asked)


async def test_a_copy_with_all_labels_that_is_made_meanwhile_is_given_back(make: Make) -> None:
    world = make(A)

    async def meanwhile(_: str) -> None:
        del world.before["apply Sample"]
        copy = foreign_object("obj-a", "velero")
        copy["metadata"]["managedFields"][0]["fieldsV1"] = {"f:data": {"f:theirs": {}}}
        copy["metadata"]["labels"] = {INSTANCE_LABEL: KEY.instance, OWNER_LABEL: "u1"}
        world.put(copy)
        await asyncio.sleep(0.05)

    world.before["apply Sample"] = meanwhile
    world.create(cr())
    await until(lambda: given_back(world))


# What nuvop has made is never given back, though controllers write to it at once.


def quick_controller(world: World, key: ObjectKey) -> None:
    """Have a controller write to an object."""
    body = world.objects[key]
    entry = {"manager": "controller", "operation": "Update", "fieldsV1": {"f:spec": {"f:volumeName": {}}}}
    entries = [*body["metadata"]["managedFields"], entry]
    world.put({**body, "metadata": {**body["metadata"], "managedFields": entries}})


@pytest.mark.usefixtures("impatient")
async def test_a_child_is_not_given_back_after_a_restart(make: Make) -> None:
    world = make(A, B)
    world.refused["b"] = DENIED
    world.create(cr())
    await until(lambda: at("obj-a") in world.objects)
    quick_controller(world, at("obj-a"))
    world.change_folder(A, {**B, "data": {"x": "2"}})
    await until(lambda: len(world.applied) > 2)
    await world.restart()
    await until(lambda: len(world.applied) > 2)
    assert given_back(world) == []


@pytest.mark.usefixtures("impatient")
async def test_a_child_is_not_given_back_where_its_cr_is_made_anew(make: Make) -> None:
    world = await created(make(A))
    quick_controller(world, at("obj-a"))
    await world.restart()
    world.reconciler.gone(KEY.plural, world._versioned(world.crs.pop("obj")))  # and its children stay
    await created(world, cr(uid="u2"))
    assert given_back(world) == []


@pytest.mark.usefixtures("impatient")
async def test_a_child_is_not_given_back_where_the_watch_lags_and_kubectl_has_run_twice(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await created(make(A), cr("other", "u2"))
    real = world._apply_one

    def twice(*arguments: Any) -> Any:
        real(*arguments)
        quick_controller(world, at("obj-a"))
        return real(*arguments)

    monkeypatch.setattr(world, "_apply_one", twice)
    world.hold_watches()
    world.create(cr())
    await until(world.is_ready)
    world.go_on_watching()
    await world.settled()
    assert world.is_ready()
    assert given_back(world) == []


async def test_a_child_whose_label_was_taken_off_is_not_given_back_when_the_watch_shows_it_late(make: Make) -> None:
    world = await created(make(A))
    quick_controller(world, at("obj-a"))
    await world.settled()

    async def hold(_: str) -> None:
        del world.before["apply Sample"]
        world.hold_watches()

    world.before["apply Sample"] = hold
    metadata = world.objects[at("obj-a")]["metadata"]
    labels = {name: value for name, value in metadata["labels"].items() if name != INSTANCE_LABEL}
    world.put({**world.objects[at("obj-a")], "metadata": {**metadata, "labels": labels}})
    await until(lambda: len(world.applied) == 2)
    await asyncio.sleep(0.1)
    world.go_on_watching()
    await world.settled()
    assert given_back(world) == []
    assert world.is_ready()


@pytest.mark.usefixtures("impatient")
async def test_what_was_adopted_is_adopted_once_and_not_given_back_though_another_child_is_refused(make: Make) -> None:
    world = make(A, B)
    world.refused["b"] = DENIED
    theirs = foreign_object("obj-a", "helm")
    theirs["metadata"]["managedFields"][0]["fieldsV1"] = {"f:data": {"f:theirs": {}}}
    world.put(theirs)
    world.create(cr(adopt="true"))
    await until(lambda: len(world.applied) > 3)
    world.annotate(adopt="false")
    await until(lambda: len(world.applied) > 6)
    assert len([news for news in world.news if news.reason == "Adopted"]) == 1
    assert given_back(world) == []


async def test_it_is_taken_over_where_that_is_asked_for(make: Make) -> None:
    world = make(A)
    made_meanwhile(world, "obj-a")
    await created(world, cr(adopt="true"))
    assert world.objects[at("obj-a")]["metadata"]["uid"] == "theirs-obj-a"
    world.annotate(adopt="false")
    world.look()
    await world.settled()
    assert world.is_ready()
    assert world.asked("patch ConfigMap/") == []


async def test_adopting_takes_the_fields_from_kubectl_and_tells_it_once(make: Make) -> None:
    world = make(A)
    world.put(foreign_object("obj-a", "kubectl-client-side-apply", "helm"))
    adopted: list[Any] = []

    async def look(_: str) -> None:
        adopted.append(world.objects[at("obj-a")]["metadata"])

    world.before["apply Sample"] = look
    await created(world, cr(adopt="true"))
    assert [entry["manager"] for entry in adopted[0]["managedFields"]] == ["helm"]
    assert adopted[0]["annotations"] == {}
    assert [news.reason for news in world.news if news.action == "Adopt"] == ["Adopted"]
    assert world.objects[at("obj-a")]["metadata"]["uid"] == "theirs"


@pytest.mark.usefixtures("impatient")
async def test_what_changes_while_it_is_adopted_is_adopted_the_next_time(make: Make) -> None:
    world = make(A)
    world.put(foreign_object("obj-a", "kubectl"))

    async def meanwhile(_: str) -> None:
        del world.before["patch ConfigMap"]
        world.put(foreign_object("obj-a", "kubectl"))

    world.before["patch ConfigMap"] = meanwhile
    await created(world, cr(adopt="true"))
    assert world.asked("patch ConfigMap/") == ["obj-a", "obj-a"]
    assert len([news for news in world.news if news.reason == "Adopted"]) == 1


async def test_a_child_of_a_cr_that_is_not_known_is_not_taken(make: Make) -> None:
    """Another operator's, or one in a namespace that this one does not watch."""
    world = make(A)
    theirs = made_before("obj-a", "ConfigMap")
    labels = {**labels_of(theirs), OWNER_LABEL: "u9", INSTANCE_LABEL: "others-x"}
    world.put({**theirs, "metadata": {**theirs["metadata"], "labels": labels}})
    world.create(cr(adopt="true"))
    await until(lambda: world.conditions().get("Stalled") == ("True", "NameCollision"))
    assert "others-x" in world.message()
    assert world.applied == []
    assert world.asked("find ") == [], "a look-up of many leaves out what carries the label"
    await look_until_patient(world)
    world.drop(at("obj-a"))
    await until(world.is_ready)


async def test_a_cr_that_goes_waits_for_no_name_any_more(make: Make) -> None:
    world = await created(make(manifest("c"), manifest("b-c")), cr("a", "u1"))
    world.reconciler.gone(KEY.plural, world.crs.pop("a"))
    world.create(cr("a-b", "u2"))
    await until(lambda: world.conditions("a-b").get("Stalled") == ("True", "NameCollision"))
    world.delete_cr("a-b")
    await world.settled()
    assert world.reconciler._observer._children._awaited == {}


async def test_the_later_of_two_crs_with_a_child_of_the_same_name_waits_until_the_other_goes(make: Make) -> None:
    world = await created(make(manifest("c"), manifest("b-c")), cr("a", "u1"))
    world.create(cr("a-b", "u2", created="2026-01-02T00:00:00Z"))
    await until(lambda: world.conditions("a-b").get("Stalled") == ("True", "NameCollision"))
    assert "ConfigMap/a-b-c belongs to samples/a in demo" in world.message(name="a-b")
    assert world.is_ready("a")
    assert world.applied == ["a"]
    await look_until_patient(world, replace(KEY, name="a-b"))
    world.delete_cr("a")
    await until(lambda: world.is_ready("a-b"))


async def test_who_waits_for_a_name_is_looked_at_when_the_garbage_collector_comes_to_it(make: Make) -> None:
    """It is free when the child goes, and not when the CR that had it does."""
    world = await created(make(manifest("c"), manifest("b-c")), cr("a", "u1"))
    world.create(cr("a-b", "u2", created="2026-01-02T00:00:00Z"))
    await until(lambda: world.conditions("a-b").get("Stalled") == ("True", "NameCollision"))
    await look_until_patient(world, replace(KEY, name="a-b"))
    world.reconciler.gone(KEY.plural, world.crs.pop("a"))
    await until(lambda: "belongs to another resource" in world.message(name="a-b"))
    await world.settled()
    assert world.applied == ["a"]
    world.drop(at("a-b-c"))
    await until(lambda: world.is_ready("a-b"))


async def test_who_waits_for_a_name_is_looked_at_when_it_is_pruned(make: Make) -> None:
    world = await created(make(manifest("c"), manifest("b-c")), cr("a", "u1"))
    world.create(cr("a-b", "u2", created="2026-01-02T00:00:00Z"))
    await until(lambda: world.conditions("a-b").get("Stalled") == ("True", "NameCollision"))
    may_go = gate(world, "delete ConfigMap")
    world.change_folder(manifest("c"))
    await until(lambda: "belongs to another resource" in world.message(name="a-b"))
    await look_until_patient(world, replace(KEY, name="a-b"))
    may_go.set()
    await until(lambda: world.is_ready("a-b"))


async def test_an_earlier_cr_that_comes_late_gets_what_nobody_has_made_yet(make: Make) -> None:
    """The younger is seen first and waits for an answer; the older displaces it; only one of both is applied."""
    world = await created(make(manifest("c"), manifest("b-c")), cr("z", "uz"))
    asked, answer = asyncio.Event(), asyncio.Event()

    async def slow(name: str) -> None:
        if name.startswith("a-b"):
            asked.set()
            await answer.wait()

    world.before["find ConfigMap"] = slow
    world.create(cr("a-b", "u2", created="2026-01-02T00:00:00Z"))
    await asked.wait()
    world.create(cr("a", "u1", created="2026-01-01T00:00:00Z"))
    answer.set()
    await until(lambda: world.is_ready("a"))
    await until(lambda: world.conditions("a-b").get("Stalled") == ("True", "NameCollision"))
    assert world.applied == ["z", "a"]


async def test_a_cr_that_loses_a_name_to_an_earlier_one_is_told_so(make: Make) -> None:
    world = make(manifest("c"), manifest("b-c"))
    world.before["apply Sample"] = raising(BuildFailed("no such file"))
    world.create(cr("a-b", "u2", created="2026-01-02T00:00:00Z"))
    await until(lambda: world.conditions("a-b").get("Stalled") == ("True", "BuildFailed"))
    del world.before["apply Sample"]
    await created(world, cr("a", "u1", created="2026-01-01T00:00:00Z"))
    await until(lambda: world.conditions("a-b").get("Stalled") == ("True", "NameCollision"))


async def test_a_cr_that_has_its_children_keeps_them_from_an_earlier_one(make: Make) -> None:
    world = await created(make(manifest("c"), manifest("b-c")), cr("a-b", "u2", created="2026-01-02T00:00:00Z"))
    world.create(cr("a", "u1", created="2026-01-01T00:00:00Z"))
    await until(lambda: world.conditions("a").get("Stalled") == ("True", "NameCollision"))
    assert world.applied == ["a-b"]


# --- what fails ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "reason"), [(KindError("kind.yaml: no"), "KindInvalid"), (BuildFailed("no such file"), "BuildFailed")]
)
async def test_a_broken_folder_is_told_and_waited_for(make: Make, error: NuvopError, reason: str) -> None:
    world = await created(make(A))
    world.break_folder(error)
    await until(lambda: world.conditions().get("Stalled") == ("True", reason))
    assert world.message() == str(error)
    assert world.inventory() == {"obj-a"}
    assert world.next_look() == 0, "nothing but another folder mends it"
    world.change_folder(A, digest="d1")
    await until(world.is_ready)


@pytest.mark.usefixtures("impatient")
async def test_python_that_takes_too_long_is_asked_again_when_it_has_come_to_an_end(
    make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(patches_py, "TIMEOUT", 0.2)
    slow, asked = tmp_path / "slow", tmp_path / "asked"
    slow.touch()
    source = (
        "import pathlib, time\ndef patches(cr):\n"
        f"    with open({str(asked)!r}, 'a') as file: file.write('.')\n"
        f"    while pathlib.Path({str(slow)!r}).exists(): time.sleep(0.01)\n"
        "    return []\n"
    )
    kind = make_kind(A)
    world = make(A, files={**kind.files, patches_py.FILE: source.encode()})
    world.create(cr())
    await until(lambda: world.conditions().get("Stalled") == ("True", "InvalidSpec"))
    assert world.message().endswith("patches.py: took longer than 0.2 s")
    world.look()
    await asyncio.sleep(0.3)
    assert world.message().endswith("patches.py: took longer than 0.2 s")
    assert asked.read_text() == ".", "as long as it takes a thread, it gets no other"
    slow.unlink()
    await until(world.is_ready)


async def test_an_annotation_that_nuvop_does_not_know_is_told_until_it_is_corrected(make: Make) -> None:
    world = make(A)
    world.create(cr(suspend="ture"))
    await until(lambda: world.conditions().get("Stalled") == ("True", "InvalidSpec"))
    assert "'ture' must be true or false" in world.message()
    assert world.next_look() == 0
    assert world.applied == []
    world.annotate(suspend="false")
    await until(world.is_ready)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (DENIED, {"Ready": ("False", "ApplyFailed"), "Stalled": ("True", "ApplyFailed")}),
        (PASSING, {"Ready": ("False", "ProgressingWithRetry"), "Reconciling": ("True", "ProgressingWithRetry")}),
    ],
)
@pytest.mark.usefixtures("impatient")
async def test_what_kubectl_cannot_apply_is_told_and_tried_again(
    make: Make, error: ApplyFailed, told: dict[str, tuple[str, str]]
) -> None:
    world = make(A, B)
    world.refused["b"] = error
    world.create(cr())
    await until(lambda: world.conditions() == told)
    assert world.message() == str(error)
    await until(lambda: len(world.applied) > 3)
    world.refused.clear()
    await until(world.is_ready)


@pytest.mark.parametrize(("error", "most"), [(DENIED, 60), (PASSING, 5)])
async def test_the_delays_double_to_the_most_and_a_new_generation_starts_over(
    make: Make, error: ApplyFailed, most: float
) -> None:
    world = make(A)
    world.refused["a"] = error
    world.create(cr())
    for count, delay in enumerate((1, 2, 4, 8, 16, 32, 64), 1):
        await until(lambda count=count: len(world.applied) == count)  # type: ignore[misc]
        await until(lambda delay=delay: min(delay, most) - 0.9 < world.next_look() <= min(delay, most))  # type: ignore[misc]
        world.look()
    await world.settled()
    world.next_generation()
    await until(lambda: len(world.applied) == 9)
    await until(lambda: world.next_look() > 0)
    assert world.next_look() <= 1


async def test_a_rollout_does_not_put_off_the_next_attempt_at_what_was_refused(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "RETRY_FIRST", 20.0)
    world = make(A, B)
    world.refused["b"] = DENIED
    world.create(cr())
    await until(lambda: world.next_look() > 0)
    for step in range(3):
        tried = len(world.applied)
        world.put({**world.objects[at("obj-a")], "status": {"step": step}})
        await until(lambda tried=tried: len(world.applied) > tried)  # type: ignore[misc]
        await world.settled()
    assert 0 < world.next_look() <= 20


async def test_that_the_api_server_was_away_does_not_put_off_the_next_attempt_at_what_was_refused(make: Make) -> None:
    world = make(A)
    world.refused["a"] = PASSING
    world.create(cr())
    for count in range(1, 7):
        await until(lambda count=count: len(world.applied) == count)  # type: ignore[misc]
        await world.settled()
        world.look()
    await world.settled()
    world.refused["a"] = DENIED
    world.look()
    await until(lambda: world.conditions().get("Stalled") == ("True", "ApplyFailed"))
    await until(lambda: world.next_look() > 0)
    assert world.next_look() <= 1


async def test_the_delays_start_over_once_it_has_worked(make: Make) -> None:
    world = await created(make(A))
    for _ in range(2):
        world.fail("ConfigMap", FORBIDDEN)
        await until(lambda: world.next_look() > 0)
        assert world.next_look() <= 1
        world.look()
        await until(lambda: world.next_look() > 1)
        world.mend("ConfigMap")
        await until(world.is_ready)
        await world.settled()
    assert world.applied == ["obj"]


@pytest.mark.usefixtures("impatient")
async def test_an_overlay_that_somebody_removed_is_written_again(make: Make) -> None:
    world = make(A)

    async def missing(_: str) -> None:
        path = folder(world.generated, KEY)
        del world.before["apply Sample"]
        (path / "kustomization.yaml").unlink()
        raise WriteFailed(f"{path} is not there")

    world.before["apply Sample"] = missing
    await created(world)
    assert world.applied == ["obj", "obj"]


async def test_a_kind_that_may_not_be_watched_is_told_and_applied_as_soon_as_it_may(make: Make) -> None:
    world = make(A)
    world.fail("ConfigMap", FORBIDDEN)
    world.create(cr())
    await until(lambda: world.conditions().get("Reconciling") == ("True", "ProgressingWithRetry"))
    assert world.message() == "ConfigMap (v1) cannot be watched: it is forbidden"
    assert world.applied == []
    world.mend("ConfigMap")
    await until(world.is_ready)


@pytest.mark.usefixtures("impatient")
async def test_a_kind_whose_crd_comes_later_is_waited_for(make: Make) -> None:
    world = make(A)
    world.unserved.add("ConfigMap")
    world.create(cr())
    await until(lambda: world.conditions().get("Ready") == ("False", "ProgressingWithRetry"))
    world.unserved.clear()
    await until(world.is_ready)


@pytest.mark.parametrize("error", [AWAY, LoginError("no token"), ClusterError("a webhook", status=500)])
@pytest.mark.usefixtures("impatient")
async def test_a_status_that_cannot_be_written_is_written_later_and_logged_once(
    make: Make, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    world = await created(make(A))
    world.before["status Sample"] = raising(error)
    caplog.clear()
    world.break_folder(KindError("kind.yaml: no"))
    await until(lambda: len(world.asked("status Sample/")) > 5)
    del world.before["status Sample"]
    await until(lambda: "Stalled" in world.conditions())
    said = [record.getMessage() for record in caplog.records]
    assert said.count(f"samples/obj in demo: {error}") == 1


@pytest.mark.usefixtures("impatient")
async def test_a_conflict_over_a_cr_that_has_not_changed_is_tried_again(make: Make) -> None:
    world = await created(make(A))

    async def once(_: str) -> None:
        del world.before["status Sample"]
        raise Conflict("try again", status=409)

    world.before["status Sample"] = once
    world.annotate(suspend="true")
    await until(lambda: "Suspended" in world.conditions())


# --- what changes meanwhile ------------------------------------------------------------------------------------------


def changed_twice(world: World, request: str, change: Callable[[], object]) -> None:
    """Have others change, in two steps, what a request is about: just before it, and before it comes again."""
    changes = iter((change, change))

    async def meanwhile(_: str) -> None:
        if step := next(changes, None):
            step()

    world.before[request] = meanwhile


def touch(world: World, key: ObjectKey) -> None:
    """Change an object's annotations, as others do."""
    body = world.objects[key]
    world.put({**body, "metadata": {**body["metadata"], "annotations": {"their": "note"}}})


def warnings(world: World) -> list[str]:
    """What was told as a Warning."""
    return [news.note for news in world.news if news.type == "Warning"]


async def test_a_cr_that_changes_while_it_gets_its_finalizer_is_not_told_to_fail(make: Make) -> None:
    """kopf puts its own finalizer on, then an annotation."""
    world = make(A, ROLE)
    changed_twice(world, "patch Sample", lambda: unseen(world, finalizers=["their/finalizer"]))
    await created(world)
    assert world.finalizers() == ["their/finalizer", FINALIZER]
    assert warnings(world) == []


async def test_a_cr_that_changes_while_its_finalizer_is_put_on_again_is_not_told_to_fail(make: Make) -> None:
    world = await created(make(A, ROLE))
    changed_twice(world, "patch Sample", lambda: unseen(world, finalizers=["their/finalizer"]))
    world.change(finalizers=[])
    await until(lambda: world.finalizers() == ["their/finalizer", FINALIZER])
    await world.settled()
    assert world.is_ready()
    assert warnings(world) == []


async def test_a_cr_that_changes_while_its_finalizer_is_taken_off_stays_ready(make: Make) -> None:
    world = await created(make(A, ROLE))
    changed_twice(world, "patch Sample", lambda: unseen(world, labels={"their": "label"}))
    world.change_folder(A)
    await until(lambda: world.finalizers() == [])
    await world.settled()
    assert world.is_ready()
    assert warnings(world) == []


async def test_a_cr_whose_spec_changes_while_it_gets_its_finalizer_is_applied_as_it_is_then(make: Make) -> None:
    world = make(A, ROLE)

    async def meanwhile(_: str) -> None:
        del world.before["patch Sample"]
        unseen(world, generation=2)

    world.before["patch Sample"] = meanwhile
    await created(world)
    assert world.applied == ["obj"]
    assert warnings(world) == []


async def test_a_child_that_changes_while_it_loses_its_owner_is_no_failure(make: Make) -> None:
    world = await created(make(A))
    changed_twice(world, "patch ConfigMap", lambda: touch(world, at("obj-a")))
    world.annotate(deletion_policy="Orphan")
    await until(lambda: world.finalizers() == [FINALIZER])
    assert "ownerReferences" not in world.objects[at("obj-a")]["metadata"]
    assert warnings(world) == []


async def test_a_child_that_changes_while_it_is_deleted_to_be_made_anew_is_no_failure(make: Make) -> None:
    mine = manifest("b", recreate="true")
    world = await created(make(A, mine))
    world.refused["b"] = IMMUTABLE
    changed_twice(world, "delete ConfigMap", lambda: touch(world, at("obj-b")))
    world.change_folder(A, mine)
    await until(lambda: at("obj-b") not in world.objects)
    del world.refused["b"]
    await until(world.is_ready)
    told = [news.reason for news in world.news]
    assert "Recreating" in told
    assert "ProgressingWithRetry" not in told


async def test_a_conflict_that_comes_again_and_again_is_told(make: Make) -> None:
    """A webhook may answer so, whatever it means."""
    world = make(A, ROLE)
    world.before["patch Sample"] = raising(Conflict("a webhook says no", status=422))
    world.create(cr())
    await until(lambda: world.conditions().get("Ready") == ("False", "ProgressingWithRetry"))
    assert world.message() == "a webhook says no"
    await until(lambda: world.next_look() > 0.5)
    del world.before["patch Sample"]
    world.look()
    await until(world.is_ready)


@pytest.mark.usefixtures("impatient")
async def test_what_changes_while_it_is_given_back_is_given_back_the_next_time(make: Make) -> None:
    world = make(A, B)
    made_meanwhile(world, "obj-a")

    async def meanwhile(_: str) -> None:
        del world.before["patch ConfigMap"]
        touch(world, at("obj-a"))

    world.before["patch ConfigMap"] = meanwhile
    world.create(cr())
    await until(lambda: given_back(world))
    assert not labels_of(world.objects[at("obj-a")])
    assert not [note for note in warnings(world) if "cannot give it back" in note]


# --- what users ask for ----------------------------------------------------------------------------------------------


async def test_of_a_suspended_cr_nothing_is_changed_until_it_goes_on(make: Make) -> None:
    world = await created(make(A, ROLE))
    world.annotate(suspend="true")
    await until(lambda: world.conditions().get("Suspended") == ("True", "Suspended"))
    assert world.is_ready()
    world.drop(at("obj-a"))
    await until(lambda: world.conditions()["Ready"] == ("False", "Progressing"))
    world.next_generation()
    world.change_folder(A, B)
    await until(lambda: world.conditions()["Ready"] == ("False", "Suspended"))
    assert world.crs["obj"]["status"]["observedGeneration"] == 1
    assert world.applied == ["obj"]
    assert world.asked("delete ") == []
    world.annotate(suspend="false")
    await until(world.is_ready)
    assert "Suspended" not in world.conditions()
    assert {at("obj-a"), at("obj-b")} == world.objects.keys()


async def test_drift_is_put_back_and_told_once(make: Make) -> None:
    world = await created(make(A, B))
    world.take_field(at("obj-a"), "x", "somebody")
    await until(lambda: len(world.applied) == 2)
    await until(world.is_ready)
    await world.settled()
    assert world.objects[at("obj-a")]["data"] == {"x": "1"}
    assert drift_told(world) == ["putting back: ConfigMap/obj-a: data.x was changed by somebody"]
    assert world.repaired == ["obj"], "the apply that made it was no repair"
    series = {"kind": "samples", "child": "ConfigMap", "field": "data.x", "manager": "somebody"}
    assert world.metrics.registry.get_sample_value("nuvop_drift_total", series) == 1


async def test_who_changed_what_is_known_after_a_restart_too(make: Make) -> None:
    world = await created(make(A))
    await world.restart()
    await world.settled()
    world.take_field(at("obj-a"), "x", "somebody")
    await until(lambda: world.news)
    assert world.news[0].note == "putting back: ConfigMap/obj-a: data.x was changed by somebody"


async def test_a_child_that_somebody_deletes_is_made_again(make: Make) -> None:
    world = await created(make(A, B))
    world.drop(at("obj-b"))
    await until(lambda: at("obj-b") in world.objects)
    await until(world.is_ready)
    assert drift_told(world) == ["putting back: ConfigMap/obj-b was deleted"]


async def test_drift_that_is_to_be_reported_is_left_as_it_is_and_told_once(make: Make) -> None:
    world = await created(make(A), cr(drift="report"))
    world.take_field(at("obj-a"), "x", "somebody")
    await until(lambda: world.conditions().get("Drifted") == ("True", "Drifted"))
    for _ in range(3):
        world.look()
        await world.settled()
    assert world.message("Drifted") == "ConfigMap/obj-a: data.x was changed by somebody"
    assert world.is_ready()
    assert world.applied == ["obj"]
    assert drift_told(world) == ["left as it is: ConfigMap/obj-a: data.x was changed by somebody"]
    assert world.objects[at("obj-a")]["data"] == {"x": "by somebody"}


def told_since(world: World, aspect: str) -> str:
    """Since when a condition is told."""
    return next(str(c["lastTransitionTime"]) for c in world.crs["obj"]["status"]["conditions"] if c["type"] == aspect)


@pytest.mark.parametrize(
    ("aspect", "annotations"), [("Suspended", {"suspend": "true"}), ("Drifted", {"drift": "report"})]
)
async def test_trouble_that_passes_takes_nothing_back_that_is_still_true(
    make: Make, monkeypatch: pytest.MonkeyPatch, aspect: str, annotations: dict[str, str]
) -> None:
    world = await created(make(A), cr(drift="report"))
    world.take_field(at("obj-a"), "x", "somebody")
    world.annotate(**annotations)
    await until(lambda: aspect in world.conditions())
    await world.settled()
    since = told_since(world, aspect)
    monkeypatch.setattr(status, "rfc3339", lambda _: "2999-01-01T00:00:00Z")
    world.news.clear()
    world.fail("ConfigMap", FORBIDDEN)
    await until(lambda: world.conditions()["Ready"] == ("False", "ProgressingWithRetry"))
    assert aspect in world.conditions()
    world.mend("ConfigMap")
    await until(world.is_ready)
    await world.settled()
    assert told_since(world, aspect) == since
    assert [news.reason for news in world.news] == ["ProgressingWithRetry", "Succeeded"]


async def test_trouble_that_passes_does_not_hide_what_could_not_be_pruned(make: Make) -> None:
    world = await created(make(A, ROLE))
    world.before["delete ClusterRole"] = raising(FORBIDDEN)
    world.change_folder(A)
    await until(lambda: world.conditions().get("PruneBlocked") == ("True", "PruneFailed"))
    world.refused["a"] = DENIED
    world.next_generation()
    world.take_field(at("obj-a"), "x", "somebody")
    await until(lambda: world.conditions().get("Stalled") == ("True", "ApplyFailed"))
    assert world.conditions().get("PruneBlocked") == ("True", "PruneFailed")
    assert len([news for news in world.news if news.reason == "PruneFailed"]) == 1


async def test_drift_that_is_left_is_told_again_when_it_is_another(make: Make) -> None:
    world = await created(make(A, B), cr(drift="report"))
    world.take_field(at("obj-a"), "x", "somebody")
    await until(lambda: world.message("Drifted") == "ConfigMap/obj-a: data.x was changed by somebody")
    world.drop(at("obj-b"))
    more = "ConfigMap/obj-b was deleted; ConfigMap/obj-a: data.x was changed by somebody"
    await until(lambda: world.message("Drifted") == more)
    assert drift_told(world) == [
        "left as it is: ConfigMap/obj-a: data.x was changed by somebody",
        f"left as it is: {more}",
    ]


async def test_drift_that_an_earlier_operator_has_told_of_is_not_told_again(make: Make) -> None:
    world = await created(make(A), cr(drift="report"))
    world.drop(at("obj-a"))
    await until(lambda: "Drifted" in world.conditions())
    await world.restart()
    await world.settled()
    assert "Drifted" in world.conditions()
    assert drift_told(world) == []


async def test_what_is_reported_as_drift_is_put_back_when_somebody_asks_for_it(make: Make) -> None:
    world = await created(make(A), cr(drift="report"))
    world.take_field(at("obj-a"), "x", "somebody")
    await until(lambda: "Drifted" in world.conditions())
    world.annotate(reconcile="now")
    await until(lambda: world.crs["obj"]["status"].get("lastHandledReconcileAt") == "now")
    assert "Drifted" not in world.conditions()
    assert world.applied == ["obj", "obj"]
    assert world.objects[at("obj-a")]["data"] == {"x": "1"}


async def test_drift_is_put_back_once_it_is_not_to_be_reported_any_more(make: Make) -> None:
    world = await created(make(A), cr(drift="report"))
    world.drop(at("obj-a"))
    await until(lambda: "Drifted" in world.conditions())
    world.annotate(drift="repair")
    await until(lambda: at("obj-a") in world.objects)
    await until(lambda: "Drifted" not in world.conditions())
    what = "ConfigMap/obj-a was deleted"
    assert drift_told(world) == [f"left as it is: {what}", f"putting back: {what}"]


async def test_asked_to_reconcile_it_applies_once_a_value(make: Make) -> None:
    world = await created(make(A))
    for number, value in enumerate(("1", "2"), 2):
        world.annotate(reconcile=value)
        await until(lambda value=value: world.crs["obj"]["status"].get("lastHandledReconcileAt") == value)  # type: ignore[misc]
        assert world.applied == ["obj"] * number
    await world.restart()
    with world.silence():
        await world.settled()


async def test_a_request_to_reconcile_is_not_told_as_followed_where_nothing_could_be_applied(make: Make) -> None:
    world = await created(make(A))
    world.refused["a"] = PASSING
    world.annotate(reconcile="now")
    await until(lambda: world.conditions()["Ready"] == ("False", "ProgressingWithRetry"))
    assert "lastHandledReconcileAt" not in world.crs["obj"]["status"]
    world.refused.clear()
    world.look()
    await until(lambda: world.crs["obj"]["status"].get("lastHandledReconcileAt") == "now")


async def test_a_request_that_comes_with_reported_drift_is_followed(make: Make) -> None:
    world = await created(make(A, B), cr(drift="report"))
    world.drop(at("obj-b"))
    world.annotate(reconcile="now")
    await until(lambda: world.crs["obj"]["status"].get("lastHandledReconcileAt") == "now")
    assert world.applied == ["obj", "obj"]


# --- what only looks like drift --------------------------------------------------------------------------------------


async def test_a_new_child_that_was_refused_is_no_drift(make: Make) -> None:
    world = await created(make(A), cr(drift="report"))
    world.refused["b"] = PASSING
    world.change_folder(A, B)
    await until(lambda: world.conditions()["Ready"] == ("False", "ProgressingWithRetry"))
    world.refused.clear()
    world.look()
    await until(lambda: at("obj-b") in world.objects)
    await until(world.is_ready)
    assert "Drifted" not in world.conditions()


@pytest.mark.usefixtures("impatient")
async def test_a_new_child_that_is_refused_again_and_again_is_no_fight(make: Make) -> None:
    world = await created(make(A))
    world.refused["b"] = PASSING
    world.change_folder(A, B)
    await until(lambda: len(world.applied) > fights.ROUNDS + 3)
    assert world.conditions()["Ready"] == ("False", "ProgressingWithRetry")
    assert drift_told(world) == []


async def test_another_folder_is_no_drift(make: Make) -> None:
    world = await created(make(A), cr(drift="report"))
    world.change_folder(A, B)
    await until(lambda: at("obj-b") in world.objects)
    await until(world.is_ready)
    assert drift_told(world) == []


async def test_an_operator_that_was_killed_before_it_told_of_an_apply_takes_nothing_for_drift(make: Make) -> None:
    """The inventory still has the digests of the revision before; the objects are as they should be."""
    world = await created(make(A), cr(drift="report"))
    status = world.crs["obj"]["status"]
    earlier = [{**entry, "digest": "of the revision before"} for entry in status["inventory"]]
    earlier_revision = {"lastAppliedRevision": "the one before"} if "lastAppliedRevision" in status else {}
    world.crs["obj"] = {**world.crs["obj"], "status": {**status, **earlier_revision, "inventory": earlier}}
    await world.restart()
    await until(lambda: "of the revision before" not in str(world.crs["obj"]["status"]))
    assert "Drifted" not in world.conditions()
    assert drift_told(world) == []


async def test_what_was_changed_while_no_operator_ran_is_put_back(make: Make) -> None:
    world = await created(make(A))
    await world.reconciler.close()
    world.take_field(at("obj-a"), "x", "somebody")
    await world.restart()
    await until(lambda: world.objects[at("obj-a")]["data"] == {"x": "1"})


# --- fights ----------------------------------------------------------------------------------------------------------


async def fight(world: World, *managers: str, rounds: int = fights.ROUNDS) -> None:
    """Have managers change what nuvop puts back, so often."""
    for _ in range(rounds):
        before = len(world.applied)
        for manager in managers:
            world.take_field(at("obj-a"), "x", manager)
        await until(lambda before=before: len(world.applied) > before)  # type: ignore[misc]
        await until(world.is_ready)
        await world.settled()


async def test_what_is_changed_again_and_again_is_put_back_later_and_later(make: Make) -> None:
    world = await created(make(A))
    await fight(world, "hpa")
    world.take_field(at("obj-a"), "x", "hpa")
    await until(lambda: world.conditions()["Ready"] == ("False", "Contested"))
    await world.settled()
    assert world.message() == "ConfigMap/obj-a: data.x was changed by hpa"
    assert len(world.applied) == 1 + fights.ROUNDS
    assert fights.DELAY_FIRST - 2 < world.next_look() <= fights.DELAY_FIRST
    world.look()
    await world.settled()
    assert world.metrics.registry.get_sample_value("nuvop_contested_total", {"kind": "samples"}) == 1, "told once"


async def test_what_is_contested_is_put_back_after_a_while(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fights, "DELAY_FIRST", 0.3)
    world = await created(make(A))
    await fight(world, "hpa")
    world.take_field(at("obj-a"), "x", "hpa")
    await until(lambda: world.conditions()["Ready"] == ("False", "Contested"))
    await until(lambda: len(world.applied) == 2 + fights.ROUNDS)
    await until(world.is_ready)


async def test_what_somebody_else_changes_meanwhile_is_put_back_at_once(make: Make) -> None:
    world = await created(make(A, B))
    await fight(world, "hpa")
    world.take_field(at("obj-a"), "x", "hpa")
    await until(lambda: world.conditions()["Ready"] == ("False", "Contested"))
    world.take_field(at("obj-b"), "x", "somebody")
    await until(lambda: len(world.applied) == 2 + fights.ROUNDS)


async def test_different_managers_have_fights_of_their_own(make: Make) -> None:
    world = await created(make(A))
    for number in range(fights.ROUNDS + 2):
        await fight(world, f"manager-{number}", rounds=1)
    assert len(world.applied) == 3 + fights.ROUNDS


async def test_what_is_changed_while_it_is_put_back_is_told_and_counted(make: Make) -> None:
    world = await created(make(A, B))

    async def meanwhile(_: str) -> None:
        del world.before["apply Sample"]
        world.take_field(at("obj-b"), "x", "somebody")
        await until(lambda: "by somebody" in str(world.reconciler._observer.at(at("obj-b"))))
        world.hold_watches()

    world.before["apply Sample"] = meanwhile
    world.drop(at("obj-a"))
    await until(lambda: len(drift_told(world)) == 2)
    world.go_on_watching()
    await until(world.is_ready)
    assert "data.x was changed by somebody" in drift_told(world)[1]


async def test_asked_to_reconcile_it_puts_back_what_is_contested(make: Make) -> None:
    world = await created(make(A))
    await fight(world, "hpa")
    world.take_field(at("obj-a"), "x", "hpa")
    await until(lambda: world.conditions()["Ready"] == ("False", "Contested"))
    before = len(world.applied)
    world.annotate(reconcile="now")
    await world.settled()
    assert len(world.applied) == before + 1


# --- the finalizer ---------------------------------------------------------------------------------------------------


async def test_only_what_the_garbage_collector_would_leave_needs_a_finalizer(make: Make) -> None:
    world = await created(make(A))
    assert world.finalizers() == []
    world.change_folder(A, ROLE)
    await until(lambda: at("obj-reader", "ClusterRole") in world.objects)
    order = [asked for asked in world.requests if asked in ("patch Sample/obj", "apply Sample/obj")]
    assert order == ["apply Sample/obj", "patch Sample/obj", "apply Sample/obj"], "on before the first of them is made"
    assert world.finalizers() == [FINALIZER]
    world.change_folder(A, digest="d3")
    await until(lambda: world.finalizers() == [])
    assert world.asked("delete ") == ["ClusterRole/obj-reader"]


@pytest.mark.parametrize("is_suspended", [False, True])
async def test_a_finalizer_that_somebody_takes_off_is_put_on_again(make: Make, is_suspended: bool) -> None:
    """`kubectl replace` does; the ClusterRole would be an orphan."""
    world = await created(make(A, ROLE))
    if is_suspended:
        world.annotate(suspend="true")
        await until(lambda: "Suspended" in world.conditions())
    world.change(finalizers=[])
    await until(lambda: world.finalizers() == [FINALIZER])


async def test_other_finalizers_stay(make: Make) -> None:
    world = make(A, ROLE)
    body = cr()
    await created(world, {**body, "metadata": {**body["metadata"], "finalizers": ["somebody.else/theirs"]}})
    assert world.finalizers() == ["somebody.else/theirs", FINALIZER]
    world.change_folder(A)
    await until(lambda: world.finalizers() == ["somebody.else/theirs"])


async def test_the_finalizer_stays_while_what_it_is_for_cannot_be_deleted(make: Make) -> None:
    world = await created(make(A, ROLE))
    world.before["delete ClusterRole"] = raising(FORBIDDEN)
    world.change_folder(A)
    await until(lambda: world.conditions().get("PruneBlocked") == ("True", "PruneFailed"))
    await world.settled()
    assert world.finalizers() == [FINALIZER]
    assert "obj-reader" in world.inventory()


async def test_a_status_that_cannot_be_written_is_said_once_and_tried_less_and_less_often(
    make: Make, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All else is well: that is no reason to begin counting anew."""
    caplog.set_level(logging.WARNING, "nuvop")
    monkeypatch.setattr(reconcile, "RETRY_FIRST", 0.05)
    monkeypatch.setattr(reconcile, "RETRY_MOST_PASSING", 0.2)
    world = await created(make(A))
    refused: list[float] = []

    async def refuse(_: str) -> None:
        refused.append(asyncio.get_running_loop().time())
        raise FORBIDDEN

    world.before["status Sample"] = refuse
    world.annotate(reconcile="now")
    await until(lambda: len(refused) >= 6)
    assert refused[-1] - refused[-2] > 0.15
    assert len([record for record in caplog.records if "it is forbidden" in record.getMessage()]) == 1


@pytest.mark.usefixtures("impatient")
async def test_what_could_not_be_pruned_is_tried_again(make: Make) -> None:
    """Nobody tells nuvop that it has been given the right."""
    world = await created(make(A, ROLE))
    world.before["delete ClusterRole"] = raising(FORBIDDEN)
    world.change_folder(A)
    await until(lambda: world.conditions().get("PruneBlocked") == ("True", "PruneFailed"))
    del world.before["delete ClusterRole"]
    await until(lambda: "PruneBlocked" not in world.conditions() and "obj-reader" not in world.inventory())


async def test_what_a_cr_gives_up_itself_is_not_held_back_for_what_a_folder_made_go(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A component that is switched off, long after a folder's change was confirmed, or before it is."""
    names, chosen = [f"n{number}" for number in range(6)], dict[str, Kind]()
    world = make(A, B, manifest("c"), manifest("d"))
    real = world.choose

    async def choose(plural: str, cr: Mapping[str, Any]) -> Kind:
        return chosen.get(cr["metadata"]["name"]) or await real(plural, cr)

    monkeypatch.setattr(world, "choose", choose)
    for name in names:
        await created(world, cr(name, f"uid of {name}"))
    world.change_folder(A)
    await until(lambda: all("PruneBlocked" in world.conditions(name) for name in names))
    for name in names[:-1]:
        world.annotate(name, prune="confirm")
    await until(lambda: len(world.objects) == 5 + 4)
    for name in names[:-1]:
        world.change(name, annotations={})
    await world.settled()

    chosen["n0"] = replace(make_kind(A, B, digest="d2"), chosen=frozenset({"b"}))
    world.next_generation("n0")
    await until(lambda: at("n0-b") in world.objects and world.is_ready("n0"))
    del chosen["n0"]
    world.next_generation("n0")
    await until(lambda: at("n0-b") not in world.objects)
    await world.settled()
    assert [name for name in names if "PruneBlocked" in world.conditions(name)] == ["n5"]


async def test_children_that_are_to_outlive_their_cr_lose_their_owner_before_anything_else(make: Make) -> None:
    world = await created(make(A))
    world.annotate(deletion_policy="Orphan", suspend="true")
    await until(lambda: "Suspended" in world.conditions())
    assert world.finalizers() == [FINALIZER]
    assert "ownerReferences" not in world.objects[at("obj-a")]["metadata"]
    world.annotate(deletion_policy="Delete", suspend="false")
    await until(lambda: world.finalizers() == [])
    assert world.objects[at("obj-a")]["metadata"]["ownerReferences"] == [{"uid": "u1"}]


async def test_what_is_made_for_a_cr_that_its_children_are_to_outlive_has_no_owner(make: Make) -> None:
    world = await created(make(A))
    world.annotate(deletion_policy="Orphan")
    await until(lambda: world.finalizers() == [FINALIZER])
    await world.settled()
    world.drop(at("obj-a"))
    await until(lambda: at("obj-a") in world.objects)
    assert "ownerReferences" not in world.objects[at("obj-a")]["metadata"]


async def test_children_of_a_cr_whose_folder_is_broken_may_outlive_it_too(make: Make) -> None:
    world = await created(make(A))
    world.break_folder(KindError("kind.yaml: no"))
    world.annotate(deletion_policy="Orphan")
    await until(lambda: world.finalizers() == [FINALIZER])
    assert "ownerReferences" not in world.objects[at("obj-a")]["metadata"]


async def test_what_keeps_children_from_outliving_their_cr_is_told(make: Make) -> None:
    world = await created(make(A))
    world.before["list ConfigMap"] = raising(FORBIDDEN)
    world.annotate(deletion_policy="Orphan")
    await until(lambda: world.message() == "it is forbidden")
    assert world.conditions()["Ready"] == ("False", "ProgressingWithRetry")


async def test_children_beside_one_outside_of_namespaces_may_outlive_a_cr_whose_folder_is_broken(make: Make) -> None:
    world = await created(make(A, ROLE))
    world.break_folder(KindError("kind.yaml: no"))
    world.annotate(deletion_policy="Orphan")
    await world.settled()
    assert "ownerReferences" not in world.objects[at("obj-a")]["metadata"]


# --- announcing ------------------------------------------------------------------------------------------------------


async def inventories_at_apply(world: World) -> list[set[str]]:
    """What the inventory tells whenever kubectl begins."""
    seen: list[set[str]] = []

    async def look(name: str) -> None:
        seen.append(world.inventory(name))

    world.before["apply Sample"] = look
    return seen


async def test_a_type_that_no_inventory_tells_of_is_told_before_the_first_of_it_is_made(make: Make) -> None:
    world = make(A)
    seen = await inventories_at_apply(world)
    await created(world)
    await created(world, cr("other", "u2"))
    world.change_folder(A, SERVICE)
    await until(lambda: len(seen) == 4)
    assert seen == [{"obj-a"}, set(), {"obj-a", "obj-web"}, {"other-a"}], "once a type, in one inventory"


async def test_a_type_is_told_anew_once_the_cr_is_gone_whose_inventory_told_of_it(make: Make) -> None:
    world = make(A)
    seen = await inventories_at_apply(world)
    await created(world)
    world.delete_cr()
    await world.settled()
    await created(world, cr("other", "u2"))
    assert seen == [{"obj-a"}, {"other-a"}]


async def test_so_it_is_where_another_cr_of_the_name_is_seen_before_the_end_of_that_one(make: Make) -> None:
    world = make(A)
    seen = await inventories_at_apply(world)
    await created(world)
    before = world.crs["obj"]
    world.create(cr(uid="u2"))
    world.reconciler.gone(KEY.plural, before)
    await until(world.is_ready)
    assert seen == [{"obj-a"}, {"obj-a"}]


async def test_what_only_nuvop_deletes_is_always_told_before_it_is_made(make: Make) -> None:
    world = make(ROLE)
    seen = await inventories_at_apply(world)
    await created(world)
    await created(world, cr("other", "u2"))
    assert seen == [{"obj-reader"}, {"other-reader"}]


async def test_what_was_told_before_a_restart_is_not_told_again(make: Make) -> None:
    world = await created(make(A))
    await world.restart()
    seen = await inventories_at_apply(world)
    await created(world, cr("other", "u2"))
    assert seen == [set()]


async def test_what_is_to_be_told_before_it_is_made_is_told_however_short_ago_the_last_status_was(make: Make) -> None:
    rules = {ChildSelector("ConfigMap", "a"): readiness.parse_rule("data.x=2")}
    world = make(A, rules=rules)
    seen = await inventories_at_apply(world)
    world.create(cr())
    await until(lambda: world.conditions().get("Ready") == ("False", "Progressing"))
    world.change_folder(A, SERVICE, rules=rules)
    await until(lambda: len(seen) == 2)
    assert seen[1] == {"obj-a", "obj-web"}


@pytest.mark.usefixtures("impatient")
async def test_nothing_is_made_that_could_not_be_told_before(make: Make) -> None:
    world = make(A)
    world.before["status Sample"] = raising(AWAY)
    world.create(cr())
    await until(lambda: len(world.asked("status Sample/")) > 3)
    assert world.applied == []
    del world.before["status Sample"]
    await until(world.is_ready)


# --- releasing -------------------------------------------------------------------------------------------------------

REPLICAS = (ChildField(ChildSelector("Deployment", "web"), fields.parse("spec.replicas")),)


def deployment(**spec: Any) -> dict[str, Any]:
    """A Deployment in a base."""
    return {**manifest("web", "Deployment"), "spec": spec}


async def test_a_field_that_is_released_is_handed_over_before_it_is_left_out(make: Make) -> None:
    world = make(deployment(replicas=3), releases=REPLICAS)
    world.create(cr())
    await until(lambda: world.conditions().get("Ready") == ("False", "Progressing"))
    assert world.asked("hand over ") == []
    world.change_folder(deployment(), releases=REPLICAS)
    await until(lambda: len(world.applied) == 2)
    order = [asked for asked in world.requests if asked.split()[0] in ("apply", "hand")]
    assert order == ["apply Sample/obj", "hand over Deployment/obj-web to nuvop-released", "apply Sample/obj"]
    world.change_folder(deployment(paused=True), releases=REPLICAS, digest="d3")
    await until(lambda: len(world.applied) == 3)
    assert len(world.asked("hand over ")) == 1, "what nuvop does not own it need not hand over"


async def test_all_fields_of_an_object_are_released_at_once(make: Make) -> None:
    """A manager that applies one field after the other has the last one only."""
    paths = ("spec.[replicas]", "spec.paused")
    both = tuple(ChildField(ChildSelector("Deployment", "web"), fields.parse(path)) for path in paths)
    world = make(deployment(replicas=3, paused=True), releases=both)
    world.create(cr())
    await until(lambda: world.conditions().get("Ready") == ("False", "Progressing"))
    world.change_folder(deployment(), releases=both)
    await until(lambda: len(world.applied) == 2)
    assert world.asked("hand over ") == ["Deployment/obj-web to nuvop-released"]


# --- how long it takes -----------------------------------------------------------------------------------------------


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked often whether an apply takes long."""
    monkeypatch.setattr(reconcile, "LOOK_AT_APPLY", 0.02)
    monkeypatch.setattr(reporter, "PROGRESS_PAUSE", 0.0)


async def test_what_is_not_ready_is_looked_at_again_also_where_nothing_happens(make: Make) -> None:
    world = make(A, rules={ChildSelector("ConfigMap", "a"): readiness.parse_rule("data.x=2")})
    world.create(cr())
    await until(lambda: world.conditions().get("Ready") == ("False", "Progressing"))
    await world.settled()
    assert 1 < world.next_look() <= readiness.SCHEDULE_WINDOW.total_seconds()


@pytest.mark.usefixtures("slow")
async def test_an_apply_that_takes_long_is_told_but_not_the_wait_for_its_turn(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "SLOW_APPLY", 0.05)
    world = await created(make(A))
    go_on = gate(world)
    world.next_generation()
    world.change_folder(A, B)
    await until(lambda: len(world.applied) == 2)
    await until(lambda: len(world.asked("under way ")) > 8)
    assert world.conditions()["Ready"] == ("True", "Succeeded")
    world.seconds_applied = reconcile.SLOW_APPLY
    await until(lambda: world.conditions()["Ready"] == ("False", "Progressing"))
    assert world.message() == "its children are being applied"
    go_on.set()
    await until(world.is_ready)
    assert world.applied == ["obj", "obj"]


@pytest.mark.usefixtures("slow", "impatient")
async def test_a_slow_apply_that_cannot_be_told_stays_the_only_one(make: Make) -> None:
    world = await created(make(A))
    go_on = gate(world)
    world.seconds_applied = reconcile.SLOW_APPLY
    world.before["status Sample"] = raising(AWAY)
    asked = len(world.asked("status Sample/"))
    world.change_folder(A, B)
    await until(lambda: len(world.asked("status Sample/")) > asked + 3)
    assert world.applied == ["obj", "obj"]
    del world.before["status Sample"]
    go_on.set()
    await until(lambda: at("obj-b") in world.objects)
    assert world.applied == ["obj", "obj"]


@pytest.mark.usefixtures("slow")
async def test_a_repair_that_waits_for_its_turn_is_told(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The generation was observed already: nothing else tells that not all is well."""
    monkeypatch.setattr(reconcile, "SLOW_APPLY", 0.1)
    world = await created(make(A))
    go_on = gate(world)
    world.drop(at("obj-a"))
    await until(lambda: world.message() == "its children wait for their turn to be applied")
    assert world.conditions()["Ready"] == ("False", "Progressing")
    go_on.set()
    await until(world.is_ready)


# --- making anew -----------------------------------------------------------------------------------------------------


async def test_what_may_not_change_is_made_anew_where_its_manifest_allows_it(make: Make) -> None:
    mine, other = manifest("b", recreate="true"), manifest("c", recreate="true")
    world = await created(make(A, mine, other), cr(drift="report"))
    world.refused["b"] = IMMUTABLE
    before = world.objects[at("obj-b")]["metadata"]["uid"]
    world.change_folder(A, mine, other)
    await until(lambda: world.asked("delete ") == ["ConfigMap/obj-b"])
    await until(lambda: world.conditions()["Ready"] == ("False", "Recreating"))
    world.refused.clear()
    await until(world.is_ready)
    assert world.objects[at("obj-b")]["metadata"]["uid"] != before
    assert world.asked("delete ") == ["ConfigMap/obj-b"]
    assert [news.note for news in world.news if news.action == "Recreate"] == ["ConfigMap/obj-b is made anew"]
    assert "Drifted" not in world.conditions()


async def test_what_may_not_change_is_told_where_its_manifest_says_nothing(make: Make) -> None:
    world = await created(make(A, B))
    world.refused["b"] = IMMUTABLE
    world.change_folder(A, B)
    await until(lambda: world.conditions().get("Stalled") == ("True", "ApplyFailed"))
    assert world.message() == "field is immutable"
    assert world.asked("delete ") == []


async def test_what_was_refused_for_another_reason_is_not_made_anew(make: Make) -> None:
    mine = manifest("b", recreate="true")
    world = await created(make(A, mine))
    world.refused["b"] = DENIED
    world.change_folder(A, mine)
    await until(lambda: world.conditions().get("Stalled") == ("True", "ApplyFailed"))
    assert world.asked("delete ") == []


async def with_a_finished_job(make: Make) -> tuple[World, ObjectKey]:
    """A CR that is Ready, as its Job has finished."""
    world = make(manifest("j", "Job"))
    world.create(cr())
    key = at("obj-j", "Job")
    await until(lambda: key in world.objects)
    world.put({**world.objects[key], "status": {"conditions": [{"type": "Complete", "status": "True"}]}})
    await until(world.is_ready)
    return world, key


async def test_a_finished_job_that_goes_is_not_run_again(make: Make) -> None:
    world, key = await with_a_finished_job(make)
    world.drop(key)
    await world.settled()
    await world.restart()
    await world.settled()
    assert world.applied == []
    assert key not in world.objects


async def test_a_finished_job_that_goes_while_no_operator_runs_is_not_run_again(make: Make) -> None:
    world, key = await with_a_finished_job(make)
    await world.reconciler.close()
    world.drop(key)
    await world.restart()
    await world.settled()
    assert world.applied == []


async def test_a_finished_job_that_goes_at_once_is_not_run_again(make: Make) -> None:
    world = make(manifest("j", "Job"))
    world.create(cr())
    key = at("obj-j", "Job")
    await until(lambda: key in world.objects)
    await world.settled()
    world.put({**world.objects[key], "status": {"conditions": [{"type": "Complete", "status": "True"}]}})
    world.drop(key)
    await world.settled()
    assert world.applied == ["obj"]


async def test_what_may_not_change_is_tried_later_and_later(make: Make) -> None:
    world = await created(make(A, B))
    world.refused["b"] = IMMUTABLE
    world.change_folder(A, B)
    for count in range(2, 5):
        await until(lambda count=count: len(world.applied) == count)  # type: ignore[misc]
        await until(lambda: world.next_look() > 0)
        world.look()
    await until(lambda: len(world.applied) == 5)
    await world.settled()
    assert world.next_look() > 1


@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda world: world.annotate(suspend="true"),
        lambda world: world.delete_cr(finalizers=["orphan"]),
        lambda world: world.change_folder(A, B, digest="d3"),
    ],
    ids=["suspended", "orphaned", "another folder"],
)
async def test_what_users_ask_for_during_an_apply_counts_before_a_child_is_made_anew(
    make: Make, meanwhile: Callable[[World], None]
) -> None:
    mine = manifest("b", recreate="true")
    world = await created(make(A, mine))
    world.refused["b"] = IMMUTABLE

    async def ask(_: str) -> None:
        del world.before["apply Sample"]
        meanwhile(world)

    world.before["apply Sample"] = ask
    world.change_folder(A, mine)
    await until(lambda: len(world.applied) == 2)
    await world.settled()
    assert world.asked("delete ") == []


async def test_what_was_adopted_is_never_deleted_to_be_made_anew(make: Make) -> None:
    world = make(manifest("b", recreate="true"))
    world.put(foreign_object("obj-b", "kubectl"))
    world.refused["b"] = IMMUTABLE
    world.create(cr(adopt="true"))
    await until(lambda: world.conditions().get("Stalled") == ("True", "ApplyFailed"))
    assert world.asked("delete ") == []


async def test_a_crd_without_a_status_subresource_is_told_and_its_resources_are_not_taken_for_gone(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    async def unknown(_: str) -> None:
        raise NotFound("the server could not find the requested resource", status=404)

    world = make(A)
    world.before["status Sample"] = unknown
    world.create(cr())
    told = "the CRD samples.nuvolaris.org in the cluster has no status subresource"
    await until(lambda: told in caplog.text)
    assert "is gone" not in caplog.text
    del world.before["status Sample"]
    await until(lambda: world.conditions().get("Ready") == ("True", "Succeeded"), seconds=10)
    assert caplog.text.count(told) == 1


async def test_a_crd_without_the_fields_of_a_status_is_told(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    world = make(A)
    world.drops_status = True
    world.create(cr())
    told = "the CRD samples.nuvolaris.org in the cluster has no status.conditions"
    await until(lambda: told in caplog.text)
    assert "Ready: " not in caplog.text
    world.drops_status = False
    await until(lambda: world.conditions().get("Ready") == ("True", "Succeeded"), seconds=10)


async def test_a_child_that_takes_its_time_to_go_is_waited_for(make: Make) -> None:
    mine = manifest("b", recreate="true")
    world = await created(make(A, mine))
    world.refused["b"] = IMMUTABLE
    going = world.objects[at("obj-b")]
    world.put({**going, "metadata": {**going["metadata"], "deletionTimestamp": "2026-01-02T00:00:00Z"}})
    world.change_folder(A, mine)
    # Told for a moment only: then it is looked at again.
    await until(lambda: "Recreating" in [news.reason for news in world.news])
    assert world.asked("delete ") == []
    assert "Stalled" not in world.conditions()


@pytest.mark.parametrize("is_seen", [True, False])
async def test_a_job_that_finishes_and_goes_while_another_child_is_refused_is_not_run_again(
    make: Make, is_seen: bool
) -> None:
    world = make(manifest("j", "Job"), B)
    world.refused["b"] = PASSING
    world.create(cr())
    key = at("obj-j", "Job")
    await until(lambda: key in world.objects)
    await world.settled()
    world.put({**world.objects[key], "status": {"conditions": [{"type": "Complete", "status": "True"}]}})
    if is_seen:
        await world.settled()
    world.drop(key)
    world.refused.clear()
    await until(lambda: at("obj-b") in world.objects)
    assert key not in world.objects


async def test_jobs_that_nobody_asks_about_are_not_remembered(make: Make) -> None:
    world = make(manifest("j", "Job"))
    key = at("obj-j", "Job")
    world.create(cr())
    await until(lambda: key in world.objects)
    await world.settled()
    finished = {**world.objects[key], "status": {"conditions": [{"type": "Complete", "status": "True"}]}}
    world.reconciler.gone(KEY.plural, world.crs.pop(KEY.name))
    world.put(finished)
    world.drop(key)
    await world.settled()
    assert world.reconciler._observer.take_finished(scene.instance_of(KEY)) == {}


# --- pruning ---------------------------------------------------------------------------------------------------------


async def test_what_the_folder_has_no_more_goes_after_the_apply(make: Make) -> None:
    world = await created(make(A, SERVICE))
    world.change_folder(A)
    await until(lambda: world.inventory() == {"obj-a"})
    order = [asked for asked in world.requests if asked.split()[0] in ("apply", "delete")]
    assert order == ["apply Sample/obj", "apply Sample/obj", "delete Service/obj-web"]
    assert world.is_ready()


async def test_what_cannot_be_applied_is_not_pruned(make: Make) -> None:
    world = await created(make(A, SERVICE))
    world.refused["a"] = DENIED
    world.change_folder(A)
    await until(lambda: "Stalled" in world.conditions())
    assert world.asked("delete ") == []
    assert world.inventory() == {"obj-a", "obj-web"}


async def test_a_retired_kind_that_may_not_be_seen_stays_in_the_inventory(make: Make) -> None:
    world = make(A)
    world.fail("Service", FORBIDDEN)
    world.create(with_inventory(cr(), "obj-web"))
    await until(lambda: "PruneBlocked" in world.conditions())
    world.look()
    await world.settled()
    assert world.inventory() == {"obj-a", "obj-web"}
    assert "Service is no longer part of the kind" in world.message("PruneBlocked")
    world.mend("Service")
    await until(lambda: world.inventory() == {"obj-a"})
    assert "PruneBlocked" not in world.conditions()


async def test_what_could_not_be_seen_when_a_folder_changed_is_judged_when_it_can_be(make: Make) -> None:
    world, names = make(A), [f"n{number}" for number in range(6)]
    world.fail("Service", FORBIDDEN)
    for name in names:
        left = [f"{name}-{letter}" for letter in "xyz"]
        for child in left:
            body = made_before(child)
            body["metadata"]["labels"] |= {OWNER_LABEL: f"uid of {name}", INSTANCE_LABEL: f"samples-{name}"}
            world.put(body)
        world.create(with_inventory(cr(name, f"uid of {name}"), *left))
    await until(lambda: all("cannot be seen" in world.message("PruneBlocked", name) for name in names))
    world.mend("Service")
    await until(lambda: world.conditions("n0").get("PruneBlocked") == ("True", "PruneRefused"))
    await world.settled()
    assert world.asked("delete ") == []


@pytest.mark.usefixtures("impatient")
async def test_an_api_server_that_is_away_loses_nothing_of_a_retired_kind(make: Make) -> None:
    world = await created(make(A), cr("other", "u2"))

    async def once(_: str) -> None:
        del world.before["discover Service"]
        raise AWAY

    world.before["discover Service"] = once
    world.put(made_before("obj-web"))
    world.create(with_inventory(cr(), "obj-web"))
    await until(lambda: world.asked("delete ") == ["Service/obj-web"])
    assert [news for news in world.news if news.reason == "PruneFailed"] == [], "it is no answer that it is away"


async def test_nothing_is_done_before_all_of_a_retired_kind_was_listed(make: Make) -> None:
    world = make(A)
    go_on = gate(world, "watch Service")
    world.put(made_before("obj-web"))
    world.create(with_inventory(cr(), "obj-web"))
    with world.silence():
        await until(lambda: "watch Service/" in world.requests)
        await world.settled()
    go_on.set()
    await until(lambda: world.asked("delete ") == ["Service/obj-web"])


@pytest.mark.parametrize("kind", ["ConfigMap", "Service"], ids=["the kind's", "retired"])
async def test_a_list_of_another_namespace_that_comes_last_is_not_missed(make: Make, kind: str) -> None:
    world = make(A, cluster_wide=False)
    go_on = asyncio.Event()

    async def wait(namespace: str) -> None:
        if namespace == "elsewhere":
            await go_on.wait()

    world.before[f"watch {kind}"] = wait
    entry = {"apiVersion": "v1", "kind": kind, "namespace": "elsewhere", "name": "obj-x", "uid": "s1", "digest": "x"}
    world.create({**cr(), "status": {"observedGeneration": 1, "inventory": [entry]}})
    await until(lambda: f"watch {kind}/elsewhere" in world.requests)
    await world.settled()
    assert world.asked("apply ") == []
    go_on.set()
    await until(lambda: world.conditions().get("Ready") == ("True", "Succeeded"))


async def test_a_retired_kind_whose_api_is_gone_is_not_waited_for(make: Make) -> None:
    world = make(A)
    world.unserved.add("Service")
    await created(world, with_inventory(cr(), "obj-web"))
    assert world.inventory() == {"obj-a"}


async def test_a_retired_kind_whose_api_goes_while_it_is_watched_is_not_waited_for(make: Make) -> None:
    world = await created(make(A, SERVICE))
    world.drop(at("obj-web", "Service"))
    world.remove_api("Service")
    world.change_folder(A)
    await until(lambda: len(world.applied) == 2)
    await until(lambda: world.inventory() == {"obj-a"})
    assert "PruneBlocked" not in world.conditions()


async def test_objects_of_a_retired_kind_whose_end_no_watch_has_shown_are_gone_with_their_api(make: Make) -> None:
    world = await created(make(A, SERVICE))
    world.remove_api("Service")
    world.change_folder(A)
    await until(lambda: len(world.applied) == 2)
    await world.settled()
    assert world.inventory() == {"obj-a"}


async def test_an_api_that_goes_when_no_resource_has_anything_of_it_any_more_is_not_missed(make: Make) -> None:
    world = await created(make(A, SERVICE))
    world.change_folder(A)
    await until(lambda: world.asked("delete ") == ["Service/obj-web"])
    await world.settled()
    world.remove_api("Service")
    await world.settled()
    assert world.reconciler.unsynced() == []
    assert world.is_ready()


# --- the end of a CR -------------------------------------------------------------------------------------------------


async def test_a_deletion_deletes_what_the_garbage_collector_leaves(make: Make) -> None:
    world = await created(make(A, ROLE))
    world.delete_cr()
    await until(lambda: world.crs == {})
    assert world.asked("delete ") == ["ClusterRole/obj-reader"]
    assert world.objects == {}
    await until(lambda: "forget Sample/obj" in world.requests)


async def test_children_that_are_to_stay_are_let_go(make: Make) -> None:
    world = await created(make(A, ROLE), cr(deletion_policy="Orphan"))
    world.delete_cr()
    await until(lambda: world.crs == {})
    assert world.objects.keys() == {at("obj-a"), at("obj-reader", "ClusterRole")}
    assert [labels_of(body) for body in world.objects.values()] == [{}, {}]
    assert world.asked("delete ") == []


async def test_a_deletion_that_orphans_keeps_all_children(make: Make) -> None:
    world = await created(make(A, ROLE))
    world.delete_cr(finalizers=["orphan"])
    await until(lambda: world.finalizers() == ["orphan"])
    assert world.asked("delete ") == []
    assert world.objects.keys() == {at("obj-a"), at("obj-reader", "ClusterRole")}


async def test_a_cr_that_is_being_deleted_is_neither_applied_nor_repaired(make: Make) -> None:
    world = await created(make(A))
    world.delete_cr(finalizers=["somebody.else/theirs"])
    world.drop(at("obj-a"))
    with world.silence():
        world.look()
        await world.settled()


async def test_a_broken_folder_holds_up_no_deletion(make: Make) -> None:
    world = await created(make(A, ROLE))
    world.break_folder(KindError("kind.yaml: no"))
    await until(lambda: "Stalled" in world.conditions())
    world.delete_cr()
    await until(lambda: world.crs == {})


async def test_a_typing_mistake_keeps_the_children_and_holds_up_no_deletion(make: Make) -> None:
    world = await created(make(A, ROLE))
    world.annotate(deletion_policy="orphan")
    await until(lambda: world.conditions().get("Stalled") == ("True", "InvalidSpec"))
    world.delete_cr()
    await until(lambda: world.crs == {})
    assert world.asked("delete ") == []


@pytest.mark.usefixtures("impatient")
async def test_what_resists_a_deletion_is_told_once_and_tried_until_it_works(make: Make) -> None:
    world = await created(make(A, ROLE))
    world.before["delete ClusterRole"] = raising(FORBIDDEN)
    world.delete_cr()
    await until(lambda: len(world.asked("delete ")) > 3)
    assert world.finalizers() == [FINALIZER]
    told = [news.note for news in world.news if news.reason == "DeleteFailed"]
    assert told == ["it is forbidden"]
    del world.before["delete ClusterRole"]
    await until(lambda: world.crs == {})


async def test_a_conflict_at_the_end_is_not_tried_again_at_once(make: Make) -> None:
    world = await created(make(A, ROLE))
    world.before["delete ClusterRole"] = raising(Conflict("it has changed", status=409))
    world.delete_cr()
    await until(lambda: world.next_look() > 0)
    world.look()
    await until(lambda: world.next_look() > 1)
    assert len(world.asked("delete ")) == 2


@pytest.mark.usefixtures("impatient")
async def test_a_cr_that_changes_unseen_while_it_ends_is_read_anew(make: Make) -> None:
    world = await created(make(A, ROLE))

    async def meanwhile(_: str) -> None:
        del world.before["delete ClusterRole"]
        unseen(world, labels={"their": "label"})

    world.before["delete ClusterRole"] = meanwhile
    world.delete_cr()
    await until(lambda: world.crs == {})


async def test_a_deletion_is_not_held_up_by_types_that_the_cr_never_had(make: Make) -> None:
    world = await created(make(A, SERVICE), cr("other", "u2"))
    world.change_folder(A, ROLE)
    await until(lambda: world.inventory("other") == {"other-a", "other-reader"})
    await created(world)
    world.before["list Service"] = raising(FORBIDDEN)
    world.delete_cr()
    await until(lambda: "obj" not in world.crs)


async def test_a_cr_whose_end_nobody_told_is_forgotten(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was deleted in the foreground, and the watch broke off."""
    monkeypatch.setattr(reconcile, "MISSED_END", 0.05)
    world = await created(make(A))
    world.delete_cr(finalizers=["foregroundDeletion"])
    await until(lambda: "get Sample/obj" in world.requests)
    assert "forget Sample/obj" not in world.requests, "it is still there"
    world.crs.clear()
    await until(lambda: "forget Sample/obj" in world.requests)


async def test_a_cr_with_a_finalizer_is_read_anew_now_and_then(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """kopf watches a namespace no more that is being deleted."""
    world = await created(make(A, ROLE))
    world.look()
    await world.settled()
    assert world.asked("get ") == []
    world.reconciler._records[KEY].seen_at -= reconcile.LOOK_FOR_END
    for _ in range(2):
        world.look()
        await world.settled()
    assert world.asked("get ") == ["Sample/obj"]
    monkeypatch.setattr(reconcile, "LOOK_FOR_END", 0.0)
    unseen(world, deletionTimestamp="2026-01-02T00:00:00Z")
    world.look()
    await until(lambda: world.crs == {})
    assert world.asked("delete ") == ["ClusterRole/obj-reader"]


async def test_a_cr_that_fails_is_read_anew_now_and_then(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be gone, and hold names that others want."""
    monkeypatch.setattr(reconcile, "LOOK_FOR_END", 0.0)
    world = make(A)
    world.fail("ConfigMap", FORBIDDEN)
    world.create(cr())
    await until(lambda: world.message() == "ConfigMap (v1) cannot be watched: it is forbidden")
    world.crs.clear()
    world.look()
    await until(lambda: "forget Sample/obj" in world.requests)


async def test_a_cr_with_a_mistake_is_read_anew_when_its_children_go(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It went with them, and nobody told: the name of its child is free for others."""
    monkeypatch.setattr(reconcile, "LOOK_FOR_END", 0.0)
    world = await created(make(manifest("c"), manifest("b-c")), cr("a"))
    world.annotate("a", suspendd="true")
    await until(lambda: world.conditions("a").get("Stalled") == ("True", "InvalidSpec"))
    await world.settled()
    world.crs.clear()
    world.drop(at("a-c"))
    world.drop(at("a-b-c"))
    await until(lambda: "forget Sample/a" in world.requests)
    await created(world, cr("a-b", "u2"))


async def test_an_operator_that_ends_gives_kubectl_a_moment_and_no_more(make: Make) -> None:
    world = make(A)
    ended: list[bool] = []

    async def hang(_: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    world.before["apply Sample"] = hang
    world.create(cr())
    await until(lambda: world.applied)
    await world.reconciler.close()
    assert "drain" in world.requests, "what waits would be begun meanwhile"
    await until(lambda: ended)


async def test_a_cr_of_a_broken_folder_with_a_finalizer_is_looked_at_now_and_then(make: Make) -> None:
    world = await created(make(A, ROLE))
    world.break_folder(KindError("kind.yaml: no"))
    await until(lambda: "Stalled" in world.conditions())
    await world.settled()
    assert reconcile.LOOK_FOR_END - 2 < world.next_look() <= reconcile.LOOK_FOR_END


async def test_that_a_cr_has_gone_at_its_end_may_go_untold(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconcile, "MISSED_END", 0.05)
    world = await created(make(A, ROLE))
    world.change(deletionTimestamp="2026-01-02T00:00:00Z", generation=2)
    await until(lambda: "forget Sample/obj" in world.requests)
    assert world.asked("delete ") == ["ClusterRole/obj-reader"]
