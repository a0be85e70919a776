"""What a command works with that is no operator: kubectl, a private folder to write to, and a cluster if it needs one.

All of it is gone when the command ends, however it ends.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from nuvop import crd, directives, kind_folder, login, naming, overlay
from nuvop.cluster import Cluster
from nuvop.crd import ResourceType, Unfit
from nuvop.errors import KindError
from nuvop.kinds import Kind
from nuvop.kubectl import Kubectl, Processes, find_kubectl
from nuvop.loading import Loader
from nuvop.login import Credentials, Login
from nuvop.objects import Body
from nuvop.overlay import Overlay
from nuvop.settings import Settings


@dataclass(frozen=True)
class Workbench:
    """``generated`` is where overlays are written, as an operator would."""

    settings: Settings
    kubectl: Kubectl
    generated: Path
    login: Login
    loader: Loader
    loaded: dict[Path, Kind] = field(default_factory=dict)
    """The kinds that were asked for, by their folders."""

    async def kinds(self) -> list[Kind]:
        """Load every kind of the settings; raise what the first broken folder met with."""
        return [await self._load(path, type_) for path, type_ in self._types()]

    async def kind_of(self, api_version: str, name: str) -> Kind:
        """Load the kind of a custom resource, by what it says of itself, and no other.

        Raises KindError where no folder is for it, and what the folder met with.
        """
        group, types = api_version.rpartition("/")[0], list(self._types())
        for path, type_ in types:
            if isinstance(type_, ResourceType) and (type_.group, type_.kind) == (group, name):
                return await self._load(path, type_)
        has = _listed(types, lambda each: f"{each.kind} ({each.api_version})")
        raise KindError(f"apiVersion: {api_version!r}, kind: {name!r}: no kind's folder is for it; there are {has}")

    async def kind_called(self, name: str) -> Kind:
        """Load the kind that a user means by any of the names that kubectl takes, and no other.

        Raises NotResolved where none or several are called so, and what the folder met with.
        """
        types = list(self._types())
        known = [type_ for _, type_ in types if isinstance(type_, ResourceType)]
        served = [each for type_ in known for each in naming.of_type(type_)]
        has = _listed(types, lambda each: each.plural)
        found = naming.resolve(name, served, f"there is no such kind; there are {has}")
        path, type_ = next(
            (path, type_)
            for path, type_ in types
            if isinstance(type_, ResourceType) and (type_.group, type_.plural) == (found.group, found.plural)
        )
        return await self._load(path, type_)

    def _types(self) -> Iterator[tuple[Path, ResourceType | Unfit]]:
        return crd.resource_types(kind_folder.find(self.settings.kinds))

    async def _load(self, path: Path, type_: ResourceType | Unfit) -> Kind:
        if not isinstance(type_, ResourceType):
            raise type_
        if path not in self.loaded:
            self.loaded[path] = await self.loader.load(path, lenient=True)
        return self.loaded[path]

    async def write(self, kind: Kind, cr: Body) -> Overlay:
        """Make and write the overlay of a custom resource that has a namespace and a uid, as the operator does.

        Raises OverlayError, DirectiveError and WriteFailed.
        """
        whole = kind.crd.defaulted(cr)
        chosen = await self.loader.choose(kind, whole)
        made = await overlay.make_in_time(chosen, whole, orphan=directives.of(cr).orphan)
        overlay.write(self.generated, chosen, made)
        return made

    async def manifests(self, kind: Kind, cr: Body) -> str:
        """What kustomize makes of a custom resource's overlay; raise BuildFailed and what `write` raises."""
        made = await self.write(kind, cr)
        return await self.kubectl.build(overlay.folder(self.generated, made.key))

    @asynccontextmanager
    async def cluster(self) -> AsyncIterator[tuple[Cluster, Credentials]]:
        """Log in; the client lives as long as the context. Raises LoginError."""
        cluster = Cluster(self.login)
        try:
            yield cluster, await cluster.connect()
        finally:
            await cluster.close()


@asynccontextmanager
async def workbench(settings: Settings) -> AsyncIterator[Workbench]:
    """Lay everything out; raise KubectlUnusable."""
    private = login.make_private_folder()
    processes = Processes(private)
    try:
        program = await find_kubectl(processes)
        kubectl, generated = Kubectl(processes, program, private), private / "generated"
        access = Login(settings, processes, program, private)
        yield Workbench(settings, kubectl, generated, access, Loader(kubectl, generated))
    finally:
        processes.close()


def _listed(types: Sequence[tuple[Path, ResourceType | Unfit]], told: Callable[[ResourceType], str]) -> str:
    """The types there are, and what keeps others from being among them."""
    has = ", ".join(told(each) for _, each in types if isinstance(each, ResourceType))
    return has + "".join(f"; {each}" for _, each in types if not isinstance(each, ResourceType))
