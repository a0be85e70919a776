"""Create, find, check and remove clusters. Each lives in a folder of its own:

.lab/clusters/<name>/
  kubeconfig         the only one that is ever written
  cluster.json       written last: the cluster is whole
  kwokctl.json, audit-policy.json
  home/              kwokctl's home folder; in its .kwok/clusters/<name>: etcd's data, logs/, pids/, pki/
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from lab.controlplane import build, config, console, locks, node, paths, processes
from lab.controlplane.api import Api
from lab.controlplane.errors import ControlPlaneError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NODES = 50

COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok-controller")

READY_SECONDS = 120.0
"""How long a cluster may take. It takes about ten seconds; a busy machine gets more."""

PATIENCE_SECONDS = 20.0
"""How long the API server of a cluster that is alive may fail to answer before it counts as dead."""


class State(StrEnum):
    """What `status` says of a cluster."""

    RUNNING = "running"
    STOPPED = "stopped"
    """It was whole once; a process is gone (after a reboot: all) or the API server is not ready."""
    INCOMPLETE = "incomplete"
    """Its creation was cut off, or is at work now."""


@dataclass(frozen=True)
class Cluster:
    """A cluster that was whole when this value was made."""

    name: str
    directory: Path
    server: str
    """URL of the API server."""
    version: str
    """Of Kubernetes, such as `v1.36.3`."""
    nodes: int
    """How many are simulated."""
    real_node: bool = False

    @property
    def kubeconfig(self) -> Path:
        """Its administrator's kubeconfig; only its owner can read it."""
        return self.directory / "kubeconfig"

    @property
    def audit_log(self) -> Path:
        """A JSON object (audit.k8s.io/v1 Event) a line; an entry is there before its request is answered."""
        return self.logs / "audit.log"

    @property
    def logs(self) -> Path:
        """The folder with a log of each component."""
        return _kwok(self.directory) / "logs"

    @property
    def pki(self) -> Path:
        """The folder with the CA (ca.crt) and the administrator's certificate and key (admin.crt, admin.key)."""
        return _kwok(self.directory) / "pki"

    def pids(self) -> dict[str, int]:
        """The pid of each component that is alive."""
        return _pids(self.directory)

    def node(self) -> node.Node:
        """Its real node; raise ControlPlaneError where it has none."""
        if not self.real_node:
            raise ControlPlaneError(f"cluster {self.name} has no real node: make one with REAL_NODE=1 (--real-node)")
        return node.Node(self.directory, self.logs, self.pki, self.api())

    def api(self) -> Api:
        """A client with the administrator's rights."""
        host, port = self.server.removeprefix("https://").split(":")
        return Api(host, int(port), self.pki)

    def is_running(self) -> bool:
        """Whether every component is alive, those of a real node too, and the API server ready."""
        return self.is_alive() and self.api().is_ready()

    def is_alive(self) -> bool:
        """Whether every component is alive, those of a real node too."""
        return set(self.pids()) == set(COMPONENTS) and (not self.real_node or self.node().is_running())

    def stop_component(self, component: str) -> None:
        """Kill one of COMPONENTS (SIGKILL, as a crash would) and wait until it is gone. Fine if it is gone already.

        Without the API server the controller manager and the scheduler end too, after about ten seconds.
        """
        _check_component(component)
        with _lock(self.name):
            pid = self.pids().get(component)
            if pid is not None:
                processes.kill([pid], self.directory)

    def start_component(self, component: str) -> None:
        """Start `component`, and what else is not alive, and wait until the API server is ready."""
        _check_component(component)
        with _lock(self.name):
            api = self.api()

            def is_whole() -> bool:
                # Who lost a lease while the API server was away may end only now.
                if set(self.pids()) != set(COMPONENTS):
                    _forget_dead_pids(self.directory)
                    _run_kwokctl(build.ensure(), self.directory, "start", "cluster", may_end=True)
                return api.is_ready()

            _wait_until(is_whole, f"{component} started", self.directory, may_end=True)


@dataclass(frozen=True)
class Status:
    """A line of `status`."""

    name: str
    state: State
    kubeconfig: Path
    cluster: Cluster | None
    """None while the creation is not whole."""


def up(name: str, nodes: int = NODES, *, real_node: bool = False) -> Cluster:
    """A running cluster with `nodes` simulated nodes; made now unless it runs already (with however many it has).

    With `real_node` this machine is one more node of it: see lab/controlplane/node.

    What is left of one that was cut off or died is removed first, with its data. Raises ControlPlaneError.
    """
    _check_name(name)
    if nodes < 0:
        raise ControlPlaneError(f"nodes: {nodes} is negative")
    if running := _running(name, real_node):
        return running
    binaries = build.ensure()
    programs = node.prepare(_directory(name)) if real_node else None
    with _lock(name):
        if running := _running(name, real_node):  # made while this process built or waited
            return running
        directory = _directory(name)
        if _remove(directory):
            console.say(f"cluster {name} was not whole or not alive; removed what was left of it")
        more, seconds = (" and a real one", 20) if programs else ("", 10)
        console.say(f"creating cluster {name} with {nodes} nodes{more}: about {seconds} seconds")
        return _create(name, nodes, directory, binaries, programs)


