"""Finds out what would become of custom resources, by asking the API server: it tries everything, and changes nothing.

The overlays are the operator's, and so are the rules of what is pruned, refused or left alone. The objects are applied
in a dry run (https://kubernetes.io/docs/reference/using-api/api-concepts/#dry-run), so defaults, admission and errors
are the API server's own.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from nuvop import batches, differences, directives, foreign, inventory, overlay, prune
from nuvop.children import Instance, belongs_to
from nuvop.cluster import ApiResource, Cluster
from nuvop.errors import ApplyFailed, NotFound, NotServed, NuvopError
from nuvop.kinds import OUTSIDE, Kind
from nuvop.objects import INSTANCE_LABEL, Body, CRKey, ObjectKey, is_deleting, key_of
from nuvop.overlay import Overlay
from nuvop.plan import Action, Plan, Planned
from nuvop.workbench import Workbench

TOGETHER = 50
"""CRs that are tried by one kubectl: kustomize gets slower and slower beyond that."""

TIMEOUT = 120.0
"""Seconds for one kubectl."""

NEW_UID = "00000000-0000-0000-0000-000000000000"
"""The uid of a CR that the API server does not know yet."""

_NO_NAMESPACE = re.compile(r'namespaces "(?P<name>[^"]+)" not found')


@dataclass(frozen=True)
class Subject:
    """A CR as it would be, its kind with the components that it wants, and its overlay."""

    key: CRKey
    cr: Body
    kind: Kind
    overlay: Overlay
    live: Mapping[ObjectKey, Body]

    @property
    def uid(self) -> str:
        """The CR's uid."""
        return str(self.cr["metadata"]["uid"])


