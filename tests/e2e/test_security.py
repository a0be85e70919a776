"""What a custom resource's author can and cannot do to an operator that runs (docs/security.md)."""

import base64
import json
import re
import signal
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from lab.bench.isolation import free_port
from lab.controlplane import Cluster
from tests.conftest import Start
from tests.e2e.conftest import Make
from tests.e2e.harness import PROGRAMS, ROOT, Kubectl, Operator, TestKind, configmap, eventually, is_ready, stalled
from tests.security.hostile import ALL
from tests.unit.test_hostile import every_way

HOSTILE = ROOT / "tests/security"
SAMPLE = [*ALL[::8], *(value for value in ALL if value.startswith(("!!", "--", "$", "{", "../")) and len(value) < 100)]


@contextmanager
def watched(operator: Operator) -> Iterator[set[tuple[str, ...]]]:
    """The command lines of all that an operator starts meanwhile, as /proc has them."""
    seen: set[tuple[str, ...]] = set()
    ending = threading.Event()

    def look() -> None:
        while not ending.is_set():
            seen.update(map(tuple, operator.commands()))
            time.sleep(0.01)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        ending.set()
        thread.join()


def kubectls(seen: set[tuple[str, ...]], generated: Path) -> set[tuple[str, ...]]:
    """Command lines of kubectl, with a word for the folders that nuvop itself names."""
    own = re.compile(re.escape(str(generated)) + r"/(\.batches/[\w.-]+|[a-z]+/[a-z0-9-]+/[a-z0-9-]+|\.kinds/[\w./-]+)")
    found = {tuple(own.sub("FOLDER", word) for word in argv[1:]) for argv in seen if Path(argv[0]).name == "kubectl"}
    return {argv for argv in found if argv[:2] != CONFIG}


@pytest.fixture
def victims(kubectl: Kubectl) -> Iterator[Path]:
    """The kind with a field for each way into a manifest."""
    kubectl("apply", "-f", str(HOSTILE / "kind/crd.yaml"), "-f", str(HOSTILE / "holder-crd.yaml"))
    for plural in ("victims", "holders"):
        kubectl("wait", "--for=condition=Established", f"crd/{plural}.hostile.example.org", "--timeout=60s")
    yield HOSTILE / "kind"
    kubectl("delete", "crd", "victims.hostile.example.org", "holders.hostile.example.org", "--wait=false")


