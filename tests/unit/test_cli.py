"""The command line as a whole."""

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from nuvop import cli
from nuvop.cli import COMMANDS
from nuvop.commands.completion import for_kubectl
from tests.terminal import Terminal
from tests.unit.conftest import eventually

PROGRAMS = Path(sys.executable).parent


@pytest.mark.parametrize("command", sorted(COMMANDS.commands))
def test_each_command_has_help_with_examples(command: str) -> None:
    done = CliRunner().invoke(COMMANDS, [command, "--help"])
    assert done.exit_code == 0
    assert f"nuvop {command}" in done.output.partition("Options:")[0].partition("\n")[2] or command == "completion"
    assert "Exit code" in done.output or command == "completion"


@pytest.mark.parametrize("shell", ["bash", "fish", "zsh"])
def test_completion(shell: str) -> None:
    done = CliRunner().invoke(COMMANDS, ["completion", shell])
    assert done.exit_code == 0
    assert "_NUVOP_COMPLETE" in done.output


@pytest.mark.parametrize("program", [["nuvop"], ["kubectl", "nuvop"]])
def test_what_it_is_called(program: list[str]) -> None:
    path = {"PATH": f"{PROGRAMS}:/usr/bin:/bin"}
    done = subprocess.run(
        [PROGRAMS / program[0], *program[1:], "render", "--help"], capture_output=True, text=True, check=True, env=path
    )
    assert done.stdout.startswith(f"Usage: {' '.join(program)} render [OPTIONS]")
    assert f"kubectl get sam/obj -o yaml | {' '.join(program)} render -f -" in done.stdout


def test_as_a_plugin_every_example_names_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = {name: command.help for name, command in COMMANDS.commands.items()}
    for name in COMMANDS.commands:
        monkeypatch.setattr(sys, "argv", ["kubectl-nuvop", name, "--help"])
        with pytest.raises(SystemExit):
            cli.kubectl_plugin()
        told = capsys.readouterr().out
        examples = re.findall(rf"^.*nuvop {name}\b.*$", told, re.MULTILINE)
        assert all(f"kubectl nuvop {name}" in example for example in examples), told
        assert len(examples) > 1, "the usage, and an example"
    assert {name: command.help for name, command in COMMANDS.commands.items()} == kept, "nuvop itself is called nuvop"


def test_an_error_of_the_command_line_is_no_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 2 is what `plan` and `tree` have for what they find."""
    for arguments in (["tree"], ["tree", "a/b", "--nothing"], ["nothing"], ["plan"]):
        monkeypatch.setattr(sys, "argv", ["nuvop", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code == 1


def test_an_interrupt_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    for callback, code in ((interrupted, 130), (lambda: click.confirm("Well?"), 1)):
        monkeypatch.setitem(COMMANDS.commands, "work", click.Command("work", callback=callback))
        assert CliRunner().invoke(COMMANDS, ["work"], input="").exit_code == code


def test_a_question_can_be_interrupted(tmp_path: Path) -> None:
    environment = {"PATH": f"{PROGRAMS}:/usr/bin:/bin", "TMPDIR": str(tmp_path)}
    source, target = Path(__file__).parents[1] / "new/podinfo", tmp_path / "made"
    command: list[str | Path] = [
        PROGRAMS / "nuvop",
        "new",
        "Podinfo",
        "--group",
        "x.org",
        "--from",
        source,
        "--into",
        target,
    ]
    with Terminal(command, environment) as terminal:
        assert eventually(lambda: "[Y/n]" in terminal.written, 30)
        terminal.press("\x03")
        assert terminal.wait() == 130
    assert "Traceback" not in terminal.written
    assert not target.exists()
    assert list(tmp_path.iterdir()) == [], "its private folder is gone"


# --- completion by kubectl -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ([], [*sorted(COMMANDS.commands), ":4"]),
        (["re"], ["render", ":4"]),
        (["plan", "--ki"], ["--kind", "--kinds", ":4"]),
        (["tree", "sam/obj", "-o", ""], ["json", ":4"]),
        (["check", ""], [":0"]),
        (["nothing", "x"], [":4"]),
    ],
)
def test_kubectl_asks_for_completions(words: list[str], completed: list[str]) -> None:
    found = [line.partition("\t")[0] for line in for_kubectl(COMMANDS, words).splitlines()]
    assert found == completed


# --- what is checked -------------------------------------------------------------------------------------------------

KINDS = Path(__file__).parents[2] / "kustomize"


def test_files_beside_the_kinds_folders_are_no_kinds() -> None:
    found = CliRunner().invoke(COMMANDS, ["check", *map(str, sorted(KINDS.glob("*")))])
    assert (found.exit_code, found.stdout) == (0, "4 kinds: no errors, no warnings\n")


def test_a_file_alone_is_told_to_be_no_folder() -> None:
    found = CliRunner().invoke(COMMANDS, ["check", str(KINDS / "kustomization.yaml")])
    assert (found.exit_code, found.stdout) == (1, "")
    assert "kustomization.yaml: there is no such folder" in found.stderr


# --- colours ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A kind with errors, which `nuvop check` paints red."""
    (tmp_path / "kind.yaml").write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "is_terminal", "is_coloured"),
    [
        (["check"], True, True),
        (["check"], False, False),
        (["--no-color", "check"], True, False),
        (["check", "--no-color"], True, False),
        (["--color", "check"], False, True),
        (["check", "--color"], False, True),
        (["--color", "check", "--no-color"], True, False),
    ],
)
def test_colours_where_they_are_wanted(
    broken: Path, arguments: list[str], is_terminal: bool, is_coloured: bool
) -> None:
    done = CliRunner().invoke(COMMANDS, [*arguments, str(broken)], color=is_terminal)
    assert done.exit_code == 1
    assert ("\x1b[31m" in done.output) == is_coloured


@pytest.mark.parametrize(
    ("variables", "arguments", "is_coloured"),
    [
        ({}, [], True),
        ({"NO_COLOR": "1"}, [], False),
        ({"NO_COLOR": ""}, [], True),
        ({"NO_COLOR": "1"}, ["--color"], True),
        ({"TERM": "dumb"}, [], False),
    ],
)
def test_colours_on_a_terminal(
    broken: Path, variables: dict[str, str], arguments: list[str], is_coloured: bool
) -> None:
    environment = {"PATH": f"{PROGRAMS}:/usr/bin:/bin", "TMPDIR": str(broken), **variables}
    with Terminal([PROGRAMS / "nuvop", "check", str(broken), *arguments], environment) as terminal:
        assert terminal.wait() == 1
        assert ("\x1b[31m" in terminal.written) == is_coloured, terminal.written
