"""Which CR may make which object: two CRs whose children have the same name must not take turns. Pure.

An overlay knows its objects before it is applied, so a collision is found before either CR has done harm. The earlier
CR gets the object, unless the later one is known to have made it: no CR takes from another what is already there.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from nuvop.objects import CRKey, ObjectKey


@dataclass(frozen=True)
class Claimant:
    """A CR that claims objects; ``created`` is its creationTimestamp as the API server writes it (RFC 3339, in UTC)."""

    key: CRKey
    uid: str
    created: str

    @property
    def rank(self) -> tuple[str, CRKey]:
        """The least is the earliest."""
        return self.created, self.key


@dataclass(frozen=True)
class Claim:
    """What became of a claim.

    ``held_by_others`` are the objects that the CR does not get, each with the CR that has it. ``displaced`` are other
    CRs that must be looked at again: they lost an object, or waited for one that was given up.
    """

    held_by_others: Mapping[ObjectKey, Claimant]
    displaced: frozenset[CRKey]


@dataclass
class _Holding:
    """One object: who has it, whether it was seen to be the holder's in the cluster, and who else wants it."""

    holder: Claimant
    is_owner: bool = False
    waiting: dict[CRKey, Claimant] = field(default_factory=dict)

    def yields_to(self, cr: Claimant, *, is_owner: bool) -> bool:
        return is_owner or (not self.is_owner and cr.rank < self.holder.rank)


class Claims:
    """The index of all objects that CRs have or are about to make."""

    def __init__(self) -> None:
        """Nobody claims anything yet."""
        self._holdings: dict[ObjectKey, _Holding] = {}
        self._claimed: dict[CRKey, tuple[str, frozenset[ObjectKey]]] = {}

    def claim(self, cr: Claimant, objects: Iterable[ObjectKey], *, owned: Collection[ObjectKey] = ()) -> Claim:
        """Claim all objects of a CR; what it claimed before and does not claim now is given up.

        ``owned`` are those of them of which the live object was seen with this CR's uid in its owner label. A holder
        that was once seen to own an object keeps it until it gives it up, or until another CR is seen to own it: a
        child that somebody deletes may be made again by the same CR only.
        """
        wanted = dict.fromkeys(objects)
        uid, before = self._claimed.get(cr.key, (cr.uid, frozenset()))
        # Of another CR that had this name nothing is inherited.
        displaced = self._give_up(cr.key, before - wanted.keys() if uid == cr.uid else before)
        self._claimed[cr.key] = (cr.uid, frozenset(wanted))
        held_by_others = {}
        for key in wanted:
            is_owner = key in owned
            holding = self._holdings.setdefault(key, _Holding(cr))
            if holding.holder.key == cr.key:
                holding.is_owner |= is_owner
            elif holding.yields_to(cr, is_owner=is_owner):
                displaced.add(holding.holder.key)
                holding.waiting.pop(cr.key, None)
                holding.waiting[holding.holder.key] = holding.holder
                holding.holder, holding.is_owner = cr, is_owner
            else:
                holding.waiting[cr.key] = cr
                held_by_others[key] = holding.holder
        return Claim(held_by_others, frozenset(displaced))

    def release(self, key: CRKey) -> set[CRKey]:
        """Give up all that a CR claimed; return the CRs that waited for it and must be looked at again."""
        _, objects = self._claimed.pop(key, ("", frozenset()))
        return self._give_up(key, objects)

    def _give_up(self, key: CRKey, objects: Iterable[ObjectKey]) -> set[CRKey]:
        """Hand each object that a CR has to the earliest of those that wait for it; return all that waited."""
        waited: set[CRKey] = set()
        for given_up in objects:
            holding = self._holdings[given_up]
            if holding.holder.key != key:
                del holding.waiting[key]
            elif holding.waiting:
                waited |= holding.waiting.keys()
                heir = min(holding.waiting.values(), key=lambda waiting: waiting.rank)
                del holding.waiting[heir.key]
                holding.holder, holding.is_owner = heir, False
            else:
                del self._holdings[given_up]
        return waited
