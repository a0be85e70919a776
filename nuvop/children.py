"""The live children of every CR, as values: what is there, what is missing, what somebody changed.

`Children` holds what the watches saw; the functions below it are pure and compare that with an overlay.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from nuvop import fields
from nuvop.inventory import Inventory
from nuvop.kinds import ChildField, Kind, Report
from nuvop.objects import (
    INSTANCE_LABEL,
    NAMESPACE_LABEL,
    OWNER_LABEL,
    REVISION_LABEL,
    Body,
    CRKey,
    ObjectKey,
    is_applied,
    is_deleting,
    is_finished,
    is_taken_over,
    kept,
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

_NOT_KEPT = {("", "Secret"): ("data", "stringData")}
"""Fields that are not held in memory."""


class Children:
    """The objects that carry an instance label, as last seen."""

    def __init__(self) -> None:
        """Know of nothing yet."""
        self._objects: dict[ObjectKey, Body] = {}
        self._by_instance: dict[Instance, dict[ObjectKey, Body]] = {}
        self._by_name: dict[tuple[str, str, str], set[ObjectKey]] = {}
        self._removed: dict[ObjectKey, int] = {}
        self._listed: dict[Scope, int] = {}
        """The versions of the latest full lists: what they do not have was gone by then."""
        self._finished: dict[Instance, dict[ObjectKey, Body]] = {}
        self._taken_over: set[ObjectKey] = set()
        self._unshown: set[ObjectKey] = set()
        self._awaited: dict[Instance, frozenset[ObjectKey]] = {}

    def of(self, instance: Instance) -> Mapping[ObjectKey, Body]:
        """The live objects of a CR."""
        return self._by_instance.get(instance, {})

    def take_finished(self, instance: Instance) -> Mapping[ObjectKey, Body]:
        """The Jobs of a CR that had finished when they went, as they were then; each is told once."""
        return self._finished.pop(instance, {})

    def at(self, key: ObjectKey) -> Body | None:
        """An object, whichever CR it belongs to."""
        return self._objects.get(key)

    def is_taken_over(self, key: ObjectKey) -> bool:
        """Whether nuvop has applied over an object that somebody else had made."""
        return key in self._taken_over

    def named(self, names: Iterable[tuple[str, str, str]]) -> set[Instance]:
        """The CRs that have a child of one of these kinds, namespaces and names."""
        keys = [key for name in names for key in self._by_name.get(name, ())]
        return {instance for key in keys if (instance := belongs_to(self._objects[key]))}

    def is_unshown(self, key: ObjectKey) -> bool:
        """Whether an object is known by the answer to an apply alone."""
        return key in self._unshown

    def wait_for(self, instance: Instance, keys: Iterable[ObjectKey]) -> None:
        """Have a CR be concerned when others' objects go or change hands: these, and none that it waited for before."""
        if awaited := frozenset(keys):
            self._awaited[instance] = awaited
        else:
            self._awaited.pop(instance, None)

    def show(self, body: Body) -> set[Instance]:
        """Take in an object as a watch's event shows it; return the CRs that it concerns.

        A watch covers what carries the instance label. So its first event of an object is the apply that put the
        label on, as it was then; a list may come later, and so may the answer to an apply that was repeated.
        """
        key = key_of(body)
        is_first = key in self._unshown or not self._is_same(body)
        concerned = self.put(body)
        if is_first and self._is_same(body):
            self._unshown.discard(key)
            if is_taken_over(body):
                self._taken_over.add(key)
                concerned |= {instance for instance in [belongs_to(body)] if instance}
        return concerned

    def put(self, body: Body) -> set[Instance]:
        """Take in an object as the answer to an apply tells it; return the CRs that it concerns.

        What is older than what is known is left out, and so is what a later list did not have: an apply may answer
        after the watch has seen more.
        """
        key = key_of(body)
        version = version_of(body)
        known = self._objects.get(key)
        if version <= max(version_of(known) if known else 0, self._removed.get(key, 0), self._listed_at(key)):
            return set()
        self._removed.pop(key, None)
        is_same = self._is_same(body)
        is_unshown = key in self._unshown or not is_same
        # A copy with all of nuvop's labels is shown before nuvop applies over it.
        was_theirs = known is not None and not is_applied(known) and is_applied(body)
        is_theirs = is_same and (key in self._taken_over or was_theirs)
        has_changed_hands = known is not None and _whose(known) != _whose(body)
        concerned = self._forget(key)
        if has_changed_hands:
            concerned |= self._waiting_for(key)
        instance = belongs_to(body)
        if instance is None:
            return concerned
        held = kept(body, _NOT_KEPT.get((key.group, key.kind), ()))
        self._objects[key] = held
        self._by_instance.setdefault(instance, {})[key] = held
        self._by_name.setdefault((key.kind, key.namespace, key.name), set()).add(key)
        if is_unshown:
            self._unshown.add(key)
        if is_theirs:
            self._taken_over.add(key)
        return concerned | {instance}

    def remove(self, body: Body) -> set[Instance]:
        """Take in that an object is gone, or carries no instance label any more; return the CRs that it concerns."""
        key = key_of(body)
        version = version_of(body)
        known = self._objects.get(key)
        if known is not None and version_of(known) > version:
            return set()
        self._removed[key] = version
        concerned = self._forget(key)
        for instance in concerned:
            # A short TTL removes a Job before anybody has looked at how it ended.
            if is_finished(body):
                self._finished.setdefault(instance, {})[key] = body
        return concerned | self._waiting_for(key)

    def replace(self, scope: Scope, bodies: Iterable[Body], version: int) -> set[Instance]:
        """Take in a full list of a scope, as it was at a version; return the CRs that anything changed for."""
        listed = {key_of(body): body for body in bodies}
        gone = [
            key
            for key in self._objects
            if _is_in(key, scope) and key not in listed
            # What an apply has shown since is newer than the list.
            if version_of(self._objects[key]) <= version
        ]
        concerned: set[Instance] = set()
        for key in gone:
            concerned |= self._forget(key) | self._waiting_for(key)
        self._removed = {
            key: removed for key, removed in self._removed.items() if removed > version or not _is_in(key, scope)
        }
        self._listed.pop(scope, None)  # what is listed is no older than any list of before
        for body in listed.values():
            concerned |= self.put(body)
        self._unshown -= listed.keys()
        self._listed[scope] = version
        return concerned

    def _listed_at(self, key: ObjectKey) -> int:
        """The version of the latest full list that would have had an object; 0 where there was none."""
        return max(self._listed.get((key.group, key.kind, namespace), 0) for namespace in (key.namespace, None))

    def forget_type(self, api_version: str, kind: str) -> set[Instance]:
        """Take in that a type is no longer served; return the CRs that had objects of it.

        Objects of the same kind that another version has shown are another type's: they are still there.
        """
        gone = [key for key, body in self._objects.items() if (body["apiVersion"], key.kind) == (api_version, kind)]
        return {instance for key in gone for instance in self._forget(key) | self._waiting_for(key)}

    def _waiting_for(self, key: ObjectKey) -> set[Instance]:
        return {instance for instance, awaited in self._awaited.items() if key in awaited}

    def _is_same(self, body: Body) -> bool:
        """Whether an object is known, and no other one of its name."""
        known = self._objects.get(key_of(body))
        return known is not None and known["metadata"]["uid"] == body["metadata"]["uid"]

    def _forget(self, key: ObjectKey) -> set[Instance]:
        known = self._objects.pop(key, None)
        self._taken_over.discard(key)
        self._unshown.discard(key)
        instance = belongs_to(known) if known is not None else None
        if instance is None:
            return set()
        name = (key.kind, key.namespace, key.name)
        namesakes = self._by_name[name]
        namesakes.discard(key)
        if not namesakes:
            del self._by_name[name]
        siblings = self._by_instance[instance]
        del siblings[key]
        if not siblings:
            del self._by_instance[instance]
        return {instance}


