"""``nuvop tree`` beside an operator at work, on a real API server."""

import json
import re
import signal
import subprocess
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from lab.controlplane import Cluster
from tests.conftest import Start
from tests.e2e.conftest import Done, Make, Run
from tests.e2e.harness import (
    PROGRAMS,
    Kubectl,
    TestKind,
    condition,
    configmap,
    deployment,
    environment,
    eventually,
    is_ready,
    make_kind,
    stalled,
)
from tests.e2e.test_login import ACCOUNT, make_token, with_user
from tests.terminal import ALTERNATE, NORMAL, Terminal, heed_interrupts

SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "pass"}, "stringData": {"word": "hunter2"}}
REPORT = {"nuvop.nuvolaris.org/drift": "report"}


@pytest.fixture
def variables(cluster: Cluster, tmp_path: Path) -> dict[str, str]:
    """The environment of a command: no kinds' folder is in it."""
    (tmp_path / "command").mkdir()
    return environment(cluster, tmp_path / "command/generated")


@pytest.fixture
def nuvop(kubectl: Kubectl, variables: dict[str, str], tmp_path: Path) -> Run:
    """Runs `nuvop tree` in the test's namespace, where there is no kinds' folder."""

    def run(*arguments: str, **more: str) -> Done:
        return subprocess.run(
            [PROGRAMS / "nuvop", "tree", "-n", kubectl.namespace, *arguments],
            env={**variables, **more},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def ready(kubectl: Kubectl, kind: TestKind, *names: str) -> None:
    for name in names:
        eventually(f"{name} is ready", partial(lambda name: is_ready(kubectl.get(f"{kind.plural}/{name}")), name))


def is_rolled_out(body: Mapping[str, Any], replicas: int) -> bool:
    """Whether a Deployment has so many pods, all of them new and available."""
    told = body["status"]
    counts = {told.get(name) for name in ("replicas", "updatedReplicas", "availableReplicas")}
    return counts == {replicas} and told["observedGeneration"] == body["metadata"]["generation"]


def said(done: Done) -> tuple[int, list[str]]:
    """The exit code, and the lines with single spaces, without hashes and ages, which nobody knows before."""
    assert done.stderr == ""
    return done.returncode, [plain(line) for line in done.stdout.splitlines()]


def plain(line: str) -> str:
    line = re.sub(r" +", " ", line)
    line = re.sub(r"-[bcdf-hj-np-tv-z2-9]{6,10}(-[bcdf-hj-np-tv-z2-9]{5})?\b", lambda m: "-#-#" if m[1] else "-#", line)
    return re.sub(r"\b\d+[smh] ago", "now", line)


def annotate(kubectl: Kubectl, kind: TestKind, name: str, annotation: str) -> None:
    kubectl("annotate", "--overwrite", f"{kind.plural}/{name}", f"nuvop.nuvolaris.org/{annotation}")


# --- what is well ----------------------------------------------------------------------------------------------------


def test_all_is_well(kubectl: Kubectl, operator: Start, widgets: Make, nuvop: Run, variables: dict[str, str]) -> None:
    kind = widgets(deployment("web", replicas=2), configmap("config"), SECRET)
    kubectl.apply(kind.cr("a"))
    assert said(nuvop(f"{kind.plural}/a")) == (
        2,
        [
            f"widgets/a in {kubectl.namespace} InProgress no operator has looked at it yet",
            " nuvop has made nothing for it",
        ],
    )
    operator(NUVOP_KINDS=str(kind.folder.parent))
    ready(kubectl, kind, "a")
    whole = [
        f"widgets/a in {kubectl.namespace} Ready 3 objects are ready",
        "├─ ConfigMap/a-config Ready",
        "├─ Secret/a-pass Ready",
        "└─ Deployment/a-web Ready",
        " └─ ReplicaSet/a-web-# Ready",
        " ├─ Pod/a-web-#-# Ready",
        " └─ Pod/a-web-#-# Ready",
    ]
    for words in (
        ["widget.example.org/a"],
        ["Widget.example.org", "a"],
        ["widgets.v1.example.org/a"],
        ["wid.example.o/a"],
    ):
        assert said(nuvop(*words)) == (0, whole), words
    done = nuvop("-o", "json", f"{kind.plural}/a")
    found = json.loads(done.stdout)
    assert (done.returncode, found["well"], found["state"], len(found["children"])) == (0, True, "Ready", 3)
    assert "hunter2" not in done.stdout
    assert "aHVudGVyMg" not in done.stdout

    kubectl("scale", "deployment/a-web", "--replicas=4")
    eventually("it was put back", lambda: kubectl.get("deployment/a-web")["spec"]["replicas"] == 2)
    eventually("it is told", lambda: "Drifted" in kubectl("get", "events"))
    done = eventually("all is well again", lambda: (done := nuvop(f"{kind.plural}/a")).returncode == 0 and done)
    _, lines = said(done)
    assert "│ ! now: Drifted: putting back: Deployment/a-web: spec.replicas was changed by kubectl" in lines


def test_kubectl_plugin(kubectl: Kubectl, operator: Start, widgets: Make, variables: dict[str, str]) -> None:
    """The namespace is the kubeconfig's, where none is named."""
    kind = widgets(configmap("config"))
    operator(NUVOP_KINDS=str(kind.folder.parent))
    kubectl.apply(kind.cr("a"))
    ready(kubectl, kind, "a")
    config = Path(variables["HOME"]) / "config"
    config.write_text(kubectl("config", "view", "--raw"))
    there = {**variables, "KUBECONFIG": str(config)}
    subprocess.run(
        [PROGRAMS / "kubectl", "config", "set-context", "--current", "--namespace", kubectl.namespace],
        env=there,
        check=True,
        capture_output=True,
    )

    def run(*arguments: str, **more: str) -> str:
        done = subprocess.run(
            [PROGRAMS / "kubectl", *arguments], env={**there, **more}, capture_output=True, text=True, check=True
        )
        return done.stdout

    assert run("nuvop", "tree", f"{kind.plural}/a").startswith(f"widgets/a in {kubectl.namespace}")
    assert run("__complete", "nuvop", "tree", "widgets.example.org/").splitlines() == ["widgets.example.org/a", ":4"]
    assert run("__complete", "nuvop", "tree", "widgets.example.org", "").splitlines() == ["a", ":4"]
    # Another test may have left widgets of another group.
    assert {"widgets/a", "widgets.example.org/a"} & set(run("__complete", "nuvop", "tree", "wid").splitlines())
    assert run("__complete", "nuvop", "tree", "nothing/").splitlines() == [":4"]
    assert run("__complete", "nuvop", "tree", "wid", KUBECONFIG="/no/such/file").splitlines() == [":4"]


# --- what is not well ------------------------------------------------------------------------------------------------


def test_drift_that_is_reported_only(kubectl: Kubectl, operator: Start, widgets: Make, nuvop: Run) -> None:
    kind = widgets(deployment("web"), configmap("config", greeting="hello", more="x"), configmap("gone"))
    operator(NUVOP_KINDS=str(kind.folder.parent))
    kubectl.apply(kind.cr("a", REPORT))
    ready(kubectl, kind, "a")
    kubectl("scale", "deployment/a-web", "--replicas=2")
    kubectl("set", "image", "deployment/a-web", "main=nginx:2")
    kubectl("patch", "configmap/a-config", "--type=json", "-p", '[{"op":"remove","path":"/data/greeting"}]')
    kubectl("delete", "configmap/a-gone")

    def message() -> str:
        return str(condition(kubectl.get(f"{kind.plural}/a"), "Drifted").get("message", ""))

    for part in ("spec.replicas", "image", "greeting was removed", "was deleted"):
        eventually(f"it is told: {part}", partial(lambda part: part in message(), part))
    eventually("the rollout is over", lambda: is_rolled_out(kubectl.get("deployment/a-web"), 2))
    eventually("the pods are two", lambda: len(kubectl.list("pods")) == 2)
    code, lines = said(nuvop(f"{kind.plural}/a"))
    assert code == 2
    assert " nuvop.nuvolaris.org/drift: report" in [line.removeprefix("│") for line in lines]
    start = next(number for number, line in enumerate(lines) if line.startswith("├─"))
    told = {
        line.partition("/")[2].partition(" ")[0]: number
        for number, line in enumerate(lines)
        if line[:2] in ("├─", "└─")
    }
    assert lines[told["a-config"] : told["a-config"] + 2] == [
        "├─ ConfigMap/a-config Ready",
        "│ ~ data.greeting was removed",
    ]
    assert lines[told["a-gone"]] == "├─ ConfigMap/a-gone Missing is not there"
    assert lines[told["a-web"] :] == [
        "└─ Deployment/a-web Ready",
        " │ ~ spec.replicas was changed by kubectl",
        " │ ~ spec.template.spec.containers.[name=main].image was changed by kubectl-set",
        " └─ ReplicaSet/a-web-# Ready",
        " ├─ Pod/a-web-#-# Ready",
        " └─ Pod/a-web-#-# Ready",
    ]
    assert start == min(told.values())


def test_what_the_operator_has_not_seen(kubectl: Kubectl, operator: Start, widgets: Make, nuvop: Run) -> None:
    """The inventory's digests tell what happened while no operator ran."""
    kind = widgets(deployment("web"), configmap("config", greeting="hello", more="x"), configmap("label"))
    running = operator(NUVOP_KINDS=str(kind.folder.parent))
    kubectl.apply(kind.cr("a"))
    ready(kubectl, kind, "a")
    running.stop()
    kubectl("scale", "deployment/a-web", "--replicas=2")
    kubectl("patch", "configmap/a-config", "--type=merge", "-p", '{"data": {"greeting": null, "other": "y"}}')
    kubectl("label", "configmap/a-label", "nuvop.nuvolaris.org/instance-")
    eventually("the pods are ready", lambda: kubectl.get("deployment/a-web")["status"].get("readyReplicas") == 2)
    code, lines = said(nuvop(f"{kind.plural}/a"))
    assert code == 2
    assert lines[1:6] == [
        "├─ ConfigMap/a-config Ready",
        "│ ~ fields that nuvop set were removed, or changed by others",
        "│ owned by kubectl-patch: data.other",
        "├─ ConfigMap/a-label Ready",
        "│ the label nuvop.nuvolaris.org/instance was taken off: nuvop does not see it",
    ]
    assert " │ ~ spec.replicas was changed by kubectl" in lines


def test_a_field_that_nuvop_does_not_set(kubectl: Kubectl, operator: Start, widgets: Make, nuvop: Run) -> None:
    kind = widgets(deployment("web", replicas=None))
    operator(NUVOP_KINDS=str(kind.folder.parent))
    kubectl.apply(kind.cr("a"))
    ready(kubectl, kind, "a")

    def told_of(replicas: int) -> tuple[int, list[str]]:
        """The exit code, and what is told of the Deployment, once it has so many pods."""
        eventually("it is scaled", lambda: kubectl.get("deployment/a-web")["status"].get("readyReplicas") == replicas)
        ready(kubectl, kind, "a")
        code, lines = said(nuvop(f"{kind.plural}/a"))
        assert lines[1] == "└─ Deployment/a-web Ready"
        end = lines.index(" └─ ReplicaSet/a-web-# Ready")
        assert len(lines[end + 1 :]) == replicas
        return code, lines[2:end]

    kubectl("label", "deployment/a-web", "team=x")
    kubectl("scale", "deployment/a-web", "--replicas=2")
    # Where nobody owns a field, the scale subresource makes nobody its owner.
    assert told_of(2) == (0, [" │ owned by kubectl-label: labels.team"])
    kubectl("patch", "deployment/a-web", "-p", '{"spec": {"replicas": 3}}')
    assert told_of(3) == (0, [" │ owned by kubectl-label: labels.team", " │ owned by kubectl-patch: replicas"])
    kubectl("scale", "deployment/a-web", "--replicas=4")
    assert told_of(4) == (0, [" │ owned by kubectl: replicas", " │ owned by kubectl-label: labels.team"])


def test_a_broken_image(kubectl: Kubectl, operator: Start, widgets: Make, nuvop: Run) -> None:
    """No kubelet runs here that pulls images: what one would say of it is written by the test."""
    kind = widgets(deployment("web", image="nginx:none"))
    operator(NUVOP_KINDS=str(kind.folder.parent))
    kubectl.apply(kind.cr("a"))
    ready(kubectl, kind, "a")
    (pod,) = kubectl.list("pods")
    name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}}
    container = {
        "name": "main",
        "image": "nginx:none",
        "imageID": "",
        "ready": False,
        "restartCount": 0,
        "state": waiting,
    }
    unready = {"type": "Ready", "status": "False", "reason": "ContainersNotReady"}
    kubectl(
        "patch", f"pod/{name}", "--subresource=status", "--type=strategic",
        "-p", json.dumps({"status": {"conditions": [unready], "containerStatuses": [container]}}),
    )  # fmt: skip
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    about = {"apiVersion": "v1", "kind": "Pod", "namespace": kubectl.namespace, "name": name, "uid": uid}
    for number, (type_, reason) in enumerate([("Warning", "BackOff"), ("Normal", "Pulling")]):
        kubectl.apply(
            {
                "apiVersion": "v1", "kind": "Event", "metadata": {"name": f"{name}.{number}"}, "involvedObject": about,
                "type": type_, "reason": reason, "message": 'Back-off pulling image "nginx:none"', "count": 7,
                "firstTimestamp": now, "lastTimestamp": now, "source": {"component": "kubelet"},
            }
        )  # fmt: skip
    eventually("it is not ready", lambda: not is_ready(kubectl.get(f"{kind.plural}/a")))
    code, lines = said(nuvop(f"{kind.plural}/a"))
    assert code == 2
    assert lines[0].startswith(
        f"widgets/a in {kubectl.namespace} InProgress Progressing: Deployment/a-web: 0 of 1 replicas"
    )
    assert [line for line in lines if not line.startswith("│")][1:] == [
        "└─ Deployment/a-web InProgress 0 of 1 replicas are available",
        " └─ ReplicaSet/a-web-# InProgress 0 of 1 replicas are available",
        " └─ Pod/a-web-#-# InProgress container main: ImagePullBackOff",
        ' ! now, 7 times: BackOff: Back-off pulling image "nginx:none"',
    ]


