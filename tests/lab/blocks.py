"""What a reader of a tutorial is to do, step by step, read from its Markdown.

A fenced block ```` ```console ```` is what a terminal shows, ```` ```console title="Terminal 2" ```` what another one:

| a line          | is                                                                                     |
|-----------------|----------------------------------------------------------------------------------------|
| ``$ command``   | typed; it must end with exit code 0, with another where a line of it ends in ``# fails`` |
| ``> more``      | typed too: a command's next line                                                       |
| ``^C``          | Ctrl-C                                                                                 |
| ``…``           | any number of lines that are not shown; inside of a line, anything                     |
| any other       | output, of the command above, or in a block without one of what runs in that terminal  |

A command after which its terminal shows a ``^C``, or a block that does not begin with a command, goes on running. What
is not shown is not compared: neither the output of a command with nothing beneath it, nor what comes after the lines
that are shown of one that goes on running.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, replace
from enum import Enum, auto

from markdown_it import MarkdownIt

FIRST_TERMINAL = "Terminal 1"
COMMAND, CONTINUATION, INTERRUPT = "$ ", "> ", "^C"
CLUSTER = "task cluster:up"
"""What starts a cluster."""

_SHELLS = {"bash", "sh", "shell", "shell-session"}
_FAILS = re.compile(r"\s# fails$")


class Act(Enum):
    """What happens in a step."""

    RUN = auto()
    """Type a command, and see it end."""
    START = auto()
    """Type a command that goes on running."""
    SEE = auto()
    """See what a running command writes."""
    INTERRUPT = auto()
    """Press Ctrl-C, and see the command end."""


@dataclass(frozen=True)
class Step:
    act: Act
    terminal: str
    line: int
    typed: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    """The output as the text has it; nothing where it has none."""

    @property
    def fails(self) -> bool:
        """Whether the command is to fail."""
        return any(map(_FAILS.search, self.typed))


@dataclass(frozen=True)
class Chapter:
    """A heading of the second level and what follows it, or what comes before the first."""

    title: str
    steps: tuple[Step, ...]


class NotUnderstood(Exception):
    """A line of the text says nothing that could be done; the message tells which, and why."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(f"{line}: {why}")


@dataclass(frozen=True)
class _Block:
    terminal: str
    line: int
    """Of its first line of content."""
    lines: tuple[str, ...]


def chapters(markdown: str) -> tuple[Chapter, ...]:
    """The chapters of a text that have something to do.

    Raises NotUnderstood for a block of shell commands that is none of a console, and for what cannot be done.
    """
    found: list[tuple[str, list[Step]]] = [("the beginning", [])]
    tokens = MarkdownIt().parse(markdown)
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        if token.type == "heading_open" and token.tag == "h2" and following:
            found.append((following.content, []))
        elif token.type == "fence" and token.map:
            block = _block(token.info, token.map[0] + 1, token.content)
            found[-1][1].extend(_steps(block) if block else [])
    going_on = _going_on([step for _, steps in found for step in steps])
    return tuple(
        Chapter(title, tuple(replace(step, act=Act.START) if step.line in going_on else step for step in steps))
        for title, steps in found
        if steps
    )


def parts(markdown: str) -> tuple[tuple[Chapter, ...], ...]:
    """The same, divided where a chapter starts a cluster: each part can be followed without those before it."""
    found: list[list[Chapter]] = []
    for chapter in chapters(markdown):
        if not found or any(CLUSTER in line for step in chapter.steps for line in step.typed):
            found.append([])
        found[-1].append(chapter)
    return tuple(map(tuple, found))


def _block(info: str, fence: int, content: str) -> _Block | None:
    """A block of a console, None for one of anything else."""
    language, *attributes = shlex.split(info) or [""]
    if language in _SHELLS or (not language and content.startswith(COMMAND)):
        raise NotUnderstood(fence, "commands stand in ```console, each after `$ `, so that a test finds them")
    if language != "console":
        return None
    names = dict(attribute.partition("=")[::2] for attribute in attributes)
    return _Block(names.get("title", FIRST_TERMINAL), fence + 1, tuple(content.splitlines()))


def _steps(block: _Block) -> list[Step]:
    steps: list[Step] = []
    may_continue = False
    for number, text in enumerate(block.lines, block.line):
        continues = may_continue and (text + " ").startswith(CONTINUATION)
        if text.startswith(COMMAND):
            steps.append(Step(Act.RUN, block.terminal, number, typed=(text.removeprefix(COMMAND),)))
        elif continues:
            steps[-1] = replace(steps[-1], typed=(*steps[-1].typed, text.removeprefix(">").removeprefix(" ")))
        elif text == INTERRUPT:
            steps.append(Step(Act.INTERRUPT, block.terminal, number))
        elif steps:
            steps[-1] = replace(steps[-1], shown=(*steps[-1].shown, text))
        else:
            steps.append(Step(Act.SEE, block.terminal, number, shown=(text,)))
        may_continue = text.startswith(COMMAND) or continues
    return [replace(step, shown=_without_blank_ends(step.shown)) for step in steps]


def _without_blank_ends(lines: tuple[str, ...]) -> tuple[str, ...]:
    """Blank lines at the end separate what is shown from the next command."""
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    return lines


def _going_on(steps: list[Step]) -> set[int]:
    """The lines of the commands that go on running, as what follows in their terminals says."""
    last: dict[str, Step] = {}
    found = set()
    for step in steps:
        before = last.get(step.terminal)
        if step.act in (Act.SEE, Act.INTERRUPT):
            if before is None or before.act is Act.INTERRUPT:
                raise NotUnderstood(step.line, f"nothing runs in {step.terminal} at this point")
            if before.act is Act.RUN:
                found.add(before.line)
        last[step.terminal] = step
    return found
