"""A custom resource with all that belongs to it, as a tree of values: what was seen goes in. Pure.

Its children are those of ``status.inventory``; below each stands what Kubernetes' controllers made of it, found by
ownerReferences among what carries the CR's instance label. What nuvop knows of drift without having watched comes from
the digests of the inventory.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from nuvop import directives, generated, inventory, objects, readiness, retention
from nuvop.complaints import Complaint
from nuvop.inventory import Entry
from nuvop.kinds import OUTSIDE, ChildSelector, name_prefix, selector_of
from nuvop.objects import (
    INSTANCE_LABEL,
    OWNER_LABEL,
    REVISION_LABEL,
    Body,
    ObjectKey,
    is_applied,
    is_deleting,
    is_finished,
    key_of,
    labels_of,
    maker_of,
    owns_label,
    told_owner,
)
from nuvop.readiness import Rule


class State(StrEnum):
    """How far an object is: kstatus's names, and nuvop's for what is not as it should be."""

    READY = "Ready"
    IN_PROGRESS = "InProgress"
    FAILED = "Failed"
    STALLED = "Stalled"
    MISSING = "Missing"
    NOT_OWNED = "NotOwned"
    UNSEEN = "Unseen"


@dataclass(frozen=True)
class Owned:
    """The fields of a child that a manager beside nuvop owns; with ``is_shared`` nuvop owns them, too."""

    manager: str
    fields: tuple[str, ...]
    is_shared: bool


@dataclass(frozen=True)
class Node:
    """An object: ``where`` says where it lives when that is not the CR's namespace.

    ``notes`` are what else there is to know of it, ``drift`` what somebody changed of what nuvop set.
    """

    key: ObjectKey
    name: str
    where: str
    state: State
    message: str = ""
    notes: tuple[str, ...] = ()
    drift: tuple[str, ...] = ()
    managers: tuple[Owned, ...] = ()
    complaints: tuple[Complaint, ...] = ()
    children: tuple["Node", ...] = ()

    @property
    def is_well(self) -> bool:
        """Whether there is nothing wrong with it, as far as it can be seen."""
        return self.state in (State.READY, State.UNSEEN) and not self.drift


@dataclass(frozen=True)
class Seen:
    """What was seen of a CR.

    ``live`` carries its instance label. ``found`` are objects of its inventory that do not, looked up by their names,
    and ``unseen`` says of others why nobody can tell. ``refused`` is what else cannot be seen. ``complaints`` are the
    Warning events by the uid of what they are about, ``with_status`` the types, by apiVersion and kind, that have a
    status subresource.
    """

    plural: str
    cr: Body
    live: Mapping[ObjectKey, Body]
    found: Mapping[ObjectKey, Body] = field(default_factory=dict)
    unseen: Mapping[ObjectKey, str] = field(default_factory=dict)
    refused: tuple[str, ...] = ()
    complaints: Mapping[str, tuple[Complaint, ...]] = field(default_factory=dict)
    with_status: frozenset[tuple[str, str]] = frozenset()
    is_gone: bool = False


Rules = Mapping[ChildSelector, Rule]
"""When children are ready, as the kind's folder says it; empty without a folder."""


def grow(seen: Seen, rules: Rules, now: datetime) -> Node:
    """Return the CR's node, with its children below it."""
    return _Gardener(seen, rules, now).root()


def is_well(root: Node) -> bool:
    """Whether the CR is ready, and each of its children is there, ready and as nuvop made it."""
    return root.is_well and all(child.is_well for child in root.children)


