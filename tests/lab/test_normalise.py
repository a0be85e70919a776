"""What counts as the same output, and what does not."""

from __future__ import annotations

import pytest

from tests.lab.normalise import difference, seen


@pytest.mark.parametrize(
    ("shown", "got"),
    [
        ("pod/obj-demo-deploy-7d5b8c9f6d-x2k4v created", "pod/obj-demo-deploy-5c689d88bb-qqqq2 created"),
        ("replicaset.apps/demo-deploy-7d5b8c9f6d", "replicaset.apps/demo-deploy-5c689d88bb"),
        ("obj   2   5s", "obj   2   1m10s"),
        ("NAME   COUNT   AGE", "NAME    COUNT   AGE"),
        ("[2026-01-01 10:00:00,123] text", "[2027-11-30 23:59:59,999] text"),
        ("time: 2026-01-01T10:00:00Z", "time: 2027-11-30T23:59:59Z"),
        ("line", "\x1b[1mline\x1b[0m  "),
        ("line", "line\n\n"),
        ("…", ""),
        ("…", "a\nb"),
        ("a\n…\nc", "a\nc"),
        ("a\n…\nc", "a\nb\nc\nb\nc"),
        ("…\nc\nd", "c\nc\nd"),
        ("a … c (1)", "a lot of b c (1)"),
    ],
)
def test_the_same(shown: str, got: str) -> None:
    assert difference(shown.split("\n"), got.split("\n")) == ""


@pytest.mark.parametrize(
    ("shown", "got", "why"),
    [
        ("a\nb", "a\nc", "missing, after what is shown before it: 'b'"),
        ("a\nb", "a", "missing, after what is shown before it: 'b'"),
        ("a", "a\nb", "there is more than that, from 'b' on"),
        ("a\n…\nc", "a\nb\nc\nd", "there is more than that, from 'd' on"),
        ("…\nb\na", "a\nb", "missing, after what is shown before it: 'a'"),
        ("cpu: 10m", "cpu: 20m", "missing, after what is shown before it: 'cpu: 10m'"),
        ("  a: b", "    a: b", "missing, after what is shown before it: '  a: b'"),
        ("obj   2   5s", "obj   3   5s", "missing, after what is shown before it: 'obj  2  <age>'"),
        ("on 127.0.0.1:80", "on 0.0.0.0:80", "missing, after what is shown before it: 'on 127.0.0.1:80'"),
        ("demo-nginx", "demo-httpd", "missing, after what is shown before it: 'demo-nginx'"),
    ],
)
def test_not_the_same(shown: str, got: str, why: str) -> None:
    assert difference(shown.split("\n"), got.split("\n")) == why


def test_what_goes_on_is_seen_as_far_as_it_is_shown() -> None:
    log = ["start", "noise", "one", "two", "noise"]
    assert seen(["start"], log) == (1, "")
    assert seen(["…", "one", "two"], log) == (4, "")
    assert seen(["one"], log) == (None, "missing, after what is shown before it: 'one'")
    assert seen(["…", "one", "noise"], log) == (None, "missing, after what is shown before it: 'noise'")
