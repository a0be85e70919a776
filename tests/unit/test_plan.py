"""What a plan says to a person and to a program."""

from collections import Counter
from dataclasses import replace

import pytest

from nuvop import plan as plans
from nuvop.differences import MISSING, Difference
from nuvop.objects import CRKey, ObjectKey
from nuvop.plan import Action, Plan, Planned, Summary


def planned(action: Action, name: str = "web", *found: Difference, cr: str = "a", reason: str = "") -> Planned:
    key = ObjectKey("apps", "Deployment", "demo", f"{cr}-{name}")
    return Planned(action, "apps/v1", key, f"Deployment/*-{name}", found, reason)


def plan(name: str, *objects: Planned, **more: str) -> Plan:
    return Plan(CRKey("samples", "demo", name), objects, **more)


def lines(*found: Plan) -> list[str]:
    return list(plans.lines(found, lambda line, action: f"{line} [{action}]"))


IMAGE = Difference("spec.image", "x:1", "x:2")


def test_one() -> None:
    objects = (
        planned(Action.CREATE, "new"),
        planned(Action.CHANGE, "web", IMAGE, Difference("a", MISSING, 1), Difference("b", "no", MISSING)),
        planned(Action.DELETE, "old"),
        planned(Action.UNCHANGED, "same"),
        planned(Action.CREATE, "secret", reason="with values made once"),
        planned(Action.REFUSE, "theirs", reason="Deployment/a-theirs exists"),
        planned(Action.CHANGE, "hidden", Difference("data.x", None, None, is_secret=True)),
    )
    assert lines(plan("a", *objects, note="noted")) == [
        "samples/a in demo (noted)",
        "  + Deployment/a-new [create]",
        "  ~ Deployment/a-web [change]",
        "      spec.image: x:1 → x:2",
        "      a: + 1",
        "      b: - no",
        "  - Deployment/a-old [delete]",
        "  + Deployment/a-secret (with values made once) [create]",
        "  ! Deployment/a-theirs exists [refuse]",
        "  ~ Deployment/a-hidden [change]",
        "      data.x: (another value)",
        "",
    ]


def test_what_is_the_same_for_several_is_told_once() -> None:
    same = [plan(name, planned(Action.CHANGE, "web", IMAGE, cr=name)) for name in ("a", "b", "c", "d", "e")]
    other = plan("f", planned(Action.CHANGE, "web", replace(IMAGE, before="y"), cr="f"))
    assert lines(*same[:2], other, *same[2:]) == [
        "5 samples: demo/a, demo/b, demo/c and 2 more",
        "  ~ Deployment/*-web [change]",
        "      spec.image: x:1 → x:2",
        "",
        "samples/f in demo",
        "  ~ Deployment/f-web [change]",
        "      spec.image: y → x:2",
        "",
    ]


def test_nothing_is_said_of_what_stays_but_an_error_is() -> None:
    assert lines(plan("a", planned(Action.UNCHANGED))) == []
    assert lines(plan("a", error="it cannot be")) == ["samples/a in demo", "  ! it cannot be [refuse]", ""]


@pytest.mark.parametrize(
    ("actions", "errors", "code"),
    [
        ([], 0, 0),
        ([Action.UNCHANGED], 0, 0),
        ([Action.UNCHANGED, Action.CREATE], 0, 2),
        ([Action.CHANGE], 0, 2),
        ([Action.DELETE], 0, 2),
        ([Action.REFUSE, Action.CHANGE], 0, 1),
        ([Action.CHANGE], 1, 1),
    ],
)
def test_exit_codes(actions: list[Action], errors: int, code: int) -> None:
    assert Summary(Counter(actions), errors).exit_code == code


def test_the_summary() -> None:
    found = [plan("a", planned(Action.CREATE), planned(Action.REFUSE)), plan("b", error="x"), plan("c", error="y")]
    said = "1 to create, 0 to change, 0 to delete, 0 unchanged, 1 refused, 2 resources with errors"
    assert str(plans.summed_up(found)) == said


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("plain", "plain"),
        ("", "''"),
        (" ", "' '"),
        (True, "true"),
        (None, "null"),
        ({"a": ["ü"]}, '{"a": ["ü"]}'),
        ("two\nlines", "two lines"),
        ("x" * 61, "x" * 59 + "…"),
    ],
)
def test_values(value: object, shown: str) -> None:
    assert plans.shown(value) == shown


def test_for_a_program() -> None:
    long = Difference("data.x", MISSING, "x" * 100)
    secret = Difference("data.y", None, None, is_secret=True)
    found = plans.as_json([plan("a", planned(Action.CHANGE, "web", long, secret), note="n")])
    assert found["resources"] == [
        {
            "plural": "samples",
            "namespace": "demo",
            "name": "a",
            "note": "n",
            "objects": [
                {
                    "action": "change",
                    "apiVersion": "apps/v1",
                    "kind": "Deployment",
                    "namespace": "demo",
                    "name": "a-web",
                    "fields": [{"path": "data.x", "to": "x" * 100}, {"path": "data.y", "secret": True}],
                }
            ],
        }
    ]
    counts = {"create": 0, "change": 1, "delete": 0, "refuse": 0, "unchanged": 0, "errors": 0, "exitCode": 2}
    assert found["summary"] == counts
