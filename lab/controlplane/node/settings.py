"""What the programs of a real node are told, and where they keep what they have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

NAME = "real-node"

LABEL = "nuvop.nuvolaris.org/real-node"
"""The node's label, and its taint: only pods that select it and tolerate it are run for real."""

BRIDGE = "nuvop-node"
SUBNET = "10.213.0.0/24"
ADDRESS = "10.213.0.1"
"""The node's: on the bridge, so it is there before the first pod, and no other machine reaches it."""

SANDBOX_IMAGE = "nuvop.nuvolaris.org/sandbox:1"
"""Holds the namespaces of a pod."""

RUN = Path("/run/nuvop-node")
"""Sockets, and all mounts of containers. Short: a socket's path may have 107 bytes."""

DATA = Path("/var/lib/nuvop-node")
"""Images, and the folders of pods."""

SOCKET = RUN / "containerd.sock"
CGROUP = "/nuvop-node"
NETWORK = "nuvop-node"
"""As CNI calls it; the files that its plugins leave begin with it."""

PLUGINS = Path("/usr/lib/cni")
"""Debian's folder of CNI plugins."""

CONTAINERD = f"""
version = 2
root = "{DATA}/containerd"
state = "{RUN}/containerd"

[grpc]
  address = "{SOCKET}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{SANDBOX_IMAGE}"
  # A lab may be in a container itself, which must not make the kernel spare a process.
  restrict_oom_score_adj = true
  # Not in a folder that others use, too.
  netns_mounts_under_state_dir = true

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{PLUGINS}"
    conf_dir = "{RUN}/cni"

  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
"""


def network() -> dict[str, Any]:
    """The CNI configuration: pods on one bridge, which reach each other, the node and the cluster's services."""
    bridge = {
        "type": "bridge",
        "bridge": BRIDGE,
        "isGateway": True,
        # A pod may reach itself by a service.
        "hairpinMode": True,
        "ipam": {
            "type": "host-local",
            "dataDir": str(RUN / "addresses"),
            "ranges": [[{"subnet": SUBNET, "gateway": ADDRESS}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    return {"cniVersion": "0.4.0", "name": NETWORK, "plugins": [bridge]}


def kubelet(port: int, authority: Path) -> dict[str, Any]:
    """The KubeletConfiguration; `authority` has signed the certificate by which the API server is known."""
    none = "0%"
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": ADDRESS,
        "port": port,
        "healthzPort": 0,
        "authentication": {"x509": {"clientCAFile": str(authority)}, "anonymous": {"enabled": False}},
        "containerRuntimeEndpoint": f"unix://{SOCKET}",
        "podLogsDir": str(DATA / "logs"),
        "cgroupRoot": CGROUP,
        "cgroupDriver": "cgroupfs",
        # The lab takes machines as they are.
        "failCgroupV1": False,
        "failSwapOn": False,
        "oomScoreAdj": 0,
        "enforceNodeAllocatable": [],
        "localStorageCapacityIsolation": False,
        # An image that was loaded is there for all pods, also where the same one has been pulled with a password before
        # (https://kubernetes.io/docs/concepts/containers/images/#ensureimagepullcredentialverification).
        "imagePullCredentialsVerificationPolicy": "NeverVerify",
        # Chains in iptables that only other network plugins need.
        "makeIPTablesUtilChains": False,
        # Nobody answers there: no pod of the lab asks for a name.
        "clusterDNS": ["10.96.0.10"],
        "registerWithTaints": [{"key": LABEL, "value": "true", "effect": "NoSchedule"}],
        # A full disk of a developer's is no reason to evict.
        "evictionHard": {
            "memory.available": none,
            "nodefs.available": none,
            "nodefs.inodesFree": none,
            "imagefs.available": none,
            "imagefs.inodesFree": none,
        },
        "imageGCHighThresholdPercent": 100,
        # A failing image is tried again soon, for tests.
        "crashLoopBackOff": {"maxContainerRestartPeriod": "10s"},
    }


def kubelet_command(program: Path, configuration: Path, kubeconfig: Path) -> list[str]:
    """The command line of kubelet."""
    return [
        str(program),
        f"--config={configuration}",
        f"--kubeconfig={kubeconfig}",
        f"--hostname-override={NAME}",
        f"--node-ip={ADDRESS}",
        f"--node-labels={LABEL}=true",
        f"--root-dir={DATA}/kubelet",
        f"--cert-dir={DATA}/kubelet/pki",
    ]


def proxy_command(program: Path, kubeconfig: Path) -> list[str]:
    """The command line of kube-proxy. It changes no setting of the machine's that it does not have to."""
    return [
        str(program),
        f"--kubeconfig={kubeconfig}",
        f"--hostname-override={NAME}",
        "--proxy-mode=iptables",
        f"--cluster-cidr={SUBNET}",
        # An answer between two pods comes back by the node also where the bridge shows the kernel nothing.
        "--masquerade-all",
        "--iptables-localhost-nodeports=false",
        "--conntrack-max-per-core=0",
        "--conntrack-tcp-timeout-established=0s",
        "--conntrack-tcp-timeout-close-wait=0s",
        "--healthz-bind-address=",
        "--metrics-bind-address=",
    ]


def forward_command(port: int) -> list[str]:
    """The command line of what brings pods to the API server, which listens on 127.0.0.1 only."""
    return ["socat", f"TCP-LISTEN:{port},bind={ADDRESS},reuseaddr,fork", f"TCP:127.0.0.1:{port}"]
