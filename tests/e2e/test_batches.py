"""CRs that cannot be applied neither delay nor hide the others: good and broken ones, made at once.

The ways to be broken are those of lab/bench/isolation.py, which measures the delay.
"""

import json
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from lab.bench import isolation
from lab.bench.isolation import (
    BUILD,
    CATEGORIES,
    COLLISION,
    DENIED,
    DOWN,
    GONE,
    IMMUTABLE,
    INVALID,
    QUOTA,
    SLOW,
    STANDING,
    SUSPEND,
    Broken,
)
from lab.controlplane import Cluster
from tests.conftest import Start
from tests.e2e.audited import entries_of
from tests.e2e.harness import (
    PROGRAMS,
    Kubectl,
    Operator,
    TestKind,
    condition,
    eventually,
    is_ready,
    make_kind,
)

GOOD = [f"good-{number:02}" for number in range(30)]

TOLD = {
    INVALID: ("ApplyFailed", ["invalid-0-app", "99999"]),
    DENIED: ("ApplyFailed", ["denied-0-", "ValidatingAdmissionPolicy", "denied request: not here"]),
    GONE: ("ProgressingWithRetry", ["because it is being terminated"]),
    QUOTA: ("ApplyFailed", ["quota-0-app", "exceeded quota: no-services"]),
    DOWN: ("ProgressingWithRetry", ['failed calling webhook "down.example.org"', "connection refused"]),
    BUILD: ("ApplyFailed", ["nowhere.yaml"]),
    COLLISION: ("NameCollision", ["ConfigMap/holder-0-more-app belongs to widgets/holder-0 in "]),
    IMMUTABLE: ("ApplyFailed", ["immutable-0-app", "field is immutable"]),
}
"""Reason and parts of the message of the Ready condition. SLOW is not broken for good, and tells nothing."""

MOST_WRITES = 3
"""Of one child of a good CR: it may land, and land again because its batch was broken off before that was seen."""

RETRIED = 120.0
"""Seconds until what was mended is Ready: what fails again and again is tried once a minute."""


@dataclass(frozen=True)
class Told:
    """What a CR has said in its status at one time."""

    name: str
    reason: str
    message: str


@dataclass
class Stage:
    """The namespaces, the kind, the operator, and what all CRs have said so far."""

    kubectl: Kubectl
    kind: TestKind
    operator: Operator
    history: Path

    def at(self, category: str) -> Kubectl:
        """kubectl in the namespace where CRs of this category are."""
        name = self.kubectl.namespace
        return Kubectl(self.kubectl.kubeconfig, f"{name}-{category}" if category in (GONE, QUOTA) else name)

    def cr(self, name: str, category: str = "") -> dict[str, Any]:
        return self.at(category).get(f"{self.kind.plural}/{name}")

    def is_ready(self, name: str, category: str = "") -> bool:
        return is_ready(self.cr(name, category))

    def create(self, one: Broken, annotations: Mapping[str, str] | None = None, **spec: Any) -> None:
        self.at(one.category).apply(self.kind.cr(one.name, annotations, **spec))

    def told(self) -> set[Told]:
        """All that was ever said, from the first moment on."""
        text, at, found = self.history.read_text(), 0, set()
        while at < len(text.rstrip()):
            try:
                body, at = json.JSONDecoder().raw_decode(text, at)
            except ValueError:
                break  # the last one is still being written
            while text[at : at + 1].isspace():
                at += 1
            ready = condition(body, "Ready")
            if ready:
                found.add(Told(body["metadata"]["name"], ready["reason"], ready["message"]))
        return found


