"""`python -m lab.bench.isolation`: what custom resources that cannot be applied cost those that can.

In one run on one cluster nuvop makes N good custom resources, alternately alone and amid broken ones, and the seconds
until all good ones are Ready are compared. There are nine ways to be broken (CATEGORIES); tests/e2e/test_batches.py
shows with the same objects what the broken ones are told.
"""

from __future__ import annotations

import base64
import datetime
import http.server
import importlib.metadata
import json
import os
import platform
import socket
import ssl
import statistics
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from ruamel.yaml import YAML

from lab.bench import measure, place, workload
from lab.bench.alone import alone
from lab.bench.errors import BenchError
from lab.bench.program import Command, running
from lab.bench.watch import Watch
from lab.controlplane import console
from lab.controlplane.paths import PROJECT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lab.bench.place import Place
    from lab.bench.program import Program
    from lab.bench.workload import Body
    from lab.controlplane import Cluster

SLOW_SECONDS = 3.0
"""How long the slow webhook takes."""

WEBHOOK_TIMEOUT = 10
"""Seconds that the API server waits for a webhook."""

RECONCILE = "nuvop.nuvolaris.org/reconcile"
SUSPEND = "nuvop.nuvolaris.org/suspend"

CREATE_CONNECTIONS = 4
SETTLE_SECONDS = 300.0
OBSTACLES_SECONDS = 5.0
"""Until the API server knows of new policies and webhooks; it says nowhere when."""

MAY_DIFFER = 1.2
"""How much longer the good ones may take amid broken ones."""


# --- what can be wrong -----------------------------------------------------------------------------------------------

INVALID, DENIED, GONE, QUOTA, DOWN, SLOW, BUILD, COLLISION, IMMUTABLE = CATEGORIES = (
    "invalid",
    "denied",
    "gone",
    "quota",
    "down",
    "slow",
    "build",
    "collision",
    "immutable",
)
"""A value that the API server refuses; an admission policy says no; the namespace is going away; a quota is used up; a
webhook does not answer; a webhook takes three seconds; kustomize cannot build the overlay; another custom resource has
a child of the same name; a field was changed that never may be."""

STANDING = frozenset({GONE, BUILD, IMMUTABLE})
"""Those that exist before they are broken; the others are broken when they are created."""

FIELDS: dict[str, Any] = {
    "spec.port": "Deployment/app spec.template.spec.containers.[name=nginx].ports.[name=http].containerPort",
    "spec.app": [
        "Deployment/app spec.selector.matchLabels.app",
        "Deployment/app spec.template.metadata.labels.app",
        # Or it would select the pods of all the others.
        "Service/app spec.selector.app",
    ],
}
"""What `set` in kind.yaml has to be, so that a custom resource can be invalid, and change what is immutable."""

SPECS: dict[str, Body] = {INVALID: {"port": 99999}, IMMUTABLE: {"app": "another"}}
"""The specs of those that are broken by it; those of all others are empty."""

_MORE = "more"


def manifests() -> list[Body]:
    """The children: the benchmark's four objects, and a ConfigMap whose name may be that of another one's child."""
    yaml = YAML(typ="safe")
    files = yaml.load(workload.FOLDER / "kustomization.yaml")["resources"]
    more = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": f"{_MORE}-{workload.BASE_NAME}"},
        "data": {"greeting": "hello again"},
    }
    return [*(yaml.load(workload.FOLDER / file) for file in files), more]


@dataclass(frozen=True)
class Broken:
    """A custom resource that something is wrong with."""

    category: str
    number: int

    @property
    def name(self) -> str:
        """Its children's names begin with it, which is how policies and webhooks know them."""
        return f"{self.holder}-{_MORE}" if self.category == COLLISION else f"{self.category}-{self.number}"

    @property
    def holder(self) -> str:
        """The name of the one that has the child which a COLLISION would make."""
        return f"holder-{self.number}"

    @property
    def spec(self) -> Body:
        """With this it is broken."""
        return SPECS.get(self.category, {})


