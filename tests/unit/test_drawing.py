"""A tree as lines and as JSON."""

import json
from dataclasses import replace
from typing import Any

import pytest

from nuvop import drawing
from nuvop.complaints import Complaint
from nuvop.drawing import Style
from nuvop.objects import ObjectKey
from nuvop.tree import Node, Owned, State

NOW = 1000.0


def node(name: str, *children: Node, state: State = State.READY, where: str = "", **more: Any) -> Node:
    kind, _, called = name.partition("/")
    return Node(ObjectKey("", kind, "demo", called), name, where, state, children=children, **more)


def plain(text: str, style: Style) -> str:
    return text


def marked(text: str, style: Style) -> str:
    return f"<{style}:{text}>"


PODS = (
    node("Pod/obj-web-1-a"),
    node(
        "Pod/obj-web-1-b",
        state=State.FAILED,
        message="container main: ErrImagePull, which is said at some length here",
        complaints=(Complaint(940, 7, 'BackOff: Back-off pulling image "nginx:none"'), Complaint(400, 1, "Failed: x")),
    ),
)
ROOT = node(
    "samples/obj",
    node(
        "Deployment/obj-web",
        node("ReplicaSet/obj-web-1", *PODS, state=State.IN_PROGRESS, message="1 of 2 replicas are ready"),
        state=State.IN_PROGRESS,
        message="1 of 2 replicas are available",
        drift=("spec.paused was changed by kubectl",),
        managers=(
            Owned("hpa", ("replicas",), is_shared=False),
            Owned("helm", ("a", "b", "c", "d", "e"), is_shared=True),
        ),
    ),
    node("ConfigMap/obj-config", where="in other"),
    node("Secret/obj-pass", state=State.MISSING, message="is not there"),
    where="in demo",
    state=State.STALLED,
    message="HealthCheckFailed: Deployment/obj-web",
    notes=("Suspended: nothing is changed until the annotation is taken off",),
)


def test_on_a_terminal() -> None:
    assert drawing.lines(ROOT, NOW, 90, plain) == [
        "samples/obj in demo               Stalled     HealthCheckFailed: Deployment/obj-web",
        "│    Suspended: nothing is changed until the annotation is taken off",
        "├─ Deployment/obj-web             InProgress  1 of 2 replicas are available",
        "│  │    ~ spec.paused was changed by kubectl",
        "│  │    owned by hpa: replicas",
        "│  │    owned by helm and nuvop: a, b, c and 2 more",
        "│  └─ ReplicaSet/obj-web-1        InProgress  1 of 2 replicas are ready",
        "│     ├─ Pod/obj-web-1-a          Ready",
        "│     └─ Pod/obj-web-1-b          Failed",
        "│             container main: ErrImagePull, which is said at some length here",
        '│             ! 60s ago, 7 times: BackOff: Back-off pulling image "nginx:none"',
        "│             ! 10m ago: Failed: x",
        "├─ ConfigMap/obj-config in other  Ready",
        "└─ Secret/obj-pass                Missing     is not there",
    ]


def test_on_a_narrow_terminal() -> None:
    found = drawing.lines(ROOT, NOW, 60, plain)
    assert found[:4] == [
        "samples/obj in demo             Stalled",
        "│    HealthCheckFailed: Deployment/obj-web",
        "│    Suspended: nothing is changed until the annotation is",
        "│    taken off",
    ]
    # A name that is longer than its column moves its own line only.
    assert found[-2:] == [
        "├─ ConfigMap/obj-config in other  Ready",
        "└─ Secret/obj-pass              Missing     is not there",
    ]


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 200])
def test_no_line_is_longer_than_the_terminal(width: int) -> None:
    long = replace(ROOT, message="word " * 100, notes=(f"{'y' * 30} {'z ' * 300}",))
    found = drawing.lines(long, NOW, width, plain)
    assert max(map(len, found)) <= max(width, 44), "on 40 columns every text has 30 of them all the same"
    told = " ".join(line[5:] for line in found)
    assert (told.count("word"), told.count("z")) == (100, 300)


def test_without_a_terminal_each_thing_is_a_line() -> None:
    found = drawing.lines(ROOT, NOW, None, plain)
    assert len(found) == 13
    assert found[8] == (
        "│     └─ Pod/obj-web-1-b          Failed      container main: ErrImagePull, which is said at some length here"
    )


def test_what_is_coloured() -> None:
    found = drawing.lines(ROOT, NOW, 90, marked)
    assert found[0].endswith("<bad:Stalled   >  HealthCheckFailed: Deployment/obj-web")
    assert found[3] == "│  │  <waiting:  ~ spec.paused was changed by kubectl>"
    assert found[4] == "│  │  <aside:  owned by hpa: replicas>"
    assert found[7].endswith("  <good:Ready>")
    assert found[-4] == '│           <bad:  ! 60s ago, 7 times: BackOff: Back-off pulling image "nginx:none">'


def test_a_warning_about_what_is_ready_is_less_bad() -> None:
    root = node("samples/obj", complaints=(Complaint(999, 1, "A: b"),))
    assert drawing.lines(root, NOW, 80, marked)[1] == "   <waiting:  ! 1s ago: A: b>"


def test_many_that_are_alike_are_counted() -> None:
    pods = [node(f"Pod/p{number:02}") for number in range(14)]
    pods[5] = replace(pods[5], state=State.FAILED)
    found = drawing.lines(node("samples/obj", *pods), NOW, 80, plain)
    assert [line.split()[1:] for line in found[1:]] == [
        ["Pod/p00", "Ready"],
        ["Pod/p01", "Ready"],
        ["Pod/p02", "Ready"],
        ["Pod/p05", "Failed"],
        ["10", "more", "of", "kind", "Pod", "Ready"],
    ]
    assert len(drawing.lines(node("samples/obj", *pods[:11]), NOW, 80, plain)) == 12


def test_nothing_that_a_terminal_would_obey() -> None:
    root = node("samples/obj", message="a\x1b[31mb\r\nc\x07", notes=("x\ty\x9b",), drift=("\x1b]0;t\x07",))
    assert all(line.isprintable() for line in drawing.lines(root, NOW, None, plain))
    assert drawing.lines(root, NOW, None, plain)[0].endswith(r"a\x1b[31mb c\x07")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0s"), (0.9, "0s"), (119, "119s"), (120, "2m"), (7199, "119m"), (7200, "2h"), (172800, "2d")],
)
def test_ages(seconds: float, text: str) -> None:
    assert drawing.age(seconds) == text


def test_for_a_program() -> None:
    found = drawing.as_json(ROOT)
    assert json.loads(json.dumps(found)) == found
    assert (found["well"], found["state"], found["name"]) == (False, "Stalled", "obj")
    web, config, _ = found["children"]
    assert web["managers"][1] == {"manager": "helm", "fields": ["a", "b", "c", "d", "e"], "shared": True}
    assert web["drift"] == ["spec.paused was changed by kubectl"]
    assert config == {"group": "", "kind": "ConfigMap", "namespace": "demo", "name": "obj-config", "state": "Ready"}
    pod = web["children"][0]["children"][1]
    assert pod["warnings"][1] == {"time": 400, "count": 1, "text": "Failed: x"}