def down(name: str) -> bool:
    """Kill the cluster's processes, undo what its real node changed on the machine, and remove its folder.

    Says whether there was anything. Raises ControlPlaneError.
    """
    _check_name(name)
    with _lock(name):
        return _remove(_directory(name))


def find(name: str) -> Cluster:
    """The cluster, which runs; raise ControlPlaneError where there is none or it does not."""
    _check_name(name)
    cluster = _find(name)
    if not cluster or not cluster.is_running():
        raise ControlPlaneError(f"cluster {name} does not run")
    return cluster


def status() -> list[Status]:
    """All clusters of this checkout, by name."""
    if not paths.CLUSTERS.is_dir():
        return []
    names = sorted(folder.name for folder in paths.CLUSTERS.iterdir() if folder.is_dir())
    return [_status(name) for name in names]


def _status(name: str) -> Status:
    cluster = _find(name)
    state = State.INCOMPLETE if not cluster else State.RUNNING if cluster.is_running() else State.STOPPED
    return Status(name, state, _directory(name) / "kubeconfig", cluster)


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", name):
        raise ControlPlaneError(
            f"cluster name {name!r}: use at most 63 of a-z, 0-9 and '-', with no '-' at either end (a DNS label)"
        )


def _check_component(component: str) -> None:
    if component not in COMPONENTS:
        raise ControlPlaneError(f"component {component!r}: not one of {', '.join(COMPONENTS)}")


def _directory(name: str) -> Path:
    return paths.CLUSTERS / name


def _kwok(directory: Path) -> Path:
    return directory / "home" / ".kwok" / "clusters" / directory.name


@contextmanager
def _lock(name: str) -> Iterator[None]:
    """One change at a time to the cluster `name`."""

    def waiting() -> None:
        console.say(f"another process is changing cluster {name}; waiting for it")

    # Beside the cluster's folder: that one is removed and made anew.
    with locks.exclusive(paths.CLUSTERS / f".{name}.lock", waiting=waiting):
        yield


