import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from nuvop import yamltext

HOSTILE = [
    "no", "y", "NULL", "~", "0045691", "1e3", "12:30", "0x1F", "1_000", "", " ", "- a", "a: b", "# x", "{}", "[]",
    "'", '"', "\\", "%TAG", "&a", "*a", "!!int 1", "a\nb\n\n", "\tx", "2026-11-21", ".inf", "---", "...", "=", "<<",
    "Здравствуй", "日本\u2028語", "\u0085", "\ufeff", "😀", "\x07", "$(rm -rf /)", "{{.x}}",
]  # fmt: skip


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=10,
)


@given(VALUES)
def test_any_value_survives_the_way_through_yaml(value: Any) -> None:
    assert (
        yaml.safe_load(yamltext.dump({"value": value}))
        == yamltext.load(yamltext.dump({"value": value}))
        == {"value": value}
    )


@pytest.mark.parametrize("read", [yamltext.load_all, yamltext.compose])
def test_what_is_nested_too_deep_is_told(read: Callable[[str], Any]) -> None:
    with pytest.raises(yamltext.NotYaml, match="nested too deep"):
        read("a: " + "[" * 5000 + "]" * 5000)


@pytest.mark.parametrize("dump", [yamltext.dump, yamltext.dump_json])
def test_kubectl_reads_hostile_texts_as_they_are(tmp_path: Path, dump: Callable[[Any], str]) -> None:
    """All of them through the real kustomize, as the data of one ConfigMap."""
    (tmp_path / "cm.yaml").write_text("{apiVersion: v1, kind: ConfigMap, metadata: {name: x}, data: {a: b}}")
    # kustomize takes in a NEL (U+0085) right, but prints it bare: whoever reads that sees a line break.
    data = {f"key{i}": text for i, text in enumerate(HOSTILE) if text != "\u0085"}
    patch = [{"op": "add", "path": "/data", "value": data}]
    (tmp_path / "patch").write_text(dump(patch))
    (tmp_path / "kustomization.yaml").write_text(
        "resources: [cm.yaml]\npatches: [{path: patch, target: {kind: ConfigMap}}]"
    )
    kubectl = Path(sys.executable).parent / "kubectl"
    built = subprocess.run([kubectl, "kustomize", tmp_path], capture_output=True, text=True, check=True).stdout
    assert yamltext.load(built)["data"] == data
    assert yamltext.load_printed(built) == [yamltext.load(built)]


NUMBERS: list[Any] = [0, -1, 2**53, 0.5, -0.25, 1e21, 1.5e-7, True, False, None, [], {}, [[]], [{}], [1, "1"]]


def test_what_kustomize_prints_is_read_fast_and_right(tmp_path: Path) -> None:
    document = {"apiVersion": "example.org/v1", "kind": "A", "metadata": {"name": "a"}, "spec": {"values": NUMBERS}}
    (tmp_path / "a.yaml").write_text(yamltext.dump(document) + "---\n" + yamltext.dump({**document, "kind": "B"}))
    (tmp_path / "kustomization.yaml").write_text("resources: [a.yaml]")
    kubectl = Path(sys.executable).parent / "kubectl"
    built = subprocess.run([kubectl, "kustomize", tmp_path], capture_output=True, text=True, check=True).stdout
    found = yamltext.load_printed(built)
    assert repr(found) == repr(yamltext.load_all(built))
    assert [each["kind"] for each in found] == ["A", "B"]
    assert repr(found[0]["spec"]["values"]) == repr(NUMBERS)


def test_what_is_no_yaml_is_said_to_be_none() -> None:
    with pytest.raises(yamltext.NotYaml):
        yamltext.load_printed("a: [")


def test_what_json_has_no_type_for_stays_text() -> None:
    assert yamltext.load("{a: 2026-11-21, b: =, c: 2026-11-21T00:00:00Z}") == {
        "a": "2026-11-21",
        "b": "=",
        "c": "2026-11-21T00:00:00Z",
    }


@pytest.mark.parametrize("text", ["._", "+_", "-_", "+._", "0x_", "0b_", "0o_"])
def test_what_only_looks_like_a_number_stays_text(text: str) -> None:
    """kubectl leaves it unquoted."""
    assert yamltext.load(f"a: {text}") == {"a": text}


