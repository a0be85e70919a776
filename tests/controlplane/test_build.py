"""The cache of built programs, with a stand-in for Go: what counts as built, and what an interruption leaves."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import sys
from collections import namedtuple
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lab.controlplane import ControlPlaneError, build, processes
from tests.controlplane import fake_go
from tests.controlplane.checkout import Checkout, finish, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class FakeGo:
    talk: Path

    def calls(self, command: str) -> list[dict[str, Any]]:
        notes = self.talk / "calls"
        lines = notes.read_text().splitlines() if notes.exists() else []
        return [call for call in map(json.loads, lines) if call["argv"][0] == command]

    def hold(self) -> None:
        (self.talk / "hold").touch()

    def release(self) -> None:
        (self.talk / "hold").unlink()

    def pids_when_held(self) -> list[int]:
        wait_until((self.talk / "pids").exists)
        return [int(pid) for pid in (self.talk / "pids").read_text().split()]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a cache"))
    return tmp_path / "a cache" / "nuvop" / "controlplane"


@pytest.fixture
def go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGo]:
    program = tmp_path / "bin" / "go"
    program.parent.mkdir()
    # A path with a space cannot stand in a `#!` line.
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -S {shlex.quote(fake_go.__file__)} "$@"\n')
    program.chmod(0o755)
    talk = tmp_path / "talk"
    talk.mkdir()
    (talk / "version").write_text("go version go1.99.1 linux/amd64")
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_GO", str(talk))
    yield FakeGo(talk)
    (talk / "hold").unlink(missing_ok=True)  # ends what a failed test left


@pytest.fixture
def copy(tmp_path: Path, cache: Path, go: FakeGo) -> Checkout:
    return Checkout.make(tmp_path)


def built(cache: Path) -> Path:
    return cache / build.Recipe.of_this_machine().key


def test_builds_once(cache: Path, go: FakeGo) -> None:
    assert build.ensure() == built(cache)
    assert sorted(path.name for path in built(cache).iterdir()) == sorted(build.CONTROL_PLANE.programs)
    assert not (cache / "build").exists(), "the gigabytes of a build stay behind"
    assert build.ensure() == built(cache)
    assert len(go.calls("build")) == 1


def test_pinned_versions_decide_the_key() -> None:
    recipe = build.Recipe.of_this_machine()
    newer = recipe.go_mod.replace(f"k8s.io/kubernetes {recipe.version}", "k8s.io/kubernetes v1.99.0")
    other = [
        replace(recipe, go_mod=newer),
        replace(recipe, go_sum=recipe.go_sum + "\n"),
        replace(recipe, architecture="riscv64"),
    ]
    assert len({recipe.key, *(one.key for one in other)}) == 4
    assert "-X k8s.io/component-base/version.gitVersion=v1.99.0" in other[0].flags[-1]


def test_user_settings_reach_go_unless_they_would_change_the_build(
    cache: Path, go: FakeGo, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed = {"HTTPS_PROXY": "http://proxy:1", "SSL_CERT_FILE": "/ca.pem", "GOPROXY": "http://mirror", "GOSUMDB": "off"}
    for name, value in passed.items():
        monkeypatch.setenv(name, value)
    for name in ("GOFLAGS", "GOWORK", "GOOS", "GOCACHE", "GOMODCACHE", "GOTOOLCHAIN"):
        monkeypatch.setenv(name, "theirs")
    build.ensure()
    (call,) = go.calls("build")
    assert passed.items() <= call["env"].items()
    assert "theirs" not in call["env"].values()
    assert {"-mod=readonly", "-modcacherw", "-trimpath"} <= set(call["argv"])
    assert Path(call["env"]["GOCACHE"]).is_relative_to(cache)
    assert Path(call["env"]["GOMODCACHE"]).is_relative_to(cache)


def test_without_home_the_cache_is_in_the_project(
    tmp_path: Path, go: FakeGo, copy: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    blocked = tmp_path / "not a folder"
    blocked.touch()
    where = "import lab.controlplane.paths; print(lab.controlplane.paths.cache())"
    for home in ("", str(blocked), "relative"):
        monkeypatch.setenv("HOME", home)
        found = finish(copy.python("-c", where)).stdout.strip()
        assert found == str(copy.root / ".lab" / "cache" / "controlplane"), home


def test_a_cache_that_lacks_a_program_is_built_anew(cache: Path, go: FakeGo) -> None:
    (build.ensure() / "etcd").unlink()
    assert (build.ensure() / "etcd").exists()
    assert len(go.calls("build")) == 2


def test_a_failed_build_says_why_and_leaves_nothing_that_looks_whole(cache: Path, go: FakeGo) -> None:
    (go.talk / "fail").touch()
    with pytest.raises(ControlPlaneError, match=r"exit code 1; the end of .*build\.log:(.|\n)*undefined: everything"):
        build.ensure()
    assert not built(cache).exists()
    (go.talk / "fail").unlink()
    build.ensure()
    assert [call["cached"] for call in go.calls("build")] == [False, True], "it did not go on from Go's cache"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_build_leaves_no_process_and_is_resumed(
    number: signal.Signals, cache: Path, go: FakeGo, copy: Checkout
) -> None:
    go.hold()
    up = copy.start("up", "any")
    pids = go.pids_when_held()
    up.send_signal(number)
    assert finish(up).returncode != 0
    wait_until(lambda: all(map(processes.has_ended, pids)))
    assert not built(cache).exists()
    assert not copy.directory("any").exists()

    go.release()
    assert build.ensure() == built(cache)
    assert [call["cached"] for call in go.calls("build")] == [False, True], "it did not go on from Go's cache"


def test_after_sigkill_the_next_build_waits_for_the_orphaned_go(cache: Path, go: FakeGo, copy: Checkout) -> None:
    go.hold()
    first = copy.start("up", "any")
    pids = go.pids_when_held()
    first.kill()
    finish(first)
    assert not built(cache).exists()

    second = copy.start("up", "any")
    assert second.stderr is not None
    assert "another build" in second.stderr.readline()
    assert not any(map(processes.has_ended, pids)), "the orphan ended: it could not disturb anyone"
    assert not built(cache).exists()
    go.release()
    # What it made passes for programs, but is none: the cluster cannot come up.
    assert "error: kwokctl create made no " in finish(second).stderr
    assert sorted(path.name for path in built(cache).iterdir()) == sorted(build.CONTROL_PLANE.programs)
    assert len(go.calls("build")) == 2


def test_two_builds_at_once_build_once(cache: Path, go: FakeGo, copy: Checkout) -> None:
    go.hold()
    first = copy.start("up", "one")
    go.pids_when_held()
    second = copy.start("up", "two")
    assert second.stderr is not None
    assert "waiting for it" in second.stderr.readline()
    go.release()
    finish(first)
    finish(second)
    assert len(go.calls("build")) == 1


def test_an_old_go_is_refused(cache: Path, go: FakeGo) -> None:
    (go.talk / "version").write_text("go version go1.25.9 linux/amd64")
    with pytest.raises(ControlPlaneError, match=r"needs Go 1\.26, but .*/go is 1\.25\.9; run this through \./taskw"):
        build.ensure()


def test_no_go_is_an_error_that_names_taskw(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ControlPlaneError, match=r"needs Go 1\.26; run this through \./taskw"):
        build.ensure()


def test_too_little_disk_is_an_error_beforehand(cache: Path, go: FakeGo, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**12, 10**12 - 3 * 10**9, 3 * 10**9))
    with pytest.raises(ControlPlaneError, match=r"needs 5\.0 GB of disk, .*build has 3\.0 GB free"):
        build.ensure()
    assert not go.calls("list")


def test_too_little_memory_is_an_error_beforehand(cache: Path, go: FakeGo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "available_memory", lambda: 1_200_000_000)
    with pytest.raises(ControlPlaneError, match=r"needs 2 GB of memory, 1\.2 GB are available"):
        build.ensure()
    assert not go.calls("list")


def test_says_beforehand_what_it_does(cache: Path, go: FakeGo, capfd: pytest.CaptureFixture[str]) -> None:
    build.ensure()
    output, errors = capfd.readouterr()
    assert output == ""
    assert "building Kubernetes v1.36.3" in errors
    assert "about 6 minutes" in errors
    assert str(built(cache)) in errors
    assert "\r" not in errors, "carriage returns where there is no terminal"
