"""Steps that come true, and how each that does not is told."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.lab.blocks import chapters
from tests.lab.checkout import wait_until
from tests.lab.terminals import Failed, Terminals

if TYPE_CHECKING:
    from collections.abc import Iterator

IN_VAIN = 4.0
"""How long a test waits for what does not come; also how long a loaded machine may take for what comes before it."""

OPERATOR = """#!/bin/bash
trap 'echo stopping; exit 0' INT
echo started
while :; do
    [ -e asked ] && rm asked && echo done
    sleep 0.05
done
"""


@contextmanager
def terminals(folder: Path, patience: float = 60.0) -> Iterator[Terminals]:
    (folder / "operator").write_text(OPERATOR)
    with Terminals("text.md", folder, {"PATH": os.environ["PATH"], "GIVEN": "given"}, patience) as opened:
        yield opened


def follow(folder: Path, *lines: str, patience: float = 60.0) -> None:
    with terminals(folder, patience) as opened:
        for chapter in chapters("\n".join(["## One", *lines])):
            opened.follow(chapter)


def failure(folder: Path, *lines: str, patience: float = 60.0) -> str:
    with pytest.raises(Failed) as raised:
        follow(folder, *lines, patience=patience)
    return str(raised.value)


def test_follows_what_is_right(tmp_path: Path) -> None:
    follow(
        tmp_path,
        "```console",
        "$ export MINE=mine; pwd | sed 's/.*test_/test_/'",
        tmp_path.name,
        "$ cat <<END; false # fails",
        "> $GIVEN and $MINE",
        "> END",
        "given and mine",
        "$ printf 'no end of line'",
        "no end of line",
        "```",
        '```console title="Terminal 2"',
        '$ echo "$GIVEN and $MINE."',
        "given and .",
        "$ bash operator",
        "started",
        "```",
        "```console",
        "$ touch asked",
        "```",
        '```console title="Terminal 2"',
        "done",
        "^C",
        "stopping",
        "$ echo $?",
        "0",
        "```",
    )


def test_a_command_that_fails(tmp_path: Path) -> None:
    assert failure(
        tmp_path, "text", "```console", "$ echo why; exit_code_of() { return 3; }; exit_code_of", "why", "```"
    ) == (
        "text.md:4: chapter 'One', Terminal 1: exit code 3\n"
        "$ echo why; exit_code_of() { return 3; }; exit_code_of\n"
        "expected:\n"
        "    why\n"
        "got:\n"
        "    why"
    )


def test_a_command_that_does_not_fail(tmp_path: Path) -> None:
    assert "text.md:3: chapter 'One', Terminal 1: exit code 0" in failure(
        tmp_path, "```console", "$ true # fails", "```"
    )


def test_another_output(tmp_path: Path) -> None:
    assert failure(tmp_path, "```console", "$ echo one; echo two", "one", "three", "```") == (
        "text.md:3: chapter 'One', Terminal 1: missing, after what is shown before it: 'three'\n"
        "$ echo one; echo two\n"
        "expected:\n"
        "    one\n"
        "    three\n"
        "got:\n"
        "    one\n"
        "    two"
    )


def test_a_command_that_does_not_end(tmp_path: Path) -> None:
    told = failure(tmp_path, "```console", "$ echo begun; sleep 1000", "```", patience=IN_VAIN)
    assert told.startswith("text.md:3: chapter 'One', Terminal 1: it has not ended after 4 seconds\n$ echo begun;")
    assert told.endswith("got:\n    begun")


def test_a_line_that_does_not_come(tmp_path: Path) -> None:
    told = failure(
        tmp_path,
        '```console title="Terminal 2"',
        "$ bash operator",
        "started",
        "```",
        "```console",
        "$ echo beside",
        "```",
        '```console title="Terminal 2"',
        "done",
        "```",
        patience=IN_VAIN,
    )
    assert told.startswith(
        "text.md:10: chapter 'One', Terminal 2: not seen within 4 seconds; "
        "missing, after what is shown before it: 'done'"
    )
    assert told.endswith("the last lines of Terminal 1:\n    beside")


def test_a_line_that_cannot_come_any_more(tmp_path: Path) -> None:
    told = failure(tmp_path, "```console", "$ echo started; false", "started", "```", "", "```console", "done", "```")
    assert told.startswith("text.md:8: chapter 'One', Terminal 1: it has ended, with exit code 1; missing")


def test_a_program_that_does_not_heed_an_interrupt(tmp_path: Path) -> None:
    lines = ["```console", "$ trap '' INT; sh -c 'echo started; sleep 1000'", "started", "^C", "```"]
    told = failure(tmp_path, *lines, patience=IN_VAIN)
    assert told.startswith("text.md:5: chapter 'One', Terminal 1: it has not ended after 4 seconds\ngot:")


def test_a_program_that_ends_with_an_error_when_interrupted(tmp_path: Path) -> None:
    told = failure(
        tmp_path, "```console", "$ sh -c \"trap 'exit 3' INT; echo started; sleep 1000\"", "started", "^C", "```"
    )
    assert told.startswith("text.md:5: chapter 'One', Terminal 1: exit code 3 after Ctrl-C\n")


def test_a_command_typed_where_another_runs(tmp_path: Path) -> None:
    lines = ["```console", "$ bash operator", "```", "", "```console", "started", "$ true", "```"]
    told = failure(tmp_path, *lines, patience=IN_VAIN)
    assert told.startswith(
        "text.md:8: chapter 'One', Terminal 1: the command before still runs in this terminal\n$ true"
    )


def test_nothing_runs_when_the_terminals_are_closed(tmp_path: Path) -> None:
    lines = [
        "```console",
        "$ bash operator & echo $! $$ > pids; bash operator",
        "```",
        "",
        "```console",
        "started",
        "```",
    ]
    with terminals(tmp_path) as opened:
        for chapter in chapters("\n".join(lines)):
            opened.follow(chapter)
        started = [Path("/proc", pid) for pid in (tmp_path / "pids").read_text().split()]
        assert all(process.exists() for process in started)
    wait_until(lambda: not any(process.exists() for process in started))
