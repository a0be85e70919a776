"""What the log leaves out of what kopf and the HTTP client say: what nuvop says itself, and what is said again.

What kopf says of a user's own handlers stays.
"""

import logging
import re
from typing import Any

from nuvop.objects import CRKey

OWN = "nuvop/"
"""How the ids of nuvop's own handlers begin."""

_OF_OWN = re.compile(f"(Handler|Activity) '{OWN}")
_SAID_BY_NUVOP = re.compile(r"Unresolved resources cannot be served")
_SAID_BEFORE = re.compile(r"Request attempt #(?!1[^0-9])\d+.* failed; will retry")
_PASSES_AT_ONCE = re.compile(r"storage is \(re\)initializing")

_WITH_ATTEMPTS = (
    "kopf._core.reactor.observation", "kopf._cogs.clients.watching", "kopf._cogs.clients.fetching",
    "kopf._core.engines.peering",
)  # fmt: skip
"""Who tells of each attempt of a request."""


def about(key: CRKey, stage: str, *, revision: str = "", seconds: float | None = None) -> dict[str, Any]:
    """What a log record of a CR has beside its message; each is a key of a line with ``--log-format json``.

    ``revision`` is that of the overlay, ``seconds`` how long the stage took.
    """
    found: dict[str, Any] = {
        "cr": {"kind": key.plural, "namespace": key.namespace, "name": key.name},
        "stage": stage,
    }
    if revision:
        found["revision"] = revision
    if seconds is not None:
        found["seconds"] = round(seconds, 3)
    return found


def quieten() -> None:
    """Leave out a line for every request and for every event that was merely seen; say each trouble once."""
    logging.getLogger("kopf.objects").addFilter(_is_no_event_seen)
    for module in _WITH_ATTEMPTS:
        logging.getLogger(module).addFilter(_is_news)


def leave_start_errors_to_cli() -> None:
    """kopf would say a second time why the operator cannot start."""
    logging.getLogger("kopf.activities.startup").addFilter(_is_no_start_error)


def _is_no_event_seen(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING or not _OF_OWN.match(record.getMessage())


def _is_no_start_error(record: logging.LogRecord) -> bool:
    return record.levelno < logging.ERROR or not _OF_OWN.match(record.getMessage())


def _is_news(record: logging.LogRecord) -> bool:
    message = record.getMessage()
    return not any(pattern.search(message) for pattern in (_SAID_BY_NUVOP, _SAID_BEFORE, _PASSES_AT_ONCE))
