"""Who is measured: how each is installed and started, and what its custom resources look like."""

from __future__ import annotations

import datetime
import functools
import gzip
import hashlib
import http.server
import io
import json
import sys
import tarfile
import threading
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

from lab.bench import peers, workload
from lab.bench.program import Command
from lab.bench.workload import NAMESPACE, Body

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lab.bench.place import Place

CONCURRENCY = 20
"""Of kro and Flux. Their defaults, 1 and 4, are slower."""


@dataclass(frozen=True)
class Contestant:
    """A program that turns custom resources into objects."""

    name: str
    crs: str
    """The API path of its custom resources."""
    custom_resource: Callable[[str], Body]
    """The custom resource of this name, with one replica."""
    change: Callable[[int], Body]
    """The merge patch that sets the number of replicas."""
    prepare: Callable[[Place], AbstractContextManager[Command]]
    """Installs what it needs and says how to start it; what it needs runs until the end of the block."""

    @property
    def resource(self) -> str:
        """The plural of its custom resources."""
        return self.crs.rpartition("/")[2]


def _count(count: int) -> Body:
    return {"spec": {"count": count}}


def _apply(place: Place, *bodies: Body) -> None:
    place.kubectl("apply", "--server-side", "-f", "-", stdin="\n---\n".join(map(json.dumps, bodies)))


# --- nuvop, and a kopf script ----------------------------------------------------------------------------------------


@contextmanager
def _nuvop(place: Place) -> Iterator[Command]:
    place.kubectl("apply", "-f", str(workload.FOLDER / "crd.yaml"))
    environment = {"NUVOP_KINDS": str(workload.KINDS), "NUVOP_GENERATED": str(place.folder / "generated")}
    yield Command([sys.executable, "-m", "nuvop", "run", "-n", NAMESPACE], environment)


@contextmanager
def _kopf_script(place: Place) -> Iterator[Command]:
    place.kubectl("apply", "-f", str(workload.FOLDER / "crd.yaml"))
    script = Path(__file__).with_name("kopf_script.py")
    root = str(script.parents[2])
    yield Command([sys.executable, "-m", "kopf", "run", "-n", NAMESPACE, str(script)], {"PYTHONPATH": root})


# --- kro -------------------------------------------------------------------------------------------------------------


@contextmanager
def _kro(place: Place) -> Iterator[Command]:
    peer = peers.KRO
    place.kubectl("apply", "--server-side", "-f", str(peer.folder / "crds"))
    place.kubectl("wait", "--for=condition=Established", "crd/resourcegraphdefinitions.kro.run")
    _apply(place, resource_graph_definition())
    arguments = [
        f"--dynamic-controller-concurrent-reconciles={CONCURRENCY}",
        "--metrics-bind-address=0",
        "--health-probe-bind-address=0",
        "--zap-devel=false",
    ]
    yield Command([str(peer.program), *arguments], {})


def resource_graph_definition() -> Body:
    """The four objects as kro wants them."""
    group, version = workload.API_VERSION.split("/")
    return {
        "apiVersion": "kro.run/v1alpha1",
        "kind": "ResourceGraphDefinition",
        "metadata": {"name": "bench"},
        "spec": {
            "schema": {
                "group": group,
                "apiVersion": version,
                "kind": workload.KIND,
                "spec": {"count": "integer | default=1"},
            },
            "resources": [
                _kro_resource(template)
                for template in workload.objects("${schema.metadata.name}", "${schema.spec.count}")
            ],
        },
    }


def _kro_resource(template: Body) -> Body:
    resource = {"id": template["kind"][0].lower() + template["kind"][1:], "template": template}
    if template["kind"] == "Deployment":
        resource["readyWhen"] = ["${deployment.spec.replicas == deployment.status.availableReplicas}"]
    return resource


# --- Flux ------------------------------------------------------------------------------------------------------------

