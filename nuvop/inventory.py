"""``status.inventory``: what nuvop made for a CR, so that a restart, or a changed folder, knows of it. Pure."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from nuvop.objects import Body, ObjectKey, group_of, is_finished, ownership_digest


@dataclass(frozen=True)
class Entry:
    """One line of the inventory: an object that nuvop made, and a digest of the fields it owns in it.

    Before the first apply ``uid`` and ``digest`` are empty: the object is about to be made. ``done`` is there once a
    Job has finished: a digest of what it was made from.
    """

    apiVersion: str  # noqa: N815 – as in the CR's status
    kind: str
    namespace: str
    name: str
    uid: str
    digest: str
    done: str = ""

    @property
    def key(self) -> ObjectKey:
        """Which object."""
        return ObjectKey(group_of(self.apiVersion), self.kind, self.namespace, self.name)

    def as_dict(self) -> dict[str, str]:
        """The entry as it stands in the status."""
        # vars, because dataclasses.asdict copies what need not be copied, for every child at every look.
        return {name: value for name, value in vars(self).items() if name != "done" or value}


Inventory = tuple[Entry, ...]


def entry_of(body: Body) -> Entry:
    """The entry of a live object."""
    metadata = body["metadata"]
    return Entry(
        body["apiVersion"],
        body["kind"],
        metadata.get("namespace", ""),
        metadata["name"],
        metadata["uid"],
        ownership_digest(body),
    )


def announced(key: ObjectKey, api_version: str) -> Entry:
    """The entry of an object that is about to be made."""
    return Entry(api_version, key.kind, key.namespace, key.name, "", "")


def of(status: Mapping[str, Any]) -> Inventory:
    """Read the inventory from a CR's status; empty where there is none. What somebody mangled there does not count."""
    needed = Entry.__dataclass_fields__.keys() - {"done"}
    return tuple(
        Entry(**{name: str(entry[name]) for name in Entry.__dataclass_fields__ if name in entry})
        for entry in status.get("inventory") or ()
        if isinstance(entry, dict) and needed <= entry.keys()
    )


def after_apply(before: Inventory, applied: Iterable[Body]) -> Inventory:
    """The inventory once an overlay has been applied; what is no longer part of it is still to be pruned, and stays."""
    entries = [entry_of(body) for body in applied]
    fresh = {entry.key for entry in entries}
    return (*entries, *(entry for entry in before if entry.key not in fresh))


def still(
    before: Inventory,
    wanted: Collection[ObjectKey],
    live: Mapping[ObjectKey, Body],
    unseen: Collection[tuple[str, str]] = (),
) -> Inventory:
    """The inventory without what is neither wanted nor there any more.

    ``unseen`` are the types (apiVersion and kind) that nuvop cannot watch: nobody knows whether those objects are
    there. A finished Job stays in it, so that it is not made again.
    """
    return tuple(
        entry
        for entry in before
        if entry.key in wanted or entry.key in live or entry.done or (entry.apiVersion, entry.kind) in unseen
    )


def without_uid(before: Inventory, keys: Collection[ObjectKey]) -> Inventory:
    """The inventory with some objects as if they had not been made yet: nuvop itself deletes them."""
    return tuple(replace(entry, uid="", digest="") if entry.key in keys else entry for entry in before)


def with_finished_jobs(
    before: Inventory, contents: Mapping[ObjectKey, str], live: Mapping[ObjectKey, Body]
) -> Inventory:
    """The inventory with a note at each Job that has finished; ``contents`` are digests of what Jobs are made from."""

    def has_finished(entry: Entry) -> bool:
        body = live.get(entry.key)
        return body is not None and body["metadata"]["uid"] == entry.uid and is_finished(body)

    return tuple(
        replace(entry, done=contents[entry.key]) if entry.key in contents and has_finished(entry) else entry
        for entry in before
    )


def with_gone_jobs(before: Inventory, contents: Mapping[ObjectKey, str], gone: Mapping[ObjectKey, Body]) -> Inventory:
    """The inventory with the Jobs that had finished when they went, whether it knew of them or not."""
    noted = {key: replace(entry_of(body), done=contents[key]) for key, body in gone.items() if key in contents}
    return (*(noted.pop(entry.key, entry) for entry in before), *noted.values())


def finished_and_gone(
    inventory: Inventory, contents: Mapping[ObjectKey, str], live: Mapping[ObjectKey, Body]
) -> frozenset[ObjectKey]:
    """The Jobs that have finished and been removed since, by their TTL say, and are not to be made again.

    A Job of which more has changed since than labels is another Job.
    """
    return frozenset(
        entry.key
        for entry in inventory
        if entry.done and entry.key not in live and contents.get(entry.key) == entry.done
    )


def types(inventory: Inventory) -> frozenset[tuple[str, str]]:
    """The types of an inventory's objects, by apiVersion and kind."""
    return frozenset((entry.apiVersion, entry.kind) for entry in inventory)


def keys(inventory: Inventory) -> frozenset[ObjectKey]:
    """The objects of an inventory."""
    return frozenset(entry.key for entry in inventory)
