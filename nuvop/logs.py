"""What the log leaves out of what kopf and the HTTP client say: what nuvop says itself, and what is said again."""

import logging
import re
from pathlib import Path

import kopf

_SAID_BY_NUVOP = re.compile(r"Unresolved resources cannot be served")
_SAID_BEFORE = re.compile(r"Request attempt #(?!1[^0-9])\d+.* failed; will retry")
_PASSES_AT_ONCE = re.compile(r"storage is \(re\)initializing")


def quieten() -> None:
    """Leave out a line for every request and for every event that was merely seen; say each trouble once."""
    logging.getLogger("kopf.objects").addFilter(_is_users)
    for module in ("kopf._core.reactor.observation", "kopf._cogs.clients.watching", "kopf._cogs.clients.fetching"):
        logging.getLogger(module).addFilter(_is_news)


def leave_start_errors_to_cli() -> None:
    """kopf would say a second time why the operator cannot start."""
    logging.getLogger("kopf.activities.startup").setLevel(logging.CRITICAL)


_KOPF = str(Path(kopf.__file__).parent)


def _is_users(record: logging.LogRecord) -> bool:
    """Whether a line about an object is said by somebody's own handler, or is worth a warning."""
    return record.levelno >= logging.WARNING or not record.pathname.startswith(_KOPF)


def _is_news(record: logging.LogRecord) -> bool:
    message = record.getMessage()
    return not any(pattern.search(message) for pattern in (_SAID_BY_NUVOP, _SAID_BEFORE, _PASSES_AT_ONCE))
