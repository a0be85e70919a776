"""A real node beside the simulated ones: kubelet, containerd and kube-proxy on this machine, as root.

A machine has one at most: its address, its folders and its cgroup have fixed names. What it needs of Debian's packages
is installed, and its programs are built once, apart from those of the control plane.
"""

from lab.controlplane.node.machine import claim
from lab.controlplane.node.node import PACKAGES, Node, obstacle, prepare, remove
from lab.controlplane.node.settings import ADDRESS, DATA, LABEL, NAME, RUN

__all__ = ["ADDRESS", "DATA", "LABEL", "NAME", "PACKAGES", "RUN", "Node", "claim", "obstacle", "prepare", "remove"]
