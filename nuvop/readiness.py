"""Is a live object ready? The rules of kstatus, as pure functions of the object.

Source: https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md and its
``pkg/kstatus/status/core.go``. As there, an object whose controller has not yet seen its newest generation is in
progress, whatever its status says.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from nuvop.objects import Body, group_of, is_deleting


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


def assess(obj: Body) -> Readiness:
    """Return the readiness of a live object."""
    if is_deleting(obj):
        return in_progress("is being deleted")
    # Of what shape a custom resource's status is, is up to its CRD.
    status = obj.get("status") if isinstance(obj.get("status"), dict) else {}
    observed = str((status or {}).get("observedGeneration"))
    generation = obj["metadata"].get("generation")
    if observed.isdecimal() and generation is not None and int(observed) < generation:
        return in_progress("its newest generation has not been seen yet")
    rule = _RULES.get((group_of(obj["apiVersion"]), obj["kind"]), _any)
    return rule(obj, obj.get("spec") or {}, status or {})


def _any(obj: Body, spec: Mapping[str, Any], status: Mapping[str, Any]) -> Readiness:
    """What holds for every object with the standard conditions; one without conditions is ready."""
    if stalled := _condition(status, "Stalled", "True"):
        return failed(_said(stalled))
    if reconciling := _condition(status, "Reconciling", "True"):
        return in_progress(_said(reconciling))
    for wanted in ("False", "Unknown"):
        if unready := _condition(status, "Ready", wanted):
            return in_progress(_said(unready))
    return READY


def _deployment(obj: Body, spec: Mapping[str, Any], status: Mapping[str, Any]) -> Readiness:
    if (progressing := _condition(status, "Progressing", "False")) and (
        progressing.get("reason") == "ProgressDeadlineExceeded"
    ):
        return failed(_said(progressing))
    if "observedGeneration" not in status:
        return in_progress("its controller has not seen it yet")
    wanted = _count(spec, "replicas", 1)
    updated, all_, available, ready = (
        _count(status, name) for name in ("updatedReplicas", "replicas", "availableReplicas", "readyReplicas")
    )
    if updated < wanted:
        return in_progress(f"{updated} of {wanted} replicas are up to date")
    if all_ > updated:
        return in_progress(f"{all_ - updated} old replicas are still there")
    if all_ > wanted:
        return in_progress(f"{all_ - wanted} replicas too many are still there")
    if available < updated or available < wanted:
        return in_progress(f"{available} of {wanted} replicas are available")
    if ready < wanted:
        return in_progress(f"{ready} of {wanted} replicas are ready")
    return READY


def _stateful_set(obj: Body, spec: Mapping[str, Any], status: Mapping[str, Any]) -> Readiness:
    if (spec.get("updateStrategy") or {}).get("type") == "OnDelete":
        return READY
    if "observedGeneration" not in status:
        return in_progress("its controller has not seen it yet")
    wanted = _count(spec, "replicas", 1)
    all_, ready, updated = (_count(status, name) for name in ("replicas", "readyReplicas", "updatedReplicas"))
    if all_ < wanted or ready < wanted:
        return in_progress(f"{min(all_, ready)} of {wanted} replicas are ready")
    if all_ > wanted:
        return in_progress(f"{all_ - wanted} replicas too many are still there")
    partition = _count((spec.get("updateStrategy") or {}).get("rollingUpdate") or {}, "partition")
    if partition and updated < wanted - partition:
        return in_progress(f"{updated} of {wanted - partition} replicas are up to date")
    if not partition and status.get("updateRevision") != status.get("currentRevision"):
        return in_progress(f"{updated} of {wanted} replicas are up to date")
    return READY


def _daemon_set(obj: Body, spec: Mapping[str, Any], status: Mapping[str, Any]) -> Readiness:
    if "observedGeneration" not in status or "desiredNumberScheduled" not in status:
        return in_progress("its controller has not seen it yet")
    wanted = _count(status, "desiredNumberScheduled")
    for name, said in (
        ("currentNumberScheduled", "scheduled"),
        ("updatedNumberScheduled", "up to date"),
        ("numberAvailable", "available"),
        ("numberReady", "ready"),
    ):
        if (found := _count(status, name)) < wanted:
            return in_progress(f"{found} of {wanted} pods are {said}")
    return READY


def _replica_set(obj: Body, spec: Mapping[str, Any], status: Mapping[str, Any]) -> Readiness:
    if failure := _condition(status, "ReplicaFailure", "True"):
        return in_progress(_said(failure))
    if "observedGeneration" not in status:
        return in_progress("its controller has not seen it yet")
    wanted = _count(spec, "replicas", 1)
    for name, said in (
        ("fullyLabeledReplicas", "labelled"),
        ("availableReplicas", "available"),
        ("readyReplicas", "ready"),
    ):
        if (found := _count(status, name)) < wanted:
            return in_progress(f"{found} of {wanted} replicas are {said}")
    if _count(status, "replicas") > wanted:
        return in_progress(f"{_count(status, 'replicas') - wanted} replicas too many are still there")
    return READY


def _pod(obj: Body, spec: Mapping[str, Any], status: Mapping[str, Any]) -> Readiness:
    phase = status.get("phase")
    if phase == "Succeeded" or (phase == "Running" and _condition(status, "Ready", "True")):
        return READY
    if phase == "Failed":
        return failed(status.get("message") or status.get("reason") or "it has failed")
    for container in status.get("containerStatuses") or ():
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") == "CrashLoopBackOff":
            return failed(f"container {container['name']} is in CrashLoopBackOff")
    unscheduled = _condition(status, "PodScheduled", "False")
    return in_progress(_said(unscheduled) if unscheduled else f"its phase is {phase or 'unknown'}")


def _job(obj: Body, spec: Mapping[str, Any], status: Mapping[str, Any]) -> Readiness:
    if failure := _condition(status, "Failed", "True"):
        return failed(_said(failure))
    if _condition(status, "Complete", "True") or _condition(status, "Suspended", "True"):
        return READY
    return READY if status.get("startTime") else in_progress("it has not started")


def _claim(obj: Body, spec: Mapping[str, Any], status: Mapping[str, Any]) -> Readiness:
    phase = status.get("phase")
    return READY if phase == "Bound" else in_progress(f"its phase is {phase or 'unknown'}")


def _service(obj: Body, spec: Mapping[str, Any], status: Mapping[str, Any]) -> Readiness:
    if spec.get("type") == "LoadBalancer" and not spec.get("clusterIP"):
        return in_progress("it has no cluster IP yet")
    return READY


def _disruption_budget(obj: Body, spec: Mapping[str, Any], status: Mapping[str, Any]) -> Readiness:
    return READY if "observedGeneration" in status else in_progress("its controller has not seen it yet")


_RULES = {
    ("apps", "Deployment"): _deployment,
    ("apps", "StatefulSet"): _stateful_set,
    ("apps", "DaemonSet"): _daemon_set,
    ("apps", "ReplicaSet"): _replica_set,
    ("", "Pod"): _pod,
    ("", "PersistentVolumeClaim"): _claim,
    ("", "Service"): _service,
    ("batch", "Job"): _job,
    ("policy", "PodDisruptionBudget"): _disruption_budget,
}


def _condition(status: Mapping[str, Any], type_: str, value: str) -> Mapping[str, Any] | None:
    """The condition of a type, if it has that value."""
    conditions = status.get("conditions")
    for condition in conditions if isinstance(conditions, list) else ():
        if not isinstance(condition, dict):
            continue
        if (condition.get("type"), condition.get("status")) == (type_, value):
            found: Mapping[str, Any] = condition
            return found
    return None


def _said(condition: Mapping[str, Any]) -> str:
    return condition.get("message") or condition.get("reason") or f"{condition['type']} is {condition['status']}"


def _count(of: Mapping[str, Any], name: str, default: int = 0) -> int:
    value = of.get(name)
    return default if value is None else int(value)
