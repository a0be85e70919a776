"""What kubectl may do instead of its work, and what is true once it does it again."""

from __future__ import annotations

import re
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.e2e.harness import eventually
from tests.faults import proxy as faults
from tests.faults.proxy import Hold, every
from tests.faults.unruly import says
from tests.faults.workload import NAMES, child_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from tests.e2e.harness import Operator
    from tests.faults.conftest import Scene
    from tests.faults.proxy import Asked
    from tests.faults.unruly import Unruly

IMPATIENT = """
from nuvop import applier, kubectl
from nuvop.cli import kopf_main

assert applier.SINGLE_TIMEOUT == 60 and kubectl.BUILD_TIMEOUT == 30
applier.SINGLE_TIMEOUT = kubectl.BUILD_TIMEOUT = 6.0
kopf_main()
"""
"""An operator that kills kubectl after 6 s instead of 60 and 30; what it does then is the same."""

MEMORY = 160 * 1024
"""KiB by which the operator may grow at most while kubectl prints 100 MB: what it keeps of two outputs, and some."""

DEAF = 'trap "" TERM INT HUP; sleep 1000 & sleep 1000 & wait; wait'
HALF = 'printed=$("$REAL" "$@"); printf %s "${printed%??}"; exit 0'
"""All of it but for the last two characters: YAML, and not what was meant."""


@contextmanager
def operator(scene: Scene, unruly: Unruly) -> Iterator[Operator]:
    command = (sys.executable, "-c", IMPATIENT, "run", "-n", scene.workload.kubectl.namespace)
    with scene.operator(*command, PATH=unruly.install()) as running:
        yield running


def memory(running: Operator) -> int:
    """The most that an operator had in memory, in KiB."""
    status = Path(f"/proc/{running.process.pid}/status").read_text()
    (found,) = re.findall(r"VmHWM:\s+(\d+) kB", status)
    return int(found)


def test_kubectl_applies_nothing_or_not_all(scene: Scene, unruly: Unruly, subtests: pytest.Subtests) -> None:
    kinds = {
        "it is killed": ("kill -KILL $$", "kubectl apply was killed by signal 9"),
        "it prints half": (HALF, "kubectl apply ended well but printed no objects"),
        "it ends well with an error": ('echo "error: no such luck" >&2; exit 0', "printed no objects: no such luck"),
        "it has a crash": ('echo "panic: runtime error" >&2; exit 2', "panic: runtime error"),
        "it is older": (
            """echo "error: unknown flag: --show-managed-fields
See 'kubectl apply --help' for usage." >&2; exit 1""",
            "unknown flag: --show-managed-fields",
        ),
    }
    with operator(scene, unruly) as running:
        for turn, (name, (what, words)) in enumerate(kinds.items(), 1):
            with subtests.test(name):
                since = len(running.log())
                with unruly.fault(what) as told:
                    scene.stir_again(turn)
                    says(running, since, words)
                    eventually("it was tried again", lambda: len(told.pids()) >= 3)
                scene.workload.converges()


def test_kubectl_hangs(scene: Scene, unruly: Unruly, subtests: pytest.Subtests) -> None:
    """Several that hang keep each other from getting a slot: each of them is told of it in its turn."""
    with operator(scene, unruly) as running:
        for turn, (name, what) in enumerate({"and dies": "exec sleep 1000", "and is deaf": DEAF}.items(), 1):
            with subtests.test(name):
                since = len(running.log())
                with unruly.fault(what) as told:
                    scene.stir_again(turn)
                    says(running, since, r"took longer than 6 s and was killed|nothing landed for")
                    eventually("one is gone", lambda: not all(Path(f"/proc/{pid}").exists() for pid in told.pids()))
                scene.workload.converges()
                eventually("all are gone", lambda: not [line for line in running.processes() if "sleep" in line])


def test_kubectl_prints_100_megabytes(scene: Scene, unruly: Unruly, subtests: pytest.Subtests) -> None:
    much = "head -c 104857600 /dev/zero | tr '\\0' x"
    kinds = {
        "of output": (f"{much}; exit 0", "printed more than 67108864 bytes and was killed"),
        "of errors": (f"{much} >&2; exit 1", "xxxx"),
    }
    with operator(scene, unruly) as running:
        least = memory(running)
        for turn, (name, (what, words)) in enumerate(kinds.items(), 1):
            with subtests.test(name):
                since = len(running.log())
                with unruly.fault(what):
                    scene.stir_again(turn)
                    says(running, since, words)
                scene.workload.converges()
        assert memory(running) - least < MEMORY
        with subtests.test("of warnings, and does its work"):
            since = len(running.log())
            with unruly.fault(f"(echo 'Warning: old'; {much}; echo) >&2") as told:
                scene.stir_again(3)
                scene.workload.converges()
                assert told.pids()
            assert "xxxx" not in running.log()[since:]
        assert memory(running) - least < MEMORY


