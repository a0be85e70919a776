"""The real node, as far as it can be said without one; tests/realnode has one."""

import json
import os
import tarfile
from pathlib import Path

import pytest
from pytest_subprocess import FakeProcess

from lab.controlplane import ControlPlaneError, build, config, node
from lab.controlplane.node import images, machine, settings


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The node's folder of this machine is another one."""
    monkeypatch.setattr(machine, "RUN", tmp_path / "run")
    monkeypatch.setattr(machine, "OWNER", tmp_path / "run" / "cluster")
    monkeypatch.setattr(machine, "SYSCTLS", tmp_path / "run" / "sysctls.json")
    return tmp_path / "run"


def test_is_of_the_control_planes_kubernetes() -> None:
    recipe = build.Recipe.of_this_machine(build.NODE)
    assert recipe.version == build.Recipe.of_this_machine().version
    assert recipe.go_version == build.Recipe.of_this_machine().go_version


def test_a_machine_has_one(elsewhere: Path) -> None:
    machine.claim(Path("/clusters/first"))
    assert machine.owner() == Path("/clusters/first")
    with pytest.raises(ControlPlaneError, match="cluster /clusters/first has that of this one; remove that cluster"):
        machine.claim(Path("/clusters/second"))
    assert machine.owner() == Path("/clusters/first")
    assert sorted(path.name for path in elsewhere.iterdir()) == ["cluster", "sysctls.json"]
    assert set(json.loads((elsewhere / "sysctls.json").read_text())) == set(machine.CHANGED_SYSCTLS)


def test_another_clusters_node_is_left_alone(elsewhere: Path) -> None:
    machine.claim(Path("/clusters/first"))
    node.remove(Path("/clusters/second"))
    assert machine.owner() == Path("/clusters/first")


def test_who_is_not_root_is_told_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert node.obstacle() == "a real node needs root"
    with pytest.raises(ControlPlaneError, match="a real node needs root"):
        node.prepare(tmp_path)


@pytest.mark.parametrize(
    ("have", "lacking"),
    [("cpu memory pids", ""), ("cpu io", "the cgroups memory, pids are missing in ")],
)
def test_missing_cgroups_are_named(have: str, lacking: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "CGROUPS", tmp_path)
    (tmp_path / "cgroup.controllers").write_text(have)
    assert machine.missing_cgroups() == (f"{lacking}{tmp_path}" if lacking else "")


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("nuvop", "docker.io/library/nuvop:latest"),
        ("nuvop:0.1.0", "docker.io/library/nuvop:0.1.0"),
        ("me/nuvop:1", "docker.io/me/nuvop:1"),
        ("registry.example.com/nuvop", "registry.example.com/nuvop:latest"),
        ("localhost:5000/nuvop:1", "localhost:5000/nuvop:1"),
    ],
)
def test_a_name_is_that_by_which_kubelet_asks(name: str, full: str) -> None:
    assert images.full_name(name) == full


@pytest.mark.parametrize("images_in_it", [(), ("a:1", "b:1")])
def test_an_archive_is_of_one_image(images_in_it: tuple[str, ...], fp: FakeProcess) -> None:
    lines = [f"unpacking docker.io/library/{name} (sha256:1)...done" for name in images_in_it]
    fp.register(["ctr", fp.any(), "import", "image.tar"], stdout="\n".join(lines))
    fp.register(["ctr", fp.any(), "list", "--quiet"], stdout="")
    with pytest.raises(ControlPlaneError, match=rf"image\.tar: {len(images_in_it)} images are in it, not one"):
        images.load(Path("image.tar"), "nuvop:1")


def test_an_image_of_one_program(tmp_path: Path) -> None:
    program = tmp_path / "waits"
    program.write_bytes(b"a static program")
    images.write(tmp_path / "image.tar", "waits:1", program, ["/waits"])
    with tarfile.open(tmp_path / "image.tar") as archive:
        described = archive.extractfile("config.json")
        assert described is not None
        assert json.load(described)["config"]["Entrypoint"] == ["/waits"]
        with tarfile.open(fileobj=archive.extractfile("layer.tar")) as layer:
            (entry,) = layer.getmembers()
            assert (entry.name, entry.mode) == ("waits", 0o755)


def test_the_control_plane_leaves_the_real_node_to_kubelet(tmp_path: Path) -> None:
    ports = config.Ports(1, 2, 3, 4, 5, 6)
    patches = config.kwokctl(tmp_path, ports, tmp_path, config.RealNode(node.ADDRESS, tmp_path))["componentsPatches"]
    told = {(patch["name"], each["key"]): each["value"] for patch in patches for each in patch["extraArgs"]}
    assert told["kube-apiserver", "advertise-address"] == settings.ADDRESS
    assert told["kwok-controller", "manage-all-nodes"] == "false"
    plain = config.kwokctl(tmp_path, ports, tmp_path)["componentsPatches"]
    assert "kwok-controller" not in {patch["name"] for patch in plain}
