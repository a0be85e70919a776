"""How a demo ends before its time."""

from __future__ import annotations


class Refused(Exception):
    """The demo cannot start, or its user does not want it to: one message that says why."""


class StepFailed(Exception):
    """A step did not come true."""

    def __init__(self, expected: str, seen: str) -> None:
        super().__init__(f"expected: {expected}; seen: {seen}")
        self.expected = expected
        self.seen = seen


class Interrupted(BaseException):
    """A signal asked the demo to end. No Exception, like KeyboardInterrupt: nobody may take it for an error."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number
