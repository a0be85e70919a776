"""Unit tests of lab/handlers.py: no cluster, no kubectl, and no hour to wait for."""

import json
from unittest import mock

import kopf
import pytest
from pytest_subprocess import FakeProcess

from lab import handlers

CACHE = kopf.Body(
    {
        "apiVersion": "example.com/v1",
        "kind": "Memcached",
        "metadata": {"name": "cache", "namespace": "demo", "uid": "the-uid"},
    }
)


# unittest.mock takes the place of a function.


def test_a_backup_belongs_to_its_memcached() -> None:
    with mock.patch.object(handlers, "kubectl") as kubectl:
        handlers.make_backup("config", CACHE, number=7)
    metadata = json.loads(kubectl.call_args.kwargs["stdin"])["metadata"]
    assert (metadata["namespace"], metadata["name"]) == ("demo", "cache-backup-7")
    assert metadata["ownerReferences"][0]["uid"] == "the-uid"


def test_a_backup_that_fails_is_tried_again() -> None:
    with (
        mock.patch.object(handlers, "kubectl", side_effect=handlers.KubectlFailed("not now")),
        pytest.raises(kopf.TemporaryError, match="not now"),
    ):
        handlers.make_backup("config", CACHE, number=7)


# pytest-subprocess takes the place of a program: `fp` says what it answers, and knows how it was called.


def test_the_ledger_gets_the_number(fp: FakeProcess) -> None:
    options = ["--kubeconfig", "config", "-n", "demo"]
    command = ["kubectl", *options, "patch", "configmap", "ledger", "--patch", '{"data": {"site": "3"}}']
    fp.register(command)
    handlers.write_into_ledger("config", "demo", "site", 3)
    assert fp.call_count(command) == 1


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ('Error from server (NotFound): configmaps "ledger" not found', kopf.TemporaryError),
        ("data: Forbidden: field is immutable when `immutable` is set", kopf.PermanentError),
        ("something else", handlers.KubectlFailed),
    ],
)
def test_which_errors_pass(fp: FakeProcess, answer: str, error: type[Exception]) -> None:
    fp.register(["kubectl", fp.any()], stderr=answer, returncode=1)
    with pytest.raises(error):
        handlers.write_into_ledger("config", "demo", "site", 3)
