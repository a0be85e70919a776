"""A terminal's screen that is drawn over and over."""

import logging
import os
import shutil
import sys
import termios
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import click

from nuvop.printable import on_one_line

_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l\x1b[?7l", "\x1b[?7h\x1b[?25h\x1b[?1049l"
"""The alternate screen without a cursor, where long lines are cut
(https://invisible-island.net/xterm/ctlseqs/ctlseqs.html)."""
_HOME, _CLEAR, _BELOW = "\x1b[H", "\x1b[2K", "\x1b[J"


def is_terminal() -> bool:
    """Whether the output is a terminal that can be drawn on."""
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"


class Screen:
    """A terminal's screen, as `watch` uses it: what was on it before is there again in the end."""

    def __init__(self, title: str) -> None:
        """``title`` stands in the first line, beside the time."""
        self._title = title
        self._said = ""
        self._is_taken = False

    def draw(self, lines: Sequence[str]) -> None:
        """Show lines, as many as there is room for; what was last said stands below them."""
        if not self._is_taken:
            sys.stdout.write(_ENTER)
            self._is_taken = True
        width, height = shutil.get_terminal_size()
        left = max(width - 10, 0)
        head = f"{self._title[:left].ljust(left)}  {time.strftime('%H:%M:%S')}"
        foot = [self._said[:width]] if self._said else []
        # The last line stays empty: at its end the screen would scroll.
        room = max(height - 3 - len(foot), 1)
        shown = list(lines[:room])
        if len(lines) > room:
            shown[-1] = click.style(f"… and {len(lines) - room + 1} more lines", dim=True)
        text = "\r\n".join(f"{_CLEAR}{line}" for line in [click.style(head, dim=True), "", *shown, *foot])
        context = click.get_current_context(silent=True)
        if context is not None and context.color is False:
            text = click.unstyle(text)
        sys.stdout.write(f"{_HOME}{text}\r\n{_BELOW}")
        sys.stdout.flush()

    @contextmanager
    def shown(self, draw_again: Callable[[], None]) -> Iterator[None]:
        """Have the terminal, and its screen from the first `draw` on: an error before that needs none.

        ``draw_again`` is called when there is something new to say at the bottom of it.
        """
        handler = _Handler(self._say, draw_again)
        logging.getLogger().addHandler(handler)
        try:
            with _silent_keys():
                yield
        finally:
            logging.getLogger().removeHandler(handler)
            if self._is_taken:
                sys.stdout.write(_LEAVE)
                sys.stdout.flush()

    def _say(self, text: str) -> None:
        self._said = f"{time.strftime('%H:%M:%S')} {on_one_line(text)}"


class _Handler(logging.Handler):
    """Takes what is logged: written to the terminal it would disturb what is drawn there."""

    def __init__(self, say: Callable[[str], None], draw_again: Callable[[], None]) -> None:
        super().__init__(logging.WARNING)
        self._say_it, self._draw_again = say, draw_again

    def emit(self, record: logging.LogRecord) -> None:
        """Hand it on."""
        self._say_it(record.getMessage())
        self._draw_again()


@contextmanager
def _silent_keys() -> Iterator[None]:
    """Keys are not shown while this lasts."""
    if not sys.stdin.isatty():
        yield
        return
    keyboard = sys.stdin.fileno()
    before = termios.tcgetattr(keyboard)
    silent = termios.tcgetattr(keyboard)
    silent[3] &= ~termios.ECHO
    termios.tcsetattr(keyboard, termios.TCSANOW, silent)
    try:
        yield
    finally:
        termios.tcsetattr(keyboard, termios.TCSAFLUSH, before)
