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
        """How those folders looked that are none, or were none."""
        self._last_look: dict[Path, str] = {}
        self._unreadable: dict[Path, str] = {}
        """What was said of those roots in which nothing can be looked for."""

    @property
    def found(self) -> list[tuple[Path, ResourceType]]:
        """The folders that were found so far, each with the type of its custom resources."""
        return list(self._found)

    def was_left_out(self, folder: Path) -> bool:
        """Whether a folder was there before it became a kind."""
        return folder in self._left_out

    def look(self) -> None:
        """Find the folders that are there; raise KindError when none is a kind, KindUnreadable."""
        for folder in kind_folder.find(self._roots):
            self._take(folder, *seen(folder))
        if not self._found:
            raise KindError("no kind can be served")

    def look_again(self) -> None:
        """Find what has become a kind since: a folder that is new or mended, once two looks in a row see the same.

        Where none can be looked for is said once.
        """
        before = [folder for folder, _ in self._found]
        new = [folder for root in self._roots for folder in self._among(root) if folder not in before]
        looks: dict[Path, str] = {}
        for folder in dict.fromkeys(new):
            looks[folder], content = seen(folder)
            if self._last_look.get(folder) == looks[folder] != self._left_out.get(folder):
                self._take(folder, looks[folder], content)
        self._last_look = looks

    def _among(self, root: Path) -> list[Path]:
        try:
            folders = kind_folder.among(root)
        except KindUnreadable as error:
            if self._unreadable.get(root) != str(error):
                logger.error("new kinds cannot be looked for, trying again: %s", error)
            self._unreadable[root] = str(error)
            return []
        self._unreadable.pop(root, None)
        return folders

    def _take(self, folder: Path, look: str, content: Mapping[str, bytes] | Unfit) -> None:
        try:
            learnt = crd.learn(folder, content, self._found)
        except Exception:
            # One folder of a shape that nobody foresaw must not stop the others.
            logger.exception("a kind cannot be served: %s: nuvop has an error here", folder)
            self._left_out[folder] = look
            return
        if not isinstance(learnt, ResourceType):
            logger.error("a kind cannot be served: %s", learnt)
            self._left_out[folder] = look


def seen(folder: Path) -> tuple[str, Mapping[str, bytes] | Unfit]:
    """What is in a folder, or why that cannot be a kind or is not known, after a digest of it."""
    content = crd.content(folder)
    return str(content) if isinstance(content, Unfit) else kind_folder.digest(content), content
