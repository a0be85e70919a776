"""What kopf leaves on an object for a user's own handlers: a finalizer and annotations, all under a name of nuvop's.

For nuvop's own handlers kopf leaves nothing. With kopf's default names, a second operator on kopf that serves the same
object would take these for its own, and each would take off what the other puts on.
"""

import base64
import enum
import hashlib
from collections.abc import Callable, Mapping
from typing import Any, cast

import kopf
import orjson

from nuvop.shallow import shallow

FINALIZER = "nuvop.nuvolaris.org/handlers"
"""Put on by kopf where a handler needs it: timers, daemons and ``on.delete`` do."""

PREFIX = "handlers.nuvop.nuvolaris.org"
"""Of the annotations. Not that of `nuvop.directives`, which refuses what it does not know."""


class NotKept(enum.Enum):
    """Stands for what a field was before it changed."""

    NOT_KEPT = "(not kept)"

    def __repr__(self) -> str:
        return self.value

    __str__ = __repr__


class DigestStorage(kopf.AnnotationsDiffBaseStorage):
    """Remembers what was handled of an object by a digest of each field, so that kopf can tell which have changed.

    kopf itself keeps the values, passwords too, in an annotation that `kubectl describe` shows of a Secret as well,
    and that the API server refuses where the values are larger than 256 KiB. Here ``old`` is
    `NotKept.NOT_KEPT` for a field that has changed. A digest depends on the object's uid; who may read it can still
    find a value by trying all that it may be.
    """

    def __init__(self) -> None:
        super().__init__(prefix=PREFIX, key="last-handled", v1=False)

    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        """Put the digests of ``essence``, the fields that count, into the patch of an object."""
        digests = _map_leaves(lambda value, _: _digest(body, value), essence, {})
        super().store(body=body, patch=patch, essence=cast("kopf.BodyEssence", digests))

    def fetch(self, *, body: kopf.Body) -> kopf.BodyEssence | None:
        """What was handled, with the values that the object still has; None where nothing was.

        kopf asks at each event, before it calls any handler, nuvop's own too: an error here would hide the object. So
        what somebody has spoilt counts as never handled.
        """
        stored = self._stored(body)
        if not _is_essence(stored):
            return None

        def recalled(digest: Any, value: Any) -> Any:
            return value if digest == _digest(body, value) else NotKept.NOT_KEPT

        return cast("kopf.BodyEssence", _map_leaves(recalled, stored, body))

    def _stored(self, body: kopf.Body) -> Any:
        """What the annotation says; None where there is none, or no JSON in it."""
        (name,) = self.make_keys(self.key, body=body)
        try:
            return orjson.loads(shallow(body.metadata.annotations.get(name, "null").encode()))
        except orjson.JSONDecodeError:
            return None


def configure(settings: kopf.OperatorSettings) -> None:
    """Let kopf keep what it has to keep so."""
    settings.persistence.finalizer = FINALIZER
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=PREFIX, v1=False)
    settings.persistence.diffbase_storage = DigestStorage()


def _is_essence(stored: Any) -> bool:
    """Whether this has the shape that kopf expects of an object's fields."""
    metadata = stored.get("metadata", {}) if isinstance(stored, Mapping) else None
    return isinstance(metadata, Mapping) and isinstance(metadata.get("annotations", {}), Mapping)


def _map_leaves(change: Callable[[Any, Any], Any], tree: Any, beside: Any) -> Any:
    """A tree of mappings with each leaf changed, by itself and what stands at its place in the one beside it.

    A null stays what it is: kopf takes it for a field that is not there.
    """
    if not isinstance(tree, Mapping):
        return tree if tree is None else change(tree, beside)
    others = beside if isinstance(beside, Mapping) else {}
    return {name: _map_leaves(change, value, others.get(name)) for name, value in tree.items()}


def _digest(body: kopf.Body, value: Any) -> str:
    # 48 bits: that two values have one is the chance that a change is missed.
    text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    hashed = hashlib.blake2b(text, digest_size=6, key=(body.metadata.uid or "").encode())
    return base64.urlsafe_b64encode(hashed.digest()).decode()
