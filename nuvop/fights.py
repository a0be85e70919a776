"""Fights: somebody changes back again and again what nuvop repairs. Pure; the clock is handed in.

An autoscaler and a mapped ``replicas``, an aggregated ClusterRole, a second operator: neither side gives way, and each
repair costs both sides and the API server work. So nuvop repairs at once at first and then later and later, and says
who fights. It never gives up: the other side may stop at any time.
"""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

WINDOW = 600.0
ROUNDS = 3
"""What is to be repaired once more after so many repairs in so many seconds is contested."""

DELAY_FIRST = 5.0
DELAY_MOST = 300.0
"""Seconds from a contested repair to the next one: doubled each time, up to the most."""

Contender = TypeVar("Contender", bound=Hashable)


@dataclass(frozen=True)
class _Fight:
    """``repairs`` are the times of those that count, the last one last; ``delay`` follows that, 0 for none."""

    repairs: tuple[float, ...] = ()
    delay: float = 0.0

    def repaired(self, now: float) -> "_Fight":
        if self.delay:
            return _Fight((now,), min(2 * self.delay, DELAY_MOST))
        repairs = (*(repair for repair in self.repairs if now - repair <= WINDOW), now)
        return _Fight(repairs, DELAY_FIRST if len(repairs) == ROUNDS else 0.0)

    @property
    def due(self) -> float:
        """When the next repair is."""
        return self.repairs[-1] + self.delay

    def is_over(self, now: float) -> bool:
        """Whether the repair has lasted.

        The window begins when the next repair would be due: with delays as long as they get, the repairs of a fight
        that goes on are too far apart to be counted in a window that begins at the last one.
        """
        return now - self.due > WINDOW


class Fights(Generic[Contender]):
    """The fights there are, each with one contender, who changes what.

    Times are seconds of one monotonic clock. A fight is over, and forgotten, when a repair has lasted.
    """

    def __init__(self) -> None:
        """Know of none yet."""
        self._fights: OrderedDict[Contender, _Fight] = (
            OrderedDict()
        )  # the one whose last repair is the longest ago comes first

    def delay(self, contender: Contender, now: float) -> float:
        """Return in how many seconds the next repair may be; 0 for at once."""
        self._forget(now)
        fight = self._fights.get(contender)
        return max(0.0, fight.due - now) if fight else 0.0

    def repaired(self, contender: Contender, now: float) -> None:
        """Take in that what a contender had changed has been repaired."""
        self._forget(now)
        fight = self._fights.pop(contender, None)
        self._fights[contender] = (_Fight() if fight is None or fight.is_over(now) else fight).repaired(now)

    def _forget(self, now: float) -> None:
        """Forget what is over: as far as what comes first is, so what is forgotten is looked at only once."""
        while self._fights:
            contender, fight = next(iter(self._fights.items()))
            if not fight.is_over(now):
                return
            del self._fights[contender]  # an OrderedDict, because a dict would look at all the gaps each time
