"""What the demo looks like: steps, commands, their output, and what it means."""

from __future__ import annotations

import os
import shlex
import sys
import time
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

READING_SECONDS = 1.5
"""How long somebody at a terminal gets to read what a step meant."""

MARGIN = "  "


class Style(StrEnum):
    """Parameters of the terminal's escape sequence for colours."""

    HEADING = "1"
    COMMAND = "36"
    MEANING = "32"
    FAILURE = "31"


class Show:
    """Writes the demo to a stream: in colours, and slowly enough to follow, where that is a terminal."""

    def __init__(self, stream: TextIO, steps: int) -> None:
        self._stream = stream
        self._steps = steps
        self._terminal = stream.isatty()
        self._colours = self._terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self._count = 0
        self.current = ""
        """The heading of the step that has begun."""

    def step(self, title: str) -> None:
        """Begin the next step."""
        self._count += 1
        self.current = f"{self._count}/{self._steps}  {title}"
        self.heading(self.current)

    def heading(self, text: str) -> None:
        """Begin a part."""
        self._write(f"\n{self._styled(text, Style.HEADING)}\n")

    def command(self, words: Sequence[str]) -> None:
        """Show a command before it runs, as one would type it in the project's folder."""
        self.typed(shlex.join(words))

    def typed(self, line: str) -> None:
        """Show a line for the shell."""
        self._write(f"{MARGIN}{self._styled(f'$ {line}', Style.COMMAND)}\n")

    def output(self, text: str) -> None:
        """Show what a command said, unchanged but for the margin."""
        self._write("".join(f"{MARGIN}{line}\n" for line in text.splitlines()))

    def meaning(self, text: str) -> None:
        """Say what just happened and why it matters, and leave time to read it."""
        self._write(f"{MARGIN}{self._styled(f'→ {text}', Style.MEANING)}\n")
        if self._terminal:
            time.sleep(READING_SECONDS)

    def aside(self, text: str) -> None:
        """Tell what is good to know while something runs."""
        self._write(f"{MARGIN}({text})\n")

    def failure(self, text: str) -> None:
        """Say what went wrong."""
        self._write(f"\n{self._styled(text, Style.FAILURE)}\n")

    def _styled(self, text: str, style: Style) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if self._colours else text

    def _write(self, text: str) -> None:
        # In one piece, and flushed: another thread shows a watch's rows, and stderr has lines of its own.
        self._stream.write(text)
        self._stream.flush()


def on_standard_output(steps: int) -> Show:
    """A show on standard output, whatever characters that can hold."""
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr] # it is a text file, as Python opens it
    return Show(sys.stdout, steps)
