"""Wait until the deployed operator is Ready, and where it is not, say why: from its pods, their events and its log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lab.deployer import kubectl, rights
from lab.deployer.errors import DeployError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lab.deployer.kubectl import Body

DEPLOYMENT = "deployment/nuvop"
SELECTOR = "app.kubernetes.io/name=nuvop,app.kubernetes.io/instance=nuvop"
"""That of deploy/manager."""

LAST_LINES = 5
"""Of the log of a container that has ended."""


def wait(namespace: str, patience: int) -> None:
    """Return when the operator is Ready; raise DeployError that says why it is not after that many seconds."""
    code, _, errors = kubectl.attempt(
        "rollout", "status", DEPLOYMENT, f"--namespace={namespace}", f"--timeout={patience}s"
    )
    if code == 0:
        return
    here = f"--namespace={namespace}"
    own = pods(namespace)
    events = kubectl.find("events", here, "--field-selector=type=Warning")
    lines = [*reasons(kubectl.get(DEPLOYMENT, here), own, events), *_logs(own, here)]
    told = "\n".join(f"  {line}" for line in lines)
    raise DeployError(f"the operator in {namespace} is not Ready: {errors.strip()}\n{told}".rstrip())


def renew_token(namespace: str) -> bool:
    """Have the operator's pod made anew where it is older than its service account; return whether it is.

    A token counts only as long as the very service account that it was made for: that of one that was deleted and made
    again is refused for ever, and no probe ends a pod that waits for another one. Raises DeployError.
    """
    here = f"--namespace={namespace}"
    account = kubectl.get("serviceaccount", rights.ACCOUNT, here)["metadata"]["creationTimestamp"]
    living = [pod for pod in pods(namespace) if pod["status"].get("phase") in ("Pending", "Running")]
    is_old = any(pod["metadata"]["creationTimestamp"] < account for pod in living)
    if is_old:
        kubectl.run("rollout", "restart", DEPLOYMENT, here)
    return is_old


def pods(namespace: str) -> list[Body]:
    """The operator's pods; a shard's in the same namespace are others. Raises DeployError."""
    return kubectl.find("pods", f"--namespace={namespace}", f"--selector={SELECTOR}")


def reasons(deployment: Body, pods: Sequence[Body], events: Iterable[Body]) -> Iterator[str]:
    """What is in the way, a line each, the most telling first; nothing where nobody says anything."""
    for condition in _failing(deployment, {"ReplicaFailure": "True"}):
        yield f"Deployment: {condition}"
    for pod in pods:
        name = pod["metadata"]["name"]
        for condition in _failing(pod, {"PodScheduled": "False"}):
            yield f"Pod {name}: {condition}"
        for container in pod["status"].get("containerStatuses") or ():
            yield from (f"Pod {name}: {line}" for line in _container(container))
    own = {pod["metadata"]["name"] for pod in pods}
    for event in events:
        if event["involvedObject"]["name"] in own:
            times = event.get("count") or 1
            yield f"Event {event['reason']}{f' ({times} times)' if times > 1 else ''}: {event.get('message', '')}"


def _failing(obj: Body, bad: dict[str, str]) -> Iterator[str]:
    for condition in obj.get("status", {}).get("conditions") or ():
        if bad.get(condition["type"]) == condition["status"]:
            yield f"{condition.get('reason', '')}: {condition.get('message', '')}"


def _container(status: dict[str, Any]) -> Iterator[str]:
    """What a container waits for, how it has ended, or that it runs and is not ready."""
    if waiting := status["state"].get("waiting"):
        yield f"{waiting['reason']}: {waiting.get('message', '')}".rstrip(": ")
    for ended in (status["state"].get("terminated"), status.get("lastState", {}).get("terminated")):
        if ended:
            yield f"the container has ended with exit code {ended['exitCode']} ({ended.get('reason', '')})"
    if "running" in status["state"] and not status.get("ready"):
        yield "the container runs, and its readiness probe fails"


def _logs(pods: Iterable[Body], here: str) -> Iterator[str]:
    """The last lines of the logs; where a pod has none, kubectl says why."""
    for pod in pods:
        name = pod["metadata"]["name"]
        _, output, errors = kubectl.attempt("logs", name, here, f"--tail={LAST_LINES}")
        yield from (f"Pod {name}'s log: {line}" for line in (output or errors).splitlines())
