"""What the end-to-end tests are made of: an operator as a process, kubectl, and waiting for something to be true."""

import json
import os
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from lab import controlplane
from lab.controlplane import Cluster
from nuvop import yamltext
from tests.e2e.audited import entries_of
from tests.e2e.reads import Reader, Refused, reader
from tests.unit.test_status import broken_invariants

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(sys.executable).parent
PATIENCE = 60.0
"""Seconds until a test gives up waiting. A busy machine gets more time than anybody would want to wait."""

LATE = 120.0
"""Seconds until the garbage collector has deleted the children of a CR whose CRD is new.

It looks for new CRDs every 30 s, and comes back to an object whose owner it does not know after 20, 41 and 82 s.
"""


def eventually(what: str, check: Callable[[], Any], *, within: float = PATIENCE) -> Any:
    """Wait until ``check()`` is true, and return what it returned; fail with the last thing seen.

    A request of its that the API server refuses is made again, as a user would: what is new may not be served yet, and
    what goes may be served no more by one of two answers.
    """
    deadline = time.monotonic() + within
    while True:
        refused = None
        try:
            if found := check():
                return found
        except Refused as error:
            found = refused = error
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within:g} s: {what}; last: {found!r}") from refused
        time.sleep(0.1)


def always(what: str, check: Callable[[], Any], *, during: float) -> None:
    """Fail as soon as ``check()`` is not true."""
    deadline = time.monotonic() + during
    while time.monotonic() < deadline:
        found = check()
        assert found, f"{what}: {found!r}"
        time.sleep(0.1)


def fake_kubectl(folder: Path, text: str) -> str:
    """A PATH on which ``text`` (sh) is kubectl; ``$REAL`` in it is the real one."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "kubectl"
    program.write_text(f"#!/bin/sh\nREAL={shlex.quote(f'{PROGRAMS}/kubectl')}\n{text}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return f"{folder}:{os.environ['PATH']}"


@dataclass(frozen=True)
class Kubectl:
    """kubectl with one cluster's administrator's rights, in one namespace."""

    kubeconfig: Path
    namespace: str

    def run(self, *arguments: str, stdin: str | None = None) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [PROGRAMS / "kubectl", "-n", self.namespace, *arguments],
            input=stdin,
            text=True,
            capture_output=True,
            timeout=PATIENCE + 30,
            env={"KUBECONFIG": str(self.kubeconfig), "HOME": "/nonexistent", "PATH": os.environ["PATH"]},
            check=False,
        )

    def __call__(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl and return what it printed; raise Refused where it failed."""
        done = self.run(*arguments, stdin=stdin)
        if done.returncode != 0:
            raise Refused(f"kubectl {' '.join(arguments)}: {done.stderr}")
        return done.stdout

    def apply(self, *objects: Mapping[str, Any]) -> None:
        self("apply", "-f", "-", stdin="\n---\n".join(json.dumps(obj) for obj in objects))

    def get(self, what: str) -> dict[str, Any]:
        """An object; empty where there is none."""
        return self._reader.get(what, self.namespace)

    def list(self, what: str, selector: str = "") -> list[dict[str, Any]]:
        """All objects of some types, or those whose labels are selected."""
        return self._reader.list(what, self.namespace, selector)

    @property
    def _reader(self) -> Reader:
        return reader(self.kubeconfig, self.kubeconfig.stat().st_mtime_ns)


@contextmanager
def own_cluster(name: str, nodes: int, *, real_node: bool = False) -> Iterator[Cluster]:
    """A cluster that no other test has, made anew; it is removed after the block."""
    controlplane.down(name)
    yield controlplane.up(name, nodes=nodes, real_node=real_node)
    controlplane.down(name)


def sample(name: str, count: object = 2, **spec: object) -> dict[str, Any]:
    """A Sample, as a user would write it."""
    return {
        "apiVersion": "nuvolaris.org/v1",
        "kind": "Sample",
        "metadata": {"name": name},
        "spec": {"count": count, **spec},
    }


