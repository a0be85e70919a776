"""Handlers of a user's own beside nuvop's, in one process."""

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab.controlplane import Cluster
from nuvop.objects import FINALIZER as CHILDREN
from nuvop.persistence import FINALIZER as HANDLERS
from nuvop.persistence import PREFIX
from tests.conftest import Start
from tests.e2e.harness import (
    LATE,
    PROGRAMS,
    ROOT,
    Kubectl,
    always,
    assert_true,
    configmap,
    environment,
    eventually,
    every_version,
    is_ready,
    make_kind,
    sample,
    writes_of,
)

NUVOP_RUN = (PROGRAMS / "nuvop", "run")
BACKUPS = "examples/backup_timer.py"


def annotations(body: Mapping[str, Any]) -> dict[str, str]:
    """What kopf has noted on an object."""
    found: dict[str, str] = body["metadata"].get("annotations", {})
    return {name: value for name, value in found.items() if name.startswith(PREFIX)}


def finalizers(body: Mapping[str, Any]) -> list[str]:
    found: list[str] = body["metadata"].get("finalizers", [])
    return found


def write(path: Path, text: str) -> str:
    path.write_text(f"import kopf\n{text}")
    return str(path)


# --- the example ---------------------------------------------------------------------------------------------------


def test_backups_are_made_beside_nuvops_work(kubectl: Kubectl, operator: Start) -> None:
    running = operator(*NUVOP_RUN, "-n", kubectl.namespace, BACKUPS, BACKUP_EVERY="2")
    kubectl.apply(sample("obj", 1))
    kubectl("wait", "--for=condition=Ready", "sam/obj", "--timeout=60s")

    def done() -> list[str]:
        jobs = kubectl.list("jobs")
        return [job["metadata"]["name"] for job in jobs if job.get("status", {}).get("succeeded")]

    eventually("two backups are made", lambda: len(done()) >= 2)
    kubectl("patch", "sam/obj", "--type=merge", "-p", '{"spec":{"count":3}}')
    kubectl("wait", "--for=condition=Ready", "sam/obj", "--timeout=60s")
    kubectl("scale", "deployment/obj-demo-deploy", "--replicas=5")
    eventually("3 again", lambda: kubectl.get("deployment/obj-demo-deploy")["spec"]["replicas"] == 3)

    body = kubectl.get("sam/obj")
    assert (finalizers(body), annotations(body)) == ([HANDLERS], {})
    assert [entry["kind"] for entry in body["status"]["inventory"]] == ["Deployment"]
    kubectl("delete", "sam/obj", "--timeout=30s")
    eventually("all is gone", lambda: not kubectl.list("deployments,replicasets,jobs,pods"))
    assert "Timer 'back_up' succeeded" in running.log()
    assert "'nuvop/samples" not in running.log()


def test_a_restart_makes_no_second_backup_and_misses_no_deletion(kubectl: Kubectl, operator: Start) -> None:
    running = operator(*NUVOP_RUN, "-n", kubectl.namespace, BACKUPS, BACKUP_EVERY="10000000")
    kubectl.apply(sample("obj", 1), sample("other", 1))
    eventually("each has its backup", lambda: running.log().count("Timer 'back_up' succeeded") == 2)
    for name in ("obj", "other"):
        kubectl("wait", "--for=condition=Ready", f"sam/{name}", "--timeout=60s")
    before = {job["metadata"]["name"]: job["metadata"]["uid"] for job in kubectl.list("jobs")}
    assert sorted(name.partition("-bak-")[0] for name in before) == ["obj", "other"]
    assert running.stop() == 0
    assert not running.processes()

    kubectl("delete", "sam/other", "--wait=false")
    running.start()
    eventually("what was deleted meanwhile goes", lambda: not kubectl.get("sam/other"))
    eventually("the timer has run again", lambda: "Timer 'back_up' succeeded" in running.logs()[-1])
    eventually("only the backup of the one that is left", lambda: len(kubectl.list("jobs")) == 1)
    (job,) = kubectl.list("jobs")
    assert before[job["metadata"]["name"]] == job["metadata"]["uid"]


