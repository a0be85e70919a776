"""A program at a terminal, as a user has it: what it writes, what is on the screen, and its exit code."""

import fcntl
import os
import re
import signal
import struct
import subprocess
import termios
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

_SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
"""What a terminal obeys: https://en.wikipedia.org/wiki/ANSI_escape_code#CSI."""

HOME, BELOW = "\x1b[H", "\x1b[J"
"""A drawing begins with the one and ends with the other."""
ALTERNATE, NORMAL = "\x1b[?1049h", "\x1b[?1049l"


def heed_interrupts() -> None:
    """Have SIGINT end this process, as it does in a shell's foreground.

    What a shell has started in the background ignores it, and so does all that is started by that: the tests, say.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Terminal:
    """A terminal with one program in its foreground."""

    def __init__(
        self, command: Sequence[str | Path], environment: Mapping[str, str], *, columns: int = 100, rows: int = 40
    ) -> None:
        self._ours, theirs = os.openpty()
        self._size(columns, rows)
        self._written = b""

        def prepare() -> None:
            heed_interrupts()
            os.login_tty(theirs)

        self._process = subprocess.Popen(
            command,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={"TERM": "xterm-256color", **environment},
            preexec_fn=prepare,
        )
        os.close(theirs)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self.wait()
        os.close(self._ours)

    @property
    def written(self) -> str:
        """All that was written so far."""
        return self._written.decode(errors="replace")

    def screen(self) -> list[str]:
        """The lines of the last drawing that is whole, without what is for the terminal alone."""
        # Of a line's end the terminal makes \r\n, also where there was a \r before.
        drawn = self.written.rpartition(BELOW)[0].rpartition(HOME)[2].replace("\r", "")
        return [line.rstrip() for line in _SEQUENCE.sub("", drawn).splitlines()]

    def press(self, keys: str) -> None:
        """Press keys, such as Ctrl-C."""
        os.write(self._ours, keys.encode())

    def resize(self, columns: int, rows: int) -> None:
        """Make the terminal larger or smaller."""
        self._size(columns, rows)
        self._process.send_signal(signal.SIGWINCH)

    def end(self, signal_: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(signal_)

    def echoes(self) -> bool:
        """Whether keys are shown."""
        return bool(termios.tcgetattr(self._ours)[3] & termios.ECHO)

    def wait(self) -> int:
        """The exit code, once the program has ended."""
        code = self._process.wait(60)
        self._reader.join(10)
        return code

    def _size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def _read(self) -> None:
        while True:
            try:
                read = os.read(self._ours, 65536)
            except OSError:  # how Linux tells that nobody has the terminal any more
                return
            if not read:
                return
            self._written += read
