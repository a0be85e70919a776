"""Who makes the Secrets whose values are made once, and whose they are."""

from collections.abc import Sequence
from typing import Any, cast

from nuvop import directives, inventory, overlay
from nuvop.cluster import ApiResource
from nuvop.errors import Conflict
from nuvop.kinds import ChildSelector, Generated
from nuvop.made_once import Secrets
from nuvop.objects import INSTANCE_LABEL, NAMESPACE_LABEL, Body, ObjectKey, key_of
from nuvop.record import Record
from nuvop.scene import Scene
from tests.unit.world import cr, make_kind

SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"}}
KEY = ObjectKey("", "Secret", "demo", "obj-key")
CLAIM: Body = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {
        "name": "www-0", "namespace": "demo", "uid": "uid-www-0", "labels": {INSTANCE_LABEL: "samples-obj"},
    },
}  # fmt: skip


class Api:
    """An API server with a Secret, or without, and claims; what was asked of it."""

    def __init__(self, secret: Body | None = None, *claims: Body, is_racing: bool = False) -> None:
        self.secret, self._claims, self._is_racing = secret, claims, is_racing
        self.asked: list[str] = []
        self.operations: list[Any] = []

    async def find(self, resource: ApiResource, namespace: str, names: Sequence[str]) -> dict[str, Body]:
        self.asked.append("find")
        return {KEY.name: self.secret} if self.secret else {}

    async def list(self, resource: ApiResource, namespace: str, *, labels: str) -> tuple[Body, ...]:
        self.asked.append(f"list {resource.plural} in {namespace} with {labels}")
        return self._claims

    async def create(self, resource: ApiResource, namespace: str, body: Body) -> Body:
        self.asked.append("create")
        if self._is_racing:
            raise Conflict("it exists")
        self.secret = {**body, "metadata": {**body["metadata"], "uid": "new", "resourceVersion": "1"}}
        return self.secret

    async def patch_metadata(self, resource: ApiResource, body: Body, operations: Sequence[Any]) -> Body:
        self.asked.append("patch")
        if self._is_racing:
            raise Conflict("it has changed")
        self.operations += operations
        return body


def secret(**metadata: Any) -> dict[str, Any]:
    return {**SECRET, "metadata": {"name": KEY.name, "namespace": "demo", "uid": "s1", **metadata}}


LISTED = f"list persistentvolumeclaims in demo with {INSTANCE_LABEL}=samples-obj"


def scene(*live: Body, known: bool = False, has_claims: bool = False) -> Scene:
    kind = make_kind(SECRET, generated=(Generated(ChildSelector("Secret", "key"), {"password": 20}),))
    body = cr()
    made, record = overlay.make(kind, body), Record.of(body, 0.0)
    if known:
        record.inventory = (inventory.entry_of(secret()),)
    resources = {("v1", "Secret"): ApiResource("", "v1", "secrets", "Secret")}
    if has_claims:
        resources["v1", "PersistentVolumeClaim"] = ApiResource(
            "", "v1", "persistentvolumeclaims", "PersistentVolumeClaim"
        )
    objects = {key_of(each): each for each in live}
    return Scene(made.key, record, 1, kind, directives.of(body), made, objects, resources)


async def ensure(api: Api, of: Scene, *, is_current: bool = True) -> str | None:
    async def current() -> bool:
        return is_current

    return await Secrets(cast("Any", api)).ensure(of, current)


async def test_it_is_made_once_and_noted() -> None:
    api, of = Api(), scene()
    assert await ensure(api, of) == ""
    assert api.asked == ["find", "create"]
    assert [entry.name for entry in of.record.inventory] == [KEY.name]
    assert await ensure(api, of) == ""
    assert api.asked == ["find", "create", "find"]


async def test_it_is_not_made_where_the_cr_is_another_by_now_or_somebody_is_quicker() -> None:
    api = Api()
    assert await ensure(api, scene(), is_current=False) is None
    assert api.asked == ["find"]
    racing = scene()
    assert await ensure(Api(is_racing=True), racing) == ""
    assert not racing.record.inventory


async def test_it_is_never_made_while_there_is_data() -> None:
    """Whatever the watch has shown of it: that may be late, or broken."""
    api = Api(None, CLAIM)
    lost = await ensure(api, scene(has_claims=True))
    assert lost == (
        "Secret/obj-key is gone, and PersistentVolumeClaim/www-0 can only be read with it: bring it back, or delete "
        "the data"
    )
    assert api.asked == ["find", LISTED]


async def test_it_is_made_where_the_data_is_gone_or_another_ones() -> None:
    metadata: dict[str, Any] = {**CLAIM["metadata"]}
    others = {**CLAIM, "metadata": {**metadata, "labels": {**metadata["labels"], NAMESPACE_LABEL: "other"}}}
    going = {**CLAIM, "metadata": {**metadata, "deletionTimestamp": "2026-01-02T00:00:00Z"}}
    api = Api(None, others, going)
    assert await ensure(api, scene(CLAIM, has_claims=True)) == ""
    assert api.asked == ["find", LISTED, "create"]


async def test_the_users_own_is_left_alone() -> None:
    api = Api(secret())
    assert await ensure(api, scene(CLAIM)) == ""
    assert api.asked == ["find"]


async def test_what_was_brought_back_is_the_crs_again() -> None:
    api = Api(secret(labels={"mine": "x"}))
    assert await ensure(api, scene(CLAIM, known=True)) == ""
    added = {operation["path"].rpartition("/")[2]: operation["value"] for operation in api.operations}
    assert added[INSTANCE_LABEL.replace("/", "~1")] == "samples-obj"
    assert [owner["uid"] for owner in added["ownerReferences"]] == ["u1", "uid-www-0"]


async def test_a_live_one_gets_its_owners_and_is_noted() -> None:
    api, of = Api(), scene(secret(labels={INSTANCE_LABEL: "samples-obj"}), CLAIM)
    assert await ensure(api, of) == ""
    assert api.asked == ["patch"]
    assert [entry.uid for entry in of.record.inventory] == ["s1"]
    assert await ensure(Api(is_racing=True), of) == ""
