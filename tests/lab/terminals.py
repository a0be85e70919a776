"""The shells of somebody who follows a tutorial, each in a terminal of its own, and its steps carried out in them."""

from __future__ import annotations

import os
import re
import signal
import time
from itertools import chain, repeat
from typing import TYPE_CHECKING

import pexpect

from tests.lab import normalise
from tests.lab.blocks import Act, Chapter, Step
from tests.terminal import heed_interrupts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

LOOK_SECONDS = 0.1
SEEN_SECONDS = 120.0
"""How long a program that runs may take to print what the document shows: it builds nothing meanwhile."""

LAST_LINES = 40
"""How much a failure shows of what runs for long."""

_PROMPT, _PROMPTED = "\x1e$?\x1f", "\x1e([0-9]+)\x1f"
"""The exit code of the last command, between characters that no program writes."""


class Failed(Exception):
    """A step does not come true; the message tells where it stands, what was typed, expected and got."""


class Terminal:
    """A bash. What is typed is not echoed, so all that it shows is output."""

    def __init__(self, folder: Path, environment: Mapping[str, str], patience: float) -> None:
        self._bash: pexpect.spawn[str] = pexpect.spawn(
            "bash",
            ["--noprofile", "--norc", "--noediting"],  # its line editor would echo
            cwd=folder,
            env={**environment, "PS1": _PROMPT, "PS2": ""},
            echo=False,
            encoding="utf-8",
            codec_errors="replace",
            dimensions=(40, 120),
            preexec_fn=heed_interrupts,
        )
        self.code: int | None = None
        """Exit code of the last command; None while it runs."""
        self._output = ""
        self._passed = 0
        if not self.wait(patience):
            raise Failed(f"bash shows no prompt: {self._output}")

    def type(self, lines: Sequence[str]) -> None:
        """Type a command."""
        self.code, self._output, self._passed = None, "", 0
        for line in lines:
            self._bash.sendline(line)

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self._bash.sendintr()

    def wait(self, seconds: float) -> bool:
        """Whether the command ends within so many seconds. What it writes meanwhile is read."""
        if self.code is None:
            which = self._bash.expect([_PROMPTED, pexpect.TIMEOUT, pexpect.EOF], timeout=seconds)
            self._output = str(self._bash.before)
            if which == 0 and isinstance(self._bash.match, re.Match):
                self.code = int(self._bash.match[1])
            elif which == 2:
                raise Failed(f"the shell itself has ended, after: {self._output}")
        return self.code is not None

    def lines(self) -> list[str]:
        """The lines that the command has written, without those that are passed and one that is not whole yet."""
        lines = self._output.replace("\r\n", "\n").split("\n")
        if self.code is None or not lines[-1]:
            lines.pop()
        return lines[self._passed :]

    def go_past(self, count: int) -> None:
        """Let the next lines be passed."""
        self._passed += count

    def close(self) -> None:
        """End what runs, and the shell."""
        if self.code is None:
            self.interrupt()
            if not self.wait(10):
                os.killpg(os.tcgetpgrp(self._bash.child_fd), signal.SIGKILL)
        self._bash.close(force=True)


class Terminals:
    """All terminals of somebody who follows a text; those that it names open by themselves, in the same folder."""

    def __init__(self, document: str, folder: Path, environment: Mapping[str, str], patience: float) -> None:
        """`patience`: seconds that anything may take."""
        self._document, self._folder, self._environment, self._patience = document, folder, environment, patience
        self._open: dict[str, Terminal] = {}

    def __enter__(self) -> Terminals:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for terminal in self._open.values():
            terminal.close()

    def follow(self, chapter: Chapter) -> None:
        """Carry out a chapter's steps; raises Failed at the first that does not come true."""
        for step in chapter.steps:
            try:
                self._carry_out(step, self._terminal(step.terminal))
            except Failed as failed:
                raise Failed(self._told(chapter, step, str(failed))) from None

    def _terminal(self, name: str) -> Terminal:
        if name not in self._open:
            self._open[name] = Terminal(self._folder, self._environment, self._patience)
        return self._open[name]

    def _carry_out(self, step: Step, terminal: Terminal) -> None:
        match step.act:
            case Act.RUN:
                self._type(step, terminal)
                self._see_the_end(step, terminal)
            case Act.START:
                self._type(step, terminal)
                self._see(step.shown, terminal)
            case Act.SEE:
                self._see([normalise.ANYTHING, *step.shown], terminal)
            case Act.INTERRUPT:
                terminal.interrupt()
                self._wait(terminal)
                if terminal.code not in (0, 128 + signal.SIGINT):
                    raise Failed(f"exit code {terminal.code} after Ctrl-C")
                self._see([normalise.ANYTHING, *step.shown], terminal)

    def _type(self, step: Step, terminal: Terminal) -> None:
        if not terminal.wait(self._patience):
            raise Failed("the command before still runs in this terminal")
        terminal.type(step.typed)

    def _see_the_end(self, step: Step, terminal: Terminal) -> None:
        self._wait(terminal)
        if (terminal.code != 0) != step.fails:
            raise Failed(f"exit code {terminal.code}")
        if step.shown and (why := normalise.difference(step.shown, terminal.lines())):
            raise Failed(why)

    def _wait(self, terminal: Terminal) -> None:
        if not terminal.wait(self._patience):
            raise Failed(f"it has not ended after {self._patience:g} seconds")

    def _see(self, shown: Sequence[str], terminal: Terminal) -> None:
        patience = min(self._patience, SEEN_SECONDS)
        deadline = time.monotonic() + patience
        while True:
            ended = terminal.wait(LOOK_SECONDS)
            count, missing = normalise.seen(shown, terminal.lines())
            if count is not None:
                terminal.go_past(count)
                return
            if ended:
                raise Failed(f"it has ended, with exit code {terminal.code}; {missing}")
            if time.monotonic() > deadline:
                raise Failed(f"not seen within {patience:g} seconds; {missing}")

    def _told(self, chapter: Chapter, step: Step, why: str) -> str:
        parts = [f"{self._document}:{step.line}: chapter {chapter.title!r}, {step.terminal}: {why}"]
        parts += [f"{mark} {line}" for mark, line in zip(chain("$", repeat(">")), step.typed, strict=False)]
        parts += ["expected:", *_indented(step.shown)] if step.shown else []
        for name, terminal in self._open.items():
            which = "got" if name == step.terminal else f"the last lines of {name}"
            parts += [f"{which}:", *_indented(terminal.lines()[-LAST_LINES:])]
        return "\n".join(parts)


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"    {line}" for line in lines] or ["    (nothing)"]
