"""The tutorial from its beginning, up to the first operator of nuvop's."""

from pathlib import Path

import pytest

from tests.lab.reader import follow, part_of

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]


def test_every_step_comes_true(tmp_path: Path) -> None:
    follow(part_of("1. CRD"), tmp_path)