def test_somebody_elses_object(kubectl: Kubectl, operator: Start, widgets: Make, nuvop: Run) -> None:
    kind = widgets(configmap("config"), configmap("mine"))
    kubectl("create", "configmap", "a-config", "--from-literal=x=y")
    running = operator(NUVOP_KINDS=str(kind.folder.parent))
    kubectl.apply(kind.cr("a"))
    refused = f"widgets/a in {kubectl.namespace} Stalled NotOwned: ConfigMap/a-config exists, made by kubectl-create"

    def is_refused() -> bool:
        return stalled(kubectl.get(f"{kind.plural}/a"))[0] == "NotOwned"

    eventually("it is refused", is_refused)
    code, lines = said(nuvop(f"{kind.plural}/a"))
    assert (code, lines[0].startswith(refused)) == (2, True), lines[0]
    assert lines[1:] == [" nuvop has made nothing for it"]

    kubectl("delete", "configmap/a-config")
    ready(kubectl, kind, "a")
    running.stop()
    kubectl("delete", "configmap/a-config")
    kubectl("create", "configmap", "a-config", "--from-literal=x=y")
    theirs = ["├─ ConfigMap/a-config NotOwned made by kubectl-create, not by nuvop", "└─ ConfigMap/a-mine Ready"]
    code, (head, before, *lines) = said(nuvop(f"{kind.plural}/a"))
    assert (code, head, lines) == (2, f"widgets/a in {kubectl.namespace} Ready 2 objects are ready", theirs)
    assert before.startswith("│ ! now: NotOwned: ConfigMap/a-config exists"), "what was wrong before"
    running.start()
    eventually("it is refused again", is_refused)
    code, lines = said(nuvop(f"{kind.plural}/a"))
    assert (code, lines[0].startswith(refused), lines[1:]) == (2, True, theirs), lines[0]


