"""A kind's folder as files: found, read, digested, and refused where kustomize would read anything else."""

import hashlib
import os
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from nuvop import yamltext
from nuvop.errors import KindError, KindUnreadable, Place

KUSTOMIZATION_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")


def find(roots: Sequence[Path]) -> list[Path]:
    """Return the kind folders among ``roots`` and right under them, each once.

    Raises KindError where a root is no folder, and where there is no kind at all, KindUnreadable.
    """
    found: dict[Path, None] = {}
    for root in roots:
        with _readable(root):
            is_there = root.is_dir()
        if not is_there:
            raise KindError(f"{root}: there is no such folder, so there are no kinds")
        found |= dict.fromkeys(among(root))
    if not found:
        where = ", ".join(map(str, roots))
        raise KindError(f"{where}: no folder in it describes a kind (one with kind.yaml and crd.yaml)")
    return list(found)


def among(root: Path) -> list[Path]:
    """Return the folder itself where it is a kind, else the kinds right under it. Raises KindUnreadable."""
    with _readable(root):
        if (root / "kind.yaml").exists():
            return [root]
        if not root.exists():
            return []  # its kinds tell so
        # What may not be looked into is no kind: a volume may have a lost+found.
        return sorted(Path(entry.path) for entry in _entries(root) if os.path.exists(f"{entry.path}/kind.yaml"))


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """What is in a folder. Raises OSError: pathlib's own search takes one that cannot be listed for an empty one."""
    with os.scandir(folder) as entries:
        return list(entries)


def _below(folder: Path) -> Iterator[Path]:
    """What is in a folder and in those below, but for what git, Python and file systems keep there.

    Raises OSError.
    """
    for entry in _entries(folder):
        if entry.name not in (".git", "__pycache__", "lost+found"):
            yield Path(entry.path)
            if entry.is_dir(follow_symlinks=False):
                yield from _below(Path(entry.path))


@contextmanager
def _readable(folder: Path) -> Iterator[None]:
    """Make KindUnreadable of what the operating system says while a folder is read."""
    try:
        yield
    except OSError as error:
        raise KindUnreadable(f"{error.filename or folder}: {error.strerror or error}") from error


def read(folder: Path) -> dict[str, bytes]:
    """Return the folder's files by their path in it (``/`` between parts).

    Python's caches are left out, and so are hidden files that no kustomization names. A symbolic link is refused: what
    kustomize reads must be what was digested. Raises KindError where there is something that may not be,
    KindUnreadable.
    """
    files: dict[str, bytes] = {}
    hidden: dict[str, Path] = {}
    with _readable(folder):
        if not folder.is_dir():
            what = "put it back; if it was renamed, restart nuvop; if its kind is to end, delete its resources first"
            raise KindError(f"there is no such folder: {what}", Place(folder))
        for path in sorted(_below(folder)):
            name = path.relative_to(folder)
            if not name.as_posix().isprintable():
                raise KindError(f"{name.as_posix()!r}: a file's name must be readable text", Place(folder))
            if any(part.startswith(".") for part in name.parts):
                hidden[name.as_posix()] = path
            else:
                files |= _read(name.as_posix(), path)
        # Kustomizations are only read where there is anything that they could name.
        for named in sorted(_named(files) & hidden.keys()) if hidden else ():
            files |= _read(named, hidden[named])
    return files


def located(place: Place, folder: Path, files: Mapping[str, bytes]) -> Place:
    """A place in a kind's folder with its line, if it is in one of the files that are YAML."""
    content = files.get(posixpath.relpath(place.file, folder))
    if content is None or place.line or place.file.suffix == ".py":
        return place
    return replace(place, line=yamltext.line_of(content, place.at, place.document))


def tell_lines(error: KindError, folder: Path, files: Mapping[str, bytes]) -> None:
    """Have an error, and what it carries with it, tell the lines in a kind's files."""
    for each in (error, *error.more):
        each.place = each.place and located(each.place, folder, files)


def _read(name: str, path: Path) -> dict[str, bytes]:
    """A file by its name; nothing of what is none."""
    if path.is_symlink():
        raise KindError("is a symbolic link; put the file itself into the kind's folder", Place(path))
    return {name: path.read_bytes()} if path.is_file() else {}


