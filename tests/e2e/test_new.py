"""Kinds that ``nuvop new`` has made of folders that nobody here wrote, on a real API server."""

import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from nuvop import yamltext
from tests.conftest import Start
from tests.e2e.harness import PROGRAMS, ROOT, Kubectl, eventually, is_ready

Make = Callable[..., Path]
LATE = 60.0


@pytest.fixture
def make(kubectl: Kubectl, own_group: str, tmp_path: Path) -> Make:
    """Makes a kind of a folder in tests/new, and installs its CRD, which the API server must take as it is."""

    def new(kind: str, folder: str) -> Path:
        command: list[str | Path] = [
            PROGRAMS / "nuvop",
            "new",
            kind,
            "--group",
            own_group,
            "--from",
            ROOT / "tests/new" / folder,
        ]
        subprocess.run([*command, "--into", tmp_path / "kinds", "--yes"], check=True, capture_output=True)
        path = next(path for path in (tmp_path / "kinds").iterdir() if path.name.startswith(kind.lower()))
        kubectl("apply", "--server-side", "-f", str(path / "crd.yaml"))
        kubectl("wait", "--for=condition=Established", f"crd/{path.name}.{own_group}", "--timeout=60s")
        return path

    return new


def test_they_run(kubectl: Kubectl, operator: Start, make: Make, own_group: str, subtests: pytest.Subtests) -> None:
    paths = {
        kind: make(kind, folder)
        for kind, folder in (("Podinfo", "podinfo"), ("Manager", "kubebuilder/default"), ("Blog", "wordpress"))
    }
    operator(NUVOP_KINDS=str(paths["Blog"].parent))
    for kind, path in paths.items():
        with subtests.test(kind):
            example = yamltext.load((path / f"examples/{kind.lower()}.yaml").read_text())
            for name in ("one", "two"):
                kubectl.apply({**example, "metadata": {"name": name}})
            for name in ("one", "two"):
                what = f"{path.name}.{own_group}/{name}"
                eventually(f"{what} is ready", partial(lambda what: is_ready(kubectl.get(what)), what))
    with subtests.test("names follow"):
        env = kubectl.get("deployment/two-demo-wordpress")["spec"]["template"]["spec"]["containers"][0]["env"]
        assert env[0] == {"name": "WORDPRESS_DB_HOST", "value": "two-demo-mysql"}
    with subtests.test("the CRD refuses what Kubernetes would"):
        what = f"podinfos.{own_group}/one"
        done = kubectl.run("patch", what, "--type=merge", "-p", '{"spec": {"maxReplicas": 0}}')
        assert "spec.maxReplicas in body should be greater than or equal to 1" in done.stderr
        done = kubectl.run("patch", what, "--type=merge", "-p", '{"spec": {"resources": {"limits": {"cpu": "much"}}}}')
        assert "spec.resources.limits.cpu" in done.stderr
    with subtests.test("a resource scales"):
        kubectl("scale", f"managers.{own_group}/one", "--replicas=2")
        eventually(
            "it has two pods",
            lambda: kubectl.get(f"managers.{own_group}/one")["status"].get("readyReplicas") == 2,
        )
    with subtests.test("what is installed once stays"):
        kubectl("delete", f"managers.{own_group}", "--all")
        assert kubectl.get("crd/captains.crew.example.com")
        eventually(
            "cluster-scoped ones go", lambda: not kubectl.get("clusterrole/one-project-manager-role"), within=LATE
        )
    for path in paths.values():
        kubectl("delete", f"{path.name}.{own_group}", "--all")
        kubectl("delete", "crd", f"{path.name}.{own_group}", "--wait=false")
