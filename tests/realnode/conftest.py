import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import controlplane, debian
from lab.controlplane import node
from lab.controlplane.node import images, machine
from tests.e2e.harness import own_cluster
from tests.image import built
from tests.machine import as_node, need

WORKLOAD = "nuvop-test-workload:1"
"""A static program in an image without anything else; what it does is said in the pod."""


def traces() -> dict[str, str]:
    """What a real node could leave on the machine: rules, links, mounts, cgroups, settings, files."""
    rules = [subprocess.run([p], capture_output=True, text=True, check=True).stdout for p in SAVES]
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    return {
        # An empty table with its own chains is no rule: iptables makes it when it is asked of one.
        "rules": "\n".join(sorted(line for line in "".join(rules).splitlines() if "KUBE" in line or line[0] == "-")),
        "links": "\n".join(sorted(os.listdir("/sys/class/net"))),
        "mounts": "\n".join(mount for mount in mounts if "nuvop-node" in mount),
        "cgroups": "\n".join(str(path) for path in machine.CGROUPS.glob("**/nuvop-node")),
        "settings": "\n".join(Path("/proc/sys", name).read_text() for name in machine.CHANGED_SYSCTLS),
        "networks": "\n".join(map(str, Path("/var/lib/cni").glob("*/*"))),
        "folders": "\n".join(str(path) for path in (node.RUN, node.DATA) if path.exists()),
    }


SAVES = ("iptables-save", "ip6tables-save")


@pytest.fixture(scope="session")
def before() -> Iterator[dict[str, str]]:
    """What was on the machine before it became a node."""
    need(node.obstacle() or built.obstacle())
    with as_node():
        debian.install(node.PACKAGES)
        yield traces()


@pytest.fixture(scope="session")
def cluster(before: dict[str, str]) -> Iterator[controlplane.Cluster]:
    with own_cluster(os.environ.get("NUVOP_TEST_CLUSTER", "realnode"), nodes=15, real_node=True) as made:
        yield made


@pytest.fixture(scope="session")
def workload(cluster: controlplane.Cluster, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of an image that is in the node."""
    archive = tmp_path_factory.mktemp("workload") / "image.tar"
    images.write(archive, WORKLOAD, debian.program("busybox-static", "busybox"), ["/busybox"])
    cluster.node().load(archive, WORKLOAD)
    return WORKLOAD


@pytest.fixture(scope="session")
def image(cluster: controlplane.Cluster) -> None:
    """The operator's image is in the node."""
    cluster.node().load(built.archive().file, built.NAME)