def _find(name: str) -> Cluster | None:
    """The cluster if its creation was whole, alive or not."""
    directory = _directory(name)
    try:
        values = json.loads((directory / "cluster.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return Cluster(directory=directory, **values)


def _running(name: str, real_node: bool) -> Cluster | None:
    cluster = _find(name)
    if not cluster or not cluster.is_alive():
        return None
    if real_node and not cluster.real_node:
        raise ControlPlaneError(f"cluster {name} runs already, without a real node; remove it first")
    try:
        # Patient: `up` removes what does not run, and a busy API server can miss one answer.
        _wait_until(cluster.api().is_ready, "ready", cluster.directory, seconds=PATIENCE_SECONDS)
    except ControlPlaneError:
        return None
    console.say(f"cluster {name} is running already, with {cluster.nodes} nodes")
    return cluster


def _remove(directory: Path) -> bool:
    """Whether there was anything to remove."""
    # Also without a folder: it may have been removed under a running cluster.
    killed = processes.kill_cluster(directory)
    node.remove(directory)
    existed = directory.exists()
    if existed:
        shutil.rmtree(directory)
    return existed or killed > 0


def _create(name: str, nodes: int, directory: Path, binaries: Path, programs: Path | None) -> Cluster:
    try:
        return _create_or_fail(name, nodes, directory, binaries, programs)
    except ControlPlaneError:
        processes.kill_cluster(directory)  # its folder stays: the logs tell why
        node.remove(directory)
        raise
    except BaseException:
        _remove(directory)
        raise


def _create_or_fail(name: str, nodes: int, directory: Path, binaries: Path, programs: Path | None) -> Cluster:
    """`programs` are those of a real node, where there is to be one."""
    directory.mkdir(mode=0o700, parents=True)
    if programs:
        node.claim(directory)
    real_node = config.RealNode(node.ADDRESS, _kwok(directory) / "pki") if programs else None
    (directory / "home").mkdir()
    policy = _write_json(directory / "audit-policy.json", config.audit_policy())
    with _machine_lock():
        ports = config.free_ports()
        settings = _write_json(directory / "kwokctl.json", config.kwokctl(binaries, ports, policy, real_node))
        arguments = ["--config", str(settings), "--kubeconfig", str(directory / "kubeconfig")]
        _run_kwokctl(binaries, directory, "create", "cluster", *arguments)
        # kwokctl's exit code 0 does not mean that the cluster came up, or that there is one.
        pki = _kwok(directory) / "pki"
        if not pki.is_dir():
            raise ControlPlaneError(f"kwokctl create made no {pki}; {_end_of(directory / 'kwokctl.log')}")
        api = Api(config.ADDRESS, ports.kube_apiserver, pki)
        _wait_until(api.is_ready, "the API server ready", directory)
    if nodes:
        _run_kwokctl(binaries, directory, "scale", "node", "--replicas", str(nodes))
    _wait_until(lambda: api.ready_nodes() == nodes, f"{nodes} nodes ready", directory)
    _wait_until(api.has_default_service_account, "the service account default/default", directory)
    server = f"https://{config.ADDRESS}:{ports.kube_apiserver}"
    cluster = Cluster(name, directory, server, api.version(), nodes, real_node=bool(programs))
    if programs:
        cluster.node().create(programs)
    facts = {key: value for key, value in asdict(cluster).items() if key != "directory"}
    _write_json(directory / "cluster.json", facts)
    return cluster


@contextmanager
def _machine_lock() -> Iterator[None]:
    """One choice of ports at a time on this machine, until the cluster listens on them."""

    def waiting() -> None:
        console.say("another cluster is being created on this machine; waiting for it")

    with locks.exclusive(paths.cache() / "create.lock", waiting=waiting):
        yield


def _write_json(path: Path, value: object) -> Path:
    """Write JSON (which is YAML too) so that `path` is whole or not there."""
    new = path.with_name(path.name + ".new")
    new.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
    new.replace(path)
    return path


def _run_kwokctl(binaries: Path, directory: Path, *arguments: str, may_end: bool = False) -> None:
    """Run kwokctl for the cluster in `directory`. Its output is in kwokctl.log; its exit code is no proof.

    Fails where a component ends meanwhile, unless it `may_end`.
    """
    log = directory / "kwokctl.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [binaries / "kwokctl", "--name", directory.name, *arguments],
            cwd=directory,
            env=_environment(directory),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # Ctrl-C must not reach it and the daemons that it starts: who ran it kills them all, by their mark.
            start_new_session=True,
        )
        try:
            done = f"done with kwokctl {arguments[0]}"
            _wait_until(lambda: process.poll() is not None, done, directory, may_end=may_end)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if process.returncode != 0:
        raise ControlPlaneError(f"kwokctl {arguments[0]} failed, exit code {process.returncode}; {_end_of(log)}")


def _environment(directory: Path) -> dict[str, str]:
    """What kwokctl, and through it the components, see: nothing of the user's kubectl and kwok settings."""
    inherited = {
        name: value for name, value in os.environ.items() if name != "KUBECONFIG" and not name.startswith("KWOK_")
    }
    # kwokctl runs kubectl: the project's pinned one if it is there.
    path = os.pathsep.join([str(paths.PROJECT / ".venv" / "bin"), os.environ.get("PATH", os.defpath)])
    if not shutil.which("kubectl", path=path):
        raise ControlPlaneError("no kubectl on PATH; run this through ./taskw, which brings it")
    return inherited | {
        processes.MARK: str(directory),
        "PATH": path,
        # Decides where kwokctl works. Its own variable for that, KWOK_WORKDIR, ends at the first space.
        "HOME": str(directory / "home"),
    }


def _wait_until(
    done: Callable[[], bool], what: str, directory: Path, *, seconds: float = READY_SECONDS, may_end: bool = False
) -> None:
    """Poll `done`; an API server that does not answer yet counts as "not yet".

    A component that has ended counts as failure, unless it `may_end`.
    """
    deadline = time.monotonic() + seconds
    while True:
        with suppress(OSError, http.client.HTTPException):
            if done():
                return
        if not may_end:
            _check_components(directory)
        if time.monotonic() > deadline:
            raise ControlPlaneError(f"not {what} after {seconds:.0f} s; the logs are in {_kwok(directory) / 'logs'}")
        time.sleep(0.1)


def _check_components(directory: Path) -> None:
    for component, pid in _recorded_pids(directory).items():
        if processes.has_ended(pid):
            raise ControlPlaneError(f"{component} has ended; {_end_of(_kwok(directory) / 'logs' / f'{component}.log')}")


def _end_of(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
    return "\n".join([f"the end of {log}:", *lines])


def _pids(directory: Path) -> dict[str, int]:
    alive = processes.of_cluster(directory)
    return {name: pid for name, pid in _recorded_pids(directory).items() if pid in alive}


def _recorded_pids(directory: Path) -> dict[str, int]:
    pids = {}
    for component in COMPONENTS:
        # Absent before the first start, empty while kwokctl writes it.
        with suppress(FileNotFoundError, ValueError):
            pids[component] = int(_pid_file(directory, component).read_text(encoding="ascii"))
    return pids


def _pid_file(directory: Path, component: str) -> Path:
    return _kwok(directory) / "pids" / f"{component}.pid"


def _forget_dead_pids(directory: Path) -> None:
    """Remove stale pid files: kwokctl takes a zombie, or a stranger that got the number, for its component."""
    alive = _pids(directory)
    for component in COMPONENTS:
        if component not in alive:
            _pid_file(directory, component).unlink(missing_ok=True)
