"""What the commands have in common."""

from typing import Any

import pytest

from nuvop.commands import common
from nuvop.objects import NO_UID


@pytest.mark.parametrize(
    ("metadata", "uid", "completed"),
    [
        ({}, None, ("default", NO_UID)),
        ({"namespace": None, "uid": None}, None, ("default", NO_UID)),
        ({"namespace": "", "uid": ""}, "u", ("default", "u")),
        ({"namespace": "demo", "uid": "own"}, "u", ("demo", "own")),
    ],
)
def test_a_resource_is_completed_where_it_has_no_value(
    metadata: dict[str, Any], uid: str | None, completed: tuple[str, str]
) -> None:
    found = common.for_rendering({"metadata": {"name": "a", **metadata}, "spec": {}}, uid)
    assert found == {"metadata": {"name": "a", "namespace": completed[0], "uid": completed[1]}, "spec": {}}