def test_hostile_values_arrive_as_they_are_and_no_command_line_has_any(
    kubectl: Kubectl, operator: Start, victims: Path
) -> None:
    specs = [{**every_way(value), "label": "harmless"} for value in SAMPLE]
    items = [victim(f"case-{i}", spec) for i, spec in enumerate(specs)]
    # Not applied: that would note each in an annotation, too.
    kubectl("create", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    running = operator(start=False, NUVOP_KINDS=str(victims)).start(until=None)
    with watched(running) as seen:
        eventually(
            "all are applied",
            lambda: all(lastly_applied(cr) or stalled(cr)[0] for cr in kubectl.list("victims")),
            within=240,
        )
    told = {cr["metadata"]["name"]: stalled(cr) for cr in kubectl.list("victims") if stalled(cr)[0]}
    assert told == {}
    holders, maps, deployments = (
        {obj["metadata"]["name"]: obj for obj in kubectl.list(what)}
        for what in ("holders", "configmaps", "deployments")
    )
    for i, (value, spec) in enumerate(zip(SAMPLE, specs, strict=True)):
        holder, config_map = holders[f"case-{i}-holder"], maps[f"case-{i}-settings"]
        assert holder["spec"] == {
            "untouched": "no",
            "text": value,
            "ref": {"name": value},
            **{name: spec[name] for name in ("list", "free", "python")},
        }
        assert holder["metadata"]["annotations"] == {"example.org/note": value}
        assert config_map["data"] == {"untouched": "yes", "text": value, "python": value}
        assert config_map["metadata"]["annotations"] == {"example.org/python": value}
        (container,) = deployments[f"case-{i}-web"]["spec"]["template"]["spec"]["containers"]
        assert container.get("args") == spec["list"]
        assert container["env"][0].get("value", "") == value
    assert len(holders) == len(specs)
    assert kubectls(seen, running.generated) - ALLOWED == set()
    assert any("apply" in argv for argv in kubectls(seen, running.generated))


CONFIG = ("config", "view")
"""How the user's kubeconfig is read; a context's name may follow."""

ALLOWED = {
    (
        "apply", "-k", "FOLDER", "--server-side", "--force-conflicts", "--field-manager=nuvop", "--validate=false",
        "-o", "json", "--show-managed-fields", "--request-timeout=20s",
    ),
    ("kustomize", "FOLDER"),
    ("version", "--client", "-o", "json"),
}  # fmt: skip


def victim(name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "hostile.example.org/v1", "kind": "Victim", "metadata": {"name": name}, "spec": spec}


def lastly_applied(cr: Mapping[str, Any]) -> bool:
    return bool(cr.get("status", {}).get("lastAppliedRevision"))


def nested(depth: int) -> str:
    """JSON with so many mappings inside of each other; Python's own module writes fewer."""
    return '{"a":' * depth + '"x"' + "}" * depth


def test_large_and_deep_resources_are_told_so_and_hold_up_nobody(
    kubectl: Kubectl, operator: Start, widgets: Make, tmp_path: Path
) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"a": "b"}}
    kind = widgets(
        configmap("c", x="y"), secret, set={"spec.data": "ConfigMap/c data", "spec.text": "ConfigMap/c data.text"}
    )
    running = operator(NUVOP_KINDS=str(tmp_path / "kinds"))
    kubectl.apply(kind.cr("before", data={"a": "b"}))
    eventually("ready", lambda: is_ready(kubectl.get(f"{kind.plural}/before")))
    large: dict[str, dict[str, Any]] = {
        "megabyte": {"text": "x" * 1_040_000},
        "fields": {"data": {f"k{i}": "v" for i in range(20_000)}},
        "deep": {"data": "150 levels"},
        "deeper": {"data": "700 levels"},
        "deepest": {"unmapped": "5000 levels"},
        "long-key": {"data": {"k" * 1023: "v"}},
        "refused": {"data": {"k" * 900: "v"}},
    }
    for name, spec in large.items():
        text = json.dumps(kind.cr(name, **spec))
        kubectl("create", "-f", "-", stdin=re.sub(r'"(\d+) levels"', lambda found: nested(int(found[1])), text))
    kubectl.apply(kind.cr("after", data={"a": "b"}))
    eventually("the next one is ready", lambda: is_ready(kubectl.get(f"{kind.plural}/after")))
    for name, (phase, said) in LARGE.items():
        found = eventually(f"{name} is told", partial(told, kubectl, kind, name), within=120)
        assert found[0] == phase
        assert said in found[1]
    running.stop()
    running.start()
    kubectl.apply(kind.cr("after", data={"a": "c"}))
    eventually("its change is applied", lambda: kubectl.get("configmap/after-c")["data"]["a"] == "c")
    assert "Traceback" not in running.log()


LARGE = {
    "megabyte": ("Ready", ""),
    "fields": ("Ready", ""),
    "deep": ("ApplyFailed", ".data.a: expected string"),
    "deeper": ("InvalidSpec", "there are more than 200 mappings and lists inside of each other"),
    "deepest": ("Ready", ""),
    "long-key": ("InvalidSpec", "can be no key in a manifest"),
    "refused": ("ApplyFailed", 'The ConfigMap "refused-c" is invalid: data[kkk'),
}
"""What the status of each says in the end; ``deepest`` is so where nothing is made of it."""


def told(kubectl: Kubectl, kind: TestKind, name: str) -> tuple[str, str] | None:
    """Reason and message of a resource that nuvop has come to an end with; kubectl cuts out what is not too deep."""
    conditions = json.loads(kubectl("get", f"{kind.plural}/{name}", "-o", "jsonpath={.status.conditions}") or "[]")
    ready = {c["type"]: c for c in conditions}.get("Ready", {})
    if ready.get("status") == "True":
        return "Ready", ""
    return next(((c["reason"], c["message"]) for c in conditions if c["type"] == "Stalled"), None)


CANARY = "hunter22-canary"
HIDDEN = base64.b64encode(CANARY.encode()).decode()


def secret(name: str, type_: str = "Opaque", **more: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "type": type_, **more}