@pytest.fixture
def stage(cluster: Cluster, kubectl: Kubectl, operator: Start, own_group: str, tmp_path: Path) -> Iterator[Stage]:
    kind = make_kind(tmp_path / "kinds", kubectl, *isolation.manifests(), group=own_group, set=isolation.FIELDS)
    history = tmp_path / "history.json"
    running = operator(PROGRAMS / "kopf", "run", "-A", NUVOP_KINDS=str(kind.folder.parent))
    stage = Stage(kubectl, kind, running, history)
    for category in (GONE, QUOTA):
        kubectl("create", "namespace", stage.at(category).namespace)
    with ExitStack() as ends:
        ends.callback(kind.forget, kubectl)
        ends.callback(kubectl.run, "delete", "namespace", stage.at(QUOTA).namespace, "--wait=false")
        ends.callback(lift, kubectl, stage.at(GONE).namespace, "retained")
        ends.callback(lift, kubectl, kubectl.namespace, "denied")
        ends.callback(kubectl.run, "delete", f"validatingwebhookconfiguration/webhooks-{kubectl.namespace}")
        ends.enter_context(recording(kubectl, kind, history))
        yield stage


@contextmanager
def recording(kubectl: Kubectl, kind: TestKind, history: Path) -> Iterator[None]:
    """Write down each state of each CR."""
    with history.open("wb") as file:
        watch = subprocess.Popen(
            [PROGRAMS / "kubectl", "get", kind.plural, "-A", "--watch", "-o", "json"],
            env={"KUBECONFIG": str(kubectl.kubeconfig), "HOME": "/nonexistent"},
            stdout=file,
        )
        try:
            yield
        finally:
            watch.kill()
            watch.wait()


def lift(kubectl: Kubectl, namespace: str, what: str) -> None:
    """Remove an admission policy."""
    kinds = "validatingadmissionpolicybinding,validatingadmissionpolicy"
    kubectl.run("delete", "--ignore-not-found", kinds, f"{what}-{namespace}")


def is_refused(kubectl: Kubectl, *arguments: str) -> bool:
    """Whether the API server knows of an obstacle already."""
    return kubectl.run(*arguments, "--dry-run=server").returncode != 0


def set_up_obstacles(cluster: Cluster, stage: Stage, slow: str, down: str) -> None:
    kubectl, quota, gone = stage.kubectl, stage.at(QUOTA), stage.at(GONE)
    kubectl.apply(*isolation.denial(kubectl.namespace))
    kubectl.apply(*isolation.retention(gone.namespace, stage.kind.group, "widgets"))
    kubectl.apply(isolation.webhooks(kubectl.namespace, isolation.authority(cluster), slow, down))
    quota.apply(isolation.quota())
    eventually("denied", partial(is_refused, kubectl, "create", "configmap", "denied-"))
    eventually("down", partial(is_refused, kubectl, "create", "service", "clusterip", "down-0", "--tcp=80"))
    eventually("no quota", partial(is_refused, quota, "create", "service", "clusterip", "a", "--tcp=80"))
    stage.create(Broken(GONE, 0), {SUSPEND: "true"})
    eventually("retained", partial(is_refused, gone, "delete", f"{stage.kind.plural}/gone-0"))
    eventually("suspended", lambda: condition(stage.cr("gone-0", GONE), "Suspended"))
    kubectl("delete", "namespace", gone.namespace, "--wait=false")
    eventually("going away", partial(is_refused, gone, "create", "configmap", "a"))


def applies(cluster: Cluster, namespace: str, since: int) -> Counter[tuple[str, str]]:
    """How often nuvop applied each object of a namespace, by resource and name, from a position in the audit log on."""
    found: Counter[tuple[str, str]] = Counter()
    for event in entries_of(cluster.audit_log, since):
        target = event.get("objectRef") or {}
        query = parse_qs(urlsplit(event["requestURI"]).query)
        if (
            event["stage"] == "ResponseComplete"
            and event["verb"] == "patch"
            and target.get("namespace") == namespace
            and query.get("fieldManager") == ["nuvop"]
        ):
            found[target["resource"], target["name"]] += 1
    return found


