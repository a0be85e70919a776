"""Whose the objects are that a CR wants: its own, another CR's, or somebody else's."""

import logging
from collections.abc import Callable, Iterable, Mapping

from nuvop import foreign
from nuvop.children import Comparison
from nuvop.claims import Claimant, Claims
from nuvop.cluster import Cluster
from nuvop.events import News
from nuvop.foreign import Lookups, Obstacle
from nuvop.objects import OWNER_LABEL, Body, CRKey, ObjectKey, labels_of, maker_of
from nuvop.observer import Observer
from nuvop.reporter import Reporter
from nuvop.scene import Scene
from nuvop.status import Reason

logger = logging.getLogger(__name__)


class Ownership:
    """Settles it between CRs, and clears the way where a CR may take over what is not its own."""

    def __init__(
        self, cluster: Cluster, observer: Observer, reporter: Reporter, look_again: Callable[[CRKey], None]
    ) -> None:
        """``look_again`` is called with a CR that may have what it did not get before, or no longer has."""
        self._cluster = cluster
        self._observer = observer
        self._reporter = reporter
        self._look_again = look_again
        self._claims = Claims()
        self._lookups = Lookups(cluster)

    def collision(self, scene: Scene) -> str:
        """Say which other CR has a child of the same name, and was there first; empty where none has."""
        metadata = scene.record.body["metadata"]
        claimant = Claimant(scene.key, scene.record.uid, metadata.get("creationTimestamp", ""))
        owned = {key for key in scene.overlay.objects if key in scene.live and _is_of(scene.live[key], claimant.uid)}
        claim = self._claims.claim(claimant, scene.overlay.objects, owned=owned)
        self._look_at(claim.displaced)
        return "; ".join(
            f"{key} belongs to {other.key}, which was there first: give one of them another name"
            for key, other in claim.held_by_others.items()
        )

    async def find(self, scene: Scene, comparison: Comparison) -> dict[ObjectKey, Body]:
        """What is there, whoever made it, of the children that are not as they should be."""
        found = {key: scene.live[key] for key in (*comparison.outdated, *comparison.drifted)}
        for key in comparison.missing:
            body = self._observer.at(key) or await self._lookups.find(scene.resource(key), key)
            if body is not None:
                found[key] = body
        return found

    async def obstacle(self, scene: Scene, found: Mapping[ObjectKey, Body]) -> tuple[Reason, str] | None:
        """Say which object stands in the way of a child: somebody else's; None where the way is free, or was cleared.

        Applying over it would take it over without a word, and delete its owner's fields. Where that has happened,
        because somebody made it just before, it is given back.
        """
        strangers = []
        record = scene.record
        for obstacle in foreign.obstacles(scene.key, record.uid, record.inventory, found, self._observer.is_taken_over):
            if obstacle.owner:
                return Reason.NAME_COLLISION, str(obstacle)
            if scene.wishes.adopt:
                await self._adopt(scene, obstacle)
            else:
                strangers.append(obstacle)
        for stranger in strangers:
            if stranger.is_taken_over:
                await self._give_back(scene, stranger)
        return (Reason.NOT_OWNED, str(strangers[0])) if strangers else None

    async def _adopt(self, scene: Scene, obstacle: Obstacle) -> None:
        await foreign.adopt(self._cluster, scene.resource(obstacle.key), obstacle.body)
        logger.info("%s: taking over %s", scene.key, obstacle.key)
        self._reporter.news(scene.record, News("Normal", "Adopted", "Adopt", f"{obstacle.key} is taken over"))

    async def _give_back(self, scene: Scene, stranger: Obstacle) -> None:
        await foreign.give_back(self._cluster, scene.resource(stranger.key), scene.record.uid, stranger.body)
        maker = maker_of(stranger.body) or "somebody else"
        told = f"{stranger.key} was made by {maker} just before nuvop applied its own: given back, with nuvop's values"
        logger.warning("%s: %s", scene.key, told)
        self._reporter.news(scene.record, News("Warning", Reason.NOT_OWNED, "GiveBack", told))

    def forget(self, key: CRKey) -> None:
        """Take in that a CR is gone: others may want what was its own."""
        self._look_at(self._claims.release(key))

    async def close(self) -> None:
        """Ask no more."""
        await self._lookups.close()

    def _look_at(self, keys: Iterable[CRKey]) -> None:
        for key in keys:
            self._look_again(key)


def _is_of(body: Body, uid: str) -> bool:
    return labels_of(body).get(OWNER_LABEL) == uid
