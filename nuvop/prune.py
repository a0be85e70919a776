"""What may be deleted of a CR's children: what is left over, when it may go, and when it is too much at once. Pure.

Deleting cannot be undone, so every rule here is in favour of keeping.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from nuvop import inventory, overlay
from nuvop.directives import PRUNE, may_be_pruned
from nuvop.errors import BuildFailed
from nuvop.kinds import NEVER_A_CHILD, Kind
from nuvop.objects import OWNER_LABEL, REVISION_LABEL, Body, CRKey, ObjectKey, is_deleting, labels_of, owns_label

FEW = 10
"""So many children of a kind may go at once whatever share of all they are: of few, one is a large share."""

_READ_BY_PODS = frozenset({("", "ConfigMap"), ("", "Secret")})


def orphans(
    overlay_objects: Collection[ObjectKey], uid: str, revision: str, live: Mapping[ObjectKey, Body]
) -> tuple[ObjectKey, ...]:
    """Return the live objects that nuvop made for a CR from another revision and that its overlay has no more.

    ``uid`` is the CR's, ``revision`` that of the overlay which has just been applied. A label alone proves nothing:
    controllers copy labels to what they make (EndpointSlices, ReplicaSets), users to what they copy. What the API
    server writes itself does: an entry in managedFields by which nuvop owns that very label
    (https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management).
    """
    left = live.keys() - overlay_objects
    return tuple(sorted(key for key in left if _is_orphan(key, live[key], uid, revision)))


def may_go_now(key: ObjectKey, is_ready: bool) -> bool:
    """Whether an orphan may be deleted: what pods read only once the CR ``is_ready`` at its new revision.

    Until then pods of the older revision may run, and may be started anew.
    """
    return is_ready or (key.group, key.kind) not in _READ_BY_PODS


@dataclass(frozen=True)
class Refusal:
    """Why nothing of a kind is pruned: ``going`` of the ``total`` children of all its CRs would be deleted."""

    kind: str
    going: int
    total: int
    percent: int

    @property
    def is_large(self) -> bool:
        """Whether these are more than so many percent."""
        return self.going * 100 > self.total * self.percent

    def __str__(self) -> str:
        """In words for a user."""
        share = f" (more than {self.percent} %)" if self.is_large else ""
        return (
            f"{self.going} of {self.total} children of {self.kind} would be deleted{share}; "
            f"annotate {PRUNE}: confirm to delete those of this resource"
        )


def guard(
    crs: Iterable[tuple[Collection[ObjectKey], Collection[ObjectKey]]], kind: str, percent: int
) -> Refusal | None:
    """Refuse to prune when more than ``percent`` of a kind's children would go, and more than a few.

    ``crs`` holds, for each CR of the kind, the objects of its inventory and those of its new overlay. Where no overlay
    has any object a build came out empty, and not even a few may go.
    """
    going = total = wanted = 0
    for known, made in crs:
        going += len(frozenset(known).difference(made))
        total += len(known)
        wanted += len(made)
    refusal = Refusal(kind, going, total, percent)
    is_empty = going > 0 and wanted == 0
    return refusal if is_empty or (refusal.is_large and going > FEW) else None


async def judged(
    plural: str, crs: Iterable[Body], choose: Callable[[Body], Awaitable[Kind]], percent: int
) -> Refusal | None:
    """What `guard` says to all CRs of a kind, given how the kind with a CR's choice of components is come by.

    Where that cannot be built, nothing of the CR will go.
    """
    counted = []
    for cr in crs:
        known, metadata = inventory.keys(inventory.of(cr.get("status") or {})), cr["metadata"]
        try:
            kind = await choose(cr)
        except BuildFailed:
            counted.append((known, known))
        else:
            wanted = overlay.objects_of(kind, CRKey(plural, metadata["namespace"], metadata["name"]))
            counted.append((known, frozenset(wanted)))
    return guard(counted, plural, percent)


def _is_orphan(key: ObjectKey, body: Body, uid: str, revision: str) -> bool:
    labels = labels_of(body)
    return (
        labels.get(OWNER_LABEL) == uid
        # Without that label, somebody took it off, and nobody knows what for.
        and labels.get(REVISION_LABEL, revision) != revision
        and owns_label(body, OWNER_LABEL)
        and not is_deleting(body)
        and key.kind not in NEVER_A_CHILD
        and may_be_pruned(body)
    )
