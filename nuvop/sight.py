"""What there is to see of one CR and all that belongs to it: read once, or followed as it changes."""

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from nuvop import inventory
from nuvop.children import Children, Instance, belongs_to
from nuvop.cluster import ApiResource, Changed, Cluster, Failing, Listed, Removed
from nuvop.complaints import Complaint
from nuvop.errors import (
    ClusterError,
    ClusterUnreachable,
    Forbidden,
    LoginError,
    NotFound,
    NotResolved,
    NotServed,
    NuvopError,
)
from nuvop.inventory import Entry
from nuvop.objects import INSTANCE_LABEL, Body, CRKey, ObjectKey
from nuvop.tree import Seen
from nuvop.trouble import Trouble

EVENTS = ApiResource("", "v1", "events", "Event")
OUTSIDE_EVENTS = "default"
"""The namespace of events about what lives outside namespaces."""

GATHER = 0.2
"""Seconds for which changes are gathered: they come in bursts."""
ASK_AGAIN = 15.0
"""Seconds until what was refused for want of a right is asked for again."""
TICK = 5.0
"""Seconds after which all is shown anew without a change: ages grow, and a Pod without a node fails."""

Type = tuple[str, str]
"""An apiVersion and a kind."""

_POD, _CLAIM, _REPLICAS, _JOB = (
    ("v1", "Pod"),
    ("v1", "PersistentVolumeClaim"),
    ("apps/v1", "ReplicaSet"),
    ("batch/v1", "Job"),
)
_MADE_OF: Mapping[Type, tuple[Type, ...]] = {
    ("apps/v1", "Deployment"): (_REPLICAS, _POD),
    ("apps/v1", "StatefulSet"): (_POD, _CLAIM),
    ("apps/v1", "DaemonSet"): (_POD,),
    _REPLICAS: (_POD,),
    ("batch/v1", "CronJob"): (_JOB, _POD),
    _JOB: (_POD,),
    ("v1", "ReplicationController"): (_POD,),
}
"""What Kubernetes' controllers make of a child; it carries the instance label of the templates."""


@dataclass(frozen=True)
class Scope:
    """What one list or watch covers: a resource, in a namespace or (None) outside of all."""

    resource: ApiResource
    namespace: str | None

    def __str__(self) -> str:
        return f"{self.resource.plural}{f' in {self.namespace}' if self.namespace else ''}"

    @property
    def is_secret(self) -> bool:
        """Whether no more than metadata is asked for: nothing else of a Secret is shown."""
        return (self.resource.group, self.resource.kind) == ("", "Secret")


