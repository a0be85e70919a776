"""``nuvop rbac``, with kubectl and without a cluster; what it prints for the golden kinds is in ``rights/``.

``NUVOP_GOLDEN=write pytest tests/golden`` writes that anew; look at the difference before it is committed.
"""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from nuvop.cli import COMMANDS
from tests.golden.test_golden import HERE, documents

SAMPLES = HERE.parents[1] / "kustomize/samples"
RIGHTS = HERE / "rights"


def run(*arguments: str | Path, **environment: str) -> Result:
    nowhere = {"KUBECONFIG": "/no/such/file", "KUBERNETES_SERVICE_HOST": ""}
    return CliRunner().invoke(COMMANDS, ["rbac", *map(str, arguments)], env={**nowhere, **environment})


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("all", ["--peering", "default"]),
        ("named", ["-n", "demo", "-n", "other", "--service-account", "ops/op", "--name", "op"]),
        ("pattern", ["--namespace", "team-*", "--user", "jane@example.org"]),
    ],
)
def test_the_rights_of_the_golden_kinds(name: str, arguments: list[str]) -> None:
    done = run("--kinds", HERE, *arguments)
    assert (done.exit_code, done.stderr) == (0, "")
    golden = RIGHTS / f"{name}.yaml"
    if os.environ.get("NUVOP_GOLDEN") == "write":
        golden.write_text(done.stdout)
    assert done.stdout == golden.read_text()


def copy_with(folder: Path, manifest: Mapping[str, object], *more: str) -> Path:
    """A copy of the Sample kind with one more child; ``more`` are the texts of further files."""
    for name in ("crd.yaml", "kind.yaml", "deployment.yaml"):
        (folder / name).write_bytes((SAMPLES / name).read_bytes())
    (folder / "more.yaml").write_text(json.dumps(manifest))
    (folder / "kustomization.yaml").write_text("resources: [deployment.yaml, more.yaml]\n")
    for index, text in enumerate(more):
        (folder / f"more{index}.yaml").write_text(text)
    return folder


CERTIFICATE = {"apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": {"name": "tls"}}
CRD = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: certificates.cert-manager.io}
spec:
  group: cert-manager.io
  scope: Namespaced
  names: {kind: Certificate, plural: certificates}
"""


def test_a_kind_of_children_that_nobody_knows_is_named(tmp_path: Path) -> None:
    done = run("--kinds", copy_with(tmp_path, CERTIFICATE))
    assert done.exit_code == 1
    assert done.stderr.startswith(
        f"Error: {tmp_path}: Certificate (cert-manager.io/v1) is none of Kubernetes' own kinds"
    )
    assert "put its CRD into the folder, or log in to a cluster that serves it (no credentials: " in done.stderr


def test_the_folders_crds_tell_of_custom_children(tmp_path: Path) -> None:
    done = run("--kinds", copy_with(tmp_path, CERTIFICATE, CRD))
    assert (done.exit_code, done.stderr) == (0, "")
    rules = documents(done.stdout)[0]["rules"]
    assert {"apiGroups": ["cert-manager.io"], "resources": ["certificates"]}.items() <= next(
        rule for rule in rules if rule["apiGroups"] == ["cert-manager.io"]
    ).items()


def test_a_component_may_give_a_role_more_to_allow(tmp_path: Path) -> None:
    folder = shutil.copytree(HERE / "parts", tmp_path / "parts")
    patch = "- {op: add, path: /rules/-, value: {apiGroups: [apps], resources: [replicasets], verbs: [list]}}"
    component = folder / "components/metrics/kustomization.yaml"
    added = f"  - target: {{kind: Role, name: reader}}\n    patch: |\n      {patch}\n"
    component.write_text(component.read_text() + added)
    done = run("--kinds", folder)
    assert (done.exit_code, done.stderr) == (0, "")
    assert {"apiGroups": ["apps"], "resources": ["replicasets"], "verbs": ["list"]} in documents(done.stdout)[0][
        "rules"
    ]


def test_the_environment_names_the_kinds_as_for_the_operator(tmp_path: Path) -> None:
    done = run(NUVOP_KINDS=str(HERE / "tiers"))
    assert done.exit_code == 0, done.stderr
    assert "tiers" in done.stdout
    assert "samples" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--service-account", "nuvop"], "'nuvop' must read NAMESPACE/NAME"),
        (["--service-account", "a/B"], "'a/B' must read NAMESPACE/NAME"),
        (["--service-account", "a/b", "--user", "jane"], "name two different subjects"),
        (["--user", ""], "--user: a name is missing"),
        (["-n", ""], "'' is no namespace"),
        (["-n", "Demo"], "'Demo' is no namespace"),
        (["--kinds", "/no/such"], "/no/such: there is no such folder"),
    ],
)
def test_what_is_wrong_is_said(arguments: list[str], error: str) -> None:
    done = run(*arguments)
    assert done.exit_code == 1
    assert error in done.stderr
