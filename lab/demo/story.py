"""What the demo tells: the life of one Sample. Each step ends when what it tells of has been seen to be true."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lab.controlplane.paths import PROJECT
from lab.demo.clusters import CR, CRD, NAMESPACE
from lab.demo.errors import StepFailed
from lab.demo.operator import LOG, Operator

if TYPE_CHECKING:
    from contextlib import ExitStack
    from pathlib import Path

    from lab.demo.shell import Shell

KIND = "kustomize/samples"
EXAMPLE = f"{KIND}/examples/obj.yaml"
OVERLAY = f"generated/samples/{NAMESPACE}/{CR}"
DEPLOYMENT = f"{CR}-demo-deploy"
CHILDREN = f"nuvop.nuvolaris.org/instance=samples-{CR}"
IN_NAMESPACE = ("kubectl", "-n", NAMESPACE)

STEPS = 9
"""The first is the cluster's."""


def play(shell: Shell, operator: Operator, ends: ExitStack) -> None:
    """Play all steps but the first; raises StepFailed at the first that does not come true."""
    _install_the_type(shell)
    _start_the_operator(shell, operator, ends)
    _apply_a_sample(shell)
    _read_the_patch(shell)
    _see_the_deployment(shell)
    _change_the_count(shell)
    _change_by_hand(shell)
    _delete_the_sample(shell)


def _install_the_type(shell: Shell) -> None:
    shell.show.step("Teach it the kind Sample")
    shell.run("kubectl", "apply", "-f", f"{KIND}/crd.yaml")
    shell.run("kubectl", "wait", "--for=condition=Established", f"crd/{CRD}", f"--timeout={shell.patience:.0f}s")
    if not shell.ask("kubectl", "get", "namespace", NAMESPACE, "--ignore-not-found", "--output=name"):
        shell.run("kubectl", "create", "namespace", NAMESPACE)
    shell.show.meaning("Kubernetes now stores Samples, sam for short. Nothing acts on them yet.")


def _start_the_operator(shell: Shell, operator: Operator, ends: ExitStack) -> None:
    shell.show.step("Start the operator")
    log = str(LOG.relative_to(PROJECT))
    shell.show.typed(f"poetry run kopf run -n {NAMESPACE} > {log} 2>&1 &")
    ends.enter_context(operator.running(shell.environment))
    shell.run_until("an operator that has logged in", str.strip, "grep", "-o", "logged in .*", log)
    shell.show.meaning(f"It serves each folder in kustomize/. {KIND} holds YAML, no code.")


def _apply_a_sample(shell: Shell) -> None:
    shell.show.step("Ask for 2 replicas, and see the Sample become Ready")
    with shell.watching(*IN_NAMESPACE, "get", "sam", "--watch", empty=True):
        shell.run("kubectl", "apply", "-f", EXAMPLE)
        _wait_until_ready(shell)
    shell.show.meaning("The operator made files of it, applied them, and tells what became of them.")


def _read_the_patch(shell: Shell) -> None:
    shell.show.step("Read what was generated")
    path = _see_replicas_on_disk(shell, 2)
    shell.run("cat", str(path.relative_to(PROJECT)))
    shell.show.meaning(f"spec.count became spec.replicas, as {KIND}/kind.yaml says.")


def _see_the_deployment(shell: Shell) -> None:
    shell.show.step("See the Deployment")
    _see_replicas(shell, 2)
    shell.run(*IN_NAMESPACE, "get", "deploy,pods", "-l", CHILDREN)
    shell.show.meaning(f"It is demo-deploy of {KIND}, with the Sample's name and count.")


def _change_the_count(shell: Shell) -> None:
    shell.show.step("Change count to 3")
    with shell.watching(*IN_NAMESPACE, "get", "sam", CR, "--watch"):
        shell.run(*IN_NAMESPACE, "patch", "sam", CR, "--type=merge", "-p", '{"spec":{"count":3}}')
        _wait_until_ready(shell)
    path = _see_replicas_on_disk(shell, 3)
    _see_replicas(shell, 3)
    shell.run("grep", "-A1", "/spec/replicas", str(path.relative_to(PROJECT)))
    shell.show.meaning("The files followed, and then the Deployment.")


