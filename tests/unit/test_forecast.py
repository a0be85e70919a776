"""What the operator would make of a CR, given how things are and what dry runs have left."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from nuvop import directives, fields, forecast, inventory, overlay
from nuvop.forecast import Outlook, Trial
from nuvop.kinds import ChildField, ChildSelector, Generated, Kind, Setting
from nuvop.objects import (
    INSTANCE_LABEL,
    LAST_APPLIED,
    NO_UID,
    OWNER_LABEL,
    REVISION_LABEL,
    Body,
    ObjectKey,
)
from nuvop.plan import Action
from nuvop.record import Record
from nuvop.scene import Scene
from nuvop.status import Reason
from tests.unit.world import RESOURCES, at, cr, make_kind, manifest

A, B = at("obj-a"), at("obj-b")
ALL = {(resource.api_version, name): resource for name, resource in RESOURCES.items()} | {
    ("v1", "Secret"): RESOURCES["ConfigMap"]
}


def scene(kind: Kind, body: Body, live: Mapping[ObjectKey, Body] | None = None) -> Scene:
    wishes = directives.of(body)
    made = overlay.make(kind, body, orphan=wishes.orphan)
    return Scene(made.key, Record.of(body, 0.0), 1, kind, wishes, made, live or {}, ALL)


def made(
    here: Scene, key: ObjectKey, *, revision: str = "", owned: Sequence[str] = ("f:data",), **members: Any
) -> dict[str, Any]:
    """A child as nuvop has made it for a CR."""
    child = here.overlay.children[key]
    owner, revision = here.record.uid, revision or here.overlay.revision
    labels = {OWNER_LABEL: owner, REVISION_LABEL: revision, INSTANCE_LABEL: here.key.instance}
    ours: dict[str, Any] = {"f:metadata": {"f:labels": {f"f:{label}": {} for label in labels}}}
    ours |= {name: {} for name in owned}
    metadata = {"name": key.name, "namespace": key.namespace, "uid": f"uid-{key.name}", "resourceVersion": "1"}
    entry = {"manager": "nuvop", "operation": "Apply", "fieldsV1": ours}
    whole = {**metadata, "labels": labels, "managedFields": [entry]}
    return {**copy.deepcopy(dict(child.body)), **members, "metadata": whole}


def settled(kind: Kind, revision: str = "", **annotations: str) -> Scene:
    """A CR whose children are as they were applied last; ``revision`` is another one than the present."""
    here = scene(kind, cr(**annotations))
    live = {key: made(here, key, revision=revision) for key in here.overlay.children}
    return seen_by(here, live, revision)


def seen_by(here: Scene, live: Mapping[ObjectKey, Body], revision: str = "") -> Scene:
    """The same, as the CR's status tells of it."""
    entries = [inventory.entry_of(body).as_dict() for body in live.values()]
    status = {"inventory": entries, "lastAppliedRevision": revision or here.overlay.revision}
    return replace(here, record=Record.of({**here.record.body, "status": status}, 0.0), live=live)


def with_live(here: Scene, key: ObjectKey, body: Body | None) -> Scene:
    live = {at: known for at, known in here.live.items() if at != key}
    return replace(here, live=live if body is None else {**live, key: body})


def planned(view: Outlook, **trials: Trial) -> list[tuple[Action, str, str]]:
    """What becomes of each object; ``trials`` are by the name in the base, of others the dry run changes nothing."""
    tried = {}
    for key in view.tried:
        body = view.scene.live.get(key) or view.found.get(key)
        unchanged = Trial(made(view.scene, key)) if body is None else Trial(relabelled(body, view.scene))
        tried[key] = trials.get(key.name.removeprefix(f"{view.scene.key.name}-"), unchanged)
    return [(each.action, each.key.name, each.message) for each in forecast.plan(view, tried).objects]


def relabelled(body: Body, here: Scene) -> dict[str, Any]:
    after = copy.deepcopy(dict(body))
    after["metadata"].setdefault("labels", {})[REVISION_LABEL] = here.overlay.revision
    return after


def changed(body: Body, path: str, value: Any) -> dict[str, Any]:
    after = copy.deepcopy(dict(body))
    fields.put(after, fields.parse(path), value)
    return after


KIND = make_kind(manifest("a"), manifest("b"))


def test_all_of_a_new_resource_is_created() -> None:
    here = scene(KIND, cr())
    assert [key for key, _ in forecast.sought(here)] == [A, B]
    view = forecast.outlook(here, {})
    assert (view.tried, forecast.obstacle(view)) == ((A, B), None)
    assert planned(view, b=Trial(awaits="once it is there")) == [
        (Action.CREATE, "obj-a", ""),
        (Action.CREATE, "obj-b", "once it is there"),
    ]


