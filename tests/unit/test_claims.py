"""Two CRs that want an object of the same name."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from nuvop.claims import Claim, Claimant, Claims
from nuvop.objects import CRKey, ObjectKey


def cr(name: str, second: int = 0, uid: str = "") -> Claimant:
    return Claimant(CRKey("samples", "demo", name), uid or f"uid-{name}", f"2026-01-01T00:00:{second:02}Z")


def obj(name: str, namespace: str = "demo", kind: str = "ConfigMap") -> ObjectKey:
    return ObjectKey("", kind, namespace, name)


def keys(*crs: Claimant) -> frozenset[CRKey]:
    return frozenset(each.key for each in crs)


X, Y, Z = obj("x"), obj("y"), obj("z")
EARLY, MIDDLE, LATE = cr("early", 1), cr("middle", 2), cr("late", 3)
MINE = Claim({}, frozenset())
"""Nobody else has any of it, and nobody has to be told."""


def test_who_is_alone_gets_all_and_goes_on_having_it() -> None:
    claims = Claims()
    assert claims.claim(EARLY, [X, Y]) == MINE
    assert claims.claim(EARLY, [X, Y], owned={X, Y}) == MINE
    assert claims.release(EARLY.key) == set()


def test_objects_of_other_names_kinds_and_namespaces_do_not_collide() -> None:
    claims = Claims()
    claims.claim(EARLY, [obj("x")])
    others = [obj("x", "elsewhere"), obj("x", kind="Secret"), obj("x", ""), ObjectKey("g", "ConfigMap", "demo", "x")]
    assert claims.claim(LATE, others) == MINE


def test_the_later_one_is_told_who_has_it() -> None:
    claims = Claims()
    claims.claim(EARLY, [X, Y])
    assert claims.claim(LATE, [Y, Z]) == Claim({Y: EARLY}, frozenset())
    assert claims.claim(EARLY, [X, Y]) == MINE, "the first one is unharmed"
    assert claims.claim(MIDDLE, [Z]) == Claim({}, keys(LATE)), "the later one has the rest of it, as long as it may"


def test_the_earlier_one_wins_also_when_it_is_seen_later() -> None:
    claims = Claims()
    claims.claim(LATE, [X, Y])
    assert claims.claim(EARLY, [X]) == Claim({}, keys(LATE))
    assert claims.claim(LATE, [X, Y]) == Claim({X: EARLY}, frozenset())
    assert claims.claim(EARLY, [X]) == MINE, "told once"


def test_of_two_that_were_created_in_the_same_second_the_name_decides() -> None:
    first, second = cr("a", 1), cr("b", 1)
    for order in ([first, second], [second, first]):
        claims = Claims()
        for each in order:
            claims.claim(each, [X])
        assert claims.claim(first, [X]).held_by_others == {}
        assert claims.claim(second, [X]).held_by_others == {X: first}


def test_who_owns_the_live_object_keeps_it_against_an_earlier_one() -> None:
    claims = Claims()
    claims.claim(LATE, [X], owned={X})
    assert claims.claim(EARLY, [X]) == Claim({X: LATE}, frozenset())


def test_who_is_seen_to_own_it_only_after_its_first_apply_keeps_it_too() -> None:
    claims = Claims()
    claims.claim(LATE, [X])
    claims.claim(LATE, [X], owned={X})
    assert claims.claim(EARLY, [X]) == Claim({X: LATE}, frozenset())


def test_who_owns_the_live_object_gets_it_back_after_a_restart() -> None:
    claims = Claims()
    claims.claim(EARLY, [X])
    assert claims.claim(LATE, [X], owned={X}) == Claim({}, keys(EARLY))
    assert claims.claim(EARLY, [X]) == Claim({X: LATE}, frozenset())


def test_owning_another_object_does_not_help() -> None:
    claims = Claims()
    claims.claim(EARLY, [X])
    assert claims.claim(LATE, [X, Y], owned={Y}).held_by_others == {X: EARLY}
    claims.claim(MIDDLE, [X, Y])
    assert claims.claim(MIDDLE, [X, Y]).held_by_others == {X: EARLY, Y: LATE}


def test_a_child_that_somebody_deletes_is_still_its_owners() -> None:
    claims = Claims()
    claims.claim(LATE, [X], owned={X})
    claims.claim(LATE, [X])
    assert claims.claim(EARLY, [X]) == Claim({X: LATE}, frozenset())


def test_the_newest_sight_of_the_live_object_counts() -> None:
    claims = Claims()
    claims.claim(EARLY, [X], owned={X})
    assert claims.claim(LATE, [X], owned={X}) == Claim({}, keys(EARLY))
    assert claims.claim(EARLY, [X]) == Claim({X: LATE}, frozenset())


def test_what_was_owned_is_owned_no_more_once_it_is_given_up() -> None:
    claims = Claims()
    claims.claim(LATE, [X], owned={X})
    claims.claim(LATE, [])
    claims.claim(LATE, [X])
    assert claims.claim(EARLY, [X]) == Claim({}, keys(LATE))


def test_what_was_owned_is_not_owned_by_who_gets_it_next() -> None:
    claims = Claims()
    claims.claim(MIDDLE, [X], owned={X})
    claims.claim(LATE, [X])
    claims.release(MIDDLE.key)
    assert claims.claim(EARLY, [X]) == Claim({}, keys(LATE))


def test_who_is_displaced_by_an_owner_and_earlier_waits_for_it() -> None:
    claims = Claims()
    claims.claim(EARLY, [X])
    claims.claim(LATE, [X], owned={X})
    assert claims.release(LATE.key) == keys(EARLY)
    assert claims.claim(EARLY, [X]) == MINE


def test_who_has_waited_and_got_it_does_not_wait_any_more() -> None:
    claims = Claims()
    claims.claim(EARLY, [X])
    claims.claim(LATE, [X])
    claims.claim(LATE, [X], owned={X})
    assert claims.release(LATE.key) == keys(EARLY)


def test_a_release_tells_all_that_waited_and_the_earliest_gets_it() -> None:
    claims = Claims()
    claims.claim(EARLY, [X, Y])
    claims.claim(LATE, [X])
    claims.claim(MIDDLE, [X])
    assert claims.release(EARLY.key) == keys(MIDDLE, LATE)
    assert claims.claim(LATE, [X]) == Claim({X: MIDDLE}, frozenset()), "in whatever order they are looked at"
    assert claims.claim(MIDDLE, [X]) == MINE
    assert claims.release(MIDDLE.key) == keys(LATE)


def test_who_waits_and_goes_is_forgotten() -> None:
    claims = Claims()
    claims.claim(EARLY, [X])
    claims.claim(LATE, [X])
    assert claims.release(LATE.key) == set()
    assert claims.release(EARLY.key) == set()
    assert claims.release(EARLY.key) == set(), "a CR that claims nothing may be released"


def test_what_a_cr_no_longer_wants_goes_to_who_waited() -> None:
    claims = Claims()
    claims.claim(EARLY, [X, Y])
    claims.claim(LATE, [X])
    assert claims.claim(EARLY, [Y]) == Claim({}, keys(LATE))
    assert claims.claim(LATE, [X]) == MINE
    assert claims.claim(MIDDLE, [Y]).held_by_others == {Y: EARLY}


def test_who_waits_and_no_longer_wants_it_is_not_told_any_more() -> None:
    claims = Claims()
    claims.claim(EARLY, [X])
    claims.claim(LATE, [X])
    claims.claim(LATE, [Y])
    assert claims.release(EARLY.key) == set()
    assert claims.claim(MIDDLE, [X]) == MINE


def test_a_cr_of_the_same_name_inherits_nothing() -> None:
    claims = Claims()
    claims.claim(EARLY, [X], owned={X})
    claims.claim(MIDDLE, [X])
    again = cr("early", 9, uid="another")
    assert claims.claim(again, [X]) == Claim({X: MIDDLE}, keys(MIDDLE))
    assert claims.claim(MIDDLE, [X]) == MINE


def test_objects_are_told_in_the_order_they_were_claimed_in() -> None:
    claims = Claims()
    claims.claim(EARLY, [X, Y, Z])
    assert list(claims.claim(LATE, iter([Z, X, Y])).held_by_others) == [Z, X, Y]


def test_nothing_is_left_of_who_is_gone() -> None:
    claims = Claims()
    for number in range(50):
        claims.claim(cr(f"cr-{number}", number), [X, Y, obj(f"own-{number}")])
    for number in range(50):
        claims.release(cr(f"cr-{number}").key)
    assert not any(vars(claims).values())


CRS = [cr(name, second) for name, second in [("a", 1), ("b", 1), ("c", 0), ("d", 2)]]
OBJECTS = [X, Y, Z]
STEPS = st.lists(st.tuples(st.sampled_from(CRS), st.none() | st.frozensets(st.sampled_from(OBJECTS))), max_size=25)


@given(STEPS)
def test_whatever_happens_each_object_ends_with_the_earliest_that_wants_it(
    steps: Iterable[tuple[Claimant, frozenset[ObjectKey] | None]],
) -> None:
    claims = Claims()
    wants: dict[Claimant, frozenset[ObjectKey]] = {}
    said: dict[CRKey, dict[ObjectKey, Claimant]] = {}
    for who, objects in steps:
        if objects is None:
            wants.pop(who, None)
            again = claims.release(who.key)
        else:
            wants[who] = objects
            claim = claims.claim(who, objects)
            said[who.key], again = dict(claim.held_by_others), set(claim.displaced)
        while again:  # as the caller does it
            key = again.pop()
            told = next(each for each in CRS if each.key == key)
            claim = claims.claim(told, wants[told])
            said[told.key] = dict(claim.held_by_others)
            again |= claim.displaced
        first = {
            wanted: min((each for each in wants if wanted in wants[each]), key=lambda each: (each.created, each.key))
            for wanted in frozenset().union(*wants.values())
        }
        for each, theirs in wants.items():
            assert said[each.key].keys() == {wanted for wanted in theirs if first[wanted] != each}