class Sight:
    """Looks at one CR."""

    def __init__(self, cluster: Cluster, resource: ApiResource, namespace: str, name: str) -> None:
        """See nothing yet."""
        self._cluster = cluster
        self._resource = resource
        self._key = CRKey(resource.plural, namespace, name)
        self._cr: Body = {}
        self._is_gone = False
        self._children = Children()
        self._events: dict[Scope, dict[str, Body]] = {}
        self._refused: dict[Scope, str] = {}
        self._listed: set[Scope] = set()
        self._found: dict[ObjectKey, Body] = {}
        self._unseen: dict[ObjectKey, str] = {}
        self._changed = asyncio.Event()

    async def once(self) -> Seen:
        """Look once. Raises NotResolved where there is no such CR, and a ClusterError.

        What may not be listed is no error but something to tell.
        """
        self._cr = await self._get()
        scopes = await self._scopes()
        await asyncio.gather(*(self._read(scope) for scope in scopes))
        await self._look_up(scopes)
        return self._seen(scopes)

    async def follow(self, show: Callable[[Seen], None]) -> None:
        """Look for ever: ``show`` is called first with all there is, then after each change, and every TICK seconds.

        Raises what `once` raises, but waits for an API server that is away later.
        """
        self._cr = await self._get()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._follow_cr())
                await self._show_changes(show, group)
        except ExceptionGroup as errors:
            # An OSError is of what shows it: `| head` has closed the pipe.
            told, others = errors.split((NuvopError, OSError))
            if told is None or others is not None:
                raise
            raise told.exceptions[0] from errors

    def look_again(self) -> None:
        """Have all shown anew, though nothing has changed."""
        self._changed.set()

    async def _show_changes(self, show: Callable[[Seen], None], group: asyncio.TaskGroup) -> None:
        followed: set[Scope] = set()
        trouble = Trouble(f"looking at {self._key}")
        while True:
            try:
                scopes = await self._scopes()
                for scope in scopes - followed:
                    group.create_task(self._follow(scope))
                followed |= scopes
                # Before a full list nobody can say what is missing.
                if scopes <= self._listed | self._refused.keys():
                    await self._look_up(scopes)
                    show(self._seen(scopes))
                    trouble.over()
            except (ClusterUnreachable, LoginError) as error:
                await trouble.wait(error)
                continue
            await self._wait()

    async def _wait(self) -> None:
        """Wait for a change, or for a while."""
        try:
            async with asyncio.timeout(TICK):
                await self._changed.wait()
        except TimeoutError:
            return
        await asyncio.sleep(GATHER)
        self._changed.clear()

    # --- what is looked at --------------------------------------------------------------------------------------------

    async def _get(self) -> Body:
        try:
            return await self._cluster.get(self._resource, self._key.namespace, self._key.name)
        except NotFound as error:
            raise NotResolved(f"{self._key.plural}/{self._key.name}: there is none in {self._key.namespace}") from error

    @property
    def _entries(self) -> inventory.Inventory:
        return inventory.of(self._cr.get("status") or {})

    async def _scopes(self) -> frozenset[Scope]:
        """All that may have something to do with the CR, by its inventory; raise ClusterUnreachable."""
        wanted = {(type_, entry.namespace) for entry in self._entries for type_ in _types(entry)}
        scopes = set()
        for (api_version, kind), namespace in sorted(wanted):
            try:
                resource = await self._cluster.discover(api_version, kind)
            except NotServed:
                continue  # what has left the cluster has taken its objects along
            scopes.add(Scope(resource, namespace if resource.namespaced else None))
        places = {scope.namespace or OUTSIDE_EVENTS for scope in scopes} | {self._key.namespace}
        return frozenset(scopes | {Scope(EVENTS, place) for place in places})

    @property
    def _label(self) -> str:
        return f"{INSTANCE_LABEL}={self._key.instance}"

    async def _read(self, scope: Scope) -> None:
        """List a scope; raise a ClusterError other than that it is forbidden or gone."""
        is_events = scope.resource == EVENTS
        selectors = {"fields": "type=Warning"} if is_events else {"labels": self._label}
        try:
            bodies = await self._cluster.list(
                scope.resource, scope.namespace, metadata_only=scope.is_secret, **selectors
            )
        except (Forbidden, NotFound) as error:
            if error.is_unauthorized:
                raise
            self._refused[scope] = _refusal(scope, error)
            return
        if is_events:
            self._events[scope] = {body["metadata"]["uid"]: body for body in bodies}
        else:
            for body in bodies:
                self._children.put(body)

    async def _follow_cr(self) -> None:
        only = f"metadata.name={self._key.name}"
        async for event in self._cluster.follow(self._resource, self._key.namespace, fields=only):
            match event:
                case Listed(items):
                    self._cr, self._is_gone = (items[0], False) if items else (self._cr, True)
                case Changed(body):
                    self._cr, self._is_gone = body, False
                case Removed(body):
                    self._cr, self._is_gone = body, True
                case Failing(error):
                    self._is_gone = isinstance(error, NotFound)
            self._changed.set()

    async def _follow(self, scope: Scope) -> None:
        """Follow a scope for ever: a right may be given, and an API server that has just started knows of none."""
        while True:
            await (self._follow_events(scope) if scope.resource == EVENTS else self._follow_objects(scope))
            await asyncio.sleep(ASK_AGAIN)

    async def _follow_objects(self, scope: Scope) -> None:
        """Follow a scope until it is refused for want of a right."""
        resource = scope.resource
        following = self._cluster.follow(resource, scope.namespace, labels=self._label, metadata_only=scope.is_secret)
        async for event in following:
            match event:
                case Listed(items, version):
                    self._children.replace((resource.group, resource.kind, scope.namespace), items, version)
                    self._listed.add(scope)
                    self._refused.pop(scope, None)
                case Changed(body):
                    self._children.put(body)
                case Removed(body):
                    self._children.remove(body)
                case Failing(error):
                    if self._is_refused(scope, error):
                        return
            self._changed.set()

    async def _follow_events(self, scope: Scope) -> None:
        """The same for one of Warning events."""
        async for event in self._cluster.follow(scope.resource, scope.namespace, fields="type=Warning"):
            known = self._events.setdefault(scope, {})
            match event:
                case Listed(items):
                    self._events[scope] = {body["metadata"]["uid"]: body for body in items}
                    self._listed.add(scope)
                    self._refused.pop(scope, None)
                case Changed(body):
                    known[body["metadata"]["uid"]] = body
                case Removed(body):
                    known.pop(body["metadata"]["uid"], None)
                case Failing(error):
                    if self._is_refused(scope, error):
                        return
            self._changed.set()

    def _is_refused(self, scope: Scope, error: ClusterError) -> bool:
        """Note that a scope cannot be seen; return whether for want of a right: the tree says it, and nobody else."""
        refusal = _refusal(scope, error)
        if self._refused.get(scope) != refusal:
            self._refused[scope] = refusal
            self._changed.set()
        return isinstance(error, Forbidden) and not error.is_unauthorized

    # --- what is seen -------------------------------------------------------------------------------------------------

    async def _look_up(self, scopes: Collection[Scope]) -> None:
        """Look by name for what is in the inventory and does not carry the label, or may not be listed."""
        self._found, self._unseen = {}, {}
        live = self._live()
        hidden = [entry for entry in self._entries if entry.key not in live and not entry.done]
        await asyncio.gather(*(self._look_for(entry, scopes) for entry in hidden))

    async def _look_for(self, entry: Entry, scopes: Collection[Scope]) -> None:
        found = [scope for scope in scopes if _covers(scope, entry)]
        for scope in found:
            try:
                self._found[entry.key] = await self._cluster.get(
                    scope.resource, entry.namespace, entry.name, metadata_only=scope.is_secret
                )
            except NotFound:
                continue
            except Forbidden as error:
                if error.is_unauthorized:
                    raise
                if scope in self._refused:
                    self._unseen[entry.key] = self._refused[scope]

    @property
    def _instance(self) -> Instance:
        return self._key.namespace, self._key.instance

    def _live(self) -> Mapping[ObjectKey, Body]:
        return self._children.of(self._instance)

    def _seen(self, scopes: Collection[Scope]) -> Seen:
        # What may be got but not listed carries the label, too.
        labelled = {key: body for key, body in self._found.items() if belongs_to(body) == self._instance}
        listed = {(entry.apiVersion, entry.kind) for entry in self._entries}
        beside = [
            why
            for scope, why in self._refused.items()
            if (scope.resource.api_version, scope.resource.kind) not in listed
        ]
        return Seen(
            self._key.plural,
            self._cr,
            {**self._live(), **labelled},
            {key: body for key, body in self._found.items() if key not in labelled},
            self._unseen,
            tuple(sorted(beside)),
            self._complaints(),
            frozenset(
                (scope.resource.api_version, scope.resource.kind) for scope in scopes if scope.resource.has_status
            ),
            self._is_gone,
        )

    def _complaints(self) -> dict[str, tuple[Complaint, ...]]:
        found: dict[str, list[Complaint]] = {}
        for events in self._events.values():
            for event in events.values():
                uid = str((event.get("involvedObject") or {}).get("uid", ""))
                found.setdefault(uid, []).append(Complaint.of(event))
        return {uid: tuple(listed) for uid, listed in found.items()}


def _types(entry: Entry) -> Iterator[Type]:
    """The type of a child, and of all that controllers make of it."""
    own = (entry.apiVersion, entry.kind)
    yield own
    yield from _MADE_OF.get(own, ())


def _covers(scope: Scope, entry: Entry) -> bool:
    resource = scope.resource
    return (resource.api_version, resource.kind, scope.namespace or "") == (
        entry.apiVersion,
        entry.kind,
        entry.namespace,
    )


def _refusal(scope: Scope, error: ClusterError) -> str:
    if isinstance(error, Forbidden):
        return f"no right to list {scope}"
    return f"{scope} cannot be listed: {error}"
