"""How the image is built: by which program, with which settings of the machine."""

import io
import json
import re
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from click.testing import CliRunner
from pytest_subprocess import FakeProcess

from lab import debian
from lab.controlplane.__main__ import commands
from lab.image import ImageError, context, engines, pip_settings
from lab.image.archive import Archive
from lab.image.build import base_of, have_base
from lab.image.engines import Buildah, Docker, Engine
from nuvop import kind_folder
from nuvop.errors import KindError
from tests.e2e.harness import ROOT

PLAIN: dict[str, Any] = {
    "index_url": "https://pypi.example.com/simple",
    "extra_index_urls": [],
    "trusted_hosts": [],
    "proxy": "",
    "timeout": 15,
    "cert": None,
}


def programs(folder: Path, **bodies: str) -> str:
    """A PATH with these programs and no others."""
    for name, body in bodies.items():
        (folder / name).write_text(f"#!/bin/sh\n{body}\n")
        (folder / name).chmod(0o755)
    return str(folder)


def test_takes_the_first_that_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", programs(tmp_path, docker="exit 1", podman="exit 0"))
    assert engines.find() == Docker("podman"), "this docker has no daemon"
    monkeypatch.setenv("PATH", programs(tmp_path, docker="exit 0"))
    assert engines.find() == Docker("docker")


def test_without_any_only_root_gets_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", programs(tmp_path, buildah="exit 0"))
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert isinstance(engines.find(), Buildah)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(ImageError, match="neither works here; as root buildah would do"):
        engines.find()


@pytest.mark.parametrize(("uid", "complaint"), [(1000, "only root can install packages"), (0, "there is no apt-get")])
def test_a_package_that_cannot_be_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uid: int, complaint: str
) -> None:
    monkeypatch.setenv("PATH", programs(tmp_path, there="exit 0"))
    monkeypatch.setattr("os.geteuid", lambda: uid)
    debian.install({"there": "here-already"})
    with pytest.raises(debian.DebianError, match=f"one: not installed, and {complaint}"):
        debian.install({"there": "here-already", "first": "one", "/usr/lib/second": "one"})


def test_packages_are_installed_together(fp: FakeProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("shutil.which", lambda name: name if name in ("apt-get", "runc") else None)
    fp.register(["apt-get", "-q", "update"])
    fp.register(["apt-get", "-q", "install", "--yes", "--no-install-recommends", "buildah", "containerd"])
    debian.install({"runc": "runc", "containerd": "containerd", "ctr": "containerd", "buildah": "buildah"})
    assert len(fp.calls) == 2


def test_the_pip_inside_is_told_what_the_machines_is() -> None:
    settings = pip_settings.of_options(PLAIN)
    assert settings.pip_conf == "[global]\nindex-url = https://pypi.example.com/simple\ntimeout = 15\n"
    assert settings.certificates is None
    more = {**PLAIN, "extra_index_urls": ["https://a/", "https://b/"], "trusted_hosts": ["a"], "cert": "/etc/own.pem"}
    settings = pip_settings.of_options(more)
    assert "extra-index-url = https://a/\n    https://b/\ntrusted-host = a\n" in settings.pip_conf
    assert "cert = /run/secrets/certificates\n" in settings.pip_conf
    assert settings.certificates == Path("/etc/own.pem")


def test_settings_of_pip_do_not_show_in_a_command_line(tmp_path: Path, fp: FakeProcess) -> None:
    fp.register(["docker", fp.any()])
    Docker("docker").build(tmp_path, "nuvop:1", {"VERSION": "1"}, {"pip.conf": tmp_path / "pip.conf"})
    assert list(fp.calls[0]) == [
        *("docker", "build", "--tag=nuvop:1", "--build-arg", "VERSION=1"),
        *("--secret", f"id=pip.conf,src={tmp_path / 'pip.conf'}", str(tmp_path)),
    ]


def test_a_failed_build_is_an_error(tmp_path: Path, fp: FakeProcess) -> None:
    fp.register(["podman", fp.any()], returncode=3)
    with pytest.raises(ImageError, match="podman build failed with exit code 3"):
        Docker("podman").build(tmp_path, "nuvop:1", {}, {})


def test_a_pull_says_why_it_fails_also_where_the_program_says_nothing(
    fp: FakeProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    fp.register(["docker", "pull", fp.any()], returncode=1, stderr="")
    assert Docker("docker").pull("python:3") == "docker ended with exit code 1"

    def hang(command: list[str], **_: Any) -> None:
        raise subprocess.TimeoutExpired(command, 600)

    monkeypatch.setattr(subprocess, "run", hang)
    assert Docker("docker").pull("python:3") == "docker has not ended in 600 s"
    with pytest.raises(ImageError, match=r"docker image inspect .* has not ended in 600 s"):
        Docker("docker").layers("python:3")


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("nuvop:1", "docker tag nuvop:1 <registry>/nuvop:1 && docker push <registry>/nuvop:1"),
        ("jane/nuvop", "docker tag jane/nuvop <registry>/jane/nuvop && docker push <registry>/jane/nuvop"),
        ("registry.example.org/nuvop:1", "docker push registry.example.org/nuvop:1"),
    ],
)
def test_how_an_image_is_pushed(name: str, command: str, tmp_path: Path) -> None:
    assert Docker("docker").push_command(name) == command
    assert Buildah(tmp_path).push_command(name).endswith(f" push {name} docker://{command.split()[-1]}")


