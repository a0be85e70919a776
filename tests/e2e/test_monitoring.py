"""A real Prometheus scrapes an operator at work: every query of the dashboard, and of the alerts, has an answer."""

from pathlib import Path

from lab.bench.isolation import free_port
from lab.monitoring import dashboard
from lab.monitoring.prometheus import scraping
from tests.conftest import Start
from tests.deploy.test_monitoring import rules
from tests.e2e.conftest import Make
from tests.e2e.harness import Kubectl, configmap, deployment, eventually, is_ready, stalled

DRIFT_ANNOTATION = "nuvop.nuvolaris.org/drift"


def test_every_query_has_an_answer(kubectl: Kubectl, operator: Start, widgets: Make, tmp_path: Path) -> None:
    kind = widgets(deployment("web"), configmap("config", greeting="hello"))
    port = free_port()
    operator(NUVOP_KINDS=str(kind.folder.parent), NUVOP_HTTP=f"127.0.0.1:{port}")
    with scraping(port, tmp_path / "prometheus") as prometheus:
        eventually("it is scraped", lambda: prometheus.query("nuvop_build_info"))
        names = [f"w{number}" for number in range(8)]
        kubectl.apply(*(kind.cr(name) for name in names))
        kubectl.apply(kind.cr("bad", {DRIFT_ANNOTATION: "perhaps"}))
        for name in names:
            eventually(f"{name} is ready", lambda name=name: is_ready(kubectl.get(f"{kind.plural}/{name}")))  # type: ignore[misc]
        kubectl("scale", "deployment/w0-web", "--replicas=3")
        eventually("it is put back", lambda: kubectl.get("deployment/w0-web")["spec"]["replicas"] == 1)
        eventually(
            "both are counted",
            lambda: (
                prometheus.query('nuvop_resources{phase="Stalled"} == 1')
                and prometheus.query('sum(nuvop_drift_total{manager="kubectl"}) == 1')
            ),
        )
        assert stalled(kubectl.get(f"{kind.plural}/bad"))

        asked = [target.query for panel in dashboard.panels("1m") for target in panel.targets]
        for query in asked:
            eventually(query, lambda query=query: prometheus.query(query))  # type: ignore[misc]
        for rule in rules():
            prometheus.query(rule["expr"])  # which may have no answer, but is understood
        eventually("all are ready again", lambda: prometheus.query('sum(nuvop_resources{phase="Ready"}) == 8'))
        picture = tmp_path / "dashboard.png"
        dashboard.draw(prometheus, 60, "30s", picture)
    assert picture.stat().st_size > 10_000
