"""Who stands in the way of a CR's children: objects of their names that nuvop has not made for this CR.

Applying over one would take it over without a word, and delete its owner's fields.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from nuvop import client_side, fields, marks
from nuvop.cluster import ApiResource, Cluster
from nuvop.errors import Conflict
from nuvop.fields import FieldPath, Json, Name, Segment, pointer
from nuvop.inventory import Inventory
from nuvop.objects import (
    INSTANCE_LABEL,
    LAST_APPLIED,
    NAMESPACE_LABEL,
    OWNER_LABEL,
    RELEASED_TO,
    Body,
    CRKey,
    ObjectKey,
    applied_tree,
    is_applied,
    labels_of,
    maker_of,
    owned_tree,
    owns_label,
    told_owner,
)

GATHER = 0.2
"""Seconds for which questions are gathered that came while others were answered: each answer is a whole list."""

Scope = tuple[ApiResource, str]


class Lookups:
    """Looks objects up by name; what is asked for while an answer is awaited is asked for together."""

    def __init__(self, cluster: Cluster) -> None:
        """Ask nothing yet."""
        self._cluster = cluster
        self._waiting: dict[Scope, dict[str, asyncio.Future[Body | None]]] = {}
        self._asking: dict[Scope, asyncio.Task[None]] = {}

    async def find(self, resource: ApiResource, key: ObjectKey) -> Body | None:
        """Return an object, of which no more than the metadata is sure to be there; None where there is none.

        Raises the ClusterError with which the API server answers.
        """
        scope = (resource, key.namespace)
        waiting = self._waiting.setdefault(scope, {})
        answer = waiting.setdefault(key.name, asyncio.get_running_loop().create_future())
        if scope not in self._asking:
            self._asking[scope] = asyncio.create_task(self._ask(scope))
        return await asyncio.shield(answer)

    async def close(self) -> None:
        """Ask no more."""
        for task in self._asking.values():
            task.cancel()
        await asyncio.gather(*self._asking.values(), return_exceptions=True)

    async def _ask(self, scope: Scope) -> None:
        try:
            while waiting := self._waiting.pop(scope, {}):
                try:
                    found = await self._cluster.find(*scope, waiting.keys())
                except BaseException as error:
                    for answer in waiting.values():
                        _refuse(answer, error)
                    if not isinstance(error, Exception):
                        raise
                else:
                    for name, answer in waiting.items():
                        answer.set_result(found.get(name))
                if scope in self._waiting:
                    await asyncio.sleep(GATHER)
        finally:
            del self._asking[scope]


def _refuse(answer: "asyncio.Future[Body | None]", error: BaseException) -> None:
    if isinstance(error, Exception):
        answer.set_exception(error)
    else:
        answer.cancel()


@dataclass(frozen=True)
class Obstacle:
    """An object with a child's name that is somebody else's; ``owner`` is the uid of the CR that it is a child of."""

    key: ObjectKey
    body: Body
    owner: str = ""

    def __str__(self) -> str:
        """In words for a user."""
        if self.owner:
            return f"{self.key} belongs to another resource ({told_owner(self.body)}): give this one another name"
        maker = maker_of(self.body)
        by = f", made by {maker}" if maker else ""
        return (
            f"{self.key} exists{by}, and nuvop has not made it: delete it, give this resource another name, or "
            'annotate this one nuvop.nuvolaris.org/adopt: "true" to take it over'
        )


def obstacles(cr: CRKey, uid: str, inventory: Inventory, found: Mapping[ObjectKey, Body]) -> Iterable[Obstacle]:
    """Which of the objects that have a child's name are not this CR's to apply over.

    Who copies an object copies its labels; the entry of the manager nuvop is the API server's to write. It is there,
    too, in what an earlier CR of the same name has left.
    """
    ours = {entry.uid for entry in inventory}
    for key, body in found.items():
        labels = labels_of(body)
        owner = labels.get(OWNER_LABEL, "")
        # Two operators that make an object at the same time both have it in an inventory; one has it last.
        is_taken = owner not in ("", uid) and owns_label(body, OWNER_LABEL)
        if body["metadata"]["uid"] in ours and not is_taken:
            continue
        if not owner or not is_applied(body):
            yield Obstacle(key, body)
        elif owner != uid and (labels.get(INSTANCE_LABEL), labels.get(NAMESPACE_LABEL, cr.namespace)) != (
            cr.instance,
            cr.namespace,
        ):
            yield Obstacle(key, body, owner)


async def adopt(cluster: Cluster, resource: ApiResource, body: Body) -> None:
    """Take an object's fields from kubectl, so that applying over it deletes none of them.

    kubectl hands the fields of its own managers over to the one that applies, and what that one does not name is
    deleted then. Flux does the same (https://github.com/fluxcd/pkg/blob/main/ssa/manager_apply.go).

    Raises Conflict where the object is another one by now, or somebody else's.
    """
    whole = await _whole(cluster, resource, body)
    entries = whole["metadata"].get("managedFields") or []
    others = [entry for entry in entries if not str(entry.get("manager", "")).startswith("kubectl")]
    operations: list[dict[str, Any]] = [
        # An empty list means nothing to the API server; a list of one empty entry takes all entries off.
        {"op": "replace", "path": "/metadata/managedFields", "value": others or [{}]}
    ]
    if LAST_APPLIED in (whole["metadata"].get("annotations") or {}):
        operations.append({"op": "remove", "path": pointer(("metadata", "annotations", LAST_APPLIED))})
    await cluster.patch_metadata(resource, whole, operations)


async def give_back(cluster: Cluster, resource: ApiResource, uid: str, body: Body) -> Body:
    """Take off an object what marks it as a child of the CR with this uid; return it as it is then.

    Raises Conflict where the object is another one by now, or somebody else's.
    """
    whole = await _whole(cluster, resource, body)
    return await cluster.patch_metadata(resource, whole, list(marks.off(uid, whole)))


async def _whole(cluster: Cluster, resource: ApiResource, body: Body) -> Body:
    """An object's metadata with all of its managedFields, of which not all is held in memory."""
    metadata = body["metadata"]
    found = await cluster.find(resource, metadata.get("namespace", ""), [metadata["name"]])
    whole = found.get(metadata["name"])
    if whole is None or whole["metadata"]["uid"] != metadata["uid"] or labels_of(whole) != labels_of(body):
        raise Conflict(f"{resource.kind}/{metadata['name']} has changed meanwhile")
    return whole


def owned_at(body: Body, path: FieldPath) -> Mapping[str, Any]:
    """What nuvop owns of an object at a field or below it, as a fieldsV1 from the object on; empty for nothing.

    However the path is spelt: what it means is looked for in the object.
    """
    owned: dict[str, Any] = {}
    tree = owned_tree(body)
    for at, _ in fields.places(body, path):
        owned = _both(owned, _branch(body, tree, at.segments) or {})
    return owned


def _branch(value: Json, tree: Mapping[str, Any], way: Sequence[Segment]) -> Mapping[str, Any] | None:
    """The part of a fieldsV1 that lies on a way of names; None where it has none."""
    if not way:
        return tree
    for part, below in tree.items():
        place = client_side.place(value, part)
        if place is not None and Name(str(place)) == way[0]:
            found = _branch(value[place], below, way[1:])
            return None if found is None else {part: found}
    return None


def _both(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """What either of two fieldsV1 has."""
    return {part: _both(one.get(part, {}), other.get(part, {})) for part in (*one, *(other.keys() - one.keys()))}


def handed_over(body: Body, paths: Iterable[FieldPath]) -> dict[str, Any] | None:
    """The object that another manager has to apply to own, too, what nuvop owns at some fields; None for nothing.

    It is all that this manager has: what it had before and does not apply again it would lose.
    """
    owned: dict[str, Any] = {}
    for path in paths:
        owned = _both(owned, owned_at(body, path))
    if not owned:
        return None
    part = _part(body, _both(owned, applied_tree(body, RELEASED_TO)))
    metadata = {"name": body["metadata"]["name"], **part.pop("metadata", {})}
    return {"apiVersion": body["apiVersion"], "kind": body["kind"], "metadata": metadata, **part}


def _part(value: Json, tree: Mapping[str, Any]) -> Json:
    """The part of a value that a fieldsV1 has."""
    parts = [(part, below) for part, below in tree.items() if part != "."]
    if not parts:
        return value
    found = [
        (part, value[place], below) for part, below in parts if (place := client_side.place(value, part)) is not None
    ]
    if isinstance(value, list):
        return [_item(part, item, below) for part, item, below in found]
    return {part.removeprefix("f:"): _part(member, below) for part, member, below in found}


def _item(part: str, item: Json, tree: Mapping[str, Any]) -> Json:
    """An item of a list, with what tells it from the others."""
    if not part.startswith("k:"):
        return item
    return {**orjson.loads(part.removeprefix("k:")), **_part(item, tree)}
