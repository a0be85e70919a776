"""The command line as a whole."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from lab import cli_docs
from nuvop import reference
from nuvop.cli import COMMANDS

PROGRAMS = Path(sys.executable).parent


def test_the_reference_says_what_help_says() -> None:
    assert cli_docs.TARGET.read_text() == reference.reference(COMMANDS, "nuvop"), "write it anew: task docs"


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
