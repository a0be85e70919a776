"""What kopf knows of the API server's types, and how it is made to look again.

kopf looks when it starts and when a CRD changes. That is too seldom: the API server may serve a type a moment after the
last change of its CRD, and an operator that may not watch CRDs hears of no change at all. kopf has no call for it, so
this room reaches into kopf's own.
"""

from functools import partial

import kopf
from kopf._cogs.clients.errors import APIError
from kopf._cogs.structs.references import Insights
from kopf._core.reactor import observation, running

from nuvop.crd import ResourceType
from nuvop.errors import ClusterError


class KnownTypes:
    """kopf's list of what there is to watch."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._insights = Insights()

    def serve(self) -> None:
        """Have the next operator that kopf's command runs keep its list here."""
        running.run = partial(running.run, insights=self._insights)

    async def see(self, settings: kopf.OperatorSettings, served: ResourceType) -> None:
        """Let kopf look again if it does not know a type that is served, and has looked before.

        To be called where kopf's own context is, as in what a handler has started. Raises ClusterError where the API
        server refuses; kopf waits for one that does not answer.
        """
        if not self._insights.ready_resources.is_set() or self._knows(served):
            return
        changed = {"type": "MODIFIED", "object": {"spec": {"group": served.group}}}
        try:
            await observation.process_discovered_resource_event(
                raw_event=changed,  # type: ignore[arg-type] # it reads no more of a CRD than that
                settings=settings,
                registry=kopf.get_default_registry(),
                insights=self._insights,
            )
        except APIError as error:
            raise ClusterError(f"kopf looks for {served.plural}.{served.group}: {error.args[0]}") from error

    def _knows(self, served: ResourceType) -> bool:
        wanted = (served.group, served.version, served.plural)
        watched = self._insights.watched_resources
        return any((known.group, known.version, known.plural) == wanted for known in watched)
