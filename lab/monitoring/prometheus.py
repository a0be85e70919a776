"""A real Prometheus on this machine, which scrapes an operator."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lab import debian
from lab.bench.isolation import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

START_SECONDS = 30.0


class PrometheusError(Exception):
    """Prometheus does not start, or refuses a query; one message that says why."""


@dataclass(frozen=True)
class Series:
    """One series of an answer: its labels, and its values by Unix time in seconds."""

    labels: dict[str, str]
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Prometheus:
    """One that runs, at this URL."""

    url: str

    def query(self, query: str) -> list[Series]:
        """Return what a query gives now; raise PrometheusError with Prometheus' own words."""
        found = self._ask("query", query=query)
        if found["resultType"] == "scalar":
            return [_series({}, [found["result"]])]
        return [_series(entry["metric"], [entry["value"]]) for entry in found["result"]]

    def query_range(self, query: str, seconds: float, step: float) -> list[Series]:
        """Return what a query gave in the last ``seconds``, every ``step`` seconds."""
        now = time.time()
        found = self._ask("query_range", query=query, start=now - seconds, end=now, step=step)
        return [_series(entry["metric"], entry["values"]) for entry in found["result"]]

    def _ask(self, what: str, **parameters: object) -> dict[str, Any]:
        url = f"{self.url}/api/v1/{what}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 – of this machine
                found: dict[str, Any] = json.load(answer)["data"]
                return found
        except urllib.error.HTTPError as error:
            raise PrometheusError(json.load(error)["error"]) from error


def _series(labels: dict[str, str], values: Sequence[tuple[float, str]]) -> Series:
    return Series(labels, [(float(at), float(value)) for at, value in values])


@contextmanager
def scraping(port: int, folder: Path, *, job: str = "nuvop") -> Iterator[Prometheus]:
    """Run a Prometheus that asks at ``port`` of this machine for /metrics every second; its files go to ``folder``."""
    config = {"scrape_configs": [{"job_name": job, "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}]}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "prometheus.yml").write_text(json.dumps({"global": {"scrape_interval": "1s"}, **config}))
    own = free_port()
    command: list[str | Path] = [
        debian.program("prometheus", "prometheus"),
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{own}",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    try:
        _wait(f"http://127.0.0.1:{own}", process, folder / "log")
        yield Prometheus(f"http://127.0.0.1:{own}")
    finally:
        process.terminate()
        process.wait()


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"{url}/-/ready", timeout=2):  # noqa: S310 – of this machine
                return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise PrometheusError(f"Prometheus does not start: {log.read_text()[-2000:]}") from None
            time.sleep(0.1)
