"""What kopf knows of the namespaces that its patterns match, and how it is made to take in each that it lists.

kopf lists the namespaces at its start, and again whenever it begins to watch them: soon after that, and when a watch
has been lost. Of the later lists it takes in nothing, so that a namespace which came in between would never be served.
And it has a worker for each namespace by its uid, so that the end of one may be taken in after another one of its name.
kopf has no call for it, so this room reaches into kopf's own.
"""

from typing import Any

from kopf._cogs.structs.bodies import RawEvent
from kopf._cogs.structs.references import Insights
from kopf._core.reactor import observation

from nuvop.objects import version_of


def serve() -> None:
    """Have the next operator that kopf's command runs take in every namespace that is listed, and no old news."""
    take_in = observation.process_discovered_namespace_event
    newest: dict[str, int] = {}

    async def taking_in_all(*, raw_event: RawEvent, insights: Insights, **more: Any) -> None:
        name, version = raw_event["object"]["metadata"]["name"], version_of(raw_event["object"])
        if version < newest.get(name, 0):
            return
        newest[name] = version
        # kopf's mark of what was listed is that there is no type. What is known already is no news: each makes kopf
        # compare all that it watches.
        is_listed = raw_event["type"] is None
        if is_listed and name not in insights.namespaces:
            raw_event = {"type": "ADDED", "object": raw_event["object"]}
        await take_in(raw_event=raw_event, insights=insights, **more)

    observation.process_discovered_namespace_event = taking_in_all