def _change_by_hand(shell: Shell) -> None:
    shell.show.step("Scale the Deployment by hand, behind the operator's back")
    with shell.watching(*IN_NAMESPACE, "get", "deploy", DEPLOYMENT, "--watch"):
        shell.run(*IN_NAMESPACE, "scale", f"deploy/{DEPLOYMENT}", "--replicas", "5")
        _see_replicas(shell, 3)
    log = str(LOG.relative_to(PROJECT))
    shell.run_until("a word of the operator about it", str.strip, "grep", "-o", "putting back.*", log)
    shell.show.meaning("It put back the 3 of the Sample, and its log names the field and who it was.")


def _delete_the_sample(shell: Shell) -> None:
    shell.show.step("Delete the Sample")
    # Foreground: the garbage collector looks for new kinds every 30 seconds. Of a CR that is gone by then it learns
    # when it tries its children again, later and later; one that waits for its children it sees at once.
    shell.show.aside("This may take 30 seconds: the garbage collector has yet to learn of the kind.")
    shell.run(*IN_NAMESPACE, "delete", "-f", EXAMPLE, "--cascade=foreground", f"--timeout={shell.patience:.0f}s")
    children = (*IN_NAMESPACE, "get", "deploy,rs,pods", "-l", CHILDREN)
    shell.run_until("no Deployment, ReplicaSet or Pod", lambda output: output.startswith("No resources"), *children)
    shell.until("no overlay on disk", (PROJECT / OVERLAY).exists, lambda there: not there)
    shell.run("ls", OVERLAY, expect=2)
    shell.show.meaning("Its children went with it, and so did its files.")


def _wait_until_ready(shell: Shell) -> None:
    def look() -> dict[str, str]:
        """Messages of the conditions that are True and speak of the present generation."""
        sample = shell.get(CRD, CR, "--namespace", NAMESPACE)
        generation = sample["metadata"]["generation"]
        conditions = sample.get("status", {}).get("conditions", [])
        present = [c for c in conditions if c["status"] == "True" and c["observedGeneration"] == generation]
        return {condition["type"]: condition["message"] for condition in present}

    expected = f"Sample {CR} is Ready"
    seen = shell.until(expected, look, lambda conditions: conditions.keys() & {"Ready", "Stalled"})
    if "Stalled" in seen:
        raise StepFailed(expected, f"it is Stalled: {seen['Stalled']}")
    shell.run(*IN_NAMESPACE, "wait", "--for=condition=Ready", f"sam/{CR}", f"--timeout={shell.patience:.0f}s")


def _see_replicas_on_disk(shell: Shell, count: int) -> Path:
    """The patch file that sets that many replicas."""

    def look() -> dict[Path, Any]:
        files = sorted((PROJECT / OVERLAY).glob("deployment-*.json"))
        return {path: json.loads(path.read_text(encoding="utf-8")) for path in files}

    def holds(patches: dict[Path, Any]) -> list[Path]:
        wanted = {"op": "replace", "path": "/spec/replicas", "value": count}
        return [path for path, operations in patches.items() if wanted in operations]

    return holds(shell.until(f"{count} replicas in a patch in {OVERLAY}", look, holds))[0]


def _see_replicas(shell: Shell, count: int) -> None:
    """All replicas that are asked for, as many as that, are available, and no more are left."""

    def look() -> dict[str, Any]:
        deployment = shell.get("deployment", DEPLOYMENT, "--namespace", NAMESPACE)
        status = deployment["status"]
        return {
            "spec.replicas": deployment["spec"]["replicas"],
            "status.replicas": status.get("replicas", 0),
            "status.availableReplicas": status.get("availableReplicas", 0),
        }

    expected = f"{count} replicas of Deployment {DEPLOYMENT}, all available"
    shell.until(expected, look, lambda seen: set(seen.values()) == {count})
