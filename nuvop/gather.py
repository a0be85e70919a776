"""A kustomize folder made whole: its files, and those of the folders that it refers to outside of itself.

A kind's folder is complete in itself. So folders outside are copied in, and the lines that name them are changed;
nothing else of a file is, neither its comments nor its order.
"""

import os
import posixpath
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nuvop import fields, kind_folder, yamltext
from nuvop.errors import KindError, Place
from nuvop.kind_folder import KUSTOMIZATION_NAMES

_FOLDERS = ("resources", "components", "bases")
"""Where a kustomization may name folders outside of itself; of files kustomize does not allow it
(https://kubectl.docs.kubernetes.io/faq/kustomize/#security-file-foo-is-not-in-or-below-bar)."""

_FILES_AT = (
    *(f"{name}.*" for name in (
        *_FOLDERS, "configurations", "crds", "generators", "patchesStrategicMerge", "transformers", "validators",
    )),
    *(f"{name}.*.path" for name in ("patches", "patchesJson6902", "replacements")),
    *(f"{kind}Generator.*.{name}" for kind in ("configMap", "secret") for name in ("env", "envs.*", "files.*")),
    "openapi.path",
)  # fmt: skip
"""Where a kustomization names files; those of a generator may have a key before them, as in ``key=path``."""

_CHART = "Chart.yaml"
_INFLATED = ("helmCharts", "helmChartInflationGenerator")


@dataclass(frozen=True)
class _Reference:
    """A line that names a folder: where it stands in the text, and which folder that is."""

    start: int
    end: int
    folder: Path
    place: Place


@dataclass(frozen=True)
class Gathered:
    """The files of a kustomize folder by their path in it, complete in itself, and where those of others came from."""

    files: Mapping[str, bytes]
    folders: Mapping[str, Path]

    def original(self, name: str) -> Path | None:
        """Where a file of it, or a folder with some, stands on the disk; None where it has none of that name."""
        if name in self.folders:
            return self.folders[name]
        return self.folders[posixpath.dirname(name)] / posixpath.basename(name) if name in self.files else None


def gather(folder: Path) -> Gathered:
    """Return a kustomize folder with all that it refers to.

    Hidden files that no kustomization names are left out. Raises KindError where it refers to what is not on this disk,
    or is no kustomize folder; KindUnreadable.
    """
    root = folder.resolve()
    if (root / _CHART).is_file() and not any((root / name).is_file() for name in KUSTOMIZATION_NAMES):
        raise KindError(
            "this is a Helm chart, and nuvop renders none: make a folder of what it makes, with `helm template example "
            f"{shlex.quote(str(folder))} > FOLDER/all.yaml` and a kustomization.yaml with `resources: [all.yaml]`",
            Place(folder / _CHART),
        )
    if not any((root / name).is_file() for name in KUSTOMIZATION_NAMES):
        raise KindError(
            "there is no such file, so this is no kustomize folder: write one with the manifests under `resources` "
            "(`kustomize create --autodetect` does)",
            Place(folder / "kustomization.yaml"),
        )
    found = _Gathering(root)
    return Gathered(found.files, {place: at for at, place in reversed(found.places.items())})


