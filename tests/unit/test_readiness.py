"""The bodies are those of kstatus' own tests (pkg/kstatus/status/status_compute_test.go), filled up with what the
controllers of Kubernetes 1.36 write. ``differs`` marks where nuvop says something else than kstatus on purpose."""

from typing import Any

import pytest

from nuvop.readiness import Readiness, State, assess

READY, IN_PROGRESS, FAILED = State.READY, State.IN_PROGRESS, State.FAILED


def body(
    api_version: str, kind: str, spec: dict[str, Any] | None, status: dict[str, Any] | None, **metadata: Any
) -> dict[str, Any]:
    made: dict[str, Any] = {"apiVersion": api_version, "kind": kind, "metadata": {"name": "test", **metadata}}
    if spec is not None:
        made["spec"] = spec
    if status is not None:
        made["status"] = status
    return made


def condition(type_: str, status: str, reason: str = "", message: str = "") -> dict[str, str]:
    return {"type": type_, "status": status, "reason": reason, "message": message}


Case = tuple[str, dict[str, Any] | None, dict[str, Any] | None, State, str]

AVAILABLE = condition("Available", "True", "MinimumReplicasAvailable")
ROLLED_OUT = condition("Progressing", "True", "NewReplicaSetAvailable")
ROLLING = condition("Progressing", "True", "ReplicaSetUpdated")
TOO_LATE = condition("Progressing", "False", "ProgressDeadlineExceeded", 'ReplicaSet "x" has timed out progressing.')


def deployment(replicas: int, updated: int, ready: int, available: int, *conditions: dict[str, str]) -> dict[str, Any]:
    return {
        "observedGeneration": 1,
        "replicas": replicas,
        "updatedReplicas": updated,
        "readyReplicas": ready,
        "availableReplicas": available,
        "conditions": list(conditions),
    }


DEPLOYMENTS: list[Case] = [
    ("no status", {}, None, IN_PROGRESS, "its controller has not seen it yet"),
    ("empty status", {}, {}, IN_PROGRESS, "its controller has not seen it yet"),
    ("one by default", {}, deployment(1, 1, 1, 1, ROLLED_OUT, AVAILABLE), READY, ""),
    ("all", {"replicas": 3}, deployment(3, 3, 3, 3, ROLLED_OUT, AVAILABLE), READY, ""),
    ("none wanted", {"replicas": 0}, {"observedGeneration": 1, "conditions": [AVAILABLE, ROLLED_OUT]}, READY, ""),
    ("none of one by default", {}, {"observedGeneration": 1}, IN_PROGRESS, "0 of 1 replicas are up to date"),
    ("none made", {"replicas": 3}, {"observedGeneration": 1}, IN_PROGRESS, "0 of 3 replicas are up to date"),
    ("some old", {"replicas": 3}, deployment(4, 1, 4, 4, ROLLING), IN_PROGRESS, "1 of 3 replicas are up to date"),
    ("surge", {"replicas": 3}, deployment(4, 3, 4, 4, ROLLING), IN_PROGRESS, "1 old replicas are still there"),
    ("not available", {"replicas": 3}, deployment(3, 3, 3, 2), IN_PROGRESS, "2 of 3 replicas are available"),
    ("not ready", {"replicas": 3}, deployment(3, 3, 2, 3), IN_PROGRESS, "2 of 3 replicas are ready"),
    (
        "deadline exceeded",
        {"replicas": 3, "progressDeadlineSeconds": 600},
        deployment(3, 1, 2, 2, TOO_LATE),
        FAILED,
        'ReplicaSet "x" has timed out progressing.',
    ),
    (
        "no quota for pods",
        {"replicas": 1},
        {
            "observedGeneration": 1,
            "unavailableReplicas": 1,
            "conditions": [
                ROLLING,
                condition("Available", "False", "MinimumReplicasUnavailable"),
                condition("ReplicaFailure", "True", "FailedCreate", "exceeded quota"),
            ],
        },
        IN_PROGRESS,
        "0 of 1 replicas are up to date",
    ),
]


