"""Images of a single static program, made without any container engine; and how images come into the node."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
from typing import TYPE_CHECKING

from lab.controlplane.build import go_architecture
from lab.controlplane.errors import ControlPlaneError
from lab.controlplane.node.settings import SOCKET

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def write(archive: Path, name: str, program: Path, command: Sequence[str]) -> None:
    """Write an image with only this program, at /<its name>, as `docker save` would."""
    layer = _packed({program.name: (program.read_bytes(), 0o755)})
    config = {
        "architecture": go_architecture(),
        "os": "linux",
        "config": {"Entrypoint": list(command), "User": "65532:65532"},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    files = {"config.json": json.dumps(config).encode(), "layer.tar": layer}
    files["manifest.json"] = json.dumps(manifest).encode()
    archive.write_bytes(_packed({name: (content, 0o644) for name, content in files.items()}))


def load(archive: Path, name: str) -> None:
    """Bring an image in a file into the node, where pods find it as `name`. Raises ControlPlaneError."""
    imported = _ctr("images", "import", str(archive))
    full = full_name(name)
    if full not in _ctr("images", "list", "--quiet").split():
        # podman and buildah put localhost/ before the name of what they build.
        found = [line.split()[1] for line in imported.splitlines() if line.startswith("unpacking ")]
        if len(found) != 1:
            raise ControlPlaneError(f"{archive}: {len(found)} images are in it, not one; no name tells which is {name}")
        _ctr("images", "tag", found[0], full)


def has(name: str) -> bool:
    """Whether the node has an image. Raises ControlPlaneError."""
    return full_name(name) in _ctr("images", "list", "--quiet").split()


def full_name(name: str) -> str:
    """An image's name as containerd keeps it: with a registry, and a tag."""
    first, slash, _ = name.partition("/")
    if not slash:
        name = f"docker.io/library/{name}"
    elif not ({".", ":"} & set(first)) and first != "localhost":
        name = f"docker.io/{name}"
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def _ctr(*arguments: str) -> str:
    command = ["ctr", f"--address={SOCKET}", "--namespace=k8s.io", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ControlPlaneError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def _packed(files: dict[str, tuple[bytes, int]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, (content, mode) in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
