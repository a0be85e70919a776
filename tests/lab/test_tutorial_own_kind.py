"""The tutorial's chapter on kinds and handlers of one's own."""

from pathlib import Path

import pytest

from tests.lab.reader import TUTORIAL, follow, parts

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]


def test_every_step_comes_true(tmp_path: Path) -> None:
    _to_the_operator, own_kind, _in_the_cluster = parts(TUTORIAL)
    follow(TUTORIAL, own_kind, tmp_path)
