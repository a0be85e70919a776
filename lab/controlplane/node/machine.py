"""What a real node changes on its machine, and how all of it is undone: also after a crash, and by another process."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from lab.controlplane.errors import ControlPlaneError
from lab.controlplane.node.settings import ADDRESS, BRIDGE, CGROUP, DATA, NETWORK, RUN, SUBNET

OWNER = RUN / "cluster"
"""Holds the folder of the cluster whose node this is."""

SYSCTLS = RUN / "sysctls.json"
"""Holds how the machine's settings were."""

CHANGED_SYSCTLS = (
    "net/ipv4/ip_forward",
    "net/ipv4/conf/all/route_localnet",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)
"""What kubelet, kube-proxy and the bridge plugin set."""

CGROUPS = Path("/sys/fs/cgroup")

IPTABLES = ("iptables", "ip6tables")

SECONDS = 30.0
"""How long killed processes may take to be gone."""


def owner() -> Path | None:
    """The folder of the cluster whose node this machine is, alive or not."""
    try:
        return Path(OWNER.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


def claim(directory: Path) -> None:
    """Take the machine for the cluster in `directory`; raise ControlPlaneError where another one has it."""
    RUN.mkdir(mode=0o755, exist_ok=True)
    new = RUN / f"cluster.{os.getpid()}"
    new.write_text(str(directory), encoding="utf-8")
    try:
        os.link(new, OWNER)  # whole from its first instant, and never over another one's
    except FileExistsError:
        raise ControlPlaneError(taken_by(owner())) from None
    finally:
        new.unlink()
    SYSCTLS.write_text(json.dumps({name: _sysctl(name).read_text() for name in CHANGED_SYSCTLS}), encoding="utf-8")


def taken_by(directory: Path | None) -> str:
    """What is in the way where the cluster in `directory` has the machine."""
    return f"a machine has one real node, and cluster {directory} has that of this one; remove that cluster first"


def make_bridge() -> None:
    """Make the bridge, with the node's address."""
    _run("ip", "link", "add", BRIDGE, "type", "bridge")
    _run("ip", "address", "add", f"{ADDRESS}/{SUBNET.partition('/')[2]}", "dev", BRIDGE)
    _run("ip", "link", "set", BRIDGE, "up")


def make_cgroups() -> None:
    """Make the cgroup that is to hold all pods; kubelet wants it to be there."""
    for folder in _cgroup_folders():
        folder.mkdir(exist_ok=True)
        if folder.parts[4] == "cpuset":
            for name in ("cpuset.cpus", "cpuset.mems"):  # empty in a new one: no process could be in it
                (folder / name).write_text((folder.parent / name).read_text())


def missing_cgroups() -> str:
    """Why kubelet could not limit pods here; empty where it can."""
    version_2 = CGROUPS / "cgroup.controllers"
    have = version_2.read_text().split() if version_2.exists() else os.listdir(CGROUPS)
    lacking = [name for name in ("cpu", "memory", "pids") if name not in have]
    if lacking:
        return f"the cgroups {', '.join(lacking)} are missing in {CGROUPS}"
    place = CGROUPS if version_2.exists() else CGROUPS / "memory"
    return "" if os.access(place, os.W_OK) and not _is_read_only(place) else f"{place} cannot be written"


def has_foreign_node() -> bool:
    """Whether this machine is a node of somebody else's cluster, whose services would go with ours."""
    listed = subprocess.run(["iptables", "-t", "nat", "-n", "-L", "KUBE-SERVICES"], capture_output=True, check=False)
    return listed.returncode == 0 and owner() is None


def remove_firewall() -> None:
    """Remove the chain that kube-proxy makes for kubelet's sake, and leaves."""
    for chain in ("INPUT", "OUTPUT"):
        for program in IPTABLES:
            subprocess.run([program, "-D", chain, "-j", "KUBE-FIREWALL"], capture_output=True, check=False)
    for program in IPTABLES:
        for action in ("-F", "-X"):
            subprocess.run([program, action, "KUBE-FIREWALL"], capture_output=True, check=False)


def kill_containers() -> None:
    """Kill all that runs in the pods' cgroups, and wait until it is gone. Raises ControlPlaneError."""
    deadline = time.monotonic() + SECONDS
    while pids := container_pids():
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            raise ControlPlaneError(f"still running in the cgroup {CGROUP} after SIGKILL: pids {sorted(pids)}")
        time.sleep(0.05)


def container_pids() -> set[int]:
    """The processes of all containers."""
    found = set()
    for top in _cgroup_folders():
        for parent, _, _ in os.walk(top):
            # One that goes in this moment is not there, or no device any more (ENODEV).
            with suppress(OSError):
                found |= {int(pid) for pid in (Path(parent) / "cgroup.procs").read_text().split()}
    return found


def unmount() -> None:
    """Unmount all that containers and pods have mounted: the newest first, for one may be within another."""
    for mount in reversed(Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()):
        point = mount.split()[4].encode().decode("unicode_escape")
        if any(Path(point).is_relative_to(folder) for folder in (RUN, DATA)):
            _run("umount", "--lazy", point)


def forget_containers() -> None:
    """Remove what a machine that starts anew has not: mounts, namespaces, addresses. Nothing may run any more."""
    unmount()
    for name in ("containerd", "addresses"):
        shutil.rmtree(RUN / name, ignore_errors=True)
    results = Path("/var/lib/cni/results")
    for ours in results.glob(f"{NETWORK}-*-eth0"):
        container = ours.name.removeprefix(f"{NETWORK}-").removesuffix("-eth0")
        for result in results.glob(f"*-{container}-*"):  # its loopback is a network, too, which has another name
            result.unlink()


def restore() -> None:
    """Undo all but kube-proxy's rules: mounts, cgroups, the bridge, folders, settings, the claim. Nothing may run."""
    forget_containers()
    for top in _cgroup_folders():
        for parent, _, _ in os.walk(top, topdown=False):
            Path(parent).rmdir()
    subprocess.run(["ip", "link", "delete", BRIDGE], capture_output=True, check=False)  # it may not have been made
    for link in Path("/var/log/containers").glob("*.log"):
        if Path(os.readlink(link)).is_relative_to(DATA):
            link.unlink()
    if DATA.exists():
        shutil.rmtree(DATA)
    for name, value in json.loads(SYSCTLS.read_text(encoding="utf-8")).items() if SYSCTLS.exists() else ():
        if _sysctl(name).read_text() != value:
            _sysctl(name).write_text(value)
    shutil.rmtree(RUN)


def _cgroup_folders() -> list[Path]:
    """The pods' cgroup: a folder for each controller, or one for all in version 2; also where it is not there yet."""
    if (CGROUPS / "cgroup.controllers").exists():
        return [CGROUPS / CGROUP[1:]]
    controllers = [folder for folder in sorted(CGROUPS.iterdir()) if (folder / "cgroup.procs").exists()]
    return [folder / CGROUP[1:] for folder in controllers if not folder.is_symlink()]


def _is_read_only(folder: Path) -> bool:
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)


def _sysctl(name: str) -> Path:
    return Path("/proc/sys") / name


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ControlPlaneError(f"{' '.join(command)}: {done.stderr.strip()}")