def test_the_folders_rules_count_where_there_is_one(
    kubectl: Kubectl, operator: Start, widgets: Make, nuvop: Run
) -> None:
    kind = widgets(configmap("config"), ready={"children": {"ConfigMap/config": "data.done=yes"}})
    operator(NUVOP_KINDS=str(kind.folder.parent))
    kubectl.apply(kind.cr("a"))
    waits = "it has no data.done"
    eventually("it waits", lambda: waits in condition(kubectl.get(f"{kind.plural}/a"), "Ready").get("message", ""))
    what, kinds = f"{kind.plural}/a", str(kind.folder.parent)
    assert said(nuvop(what))[1][-1] == "└─ ConfigMap/a-config Ready"
    for done in (nuvop(what, "--kinds", kinds), nuvop(what, NUVOP_KINDS=str(kind.folder))):
        assert said(done)[1][-1] == "└─ ConfigMap/a-config InProgress it has no data.done"
    (kind.folder / "kind.yaml").write_text("[]")
    done = nuvop(what, "--kinds", kinds)
    assert (done.returncode, done.stdout) == (1, "")
    assert "kind.yaml" in done.stderr


# --- what cannot be told ---------------------------------------------------------------------------------------------


def test_what_is_not_there(kubectl: Kubectl, widgets: Make, own_group: str, tmp_path: Path, nuvop: Run) -> None:
    kind = widgets(configmap("config"))
    other = make_kind(tmp_path / "more", kubectl, configmap("config"), group=own_group)
    try:
        for words, error in (
            ([f"{kind.plural}/b"], f"widgets/b: there is none in {kubectl.namespace}"),
            (["nothing/a"], "'nothing': the API server has no kind of that name; kubectl api-resources lists them"),
            (["deploy/a"], "deploy: Deployment (apps/v1) is no kind that nuvop could serve"),
            (["widgets"], "'widgets' must be KIND/NAME, such as samples/obj"),
        ):
            done = nuvop(*words)
            assert (done.returncode, done.stdout, done.stderr) == (1, "", f"Error: {error}\n")
        done = nuvop("wid/a")
        assert done.returncode == 1
        assert re.fullmatch(r"Error: 'wid' may be (widgets\.[^ ]+ or )+widgets\.[^ ]+: say which\n", done.stderr)
        assert {kind.plural, other.plural} <= set(re.findall(r"widgets\.[a-z0-9.]+[a-z]", done.stderr))
    finally:
        other.forget(kubectl)


