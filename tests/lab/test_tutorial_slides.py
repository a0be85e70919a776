"""The slides, which are one part."""

from pathlib import Path

import pytest

from tests.lab.reader import SLIDES, follow, parts

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]


def test_every_step_comes_true(tmp_path: Path) -> None:
    (all_of_them,) = parts(SLIDES)
    follow(SLIDES, all_of_them, tmp_path)
