"""kopf's handlers: each hands over to the operator in a few lines. kopf's own errors appear here and nowhere else.

A CR is watched with ``on.event``, which is level-based as the pipeline is, and with which kopf itself writes nothing
to the CR: no annotation, no finalizer. Creation, update and resumption all go to the same reconcile.
"""

import itertools
import logging
import os
from collections.abc import Iterator
from typing import Any

import click
import kopf

from nuvop import logs
from nuvop import settings as settings_
from nuvop.errors import LoginError, NuvopError
from nuvop.operator import Operator, find_types
from nuvop.rbac import EVERYWHERE, Mode
from nuvop.session import kopf_session

EXIT_TIMEOUT = 30.0
"""Seconds after which an operator that was asked to stop ends in any case: more than the pipeline takes to close."""

_settings = settings_.from_environment()
_types = find_types(_settings)
_operator = Operator(_settings, _types)


logger = logging.getLogger(__name__)


class _Backoffs:
    """Seconds between kopf's attempts of one request: 1, 1, 2, 3, 5, then 5 for ever. An API server comes back."""

    def __iter__(self) -> Iterator[float]:
        return itertools.chain((1, 1, 2, 3), itertools.repeat(5))


@kopf.on.startup()
async def start(settings: kopf.OperatorSettings, **_: Any) -> None:
    """Start the operator; what cannot work ends the process with one line that says why."""
    settings.networking.error_backoffs = _Backoffs()
    # The end must not wait for an API server that does not answer.
    settings.process.ultimate_exiting_timeout = EXIT_TIMEOUT
    settings.posting.enabled = False
    logs.quieten()
    try:
        peering, cluster_wide, mode = settings.peering, settings.peering.clusterwide, _mode(settings)
        await _operator.start(cluster_wide=cluster_wide)
        places = mode.places if mode else (EVERYWHERE,)
        peering.standalone |= not await _operator.may_peer(peering.name, places, cluster_wide=cluster_wide)
        settings.scanning.disabled = not await _operator.may_scan(cluster_wide=cluster_wide)
        if mode:
            _operator.check_rights(mode)
        if settings.scanning.disabled:
            await _operator.wait_for_types()
    except NuvopError as error:
        await _operator.stop()
        raise kopf.PermanentError(str(error)) from error
    except Exception as error:
        logger.exception("nuvop has an error here")
        await _operator.stop()
        raise kopf.PermanentError(f"{type(error).__name__}: {error}") from error
    except BaseException:  # cancelled: it was asked to stop
        await _operator.stop()
        raise


def _mode(settings: kopf.OperatorSettings) -> Mode | None:
    """How this operator was told to run; None where that is not known."""
    context = click.get_current_context(silent=True)
    named = context.params.get("namespaces", ()) if context else ()
    # kopf's older variable, which it reads itself.
    namespaces = (*named, *filter(None, [os.environ.get("KOPF_RUN_NAMESPACE")]))
    if not (namespaces or settings.peering.clusterwide):
        return None
    is_asked = settings.peering.mandatory and not settings.peering.standalone
    return Mode(namespaces, settings.peering.name if is_asked else "")


@kopf.on.cleanup()
async def stop(**_: Any) -> None:
    """Stop the operator and leave nothing behind."""
    await _operator.stop()


@kopf.on.login()
async def log_in(**_: Any) -> kopf.AiohttpSession:
    """Give kopf the same credentials that kubectl and the status client have."""
    try:
        return await kopf_session(_operator.login)
    except LoginError as error:
        raise kopf.TemporaryError(str(error), delay=2) from error


def _serve(group: str, version: str, plural: str) -> None:
    @kopf.on.event(group, version, plural, id=f"{plural}.{group}")
    async def see(event: kopf.RawEvent, **_: Any) -> None:
        if event["type"] == "DELETED":
            _operator.reconciler.gone(plural, event["object"])
        else:
            _operator.reconciler.seen(plural, event["object"])


for _, _type in _types:
    _serve(_type.group, _type.version, _type.plural)
