"""The kinds that the operator serves: loaded from their folders, rendered, and looked at again when they change."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from nuvop import crd, kind_finder, kind_folder
from nuvop.checks import expected
from nuvop.cluster import ApiResource, Cluster
from nuvop.crd import ResourceType
from nuvop.errors import BuildFailed, KindError, KindUnreadable, KubectlError, Place, WriteFailed
from nuvop.kind_finder import KindFinder
from nuvop.kinds import Kind
from nuvop.kubectl import Kubectl
from nuvop.loading import Loader
from nuvop.metrics import Metrics
from nuvop.objects import Body

logger = logging.getLogger(__name__)

LOOK_EVERY = 1.0
"""Seconds between two looks at the folders; a change counts once two looks in a row see the same."""

SERVING = "serving "
"""In the log at the start, before the CRDs of the kinds whose folders are right; `task deploy` reads it."""

Broken = KindError | KindUnreadable | KubectlError | WriteFailed

Look = tuple[str, Mapping[str, bytes] | KindError]
"""What is in a folder, or why that cannot be a kind, after a digest of it."""


class Catalog:
    """Every kind folder with what became of it: a kind, or the error that it has."""

    def __init__(
        self,
        finder: KindFinder,
        kubectl: Kubectl,
        cluster: Cluster,
        generated: Path,
        metrics: Metrics,
    ) -> None:
        """Nothing is loaded yet."""
        self._finder = finder
        self._folders: dict[str, Path] = {}
        self._types: dict[str, ResourceType] = {}
        self._loader = Loader(kubectl, generated)
        self._cluster = cluster
        self._metrics = metrics
        self._loaded: dict[str, Kind | Broken] = {}
        self._digests: dict[str, str] = {}

    def kind(self, plural: str) -> Kind:
        """Return a kind; raise what its folder met with: KindError, KindUnreadable, KubectlError or WriteFailed."""
        loaded = self._loaded[plural]
        if isinstance(loaded, Kind):
            return loaded
        raise type(loaded)(str(loaded)) from loaded

    def is_newest(self, kind: Kind) -> bool:
        """Whether a kind is what was read last of its folder; its CRs are looked at again where it is not."""
        plural = kind.resource.plural
        return self._is_right(plural) and self._digests[plural] == kind.digest

    async def choose(self, plural: str, cr: Body) -> Kind:
        """Return a kind with the components that a CR wants; raise what `kind` raises, or a build with these."""
        return await self._loader.choose(self.kind(plural), cr)

    def served(self) -> list[Kind]:
        """The kinds whose folders are right, each with no component and with each one alone."""
        right = [kind for kind in self._loaded.values() if isinstance(kind, Kind)]
        return [each for kind in right for each in self._loader.alternatives(kind)]

    @property
    def types(self) -> list[tuple[Path, ResourceType]]:
        """The folders that were loaded, with or without success, each with the type that was found in it first."""
        return [(self._folders[plural], self._types[plural]) for plural in self._loaded]

    def resource(self, plural: str) -> ApiResource:
        """The resource of a kind's CRs."""
        type_ = self._types[plural]
        return ApiResource(type_.group, type_.version, type_.plural, type_.kind)

    async def watched(self, kind: Kind) -> list[ApiResource]:
        """The resources of all that a kind's status depends on.

        Raises NotServed where the API server does not know one, KindError where one lives outside namespaces, or in
        one, and the kind does not say so.
        """
        found = [await self._cluster.discover(api_version, name) for api_version, name in sorted(kind.watched)]
        for resource in found:
            await check_scope(kind, resource)
        return found

    async def load_all(self) -> None:
        """Load every folder that was found; what is broken is logged, and told in the status of its CRs."""
        for folder, type_ in self._finder.found:
            await self._take(folder, type_)
        served = sorted(f"{type_.plural}.{type_.group}" for _, type_ in self.types if self._is_right(type_.plural))
        logger.info("%s%s", SERVING, ", ".join(served) or "nothing")

    async def _take(self, folder: Path, type_: ResourceType, look: Look | None = None) -> None:
        self._folders[type_.plural], self._types[type_.plural] = folder, type_
        await self._load(type_.plural, look)

    async def keep_looking(self, changed: Callable[[str], None]) -> None:
        """Load folders again when they change, and call ``changed`` with the plural; load those that come; for ever.

        What is loaded of a folder is what two looks in a row have seen: half a folder may be a kind, too. One that
        cannot be read has not changed: what was read of it before still holds.
        """
        last_look = dict(self._digests)
        unreadable: dict[str, str] = {}
        while True:
            await asyncio.sleep(LOOK_EVERY)
            await asyncio.to_thread(self._finder.look_again)
            for folder, type_ in self._finder.found:
                plural = type_.plural
                try:
                    look = await asyncio.to_thread(_read, folder)
                except KindUnreadable as error:
                    if unreadable.get(plural) != str(error):
                        logger.error("kind %s cannot be looked at, trying again: %s", plural, error)
                    unreadable[plural] = str(error)
                    continue
                unreadable.pop(plural, None)
                seen, before = look[0], last_look.get(plural)
                last_look[plural] = seen
                if seen != before:
                    continue
                if plural not in self._loaded:
                    await self._take(folder, type_, look)
                    self._tell_served(plural, "" if self._finder.was_left_out(folder) else " is new")
                elif seen != self._digests[plural] or self._may_pass(plural):
                    await self._load_again(plural, look)
                    changed(plural)

    async def _load_again(self, plural: str, look: Look) -> None:
        if look[0] != self._digests[plural]:
            logger.info("%s has changed", self._folders[plural])
        was_right = self._is_right(plural)
        await self._load(plural, look)
        if not was_right:
            self._tell_served(plural)

    def _tell_served(self, plural: str, why: str = "") -> None:
        """Say that a kind is served that was not before, where it is; what keeps it from that has been said."""
        if self._is_right(plural):
            logger.info("%s%s: the kind %s is served from now on", self._folders[plural], why, plural)

    def _is_right(self, plural: str) -> bool:
        return isinstance(self._loaded[plural], Kind)

    def _may_pass(self, plural: str) -> bool:
        """Whether what keeps a kind from being served is not its folder's fault: a full disk, a killed kubectl."""
        return not isinstance(self._loaded[plural], Kind | KindError | BuildFailed)

    async def _load(self, plural: str, look: Look | None = None) -> None:
        """Load what a look has seen of a folder; without one, what is in it now."""
        before = str(self._loaded.get(plural))
        self._digests.setdefault(plural, "")
        try:
            # Read once: what is loaded must be what the digest is of, however often the folder changes meanwhile.
            if look is None:
                look = await asyncio.to_thread(_read, self._folders[plural])
            self._digests[plural], content = look
            self._loaded[plural] = await self._rendered(plural, content)
        except (KindError, KindUnreadable, KubectlError, WriteFailed) as error:
            self._loaded[plural] = error
        except Exception as error:
            # One folder of a shape that nobody foresaw must not stop the others.
            logger.exception("kind %s: nuvop has an error here", plural)
            self._loaded[plural] = KindError(f"{self._folders[plural]}: {type(error).__name__}: {error}")
        loaded = self._loaded[plural]
        if isinstance(loaded, Kind) and (found := [each for each in self._loader.findings(loaded) if not each.is_hint]):
            errors = sum(finding.is_error for finding in found)
            counts = {"error": errors, "warning": len(found) - errors}
            what = ", ".join(f"{count} {name}{'s' if count > 1 else ''}" for name, count in counts.items() if count)
            level = logging.WARNING if errors else logging.INFO
            logger.log(level, "kind %s: %s (`nuvop check %s` tells more)", plural, what, loaded.folder)
        self._metrics.kind_loaded(plural, is_broken=not self._is_right(plural))
        if not self._is_right(plural) and str(self._loaded[plural]) != before:
            logger.error("kind %s cannot be served: %s", plural, self._loaded[plural])

    async def _rendered(self, plural: str, content: Mapping[str, bytes] | KindError) -> Kind:
        path = self._folders[plural]
        if isinstance(content, KindError):
            raise content
        kind = await self._loader.load_files(path, content, lenient=True)
        if kind.resource != self._types[plural]:
            raise KindError("names another type than before; restart nuvop to serve it", Place(path / crd.FILE))
        return kind


def _read(folder: Path) -> Look:
    """Look at a folder. Raises KindUnreadable."""
    digest, content = kind_finder.seen(folder)
    if isinstance(content, KindUnreadable):
        raise content
    return digest, content


async def check_scope(kind: Kind, resource: ApiResource) -> None:
    """Raise KindError where a kind says that a child lives in a namespace and it does not, or the other way round."""
    for error in expected.unfit_scopes(kind, resource.api_version, resource.kind, namespaced=resource.namespaced):
        await asyncio.to_thread(kind_folder.tell_lines, error, kind.folder, kind.files)
        raise error