def test_what_is_as_it_should_be_is_not_even_tried() -> None:
    view = forecast.outlook(settled(KIND), {})
    assert forecast.sought(view.scene) == []
    assert view.tried == ()
    assert planned(view) == [(Action.UNCHANGED, "obj-a", ""), (Action.UNCHANGED, "obj-b", "")]


def test_who_asks_for_it_has_everything_applied() -> None:
    view = forecast.outlook(settled(KIND, reconcile="now"), {})
    assert view.tried == (A, B)
    assert {action for action, _, _ in planned(view)} == {Action.UNCHANGED}


def test_another_revision_alone_is_no_change() -> None:
    view = forecast.outlook(settled(KIND, "older"), {})
    assert view.tried == (A, B)
    after = Trial(changed(relabelled(view.scene.live[A], view.scene), "data.x", "2"))
    found = forecast.plan(view, {A: after, B: Trial(relabelled(view.scene.live[B], view.scene))}).objects
    assert [(each.action, each.is_relabelled) for each in found] == [(Action.CHANGE, True), (Action.UNCHANGED, True)]
    (difference,) = found[0].differences
    assert (difference.path, difference.before, difference.after) == ("data.x", "1", "2")


# --- whose it is -----------------------------------------------------------------------------------------------------


def theirs(**metadata: Any) -> dict[str, Any]:
    entry = {"manager": "kubectl-client-side-apply", "operation": "Update", "fieldsV1": {"f:data": {"f:mine": {}}}}
    known = {"name": "obj-a", "namespace": "demo", "uid": "theirs", "managedFields": [entry]}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {**known, **metadata}, "data": {"mine": "1"}}


def test_somebody_elses_object_is_in_the_way() -> None:
    reason, told = forecast.obstacle(forecast.outlook(scene(KIND, cr()), {A: theirs()})) or ("", "")
    assert reason is Reason.NOT_OWNED
    assert told.startswith("ConfigMap/obj-a exists, made by kubectl-client-side-apply")


def test_it_is_taken_over_where_that_is_asked_for_and_keeps_what_is_in_it() -> None:
    """nuvop takes kubectl's fields off an object before it takes it over, so kubectl deletes none of them."""
    view = forecast.outlook(scene(KIND, cr(adopt="true")), {A: theirs()})
    assert forecast.obstacle(view) is None
    note: dict[str, Any] = {"f:annotations": {f"f:{LAST_APPLIED}": {}}}
    after = theirs(annotations={LAST_APPLIED: "{}"}, labels={REVISION_LABEL: "new"})
    after["metadata"]["managedFields"][0]["fieldsV1"]["f:metadata"] = note
    after["data"] = {"mine": "1", "x": "1"}
    found = forecast.plan(view, {A: Trial(after), B: Trial(made(view.scene, B))}).objects[0]
    assert (found.action, found.message) == (Action.CHANGE, "is taken over")
    assert [each.path for each in found.differences] == [f"metadata.labels.[{REVISION_LABEL}]", "data.x"]


def test_what_kubectl_alone_has_put_into_a_child_goes() -> None:
    here = settled(KIND, "older")
    body = changed(here.live[A], "data.mine", "2")
    note: dict[str, Any] = {"f:annotations": {f"f:{LAST_APPLIED}": {}}}
    kubectls = {"manager": "k", "operation": "Update", "fieldsV1": {"f:metadata": note, "f:data": {"f:mine": {}}}}
    body["metadata"]["managedFields"].append(kubectls)
    body["metadata"]["managedFields"][0]["fieldsV1"]["f:data"] = {"f:x": {}}
    view = forecast.outlook(with_live(here, A, body), {})
    found = forecast.plan(view, {A: Trial(relabelled(body, here)), B: Trial(relabelled(here.live[B], here))}).objects[0]
    assert [(each.path, each.before) for each in found.differences] == [("data.mine", "2")]


def test_another_resources_child_is_in_the_way() -> None:
    labels = {OWNER_LABEL: "u2", INSTANCE_LABEL: "samples-other"}
    other = theirs(labels=labels)
    other["metadata"]["managedFields"].append({"manager": "nuvop", "operation": "Apply", "fieldsV1": {}})
    for asked in ({}, {"adopt": "true"}):
        reason, _ = forecast.obstacle(forecast.outlook(scene(KIND, cr(**asked)), {A: other})) or ("", "")
        assert reason is Reason.NAME_COLLISION


def test_the_earlier_one_of_two_gets_the_name() -> None:
    kept = make_kind(manifest("a"), keeps_names=True)
    earlier, later = (
        scene(kept, cr("late", "u1", "2026-01-01T00:00:00Z")),
        scene(kept, cr("b", "u2", "2026-01-02T00:00:00Z")),
    )
    for scenes in ([earlier, later], [later, earlier]):
        told = forecast.collisions(scenes)
        assert told.keys() == {later.key}
        assert told[later.key].startswith("ConfigMap/a belongs to samples/late in demo, which was there first")
    assert forecast.collisions([earlier]) == {}


