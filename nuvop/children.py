"""The live children of every CR, as values: what is there, what is missing, what somebody changed.

`Children` holds what the watches saw; the functions below it are pure and compare that with an overlay.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from nuvop import fields
from nuvop.kinds import Kind, Report
from nuvop.objects import (
    INSTANCE_LABEL,
    OWNER_LABEL,
    REVISION_LABEL,
    Body,
    ObjectKey,
    group_of,
    is_deleting,
    key_of,
    labels_of,
    ownership_digest,
    version_of,
)
from nuvop.overlay import Overlay

Instance = tuple[str, str]
"""A CR as its children name it: namespace and the value of the instance label."""

Scope = tuple[str, str, str | None]
"""What one watch covers: API group, kind, and namespace (None for all)."""

_NOT_KEPT = {("", "Secret"): ("data", "stringData"), ("", "ConfigMap"): ("data", "binaryData")}
"""What is not held in memory: nothing is decided by it, and a Secret's is best not there at all."""


class Children:
    """The objects that carry an instance label, as last seen."""

    def __init__(self) -> None:
        """Know of nothing yet."""
        self._objects: dict[ObjectKey, Body] = {}
        self._by_instance: dict[Instance, dict[ObjectKey, Body]] = {}
        self._removed: dict[ObjectKey, int] = {}

    def of(self, instance: Instance) -> Mapping[ObjectKey, Body]:
        """The live objects of a CR."""
        return self._by_instance.get(instance, {})

    def put(self, body: Body) -> set[Instance]:
        """Take in an object as a watch or an apply showed it; return the CRs that it concerns.

        What is older than what is known is left out: an apply may answer after the watch has seen more.
        """
        key = key_of(body)
        version = version_of(body)
        known = self._objects.get(key)
        if version <= max(version_of(known) if known else 0, self._removed.get(key, 0)):
            return set()
        self._removed.pop(key, None)
        concerned = self._forget(key)
        instance = _instance_of(body)
        if instance is None:
            return concerned
        kept = {name: value for name, value in body.items() if name not in _NOT_KEPT.get((key.group, key.kind), ())}
        self._objects[key] = kept
        self._by_instance.setdefault(instance, {})[key] = kept
        return concerned | {instance}

    def remove(self, body: Body) -> set[Instance]:
        """Take in that an object is gone, or carries no instance label any more; return the CRs that it concerns."""
        key = key_of(body)
        version = version_of(body)
        known = self._objects.get(key)
        if known is not None and version_of(known) > version:
            return set()
        self._removed[key] = version
        return self._forget(key)

    def replace(self, scope: Scope, bodies: Iterable[Body], version: int) -> set[Instance]:
        """Take in a full list of a scope, as it was at a version; return the CRs that anything changed for."""
        group, kind, namespace = scope
        listed = {key_of(body): body for body in bodies}
        gone = [
            key
            for key in self._objects
            if (key.group, key.kind) == (group, kind) and namespace in (None, key.namespace) and key not in listed
            # What an apply has shown since is newer than the list.
            if version_of(self._objects[key]) <= version
        ]
        concerned: set[Instance] = set()
        for key in gone:
            concerned |= self._forget(key)
        self._removed = {
            key: removed
            for key, removed in self._removed.items()
            if removed > version or not ((key.group, key.kind) == (group, kind) and namespace in (None, key.namespace))
        }
        for body in listed.values():
            concerned |= self.put(body)
        return concerned

    def _forget(self, key: ObjectKey) -> set[Instance]:
        known = self._objects.pop(key, None)
        instance = _instance_of(known) if known is not None else None
        if instance is None:
            return set()
        siblings = self._by_instance[instance]
        del siblings[key]
        if not siblings:
            del self._by_instance[instance]
        return {instance}


def _instance_of(body: Body) -> Instance | None:
    label = labels_of(body).get(INSTANCE_LABEL)
    return (body["metadata"].get("namespace", ""), label) if label else None


@dataclass(frozen=True)
class Entry:
    """One line of ``status.inventory``: an object that nuvop made, and a digest of the fields it owns in it."""

    apiVersion: str  # noqa: N815 – as in the CR's status
    kind: str
    namespace: str
    name: str
    uid: str
    digest: str

    @property
    def key(self) -> ObjectKey:
        """Which object."""
        return ObjectKey(group_of(self.apiVersion), self.kind, self.namespace, self.name)

    def as_dict(self) -> dict[str, str]:
        """The entry as it stands in the status."""
        return asdict(self)


Inventory = tuple[Entry, ...]


def entry_of(body: Body) -> Entry:
    """The inventory's entry for a live object."""
    metadata = body["metadata"]
    return Entry(
        body["apiVersion"],
        body["kind"],
        metadata.get("namespace", ""),
        metadata["name"],
        metadata["uid"],
        ownership_digest(body),
    )


def inventory_of(status: Mapping[str, Any]) -> Inventory:
    """Read the inventory from a CR's status; empty where there is none. What somebody mangled there does not count."""
    names = Entry.__dataclass_fields__.keys()
    return tuple(
        Entry(**{name: entry[name] for name in names})
        for entry in status.get("inventory") or ()
        if isinstance(entry, dict) and names <= entry.keys()
    )


@dataclass(frozen=True)
class Comparison:
    """What distinguishes a CR's live children from what they should be."""

    missing: tuple[ObjectKey, ...]
    outdated: tuple[ObjectKey, ...]
    drifted: tuple[ObjectKey, ...]
    leaving: tuple[ObjectKey, ...]

    @property
    def is_intact(self) -> bool:
        """Nothing is to be applied."""
        return not (self.missing or self.outdated or self.drifted)


def compare(overlay: Overlay, uid: str, inventory: Inventory, live: Mapping[ObjectKey, Body]) -> Comparison:
    """Compare the live objects with the overlay and with what was true after the last apply.

    ``missing`` are not there; ``outdated`` were applied from another revision or for another CR of the same name;
    ``drifted`` are of this revision, but another manager has changed or removed fields that nuvop set; ``leaving``
    are being deleted, and will be missing only then.
    """
    digests = {entry.key: (entry.uid, entry.digest) for entry in inventory}
    found: dict[str, list[ObjectKey]] = {"missing": [], "outdated": [], "drifted": [], "leaving": []}
    for key in overlay.objects:
        body = live.get(key)
        if body is None:
            found["missing"].append(key)
        elif is_deleting(body):
            found["leaving"].append(key)
        elif (labels_of(body).get(REVISION_LABEL), labels_of(body).get(OWNER_LABEL)) != (overlay.revision, uid):
            found["outdated"].append(key)
        elif digests.get(key) != (body["metadata"]["uid"], ownership_digest(body)):
            found["drifted"].append(key)
    return Comparison(**{name: tuple(keys) for name, keys in found.items()})


def report(kind: Kind, overlay: Overlay, live: Mapping[ObjectKey, Body]) -> dict[str, Any]:
    """Return the CR status fields that the children report; a field without a value is left out."""
    found = {line.name: _reported(line, overlay, live) for line in kind.reports}
    return {name: value for name, value in found.items() if value is not None}


def _reported(line: Report, overlay: Overlay, live: Mapping[ObjectKey, Body]) -> Any:
    name = None if line.child.name == "*" else f"{overlay.key.name}-{line.child.name}"
    bodies: Sequence[Body] = [
        body
        for key, body in sorted(live.items())
        if key.kind == line.child.kind and name in (None, key.name) and not is_deleting(body)
    ]
    values = [value for body in bodies for value in fields.values(body, line.source)]
    if line.is_list:
        return values
    return values[0] if values else None
