"""What makes pods, such as Deployments and CronJobs, and how many of these may be missing. Pure."""

import re
from collections.abc import Mapping

from nuvop import cron, fields
from nuvop.fields import Json
from nuvop.values.metadata import labels
from nuvop.values.rule import (
    Fields,
    Found,
    Misvalue,
    Together,
    below,
    if_said,
    is_number,
    not_both,
    one_of_words,
    wrong,
)
from nuvop.values.texts import NAME, NATURAL, PART, share


def _always(value: Mapping[str, Json]) -> Found:
    """``ValidatePodTemplateSpecForReplicaSet`` of pkg/apis/apps/validation/validation.go, and its siblings."""
    yield from _restarts(value, ("Always",), is_default="Always")


def _never_always(value: Mapping[str, Json]) -> Found:
    """``validateJobTemplateSpec``, ``validateJobSpec`` of pkg/apis/batch/validation/validation.go."""
    yield from _restarts(value, ("OnFailure", "Never"), is_default="")


def _restarts(value: Mapping[str, Json], takes: tuple[str, ...], is_default: str) -> Found:
    at = ("template", "spec")
    pod = fields.mapped(fields.value_at(value, "template", "spec"))
    policy = pod.get("restartPolicy") or is_default
    if not policy and pod:
        told = f"restartPolicy is missing: write {' or '.join(takes)}"
        yield Misvalue(at, told, (*at, "restartPolicy"), is_missing=True)
    elif policy and policy not in takes and policy in ("Always", "OnFailure", "Never"):
        yield wrong(f"{policy!r} must be {' or '.join(takes)} here", *at, "restartPolicy")


def _schedule(value: Json) -> Found:
    """``validateScheduleFormat`` of pkg/apis/batch/validation/validation.go."""
    if isinstance(value, str) and (told := cron.refusal(value)):
        yield wrong(f"{value!r} is no schedule: {told}; one is `*/15 2 * * 1-5`, or `@daily`")


_PART_OF_ZONE = re.compile(r"(?!-|\.\.?$)[-A-Za-z._0-9+]{1,14}")


def _time_zone(value: Json) -> Found:
    """``validateTimeZone`` of pkg/apis/batch/validation/validation.go; which zones there are, the API server knows."""
    if not isinstance(value, str):
        return
    if value.lower() == "local" or not all(map(_PART_OF_ZONE.fullmatch, value.split("/"))):
        yield wrong(f"{value!r} must be the name of a time zone, such as Europe/Berlin")


def _strategy(value: Mapping[str, Json]) -> Found:
    """``ValidateDeploymentStrategy`` of pkg/apis/apps/validation/validation.go."""
    if value.get("type") == "Recreate" and value.get("rollingUpdate") is not None:
        yield Misvalue(("rollingUpdate",), "may not stand beside `type: Recreate`: take it out", ())


def _progress(value: Mapping[str, Json]) -> Found:
    """``ValidateDeploymentSpec`` of pkg/apis/apps/validation/validation.go."""
    deadline, wait = value.get("progressDeadlineSeconds"), value.get("minReadySeconds") or 0
    if is_number(deadline) and is_number(wait) and 0 <= deadline <= wait:
        yield Misvalue(("progressDeadlineSeconds",), f"{deadline} must be more than minReadySeconds, {wait}", ())


def _no_progress(value: Mapping[str, Json]) -> Found:
    """``ValidateRollingUpdateDeployment`` of pkg/apis/apps/validation/validation.go."""
    if all(value.get(name) in _NONE for name in ("maxSurge", "maxUnavailable")):
        yield Misvalue(("maxUnavailable",), "may not be 0 when maxSurge is 0: no pod could ever be replaced", ())


