"""What is counted."""

import re
from importlib.metadata import version
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from nuvop.metrics import MOST_DRIFT_SERIES, Metrics
from nuvop.objects import CRKey
from nuvop.status import Phase

DOCS = Path(__file__).parents[2] / "docs/metrics.md"


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def fetch(metrics: Metrics) -> str:
    """What a scrape gets."""
    return b"".join(metrics.page({"REQUEST_METHOD": "GET", "PATH_INFO": "/metrics"}, lambda *_: None)).decode()


# --- counting --------------------------------------------------------------------------------------------------------


def test_drift(metrics: Metrics) -> None:
    for _ in range(2):
        metrics.drifted("samples", "Deployment", "spec.replicas", "kubectl-edit")
    metrics.drifted("samples", "Deployment", "", "")
    labels = {"kind": "samples", "child": "Deployment"}
    assert value(metrics, "nuvop_drift_total", **labels, field="spec.replicas", manager="kubectl-edit") == 2
    assert value(metrics, "nuvop_drift_total", **labels, field="", manager="") == 1


def test_the_number_of_managers_is_bounded(metrics: Metrics) -> None:
    for number in range(MOST_DRIFT_SERIES + 7):
        metrics.drifted("samples", "Deployment", "spec.replicas", f"manager-{number}")
    metrics.drifted("samples", "Deployment", "spec.replicas", "manager-0")
    labels = {"kind": "samples", "child": "Deployment"}
    assert value(metrics, "nuvop_drift_total", **labels, field="other", manager="other") == 7
    assert value(metrics, "nuvop_drift_total", **labels, field="spec.replicas", manager="manager-0") == 2
    (family,) = [family for family in metrics.registry.collect() if family.name == "nuvop_drift"]
    totals = [sample for sample in family.samples if sample.name == "nuvop_drift_total"]
    assert len(totals) == MOST_DRIFT_SERIES + 1


def test_contested_and_pruned(metrics: Metrics) -> None:
    metrics.contested("samples")
    for _ in range(3):
        metrics.pruned("samples")
    metrics.pruned("others")
    assert value(metrics, "nuvop_contested_total", kind="samples") == 1
    assert value(metrics, "nuvop_pruned_total", kind="samples") == 3
    assert value(metrics, "nuvop_pruned_total", kind="others") == 1


def test_the_prune_guard(metrics: Metrics) -> None:
    def blocked() -> float | None:
        return value(metrics, "nuvop_prune_blocked", kind="samples")

    one, two = CRKey("samples", "a", "one"), CRKey("samples", "b", "one")
    metrics.judged(one, Phase.READY, is_prune_refused=False)
    metrics.judged(CRKey("others", "a", "one"), Phase.READY, is_prune_refused=True)
    assert blocked() == 0
    for key in (one, two, two):
        metrics.judged(key, Phase.READY, is_prune_refused=True)
    assert blocked() == 1
    metrics.judged(one, Phase.READY, is_prune_refused=False)
    assert blocked() == 1, "the other one waits"
    metrics.gone(two)
    assert blocked() == 0
    metrics.judged(one, Phase.READY, is_prune_refused=True)
    metrics.forget_resources()
    assert blocked() == 0


def test_a_broken_kind(metrics: Metrics) -> None:
    for is_broken in (True, False, True):
        metrics.kind_loaded("samples", is_broken=is_broken)
        assert value(metrics, "nuvop_kind_broken", kind="samples") == is_broken


def test_a_loaded_kind_has_counters_from_the_start(metrics: Metrics) -> None:
    metrics.contested("others")
    metrics.judged(CRKey("others", "a", "one"), Phase.READY, is_prune_refused=True)
    for kind in ("samples", "others"):
        metrics.kind_loaded(kind, is_broken=False)
    names = ("nuvop_contested_total", "nuvop_pruned_total", "nuvop_prune_blocked")
    assert [value(metrics, name, kind="samples") for name in names] == [0, 0, 0]
    assert [value(metrics, name, kind="others") for name in names] == [1, 0, 1], "loading forgets nothing"


def test_applies(metrics: Metrics) -> None:
    assert value(metrics, "nuvop_applies_total", result="partly") == 0
    metrics.batch_applied("applied", 0.3, 50)
    metrics.batch_applied("applied", 3.0, 1)
    metrics.batch_applied("partly", 90.0, 7)
    results = {result: value(metrics, "nuvop_applies_total", result=result) for result in ("applied", "partly")}
    assert results == {"applied": 2, "partly": 1}
    assert value(metrics, "nuvop_applies_total", result="failed") == 0
    assert value(metrics, "nuvop_apply_seconds_count") == 3
    assert value(metrics, "nuvop_apply_seconds_sum") == pytest.approx(93.3)
    assert [value(metrics, "nuvop_apply_seconds_bucket", le=le) for le in ("0.25", "0.5", "5.0", "+Inf")] == [
        0,
        1,
        2,
        3,
    ]
    assert value(metrics, "nuvop_apply_batch_size_sum") == 58
    assert [value(metrics, "nuvop_apply_batch_size_bucket", le=le) for le in ("1.0", "10.0", "50.0")] == [1, 2, 3]


