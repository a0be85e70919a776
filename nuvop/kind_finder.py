"""Which folders are kinds, and of which type their custom resources are: at the start, and those that come later."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from nuvop import crd, kind_folder
from nuvop.crd import ResourceType, Unfit
from nuvop.errors import KindError, KindUnreadable

logger = logging.getLogger(__name__)


class KindFinder:
    """Looks for kinds among some folders and right under them.

    A folder whose CRD cannot be understood is logged and left out until it is mended.
    """

    def __init__(self, roots: Sequence[Path]) -> None:
        """Nothing is found yet."""
        self._roots = roots
        self._found: list[tuple[Path, ResourceType]] = []
        self._left_out: dict[Path, str] = {}
        """How those folders looked that are none."""
        self._last_look: dict[Path, str] = {}

    @property
    def found(self) -> list[tuple[Path, ResourceType]]:
        """The folders that were found so far, each with the type of its custom resources."""
        return list(self._found)

    def look(self) -> None:
        """Find the folders that are there; raise KindError when none is a kind."""
        for folder in kind_folder.find(self._roots):
            self._take(folder, *_read(folder))
        if not self._found:
            raise KindError("no kind can be served")

    def look_again(self) -> list[tuple[Path, ResourceType]]:
        """Return what has become a kind since: a folder that is new or mended, once two looks in a row see the same."""
        before = [folder for folder, _ in self._found]
        new = [folder for root in self._roots for folder in kind_folder.among(root) if folder not in before]
        looks: dict[Path, str] = {}
        for folder in dict.fromkeys(new):
            looks[folder], content = _read(folder)
            if self._last_look.get(folder) == looks[folder] != self._left_out.get(folder):
                self._take(folder, looks[folder], content)
        self._last_look = looks
        return self._found[len(before) :]

    def _take(self, folder: Path, look: str, content: Mapping[str, bytes] | Unfit) -> None:
        try:
            if isinstance(content, Unfit):
                raise content
            self._found.append((folder, crd.unambiguous_type(folder, content, self._found)))
        except (KindError, KindUnreadable) as error:
            logger.error("a kind cannot be served: %s", error)
            self._left_out[folder] = look


def _read(folder: Path) -> tuple[str, Mapping[str, bytes] | Unfit]:
    """What is in a folder, or why that is not known, after a digest of it."""
    try:
        files = kind_folder.read(folder)
    except (KindError, KindUnreadable) as error:
        return str(error), error
    return kind_folder.digest(files), files