LONG = """
import time

@kopf.timer("nuvolaris.org", "samples", interval=1000)
def back_up(logger, **_):
    logger.info("begun")
    time.sleep(4)
    logger.info("ended")
"""


def test_a_deletion_waits_for_a_timer_at_work_and_not_longer(kubectl: Kubectl, operator: Start, tmp_path: Path) -> None:
    running = operator(*NUVOP_RUN, "-n", kubectl.namespace, write(tmp_path / "mine.py", LONG))
    kubectl.apply(sample("obj", 1))
    eventually("it is at work", lambda: "begun" in running.log())
    kubectl("delete", "sam/obj", "--timeout=30s")
    assert "ended" in running.log()


# --- what handlers leave on a resource -------------------------------------------------------------------------------

LEFT = re.compile(r"^\| (`@kopf[^|]+) \|[^|]+\| (yes|no)[^|]* \| (yes|no) \|$", re.M)

MORE = {
    "timer": "interval=1000",
    "on.field": "field='spec.count'",
    "on.delete(optional=True)": "optional=True",
}
"""What a decorator needs beside the resource."""


def documented() -> dict[str, tuple[bool, bool]]:
    """What docs/extending.md says: whether a decorator leaves a finalizer, and annotations."""
    rows = LEFT.findall((ROOT / "docs/extending.md").read_text())
    return {
        name: (finalizer == "yes", noted == "yes")
        for names, finalizer, noted in rows
        for name in re.findall(r"`@kopf\.([^`]+)`", names)
        if name not in ("on.validate", "on.mutate")  # they need a server: test_a_webhook
    }


def label(decorator: str) -> str:
    return re.sub(r"\W+", "-", decorator).strip("-").lower()


def test_what_each_handler_leaves_on_a_resource_is_what_the_docs_say(
    kubectl: Kubectl, operator: Start, tmp_path: Path
) -> None:
    said = documented()
    assert len(said) == 10
    mine = tmp_path / "mine.py"
    mine.write_text("import kopf\n")
    with mine.open("a") as script:
        for decorator in said:
            name, more = decorator.partition("(")[0], MORE.get(decorator, "")
            script.write(
                f"@kopf.{name}('nuvolaris.org', 'samples', labels={{'by': '{label(decorator)}'}}, {more})\n"
                f"async def {label(decorator).replace('-', '_')}(stopped=None, **_):\n"
                f"    {'await stopped.wait()' if name == 'daemon' else 'pass'}\n"
            )
    running = operator(*NUVOP_RUN, "-n", kubectl.namespace, str(mine))
    labelled = [sample(label(each)) for each in said]
    for cr in labelled:
        cr["metadata"]["labels"] = {"by": cr["metadata"]["name"]}
    kubectl.apply(*labelled, sample("nobodys"))

    kubectl("wait", "--for=condition=Ready", "sam", "--all", "--timeout=60s")
    for each in said:
        kubectl("patch", f"sam/{label(each)}", "--type=merge", "-p", '{"spec":{"count":1}}')

    def found() -> dict[str, tuple[bool, bool]]:
        bodies = {body["metadata"]["name"]: body for body in kubectl.list("sam")}
        assert (finalizers(bodies["nobodys"]), annotations(bodies["nobodys"])) == ([], {})
        left = {each: bodies[label(each)] for each in said}
        return {each: (finalizers(body) == [HANDLERS], bool(annotations(body))) for each, body in left.items()}

    def is_all_left() -> bool:
        pairs = zip(said.values(), found().values(), strict=True)
        return all(is_left for one, other in pairs for is_said, is_left in zip(one, other, strict=True) if is_said)

    kubectl("wait", "--for=condition=Ready", "sam", "--all", "--timeout=60s")
    eventually("all is left that the docs say", is_all_left)
    assert found() == said

    # Without the handlers nobody would take their finalizer off but nuvop.
    assert running.stop() == 0
    operator(PROGRAMS / "kopf", "run", "-n", kubectl.namespace)
    eventually("no finalizer is left", lambda: not any(finalizers(body) for body in kubectl.list("sam")))
    kubectl("delete", "sam", "--all", "--timeout=30s")


