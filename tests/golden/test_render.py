"""``nuvop render``, against kustomize itself and against the golden overlays."""

import json
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
            '{apiVersion: nuvolaris.org/v1, kind: Sample, metadata: {name: c}, spec: {count: 1, image: "a\\u0001"}}',
            "spec.image: the character U+0001 cannot stand in a manifest",
        ),
    ],
)
def test_what_is_wrong_is_said(text: str, error: str) -> None:
    done = run("-f", "-", text=text)
    assert done.exit_code == 1
    assert done.stderr.startswith(f"Error: {error}")


def test_what_is_no_uid_is_refused() -> None:
    """It would be a label's value."""
    done = run("-f", "-", "--uid", "not a: {", text="")
    assert done.exit_code == 1
    assert "'not a: {' is no uid, such as 00000000-" in done.stderr


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
    assert "memcacheds/kind.yaml:1: is not YAML" in done.stderr
    done = run("-f", kinds / "psqls/examples/plain.yaml", "--kinds", kinds)
    assert done.exit_code == 1
    assert "no kind's folder is for it; there are Memcached (" in done.stderr
    assert "psqls/crd.yaml:1: is not YAML" in done.stderr


def test_kinds_whose_resources_could_have_one_label_are_not_both_taken(tmp_path: Path) -> None:
    for name, kind in (("a", "Sample"), ("b", "Simple")):
        at = shutil.copytree(ROOT / "kustomize/samples", tmp_path / name)
        (at / "crd.yaml").write_text((at / "crd.yaml").read_text().replace("kind: Sample", f"kind: {kind}"))
    example = "{apiVersion: nuvolaris.org/v1, kind: %s, metadata: {name: one}, spec: {count: 1}}"
    assert run("-f", "-", "--kinds", tmp_path, text=example % "Sample").exit_code == 0
    done = run("-f", "-", "--kinds", tmp_path, text=example % "Simple")
    assert done.exit_code == 1
    assert "b/crd.yaml:10: spec.names.plural: 'samples' is that of" in done.stderr


def test_values_that_json_writes_otherwise_are_read_as_kubectl_reads_them(tmp_path: Path) -> None:
    kind = shutil.copytree(ROOT / "kustomize/samples", tmp_path / "samples")
    text = (kind / "crd.yaml").read_text().replace("format: int32\n                  minimum", "minimum")
    anything = "x-kubernetes-preserve-unknown-fields: true\n"
    text = text.replace("type: string\n                  minLength: 1\n", f"type: object\n                  {anything}")
    (kind / "crd.yaml").write_text(text)
    (kind / "kind.yaml").write_text(
        (kind / "kind.yaml").read_text().replace("spec.containers.[name=nginx].image", "metadata.annotations")
    )
    sample = "{apiVersion: nuvolaris.org/v1, kind: Sample, metadata: {name: one, labels: {8080: tcp}}, spec: %s}\n"
    done = run("-f", "-", "--kinds", kind, text=sample % "{count: 99999999999999999999, image: {8080: {true: x}}}")
    assert done.exit_code == 0, done.output
    assert "replicas: 1" in done.stdout
    assert '"8080":' in done.stdout


SAMPLE = """\
apiVersion: nuvolaris.org/v1
kind: Sample
metadata:
  name: one
spec:
  count: 1
"""


@pytest.mark.parametrize(
    ("old", "new", "refused"),
    [
        ("count: 1", "count: many", ["6: spec.count: 'many' is not of type 'integer'"]),
        ("count: 1", "count: -1", ["6: spec.count: -1 is less than the minimum of 0"]),
        (
            "count: 1",
            "cuont: 1",
            ["5: spec: 'count' is missing", "6: spec.cuont: there is no such field; count, image may stand here"],
        ),
        ("name: one", "name: One_", ["4: metadata.name: 'One_' must be lower-case letters, "]),
        ("v1", "v2", ["1: apiVersion: the CRD has no version v2; it has v1"]),
    ],
)
def test_what_the_api_server_would_refuse_is_refused(tmp_path: Path, old: str, new: str, refused: list[str]) -> None:
    file = tmp_path / "cr.yaml"
    file.write_text(f"{SAMPLE}---\n{SAMPLE.replace(old, new, 1)}")
    done = run("-f", file)
    assert (done.exit_code, done.stdout) == (1, "")
    for line, expected in zip(done.stderr.removeprefix("Error: ").splitlines(), refused, strict=True):
        at, _, told = expected.partition(":")
        assert line.startswith(f"{file}:{7 + int(at)}:{told}")


def test_an_item_of_a_list_is_refused_where_it_stands(tmp_path: Path) -> None:
    file = tmp_path / "crs.json"
    items = ",\n".join(
        json.dumps(
            {"apiVersion": "nuvolaris.org/v1", "kind": "Sample", "metadata": {"name": name}, "spec": {"count": count}}
        )
        for name, count in (("a", 1), ("b", "2"))
    )
    file.write_text(f'{{"kind": "List", "items": [\n{items}\n]}}')
    done = run("-f", file)
    assert done.stderr == f"Error: {file}:3: items[1].spec.count: '2' is not of type 'integer'\n"


def test_a_namespace_that_can_be_none_is_refused() -> None:
    done = run("-f", "-", "-n", "My_Space", text=SAMPLE)
    assert done.exit_code == 1
    assert "'My_Space' is no name of a namespace" in done.stderr
