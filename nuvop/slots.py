"""Who may run at the same time: slots for those that need a processor, spares for those that only wait.

Pure bookkeeping: it starts nothing, and its clock is given to it.
"""

import math
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

SLOTS = 2
"""kubectl processes at once; each has its own discovery and its own TLS, so more of them only wait for each other."""

SPARE = 2
"""How many of those that do not get on hold no slot. They wait, for a webhook say, and need no processor."""

LONE_SHARE = 0.1
"""How much of a slot's time the lone lane gets while others wait or are at work."""


class Running(Protocol):
    """What can run."""

    @property
    def is_lone(self) -> bool:
        """Whether it is of the lone lane."""


Work = TypeVar("Work", bound=Running)


class Slots(Generic[Work]):
    """What runs, and what of it holds a slot: all but the first SPARE of those that are stuck.

    One of the lone lane holds a slot at a time, and no other starts that could not give its slot to others, should it
    get stuck, too. When one gives its slot back, the lane rests for as long as makes that its share.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        """``clock`` tells the time in seconds."""
        self._clock = clock
        self.running: list[Work] = []
        self._stuck: list[Work] = []
        """In the order in which they got stuck."""
        self._lone_since: float | None = None
        self._lone_next = -math.inf

    @property
    def holders(self) -> list[Work]:
        """Those that hold a slot. One that gets on again may make it more than there are, for a while."""
        spared = self._stuck[:SPARE]
        return [work for work in self.running if work not in spared]

    @property
    def has_free(self) -> bool:
        """Whether another may start."""
        return len(self.holders) < SLOTS

    @property
    def has_spare(self) -> bool:
        """Whether one that gets stuck now would give its slot to others."""
        return len(self._stuck) < SPARE

    def lone_rest(self, *, is_contended: bool) -> float | None:
        """For how many seconds the lone lane may start none; None while it has to wait for one that runs.

        ``is_contended`` where others wait.
        """
        lone = [work for work in self.running if work.is_lone]
        if lone and (not self.has_spare or any(work in self.holders for work in lone)):
            return None
        return max(self._lone_next - self._clock(), 0.0) if is_contended or self.holders else 0.0

    def enter(self, work: Work) -> None:
        """Take a slot."""
        self.running.append(work)
        self._account()

    def leave(self, work: Work) -> None:
        """It has ended."""
        self.running.remove(work)
        self.mark(work, is_stuck=False)

    def mark(self, work: Work, *, is_stuck: bool) -> None:
        """It does not get on, or it does again."""
        if is_stuck and work not in self._stuck:
            self._stuck.append(work)
        elif not is_stuck and work in self._stuck:
            self._stuck.remove(work)
        self._account()

    def _account(self) -> None:
        """Note when the lone lane takes a slot, and, when it is given back, until when the lane rests."""
        is_held = any(work.is_lone for work in self.holders)
        if is_held and self._lone_since is None:
            self._lone_since = self._clock()
        elif not is_held and self._lone_since is not None:
            taken = self._clock() - self._lone_since
            self._lone_next = self._clock() + taken / LONE_SHARE - taken
            self._lone_since = None
