"""`python -m lab.monitoring`: the dashboard of an operator that runs on this machine, drawn without Grafana.

Exit code 1: it could not be drawn, and one line on stderr says why.
"""

from __future__ import annotations

import http.client
import tempfile
import time
from contextlib import closing
from pathlib import Path

import click

from lab import debian
from lab.controlplane import console
from lab.monitoring import dashboard
from lab.monitoring.prometheus import PrometheusError, scraping


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("port", type=click.IntRange(1, 65535))
@click.option("--minutes", type=click.FloatRange(min=0.1), default=5.0, show_default=True, help="How long to look.")
@click.option(
    "--into",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    default="dashboard.png",
    show_default=True,
    help="The picture.",
)
def command(port: int, minutes: float, file: Path) -> None:
    """Scrape the operator that has its metrics at PORT of this machine, and draw the dashboard."""
    seconds = minutes * 60
    _look(port)
    with tempfile.TemporaryDirectory() as folder, scraping(port, Path(folder)) as prometheus:
        console.say(f"looking at port {port} for {minutes:g} minutes")
        time.sleep(seconds)
        dashboard.draw(prometheus, seconds, "30s", file)
    console.say(f"{file} is the dashboard")


def _look(port: int) -> None:
    """See that there is an operator. Raises PrometheusError."""
    trouble = f"port {port} has no metrics of nuvop: is that what $NUVOP_HTTP says?"
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        try:
            connection.request("GET", "/metrics")
            found = connection.getresponse().read()
        except (OSError, http.client.HTTPException) as error:
            raise PrometheusError(trouble) from error
    if b"nuvop_build_info" not in found:
        raise PrometheusError(trouble)


def main() -> None:
    """Run the command."""
    with console.ending(PrometheusError, debian.DebianError):
        command()


if __name__ == "__main__":
    main()