def test_who_has_few_rights_sees_the_rest(
    cluster: Cluster, kubectl: Kubectl, operator: Start, widgets: Make, nuvop: Run, tmp_path: Path
) -> None:
    kind = widgets(deployment("web"), configmap("config"), SECRET)
    operator(NUVOP_KINDS=str(kind.folder.parent))
    kubectl.apply(kind.cr("a"))
    ready(kubectl, kind, "a")
    kubectl("create", "serviceaccount", ACCOUNT)
    config = tmp_path / "config"
    config.write_text(json.dumps(with_user(cluster, {"token": make_token(kubectl, "token")})))
    done = nuvop(f"{kind.plural}/a", KUBECONFIG=str(config))
    assert done.returncode == 1
    assert "cannot get resource" in done.stderr

    kubectl("create", "role", "few", "--verb=get", f"--resource={kind.plural}", "--resource=configmaps")
    kubectl("create", "rolebinding", "few", "--role=few", f"--serviceaccount={kubectl.namespace}:{ACCOUNT}")
    here = kubectl.namespace
    expected = [
        f"widgets/a in {here} Ready 3 objects are ready",
        f"│ no right to list events in {here}",
        f"│ no right to list pods in {here}",
        f"│ no right to list replicasets in {here}",
        "├─ ConfigMap/a-config Ready",
        f"├─ Secret/a-pass Unseen no right to list secrets in {here}",
        f"└─ Deployment/a-web Unseen no right to list deployments in {here}",
    ]
    eventually("it may", lambda: nuvop(f"{kind.plural}/a", KUBECONFIG=str(config)).returncode == 0)
    assert said(nuvop(f"{kind.plural}/a", KUBECONFIG=str(config))) == (0, expected)


