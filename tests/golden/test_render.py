"""``nuvop render``, against kustomize itself and against the golden overlays."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from nuvop.commands.render import render
from tests.golden.test_golden import EXAMPLES, EXPECTED, MADE, name_of

UID = "00000000-0000-0000-0000-000000000001"


def run(*arguments: str | Path, text: str | None = None) -> Result:
    return CliRunner().invoke(render, list(map(str, arguments)), input=text)


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
    assert done.exit_code == 2
    assert "--uid is of one custom resource" in done.stderr
