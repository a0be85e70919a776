"""Back-off: what goes on failing is tried again later and later. Pure; the clock is handed in."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class _Wait:
    """``delay`` is in seconds; ``due`` is the time at which it is over."""

    delay: float
    due: float


@dataclass
class Backoff:
    """When something is tried again that fails, for each cause by itself.

    Times are seconds of one monotonic clock. A delay grows with an attempt that was due only: others have reasons of
    their own, a rollout of many steps say, and tell nothing about how long the cause will last.
    """

    _waits: dict[str, _Wait] = field(default_factory=dict)

    def failed(self, cause: str, now: float, *, first: float, most: float) -> float:
        """Take in that an attempt has failed; return in how many seconds the next one is due.

        That is ``first`` for a new cause, then twice as long each time, up to ``most``.
        """
        wait = self._waits.get(cause)
        if wait is not None and now < wait.due:
            return wait.due - now
        delay = min(2 * wait.delay if wait else first, most)
        self._waits[cause] = _Wait(delay, now + delay)
        return delay
