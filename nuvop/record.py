"""What the operator remembers of one CR between two reconciliations."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import orjson

from nuvop import inventory as inventories
from nuvop.backoff import Backoff
from nuvop.crd import STATUS_FIELDS
from nuvop.errors import TookTooLong
from nuvop.inventory import Inventory
from nuvop.objects import FINALIZER, Body, ObjectKey, Taken, key_of, status_of_others, taken_since, version_of
from nuvop.overlay import Overlay
from nuvop.status import Aspect, Reason, told_message


@dataclass(frozen=True)
class Wait:
    """Since when the children of a revision are not all ready."""

    revision: str
    since: float
    """In seconds since the epoch, by which other times in the cluster are told; a clock may be set."""
    begun: float
    """In seconds of the monotonic clock, by which is told how long it takes."""


@dataclass
class Record:
    """One CR as last seen, what was made of it, and what was said of it."""

    body: Body
    seen_at: float
    """When the body was seen, in seconds of the monotonic clock."""
    others: frozenset[str] = frozenset()
    """The names of the fields of the status that others have written."""
    inventory: Inventory = ()
    looks_in: frozenset[str] = frozenset()
    """The namespaces whose lists the CR's verdict needs: its own, and others that it has children in."""
    overlay: Overlay | None = None
    overlay_of: tuple[object, ...] = ()
    late: TookTooLong | None = None
    """What the kind's Python took too long for, and may still be at."""
    late_of: tuple[object, ...] = ()
    applied_revision: str = ""
    """The revision that was applied last, and to which the inventory's digests belong."""
    owned: dict[ObjectKey, Body] = field(default_factory=dict)
    _guesses: dict[ObjectKey, tuple[tuple[str, str, int], Taken]] = field(default_factory=dict)
    is_failing: bool = False
    """Whether something has failed since all was well."""
    is_well: bool = False
    """Whether the children are applied, and nothing has failed since, in the reconciliation under way."""
    backoff: Backoff = field(default_factory=Backoff)
    failed_generation: int = 0
    """The generation that the back-off is about."""
    wait: Wait | None = None
    settled: float = 0.0
    """When all children became ready the last time, in seconds since the epoch; 0 where that was not seen."""
    said: str = ""
    drift_told: str = ""
    prune_refused: str = ""
    """Why the CR's left-over children may not go until somebody confirms it."""
    undeletable: dict[ObjectKey, str] = field(default_factory=dict)
    """The left-over children that could not be deleted, each with what there is to say of it."""
    is_tidy: bool = False
    """Whether nothing was left over of the CR since the kind's folder has changed."""
    is_detached: bool = False
    """Whether the children are known to have no ownerReference, as they are to outlive the CR."""
    shown: bytes = b""
    """A digest of the CR as a watch has shown it last, without its status; empty where an answer has shown another."""
    telling: Mapping[str, object] | None = None
    """The status that was sent last, whatever became of it."""
    telling_over: Mapping[str, object] | None = None
    """The status that it was to replace, as long as nothing tells that it has; None where it has."""
    told: Mapping[str, object] | None = None
    told_at: float = 0.0

    @classmethod
    def of(cls, body: Body, seen_at: float) -> "Record":
        """What is known of a CR that is seen for the first time: what its status says."""
        status = body.get("status") or {}
        return cls(
            _without_writers(body),
            seen_at,
            status_of_others(body),
            inventories.of(status),
            applied_revision=str(status.get("lastAppliedRevision", "")),
            prune_refused=told_message(status, Aspect.PRUNE_BLOCKED, Reason.PRUNE_REFUSED),
        )

    def take(self, body: Body) -> None:
        """Take in the CR as a watch or an answer shows it, unless that is known, or older."""
        if version_of(body) > version_of(self.body):
            self.body, self.others = _without_writers(body), status_of_others(body)
            if _digest_without_status(body) != self.shown:
                # It may have been acted upon, so that it is news when a watch shows what was before.
                self.shown = b""

    def show(self, body: Body) -> bool:
        """Take in the CR as a watch shows it; return whether that is news: more than what nuvop itself has told.

        It is compared with what a watch has shown before. What an answer has shown meanwhile is news all the same:
        nobody has acted upon it. A watch may show a status before the API server has answered.
        """
        before, self.shown = self.shown, _digest_without_status(body)
        is_echo = before == self.shown and body.get("status") in (self.body.get("status"), self.telling, self.told)
        self.take(body)
        return not is_echo

    def is_news(self, what: str) -> bool:
        """Whether something was not said just before; remember that it is."""
        is_news = self.said != what
        self.said = what
        return is_news

    @property
    def types(self) -> frozenset[tuple[str, str]]:
        """The types, by apiVersion and kind, of all objects that the CR may have."""
        return inventories.types(self.inventory)

    @property
    def places(self) -> Mapping[tuple[str, str], frozenset[str]]:
        """The same types, with the namespaces that there may be objects in; an empty one is none."""
        entries = self.inventory
        return {
            type_: frozenset(entry.namespace for entry in entries if (entry.apiVersion, entry.kind) == type_)
            for type_ in self.types
        }

    @property
    def uid(self) -> str:
        """The CR's uid."""
        return str(self.body["metadata"]["uid"])

    @property
    def generation(self) -> int:
        """The CR's generation."""
        return int(self.body["metadata"]["generation"])

    @property
    def status(self) -> Mapping[str, object]:
        """The CR's status as last seen; empty where it has none."""
        return self.body.get("status") or {}

    @property
    def handled(self) -> str:
        """The value of the annotation ``nuvop.nuvolaris.org/reconcile`` that was followed last."""
        return str(self.status.get("lastHandledReconcileAt", ""))

    @property
    def has_finalizer(self) -> bool:
        """Whether the CR waits for nuvop when it is deleted."""
        return FINALIZER in (self.body["metadata"].get("finalizers") or ())

    @property
    def has_children_outside(self) -> bool:
        """Whether it may have children outside of its namespace, which the garbage collector would leave."""
        return any(entry.namespace != self.body["metadata"]["namespace"] for entry in self.inventory)

    @property
    def last_reported(self) -> dict[str, object]:
        """What the children last reported: a verdict that has not looked at them leaves it as it was."""
        beside = self.beside
        return {name: value for name, value in self.status.items() if name not in STATUS_FIELDS and name not in beside}

    @property
    def beside(self) -> dict[str, object]:
        """What others have written beside nuvop's own fields of the status."""
        names = self.others.difference(STATUS_FIELDS)
        return {name: value for name, value in self.status.items() if name in names}

    def guess(self, key: ObjectKey, body: Body) -> Taken:
        """The fields of a child that others have taken since nuvop was well with it, by the digest of its inventory.

        Each version of a child is looked at once: it may take a fifth of a second.
        """
        digest = next((entry.digest for entry in self.inventory if entry.key == key), "")
        of = (digest, body["metadata"]["uid"], version_of(body))
        known = self._guesses.get(key)
        if known is None or known[0] != of:
            known = self._guesses[key] = (of, (taken_since(body, digest) or []) if digest else [])
        return known[1]

    def remember(self, revision: str, bodies: Iterable[Body]) -> None:
        """Remember who owns which field of the children while all is well: a later drift is told by it."""
        self.applied_revision = revision
        self.owned = {
            key_of(body): {"metadata": {"managedFields": body["metadata"].get("managedFields") or []}}
            for body in bodies
        }


def _digest_without_status(body: Body) -> bytes:
    metadata = {name: value for name, value in body["metadata"].items() if name not in _OF_EACH_WRITE}
    text = orjson.dumps({**body, "metadata": metadata, "status": None}, option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(text, digest_size=16).digest()


_OF_EACH_WRITE = frozenset({"resourceVersion", "managedFields"})
"""What differs between any two versions of an object."""


def _without_writers(body: Body) -> Body:
    """A CR without its managedFields: as large as all the rest, and nobody asks for them."""
    return {**body, "metadata": {name: value for name, value in body["metadata"].items() if name != "managedFields"}}
