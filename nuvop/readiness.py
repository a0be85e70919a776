"""Is a live object ready? The rules of kstatus, as pure functions of the object.

Source: https://github.com/kubernetes-sigs/cli-utils/tree/master/pkg/kstatus, ``status/generic.go`` and ``core.go`` of
v0.37.2. As there, an object whose controller has not yet seen its newest generation is in progress, whatever its status
says. On purpose otherwise than there: a Pod that has failed is Failed; a status without observedGeneration counts for
no kind whose controller always writes it; a Job that is suspended is ready (as on kstatus's main branch); what kstatus
ends with an error for (a status of another shape) is read as if it were not there.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from nuvop import fields
from nuvop.errors import FieldPathError
from nuvop.objects import Body, group_of, is_deleting

SCHEDULE_WINDOW = timedelta(seconds=15)
"""How old a Pod that no node has room for may be before kstatus calls it Failed."""


class State(Enum):
    """How far an object is; the names are kstatus's, Current being Ready here."""

    READY = "Ready"
    IN_PROGRESS = "InProgress"
    FAILED = "Failed"


@dataclass(frozen=True)
class Readiness:
    """An object's state, and in a few words why; without words where it is ready."""

    state: State
    message: str = ""


READY = Readiness(State.READY)


def in_progress(message: str) -> Readiness:
    """Not ready yet."""
    return Readiness(State.IN_PROGRESS, message)


def failed(message: str) -> Readiness:
    """Not ready, and waiting will not help."""
    return Readiness(State.FAILED, message)


_OLD_STATUS = in_progress("its newest generation has not been seen yet")
_UNSEEN = in_progress("its controller has not seen it yet")


@dataclass(frozen=True)
class Rule:
    """When a child is ready, said by its kind's folder instead of kstatus; made by `parse_rule`.

    Either the condition of a type or all fields at a path must have one of the ``wanted`` values; with neither, the
    child is ready as soon as it is there.
    """

    text: str
    condition: str = ""
    path: fields.FieldPath | None = None
    wanted: tuple[str, ...] = ()


_EQUATION = re.compile(r"(?P<what>(?:\[[^\]]*\]|[^=\[\]])+)=(?P<wanted>.*)", re.DOTALL)
_CONDITION = re.compile(r"(?:[a-z0-9][a-z0-9.-]*/(?=[A-Z]))?[A-Za-z][A-Za-z0-9_-]*")
"""``Ready``, ``example.com/Ready``; anything else names a field
(https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md)."""
_CONDITION_STATUSES = frozenset({"True", "False", "Unknown"})


def parse_rule(text: str) -> Rule:
    """Parse ``Ready=True``, ``status.phase=Running|Succeeded`` or ``exists``; raise FieldPathError."""
    if text.strip() == "exists":
        return Rule(text)
    equation = _EQUATION.fullmatch(text.strip())
    if equation is None:
        raise FieldPathError(f"{text!r} is none of CONDITION=STATUS, FIELD=VALUE, exists")
    what = equation["what"].strip()
    wanted = tuple(value.strip() for value in equation["wanted"].split("|"))
    if not all(wanted):
        raise FieldPathError(f"{text!r} lacks a value after '=' or '|'")
    if not _CONDITION.fullmatch(what):
        return Rule(text, path=fields.parse(what), wanted=wanted)
    for value in wanted:
        if value not in _CONDITION_STATUSES:
            raise FieldPathError(
                f"{text!r}: a condition is True, False or Unknown, never {value!r}; a field has a path, as status.phase"
            )
    return Rule(text, condition=what, wanted=wanted)


def assess(obj: Body, rule: Rule | None = None, *, has_status: bool = False, now: datetime | None = None) -> Readiness:
    """Return the readiness of a live object.

    ``rule`` takes the place of kstatus's rules. ``has_status``: the object's resource has a status subresource; a
    custom resource is then not ready before its first status, while the kinds of Kubernetes, some of which keep an
    empty status for ever, have rules of their own. ``now``, with a time zone: without it no Pod is called Failed
    because it has been unschedulable for SCHEDULE_WINDOW.
    """
    if is_deleting(obj):
        return in_progress("is being deleted")
    return _by_kstatus(obj, has_status, now) if rule is None else _by_rule(obj, rule)


# --- a rule of the kind's folder -------------------------------------------------------------------------------------


def _by_rule(obj: Body, rule: Rule) -> Readiness:
    if not rule.wanted:
        return READY
    status = _status(obj)
    if _is_older(status, obj):
        return _OLD_STATUS
    return _by_condition(obj, status, rule) if rule.path is None else _by_field(obj, rule.path, rule.wanted)


