"""A kind that uses every section of kind.yaml, on a real API server: tests/golden/parts."""

import base64
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.controlplane import Cluster
from tests.conftest import Start
from tests.e2e.audited import entries_of
from tests.e2e.harness import (
    LATE,
    ROOT,
    Kubectl,
    Operator,
    assert_true,
    condition,
    eventually,
    every_version,
    is_ready,
    stalled,
)

PARTS = ROOT / "tests/golden/parts"
CRD = "parts.golden.example.org"
INSTANCE = "nuvop.nuvolaris.org/instance"

Create = Callable[..., None]


@pytest.fixture
def folder(kubectl: Kubectl, tmp_path: Path) -> Path:
    """A copy of the kind that a test may change; its CRD is installed."""
    copy = shutil.copytree(PARTS, tmp_path / "kinds/parts")
    kubectl("apply", "-f", str(copy / "crd.yaml"))
    kubectl("wait", "--for=condition=Established", f"crd/{CRD}", "--timeout=60s")
    return copy


@pytest.fixture
def create(kubectl: Kubectl, folder: Path) -> Iterator[Create]:
    """Creates CRs, and changes them; all of their versions are checked for their truth."""
    with every_version(kubectl, CRD) as seen:

        def apply(name: str, **spec: Any) -> None:
            body = {"apiVersion": "golden.example.org/v1", "kind": "Part", "metadata": {"name": name}, "spec": spec}
            kubectl.apply(body)

        yield apply
    assert seen
    assert_true(seen)
    for cr in kubectl.list(CRD):
        kubectl("delete", f"{CRD}/{cr['metadata']['name']}")


@pytest.fixture
def running(operator: Start, folder: Path, create: Create) -> Operator:
    """An operator that serves the kind in the test's namespace, and that outlives its CRs."""
    return operator(NUVOP_KINDS=str(folder.parent))


def part(kubectl: Kubectl, name: str) -> dict[str, Any]:
    return kubectl.get(f"{CRD}/{name}")


def ready(kubectl: Kubectl, *names: str) -> None:
    for name in names:
        eventually(f"{name} is ready", lambda name=name: is_ready(part(kubectl, name)))  # type: ignore[misc]


def all_is_told(kubectl: Kubectl, name: str) -> None:
    """Wait until a status has the pods, and the password its owners: other watches show them than the Deployments."""

    def are_pods_told() -> bool:
        pods = kubectl.list("pods", f"{INSTANCE}=parts-{name}")
        told = part(kubectl, name)["status"].get("pods", [])
        return sorted(told) == sorted(pod["metadata"]["name"] for pod in pods)

    eventually("its pods are told", are_pods_told)
    eventually("its password has its owners", lambda: len(owners(kubectl, name)) == 2)


def in_system(kubectl: Kubectl) -> Kubectl:
    return Kubectl(kubectl.kubeconfig, "kube-system")


def secret_of(kubectl: Kubectl, name: str) -> dict[str, str]:
    data = kubectl.get(f"secret/{name}-password").get("data") or {}
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


CLAIM = "PersistentVolumeClaim"


def zones(kubectl: Kubectl) -> list[dict[str, Any]]:
    return kubectl.list("zones.golden.example.org")


EVERYTHING = {"replicas": 3, "greeting": "loud", "hosts": ["x", "y"], "backup": {}, "metrics": "secure"}


def test_everything_that_a_kind_can_say(kubectl: Kubectl, running: Operator, create: Create) -> None:
    create("two", **EVERYTHING)
    ready(kubectl, "two")

    assert kubectl.get("namespace/base")["metadata"].get("labels", {}).get(INSTANCE) is None
    assert INSTANCE not in kubectl.get("crd/zones.golden.example.org")["metadata"].get("labels", {})
    assert kubectl.get("zones.golden.example.org/two-here")["spec"] == {"hosts": ["x", "y"]}
    binding = in_system(kubectl).get("rolebinding/two-reads")
    assert binding["roleRef"]["name"] == "two-reader"
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "two-web", "namespace": kubectl.namespace}]
    assert binding["metadata"]["labels"]["nuvop.nuvolaris.org/namespace"] == kubectl.namespace
    web = kubectl.get("deployment/two-web")
    main, exporter = web["spec"]["template"]["spec"]["containers"]
    assert exporter["name"] == "exporter"
    assert main["env"][0]["value"] == "redis://two-cache:6379"
    assert main["env"][1]["valueFrom"]["secretKeyRef"] == {"name": "two-password", "key": "admin"}
    assert kubectl.get("service/two-web")["spec"]["type"] == "NodePort"
    assert kubectl.get("cronjob/two-backup")["spec"]["schedule"] == "0 3 * * *"
    made = secret_of(kubectl, "two")
    assert {key: len(value) for key, value in made.items()} == {"name": len("admin"), "admin": 24, "user": 12}
    assert made["name"] == "admin"

    all_is_told(kubectl, "two")
    status = part(kubectl, "two")["status"]
    assert len(status["pods"]) == 6
    assert (status["total"], status["web"]) == (6, {"ready": 3})
    assert status["address"] == kubectl.get("service/two-web")["spec"]["clusterIP"]


