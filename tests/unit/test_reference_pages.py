"""The reference pages list exactly what the code can write, and their Python runs."""

import ast
import importlib
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from markdown_it import MarkdownIt

import nuvop
from nuvop import base, crd, directives, objects, persistence
from nuvop.status import Aspect, Reason

ROOT = Path(__file__).parents[2]


def listed(page: str, heading: str) -> list[str]:
    """The first column of the tables of a section, as far as it is code."""
    _, _, section = (ROOT / "docs" / page).read_text().partition(f"\n## {heading}\n")
    return re.findall(r"^\| `([^`]+)` \|", section.partition("\n## ")[0], re.MULTILINE)


# --- conditions and reasons ------------------------------------------------------------------------------------------


def calls(name: str) -> Iterator[ast.Call]:
    """The calls of a function, or of a class, in nuvop's code."""
    for path in (ROOT / "nuvop").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == name:
                yield node


def reason_of(node: ast.expr) -> str:
    """A reason as the code has it; empty where it is that of a condition."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Attribute(value=ast.Name(id="Reason"), attr=name):
            return Reason[name]
        case _:
            return ""


def of_events() -> set[str]:
    """The reasons of Events that tell of no condition."""
    return {reason for call in calls("News") if (reason := reason_of(call.args[1]))}


def of_conditions() -> set[str]:
    """The reasons that stand anywhere in the code but in the making of an Event."""
    named = [
        node.attr
        for path in (ROOT / "nuvop").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "Reason"
    ]
    for call in calls("News"):
        match call.args[1]:
            case ast.Attribute(value=ast.Name(id="Reason"), attr=name):
                named.remove(name)
    return {str(Reason[name]) for name in named}


def test_every_reason_is_written_somewhere() -> None:
    assert of_conditions() | of_events() >= set(map(str, Reason))


def test_the_reasons() -> None:
    assert sorted(listed("conditions.md", "Reasons")) == sorted(of_conditions())


def test_the_reasons_of_events() -> None:
    assert sorted(listed("conditions.md", "Events")) == sorted(of_events())


def test_the_conditions() -> None:
    assert sorted(listed("conditions.md", "Conditions")) == sorted(["Ready", "Reconciling", "Stalled", *Aspect])


def test_the_fields_of_the_status() -> None:
    assert sorted(listed("conditions.md", "The other fields of the status")) == sorted(crd.STATUS_FIELDS)


# --- annotations, labels, finalizers ---------------------------------------------------------------------------------

PAGE = "annotations.md"


def rows(heading: str) -> dict[str, set[str]]:
    """The names of a section's tables, each with the values in the second column."""
    _, _, section = (ROOT / "docs" / PAGE).read_text().partition(f"\n## {heading}\n")
    found = re.findall(r"^\| `([^`]+)` \| ([^|]*) \|", section.partition("\n## ")[0], re.MULTILINE)
    return {name: set(re.findall("`([^`]+)`", values)) for name, values in found}


def test_annotations_of_custom_resources() -> None:
    on_children_only = {directives.RECREATE: None, directives.PRUNE: ("disabled",)}
    expected = {
        name: set(values or ()) - set(on_children_only.get(name) or ())
        for name, values in directives._VALUES.items()
        if name != directives.RECREATE
    }
    assert rows("On a custom resource") == expected


def test_annotations_of_children() -> None:
    found = rows("On a child in the base")
    assert found.pop(directives.DELETE) == {"disabled"}
    assert found.keys() == base.CHILD_DIRECTIVES.keys()
    assert all(values <= set(base.CHILD_DIRECTIVES[name]) for name, values in found.items())


def test_labels_finalizers_and_managers() -> None:
    assert sorted(rows("Labels")) == sorted(objects.LABELS)
    assert sorted(rows("Finalizers")) == sorted([objects.FINALIZER, persistence.FINALIZER])
    assert sorted(rows("Field managers")) == sorted([objects.FIELD_MANAGER, objects.RELEASED_TO])


def test_no_name_of_nuvops_is_left_out() -> None:
    text = (ROOT / "docs" / PAGE).read_text()
    names = {
        value
        for module in pkgutil.walk_packages(nuvop.__path__, "nuvop.")
        if not module.name.endswith("__main__")
        for value in vars(importlib.import_module(module.name)).values()
        if isinstance(value, str) and re.fullmatch(r"(\w+\.)?nuvop\.nuvolaris\.org(/[a-z-]+)?", value)
    }
    assert len(names) > 10
    assert {name for name in names if name not in text} == set()


# --- Python ----------------------------------------------------------------------------------------------------------


def python_with(page: str, words: str) -> str:
    """The one block of Python in a page that has these words."""
    tokens = MarkdownIt().parse((ROOT / "docs" / page).read_text())
    (found,) = [token.content for token in tokens if token.info == "python" and words in token.content]
    return found


def test_the_test_of_a_patches_py(tmp_path: Path) -> None:
    folder = tmp_path / "kustomize" / "webs"
    folder.mkdir(parents=True)
    (folder / "patches.py").write_text(python_with("kinds.md", "# patches.py"))
    (tmp_path / "test_patches.py").write_text(python_with("python-api.md", "def test_"))
    pytest = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_patches.py"]
    done = subprocess.run(pytest, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
