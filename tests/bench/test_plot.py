from pathlib import Path

import pytest

from lab.bench import plot
from lab.bench.contestants import NAMES
from tests.bench.test_rows import row


@pytest.mark.parametrize(
    ("value", "text"), [(0.126, "0.13"), (5.31, "5.3"), (35.3, "35"), (306.4, "306"), (1200.0, "1200")]
)
def test_a_figure_above_a_bar_is_short(value: float, text: str) -> None:
    assert plot.short(value) == text


def test_every_contestant_has_a_colour_of_its_own() -> None:
    assert set(plot.COLOURS) == set(NAMES)
    assert len(set(plot.COLOURS.values())) == len(NAMES)


def test_each_figure_changes_the_picture(tmp_path: Path) -> None:
    def drawn(**figures: object) -> bytes:
        plot.draw([row(), row("kro", 1000, **figures)], tmp_path / "plot.png")
        return (tmp_path / "plot.png").read_bytes()

    usual = drawn()
    assert usual == drawn()
    for figure in ("seconds", "latency_p95", "cpu_seconds", "peak_rss_mib", "delete_seconds"):
        assert drawn(**{figure: 777.0}) != usual, figure
    assert drawn(requests={"get": 7}) != usual


def test_contestants_may_be_missing_at_a_number(tmp_path: Path) -> None:
    plot.draw([row(n=100), row(n=1000), row("by-hand", n=1000), row("flux", n=100)], tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
