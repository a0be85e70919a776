"""What kopf knows of the namespaces that its patterns match, and how it is made to take in each that it lists.

kopf lists the namespaces at its start, and again whenever it begins to watch them: soon after that, and when a watch
has been lost. Of the later lists it takes in nothing, so that a namespace which came in between would never be served.
And it has a worker for each namespace by its uid, so that the end of one may be taken in after another one of its name.
kopf has no call for it, so this room reaches into kopf's own.
"""

from collections.abc import Collection
from typing import Any

from kopf._cogs.structs.bodies import RawEvent
from kopf._cogs.structs.references import Insights, NamespaceName, NamespacePattern, match_namespace
from kopf._core.reactor import observation

from nuvop.objects import version_of


def serve() -> None:
    """Have the next operator that kopf's command runs take in every namespace that is listed, and no old news."""
    take_in = observation.process_discovered_namespace_event
    newest: dict[str, int] = {}

    async def taking_in_all(
        *, raw_event: RawEvent, insights: Insights, namespaces: Collection[NamespacePattern], **more: Any
    ) -> None:
        name, version = NamespaceName(raw_event["object"]["metadata"]["name"]), version_of(raw_event["object"])
        is_old = version <= newest.get(name, -1)
        # kopf's mark of what was listed is that there is no type. Once there is news of a namespace, whether it is
        # served says nothing: its end may wait to be taken in.
        is_known = raw_event["type"] is None and name in insights.namespaces and name not in newest
        newest[name] = max(version, newest.get(name, -1))
        # Each that is taken in makes kopf compare all that it watches.
        if not (is_old or is_known) and any(match_namespace(name, pattern) for pattern in namespaces):
            news: RawEvent = {"type": raw_event["type"] or "ADDED", "object": raw_event["object"]}
            await take_in(raw_event=news, insights=insights, namespaces=namespaces, **more)

    observation.process_discovered_namespace_event = taking_in_all
