"""Kubernetes Events that nuvop writes about its CRs. What others have written is `nuvop.complaints`.

Events are told and forgotten (best effort, kept for an hour by default): nothing is decided by them, and nothing waits
for them. Whether there is something to tell is up to the caller.
https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/
"""

import asyncio
import logging
import secrets
import socket
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from nuvop.cluster import ApiResource, Cluster
from nuvop.errors import ClusterError, ClusterUnreachable, LoginError
from nuvop.objects import Body
from nuvop.trouble import Trouble

logger = logging.getLogger(__name__)

EVENTS = ApiResource("events.k8s.io", "v1", "events", "Event")

REPORTING_CONTROLLER = "nuvop.nuvolaris.org/operator"

NOTE_LIMIT = 1024
INSTANCE_LIMIT = 128
NAME_LIMIT = 253
"""Bytes; the API server refuses more (kubernetes/pkg/apis/core/validation/events.go)."""

MOST_WAITING = 1000
"""How many Events may wait to be written; then the oldest are dropped."""
ATTEMPTS = 5
"""How often an Event is sent to an API server that does not answer, with growing pauses."""
END_GRACE = 2.0
"""Seconds for what still waits when the operator stops."""

ALREADY_EXISTS = 409


@dataclass(frozen=True)
class News:
    """What an Event says.

    ``reason`` is why it happened and ``action`` what nuvop did or could not do, both in CamelCase and of up to 128
    characters; ``note`` is for people.
    """

    type: Literal["Normal", "Warning"]
    reason: str
    action: str
    note: str


class Recorder:
    """Writes Events about CRs, one after the other, in the background."""

    def __init__(self, cluster: Cluster) -> None:
        """Nothing happens before the first `tell`."""
        self._cluster = cluster
        self._waiting: deque[tuple[Body, News, datetime]] = deque()
        self._dropped = 0
        self._posting: asyncio.Task[None] | None = None
        self._closed = False
        self._trouble = Trouble("writing Events")
        self._complaints = _Complaints("Events cannot be written")

    def tell(self, cr: Body, news: News) -> None:
        """Have an Event about a CR written soon. Never waits, never raises; what cannot be written is dropped."""
        if self._closed:
            return
        if len(self._waiting) >= MOST_WAITING:
            self._waiting.popleft()
            self._dropped += 1
        self._waiting.append((cr, news, datetime.now(UTC)))
        if self._posting is None:
            self._posting = asyncio.create_task(self._post_all())

    async def close(self) -> None:
        """Write what still waits, for no longer than END_GRACE seconds; from now on `tell` does nothing."""
        self._closed = True
        if self._posting is None:
            return
        _, late = await asyncio.wait([self._posting], timeout=END_GRACE)
        for task in late:
            logger.warning("the operator stops; Events that were not written: %d", len(self._waiting) + 1)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _post_all(self) -> None:
        try:
            while self._waiting:
                try:
                    await self._post(_event(*self._waiting.popleft()))
                except Exception:
                    logger.exception("writing an Event: nuvop has an error here")
            if self._dropped:
                logger.warning("too many Events at once; dropped: %d", self._dropped)
                self._dropped = 0
        finally:
            self._posting = None

    async def _post(self, event: Body) -> None:
        for _ in range(ATTEMPTS):
            try:
                await self._cluster.create(EVENTS, event["metadata"]["namespace"], event)
            except (ClusterUnreachable, LoginError) as error:
                self._complaints.about(error)
                await self._trouble.pause()
            except ClusterError as error:
                # One that exists was written by an attempt whose answer was lost.
                if error.status != ALREADY_EXISTS:
                    self._complaints.about(error)
                return
            else:
                self._trouble.over()
                return


class _Complaints:
    """Says each kind of error once: a thousand Events that fail, fail for one reason."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._said: set[tuple[object, ...]] = set()

    def about(self, error: ClusterError | LoginError) -> None:
        """Say it unless an error of its kind was said before."""
        status = error.status if isinstance(error, ClusterError) else 0
        # In a namespace that is being deleted nothing may be created: 403 too, and no reason to hide a missing right.
        is_ending = "being terminated" in str(error)
        if (kind := (type(error), status, is_ending)) not in self._said:
            self._said.add(kind)
            logger.warning("%s: %s (said once)", self._what, error)


def _event(cr: Body, news: News, at: datetime) -> dict[str, Any]:
    metadata = cr["metadata"]
    suffix = f".{secrets.token_hex(8)}"
    # A name that was cut must not end in what may stand only between letters.
    name = metadata["name"][: NAME_LIMIT - len(suffix)].rstrip(".-") + suffix
    return {
        "apiVersion": EVENTS.api_version,
        "kind": EVENTS.kind,
        "metadata": {"name": name, "namespace": metadata["namespace"]},
        "eventTime": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "reportingController": REPORTING_CONTROLLER,
        "reportingInstance": socket.gethostname()[:INSTANCE_LIMIT],
        "type": news.type,
        "reason": news.reason,
        "action": news.action,
        "note": _cut(news.note, NOTE_LIMIT),
        "regarding": {
            "apiVersion": cr["apiVersion"],
            "kind": cr["kind"],
            "namespace": metadata["namespace"],
            "name": metadata["name"],
            "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"],
        },
    }


def _cut(text: str, limit: int) -> str:
    """A text of at most that many bytes in UTF-8; three dots end one that was cut."""
    encoded = text.encode(errors="replace")
    if len(encoded) <= limit:
        return encoded.decode()
    mark = "…"
    return encoded[: limit - len(mark.encode())].decode(errors="ignore") + mark
