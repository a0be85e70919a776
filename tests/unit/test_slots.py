"""Who may run: slots, spares, and the lone lane's share of the time."""

from dataclasses import dataclass
from itertools import pairwise

import pytest

from nuvop import slots
from nuvop.slots import LONE_SHARE, SLOTS, SPARE, Slots


@dataclass(frozen=True, eq=False)
class Work:
    is_lone: bool = False


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def some(clock: Clock) -> Slots[Work]:
    return Slots(clock)


def enter(some: Slots[Work], count: int = 1, *, is_stuck: bool = False, is_lone: bool = False) -> list[Work]:
    works = [Work(is_lone) for _ in range(count)]
    for work in works:
        some.enter(work)
        some.mark(work, is_stuck=is_stuck)
    return works


def test_who_runs_holds_a_slot_until_it_ends(some: Slots[Work]) -> None:
    works = enter(some, SLOTS)
    assert not some.has_free
    some.leave(works[0])
    assert some.has_free
    assert some.holders == works[1:]


def test_who_is_stuck_holds_none_while_there_are_spares(some: Slots[Work]) -> None:
    stuck = enter(some, SPARE, is_stuck=True)
    assert not some.holders
    assert not some.has_spare
    assert some.running == stuck
    assert enter(some, is_stuck=True) == some.holders


def test_who_got_stuck_while_there_was_no_spare_takes_the_next_that_is_free(some: Slots[Work]) -> None:
    spared = enter(some, SPARE, is_stuck=True)
    late = enter(some, SLOTS, is_stuck=True)
    assert not some.has_free
    some.leave(spared[0])
    assert some.holders == late[1:]
    some.leave(spared[1])
    assert not some.holders


def test_who_gets_on_again_holds_a_slot_though_there_may_be_none(some: Slots[Work]) -> None:
    (stuck,) = enter(some, is_stuck=True)
    others = enter(some, SLOTS)
    some.mark(stuck, is_stuck=False)
    assert some.has_spare
    assert len(some.holders) == SLOTS + 1
    some.leave(others[0])
    assert not some.has_free, "nothing new starts for that"
    some.leave(others[1])
    assert some.has_free


def test_who_is_stuck_for_long_takes_one_spare(some: Slots[Work]) -> None:
    (stuck,) = enter(some, is_stuck=True)
    for _ in range(5):
        some.mark(stuck, is_stuck=True)
    assert some.has_spare
    some.leave(stuck)
    assert not some.running
    assert len(enter(some, SPARE, is_stuck=True)) == SPARE
    assert not some.holders


def test_one_of_the_lone_lane_is_at_work_at_a_time(some: Slots[Work]) -> None:
    (lone,) = enter(some, is_lone=True)
    assert some.lone_rest(is_contended=True) is None
    assert some.lone_rest(is_contended=False) is None
    some.leave(lone)
    assert some.lone_rest(is_contended=False) == 0


def test_the_lone_lane_starts_another_while_one_is_stuck_and_it_could_be_too(some: Slots[Work]) -> None:
    stuck = []
    for _ in range(SPARE):
        assert some.lone_rest(is_contended=False) == 0
        stuck += enter(some, is_lone=True, is_stuck=True)
    assert some.lone_rest(is_contended=False) is None, "another would hold its slot"
    some.leave(stuck[0])
    assert some.lone_rest(is_contended=False) == 0


def test_the_lone_lane_starts_one_also_where_there_is_no_spare(some: Slots[Work]) -> None:
    enter(some, SPARE, is_stuck=True)
    assert some.lone_rest(is_contended=False) == 0


def test_the_lone_lane_rests_while_others_wait_or_are_at_work(some: Slots[Work], clock: Clock) -> None:
    assert some.lone_rest(is_contended=True) == 0
    (lone,) = enter(some, is_lone=True)
    clock.now += 2
    some.leave(lone)
    rest = 2 / LONE_SHARE - 2
    assert some.lone_rest(is_contended=True) == pytest.approx(rest)
    assert some.lone_rest(is_contended=False) == 0
    (other,) = enter(some)
    assert some.lone_rest(is_contended=False) == pytest.approx(rest), "it is at work"
    some.mark(other, is_stuck=True)
    assert some.lone_rest(is_contended=False) == 0, "it only waits"
    clock.now += rest + 0.001
    assert some.lone_rest(is_contended=True) == 0


def test_the_lone_lane_rests_from_when_the_slot_is_given_back(some: Slots[Work], clock: Clock) -> None:
    (lone,) = enter(some, is_lone=True)
    clock.now += 1
    some.mark(lone, is_stuck=True)
    clock.now += 60
    some.leave(lone)
    assert some.lone_rest(is_contended=True) == 0, "it has had no more than the second"


def test_the_lone_lane_pays_for_all_the_time_that_it_holds_a_slot(some: Slots[Work], clock: Clock) -> None:
    spared = enter(some, SPARE, is_stuck=True)
    (lone,) = enter(some, is_lone=True)
    clock.now += 1
    some.mark(lone, is_stuck=True)
    clock.now += 4
    some.leave(spared[0])
    clock.now += 1
    some.leave(lone)
    assert some.lone_rest(is_contended=True) == pytest.approx(5 / LONE_SHARE - 5 - 1), "until a spare was free"


def test_the_lone_lane_has_its_share_of_a_slot(
    some: Slots[Work], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slots, "LONE_SHARE", 0.25)
    begun = []
    for seconds in (1, 3, 2, 5):
        rest = some.lone_rest(is_contended=True)
        assert rest is not None
        clock.now += rest
        begun.append(clock.now)
        (lone,) = enter(some, is_lone=True)
        clock.now += seconds
        some.leave(lone)
    assert [then - now for now, then in pairwise(begun)] == [4, 12, 8]