def _surges_or_not(value: Mapping[str, Json]) -> Found:
    """``ValidateRollingUpdateDaemonSet`` of pkg/apis/apps/validation/validation.go."""
    surge, unavailable = value.get("maxSurge"), value.get("maxUnavailable")
    has_surge = surge not in (None, *_NONE)
    if not has_surge and unavailable in _NONE:
        yield Misvalue(("maxUnavailable",), "may not be 0 when maxSurge is 0: no pod could ever be replaced", ())
    elif has_surge and unavailable not in _NONE:
        told = "must be 0 when maxUnavailable is not: a DaemonSet does one or the other, and 1 is the default of that"
        yield Misvalue(("maxSurge",), told, ())


_NONE = (0, "0%")


def _on_delete(value: Mapping[str, Json]) -> Found:
    """``ValidateStatefulSetSpec`` of pkg/apis/apps/validation/validation.go."""
    if value.get("type") == "OnDelete" and value.get("rollingUpdate") is not None:
        yield Misvalue(("rollingUpdate",), "may not stand beside `type: OnDelete`: take it out", ())


def _claimed(value: Mapping[str, Json]) -> Found:
    """``ValidateStatefulSetSpec``: each template is a volume of the pods, too, and has its name."""
    for index, claim in enumerate(fields.listed(value.get("volumeClaimTemplates"))):
        at = ("volumeClaimTemplates", index, "metadata", "name")
        yield from below(at, NAME(fields.value_at(claim, "metadata", "name")))


FIELDS: Fields = {
    "core.v1.ReplicationControllerSpec": {"replicas": NATURAL, "minReadySeconds": NATURAL, "selector": labels},
    # pkg/apis/apps/validation/validation.go
    "apps.v1.DeploymentSpec": dict.fromkeys(
        ("replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"), NATURAL
    ),
    "apps.v1.ReplicaSetSpec": dict.fromkeys(("replicas", "minReadySeconds"), NATURAL),
    "apps.v1.StatefulSetSpec": dict.fromkeys(("replicas", "minReadySeconds"), NATURAL),
    "apps.v1.DaemonSetSpec": dict.fromkeys(("minReadySeconds", "revisionHistoryLimit"), NATURAL),
    "apps.v1.RollingUpdateDeployment": {"maxSurge": PART, "maxUnavailable": share},
    "apps.v1.RollingUpdateDaemonSet": dict.fromkeys(("maxSurge", "maxUnavailable"), share),
    "apps.v1.RollingUpdateStatefulSetStrategy": {"partition": NATURAL},
    "apps.v1.StatefulSetPersistentVolumeClaimRetentionPolicy": dict.fromkeys(
        ("whenDeleted", "whenScaled"), if_said(one_of_words("Retain", "Delete"))
    ),
    # pkg/apis/batch/validation/validation.go
    "batch.v1.JobSpec": dict.fromkeys(
        ("parallelism", "completions", "backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished"), NATURAL
    ),
    "batch.v1.CronJobSpec": {
        "schedule": _schedule,
        "timeZone": _time_zone,
        **dict.fromkeys(("startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"), NATURAL),
    },
    # pkg/apis/policy/validation/validation.go
    "policy.v1.PodDisruptionBudgetSpec": {"minAvailable": share, "maxUnavailable": share},
}

TOGETHER: Together = {
    "core.v1.ReplicationControllerSpec": (_always,),
    "apps.v1.DeploymentSpec": (_always, _progress),
    "apps.v1.ReplicaSetSpec": (_always,),
    "apps.v1.StatefulSetSpec": (_always, _claimed),
    "apps.v1.StatefulSetUpdateStrategy": (_on_delete,),
    "apps.v1.RollingUpdateDaemonSet": (_surges_or_not,),
    "apps.v1.DaemonSetSpec": (_always,),
    "apps.v1.DeploymentStrategy": (_strategy,),
    "apps.v1.RollingUpdateDeployment": (_no_progress,),
    "batch.v1.JobSpec": (_never_always,),
    "policy.v1.PodDisruptionBudgetSpec": (not_both("minAvailable", "maxUnavailable"),),
}
