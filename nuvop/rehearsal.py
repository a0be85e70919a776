"""What planning asks of kustomize and of the API server: what is there, and what an apply would make of it.

Everything is tried in dry runs (https://kubernetes.io/docs/reference/using-api/api-concepts/#dry-run), object by
object, so that each has its own answer; nothing is changed.
"""

import asyncio
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nuvop import batches, kubectl, overlay, yamltext
from nuvop.applier import BATCH, BATCH_SIZE, FOLDER
from nuvop.children import Instance, belongs_to
from nuvop.cluster import ApiResource, Cluster
from nuvop.errors import (
    BuildFailed,
    ClusterError,
    KubectlCrashed,
    KubectlError,
    KubectlTimeout,
    NotFound,
    NotServed,
)
from nuvop.forecast import ONCE_CRD, Trial
from nuvop.kinds import OUTSIDE, Kind
from nuvop.kubectl import Kubectl
from nuvop.objects import INSTANCE_LABEL, Body, CRKey, ObjectKey, key_of
from nuvop.overlay import Overlay
from nuvop.record import Record
from nuvop.slots import SLOTS

FEW = 20
"""The objects of so many CRs are asked for by their labels; of more, all that carry an instance label are listed."""

_NO_NAMESPACE = re.compile(r'namespaces "(?P<name>[^"]+)" not found')
_STATUS = re.compile(r" \(\d{3}\)$")

Type = tuple[str, str]
"""apiVersion and kind."""


@dataclass(frozen=True)
class There:
    """The objects in the cluster that belong to CRs; ``is_whole`` where that is all with an instance label."""

    by_instance: Mapping[Instance, Mapping[ObjectKey, Body]]
    by_key: Mapping[ObjectKey, Body]
    is_whole: bool


@dataclass
class Coming:
    """What is not there and will be before children are applied: namespaces, and types by group and kind."""

    namespaces: set[str] = field(default_factory=set)
    types: set[tuple[str, str]] = field(default_factory=set)


