"""`python -m lab.bench`: measure nuvop and others, one after the other, and write what came out."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lab.bench import contestants, facts, measure, peers, place, report
from lab.bench.alone import alone
from lab.bench.errors import BenchError
from lab.controlplane import ControlPlaneError, console
from lab.controlplane.build import available_memory
from lab.controlplane.paths import PROJECT

if TYPE_CHECKING:
    from lab.bench.rows import Row

GIGABYTE = 10**9
DISK_BYTES = 3 * GIGABYTE
"""etcd's data, the audit log and the other logs of one cluster, with room to spare."""
MEMORY_BYTES = 4 * GIGABYTE
"""The cluster with 1,000 Deployments, and the most hungry contestant."""


def _numbers(_context: click.Context, _parameter: click.Parameter, value: str) -> list[int]:
    try:
        numbers = [int(part) for part in value.split(",")]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < 2:
        raise click.BadParameter(f"{value!r}: use whole numbers from 2 on, with commas between them")
    return numbers


def _names(_context: click.Context, _parameter: click.Parameter, value: str) -> list[str]:
    names = value.split(",")
    if unknown := [name for name in names if name not in contestants.NAMES]:
        raise click.BadParameter(f"{', '.join(unknown)}: use some of {','.join(contestants.NAMES)}")
    return names


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--n", "numbers", default="100,300,1000", show_default=True, callback=_numbers, help="How many custom resources."
)
@click.option(
    "--contestants", "names", default=",".join(contestants.NAMES), show_default=True, callback=_names, help="Who."
)
@click.option(
    "--samples", default=20, show_default=True, type=click.IntRange(min=2), help="How often one alone is measured."
)
@click.option(
    "--out",
    default=PROJECT / "docs" / "benchmarks",
    show_default="docs/benchmarks",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where latest.json, README.md and the plot are written.",
)
def main(numbers: list[int], names: list[str], samples: int, out: Path) -> None:
    """Measure nuvop beside others that make the same objects, each on a fresh cluster."""
    with alone() as lock:
        failed = _run(numbers, names, samples, out, lock)
    sys.exit(1 if failed else 0)


def _run(numbers: list[int], names: list[str], samples: int, out: Path, lock: int) -> bool:
    """Measure all, write the results after each; whether one failed. The others are measured all the same."""
    _check_machine()
    for name in names:
        if peer := contestants.PEERS.get(name):
            peers.ensure(peer)
    conditions = facts.gather(samples)
    rows: list[Row] = []
    failed = False
    for n in numbers:
        for name in names:
            start = time.monotonic()
            try:
                rows.append(_measure(name, n, samples, lock))
            except (BenchError, ControlPlaneError, OSError) as error:
                failed = True
                console.say(f"error: {name}, {n}: {error}")
                continue
            console.say(f"{name}, {n}: measured in {time.monotonic() - start:.0f} s")
            report.write(rows, conditions, out)
    if rows:
        console.say(f"results: {out / 'README.md'}")
    return failed


def _measure(name: str, n: int, samples: int, lock: int) -> Row:
    log = place.FILES / f"{name}-{n}.log"
    log.unlink(missing_ok=True)
    with place.fresh(f"bench-{name}-{n}", lock) as here:
        if name == contestants.BY_HAND:
            return measure.by_hand(n, here)
        return measure.program(contestants.PROGRAMS[name], n, samples, here, log)


def _check_machine() -> None:
    for what, where, there, needed in (
        ("disk", place.FILES, shutil.disk_usage(place.FILES).free, DISK_BYTES),
        ("memory", "this machine", available_memory(), MEMORY_BYTES),
    ):
        if there < needed:
            raise BenchError(
                f"the benchmark needs {needed / GIGABYTE:.0f} GB of {what}, {where} has {there / GIGABYTE:.1f} GB free"
            )


if __name__ == "__main__":
    main()