# --- what kopf does for them does not disturb nuvop ------------------------------------------------------------------


WATCHING = """
@kopf.daemon("example.org", "widgets")
async def watch_over(stopped, logger, **_):
    await stopped.wait()
    logger.info("the daemon ends")

@kopf.on.delete("example.org", "widgets")
async def say_goodbye(logger, **_):
    logger.info("goodbye")
"""


def test_kopfs_finalizer_and_nuvops_live_together(kubectl: Kubectl, operator: Start, tmp_path: Path) -> None:
    metadata = {"name": f"role-{kubectl.namespace}"}
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": metadata, "rules": []}
    kind = make_kind(tmp_path / "kinds", kubectl, role, configmap("config"))
    mine = write(tmp_path / "mine.py", WATCHING)
    # A folder that is a kind itself, and one of kinds.
    kinds = ("--kinds", str(kind.folder), "--kinds", "kustomize")
    running = operator(*NUVOP_RUN, "-n", kubectl.namespace, *kinds, mine)
    with every_version(kubectl, "widgets") as seen:
        kubectl.apply(kind.cr("obj"))
        kubectl("wait", "--for=condition=Ready", "widgets/obj", "--timeout=60s")
        eventually("both are on it", lambda: set(finalizers(kubectl.get("widgets/obj"))) == {CHILDREN, HANDLERS})
        assert kubectl.get(f"clusterrole/obj-{metadata['name']}")
        kubectl("delete", "widgets/obj", "--timeout=30s")
    assert_true(seen)
    assert not [version for version in seen if "WithRetry" in str(version.get("status"))]
    assert not kubectl.get(f"clusterrole/obj-{metadata['name']}")
    eventually("the rest is gone, too", lambda: not kubectl.get("configmap/obj-config"), within=LATE)
    assert "goodbye" in running.log()
    assert "the daemon ends" in running.log()


FIELDS = """
@kopf.on.field("example.org", "widgets", field="spec.count")
async def counted(old, new, logger, **_):
    logger.info(f"counted {old} {new}")

@kopf.on.update("example.org", "widgets")
async def updated(diff, logger, **_):
    logger.info("updated " + " ".join(sorted(".".join(field) for _, field, *_ in diff)))
"""


def test_a_change_is_told_once_and_its_values_are_kept_nowhere(
    kubectl: Kubectl, operator: Start, tmp_path: Path
) -> None:
    kind = make_kind(tmp_path / "kinds", kubectl, configmap("config"))
    mine = write(tmp_path / "mine.py", FIELDS)
    running = operator(*NUVOP_RUN, "-n", kubectl.namespace, "--kinds", str(tmp_path / "kinds"), mine)

    def told(*what: str) -> bool:
        """Whether it is what was told since the last start; kopf runs handlers of one change in any order."""
        return sorted(re.findall(r"(?:counted|updated) .+", running.logs()[-1])) == sorted(what)

    def change(**spec: object) -> None:
        kubectl("patch", "widgets/obj", "--type=merge", "-p", json.dumps({"spec": spec}))

    # Not `kubectl apply`, which keeps the spec in an annotation of its own.
    kubectl("create", "-f", "-", stdin=json.dumps(kind.cr("obj", count=1, password="hunter2")))
    first = ["counted None 1"]
    eventually("the first is told", lambda: told(*first))
    kubectl("wait", "--for=condition=Ready", "widgets/obj", "--timeout=60s")
    change(count=2)
    second = [*first, "counted (not kept) 2", "updated spec.count"]
    eventually("a change", lambda: told(*second))
    change(password="hunter3")
    eventually("of another field", lambda: told(*second, "updated spec.password"))
    noted = str(annotations(kubectl.get("widgets/obj")))
    assert "password" in noted
    assert "hunter" not in noted

    running.stop()
    running.start()
    eventually("the kind is loaded", lambda: is_ready(kubectl.get("widgets/obj")))
    always("nothing is told again", told, during=3)
    running.stop()
    change(count=3)
    running.start()
    eventually("what has changed meanwhile is", lambda: told("counted (not kept) 3", "updated spec.count"))


