"""An end-to-end test of the kind in my-kinds/nginxservers: the operator, on the cluster that kubectl talks to."""

import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sh

SITE = """
apiVersion: example.com/v1
kind: NginxServer
metadata: {name: site}
spec: {replicas: 2}
"""
IMAGES = "jsonpath={.items[*].spec.containers[0].image}"
TEMPLATE_IMAGE = "jsonpath={.spec.template.spec.containers[0].image}"


@pytest.fixture
def namespace() -> Iterator[str]:
    """A namespace of this test's own, which goes with all that is in it."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    sh.kubectl("create", "namespace", name)
    yield name
    sh.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def kubectl(namespace: str) -> Any:
    return sh.kubectl.bake("--namespace", namespace)


@pytest.fixture(autouse=True)
def operator(namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """nuvop serves that namespace. What it says stands in the test's output where the test fails."""
    monkeypatch.setenv("NUVOP_GENERATED", str(tmp_path / "generated"))
    with subprocess.Popen(["nuvop", "run", "--namespace", namespace, "--kinds", "my-kinds"]) as process:
        yield
        process.terminate()


def ready(kubectl: Any) -> None:
    kubectl("wait", "--for=condition=Ready", "nginxserver/site", "--timeout=60s")


def test_an_image_is_rolled_out_and_a_drift_put_back(kubectl: Any) -> None:
    kubectl("apply", "-f", "-", _in=SITE)
    ready(kubectl)
    assert kubectl("get", "pods", "-o", IMAGES) == "nginx:1.28 nginx:1.28"

    kubectl("patch", "nginxserver", "site", "--type=merge", "--patch", '{"spec": {"image": "nginx:1.29"}}')
    ready(kubectl)
    assert kubectl("get", "deployment", "site-nginx", "-o", TEMPLATE_IMAGE) == "nginx:1.29"
    kubectl("scale", "deployment/site-nginx", "--replicas=5")
    kubectl("wait", "--for=jsonpath={.spec.replicas}=2", "deployment/site-nginx")