# --- as it changes ---------------------------------------------------------------------------------------------------


def test_on_a_terminal(
    kubectl: Kubectl, operator: Start, widgets: Make, variables: dict[str, str], tmp_path: Path
) -> None:
    kind = widgets(deployment("web"), configmap("config"), set={"spec.count": "Deployment/web spec.replicas"})
    operator(NUVOP_KINDS=str(kind.folder.parent))
    kubectl.apply(kind.cr("a", count=1))
    ready(kubectl, kind, "a")
    command: list[str | Path] = [PROGRAMS / "nuvop", "tree", "-n", kubectl.namespace, f"{kind.plural}/a", "--watch"]
    with Terminal(command, {**variables, "PWD": str(tmp_path)}, columns=100, rows=20) as terminal:

        def drawn() -> list[str]:
            return [plain(line) for line in terminal.screen()]

        eventually("it is drawn", lambda: " └─ Pod/a-web-#-# Ready" in drawn())
        assert ALTERNATE in terminal.written
        assert drawn()[0].startswith(f"nuvop tree: widgets/a in {kubectl.namespace}, as it changes")
        assert not terminal.echoes()
        kubectl.apply(kind.cr("a", count=2))
        eventually("two pods", lambda: sum("Pod/a-web" in line for line in drawn()) == 2)
        kubectl("annotate", f"{kind.plural}/a", "nuvop.nuvolaris.org/drift=report")
        kubectl("delete", "configmap/a-config")
        eventually("it is missed", lambda: "├─ ConfigMap/a-config Missing is not there" in drawn())
        kubectl("label", "deployment/a-web", "team=x")
        eventually("it is named", lambda: " │ owned by kubectl-label: labels.team" in drawn())
        terminal.resize(60, 8)
        eventually("it is cut", lambda: any("more lines" in line for line in drawn()))
        assert len(terminal.screen()) < 8, "at the end of the last line the screen would scroll"
        assert re.fullmatch(r"nuvop tree: widgets/a in t.{,40} \d\d:\d\d:\d\d", terminal.screen()[0][:60])
        assert NORMAL not in terminal.written
        terminal.press("\x03")
        assert terminal.wait() == 130
        assert terminal.written.rstrip().endswith(NORMAL)
        assert "Traceback" not in terminal.written


