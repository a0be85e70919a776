"""What a check finds: where it is, how bad, and how it is told. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from nuvop import base, fields, kind_folder
from nuvop.errors import KindError, Place
from nuvop.fields import FieldPath, Json, Pointer
from nuvop.kinds import ChildSelector, Kind


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: where, what, and what to write instead.

    An error that ``may_pass`` is none where the API server says so: it may be newer than what nuvop knows of it. A hint
    is about what may be meant as it is.
    """

    place: Place
    message: str
    is_error: bool = False
    may_pass: bool = False
    is_hint: bool = False

    @property
    def level(self) -> str:
        """How bad it is, in a word."""
        return "error" if self.is_error else "hint" if self.is_hint else "warning"

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


@dataclass(frozen=True)
class InFolder:
    """A finding of a field of an object that kustomize renders; `placed` finds out in which file it stands."""

    child: ChildSelector
    path: FieldPath
    message: str
    is_error: bool = False
    may_pass: bool = False
    is_hint: bool = False


def placed(kind: Kind, found: Finding | InFolder) -> Finding:
    """A finding with its place; of a field that stands in no file it tells of which object it is."""
    if isinstance(found, Finding):
        return found
    place = base.place_of(kind, found.child, found.path)
    message = found.message if place.at else told(found.child, found.path, found.message)
    return Finding(place, message, found.is_error, found.may_pass, found.is_hint)


def of_error(error: KindError, folder: Path) -> list[Finding]:
    """The findings of a kind that cannot be loaded; without a place they are about the folder as a whole."""
    return [Finding(each.place or Place(folder), each.message, is_error=True) for each in (error, *error.more)]


def error_of(kind: Kind, found: Iterable[Finding | InFolder]) -> KindError | None:
    """What is so wrong that a kind cannot be served; the first error carries the others."""
    wrong = [KindError(each.message, each.place) for each in (placed(kind, each) for each in found if each.is_error)]
    if not wrong:
        return None
    wrong[0].more = tuple(wrong[1:])
    return wrong[0]


def in_folder(selector: ChildSelector, obj: Mapping[str, Json], at: Pointer, message: str) -> InFolder:
    """That the API server would not take something of an object; one that is newer may."""
    path = fields.readable(obj, fields.path_to(*at))
    return InFolder(selector, path, message, is_error=True, may_pass=True)


def told(selector: ChildSelector, path: FieldPath, message: str) -> str:
    """What is wrong with a field of an object, or with all of it, where the place does not say which."""
    return f"{' '.join(filter(None, (str(selector), str(path))))}: {message}"


def kind_yaml(kind: Kind) -> Place:
    """Where a kind's mapping stands."""
    return Place(kind.folder / "kind.yaml")


def located(finding: Finding, folder: Mapping[str, bytes], root: str) -> str:
    """A finding as compilers write theirs: ``file:line: error: what``; ``root`` is the folder's path."""
    place = kind_folder.located(finding.place, Path(root), folder)
    return ": ".join(filter(None, (place.file_and_line, finding.level, place.path, finding.message)))
