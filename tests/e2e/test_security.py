"""What a custom resource's author can and cannot do to an operator that runs (docs/security.md)."""

import json
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Start
from tests.e2e.conftest import Make
from tests.e2e.harness import ROOT, Kubectl, Operator, TestKind, configmap, eventually, is_ready, stalled
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