@dataclass
class Shelf:
    """An engine that keeps images by name, and builds nothing."""

    kept: set[str]
    refusal: str = ""

    def has(self, name: str) -> bool:
        return name in self.kept

    def pull(self, name: str) -> str:
        if not self.refusal:
            self.kept.add(name)
        return self.refusal


def test_the_base_is_kept_beside_what_is_built_upon_it() -> None:
    """docker's builder takes it without keeping it; then nobody could tell how much is beyond it."""
    shelf = Shelf(set())
    have_base(cast("Engine", shelf), "python:3")
    assert shelf.kept == {"python:3"}
    have_base(cast("Engine", Shelf({"python:3"}, "no network")), "python:3")
    with pytest.raises(ImageError, match="python:3 cannot be pulled: no network"):
        have_base(cast("Engine", Shelf(set(), "no network")), "python:3")


def test_the_base_is_that_of_the_dockerfile() -> None:
    assert base_of((ROOT / "Dockerfile").read_text()).startswith("docker.io/library/python:3.")
    with pytest.raises(ImageError, match="ARG BASE"):
        base_of("FROM scratch")


def test_the_image_is_made_of_the_checkouts_files_and_of_exactly_the_kinds_that_are_named(tmp_path: Path) -> None:
    kinds = tmp_path / "my kinds"
    shutil.copytree(ROOT / "kustomize/samples", kinds / "samples")
    (kinds / "samples/.hidden").touch()
    context.write(tmp_path / "all", [ROOT / "kustomize"])
    context.write(tmp_path / "own", [kinds, ROOT / "tests/golden/tiers"])
    shipped, own = ({each.name for each in (tmp_path / name / "kustomize").iterdir()} for name in ("all", "own"))
    assert (shipped, own) == ({"memcacheds", "nginxservers", "psqls", "samples"}, {"samples", "tiers"})
    copied = kind_folder.read(tmp_path / "own/kustomize/samples")
    assert copied == kind_folder.read(ROOT / "kustomize/samples")
    assert not (tmp_path / "own/kustomize/samples/.hidden").exists()
    copied_sources = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    for name in " ".join(copied_sources).split():
        assert (tmp_path / "own" / name).exists()


def test_kinds_that_cannot_be_copied_are_named(tmp_path: Path) -> None:
    linked = shutil.copytree(ROOT / "kustomize/samples", tmp_path / "linked/samples")
    (linked / "more.yaml").symlink_to("/etc/hostname")
    with pytest.raises(KindError, match=r"linked/samples/more\.yaml: is a symbolic link"):
        context.write(tmp_path / "one", [linked])
    (linked / "more.yaml").unlink()
    with pytest.raises(ImageError, match="linked/samples have one name"):
        context.write(tmp_path / "two", [ROOT / "kustomize", linked.parent])


def test_an_image_that_is_not_there_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.controlplane.find", lambda name: None)
    monkeypatch.setattr("lab.image.engine", lambda: Shelf({"nuvop:1"}))
    done = CliRunner().invoke(commands, ["load", "nuvop:2"])
    assert isinstance(done.exception, ImageError)
    assert str(done.exception).startswith("there is no image nuvop:2 here: `task image IMAGE=nuvop:2` builds")


def test_only_what_is_above_the_base_counts(tmp_path: Path) -> None:
    files = {"low.tar": layer({"a": 5_000_000}), "high.tar": layer({"b": 1_000_000, "c": 500_000}), "config": b"{}"}
    manifest = [{"Config": "config", "RepoTags": ["nuvop:1"], "Layers": ["low.tar", "high.tar"]}]
    (tmp_path / "image.tar").write_bytes(packed({**files, "manifest.json": json.dumps(manifest).encode()}))
    archive = Archive(tmp_path / "image.tar")
    assert archive.megabytes(above=1) == 1.5
    assert archive.names() == ["nuvop:1"]


def layer(sizes: dict[str, int]) -> bytes:
    return packed({name: bytes(size) for name, size in sizes.items()})


def packed(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
