"""The figures of one contestant with one number of custom resources, and the statistics behind them. Pure."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class Row:
    """A row of latest.json. Times are seconds; None where a figure has no meaning or no end was seen."""

    contestant: str
    n: int
    seconds: float
    """From the first create to the last Ready."""
    latency_p50: float | None
    latency_p95: float | None
    """From a custom resource's creation to its Ready."""
    cpu_seconds: float
    peak_rss_mib: float
    peak_anonymous_mib: float
    requests: Mapping[str, int]
    """By verb; `dry-run` are writes that asked to be none, `discovery` what concerns no resource."""
    delete_seconds: float
    restart_seconds: float | None = None
    restart_requests: int | None = None
    restart_writes: int | None = None
    restart_cpu_seconds: float | None = None
    create_p50: float | None = None
    create_p95: float | None = None
    """One alone: from its creation until its children exist."""
    change_p50: float | None = None
    change_p95: float | None = None
    """One alone: from its change until its child is changed."""
    drift_p50: float | None = None
    drift_p95: float | None = None
    """One alone: from somebody's change of a child until that is undone."""

    @property
    def cpu_ms_each(self) -> float:
        """Milliseconds of CPU time a custom resource."""
        return 1000 * self.cpu_seconds / self.n

    @property
    def requests_each(self) -> float:
        return sum(self.requests.values()) / self.n

    def as_json(self) -> dict[str, object]:
        """The row with figures rounded to what they are worth."""
        return {key: round(value, 3) if isinstance(value, float) else value for key, value in asdict(self).items()}


def p50(values: Sequence[float]) -> float | None:
    """The median; None of nothing."""
    return statistics.median(values) if values else None


def p95(values: Sequence[float]) -> float | None:
    """The 95th percentile, interpolated between the two values next to it; None of fewer than two values."""
    return statistics.quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else None