def broken(count: int) -> list[Broken]:
    """So many of all categories, as evenly as possible."""
    return [Broken(CATEGORIES[i % len(CATEGORIES)], i // len(CATEGORIES)) for i in range(count)]


def spoil(overlay: Path) -> None:
    """Make an overlay that was written one that kustomize cannot build."""
    (overlay / "kustomization.yaml").write_text("resources: [nowhere.yaml]\n", encoding="utf-8")


def quota() -> Body:
    """No Services in the namespace that it is put into."""
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "no-services"},
        "spec": {"hard": {"services": "0"}},
    }


def denial(namespace: str) -> list[Body]:
    """A policy that denies the ConfigMaps of those in the category DENIED."""
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["configmaps"]}
    return _policy(f"denied-{namespace}", namespace, rule, f"object.metadata.name.startsWith('{DENIED}-')")


def retention(namespace: str, group: str, resource: str) -> list[Body]:
    """A policy that keeps custom resources in a namespace from being deleted, and so the namespace from ending."""
    rule = {"apiGroups": [group], "apiVersions": ["*"], "operations": ["DELETE"], "resources": [resource]}
    return _policy(f"retained-{namespace}", namespace, rule, "true")


def _policy(name: str, namespace: str, rule: Body, condition: str) -> list[Body]:
    api_version = "admissionregistration.k8s.io/v1"
    policy = {
        "apiVersion": api_version,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": [rule]},
            "matchConditions": [{"name": "which", "expression": condition}],
            "validations": [{"expression": "false", "message": "not here"}],
        },
    }
    binding = {
        "apiVersion": api_version,
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {
            "policyName": name,
            "validationActions": ["Deny"],
            "matchResources": {"namespaceSelector": _only(namespace)},
        },
    }
    return [policy, binding]


def webhooks(namespace: str, authority: str, slow: str, down: str) -> Body:
    """What asks the URLs `slow` and `down` about the Services of SLOW and DOWN; `authority` is their CA in base64."""
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": f"webhooks-{namespace}"},
        "webhooks": [
            {
                "name": f"{category}.example.org",
                "clientConfig": {"url": url, "caBundle": authority},
                "rules": [
                    {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["services"]}
                ],
                "matchConditions": [{"name": "which", "expression": f"object.metadata.name.startsWith('{category}-')"}],
                "namespaceSelector": _only(namespace),
                "failurePolicy": "Fail",
                "sideEffects": "None",
                "timeoutSeconds": WEBHOOK_TIMEOUT,
                "admissionReviewVersions": ["v1"],
            }
            for category, url in ((SLOW, slow), (DOWN, down))
        ],
    }


def _only(namespace: str) -> Body:
    return {"matchLabels": {"kubernetes.io/metadata.name": namespace}}


# --- a webhook in this process ---------------------------------------------------------------------------------------


@contextmanager
def webhook(cluster: Cluster, port: int = 0, *, seconds: float = 0.0) -> Iterator[str]:
    """A webhook that allows everything after some seconds; yields its URL. It listens on 127.0.0.1 only.

    Its certificate is the cluster's own administrator's, which kwokctl makes for 127.0.0.1 as well.
    """
    pki = cluster.pki
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pki / "admin.crt", pki / "admin.key")
    handler = type("Handler", (_Allow,), {"seconds": seconds})
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        # The handshake is made in the connection's own thread, not while others wait to be accepted.
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield url(server.server_address[1])
        finally:
            server.shutdown()
            thread.join()


def url(port: int) -> str:
    """The URL of a webhook on this machine."""
    return f"https://127.0.0.1:{port}/"


def authority(cluster: Cluster) -> str:
    """The cluster's CA as a webhook configuration wants it: PEM in base64."""
    return base64.b64encode((cluster.pki / "ca.crt").read_bytes()).decode()


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class _Allow(http.server.BaseHTTPRequestHandler):
    """Answers an AdmissionReview (https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers)."""

    protocol_version = "HTTP/1.1"
    seconds = 0.0

    def do_POST(self) -> None:
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        time.sleep(self.seconds)
        answer = {**review, "request": None, "response": {"uid": review["request"]["uid"], "allowed": True}}
        body = json.dumps(answer).encode()
        with suppress(OSError):  # who asked may be gone: a kubectl that was killed
            self.send_response(http.HTTPStatus.OK)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