def example(folder: Path, name: str) -> dict[str, Any]:
    """An example of a kind's folder, for whatever namespace kubectl is in."""
    found: dict[str, Any] = yamltext.load((folder / "examples" / f"{name}.yaml").read_text())
    del found["metadata"]["namespace"]
    return found


def condition(cr: Mapping[str, Any], type_: str) -> dict[str, Any]:
    """A condition of a CR; empty where it is not there."""
    found = [c for c in cr.get("status", {}).get("conditions", []) if c["type"] == type_]
    return found[0] if found else {}


def is_ready(cr: Mapping[str, Any]) -> bool:
    """Ready at its own generation."""
    ready = condition(cr, "Ready")
    return ready.get("status") == "True" and ready["observedGeneration"] == cr["metadata"]["generation"]


def stalled(cr: Mapping[str, Any]) -> tuple[str, str]:
    """Reason and message of the Stalled condition; empty texts where it is not there."""
    found = condition(cr, "Stalled")
    return found.get("reason", ""), found.get("message", "")


@dataclass
class Operator:
    """An operator process, its log and its folder of overlays."""

    command: Sequence[str | Path]
    environment: Mapping[str, str]
    log_file: Path
    generated: Path
    directory: Path = ROOT
    process: "subprocess.Popen[bytes]" = field(init=False)
    _begun: list[int] = field(init=False, default_factory=list)
    """Where in the log each of its starts begins."""

    def start(self, *, until: str | None = "Initial authentication has finished") -> "Operator":
        before = len(self.log())
        self._begun.append(before)
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, env=self.environment, cwd=self.directory, stdout=log, stderr=log, start_new_session=True
            )
        if until is not None:
            eventually(f"the operator says {until!r}", lambda: until in self.log()[before:] or self._must_live())
        return self

    def _must_live(self) -> bool:
        assert self.process.poll() is None, f"the operator ended with {self.process.returncode}:\n{self.log()}"
        return False

    def log(self) -> str:
        return self.log_file.read_text() if self.log_file.exists() else ""

    def logs(self) -> list[str]:
        """Its log, a text for each time that it was started."""
        log = self.log()
        return [log[begin:end] for begin, end in pairwise([*self._begun, len(log)])]

    def stop(self) -> int:
        """Ask it to stop, and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(30)

    def processes(self) -> list[str]:
        """The command lines of all that runs in this operator's environment: itself, kubectl, the reaper."""
        return [" ".join(command) for command in self._running().values()]

    def children(self) -> list[str]:
        """The command lines of what this operator has started: kubectl, the reaper."""
        return [" ".join(command) for pid, command in self._running().items() if pid != self.process.pid]

    def commands(self) -> list[list[str]]:
        """The same, an argument each."""
        return list(self._running().values())

    def kill_kubectl(self) -> int:
        """Kill every kubectl of this operator's that runs; return how many."""
        pids = [pid for pid, command in self._running().items() if Path(command[0]).name == "kubectl"]
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return len(pids)

    def _running(self) -> dict[int, list[str]]:
        mark = f"{self.generated.parent}/".encode()  # whole: operator1's must not be taken for operator10's
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    command = (entry / "cmdline").read_bytes().decode().split("\0")[:-1]
                    if command and mark in (entry / "environ").read_bytes():
                        found[int(entry.name)] = command
                except OSError:
                    continue  # it has just ended, or is somebody else's
        return found


def environment(cluster: Cluster, generated: Path, **more: str) -> dict[str, str]:
    """The environment of an operator: nothing of the machine's but what it needs.

    Of the shipped kinds it serves Samples only, unless ``more`` says otherwise: to load them all takes seconds.
    """
    temporary = generated.parent / "tmp"
    temporary.mkdir(exist_ok=True)
    return {
        "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
        "HOME": str(generated.parent),
        "TMPDIR": str(temporary),
        "KUBECONFIG": str(cluster.kubeconfig),
        "NUVOP_GENERATED": str(generated),
        "NUVOP_KINDS": str(ROOT / "kustomize/samples"),
        **more,
    }