def _named(files: Mapping[str, bytes]) -> set[str]:
    """All that the kustomizations of a folder may mean by a text: a path, also behind a key as in ``key=path``."""
    return {
        posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
        for name, document_ in kustomizations(files)
        for text in _texts(document_)
        for path in (text, text.partition("=")[2])
    }


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict() | list():
            for below in value.values() if isinstance(value, dict) else value:
                yield from _texts(below)


EXAMPLES = "examples/"
"""Where a kind has custom resources that show what a user writes."""

EXPECTED = "expected/"
"""Where a kind may have what its examples become, for `nuvop check` to compare; nothing is made of it."""


def digest(files: Mapping[str, bytes]) -> str:
    """Return a digest of names and contents, but for what is expected; 16 hexadecimal digits."""
    total = hashlib.sha256()
    for name, content in sorted(files.items()):
        if name.startswith(EXPECTED):
            continue
        total.update(f"{len(name.encode())}:{name}:{len(content)}:".encode())
        total.update(content)
    return total.hexdigest()[:16]


def document(place: Place, files: Mapping[str, bytes], name: str) -> dict[str, Any]:
    """Return the one document of a YAML file, a mapping; raise KindError."""
    if name not in files:
        raise KindError("there is no such file", place)
    try:
        value = yamltext.load(files[name])
    except yamltext.NotYaml as error:
        raise KindError(f"is not YAML: {error}", place) from error
    return mapping(place, value)


def mapping(place: Place, value: Any) -> dict[str, Any]:
    """Return a value that must be a mapping; raise KindError."""
    if not isinstance(value, dict):
        raise KindError(f"{value!r} is not a mapping", place if place.at else place / "the file")
    return value


