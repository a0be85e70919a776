import json
from pathlib import Path
from typing import Any

import pytest

from lab.bench.audit import AuditLog, Request, by_verb, requests

USER = "system:serviceaccount:bench-users:contestant"


def event(verb: str = "get", user: str = USER, stage: str = "ResponseComplete", **more: Any) -> bytes:
    return json.dumps(
        {
            "stage": stage,
            "verb": verb,
            "user": {"username": user},
            "requestURI": "/apis/apps/v1/namespaces/bench/deployments",
            "objectRef": {"resource": "deployments"},
            **more,
        },
        separators=(",", ":"),
    ).encode()


def test_requests_of_others_do_not_count() -> None:
    others = ["kwok-admin", "system:serviceaccount:bench-users:driver", f"{USER}2"]

    assert list(requests([event(user=user) for user in others], USER)) == []


def test_a_user_named_in_another_place_of_an_entry_does_not_count() -> None:
    entry = event(user="kwok-admin", impersonatedUser={"username": USER})

    assert list(requests([entry], USER)) == []


def test_a_watch_counts_when_it_is_opened_and_not_when_it_ends() -> None:
    assert list(requests([event("watch", stage="ResponseStarted")], USER)) == [Request("watch", "deployments")]
    assert list(requests([event("watch", stage="ResponseComplete")], USER)) == []


def test_other_requests_count_once_when_they_are_answered() -> None:
    entries = [event("get", stage="ResponseStarted"), event("get", stage="ResponseComplete")]

    assert list(requests(entries, USER)) == [Request("get", "deployments")]


def test_a_dry_run_is_no_write() -> None:
    (found,) = requests([event("patch", requestURI="/apis/apps/v1/x?dryRun=All&force=true")], USER)

    assert found == Request("dry-run", "deployments")
    assert not found.is_write


def test_what_concerns_no_resource_is_discovery() -> None:
    entry = json.loads(event(requestURI="/apis"))
    del entry["objectRef"]

    assert list(requests([json.dumps(entry, separators=(",", ":")).encode()], USER)) == [Request("discovery", "/apis")]


def test_a_subresource_is_told() -> None:
    entry = event("patch", objectRef={"resource": "benches", "subresource": "status"})

    assert list(requests([entry], USER)) == [Request("patch", "benches/status")]


@pytest.mark.parametrize("verb", ["create", "update", "patch", "delete", "deletecollection"])
def test_writes(verb: str) -> None:
    assert Request(verb, "deployments").is_write


@pytest.mark.parametrize(
    ("verb", "resource"), [("get", "deployments"), ("watch", "x"), ("create", "selfsubjectaccessreviews")]
)
def test_questions_are_no_writes(verb: str, resource: str) -> None:
    assert not Request(verb, resource).is_write


def test_leases_and_watches_are_housekeeping() -> None:
    assert Request("update", "leases").is_housekeeping
    assert Request("watch", "deployments").is_housekeeping
    assert not Request("list", "deployments").is_housekeeping


def test_by_verb_counts_the_most_frequent_first() -> None:
    found = [Request("get", "a"), Request("patch", "b"), Request("patch", "c")]

    assert list(by_verb(found).items()) == [("patch", 2), ("get", 1)]


def test_an_audit_log_is_read_from_where_it_stood(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    path.write_bytes(event("create") + b"\n")
    log = AuditLog(path, USER)
    assert log.new() == []

    with path.open("ab") as file:
        file.write(event("get") + b"\n" + event("patch")[:40])
    assert log.new() == [Request("get", "deployments")]

    with path.open("ab") as file:
        file.write(event("patch")[40:] + b"\n")
    assert log.new() == [Request("patch", "deployments")]
    assert log.new() == []


def test_a_rotated_audit_log_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    path.write_bytes(event() + b"\n")
    log = AuditLog(path, USER)
    path.write_bytes(b"")

    with pytest.raises(OSError, match="rotated"):
        log.new()