class _Gardener:
    """Puts together what belongs together."""

    def __init__(self, seen: Seen, rules: Rules, now: datetime) -> None:
        self._seen, self._rules, self._now = seen, rules, now
        self._metadata: Mapping[str, Any] = seen.cr["metadata"]
        self._status: Mapping[str, Any] = seen.cr.get("status") or {}
        self._entries = inventory.of(self._status)
        self._conditions = _conditions(self._status)
        self._below = self._sorted_out()

    def root(self) -> Node:
        """The CR itself."""
        state, message = self._cr_state()
        notes = tuple(self._cr_notes())
        # nuvop's own events say what the conditions say.
        said = [str(condition.get("message", "")) for condition in self._conditions.values()]
        news = self._complaints(self._metadata["uid"], message, *said)
        children = [self._child(entry) for entry in self._entries]
        children += [self._stranger(key) for key in self._below[None]]
        key = key_of(self._seen.cr)
        name = f"{self._seen.plural}/{key.name}"
        where = f"in {key.namespace}"
        return Node(key, name, where, state, message, notes, complaints=news, children=tuple(children))

    # --- the CR -------------------------------------------------------------------------------------------------------

    def _cr_state(self) -> tuple[State, str]:
        generation, ready = self._metadata.get("generation"), self._conditions.get("Ready")
        if self._seen.is_gone:
            return State.MISSING, "is gone"
        if is_deleting(self._seen.cr):
            waits = ", ".join(self._metadata.get("finalizers") or ())
            return State.IN_PROGRESS, "is being deleted" + (f", and waits for {waits}" if waits else "")
        if ready is None:
            return State.IN_PROGRESS, "no operator has looked at it yet"
        if ready.get("observedGeneration") != generation:
            told = (
                f"generation {ready.get('observedGeneration')} was {'' if ready['status'] == 'True' else 'not '}ready"
            )
            return State.IN_PROGRESS, f"no operator has looked at generation {generation} yet; {told}"
        message = str(ready.get("message", ""))
        if ready["status"] == "True":
            return State.READY, message
        is_stalled = self._conditions.get("Stalled", {}).get("status") == "True"
        return State.STALLED if is_stalled else State.IN_PROGRESS, f"{ready.get('reason')}: {message}"

    def _cr_notes(self) -> Iterator[str]:
        observed, generation = self._status.get("observedGeneration"), self._metadata.get("generation")
        # Of a generation that nobody has looked at the message tells.
        if self._conditions.get("Ready", {}).get("observedGeneration") == generation != observed:
            last = "nor has any before" if observed in (None, -1) else f"the last that has is {observed}"
            yield f"generation {generation} has not come to an end yet, {last}"
        for type_, condition in self._conditions.items():
            if type_ not in ("Ready", "Reconciling", "Stalled"):
                value = "" if condition["status"] == "True" else f" is {condition['status']}"
                reason = "" if condition.get("reason") in (None, type_) else f"{condition['reason']}: "
                yield f"{type_}{value}: {reason}{condition.get('message', '')}"
        for name, value in sorted((self._metadata.get("annotations") or {}).items()):
            if name.startswith(directives.PREFIX) and name not in (directives.RECONCILE, directives.SUSPEND):
                yield f"{name}: {value}"
        if not self._entries and not self._seen.live and not self._seen.is_gone:
            yield "nuvop has made nothing for it"
        yield from self._seen.refused

    # --- its children -------------------------------------------------------------------------------------------------

    def _child(self, entry: Entry) -> Node:
        key = entry.key
        body = self._seen.live.get(key) or self._seen.found.get(key)
        if body is None:
            return Node(key, str(key), self._where(key), *self._absent(entry), children=self._children(key))
        if not self._is_ours(entry, body):
            return Node(
                key, str(key), self._where(key), State.NOT_OWNED, self._maker(body), children=self._children(key)
            )
        state, message = self._readiness(body, self._rule(key))
        drift = tuple(self._drift(entry, body))
        return Node(
            key,
            str(key),
            self._where(key),
            state,
            message,
            tuple(self._notes(key, body)),
            drift,
            tuple(_managers(body, drift)),
            self._complaints(body["metadata"]["uid"], message),
            self._children(key),
        )

    def _is_ours(self, entry: Entry, body: Body) -> bool:
        """Whether it is what nuvop made, or made anew meanwhile, and no other object of that name."""
        is_made_anew = entry.key in self._seen.live and (is_applied(body) or generated.is_generated(body))
        return is_made_anew or body["metadata"]["uid"] == entry.uid

    def _maker(self, body: Body) -> str:
        """By whom an object was made that is not this CR's."""
        is_anothers = labels_of(body).get(OWNER_LABEL, "") not in ("", self._metadata["uid"])
        if is_anothers and is_applied(body):
            return f"made by nuvop for another resource ({told_owner(body)})"
        return _made_by(body)

    def _absent(self, entry: Entry) -> tuple[State, str]:
        if entry.done:
            return State.READY, "has finished, and is gone"
        if why := self._seen.unseen.get(entry.key):
            return State.UNSEEN, why
        return State.MISSING, "is not there" if entry.uid else "is not made yet"

    def _notes(self, key: ObjectKey, body: Body) -> Iterator[str]:
        labels, applied = labels_of(body), self._status.get("lastAppliedRevision")
        if key in self._seen.found:
            yield f"the label {INSTANCE_LABEL} was taken off: nuvop does not see it"
        elif labels.get(OWNER_LABEL, self._metadata["uid"]) != self._metadata["uid"]:
            yield "was made for an earlier resource of this name"
        if applied and labels.get(REVISION_LABEL, applied) != applied:
            kept = (body["metadata"].get("annotations") or {}).get(directives.PRUNE) == "disabled"
            yield "of another revision than the one applied last" + (f", and kept ({directives.PRUNE})" if kept else "")

    def _drift(self, entry: Entry, body: Body) -> Iterator[str]:
        """What the digest of the inventory tells; digests of another revision say nothing."""
        if not entry.digest or body["metadata"]["uid"] != entry.uid or objects.ownership_digest(body) == entry.digest:
            return
        revision = labels_of(body).get(REVISION_LABEL)
        if owns_label(body, REVISION_LABEL) and revision != self._status.get("lastAppliedRevision"):
            return
        taken = objects.taken_since(body, entry.digest)
        if taken is not None:
            yield from (f"{field} was changed by {manager}" for field, manager in taken)
        else:
            yield self._told_drift(entry.key) or "fields that nuvop set were removed, or changed by others"

    def _told_drift(self, key: ObjectKey) -> str:
        """What the operator says of a child; empty where it says nothing. It words it in `nuvop.drift`."""
        start = f"{key}: "
        parts = str(self._conditions.get("Drifted", {}).get("message", "")).split("; ")
        return next((part.removeprefix(start) for part in parts if part.startswith(start)), "")

    def _rule(self, key: ObjectKey) -> Rule | None:
        base = key.name.removeprefix(name_prefix(self._metadata["name"]))
        names = (selector_of(key.kind, base), selector_of(key.kind, key.name))
        return next((self._rules[name] for name in names if name in self._rules), None)

    # --- what stands below them ---------------------------------------------------------------------------------------

    def _sorted_out(self) -> dict[ObjectKey | None, list[ObjectKey]]:
        """What is live and not in the inventory, by what it stands below; None for the CR itself."""
        known = inventory.keys(self._entries)
        bodies = {**self._seen.found, **self._seen.live}
        by_uid = {entry.uid: entry.key for entry in self._entries if entry.uid}
        by_uid |= {body["metadata"]["uid"]: key for key, body in bodies.items()}
        below: dict[ObjectKey | None, list[ObjectKey]] = {None: []}
        for key, body in sorted(self._seen.live.items()):
            if key not in known:
                below.setdefault(_parent(key, body, by_uid, bodies), []).append(key)
        return below

    def _children(self, key: ObjectKey) -> tuple[Node, ...]:
        found = [self._offspring(child) for child in self._below.get(key, ())]
        return tuple(node for node in found if not self._is_history(node))

    def _offspring(self, key: ObjectKey) -> Node:
        body = self._seen.live[key]
        state, message = self._readiness(body, None)
        found = self._complaints(body["metadata"]["uid"], message)
        return Node(key, str(key), self._where(key), state, message, complaints=found, children=self._children(key))

    def _stranger(self, key: ObjectKey) -> Node:
        """What stands below nothing that can be seen, and is not in the inventory."""
        node, body = self._offspring(key), self._seen.live[key]
        owners = body["metadata"].get("ownerReferences") or ()
        maker = next((owner for owner in owners if owner["uid"] != self._metadata["uid"]), None)
        if is_applied(body) or generated.is_generated(body):
            note = "is not in status.inventory"
        elif maker:
            note = f"made by {maker['kind']}/{maker['name']}"
        else:
            note = f"carries nuvop's labels; {_made_by(body)}"
        return Node(**{**vars(node), "notes": (note,)})

    def _is_history(self, node: Node) -> bool:
        """Whether it is the ReplicaSet of an earlier rollout, which Kubernetes keeps to go back to."""
        if (node.key.group, node.key.kind) != ("apps", "ReplicaSet") or node.children:
            return False
        body = self._seen.live[node.key]
        return not (body.get("spec") or {}).get("replicas") and not (body.get("status") or {}).get("replicas")

    # --- of every object ----------------------------------------------------------------------------------------------

    def _readiness(self, body: Body, rule: Rule | None) -> tuple[State, str]:
        if is_finished(body) and is_deleting(body):
            return State.READY, "has finished, and its TTL removes it"
        has_status = (body["apiVersion"], body["kind"]) in self._seen.with_status
        found = readiness.assess(body, rule, has_status=has_status, now=self._now)
        return State(found.state.value), found.message

    def _complaints(self, uid: str, *told: str) -> tuple[Complaint, ...]:
        """The newest Warning event of each reason, the newest first; none that says what is ``told`` already."""
        newest: dict[str, Complaint] = {}
        for each in sorted(self._seen.complaints.get(uid, ())):
            newest[each.text.partition(": ")[0]] = each
        found = sorted(newest.values(), reverse=True)
        return tuple(each for each in found if not _says_again(each.text.partition(": ")[2], told))

    def _where(self, key: ObjectKey) -> str:
        if key.namespace == OUTSIDE:
            return "outside namespaces"
        return "" if key.namespace == self._metadata["namespace"] else f"in {key.namespace}"


