import json
from pathlib import Path

from lab.bench import plot, report
from lab.bench.facts import Facts
from tests.bench.test_rows import row

FACTS = Facts("2026-01-02 03:04 UTC", "2 cores (Some CPU), 24 GiB of memory", "nuvop 0.1.0, kro 0.9.4", samples=20)
BY_HAND = row(
    "by-hand",
    seconds=8.0,
    restart_seconds=None,
    restart_requests=None,
    restart_writes=None,
    restart_cpu_seconds=None,
    create_p50=None,
    create_p95=None,
    change_p50=None,
    change_p95=None,
    drift_p50=None,
    drift_p95=None,
)


def test_the_page_tells_machine_versions_and_date() -> None:
    page = report.readme([row()], FACTS)
    for text in (FACTS.date, FACTS.machine, FACTS.versions, "20 times"):
        assert text in page


def test_the_page_has_a_table_for_each_number_in_order() -> None:
    page = report.readme([row(n=1000), row(n=100), row("kro", n=1000)], FACTS)
    assert page.index("## 100 custom resources") < page.index("## 1,000 custom resources")
    assert page.count("| kro | 10 |") == 1


def test_times_are_told_relative_to_by_hand() -> None:
    page = report.readme([row(seconds=10.0), BY_HAND], FACTS)
    assert "| nuvop | 10 | 1.25 |" in page
    assert "| by-hand | 8 | 1 |" in page


def test_without_by_hand_there_is_no_ratio() -> None:
    assert "| nuvop | 10 | – |" in report.readme([row()], FACTS)


def test_by_hand_has_no_restart_and_is_not_alone() -> None:
    page = report.readme([row(), BY_HAND], FACTS)
    restart = page[page.index("Restart, with") : page.index("## How each")]
    assert "by-hand" not in restart


def test_a_run_by_hand_only_has_no_empty_tables() -> None:
    assert "Restart, with" not in report.readme([BY_HAND], FACTS)


def test_what_was_not_seen_is_a_dash() -> None:
    page = report.readme([row(drift_p50=None, drift_p95=None)], FACTS)
    assert "| nuvop | 0.30 | 0.35 | 0.25 | 0.31 | – | – |" in page


def test_nothing_is_told_as_zero() -> None:
    page = report.readme([row(restart_requests=32, restart_writes=0)], FACTS)
    assert "| nuvop | 32 | 0 | 1.50 | 2 |" in page


def test_a_target_that_was_missed_is_told() -> None:
    page = report.readme([row(peak_rss_mib=300.0), BY_HAND], FACTS)
    assert "| peak RSS with child processes, MiB | ≤ 260 | 300 | **no** |" in page
    assert "| seconds to all Ready ÷ those of by-hand | ≤ 1.15 | 1.25 | **no** |" in page
    assert "| seconds to all Ready ÷ those of kro | ≤ 0.65 | – | not measured |" in page


def test_targets_at_another_number_are_no_verdict() -> None:
    assert "meant for N = 1,000" in report.readme([row(n=100)], FACTS)
    assert "meant for N = 1,000" not in report.readme([row(n=1000)], FACTS)


def test_every_table_is_whole() -> None:
    page = report.readme([row(), BY_HAND, row("kro")], FACTS)
    for block in page.split("\n\n"):
        if block.startswith("|"):
            assert len({line.count("|") for line in block.splitlines()}) == 1, block


def test_requests_are_told_by_verb() -> None:
    assert "| nuvop | 5,000 | 5 | patch 4,000, get 1,000 |" in report.readme([row()], FACTS)


def test_all_files_are_written(tmp_path: Path) -> None:
    rows = [row(), row(n=100), BY_HAND]
    report.write(rows, FACTS, tmp_path / "new" / "folder")
    folder = tmp_path / "new" / "folder"
    assert json.loads((folder / "latest.json").read_text()) == [each.as_json() for each in rows]
    assert (folder / "README.md").read_text() == report.readme(rows, FACTS)
    assert (folder / plot.FILE).read_bytes().startswith(b"\x89PNG")
    assert f"({plot.FILE})" in (folder / "README.md").read_text()