def test_kubectl_is_killed_while_it_applies(scene: Scene, unruly: Unruly) -> None:
    """After some of its objects, and before the others."""

    def applies(request: Asked) -> bool:
        return request.is_write and request.agent == "kubectl"

    with operator(scene, unruly) as running:
        for turn in (1, 2):
            since = len(running.log())
            hold = Hold(is_done=False)
            with scene.proxy.fault(hold, every(2, applies), times=1):
                scene.stir_again(turn)
                assert hold.reached.wait(60), "it has not begun"
                assert running.kill_kubectl()
                says(running, since, "kubectl apply was killed by signal 9")
            scene.workload.converges()


def test_another_program_is_kubectl(scene: Scene, unruly: Unruly, subtests: pytest.Subtests) -> None:
    kinds: dict[str, tuple[str | None, int, str]] = {
        "none": (None, 0, "cannot be started: No such file or directory"),
        "one that may not be run": ("#!/bin/sh\n", 0o600, "cannot be started: Permission denied"),
        "half of one": ("\x7fELF", 0o700, "cannot be started: Exec format error"),
    }
    with operator(scene, unruly) as running:
        for turn, (name, (content, mode, words)) in enumerate(kinds.items(), 1):
            with subtests.test(name):
                since = len(running.log())
                with unruly.replaced(content, mode):
                    scene.stir_again(turn)
                    says(running, since, words)
                scene.workload.converges()
        with subtests.test("an old one at a restart"):
            running.stop()
            old = """#!/bin/sh\necho '{"clientVersion": {"gitVersion": "v1.26.9"}}'\n"""
            with unruly.replaced(old):
                running.start(until="kubectl is v1.26.9; nuvop needs 1.27 or newer")
                assert running.process.wait(30) == 1
            running.start()
            scene.stir_again(4)


def test_kubectl_fails_when_a_folder_changes(scene: Scene, unruly: Unruly, subtests: pytest.Subtests) -> None:
    """No child may go, or become another, for what kustomize has not said."""
    kinds = {
        "it is killed": ("kill -KILL $$", "kubectl kustomize was killed by signal 9"),
        "it has no memory": (
            'echo "fatal error: runtime: out of memory" >&2; exit 2',
            "kubectl kustomize crashed: fatal error: runtime: out of memory",
        ),
        "it prints half": (HALF, "kubectl kustomize printed half a line"),
        "it ends well with an error": ('echo "error: no such luck" >&2; exit 0', "printed nothing: no such luck"),
        "it hangs": (DEAF, "kubectl kustomize took longer than 6 s and was killed"),
    }
    manifests = scene.workload.kind.folder / "manifests.yaml"
    with operator(scene, unruly) as running:
        children = [f"{kind}/{child_name(cr, kind)}" for cr in ("a", "b", "c") for kind in NAMES]
        uids = [scene.workload.kubectl.get(child)["metadata"]["uid"] for child in children]
        for turn, (name, (what, words)) in enumerate(kinds.items(), 1):
            with subtests.test(name):
                since = len(running.log())
                with unruly.fault(what, "kustomize") as told:
                    manifests.write_text(re.sub(r'"text": "\w+"', f'"text": "base{turn}"', manifests.read_text()))
                    says(running, since, words)
                    assert told.pids()
                says(running, since, r"widgets/a in \S+ applied ")
                scene.workload.converges()
        assert [scene.workload.kubectl.get(child)["metadata"]["uid"] for child in children] == uids
        names = [body["spec"]["template"]["spec"]["containers"][0]["name"] for body in scene.history.of("Deployment")]
        assert set(names) == {"main"}


def test_kubectl_cannot_read_the_kubeconfig_when_the_token_is_refused(scene: Scene, unruly: Unruly) -> None:
    with operator(scene, unruly) as running:
        since = len(running.log())
        with unruly.fault(HALF, "config") as told:
            with scene.proxy.fault(faults.UNAUTHORIZED, lambda _: True):
                scene.stir_again(1)
                says(running, since, "no credentials: .*kubectl config printed no kubeconfig")
            assert told.pids()
