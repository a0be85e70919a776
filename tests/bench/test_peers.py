"""Building a peer, with a `go` that is instant."""

import json
import os
import shlex
import sys
from pathlib import Path

import pytest

from lab.bench import peers
from lab.bench.errors import BenchError
from lab.bench.peers import Peer, Source

GO = """\
import json, os, pathlib, sys
arguments = sys.argv[1:]
with open({calls!r}, "a") as calls:
    calls.write(json.dumps([os.getcwd(), *arguments]) + "\\n")
if arguments[:2] == ["mod", "download"]:
    folder = pathlib.Path(os.environ["GOMODCACHE"], arguments[-1].replace("/", "_"))
    (folder / "crds").mkdir(parents=True, exist_ok=True)
    (folder / "go.mod").write_text(arguments[-1])
    (folder / "go.mod").chmod(0o400)
    (folder / "crds" / (folder.name + ".yaml")).write_text("a CRD")
    print(json.dumps({{"Dir": str(folder)}}))
elif arguments[0] == "build":
    if pathlib.Path({calls!r} + ".fail").exists():
        sys.exit("main.go:1:1: undefined: everything")
    program = pathlib.Path(arguments[arguments.index("-o") + 1])
    program.write_text(pathlib.Path("go.mod").read_text())
    program.chmod(0o755)
"""

MAIN, EXTRA = Source("example.org/peer", "v1.2.3"), Source("example.org/extra", "v4.5.6")
PEER = Peer("peer", MAIN, "./cmd", ((MAIN, "crds"), (EXTRA, "crds")), drop_replace=("example.org/peer/api",))


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fake go on PATH; the file in which it notes its calls."""
    file = tmp_path / "calls"
    go = tmp_path / "bin" / "go"
    go.parent.mkdir()
    program = go.with_name("go.py")
    program.write_text(GO.format(calls=str(file)))
    # A shebang breaks at a space in the path.
    go.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(str(program))} "$@"\n')
    go.chmod(0o755)
    monkeypatch.setenv("PATH", f"{go.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return file


def arguments(calls: Path) -> list[list[str]]:
    return [json.loads(line)[1:] for line in calls.read_text().splitlines()]


@pytest.mark.usefixtures("calls")
def test_a_peer_is_its_program_and_the_crds_of_all_its_modules(tmp_path: Path) -> None:
    built = peers.ensure(PEER)

    assert built.folder.is_relative_to(tmp_path / "cache")
    assert built.program.read_text() == "example.org/peer@v1.2.3"
    assert {file.name for file in (built.folder / "crds").iterdir()} == {
        "example.org_peer@v1.2.3.yaml",
        "example.org_extra@v4.5.6.yaml",
    }


def test_a_peer_is_built_from_a_copy_without_the_replace(calls: Path) -> None:
    peers.ensure(PEER)

    folder, *edit = next(json.loads(line) for line in calls.read_text().splitlines() if "edit" in line)
    assert edit == ["mod", "edit", "-dropreplace=example.org/peer/api"]
    assert Path(folder).name == "source"


def test_a_peer_is_built_once(calls: Path) -> None:
    peers.ensure(PEER)
    before = len(arguments(calls))
    peers.ensure(PEER)

    assert len(arguments(calls)) == before


@pytest.mark.usefixtures("calls")
def test_another_version_is_another_folder() -> None:
    other = Peer("peer", Source("example.org/peer", "v1.2.4"), "./cmd", PEER.crds)
    assert peers.ensure(PEER).folder != peers.ensure(other).folder


@pytest.mark.usefixtures("calls")
def test_nothing_but_the_result_stays(tmp_path: Path) -> None:
    built = peers.ensure(PEER)
    assert {path.name for path in built.folder.parent.iterdir()} == {built.folder.name, "build.lock"}


def test_a_build_that_fails_tells_why_and_leaves_no_peer(calls: Path) -> None:
    calls.with_name("calls.fail").touch()

    with pytest.raises(BenchError, match="undefined: everything"):
        peers.ensure(PEER)
    assert not PEER.folder.exists()

    calls.with_name("calls.fail").unlink()
    assert peers.ensure(PEER).program.exists()


def test_without_go_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(BenchError, match="needs Go"):
        peers.ensure(PEER)


@pytest.mark.usefixtures("calls")
def test_a_full_disk_is_told_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "DISK_BYTES", 10**18)

    with pytest.raises(BenchError, match="GB of disk"):
        peers.ensure(PEER)
