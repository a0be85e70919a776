"""The tutorial from its beginning, up to the first operator of nuvop's."""

from pathlib import Path

import pytest

from tests.lab.reader import TUTORIAL, follow, parts

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]


def test_every_step_comes_true(tmp_path: Path) -> None:
    to_the_operator, _own_kind, _in_the_cluster = parts(TUTORIAL)
    follow(TUTORIAL, to_the_operator, tmp_path)
