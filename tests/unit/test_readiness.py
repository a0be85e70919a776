"""kstatus's own cases stand in ``kstatus/``. The tables here fill them up with what the controllers of Kubernetes 1.36
write, and say what a user reads."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuvop import yamltext
from nuvop.errors import FieldPathError
from nuvop.readiness import SCHEDULE_WINDOW, Readiness, Rule, State, assess, parse_rule

READY, IN_PROGRESS, FAILED = State.READY, State.IN_PROGRESS, State.FAILED
NOW = datetime(2026, 1, 1, tzinfo=UTC)

KSTATUS = sorted(Path(__file__).with_name("kstatus").glob("*.yaml"))
KSTATUS_CASES = [(path.stem, case) for path in KSTATUS for case in yamltext.load(path.read_bytes())]
KSTATUS_STATES = {"Current": READY, "InProgress": IN_PROGRESS, "Failed": FAILED}

DIFFERS = {
    ("pod", "podCompletedFailed"): (FAILED, "a CR whose Pod has failed does not do what it is there for"),
}
"""Where nuvop says something else than kstatus on purpose: the case, what nuvop says, and why."""


@pytest.mark.parametrize(
    ("table", "case"), [pytest.param(table, case, id=f"{table} {case['name']}") for table, case in KSTATUS_CASES]
)
def test_kstatus_case(table: str, case: dict[str, Any]) -> None:
    theirs = KSTATUS_STATES[case["status"]]
    expected, _ = DIFFERS.get((table, case["name"]), (theirs, ""))
    assert assess(case["object"], now=NOW).state is expected


def test_every_case_of_kstatus_is_there() -> None:
    assert len(KSTATUS_CASES) == 59
    theirs = {(table, case["name"]): KSTATUS_STATES[case["status"]] for table, case in KSTATUS_CASES}
    assert all(theirs[case] is not state for case, (state, _) in DIFFERS.items())


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
PAUSED = condition("Progressing", "Unknown", "DeploymentPaused", "Deployment is paused")
UNAVAILABLE = condition(
    "Available", "False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability."
)
DEADLINE = {"progressDeadlineSeconds": 600}
"""What the API server makes of a Deployment that says nothing of it."""
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
    ("all", {"replicas": 3, **DEADLINE}, deployment(3, 3, 3, 3, AVAILABLE, ROLLED_OUT), READY, ""),
    ("no deadline", {"progressDeadlineSeconds": 2147483647}, deployment(1, 1, 1, 1, AVAILABLE), READY, ""),
    ("not rolled out", DEADLINE, deployment(1, 1, 1, 1, AVAILABLE, ROLLING), IN_PROGRESS, "ReplicaSetUpdated"),
    ("paused", DEADLINE, deployment(1, 1, 1, 1, AVAILABLE, PAUSED), IN_PROGRESS, "Deployment is paused"),
    ("no Progressing", DEADLINE, deployment(1, 1, 1, 1, AVAILABLE), IN_PROGRESS, "its rollout is not complete"),
    ("unavailable", DEADLINE, deployment(1, 1, 1, 1, ROLLED_OUT, UNAVAILABLE), IN_PROGRESS,
     "Deployment does not have minimum availability."),
    ("no Available", DEADLINE, deployment(1, 1, 1, 1, ROLLED_OUT), IN_PROGRESS, "it is not available"),
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
        "0 of 1 replicas are up to date: exceeded quota",
    ),
    ("quota is back", {"replicas": 2}, deployment(1, 1, 1, 1, condition("ReplicaFailure", "False", "", "no quota")),
     IN_PROGRESS, "1 of 2 replicas are up to date"),
    ("surplus", {"replicas": 2}, deployment(5, 5, 5, 5, ROLLED_OUT, AVAILABLE), IN_PROGRESS,
     "3 replicas too many are still there"),
]  # fmt: skip


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
    ("less replicas than were ready", STATEFUL, stateful(2, 4, 4, 4), IN_PROGRESS, "2 of 4 replicas are ready"),
    ("extra pods", STATEFUL, stateful(8, 4, 4, 4), IN_PROGRESS, "4 replicas too many are still there"),
    ("being updated", STATEFUL, stateful(4, 4, 3, 1, "r1", "r2"), IN_PROGRESS, "1 of 4 replicas are up to date"),
    ("on delete", {**STATEFUL, "updateStrategy": {"type": "OnDelete"}}, stateful(4, 0, 4, 0, "r1", "r2"), READY, ""),
    ("updated, revision not yet counted as current", STATEFUL, stateful(4, 4, 0, 4, "r1", "r2"), READY, ""),
    ("no strategy, being updated", {"replicas": 4}, stateful(4, 4, 4, 1, "r1", "r2"), IN_PROGRESS,
     "1 of 4 replicas are up to date"),
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
]  # fmt: skip


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
    ("not observed", {}, {"desiredNumberScheduled": 0}, IN_PROGRESS, "its controller has not seen it yet"),
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


def container(name: str, state: str, reason: str = "", **more: Any) -> dict[str, Any]:
    return {"name": name, "ready": state == "running", "state": {state: {"reason": reason, **more}}}


CRASH_LOOP = container("nginx", "waiting", "CrashLoopBackOff", message="back-off 5m0s")
RUNNING = container("side", "running", startedAt="2026-01-01T00:00:00Z")
NO_IMAGE = container("nginx", "waiting", "ImagePullBackOff", message="Back-off pulling image")
NOT_READY = condition("Ready", "False", "ContainersNotReady", "containers with unready status: [nginx]")
NO_NODE = condition("PodScheduled", "False", "Unschedulable", "0/3 nodes are available")

PODS: list[Case] = [
    ("no status", {}, None, IN_PROGRESS, "its phase is unknown"),
    ("node is lost", {}, {"phase": "Unknown"}, IN_PROGRESS, "its phase is Unknown"),
    ("ready", {}, {"phase": "Running", "conditions": [condition("Ready", "True")]}, READY, ""),
    ("ready once, now done", {}, {"phase": "Failed", "conditions": [condition("Ready", "True")]}, FAILED,
     "it has failed"),
    ("running", {}, {"phase": "Running", "conditions": [NOT_READY], "containerStatuses": [RUNNING]}, IN_PROGRESS,
     "containers with unready status: [nginx]"),
    ("running, no conditions", {}, {"phase": "Running"}, IN_PROGRESS, "it is running, but not ready"),
    ("done", {}, {"phase": "Succeeded", "conditions": [condition("Ready", "False", "PodCompleted")]}, READY, ""),
    ("pending", {}, {"phase": "Pending", "conditions": [condition("PodScheduled", "True")],
     "containerStatuses": [{"name": "app"}]}, IN_PROGRESS, "its phase is Pending"),
    ("crash loop", {}, {"phase": "Running", "conditions": [NOT_READY], "containerStatuses": [RUNNING, CRASH_LOOP]},
     FAILED, "container nginx is in CrashLoopBackOff"),
    ("crash loop beside a missing image", {}, {"phase": "Pending", "containerStatuses": [CRASH_LOOP]}, IN_PROGRESS,
     "container nginx: CrashLoopBackOff"),
    ("crash loop overcome", {}, {"phase": "Running", "conditions": [condition("Ready", "True")],
     "containerStatuses": [CRASH_LOOP]}, READY, ""),
    ("image", {}, {"phase": "Pending", "containerStatuses": [RUNNING, NO_IMAGE]}, IN_PROGRESS,
     "container nginx: ImagePullBackOff"),
    ("image of one", {}, {"phase": "Running", "conditions": [NOT_READY], "containerStatuses": [RUNNING, NO_IMAGE]},
     IN_PROGRESS, "container nginx: ImagePullBackOff"),
    ("image of an init container", {}, {"phase": "Pending", "containerStatuses": [
        container("app", "waiting", "PodInitializing")], "initContainerStatuses": [NO_IMAGE]}, IN_PROGRESS,
     "container nginx: ImagePullBackOff"),
    ("initializing", {}, {"phase": "Pending", "containerStatuses": [container("app", "waiting", "PodInitializing")],
     "initContainerStatuses": [RUNNING]}, IN_PROGRESS, "its phase is Pending"),
    ("evicted", {}, {"phase": "Failed", "reason": "Evicted", "message": "low on memory",
     "containerStatuses": [container("app", "terminated", "Error", exitCode=137)]}, FAILED, "low on memory"),
    ("evicted without a message", {}, {"phase": "Failed", "reason": "Evicted"}, FAILED, "Evicted"),
    ("ended badly", {}, {"phase": "Failed", "containerStatuses": [
        container("side", "terminated", "Completed", exitCode=0), container("app", "terminated", "Error", exitCode=3)]},
     FAILED, "container app ended with exit code 3"),
    ("init container ended badly", {}, {"phase": "Failed", "initContainerStatuses": [
        container("init", "terminated", "Error", exitCode=1)]}, FAILED, "container init ended with exit code 1"),
    ("failed", {}, {"phase": "Failed"}, FAILED, "it has failed"),
    # A cluster that grows by itself needs minutes; whoever asks for kstatus's 15 seconds says what time it is.
    ("unschedulable", {}, {"phase": "Pending", "conditions": [NO_NODE]}, IN_PROGRESS, "0/3 nodes are available"),
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

DEFINITIONS: list[Case] = [
    ("no status", {}, None, IN_PROGRESS, "it is being installed"),
    ("installing", {}, {"conditions": [condition("NamesAccepted", "True", "NoConflicts"),
     condition("Established", "False", "Installing", "the initial names have been accepted")]}, IN_PROGRESS,
     "it is being installed"),
    ("established", {}, {"conditions": [condition("NamesAccepted", "True"), condition("Established", "True")]}, READY,
     ""),
    ("names taken", {}, {"conditions": [
        condition("NamesAccepted", "False", "ShortNamesConflict", '"sam" is already in use'),
        condition("Established", "False", "NotAccepted", "not all names are accepted")]}, FAILED,
     '"sam" is already in use'),
    ("not accepted", {}, {"conditions": [condition("Established", "False", "NotAccepted", "not all are accepted")]},
     FAILED, "not all are accepted"),
]  # fmt: skip

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
    ("odd message", {}, {"conditions": [{"type": "Ready", "status": "False", "message": {"en": "no"}}]}, IN_PROGRESS,
     "Ready is False"),
    ("odd status", {}, {"conditions": [{"type": "Ready", "status": False}]}, READY, ""),
    ("stalled while it tries", {}, {"conditions": [condition("Reconciling", "True"), condition("Stalled", "True")]},
     FAILED, "Stalled is True"),
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
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"): DEFINITIONS,
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


def test_an_observed_generation_may_be_a_string() -> None:
    rollout = body("argoproj.io/v1alpha1", "Rollout", {}, {"observedGeneration": "1"}, generation=2)
    assert assess(rollout) == Readiness(IN_PROGRESS, "its newest generation has not been seen yet")


def test_a_status_restored_from_a_backup_does_not_count() -> None:
    restored = body("apps/v1", "Deployment", {}, {**deployment(1, 1, 1, 1, AVAILABLE), "observedGeneration": 7})
    restored["metadata"]["generation"] = 1
    assert assess(restored).state is IN_PROGRESS


def test_what_has_no_generation_has_no_old_one() -> None:
    assert assess(body("something/v1", "MyCR", {}, {"observedGeneration": 3})).state is READY


# --- a Pod that no node has room for ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age", "state"),
    [(timedelta(0), IN_PROGRESS), (SCHEDULE_WINDOW - timedelta(seconds=1), IN_PROGRESS), (SCHEDULE_WINDOW, FAILED)],
)
def test_an_unschedulable_pod_fails_after_the_window_of_kstatus(age: timedelta, state: State) -> None:
    status = {"phase": "Pending", "conditions": [NO_NODE]}
    created = (NOW - age).isoformat().replace("+00:00", "Z")
    pod = body("v1", "Pod", {}, status, creationTimestamp=created)
    assert assess(pod, now=NOW) == Readiness(state, "0/3 nodes are available")


def test_a_pod_that_waits_for_its_scheduling_gates_does_not_fail() -> None:
    gated = condition("PodScheduled", "False", "SchedulingGated", "Scheduling is blocked due to non-empty gates")
    pod = body("v1", "Pod", {}, {"phase": "Pending", "conditions": [gated]})
    assert assess(pod, now=NOW) == Readiness(IN_PROGRESS, "Scheduling is blocked due to non-empty gates")


# --- the first status ------------------------------------------------------------------------------------------------

NO_STATUS = Readiness(IN_PROGRESS, "it has no status yet")


@pytest.mark.parametrize("status", [None, {}])
@pytest.mark.parametrize("api_version", ["cert-manager.io/v1", "gateway.networking.k8s.io/v1", "example.com/v1alpha1"])
def test_a_custom_resource_is_not_ready_before_its_first_status(api_version: str, status: Any) -> None:
    custom = body(api_version, "Thing", {}, status, generation=1)
    assert assess(custom, has_status=True) == NO_STATUS
    assert assess(custom, has_status=False) == Readiness(READY)


def test_a_first_status_without_conditions_is_enough() -> None:
    custom = body("example.com/v1", "Thing", {}, {"url": "https://example.com"}, generation=1)
    assert assess(custom, has_status=True).state is READY


@pytest.mark.parametrize(
    ("api_version", "kind"),
    [
        ("v1", "ConfigMap"),
        ("v1", "ResourceQuota"),
        ("v1", "Service"),
        ("batch/v1", "CronJob"),
        ("autoscaling/v2", "HorizontalPodAutoscaler"),
        ("networking.k8s.io/v1", "Ingress"),
        ("certificates.k8s.io/v1", "CertificateSigningRequest"),
        ("resource.k8s.io/v1", "ResourceClaim"),
        ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy"),
        ("apiregistration.k8s.io/v1", "APIService"),
        ("flowcontrol.apiserver.k8s.io/v1", "FlowSchema"),
        ("internal.apiserver.k8s.io/v1alpha1", "StorageVersion"),
        ("scheduling.k8s.io/v1alpha2", "PodGroup"),
        ("storage.k8s.io/v1", "VolumeAttachment"),
        ("storagemigration.k8s.io/v1beta1", "StorageVersionMigration"),
    ],
)
def test_the_kinds_of_kubernetes_may_keep_an_empty_status(api_version: str, kind: str) -> None:
    assert assess(body(api_version, kind, {}, {}, generation=1), has_status=True).state is READY


# --- rules of a kind's folder ----------------------------------------------------------------------------------------


def judged(rule: str, status: Any, kind: str = "Thing", has_status: bool = True, **more: Any) -> tuple[State, str]:
    obj = {**body("example.com/v1", kind, None, status, generation=2), **more}
    found = assess(obj, parse_rule(rule), has_status=has_status)
    return found.state, found.message


OLD = (IN_PROGRESS, "its newest generation has not been seen yet")
ISSUED = {"type": "Ready", "status": "True"}
ISSUING = condition("Ready", "False", "Issuing", "waits for the issuer")
STALLED = condition("Stalled", "True", "NoQuota", "no quota")


@pytest.mark.parametrize(
    ("rule", "status", "expected"),
    [
        ("Ready=True", {"conditions": [ISSUED]}, (READY, "")),
        ("Ready=True", {"conditions": [ISSUING]}, (IN_PROGRESS, "Ready is False: waits for the issuer")),
        ("Ready=True", {"conditions": [{"type": "Ready", "status": "Unknown"}]}, (IN_PROGRESS, "Ready is Unknown")),
        ("Ready=False", {"conditions": [ISSUING]}, (READY, "")),
        ("Ready=True|Unknown", {"conditions": [{"type": "Ready", "status": "Unknown"}]}, (READY, "")),
        ("Synced=True", {"conditions": [ISSUED]}, (IN_PROGRESS, "it has no condition Synced")),
        ("Ready=True", None, (IN_PROGRESS, "it has no condition Ready")),
        ("example.com/Up=True", {"conditions": [{"type": "example.com/Up", "status": "True"}]}, (READY, "")),
        # kstatus's own reading of Ready and Reconciling is not asked.
        ("Synced=True", {"conditions": [ISSUING, {"type": "Synced", "status": "True"}]}, (READY, "")),
        ("Ready=True", {"conditions": [ISSUED, condition("Reconciling", "True")]}, (READY, "")),
        ("Ready=True", {"conditions": [ISSUED, STALLED]}, (FAILED, "no quota")),
        # Of which generation the condition is.
        ("Ready=True", {"conditions": [{**ISSUED, "observedGeneration": 2}]}, (READY, "")),
        ("Ready=True", {"conditions": [{**ISSUED, "observedGeneration": 1}]}, OLD),
        ("Ready=True", {"observedGeneration": 1, "conditions": [ISSUED]}, OLD),
        ("Ready=True", {"observedGeneration": 1, "conditions": [STALLED]}, OLD),
        ("Ready=True", {"observedGeneration": 2, "conditions": [{**ISSUED, "observedGeneration": 1}]}, OLD),
        ("Ready=True", {"observedGeneration": 3, "conditions": [{**ISSUED, "observedGeneration": 3}]}, (READY, "")),
        # Odd shapes.
        ("Ready=True", {"conditions": [{"type": "Ready", "status": True}]}, (IN_PROGRESS, "Ready is true")),
        ("Ready=True", {"conditions": [{"type": "Ready"}]}, (IN_PROGRESS, "Ready is null")),
        ("Ready=True", {"conditions": [{"type": "Ready", "status": ["True"]}]}, (IN_PROGRESS, "Ready is a list")),
        ("Ready=True", "Ready", (IN_PROGRESS, "it has no condition Ready")),
    ],
)
def test_a_rule_asks_for_a_condition(rule: str, status: Any, expected: tuple[State, str]) -> None:
    assert judged(rule, status) == expected


@pytest.mark.parametrize(
    ("rule", "status", "expected"),
    [
        ("status.phase=Running", {"phase": "Running"}, (READY, "")),
        ("status.phase=Running", {"phase": "Pending"}, (IN_PROGRESS, "status.phase is Pending, not Running")),
        ("status.phase=Running|Succeeded", {"phase": "Succeeded"}, (READY, "")),
        (" status.phase = Running | Succeeded ", {"phase": "Succeeded"}, (READY, "")),
        ("status.phase=Running|Succeeded", {"phase": "Run"}, (
            IN_PROGRESS, "status.phase is Run, not Running or Succeeded")),
        ("status.phase=Running", {}, (IN_PROGRESS, "it has no status.phase")),
        ("status.phase=Running", None, (IN_PROGRESS, "it has no status.phase")),
        ("status.phase=Running", {"phase": "Running", "observedGeneration": 1}, OLD),
        ("status.phase=Running", {"phase": "Running", "conditions": [STALLED]}, (READY, "")),
        ("status.ready=3", {"ready": 3}, (READY, "")),
        ("status.ready=true", {"ready": True}, (READY, "")),
        ("status.ready=true", {"ready": False}, (IN_PROGRESS, "status.ready is false, not true")),
        ("status.error=null", {"error": None}, (READY, "")),
        ("status.url=a=b", {"url": "a=b"}, (READY, "")),
        ("status.conditions.[type=Up].status=True", {"conditions": [{"type": "Up", "status": "True"}]}, (READY, "")),
        # All values that a path leads to.
        ("status.shards.*.phase=Up", {"shards": [{"phase": "Up"}, {"phase": "Up"}]}, (READY, "")),
        ("status.shards.*.phase=Up", {"shards": [{"phase": "Up"}, {"phase": "Down"}]}, (
            IN_PROGRESS, "status.shards.*.phase is Down, not Up")),
        # Odd shapes.
        ("status.phase=Running", {"phase": {"now": "Running"}}, (
            IN_PROGRESS, "status.phase is a mapping, not Running")),
        ("status.phase=Running", {"phase": ["Running"]}, (IN_PROGRESS, "status.phase is a list, not Running")),
        ("status.phase=[]", {"phase": []}, (IN_PROGRESS, "status.phase is a list, not []")),
        ("status.phase=Running", "Running", (IN_PROGRESS, "it has no status.phase")),
        ("status.log=done", {"log": "x" * 99}, (IN_PROGRESS, f"status.log is {'x' * 59}…, not done")),
    ],
)  # fmt: skip
def test_a_rule_asks_for_a_field(rule: str, status: Any, expected: tuple[State, str]) -> None:
    assert judged(rule, status) == expected


def test_the_value_of_a_secret_is_shown_nowhere() -> None:
    state, message = judged("data.ready=eWVz", None, kind="Secret", data={"ready": "aHVudGVyMg=="})
    assert (state, message) == (IN_PROGRESS, "data.ready is not eWVz")


@pytest.mark.parametrize("status", [None, {}, {"observedGeneration": 1}, {"conditions": [ISSUING, STALLED]}])
def test_what_need_only_be_there_is_ready_at_once(status: Any) -> None:
    assert judged("exists", status) == (READY, "")


@pytest.mark.parametrize("rule", ["exists", "Ready=True", "status.phase=Running"])
def test_no_rule_makes_ready_what_is_being_deleted(rule: str) -> None:
    status = {"phase": "Running", "conditions": [ISSUED]}
    deleting = body("example.com/v1", "Thing", {}, status, deletionTimestamp="2026-01-01T00:00:00Z")
    assert assess(deleting, parse_rule(rule)) == Readiness(IN_PROGRESS, "is being deleted")


def test_a_rule_takes_the_place_of_what_kstatus_says_of_a_kind() -> None:
    paused = body("apps/v1", "Deployment", DEADLINE, deployment(1, 1, 1, 1, AVAILABLE, PAUSED), generation=1)
    assert assess(paused).state is IN_PROGRESS
    assert assess(paused, parse_rule("Available=True")).state is READY


def test_a_rule_remembers_how_it_was_written() -> None:
    texts = ["Ready=True", " status.phase = Running|Succeeded", "exists "]
    assert [parse_rule(text).text for text in texts] == texts
    assert parse_rule("Ready=True") == Rule("Ready=True", condition="Ready", wanted=("True",))


PATH = "a field has a path, as status.phase"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "'' is none of CONDITION=STATUS, FIELD=VALUE, exists"),
        ("Ready", "'Ready' is none of CONDITION=STATUS, FIELD=VALUE, exists"),
        ("Exists", "'Exists' is none of CONDITION=STATUS, FIELD=VALUE, exists"),
        ("=True", "'=True' is none of CONDITION=STATUS, FIELD=VALUE, exists"),
        ("status.[type=Up", "'status.[type=Up' is none of CONDITION=STATUS, FIELD=VALUE, exists"),
        ("Ready=", "'Ready=' lacks a value after '=' or '|'"),
        ("status.phase=Running|", "'status.phase=Running|' lacks a value after '=' or '|'"),
        ("Ready=true", f"'Ready=true': a condition is True, False or Unknown, never 'true'; {PATH}"),
        ("phase=Running", f"'phase=Running': a condition is True, False or Unknown, never 'Running'; {PATH}"),
        ("status..phase=Up", "field path 'status..phase' cannot be read at '.phase'"),
        (".status.phase=Up", "field path '.status.phase' cannot be read at '.status.phase'"),
        ("status.[]=Up", "field path 'status.[]' has empty brackets"),
    ],
)
def test_a_rule_that_cannot_be_read(text: str, why: str) -> None:
    with pytest.raises(FieldPathError) as error:
        parse_rule(text)
    assert str(error.value) == why


# --- what a CRD allows -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "status",
    [{"conditions": {"Ready": "True"}}, {"conditions": ["Ready"]}, "Ready", {"observedGeneration": "main@sha1:0f"},
     {"observedGeneration": "9" * 5000}],
)  # fmt: skip
def test_a_status_of_another_shape_is_no_error(status: Any) -> None:
    assert assess(body("something/v1", "MyCR", {}, status, generation=1), has_status=True).state is READY


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4)
WORDS = st.sampled_from(["type", "status", "conditions", "observedGeneration", "message", "reason", "phase"])
VALUES = SCALARS | st.sampled_from(["Ready", "Stalled", "Reconciling", "True", "False", "Unknown"])
ODD = st.recursive(
    VALUES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4), max_leaves=12
)
CONDITIONS = st.lists(ODD | st.dictionaries(st.sampled_from(["type", "status", "message", "reason"]), ODD), max_size=3)
STATUSES = ODD | st.fixed_dictionaries({}, optional={"conditions": CONDITIONS, "observedGeneration": ODD, "phase": ODD})
RULES = st.sampled_from([None, *map(parse_rule, ["exists", "Ready=True", "status.phase=Up", "status.*.type=Ready"])])


@given(status=STATUSES, spec=ODD, rule=RULES, has_status=st.booleans())
def test_no_shape_of_a_custom_resource_is_an_error(status: Any, spec: Any, rule: Rule | None, has_status: bool) -> None:
    found = assess(body("example.com/v1", "Thing", spec, status, generation=2), rule, has_status=has_status)
    assert isinstance(found.message, str)
    assert (found.state is READY) == (found.message == "")


def test_a_default_of_minus_one_means_that_nobody_has_looked_yet() -> None:
    """What nuvop's own CRDs give a new resource, so that it does not look reconciled."""
    widget = {
        "apiVersion": "example.org/v1",
        "kind": "Widget",
        "metadata": {"name": "x", "generation": 1},
        "status": {"observedGeneration": -1},
    }
    assert assess(widget, has_status=True).state is IN_PROGRESS