def test_stages(metrics: Metrics) -> None:
    with metrics.stage("overlay"):
        assert value(metrics, "nuvop_in_stage", stage="overlay") == 1
    assert value(metrics, "nuvop_in_stage", stage="overlay") == 0
    assert value(metrics, "nuvop_stage_seconds_count", stage="overlay") == 1
    assert value(metrics, "nuvop_stage_seconds_count", stage="status") == 0
    metrics.turn_came(3.0)
    assert value(metrics, "nuvop_stage_seconds_sum", stage="turn") == 3
    assert value(metrics, "nuvop_in_stage", stage="turn") is None, "nuvop_in_stage of apply less nuvop_applying"
    with metrics.applying(7), metrics.applying(2):
        assert value(metrics, "nuvop_applying") == 9
    assert value(metrics, "nuvop_applying") == 0


def test_requests(metrics: Metrics) -> None:
    metrics.requested("nuvop", "GET", "200")
    metrics.requested("nuvop", "GET", "200")
    metrics.requested("kopf", "GET", "")
    assert value(metrics, "nuvop_api_requests_total", client="nuvop", method="GET", code="200") == 2
    assert value(metrics, "nuvop_api_requests_total", client="kopf", method="GET", code="") == 1


def test_which_nuvop_it_is(metrics: Metrics) -> None:
    assert value(metrics, "nuvop_build_info", version=version("nuvop"), kopf=version("kopf")) == 1


def phases(metrics: Metrics, kind: str) -> list[float | None]:
    return [value(metrics, "nuvop_resources", kind=kind, phase=phase) for phase in ("Ready", "InProgress", "Stalled")]


def test_resources_by_phase(metrics: Metrics) -> None:
    one, two, other = CRKey("samples", "a", "one"), CRKey("samples", "b", "one"), CRKey("others", "a", "one")
    metrics.judged(one, Phase.IN_PROGRESS, is_prune_refused=False)
    assert phases(metrics, "samples") == [0, 1, 0]
    metrics.judged(two, Phase.IN_PROGRESS, is_prune_refused=False)
    metrics.judged(other, Phase.STALLED, is_prune_refused=False)
    assert (phases(metrics, "samples"), phases(metrics, "others")) == ([0, 2, 0], [0, 0, 1])
    metrics.judged(one, Phase.READY, is_prune_refused=False)
    metrics.judged(one, Phase.READY, is_prune_refused=False)
    assert phases(metrics, "samples") == [1, 1, 0]
    metrics.gone(one)
    metrics.gone(one)
    metrics.gone(CRKey("samples", "a", "never seen"))
    assert phases(metrics, "samples") == [0, 1, 0]
    metrics.judged(two, Phase.STALLED, is_prune_refused=False)
    metrics.gone(other)
    assert (phases(metrics, "samples"), phases(metrics, "others")) == ([0, 0, 1], [0, 0, 0])


def test_two_of_them_share_nothing(metrics: Metrics) -> None:
    metrics.pruned("samples")
    assert value(Metrics(), "nuvop_pruned_total", kind="samples") is None


def test_the_page_about_metrics_has_them_all(metrics: Metrics) -> None:
    metrics.drifted("samples", "Deployment", "spec.replicas", "me")
    metrics.kind_loaded("samples", is_broken=False)
    metrics.rights_missing("samples", 1)
    metrics.judged(CRKey("samples", "a", "one"), Phase.READY, is_prune_refused=False)
    metrics.requested("nuvop", "GET", "200")
    there = set()
    for family in metrics.registry.collect():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        if name.startswith("process_"):
            continue  # the client library's own
        there.add((name, family.type, frozenset(labels)))
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|([^|]*)\|", DOCS.read_text(), re.MULTILINE)
    assert {(name, type_, frozenset(re.findall(r"`(\w+)`", labels))) for name, type_, labels in rows} == there


def test_what_is_served(metrics: Metrics) -> None:
    metrics.drifted("samples", "Deployment", 'spec.containers.[name="a\\b"]', "two\nlines")
    metrics.batch_applied("applied", 0.3, 50)
    families = {family.name: family for family in text_string_to_metric_families(fetch(metrics))}
    (sample,) = [s for s in families["nuvop_drift"].samples if s.name == "nuvop_drift_total"]
    assert sample.labels["field"] == 'spec.containers.[name="a\\b"]'
    assert sample.labels["manager"] == "two\nlines"
    assert sample.value == 1
    assert "nuvop_apply_seconds" in families
    metrics.pruned("samples")
    assert 'nuvop_pruned_total{kind="samples"} 1.0' in fetch(metrics), "the values are those of the moment"
