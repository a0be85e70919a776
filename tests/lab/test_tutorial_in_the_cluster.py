"""The tutorial's chapter on the operator in a cluster, whose pods need a real node."""

from pathlib import Path

import pytest

from lab.controlplane import node
from tests.image import built
from tests.lab.reader import TUTORIAL, follow, parts
from tests.machine import as_node, need

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]


def test_every_step_comes_true(tmp_path: Path) -> None:
    need(node.obstacle() or built.obstacle())
    _to_the_operator, _own_kind, in_the_cluster = parts(TUTORIAL)
    with as_node():
        follow(TUTORIAL, in_the_cluster, tmp_path)
