"""Finds out what would become of custom resources, without changing anything.

The overlays are the operator's, and so are the rules of what is applied, refused, pruned or left alone
(`nuvop.forecast`); how things are, and what the API server says to it, is asked (`nuvop.rehearsal`).
"""

import asyncio
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from nuvop import client_side, crd, directives, forecast, inventory, overlay, plan, prune, secrecy, validation, yamltext
from nuvop.catalog import check_scope
from nuvop.cluster import ApiResource, Cluster
from nuvop.errors import (
    BuildFailed,
    ClusterError,
    DirectiveError,
    Forbidden,
    KindError,
    KubectlError,
    NotFound,
    NotServed,
    NuvopError,
    OverlayError,
)
from nuvop.forecast import ONCE_CRD, Outlook, Trial
from nuvop.kinds import OUTSIDE, Kind
from nuvop.objects import NO_UID, Body, CRKey, ObjectKey, group_of, is_deleting, key_of
from nuvop.plan import Action, Outcome, Plan, Planned, Plans
from nuvop.prune import Refusal
from nuvop.record import Record
from nuvop.rehearsal import Coming, Rehearsal, There, Type, is_no_answer, missing_namespace, said
from nuvop.scene import Scene, instance_of
from nuvop.status import Reason
from nuvop.workbench import Workbench

NEVER = "9999-12-31T23:59:59Z"
"""When a CR was created that is not yet: after all others."""

Resources = Mapping[Type, ApiResource]


