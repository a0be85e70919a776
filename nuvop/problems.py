"""Errors of a kind's folder that are gathered, so that one run of a check tells of them all."""

from collections.abc import Iterator
from contextlib import contextmanager

from nuvop.errors import KindError
from nuvop.fields import Pointer

Fault = tuple[Pointer, str]
"""The way to a value of an object, and what is wrong there."""


class Problems:
    """What has been found wrong so far."""

    def __init__(self) -> None:
        self._found: list[KindError] = []

    def add(self, error: KindError) -> None:
        """Take in an error, and what it carries with it."""
        self._found += [error, *error.more]

    @contextmanager
    def caught(self) -> Iterator[None]:
        """Take in the error that the work within ends with, if it does."""
        try:
            yield
        except KindError as error:
            self.add(error)

    def settle(self) -> None:
        """Raise the first error, which carries the others, if there is one."""
        if self._found:
            first, *more = self._found
            first.more = tuple(more)
            raise first
