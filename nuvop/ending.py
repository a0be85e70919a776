"""The end of a CR: what the garbage collector would not do for its children, or must not do."""

import logging

from nuvop import directives
from nuvop.cluster import Cluster
from nuvop.custom_resource import CustomResources
from nuvop.dismantle import detach, dismantle
from nuvop.errors import ClusterError, Conflict
from nuvop.events import News
from nuvop.logs import about
from nuvop.objects import CRKey
from nuvop.record import Record
from nuvop.reporter import Reporter
from nuvop.status import Reason

logger = logging.getLogger(__name__)

ORPHAN = "orphan"
"""The garbage collector's own finalizer, put on by ``kubectl delete --cascade=orphan``."""


class Ending:
    """Prepares the end of CRs, and brings it about."""

    def __init__(self, cluster: Cluster, custom_resources: CustomResources, reporter: Reporter) -> None:
        """Do nothing yet."""
        self._cluster = cluster
        self._custom_resources = custom_resources
        self._reporter = reporter

    async def arm(self, key: CRKey, record: Record) -> None:
        """See to it that children which are to outlive their CR do so, and others do not, whatever else is wrong.

        A finalizer goes by hand, or by `kubectl replace` with a manifest that does not have it.
        """
        keeps_children = directives.keeps_children(record.body)
        if keeps_children and not record.is_detached:
            await detach(self._cluster, record.body, record.places)
        record.is_detached = keeps_children
        if (keeps_children or record.has_children_outside) and not record.has_finalizer:
            await self._custom_resources.set_finalizer(key, record, wanted=True)

    async def end(self, key: CRKey, record: Record) -> bool:
        """Delete, or let go, what the garbage collector would not delete, and let the CR go.

        Returns whether that is done; else it is to be tried again. Raises Another where the CR is gone.
        """
        try:
            orphan = directives.keeps_children(record.body) or ORPHAN in record.body["metadata"]["finalizers"]
            done = await dismantle(self._cluster, record.body, record.places, orphan=orphan)
            if done:
                logger.info("%s: %s", key, ", ".join(done), extra=about(key, "delete"))
            await self._custom_resources.set_finalizer(key, record, wanted=False)
        except Conflict:
            # Something changed meanwhile.
            await self._custom_resources.read(key, record)
            return False
        except ClusterError as error:
            if record.is_news(str(error)):
                logger.warning("%s: %s", key, error, extra=about(key, "delete"))
                self._reporter.news(record, News("Warning", Reason.DELETE_FAILED, "Delete", str(error)))
            return False
        return True
