"""What is to be typed and seen, as a text's Markdown has it."""

from __future__ import annotations

import pytest

from tests.lab.blocks import Act, Chapter, NotUnderstood, Step, chapters, parts


def text(*lines: str) -> str:
    return "\n".join(lines)


def test_finds_commands_their_output_and_their_lines_by_chapter() -> None:
    found = chapters(
        text(
            "# Title",
            "```console",
            "$ one",
            "",
            "$ two",
            "output",
            "",
            "  more of it",
            "",
            "```",
            "## Second `chapter`",
            "- an item:",
            "  ```console",
            "  $ three   # fails",
            "  ```",
            "## Nothing to do",
            "```yaml",
            "a: b",
            "```",
            "`$ inline` is not typed.",
        )
    )
    assert found == (
        Chapter(
            "the beginning",
            (
                Step(Act.RUN, "Terminal 1", 3, ("one",)),
                Step(Act.RUN, "Terminal 1", 5, ("two",), ("output", "", "  more of it")),
            ),
        ),
        Chapter("Second `chapter`", (Step(Act.RUN, "Terminal 1", 14, ("three   # fails",)),)),
    )
    assert [step.fails for chapter in found for step in chapter.steps] == [False, False, True]


def test_a_command_may_have_several_lines() -> None:
    (chapter,) = chapters(
        text("```console", "$ cat > f <<END", "> a", ">", ">  b", "> END", "output", "> output", "```")
    )
    assert chapter.steps == (
        Step(Act.RUN, "Terminal 1", 2, ("cat > f <<END", "a", "", " b", "END"), ("output", "> output")),
    )


def test_what_follows_in_its_terminal_says_that_a_command_goes_on_running() -> None:
    (chapter,) = chapters(
        text(
            '```console title="Terminal 2"',
            "$ operator",
            "…",
            "started",
            "```",
            "```console",
            "$ apply",
            "```",
            '```console title="Terminal 2"',
            "made",
            "^C",
            "stopped",
            "$ again",
            "```",
        )
    )
    assert chapter.steps == (
        Step(Act.START, "Terminal 2", 2, ("operator",), ("…", "started")),
        Step(Act.RUN, "Terminal 1", 7, ("apply",)),
        Step(Act.SEE, "Terminal 2", 10, (), ("made",)),
        Step(Act.INTERRUPT, "Terminal 2", 11, (), ("stopped",)),
        Step(Act.RUN, "Terminal 2", 13, ("again",)),
    )


@pytest.mark.parametrize("info", ["", "bash", "sh", "shell"])
def test_commands_that_no_test_would_find_are_refused(info: str) -> None:
    with pytest.raises(NotUnderstood, match=r"^2: commands stand in ```console"):
        chapters(text("text", f"```{info}", "$ one", "```"))


@pytest.mark.parametrize("line", ["output", "^C"])
def test_output_of_nothing_is_refused(line: str) -> None:
    with pytest.raises(NotUnderstood, match=r"^6: nothing runs in Terminal 2"):
        chapters(text("```console", "$ one", "```", "", '```console title="Terminal 2"', line, "```"))


def test_a_part_begins_where_a_chapter_starts_a_cluster() -> None:
    def typing(title: str, command: str) -> list[str]:
        return [f"## {title}", "```console", f"$ {command}", "```"]

    lines = [
        *typing("Before", "export A=b"),
        *typing("One", "kubectl get nodes"),
        *typing("Two", "task cluster:up NODES=3"),
        *typing("Three", "kubectl get nodes"),
        *typing("Four", "task cluster:up"),
    ]
    assert [[chapter.title for chapter in part] for part in parts(text(*lines))] == [
        ["Before", "One"],
        ["Two", "Three"],
        ["Four"],
    ]
