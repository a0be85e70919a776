"""Which types of children the CRs' inventories tell of, as they are written in the cluster.

Should the operator end before it can tell what it has applied, the next one watches what any inventory tells of: in all
namespaces, or where there is a watch for each namespace, in that of the CR with that inventory.
"""

from collections.abc import Collection

from nuvop.objects import CRKey

Type = tuple[str, str]
"""A type of objects: apiVersion and kind."""


class Announcements:
    """Knows of the inventories that were written, or were there."""

    def __init__(self, *, cluster_wide: bool) -> None:
        """No inventory is known yet. ``cluster_wide`` means one watch a type for all namespaces."""
        self._cluster_wide = cluster_wide
        self._tellers: dict[str, dict[Type, set[CRKey]]] = {}
        """By namespace and type; nothing is empty in it."""

    def note(self, key: CRKey, types: Collection[Type]) -> None:
        """Take in that the inventory of a CR tells of these types, and of no others."""
        self.forget(key)
        if types:
            tellers = self._tellers.setdefault(self._place(key), {})
            for type_ in types:
                tellers.setdefault(type_, set()).add(key)

    def forget(self, key: CRKey) -> None:
        """Take in that a CR is gone or going, and its inventory with it."""
        tellers = self._tellers.pop(self._place(key), {})
        others = {type_: keys for type_, keys in tellers.items() if keys != {key}}
        for keys in others.values():
            keys.discard(key)
        if others:
            self._tellers[self._place(key)] = others

    def unannounced(self, key: CRKey, types: Collection[Type]) -> set[Type]:
        """Those types of a CR's children that no inventory tells of."""
        return set(types) - self._tellers.get(self._place(key), {}).keys()

    def _place(self, key: CRKey) -> str:
        """Of which namespace the inventories count for a CR."""
        return "" if self._cluster_wide else key.namespace