def _is_in(key: ObjectKey, scope: Scope) -> bool:
    group, kind, namespace = scope
    return (key.group, key.kind) == (group, kind) and namespace in (None, key.namespace)


def belongs_to(body: Body) -> Instance | None:
    """The CR that an object is a child of; None where it carries no instance label."""
    labels = labels_of(body)
    label = labels.get(INSTANCE_LABEL)
    # What does not live beside its CR says in a label where that lives.
    namespace = labels.get(NAMESPACE_LABEL) or body["metadata"].get("namespace", "")
    return (namespace, label) if label else None


def _whose(body: Body) -> tuple[Instance | None, str | None]:
    """The CR that an object is a child of, and the uid that it had."""
    return belongs_to(body), labels_of(body).get(OWNER_LABEL)


@dataclass(frozen=True)
class Comparison:
    """What distinguishes a CR's live children from what they should be.

    ``missing`` are not there. ``outdated`` were applied from another revision, for another CR of the same name, or by
    an operator that ended before it could write down what it had applied. ``drifted`` are of this revision, but
    another manager has changed or removed fields that nuvop set. What is being deleted is none of that: it will be
    missing once it is gone.
    """

    missing: tuple[ObjectKey, ...]
    outdated: tuple[ObjectKey, ...]
    drifted: tuple[ObjectKey, ...]

    @property
    def is_intact(self) -> bool:
        """Nothing is to be applied."""
        return not (self.missing or self.outdated or self.drifted)


