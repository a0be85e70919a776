"""Draw the results: a panel a figure, a group of bars a number of custom resources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from lab.bench.rows import Row

FILE = "latest.png"

COLOURS = {"nuvop": "#d1495b", "by-hand": "#8d96a3", "kubectl-each": "#edae49", "kro": "#00798c", "flux": "#30638e"}
"""The same contestant has the same colour in every run."""

PANELS: dict[str, Callable[[Row], float | None]] = {
    "seconds until all are Ready": lambda row: row.seconds,
    "p95 latency of a custom resource, s": lambda row: row.latency_p95,
    "CPU time, ms a custom resource": lambda row: row.cpu_ms_each,
    "peak RSS with child processes, MiB": lambda row: row.peak_rss_mib,
    "API requests a custom resource": lambda row: row.requests_each,
    "seconds until all are deleted": lambda row: row.delete_seconds,
}
GROUP_WIDTH = 0.84


def draw(rows: Sequence[Row], file: Path) -> None:
    """Write the plot as PNG."""
    figure = Figure(figsize=(12, 7.5), layout="constrained")
    names = list(dict.fromkeys(row.contestant for row in rows))
    panels = figure.subplots(2, 3)
    for axes, (title, value) in zip(panels.flat, PANELS.items(), strict=True):
        _panel(axes, title, names, rows, value)
    handles, labels = panels.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(names), frameon=False, fontsize=11)
    figure.savefig(file, dpi=110, metadata={"Software": None})


def _panel(
    axes: Axes, title: str, names: Sequence[str], rows: Sequence[Row], value: Callable[[Row], float | None]
) -> None:
    numbers = sorted({row.n for row in rows})
    width = GROUP_WIDTH / len(names)
    for place, name in enumerate(names):
        values = {row.n: value(row) for row in rows if row.contestant == name}
        heights = [values.get(n) or 0.0 for n in numbers]
        positions = [group + (place - (len(names) - 1) / 2) * width for group in range(len(numbers))]
        bars = axes.bar(positions, heights, width * 0.94, label=name, color=COLOURS[name])
        axes.bar_label(
            bars, [f"{height:.3g}" if height < 1000 else f"{height:.0f}" for height in heights], fontsize=6.5
        )
    axes.set_title(title, fontsize=11)
    axes.set_xticks(range(len(numbers)), [f"{n:,}" for n in numbers])
    axes.set_xlabel("custom resources")
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(y=0.12)