class Rehearsal:
    """Asks one API server."""

    def __init__(self, kubectl_: Kubectl, cluster: Cluster, generated: Path, *, everywhere: bool) -> None:
        """``generated`` is where overlays stand. With ``everywhere`` all namespaces are listed at once."""
        self._kubectl = kubectl_
        self._cluster = cluster
        self._generated = generated
        self._everywhere = everywhere
        self._building = asyncio.Semaphore(SLOTS)
        self._folders = itertools.count()

    # --- what is there --------------------------------------------------------------------------------------------

    async def there(self, kind: Kind, crs: Mapping[CRKey, Body]) -> There:
        """What carries the instance label of CRs: what their kind makes, and what it once made.

        Raises the ClusterError with which the API server answers.
        """
        is_whole = len(crs) > FEW
        instances = ",".join(sorted({key.instance for key in crs}))
        labels = INSTANCE_LABEL if is_whole else f"{INSTANCE_LABEL} in ({instances})"
        scopes = await self._scopes(_places(kind, crs)) if crs else []
        listed = await asyncio.gather(*(self._cluster.list(*scope, labels=labels) for scope in scopes))
        by_key = {key_of(body): body for bodies in listed for body in bodies}
        by_instance: dict[Instance, dict[ObjectKey, Body]] = {}
        for key, body in by_key.items():
            if instance := belongs_to(body):
                by_instance.setdefault(instance, {})[key] = body
        return There(by_instance, by_key, is_whole)

    async def _scopes(self, places: Mapping[Type, set[str]]) -> list[tuple[ApiResource, str | None]]:
        """What is to be listed; None for all namespaces, and for what lives outside of them."""
        scopes: list[tuple[ApiResource, str | None]] = []
        for type_, namespaces in sorted(places.items()):
            try:
                resource = await self._cluster.discover(*type_)
            except NotServed:
                continue  # what would be installed first is not there yet, what has left the cluster is no more
            at_once = self._everywhere or not resource.namespaced
            scopes += [(resource, namespace) for namespace in ([None] if at_once else sorted(namespaces - {OUTSIDE}))]
        return scopes

    async def named(self, wanted: Iterable[tuple[ObjectKey, ApiResource]], there: There) -> dict[ObjectKey, Body]:
        """Which of these objects exist, whoever has made them; of some no more than the metadata.

        Raises the ClusterError with which the API server answers.
        """
        found: dict[ObjectKey, Body] = {}
        scopes: dict[tuple[ApiResource, str], list[ObjectKey]] = {}
        for key, resource in wanted:
            if key in there.by_key:
                found[key] = there.by_key[key]
            else:
                scopes.setdefault((resource, key.namespace), []).append(key)
        # A list by name leaves out what carries an instance label.
        parts = [
            (scope, part)
            for scope, keys in scopes.items()
            for part in ([keys] if there.is_whole else [[key] for key in keys])
        ]
        answers = await asyncio.gather(
            *(self._cluster.find(*scope, [key.name for key in keys]) for scope, keys in parts)
        )
        for (_, keys), answer in zip(parts, answers, strict=True):
            found |= {key: answer[key.name] for key in keys if key.name in answer}
        return found

    async def whole(self, resource: ApiResource, key: ObjectKey) -> Body | None:
        """An object with all of its fields; None where it has gone."""
        try:
            return await self._cluster.get(resource, key.namespace, key.name)
        except NotFound:
            return None

    # --- what would be --------------------------------------------------------------------------------------------

    async def rendered(self, overlays: Sequence[Overlay]) -> dict[CRKey, dict[ObjectKey, Body] | KubectlError]:
        """What kustomize makes of overlays that were written, or why it cannot."""
        parts: list[list[Overlay]] = []
        for each in overlays:
            if not parts or len(parts[-1]) == BATCH or sum(other.size for other in parts[-1]) + each.size > BATCH_SIZE:
                parts.append([])
            parts[-1].append(each)
        made = await asyncio.gather(*map(self._render, parts))
        return {key: objects for part in made for key, objects in part.items()}

    async def _render(self, overlays: Sequence[Overlay]) -> dict[CRKey, dict[ObjectKey, Body] | KubectlError]:
        """Render several at once; where that fails, each half, as kustomize may name none or the wrong one."""
        try:
            async with self._building:
                text = await self._kubectl.build(self._folder(overlays))
        except (BuildFailed, KubectlCrashed, KubectlTimeout) as error:
            if len(overlays) == 1:
                return {overlays[0].key: error}
            middle = len(overlays) // 2
            return {**await self._render(overlays[:middle]), **await self._render(overlays[middle:])}
        objects = {key_of(body): body for body in yamltext.load_printed(text)}
        return {each.key: {key: objects[key] for key in each.objects} for each in overlays}

    def _folder(self, overlays: Sequence[Overlay]) -> Path:
        if len(overlays) == 1:
            return overlay.folder(self._generated, overlays[0].key)
        folder = self._generated / FOLDER / f"plan-{next(self._folders)}"
        folder.mkdir(mode=0o700, parents=True)
        (folder / "kustomization.yaml").write_text(batches.kustomization([each.key for each in overlays]))
        return folder

    async def tried(self, resource: ApiResource | None, body: Body, coming: Coming) -> Trial:
        """How an apply would leave an object; ``resource`` is None where its type is still to come.

        Raises ClusterError where the API server does not answer, or nobody may ask it.
        """
        if resource is None:
            return Trial(awaits=ONCE_CRD)
        try:
            return Trial(await self._cluster.try_apply(resource, body))
        except ClusterError as error:
            if is_no_answer(error):
                raise
            if (missing := missing_namespace(error)) in coming.namespaces:
                return Trial(awaits=f"once namespace {missing} exists")
            return Trial(error=said(error), is_immutable=kubectl.is_immutable(str(error)))


def _places(kind: Kind, crs: Mapping[CRKey, Body]) -> dict[Type, set[str]]:
    """The types and namespaces of all that CRs may have."""
    types = {(child.api_version, child.kind) for child in kind.everything}
    unlocked = {("v1", "PersistentVolumeClaim")} if kind.generated else set()
    places: dict[Type, set[str]] = {type_: set() for type_ in types | unlocked}
    for key, cr in crs.items():
        for type_ in types | unlocked:
            places[type_] |= kind.namespaces_of(*type_, key.namespace)
        for type_, namespaces in Record.of(cr, 0.0).places.items():
            places.setdefault(type_, set()).update(namespaces)
    return places


def is_no_answer(error: ClusterError) -> bool:
    """Whether an error says nothing of what was asked, but that the API server cannot be asked at all."""
    return error.is_silence or error.is_unauthorized


def missing_namespace(error: ClusterError) -> str:
    """The namespace that is not there, if that is the error; else an empty text."""
    found = _NO_NAMESPACE.search(str(error)) if isinstance(error, NotFound) else None
    return found["name"] if found else ""


def said(error: ClusterError) -> str:
    """The API server's words, without a code for programs and values that may be secret."""
    return kubectl.without_values(_STATUS.sub("", str(error)))
