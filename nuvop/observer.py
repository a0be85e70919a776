"""Watches what the CRs' status depends on, and tells which CRs a change concerns."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from nuvop.children import Children, Instance
from nuvop.cluster import ApiResource, Changed, Cluster, Failing, Listed, Removed
from nuvop.complaints import Complaints
from nuvop.kinds import OUTSIDE
from nuvop.objects import INSTANCE_LABEL, Body, ObjectKey

if TYPE_CHECKING:
    from nuvop.errors import ClusterError

logger = logging.getLogger(__name__)

EVENTS = ApiResource("", "v1", "events", "Event")

RESTART_DELAY = 5.0
"""Seconds until a watch is begun anew that has ended in an error that nobody foresaw."""

Watched = tuple[ApiResource, str | None]
"""What one watch covers: a resource, in one namespace or (None) in all."""

Need = tuple[str, str, str | None]
"""The same as CRs depend on it: apiVersion, kind, and the namespace."""


class Observer:
    """Everything that carries an instance label, of the kinds and namespaces that were asked for."""

    def __init__(
        self,
        cluster: Cluster,
        changed: Callable[[set[Instance]], None],
        look_again: Callable[[str | None], None],
        *,
        cluster_wide: bool,
    ) -> None:
        """``changed`` is called with the CRs that a change concerns, ``look_again`` with the namespace (None for all)
        where verdicts have become possible, or impossible. ``cluster_wide`` makes one watch a kind for all namespaces.
        """
        self._cluster = cluster
        self._changed = changed
        self._look_again = look_again
        self._cluster_wide = cluster_wide
        self._children = Children()
        self._complaints = Complaints()
        self._watches: dict[Watched, asyncio.Task[None]] = {}
        self._listed: set[Watched] = set()
        self._failing: dict[Watched, ClusterError] = {}
        self._needs: dict[Instance, frozenset[Need]] = {}
        self._users: Counter[Need] = Counter()
        self._served_at: dict[tuple[str, str], ApiResource] = {}
        """Of each type that was ever watched, by its version and kind."""

    def live(self, instance: Instance) -> Mapping[ObjectKey, Body]:
        """The live objects of a CR."""
        return self._children.of(instance)

    def take_finished(self, instance: Instance) -> Mapping[ObjectKey, Body]:
        """The Jobs of a CR that had finished when they went, as they were then; each is told once."""
        return self._children.take_finished(instance)

    def at(self, key: ObjectKey) -> Body | None:
        """A live object that belongs to any CR."""
        return self._children.at(key)

    def is_taken_over(self, key: ObjectKey) -> bool:
        """Whether nuvop has applied over a live object that somebody else had made."""
        return self._children.is_taken_over(key)

    def complaint(self, key: ObjectKey, since: float) -> str:
        """The newest Warning event about an object or its pods since a time, in seconds since the epoch."""
        return self._complaints.about((key.kind, key.namespace, key.name), since, self._children.at(key))

    def is_unshown(self, key: ObjectKey) -> bool:
        """Whether no watch has shown an object yet that was applied."""
        return self._children.is_unshown(key)

    def wait_for(self, instance: Instance, keys: Iterable[ObjectKey]) -> None:
        """Have a CR be concerned when others' objects go or change hands: these, and none that it waited for before."""
        self._children.wait_for(instance, keys)

    def applied(self, bodies: Sequence[Body]) -> None:
        """Take in what an apply showed: the watch tells the same a moment later."""
        for body in bodies:
            self._children.put(body)

    def given_back(self, body: Body) -> None:
        """Take in that an object carries no instance label any more: the watch tells the same a moment later."""
        self._children.remove(body)

    def depends_on(self, instance: Instance, types: Iterable[tuple[str, str, str]]) -> None:
        """Take in all that a CR depends on: apiVersions and kinds, each with a namespace, or `OUTSIDE`."""
        needs = frozenset(need for type_ in types for need in _covering(*type_))
        before = self._needs.pop(instance, frozenset())
        if needs:
            self._needs[instance] = needs
        self._users.update(needs - before)
        self._users.subtract(before - needs)
        for need in before - needs:
            if not self._users[need]:
                del self._users[need]

    def is_watching(self, wanted: Iterable[tuple[ApiResource, str]]) -> bool:
        """Whether all of these are watched and were listed in full; what is not watched yet is from now on.

        ``wanted`` are resources, each with a namespace, or `OUTSIDE`; it counts where the resource has namespaces.

        Raises the ClusterError of a watch that the API server refuses.
        """
        needed: list[Watched] = []
        events: list[Watched] = []
        for resource, namespace in wanted:
            scope = None if self._cluster_wide else namespace
            needed.append((resource, scope if resource.namespaced else None))
            if scope != OUTSIDE:  # without a namespace of its own an object's events are in `default`
                events.append((EVENTS, scope))
        for watched in (*needed, *events):
            if watched not in self._watches:
                self._note_where(watched[0])
                self._watches[watched] = asyncio.create_task(self._watch(*watched))
        for watched in needed:
            if watched in self._failing:
                error, (resource, _) = self._failing[watched], watched
                what = f"{resource.kind} ({resource.api_version}) cannot be watched"
                raise type(error)(f"{what}: {error}", status=error.status) from error
        return all(watched in self._listed for watched in needed)

    def unsynced(self) -> list[str]:
        """The watches that do not show all there is though a CR depends on it: each with the reason, if there is one.

        A type may go from the cluster, or the right to a namespace be taken away, when no CR has anything of it left.
        """
        return [
            f"{resource.plural}{f' in {namespace}' if namespace else ''}: "
            f"{self._failing.get((resource, namespace)) or 'not listed yet'}"
            for resource, namespace in self._watches
            if self._users[resource.api_version, resource.kind, namespace]
            and ((resource, namespace) in self._failing or (resource, namespace) not in self._listed)
        ]

    def forget(self, api_version: str, kind: str) -> None:
        """Take in that a type is no longer served: its objects went with it, and no watch tells so."""
        for watched in [
            watched for watched in self._watches if (watched[0].api_version, watched[0].kind) == (api_version, kind)
        ]:
            self._watches.pop(watched).cancel()
            self._listed.discard(watched)
            self._failing.pop(watched, None)
        self._changed(self._children.forget_type(api_version, kind))

    def _note_where(self, resource: ApiResource) -> None:
        """Forget a type that was served with another plural or scope before: its CRD was deleted and made anew."""
        type_ = resource.api_version, resource.kind
        if self._served_at.get(type_, resource) != resource:
            self.forget(*type_)
        self._served_at[type_] = resource

    async def close(self) -> None:
        """End all watches."""
        for watch in self._watches.values():
            watch.cancel()
        await asyncio.gather(*self._watches.values(), return_exceptions=True)

    async def _watch(self, resource: ApiResource, namespace: str | None) -> None:
        while True:
            try:
                await (self._follow_complaints(namespace) if resource == EVENTS else self._follow(resource, namespace))
            except Exception:
                logger.exception("watching %s: nuvop has an error here; beginning anew", resource.plural)
                await asyncio.sleep(RESTART_DELAY)

    async def _follow(self, resource: ApiResource, namespace: str | None) -> None:
        async for event in self._cluster.follow(resource, namespace, labels=INSTANCE_LABEL):
            if isinstance(event, Listed):
                self._changed(
                    self._children.replace((resource.group, resource.kind, namespace), event.items, event.version)
                )
                self._listed.add((resource, namespace))
                self._failing.pop((resource, namespace), None)
                self._look_again(namespace)
            elif isinstance(event, Failing):
                self._failing[(resource, namespace)] = event.error
                self._look_again(namespace)
            elif isinstance(event, Removed):
                self._changed(self._children.remove(event.body))
            else:
                self._changed(self._children.show(event.body))

    async def _follow_complaints(self, namespace: str | None) -> None:
        """Follow the Warning events. Without the right to, messages are poorer, and that is all."""
        async for event in self._cluster.follow(EVENTS, namespace, fields="type=Warning"):
            if isinstance(event, Listed):
                self._changed(self._children.named(self._complaints.replace(namespace, event.items)))
            elif isinstance(event, Removed):
                self._complaints.remove(event.body)
            elif isinstance(event, Changed):
                self._changed(self._children.named(self._complaints.put(event.body)))


def _covering(api_version: str, kind: str, namespace: str) -> Iterator[Need]:
    """What the watches may cover that show all there is of a type in a namespace."""
    for scope in (namespace, None):
        yield api_version, kind, scope
