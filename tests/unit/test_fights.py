"""Fights over a field, on a clock of their own."""

from itertools import pairwise

import pytest

from nuvop.fights import DELAY_FIRST, DELAY_MOST, ROUNDS, WINDOW, Fights

MINUTE = 60.0
HOUR = 3600.0
START = 1_000_000.0


def fight(fights: Fights[str], who: str, start: float, until: float, *, retaken_after: float = 0.1) -> list[float]:
    """The times of the repairs, when ``who`` changes the field back some seconds after each of them."""
    repairs = []
    retaken = start
    while retaken < until:
        due = retaken + fights.delay(who, retaken)
        assert fights.delay(who, due) == 0, "after the delay, the repair is due"
        fights.repaired(who, due)
        repairs.append(due)
        retaken = due + retaken_after
    return repairs


def gaps(times: list[float]) -> list[float]:
    return [round(later - earlier, 1) for earlier, later in pairwise(times)]


def test_nobody_fights_at_first() -> None:
    fights: Fights[str] = Fights()
    for moment in (0.0, 1.0, 1e9):
        assert fights.delay("hpa", moment) == 0


def test_what_is_retaken_three_times_is_contested_and_the_delays_double_to_the_most() -> None:
    repairs = fight(Fights(), "hpa", START, START + HOUR)
    assert gaps(repairs)[:10] == [0.1, 0.1, 5, 10, 20, 40, 80, 160, 300, 300]


def test_the_delay_counts_from_the_repair() -> None:
    fights: Fights[str] = Fights()
    for second in range(ROUNDS):
        fights.repaired("hpa", START + second)
    last = START + ROUNDS - 1
    assert fights.delay("hpa", last) == DELAY_FIRST
    assert fights.delay("hpa", last + 2) == DELAY_FIRST - 2
    assert fights.delay("hpa", last + DELAY_FIRST) == 0
    assert fights.delay("hpa", last + DELAY_FIRST + 1) == 0, "never negative"


def test_asking_changes_nothing() -> None:
    asked, unasked = Fights[str](), Fights[str]()
    for fights in (asked, unasked):
        for second in range(ROUNDS):
            fights.repaired("hpa", START + second)
    for tenth in range(100):
        asked.delay("hpa", START + ROUNDS + tenth / 10)
    now = START + ROUNDS + 10
    for fights in (asked, unasked):
        fights.repaired("hpa", now)
    assert asked.delay("hpa", now) == unasked.delay("hpa", now) == 2 * DELAY_FIRST


def test_the_delays_do_not_fall_back_while_a_fight_of_three_hours_goes_on() -> None:
    repairs = fight(Fights(), "hpa", START, START + 3 * HOUR)
    last_hour = [moment for moment in repairs if moment >= START + 2 * HOUR]
    assert 11 <= len(last_hour) <= 13
    assert set(gaps(repairs)[8:]) == {DELAY_MOST}


def test_a_fight_of_a_month_ends_in_no_overflow() -> None:
    repairs = fight(Fights(), "hpa", START, START + 31 * 24 * HOUR)
    assert gaps(repairs)[-1] == DELAY_MOST


@pytest.mark.parametrize("minutes", [1, 4, 9])
def test_who_takes_long_is_damped_too(minutes: int) -> None:
    fights: Fights[str] = Fights()
    for second in range(ROUNDS):
        fights.repaired("hpa", START + second)
    start = START + minutes * MINUTE
    repairs = fight(fights, "hpa", start, start + 3 * HOUR, retaken_after=minutes * MINUTE)
    assert min(gaps(repairs)[10:]) == max(minutes * MINUTE, DELAY_MOST)


def test_slow_changes_are_no_fight() -> None:
    fights: Fights[str] = Fights()
    for change in range(100):
        now = START + change * (WINDOW / 2 + 1)
        assert fights.delay("hpa", now) == 0
        fights.repaired("hpa", now)
        assert fights.delay("hpa", now) == 0


@pytest.mark.parametrize(("waited", "is_peace"), [(WINDOW - 1, False), (WINDOW + 1, True)])
def test_peace_begins_after_the_last_delay_and_a_whole_window(waited: float, is_peace: bool) -> None:
    fights: Fights[str] = Fights()
    last = fight(fights, "hpa", START, START + HOUR)[-1]
    retaken = last + DELAY_MOST + waited
    assert fights.delay("hpa", retaken) == 0
    fights.repaired("hpa", retaken)
    assert fights.delay("hpa", retaken + 0.1) == (0 if is_peace else pytest.approx(DELAY_MOST - 0.1))


def test_after_peace_a_fight_begins_as_the_first_one_did() -> None:
    fights: Fights[str] = Fights()
    first = fight(fights, "hpa", START, START + HOUR)
    again = fight(fights, "hpa", START + 3 * HOUR, START + 4 * HOUR)
    assert gaps(again) == gaps(first)


def test_each_contender_has_a_fight_of_its_own() -> None:
    fights: Fights[str] = Fights()
    fight(fights, "hpa", START, START + HOUR)
    assert fights.delay("argocd", START + HOUR) == 0
    assert gaps(fight(fights, "argocd", START + HOUR, START + HOUR + MINUTE))[:3] == [0.1, 0.1, 5]


def test_what_is_peaceful_is_forgotten() -> None:
    fights: Fights[int] = Fights()
    for number in range(10_000):
        fights.repaired(number, START + number)
        assert len(fights._fights) <= WINDOW + 1
    assert fights.delay(0, START + 10_000 + WINDOW) == 0
    assert len(fights._fights) == 0


def test_one_that_goes_on_keeps_no_other_in_memory_for_ever() -> None:
    fights: Fights[int] = Fights()
    now = START
    while now < START + 3 * HOUR:
        if fights.delay(0, now) == 0:
            fights.repaired(0, now)
        fights.repaired(int(now), now)
        now += 10
    assert len(fights._fights) <= (WINDOW + DELAY_MOST) / 10 + 1
    assert fights.delay(0, now) > 0, "the fight itself is not forgotten"


def test_a_fight_that_is_over_is_over_also_while_an_older_one_goes_on() -> None:
    fights: Fights[str] = Fights()
    last = fight(fights, "hpa", START, START + HOUR)[-1]
    for _ in range(ROUNDS):
        fights.repaired("argocd", last)
    later = last + DELAY_FIRST + WINDOW + 1
    assert fights.delay("argocd", later) == 0
    fights.repaired("argocd", later)
    assert fights.delay("argocd", later) == 0
    fights.repaired("hpa", later)
    assert fights.delay("hpa", later) == DELAY_MOST, "the older one is not over"
