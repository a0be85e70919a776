import logging
from pathlib import Path

import kopf
import pytest

from nuvop import logs


@pytest.mark.parametrize(
    ("message", "is_told"),
    [
        ("Request attempt #1 failed; will retry: GET https://x -> Refused()", True),
        ("Request attempt #1/9 failed; will retry: GET https://x -> Refused()", True),
        ("Request attempt #2 failed; will retry: GET https://x -> Refused()", False),
        ("Request attempt #10 failed; will retry: GET https://x -> Refused()", False),
        ("Request attempt #10 failed; escalating: GET https://x -> Refused()", True),
        ("Request attempt #1 failed; will retry: GET https://x -> 'storage is (re)initializing'", False),
        ("Unresolved resources cannot be served (try creating their CRDs): x", False),
        ("Not enough permissions to watch for resources", True),
    ],
)
def test_what_is_told(message: str, is_told: bool) -> None:
    record = logging.LogRecord("kopf", logging.ERROR, "", 0, message, (), None)
    assert logs._is_news(record) is is_told


def test_a_users_own_handler_is_heard_and_kopf_is_not() -> None:
    kopfs = str(Path(kopf.__file__).parent / "_core/actions/execution.py")
    for level, file, is_told in (
        (logging.INFO, kopfs, False),
        (logging.WARNING, kopfs, True),
        (logging.INFO, "/home/me/extra.py", True),
    ):
        record = logging.LogRecord("kopf.objects", level, file, 1, "x", (), None)
        assert logs._is_users(record) is is_told
