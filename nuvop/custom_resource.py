"""A CR at the API server: read anew, and given nuvop's finalizer. What is known of it stands in its record."""

import time

from nuvop.catalog import Catalog
from nuvop.cluster import Cluster
from nuvop.dismantle import finalizers
from nuvop.errors import NotFound
from nuvop.objects import CRKey
from nuvop.record import Record


class Another(Exception):
    """The CR that a record is about is gone, or another one has its name."""


class CustomResources:
    """Reads CRs and changes their metadata."""

    def __init__(self, catalog: Catalog, cluster: Cluster) -> None:
        """Ask nothing yet."""
        self._catalog = catalog
        self._cluster = cluster

    async def read(self, key: CRKey, record: Record) -> None:
        """Read a CR anew into its record; raise Another where it is gone, or a ClusterError."""
        try:
            body = await self._cluster.get(self._catalog.resource(key.plural), key.namespace, key.name)
        except NotFound as error:
            raise Another from error
        if body["metadata"]["uid"] != record.uid:
            raise Another
        record.take(body)
        record.seen_at = time.monotonic()

    async def set_finalizer(self, key: CRKey, record: Record, *, wanted: bool) -> None:
        """Put nuvop's finalizer on a CR, or take it off.

        Raises Another where it is gone, Conflict where it has changed since it was seen, or another ClusterError.
        """
        resource = self._catalog.resource(key.plural)
        try:
            body = await self._cluster.patch_metadata(resource, record.body, finalizers(record.body, wanted=wanted))
        except NotFound as error:
            raise Another from error
        record.take(body)
