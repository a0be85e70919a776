"""A small cluster in memory, for tests of the pipeline.

Objects have versions, watches follow them, a kubectl applies overlays as they stand on disk, or refuses. It plays the
catalog, the API server's client, the applier and the recorder; what is between them is nuvop's own.
"""

import asyncio
import copy
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from nuvop import kind_folder, kind_yaml, yamltext
from nuvop.applier import Withdrawn
from nuvop.cluster import ApiResource, Changed, Event, Failing, Listed, Removed
from nuvop.directives import PREFIX
from nuvop.errors import ClusterError, Conflict, NotFound, NotServed, NuvopError
from nuvop.events import News
from nuvop.kinds import Kind
from nuvop.metrics import Metrics
from nuvop.objects import (
    INSTANCE_LABEL,
    NAMESPACE_LABEL,
    OWNER_LABEL,
    Body,
    CRKey,
    ObjectKey,
    is_deleting,
    key_of,
    labels_of,
)
from nuvop.overlay import Overlay, folder
from nuvop.pruner import Pruner
from nuvop.reconcile import Reconciler
from nuvop.reporter import PROGRESS_PAUSE, Reporter
from tests.unit.based import with_base
from tests.unit.test_overlay import SAMPLES

KEY = CRKey("samples", "demo", "obj")
SAMPLE = ApiResource("nuvolaris.org", "v1", "samples", "Sample")
_SERVED = (
    ApiResource("", "v1", "configmaps", "ConfigMap"),
    ApiResource("", "v1", "services", "Service"),
    ApiResource("apps", "v1", "deployments", "Deployment", has_status=True),
    ApiResource("batch", "v1", "jobs", "Job", has_status=True),
    ApiResource("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", namespaced=False),
)
RESOURCES = {resource.kind: resource for resource in (SAMPLE, *_SERVED)}

TIMEOUT = 30.0
"""Seconds that `until` waits."""

_WRITES = ("apply ", "status ", "patch ", "delete ", "hand over ")

Hook = Callable[[str], Awaitable[None]]
"""Is called with the name of the object, or of the CR, that a request is about; what it raises is the answer."""


async def until(condition: Callable[[], object], seconds: float = TIMEOUT) -> None:
    """Wait until something is true; fail where that takes too long."""
    end = asyncio.get_running_loop().time() + seconds
    while not condition():
        assert asyncio.get_running_loop().time() < end, f"it has not become true within {seconds:g} s"
        await asyncio.sleep(0.01)


def raising(error: Exception) -> Hook:
    """A hook that answers every request with an error."""

    async def answer(_: str) -> None:
        raise error

    return answer


def manifest(name: str, kind: str = "ConfigMap", **annotations: str) -> dict[str, Any]:
    """A child in a kind's base, with annotations of nuvop's (``deletion_policy`` is ``deletion-policy``)."""
    metadata = {"name": name, "annotations": _asked(annotations)}
    return {"apiVersion": RESOURCES[kind].api_version, "kind": kind, "metadata": metadata, "data": {"x": "1"}}


def make_kind(*base: Mapping[str, Any], digest: str = "d1", **more: Any) -> Kind:
    """The kind of the samples with another base; a folder that has changed has another digest."""
    parsed = kind_yaml.parse(SAMPLES, kind_folder.read(SAMPLES))
    bare: dict[str, Any] = {"settings": (), "reports": (), "digest": digest}
    return with_base(replace(parsed, **{**bare, **more}), list(base))


def cr(name: str = "obj", uid: str = "u1", created: str = "2026-01-01T00:00:00Z", **annotations: str) -> dict[str, Any]:
    """A CR that was just created."""
    metadata = {
        "name": name,
        "namespace": KEY.namespace,
        "uid": uid,
        "generation": 1,
        "creationTimestamp": created,
        "resourceVersion": "1",
        "annotations": _asked(annotations),
    }
    api = {"apiVersion": SAMPLE.api_version, "kind": SAMPLE.kind}
    return {**api, "metadata": metadata, "spec": {}, "status": {"observedGeneration": -1}}


def at(name: str, kind: str = "ConfigMap") -> ObjectKey:
    """The key of an object; ``name`` is its whole name, as in ``obj-a``."""
    resource = RESOURCES[kind]
    return ObjectKey(resource.group, kind, KEY.namespace if resource.namespaced else "", name)