def test_two_live_side_by_side_and_a_restart_writes_nothing(
    cluster: Cluster, kubectl: Kubectl, running: Operator, create: Create
) -> None:
    create("one", **EVERYTHING)
    create("two")
    ready(kubectl, "one", "two")
    assert secret_of(kubectl, "one")["admin"] != secret_of(kubectl, "two")["admin"]
    caches = [
        kubectl.get(f"deployment/{name}-web")["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"]
        for name in ("one", "two")
    ]
    assert caches == ["redis://one-cache:6379", "redis://two-cache:6379"]
    for name in ("one", "two"):
        all_is_told(kubectl, name)
    running.stop()
    since = cluster.audit_log.stat().st_size
    running.start()
    eventually("it looks at them", lambda: "installed" in running.logs()[-1])
    create("three")
    ready(kubectl, "three")
    written = [
        event["objectRef"]["name"]
        for event in entries_of(cluster.audit_log, since)
        if event["verb"] in ("create", "update", "patch", "delete")
        and event["stage"] == "ResponseComplete"
        and event["objectRef"].get("namespace") in (kubectl.namespace, "kube-system")
        and any(who in event["userAgent"] for who in ("nuvop", "kopf"))
    ]
    assert not [name for name in written if name.startswith(("one", "two"))], written


def test_components_come_and_go_with_the_cr(kubectl: Kubectl, running: Operator, create: Create) -> None:
    create("a", backup={"schedule": "1 2 * * *"}, metrics="off")
    ready(kubectl, "a")
    assert kubectl.get("cronjob/a-backup")["spec"]["schedule"] == "1 2 * * *"
    assert len(kubectl.get("deployment/a-web")["spec"]["template"]["spec"]["containers"]) == 1
    kubectl("patch", f"{CRD}/a", "--type=merge", "-p", '{"spec": {"backup": null, "metrics": "plain"}}')
    eventually("the backup is gone", lambda: not kubectl.get("cronjob/a-backup"))
    eventually(
        "there is an exporter",
        lambda: len(kubectl.get("deployment/a-web")["spec"]["template"]["spec"]["containers"]) == 2,
    )
    ready(kubectl, "a")


def test_what_goes_with_a_cr_and_what_stays(kubectl: Kubectl, running: Operator, create: Create) -> None:
    create("a")
    ready(kubectl, "a")
    password = secret_of(kubectl, "a")
    kubectl("delete", f"{CRD}/a")
    eventually("the role is gone", lambda: not in_system(kubectl).get("role/a-reader"))
    assert not in_system(kubectl).get("rolebinding/a-reads")
    assert not kubectl.get("zones.golden.example.org/a-here")
    eventually("the workload is gone", lambda: not kubectl.get("deployment/a-web"), within=LATE)
    # The claim is kept, and so is what unlocks it.
    assert kubectl.get("pvc/a-data")
    assert secret_of(kubectl, "a") == password

    create("a")
    ready(kubectl, "a")
    assert secret_of(kubectl, "a") == password
    kubectl("delete", f"{CRD}/a")
    eventually("the workload is gone", lambda: not kubectl.get("deployment/a-web"), within=LATE)
    kubectl("delete", "pvc/a-data")
    eventually("so is the password", lambda: not secret_of(kubectl, "a"), within=LATE)
    assert kubectl.get("namespace/base")


