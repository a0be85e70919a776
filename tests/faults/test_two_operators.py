"""Two operators instead of one, by mistake."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.e2e.harness import always, comes_to_rest, writes_of
from tests.faults.aftermath import kill

if TYPE_CHECKING:
    from lab.controlplane import Cluster
    from tests.faults.conftest import Scene


def test_two_by_mistake(cluster: Cluster, scene: Scene) -> None:
    """The same kinds, a folder of overlays each: they agree, so it is for nothing but does no harm."""
    one, before = scene.begin()
    two = scene.start()
    scene.workload.converges()
    for _ in range(3):
        scene.stir()
        scene.workload.converges()
        scene.workload.put("c")
    scene.check(one, before)
    scene.check(two, before)
    comes_to_rest(cluster, scene.workload.kubectl.namespace)
    since = cluster.audit_log.stat().st_size
    always("they are at rest", lambda: not writes_of(cluster, scene.workload.kubectl.namespace, since), during=5)
    kill(one)
    scene.workload.put("a", text="one is enough")
    scene.check(two, before)


def test_two_that_share_a_folder(scene: Scene) -> None:
    one, before = scene.begin()
    two = scene.start(start=False, NUVOP_GENERATED=str(one.generated))
    two.start(until=None)
    assert two.process.wait(60) == 1
    assert f"another nuvop writes its overlays to {one.generated}" in two.log()
    assert "Traceback" not in two.log()
    scene.stir()
    scene.check(one, before)
    one.kill()
    two.start()
    scene.workload.put("a", text="the folder is free")
    scene.check(two, before)