def _by_condition(obj: Body, status: Mapping[str, Any], rule: Rule) -> Readiness:
    if stalled := _condition(status, "Stalled", "True"):
        return failed(_said(stalled))
    found = _condition(status, rule.condition)
    if found is None:
        return in_progress(f"it has no condition {rule.condition}")
    if _is_older(found, obj):
        return _OLD_STATUS
    if found.get("status") in rule.wanted:
        return READY
    why = _reason(found)
    return in_progress(f"{rule.condition} is {_shown(found.get('status'))}" + (f": {why}" if why else ""))


def _by_field(obj: Body, path: fields.FieldPath, wanted: tuple[str, ...]) -> Readiness:
    values = fields.values(obj, path)
    if not values:
        return in_progress(f"it has no {path}")
    for value in values:
        if not _is_scalar(value) or _text(value) not in wanted:
            # A Secret's values are for nobody to read here.
            shown = "" if obj["kind"] == "Secret" else f"{_shown(value)}, "
            return in_progress(f"{path} is {shown}not {' or '.join(wanted)}")
    return READY


_LONGEST = 60
"""Characters of a value that a message shows."""


def _shown(value: Any) -> str:
    if not _is_scalar(value):
        return f"a {'list' if isinstance(value, list) else 'mapping'}"
    text = _text(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _is_scalar(value: Any) -> bool:
    return not isinstance(value, list | dict)


def _text(value: Any) -> str:
    """A scalar as YAML has it: ``true``, ``null``, ``3``."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


# --- the rules of kstatus --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Live:
    """What the rules look at."""

    metadata: Mapping[str, Any]
    spec: Mapping[str, Any]
    status: Mapping[str, Any]
    now: datetime | None

    def condition(self, type_: str, *statuses: str) -> Mapping[str, Any] | None:
        return _condition(self.status, type_, *statuses)


def _by_kstatus(obj: Body, has_status: bool, now: datetime | None) -> Readiness:
    status = _status(obj)
    observed, generation = _observed(status), obj["metadata"].get("generation")
    if None not in (observed, generation) and observed != generation:
        return _OLD_STATUS
    if stalled := _condition(status, "Stalled", "True"):
        return failed(_said(stalled))
    if reconciling := _condition(status, "Reconciling", "True"):
        return in_progress(_said(reconciling))
    group = group_of(obj["apiVersion"])
    rule = _RULES.get((group, obj["kind"]))
    if rule is not None:
        return rule(_Live(obj["metadata"], obj.get("spec") or {}, status, now))
    if has_status and not obj.get("status") and is_custom(group):
        return in_progress("it has no status yet")
    unready = _condition(status, "Ready", "False", "Unknown")
    return in_progress(_said(unready)) if unready else READY


_BUILT_IN_GROUPS = frozenset(
    f"{name}.k8s.io"
    for name in (
        "admissionregistration", "apiregistration", "certificates", "flowcontrol.apiserver", "internal.apiserver",
        "networking", "resource", "scheduling", "storage", "storagemigration",
    )
)  # fmt: skip
"""The groups with a dot in which Kubernetes 1.36 itself has kinds with a status; other projects' groups end in .k8s.io
too (https://kubernetes.io/docs/reference/kubernetes-api/)."""


def is_custom(group: str) -> bool:
    """Whether a group is a CRD's; that has a dot."""
    return "." in group and group not in _BUILT_IN_GROUPS


_NO_DEADLINE = 2**31 - 1
"""As progressDeadlineSeconds: the controller then writes no Progressing
(HasProgressDeadline in Kubernetes' pkg/controller/deployment/util/deployment_util.go)."""


def _deployment(live: _Live) -> Readiness:
    progressing = live.condition("Progressing") or {}
    if progressing.get("reason") == "ProgressDeadlineExceeded":
        return failed(_said(progressing))
    if "observedGeneration" not in live.status:
        return _UNSEEN
    if missing := _missing_replicas(live):
        # Why the ReplicaSet cannot make Pods: quota, a webhook, a missing service account.
        failure = live.condition("ReplicaFailure", "True")
        return in_progress(f"{missing}: {_said(failure)}" if failure else missing)
    is_complete = (progressing.get("status"), progressing.get("reason")) == ("True", "NewReplicaSetAvailable")
    if not is_complete and _count(live.spec, "progressDeadlineSeconds", _NO_DEADLINE) != _NO_DEADLINE:
        return in_progress(_said(progressing) if progressing else "its rollout is not complete")
    if not live.condition("Available", "True"):
        unavailable = live.condition("Available")
        return in_progress(_said(unavailable) if unavailable else "it is not available")
    return READY


def _missing_replicas(live: _Live) -> str:
    """What a Deployment's counts lack; empty where they are as wanted."""
    wanted = _count(live.spec, "replicas", 1)
    updated, all_, available, ready = (
        _count(live.status, name) for name in ("updatedReplicas", "replicas", "availableReplicas", "readyReplicas")
    )
    if updated < wanted:
        return f"{updated} of {wanted} replicas are up to date"
    if all_ > updated:
        return f"{all_ - updated} old replicas are still there"
    if all_ > wanted:
        return f"{all_ - wanted} replicas too many are still there"
    if available < updated:
        return f"{available} of {wanted} replicas are available"
    if ready < wanted:
        return f"{ready} of {wanted} replicas are ready"
    return ""


def _stateful_set(live: _Live) -> Readiness:
    strategy = live.spec.get("updateStrategy") or {}
    if strategy.get("type") == "OnDelete":
        return READY
    if "observedGeneration" not in live.status:
        return _UNSEEN
    wanted = _count(live.spec, "replicas", 1)
    all_, ready, updated, current = (
        _count(live.status, name) for name in ("replicas", "readyReplicas", "updatedReplicas", "currentReplicas")
    )
    if all_ < wanted or ready < wanted:
        return in_progress(f"{min(all_, ready)} of {wanted} replicas are ready")
    if all_ > wanted:
        return in_progress(f"{all_ - wanted} replicas too many are still there")
    partition = (strategy.get("rollingUpdate") or {}).get("partition")
    if partition is not None:
        # The API server writes partition 0 where a manifest has none. Pods below the partition stay as they are.
        to_update = wanted - partition
        done = updated >= to_update
    else:
        to_update = wanted
        done = current >= wanted and live.status.get("updateRevision") == live.status.get("currentRevision")
    return READY if done else in_progress(f"{updated} of {to_update} replicas are up to date")


def _daemon_set(live: _Live) -> Readiness:
    if "observedGeneration" not in live.status or "desiredNumberScheduled" not in live.status:
        return _UNSEEN
    wanted = _count(live.status, "desiredNumberScheduled")
    for name, said in (
        ("currentNumberScheduled", "scheduled"),
        ("updatedNumberScheduled", "up to date"),
        ("numberAvailable", "available"),
        ("numberReady", "ready"),
    ):
        if (found := _count(live.status, name)) < wanted:
            return in_progress(f"{found} of {wanted} pods are {said}")
    return READY


def _replica_set(live: _Live) -> Readiness:
    if failure := live.condition("ReplicaFailure", "True"):
        return in_progress(_said(failure))
    if "observedGeneration" not in live.status:
        return _UNSEEN
    wanted = _count(live.spec, "replicas", 1)
    for name, said in (
        ("fullyLabeledReplicas", "labelled"),
        ("availableReplicas", "available"),
        ("readyReplicas", "ready"),
    ):
        if (found := _count(live.status, name)) < wanted:
            return in_progress(f"{found} of {wanted} replicas are {said}")
    if (surplus := _count(live.status, "replicas") - wanted) > 0:
        return in_progress(f"{surplus} replicas too many are still there")
    return READY


def _pod(live: _Live) -> Readiness:
    match live.status.get("phase"):
        case "Succeeded":
            return READY
        case "Failed":
            return failed(live.status.get("message") or live.status.get("reason") or _ended(live) or "it has failed")
        case "Running":
            return _running_pod(live)
        case "Pending":
            return _pending_pod(live)
        case phase:
            return in_progress(f"its phase is {phase or 'unknown'}")


def _running_pod(live: _Live) -> Readiness:
    if live.condition("Ready", "True"):
        return READY
    for container, waiting in _containers(live, "waiting", "containerStatuses"):
        if waiting.get("reason") == "CrashLoopBackOff":
            return failed(f"container {container['name']} is in CrashLoopBackOff")
    unready = live.condition("Ready", "False")
    return in_progress(_waiting(live) or (_said(unready) if unready else "it is running, but not ready"))


def _pending_pod(live: _Live) -> Readiness:
    unscheduled = live.condition("PodScheduled", "False")
    if unscheduled is None:
        return in_progress(_waiting(live) or "its phase is Pending")
    too_long = unscheduled.get("reason") == "Unschedulable" and _is_past_schedule_window(live)
    return failed(_said(unscheduled)) if too_long else in_progress(_said(unscheduled))


def _is_past_schedule_window(live: _Live) -> bool:
    if live.now is None:
        return False
    created = live.metadata.get("creationTimestamp")
    return created is None or live.now - datetime.fromisoformat(created) >= SCHEDULE_WINDOW


def _waiting(live: _Live) -> str:
    """The first container that cannot run yet, and why; empty where none says."""
    for container, waiting in _containers(live, "waiting", "initContainerStatuses", "containerStatuses"):
        # An app container waits for the init containers, of which one says more or is at work.
        if (reason := waiting.get("reason")) and reason != "PodInitializing":
            return f"container {container['name']}: {reason}"
    return ""


def _ended(live: _Live) -> str:
    """The first container that ended badly; empty where none says."""
    for container, ended in _containers(live, "terminated", "initContainerStatuses", "containerStatuses"):
        if code := ended.get("exitCode"):
            return f"container {container['name']} ended with exit code {code}"
    return ""


def _containers(live: _Live, state: str, *lists: str) -> Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """The containers of a Pod that are in a state, each with that state."""
    for name in lists:
        for container in live.status.get(name) or ():
            if found := (container.get("state") or {}).get(state):
                yield container, found


def _job(live: _Live) -> Readiness:
    if failure := live.condition("Failed", "True"):
        return failed(_said(failure))
    if live.condition("Complete", "True") or live.condition("Suspended", "True"):
        return READY
    return READY if live.status.get("startTime") else in_progress("it has not started")


def _claim(live: _Live) -> Readiness:
    phase = live.status.get("phase")
    return READY if phase == "Bound" else in_progress(f"its phase is {phase or 'unknown'}")


def _service(live: _Live) -> Readiness:
    if live.spec.get("type") == "LoadBalancer" and not live.spec.get("clusterIP"):
        return in_progress("it has no cluster IP yet")
    return READY


def _disruption_budget(live: _Live) -> Readiness:
    return READY if "observedGeneration" in live.status else _UNSEEN


def _resource_definition(live: _Live) -> Readiness:
    if refused := live.condition("NamesAccepted", "False"):
        return failed(_said(refused))
    if live.condition("Established", "True"):
        return READY
    waiting = live.condition("Established", "False")
    if waiting and waiting.get("reason") != "Installing":
        return failed(_said(waiting))
    return in_progress("it is being installed")


_RULES: Mapping[tuple[str, str], Callable[[_Live], Readiness]] = {
    ("apps", "Deployment"): _deployment,
    ("apps", "StatefulSet"): _stateful_set,
    ("apps", "DaemonSet"): _daemon_set,
    ("apps", "ReplicaSet"): _replica_set,
    ("", "Pod"): _pod,
    ("", "PersistentVolumeClaim"): _claim,
    ("", "Service"): _service,
    ("batch", "Job"): _job,
    ("policy", "PodDisruptionBudget"): _disruption_budget,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _resource_definition,
}
"""By group and kind. kstatus calls a ConfigMap, a Secret and a CronJob ready always; so are they without a rule."""


# --- reading a status ------------------------------------------------------------------------------------------------


def _status(obj: Body) -> Mapping[str, Any]:
    """The status; empty where it is of another shape, which is up to a CRD."""
    status = obj.get("status")
    return status if isinstance(status, dict) else {}


_INT64_DIGITS = 19


def _observed(of: Mapping[str, Any]) -> int | None:
    """The generation that a status or a condition is of; None where it says none. Argo Rollouts writes a string."""
    observed = str(of.get("observedGeneration"))
    return int(observed) if observed.removeprefix("-").isdecimal() and len(observed) <= _INT64_DIGITS else None


def _is_older(of: Mapping[str, Any], obj: Body) -> bool:
    """Whether a status or a condition is of an older generation than the object."""
    observed, generation = _observed(of), obj["metadata"].get("generation")
    return observed is not None and generation is not None and observed < generation


def _condition(status: Mapping[str, Any], type_: str, *statuses: str) -> Mapping[str, Any] | None:
    """The condition of a type, if it has one of the statuses; without those whatever it has."""
    conditions = status.get("conditions")
    for condition in conditions if isinstance(conditions, list) else ():
        if not isinstance(condition, dict) or condition.get("type") != type_:
            continue
        if not statuses or condition.get("status") in statuses:
            found: Mapping[str, Any] = condition
            return found
    return None


def _reason(condition: Mapping[str, Any]) -> str:
    """What a condition says in words; empty where it says nothing."""
    for name in ("message", "reason"):
        if (text := condition.get(name)) and isinstance(text, str):
            return text
    return ""


def _said(condition: Mapping[str, Any]) -> str:
    return _reason(condition) or f"{condition['type']} is {condition['status']}"


def _count(of: Mapping[str, Any], name: str, default: int = 0) -> int:
    value = of.get(name)
    return default if value is None else int(value)