def kustomizations(files: Mapping[str, bytes]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The kustomizations of a folder, by the file's name; an empty one where it cannot be read: kustomize says why."""
    for name in files:
        if posixpath.basename(name) in KUSTOMIZATION_NAMES:
            try:
                yield name, _fields(files[name])
            except yamltext.NotYaml:
                yield name, {}


def carried(files: Mapping[str, bytes]) -> dict[str, tuple[str, ...]]:
    """The files that tell kustomize where custom objects hold names, by the kustomization's field.

    What a kustomization below the first one lists counts for all above it, too.
    """
    found: dict[str, dict[str, None]] = {"configurations": {}, "crds": {}}
    for name, fields in kustomizations(files):
        for field, paths in found.items():
            listed = fields.get(field)
            for path in listed if isinstance(listed, list) else ():
                paths[posixpath.normpath(posixpath.join(posixpath.dirname(name), str(path)))] = None
    return {field: existing for field, paths in found.items() if (existing := tuple(filter(files.__contains__, paths)))}


@lru_cache(maxsize=16)
def _fields(content: bytes) -> dict[str, Any]:
    """The fields of a kustomization, which nobody may change: it is asked for again and again. Raise NotYaml."""
    found = yamltext.load(content)
    return found if isinstance(found, dict) else {}


_REFERENCES = ("resources", "components", "bases", "crds", "configurations", "transformers", "generators", "validators")
_PLUGINS = ("transformers", "generators", "validators")
_FILES = frozenset({"path", "paths", "files", "envs", "env", "patchesstrategicmerge"})
"""The fields of a kustomization, or of one of kustomize's own plugins, that name files, beside the references; in lower
case, because kustomize takes them in any."""

_FIELDS = (
    *_REFERENCES, "apiVersion", "kind", "metadata", "namePrefix", "nameSuffix", "namespace", "commonLabels", "labels",
    "commonAnnotations", "patchesStrategicMerge", "patchesJson6902", "patches", "images", "replicas", "replacements",
    "vars", "sortOptions", "configMapGenerator", "secretGenerator", "generatorOptions", "helmGlobals", "helmCharts",
    "openapi", "buildMetadata",
)  # fmt: skip
"""https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/."""

_FETCHED = re.compile(
    r"https?:|git::|gh:|ssh:|file:|[\w.-]+@[\w.-]+:|(www\.)?github\.com[:/]|.*://|.*\.git(/|\?|$)", re.I
)
"""What kustomize takes for the address of a file, or of a repository, whatever the folder has of that name
(https://github.com/kubernetes-sigs/kustomize/blob/master/api/internal/git/repospec.go)."""

_NOT_FETCHED = "is no file or folder of the kind; remote bases are not fetched, copy it in"


def refused(folder: Path, files: Mapping[str, bytes]) -> Iterator[KindError]:
    """What kustomize would fetch, or read from outside the folder: it would not be in the digest.

    A file that is missing, or a field of another shape, is left to kustomize: it says so itself.
    """
    found = dict(kustomizations(files))
    if not any(posixpath.dirname(name) == "" for name in found):
        yield KindError("there is no such file", Place(folder / "kustomization.yaml"))
    for name, document_ in found.items():
        place = Place(folder / name)
        yield from _unread(place, files[name])
        yield from _misspelt(place, document_)
        yield from _fetched(place, document_)
        for listed in _REFERENCES:
            entries = document_.get(listed)
            for index, entry in enumerate(entries if isinstance(entries, list) else ()):
                if isinstance(entry, str) and "\n" not in entry:
                    at = place / listed / index
                    target = posixpath.normpath(posixpath.join(posixpath.dirname(name), entry))
                    yield from _refused_entry(at, entry, target, files)
                    if listed == "resources" and target in files and _is_empty(files[target]):
                        # Half saved, it would delete what it was about.
                        yield KindError(f"{entry!r} has no object in it; if that is meant, take it off the list", at)
                    if listed in _PLUGINS and target in files:
                        yield from _fetched_by_plugin(Place(folder / target), files[target])
                elif isinstance(entry, str) and listed in _PLUGINS:
                    yield from _fetched_by_plugin(place / listed / index, entry)


def _unread(place: Place, content: bytes) -> Iterator[KindError]:
    """What nuvop cannot read, and so not look at, kustomize may: of several documents it takes the first one."""
    try:
        _fields(content)
    except yamltext.NotYaml as error:
        yield KindError(f"is not YAML: {error}", place)


def _misspelt(place: Place, document_: Mapping[str, Any]) -> Iterator[KindError]:
    """Fields in another case than kustomize's own, which it takes all the same."""
    meant = {field.lower(): field for field in _FIELDS}
    for name in document_:
        if name not in _FIELDS and name.lower() in meant:
            yield KindError(f"write it {meant[name.lower()]!r}", place / name)


def _fetched(place: Place, value: Any, *, is_file: bool = False) -> Iterator[KindError]:
    """The files below a value, which names one itself or not, that kustomize would fetch."""
    match value:
        case dict():
            for name, below in value.items():
                yield from _fetched(place / name, below, is_file=name.lower() in _FILES)
        case list():
            for index, below in enumerate(value):
                yield from _fetched(place / index, below, is_file=is_file)
        case str() if is_file and "\n" not in value and re.match(r"([^/:]*=)?https?:", value, re.I):
            yield KindError(f"{value!r} {_NOT_FETCHED}", place)


def _fetched_by_plugin(place: Place, content: bytes | str) -> Iterator[KindError]:
    try:
        documents = yamltext.load_all(content)
    except yamltext.NotYaml as error:
        yield KindError(f"is not YAML: {error}", place)
        return
    for index, each in enumerate(documents):
        yield from _fetched(replace(place, document=index) if isinstance(content, bytes) else place, each)


def manifests(files: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """The files that the kustomizations of a folder list as manifests, by name."""
    listed = {
        posixpath.normpath(posixpath.join(posixpath.dirname(name), entry))
        for name, document_ in kustomizations(files)
        for entry in _texts(document_.get("resources"))
    }
    yield from ((name, files[name]) for name in sorted(listed & files.keys()))


def _is_empty(content: bytes) -> bool:
    """Whether a manifest, which kustomize takes, has no object in it."""
    lines = map(bytes.strip, content.splitlines())
    return all(not each or each.startswith((b"#", b"---")) for each in lines)


def _refused_entry(place: Place, entry: str, target: str, files: Mapping[str, bytes]) -> Iterator[KindError]:
    if _FETCHED.match(entry):
        yield KindError(f"{entry!r} {_NOT_FETCHED}", place)
        return
    if entry.startswith("/") or target.split("/")[0] == "..":
        yield KindError(f"{entry!r} is outside the kind's folder; copy it in", place)
        return
    is_there = target == "." or target in files or any(name.startswith(target + "/") for name in files)
    looks_local = entry.endswith((".yaml", ".yml", ".json"))
    if not is_there and not looks_local:
        yield KindError(f"{entry!r} {_NOT_FETCHED}", place)
