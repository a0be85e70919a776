"""The dashboard in deploy/monitoring: its queries, and a picture of it for where there is no Grafana."""

from __future__ import annotations

import json
import math
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from lab.controlplane.paths import PROJECT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from lab.monitoring.prometheus import Prometheus, Series

FILE = PROJECT / "deploy/monitoring/dashboard.json"

WIDTH = 24
"""Columns of Grafana's grid."""

_COLOURS = {"green": "#299c46", "yellow": "#e0b400", "red": "#d44a3a"}


@dataclass(frozen=True)
class Target:
    """One query of a panel, as Grafana would send it, and how its series are called."""

    query: str
    legend: str


@dataclass(frozen=True)
class Panel:
    """A panel: where it is in the grid, and what it asks."""

    title: str
    kind: str
    unit: str
    x: int
    y: int
    width: int
    height: int
    targets: Sequence[Target]
    is_name: bool
    steps: Sequence[dict[str, Any]]


def panels(interval: str) -> list[Panel]:
    """Read the dashboard; ``interval`` is what a rate is of, such as ``1m``, and all kinds and jobs are shown."""
    filled = {"$__rate_interval": interval, "$kind": ".*", "$job": ".*"}
    return [_panel(panel, filled) for panel in json.loads(FILE.read_text(encoding="utf-8"))["panels"]]


def _panel(panel: dict[str, Any], filled: dict[str, str]) -> Panel:
    at, defaults = panel["gridPos"], panel["fieldConfig"]["defaults"]
    targets = []
    for target in panel["targets"]:
        query = target["expr"]
        for variable, value in filled.items():
            query = query.replace(variable, value)
        targets.append(Target(query, target["legendFormat"]))
    is_name = panel.get("options", {}).get("textMode") == "name"
    steps = defaults.get("thresholds", {}).get("steps", [])
    return Panel(
        panel["title"], panel["type"], defaults["unit"], at["x"], at["y"], at["w"], at["h"], targets, is_name, steps
    )


def draw(prometheus: Prometheus, seconds: float, interval: str, file: Path) -> None:
    """Write a picture of the dashboard's last ``seconds`` as PNG."""
    found = panels(interval)
    height = max(panel.y + panel.height for panel in found)
    figure = Figure(figsize=(16, height * 0.42), layout="constrained")
    grid = figure.add_gridspec(height, WIDTH)
    for panel in found:
        place = grid[panel.y : panel.y + panel.height, panel.x : panel.x + panel.width]
        axes = figure.add_subplot(place)
        axes.set_title(panel.title, fontsize=10, loc="left")
        if panel.kind == "stat":
            _stat(axes, panel, prometheus)
        else:
            _lines(axes, panel, prometheus, seconds)
    figure.savefig(file, dpi=80)


def _stat(axes: Axes, panel: Panel, prometheus: Prometheus) -> None:
    axes.set_axis_off()
    told = []
    value = 0.0
    for target in panel.targets:
        for series in prometheus.query(target.query):
            name = _legend(target.legend, series)
            value = max(value, series.points[-1][1])
            told.append(name if panel.is_name else f"{series.points[-1][1]:g} {name}".strip())
    size = 26 if len(told) == 1 and not panel.is_name else 12
    axes.text(0.02, 0.5, "\n".join(told), fontsize=size, va="center", color=_colour(panel, value))


def _colour(panel: Panel, value: float) -> str:
    reached = [step["color"] for step in panel.steps if step["value"] is None or value >= step["value"]]
    return _COLOURS[reached[-1]] if reached else "black"


def _lines(axes: Axes, panel: Panel, prometheus: Prometheus, seconds: float) -> None:
    now = time.time()
    for target in panel.targets:
        for series in prometheus.query_range(target.query, seconds, max(seconds / 300, 1)):
            points = [((at - now) / 60, value) for at, value in series.points if math.isfinite(value)]
            scale = 2**20 if panel.unit == "bytes" else 1
            axes.plot([at for at, _ in points], [v / scale for _, v in points], label=_legend(target.legend, series))
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.tick_params(labelsize=8)
    axes.set_xlabel("minutes", fontsize=8)
    axes.set_ylabel({"bytes": "MiB", "s": "s", "ops": "1/s", "reqps": "1/s"}.get(panel.unit, ""), fontsize=8)
    if axes.get_lines():
        axes.legend(fontsize=7, loc="upper left")


def _legend(legend: str, series: Series) -> str:
    return re.sub(r"\{\{(\w+)\}\}", lambda label: series.labels.get(label[1], ""), legend)
