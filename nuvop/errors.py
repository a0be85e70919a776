"""Every error nuvop raises on purpose, in one tree.

    NuvopError
    ├── SettingsError            an environment variable has a value that nuvop cannot use
    ├── GeneratedInUse           another operator writes to the same folder
    ├── LoginError               no usable credentials
    ├── KindError                a kind's folder is wrong: file, field and value
    │   └── FieldPathError       a field path cannot be read, or leads nowhere
    ├── KindUnreadable           a kind's folder cannot be read, which says nothing of what is in it
    ├── OverlayError             this CR cannot be turned into an overlay
    │   └── TookTooLong          the kind's own Python does not come to an end
    ├── DirectiveError           an annotation of a CR asks for something that nuvop does not know
    ├── WriteFailed              an overlay cannot be written to disk
    ├── NotResolved              a command line names an object that cannot be told, or is not there
    ├── KubectlError             kubectl did not do what it was asked
    │   ├── KubectlUnusable      missing, too old, or not a kubectl
    │   ├── KubectlTimeout       ran longer than it may; its process group was killed
    │   ├── KubectlCrashed       ended in the midst of its work, which says nothing of what it was asked
    │   ├── BuildFailed          kustomize cannot build a folder
    │   └── ApplyFailed          the API server refused, or could not be reached
    └── ClusterError             the API server's answer to nuvop's own client
        ├── ClusterUnreachable   no answer at all
        ├── Conflict             409 or a failed precondition
        ├── Forbidden            401, 403
        ├── NotFound             404 of an object
        └── NotServed            the API server does not know the kind at all

The text of each is one line that names the culprit and can be shown to a user as it is.
kopf's own errors appear in ``handlers.py`` only.
"""

from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any


class NuvopError(Exception):
    """Base of all; its text is one line for a user."""


class SettingsError(NuvopError):
    """An environment variable has a value that nuvop cannot use."""


class GeneratedInUse(NuvopError):
    """Another operator writes its overlays to the same folder."""


class PeeringError(NuvopError):
    """The operator was told to take part in a peering, and cannot."""


class LoginError(NuvopError):
    """There are no credentials, or none that nuvop can use."""


def way_to(names: Iterable[str | int]) -> str:
    """``ready.children: Widget/w``: words with dots between, what holds dots or slashes apart."""
    text, is_word = "", False
    for name in names:
        was_word, is_word = is_word, isinstance(name, int) or str(name).isidentifier()
        if isinstance(name, int):
            text += f"[{name}]"
        else:
            text += f"{'.' if was_word and is_word else ': ' if text else ''}{name}"
    return text


@dataclass(frozen=True)
class Place:
    """Where something stands: a file, the way to a value in it, member by member, and in which of its documents.

    ``document`` is counted from 0. ``line``, counted from 1, follows from these where the file can be read; 0 where
    nobody has looked.
    """

    file: Path
    at: tuple[str | int, ...] = ()
    document: int = 0
    line: int = field(default=0, compare=False)

    def __truediv__(self, name: str | int) -> "Place":
        """A member of the value, or an item of it."""
        return replace(self, at=(*self.at, name), line=0)

    @property
    def path(self) -> str:
        """``ready.children: Widget/w``."""
        return way_to(self.at)

    @property
    def file_and_line(self) -> str:
        """``kind.yaml:5``."""
        return f"{self.file}:{self.line}" if self.line else str(self.file)

    def __str__(self) -> str:
        """``kind.yaml:5: ready.children: Widget/w``."""
        return ": ".join(filter(None, (self.file_and_line, self.path)))


class KindError(NuvopError):
    """A kind's folder is wrong; ``place`` is where, as far as that is known.

    ``more`` are further errors that were found in the folder, of which the text does not tell.
    """

    def __init__(self, message: str, place: Place | None = None) -> None:
        super().__init__(message)
        self.place = place
        self.message = message
        self.more: tuple[KindError, ...] = ()

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


class KindUnreadable(NuvopError):
    """A kind's folder cannot be read just now; the kind itself may be right."""


class FieldPathError(KindError):
    """A field path cannot be read, or it leads nowhere in the object it is for."""


class OverlayError(NuvopError):
    """This CR cannot be turned into an overlay; ``place`` is where in the kind's folder, if it is wrong."""

    def __init__(self, message: str, place: Place | None = None) -> None:
        super().__init__(f"{place}: {message}" if place else message)
        self.place = place
        self.message = message


class TookTooLong(OverlayError):
    """The kind's own Python took longer for this CR than it may.

    ``work`` is done when that has come to an end after all, or at once where it has not begun and never will.
    """

    def __init__(self, message: str, place: Place, work: Future[Any]) -> None:
        super().__init__(message, place)
        self.work = work


class DirectiveError(NuvopError):
    """An annotation of a CR asks for something that nuvop does not know."""


class WriteFailed(NuvopError):
    """An overlay or a snapshot cannot be written to disk."""


class NotResolved(NuvopError):
    """A command line names a kind or an object that is not there, or may be several."""


class KubectlError(NuvopError):
    """kubectl did not do what it was asked."""


class KubectlUnusable(KubectlError):
    """There is no kubectl, or one that nuvop cannot work with."""


class KubectlTimeout(KubectlError):
    """kubectl ran longer than it may; its whole process group was killed."""


class KubectlCrashed(KubectlError):
    """kubectl ended in the midst of its work: for want of memory, say."""


class BuildFailed(KubectlError):
    """kustomize cannot build a folder; the text is kustomize's own reason."""


class ApplyFailed(KubectlError):
    """The API server refused an apply, or could not be reached.

    ``terminal`` is true when trying the same again cannot help until somebody changes something: an invalid object,
    a denied request. It is false for an API server that is overloaded. ``unreachable``: it does not answer at all, or
    does not accept the credentials. ``immutable``: a field was to change that never may.
    """

    def __init__(self, message: str, *, terminal: bool, unreachable: bool = False, immutable: bool = False) -> None:
        super().__init__(message)
        self.terminal = terminal
        self.unreachable = unreachable
        self.immutable = immutable


class ClusterError(NuvopError):
    """The API server answered nuvop's own client with an error; ``status`` is the HTTP status, 0 for none."""

    def __init__(self, message: str, *, status: int = 0) -> None:
        super().__init__(message)
        self.status = status

    @property
    def is_unauthorized(self) -> bool:
        """Whether the API server does not know who asks, which says nothing of what was asked for."""
        return self.status == HTTPStatus.UNAUTHORIZED

    @property
    def is_silence(self) -> bool:
        """Whether the API server said nothing at all, or that it is asked too much."""
        return isinstance(self, ClusterUnreachable) and self.status in (0, HTTPStatus.TOO_MANY_REQUESTS)


class ClusterUnreachable(ClusterError):
    """The API server gave no answer."""


class Conflict(ClusterError):
    """The object is not the one that the request was meant for (409, or a failed ``test`` of a JSON patch)."""


class Forbidden(ClusterError):
    """The credentials do not allow the request (401, 403)."""


class NotFound(ClusterError):
    """There is no such object (404)."""


class NotServed(ClusterError):
    """The API server does not know the kind: its CRD is not installed, or its API is switched off."""
