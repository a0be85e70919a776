"""The alerts and the dashboard in deploy/monitoring, as Prometheus' own tools see them."""

import json
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from lab import debian
from lab.bench.isolation import free_port
from lab.monitoring import __main__ as drawing
from lab.monitoring.dashboard import WIDTH, panels
from lab.monitoring.prometheus import PrometheusError
from nuvop import web
from nuvop.metrics import Metrics
from nuvop.settings import Address
from tests.e2e.harness import ROOT

MONITORING = ROOT / "deploy/monitoring"


def rules() -> list[dict[str, Any]]:
    (group,) = YAML(typ="safe").load(MONITORING / "rules.yaml")["spec"]["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def queries() -> list[str]:
    return [target.query for panel in panels("1m") for target in panel.targets]


@cache
def promtool() -> Path:
    return debian.program("prometheus", "promtool")


def run(*arguments: str | Path) -> str:
    done = subprocess.run([promtool(), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def rule_file(tmp_path: Path) -> Path:
    """The rules as Prometheus itself takes them: what the Prometheus operator makes of a PrometheusRule."""
    file = tmp_path / "rules.yaml"
    spec = YAML(typ="safe").load(MONITORING / "rules.yaml")["spec"]
    file.write_text(json.dumps(spec))
    return file


def test_each_alert_is_raised_when_it_should_and_only_then(rule_file: Path) -> None:
    run("check", "rules", rule_file)
    shutil.copy(ROOT / "tests/deploy/rules_test.yaml", rule_file.parent)
    run("test", "rules", rule_file.parent / "rules_test.yaml")
    tested = YAML(typ="safe").load(ROOT / "tests/deploy/rules_test.yaml")["tests"]
    raised = {case["alertname"] for test in tested for case in test["alert_rule_test"] if case.get("exp_alerts")}
    assert raised == {rule["alert"] for rule in rules()}


def test_what_to_do_about_each_alert_is_told() -> None:
    told = re.findall(r"^\| `(Nuvop\w+)` \|", (ROOT / "docs/operations.md").read_text(), re.MULTILINE)
    assert told == [rule["alert"] for rule in rules()]


def test_the_queries_of_the_dashboard_are_promql(tmp_path: Path) -> None:
    named = [{"record": f"query:{index}", "expr": query} for index, query in enumerate(queries())]
    assert len(named) > 20
    (tmp_path / "queries.yaml").write_text(json.dumps({"groups": [{"name": "dashboard", "rules": named}]}))
    run("check", "rules", tmp_path / "queries.yaml")


def test_they_ask_for_what_there_is() -> None:
    metrics = Metrics()
    there = {family.name for family in metrics.registry.collect()}
    asked = set()
    for query in [*queries(), *(rule["expr"] for rule in rules())]:
        asked |= set(re.findall(r"\b(?:nuvop|process)_\w+", query))
    assert {re.sub("_(total|bucket|sum|count)$", "", name) for name in asked} <= there
    assert {name for name in there if name.startswith("nuvop")} <= {
        re.sub("_(total|bucket|sum|count)$", "", name) for name in asked
    } | {"nuvop_api_requests"}, "what nobody asks for is of no use"


def test_panels_do_not_overlap() -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in panels("1m"):
        assert panel.x + panel.width <= WIDTH, panel.title
        for x in range(panel.x, panel.x + panel.width):
            for y in range(panel.y, panel.y + panel.height):
                assert (x, y) not in taken, f"{panel.title} lies upon {taken[x, y]}"
                taken[x, y] = panel.title
    assert len(taken) == WIDTH * (max(y for _, y in taken) + 1), "there is a hole"


# --- the dashboard of an operator on this machine --------------------------------------------------------------------


@pytest.fixture
def no_prometheus(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(*_: object) -> None:
        pytest.fail("it is looked for minutes at a port where nothing is")

    monkeypatch.setattr(drawing, "scraping", start)


def told_of(port: int) -> str:
    with pytest.raises(PrometheusError) as raised:
        drawing.command.main([str(port), "--minutes=60"], standalone_mode=False)
    return str(raised.value)


@pytest.mark.usefixtures("no_prometheus")
def test_a_port_where_nothing_is_is_told_at_once() -> None:
    port = free_port()
    assert told_of(port) == f"port {port} has no metrics of nuvop: is that what $NUVOP_HTTP says?"


@pytest.mark.usefixtures("no_prometheus")
@pytest.mark.parametrize("path", ["/metrics", "/other"])
def test_a_port_of_another_is_told_at_once(path: str) -> None:
    def page(_: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        start("200 OK", [])
        return [b"up 1\n"]

    server = web.serve(Address("127.0.0.1", 0), {path: page})
    try:
        assert "has no metrics of nuvop" in told_of(server.port)
    finally:
        server.close()


@pytest.mark.usefixtures("no_prometheus")
def test_a_port_that_speaks_something_else_is_told_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        answers = threading.Thread(target=lambda: answer(listening, b"SSH-2.0-x\r\n"))
        answers.start()
        assert "has no metrics of nuvop" in told_of(port)
        answers.join()


def answer(listening: socket.socket, said: bytes) -> None:
    connection, _ = listening.accept()
    with connection:
        connection.recv(1000)
        connection.sendall(said)


def test_an_operators_metrics_are_scraped(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(port: int, _: Path) -> None:
        raise PrometheusError(f"started for {port}")

    monkeypatch.setattr(drawing, "scraping", start)
    server = web.serve(Address("127.0.0.1", 0), {"/metrics": Metrics().page})
    try:
        assert told_of(server.port) == f"started for {server.port}"
    finally:
        server.close()
