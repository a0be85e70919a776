"""The owners of a StatefulSet's claims, and who changes them."""

from typing import Any, cast

import pytest

from nuvop import directives, overlay
from nuvop import retention as retentions
from nuvop.cluster import ApiResource
from nuvop.errors import ClusterError, Conflict, NotFound
from nuvop.objects import Body, ObjectKey, key_of
from nuvop.record import Record
from nuvop.scene import Scene
from nuvop.volumes import Volumes
from tests.unit.world import cr, make_kind

KEEP, GO = "Retain", "Delete"
OTHER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "other"}


def stateful_set(deleted: str | None = KEEP, scaled: str = KEEP, uid: str = "s1", **metadata: Any) -> dict[str, Any]:
    policy = {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": deleted, "whenScaled": scaled}} if deleted else {}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "obj-db.x", "namespace": "demo", "uid": uid, "labels": {}, **metadata},
        "spec": {"replicas": 1, "volumeClaimTemplates": [{"metadata": {"name": "www"}}], **policy},
    }


@pytest.mark.parametrize("spec", [{}, {"volumeClaimTemplates": None}, {"volumeClaimTemplates": []}])
def test_a_stateful_set_without_templates_has_no_claims(spec: dict[str, Any]) -> None:
    bare = {**stateful_set(), "spec": spec}
    assert list(retentions.changes(bare, live(claim("www-obj-db.x-0"), claim("-obj-db.x-0")))) == []


OWNER = {
    "apiVersion": "apps/v1",
    "kind": "StatefulSet",
    "name": "obj-db.x",
    "uid": "s1",
    "controller": True,
    "blockOwnerDeletion": True,
}


def claim(name: str, *owners: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    referenced = {"ownerReferences": list(owners)} if owners else {}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": "demo", "uid": f"uid-{name}", "labels": {}, **referenced, **metadata},
    }


def live(*bodies: Body) -> dict[ObjectKey, Body]:
    return {key_of(body): body for body in bodies}


def changes(of: Body, *claims: Body) -> dict[str, list[dict[str, Any]]]:
    return {each.claim["metadata"]["name"]: each.owners for each in retentions.changes(of, live(of, *claims))}


def test_claims_are_bound_to_go_or_freed() -> None:
    free, bound = claim("www-obj-db.x-0"), claim("www-obj-db.x-10", OWNER)
    assert changes(stateful_set(GO), free, bound) == {"www-obj-db.x-0": [OWNER]}
    assert changes(stateful_set(KEEP), free, bound) == {"www-obj-db.x-10": []}
    # What the API server makes of a StatefulSet that says nothing.
    assert changes(stateful_set(None), free, bound) == {"www-obj-db.x-10": []}


def test_other_owners_stay() -> None:
    assert changes(stateful_set(KEEP), claim("www-obj-db.x-0", OTHER, OWNER)) == {"www-obj-db.x-0": [OTHER]}
    assert changes(stateful_set(GO), claim("www-obj-db.x-0", OTHER)) == {"www-obj-db.x-0": [OTHER, OWNER]}


@pytest.mark.parametrize("name", ["www-obj-db.x-a", "www-obj-dbxx-0", "www-obj-db.x-0-1", "data-obj-db.x-0", "www"])
def test_anothers_claim_is_left_alone(name: str) -> None:
    assert not changes(stateful_set(GO), claim(name))


def test_what_its_pods_decide_or_what_goes_already_is_left_alone() -> None:
    assert not changes(stateful_set(GO, scaled=GO), claim("www-obj-db.x-0"))
    assert not changes(stateful_set(GO, deletionTimestamp="now"), claim("www-obj-db.x-0"))
    assert not changes(stateful_set(GO), claim("www-obj-db.x-0", deletionTimestamp="now"))


def test_who_makes_claims() -> None:
    bare = stateful_set()
    del bare["spec"]["volumeClaimTemplates"]
    assert [retentions.has_claims(body) for body in (stateful_set(), bare, claim("x"))] == [True, False, False]


# --- who changes them ------------------------------------------------------------------------------------------------


class Api:
    """An API server with one StatefulSet as it is now."""

    def __init__(self, now: Body | None, refusal: ClusterError | None = None) -> None:
        self._now, self._refusal = now, refusal
        self.asked = 0
        self.patched: dict[str, Any] = {}

    async def get(self, resource: ApiResource, namespace: str, name: str) -> Body:
        self.asked += 1
        if self._now is None:
            raise NotFound("gone")
        return self._now

    async def patch_metadata(self, resource: ApiResource, body: Body, operations: list[dict[str, Any]]) -> Body:
        assert resource.kind == "PersistentVolumeClaim"
        if self._refusal:
            raise self._refusal
        (operation,) = operations
        self.patched[body["metadata"]["name"]] = operation["value"]
        return body


def scene(*bodies: Body) -> Scene:
    base = {**stateful_set(), "metadata": {"name": "db.x"}}
    kind, body = make_kind(base), cr()
    resources = {
        ("apps/v1", "StatefulSet"): ApiResource("apps", "v1", "statefulsets", "StatefulSet"),
        ("v1", "PersistentVolumeClaim"): ApiResource("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim"),
    }
    assert kind.watched == resources.keys()
    made, record = overlay.make(kind, body), Record.of(body, 0.0)
    return Scene(made.key, record, 1, kind, directives.of(body), made, live(*bodies), resources)


async def settle(api: Api, *bodies: Body) -> dict[str, Any]:
    await Volumes(cast("Any", api)).settle(scene(*bodies))
    return api.patched


async def test_claims_are_settled_as_the_stateful_set_says_now() -> None:
    claims = claim("www-obj-db.x-0"), claim("www-obj-db.x-1", OWNER)
    assert await settle(Api(stateful_set(GO)), stateful_set(GO), *claims) == {"www-obj-db.x-0": [OWNER]}
    # The watch is behind: the policy is another by now, or the StatefulSet is.
    assert await settle(Api(stateful_set(KEEP)), stateful_set(GO), *claims) == {"www-obj-db.x-1": []}
    assert await settle(Api(stateful_set(KEEP, uid="s2")), stateful_set(GO), *claims) == {}
    assert await settle(Api(None), stateful_set(GO), *claims) == {}


async def test_nothing_is_asked_where_nothing_is_to_be_changed() -> None:
    api = Api(stateful_set(GO))
    assert await settle(api, stateful_set(GO), claim("www-obj-db.x-0", OWNER)) == {}
    assert await settle(api, claim("www-obj-db.x-0")) == {}
    assert api.asked == 0


async def test_what_changes_meanwhile_is_looked_at_later_and_a_right_that_is_missing_is_told() -> None:
    assert await settle(Api(stateful_set(GO), Conflict("changed")), stateful_set(GO), claim("www-obj-db.x-0")) == {}
    with pytest.raises(ClusterError, match="no right"):
        await settle(Api(stateful_set(GO), ClusterError("no right")), stateful_set(GO), claim("www-obj-db.x-0"))
