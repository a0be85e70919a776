"""What is made once: Secrets with values of chance, a CR each, and what a kind installs for all of its CRs."""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from nuvop import generated, inventory, overlay
from nuvop.children import belongs_to
from nuvop.cluster import Cluster
from nuvop.errors import ApplyFailed, Conflict
from nuvop.kinds import Kind
from nuvop.kubectl import Kubectl
from nuvop.logs import about
from nuvop.objects import INSTANCE_LABEL, Body, ObjectKey, key_of
from nuvop.retention import CLAIM
from nuvop.scene import Scene, instance_of

logger = logging.getLogger(__name__)

INSTALL_TIMEOUT = 60.0
"""Seconds."""

INSTALL_AGAIN = 5.0
"""Seconds after a failure in which nothing is tried: all CRs of a kind ask for the same."""


class Installer:
    """Applies what a kind installs, once for each state of its folder."""

    def __init__(self, kubectl: Kubectl, generated_: Path) -> None:
        """``generated_`` is where it is written."""
        self._kubectl = kubectl
        self._generated = generated_
        self._installing: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._installed: dict[str, str] = {}
        self._failed: dict[str, tuple[str, float, ApplyFailed]] = {}

    async def install(self, kind: Kind) -> None:
        """Apply what a kind installs, unless that was done; raise ApplyFailed, KubectlError or WriteFailed."""
        plural = kind.resource.plural
        if not kind.installed:
            return
        async with self._installing[plural]:
            if self._installed.get(plural) == kind.digest:
                return
            digest, until, failure = self._failed.get(plural, ("", 0.0, None))
            if failure and digest == kind.digest and time.monotonic() < until:
                raise failure
            await self._apply(kind)
            self._installed[plural] = kind.digest
            logger.info("kind %s: installed %s", plural, ", ".join(map(str, kind.install)))

    async def _apply(self, kind: Kind) -> None:
        path = overlay.write_install(self._generated, kind)
        try:
            await self._kubectl.apply(path, size=len(kind.installed), timeout=INSTALL_TIMEOUT)
        except ApplyFailed as error:
            told = f"{kind.folder}: install: {error}"
            failure = ApplyFailed(told, terminal=error.terminal, unreachable=error.unreachable)
            self._failed[kind.resource.plural] = (kind.digest, time.monotonic() + INSTALL_AGAIN, failure)
            raise failure from error


class Secrets:
    """Makes the Secrets of CRs whose values are made once, and keeps them as long as the data that they unlock."""

    def __init__(self, cluster: Cluster) -> None:
        """Make nothing yet."""
        self._cluster = cluster

    async def ensure(self, scene: Scene, is_current: Callable[[], Awaitable[bool]]) -> str | None:
        """Make what is missing; ``is_current`` is asked before.

        One that is there and that nuvop has not made is left alone. Returns what keeps one from being made, empty where
        all are there, and None where the CR is to be looked at again. One that is lost while there is data that it
        unlocks is never made anew: nobody could read the data again. Raises a ClusterError.
        """
        claims = generated.claims(scene.live)
        cr = None if scene.wishes.orphan else scene.record.body
        owners = generated.owners(cr, scene.kind.resource, claims)
        for key, child in scene.overlay.secrets.items():
            resource = scene.resources[child.api_version, child.kind]
            if live := scene.live.get(key):
                # An operator may have ended between making it and telling of it.
                _note(scene, live)
            # The watch shows what has the instance label: one that was brought back, or is the user's own, has none.
            found = live or (await self._cluster.find(resource, key.namespace, [key.name])).get(key.name)
            if found is None:
                if lost := generated.lost(key, await self._claims(scene, key.namespace)):
                    return lost
                if not await is_current():
                    return None
                await self._make(scene, key, owners)
            elif key in inventory.keys(scene.record.inventory) and (
                operations := generated.changes(found, scene.key, scene.record.uid, owners)
            ):
                with suppress(Conflict):  # it has changed since it was seen, and the watch will show that
                    await self._cluster.patch_metadata(resource, found, operations)
        return ""

    async def _claims(self, scene: Scene, namespace: str) -> list[Body]:
        """The claims of a CR as they are now: the watch that shows them may be late, or broken."""
        resource = scene.resources.get(CLAIM)
        if resource is None:
            return []
        listed = await self._cluster.list(resource, namespace, labels=f"{INSTANCE_LABEL}={scene.key.instance}")
        return generated.claims({key_of(each): each for each in listed if belongs_to(each) == instance_of(scene.key)})

    async def _make(self, scene: Scene, key: ObjectKey, owners: list[dict[str, str]]) -> None:
        child = scene.overlay.secrets[key]
        lengths = next(each.lengths for each in scene.kind.generated if each.child == child.selector)
        body = generated.secret(child.body, key, scene.key, scene.record.uid, lengths, owners)
        try:
            made = await self._cluster.create(scene.resources[child.api_version, child.kind], key.namespace, body)
        except Conflict:
            return  # somebody was quicker, and has made it
        _note(scene, made)
        logger.info("%s: made %s", scene.key, key, extra=about(scene.key, "generate"))


def _note(scene: Scene, secret: Body) -> None:
    """Take a Secret into the inventory: at the CR's end it may have to be let go."""
    if inventory.entry_of(secret) not in scene.record.inventory:
        scene.record.inventory = inventory.after_apply(scene.record.inventory, [secret])