# --- the measurement -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Round:
    """Good ones alone, and good ones amid broken ones, right after each other."""

    alone: float
    amid: float
    """Seconds from the first create to the last good one's Ready."""

    @property
    def ratio(self) -> float:
        return self.amid / self.alone


@dataclass(frozen=True)
class Result:
    """What was measured, and under which conditions."""

    date: str
    machine: str
    versions: str
    load: float
    """Of the machine, in the minute before: others may have been at work, too."""
    good: int
    broken: int
    rounds: Sequence[Round]

    @property
    def median(self) -> float:
        return statistics.median(each.ratio for each in self.rounds)

    def as_json(self) -> str:
        rounds = [{**asdict(each), "ratio": each.ratio} for each in self.rounds]
        return json.dumps({**asdict(self), "rounds": rounds, "median_ratio": self.median}, indent=2) + "\n"


GONE_NAMESPACE = f"{workload.NAMESPACE}-{GONE}"
QUOTA_NAMESPACE = f"{workload.NAMESPACE}-{QUOTA}"
GROUP, _, VERSION = workload.API_VERSION.partition("/")


PATHS = [workload.BENCHES, *workload.CHILDREN.values()]
"""Where the good ones and their children are."""


def _collection(one: Broken) -> str:
    """The API path of the custom resources among which it is."""
    namespace = {GONE: GONE_NAMESPACE, QUOTA: QUOTA_NAMESPACE}.get(one.category, workload.NAMESPACE)
    return f"apis/{workload.API_VERSION}/namespaces/{namespace}/{workload.PLURAL}"


def _cr(name: str, spec: Body | None = None, annotations: Body | None = None) -> Body:
    metadata = {"name": name, "annotations": annotations or {}}
    return {"apiVersion": workload.API_VERSION, "kind": workload.KIND, "metadata": metadata, "spec": spec or {}}


def interleaved(many: Sequence[Any], few: Sequence[Any]) -> list[Any]:
    """The few spread evenly among the many, each in their order."""
    step = len(many) / max(len(few), 1)
    placed = [(float(index), 1, item) for index, item in enumerate(many)]
    placed += [((number + 0.5) * step, 0, item) for number, item in enumerate(few)]
    return [item for _, _, item in sorted(placed, key=lambda entry: entry[:2])]


def verdict(result: Result) -> str:
    """One line on what came out."""
    word = "as fast as" if result.median <= MAY_DIFFER else "SLOWER than"
    return (
        f"{result.good} good ones amid {result.broken} broken ones: {word} alone, "
        f"median {result.median:.2f} of {', '.join(f'{each.ratio:.2f}' for each in result.rounds)}"
    )


