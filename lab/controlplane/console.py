"""How long work talks to the person who waits for it: on stderr, so that stdout holds only results."""

from __future__ import annotations

import sys
import time

HEARTBEAT_SECONDS = 15.0
"""How often progress is told where there is no terminal (a log, a CI job)."""


def say(text: str) -> None:
    """Print one line."""
    print(text, file=sys.stderr, flush=True)


class Progress:
    """One line that says where the work is: rewritten in place on a terminal, elsewhere repeated now and then."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._start = time.monotonic()
        self._told = self._start

    def update(self, text: str) -> None:
        """Tell `text` with the elapsed time."""
        now = time.monotonic()
        line = f"  {_clock(now - self._start)}  {text}"
        if self._terminal:
            # \x1b[K clears what a longer line before left.
            print(f"\r{line}\x1b[K", end="", file=sys.stderr, flush=True)
        elif now - self._told >= HEARTBEAT_SECONDS:
            self._told = now
            say(line)

    def close(self, text: str) -> None:
        """Tell the end of the work, on a line of its own."""
        if self._terminal:
            print("\r\x1b[K", end="", file=sys.stderr)
        say(f"  {_clock(time.monotonic() - self._start)}  {text}")


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60:2d}:{int(seconds) % 60:02d}"