@contextmanager
def artifacts(folder: Path, kubectl: Kubectl) -> Iterator[None]:
    """Keep what helps to understand a failure: the events; the operators' logs are in the folder already."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        (folder / "events.txt").write_text(kubectl.run("get", "events", "-A", "--sort-by=.lastTimestamp").stdout)


def writes_of(cluster: Cluster, namespace: str, since: int) -> list[str]:
    """What nuvop wrote in a namespace, from a position in the audit log on: ``verb resource/subresource``."""
    found = []
    for event in entries_of(cluster.audit_log, since):
        target = event.get("objectRef") or {}
        by_nuvop = any(name in event.get("userAgent", "") for name in ("kubectl", "nuvop", "kopf"))
        if (
            by_nuvop
            and event["stage"] == "ResponseComplete"
            and target.get("namespace") == namespace
            and event["verb"] in ("create", "update", "patch", "delete", "deletecollection")
        ):
            found.append(f"{event['verb']} {target['resource']}/{target.get('subresource', '')}")
    return found


def comes_to_rest(cluster: Cluster, namespace: str, *, during: float = 3) -> None:
    """Wait until nuvop has written nothing in a namespace for some seconds.

    Events come one after the other, each after the status that it tells of, and on a busy machine slowly.
    """

    def is_at_rest() -> bool:
        since = cluster.audit_log.stat().st_size
        time.sleep(during)
        return not writes_of(cluster, namespace, since)

    eventually("nothing is written any more", is_at_rest)


def copy_kinds(target: Path) -> Path:
    """A folder with a copy of the Sample kind that a test may break."""
    shutil.copytree(ROOT / "kustomize/samples", target / "samples")
    return target


@dataclass(frozen=True)
class TestKind:
    """A test's kind: its folder, and how its CRs are written."""

    __test__ = False

    folder: Path
    group: str

    @property
    def plural(self) -> str:
        """What kubectl calls it."""
        return f"widgets.{self.group}"

    def forget(self, kubectl: Kubectl) -> None:
        """Delete the CRD after the test, unless others share it."""
        if self.group != SHARED_GROUP:
            kubectl("delete", "crd", self.plural, "--wait=false", "--ignore-not-found")

    def cr(self, name: str, annotations: Mapping[str, str] | None = None, **spec: Any) -> dict[str, Any]:
        """A CR of the kind."""
        metadata = {"name": name, "annotations": dict(annotations or {})}
        return {"apiVersion": f"{self.group}/v1", "kind": "Widget", "metadata": metadata, "spec": spec}

    def write(self, *manifests: Mapping[str, Any], **kind: Any) -> None:
        """Replace the manifests; ``kind`` are fields of kind.yaml."""
        documents = "\n---\n".join(json.dumps(manifest) for manifest in manifests)
        (self.folder / "manifests.yaml").write_text(documents)
        head = {"apiVersion": "nuvop.nuvolaris.org/v1", "kind": "Kind"}
        (self.folder / "kind.yaml").write_text(json.dumps({**head, **kind}))


SHARED_GROUP = "example.org"
"""Of most tests' kinds: the garbage collector looks for new CRDs every 30 s, and deletes no children until then."""


