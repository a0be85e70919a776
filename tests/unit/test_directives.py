"""What annotations ask for, on CRs and on children."""

from dataclasses import replace
from typing import Any

import pytest

from nuvop import directives
from nuvop.directives import Directives
from nuvop.errors import DirectiveError

NOTHING = Directives(report_drift=False, suspend=False, reconcile="", confirm_prune=False, adopt=False, orphan=False)


def annotated(annotations: dict[str, str] | None) -> dict[str, Any]:
    return {"metadata": {"name": "obj", "annotations": annotations}}


@pytest.mark.parametrize("body", [{"metadata": {"name": "obj"}}, annotated(None), annotated({})])
def test_who_asks_for_nothing_gets_the_defaults(body: dict[str, Any]) -> None:
    assert directives.of(body) == NOTHING
    assert not directives.keeps_children(body)
    assert directives.may_be_pruned(body)
    assert not directives.may_be_recreated(body)


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("drift", "report", replace(NOTHING, report_drift=True)),
        ("drift", "repair", NOTHING),
        ("suspend", "true", replace(NOTHING, suspend=True)),
        ("suspend", "false", NOTHING),
        ("reconcile", "2026-01-01T00:00:00Z", replace(NOTHING, reconcile="2026-01-01T00:00:00Z")),
        ("reconcile", "", NOTHING),
        ("prune", "confirm", replace(NOTHING, confirm_prune=True)),
        ("adopt", "true", replace(NOTHING, adopt=True)),
        ("adopt", "false", NOTHING),
        ("deletion-policy", "Orphan", replace(NOTHING, orphan=True)),
        ("deletion-policy", "Delete", NOTHING),
    ],
)
def test_each_annotation(name: str, value: str, wanted: Directives) -> None:
    assert directives.of(annotated({f"nuvop.nuvolaris.org/{name}": value})) == wanted


def test_all_at_once() -> None:
    asked = {
        directives.DRIFT: "report",
        directives.SUSPEND: "true",
        directives.RECONCILE: "1",
        directives.PRUNE: "confirm",
        directives.ADOPT: "true",
        directives.DELETION_POLICY: "Orphan",
    }
    assert directives.of(annotated(asked)) == Directives(
        report_drift=True, suspend=True, reconcile="1", confirm_prune=True, adopt=True, orphan=True
    )


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("drift", "foo", "'foo' must be report or repair"),
        ("drift", "", "'' must be report or repair"),
        ("suspend", "yes", "'yes' must be true or false"),
        ("suspend", "True", "'True' must be true or false"),
        ("adopt", "1", "'1' must be true or false"),
        ("prune", "yes", "'yes' must be confirm or disabled"),
        ("recreate", "yes", "'yes' must be true or false"),
        ("deletion-policy", "orphan", "'orphan' must be Orphan or Delete"),
        ("drift", "a\nb", r"'a\nb' must be report or repair"),
    ],
)
def test_another_value_is_an_error(name: str, value: str, told: str) -> None:
    with pytest.raises(DirectiveError) as caught:
        directives.of(annotated({f"nuvop.nuvolaris.org/{name}": value}))
    assert str(caught.value) == f"metadata.annotations: nuvop.nuvolaris.org/{name}: {told}"


@pytest.mark.parametrize("name", ["suspended", "Drift", "", "owner"])
def test_an_unknown_annotation_of_nuvops_is_an_error(name: str) -> None:
    with pytest.raises(DirectiveError) as caught:
        directives.of(annotated({f"nuvop.nuvolaris.org/{name}": "true"}))
    assert str(caught.value) == (
        f"metadata.annotations: nuvop.nuvolaris.org/{name}: 'true': a custom resource has no such annotation; "
        "adopt, deletion-policy, drift, prune, reconcile, recreate, suspend may stand here"
    )


def test_a_cr_may_be_a_child_of_another_kind() -> None:
    assert directives.of(annotated({directives.PRUNE: "disabled", directives.RECREATE: "true"})) == NOTHING


def test_the_same_annotation_is_told_first_in_whatever_order_they_stand() -> None:
    wrong = {directives.SUSPEND: "yes", directives.ADOPT: "yes", directives.DRIFT: "yes"}
    for names in (sorted(wrong), sorted(wrong, reverse=True)):
        with pytest.raises(DirectiveError, match=directives.ADOPT):
            directives.of(annotated({name: wrong[name] for name in names}))


def test_others_annotations_are_theirs() -> None:
    others = {"nuvop.nuvolaris.org.example.com/drift": "foo", "nuvolaris.org/drift": "foo", "drift": "foo"}
    assert directives.of(annotated(others)) == NOTHING


@pytest.mark.parametrize(
    ("value", "keeps"), [("Orphan", True), ("Delete", False), ("orphan", True), ("delete", True), ("", True)]
)
def test_a_cr_that_goes_keeps_its_children_unless_it_says_clearly_that_they_go(value: str, keeps: bool) -> None:
    body = annotated({directives.DELETION_POLICY: value, directives.DRIFT: "foo"})
    assert directives.keeps_children(body) is keeps


@pytest.mark.parametrize("value", ["disabled", "Disabled", "confirm", "true", "false", ""])
def test_any_word_about_pruning_keeps_a_child(value: str) -> None:
    assert not directives.may_be_pruned(annotated({directives.PRUNE: value}))


@pytest.mark.parametrize(("value", "may"), [("true", True), ("false", False), ("True", False), ("", False)])
def test_only_true_lets_a_child_be_recreated(value: str, may: bool) -> None:
    assert directives.may_be_recreated(annotated({directives.RECREATE: value})) is may