_ARTIFACT = "app"
_KUSTOMIZATIONS = f"apis/kustomize.toolkit.fluxcd.io/v1/namespaces/{NAMESPACE}/kustomizations"


@contextmanager
def _flux(place: Place) -> Iterator[Command]:
    peer = peers.FLUX
    place.kubectl("apply", "--server-side", "-f", str(peer.folder / "crds"))
    place.kubectl("wait", "--for=condition=Established", "crd", "--all")
    temporary = place.folder / "flux"  # it removes what it finds there
    temporary.mkdir()
    content = flux_artifact()
    with _served(content) as url:
        _announce(place, url, content)
        arguments = [
            "--feature-gates=ExternalArtifact=true",
            f"--concurrent={CONCURRENCY}",
            "--no-remote-bases=true",
            "--kube-api-qps=-1",
            "--kube-api-burst=-1",
            "--metrics-addr=0",
            "--health-addr=0",
        ]
        yield Command([str(peer.program), *arguments], {"TMPDIR": str(temporary)})


def flux_artifact() -> bytes:
    """The four objects as a source-controller would serve them: a tar.gz of a kustomize folder, the same every time."""
    yaml = YAML(typ="safe")
    yaml.default_flow_style = False  # a plain ${COUNT}, which becomes a number, may not stand between braces
    objects = io.StringIO()
    yaml.dump_all(workload.objects("${APP}", "${COUNT}"), objects)
    files = {"app/kustomization.yaml": "resources: [objects.yaml]\n", "app/objects.yaml": objects.getvalue()}
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return gzip.compress(target.getvalue(), mtime=0)


@contextmanager
def _served(content: bytes) -> Iterator[str]:
    """The URL at which the content can be got until the end of the block."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(http.HTTPStatus.OK)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/{_ARTIFACT}.tar.gz"
        finally:
            server.shutdown()


def _announce(place: Place, url: str, content: bytes) -> None:
    """Do what Flux' source-controller does: say where the artifact is, and its digest."""
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    artifact = {
        "url": url,
        "path": f"{_ARTIFACT}.tar.gz",
        "revision": f"v1@{digest}",
        "digest": digest,
        "size": len(content),
        "lastUpdateTime": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    path = f"apis/source.toolkit.fluxcd.io/v1/namespaces/{NAMESPACE}/externalartifacts"
    body = {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "ExternalArtifact",
        "metadata": {"name": _ARTIFACT, "namespace": NAMESPACE},
        "spec": {},
    }
    place.api.create(path, body)
    place.api.merge(f"{path}/{_ARTIFACT}/status", {"status": {"artifact": artifact}})


def _kustomization(name: str) -> Body:
    return {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "interval": "60m",
            "timeout": "10m",
            "prune": True,
            "wait": True,
            "path": "./app",
            "targetNamespace": NAMESPACE,
            "sourceRef": {"kind": "ExternalArtifact", "name": _ARTIFACT},
            "postBuild": {"substitute": {"APP": name, "COUNT": "1"}},
        },
    }


def _substitute(count: int) -> Body:
    return {"spec": {"postBuild": {"substitute": {"COUNT": str(count)}}}}


BY_HAND = "by-hand"
"""No program: `kubectl apply` of everything at once."""

_bench = functools.partial(Contestant, crs=workload.BENCHES, custom_resource=workload.custom_resource, change=_count)

PROGRAMS = {
    contestant.name: contestant
    for contestant in (
        _bench("nuvop", prepare=_nuvop),
        _bench("kubectl-each", prepare=_kopf_script),
        _bench("kro", prepare=_kro),
        Contestant("flux", _KUSTOMIZATIONS, _kustomization, _substitute, _flux),
    )
}

PEERS = {"kro": peers.KRO, "flux": peers.FLUX}
"""Programs that have to be built first."""

NAMES = ("nuvop", BY_HAND, "kubectl-each", "kro", "flux")
