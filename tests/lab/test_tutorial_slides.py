"""The slides, which are one part."""

from pathlib import Path

import pytest

from tests.lab.blocks import parts
from tests.lab.checkout import PROJECT
from tests.lab.reader import SLIDES, follow

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]


def test_every_step_comes_true(tmp_path: Path) -> None:
    (part,) = parts((PROJECT / SLIDES).read_text(encoding="utf-8"))
    follow(part, tmp_path, SLIDES)
