"""Which types any CR's inventory tells of."""

import pytest

from nuvop.announcements import Announcements
from nuvop.objects import CRKey

A, B = CRKey("widgets", "here", "a"), CRKey("widgets", "here", "b")
ELSEWHERE = CRKey("widgets", "there", "a")
DEPLOYMENT, SERVICE = ("apps/v1", "Deployment"), ("v1", "Service")
BOTH = {DEPLOYMENT, SERVICE}


@pytest.mark.parametrize("cluster_wide", [True, False])
def test_a_type_is_told_of_as_long_as_any_inventory_has_it(cluster_wide: bool) -> None:
    announcements = Announcements(cluster_wide=cluster_wide)
    assert announcements.unannounced(A, BOTH) == BOTH
    announcements.note(A, BOTH)
    announcements.note(B, {DEPLOYMENT})
    assert announcements.unannounced(A, BOTH) == set()
    announcements.forget(A)
    assert announcements.unannounced(A, BOTH) == {SERVICE}
    announcements.forget(B)
    assert announcements.unannounced(A, BOTH) == BOTH


def test_what_an_inventory_has_no_more_is_told_of_no_more() -> None:
    announcements = Announcements(cluster_wide=True)
    announcements.note(A, BOTH)
    announcements.note(A, {SERVICE})
    assert announcements.unannounced(A, BOTH) == {DEPLOYMENT}


def test_other_namespaces_count_where_one_watch_covers_all_of_them() -> None:
    for cluster_wide, told in ((True, BOTH), (False, set())):
        announcements = Announcements(cluster_wide=cluster_wide)
        announcements.note(A, BOTH)
        assert BOTH - announcements.unannounced(ELSEWHERE, BOTH) == told