# --- drift -----------------------------------------------------------------------------------------------------------


def drifted(**annotations: str) -> tuple[Scene, Trial]:
    """A child that kubectl has changed, and how an apply puts it back."""
    here = settled(KIND, **annotations)
    body = changed(here.live[A], "data.x", "9")
    del body["metadata"]["managedFields"][0]["fieldsV1"]["f:data"]
    body["metadata"]["managedFields"].append(
        {"manager": "kubectl-edit", "operation": "Update", "fieldsV1": {"f:data": {}}}
    )
    return with_live(here, A, body), Trial(here.live[A])


def test_drift_is_put_back() -> None:
    here, back = drifted()
    view = forecast.outlook(here, {})
    assert view.tried == (A, B)
    assert planned(view, a=back)[0] == (Action.CHANGE, "obj-a", "changed by kubectl-edit")


def test_drift_is_left_where_that_is_asked_for() -> None:
    here, back = drifted(drift="report")
    view = forecast.outlook(with_live(here, B, None), {})
    assert view.tried == (B, A)
    assert planned(view, a=back) == [
        (Action.LEAVE, "obj-a", "changed by kubectl-edit"),
        (Action.LEAVE, "obj-b", "was deleted"),
    ]
    hidden = forecast.outlook(with_live(here, B, None), {B: theirs()})
    assert forecast.obstacle(hidden) is None, "nothing is applied over it"


def test_but_not_from_another_revision_nor_where_somebody_asks() -> None:
    for here in (settled(KIND, "older", drift="report"), drifted(drift="report", reconcile="now")[0]):
        view = forecast.outlook(here, {})
        assert not view.is_left
        assert view.tried == (A, B)


def test_who_has_taken_a_value_without_changing_it_has_changed_nothing() -> None:
    here, _ = drifted()
    same = changed(here.live[A], "data.x", "1")
    view = forecast.outlook(with_live(here, A, same), {})
    assert planned(view, a=Trial(settled(KIND).live[A]))[0] == (Action.UNCHANGED, "obj-a", "")


# --- what is refused, what is left over ------------------------------------------------------------------------------


def test_what_the_api_server_refuses_fails_and_nothing_is_pruned() -> None:
    here = settled(KIND, "older")
    view = forecast.outlook(with_live(here, at("obj-old"), left(here)), {})
    assert planned(view, a=Trial(error="is invalid")) == [
        (Action.FAIL, "obj-a", "is invalid"),
        (Action.UNCHANGED, "obj-b", ""),
    ]


def left(here: Scene, kind: str = "ConfigMap", **annotations: str) -> dict[str, Any]:
    body = made(here, A, revision="older")
    body["kind"] = kind
    body["metadata"] |= {"name": "obj-old", "annotations": annotations}
    return body


def test_what_is_left_over_is_deleted() -> None:
    here = settled(KIND)
    live = {
        **here.live,
        at("obj-old"): left(here),
        at("obj-old", "Service"): left(here, "Service"),
        ObjectKey("", "Service", "demo", "obj-kept"): left(here, "Service", **{directives.PRUNE: "disabled"}),
    }
    view = forecast.outlook(replace(here, live=live), {})
    assert planned(view)[2:] == [
        (Action.DELETE, "obj-old", "once the resource is ready"),
        (Action.DELETE, "obj-old", ""),
    ]


def test_what_cannot_be_changed_is_made_anew_where_the_folder_allows_it() -> None:
    kind = make_kind(manifest("a", recreate="true"), manifest("b"))
    here = settled(kind, "older")
    view = forecast.outlook(with_live(here, at("obj-old", "Service"), left(here, "Service")), {})
    immutable = Trial(error="field is immutable", is_immutable=True)
    assert planned(view, a=immutable) == [
        (Action.RECREATE, "obj-a", "field is immutable"),
        (Action.UNCHANGED, "obj-b", ""),
        (Action.DELETE, "obj-old", ""),
    ]
    assert planned(view, b=immutable)[1][0] is Action.FAIL
    assert planned(view, a=Trial(error="is invalid"))[0][0] is Action.FAIL
    current = forecast.outlook(settled(kind, reconcile="now"), {})
    assert planned(current, a=immutable)[0][0] is Action.FAIL, "what is of this revision is not deleted"


