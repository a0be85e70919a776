"""``nuvop plan`` beside an operator that then does what it has said, on a real API server."""

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from lab.controlplane import Cluster
from nuvop import differences, yamltext
from nuvop.differences import MISSING, Difference
from nuvop.objects import REVISION_LABEL, labels_of
from tests.conftest import Start
from tests.e2e.audited import entries_of
from tests.e2e.conftest import Done, Make, Run
from tests.e2e.harness import (
    ROOT,
    Kubectl,
    condition,
    configmap,
    copy_kinds,
    deployment,
    eventually,
    is_ready,
    sample,
)

GOLDEN = ROOT / "tests/golden"
GOLDEN_KINDS = {path.parent.name: path.parent for path in GOLDEN.glob("*/kind.yaml")} | {
    "samples": ROOT / "kustomize/samples"
}
NOTHING = "objects: 0 to create, 0 to change, 0 to delete"
ADOPT = "nuvop.nuvolaris.org/adopt"
ORPHAN = "nuvop.nuvolaris.org/deletion-policy"
RECREATE = "nuvop.nuvolaris.org/recreate"


def secret(word: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "pass"}, "stringData": {"word": word}}


def service(name: str, port: int = 80) -> dict[str, Any]:
    spec = {"selector": {"app": "web"}, "ports": [{"port": port}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def ready(kubectl: Kubectl, plural: str, *names: str) -> None:
    for name in names:
        eventually(f"{name} is ready", partial(lambda name: is_ready(kubectl.get(f"{plural}/{name}")), name))


def said(done: Done) -> tuple[int, list[str]]:
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def told(done: Done) -> dict[str, Any]:
    """What it says to a program; fail where the exit code is another."""
    assert done.stderr == ""
    plan: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == plan["summary"]["exitCode"]
    return plan


# --- what is foretold is what happens --------------------------------------------------------------------------------

Objects = dict[tuple[str, str], dict[str, Any]]
Fate = tuple[str, list[tuple[str, Any, Any]]]


def there(kubectl: Kubectl) -> Objects:
    """All objects that a kind of these tests may make, but for those that are in every namespace."""
    listed = kubectl.list("configmaps,secrets,services,deployments,jobs")
    return {
        (body["kind"], body["metadata"]["name"]): body
        for body in listed
        if body["metadata"]["name"] != "kube-root-ca.crt"
    }


def happened(before: Objects, after: Objects) -> dict[tuple[str, str], Fate]:
    """What became of each object, by the objects themselves."""
    fates: dict[tuple[str, str], Fate] = {}
    for key in before.keys() | after.keys():
        if key not in before:
            fates[key] = "create", []
        elif key not in after:
            fates[key] = "delete", []
        elif before[key]["metadata"]["uid"] != after[key]["metadata"]["uid"]:
            fates[key] = "recreate", []
        else:
            found = [
                (each.path, shown(each, each.before), shown(each, each.after))
                for each in differences.between(before[key], after[key])
                if "deployment.kubernetes.io/revision" not in each.path  # its controller counts the rollouts
            ]
            fates[key] = ("change" if found else "unchanged"), found
    return fates


def shown(difference: Difference, value: Any) -> Any:
    return None if difference.is_secret or value is MISSING else value


def foretold(plan: dict[str, Any]) -> dict[tuple[str, str], Fate]:
    """What a plan says of each object."""
    return {
        (each["kind"], each["name"]): (
            each["action"],
            [(field["path"], field.get("from"), field.get("to")) for field in each["fields"]],
        )
        for resource in plan["resources"]
        for each in resource["objects"]
    }


def test_what_is_foretold_is_what_happens(kubectl: Kubectl, operator: Start, widgets: Make, nuvop: Run) -> None:
    """A folder and CRs change in every way while nobody looks."""
    kind = widgets(
        deployment("web", 1, "nginx", **{RECREATE: "true"}),
        deployment("other", replicas=2),
        configmap("config", greeting="hello", text="1\n2\n3\n"),
        configmap("gone", x="1"),
        secret("hunter2"),
        service("old"),
        set={"spec.text": "ConfigMap/config data.greeting"},
        release=["Deployment/other spec.replicas"],
    )
    kubectl.apply(*(kind.cr(name, text="hi") for name in ("plain", "kept", "meddled")))
    running = operator(NUVOP_KINDS=str(kind.folder.parent))
    ready(kubectl, kind.plural, "plain", "kept", "meddled")
    for arguments in (["--kind", "widgets"], ["--kind", "Widget"], ["--kind", "wid"]):
        assert said(nuvop("plan", *arguments, "-n", kubectl.namespace)) == (
            0,
            ["3 widgets: 3 unchanged", f"{NOTHING}, 18 unchanged"],
        )
    running.stop()

    # The folder: an image, a selector that cannot be changed, a new object, two that are gone, a value of a Secret.
    web = deployment("web", 1, "nginx:2", **{RECREATE: "true"})
    for labels in (web["spec"]["selector"]["matchLabels"], web["spec"]["template"]["metadata"]["labels"]):
        labels["more"] = "yes"
    kind.write(
        web,
        deployment("other", replicas=None, image="nginx:2"),
        configmap("config", greeting="hello", text="1\n2\n4\n"),
        configmap("new"),
        secret("hunter3"),
        set={"spec.text": "ConfigMap/config data.greeting"},
        release=["Deployment/other spec.replicas"],
    )
    # A user: takes a field, adds one by `kubectl apply`, which takes nuvop's for its own.
    kubectl.apply(configmap("meddled-config", greeting="hey", mine="1"))
    kubectl("patch", "secret/meddled-pass", "--type=merge", "-p", '{"data":{"extra":"aHVudGVyMg=="}}')
    kubectl("annotate", f"{kind.plural}/kept", f"{ORPHAN}=Orphan")
    kubectl.apply(configmap("taken-config", greeting="mine", others="1"))
    kubectl.apply(kind.cr("taken", {ADOPT: "true"}, text="hi"))

    before = there(kubectl)
    done = nuvop("plan", "--kind", "widgets", "-n", kubectl.namespace, "-o", "json")
    plan = told(done)
    assert plan["summary"]["exitCode"] == 2
    assert there(kubectl) == before
    as_text = nuvop("plan", "--kind", "widgets", "-n", kubectl.namespace)
    for secret_word in ("hunter", "aHVudGVy"):
        assert secret_word not in done.stdout + as_text.stdout

    running.start()
    ready(kubectl, kind.plural, "plain", "kept", "meddled", "taken")
    expected = foretold(plan)
    deleted = {key for key, (action, _) in expected.items() if action == "delete"}
    eventually("what is gone is pruned", lambda: not deleted & there(kubectl).keys())
    found = happened(before, there(kubectl))
    # A recreated object is told by why it is, and by its fields nowhere.
    assert expected == found
    assert {action for action, _ in expected.values()} == {"create", "change", "recreate", "delete"}
    assert expected["ConfigMap", "meddled-config"][1] == [
        ("data.greeting", "hey", "hi"),
        ("data.mine", "1", None),
        ("data.text", "1\n2\n3\n", "1\n2\n4\n"),
    ]
    assert ("data.others", "1", None) not in expected["ConfigMap", "taken-config"][1]
    assert said(nuvop("plan", "--kind", "widgets", "-n", kubectl.namespace))[0] == 0


def test_a_file(kubectl: Kubectl, operator: Start, widgets: Make, nuvop: Run) -> None:
    kind = widgets(
        deployment("web"),
        configmap("config", greeting="hello", more="more"),
        set={"spec.text": "ConfigMap/config data.greeting", "spec.more": "ConfigMap/config data.more"},
    )
    text = json.dumps(kind.cr("a", text="hi", more="1"))
    where = ["-n", kubectl.namespace, "-f", "-"]
    assert said(nuvop("plan", *where, stdin=text)) == (
        2,
        [
            f"widgets/a in {kubectl.namespace}",
            "  + Widget/a",
            "  + ConfigMap/a-config",
            "  + Deployment/a-web",
            "",
            "1 Widget: 1 to change",
            "objects: 3 to create, 0 to change, 0 to delete",
        ],
    )
    assert not kubectl.get("configmap/a-config")
    assert not kubectl.get(f"{kind.plural}/a")
    kubectl("apply", "-f", "-", stdin=text)
    running = operator(NUVOP_KINDS=str(kind.folder.parent))
    ready(kubectl, kind.plural, "a")
    assert said(nuvop("plan", *where, stdin=text)) == (0, ["1 Widget: 1 unchanged", f"{NOTHING}, 3 unchanged"])
    running.stop()

    # What the file has no more goes, what somebody has set beside it stays: as `kubectl apply` will do.
    kubectl("patch", f"{kind.plural}/a", "--type=merge", "-p", '{"spec":{"others":"5"}}')
    changed = json.dumps(kind.cr("a", {"nuvop.nuvolaris.org/drift": "report"}, text="ho"))
    code, lines = said(nuvop("plan", *where, "-v", stdin=changed))
    assert (code, lines) == (
        2,
        [
            f"widgets/a in {kubectl.namespace}",
            "  ~ Widget/a",
            "      metadata.annotations.[nuvop.nuvolaris.org/drift]: (not set) → report",
            '      spec.more: "1" → (not set)',
            "      spec.text: hi → ho",
            "  ~ ConfigMap/a-config",
            "      data.greeting: hi → ho",
            '      data.more: "1" → more',
            "  = Deployment/a-web",
            "",
            "1 Widget: 1 to change",
            "objects: 0 to create, 2 to change, 0 to delete, 1 unchanged (1 with a new revision label)",
        ],
    )
    before, resource = there(kubectl), kubectl.get(f"{kind.plural}/a")
    plan = told(nuvop("plan", *where, "-o", "json", stdin=changed))
    kubectl("apply", "-f", "-", stdin=changed)
    after = kubectl.get(f"{kind.plural}/a")
    assert [(each.path, each.after) for each in differences.between(resource, after)] == [
        (field["path"], field.get("to", MISSING)) for field in plan["resources"][0]["itself"]["fields"]
    ]
    running.start()
    ready(kubectl, kind.plural, "a")
    assert foretold(plan) == happened(before, there(kubectl))


@pytest.mark.parametrize("name", GOLDEN_KINDS)
def test_after_the_operator_nothing_is_left_to_do(
    kubectl: Kubectl, operator: Start, nuvop: Run, tmp_path: Path, name: str
) -> None:
    """Every kind of the golden tests, from nothing to all of it, and back to nothing to do."""
    kinds = {"NUVOP_KINDS": str(GOLDEN_KINDS[name])}
    with installed(kubectl, GOLDEN_KINDS[name]) as plural:
        examples = examples_of(GOLDEN_KINDS[name], kubectl.namespace, "p")
        file = tmp_path / "examples.json"
        file.write_text("\n---\n".join(map(json.dumps, examples)))
        plan = told(nuvop("plan", "-f", file, "-o", "json", **kinds))
        assert {fate[0] for fate in foretold(plan).values()} == {"create"}
        kubectl("apply", "-f", str(file))
        operator(**kinds)
        for example, resource in zip(examples, plan["resources"], strict=True):
            assert resource["name"] == example["metadata"]["name"]
            assert names(resource["objects"]) == names(applied(kubectl, f"{plural}/{resource['name']}"))
        which: list[list[str | Path]] = [["-f", file], ["--kind", plural, "-n", kubectl.namespace]]
        if GOLDEN_KINDS[name].parent == GOLDEN:  # other tests have left Samples in other namespaces
            which.append(["--kind", plural, "-A"])
        for what in which:
            done = nuvop("plan", *what, "-v", **kinds)
            code, lines = said(done)
            assert code == 0, done.stdout
            assert {line.split()[0] for line in lines if line.startswith("  ")} == {"="}


@contextmanager
def installed(kubectl: Kubectl, folder: Path) -> Iterator[str]:
    """A kind's CRD, and the name by which kubectl knows its CRs; at the end both are gone."""
    crd = yamltext.load((folder / "crd.yaml").read_text())
    plural = f"{crd['spec']['names']['plural']}.{crd['spec']['group']}"
    kubectl("apply", "-f", str(folder / "crd.yaml"))
    kubectl("wait", "--for=condition=Established", f"crd/{plural}", "--timeout=60s")
    try:
        yield plural
    finally:
        kubectl("delete", plural, "--all", "--timeout=60s")
        if folder.parent == GOLDEN:
            kubectl("delete", "crd", plural, "--wait=false")


def examples_of(folder: Path, namespace: str, suffix: str) -> list[dict[str, Any]]:
    """A kind's examples in a namespace; with a ``suffix``, as what lives outside of it may outlive a test."""
    found = [yamltext.load(path.read_text()) for path in sorted(folder.glob("examples/*.yaml"))]
    for example in found:
        name = f"{example['metadata']['name']}{suffix}"
        example["metadata"] = {**example["metadata"], "name": name, "namespace": namespace}
    return found


def applied(kubectl: Kubectl, at: str) -> list[dict[str, Any]]:
    """What a CR's inventory tells of once it was applied."""

    def told() -> list[dict[str, Any]]:
        status = kubectl.get(at).get("status") or {}
        entries: list[dict[str, Any]] = status.get("inventory") or []
        return entries if status.get("lastAppliedRevision") and all(entry["uid"] for entry in entries) else []

    found: list[dict[str, Any]] = eventually(f"{at} is applied", told)
    return found


def names(objects: Iterable[dict[str, Any]]) -> list[tuple[str, ...]]:
    return sorted((each["apiVersion"], each["kind"], each["namespace"], each["name"]) for each in objects)


# --- what is not done ------------------------------------------------------------------------------------------------


def test_nothing_is_written(cluster: Cluster, kubectl: Kubectl, operator: Start, widgets: Make, nuvop: Run) -> None:
    """By the API server's own log: all that it was asked for beside reading were dry runs."""
    kind = widgets(
        configmap("config", greeting="hello"), deployment("web"), set={"spec.text": "ConfigMap/config data.x"}
    )
    kubectl.apply(kind.cr("a", text="1"), kind.cr("b"))
    running = operator(NUVOP_KINDS=str(kind.folder.parent))
    ready(kubectl, kind.plural, "a", "b")
    running.stop()
    kind.write(configmap("config", greeting="hi"), set={"spec.text": "ConfigMap/config data.x"})
    since = cluster.audit_log.stat().st_size
    new = json.dumps([kind.cr("a", text="2"), kind.cr("c")][0])
    assert nuvop("plan", "--kind", "widgets", "-n", kubectl.namespace).returncode == 2
    assert nuvop("plan", "-f", "-", "-n", kubectl.namespace, stdin=new).returncode == 2
    assert nuvop("plan", "-f", "-", "-n", kubectl.namespace, stdin=json.dumps(kind.cr("c"))).returncode == 2
    writes = [event for event in events(cluster, since) if event["verb"] not in ("get", "list", "watch")]
    assert {event["verb"] for event in writes} == {"create", "patch", "update"}
    assert all("dryRun=All" in event["requestURI"] for event in writes), writes
    objects = kubectl.list(f"configmaps,deployments,{kind.plural}")
    assert not [obj for obj in objects if obj["metadata"]["name"].startswith("c-")]
    assert len({labels_of(obj).get(REVISION_LABEL) for obj in objects if obj["kind"] == "ConfigMap"} - {None}) == 2


def events(cluster: Cluster, since: int) -> list[dict[str, Any]]:
    """The requests of nuvop's own, from a position in the audit log on."""
    found = entries_of(cluster.audit_log, since)
    return [event for event in found if event["stage"] == "ResponseComplete" and "nuvop" in event.get("userAgent", "")]


def test_what_would_be_refused(kubectl: Kubectl, widgets: Make, nuvop: Run) -> None:
    kind = widgets(configmap("config"), secret("hunter2"), set={"spec.bad": "ConfigMap/config data"})
    space = kubectl.namespace

    def lines(cr: dict[str, Any]) -> list[str]:
        code, lines = said(nuvop("plan", "-f", "-", "-n", space, stdin=json.dumps(cr)))
        assert code == 1
        return lines[1:-3]

    kubectl.apply(configmap("theirs-config", x="1"))
    _, refusal = lines(kind.cr("theirs"))
    assert refusal.startswith("  ! NotOwned: ConfigMap/theirs-config exists, made by kubectl-client-side-apply")
    assert lines(kind.cr("b", bad={"x": 1})) == [
        "  + Widget/b",
        "  ! ConfigMap/b-config: failed to create typed patch object (" + f"{space}/b-config; /v1, Kind=ConfigMap): "
        ".data.x: expected string",
        "  + Secret/b-pass",
    ]
    (wrong,) = lines({**kind.cr("c"), "spec": "text"})
    assert wrong.startswith('  ! Widget.example.org "c" is invalid: ')
    assert 'spec: Invalid value: "string": spec in body must be of type object' in wrong
    assert lines({**kind.cr("d"), "specs": 1}) == [
        '  ! Widget in version "v1" cannot be handled as a Widget: strict decoding error: unknown field "specs"'
    ]
    mistyped = {"nuvop.nuvolaris.org/suspnd": "true"}
    assert lines(kind.cr("x", mistyped))[1].startswith(
        "  ! InvalidSpec: metadata.annotations: nuvop.nuvolaris.org/suspnd"
    )
    old = {**kind.cr("y"), "apiVersion": "example.org/v0"}
    assert lines(old) == ["  ! the API server serves no example.org/v0"]
    for usage in ([], ["--kind", "a", "-f", "-"], ["-A", "-f", "-"], ["-A", "-n", "x", "--kind", "a"]):
        assert nuvop("plan", *usage).returncode == 1
    for arguments, stdin, error in (
        (["--kind", "gadgets"], "", "--kind: 'gadgets': there is no such kind; there are widgets"),
        (
            ["-f", "-"],
            json.dumps(kind.cr("x")) + "\n---\n" + json.dumps(kind.cr("x")),
            "<stdin>: Widget/x in default stands there twice",
        ),
    ):
        done = nuvop("plan", *arguments, stdin=stdin)
        assert (done.returncode, done.stderr) == (1, f"Error: {error}\n")
    assert nuvop("plan", "--kind", "widgets", KUBECONFIG="/nonexistent").returncode == 1


def test_a_good_one_is_told_beside_those_that_fail(kubectl: Kubectl, widgets: Make, nuvop: Run) -> None:
    kind = widgets(
        configmap("config"), set={"spec.bad": "ConfigMap/config data", "spec.text": "ConfigMap/config data.a"}
    )
    kubectl.apply(kind.cr("good"), kind.cr("bad", bad={"x": 1}), kind.cr("fine"), kind.cr("odd", text="\u0001"))
    kubectl.apply(configmap("hidden-config"), kind.cr("hidden"))
    kubectl("patch", f"{kind.plural}/fine", "--type=merge", "-p", '{"metadata":{"annotations":{"x":"y"}}}')
    code, lines = said(nuvop("plan", "--kind", "widgets", "-n", kubectl.namespace))
    assert code == 1
    assert lines[:2] == [f"2 widgets in {kubectl.namespace}: fine, good", "  + ConfigMap/*-config"]
    assert lines[-2] == "5 widgets: 2 to change, 1 failing, 2 stopped"
    assert "  ! InvalidSpec: spec.text: the character U+0001 cannot stand in a manifest" in lines


def test_two_that_want_the_same_name(kubectl: Kubectl, widgets: Make, nuvop: Run) -> None:
    kind = widgets(configmap("b-x"), configmap("x"))
    kubectl.apply(kind.cr("a"))
    time.sleep(1.1)  # who was there first is told in whole seconds
    kubectl.apply(kind.cr("a-b"))
    code, lines = said(nuvop("plan", "--kind", "widgets", "-n", kubectl.namespace))
    assert code == 1
    assert (
        f"  ! NameCollision: ConfigMap/a-b-x belongs to widgets/a in {kubectl.namespace}, which was there first: "
        "give one of them another name" in lines
    )


def test_what_annotations_ask_for(kubectl: Kubectl, operator: Start, widgets: Make, nuvop: Run) -> None:
    kind = widgets(configmap("config", x="1"), configmap("other"))
    on = "nuvop.nuvolaris.org/"
    kubectl.apply(kind.cr("suspended", {f"{on}suspend": "true"}), kind.cr("told", {f"{on}drift": "report"}))
    running = operator(NUVOP_KINDS=str(kind.folder.parent))
    ready(kubectl, kind.plural, "told")
    running.stop()
    kubectl("patch", "configmap/told-config", "--type=merge", "-p", '{"data":{"x":"2"}}', "--field-manager=somebody")
    kubectl("delete", "configmap/told-other")
    assert said(nuvop("plan", "--kind", "widgets", "-n", kubectl.namespace)) == (
        0,
        [
            f"widgets/suspended in {kubectl.namespace}",
            "  · suspended: nothing is changed until the annotation is gone",
            "",
            f"widgets/told in {kubectl.namespace}",
            "  · ConfigMap/told-config: changed by somebody",
            '      data.x: "2" → "1"',
            "  · ConfigMap/told-other: was deleted",
            "",
            "2 widgets: 1 unchanged, 1 suspended",
            f"{NOTHING}, 2 left as they are",
        ],
    )
    text = json.dumps(kind.cr("told", {f"{on}drift": "repair"}))
    code, lines = said(nuvop("plan", "-n", kubectl.namespace, "-f", "-", stdin=text))
    assert code == 2
    assert lines[3:6] == [
        "  ~ ConfigMap/told-config: changed by somebody",
        '      data.x: "2" → "1"',
        "  + ConfigMap/told-other",
    ]


def test_where_namespace_or_crd_are_missing(kubectl: Kubectl, widgets: Make, nuvop: Run) -> None:
    kind = widgets(configmap("config"), group=f"{kubectl.namespace}.example.org")
    text = json.dumps({**kind.cr("a"), "metadata": {"name": "a", "namespace": "nowhere"}})
    assert said(nuvop("plan", "-f", "-", stdin=text)) == (
        2,
        [
            "widgets/a in nowhere",
            "  # namespace nowhere does not exist: kubectl create namespace nowhere",
            "  + Widget/a",
            "  + ConfigMap/a-config: once namespace nowhere exists",
            "",
            "1 Widget: 1 to change",
            "objects: 2 to create, 0 to change, 0 to delete",
        ],
    )
    assert said(nuvop("plan", "--kind", "widgets", "-n", kubectl.namespace)) == (0, ["no widgets", NOTHING])
    kubectl("delete", "crd", kind.plural)
    eventually("it is gone", lambda: "widgets" not in kubectl("api-resources", f"--api-group={kind.group}"))
    missing = f"CRD {kind.plural} is not installed: kubectl apply -f {kind.folder}/crd.yaml"
    code, lines = said(nuvop("plan", "-f", "-", "-n", kubectl.namespace, stdin=json.dumps(kind.cr("a"))))
    assert (code, lines[1:4]) == (2, [f"  # {missing}", "  + Widget/a", "  + ConfigMap/a-config"])
    done = nuvop("plan", "--kind", "widgets", "-n", kubectl.namespace)
    assert (done.returncode, done.stderr) == (1, f"Error: {missing}; so there are no widgets\n")


def test_the_guard_is_told(kubectl: Kubectl, operator: Start, widgets: Make, nuvop: Run) -> None:
    many = [configmap(f"c{number}") for number in range(12)]
    kind = widgets(configmap("config"), *many)
    kubectl.apply(kind.cr("a"), kind.cr("b"))
    running = operator(NUVOP_KINDS=str(kind.folder.parent))
    ready(kubectl, kind.plural, "a", "b")
    running.stop()
    kind.write(configmap("config"))
    confirm = "nuvop.nuvolaris.org/prune"
    kubectl("annotate", f"{kind.plural}/b", f"{confirm}=confirm")
    refusal = (
        "24 of 26 children of widgets would be deleted (more than 50 %); annotate nuvop.nuvolaris.org/prune: confirm"
    )
    code, lines = said(nuvop("plan", "--kind", "widgets", "-n", kubectl.namespace))
    assert code == 2
    assert sum(line.startswith("  ? ConfigMap/a-c") and refusal in line for line in lines) == 12
    assert (
        sum(line == f"  - ConfigMap/b-c{number}: once the resource is ready" for line in lines for number in range(12))
        == 12
    )
    assert lines[-1].endswith(
        "12 to delete, 12 not deleted before that is confirmed, 2 unchanged (2 with a new revision label)"
    )
    # Of one namespace, as an operator of one judges it; a larger share may go.
    assert "  ?" not in nuvop("plan", "--kind", "widgets", "-n", kubectl.namespace, NUVOP_PRUNE_LIMIT="95").stdout
    assert (
        "  ? ConfigMap/a-c0" in nuvop("plan", "-f", "-", "-n", kubectl.namespace, stdin=json.dumps(kind.cr("a"))).stdout
    )

    # What was foretold of both together: should b be pruned before a is looked at, fewer are left to be deleted.
    kubectl("annotate", f"{kind.plural}/b", f"{confirm}-")
    running.start()
    eventually(
        "a is told",
        lambda: condition(kubectl.get(f"{kind.plural}/a"), "PruneBlocked").get("message", "").startswith(refusal),
    )
    kubectl("annotate", f"{kind.plural}/b", f"{confirm}=confirm")
    ready(kubectl, kind.plural, "a", "b")
    eventually(
        "b is pruned",
        lambda: {n for _, n in there(kubectl)} == {"b-config", "a-config", *(f"a-c{i}" for i in range(12))},
    )
    code, lines = said(nuvop("plan", "--kind", "widgets", "-n", kubectl.namespace))
    assert code == 2
    assert sum(line.startswith("  ? ConfigMap/a-c") and refusal in line for line in lines) == 12, (
        "what was refused stays so"
    )


def test_it_takes_no_more_than_the_rights_in_a_namespace(
    cluster: Cluster, kubectl: Kubectl, operator: Start, widgets: Make, nuvop: Run, tmp_path: Path
) -> None:
    kind = widgets(configmap("config"), configmap("gone"))
    kubectl.apply(kind.cr("a"))
    running = operator(NUVOP_KINDS=str(kind.folder.parent))
    ready(kubectl, kind.plural, "a")
    running.stop()
    kind.write(configmap("config", x="1"))
    kubectl("create", "serviceaccount", "planner")
    rights = [
        "create",
        "role",
        "planner",
        "--verb=get,list,create,patch,update",
        f"--resource=configmaps,{kind.plural}",
    ]
    kubectl(*rights)
    kubectl("create", "rolebinding", "planner", "--role=planner", f"--serviceaccount={kubectl.namespace}:planner")
    config = json.loads(kubectl("config", "view", "--raw", "-o", "json"))
    config["users"][0]["user"] = {"token": kubectl("create", "token", "planner").strip()}
    (tmp_path / "theirs").write_text(json.dumps(config))
    theirs = {"KUBECONFIG": str(tmp_path / "theirs")}
    code, lines = said(nuvop("plan", "--kind", "widgets", "-n", kubectl.namespace, **theirs))
    assert (code, lines[1:4]) == (
        2,
        [
            "  ~ ConfigMap/a-config",
            '      data: (not set) → {"x": "1"}',
            "  - ConfigMap/a-gone: once the resource is ready",
        ],
    )
    everywhere = nuvop("plan", "--kind", "widgets", "-A", **theirs)
    assert everywhere.returncode == 1
    assert "cannot list resource" in everywhere.stderr


def test_what_a_new_image_does_to_a_hundred(
    cluster: Cluster, kubectl: Kubectl, operator: Start, nuvop: Run, tmp_path: Path
) -> None:
    kinds = copy_kinds(tmp_path / "kinds")
    kubectl.apply(*(sample(f"s-{number:03}", 1) for number in range(100)))
    running = operator(NUVOP_KINDS=str(kinds))
    eventually("all are ready", lambda: all(map(is_ready, kubectl.list("samples"))), within=120)
    running.stop()
    since = cluster.audit_log.stat().st_size
    begun = time.monotonic()
    assert said(nuvop("plan", "--kind", "samples", "-n", kubectl.namespace)) == (
        0,
        ["100 samples: 100 unchanged", f"{NOTHING}, 100 unchanged"],
    )
    assert len(events(cluster, since)) <= 10, "what is as it should be is listed, and no more"
    manifest = kinds / "samples/deployment.yaml"
    manifest.write_text(manifest.read_text().replace("image: nginx", "image: nginx:1.28"))
    kubectl("annotate", "samples/s-042", "nuvop.nuvolaris.org/suspend=true")
    kubectl("patch", "samples/s-017", "--type=merge", "-p", '{"spec":{"count":3}}')
    image = "      spec.template.spec.containers.[name=nginx].image: nginx → nginx:1.28"
    assert said(nuvop("plan", "--kind", "samples", "-n", kubectl.namespace)) == (
        2,
        [
            f"98 samples in {kubectl.namespace}: s-000, s-001, s-002 and 95 more",
            "  ~ Deployment/*-demo-deploy",
            image,
            "",
            f"samples/s-017 in {kubectl.namespace}",
            "  ~ Deployment/s-017-demo-deploy",
            "      spec.replicas: 1 → 3",
            image,
            "",
            f"samples/s-042 in {kubectl.namespace}",
            "  · suspended: nothing is changed until the annotation is gone",
            "",
            "100 samples: 99 to change, 1 suspended",
            "objects: 0 to create, 99 to change, 0 to delete",
        ],
    )
    # Two plans take 4 s on two idle cores.
    assert time.monotonic() - begun < 120
