import statistics

import pytest

from lab.bench.rows import Row, p50, p95


def row(contestant: str = "nuvop", n: int = 1000, **figures: object) -> Row:
    """A row, with figures that meet the targets where others are not given."""
    values: dict[str, object] = {
        "seconds": 10.0,
        "latency_p50": 5.0,
        "latency_p95": 9.0,
        "cpu_seconds": 12.0,
        "peak_rss_mib": 250.0,
        "peak_anonymous_mib": 120.0,
        "requests": {"patch": 4000, "get": 1000},
        "delete_seconds": 6.0,
        "restart_seconds": 2.0,
        "restart_requests": 32,
        "restart_writes": 0,
        "restart_cpu_seconds": 1.5,
        "create_p50": 0.3,
        "create_p95": 0.35,
        "change_p50": 0.25,
        "change_p95": 0.31,
        "drift_p50": 0.4,
        "drift_p95": 0.6,
    }
    return Row(contestant, n, **{**values, **figures})  # type: ignore[arg-type]


def test_p50_is_the_median() -> None:
    assert p50([3.0, 1.0, 2.0]) == 2.0
    assert p50([1.0, 2.0]) == 1.5
    assert p50([]) is None


def test_p95_lies_between_the_values_next_to_it() -> None:
    assert p95([float(value) for value in range(101)]) == pytest.approx(95.0)
    assert p95([1.0, 2.0]) == pytest.approx(1.95)
    assert p95([1.0]) is None


def test_p95_does_not_depend_on_the_order() -> None:
    values = [5.0, 1.0, 9.0, 3.0, 7.0]
    assert p95(values) == p95(sorted(values))
    assert (p95(values) or 0) > statistics.median(values)


def test_figures_for_each_custom_resource() -> None:
    assert row(cpu_seconds=12.0).cpu_ms_each == 12.0
    assert row(requests={"patch": 4000, "get": 1000}).requests_each == 5.0


def test_json_has_all_keys_and_rounded_figures() -> None:
    found = row(seconds=1.23456, create_p50=None).as_json()
    assert found["seconds"] == 1.235
    assert found["create_p50"] is None
    assert found["requests"] == {"patch": 4000, "get": 1000}
    assert {
        "contestant",
        "n",
        "seconds",
        "latency_p50",
        "latency_p95",
        "cpu_seconds",
        "peak_rss_mib",
        "requests",
        "delete_seconds",
        "restart_requests",
        "restart_writes",
        "restart_cpu_seconds",
    } <= set(found)