def compare(
    overlay: Overlay, uid: str, inventory: Inventory, applied_revision: str, live: Mapping[ObjectKey, Body]
) -> Comparison:
    """Compare the live objects with the overlay, and with what was true after ``applied_revision`` was applied."""
    digests = {entry.key: (entry.uid, entry.digest) for entry in inventory if entry.uid}
    found: dict[str, list[ObjectKey]] = {"missing": [], "outdated": [], "drifted": []}
    for key in overlay.objects:
        body = live.get(key)
        if body is None:
            found["missing"].append(key)
        elif is_deleting(body):
            continue
        elif not is_of(body, uid, overlay.revision) or key not in digests:
            found["outdated"].append(key)
        elif digests[key] != (body["metadata"]["uid"], ownership_digest(body)):
            # Digests of another revision say nothing: an operator ended between an apply and telling of it.
            found["drifted" if applied_revision == overlay.revision else "outdated"].append(key)
    return Comparison(**{name: tuple(keys) for name, keys in found.items()})


def is_of(body: Body, uid: str, revision: str) -> bool:
    """Whether an object was applied for a CR, by its uid, from a revision of its overlay."""
    labels = labels_of(body)
    return (labels.get(REVISION_LABEL), labels.get(OWNER_LABEL)) == (revision, uid)


def is_older(body: Body, cr: CRKey, uid: str, revision: str) -> bool:
    """Whether nuvop applied an object for a CR of this name, and not from this revision of its overlay."""
    return belongs_to(body) == (cr.namespace, cr.instance) and is_applied(body) and not is_of(body, uid, revision)


def landed(overlay: Overlay, uid: str, live: Mapping[ObjectKey, Body]) -> list[Body]:
    """The overlay's objects that are live as this revision of it made them."""
    found = [live[key] for key in overlay.objects if key in live]
    return [body for body in found if is_of(body, uid, overlay.revision) and is_applied(body) and not is_deleting(body)]


def report(kind: Kind, overlay: Overlay, live: Mapping[ObjectKey, Body]) -> dict[str, Any]:
    """Return the CR status fields that the children report; a field without a value is left out."""
    reported: dict[str, Any] = {}
    for line in kind.reports:
        value = _reported(line, overlay, live)
        if value is not None:
            fields.put(reported, line.path, value)
    return reported


def _reported(line: Report, overlay: Overlay, live: Mapping[ObjectKey, Body]) -> Any:
    """A value of the field's type; what does not fit is left out, or the API server would refuse the whole status."""
    found = [value for source in line.sources for value in _values(source, overlay, live)]
    if line.is_sum:
        return sum(value for value in found if _is_number(value))
    if line.type == "array":
        return [fit for value in found if (fit := _fitting(value, line.item_type)) is not None]
    return next((fit for value in found if (fit := _fitting(value, line.type)) is not None), None)


def _values(source: ChildField, overlay: Overlay, live: Mapping[ObjectKey, Body]) -> list[Any]:
    """A field's values: of what the CR has, and of what is made beside it.

    What carries the labels of a CR of another namespace, and is none of that CR's children, is somebody else's.
    """
    named = {key for key, child in overlay.children.items() if child.selector == source.child}
    bodies = [
        body
        for key, body in sorted(live.items())
        if (key in overlay.children or key.namespace == overlay.key.namespace)
        and (key in named or source.child.selects(key, body))
        and not is_deleting(body)
    ]
    return [value for body in bodies for value in fields.values(body, source.path) if value is not None]


def _fitting(value: Any, type_: str) -> Any:
    """A value as a field of a type takes it, None where it cannot; any type where the CRD names none."""
    match type_:
        case "":
            return value
        case "string":
            return None if isinstance(value, dict | list) else fields.as_text(value)
        case "integer":
            return value if _is_number(value) and value == int(value) else None
        case "number":
            return value if _is_number(value) else None
        case _:
            fits = {"boolean": bool, "object": dict, "array": list}.get(type_, ())
            return value if isinstance(value, fits) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