def make_kind(
    kinds: Path, kubectl: Kubectl, *manifests: Mapping[str, Any], group: str = SHARED_GROUP, **kind: Any
) -> TestKind:
    """Write a kind with these manifests into the folder of kinds and install its CRD, which takes any spec.

    With a ``group`` of the test's own it is for operators that serve all namespaces, and others' CRs are none of its.
    """
    made = TestKind(kinds / "widgets", group)
    made.folder.mkdir(parents=True)
    made.write(*manifests, **kind)
    (made.folder / "kustomization.yaml").write_text("resources: [manifests.yaml]\n")
    crd = (ROOT / "kustomize/samples/crd.yaml").read_text()
    crd = crd.replace("nuvolaris.org", made.group).replace("samples", "widgets").replace("Sample", "Widget")
    crd = crd.replace("singular: sample", "singular: widget").replace("shortNames: [sam]", "shortNames: [wid]")
    document = yamltext.load(crd)
    (version,) = document["spec"]["versions"]
    del version["subresources"]["scale"]
    schema = version["schema"]["openAPIV3Schema"]
    schema["properties"]["spec"] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    (made.folder / "crd.yaml").write_text(json.dumps(document))
    kubectl("apply", "-f", str(made.folder / "crd.yaml"))
    kubectl("wait", "--for=condition=Established", f"crd/{made.plural}", "--timeout=60s")
    return made


def configmap(name: str, annotations: Mapping[str, str] | None = None, **data: str) -> dict[str, Any]:
    """A ConfigMap's manifest."""
    metadata = {"name": name, "annotations": dict(annotations or {})}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def deployment(name: str, replicas: int | None = 1, image: str = "nginx", **annotations: str) -> dict[str, Any]:
    """A Deployment's manifest; without ``replicas`` where that is None."""
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": image}]}}
    spec = {"selector": {"matchLabels": labels}, "template": template}
    counted = spec if replicas is None else {"replicas": replicas, **spec}
    metadata = {"name": name, "annotations": annotations}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": counted}


@contextmanager
def every_version(kubectl: Kubectl, *what: str) -> Iterator[list[dict[str, Any]]]:
    """All versions of CRs that a watch saw; ``what`` is as for `kubectl get`.

    The API server ends the watches of a CRD whose storage it makes anew, with an error or without; then another begins.
    """
    seen: list[dict[str, Any]] = []
    watches: list[subprocess.Popen[str]] = []
    is_over = threading.Event()

    def begin() -> "subprocess.Popen[str]":
        watches.append(
            subprocess.Popen(
                [PROGRAMS / "kubectl", "-n", kubectl.namespace, "get", *what, "--watch", "-o", "json"],
                env={"KUBECONFIG": str(kubectl.kubeconfig), "HOME": "/nonexistent"},
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        return watches[-1]

    def read(watch: "subprocess.Popen[str]") -> None:
        while True:
            with watch:
                assert watch.stdout is not None
                seen.extend(body for body in _objects(watch.stdout) if body["kind"] != "Status")
            if is_over.wait(0.1):
                return
            watch = begin()

    reader = threading.Thread(target=read, args=[begin()])
    reader.start()
    try:
        yield seen
    finally:
        is_over.set()
        while reader.is_alive():
            watches[-1].terminate()
            reader.join(0.1)


def _objects(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The objects that kubectl prints, one beneath the other."""
    buffer = ""
    for line in lines:
        buffer += line
        if line == "}\n":
            yield json.loads(buffer)
            buffer = ""


def assert_true(seen: Iterable[Mapping[str, Any]]) -> None:
    """Fail where any version of a CR broke what a status promises."""
    for version in seen:
        told, generation = version.get("status", {}), version["metadata"]["generation"]
        if "conditions" not in told:
            continue
        broken = broken_invariants(generation, told)
        # Between a change of the spec and the answer to it a status speaks of the generation before, and says so.
        assert set(broken) <= {"7 Ready of an older generation", "8 Ready with a condition of an older generation"}, (
            broken,
            version,
        )
        ready = condition(version, "Ready")
        assert ready["observedGeneration"] <= generation
        if ready["status"] == "True":
            assert told["observedGeneration"] == ready["observedGeneration"]
        assert "\n" not in ready["message"]
        assert ready["message"]
        assert {c["status"] for c in told["conditions"] if c["type"] != "Ready"} <= {"True"}
