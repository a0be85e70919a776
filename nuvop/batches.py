"""A batch: the kustomization that lists the overlays of some CRs, and what can be told of each of them afterwards.

All that is known of it is what has landed, in which order kubectl goes, and, where kustomize cannot build it, which
folder kustomize names.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nuvop import yamltext
from nuvop.objects import Body, CRKey
from nuvop.overlay import Overlay

Landed = Callable[[], Sequence[Body]]
"""The objects of an overlay that are live at its revision, as the watch has shown them."""


@dataclass(eq=False)
class Job:
    """One overlay on its way, and who waits for what becomes of it."""

    overlay: Overlay
    landed: Landed
    done: asyncio.Future[list[Body]]
    since: float
    """When it began to wait, by the loop's clock."""
    is_repair: bool = False
    has_begun: bool = False
    """Whether its turn came at least once; it may wait again after a batch that failed."""
    is_withdrawn: bool = False
    """Whether its CR asks for something else by now, while kubectl is at it: it does not wait again."""
    was_put_back: bool = False
    was_stuck: bool = False
    """Whether nothing at all has landed of the batch that it was in last."""
    landed_before: int = 0
    """How many of its objects were live at its revision before its batch began."""

    @property
    def landed_since(self) -> int:
        """How many of its objects its batch has brought there; fewer may be left than there were, if one is deleted."""
        return max(len(self.landed()) - self.landed_before, 0)

    @property
    def is_whole(self) -> bool:
        """Whether all of it is live at its revision."""
        return len(self.landed()) == len(self.overlay.objects)

    @property
    def can_be_seen(self) -> bool:
        """Whether the watch can tell that it was applied: not where all was there before, and only drifted, say."""
        return self.landed_before < len(self.overlay.objects)

    @property
    def may_hide_a_refusal(self) -> bool:
        """Whether something drifted of it was there before: that it still is says nothing."""
        return self.is_repair and self.landed_before > 0


def kustomization(keys: Sequence[CRKey]) -> str:
    """The text of a kustomization of CRs' overlays; it stands two folders below the overlays' own."""
    return yamltext.dump(
        {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": [_path(key) for key in keys],
            # One CR after the other: each is done as soon as possible, and who holds up the others can be told.
            "sortOptions": {"order": "fifo"},
        }
    )


def had_their_turn(jobs: Sequence[Job], *, is_held_up: bool) -> set[Job]:
    """Those that kubectl had come to when it was killed, but for those of which nobody can tell.

    It goes from one CR to the next: it was at the last one of which anything has landed, or at the one after that
    where all of it has. Where nothing has landed it was at the first, or at the first that would have shown.
    The one that it was at is among them only where that one held it up.
    """
    touched = [index for index, job in enumerate(jobs) if job.landed_since]
    if not touched:
        return {jobs[0], next((job for job in jobs if job.can_be_seen), jobs[0])}
    last = touched[-1] + 1 if jobs[touched[-1]].is_whole else touched[-1]
    return {job for job in jobs[: last + is_held_up] if job.can_be_seen}


def named(jobs: Sequence[Job], error: str) -> list[Job]:
    """Those whose overlay's folder an error of kustomize names; others' errors may quote anything."""
    if not error.startswith("accumulating resources"):
        return []
    return [job for job in jobs if f"accumulating resources from '{_path(job.overlay.key)}'" in error]


def _path(key: CRKey) -> str:
    """A CR's overlay as batches name it."""
    return f"../../{key.plural}/{key.namespace}/{key.name}"