def test_what_outlives_its_cr_has_nothing_of_nuvops(kubectl: Kubectl, running: Operator, create: Create) -> None:
    create("a", backup={})
    ready(kubectl, "a")
    password = secret_of(kubectl, "a")
    kubectl("annotate", f"{CRD}/a", "nuvop.nuvolaris.org/deletion-policy=Orphan")
    ready(kubectl, "a")
    eventually("its owner is the data alone", lambda: [owner["kind"] for owner in owners(kubectl, "a")] == [CLAIM])
    kubectl("delete", f"{CRD}/a", "--cascade=foreground")
    eventually("it is gone", lambda: not part(kubectl, "a"))
    left = [*kubectl.list("secret,pvc,deployment,cronjob,service,configmap,serviceaccount"), *zones(kubectl)]
    left += in_system(kubectl).list("role,rolebinding")
    # Others' resources of the same name want these, too.
    kubectl("delete", "zones.golden.example.org/a-here")
    in_system(kubectl)("delete", "role/a-reader", "rolebinding/a-reads")
    assert not [obj["metadata"]["name"] for obj in left if INSTANCE in obj["metadata"].get("labels", {})]
    names = {obj["metadata"]["name"] for obj in left}
    assert {"a-password", "a-data", "a-web", "a-backup", "a-here", "a-reader", "a-reads"} <= names
    assert secret_of(kubectl, "a") == password


def test_a_lost_password_is_never_made_anew_while_there_is_data(
    kubectl: Kubectl, running: Operator, create: Create
) -> None:
    create("a")
    ready(kubectl, "a")
    eventually("it has its owners", lambda: len(owners(kubectl, "a")) == 2)
    kept = kubectl.get("secret/a-password")
    kubectl("delete", "secret/a-password")
    eventually("that is told", lambda: stalled(part(kubectl, "a"))[0] == "SecretLost")
    assert "PersistentVolumeClaim/a-data" in stalled(part(kubectl, "a"))[1]
    assert not kubectl.get("secret/a-password")
    metadata = {name: kept["metadata"][name] for name in ("name", "labels")}
    kubectl.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": kept["data"]})
    ready(kubectl, "a")
    eventually("it has its owners again", lambda: len(owners(kubectl, "a")) == 2)


def owners(kubectl: Kubectl, name: str) -> list[dict[str, Any]]:
    """The owners of a Part's password."""
    found: list[dict[str, Any]] = kubectl.get(f"secret/{name}-password")["metadata"].get("ownerReferences", [])
    return found


def test_drift_in_another_namespace_is_put_back(kubectl: Kubectl, running: Operator, create: Create) -> None:
    create("a")
    ready(kubectl, "a")
    system = in_system(kubectl)
    system("patch", "role/a-reader", "--type=merge", "-p", '{"rules": []}')
    eventually("put back", lambda: system.get("role/a-reader")["rules"])
    system("delete", "role/a-reader")
    eventually("made again", lambda: system.get("role/a-reader"))


def test_what_moves_to_another_namespace_is_pruned_where_it_was(
    kubectl: Kubectl, running: Operator, create: Create, folder: Path
) -> None:
    """Also by an operator that starts with the new folder, which does not name the old namespace."""
    create("a")
    ready(kubectl, "a")
    assert in_system(kubectl).get("role/a-reader")
    running.stop()
    kind = (folder / "kind.yaml").read_text()
    lines = [line for line in kind.splitlines() if "kube-system" not in line]
    (folder / "kind.yaml").write_text("\n".join(lines))
    running.start()
    eventually("it is here", lambda: kubectl.get("role/a-reader"))
    for what in ("role/a-reader", "rolebinding/a-reads"):
        eventually("it is no longer there", lambda what=what: not in_system(kubectl).get(what))  # type: ignore[misc]
    ready(kubectl, "a")


def test_an_error_in_patches_py_is_told_with_its_line_and_stops_nobody_else(
    kubectl: Kubectl, running: Operator, create: Create, folder: Path
) -> None:
    create("good")
    ready(kubectl, "good")
    source = (folder / "patches.py").read_text()
    broken = source.replace('if spec.get("hosts"):\n', 'if spec.get("hosts"):\n        spec["none"]\n')
    (folder / "patches.py").write_text(broken)
    line = broken[: broken.index('spec["none"]')].count("\n") + 1
    create("bad", hosts=["x"])
    create("fine", greeting="loud")
    ready(kubectl, "good", "fine")
    said = f"{folder}/patches.py:{line}: KeyError: 'none'"
    eventually("told", lambda: stalled(part(kubectl, "bad")) == ("InvalidSpec", said))
    (folder / "patches.py").write_text(source)
    ready(kubectl, "bad")


def test_what_cannot_be_installed_is_told(kubectl: Kubectl, running: Operator, create: Create, folder: Path) -> None:
    crd = (folder / "zones.yaml").read_text()
    (folder / "zones.yaml").write_text(crd.replace("scope: Cluster", "scope: Nowhere"))
    create("a")
    eventually("told", lambda: "install:" in condition(part(kubectl, "a"), "Ready").get("message", ""))
    (folder / "zones.yaml").write_text(crd)
    ready(kubectl, "a")
