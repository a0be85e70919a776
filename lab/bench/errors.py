"""What can go wrong in a benchmark."""

from __future__ import annotations


class BenchError(Exception):
    """Something that its reader can act upon: one message that names the contestant, file or value at fault."""


class NotWithin(BenchError):
    """Something did not come true in its time."""


class Interrupted(BaseException):
    """A signal asked the benchmark to end. No Exception, like KeyboardInterrupt: nobody may take it for an error."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number
