"""nuvop as kopf sees it: handlers that hand over to the operator in a few lines. kopf's own errors appear here only.

A CR is watched with ``on.event``, which is level-based as the pipeline is, and with which kopf itself writes nothing
to the CR: no annotation, no finalizer. Creation, update and resumption all go to the same reconcile.

A user's own handlers may stand beside these in the same process (docs/extending.md). kopf has one set of settings, so
what is set here holds for them, too; nuvop's handlers are registered first, so a startup handler of theirs may set it
otherwise.
"""

import itertools
import logging
import os
from collections.abc import Iterator
from functools import partial
from typing import Any

import click
import kopf

from nuvop import keep_alive, known_namespaces, logs, peering, persistence
from nuvop.crd import ResourceType
from nuvop.errors import LoginError, NuvopError, PeeringError
from nuvop.kind_finder import KindFinder
from nuvop.known_types import KnownTypes
from nuvop.operator import Operator
from nuvop.pausing import Pause
from nuvop.rbac import EVERYWHERE, Mode
from nuvop.session import kopf_session
from nuvop.settings import Settings

EXIT_TIMEOUT = 30.0
"""Seconds after which an operator that was asked to stop ends in any case: more than the pipeline takes to close."""

CANCELLATION_POLLING = 1.0
"""Seconds after which kopf looks again whether a timer or daemon of a deleted resource has come to its end. With kopf's
60, a deletion hangs for a minute where a timer is at work in that moment.
"""

logger = logging.getLogger(__name__)


class _Backoffs:
    """Seconds between kopf's attempts of one request: 1, 1, 2, 3, 5, then 5 for ever. An API server comes back."""

    def __iter__(self) -> Iterator[float]:
        return itertools.chain((1, 1, 2, 3), itertools.repeat(5))


class Handlers:
    """The handlers of one operator."""

    def __init__(self, settings: Settings) -> None:
        """Look for the kinds; raise KindError where none can be served."""
        self._finder = KindFinder(settings.kinds)
        self._finder.look()
        self._watched: set[ResourceType] = set()
        self._known = KnownTypes()
        self._pause = Pause()
        self._operator = Operator(settings, self._finder)

    def register(self) -> None:
        """Let kopf know of them. Their ids begin with nuvop's name: kopf takes handlers of one id for the same."""
        kopf.on.startup(id=f"{logs.OWN}start")(self.start)
        kopf.on.cleanup(id=f"{logs.OWN}stop")(self.stop)
        kopf.on.login(id=f"{logs.OWN}login")(self.log_in)
        self._known.serve()
        known_namespaces.serve()
        self._pause.serve()
        keep_alive.serve()
        for _, type_ in self._finder.found:
            self._watch(type_)

    async def start(self, settings: kopf.OperatorSettings, memo: kopf.Memo, **_: Any) -> None:
        """Start the operator; what cannot work ends the process with one line that says why."""
        settings.networking.error_backoffs = _Backoffs()
        # The end must not wait for an API server that does not answer.
        settings.process.ultimate_exiting_timeout = EXIT_TIMEOUT
        settings.background.cancellation_polling = CANCELLATION_POLLING
        persistence.configure(settings)
        logs.quieten()
        try:
            cluster_wide, mode = settings.peering.clusterwide, _mode(settings)
            await self._operator.start(partial(self._see, settings), cluster_wide=cluster_wide)
            memo.kubeconfig = self._operator.login.kubeconfig
            if not settings.peering.standalone:
                await self._peer(settings, mode)
            self._operator.follow(self._pause)
            # Without it kopf serves no namespace that a pattern means; what it has no right to look for it waits for,
            # though with all that it serves by name.
            must_scan = mode is not None and mode.has_patterns and not mode.has_names
            settings.scanning.disabled = not (must_scan or await self._operator.may_scan(cluster_wide=cluster_wide))
            if mode:
                self._operator.check_rights(mode)
        except NuvopError as error:
            await self._operator.stop()
            raise kopf.PermanentError(str(error)) from error
        except Exception as error:
            logger.exception("nuvop has an error here")
            await self._operator.stop()
            raise kopf.PermanentError(f"{type(error).__name__}: {error}") from error
        except BaseException:  # cancelled: it was asked to stop
            await self._operator.stop()
            raise

    async def _peer(self, settings: kopf.OperatorSettings, mode: Mode | None) -> None:
        """Take part in the peering, if that can be; say what was found. Raises PeeringError where it must be."""
        wanted, places = settings.peering, mode.places if mode else (EVERYWHERE,)
        what = f"peering {wanted.name}"
        cluster = self._operator.cluster
        in_its_way = await peering.obstacle(cluster, wanted.name, places, cluster_wide=wanted.clusterwide)
        if in_its_way and wanted.mandatory:
            raise PeeringError(f"{what}: {in_its_way} (docs/operations.md, Peering)")
        if in_its_way:
            wanted.standalone = True
            if wanted.priority:
                logger.warning("%s: %s; so nobody is told to stand still for this operator", what, in_its_way)
            else:
                logger.info("%s: %s; this operator works alone", what, in_its_way)
            return
        how = "its own" if wanted.priority else "by chance, for none was given"
        wanted.priority = wanted.priority or peering.unnamed_priority()
        wanted.stealth = True  # a line for every time that it tells it is there
        logger.info("%s: taking part with priority %d (%s); who has the highest works", what, wanted.priority, how)

    async def stop(self, **_: Any) -> None:
        """Stop the operator and leave nothing behind."""
        await self._operator.stop()

    async def log_in(self, **_: Any) -> kopf.AiohttpSession:
        """Give kopf the same credentials that kubectl and the status client have."""
        try:
            return await kopf_session(self._operator.login, self._operator.kopf_requested)
        except LoginError as error:
            raise kopf.TemporaryError(str(error), delay=2) from error

    async def _see(self, settings: kopf.OperatorSettings, served: ResourceType) -> None:
        """Have kopf watch a type that is served; its kind may be newer than kopf's start."""
        if served not in self._watched:
            self._watch(served)
        await self._known.see(settings, served)

    def _watch(self, type_: ResourceType) -> None:
        self._watched.add(type_)
        group, plural = type_.group, type_.plural

        @kopf.on.event(group, type_.version, plural, id=f"{logs.OWN}{plural}.{group}")
        async def see(event: kopf.RawEvent, **_: Any) -> None:
            if event["type"] == "DELETED":
                self._operator.gone(plural, event["object"])
            else:
                self._operator.seen(plural, event["object"])


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