SECRETS: dict[str, dict[str, Any]] = {
    "good": {"password": CANARY},
    "no-base64": {"raw": CANARY},
    "data-number": {"raw": 424242422},
    "data-list": {"raw": [CANARY]},
    "data-mapping": {"raw": {"a": CANARY}},
    "data-text": {"data": CANARY},
    "data-lists": {"data": [CANARY]},
    "string-data-text": {"texts": CANARY},
    "string-data-list": {"texts": [CANARY]},
    "string-data-deep": {"texts": {"a": {"b": CANARY}}},
    "bad-key": {"texts": {"a b/c": CANARY}},
    "no-json": {"docker": CANARY},
    "no-certificate": {"certificate": CANARY},
    "python-text": {"python": CANARY},
    "python-list": {"python": [CANARY]},
    "python-empty-key": {"python": {"": CANARY}},
    "python-wrong": {"wrong": CANARY},
    "control": {"password": f"{CANARY}\x07"},
}

PYTHON = """def patches(cr):
    given = cr["spec"].get("python")
    if given is not None:
        yield {"kind": "Secret", "metadata": {"name": "own"}, "stringData": given}
    if "wrong" in cr["spec"]:
        raise ValueError("no: " + cr["spec"]["wrong"])
"""


def test_no_value_of_a_secret_is_told_or_lies_open(
    cluster: Cluster, kubectl: Kubectl, operator: Start, widgets: Make, tmp_path: Path
) -> None:
    """Neither where all is well nor where kustomize or the API server refuse it; with all that kopf logs."""
    kind = widgets(
        secret("own", stringData={"password": "none"}),
        secret("docker", "kubernetes.io/dockerconfigjson", stringData={".dockerconfigjson": "{}"}),
        secret("tls", "kubernetes.io/tls", stringData={"tls.crt": "", "tls.key": ""}),
        set={
            "spec.password": "Secret/own stringData.password",
            "spec.raw": "Secret/own data.raw",
            "spec.data": "Secret/own data",
            "spec.texts": "Secret/own stringData",
            "spec.docker": ["Secret/docker stringData.[.dockerconfigjson]"],
            "spec.certificate": ["Secret/tls stringData.[tls.crt]"],
        },
    )
    (kind.folder / "patches.py").write_text(PYTHON)
    port = free_port()
    command = (PROGRAMS / "kopf", "run", "-n", kubectl.namespace, "--debug", "--verbose")
    running = operator(*command, start=False, NUVOP_KINDS=str(tmp_path / "kinds"), NUVOP_HTTP=f"127.0.0.1:{port}")
    running.start(until=None)
    with watched(running) as seen:
        for name, spec in SECRETS.items():
            kubectl("create", "-f", "-", stdin=json.dumps(kind.cr(name, **spec)))
        reasons = {name: eventually(f"{name} is told", partial(told, kubectl, kind, name)) for name in SECRETS}
    assert {name for name, (reason, _) in reasons.items() if reason == "Ready"} == {"good", "no-certificate"}

    def has_events_of_all() -> bool:
        events = kubectl("get", "events", "-o", "json")
        return all(f'"name": "{name}"' in events for name in SECRETS)

    eventually("all Events are written", has_events_of_all)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        metrics = answer.read().decode()
    texts = {
        "log": running.log(),
        "metrics": metrics,
        "status": json.dumps([cr["status"] for cr in kubectl.list(kind.plural)]),
        "events": kubectl("get", "events", "-o", "json"),
        "command lines": repr(seen),
    }
    assert " [DEBUG " in texts["log"]
    for where, text in texts.items():
        assert not [word for word in (CANARY, HIDDEN, "424242422") if word in text], where
    assert "Traceback" not in texts["log"]
    # Halted: what is tried again and again comes and goes.
    running.process.send_signal(signal.SIGSTOP)
    try:
        assert list(open_to_others(running.generated.parent)) == []
        written = [path.read_text() for path in running.generated.rglob("*.json")]
    finally:
        running.process.send_signal(signal.SIGCONT)
    assert any(HIDDEN in text for text in written), "it is where it has to be"


def open_to_others(folder: Path) -> Iterator[str]:
    """The files in an operator's home that others than its user may read, and not those in a folder that is closed."""
    for path in folder.iterdir():
        mode = path.lstat().st_mode
        if mode & 0o077 and not path.is_symlink():
            yield from open_to_others(path) if path.is_dir() else [f"{path}: {mode:o}"]
