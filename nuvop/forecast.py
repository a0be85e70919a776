"""What the operator would make of a custom resource, by the operator's own rules: facts in, a plan out. Pure.

The facts are the scene that the operator would see, what else is there under the names of the children, and how dry
runs have left these.
"""

import copy
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nuvop import (
    children,
    client_side,
    differences,
    directives,
    drift_policy,
    fields,
    foreign,
    generated,
    ownership,
    prune,
    secrecy,
)
from nuvop.children import Comparison
from nuvop.claims import Claims
from nuvop.cluster import ApiResource
from nuvop.differences import Way
from nuvop.drift_policy import Changes
from nuvop.fields import FieldPath
from nuvop.kinds import Child
from nuvop.objects import NO_UID, REVISION_LABEL, Body, CRKey, ObjectKey, key_of, labels_of, taken_fields
from nuvop.plan import Action, Plan, Planned
from nuvop.scene import Scene
from nuvop.status import Reason

ONCE_CRD = "once its CRD is installed"
ONCE_READY = "once the resource is ready"
MADE_ONCE = "with values of chance"
TAKEN_OVER = "is taken over"


@dataclass(frozen=True)
class Trial:
    """How a dry run of an apply has left an object, or why the API server refuses it.

    ``awaits`` is what has to be there before it can be tried, and will be: its namespace, or its CRD.
    """

    body: Body | None = None
    error: str = ""
    is_immutable: bool = False
    awaits: str = ""


@dataclass(frozen=True)
class Outlook:
    """What the operator would find when it comes to a CR.

    ``found`` are the objects that have the name of a child that is not as it should be, ``drifted`` is what somebody
    has changed, ``unmade`` are the Secrets with values of chance that are not there.
    """

    scene: Scene
    comparison: Comparison
    found: Mapping[ObjectKey, Body]
    drifted: Changes
    unmade: tuple[ObjectKey, ...]

    @property
    def is_left(self) -> bool:
        """Whether an annotation asks to leave what somebody has changed."""
        return bool(self.drifted) and self.scene.wishes.report_drift and not self.scene.is_asked

    @property
    def tried(self) -> tuple[ObjectKey, ...]:
        """What has to be applied in a dry run to tell more: all children, or none where all is well."""
        if self.is_left:
            return tuple(dict.fromkeys(change.key for change in self.drifted))
        if self.comparison.is_intact and not self.scene.is_asked:
            return ()
        return self.scene.overlay.objects


def sought(scene: Scene) -> list[tuple[ObjectKey, ApiResource]]:
    """What has to be looked up by name, as nobody knows whether it is there, or whose it is."""
    overlay = scene.overlay
    missing = {key: overlay.children[key] for key in drift_policy.compare(scene).missing}
    secrets = {key: child for key, child in overlay.secrets.items() if key not in scene.live}
    return [
        (key, resource)
        for key, child in (missing | secrets).items()
        if (resource := scene.resources.get((child.api_version, child.kind)))
    ]


def outlook(scene: Scene, named: Mapping[ObjectKey, Body]) -> Outlook:
    """What would be found, given what there is under the names that were `sought`."""
    comparison = drift_policy.compare(scene)
    found = {key: scene.live[key] for key in (*comparison.outdated, *comparison.drifted)}
    found |= {key: named[key] for key in comparison.missing if key in named}
    drifted = drift_policy.changes(scene, comparison, found)
    unmade = [key for key in scene.overlay.secrets if key not in scene.live and key not in named]
    return Outlook(scene, comparison, found, drifted, tuple(unmade))


def collisions(scenes: Sequence[Scene]) -> dict[CRKey, str]:
    """What there is to say of the CRs of which others have a child's name, and were there first."""
    claims = Claims()
    for scene in scenes:
        ownership.claim_of(scene, claims)
    # Only now everybody is known: an earlier one may have come after a later one.
    told = {scene.key: ownership.told(ownership.claim_of(scene, claims)) for scene in scenes}
    return {key: text for key, text in told.items() if text}


def obstacle(view: Outlook) -> tuple[Reason, str] | None:
    """What keeps a CR from being applied; None where nothing does."""
    claims = generated.claims(view.scene.live)
    for key in view.unmade:
        if lost := generated.lost(key, claims):
            return Reason.SECRET_LOST, lost
    if view.is_left:
        return None
    for found in _obstacles(view):
        if found.owner:
            return Reason.NAME_COLLISION, str(found)
        if not view.scene.wishes.adopt:
            return Reason.NOT_OWNED, str(found)
    return None


def _obstacles(view: Outlook) -> Iterable[foreign.Obstacle]:
    record = view.scene.record
    return foreign.obstacles(view.scene.key, record.uid, record.inventory, view.found)