@pytest.mark.timeout(420)
def test_broken_crs_neither_delay_nor_hide_the_others(cluster: Cluster, stage: Stage) -> None:
    kubectl, kind = stage.kubectl, stage.kind
    broken = {category: Broken(category, 0) for category in CATEGORIES}
    port = isolation.free_port()
    with isolation.webhook(cluster, seconds=isolation.SLOW_SECONDS) as slow:
        set_up_obstacles(cluster, stage, slow, isolation.url(port))
        for name in ("build-0", "immutable-0", "holder-0"):
            kubectl.apply(kind.cr(name))
            eventually(f"{name} is ready", partial(stage.is_ready, name))

        since = cluster.audit_log.stat().st_size
        isolation.spoil(stage.operator.generated / "widgets" / kubectl.namespace / "build-0")
        stage.create(broken[QUOTA])
        stage.at(GONE)("annotate", f"{kind.plural}/gone-0", f"{SUSPEND}-")
        crs = [kind.cr(name) for name in GOOD]
        fresh = [one for one in broken.values() if one.category not in (*STANDING, QUOTA)]
        crs += [kind.cr(one.name, **one.spec) for one in fresh]
        crs += [kind.cr("immutable-0", **broken[IMMUTABLE].spec), kind.cr("build-0", {isolation.RECONCILE: "now"})]
        crs.sort(key=lambda cr: cr["metadata"]["name"][::-1])  # so that good and broken ones come mixed
        kubectl.apply(*crs)

        for name in GOOD:
            eventually(f"{name} is ready", partial(stage.is_ready, name))
        for category, (reason, parts) in TOLD.items():
            eventually(f"{category} is told", partial(said, stage, broken[category].name, reason, parts))
        for category in (BUILD, SLOW):
            eventually(f"{category} heals by itself", partial(stage.is_ready, broken[category].name))
        assert_nobody_is_blamed_for_others(stage.told())
        writes = {key: n for key, n in applies(cluster, kubectl.namespace, since).items() if key[1].startswith("good-")}
        assert len(writes) == len(GOOD) * len(isolation.manifests())
        assert max(writes.values()) <= MOST_WRITES, writes

        # --- and each works once what broke it is mended ---
        lift(kubectl, kubectl.namespace, "denied")
        stage.at(QUOTA)("patch", "resourcequota/no-services", "-p", '{"spec":{"hard":{"services":"5"}}}')
        kubectl.apply(kind.cr("invalid-0", port=8080), kind.cr("immutable-0"))
        kubectl("delete", f"{kind.plural}/holder-0")
        lift(kubectl, stage.at(GONE).namespace, "retained")
        with isolation.webhook(cluster, port):
            for one in broken.values():
                if one.category != GONE:
                    ready = partial(stage.is_ready, one.name, one.category)
                    eventually(f"{one.name} is mended", ready, within=RETRIED)
            eventually("the namespace is gone", lambda: not kubectl.get(f"ns/{stage.at(GONE).namespace}"))
            kubectl("create", "namespace", stage.at(GONE).namespace)
            stage.create(broken[GONE])
            eventually("gone-0 is mended", partial(stage.is_ready, "gone-0", GONE), within=RETRIED)
    assert "Traceback" not in stage.operator.log()
    kubectl("delete", "namespace", stage.at(GONE).namespace, "--wait=false")


def said(stage: Stage, name: str, reason: str, parts: list[str]) -> list[Told]:
    """Where a CR has ever said this."""
    return [
        told
        for told in stage.told()
        if (told.name, told.reason) == (name, reason) and all(part in told.message for part in parts)
    ]


def assert_nobody_is_blamed_for_others(told: set[Told]) -> None:
    names = [*GOOD, *(Broken(category, 0).name for category in CATEGORIES)]
    for one in told:
        if one.name in (*GOOD, Broken(SLOW, 0).name, Broken(COLLISION, 0).holder):
            assert one.reason in ("Progressing", "Succeeded"), one
        for other in names:
            assert other == one.name or f"{other}-" not in one.message, one