@pytest.mark.parametrize("path", ["metadata.annotations.[a.b/c]", r"metadata.annotations.a\.b/c"])
def test_a_released_field_may_be_spelt_in_any_way(path: str) -> None:
    kind = make_kind(manifest("a"), releases=(ChildField(ChildSelector("ConfigMap", "a"), fields.parse(path)),))
    here = scene(kind, cr())
    body = made(here, A, revision="older")
    body["metadata"]["annotations"] = {"a.b/c": "5"}
    body["metadata"]["managedFields"][0]["fieldsV1"]["f:metadata"]["f:annotations"] = {"f:a.b/c": {}}
    here = seen_by(here, {A: body}, "older")
    after = relabelled(body, here)
    del after["metadata"]["annotations"]
    (found,) = forecast.plan(forecast.outlook(here, {}), {A: Trial(after)}).objects
    assert (found.differences, found.message) == ((), f"{path} is released, with the value that it has")


def test_a_released_field_keeps_its_value() -> None:
    kind = make_kind(
        manifest("a"), releases=(ChildField(ChildSelector("ConfigMap", "a"), fields.parse("spec.replicas")),)
    )
    here = scene(kind, cr())
    body = made(here, A, revision="older", spec={"replicas": 5})
    body["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"] = {"f:replicas": {}}
    here = seen_by(here, {A: body}, "older")
    after = Trial(changed(relabelled(body, here), "spec.replicas", 1))
    (found,) = forecast.plan(forecast.outlook(here, {}), {A: after}).objects
    assert (found.action, found.differences) == (Action.CHANGE, ())
    assert found.message == "spec.replicas is released, with the value that it has"

    body["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"] = {}
    (found,) = forecast.plan(forecast.outlook(here, {}), {A: Trial(relabelled(body, here))}).objects
    assert (found.action, found.message) == (Action.UNCHANGED, ""), "it was released before"


def test_who_owns_the_children_of_a_resource_that_is_new_is_no_difference() -> None:
    """Those of an earlier one of its name: nobody knows the new one's uid."""
    here = scene(KIND, cr(uid=NO_UID))
    before = made(scene(KIND, cr(uid="earlier")), A, revision="older")
    before["metadata"]["ownerReferences"] = [{"uid": "earlier"}]
    after = relabelled(before, here)
    after["metadata"]["ownerReferences"] = [{"uid": NO_UID}]
    view = forecast.outlook(with_live(here, A, before), {})
    assert planned(view, a=Trial(after))[0] == (Action.UNCHANGED, "obj-a", "")
    known = scene(KIND, cr(uid="u1"))
    view = forecast.outlook(with_live(known, A, before), {})
    assert planned(view, a=Trial(after))[0][0] is Action.CHANGE


# --- what is made once -----------------------------------------------------------------------------------------------

SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "password"}}
KEY = ObjectKey("", "Secret", "demo", "obj-password")


def test_a_secret_is_made_once() -> None:
    kind = make_kind(manifest("a"), SECRET, generated=(Generated(ChildSelector("Secret", "password"), {"a": 8}),))
    here = scene(kind, cr())
    assert [key for key, _ in forecast.sought(here)] == [A, KEY]
    assert planned(forecast.outlook(here, {}))[1] == (Action.CREATE, "obj-password", "with values of chance")
    somebodys = {"metadata": {"name": KEY.name}}
    assert len(planned(forecast.outlook(here, {KEY: somebodys}))) == 1
    assert len(planned(forecast.outlook(with_live(here, KEY, somebodys), {}))) == 1

    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}}
    lost = with_live(here, ObjectKey("", "PersistentVolumeClaim", "demo", "data"), claim)
    reason, told = forecast.obstacle(forecast.outlook(lost, {})) or ("", "")
    assert (reason, told.partition(",")[0]) == (Reason.SECRET_LOST, "Secret/obj-password is gone")
    assert forecast.obstacle(forecast.outlook(lost, {KEY: somebodys})) is None


@pytest.mark.parametrize(
    ("live", "trial", "action", "message"),
    [
        (None, Trial(theirs()), Action.CREATE, ""),
        (None, Trial(awaits="later"), Action.CREATE, "later"),
        (None, Trial(error="no"), Action.FAIL, "no"),
        (theirs(), Trial(theirs()), Action.UNCHANGED, ""),
        (theirs(), Trial(theirs(labels={"a": "b"})), Action.CHANGE, ""),
    ],
)
def test_what_is_installed_once(live: Body | None, trial: Trial, action: Action, message: str) -> None:
    found = forecast.installed(theirs(), live, trial)
    assert (found.action, found.message, found.key) == (action, message, A)


def test_a_field_that_reaches_a_secret_is_told_of_no_other_child() -> None:
    children = (ChildSelector("Secret", "x"), ChildSelector("ConfigMap", "a"))
    settings = tuple(Setting(fields.parse("spec.word"), child, fields.parse("data.x")) for child in children)
    here = settled(replace(make_kind(manifest("a")), settings=settings), "older")
    after = Trial(changed(relabelled(here.live[A], here), "data.x", "hunter2"))
    (found,) = forecast.plan(forecast.outlook(here, {}), {A: after}).objects
    assert [(each.path, each.is_secret) for each in found.differences] == [("data.x", True)]
