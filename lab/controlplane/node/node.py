"""Start, stop and remove the real node of a cluster."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab import debian
from lab.controlplane import build, config, processes
from lab.controlplane.errors import ControlPlaneError
from lab.controlplane.node import images, machine, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lab.controlplane.api import Api

PACKAGES = {
    "containerd": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    str(settings.PLUGINS / "bridge"): "containernetworking-plugins",
    "iptables": "iptables",
    "conntrack": "conntrack",
    "ip": "iproute2",
    "mount": "mount",
    "socat": "socat",
}
"""The package of each program that a node needs and that is not built."""

DAEMONS = ("containerd", "kubelet", "kube-proxy", "socat")

READY_SECONDS = 120.0
"""How long a node may take to be ready. It takes about ten seconds; a busy machine gets more."""


def obstacle() -> str:
    """Why this machine cannot be a node, in one line; empty where it can, as far as can be seen beforehand."""
    if os.geteuid() != 0:
        return "a real node needs root"
    if missing := machine.missing_cgroups():
        return f"a real node needs cgroups: {missing}"
    if "overlay" not in Path("/proc/filesystems").read_text(encoding="ascii").split() and not _modprobe("overlay"):
        return "a real node needs the file system overlay, which this kernel does not have"
    if debian.missing(PACKAGES) and shutil.which("apt-get") is None:
        return f"a real node needs {', '.join(debian.missing(PACKAGES))}, and there is no apt-get to install them"
    return ""


def prepare(directory: Path) -> Path:
    """Install and build what the node of the cluster in `directory` needs; return the folder of its programs.

    Raises ControlPlaneError where this machine cannot be a node, or is one of another cluster.
    """
    if why := obstacle():
        raise ControlPlaneError(why)
    if (other := machine.owner()) and other != directory:
        raise ControlPlaneError(machine.taken_by(other))
    try:
        debian.install(PACKAGES)
    except debian.DebianError as error:
        raise ControlPlaneError(f"a real node needs more than there is: {error}") from error
    if machine.has_foreign_node():
        raise ControlPlaneError("this machine is a node of another Kubernetes already (iptables has KUBE-SERVICES)")
    return build.ensure(build.NODE)


def remove(directory: Path) -> None:
    """Undo everything that the node of the cluster in `directory` has changed here; fine where there is none."""
    if machine.owner() != directory:
        return
    processes.kill_cluster(directory)
    machine.kill_containers()
    programs = settings.RUN / "programs"
    if programs.exists():
        cleanup = [str(programs / "kube-proxy"), "--cleanup", "--proxy-mode=iptables"]
        done = subprocess.run(cleanup, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ControlPlaneError(f"{' '.join(cleanup)}: {done.stderr.strip()[-1000:]}")
        machine.remove_firewall()
    machine.restore()


@dataclass(frozen=True)
class Node:
    """The real node of the cluster in `directory`; `logs` and `pki` are the cluster's folders, `api` is its."""

    directory: Path
    logs: Path
    pki: Path
    api: Api

    def create(self, programs: Path) -> None:
        """Make what the node needs on the machine, which is claimed already, and start it. Raises ControlPlaneError."""
        (settings.RUN / "programs").symlink_to(programs)
        for folder in (settings.RUN / "cni", settings.DATA / "kubelet"):
            folder.mkdir(parents=True)
        machine.make_bridge()
        machine.make_cgroups()
        (settings.RUN / "containerd.toml").write_text(settings.CONTAINERD, encoding="utf-8")
        _write_json(settings.RUN / "cni" / "10-bridge.conflist", settings.network())
        kubelet = settings.kubelet(config.free_port(), self.pki / "ca.crt")
        _write_json(settings.RUN / "kubelet.json", kubelet)
        self.start()

    def start(self) -> None:
        """Start what does not run, and wait until the node is ready. Raises ControlPlaneError."""
        commands = self._commands()
        before = self.api.heartbeat(settings.NAME)
        running = self.pids()
        for daemon in DAEMONS:
            if daemon not in running:
                self._start(daemon, commands[daemon])
            if daemon == "containerd":
                self._wait_until(_containerd_answers, "containerd answers")
                self._have_sandbox_image()
        if "kubelet" not in running:
            self._wait_until(lambda: self.api.heartbeat(settings.NAME) not in ("", before), "the node is ready")
        if ended := [daemon for daemon in DAEMONS if daemon not in self.pids()]:
            raise ControlPlaneError(f"{ended[0]} of the real node has ended; its log is {self.logs / ended[0]}.log")

    def stop(self) -> None:
        """Kill kubelet, containerd and kube-proxy; the containers go on, and reach the API server."""
        processes.kill(self._running("kubelet", "containerd", "kube-proxy"), self.directory)

    def cut_power(self) -> None:
        """End everything at once, containers too, and forget what a machine that starts anew would not know."""
        self.stop()
        processes.kill(self._running("containerd-shim-runc-v2"), self.directory)  # one for each pod
        machine.kill_containers()
        machine.forget_containers()

    def pids(self) -> dict[str, int]:
        """The pid of each daemon that is alive."""
        # The oldest of a name: socat starts one of itself for each connection.
        return {daemon: min(pids) for daemon in DAEMONS if (pids := self._running(daemon))}

    def is_running(self) -> bool:
        """Whether every daemon is alive."""
        return set(self.pids()) == set(DAEMONS)

    def load(self, archive: Path, name: str) -> None:
        """Bring an image in a file, as `docker save` writes it, into the node. Raises ControlPlaneError."""
        images.load(archive, name)

    def _commands(self) -> Mapping[str, list[str]]:
        programs = settings.RUN / "programs"
        # The administrator's: kubelet and kube-proxy would need a certificate and a role each, for the same end.
        kubeconfig = self.directory / "kubeconfig"
        return {
            "containerd": ["containerd", f"--config={settings.RUN / 'containerd.toml'}"],
            "kubelet": settings.kubelet_command(programs / "kubelet", settings.RUN / "kubelet.json", kubeconfig),
            "kube-proxy": settings.proxy_command(programs / "kube-proxy", kubeconfig),
            "socat": settings.forward_command(self.api.port),
        }

    def _start(self, daemon: str, command: list[str]) -> None:
        with (self.logs / f"{daemon}.log").open("ab") as log:
            # --fork: it is nobody's child, so whoever started it need not reap it.
            subprocess.run(
                ["setsid", "--fork", *command],
                env={**os.environ, processes.MARK: str(self.directory)},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=True,
            )

    def _have_sandbox_image(self) -> None:
        if images.has(settings.SANDBOX_IMAGE):
            return
        try:
            busybox = debian.program("busybox-static", "busybox")
        except debian.DebianError as error:
            raise ControlPlaneError(f"no image for the pods' sandboxes: {error}") from error
        archive = settings.RUN / "sandbox.tar"
        images.write(archive, settings.SANDBOX_IMAGE, busybox, ["/busybox", "sleep", "2147483647"])
        images.load(archive, settings.SANDBOX_IMAGE)
        archive.unlink()

    def _running(self, *programs: str) -> list[int]:
        return [pid for pid in processes.of_cluster(self.directory) if _program(pid) in programs]

    def _wait_until(self, done: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while True:
            with suppress(OSError, http.client.HTTPException):
                if done():
                    return
            if time.monotonic() > deadline:
                logs = ", ".join(str(self.logs / f"{daemon}.log") for daemon in DAEMONS)
                raise ControlPlaneError(f"not within {READY_SECONDS:.0f} s: {what}; the logs are {logs}")
            time.sleep(0.1)


def _containerd_answers() -> bool:
    asked = ["ctr", f"--address={settings.SOCKET}", "--timeout=2s", "version"]
    return subprocess.run(asked, capture_output=True, check=False).returncode == 0


def _program(pid: int) -> str:
    try:
        return Path(os.readlink(f"/proc/{pid}/exe")).name
    except OSError:  # it ended meanwhile
        return ""


def _modprobe(module: str) -> bool:
    return subprocess.run(["modprobe", module], capture_output=True, check=False).returncode == 0


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
