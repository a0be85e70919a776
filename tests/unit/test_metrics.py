"""What is counted, and how it is served."""

import re
import socket
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from nuvop.errors import SettingsError
from nuvop.metrics import MOST_DRIFT_SERIES, Metrics, Server
from nuvop.objects import CRKey
from nuvop.settings import Address
from nuvop.status import Phase

LOCAL = Address("127.0.0.1", 0)
DOCS = Path(__file__).parents[2] / "docs/metrics.md"


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def server(metrics: Metrics) -> Iterator[Server]:
    server = metrics.serve(LOCAL)
    yield server
    server.close()


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def fetch(port: int, host: str = "127.0.0.1") -> str:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://{host}:{port}/metrics", timeout=10) as answer:
        text: str = answer.read().decode()
        return text


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
    for is_blocked in (True, True, False):
        metrics.prune_judged("samples", is_blocked=is_blocked)
        assert value(metrics, "nuvop_prune_blocked", kind="samples") == is_blocked


def test_a_broken_kind(metrics: Metrics) -> None:
    for is_broken in (True, False, True):
        metrics.kind_loaded("samples", is_broken=is_broken)
        assert value(metrics, "nuvop_kind_broken", kind="samples") == is_broken


def test_a_loaded_kind_has_counters_from_the_start(metrics: Metrics) -> None:
    metrics.contested("others")
    metrics.prune_judged("others", is_blocked=True)
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


def phases(metrics: Metrics, kind: str) -> list[float | None]:
    return [value(metrics, "nuvop_resources", kind=kind, phase=phase) for phase in ("Ready", "InProgress", "Stalled")]


def test_resources_by_phase(metrics: Metrics) -> None:
    one, two, other = CRKey("samples", "a", "one"), CRKey("samples", "b", "one"), CRKey("others", "a", "one")
    metrics.judged(one, Phase.IN_PROGRESS)
    assert phases(metrics, "samples") == [0, 1, 0]
    metrics.judged(two, Phase.IN_PROGRESS)
    metrics.judged(other, Phase.STALLED)
    assert (phases(metrics, "samples"), phases(metrics, "others")) == ([0, 2, 0], [0, 0, 1])
    metrics.judged(one, Phase.READY)
    metrics.judged(one, Phase.READY)
    assert phases(metrics, "samples") == [1, 1, 0]
    metrics.gone(one)
    metrics.gone(one)
    metrics.gone(CRKey("samples", "a", "never seen"))
    assert phases(metrics, "samples") == [0, 1, 0]
    metrics.judged(two, Phase.STALLED)
    metrics.gone(other)
    assert (phases(metrics, "samples"), phases(metrics, "others")) == ([0, 0, 1], [0, 0, 0])


def test_two_of_them_share_nothing(metrics: Metrics) -> None:
    metrics.pruned("samples")
    assert value(Metrics(), "nuvop_pruned_total", kind="samples") is None


def test_the_page_about_metrics_has_them_all(metrics: Metrics) -> None:
    metrics.drifted("samples", "Deployment", "spec.replicas", "me")
    metrics.kind_loaded("samples", is_broken=False)
    metrics.rights_missing("samples", 1)
    metrics.judged(CRKey("samples", "a", "one"), Phase.READY)
    there = set()
    for family in metrics.registry.collect():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        there.add((name, family.type, frozenset(labels)))
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|([^|]*)\|", DOCS.read_text(), re.MULTILINE)
    assert {(name, type_, frozenset(re.findall(r"`(\w+)`", labels))) for name, type_, labels in rows} == there


# --- serving ---------------------------------------------------------------------------------------------------------


def test_what_is_served(metrics: Metrics, server: Server) -> None:
    metrics.drifted("samples", "Deployment", 'spec.containers.[name="a\\b"]', "two\nlines")
    metrics.batch_applied("applied", 0.3, 50)
    families = {family.name: family for family in text_string_to_metric_families(fetch(server.port))}
    (sample,) = [s for s in families["nuvop_drift"].samples if s.name == "nuvop_drift_total"]
    assert sample.labels["field"] == 'spec.containers.[name="a\\b"]'
    assert sample.labels["manager"] == "two\nlines"
    assert sample.value == 1
    assert "nuvop_apply_seconds" in families
    metrics.pruned("samples")
    assert 'nuvop_pruned_total{kind="samples"} 1.0' in fetch(server.port), "the values are those of the moment"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere 127.0.0.2 is no address of this machine")
def test_only_the_address_that_was_asked_for_is_listened_at(server: Server) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.2", server.port))  # taken where all addresses are listened at


def test_all_addresses(metrics: Metrics) -> None:
    server = metrics.serve(Address("", 0))
    try:
        hosts = ["127.0.0.1", *(["[::1]"] if socket.has_dualstack_ipv6() else [])]
        for host in hosts:
            assert "nuvop_applies_total" in fetch(server.port, host)
    finally:
        server.close()


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_an_ipv6_address(metrics: Metrics) -> None:
    server = metrics.serve(Address("::1", 0))
    try:
        assert "nuvop_applies_total" in fetch(server.port, "[::1]")
    finally:
        server.close()


def test_closing_frees_the_port_and_ends_the_thread(metrics: Metrics) -> None:
    before = threading.active_count()
    server = metrics.serve(LOCAL)
    port = server.port
    fetch(port)
    server.close()
    with pytest.raises(urllib.error.URLError):
        fetch(port)
    assert threading.active_count() == before
    metrics.serve(Address("127.0.0.1", port)).close()


def test_a_port_in_use_is_named(metrics: Metrics, server: Server) -> None:
    with pytest.raises(SettingsError) as raised:
        metrics.serve(Address("127.0.0.1", server.port))
    assert str(raised.value) == f"NUVOP_METRICS: '127.0.0.1:{server.port}': Address already in use"


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "no-such-host.invalid", "a" * 64 + ".example"])
def test_an_address_that_is_not_this_machines_is_named(metrics: Metrics, host: str) -> None:
    address = Address(host, 9090)
    with pytest.raises(SettingsError) as raised:
        metrics.serve(address)
    assert str(raised.value).startswith(f"NUVOP_METRICS: '{address}': ")