def stateful(
    replicas: int, ready: int, current: int, updated: int, now: str = "r1", next_: str = "r1"
) -> dict[str, Any]:
    return {
        "observedGeneration": 1,
        "replicas": replicas,
        "readyReplicas": ready,
        "currentReplicas": current,
        "updatedReplicas": updated,
        "currentRevision": now,
        "updateRevision": next_,
    }


ROLLING_UPDATE = {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}
"""What the API server makes of a StatefulSet that says nothing of it."""
PARTITION = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
STATEFUL = {"replicas": 4, "updateStrategy": ROLLING_UPDATE}

STATEFUL_SETS: list[Case] = [
    ("no status", STATEFUL, None, IN_PROGRESS, "its controller has not seen it yet"),
    ("all", STATEFUL, stateful(4, 4, 4, 4), READY, ""),
    (
        "as in kstatus",
        {"replicas": 4},
        {"observedGeneration": 1, "currentReplicas": 4, "readyReplicas": 4, "replicas": 4},
        READY,
        "",
    ),
    ("one by default", {}, stateful(1, 1, 1, 1), READY, ""),
    ("none of one by default", {}, {"observedGeneration": 1}, IN_PROGRESS, "0 of 1 replicas are ready"),
    ("none wanted", {**STATEFUL, "replicas": 0}, stateful(0, 0, 0, 0), READY, ""),
    ("less ready", STATEFUL, stateful(4, 2, 4, 4), IN_PROGRESS, "2 of 4 replicas are ready"),
    ("less replicas", STATEFUL, stateful(2, 2, 2, 2), IN_PROGRESS, "2 of 4 replicas are ready"),
    ("extra pods", STATEFUL, stateful(8, 4, 4, 4), IN_PROGRESS, "4 replicas too many are still there"),
    ("being updated", STATEFUL, stateful(4, 4, 3, 1, "r1", "r2"), IN_PROGRESS, "1 of 4 replicas are up to date"),
    ("on delete", {**STATEFUL, "updateStrategy": {"type": "OnDelete"}}, stateful(4, 0, 4, 0, "r1", "r2"), READY, ""),
    ("partition done", {**STATEFUL, "updateStrategy": PARTITION}, stateful(4, 4, 2, 2, "r1", "r2"), READY, ""),
    (
        "partition under way",
        {**STATEFUL, "updateStrategy": PARTITION},
        stateful(4, 4, 3, 1, "r1", "r2"),
        IN_PROGRESS,
        "1 of 2 replicas are up to date",
    ),
    (
        "partition above the replicas",
        {**STATEFUL, "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 9}}},
        stateful(4, 4, 4, 0, "r1", "r2"),
        READY,
        "",
    ),
]


def daemons(desired: int, current: int, updated: int, available: int, ready: int) -> dict[str, Any]:
    return {
        "observedGeneration": 1,
        "desiredNumberScheduled": desired,
        "currentNumberScheduled": current,
        "updatedNumberScheduled": updated,
        "numberAvailable": available,
        "numberReady": ready,
    }


DAEMON_SETS: list[Case] = [
    ("no status", {}, None, IN_PROGRESS, "its controller has not seen it yet"),
    (
        "bad status",
        {},
        {"observedGeneration": 1, "currentReplicas": 1},
        IN_PROGRESS,
        "its controller has not seen it yet",
    ),
    ("all", {}, daemons(4, 4, 4, 4, 4), READY, ""),
    (
        "no node",
        {},
        {"observedGeneration": 1, "desiredNumberScheduled": 0, "currentNumberScheduled": 0, "numberReady": 0},
        READY,
        "",
    ),
    ("less scheduled", {}, daemons(4, 3, 4, 4, 4), IN_PROGRESS, "3 of 4 pods are scheduled"),
    ("less updated", {}, daemons(4, 4, 1, 4, 4), IN_PROGRESS, "1 of 4 pods are up to date"),
    ("less available", {}, daemons(4, 4, 4, 2, 4), IN_PROGRESS, "2 of 4 pods are available"),
    ("less ready", {}, daemons(4, 4, 4, 4, 2), IN_PROGRESS, "2 of 4 pods are ready"),
]


def replicas(all_: int, labelled: int, available: int, ready: int, *conditions: dict[str, str]) -> dict[str, Any]:
    return {
        "observedGeneration": 1,
        "replicas": all_,
        "fullyLabeledReplicas": labelled,
        "availableReplicas": available,
        "readyReplicas": ready,
        "conditions": list(conditions),
    }


REPLICA_SETS: list[Case] = [
    ("no status", {"replicas": 2}, None, IN_PROGRESS, "its controller has not seen it yet"),
    ("all", {"replicas": 2}, replicas(2, 2, 2, 2), READY, ""),
    ("no failure", {"replicas": 2}, replicas(2, 2, 2, 2, condition("ReplicaFailure", "False")), READY, ""),
    ("none of one by default", {}, {"observedGeneration": 1}, IN_PROGRESS, "0 of 1 replicas are labelled"),
    ("none wanted", {"replicas": 0}, {"observedGeneration": 1, "replicas": 0}, READY, ""),
    ("less labelled", {"replicas": 4}, replicas(4, 2, 4, 4), IN_PROGRESS, "2 of 4 replicas are labelled"),
    ("less available", {"replicas": 4}, replicas(4, 4, 2, 4), IN_PROGRESS, "2 of 4 replicas are available"),
    ("less ready", {"replicas": 4}, replicas(4, 4, 4, 2), IN_PROGRESS, "2 of 4 replicas are ready"),
    ("extra pods", {"replicas": 1}, replicas(3, 1, 1, 1), IN_PROGRESS, "2 replicas too many are still there"),
    (
        "failure",
        {"replicas": 4},
        replicas(4, 4, 4, 4, condition("ReplicaFailure", "True", "FailedCreate", "exceeded quota")),
        IN_PROGRESS,
        "exceeded quota",
    ),
]

CRASH_LOOP = {"name": "nginx", "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}}}
NOT_READY = condition("Ready", "False", "ContainersNotReady")

PODS: list[Case] = [
    ("no status", {}, None, IN_PROGRESS, "its phase is unknown"),
    ("ready", {}, {"phase": "Running", "conditions": [condition("Ready", "True")]}, READY, ""),
    ("running", {}, {"phase": "Running", "conditions": [NOT_READY]}, IN_PROGRESS, "its phase is Running"),
    ("running, no conditions", {}, {"phase": "Running"}, IN_PROGRESS, "its phase is Running"),
    ("done", {}, {"phase": "Succeeded", "conditions": [condition("Ready", "False", "PodCompleted")]}, READY, ""),
    ("pending", {}, {"phase": "Pending", "conditions": [condition("PodScheduled", "True")]}, IN_PROGRESS,
     "its phase is Pending"),
    ("crash loop", {}, {"phase": "Running", "conditions": [NOT_READY], "containerStatuses": [
        {"name": "side", "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}, CRASH_LOOP]}, FAILED,
     "container nginx is in CrashLoopBackOff"),
    ("image", {}, {"phase": "Pending", "containerStatuses": [
        {"name": "nginx", "state": {"waiting": {"reason": "ImagePullBackOff"}}}]}, IN_PROGRESS, "its phase is Pending"),
    # differs: kstatus calls a failed pod Current.
    ("evicted", {}, {"phase": "Failed", "reason": "Evicted", "message": "low on memory"}, FAILED, "low on memory"),
    ("failed", {}, {"phase": "Failed"}, FAILED, "it has failed"),
    # differs: kstatus calls it Failed after 15 seconds; a cluster that grows by itself needs minutes.
    ("unschedulable", {}, {"phase": "Pending", "conditions": [
        condition("PodScheduled", "False", "Unschedulable", "0/3 nodes are available")]}, IN_PROGRESS,
     "0/3 nodes are available"),
]  # fmt: skip

JOBS: list[Case] = [
    ("no status", {}, None, IN_PROGRESS, "it has not started"),
    ("complete", {}, {"succeeded": 1, "active": 0, "conditions": [condition("Complete", "True")]}, READY, ""),
    ("failed", {"completions": 4}, {"succeeded": 3, "failed": 1, "startTime": "2019-06-04T01:17:13Z", "conditions": [
        condition("Failed", "True", "BackoffLimitExceeded", "Job has reached the specified backoff limit")]}, FAILED,
     "Job has reached the specified backoff limit"),
    ("failed without a message", {}, {"conditions": [condition("Failed", "True", "JobFailed")]}, FAILED, "JobFailed"),
    ("running", {"completions": 10}, {"startTime": "2019-06-04T01:17:13Z", "active": 2, "conditions": [
        condition("Failed", "False"), condition("Complete", "False")]}, READY, ""),
    ("suspended", {"suspend": True}, {"conditions": [condition("Suspended", "True", "JobSuspended")]}, READY, ""),
    ("resumed", {}, {"startTime": "2019-06-04T01:17:13Z", "conditions": [condition("Suspended", "False")]}, READY, ""),
]  # fmt: skip

CLAIMS: list[Case] = [
    ("no status", {}, None, IN_PROGRESS, "its phase is unknown"),
    ("pending", {}, {"phase": "Pending"}, IN_PROGRESS, "its phase is Pending"),
    ("lost", {}, {"phase": "Lost"}, IN_PROGRESS, "its phase is Lost"),
    ("bound", {}, {"phase": "Bound"}, READY, ""),
]

SERVICES: list[Case] = [
    ("default", {}, None, READY, ""),
    ("node port", {"type": "NodePort"}, {"loadBalancer": {}}, READY, ""),
    ("external name", {"type": "ExternalName", "externalName": "db.example"}, None, READY, ""),
    ("balancer", {"type": "LoadBalancer", "clusterIP": "1.2.3.4"}, {"loadBalancer": {}}, READY, ""),
    ("balancer without IP", {"type": "LoadBalancer"}, None, IN_PROGRESS, "it has no cluster IP yet"),
]

BUDGETS: list[Case] = [
    ("no status", {}, None, IN_PROGRESS, "its controller has not seen it yet"),
    ("observed", {}, {"observedGeneration": 1, "disruptionsAllowed": 0}, READY, ""),
]

OTHERS: list[Case] = [
    ("no status", {}, None, READY, ""),
    ("ready", {}, {"conditions": [condition("Ready", "True", "AllOk", "All looks ok")]}, READY, ""),
    ("not ready", {}, {"observedGeneration": 1, "conditions": [condition("Ready", "False", "NotReadyYet")]},
     IN_PROGRESS, "NotReadyYet"),
    ("perhaps ready", {}, {"conditions": [condition("Ready", "Unknown", "Asking", "asking")]}, IN_PROGRESS, "asking"),
    ("another condition", {}, {"conditions": [condition("SomeCondition", "False")]}, READY, ""),
    ("stalled", {}, {"conditions": [condition("Ready", "False"), condition("Stalled", "True", "NoQuota", "no quota")]},
     FAILED, "no quota"),
    ("not stalled", {}, {"conditions": [condition("Stalled", "False"), condition("Reconciling", "False")]}, READY, ""),
    ("reconciling", {}, {"conditions": [condition("Ready", "True"), condition("Reconciling", "True", "Working")]},
     IN_PROGRESS, "Working"),
    ("no reason", {}, {"conditions": [{"type": "Ready", "status": "False"}]}, IN_PROGRESS, "Ready is False"),
    ("null conditions", {}, {"conditions": None}, READY, ""),
]  # fmt: skip

KINDS: dict[tuple[str, str], list[Case]] = {
    ("apps/v1", "Deployment"): DEPLOYMENTS,
    ("apps/v1", "StatefulSet"): STATEFUL_SETS,
    ("apps/v1", "DaemonSet"): DAEMON_SETS,
    ("apps/v1", "ReplicaSet"): REPLICA_SETS,
    ("v1", "Pod"): PODS,
    ("batch/v1", "Job"): JOBS,
    ("v1", "PersistentVolumeClaim"): CLAIMS,
    ("v1", "Service"): SERVICES,
    ("policy/v1", "PodDisruptionBudget"): BUDGETS,
    ("something/v1", "MyCR"): OTHERS,
    # The rules are for the kinds of Kubernetes, not for all that are called so.
    ("serving.knative.dev/v1", "Service"): OTHERS,
}


@pytest.mark.parametrize(
    ("api_version", "kind", "case"),
    [pytest.param(*kind, case, id=f"{kind[1]} {case[0]}") for kind, cases in KINDS.items() for case in cases],
)
def test_readiness(api_version: str, kind: str, case: Case) -> None:
    _, spec, status, state, message = case
    assert assess(body(api_version, kind, spec, status, generation=1)) == Readiness(state, message)


READY_OF_EACH_KIND = [
    (*kind, next(case for case in cases if case[3] is READY and case[2] is not None)) for kind, cases in KINDS.items()
]


@pytest.mark.parametrize(("api_version", "kind", "case"), READY_OF_EACH_KIND)
def test_no_status_counts_before_the_newest_generation_was_seen(api_version: str, kind: str, case: Case) -> None:
    _, spec, status, _, _ = case
    old = {**(status or {}), "observedGeneration": 1}
    expected = Readiness(IN_PROGRESS, "its newest generation has not been seen yet")
    assert assess(body(api_version, kind, spec, old, generation=2)) == expected


@pytest.mark.parametrize(("api_version", "kind", "case"), READY_OF_EACH_KIND)
def test_what_is_being_deleted_is_not_ready(api_version: str, kind: str, case: Case) -> None:
    _, spec, status, _, _ = case
    deleting = body(api_version, kind, spec, status, generation=1, deletionTimestamp="2026-01-01T00:00:00Z")
    assert assess(deleting) == Readiness(IN_PROGRESS, "is being deleted")


def test_a_failure_of_an_old_generation_is_none() -> None:
    status = {**deployment(3, 1, 2, 2, TOO_LATE), "observedGeneration": 1}
    assert assess(body("apps/v1", "Deployment", {"replicas": 3}, status, generation=2)).state is IN_PROGRESS


@pytest.mark.parametrize("kind", ["ConfigMap", "Secret", "ServiceAccount"])
def test_what_has_no_status_is_ready_once_it_is_there(kind: str) -> None:
    assert assess(body("v1", kind, None, None)).state is READY


def test_a_cron_job_is_always_ready() -> None:
    assert assess(body("batch/v1", "CronJob", {"schedule": "* * * * *"}, {}, generation=1)).state is READY


def test_an_observed_generation_may_be_a_string() -> None:
    rollout = body("argoproj.io/v1alpha1", "Rollout", {}, {"observedGeneration": "1"}, generation=2)
    assert assess(rollout).state is not FAILED


@pytest.mark.parametrize(
    "status",
    [{"conditions": {"Ready": "True"}}, {"conditions": ["Ready"]}, "Ready", {"observedGeneration": "main@sha1:0f"}],
)
def test_a_status_of_another_shape_is_no_error(status: Any) -> None:
    assert assess(body("something/v1", "MyCR", {}, status, generation=1)).state is READY


def test_a_deployment_that_scales_down_is_not_ready_yet() -> None:
    scaling = body(
        "apps/v1", "Deployment", {"replicas": 2}, deployment(5, 5, 5, 5, ROLLED_OUT, AVAILABLE), generation=1
    )
    assert assess(scaling).state is IN_PROGRESS
