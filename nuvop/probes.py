"""What an operator has to be able to before it is ready, looked at when a probe asks."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from nuvop.cluster import Cluster
from nuvop.errors import ClusterError, KubectlError, KubectlUnusable, LoginError
from nuvop.health import Check
from nuvop.kubectl import Processes, find_kubectl

PATIENCE = 3.0
"""Seconds that one look may take: less than what a probe waits for."""

KUBECTL_EVERY = 30.0
"""Seconds between two looks at kubectl, each of which starts a process."""


class Probes:
    """An operator's checks. Until `started` it is not ready."""

    def __init__(self, processes: Processes) -> None:
        """``processes`` run the kubectl that is looked at."""
        self._processes = processes
        self._cluster: Cluster | None = None
        self._unsynced: Callable[[], list[str]] = list
        self._kubectl = Check("kubectl", "not looked at yet")
        self._kubectl_until = 0.0

    def started(self, cluster: Cluster, unsynced: Callable[[], list[str]]) -> None:
        """Take in that the operator works; ``unsynced`` tells which watches have not shown everything."""
        self._cluster, self._unsynced = cluster, unsynced

    async def ready(self) -> list[Check]:
        """What is well, and what is not."""
        if self._cluster is None:
            return [Check("start", "the kinds are being loaded")]
        # At the same time: who asks waits for one of them, not for their sum.
        kubectl, api = await asyncio.gather(self._look_at_kubectl(), self._look_at_api(self._cluster))
        return [kubectl, api, self._look_at_watches()]

    async def _look_at_kubectl(self) -> Check:
        if time.monotonic() >= self._kubectl_until:
            self._kubectl = Check("kubectl", await _trouble(find_kubectl(self._processes)))
            self._kubectl_until = time.monotonic() + (0.0 if self._kubectl.trouble else KUBECTL_EVERY)
        return self._kubectl

    async def _look_at_api(self, cluster: Cluster) -> Check:
        return Check("api", await _trouble(cluster.discover("v1", "Pod", anew=True)))

    def _look_at_watches(self) -> Check:
        return Check("watches", "; ".join(self._unsynced()))


async def _trouble(look: Awaitable[object]) -> str:
    """What keeps something from working, empty where it does."""
    try:
        await asyncio.wait_for(look, PATIENCE)
    except TimeoutError:
        return f"no answer in {PATIENCE:g} s"
    except (KubectlUnusable, KubectlError, ClusterError, LoginError) as error:
        return str(error)
    return ""
