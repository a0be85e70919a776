"""One CR while it is reconciled: what is wanted, what is there, and for which generation."""

from collections.abc import Mapping
from dataclasses import dataclass

from nuvop.children import Instance
from nuvop.cluster import ApiResource
from nuvop.directives import Directives
from nuvop.kinds import Kind
from nuvop.objects import Body, CRKey, ObjectKey
from nuvop.overlay import Overlay
from nuvop.record import Record
from nuvop.status import Also


@dataclass(frozen=True)
class Scene:
    """What the stages of the pipeline look at.

    ``resources`` are those of all that is watched for the CR, by apiVersion and kind. ``also`` is what is to be told
    whatever becomes of the CR.
    """

    key: CRKey
    record: Record
    generation: int
    kind: Kind
    wishes: Directives
    overlay: Overlay
    live: Mapping[ObjectKey, Body]
    resources: Mapping[tuple[str, str], ApiResource]
    also: tuple[Also, ...] = ()
    unseen: frozenset[tuple[str, str]] = frozenset()
    """The types, by apiVersion and kind, of objects that the CR has and nuvop may not watch."""

    def resource(self, key: ObjectKey) -> ApiResource:
        """The resource of one of the overlay's objects."""
        return self.resources[self.overlay.children[key].api_version, key.kind]

    @property
    def is_observed(self) -> bool:
        """Whether the status speaks of this generation as of one that was brought to an end."""
        return self.record.status.get("observedGeneration") == self.generation

    @property
    def is_asked(self) -> bool:
        """Whether an annotation asks to apply now that was not followed yet."""
        return self.wishes.reconcile not in ("", self.record.handled)


def instance_of(key: CRKey) -> Instance:
    """A CR as its children name it."""
    return (key.namespace, key.instance)
