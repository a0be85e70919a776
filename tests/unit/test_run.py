"""``nuvop run`` and ``kopf run``: whose handlers run, and which kinds."""

import linecache
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import kopf
import pytest
from click.testing import CliRunner

from nuvop import cli
from nuvop.commands import run
from tests.unit.test_kind_finder import kind


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What kopf's own command was run with, each time: its parameters, and whose resources are watched by then."""
    ran: list[dict[str, Any]] = []

    def kopf_runs(**parameters: Any) -> None:
        selectors = kopf.get_default_registry()._watching.get_all_selectors()
        ran.append({**parameters, "watched": sorted(f"{selector.any_name}.{selector.group}" for selector in selectors)})

    for command in (run.run, run.kopf_run):
        monkeypatch.setattr(command, "callback", kopf_runs)
    return ran


@pytest.fixture(autouse=True)
def as_new(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A process of its own: no handlers, the log as it was, and a folder without anything."""
    before = kopf.get_default_registry()
    kopf.set_default_registry(kopf.OperatorRegistry())
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    monkeypatch.chdir(tmp_path)
    yield
    kopf.set_default_registry(before)
    root.handlers[:], root.level = handlers, level
    startup = logging.getLogger("kopf.activities.startup")
    startup.filters.clear()


def called(command: click.Command, *arguments: str, **environment: str) -> Any:
    return CliRunner(env=environment).invoke(command, list(arguments), prog_name="it")


def called_well(command: click.Command, *arguments: str, **environment: str) -> None:
    done = called(command, *arguments, **environment)
    assert (done.exit_code, done.output) == (0, ""), done.output


def test_nuvops_kinds_run_beside_what_is_named(ran: list[dict[str, Any]], tmp_path: Path) -> None:
    kind(tmp_path / "kustomize/samples", "samples")
    (tmp_path / "mine.py").touch()
    called_well(run.run, "-n", "demo", "mine.py", "-m", "my.module")
    (parameters,) = ran
    assert (parameters["paths"], parameters["modules"]) == (("mine.py",), ("my.module",))
    assert (parameters["namespaces"], parameters["clusterwide"]) == (("demo",), False)
    assert parameters["watched"] == ["samples.nuvolaris.org"]
    assert "folders" not in parameters


@pytest.mark.parametrize("named", [["mine.py"], ["-m", "my.module"]])
def test_kopf_runs_only_what_is_named(ran: list[dict[str, Any]], named: list[str]) -> None:
    called_well(run.kopf_run, *named, NUVOP_KINDS="/no/kinds/here")
    assert [each["watched"] for each in ran] == [[]]


def test_kopf_runs_nuvops_kinds_where_nothing_is_named(ran: list[dict[str, Any]], tmp_path: Path) -> None:
    called_well(run.kopf_run, "-A", NUVOP_KINDS=str(kind(tmp_path / "a", "as")))
    assert [(each["watched"], each["paths"], each["modules"]) for each in ran] == [(["as.nuvolaris.org"], (), ())]


def test_kinds_are_where_the_command_line_says(ran: list[dict[str, Any]], tmp_path: Path) -> None:
    kind(tmp_path / "kustomize/samples", "samples")
    kind(tmp_path / "single", "singles")
    for plural in ("ones", "twos"):
        kind(tmp_path / "many" / plural, plural)
    called_well(run.run, "--kinds", "./single", "--kinds", str(tmp_path / "many"), NUVOP_KINDS="/no/kinds/here")
    assert [each["watched"] for each in ran] == [[f"{plural}.nuvolaris.org" for plural in ("ones", "singles", "twos")]]


def test_without_it_the_environment_says_and_only_by_one_name(ran: list[dict[str, Any]], tmp_path: Path) -> None:
    environment = {"NUVOP_KINDS": f"{kind(tmp_path / 'a', 'as')}:{kind(tmp_path / 'b', 'bs')}"}
    called_well(run.run, **environment, KOPF_RUN_FOLDERS="/no/kinds/here", KOPF_RUN_NAMESPACES="demo")
    assert [(each["watched"], each["namespaces"]) for each in ran] == [
        (["as.nuvolaris.org", "bs.nuvolaris.org"], ("demo",))
    ]


def test_of_two_kinds_with_one_plural_the_first_is_served(ran: list[dict[str, Any]], tmp_path: Path) -> None:
    first, second = kind(tmp_path / "a/x", "xs"), kind(tmp_path / "b/x", "xs")
    done = called(run.run, "--kinds", "a", "--kinds", "b")
    assert done.exit_code == 0
    assert [each["watched"] for each in ran] == [["xs.nuvolaris.org"]]
    assert f"{second / 'crd.yaml'}:10: spec.names.plural: 'xs' is that of {first} too" in done.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--kinds", "none"], "Error: {here}/none: there is no such folder, so there are no kinds"),
        (["--kinds", "empty"], "Error: {here}/empty: no folder in it describes a kind"),
        ([], "Error: {here}/kustomize: there is no such folder"),
        (["none.py"], "Error: none.py: there is no such file"),
        (["empty"], "Error: empty is a folder; PATHS are Python files with handlers (--kinds empty for kinds)"),
        (["mine.txt"], "Error: mine.txt: the name of a Python file ends in .py"),
    ],
)
def test_what_is_wrong_is_said(ran: list[dict[str, Any]], tmp_path: Path, arguments: list[str], said: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "mine.txt").touch()
    done = called(cli.COMMANDS, "run", *arguments)
    assert done.exit_code == 1
    assert said.format(here=tmp_path) in done.output
    assert not ran


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\nimport nope\n", ["Error: mine.py:2: ModuleNotFoundError: No module named 'nope'"]),
        ("from os import nope\n", ["Error: mine.py:1: ImportError: cannot import name 'nope' from 'os'"]),
        ("x = 1\ndef f(:\n", ["Error: mine.py:2: SyntaxError: invalid syntax"]),
        ("x = 1\nprint(y)\n", ["Error: mine.py:2: NameError: name 'y' is not defined"]),
        (
            "import other\n",
            ["Error: other.py:2: ValueError: no", '  File "mine.py", line 1, in <module>', "    import other"],
        ),
        ("import wrong\n", ["Error: wrong.py:1: SyntaxError: ", '  File "mine.py", line 1, in <module>']),
    ],
)
def test_python_that_cannot_be_loaded_is_told_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: list[str]
) -> None:
    kind(tmp_path / "kustomize/samples", "samples")
    monkeypatch.setattr(sys, "path", list(sys.path))
    linecache.clearcache()  # which goes by names that are relative here
    for name in ("other", "wrong"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    (tmp_path / "mine.py").write_text(text)
    (tmp_path / "other.py").write_text("x = 1\nraise ValueError('no')\n")
    (tmp_path / "wrong.py").write_text("(\n")
    done = called(run.run, "mine.py")
    assert done.exit_code == 1
    lines = done.output.splitlines()
    assert [line[: len(expected)] for line, expected in zip(lines, said, strict=False)] == said, done.output
    assert "kopf" not in done.output
    assert "importlib" not in done.output


def test_a_module_that_is_not_there_is_told(tmp_path: Path) -> None:
    kind(tmp_path / "kustomize/samples", "samples")
    done = called(run.run, "-m", "nope")
    assert (done.exit_code, done.output) == (1, "Error: ModuleNotFoundError: No module named 'nope'\n")


def test_kopfs_options_are_explained() -> None:
    parameters = [each for each in run.run.params if isinstance(each, click.Option)]
    assert all(each.help for each in parameters)
    assert "--kinds FOLDER" in called(cli._nuvop, "run", "--help").output
