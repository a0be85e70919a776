"""Disks that are full, read-only or swept by others, and no file descriptors left; and what is true afterwards."""

from __future__ import annotations

import itertools
import os
import resource
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from nuvop import overlay
from tests.e2e.harness import condition, eventually
from tests.faults import proxy as faults
from tests.faults.aftermath import as_it_sees
from tests.faults.unruly import says
from tests.faults.workload import KIND

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.e2e.harness import Operator
    from tests.faults.conftest import Scene
    from tests.faults.unruly import Unruly

FULL = "No space left on device"
READ_ONLY = "Read-only file system"

NAMESPACE = ["unshare", "--mount", "--propagation=private"]
if os.getuid() != 0:
    NAMESPACE += ["--map-root-user"]
"""How to run a program whose mounts are its own: they end with it."""

MOUNT = 'mount -t tmpfs -o mode=700,size=4m,nr_inodes=2000 tmpfs "$0" && exec "$@"'


def may_mount() -> bool:
    """Whether this machine lets tests have mounts of their own."""
    try:
        command = [*NAMESPACE, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


needs_a_disk = pytest.mark.skipif(not may_mount(), reason="needs the right to mount a disk of its own (Linux)")


def for_ever(do: Callable[[int], object]) -> None:
    """Do something until it fails."""
    for number in itertools.count():
        do(number)


@dataclass(frozen=True)
class Disk:
    """A small disk that only an operator sees."""

    operator: Operator
    folder: Path

    @property
    def seen(self) -> Path:
        """The way to it from outside."""
        return as_it_sees(self.operator, self.folder)

    @contextmanager
    def full(self) -> Iterator[None]:
        """Without a free block; small changes are possible as long as they need none."""
        filler = self.seen / ".filler"
        with filler.open("wb", buffering=0) as stream, pytest.raises(OSError, match=FULL):
            for_ever(lambda _: stream.write(b"x" * 4096))
        try:
            yield
        finally:
            filler.unlink()

    @contextmanager
    def without_inodes(self) -> Iterator[None]:
        """With free blocks, and no file more."""
        folder = self.seen / ".fillers"
        folder.mkdir()
        with pytest.raises(OSError, match=FULL):
            for_ever(lambda number: (folder / str(number)).touch())
        try:
            yield
        finally:
            shutil.rmtree(folder)

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """As a disk becomes after an error. A plain remount would be refused: the lock is open for writing."""
        self._enter("mount", "--bind", self.folder, self.folder)
        self._enter("mount", "-o", "remount,bind,ro", self.folder)
        try:
            yield
        finally:
            self._enter("umount", "--lazy", self.folder)

    def _enter(self, *command: str | Path) -> None:
        enter = ["nsenter", f"--target={self.operator.process.pid}", "--mount"]
        if os.getuid() != 0:
            enter += ["--user", "--preserve-credentials"]
        subprocess.run([*enter, *command], check=True)


@contextmanager
def operator_with_disk(scene: Scene, folder: str) -> Iterator[tuple[Operator, Disk]]:
    """An operator of whose home one folder is a disk."""
    running = scene.start(start=False)
    path = running.generated.parent / folder
    path.mkdir(exist_ok=True)
    running.command = [*NAMESPACE, "sh", "-c", MOUNT, path, *running.command]
    running.start()
    before = scene.settle(running)
    yield running, Disk(running, path)
    scene.check(running, before)


def complains(scene: Scene, name: str, words: str) -> None:
    """Wait until a CR is not Ready and says why."""

    def does() -> bool:
        ready = condition(scene.workload.kubectl.get(f"{scene.workload.kind.plural}/{name}"), "Ready")
        return ready["status"] == "False" and words in ready["message"]

    eventually(f"the status says {words!r}", does)


def overlays(scene: Scene, running: Operator) -> set[str]:
    """The CRs of whom there is a folder."""
    folder = as_it_sees(running, running.generated) / "widgets" / scene.workload.kubectl.namespace
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def has_its_overlays(scene: Scene, running: Operator) -> None:
    """Wait until each CR that there is has a folder, and no other."""
    eventually("nothing is left of who is gone", lambda: overlays(scene, running) == set(scene.workload.wanted))


@needs_a_disk
def test_the_disk_of_the_overlays(scene: Scene, subtests: pytest.Subtests) -> None:
    with operator_with_disk(scene, "generated") as (running, disk):
        kinds = {"is full": (disk.full, FULL), "has no inodes": (disk.without_inodes, FULL)}
        kinds |= {"is read-only": (disk.read_only, READ_ONLY), "is read-only again": (disk.read_only, READ_ONLY)}
        for turn, (name, (fault, words)) in enumerate(kinds.items(), 1):
            with subtests.test(name):
                since = len(running.log())
                with fault():
                    scene.stir_again(turn)
                    complains(scene, "a", words)
                    says(running, since, words)
                    if turn > 2:
                        says(running, since, f"widgets/new{turn - 2} in .* is gone")
                scene.workload.converges()
                has_its_overlays(scene, running)


@needs_a_disk
def test_the_disk_of_the_private_folder(scene: Scene, subtests: pytest.Subtests) -> None:
    """kubectl does without its cache; credentials that cannot be renewed wait until they can."""
    with operator_with_disk(scene, "tmp") as (running, disk):
        (private,) = disk.seen.glob("nuvop-*")
        for turn, fault in ((1, disk.full), (3, disk.read_only)):
            with subtests.test(fault.__name__):
                since = len(running.log())
                with fault():
                    scene.stir_again(turn)
                    scene.workload.converges()
                    with scene.proxy.fault(faults.UNAUTHORIZED, lambda _: True):
                        scene.stir_again(turn + 1)
                        says(running, since, f"token cannot be written: ({FULL}|{READ_ONLY})")
                scene.workload.converges()
                assert {path.name for path in private.iterdir()} == {"kubeconfig", "token", "lock", "cache"}


def test_the_cache_cannot_be_written(scene: Scene) -> None:
    with scene.operator() as running:
        (cache,) = (running.generated.parent / "tmp").glob("nuvop-*/cache")
        shutil.rmtree(cache)
        cache.write_text("a file where a folder should be")
        scene.stir()
        scene.workload.converges()
        assert cache.is_file(), "kubectl has made itself another"


def test_others_remove_what_was_written(scene: Scene, unruly: Unruly, subtests: pytest.Subtests) -> None:
    with scene.operator(PATH=unruly.install()) as running:
        parts = [
            running.generated,
            running.generated / "widgets" / scene.workload.kubectl.namespace / "a",
            running.generated / ".kinds",
            running.generated / ".batches",
        ]
        turn = 0
        for part in parts:
            turn += 1
            with subtests.test("while nothing happens", part=part.name):
                shutil.rmtree(part, ignore_errors=True)
                scene.stir_again(turn)
                scene.workload.converges()
            for when in ('rm -rf "{}"', '"$REAL" "$@"; code=$?; rm -rf "{}"; exit $code'):
                turn += 1
                with (
                    subtests.test("beside kubectl", part=part.name, when=when),
                    unruly.fault(when.format(part)) as told,
                ):
                    scene.stir_again(turn)
                    eventually("kubectl has run", lambda: len(told.pids()) >= 2)
                scene.workload.converges()
        with subtests.test("one file of a snapshot"):
            (base,) = running.generated.glob(".kinds/*/base/base.yaml")
            base.unlink()
            scene.stir_again(turn + 1)
            scene.workload.converges()
        with subtests.test("all, and it is nuvop's all the same"):
            shutil.rmtree(running.generated)
            scene.stir_again(turn + 2)
            scene.workload.converges()
            lock = running.generated / overlay.LOCK
            eventually("it is locked again", lock.exists)
            second = scene.start(start=False, NUVOP_GENERATED=str(running.generated))
            second.start(until="another nuvop writes its overlays to")
            assert second.process.wait(30) == 1
            running.kill()
            running.start()
            scene.stir_again(turn + 3)


def limit_with(spare: int, pid: int) -> int:
    """The limit that leaves a process so many descriptors: each new one has the lowest number that is free."""
    taken = {int(entry) for entry in os.listdir(f"/proc/{pid}/fd")}
    free = (number for number in itertools.count() if number not in taken)
    return next(itertools.islice(free, spare, None))


def test_there_are_no_file_descriptors_left(scene: Scene, subtests: pytest.Subtests) -> None:
    with scene.operator() as running:
        pid = running.process.pid
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)

        def is_told(spare: int, since: int) -> bool:
            # Again and again: what was closed meanwhile is taken from it, too.
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit_with(spare, pid), before[1]))
            return "Too many open files" in running.log()[since:]

        for turn, spare in enumerate((0, 3, 6), 1):
            with subtests.test(spare=spare):
                since = len(running.log())
                try:
                    is_told(spare, since)
                    scene.stir_again(turn)
                    eventually("it is told", lambda: is_told(spare, since))  # noqa: B023
                finally:
                    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
                scene.workload.converges()
        reasons = {condition(body, "Ready").get("reason") for body in scene.history.of(KIND)}
        assert "KindInvalid" not in reasons, "that the folder could not be read says nothing of the kind"
