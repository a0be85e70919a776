import json
from collections import Counter
from pathlib import Path

import pytest

from lab.bench import isolation
from lab.bench.isolation import CATEGORIES, COLLISION, FIELDS, STANDING, Broken, Result, Round, broken, interleaved

MANIFESTS = {f"{body['kind']}/{body['metadata']['name']}" for body in isolation.manifests()}


def result(*rounds: Round) -> Result:
    return Result("2026-01-01 00:00 UTC", "a machine", "versions", 0.5, 200, 20, rounds)


def test_twenty_broken_ones_are_of_all_nine_categories() -> None:
    made = broken(20)
    counts = Counter(one.category for one in made)
    assert set(counts) == set(CATEGORIES)
    assert len(CATEGORIES) == 9
    assert max(counts.values()) - min(counts.values()) == 1
    assert len({one.name for one in made}) == 20


@pytest.mark.parametrize("one", broken(18), ids=lambda one: one.name)
def test_a_collision_is_the_only_one_whose_children_have_anothers_names(one: Broken) -> None:
    def children(name: str) -> set[str]:
        return {f"{name}-{body['metadata']['name']}" for body in isolation.manifests() if body["kind"] == "ConfigMap"}

    others = {other.name for other in broken(18)} - {one.name} | {one.holder}
    collides = any(children(one.name) & children(other) for other in others)
    assert collides == (one.category == COLLISION)


def test_policies_and_webhooks_meet_one_category_each() -> None:
    names = [one.name for one in broken(18)]
    names += [one.holder for one in broken(18)] + ["good-0001"]
    for category in (isolation.DENIED, isolation.SLOW, isolation.DOWN):
        assert {name for name in names if name.startswith(f"{category}-")} == {f"{category}-0", f"{category}-1"}


def test_what_the_custom_resources_set_is_there() -> None:
    targets = [target for value in FIELDS.values() for target in (value if isinstance(value, list) else [value])]
    assert {target.partition(" ")[0] for target in targets} <= MANIFESTS
    assert {f"spec.{field}" for spec in isolation.SPECS.values() for field in spec} == FIELDS.keys()
    assert set(CATEGORIES) > STANDING


@pytest.mark.parametrize(
    ("many", "few", "expected"),
    [
        ("abcdef", "XY", "abXcdeYf"),
        ("ab", "", "ab"),
        ("", "", ""),
        ("a", "XYZ", "aXYZ"),
    ],
)
def test_interleaved(many: str, few: str, expected: str) -> None:
    assert sorted(interleaved(many, few)) == sorted(expected)
    assert "".join(interleaved(many, few)) == expected


def test_broken_ones_come_neither_all_first_nor_all_last() -> None:
    order = interleaved(["good"] * 200, ["bad"] * 20)
    gaps = [len(gap) for gap in "".join("g" if each == "good" else "b" for each in order).split("b")]
    assert max(gaps) <= 10
    assert min(gaps) >= 5


def test_the_result_has_each_round_and_their_median() -> None:
    found = json.loads(result(Round(10.0, 11.0), Round(10.0, 30.0), Round(10.0, 12.0)).as_json())
    assert found["median_ratio"] == pytest.approx(1.2)
    assert [each["ratio"] for each in found["rounds"]] == pytest.approx([1.1, 3.0, 1.2])
    assert found["rounds"][0]["alone"] == 10.0
    assert (found["good"], found["broken"], found["load"]) == (200, 20, 0.5)


def test_the_verdict_says_it_when_it_is_slower() -> None:
    assert "SLOWER" not in isolation.verdict(result(Round(10.0, 12.0), Round(10.0, 12.0)))
    said = isolation.verdict(result(Round(10.0, 12.5), Round(10.0, 12.5)))
    assert said == "200 good ones amid 20 broken ones: SLOWER than alone, median 1.25 of 1.25, 1.25"


def test_a_spoiled_overlay_names_what_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("resources: [../base]\n")
    isolation.spoil(tmp_path)
    assert "nowhere.yaml" in (tmp_path / "kustomization.yaml").read_text()
    assert not (tmp_path / "nowhere.yaml").exists()
