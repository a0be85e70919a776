"""Containers of an image without anything else of a container engine: runc, as the operator's pod would be run."""

import json
import os
import shutil
import subprocess
import tarfile
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.image.archive import Archive


@dataclass(frozen=True)
class Unpacked:
    """An image's files in a folder, and its description."""

    root: Path
    config: dict[str, Any]

    def run(
        self, *command: str, folders: dict[str, Path] | None = None, hidden: Sequence[str] = ()
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command: as the image's user, with no capability and no network, all read-only but /tmp.

        ``folders`` are there at their paths; ``hidden`` programs cannot be executed.
        """
        bundle = self.root.parent / f"bundle-{uuid.uuid4().hex}"
        bundle.mkdir()
        mounts = [_bind("/dev/null", path) for path in hidden]
        mounts += [_bind(str(source), path) for path, source in (folders or {}).items()]
        (bundle / "config.json").write_text(json.dumps(self._spec(command, mounts)))
        try:
            return subprocess.run(
                ["runc", "run", "--bundle", str(bundle), bundle.name], capture_output=True, text=True, check=False
            )
        finally:
            shutil.rmtree(bundle)

    def _spec(self, command: Sequence[str], mounts: list[dict[str, Any]]) -> dict[str, Any]:
        uid, gid = map(int, self.config["User"].split(":"))
        return {
            "ociVersion": "1.0.2",
            "process": {
                "user": {"uid": uid, "gid": gid},
                "args": list(command),
                "env": self.config["Env"],
                "cwd": self.config["WorkingDir"],
                "capabilities": {},
                "noNewPrivileges": True,
            },
            "root": {"path": str(self.root), "readonly": True},
            "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc"},
                {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
                {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=1777"]},
                *mounts,
            ],
            "linux": {"namespaces": [{"type": name} for name in ("pid", "mount", "ipc", "uts", "network")]},
        }


def _bind(source: str, destination: str) -> dict[str, Any]:
    return {"destination": destination, "type": "bind", "source": source, "options": ["bind", "ro"]}


def unpack(archive: Archive, folder: Path) -> Unpacked:
    """Unpack an image's layers one upon the other."""
    root = folder / "root"
    root.mkdir(mode=0o755)
    with tarfile.open(archive.file) as whole:
        (manifest,) = json.load(_file(whole, "manifest.json"))
        for name in manifest["Layers"]:
            with tarfile.open(fileobj=_file(whole, name), mode="r|*") as layer:
                for entry in layer:
                    _put(layer, entry, root)
    return Unpacked(root, archive.config()["config"])


def _put(layer: tarfile.TarFile, entry: tarfile.TarInfo, root: Path) -> None:
    path = root / entry.name
    if path.name.startswith(".wh."):  # what an upper layer has taken away
        gone = path.with_name(path.name.removeprefix(".wh."))
        shutil.rmtree(gone) if gone.is_dir() and not gone.is_symlink() else gone.unlink()
        return
    if not entry.isdir() and os.path.lexists(path):
        path.unlink()
    layer.extract(entry, root, numeric_owner=True, filter="fully_trusted")


def _file(archive: tarfile.TarFile, name: str) -> Any:
    file = archive.extractfile(name)
    assert file is not None
    return file