NOTING = """
@kopf.timer("nuvolaris.org", "samples", interval=0.2)
async def note(patch, retry, memo, **_):
    memo.times = memo.get("times", 0) + 1
    patch.metadata.annotations["example.org/times"] = str(memo.times)
"""


def test_a_handler_that_changes_a_resource_all_the_time_makes_nuvop_do_nothing(
    cluster: Cluster, kubectl: Kubectl, operator: Start, tmp_path: Path
) -> None:
    running = operator(*NUVOP_RUN, "-n", kubectl.namespace, write(tmp_path / "mine.py", NOTING))
    kubectl.apply(sample("obj", 1))
    kubectl("wait", "--for=condition=Ready", "sam/obj", "--timeout=60s")

    def times() -> int:
        return int(kubectl.get("sam/obj")["metadata"]["annotations"]["example.org/times"])

    eventually("its pod is told", lambda: kubectl.get("sam/obj")["status"].get("podNames"))
    eventually("its Event is written, too", lambda: "is ready" in kubectl("get", "events"))
    since, before = cluster.audit_log.stat().st_size, times()
    eventually("it was changed often", lambda: times() > before + 10)
    assert set(writes_of(cluster, kubectl.namespace, since)) == {"patch samples/"}
    assert is_ready(kubectl.get("sam/obj"))
    assert running.log().count(": applied ") == 1


TELLING = """
@kopf.timer("GROUP", "widgets", interval=0.2)
async def back_up(patch, status, **_):
    patch.status["backups"] = status.get("backups", 0) + 1
"""


