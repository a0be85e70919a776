"""What a plan says to a person."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuvop import plan_text
from nuvop.crd import ResourceType
from nuvop.differences import MISSING, Difference, Hidden
from nuvop.objects import CRKey, ObjectKey
from nuvop.plan import Action, Outcome, Plan, Plans
from tests.unit.test_plan import itself, of, plan, planned


def lines(*found: Plan, verbose: bool = False, **more: Any) -> list[str]:
    return list(plan_text.lines(of(*found, **more), lambda line, colour: f"{line} [{colour}]", verbose=verbose))


IMAGE = Difference("spec.image", "cobweb-1", "x:2")


def test_one() -> None:
    objects = (
        planned(Action.CREATE, "new"),
        planned(Action.CHANGE, "web", IMAGE, Difference("a", MISSING, 1), Difference("b", "no", MISSING)),
        planned(Action.RECREATE, "job", message="it is immutable"),
        planned(Action.DELETE, "old", message="once the resource is ready"),
        planned(Action.HOLD, "older", message="too much"),
        planned(Action.LEAVE, "drifted", IMAGE, message="changed by kubectl"),
        planned(Action.FAIL, "bad", message="is invalid"),
        planned(Action.UNCHANGED, "same"),
    )
    told = lines(plan("a", *objects, itself=itself(Action.CREATE), notes=("noted",)))
    assert told == [
        "samples/a in demo",
        "  # noted",
        "  + Sample/a [green]",
        "  + Deployment/a-new [green]",
        "  ~ Deployment/a-web [yellow]",
        "      spec.image: cobweb-1 → x:2",
        "      a: (not set) → 1",
        "      b: no → (not set)",
        "  ± Deployment/a-job: it is immutable [yellow]",
        "  - Deployment/a-old: once the resource is ready [red]",
        "  ? Deployment/a-older: too much [red]",
        "  · Deployment/a-drifted: changed by kubectl",
        "      spec.image: cobweb-1 → x:2",
        "  ! Deployment/a-bad: is invalid [red]",
        "",
        "1 Sample: 1 failing",
        (
            "objects: 2 to create, 1 to change, 1 to recreate, 1 to delete, 1 not deleted before that is confirmed, "
            "1 left as they are, 1 refused, 1 unchanged"
        ),
    ]
    assert "  = Deployment/a-same" in lines(plan("a", *objects), verbose=True)


def test_what_becomes_of_a_resource() -> None:
    assert lines(
        plan("a", outcome=Outcome.STOPPED, reason="NotOwned", message="ConfigMap/a-x exists"),
        plan("b", outcome=Outcome.SUSPENDED, message="suspended"),
        plan("c", outcome=Outcome.REFUSED, message="spec: is invalid", itself=None),
        plan("d", planned(Action.UNCHANGED, is_relabelled=True)),
    ) == [
        "samples/a in demo",
        "  ! NotOwned: ConfigMap/a-x exists [red]",
        "",
        "samples/b in demo",
        "  · suspended",
        "",
        "samples/c in demo",
        "  ! spec: is invalid [red]",
        "",
        "4 samples: 1 unchanged, 1 stopped, 1 refused, 1 suspended",
        "objects: 0 to create, 0 to change, 0 to delete, 1 unchanged (1 with a new revision label)",
    ]


def test_nothing_at_all() -> None:
    assert lines() == ["no samples", "objects: 0 to create, 0 to change, 0 to delete"]


def test_what_is_installed_once() -> None:
    told = lines(plan("a"), installed=(planned(Action.CREATE), planned(Action.UNCHANGED)))
    assert told[:3] == ["installed once for all", "  + Deployment/a-web [green]", ""]
    assert lines(plan("a"), installed=(planned(Action.UNCHANGED),))[0] == "1 Sample: 1 unchanged"


def alike(name: str, image: Difference = IMAGE, **more: Any) -> Plan:
    named = Difference("spec.config", f"{name}-config-1", f"{name}-config-2")
    made = plan(name, planned(Action.CHANGE, "web", image, named, cr=name))
    key = ObjectKey("nuvolaris.org", "Sample", "demo", name)
    return replace(made, itself=replace(itself(Action.CREATE), key=key), **more)


def test_what_is_the_same_for_several_is_told_once() -> None:
    other = alike("f", replace(IMAGE, before="y"))
    assert lines(other, *map(alike, ["a", "b", "web", "d", "e"]))[:-2] == [
        "5 samples in demo: a, b, web and 2 more",
        "  + Sample/* [green]",
        "  ~ Deployment/*-web [yellow]",
        "      spec.image: cobweb-1 → x:2",
        "      spec.config: *-config-1 → *-config-2",
        "",
        "samples/f in demo",
        "  + Sample/f [green]",
        "  ~ Deployment/f-web [yellow]",
        "      spec.image: y → x:2",
        "      spec.config: f-config-1 → f-config-2",
        "",
    ]
    assert lines(*map(alike, "abcde"), verbose=True)[0] == "5 samples in demo: a, b, c, d, e"
    elsewhere = replace(alike("b"), key=CRKey("samples", "other", "b"))
    assert lines(alike("a"), elsewhere)[0] == "2 samples: demo/a, other/b"


def test_two_that_only_look_alike_are_told_apart() -> None:
    changed = [plan(name, planned(Action.CHANGE, "web", Difference("x", "1", f"a-{name}"), cr=name)) for name in "bc"]
    assert [line for line in lines(*changed) if line.startswith("samples/")] == [
        "samples/b in demo",
        "samples/c in demo",
    ]


def test_too_many_groups_are_cut() -> None:
    many = [alike(f"n{i}", replace(IMAGE, after=f"y:{i}")) for i in range(25)]
    told = lines(alike("last"), alike("least"), *many)
    assert told[0] == "2 samples in demo: last, least", "the largest group comes first"
    assert told[-4] == "6 more resources with changes of their own (--verbose tells them, too)"
    assert lines(*many[:21])[-4] == "1 more resource with changes of its own (--verbose tells it, too)"
    assert sum(line.startswith("samples/") for line in told) == 19
    assert sum(line.startswith("samples/") for line in lines(*many, verbose=True)) == 25


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("plain", "plain"),
        ("nginx:1.27", "nginx:1.27"),
        ("two words", "two words"),
        ("", '""'),
        (" ", '" "'),
        ("3", '"3"'),
        (3, "3"),
        ("1e3", '"1e3"'),
        ("true", '"true"'),
        (True, "true"),
        (None, "null"),
        ("null", '"null"'),
        ("[]", '"[]"'),
        ({"a": ["ü"]}, '{"a": ["ü"]}'),
        ("ü", '"ü"'),
        ("a\tb", r'"a\tb"'),
        ("\x1b[31mred", r'"\u001b[31mred"'),
        ("a\u202eb", r'"a\u202eb"'),
        (MISSING, "(not set)"),
    ],
)
def test_values(value: object, shown: str) -> None:
    assert plan_text.shown(value, "other") == (shown, "other")


@given(st.text(), st.text())
def test_a_difference_can_be_seen_and_moves_no_cursor(before: str, after: str) -> None:
    told = list(plan_text.difference_lines(Difference("x", before, after)))
    assert all(line.isprintable() for line in told)
    if before != after and len(told) == 1:
        first, _, second = told[0].removeprefix("x: ").partition(" → ")
        assert first != second


def test_long_values_are_cut_where_they_do_not_differ() -> None:
    long = "registry.example.org/" + "a" * 100
    assert plan_text.shown(f"{long}:1", f"{long}:2") == (f"…{'a' * 14}:1", f"…{'a' * 14}:2")
    assert plan_text.shown("b" * 100, "c") == ("b" * 59 + "…", "c")
    first, second = plan_text.shown(f"1{long}", f"2{long}")
    assert (first[:9], second[:9], len(first), first[-1]) == ("1registry", "2registry", 60, "…")


def test_a_text_of_several_lines_is_told_by_the_lines_that_differ() -> None:
    before = "".join(f"line {i}\n" for i in range(10))
    after = before.replace("line 4\n", "line four\n").replace("line 9\n", "")
    assert list(plan_text.difference_lines(Difference("data.x", before, after))) == [
        "data.x:",
        "    line 3",
        "  - line 4",
        "  + line four",
        "    line 5",
        "    line 8",
        "  - line 9",
    ]
    whole = list(plan_text.difference_lines(Difference("data.x", MISSING, "".join(f"{i}\n" for i in range(50)))))
    assert (whole[1], len(whole), whole[-1]) == ("  + 0", 22, "    … 30 more lines")
    *_, last = plan_text.difference_lines(Difference("data.x", MISSING, "".join(f"{i}\n" for i in range(21))))
    assert last == "    … 1 more line"


def test_a_line_break_at_the_end_is_seen() -> None:
    assert list(plan_text.difference_lines(Difference("x", "a\nb", "a\nb\n"))) == [r'x: "a\nb" → "a\nb\n"']


def test_long_lists_and_mappings_are_told_by_their_lines() -> None:
    before = {"hosts": ["a.example.org", "b.example.org", "c.example.org", "d.example.org"], "ttl": 5}
    after = {**before, "hosts": ["a.example.org", "c.example.org", "d.example.org"]}
    assert list(plan_text.difference_lines(Difference("spec", before, after))) == [
        "spec:",
        "      - a.example.org",
        "  -   - b.example.org",
        "      - c.example.org",
    ]


def test_secrets_are_not_told() -> None:
    hidden = Hidden("hunter2")
    for before, after, word in (
        (hidden, Hidden("x"), "changed"),
        (MISSING, hidden, "added"),
        (hidden, MISSING, "removed"),
    ):
        assert list(plan_text.difference_lines(Difference("data.x", before, after))) == [f"data.x: ({word})"]
    (line,) = plan_text.difference_lines(Difference("spec", MISSING, {"password": hidden}))
    assert line == 'spec: (not set) → {"password": "(hidden)"}'


def test_plans_of_two_kinds() -> None:
    other = Plan(CRKey("widgets", "demo", "w"), objects=(planned(Action.CREATE),))
    found = of(plan("a")) + Plans((ResourceType("x.org", "v1", "Widget", "widgets"),), (other,))
    told = list(plan_text.lines(found, lambda line, _: line))
    assert told[-3:-1] == ["1 Sample: 1 unchanged", "1 Widget: 1 to change"]
