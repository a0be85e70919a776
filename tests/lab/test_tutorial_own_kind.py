"""The tutorial's chapter on kinds and handlers of one's own."""

from pathlib import Path

import pytest

from tests.lab.reader import follow, part_of

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]


def test_every_step_comes_true(tmp_path: Path) -> None:
    follow(part_of("6. Your own kind"), tmp_path)
