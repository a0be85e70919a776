"""Whose the objects are that a CR wants: its own, another CR's, or somebody else's."""

import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

from nuvop import foreign
from nuvop.children import Comparison
from nuvop.claims import Claim, Claimant, Claims
from nuvop.cluster import Cluster
from nuvop.errors import ClusterError, ClusterUnreachable, Conflict
from nuvop.events import News
from nuvop.foreign import Lookups, Obstacle
from nuvop.logs import about
from nuvop.objects import OWNER_LABEL, Body, CRKey, ObjectKey, key_of, labels_of, maker_of
from nuvop.observer import Observer
from nuvop.reporter import Reporter
from nuvop.scene import Scene, instance_of
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
        self._adopted: dict[CRKey, set[str]] = {}
        """The uids of what each CR has taken over, as it was asked to."""
        self._unconfirmed: dict[CRKey, set[str]] = {}
        """The uids of what each CR's applies have made, as they answered, and no watch had shown by then."""

    def collision(self, scene: Scene) -> str:
        """Say which other CR has a child of the same name, and was there first; empty where none has."""
        claim = claim_of(scene, self._claims)
        self._look_at(claim.displaced)
        return told(claim)

    async def find(self, scene: Scene, comparison: Comparison) -> dict[ObjectKey, Body]:
        """What is there, whoever made it, of the children that are not as they should be.

        When one of them that is another's goes, or is no longer that one's, the CR is looked at again.
        """
        instance = instance_of(scene.key)
        self._observer.wait_for(instance, comparison.missing)  # one may go while another is looked up
        found = {key: scene.live[key] for key in (*comparison.outdated, *comparison.drifted)}
        for key in comparison.missing:
            body = self._observer.at(key) or await self._lookups.find(scene.resource(key), key)
            if body is not None:
                found[key] = body
        self._observer.wait_for(instance, found.keys() & set(comparison.missing))
        return found

    async def obstacle(self, scene: Scene, found: Mapping[ObjectKey, Body]) -> tuple[Reason, str] | None:
        """Say which object stands in the way of a child: somebody else's; None where the way is free, or was cleared.

        Applying over it would take it over without a word, and delete its owner's fields.
        """
        for obstacle in foreign.obstacles(scene.key, scene.record.uid, scene.record.inventory, found):
            if obstacle.owner:
                return Reason.NAME_COLLISION, str(obstacle)
            if not scene.wishes.adopt:
                return Reason.NOT_OWNED, str(obstacle)
            await foreign.adopt(self._cluster, scene.resource(obstacle.key), obstacle.body)
            self._adopted_one(scene, obstacle)
        return None

    async def give_back(self, scene: Scene) -> dict[ObjectKey, str]:
        """Let go of what somebody made just before nuvop applied its own; with ``adopt`` it is the CR's from now on.

        Returns what there is to say of each such object. One that the API server refuses to change is tried again.
        """
        told = {}
        for stranger in self._strangers(scene):
            if scene.wishes.adopt:
                self._adopted_one(scene, stranger)
                continue
            told[stranger.key] = str(stranger)
            try:
                with suppress(Conflict):  # it has changed since it was seen: the next look gives it back
                    await self._let_go(scene, stranger)
            except ClusterUnreachable:
                raise
            except ClusterError as error:
                told[stranger.key] += f"; nuvop has applied over it, and cannot give it back: {error}"
        return told

    def applied(self, scene: Scene, bodies: Iterable[Body]) -> None:
        """Take in what was applied, before the inventory knows it.

        What is new to it, and no watch has shown yet, may turn out to be somebody else's.
        """
        known = {entry.uid for entry in scene.record.inventory} - self._unconfirmed.get(scene.key, set())
        unshown = {_uid(body) for body in bodies if self._observer.is_unshown(key_of(body))}
        self._unconfirmed[scene.key] = unshown - known

    def _strangers(self, scene: Scene) -> list[Obstacle]:
        """The live objects of a CR that nuvop has applied over, though somebody else had made them."""
        unconfirmed = self._unconfirmed.get(scene.key, set())
        ours = {entry.uid for entry in scene.record.inventory} - unconfirmed | self._adopted.get(scene.key, set())
        found = [Obstacle(key, body) for key, body in scene.live.items() if self._observer.is_taken_over(key)]
        strangers = [each for each in found if _is_of(each.body, scene.record.uid) and _uid(each.body) not in ours]
        # What was shown as the CR's own is confirmed: who takes its label off later makes it appear anew.
        unshown = {_uid(body) for key, body in scene.live.items() if self._observer.is_unshown(key)}
        unconfirmed &= unshown | {_uid(stranger.body) for stranger in strangers}
        return strangers

    async def _let_go(self, scene: Scene, stranger: Obstacle) -> None:
        body = stranger.body
        resource = scene.resources[body["apiVersion"], stranger.key.kind]
        self._observer.given_back(await foreign.give_back(self._cluster, resource, scene.record.uid, body))
        maker = maker_of(body) or "somebody else"
        told = f"{stranger.key} was made by {maker} just before nuvop applied its own: given back, with nuvop's values"
        logger.warning("%s: %s", scene.key, told, extra=about(scene.key, "own"))
        self._reporter.news(scene.record, News("Warning", Reason.NOT_OWNED, "GiveBack", told))

    def _adopted_one(self, scene: Scene, obstacle: Obstacle) -> None:
        self._adopted.setdefault(scene.key, set()).add(_uid(obstacle.body))
        logger.info("%s: taking over %s", scene.key, obstacle.key, extra=about(scene.key, "own"))
        self._reporter.news(scene.record, News("Normal", "Adopted", "Adopt", f"{obstacle.key} is taken over"))

    def forget(self, key: CRKey) -> None:
        """Take in that a CR is gone: others may want what was its own."""
        self._adopted.pop(key, None)
        self._unconfirmed.pop(key, None)
        self._observer.wait_for(instance_of(key), ())
        self._look_at(self._claims.release(key))

    async def close(self) -> None:
        """Ask no more."""
        await self._lookups.close()

    def _look_at(self, keys: Iterable[CRKey]) -> None:
        for key in keys:
            self._look_again(key)


def claim_of(scene: Scene, claims: Claims) -> Claim:
    """Claim all objects of a CR."""
    created = scene.record.body["metadata"].get("creationTimestamp", "")
    claimant = Claimant(scene.key, scene.record.uid, created)
    owned = {key for key in scene.overlay.objects if key in scene.live and _is_of(scene.live[key], claimant.uid)}
    return claims.claim(claimant, scene.overlay.objects, owned=owned)


def told(claim: Claim) -> str:
    """Which other CRs have a child of the same name; empty where none has."""
    return "; ".join(
        f"{key} belongs to {other.key}, which was there first: give one of them another name"
        for key, other in claim.held_by_others.items()
    )


def _uid(body: Body) -> str:
    return str(body["metadata"]["uid"])


def _is_of(body: Body, uid: str) -> bool:
    return labels_of(body).get(OWNER_LABEL) == uid