def _asked(annotations: Mapping[str, str]) -> dict[str, str]:
    return {PREFIX + name.replace("_", "-"): value for name, value in annotations.items()}


class World:
    """A cluster, and an operator of one kind in it.

    ``before`` holds a hook for a request, such as ``get Sample``, ``status Sample``, ``apply Sample``,
    ``delete ClusterRole``. ``requests`` is all that was asked for, as in ``delete ClusterRole/obj-reader``.
    """

    def __init__(self, generated: Path, kind: Kind, *, cluster_wide: bool = True) -> None:
        """``generated`` is an empty folder; ``cluster_wide`` makes one watch a type, for all namespaces."""
        self.generated = generated
        self.folder: Kind | NuvopError = kind
        self.crs: dict[str, Body] = {}
        self.objects: dict[ObjectKey, Body] = {}
        self.before: dict[str, Hook] = {}
        self.requests: list[str] = []
        self.news: list[News] = []
        self.repaired: list[str] = []
        """The names of the CRs whose apply was said to be a repair."""
        self.refused: dict[str, Exception] = {}
        """What kubectl ends with instead of applying a child, by its name in the base; it applies the others."""
        self.unserved: set[str] = set()
        """Kinds that the API server does not know; what was discovered before is remembered, as by nuvop's client."""
        self.drops_status = False
        """Whether the CRD has no field of a status, which the API server drops then."""
        self.is_busy = False
        """Whether an apply waits for its turn until something else is wanted."""
        self._waiting: dict[CRKey, asyncio.Future[None]] = {}
        self._applying: dict[CRKey, asyncio.Task[Any]] = {}
        self.seconds_applied = 0.0
        """For how long kubectl says that it has been at work."""
        self.metrics = Metrics()
        self._discovered: set[str] = set()
        self._versions = itertools.count(10)
        self._watches: list[tuple[ApiResource, asyncio.Queue[Event]]] = []
        self._failing: dict[str, ClusterError] = {}
        self._held: list[tuple[Event, str]] | None = None
        self._cluster_wide = cluster_wide
        self.reconciler = self._operator()

    def _operator(self) -> Reconciler:
        api = cast("Any", self)
        reporter = Reporter(api, api, self.metrics)
        pruner = Pruner(api, api, reporter, self.metrics, percent=50, cluster_wide=True)
        return Reconciler(
            api, api, api, api, reporter, pruner, self.metrics, self.generated, cluster_wide=self._cluster_wide
        )

    # --- what tests do --------------------------------------------------------------------------------------------

    def create(self, body: Mapping[str, Any]) -> None:
        """Create a CR, and show it."""
        name = body["metadata"]["name"]
        self.crs[name] = self._versioned(body)
        self.see(name)

    def see(self, name: str = KEY.name) -> None:
        """Show a CR as it is, as kopf does."""
        self.reconciler.seen(KEY.plural, self.crs[name])

    def change(self, name: str = KEY.name, spec: Mapping[str, Any] | None = None, **metadata: Any) -> None:
        """Change a CR's metadata, or its spec too, and show it."""
        now = self.crs[name] if spec is None else {**self.crs[name], "spec": spec}
        self.crs[name] = self._versioned({**now, "metadata": {**now["metadata"], **metadata}})
        self.see(name)

    def annotate(self, name: str = KEY.name, **annotations: str) -> None:
        """Annotate a CR, and show it."""
        known = self.crs[name]["metadata"]["annotations"]
        self.change(name, annotations={**known, **_asked(annotations)})

    def next_generation(self, name: str = KEY.name, **spec: Any) -> None:
        """Change a CR's spec, and show it."""
        self.change(name, spec, generation=self.crs[name]["metadata"]["generation"] + 1)

    def delete_cr(self, name: str = KEY.name, finalizers: Sequence[str] = ()) -> None:
        """Ask for the deletion of a CR, with what such a request adds to its finalizers."""
        body = self.crs[name]
        left = [*body["metadata"].get("finalizers", ()), *finalizers]
        if left:
            generation = body["metadata"]["generation"] + 1
            now = "2026-01-02T00:00:00Z"
            self.change(name, deletionTimestamp=now, generation=generation, finalizers=left)
        else:
            self._collect(name)

    def change_folder(self, *base: Mapping[str, Any], digest: str = "d2", **more: Any) -> None:
        """Change the kind's folder."""
        self.folder = make_kind(*base, digest=digest, **more)
        self.reconciler.kind_changed(KEY.plural)

    def break_folder(self, error: NuvopError) -> None:
        """Break the kind's folder."""
        self.folder = error
        self.reconciler.kind_changed(KEY.plural)

    def look(self, key: CRKey = KEY) -> None:
        """Have the operator look at a CR, as a delay that ends would."""
        if record := self.reconciler._records.get(key):
            waits = record.backoff._waits
            waits.update({cause: replace(wait, due=0.0) for cause, wait in waits.items()})
        self.reconciler._queue.add(key)

    def put(self, body: Mapping[str, Any]) -> Body:
        """Create or change an object, as anybody could; the watches show it."""
        fresh = self._versioned(body)
        before = self.objects.get(key_of(fresh))
        self.objects[key_of(fresh)] = fresh
        if INSTANCE_LABEL in labels_of(fresh):
            self._show(Changed(fresh))
        elif before is not None and INSTANCE_LABEL in labels_of(before):
            self._show(Removed(fresh))
        return fresh

    def drop(self, key: ObjectKey) -> None:
        """Delete an object, as anybody could; the watches show it."""
        body = self._versioned(self.objects.pop(key))
        if INSTANCE_LABEL in labels_of(body):
            self._show(Removed(body))

    def take_field(self, key: ObjectKey, name: str, manager: str) -> None:
        """Change a field of ``data``: it is the manager's then, and nuvop's no more."""
        body = copy.deepcopy(cast("dict[str, Any]", self.objects[key]))
        body["data"][name] = f"by {manager}"
        for entry in body["metadata"]["managedFields"]:
            entry["fieldsV1"].get("f:data", {}).pop(f"f:{name}", None)
        entry = {"manager": manager, "operation": "Update", "fieldsV1": {"f:data": {f"f:{name}": {}}}}
        body["metadata"]["managedFields"].append(entry)
        self.put(body)

    def fail(self, kind: str, error: ClusterError) -> None:
        """Refuse to list and to watch a kind."""
        self._failing[kind] = error
        self._show(Failing(error), kind)

    def mend(self, kind: str) -> None:
        """Allow to list and to watch a kind again."""
        del self._failing[kind]
        self._show(self._listed(kind), kind)

    def remove_api(self, kind: str) -> None:
        """Remove a kind's API, and with it its objects; a watch that has broken off never shows the latter."""
        self.unserved.add(kind)
        self.objects = {key: body for key, body in self.objects.items() if key.kind != kind}
        self.fail(kind, NotFound("the server could not find the requested resource", status=404))

    def hold_watches(self) -> None:
        """Have the watches lag behind, until `go_on_watching`."""
        self._held = []

    def go_on_watching(self) -> None:
        """Show what happened meanwhile."""
        held, self._held = self._held or [], None
        for event, kind in held:
            self._show(event, kind)

    async def settled(self) -> None:
        """Wait until nothing is under way: no look at a CR runs or is due soon, and the watches have been read."""
        quiet = 0

        def is_quiet() -> bool:
            nonlocal quiet
            quiet = quiet + 1 if self._is_idle() else 0
            return quiet >= 3

        await until(is_quiet)

    async def restart(self) -> None:
        """End the operator, start another one, and show it all CRs."""
        await self.reconciler.close()
        self.metrics = Metrics()
        self.requests.clear()
        self.news.clear()
        self._discovered.clear()
        self.reconciler = self._operator()
        for name in self.crs:
            self.see(name)

    # --- what tests look at ---------------------------------------------------------------------------------------

    @property
    def applied(self) -> list[str]:
        """The names of the CRs that were applied, in order."""
        return self.asked("apply Sample/")

    def asked(self, what: str) -> list[str]:
        """The ends of all requests that begin so."""
        return [request.removeprefix(what) for request in self.requests if request.startswith(what)]

    @contextmanager
    def silence(self) -> Iterator[None]:
        """Fail where anything is written inside of the block."""
        before = len(self.requests)
        yield
        assert [asked for asked in self.requests[before:] if asked.startswith(_WRITES)] == []

    def conditions(self, name: str = KEY.name) -> dict[str, tuple[str, str]]:
        """Status and reason of a CR's conditions."""
        return {c["type"]: (c["status"], c["reason"]) for c in self.crs[name]["status"].get("conditions", ())}

    def message(self, type_: str = "Ready", name: str = KEY.name) -> str:
        """The message of a condition of a CR; empty where it is not there."""
        found = {c["type"]: c["message"] for c in self.crs[name]["status"].get("conditions", ())}
        return str(found.get(type_, ""))

    def next_look(self, key: CRKey = KEY) -> float:
        """In how many seconds the operator looks at a CR again, should nothing happen; 0 for never."""
        timer = self.reconciler._queue._delayed.get(key)
        return timer.when() - asyncio.get_running_loop().time() if timer else 0.0

    def is_ready(self, name: str = KEY.name) -> bool:
        """Whether a CR is Ready at its generation."""
        body = self.crs[name]
        is_observed = body["status"]["observedGeneration"] == body["metadata"]["generation"]
        return is_observed and self.conditions(name).get("Ready") == ("True", "Succeeded")

    def inventory(self, name: str = KEY.name) -> set[str]:
        """The names in a CR's inventory."""
        return {entry["name"] for entry in self.crs[name]["status"].get("inventory", ())}

    def finalizers(self, name: str = KEY.name) -> list[str]:
        """A CR's finalizers."""
        return list(self.crs[name]["metadata"].get("finalizers", ()))

    def phase(self, phase: str) -> float | None:
        """How many CRs the metric says are in a phase."""
        labels = {"kind": KEY.plural, "phase": phase}
        return self.metrics.registry.get_sample_value("nuvop_resources", labels)

    # --- the catalog ----------------------------------------------------------------------------------------------

    def kind(self, plural: str) -> Kind:
        if isinstance(self.folder, NuvopError):
            raise type(self.folder)(str(self.folder)) from self.folder
        return self.folder

    def is_newest(self, kind: Kind) -> bool:
        return isinstance(self.folder, Kind) and self.folder.digest == kind.digest

    async def choose(self, plural: str, cr: Body) -> Kind:
        return self.kind(plural)

    def resource(self, plural: str) -> ApiResource:
        return SAMPLE

    async def install(self, kind: Kind) -> None:
        """Nothing is installed here."""

    async def watched(self, kind: Kind) -> list[ApiResource]:
        return [await self.discover(api_version, name) for api_version, name in sorted(kind.watched)]

    # --- the recorder ---------------------------------------------------------------------------------------------

    def tell(self, body: Body, news: News) -> None:
        self.news.append(news)

    # --- the applier ----------------------------------------------------------------------------------------------

    def forget(self, key: CRKey) -> None:
        self.requests.append(f"forget Sample/{key.name}")
        if applying := self._applying.pop(key, None):
            applying.cancel()

    def withdraw(self, key: CRKey) -> None:
        self.requests.append(f"withdraw Sample/{key.name}")
        if waiting := self._waiting.pop(key, None):
            waiting.set_exception(Withdrawn(key.name))

    def drain(self) -> None:
        self.requests.append("drain")

    def seconds_under_way(self, key: CRKey) -> float:
        self.requests.append(f"under way Sample/{key.name}")
        return self.seconds_applied

    async def apply(self, overlay: Overlay, landed: Callable[[], Sequence[Body]], *, is_repair: bool = False) -> Any:
        self._applying[overlay.key] = cast("asyncio.Task[Any]", asyncio.current_task())
        if self.is_busy:
            self._waiting[overlay.key] = asyncio.get_running_loop().create_future()
            await self._waiting[overlay.key]
        await self._request("apply", SAMPLE, overlay.key.name)
        self.repaired += [overlay.key.name] if is_repair else []
        kustomization = yamltext.load((folder(self.generated, overlay.key) / "kustomization.yaml").read_text())
        labels = kustomization["labels"][0]["pairs"]
        refused = [self.refused[child.name] for child in overlay.children.values() if child.name in self.refused]
        made = [
            self._apply_one(overlay, key, labels)
            for key, child in overlay.children.items()
            if child.name not in self.refused
        ]
        if refused:
            raise refused[0]
        return made

    def _apply_one(self, overlay: Overlay, key: ObjectKey, labels: Mapping[str, str]) -> Body:
        child = overlay.children[key]
        before = self.objects.get(key, {})
        known = before.get("metadata", {})
        ours: dict[str, Any] = {"labels": labels, "annotations": child.body["metadata"].get("annotations") or {}}
        if child.cluster_scoped:
            ours["labels"] = {**labels, NAMESPACE_LABEL: overlay.key.namespace}
        elif not overlay.is_orphaning:
            ours["ownerReferences"] = [{"uid": labels[OWNER_LABEL]}]
        wanted = {**child.body, "metadata": ours}
        metadata: dict[str, Any] = {
            **ours,
            "name": key.name,
            "uid": known.get("uid") or f"uid-{next(self._versions)}",
            "generation": 1,
            "managedFields": [
                {"manager": "nuvop", "operation": "Apply", "fieldsV1": _fields(wanted)},
                *_others(known, _fields(wanted)),
            ],
        }
        if key.namespace:
            metadata["namespace"] = key.namespace
        status = {"status": before["status"]} if "status" in before else {}
        fresh = {**wanted, "metadata": metadata, **status}
        unversioned = {name: value for name, value in known.items() if name != "resourceVersion"}
        # An apply that changes nothing makes no new version, and no watch shows it.
        return before if {**before, "metadata": unversioned} == fresh else self.put(fresh)

    # --- the API server's client ----------------------------------------------------------------------------------

    async def discover(self, api_version: str, kind: str, *, anew: bool = False) -> ApiResource:
        await self._request("discover", RESOURCES[kind], "")
        if kind not in self._discovered or anew:
            if kind in self.unserved:
                self._discovered.discard(kind)
                raise NotServed(f"the API server does not know {kind}", status=404)
            self._discovered.add(kind)
        return RESOURCES[kind]

    async def get(self, resource: ApiResource, namespace: str, name: str) -> Body:
        await self._request("get", resource, name)
        if name not in self.crs:
            raise NotFound(name, status=404)
        return self.crs[name]

    async def find(self, resource: ApiResource, namespace: str, names: Collection[str]) -> dict[str, Body]:
        for name in names:
            await self._request("find", resource, name)
        found = {name: self.objects.get(ObjectKey(resource.group, resource.kind, namespace, name)) for name in names}
        return {name: body for name, body in found.items() if body is not None}

    async def list(
        self, resource: ApiResource, namespace: str | None, *, labels: str = "", metadata_only: bool = False
    ) -> Sequence[Body]:
        await self._request("list", resource, "")
        if resource == SAMPLE:
            return [*self.crs.values()]
        name, _, value = labels.partition("=")
        return [b for key, b in self.objects.items() if key.kind == resource.kind and labels_of(b).get(name) == value]

    async def write_status(
        self, resource: ApiResource, body: Body, status: Mapping[str, Any], beside: Collection[str]
    ) -> Body:
        name = body["metadata"]["name"]
        await self._request("status", resource, name)
        now = self.crs.get(name)
        if now is None:
            raise NotFound(name, status=404)
        if any(now["metadata"][field] != body["metadata"][field] for field in ("uid", "generation")):
            raise Conflict("the test of a JSON patch failed", status=422)
        self.crs[name] = self._versioned({**now, "status": {} if self.drops_status else dict(status)})
        return self.crs[name]

    async def patch_metadata(self, resource: ApiResource, body: Body, operations: Sequence[Mapping[str, Any]]) -> Body:
        name = body["metadata"]["name"]
        await self._request("patch", resource, name)
        now = self.crs.get(name) if resource == SAMPLE else self.objects.get(key_of(body))
        if now is None:
            raise NotFound(name, status=404)
        if any(now["metadata"][field] != body["metadata"][field] for field in ("uid", "resourceVersion")):
            raise Conflict("the test of a JSON patch failed", status=422)
        patched = _patched(now, operations)
        if resource != SAMPLE:
            return self.put(patched)
        self.crs[name] = self._versioned(patched)
        if is_deleting(patched) and not patched["metadata"]["finalizers"]:
            self._collect(name)
            return self._versioned(patched)
        return self.crs[name]

    async def hand_over(self, resource: ApiResource, namespace: str, body: Body, manager: str) -> None:
        await self._request("hand over", resource, f"{body['metadata']['name']} to {manager}")

    async def delete(self, resource: ApiResource, body: Body) -> None:
        await self._request("delete", resource, body["metadata"]["name"])
        key = key_of(body)
        if key not in self.objects:
            raise NotFound(key.name, status=404)
        now = self.objects[key]["metadata"]
        if any(now[field] != body["metadata"][field] for field in ("uid", "resourceVersion")):
            raise Conflict("the precondition failed", status=409)
        self.drop(key)

    async def follow(
        self, resource: ApiResource, namespace: str | None, *, labels: str = "", fields: str = ""
    ) -> AsyncIterator[Event]:
        await self._request("watch", resource, namespace or "")
        watch = (resource, asyncio.Queue[Event]())
        self._watches.append(watch)
        error = self._failing.get(resource.kind)
        watch[1].put_nowait(Failing(error) if error else self._listed(resource.kind))
        try:
            while True:
                yield await watch[1].get()
        finally:
            self._watches.remove(watch)

    # --- inside ---------------------------------------------------------------------------------------------------

    async def _request(self, verb: str, resource: ApiResource, name: str) -> None:
        self.requests.append(f"{verb} {resource.kind}/{name}")
        if hook := self.before.get(f"{verb} {resource.kind}"):
            await hook(name)

    def _versioned(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return {**body, "metadata": {**body["metadata"], "resourceVersion": str(next(self._versions))}}

    def _listed(self, kind: str) -> Listed:
        items = [b for key, b in self.objects.items() if key.kind == kind and INSTANCE_LABEL in labels_of(b)]
        return Listed(items, next(self._versions))

    def _show(self, event: Event, kind: str = "") -> None:
        if self._held is not None:
            self._held.append((event, kind))
            return
        body = event.body if isinstance(event, Changed | Removed) else None
        for resource, queue in self._watches:
            if resource.kind == (body["kind"] if body else kind):
                queue.put_nowait(event)

    def _collect(self, name: str) -> None:
        """Remove a CR, and what the garbage collector deletes with it."""
        body = self.crs.pop(name)
        uid = body["metadata"]["uid"]
        for key, child in list(self.objects.items()):
            if {"uid": uid} in child["metadata"].get("ownerReferences", ()):
                self.drop(key)
        self.reconciler.gone(KEY.plural, self._versioned(body))

    def _is_idle(self) -> bool:
        queue = self.reconciler._queue
        soon = asyncio.get_running_loop().time() + PROGRESS_PAUSE + 0.05
        is_due = any(timer.when() < soon for timer in queue._delayed.values())
        return not queue._running and not is_due and all(events.empty() for _, events in self._watches)


def _fields(body: Mapping[str, Any]) -> dict[str, Any]:
    """The fieldsV1 of what an apply of an object owns."""
    told = {"apiVersion", "kind"}
    return {
        f"f:{name}": _fields(value) if isinstance(value, Mapping) else {}
        for name, value in body.items()
        if name not in told
    }


def _others(metadata: Mapping[str, Any], taken: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The entries of the other managers, without what an apply has taken from them."""
    entries = [entry for entry in metadata.get("managedFields", ()) if entry["manager"] != "nuvop"]
    without = [{**entry, "fieldsV1": _minus(entry["fieldsV1"], taken)} for entry in entries]
    return [entry for entry in without if entry["fieldsV1"]]


def _minus(fields: Mapping[str, Any], taken: Mapping[str, Any]) -> dict[str, Any]:
    left = {name: _minus(below, taken[name]) if name in taken else below for name, below in fields.items()}
    return {name: below for name, below in left.items() if below or name not in taken}


def _left(fields: Mapping[str, Any], value: Any) -> dict[str, Any]:
    """A fieldsV1 without the fields that an object no longer has."""
    left = {}
    for field, below in fields.items():
        name = field.removeprefix("f:")
        if isinstance(value, Mapping) and name in value:
            left[field] = _left(below, value[name])
    return left


def _patched(body: Body, operations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """An object after a JSON patch; nobody owns a field any more that was removed."""
    patched = copy.deepcopy(dict(body))
    for operation in operations:
        *parents, last = (part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:])
        where: Any = patched
        for parent in parents:
            where = where[parent]
        if operation["op"] == "remove":
            del where[last]
        else:
            where[last] = operation["value"]
    entries = [entry for entry in patched["metadata"].get("managedFields", ()) if entry]
    owned = [{**entry, "fieldsV1": _left(entry["fieldsV1"], patched)} for entry in entries]
    return {**patched, "metadata": {**patched["metadata"], "managedFields": owned}}