def test_numbers_are_numbers() -> None:
    assert yamltext.load("[1, -2, 0.5, 1e3, 0x1f]") == [1, -2, 0.5, 1000.0, 31]


def test_flow_lists_may_hold_addresses() -> None:
    assert yamltext.load("[https://example.org/a]") == ["https://example.org/a"]


@pytest.mark.parametrize("text", ["{", "a: b: c", b"\xff", "a: 1\na: 2", "!!python/object:os.system x", "--- 1\n--- 2"])
def test_what_is_not_yaml_is_told_on_one_line(text: str | bytes) -> None:
    with pytest.raises(yamltext.NotYaml) as error:
        yamltext.load(text)
    assert "\n" not in str(error.value)


def test_merge_keys_are_merged() -> None:
    assert yamltext.load("a: &a {x: 1}\nb: {<<: *a, y: 2}")["b"] == {"x": 1, "y": 2}


def test_files_read_well() -> None:
    """Members stay in their order, a value that stands in two places is written twice, keys are bare where they can."""
    twice = [1]
    text = yamltext.dump({"zone": twice, "app": twice, "no": None, "text": "no", "none": {}})
    assert text == 'zone:\n- 1\napp:\n- 1\n"no": null\ntext: "no"\nnone: {}\n'


def test_integers_of_more_than_64_bits_are_read_as_kubectl_reads_them() -> None:
    found = yamltext.load("[99999999999999999999, -99999999999999999999, 18446744073709551615, -9223372036854775808]")
    assert repr(found) == repr([1e20, -1e20, 2**64 - 1, -(2**63)])
    yamltext.dump_json(found)


def test_what_no_json_can_hold_stays_text() -> None:
    assert yamltext.load(f"[.inf, -.inf, .nan, 1e999, {'9' * 400}]") == [".inf", "-.inf", ".nan", "1e999", "9" * 400]


def test_keys_are_texts() -> None:
    text = "a: &a {8080: tcp, true: x, 1.5: y, z: {1: 2}}\nb: *a"
    found = {"8080": "tcp", "true": "x", "1.5": "y", "z": {"1": 2}}
    assert yamltext.load(text) == {"a": found, "b": found}
    with pytest.raises(yamltext.NotYaml, match="can be no key"):
        yamltext.load("{null: x}")


@pytest.mark.parametrize(
    ("content", "at", "line"),
    [
        (b"a: 1\nb: [\n", (), 3),
        (b"a: 1\nb: c: d\n", ("a",), 2),
        (b"a: 1\nb: 2\na: 3\n", (), 3),
        (b"a: 1\nb: \xff\n", (), 2),
        (b"# x\na: 1\nb: {c: [1,\n 2]}\n", ("b", "c", 1), 4),
        (b"# x\na: 1\n", (), 2),
    ],
)
def test_lines(content: bytes, at: tuple[str | int, ...], line: int) -> None:
    assert yamltext.line_of(content, at) == line


@pytest.mark.parametrize(
    ("document", "at", "line"), [(0, ("a",), 3), (1, ("a",), 6), (1, ("b", "c"), 8), (1, (), 6), (2, ("a",), 1)]
)
def test_lines_of_a_document(document: int, at: tuple[str | int, ...], line: int) -> None:
    content = b"# x\n---\na: 1\n---\n---\na: 1\nb:\n  c: 1\n"
    assert yamltext.line_of(content, at, document) == line


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("token: [swordfish", "while parsing a flow sequence, expected"),
        ("token: b: swordfish", "mapping values are not allowed here"),
        ("token: *swordfish", "found undefined alias"),
        ("token: !swordfish x", "could not determine a constructor for the tag"),
        ("token: \0swordfish", "special characters are not allowed"),
    ],
)
def test_what_is_no_yaml_is_told_without_what_stands_there(text: str, told: str) -> None:
    with pytest.raises(yamltext.NotYaml, match=told) as raised:
        yamltext.load(text)
    assert "swordfish" not in str(raised.value)
