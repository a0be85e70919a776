"""What the fault tests judge by must itself be able to say no."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any, get_args

from nuvop.objects import INSTANCE_LABEL, OWNER_LABEL
from tests.faults.aftermath import repeated
from tests.faults.history import Gap, Version
from tests.faults.model import (
    FAULTS,
    Annotate,
    Change,
    Drift,
    Folder,
    Inject,
    Kill,
    Model,
    Put,
    Remove,
    Step,
    Stranger,
)
from tests.faults.test_model import ROUNDS, SEED
from tests.faults.truth import Truth, wrongly_deleted


def many(folder: Folder) -> Model:
    model = Model(folder)
    for name in "abcde":
        model.take(Put(name, "hello", 1))
    model.settle({})
    return model


def drawn(seed: int, rounds: int, *, held: bool) -> list[Any]:
    """What a seed draws where the guard holds back all that is open, or nothing of it."""
    rng, model = random.Random(seed), Model()
    found = []
    for _ in range(rounds):
        found.append(model.draw(rng))
        model.settle(dict.fromkeys(model.widgets, held))
    return found


def test_a_seed_draws_the_same_again_whatever_the_cluster_makes_of_it() -> None:
    for seed in range(50):
        assert drawn(seed, 60, held=True) == drawn(seed, 60, held=False)
    assert drawn(7, 30, held=False) != drawn(8, 30, held=False)


def test_the_few_rounds_of_ci_have_every_kind_of_step() -> None:
    steps = [step for each in drawn(SEED, ROUNDS, held=False) for step in each]
    assert {type(step) for step in steps} == set(get_args(Step))
    assert len({step.fault for step in steps if isinstance(step, Inject)}) > len(FAULTS) / 2
    assert {step.what for step in steps if isinstance(step, Annotate)} == {"suspend", "adopt", "prune", "reconcile"}
    drifts = {(step.kind, step.is_delete) for step in steps if isinstance(step, Drift)}
    assert drifts >= {("Deployment", False), ("ConfigMap", False), ("ServiceAccount", True)}


def test_the_few_rounds_of_ci_let_through_what_the_guard_holds_back() -> None:
    rng, model = random.Random(SEED), Model()
    let_through = set()
    for _ in range(ROUNDS):
        held = {Annotate(name, "prune", "confirm") for name, widget in model.widgets.items() if widget.held}
        let_through |= held.intersection(model.draw(rng))
        model.settle(dict.fromkeys(model.widgets, False))
    assert let_through


def test_what_is_drawn_is_possible() -> None:
    """Nothing is deleted that is not there, nothing is annotated that does not exist."""
    for seed in range(50):
        rng, model = random.Random(seed), Model()
        there: set[str] = set()
        for _ in range(40):
            for step in model.draw(rng):
                match step:
                    case Put(name):
                        there.add(name)
                    case Remove(name):
                        there.remove(name)
                    case Annotate(name):
                        assert name in there
                    case Stranger(name):
                        assert name not in there
            assert there == model.widgets.keys()
            model.settle(dict.fromkeys(model.widgets, False))


def test_the_guard_holds_back_what_is_more_than_half_and_more_than_ten() -> None:
    model = many(Folder(5))
    model.take(Change(Folder(1)))
    assert not any(widget.held for widget in model.widgets.values()), "20 of 40 are no more than half"
    model = many(Folder(5))
    model.take(Change(Folder(0)))
    assert all(widget.held for widget in model.widgets.values()), "25 of 40"
    model.settle({})
    assert model.left("a") == {0, 1, 2, 3, 4}
    model.take(Annotate("a", "prune", "confirm"))
    model.settle({})
    assert not model.left("a")
    assert model.left("b")
    model.take(Change(Folder(5)))
    model.settle({})
    assert not model.widgets["b"].held


def test_few_may_go_however_large_their_share() -> None:
    model = Model(Folder(5))
    model.take(Put("a", "hello", 1))
    model.take(Put("b", "hello", 1))
    model.settle({})
    model.take(Change(Folder(0)))
    assert not model.widgets["a"].held


def test_what_comes_to_light_later_is_open() -> None:
    """What is left of a resource that was suspended is judged once it goes on."""
    model = many(Folder(5))
    model.take(Annotate("a", "suspend", "true"))
    model.settle({})
    model.take(Change(Folder(0)))
    model.take(Kill())
    model.settle({})
    assert not model.widgets["a"].held
    model.take(Annotate("a", "suspend", None))
    assert model.uncertain == {"a"}
    model.settle({"a": True})
    assert model.widgets["a"].held


# --- the truth -------------------------------------------------------------------------------------------------------


def cr(
    number: int,
    generation: int,
    *,
    ready: bool,
    text: str = "hello",
    uid: str = "u1",
    told: int | None = None,
    suspended: bool = False,
) -> Version:
    """A version of a CR; its status speaks of the generation ``told``, of its own where that is None."""
    of = generation if told is None else told
    condition = {"type": "Ready", "status": str(ready), "observedGeneration": of, "reason": "R", "message": "m"}
    conditions = [condition, *([{**condition, "type": "Suspended", "status": "True"}] if suspended else [])]
    metadata = {"name": "a", "uid": uid, "generation": generation}
    body = {
        "kind": "Widget",
        "metadata": metadata,
        "spec": {"text": text, "count": 1},
        "status": {"observedGeneration": of, "conditions": conditions},
    }
    return Version(number, body)


def child(number: int, kind: str, name: str, uid: str = "u1", **body: Any) -> Version:
    labels = {OWNER_LABEL: uid, INSTANCE_LABEL: "widgets-a"}
    return Version(number, {"kind": kind, "metadata": {"name": name, "labels": labels, "generation": 1}, **body})


def children(number: int, text: str = "hello", uid: str = "u1") -> list[Version]:
    counts = dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas", "observedGeneration"), 1)
    return [
        child(number, "ConfigMap", "a-config", uid, data={"text": text}),
        child(number + 1, "ServiceAccount", "a-account", uid),
        child(number + 2, "Deployment", "a-web", uid, spec={"replicas": 1}, status=counts),
    ]


def test_ready_is_true_once_all_children_have_been_as_they_should() -> None:
    assert Truth().take([cr(1, 1, ready=False), *children(2), cr(9, 1, ready=True)]) == []


def test_ready_before_its_children_is_a_lie() -> None:
    assert "a was told Ready at generation 1" in Truth().take([cr(1, 1, ready=True)])[0]
    assert "Deployment/a-web" in Truth().take([cr(1, 1, ready=False), *children(2)[:2], cr(9, 1, ready=True)])[0]


def test_ready_at_a_generation_whose_children_are_those_of_an_older_one_is_a_lie() -> None:
    older = [cr(1, 1, ready=False), *children(2), cr(9, 1, ready=True)]
    assert Truth().take([*older, cr(10, 2, ready=True, text="new")])
    assert not Truth().take(
        [*older, cr(10, 2, ready=False, text="new"), *children(11, "new"), cr(19, 2, ready=True, text="new")]
    )


def test_the_children_of_another_cr_of_that_name_do_not_count() -> None:
    assert Truth().take([cr(1, 1, ready=False, uid="u2"), *children(2), cr(9, 1, ready=True, uid="u2")])


def test_what_may_have_been_so_in_a_gap_is_believed() -> None:
    versions = [cr(5, 1, ready=False), cr(20, 1, ready=True)]
    assert Truth().take(versions, [Gap(8, 12)]) == []
    assert Truth().take(versions, [Gap(1, 4)]), "the generation is younger than the gap"
    assert Truth().take(versions, [Gap(30, 40)]), "it was told before the gap"


def test_ready_at_a_generation_that_has_been_overtaken_is_judged_by_its_own_spec() -> None:
    begun = [cr(1, 1, ready=False), cr(2, 2, ready=False, text="two", told=1), cr(3, 3, ready=False, text="3", told=1)]
    assert Truth().take([*begun, *children(4), cr(9, 3, ready=True, text="3", told=2)])
    assert not Truth().take([*begun, *children(4, "two"), cr(9, 3, ready=True, text="3", told=2)])


def test_what_broke_has_to_be_mended_before_it_is_ready_again() -> None:
    ready = [cr(1, 1, ready=False), *children(2), cr(9, 1, ready=True)]
    broken = child(10, "ConfigMap", "a-config", data={"text": "drifted"})
    assert not Truth().take([*ready, broken, cr(11, 1, ready=True)]), "it has not been noticed yet"
    assert "ConfigMap/a-config" in Truth().take([*ready, broken, cr(11, 1, ready=False), cr(12, 1, ready=True)])[0]
    mended = [*ready, broken, cr(11, 1, ready=False), *children(12), cr(19, 1, ready=True)]
    assert not Truth().take(mended)
    assert not Truth().take([*mended[:-1], broken, mended[-1]]), "it was mended, and broke again"


def test_a_suspended_crs_children_are_not_put_back_and_ready_means_that_they_are_ready() -> None:
    ready = [cr(1, 1, ready=False), *children(2), cr(9, 1, ready=True)]
    broken = child(10, "ConfigMap", "a-config", data={"text": "drifted"})
    suspended = [*ready, broken, cr(11, 1, ready=False, suspended=True), cr(12, 1, ready=True, suspended=True)]
    assert not Truth().take(suspended)
    assert Truth().take([*suspended, cr(13, 1, ready=True)]), "it was resumed, and is to be put back before it is ready"
    assert Truth().take([*ready, cr(11, 2, ready=True, text="new", suspended=True)]), "that was never applied"


def test_a_child_that_went_while_its_cr_was_to_stay_was_wrongly_deleted() -> None:
    *_, web = children(2)
    gone = replace(web, number=9, is_gone=True)
    assert wrongly_deleted([cr(1, 1, ready=False), web, gone]) == ["a-web was deleted, and a is there"]
    assert not wrongly_deleted([cr(1, 1, ready=False), web, replace(cr(8, 1, ready=False), is_gone=True), gone])
    assert not wrongly_deleted([cr(1, 1, ready=False, uid="u2"), web, gone]), "another CR's of that name"
    assert not wrongly_deleted([cr(1, 1, ready=False), web, gone], [Gap(5, 9)]), "nobody saw when"


# --- the log ---------------------------------------------------------------------------------------------------------


def said(count: int, text: str) -> str:
    return "".join(f"[2026-11-25 12:00:{each:02},000] nuvop.cluster [{text.format(each)}\n" for each in range(count))


def test_what_a_log_tells_again_and_again_is_found_whatever_numbers_are_in_it() -> None:
    assert repeated(said(7, "WARNING ] attempt {}: away")) == {"nuvop.cluster [WARNING ] attempt N: away": 7}
    assert repeated(said(7, "ERROR   ] .batches/{0}: at 0x7f{0}")) != {}
    assert repeated(said(6, "WARNING ] attempt {}: away")) == {}
    assert repeated(said(50, "INFO    ] applied {}")) == {}
