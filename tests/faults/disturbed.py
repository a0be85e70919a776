"""nuvop in a process whose clock and event loop a test disturbs: ``python -m tests.faults.disturbed run -n NAMESPACE``.

SIGUSR1 sets its clock to what the file ``$CLOCK`` says, in seconds from the right time; SIGUSR2 blocks its event loop
for 10 seconds. Both are logged. Python's clocks alone are set: a library that would set all of them takes a compiler.
"""

from __future__ import annotations

import datetime
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

BLOCKED_SECONDS = 10.0

_right_time = time.time
_offset = 0.0


class _Datetime(datetime.datetime):
    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> _Datetime:
        return cls.fromtimestamp(time.time(), tz)


def _set_clock(*_: Any) -> None:
    global _offset
    _offset = float(Path(os.environ["CLOCK"]).read_text())
    print(f"the clock was set by {_offset:g} s", file=sys.stderr, flush=True)


def _block(*_: Any) -> None:
    time.sleep(BLOCKED_SECONDS)
    print("the event loop was blocked", file=sys.stderr, flush=True)


def main() -> None:
    """Run kopf's command line, which serves nuvop's kinds."""
    time.time = lambda: _right_time() + _offset
    datetime.datetime = _Datetime  # type: ignore[misc]
    signal.signal(signal.SIGUSR1, _set_clock)
    signal.signal(signal.SIGUSR2, _block)
    from nuvop.cli import kopf_main  # it takes its clock from the modules when it is imported

    kopf_main()


if __name__ == "__main__":
    main()