class Planner:
    """Plans for one cluster."""

    def __init__(self, bench: Workbench, cluster: Cluster) -> None:
        """Ask nothing yet."""
        self._bench = bench
        self._cluster = cluster

    async def existing(self, kind: Kind, namespace: str | None) -> list[Body]:
        """The CRs of a kind, in all namespaces where ``namespace`` is None. Raises a ClusterError."""
        return await self._cluster.list(await self._resource(kind), namespace)

    async def as_it_would_be(self, kind: Kind, cr: Body) -> tuple[Body, str]:
        """A CR of a file as the API server would have it, and what there is to say of that.

        One that exists gets the file's spec, labels and annotations, as `kubectl apply` does. Raises a ClusterError
        where the API server would refuse it.
        """
        metadata = cr["metadata"]
        try:
            resource = await self._resource(kind)
        except NotServed:
            crd = kind.folder / "crd.yaml"
            return _new(kind.crd.defaulted(cr)), f"its CRD is not installed: kubectl apply -f {crd}"
        try:
            live = await self._cluster.get(resource, metadata["namespace"], metadata["name"])
        except NotFound:
            try:
                return _new(await self._cluster.try_out(resource, _bare(kind, cr))), ""
            except NotFound as error:
                if not _NO_NAMESPACE.search(str(error)):
                    raise
                return _new(kind.crd.defaulted(cr)), _to_create(metadata["namespace"])
        merged = {
            name: {**(live["metadata"].get(name) or {}), **(metadata.get(name) or {})}
            for name in ("labels", "annotations")
        }
        wanted = {**live, "spec": cr.get("spec") or {}, "metadata": {**live["metadata"], **merged}}
        return await self._cluster.try_out(resource, wanted), ""

    async def plan(self, kind: Kind, crs: Sequence[tuple[Body, str]]) -> list[Plan]:
        """Plan for CRs of a kind, each with a note. Raises a ClusterError where the API server cannot be asked."""
        live = await self._live(kind, [cr for cr, _ in crs])
        plans: dict[CRKey, Plan] = {}
        subjects: list[Subject] = []
        notes: dict[CRKey, str] = {}
        for cr, note in crs:
            key = CRKey(kind.resource.plural, cr["metadata"]["namespace"], cr["metadata"]["name"])
            plans[key], notes[key] = Plan(key), note
            if is_deleting(cr):
                plans[key] = Plan(key, note="it is being deleted")
                continue
            try:
                if directives.of(cr).suspend:
                    plans[key] = Plan(key, note="suspended: nothing is done until the annotation is taken off")
                    continue
                subjects.append(await self._subject(kind, key, cr, live.get((key.namespace, key.instance), {})))
            except NuvopError as error:
                plans[key] = Plan(key, error=str(error))
        for start in range(0, len(subjects), TOGETHER):
            part = subjects[start : start + TOGETHER]
            plans |= {plan.key: plan for plan in await self._tried(part)}
        guarded = await self._guarded(kind, list(plans.values()))
        return [
            replace(plan, note="; ".join(dict.fromkeys(filter(None, (notes[plan.key], plan.note))))) for plan in guarded
        ]

    async def _resource(self, kind: Kind) -> ApiResource:
        return await self._cluster.discover(kind.resource.api_version, kind.resource.kind)

    async def _subject(self, kind: Kind, key: CRKey, cr: Body, live: Mapping[ObjectKey, Body]) -> Subject:
        chosen = await self._bench.loader.choose(kind, cr)
        orphan = directives.of(cr).orphan
        made = overlay.make(chosen, cr, orphan=orphan)
        known = inventory.of(cr.get("status") or {})
        if without := inventory.finished_and_gone(known, made.contents, live):
            made = overlay.make(chosen, cr, orphan=orphan, without=without)
        overlay.write(self._bench.generated, chosen, made)
        return Subject(key, cr, chosen, made, live)

    # --- what is there ------------------------------------------------------------------------------------------------

    async def _live(self, kind: Kind, crs: Sequence[Body]) -> dict[Instance, dict[ObjectKey, Body]]:
        """What carries an instance label, by CR: what the kind makes, and what it once made."""
        places: dict[tuple[str, str], set[str]] = {type_: set() for type_ in kind.watched}
        for cr in crs:
            for api_version, name in kind.watched:
                places[api_version, name] |= kind.namespaces_of(api_version, name, cr["metadata"]["namespace"])
            for entry in inventory.of(cr.get("status") or {}):
                places.setdefault((entry.apiVersion, entry.kind), set()).add(entry.namespace)
        found: dict[Instance, dict[ObjectKey, Body]] = {}
        for (api_version, name), namespaces in sorted(places.items()):
            try:
                resource = await self._cluster.discover(api_version, name)
            except NotServed:
                continue  # what would be installed first is not there yet, what has left the cluster is no more
            for namespace in sorted(namespaces - {OUTSIDE}) if resource.namespaced else [None]:
                for body in await self._cluster.list(resource, namespace, labels=INSTANCE_LABEL):
                    typed = {"apiVersion": api_version, "kind": name, **body}
                    if instance := belongs_to(typed):
                        found.setdefault(instance, {})[key_of(typed)] = typed
        return found

    async def _others(self, subject: Subject) -> dict[ObjectKey, foreign.Obstacle]:
        """What has a child's name and is not the CR's."""
        found = {key: subject.live[key] for key in subject.overlay.objects if key in subject.live}
        for key, child in subject.overlay.children.items():
            if key not in found:
                try:
                    resource = await self._cluster.discover(child.api_version, child.kind)
                except NotServed:
                    continue
                there = await self._cluster.find(resource, key.namespace, [key.name])
                if key.name in there:
                    found[key] = there[key.name]
        known = inventory.of(subject.cr.get("status") or {})
        return {each.key: each for each in foreign.obstacles(subject.key, subject.uid, known, found)}

    # --- what would be ------------------------------------------------------------------------------------------------

    async def _tried(self, subjects: Sequence[Subject]) -> list[Plan]:
        """Plans by a dry run: all together, and each alone where that fails."""
        if not subjects:
            return []
        try:
            made = {key_of(body): body for body in await self._dry_run(subjects)}
        except ApplyFailed as error:
            if len(subjects) > 1:
                return [plan for subject in subjects for plan in await self._tried([subject])]
            (subject,) = subjects
            missing = _NO_NAMESPACE.search(str(error))
            if missing and missing["name"] == subject.key.namespace:
                return [_offline(subject)]
            return [Plan(subject.key, error=str(error))]
        return [await self._compared(subject, made) for subject in subjects]

    async def _dry_run(self, subjects: Sequence[Subject]) -> list[Body]:
        folder = self._bench.generated / ".batches" / "plan"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / "kustomization.yaml").write_text(batches.kustomization([subject.key for subject in subjects]))
        size = sum(subject.overlay.size for subject in subjects)
        return await self._bench.kubectl.apply(folder, size=size, timeout=TIMEOUT, dry_run=True)

    async def _compared(self, subject: Subject, made: Mapping[ObjectKey, Body]) -> Plan:
        wishes = directives.of(subject.cr)
        others = {} if wishes.adopt else await self._others(subject)
        planned = []
        for key, child in subject.overlay.children.items():
            if key in others:
                planned.append(_planned(Action.REFUSE, subject, key, child.api_version, reason=str(others[key])))
            elif key in subject.live:
                changed = tuple(differences.between(subject.live[key], made[key]))
                action = Action.CHANGE if changed else Action.UNCHANGED
                planned.append(replace(_planned(action, subject, key, child.api_version), differences=changed))
            else:
                planned.append(_planned(Action.CREATE, subject, key, child.api_version))
        planned += [
            _planned(Action.CREATE, subject, key, child.api_version, reason="with values made once")
            for key, child in subject.overlay.secrets.items()
            if key not in subject.live
        ]
        made_of = subject.overlay
        left = prune.orphans(made_of.objects, subject.uid, made_of.revision, subject.live)
        planned += [_planned(Action.DELETE, subject, key, subject.live[key]["apiVersion"]) for key in left]
        is_drift = wishes.report_drift and any(each.action is Action.CHANGE for each in planned)
        note = "drift: report: what somebody has changed is told, not put back" if is_drift else ""
        return Plan(subject.key, tuple(planned), note)

    async def _guarded(self, kind: Kind, plans: list[Plan]) -> list[Plan]:
        """The plans, with what the guard against too much at once would say."""
        if not any(each.action is Action.DELETE for plan in plans for each in plan.objects):
            return plans
        plural = kind.resource.plural
        counted = []
        for cr in await self.existing(kind, None):
            key = CRKey(plural, cr["metadata"]["namespace"], cr["metadata"]["name"])
            wanted = overlay.objects_of(await self._bench.loader.choose(kind, cr), key)
            counted.append((inventory.keys(inventory.of(cr.get("status") or {})), frozenset(wanted)))
        refusal = prune.guard(counted, plural, self._bench.settings.prune_limit)
        if refusal is None:
            return plans
        return [
            replace(plan, note=f"nothing is deleted: {refusal}")
            if any(each.action is Action.DELETE for each in plan.objects)
            else plan
            for plan in plans
        ]


def _planned(action: Action, subject: Subject, key: ObjectKey, api_version: str, reason: str = "") -> Planned:
    prefix = f"{subject.key.name}-"
    alike = f"{key.kind}/*-{key.name.removeprefix(prefix)}" if key.name.startswith(prefix) else str(key)
    return Planned(action, api_version, key, alike, reason=reason)


def _offline(subject: Subject) -> Plan:
    """The plan for a namespace that is not there: everything is new."""
    children = {**subject.overlay.children, **subject.overlay.secrets}
    objects = tuple(_planned(Action.CREATE, subject, key, child.api_version) for key, child in children.items())
    return Plan(subject.key, objects, note=_to_create(subject.key.namespace))


def _to_create(namespace: str) -> str:
    return f"namespace {namespace} does not exist: kubectl create namespace {namespace}"


def _bare(kind: Kind, cr: Body) -> Body:
    """A CR to be created: without what only the API server writes."""
    metadata = {name: value for name, value in cr["metadata"].items() if name not in ("uid", "resourceVersion")}
    return {**cr, "apiVersion": kind.resource.api_version, "metadata": metadata}


def _new(cr: Body) -> Body:
    return {**cr, "metadata": {"generation": 1, **cr["metadata"], "uid": NEW_UID}}
