"""``nuvop render``, against kustomize itself and against the golden overlays."""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from nuvop.cli import COMMANDS
from tests.golden.test_golden import EXAMPLES, EXPECTED, MADE, ROOT, name_of

UID = "00000000-0000-0000-0000-000000000001"


def run(*arguments: str | Path, text: str | None = None) -> Result:
    return CliRunner().invoke(COMMANDS, ["render", *map(str, arguments)], input=text)


@pytest.mark.parametrize("path", EXAMPLES, ids=name_of)
def test_it_prints_what_the_operator_applies(path: Path) -> None:
    done = run("-f", path, "--kinds", path.parents[1], "--uid", UID)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == (EXPECTED / f"{name_of(path)}.yaml").read_text().partition(MADE)[2]


def test_several_from_standard_input_in_a_namespace_of_their_own() -> None:
    sample = "{apiVersion: nuvolaris.org/v1, kind: Sample, metadata: {name: %s}, spec: {count: 3}}\n"
    done = run("-f", "-", "-n", "mine", text=f"{sample % 'one'}---\n{sample % 'two'}")
    assert done.exit_code == 0, done.output
    assert done.stdout.count("namespace: mine") == 2
    assert "name: one-demo-deploy" in done.stdout
    assert "name: two-demo-deploy" in done.stdout


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "<stdin>: there is no object in it"),
        ("a: [", "<stdin>: is not YAML: "),
        ("a: 1", "<stdin>: an object in it has no apiVersion, kind or metadata.name"),
        (
            "{apiVersion: a/v1, kind: B, metadata: {name: c}}",
            "apiVersion: 'a/v1', kind: 'B': no kind's folder is for it; there are Memcached (cache.",
        ),
        (
            '{apiVersion: nuvolaris.org/v1, kind: Sample, metadata: {name: c}, spec: {image: "a\\u0001"}}',
            "spec.image: the character U+0001 cannot stand in a manifest",
        ),
    ],
)
def test_what_is_wrong_is_said(text: str, error: str) -> None:
    done = run("-f", "-", text=text)
    assert done.exit_code == 1
    assert done.stderr.startswith(f"Error: {error}")


def test_one_uid_is_not_for_two() -> None:
    sample = "{apiVersion: nuvolaris.org/v1, kind: Sample, metadata: {name: one}}\n"
    done = run("-f", "-", "--uid", UID, text=f"{sample}---\n{sample.replace('one', 'two')}")
    assert done.exit_code == 1
    assert "--uid is of one custom resource" in done.stderr


def test_a_broken_kind_is_in_nobody_elses_way(tmp_path: Path) -> None:
    kinds = shutil.copytree(ROOT / "kustomize", tmp_path / "kinds")
    (kinds / "memcacheds/kind.yaml").write_text("a: [")
    (kinds / "psqls/crd.yaml").write_text("a: [")
    done = run("-f", kinds / "samples/examples/obj.yaml", "--kinds", kinds)
    assert (done.exit_code, done.stderr) == (0, "")
    done = run("-f", kinds / "memcacheds/examples/plain.yaml", "--kinds", kinds)
    assert done.exit_code == 1
    assert "memcacheds/kind.yaml: is not YAML" in done.stderr
    done = run("-f", kinds / "psqls/examples/plain.yaml", "--kinds", kinds)
    assert done.exit_code == 1
    assert "no kind's folder is for it; there are Memcached (" in done.stderr
    assert "psqls/crd.yaml: is not YAML" in done.stderr


def test_kinds_whose_resources_could_have_one_label_are_not_both_taken(tmp_path: Path) -> None:
    for name, kind in (("a", "Sample"), ("b", "Simple")):
        at = shutil.copytree(ROOT / "kustomize/samples", tmp_path / name)
        (at / "crd.yaml").write_text((at / "crd.yaml").read_text().replace("kind: Sample", f"kind: {kind}"))
    example = "{apiVersion: nuvolaris.org/v1, kind: %s, metadata: {name: one}, spec: {count: 1}}"
    assert run("-f", "-", "--kinds", tmp_path, text=example % "Sample").exit_code == 0
    done = run("-f", "-", "--kinds", tmp_path, text=example % "Simple")
    assert done.exit_code == 1
    assert "b/crd.yaml: spec.names.plural: 'samples' is that of" in done.stderr


def test_values_that_json_writes_otherwise_are_read_as_kubectl_reads_them() -> None:
    sample = "{apiVersion: nuvolaris.org/v1, kind: Sample, metadata: {name: one, labels: {8080: tcp}}, spec: %s}\n"
    done = run("-f", "-", text=sample % "{count: 99999999999999999999, image: {8080: {true: x}}}")
    assert done.exit_code == 0, done.output
    assert "replicas: 1" in done.stdout
    assert '"8080":' in done.stdout