@pytest.mark.parametrize("way", ["SIGTERM", "gone"])
def test_a_terminal_is_left_as_it_was(
    kubectl: Kubectl, operator: Start, widgets: Make, variables: dict[str, str], way: str
) -> None:
    kind = widgets(configmap("config"))
    operator(NUVOP_KINDS=str(kind.folder.parent))
    kubectl.apply(kind.cr("a"))
    ready(kubectl, kind, "a")
    command: list[str | Path] = [
        PROGRAMS / "nuvop",
        "tree",
        "-n",
        kubectl.namespace,
        f"{kind.plural}/{'a' if way == 'SIGTERM' else 'b'}",
        "-w",
    ]
    with Terminal(command, variables) as terminal:
        if way == "SIGTERM":
            eventually("it is drawn", lambda: any("a-config" in line for line in terminal.screen()))
            kubectl("delete", f"{kind.plural}/a")
            eventually("it is gone", lambda: "Missing  is gone" in terminal.screen()[2])
            terminal.end(signal.SIGTERM)
            assert terminal.wait() == 143
            assert terminal.written.rstrip().endswith(NORMAL)
        else:
            assert terminal.wait() == 1
            assert ALTERNATE not in terminal.written
            assert f"widgets/b: there is none in {kubectl.namespace}" in terminal.written


def test_into_a_pipe(kubectl: Kubectl, operator: Start, widgets: Make, variables: dict[str, str]) -> None:
    kind = widgets(configmap("config", a="1"), set={"spec.a": "ConfigMap/config data.a"})
    operator(NUVOP_KINDS=str(kind.folder.parent))
    kubectl.apply(kind.cr("a"))
    ready(kubectl, kind, "a")
    command: list[str | Path] = [PROGRAMS / "nuvop", "tree", "-n", kubectl.namespace, f"{kind.plural}/a", "--watch"]
    output = Path(variables["HOME"]) / "output"
    with (
        output.open("w") as file,
        subprocess.Popen(
            command, env=variables, stdout=file, stderr=subprocess.PIPE, preexec_fn=heed_interrupts
        ) as watch,
    ):
        try:
            eventually("a tree", lambda: "ConfigMap/a-config" in output.read_text())
            time.sleep(6)
            assert output.read_text().count("--- ") == 1, "what is the same is not printed again"
            annotate(kubectl, kind, "a", "suspend=true")
            eventually("another tree", lambda: "Suspended: nothing is changed" in output.read_text())
            assert "\x1b" not in output.read_text()
            watch.send_signal(signal.SIGINT)
            told = watch.communicate(timeout=30)[1]
        finally:
            watch.kill()
    assert (watch.returncode, told) == (130, b"")
