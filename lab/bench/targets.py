"""What nuvop is to reach, and whether it did: ratios and figures of one run. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.bench.contestants import BY_HAND

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lab.bench.rows import Row

NUVOP = "nuvop"

RATIOS = {BY_HAND: 1.15, "kro": 0.65, "flux": 0.33}
"""At most this many times the seconds to all Ready of that contestant."""
CPU_MS_EACH = 18.0
PEAK_RSS_MIB = 260.0
CREATE_P50_SECONDS = 0.4
DRIFT_P95_SECONDS = 1.0
RESTART_WRITES = 0.0


@dataclass(frozen=True)
class Target:
    """A figure of nuvop's that may be so high at most; `measured` is None where it was not."""

    what: str
    limit: float
    measured: float | None

    @property
    def is_reached(self) -> bool | None:
        """None where it was not measured."""
        return None if self.measured is None else self.measured <= self.limit


def targets(rows: Sequence[Row]) -> tuple[int, list[Target]]:
    """The targets at the greatest number of custom resources that nuvop was measured with, and that number.

    0 and none where nuvop was not measured.
    """
    n = max((row.n for row in rows if row.contestant == NUVOP), default=0)
    at_n = {row.contestant: row for row in rows if row.n == n}
    return (n, _targets(at_n[NUVOP], at_n)) if n else (0, [])


def _targets(nuvop: Row, at_n: Mapping[str, Row]) -> list[Target]:
    ratios = [
        Target(f"seconds to all Ready ÷ those of {other}", limit, nuvop.seconds / at_n[other].seconds)
        if other in at_n
        else Target(f"seconds to all Ready ÷ those of {other}", limit, None)
        for other, limit in RATIOS.items()
    ]
    return [
        *ratios,
        Target("CPU with child processes, ms a custom resource", CPU_MS_EACH, nuvop.cpu_ms_each),
        Target("peak RSS with child processes, MiB", PEAK_RSS_MIB, nuvop.peak_rss_mib),
        Target("writes after a restart", RESTART_WRITES, nuvop.restart_writes),
        Target("one alone: children exist, p50, s", CREATE_P50_SECONDS, nuvop.create_p50),
        Target("one alone: drift restored, p95, s", DRIFT_P95_SECONDS, nuvop.drift_p95),
    ]
