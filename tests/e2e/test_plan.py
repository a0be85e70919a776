"""``nuvop plan`` and ``nuvop render`` beside an operator that does what they say, on a real API server."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from lab.controlplane import Cluster
from nuvop import yamltext
from tests.conftest import Start
from tests.e2e.harness import (
    PROGRAMS,
    Kubectl,
    TestKind,
    configmap,
    deployment,
    environment,
    eventually,
    is_ready,
    make_kind,
)

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Make = Callable[..., TestKind]
SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "pass"}, "stringData": {"word": "hunter2"}}
RULE = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}
ROLE = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRole",
    "metadata": {"name": "role"},
    "rules": [RULE],
}


@pytest.fixture
def make(kubectl: Kubectl, tmp_path: Path) -> Iterator[Make]:
    """Makes the test's kind."""
    with ExitStack() as ending:

        def make(*manifests: dict[str, Any], **fields: Any) -> TestKind:
            kind = make_kind(tmp_path / "kinds", kubectl, *manifests, **fields)
            ending.callback(kind.forget, kubectl)
            return kind

        yield make


@pytest.fixture
def nuvop(cluster: Cluster, kubectl: Kubectl, tmp_path: Path) -> Run:
    """Runs a command of nuvop's, with the test's kinds and in its namespace."""
    (tmp_path / "command").mkdir()
    variables = environment(cluster, tmp_path / "command/generated", NUVOP_KINDS=str(tmp_path / "kinds"))

    def run(command: str, *arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [PROGRAMS / "nuvop", command, "-n", kubectl.namespace, *arguments],
            env=variables,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def ready(kubectl: Kubectl, kind: TestKind, *names: str) -> None:
    for name in names:
        eventually(f"{name} is ready", partial(lambda name: is_ready(kubectl.get(f"{kind.plural}/{name}")), name))


def said(done: "subprocess.CompletedProcess[str]") -> tuple[int, list[str]]:
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


NOTHING = "0 to create, 0 to change, 0 to delete"


def test_before_and_after(kubectl: Kubectl, operator: Start, make: Make, nuvop: Run) -> None:
    kind = make(
        deployment("web"),
        configmap("config", greeting="hello"),
        SECRET,
        set={"spec.text": "ConfigMap/config data.greeting"},
    )
    text = json.dumps(kind.cr("a", text="hi"))
    assert said(nuvop("plan", "-f", "-", stdin=text)) == (
        2,
        [
            f"widgets/a in {kubectl.namespace}",
            "  + ConfigMap/a-config",
            "  + Secret/a-pass",
            "  + Deployment/a-web",
            "",
            "3 to create, 0 to change, 0 to delete, 0 unchanged",
        ],
    )
    kubectl.apply(kind.cr("a", text="hi"))
    assert not kubectl.get("configmap/a-config")
    running = operator(NUVOP_KINDS=str(kind.folder.parent))
    ready(kubectl, kind, "a")
    for arguments in (["-f", "-"], ["--kind", "widgets"], ["--kind", "Widget"]):
        assert said(nuvop("plan", *arguments, stdin=text)) == (0, [f"{NOTHING}, 3 unchanged"])
    running.stop()

    versions = [obj["metadata"]["resourceVersion"] for obj in kubectl.list("deployment,configmap,secret,widgets")]
    changed = json.dumps(kind.cr("a", text="ho"))
    assert said(nuvop("plan", "-f", "-", stdin=changed)) == (
        2,
        [
            f"widgets/a in {kubectl.namespace}",
            "  ~ ConfigMap/a-config",
            "      data.greeting: hi → ho",
            "",
            "0 to create, 1 to change, 0 to delete, 2 unchanged",
        ],
    )
    other = {**SECRET, "stringData": {"word": "secret-word"}}
    kind.write(deployment("web", image="nginx:2"), other, set={})
    done = nuvop("plan", "--kind", "widgets")
    assert said(done) == (
        2,
        [
            f"widgets/a in {kubectl.namespace}",
            "  ~ Secret/a-pass",
            "      data.word: (another value)",
            "  ~ Deployment/a-web",
            "      spec.template.spec.containers.[name=main].image: nginx → nginx:2",
            "  - ConfigMap/a-config",
            "",
            "0 to create, 2 to change, 1 to delete, 0 unchanged",
        ],
    )
    program = nuvop("plan", "--kind", "widgets", "-o", "json")
    assert "c2VjcmV0" not in program.stdout
    assert json.loads(program.stdout)["summary"]["exitCode"] == program.returncode == 2
    assert [
        obj["metadata"]["resourceVersion"] for obj in kubectl.list("deployment,configmap,secret,widgets")
    ] == versions


def test_what_would_be_refused(kubectl: Kubectl, operator: Start, make: Make, nuvop: Run) -> None:
    kind = make(configmap("config"), set={"spec.bad": "ConfigMap/config data"})
    kubectl.apply(configmap("theirs-config", x="1"))
    code, lines = said(nuvop("plan", "-f", "-", stdin=json.dumps(kind.cr("theirs"))))
    assert code == 1
    assert lines[1].startswith("  ! ConfigMap/theirs-config exists, made by kubectl-client-side-apply")
    assert lines[-1] == "0 to create, 0 to change, 0 to delete, 0 unchanged, 1 refused"

    code, lines = said(nuvop("plan", "-f", "-", stdin=json.dumps(kind.cr("b", bad={"x": 1}))))
    assert code == 1
    assert "b-config" in lines[1]
    assert lines[-1].endswith("1 resource with errors")

    code, lines = said(nuvop("plan", "-f", "-", stdin=json.dumps({**kind.cr("c"), "spec": "text"})))
    assert code == 1
    assert "spec" in lines[1]
    assert nuvop("plan").returncode == nuvop("plan", "--kind", "a", "-f", "-").returncode == 2
    unknown = nuvop("plan", "--kind", "gadgets")
    assert (unknown.returncode, unknown.stderr) == (
        1,
        "Error: --kind: 'gadgets': there is no such kind; there are widgets\n",
    )


def test_a_good_one_is_told_beside_one_that_fails(kubectl: Kubectl, make: Make, nuvop: Run) -> None:
    kind = make(configmap("config"), set={"spec.bad": "ConfigMap/config data"})
    kubectl.apply(kind.cr("good"), kind.cr("bad", bad={"x": 1}), kind.cr("fine"))
    code, lines = said(nuvop("plan", "--kind", "widgets"))
    assert code == 1
    space = kubectl.namespace
    assert f"2 widgets: {space}/fine, {space}/good" in lines
    assert lines[-1] == "2 to create, 0 to change, 0 to delete, 0 unchanged, 1 resource with errors"


def test_what_annotations_ask_for(kubectl: Kubectl, operator: Start, make: Make, nuvop: Run) -> None:
    kind = make(configmap("config", x="1"))
    kubectl.apply(configmap("adopted-config", x="theirs"))
    asked = {"suspended": "suspend", "adopted": "adopt"}
    for name, what in asked.items():
        kubectl.apply(kind.cr(name, {f"nuvop.nuvolaris.org/{what}": "true"}))
    code, lines = said(nuvop("plan", "--kind", "widgets"))
    assert code == 2
    assert "  ~ ConfigMap/adopted-config" in lines or "  + ConfigMap/adopted-config" in lines
    assert any("suspended: nothing is done" in line for line in lines)
    assert (
        nuvop("plan", "-f", "-", stdin=json.dumps(kind.cr("x", {"nuvop.nuvolaris.org/suspnd": "true"}))).returncode == 1
    )


def test_where_namespace_or_crd_are_missing(kubectl: Kubectl, make: Make, nuvop: Run) -> None:
    kind = make(configmap("config"), group=f"{kubectl.namespace}.example.org")
    text = json.dumps({**kind.cr("a"), "metadata": {"name": "a", "namespace": "nowhere"}})
    code, lines = said(nuvop("plan", "-f", "-", stdin=text))
    assert (code, lines[:2]) == (
        2,
        [
            "widgets/a in nowhere (namespace nowhere does not exist: kubectl create namespace nowhere)",
            "  + ConfigMap/a-config",
        ],
    )
    kubectl("delete", "crd", kind.plural)
    code, lines = said(nuvop("plan", "-f", "-", stdin=json.dumps(kind.cr("a"))))
    assert code == 2
    assert lines[0].endswith(f"(its CRD is not installed: kubectl apply -f {kind.folder}/crd.yaml)")


def test_the_guard_is_told(kubectl: Kubectl, operator: Start, make: Make, nuvop: Run) -> None:
    many = [configmap(f"c{number}") for number in range(12)]
    kind = make(configmap("config"), *many)
    kubectl.apply(kind.cr("a"))
    running = operator(NUVOP_KINDS=str(kind.folder.parent))
    ready(kubectl, kind, "a")
    running.stop()
    kind.write(configmap("config"))
    code, lines = said(nuvop("plan", "--kind", "widgets"))
    assert code == 2
    assert "nothing is deleted: 12 of 13 children of widgets would be deleted (more than 50 %)" in lines[0]


def test_what_is_rendered_is_what_is_applied(kubectl: Kubectl, operator: Start, make: Make, nuvop: Run) -> None:
    """Field by field: the API server's own book of what nuvop applied holds exactly what was rendered."""
    settings = {"spec.text": "ConfigMap/config data.greeting", "spec.count": "Deployment/web spec.replicas"}
    kind = make(deployment("web"), configmap("config", greeting="x"), SECRET, ROLE, set=settings)
    kubectl.apply(kind.cr("a", text="no", count=2), kind.cr("b"))
    operator(NUVOP_KINDS=str(kind.folder.parent))
    ready(kubectl, kind, "a", "b")
    for name in ("a", "b"):
        cr = kubectl.get(f"{kind.plural}/{name}")
        rendered = nuvop("render", "-f", "-", stdin=json.dumps(cr))
        assert rendered.returncode == 0, rendered.stderr
        objects = yamltext.load_all(rendered.stdout)
        assert len(objects) == 4
        for obj in objects:
            what = f"{obj['kind']}/{obj['metadata']['name']}"
            live = json.loads(kubectl("get", what, "-o", "json", "--show-managed-fields"))
            (entry,) = [
                entry
                for entry in live["metadata"]["managedFields"]
                if (entry["manager"], entry["operation"]) == ("nuvop", "Apply")
            ]
            given = {key: value for key, value in obj.items() if key not in ("apiVersion", "kind")}
            del given["metadata"]["name"]
            given["metadata"].pop("namespace", None)
            assert owned(entry["fieldsV1"], live) == leaves(given), what
        uid = cr["metadata"].pop("uid")
        again = nuvop("render", "-f", "-", "--uid", uid, stdin=json.dumps(cr))
        assert again.stdout == rendered.stdout
        without = nuvop("render", "-f", "-", stdin=json.dumps(cr))
        assert without.stdout == rendered.stdout.replace(uid, "00000000-0000-0000-0000-000000000000")


def leaves(value: Any, at: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    """The values of an object by the way to them; items of lists by their name, port or uid, else by their place."""
    if isinstance(value, dict) and value:
        return {way: leaf for name, below in value.items() for way, leaf in leaves(below, (*at, name)).items()}
    if isinstance(value, list) and value and isinstance(value[0], dict) and value[0] != RULE:
        key = next(key for key in ("uid", "name", "containerPort") if key in value[0])
        ways = {f"[{item[key]}]": item for item in value}
        return {way: leaf for name, below in ways.items() for way, leaf in leaves(below, (*at, name)).items()}
    return {at: value}


def owned(fields: dict[str, Any], live: Any, at: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    """The values of the fields in a fieldsV1 tree, as they are in the live object."""
    found: dict[tuple[str, ...], Any] = {}
    below = {part: tree for part, tree in fields.items() if part != "."}
    if not below:
        return leaves(live, at)
    for part, tree in below.items():
        mark, _, text = part.partition(":")
        if mark == "f":
            found |= owned(tree, live[text], (*at, text))
        else:
            keys = json.loads(text)
            item = next(item for item in live if all(item.get(key) == value for key, value in keys.items()))
            key = next(key for key in ("uid", "name", "containerPort") if key in keys)
            found |= owned(tree, item, (*at, f"[{keys[key]}]"))
    return found
