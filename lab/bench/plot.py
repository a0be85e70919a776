"""Draw the results: a panel a figure, a group of bars a number of custom resources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from lab.bench.contestants import BY_HAND

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
    # By hand it is another figure.
    "p95 latency of a custom resource, s": lambda row: None if row.contestant == BY_HAND else row.latency_p95,
    "CPU time, ms a custom resource": lambda row: row.cpu_ms_each,
    "peak RSS with child processes, MiB": lambda row: row.peak_rss_mib,
    "API requests a custom resource": lambda row: row.requests_each,
    "seconds until all are deleted": lambda row: row.delete_seconds,
}
GROUP_WIDTH = 0.84


def draw(rows: Sequence[Row], file: Path) -> None:
    """Write the plot as PNG."""
    figure = Figure(figsize=(14, 8), layout="constrained")
    names = list(dict.fromkeys(row.contestant for row in rows))
    panels = figure.subplots(2, 3)
    for axes, (title, value) in zip(panels.flat, PANELS.items(), strict=True):
        _panel(axes, title, names, rows, value)
    handles, labels = panels.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(names), frameon=False, fontsize=11)
    figure.savefig(file, dpi=100, metadata={"Software": None})


def _panel(
    axes: Axes, title: str, names: Sequence[str], rows: Sequence[Row], value: Callable[[Row], float | None]
) -> None:
    numbers = sorted({row.n for row in rows})
    width = GROUP_WIDTH / len(names)
    for place, name in enumerate(names):
        offset = (place - (len(names) - 1) / 2) * width
        values = {row.n: value(row) for row in rows if row.contestant == name}
        heights = {numbers.index(n) + offset: height for n, height in values.items() if height is not None}
        bars = axes.bar(list(heights), list(heights.values()), width * 0.94, label=name, color=COLOURS[name])
        axes.bar_label(bars, [short(height) for height in heights.values()], fontsize=7)
    axes.set_title(title, fontsize=11)
    axes.set_xticks(range(len(numbers)), [f"{n:,}" for n in numbers])
    axes.set_xlabel("custom resources")
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(y=0.12)


def short(value: float) -> str:
    """A figure in so few characters that it stands above a bar: two digits, or the whole number."""
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"