def plan(view: Outlook, trials: Mapping[ObjectKey, Trial]) -> Plan:
    """What becomes of a CR that nothing keeps from being applied, given how what is to be `tried` was left."""
    scene = view.scene
    taken_over = {found.key for found in _obstacles(view)}
    applied = [
        _child(view, key, child, trials[key], is_taken_over=key in taken_over)
        if key in trials
        else Planned(Action.UNCHANGED, child.api_version, key)
        for key, child in scene.overlay.children.items()
    ]
    secrets = scene.overlay.secrets
    made = [Planned(Action.CREATE, secrets[key].api_version, key, message=MADE_ONCE) for key in view.unmade]
    # Nothing is pruned before everything else was applied.
    left = () if any(each.action is Action.FAIL for each in applied) else _orphans(scene)
    pruned = [
        Planned(
            Action.DELETE,
            scene.live[key]["apiVersion"],
            key,
            message="" if prune.may_go_now(key, is_ready=False) else ONCE_READY,
        )
        for key in left
    ]
    return Plan(scene.key, objects=(*applied, *made, *pruned))


def _orphans(scene: Scene) -> tuple[ObjectKey, ...]:
    return prune.orphans(scene.overlay.objects, scene.record.uid, scene.overlay.revision, scene.live)


def _child(view: Outlook, key: ObjectKey, child: Child, trial: Trial, *, is_taken_over: bool) -> Planned:
    planned = Planned(Action.CREATE, child.api_version, key, message=trial.awaits)
    live = view.scene.live.get(key) or view.found.get(key)
    if trial.error:
        may_be_recreated = trial.is_immutable and directives.may_be_recreated(child.body)
        is_recreated = may_be_recreated and live is not None and _is_older(view.scene, live)
        return replace(planned, action=Action.RECREATE if is_recreated else Action.FAIL, message=trial.error)
    if live is None or trial.body is None:
        return replace(planned, action=Action.LEAVE, message="was deleted") if view.is_left else planned
    after = _settled(view.scene, key, live, trial.body, is_taken_over=is_taken_over)
    found = compared(live, after, secret=secrecy.ways_in(view.scene.kind, child.selector))
    said = [f"{path} is released, with the value that it has" for path in _released(view.scene, key, live)]
    said += [TAKEN_OVER] * is_taken_over
    action = Action.CHANGE if found.differences or said else Action.UNCHANGED
    if found.differences and any(change.key == key for change in view.drifted):
        action = Action.LEAVE if view.is_left else action
        said.append(_drift(trial.body, live))
    return replace(found, action=action, message=", ".join(said))


def _drift(tried: Body, live: Body) -> str:
    """Who has changed what would be put back."""
    managers = sorted({manager for _, manager in taken_fields(tried, live) if manager})
    return f"changed by {' and '.join(managers)}" if managers else "changed by somebody"


def compared(live: Body, after: Body, *, secret: Collection[Way] = ()) -> Planned:
    """An object that is there, and how it would be; of the values at ``secret`` only that they change."""
    changed = differences.between(live, after, secret=secret)
    revisions = {labels_of(body).get(REVISION_LABEL) for body in (live, after)}
    action = Action.CHANGE if changed else Action.UNCHANGED
    return Planned(action, after["apiVersion"], key_of(after), changed, is_relabelled=len(revisions) > 1)


def installed(body: Body, live: Body | None, trial: Trial) -> Planned:
    """What becomes of an object that a kind installs once for all of its CRs."""
    planned = Planned(Action.CREATE, body["apiVersion"], key_of(body), message=trial.error or trial.awaits)
    if trial.error:
        return replace(planned, action=Action.FAIL)
    if live is None or trial.body is None:
        return planned
    return compared(live, client_side.without_kubectls(trial.body))


def _is_older(scene: Scene, live: Body) -> bool:
    return children.is_older(live, scene.key, scene.record.uid, scene.overlay.revision)


def _settled(scene: Scene, key: ObjectKey, live: Body, tried: Body, *, is_taken_over: bool) -> Body:
    """An object as it will be, of which a dry run alone does not tell everything."""
    # Before it takes an object over, nuvop takes kubectl's fields off it.
    after = copy.deepcopy(dict(tried if is_taken_over else client_side.without_kubectls(tried)))
    for path in _released(scene, key, live):
        for value in fields.values(live, path):
            fields.put(after, path, value)
    if scene.record.uid == NO_UID:
        owners = {name: value for name, value in live["metadata"].items() if name == "ownerReferences"}
        after["metadata"] = {**_without_owners(after["metadata"]), **owners}
    return after


def _without_owners(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in metadata.items() if name != "ownerReferences"}


def _released(scene: Scene, key: ObjectKey, live: Body) -> list[FieldPath]:
    """The fields of an object that nuvop hands over before it applies it."""
    return [path for at, path in scene.overlay.released if at == key and foreign.owned_at(live, path)]