def test_a_status_field_of_a_handlers_own_stays(
    kubectl: Kubectl, operator: Start, own_group: str, tmp_path: Path
) -> None:
    settings = {"spec.text": "ConfigMap/config data.text"}
    kind = make_kind(tmp_path / "kinds", kubectl, configmap("config", text="base"), group=own_group, set=settings)
    crd = json.loads((kind.folder / "crd.yaml").read_text())
    (version,) = crd["spec"]["versions"]
    version["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]["backups"] = {"type": "integer"}
    (kind.folder / "crd.yaml").write_text(json.dumps(crd))
    kubectl("apply", "-f", str(kind.folder / "crd.yaml"))
    mine = write(tmp_path / "mine.py", TELLING.replace("GROUP", own_group))
    operator(*NUVOP_RUN, "-n", kubectl.namespace, "--kinds", str(tmp_path / "kinds"), mine)

    def status() -> dict[str, Any]:
        found: dict[str, Any] = kubectl.get(f"{kind.plural}/obj")["status"]
        return found

    def is_told() -> bool:
        return is_ready(kubectl.get(f"{kind.plural}/obj"))

    try:
        kubectl.apply(kind.cr("obj"))
        eventually("ready", is_told)
        eventually("the handler has begun", lambda: "backups" in status())
        with every_version(kubectl, kind.plural) as seen:
            for text in "abcdefgh":
                kubectl("patch", f"{kind.plural}/obj", "--type=merge", "-p", json.dumps({"spec": {"text": text}}))
                eventually("nuvop goes on", is_told)
            before = status()["backups"]
            eventually("so does the handler", lambda: status()["backups"] > before)
        counts = [body["status"]["backups"] for body in seen]
        assert counts == sorted(counts)
    finally:
        kind.forget(kubectl)


SLOW = """
import asyncio
import pathlib

GO = pathlib.Path("GO")

@kopf.on.update("nuvolaris.org", "samples")
async def updated(**_):
    while not GO.exists():
        await asyncio.sleep(0.1)

@kopf.on.create("nuvolaris.org", "samples", labels={"bad": "yes"})
async def fails(**_):
    raise ValueError("a mistake of mine")
"""


def test_a_handler_that_takes_long_or_fails_holds_up_no_other_resource(
    kubectl: Kubectl, operator: Start, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    mine = write(tmp_path / "mine.py", SLOW.replace('"GO"', repr(str(go))))
    running = operator(*NUVOP_RUN, "-n", kubectl.namespace, mine)
    bad = sample("bad", 1)
    bad["metadata"]["labels"] = {"bad": "yes"}
    kubectl.apply(bad, sample("slow", 1), sample("other", 1))
    for name in ("bad", "slow", "other"):
        kubectl("wait", "--for=condition=Ready", f"sam/{name}", "--timeout=60s")
    eventually("the mistake is told", lambda: "a mistake of mine" in running.log())

    def replicas(name: str) -> int:
        count: int = kubectl.get(f"deployment/{name}-demo-deploy")["spec"]["replicas"]
        return count

    kubectl("scale", "sam/slow", "--replicas=2")
    kubectl("wait", "--for=condition=Ready", "sam/slow", "--timeout=60s")
    assert replicas("slow") == 2
    # kopf tells of a resource's changes one after the other, as the docs say.
    kubectl("scale", "sam/slow", "--replicas=3")
    kubectl("scale", "sam/other", "--replicas=3")
    eventually("the other one is served", lambda: replicas("other") == 3)
    assert replicas("slow") == 2
    go.touch()
    eventually("then the slow one", lambda: replicas("slow") == 3)


def test_a_startup_handler_that_cannot_work_ends_the_operator(cluster: Cluster, tmp_path: Path) -> None:
    text = "@kopf.on.startup()\nasync def start(**_): raise kopf.PermanentError('nowhere to put the backups')\n"
    done = subprocess.run(
        [*NUVOP_RUN, "-n", "default", write(tmp_path / "mine.py", text)],
        env=environment(cluster, tmp_path / "generated"),
        cwd=ROOT, text=True, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "Error: nowhere to put the backups"
    assert "never awaited" not in done.stderr
    assert not list((tmp_path / "tmp").iterdir())


# --- webhooks --------------------------------------------------------------------------------------------------------


def test_a_webhook(cluster: Cluster, kubectl: Kubectl, operator: Start) -> None:
    (certificate,) = cluster.kubeconfig.parent.rglob("pki/admin.crt")  # its names include 127.0.0.1
    running = operator(
        *NUVOP_RUN, "-n", kubectl.namespace, "examples/admission.py",
        TLS_CERT=str(certificate), TLS_KEY=str(certificate.with_suffix(".key")),
    )  # fmt: skip
    configurations = "validatingwebhookconfigurations,mutatingwebhookconfigurations"
    try:
        eventually(
            "both webhooks are known",
            lambda: sum(len(each.get("webhooks", [])) for each in kubectl.list(configurations)) == 2,
        )
        latest = json.dumps(sample("late", 1, image="nginx:latest"))
        refusal = "spec.image: nginx:latest is another one tomorrow"
        dry = ("create", "--dry-run=server", "-f", "-")
        eventually("they are asked", lambda: refusal in kubectl.run(*dry, stdin=latest).stderr)
        kubectl.apply(sample("obj", 1, image="nginx"))
        kubectl("wait", "--for=condition=Ready", "sam/obj", "--timeout=60s")
        body = kubectl.get("sam/obj")
        assert (finalizers(body), annotations(body)) == ([], {})
        (container,) = kubectl.get("deployment/obj-demo-deploy")["spec"]["template"]["spec"]["containers"]
        assert container["image"] == "nginx:stable"
        assert running.stop() == 0
        # Who has stopped is not asked, once the API server has heard of it.
        eventually("it is taken", lambda: kubectl.run("create", "-f", "-", stdin=latest).returncode == 0)
    finally:
        kubectl("delete", configurations, "samples.example.org", "--ignore-not-found")
