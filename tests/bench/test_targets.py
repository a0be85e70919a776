from lab.bench.targets import Target, targets
from tests.bench.test_rows import row


def find(text: str, found: list[Target]) -> Target:
    (target,) = [target for target in found if text in target.what]
    return target


def test_ratios_are_to_the_others_of_the_same_run() -> None:
    rows = [row(), row("by-hand", seconds=9.0), row("kro", seconds=20.0), row("flux", seconds=25.0)]

    _, found = targets(rows)

    assert find("by-hand", found) == Target("seconds to all Ready ÷ those of by-hand", 1.15, 10 / 9)
    assert find("by-hand", found).is_reached
    assert find("kro", found).measured == 0.5
    assert find("flux", found).measured == 0.4
    assert find("flux", found).is_reached is False


def test_the_greatest_number_decides() -> None:
    n, found = targets([row(n=100, cpu_seconds=100.0), row(n=1000, cpu_seconds=10.0), row("kro", n=3000)])

    assert n == 1000
    assert find("CPU", found).measured == 10.0


def test_what_was_not_measured_is_neither_reached_nor_missed() -> None:
    _, found = targets([row(drift_p95=None), row("kro", n=300)])

    assert find("kro", found).is_reached is None
    assert find("drift", found).is_reached is None


def test_without_nuvop_there_are_none() -> None:
    assert targets([row("kro")]) == (0, [])


def test_a_limit_may_be_met_exactly() -> None:
    _, found = targets([row(peak_rss_mib=260.0, restart_writes=0)])

    assert find("RSS", found).is_reached
    assert find("writes", found).is_reached
