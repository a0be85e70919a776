"""Write down what was measured: latest.json, README.md with tables, and the plot."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lab.bench import plot
from lab.bench.api import CONNECTIONS
from lab.bench.contestants import BY_HAND, CONCURRENCY
from lab.bench.measure import AFTERMATH_SECONDS, DRIFT_SECONDS
from lab.bench.place import UNLIMITED
from lab.bench.program import QUIET_SECONDS
from lab.bench.targets import targets
from lab.bench.usage import SAMPLE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from lab.bench.facts import Facts
    from lab.bench.rows import Row

NONE = "–"


def write(rows: Sequence[Row], facts: Facts, folder: Path) -> None:
    """Write all results into a folder, which is made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps([row.as_json() for row in rows], indent=2)
    (folder / "latest.json").write_text(text + "\n", encoding="utf-8")
    (folder / "README.md").write_text(readme(rows, facts), encoding="utf-8")
    plot.draw(rows, folder / plot.FILE)


def readme(rows: Sequence[Row], facts: Facts) -> str:
    """The page, in Markdown."""
    sections = [
        _introduction(facts),
        _targets(rows),
        f"![Time, CPU, memory and requests of each contestant]({plot.FILE})",
        *(_tables(n, [row for row in rows if row.n == n]) for n in sorted({row.n for row in rows})),
        _method(facts),
        CAVEATS,
    ]
    return "\n\n".join(sections) + "\n"


def _introduction(facts: Facts) -> str:
    return f"""# Benchmarks

<!-- Written by `task bench`. Changes here are lost. -->

N custom resources of four objects each (a Deployment with one replica, a Service, a ConfigMap, a ServiceAccount), made
by nuvop and by what one would take otherwise, each on a fresh cluster of the lab, in one run. `task bench` repeats it.

- Measured: {facts.date}
- Machine: {facts.machine}; the API server, etcd, the controllers and the benchmark itself run on the same cores
- Versions: {facts.versions}

| contestant | what it is |
|---|---|
| nuvop | `nuvop run`, with the kind folder `lab/bench/kinds/benches` |
| {BY_HAND} | one `kubectl apply --server-side -f` of all objects, rendered before |
| kubectl-each | `lab/bench/kopf_script.py`, as one writes it by hand: a `kubectl apply` a custom resource |
| kro | a ResourceGraphDefinition; {CONCURRENCY} concurrent reconciles (its default is 1) |
| flux | a Kustomization a custom resource, with `wait: true`; `--concurrent={CONCURRENCY}` (its default is 4) |

All run outside of the cluster, as processes of this machine."""


def _targets(rows: Sequence[Row]) -> str:
    n, found = targets(rows)
    if not found:
        return "## Targets\n\nnuvop was not measured in this run."
    answers = {True: "yes", False: "**no**", None: "not measured"}
    body = [
        (target.what, f"≤ {_number(target.limit)}", _number(target.measured), answers[target.is_reached])
        for target in found
    ]
    note = "" if n == 1000 else f" The targets are meant for N = 1,000; this run went to {n:,}."
    return f"## Targets\n\nnuvop at N = {n:,}.{note}\n\n{_table(['figure', 'target', 'measured', 'reached'], body)}"


def _tables(n: int, rows: Sequence[Row]) -> str:
    all_at_once = _table(
        [
            *("contestant", "all Ready, s", "÷ by hand", "latency p50, s", "p95, s", "CPU, s", "CPU, ms each"),
            *("peak RSS, MiB", "of it anonymous", "all deleted, s"),
        ],
        [
            (
                *(row.contestant, _number(row.seconds), _ratio(row, rows)),
                *(_number(row.latency_p50), _number(row.latency_p95), _number(row.cpu_seconds)),
                *(_number(row.cpu_ms_each), _number(row.peak_rss_mib), _number(row.peak_anonymous_mib)),
                _number(row.delete_seconds),
            )
            for row in rows
        ],
    )
    requests = _table(
        ["contestant", "requests", "each", "by verb"],
        [
            (
                row.contestant,
                f"{sum(row.requests.values()):,}",
                _number(row.requests_each),
                ", ".join(f"{verb} {count:,}" for verb, count in row.requests.items()),
            )
            for row in rows
        ],
    )
    programs = [row for row in rows if row.contestant != BY_HAND]
    restart = _table(
        ["contestant", "requests", "of them writes", "CPU, s", "quiet after, s"],
        [
            (
                *(row.contestant, _number(row.restart_requests), _number(row.restart_writes)),
                *(_number(row.restart_cpu_seconds), _number(row.restart_seconds)),
            )
            for row in programs
        ],
    )
    alone = _table(
        [
            *("contestant", "children exist, p50, s", "p95, s", "change carried out, p50, s", "p95, s"),
            *("drift restored, p50, s", "p95, s"),
        ],
        [
            (
                *(row.contestant, _number(row.create_p50), _number(row.create_p95), _number(row.change_p50)),
                *(_number(row.change_p95), _number(row.drift_p50), _number(row.drift_p95)),
            )
            for row in programs
        ],
    )
    parts = [f"## {n:,} custom resources", all_at_once, "API requests meanwhile:", requests]
    if programs:
        parts += ["Restart, with nothing to do:", restart, "One alone, beside the others that stay as they are:", alone]
    return "\n\n".join(parts)