class Stopped(NuvopError):
    """Nothing of a CR would be applied, for the reason that its status would tell."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class Wanted:
    """A CR as the operator would see it; ``cr`` is None where the API server refuses it, for the reason ``refused``.

    ``live`` is what a file changes.
    """

    key: CRKey
    cr: Body | None
    live: Body | None = None
    itself: Planned | None = None
    notes: tuple[str, ...] = ()
    refused: str = ""


class Planner:
    """Plans for one cluster."""

    def __init__(self, bench: Workbench, cluster: Cluster, *, everywhere: bool = False) -> None:
        """Ask nothing yet. ``everywhere``: the operator, and what is listed, is of all namespaces."""
        self._bench = bench
        self._cluster = cluster
        self._everywhere = everywhere
        self._rehearsal = Rehearsal(bench.kubectl, cluster, bench.generated, everywhere=everywhere)

    async def of_kind(self, kind: Kind, namespace: str | None) -> Plans:
        """Plan for all CRs of a kind, of all namespaces where ``namespace`` is None.

        Raises NotServed where the CRD is not installed, NotFound where the namespace is not there, another
        ClusterError, LoginError or KubectlError where the API server or kubectl cannot be asked.
        """
        try:
            crs = await self._existing(kind, namespace)
        except NotServed as error:
            raise NotServed(f"{_no_crd(kind)}; so there are no {kind.resource.plural}", status=404) from error
        if namespace is not None and not crs:
            await self._refuse_missing(namespace)
        return await self._plans(kind, [Wanted(_key(kind, cr), cr) for cr in crs])

    async def of_file(self, kind: Kind, crs: Sequence[Body]) -> Plans:
        """Plan for CRs of a kind as `kubectl apply` of a file would leave them.

        Raises what `of_kind` raises, but for a CRD or a namespace that is not there.
        """
        return await self._plans(kind, await asyncio.gather(*(self._once_applied(kind, cr) for cr in crs)))

    # --- the CRs --------------------------------------------------------------------------------------------------

    async def _existing(self, kind: Kind, namespace: str | None) -> list[Body]:
        resource = await self._cluster.discover(kind.resource.api_version, kind.resource.kind)
        return sorted(await self._cluster.list(resource, namespace), key=lambda cr: _key(kind, cr))

    async def _refuse_missing(self, namespace: str) -> None:
        """Raise NotFound where there is no such namespace: a list of what is in it is empty, too."""
        try:
            await self._cluster.get(await self._cluster.discover("v1", "Namespace"), OUTSIDE, namespace)
        except NotFound as error:
            raise NotFound(f"namespace {namespace} does not exist", status=404) from error
        except Forbidden:
            return  # who may not look at namespaces may still plan in one

    async def _once_applied(self, kind: Kind, cr: Body) -> Wanted:
        """A CR of a file as the API server would have it, and what that changes in it."""
        key = _key(kind, cr)
        try:
            resource = await self._cluster.discover(cr["apiVersion"], cr["kind"])
        except NotServed as error:
            if await self._is_served(kind):
                return Wanted(key, None, refused=said(error))
            return _unseen(kind, cr, _no_crd(kind))
        live = await self._rehearsal.whole(resource, key_of(cr))
        wanted = client_side.bare(cr) if live is None else client_side.merged(live, cr)
        try:
            tried = await self._cluster.try_out(resource, wanted)
        except ClusterError as error:
            if is_no_answer(error):
                raise
            if missing_namespace(error):
                return _unseen(
                    kind, cr, f"namespace {key.namespace} does not exist: kubectl create namespace {key.namespace}"
                )
            return Wanted(key, None, live, refused=said(error))
        if live is None:
            return Wanted(key, _new(kind, tried), itself=_created(cr))
        itself = forecast.compared(live, tried, secret=kind.secrets)
        return Wanted(key, kind.crd.defaulted(tried), live, itself)

    async def _is_served(self, kind: Kind) -> bool:
        try:
            await self._cluster.discover(kind.resource.api_version, kind.resource.kind)
        except NotServed:
            return False
        return True

    # --- their children -------------------------------------------------------------------------------------------

    async def _plans(self, kind: Kind, wanted: Sequence[Wanted]) -> Plans:
        coming = Coming(namespaces={each.key.namespace for each in wanted if each.notes})
        crs = {each.key: each.cr for each in wanted if each.cr is not None}
        lively = any(not is_deleting(cr) for cr in crs.values())
        installed = await self._installed(kind, coming) if lively else ()
        there = await self._rehearsal.there(kind, crs)
        scenes: list[Scene] = []
        plans: dict[CRKey, Plan] = {}
        resources = await self._resources(kind, coming)
        for each in wanted:
            match await self._scene(kind, each, there, resources):
                case Scene() as scene:
                    scenes.append(scene)
                case Plan() as settled:
                    plans[each.key] = settled
        plans |= {plan_.key: plan_ for plan_ in await self._of_scenes(scenes, there, coming)}
        plans = await self._guarded(kind, plans, crs)
        told = [
            await secrecy.kept(
                kind,
                replace(plans[each.key], itself=each.itself, notes=each.notes),
                [cr for cr in (each.live, each.cr) if cr is not None],
                there.by_instance.get(instance_of(each.key), {}).values(),
            )
            for each in wanted
        ]
        return Plans((kind.resource,), tuple(told), installed)

    async def _resources(self, kind: Kind, coming: Coming) -> Resources | Stopped:
        """The resources of all that a kind may have; why nothing of it can be applied where one is missing."""
        found: dict[Type, ApiResource] = {}
        for type_ in sorted({(child.api_version, child.kind) for child in kind.everything}):
            try:
                found[type_] = await self._cluster.discover(*type_)
                await check_scope(kind, found[type_])
            except NotServed as error:
                if (group_of(type_[0]), type_[1]) not in coming.types:
                    return Stopped(Reason.RETRYING, said(error))
            except KindError as error:
                return Stopped(Reason.KIND_INVALID, str(error))
        return found

    async def _scene(self, kind: Kind, wanted: Wanted, there: There, resources: Resources | Stopped) -> Scene | Plan:
        """What the operator would look at; a plan where that much settles it."""
        key, cr = wanted.key, wanted.cr
        if cr is None:
            return Plan(key, Outcome.REFUSED, message=wanted.refused)
        if is_deleting(cr):
            return Plan(key, Outcome.DELETING, message="it is being deleted")
        record, live = Record.of(cr, 0.0), there.by_instance.get(instance_of(key), {})
        try:
            wishes = directives.of(cr)
            chosen = await self._bench.loader.choose(kind, cr)
            if isinstance(resources, Stopped):
                raise resources
            made = await overlay.make_in_time(chosen, cr, orphan=wishes.orphan)
            if without := inventory.finished_and_gone(record.inventory, made.contents, live):
                made = await overlay.make_in_time(chosen, cr, orphan=wishes.orphan, without=without)
        except (DirectiveError, OverlayError, KindError, BuildFailed, Stopped) as error:
            return _stopped(key, error)
        if wishes.suspend:
            return Plan(key, Outcome.SUSPENDED, message="suspended: nothing is changed until the annotation is gone")
        overlay.write(self._bench.generated, chosen, made)
        return Scene(key, record, record.generation, chosen, wishes, made.written, live, resources)

    async def _of_scenes(self, scenes: Sequence[Scene], there: There, coming: Coming) -> list[Plan]:
        """Plans for CRs that nothing settles by themselves."""
        told = forecast.collisions(scenes)
        plans = [_stopped(key, Stopped(Reason.NAME_COLLISION, text)) for key, text in told.items()]
        views: list[Outlook] = []
        left = [scene for scene in scenes if scene.key not in told]
        named = await self._rehearsal.named((each for scene in left for each in forecast.sought(scene)), there)
        for scene in left:
            view = forecast.outlook(scene, named)
            if why := forecast.obstacle(view):
                plans.append(_stopped(scene.key, Stopped(*why)))
            else:
                views.append(view)
        views = await asyncio.gather(*(self._with_whole_bodies(view, there) for view in views))
        rendered = await self._rehearsal.rendered([view.scene.overlay for view in views if view.tried])
        tried = (self._of_view(view, rendered.get(view.scene.key, {}), coming) for view in views)
        return [*plans, *await asyncio.gather(*tried)]

    async def _with_whole_bodies(self, view: Outlook, there: There) -> Outlook:
        """What was looked up by name with all of its fields: of that, no more than the metadata is known."""
        found = dict(view.found)
        for key in found.keys() - there.by_key.keys():
            if body := await self._rehearsal.whole(view.scene.resource(key), key):
                found[key] = body
            else:
                del found[key]
        return replace(view, found=found)

    async def _of_view(self, view: Outlook, rendered: Mapping[ObjectKey, Body] | KubectlError, coming: Coming) -> Plan:
        scene = view.scene
        if isinstance(rendered, KubectlError):
            return _stopped(scene.key, rendered)
        bodies = [rendered[key] for key in view.tried]
        trials = await asyncio.gather(
            *(
                self._rehearsal.tried(scene.resources.get((body["apiVersion"], body["kind"])), body, coming)
                for body in bodies
            )
        )
        planned = forecast.plan(view, dict(zip(view.tried, trials, strict=True)))
        # What was refused once stays so until somebody confirms it.
        refused = "" if scene.wishes.confirm_prune else scene.record.prune_refused
        return plan.held(planned, refused) if refused else planned

    # --- for all CRs of a kind ------------------------------------------------------------------------------------

    async def _guarded(self, kind: Kind, plans: dict[CRKey, Plan], crs: Mapping[CRKey, Body]) -> dict[CRKey, Plan]:
        """The plans, in which nothing is deleted where that is too much at once; ``crs`` as they would be."""
        asking = {
            key: None if self._everywhere else key.namespace
            for key, each in plans.items()
            if any(child.action is Action.DELETE for child in each.objects)
            and not directives.of(crs[key]).confirm_prune
        }
        refusals = {namespace: await self._refusal(kind, namespace, crs) for namespace in set(asking.values())}
        held = {
            key: plan.held(plans[key], str(refusal))
            for key, namespace in asking.items()
            if (refusal := refusals[namespace])
        }
        return plans | held

    async def _refusal(self, kind: Kind, namespace: str | None, crs: Mapping[CRKey, Body]) -> Refusal | None:
        """What the operator would say to pruning of a kind, as it judges that over all CRs."""
        every = {_key(kind, cr): cr for cr in await self._existing(kind, namespace)}
        as_planned = {**every, **{key: crs[key] for key in every.keys() & crs.keys()}}
        choose, limit = partial(self._bench.loader.choose, kind), self._bench.settings.prune_limit
        return await prune.judged(kind.resource.plural, as_planned.values(), choose, limit)

    async def _installed(self, kind: Kind, coming: Coming) -> tuple[Planned, ...]:
        """What becomes of what a kind installs once for all; what is new is added to what is ``coming``."""
        planned = []
        for body in yamltext.load_printed(kind.installed):
            found = await self._install(body, coming)
            if found.action is Action.CREATE:
                _note(body, coming)
            planned.append(found)
        return tuple(planned)

    async def _install(self, body: Body, coming: Coming) -> Planned:
        key = key_of(body)
        try:
            resource = await self._cluster.discover(body["apiVersion"], body["kind"])
        except NotServed as error:
            is_coming = (key.group, key.kind) in coming.types
            trial, live = Trial(awaits=ONCE_CRD) if is_coming else Trial(error=said(error)), None
        else:
            trial = await self._rehearsal.tried(resource, body, coming)
            live = await self._rehearsal.whole(resource, key)
        return forecast.installed(body, live, trial)


def _note(body: Body, coming: Coming) -> None:
    if body["kind"] == "Namespace":
        coming.namespaces.add(body["metadata"]["name"])
    elif body["kind"] == "CustomResourceDefinition":
        coming.types.add((body["spec"]["group"], body["spec"]["names"]["kind"]))


def _stopped(key: CRKey, error: NuvopError) -> Plan:
    return Plan(key, Outcome.STOPPED, str(_reason(error)), str(error))


def _reason(error: NuvopError) -> Reason:
    """The reason that the operator would tell."""
    match error:
        case Stopped():
            return error.reason
        case BuildFailed():
            return Reason.BUILD_FAILED
        case KindError():
            return Reason.KIND_INVALID
        case OverlayError() | DirectiveError():
            return Reason.INVALID_SPEC
    return Reason.RETRYING


def _key(kind: Kind, cr: Body) -> CRKey:
    return CRKey(kind.resource.plural, cr["metadata"]["namespace"], cr["metadata"]["name"])


def _new(kind: Kind, cr: Body) -> Body:
    """A CR as the operator would first see it."""
    given = {"uid": NO_UID, "generation": 1, "creationTimestamp": NEVER, "resourceVersion": "0"}
    return kind.crd.defaulted({**cr, "metadata": {**cr["metadata"], **given}})


def _unseen(kind: Kind, cr: Body, note: str) -> Wanted:
    """A CR that the API server cannot be asked about, but what it would refuse for certain."""
    if refused := validation.refusal(kind.crd, cr, kind.secrets):
        return Wanted(_key(kind, cr), None, refused=refused)
    return Wanted(_key(kind, cr), _new(kind, client_side.bare(cr)), itself=_created(cr), notes=(note,))


def _created(cr: Body) -> Planned:
    return Planned(Action.CREATE, cr["apiVersion"], key_of(cr))


def _no_crd(kind: Kind) -> str:
    name = f"{kind.resource.plural}.{kind.resource.group}"
    return f"CRD {name} is not installed: kubectl apply -f {shlex.quote(str(kind.folder / crd.FILE))}"
