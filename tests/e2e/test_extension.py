"""A user's own kopf handlers beside nuvop's, in one process."""

import sys
from pathlib import Path

import pytest

from tests.conftest import Start
from tests.e2e.harness import PROGRAMS, ROOT, Kubectl, copy_kinds, eventually, is_ready, sample

EXAMPLE = ROOT / "docs/examples/backup_timer.py"
KOPFS = "kopf.zalando.org/KopfFinalizerMarker"


def jobs(kubectl: Kubectl) -> list[str]:
    return [job["metadata"]["name"] for job in kubectl.list("jobs")]


def finalizers(kubectl: Kubectl) -> list[str]:
    found: list[str] = kubectl.get("sam/obj")["metadata"].get("finalizers", [])
    return found


def test_a_timer_beside_nuvops_own_handlers(kubectl: Kubectl, operator: Start) -> None:
    running = operator(PROGRAMS / "nuvop", "run", "-n", kubectl.namespace, str(EXAMPLE), BACKUP_INTERVAL="2")
    kubectl.apply(sample("obj"))
    eventually("it is ready", lambda: is_ready(kubectl.get("sam/obj")))
    eventually("it is backed up, and again", lambda: len(jobs(kubectl)) >= 2)
    assert kubectl.get(f"job/{jobs(kubectl)[0]}")["metadata"]["ownerReferences"][0]["kind"] == "Sample"
    # A timer's is the only finalizer: nuvop itself needs none here.
    assert finalizers(kubectl) == [KOPFS]
    kubectl("scale", "sam/obj", "--replicas=3")
    eventually("the field's handler is called", lambda: "scaled from 2 to 3" in running.log())
    eventually("nuvop goes on", lambda: kubectl.get("deployment/obj-demo-deploy")["spec"]["replicas"] == 3)

    running.stop()
    running.start()
    count = len(jobs(kubectl))
    eventually("it goes on after a restart", lambda: len(jobs(kubectl)) > count)
    assert "Traceback" not in running.log()
    kubectl("delete", "sam/obj", "--timeout=60s")
    eventually("its children go", lambda: not kubectl.get("deployment/obj-demo-deploy"))


FINALIZERS = {
    "@kopf.on.event(*S)\ndef h(**_): pass": False,
    "@kopf.on.create(*S)\ndef h(**_): pass": False,
    "@kopf.on.update(*S)\ndef h(**_): pass": False,
    "@kopf.on.field(*S, field='spec')\ndef h(**_): pass": False,
    "@kopf.on.resume(*S)\ndef h(**_): pass": False,
    "@kopf.index(*S)\ndef h(**_): return 1": False,
    "@kopf.on.delete(*S, optional=True)\ndef h(**_): pass": False,
    "@kopf.on.delete(*S)\ndef h(**_): pass": True,
    "@kopf.timer(*S, interval=3600)\ndef h(**_): pass": True,
    "@kopf.daemon(*S)\nasync def h(stopped, **_): await stopped.wait()": True,
}
"""Whether a handler makes kopf put its finalizer on each resource, as docs/extending.md says."""


def test_which_handlers_add_a_finalizer(
    kubectl: Kubectl, operator: Start, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    for number, (handler, adds) in enumerate(FINALIZERS.items()):
        with subtests.test(handler.partition("(")[0]):
            module = tmp_path / f"extra{number}.py"
            module.write_text(f"import kopf\nS = ('nuvolaris.org', 'v1', 'samples')\n{handler}\n")
            running = operator(PROGRAMS / "nuvop", "run", "-n", kubectl.namespace, str(module))
            kubectl.apply(sample("obj"))
            eventually("it is ready", lambda: is_ready(kubectl.get("sam/obj")))
            if adds:
                eventually("there is a finalizer", lambda: finalizers(kubectl) == [KOPFS])
            else:
                assert finalizers(kubectl) == []
            kubectl("delete", "sam/obj", "--timeout=60s")
            eventually("its children go", lambda: not kubectl.get("deployment/obj-demo-deploy"))
            running.stop()


@pytest.mark.parametrize("is_root", [True, False])
def test_kinds_from_the_command_line(kubectl: Kubectl, operator: Start, tmp_path: Path, is_root: bool) -> None:
    kinds = copy_kinds(tmp_path / "kinds")
    folder = kinds if is_root else kinds / "samples"
    command = (Path(sys.executable), "-m", "nuvop", "run", "-n", kubectl.namespace, "--kinds", str(folder))
    running = operator(*command, NUVOP_KINDS="/nowhere")
    kubectl.apply(sample("obj"))
    eventually("it is ready", lambda: is_ready(kubectl.get("sam/obj")))
    assert running.stop() == 0
