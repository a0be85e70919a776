"""How plans are counted, and what they are for a program."""

import json
from typing import Any

import pytest

from nuvop import plan as plans
from nuvop.crd import ResourceType
from nuvop.differences import MISSING, Difference, Hidden
from nuvop.objects import CRKey, ObjectKey
from nuvop.plan import Action, Outcome, Plan, Planned, Plans

SAMPLES = ResourceType("nuvolaris.org", "v1", "Sample", "samples")


def planned(action: Action, name: str = "web", *found: Difference, cr: str = "a", **more: Any) -> Planned:
    return Planned(action, "apps/v1", ObjectKey("apps", "Deployment", "demo", f"{cr}-{name}"), found, **more)


def plan(name: str, *objects: Planned, outcome: Outcome = Outcome.APPLIED, **more: Any) -> Plan:
    return Plan(CRKey("samples", "demo", name), outcome, objects=objects, **more)


def of(*found: Plan, **more: Any) -> Plans:
    return Plans((SAMPLES,), found, **more)


def itself(action: Action) -> Planned:
    return Planned(action, "nuvolaris.org/v1", ObjectKey("nuvolaris.org", "Sample", "demo", "a"))


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (of(), 0),
        (of(plan("a", planned(Action.UNCHANGED, is_relabelled=True))), 0),
        (of(plan("a", planned(Action.LEAVE))), 0),
        (of(plan("a", outcome=Outcome.SUSPENDED), plan("b", outcome=Outcome.DELETING)), 0),
        *[
            (of(plan("a", planned(Action.UNCHANGED), planned(action))), 2)
            for action in (Action.CREATE, Action.CHANGE, Action.RECREATE, Action.DELETE, Action.HOLD)
        ],
        (of(plan("a", itself=itself(Action.CHANGE))), 2),
        (of(plan("a"), installed=(planned(Action.CREATE),)), 2),
        (of(plan("a", planned(Action.CHANGE), planned(Action.FAIL))), 1),
        (of(plan("a", planned(Action.CHANGE)), plan("b", outcome=Outcome.STOPPED)), 1),
        (of(plan("a", outcome=Outcome.REFUSED)), 1),
        (of(plan("a"), installed=(planned(Action.FAIL),)), 1),
    ],
)
def test_exit_codes(found: Plans, code: int) -> None:
    assert plans.summed_up(found).exit_code == code


def test_each_resource_is_counted_once_and_each_object() -> None:
    found = of(
        plan("a", planned(Action.CHANGE), planned(Action.UNCHANGED, is_relabelled=True), itself=itself(Action.CREATE)),
        plan("b", planned(Action.CHANGE, is_relabelled=True), planned(Action.FAIL)),
        plan("c", planned(Action.UNCHANGED)),
        plan("d", outcome=Outcome.STOPPED, itself=itself(Action.CHANGE)),
        installed=(planned(Action.UNCHANGED),),
    )
    summary = plans.summed_up(found)
    assert summary.resources == {"changing": 1, "failing": 1, "unchanged": 1, "stopped": 1}
    assert summary.objects == {Action.CREATE: 1, Action.CHANGE: 3, Action.FAIL: 1, Action.UNCHANGED: 3}
    assert summary.relabelled == 1, "what changes otherwise is told anyway"
    both = found + of(plan("e"))
    assert (both.kinds, len(both.plans), len(both.installed)) == ((SAMPLES, SAMPLES), 5, 1)


def test_what_is_held_is_not_deleted() -> None:
    held = plans.held(plan("a", planned(Action.DELETE), planned(Action.CHANGE)), "too much")
    assert [(each.action, each.message) for each in held.objects] == [(Action.HOLD, "too much"), (Action.CHANGE, "")]


def test_for_a_program() -> None:
    differences = (
        Difference("data.x", MISSING, "x" * 100),
        Difference("data.gone", None, MISSING),
        Difference("data.y", Hidden("hunter2"), Hidden("hunter3")),
        Difference("spec", MISSING, {"a": [Hidden("hunter2"), 1]}),
    )
    found = of(
        plan("a", planned(Action.CHANGE, "web", *differences, message="m"), notes=("n",), itself=itself(Action.CREATE)),
        plan("b", outcome=Outcome.STOPPED, reason="NotOwned", message="why"),
    )
    told = plans.as_json(found)
    assert "hunter" not in json.dumps(told)
    head = {"namespace": "demo", "relabelled": False, "fields": []}
    assert told["resources"] == [
        {
            "resource": "samples",
            "namespace": "demo",
            "name": "a",
            "outcome": "applied",
            "notes": ["n"],
            "itself": {**head, "action": "create", "apiVersion": "nuvolaris.org/v1", "kind": "Sample", "name": "a"},
            "objects": [
                {
                    **head,
                    "action": "change",
                    "apiVersion": "apps/v1",
                    "kind": "Deployment",
                    "name": "a-web",
                    "message": "m",
                    "fields": [
                        {"path": "data.x", "to": "x" * 100},
                        {"path": "data.gone", "from": None},
                        {"path": "data.y", "secret": True},
                        {"path": "spec", "to": {"a": ["(hidden)", 1]}},
                    ],
                }
            ],
        },
        {
            "resource": "samples",
            "namespace": "demo",
            "name": "b",
            "outcome": "stopped",
            "reason": "NotOwned",
            "message": "why",
            "notes": [],
            "objects": [],
        },
    ]
    assert (told["apiVersion"], told["kind"], told["installed"]) == ("nuvop.nuvolaris.org/v1", "Plan", [])
    nobody = dict.fromkeys(("unchanged", "failing", "refused", "suspended", "deleting"), 0)
    nothing = dict.fromkeys(("recreate", "delete", "hold", "leave", "fail", "unchanged", "relabelled"), 0)
    assert told["summary"] == {
        "exitCode": 1,
        "resources": {**nobody, "changing": 1, "stopped": 1},
        "objects": {**nothing, "create": 1, "change": 1},
    }