class Measurement:
    """Good and broken custom resources in one place, again and again."""

    def __init__(self, here: Place, generated: Path, nuvop: Program, good: int, count: int) -> None:
        self._here = here
        self._generated = generated
        self._nuvop = nuvop
        self._good = [f"good-{number:04}" for number in range(good)]
        self._broken = broken(count)
        self._times_broken = 0
        self._standing: set[tuple[str, str]] = set()

    def set_up(self) -> None:
        """Make those that stand before they are broken, and wait until they are ready, or as far as they can get."""
        api = self._here.api
        standing = [one.name for one in self._broken if one.category in STANDING - {GONE}]
        standing += [one.holder for one in self._broken if one.category == COLLISION]
        lost = [one for one in self._broken if one.category == GONE]
        for one in lost:
            api.create(_collection(one), _cr(one.name, annotations={SUSPEND: "true"}))
        self._here.kubectl("delete", "namespace", GONE_NAMESPACE, "--wait=false")
        self._make_ready(standing, [partial(api.create, workload.BENCHES, _cr(name)) for name in standing])
        self._nuvop.wait_until_quiet(SETTLE_SECONDS)
        with Watch(api, PATHS) as watch:
            self._standing = set(watch.objects)

    def round(self) -> Round:
        """Alone, then amid broken ones."""
        return Round(self.alone(), self.amid())

    def alone(self) -> float:
        """Seconds until all good ones are Ready where nothing is broken."""
        seconds = self._make_ready(self._good, self._create_good())
        self._clean_up(self._of_good())
        return seconds

    def amid(self) -> float:
        """Seconds until all good ones are Ready where broken ones come at the same time."""
        self._times_broken += 1
        acts = interleaved(self._create_good(), [partial(self._break, one) for one in self._broken])
        seconds = self._make_ready(self._good, acts)
        self._check_broken()
        for one in self._broken:
            self._mend(one)
        fresh = [(_collection(one), one.name) for one in self._broken if one.category not in STANDING]
        self._clean_up([*self._of_good(), *fresh])
        return seconds

    def _of_good(self) -> list[tuple[str, str]]:
        return [(workload.BENCHES, name) for name in self._good]

    def _create_good(self) -> list[Callable[[], object]]:
        return [partial(self._here.api.create, workload.BENCHES, _cr(name)) for name in self._good]

    def _make_ready(self, names: Sequence[str], acts: Sequence[Callable[[], object]]) -> float:
        wanted = {(workload.BENCHES, name) for name in names}
        with Watch(self._here.api, [workload.BENCHES], workload.is_ready) as watch:
            return watch.seconds_until(
                f"all of {len(names)} custom resources Ready",
                lambda: wanted <= watch.ready.keys(),
                lambda: _do_all(acts),
                within=measure.patience(len(names)),
                tell=self._nuvop.check,
            )

    def _break(self, one: Broken) -> None:
        api, path = self._here.api, f"{_collection(one)}/{one.name}"
        if one.category == GONE:
            api.merge(path, _annotated(SUSPEND, None))
        elif one.category == BUILD:
            spoil(self._generated / workload.PLURAL / workload.NAMESPACE / one.name)
            api.merge(path, _annotated(RECONCILE, str(self._times_broken)))
        elif one.category == IMMUTABLE:
            api.merge(path, {"spec": one.spec})
        else:
            api.create(_collection(one), _cr(one.name, one.spec))

    def _check_broken(self) -> None:
        """Nothing was measured where the broken ones are well; two of the categories heal by themselves."""
        for one in self._broken:
            if one.category not in (BUILD, SLOW) and workload.is_ready(
                self._here.api.get(f"{_collection(one)}/{one.name}")
            ):
                raise BenchError(f"{one.name} is Ready; it was to be broken")

    def _mend(self, one: Broken) -> None:
        api, path = self._here.api, f"{_collection(one)}/{one.name}"
        if one.category == GONE:
            api.merge(path, _annotated(SUSPEND, "true"))
        elif one.category == IMMUTABLE:
            api.merge(path, {"spec": dict.fromkeys(one.spec)})

    def _clean_up(self, created: Sequence[tuple[str, str]]) -> None:
        """Delete custom resources, and wait until nothing of them is left and nuvop has nothing to do.

        Each is given by the path of its collection and its name.
        """
        with Watch(self._here.api, PATHS) as watch:
            watch.seconds_until(
                "nothing is left",
                lambda: watch.objects.keys() <= self._standing,
                lambda: _do_all([partial(self._here.api.delete, "/".join(one)) for one in created]),
                within=measure.patience(len(created)),
                tell=self._nuvop.check,
            )
        self._nuvop.wait_until_quiet(SETTLE_SECONDS)


def _annotated(annotation: str, value: str | None) -> Body:
    return {"metadata": {"annotations": {annotation: value}}}


def _do_all(acts: Sequence[Callable[[], object]]) -> None:
    with ThreadPoolExecutor(CREATE_CONNECTIONS) as pool:
        for _ in pool.map(lambda act: act(), acts):
            pass  # to see the error of each