def _says_again(text: str, told: Iterable[str]) -> bool:
    return any(text in each or (each and each in text) for each in told)


def _conditions(status: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The conditions by type; what is none does not count."""
    listed = status.get("conditions")
    found = listed if isinstance(listed, list) else []
    return {each["type"]: each for each in found if isinstance(each, dict) and {"type", "status"} <= each.keys()}


def _made_by(body: Body) -> str:
    maker = maker_of(body)
    return f"made by {maker}, not by nuvop" if maker else "not made by nuvop"


def _parent(
    key: ObjectKey, body: Body, by_uid: Mapping[str, ObjectKey], bodies: Mapping[ObjectKey, Body]
) -> ObjectKey | None:
    """What an object was made by: its controller, another owner, or the StatefulSet whose volume it claims."""
    owners: Sequence[Mapping[str, Any]] = body["metadata"].get("ownerReferences") or ()
    for owner in sorted(owners, key=lambda owner: not owner.get("controller")):
        if owner["uid"] in by_uid:
            return by_uid[owner["uid"]]
    if (key.group, key.kind) == ("", "PersistentVolumeClaim"):
        return next((found for found, body in bodies.items() if retention.is_claim_of(key, body)), None)
    return None


_HOUSEKEEPING = re.compile(r"metadata\.annotations\.\[(.*\.)?kubernetes\.io/")
"""What Kubernetes' own controllers note for themselves."""

_SHORTENED = re.compile(r"\A(spec\.template\.spec|spec\.jobTemplate\.spec\.template\.spec|spec|metadata)\.")
"""What a field's path may begin with that says little."""


def _managers(body: Body, drift: Sequence[str]) -> Iterator[Owned]:
    """Who owns fields beside nuvop; what ``drift`` tells of is left out."""
    fields: dict[tuple[str, bool], list[str]] = {}
    for share in objects.shares(body):
        is_told = f"{share.field} was changed by {share.manager}" in drift
        is_own_note = share.manager == "kube-controller-manager" and _HOUSEKEEPING.match(share.field)
        if not is_told and not is_own_note:
            fields.setdefault((share.manager, share.is_shared), []).append(_SHORTENED.sub("", share.field))
    for (manager, is_shared), names in fields.items():
        yield Owned(manager, tuple(names), is_shared)
