"""What is in an image, read from its archive: the same for every program that has built it."""

from __future__ import annotations

import json
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Archive:
    """An image in a file, as `docker save` writes it."""

    file: Path

    def config(self) -> dict[str, Any]:
        """The image's own description: `config` (user, environment, labels …), `rootfs`, `history`."""
        with tarfile.open(self.file) as archive:
            found: dict[str, Any] = json.loads(_read(archive, _manifest(archive)["Config"]))
            return found

    def names(self) -> list[str]:
        """The names that the image has in the archive."""
        with tarfile.open(self.file) as archive:
            return list(_manifest(archive)["RepoTags"])

    def entries(self) -> list[list[tarfile.TarInfo]]:
        """The files of each layer, from the lowest on."""
        with tarfile.open(self.file) as archive:
            found = []
            for name in _manifest(archive)["Layers"]:
                with tarfile.open(fileobj=archive.extractfile(name), mode="r|*") as layer:
                    found.append(list(layer))
            return found

    def megabytes(self, above: int) -> float:
        """The size of the files in the layers above the lowest `above`, uncompressed."""
        return sum(entry.size for layer in self.entries()[above:] for entry in layer) / 10**6


def _manifest(archive: tarfile.TarFile) -> dict[str, Any]:
    (manifest,) = json.loads(_read(archive, "manifest.json"))
    found: dict[str, Any] = manifest
    return found


def _read(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    if file is None:
        raise tarfile.ReadError(f"{name} is no file")
    return file.read()