def _write_kind(folder: Path) -> Path:
    """The folder of kinds with the one that is served; its CRD takes any spec."""
    made = folder / "kinds" / workload.PLURAL
    made.mkdir(parents=True)
    crd = YAML(typ="safe").load(workload.FOLDER / "crd.yaml")
    (version,) = crd["spec"]["versions"]
    del version["additionalPrinterColumns"]
    schema = version["schema"]["openAPIV3Schema"]
    schema["properties"]["spec"] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    kind = {"apiVersion": "nuvop.nuvolaris.org/v1", "kind": "Kind", "set": FIELDS}
    documents = {
        "crd.yaml": json.dumps(crd),
        "kind.yaml": json.dumps(kind),
        "kustomization.yaml": "resources: [manifests.yaml]\n",
        "manifests.yaml": "\n---\n".join(map(json.dumps, manifests())),
    }
    for name, text in documents.items():
        (made / name).write_text(text, encoding="utf-8")
    return made


def _put_obstacles(here: Place, slow: str) -> None:
    for namespace in (GONE_NAMESPACE, QUOTA_NAMESPACE):
        here.kubectl("create", "namespace", namespace)
    obstacles = [
        *denial(workload.NAMESPACE),
        *retention(GONE_NAMESPACE, GROUP, workload.PLURAL),
        webhooks(workload.NAMESPACE, authority(here.cluster), slow, url(free_port())),
    ]
    here.kubectl("apply", "-f", "-", stdin="\n---\n".join(map(json.dumps, obstacles)))
    here.kubectl("apply", "--namespace", QUOTA_NAMESPACE, "-f", "-", stdin=json.dumps(quota()))
    time.sleep(OBSTACLES_SECONDS)


def _measure(good: int, count: int, rounds: int, lock: int) -> Result:
    load = os.getloadavg()[0]
    log = place.FILES / "isolation.log"
    log.unlink(missing_ok=True)
    with place.fresh("bench-isolation", lock) as here, webhook(here.cluster, seconds=SLOW_SECONDS) as slow:
        kind, generated = _write_kind(here.folder), here.folder / "generated"
        here.kubectl("apply", "-f", str(kind / "crd.yaml"))
        _put_obstacles(here, slow)
        environment = {"NUVOP_KINDS": str(kind.parent), "NUVOP_GENERATED": str(generated)}
        command = Command([sys.executable, "-m", "nuvop", "run", "-A"], environment)
        with running(command, here, log) as nuvop:
            nuvop.wait_until_watching(workload.PLURAL, SETTLE_SECONDS)
            measurement = Measurement(here, generated, nuvop, good, count)
            measurement.set_up()
            console.say(f"warm-up: {measurement.alone():.1f} s alone")
            found = []
            for number in range(1, rounds + 1):
                found.append(measurement.round())
                each = found[-1]
                console.say(f"round {number}: {each.alone:.1f} s alone, {each.amid:.1f} s amid, {each.ratio:.2f}")
        versions = f"nuvop {importlib.metadata.version('nuvop')}, Kubernetes {here.cluster.version.removeprefix('v')}"
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Linux {platform.release()}"
    date = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    return Result(date, machine, versions, load, good, count, found)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--good", default=200, show_default=True, type=click.IntRange(min=1), help="How many are good.")
@click.option(
    "--broken", "count", default=20, show_default=True, type=click.IntRange(min=1), help="How many are broken."
)
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(min=2), help="How often.")
@click.option(
    "--out",
    default=PROJECT / "docs" / "benchmarks" / "isolation.json",
    show_default="docs/benchmarks/isolation.json",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where the result is written.",
)
def main(good: int, count: int, rounds: int, out: Path) -> None:
    """Measure what broken custom resources cost good ones."""
    with alone() as lock:
        result = _measure(good, count, rounds, lock)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(result.as_json(), encoding="utf-8")
    console.say(verdict(result))


if __name__ == "__main__":
    main()
