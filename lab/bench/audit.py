"""Count one user's requests in the API server's audit log."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

DRY_RUN = "dry-run"
DISCOVERY = "discovery"

WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})
QUESTIONS = frozenset(
    {"selfsubjectaccessreviews", "selfsubjectreviews", "selfsubjectrulesreviews", "subjectaccessreviews"}
)
"""Resources that are created to ask something: nothing is stored."""


@dataclass(frozen=True)
class Request:
    """A request: its verb, `dry-run` for a write that asked to be none, `discovery` for one about no resource."""

    verb: str
    resource: str
    """Such as `deployments` or `deployments/status`; a path for discovery."""

    @property
    def is_write(self) -> bool:
        return self.verb in WRITES and self.resource not in QUESTIONS

    @property
    def is_housekeeping(self) -> bool:
        """Whether it says only that the client lives, or waits for news."""
        return self.verb == "watch" or self.resource == "leases"


def requests(lines: Iterable[bytes], user: str) -> Iterator[Request]:
    """The requests of a user, each once: a watch when it is opened, others when they are answered."""
    needle = f'"username":"{user}"'.encode()
    for line in lines:
        if needle not in line:  # most lines are the controllers'; parsing them all would take long
            continue
        event = json.loads(line)
        if event["user"]["username"] != user:
            continue
        wanted = "ResponseStarted" if event["verb"] == "watch" else "ResponseComplete"
        if event["stage"] == wanted:
            yield _request(event)


def _request(event: dict[str, object]) -> Request:
    verb, uri, target = str(event["verb"]), str(event["requestURI"]), event.get("objectRef")
    if not isinstance(target, dict):
        return Request(DISCOVERY, uri)
    resource = "/".join(filter(None, [target["resource"], target.get("subresource")]))
    return Request(DRY_RUN if verb in WRITES and "dryRun=All" in uri else verb, resource)


def by_verb(found: Iterable[Request]) -> dict[str, int]:
    """How many requests of each verb, the most frequent first."""
    return dict(Counter(request.verb for request in found).most_common())


class AuditLog:
    """Reads one user's requests from a growing audit log, each once."""

    def __init__(self, path: Path, user: str) -> None:
        self._path = path
        self._user = user
        self._position = path.stat().st_size

    def new(self) -> list[Request]:
        """What came since the last call, or since this was made."""
        with self._path.open("rb") as log:
            if log.seek(0, 2) < self._position:
                raise OSError(f"{self._path} was rotated during a measurement; raise audit-log-maxsize of the lab")
            log.seek(self._position)
            text = log.read()
        whole = text[: text.rfind(b"\n") + 1]  # the last line may still be on its way
        self._position += len(whole)
        return list(requests(whole.splitlines(), self._user))
