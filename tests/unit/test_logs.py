import json
import logging

import pytest
from kopf._core.actions.loggers import ObjectJsonFormatter

from nuvop import logs
from nuvop.objects import CRKey


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


@pytest.mark.parametrize(
    ("logger", "level", "message", "is_told"),
    [
        ("kopf.objects", logging.INFO, "Handler 'nuvop/samples.nuvolaris.org' succeeded.", False),
        ("kopf.objects", logging.ERROR, "Handler 'nuvop/samples.nuvolaris.org' failed", True),
        ("kopf.objects", logging.INFO, "Handler 'mine' succeeded.", True),
        ("kopf.objects", logging.INFO, "what a handler says of 'nuvop/'", True),
        ("kopf.activities.startup", logging.ERROR, "Activity 'nuvop/start' failed permanently: why", False),
        ("kopf.activities.startup", logging.INFO, "Activity 'nuvop/start' succeeded.", True),
        ("kopf.activities.startup", logging.ERROR, "Activity 'mine' failed permanently: why", True),
        ("kopf._core.engines.peering", logging.ERROR, "Request attempt #1 failed; will retry: PATCH x", True),
        ("kopf._core.engines.peering", logging.ERROR, "Request attempt #2 failed; will retry: PATCH x", False),
    ],
)
def test_what_is_told_of_handlers(
    logger: str, level: int, message: str, is_told: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    quiet = ("kopf.objects", "kopf.activities.startup", *logs._WITH_ATTEMPTS)
    filters = [logging.getLogger(name).filters for name in quiet]
    before = [list(each) for each in filters]
    try:
        logs.quieten()
        logs.leave_start_errors_to_cli()
        logging.getLogger(logger).log(level, message)
    finally:
        for each, those in zip(filters, before, strict=True):
            each[:] = those
    assert [record.getMessage() for record in caplog.records] == ([message] if is_told else [])


def test_a_json_line_names_resource_stage_revision_and_duration() -> None:
    """As kopf's own formatter makes it, by which ``--log-format json`` prints."""
    key = CRKey("samples", "demo", "obj")
    extra = logs.about(key, "apply", revision="abc", seconds=0.12345)
    record = logging.getLogger("nuvop").makeRecord(
        "nuvop", logging.INFO, "", 0, "%s: applied", (key,), None, extra=extra
    )
    line = json.loads(ObjectJsonFormatter().format(record))
    assert line["message"] == "samples/obj in demo: applied"
    assert line["cr"] == {"kind": "samples", "namespace": "demo", "name": "obj"}
    assert (line["stage"], line["revision"], line["seconds"]) == ("apply", "abc", 0.123)
    assert logs.about(key, "drift").keys() == {"cr", "stage"}