class _Gathering:
    def __init__(self, root: Path) -> None:
        self.files: dict[str, bytes] = {}
        self.places: dict[Path, str] = {root: ""}
        self._copy(root)

    def _copy(self, folder: Path) -> None:
        """Take in a folder, and what it refers to."""
        prefix = self.places[folder]
        files = {posixpath.join(prefix, name): content for name, content in kind_folder.read(folder).items()}
        for name in files:
            parts = Path(name).relative_to(prefix or ".").parts
            # A folder that lies within this one may have been taken in by itself.
            self.places.setdefault(folder.joinpath(*parts[:-1]), posixpath.dirname(name))
        self.files |= files
        for name in [name for name in files if posixpath.basename(name) in KUSTOMIZATION_NAMES]:
            source = folder / Path(name).relative_to(prefix or ".")
            self.files[name] = self._rewritten(name, source, files[name])

    def _rewritten(self, name: str, source: Path, content: bytes) -> bytes:
        try:
            text = content.decode()
            references = list(_references(source, text))
            document = yamltext.load(text)
        except UnicodeDecodeError as error:
            raise KindError(f"is not YAML: {error}", Place(source)) from error
        except yamltext.NotYaml as error:
            raise KindError(f"is not YAML: {error}", Place(source, line=error.line)) from error
        _refuse_files(source, document)
        targets = [self._place_of(reference.folder) for reference in references]
        for reference, target in sorted(zip(references, targets, strict=True), key=lambda pair: -pair[0].start):
            path = posixpath.relpath(target or ".", posixpath.dirname(name) or ".")
            text = f"{text[: reference.start]}{yamltext.dump_text(path)}{text[reference.end :]}"
        return text.encode()

    def _place_of(self, folder: Path) -> str:
        """Where a folder stands in what is gathered; it is taken in where it is not yet."""
        if folder not in self.places:
            name, count = folder.name, 1
            while any(known == name or known.startswith(f"{name}/") for known in (*self.files, *self.places.values())):
                count += 1
                name = f"{folder.name}-{count}"
            self.places[folder] = name
            self._copy(folder)
        return self.places[folder]


def _references(source: Path, text: str) -> Iterator[_Reference]:
    """The folders outside of its own that a kustomization names."""
    for name, place, value, start, end in _entries(source, text):
        if name in _INFLATED:
            raise KindError(
                "a Helm chart is not rendered: write down what it makes, with `helm template NAME CHART > all.yaml`, "
                "and list that under `resources`",
                place,
            )
        target = Path(os.path.normpath(source.parent / value))
        if target.is_dir():
            if not target.is_relative_to(source.parent):
                yield _Reference(start, end, target.resolve(), place)
        elif "://" in value or value.startswith("git@") or (not target.exists() and not value.endswith(_FILES)):
            raise KindError(f"{value!r} is not on this disk: remote bases are not fetched, download it", place)


def _refuse_files(source: Path, document: Any) -> None:
    """Refuse files that are not there, or that kustomize would not take: outside of the kustomization's folder."""
    for pattern in _FILES_AT:
        for at, text in fields.places(document, fields.parse(pattern)):
            value = text.rpartition("=")[2] if isinstance(text, str) and "\n" not in text else ""
            target = Path(os.path.normpath(source.parent / value))
            if (
                not value
                or "{" in value
                or target.is_dir()
                or (target.is_relative_to(source.parent) and target.exists())
            ):
                continue
            names = [segment.name for segment in at.segments if isinstance(segment, fields.Name)]
            place = Place(source, tuple(int(name) if name.isdecimal() else name for name in names))
            if not target.exists():
                raise KindError(f"{value!r}: there is no such file", place)
            raise KindError(
                f"{value!r} lies outside of the kustomization's folder, and kustomize takes no file from there: copy "
                "it in",
                place,
            )


_FILES = (".yaml", ".yml", ".json")


def _entries(source: Path, text: str) -> Iterator[tuple[str, Place, str, int, int]]:
    """What the lists of folders hold: the field, the place, the value, and where that begins and ends in the text."""
    node: Any = yamltext.compose(text)
    if node is not None and node.id != "mapping":
        raise KindError("must be a mapping, with fields such as `resources`", Place(source))
    for key, below in node.value if node is not None else ():
        if key.value in _INFLATED:
            yield key.value, Place(source, (key.value,)), "", 0, 0
        elif key.value in _FOLDERS and below.id == "mapping":
            raise KindError("must be a list, and is a mapping", Place(source, (key.value,)))
        elif key.value in _FOLDERS and below.id == "sequence":
            for index, item in enumerate(below.value):
                if isinstance(item.value, str) and "\n" not in item.value:
                    place = Place(source, (key.value, index))
                    yield key.value, place, item.value, item.start_mark.index, item.end_mark.index