def _ratio(row: Row, rows: Iterable[Row]) -> str:
    by_hand = [other.seconds for other in rows if other.contestant == BY_HAND]
    return _number(row.seconds / by_hand[0]) if by_hand else NONE


def _number(value: float | None) -> str:
    """A figure with no more digits than it is worth."""
    if value is None:
        return NONE
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _table(head: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _method(facts: Facts) -> str:
    return f"""## How each figure is measured

- **Clock.** All times end with an event in a watch of the benchmark's own; nothing is polled. The cluster is fresh, its
  controllers have made a Deployment run, and the contestant has asked nothing for {QUIET_SECONDS:.0f} s.
- **all Ready**: from the first create until the last custom resource has the condition Ready at its own generation.
  The benchmark creates them over {CONNECTIONS} connections as fast as the server takes them, for all alike. For
  {BY_HAND}: from the start of kubectl until the last Deployment is available.
- **latency**: from the event of a custom resource's creation to the event of its Ready. For {BY_HAND}: of each
  Deployment, from created to available; how long it waited for its turn in kubectl is not in it.
- **CPU**: user and system time of the contestant and of all that it started, from /proc, from the first create until
  {AFTERMATH_SECONDS:.0f} s after the last Ready. For {BY_HAND}: of kubectl.
- **peak RSS**: the resident memory of the contestant and of all that it started, summed, looked at every
  {1000 * SAMPLE_SECONDS:.0f} ms from its start on. Pages that processes share, such as those of kubectl's program,
  count in each; *anonymous* is without pages of files.
- **API requests**: from the audit log. The contestant has a user of its own. `dry-run` are writes that asked to be
  none, `discovery` is what concerns no resource; a watch counts when it is opened.
- **all deleted**: from the start of `kubectl delete --wait=false` of all custom resources (for {BY_HAND}: of all
  objects) until the last of them and of the four objects each is gone.
- **Restart**: the contestant is stopped and started; what it asks and costs until it has asked nothing for
  {QUIET_SECONDS:.0f} s. Writes are create, update, patch and delete, without dry runs.
- **One alone**: {facts.samples} times, with nothing else to do: created until the four objects exist; the number of
  replicas changed until the Deployment has it; the Deployment's replicas changed by somebody else until they are put
  back. {NONE} is: not within {DRIFT_SECONDS:.0f} s."""


CAVEATS = f"""## What to keep in mind

- The nodes are simulated (kwok): a pod is ready at once. On a real cluster, starting containers takes most of the time,
  and all contestants look more alike.
- The controller manager and the scheduler run with `{" ".join(UNLIMITED)}`. By default a controller makes 20 requests
  a second; then 1,000 Deployments take minutes whoever makes them.
- Everything shares the machine's cores: a contestant's CPU time slows the API server and the controllers too, and
  theirs slows the contestant.
- One run: differences of a few percent mean nothing.
- Flux is made to follow Git, which is not measured here. Its artifact is announced and served by the benchmark in the
  source-controller's place, whose costs are not counted. It looks at health every 5 s and at drift at its interval
  (60 minutes here). Its requests are not limited (`--kube-api-qps=-1`).
- The kopf script does less than the others: no drift, no prune, no look at whose an object is. It runs at most two
  kubectl a core at once.
- nuvop labels every child, and its status has an inventory; kro and Flux add finalizers, labels and inventories of
  their own. By hand there is none of that."""
