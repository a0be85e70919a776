"""What the fault tests judge by must itself be able to say no."""

from __future__ import annotations

import random
from typing import Any

from nuvop.objects import INSTANCE_LABEL, OWNER_LABEL
from tests.faults.history import Gap, Version
from tests.faults.model import Annotate, Change, Folder, Kill, Model, Put, Remove, Stranger
from tests.faults.truth import Truth


def many(folder: Folder) -> Model:
    model = Model(folder)
    for name in "abcde":
        model.take(Put(name, "hello", 1))
    model.settle({})
    return model


def test_a_seed_draws_the_same_again() -> None:
    def drawn(seed: int) -> list[Any]:
        rng, model = random.Random(seed), Model()
        rounds = []
        for _ in range(30):
            rounds.append(model.draw(rng))
            model.settle(dict.fromkeys(model.widgets, False))
        return rounds

    assert drawn(7) == drawn(7)
    assert drawn(7) != drawn(8)


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


def cr(number: int, generation: int, *, ready: bool, text: str = "hello", uid: str = "u1") -> Version:
    told = {"type": "Ready", "status": str(ready), "observedGeneration": generation, "reason": "R", "message": "m"}
    metadata = {"name": "a", "uid": uid, "generation": generation}
    body = {
        "kind": "Widget",
        "metadata": metadata,
        "spec": {"text": text, "count": 1},
        "status": {"conditions": [told]},
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
