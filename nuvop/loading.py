"""From a kind's folder to a kind with its rendered base: the same way for the operator and for each command."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from nuvop import base, check, findings, kind_folder, kind_yaml, manifest_files, overlay, patches_py
from nuvop.errors import BuildFailed, KindError
from nuvop.findings import Finding, InFolder
from nuvop.kinds import Kind
from nuvop.kubectl import Kubectl, without_path
from nuvop.objects import Body
from nuvop.problems import Problems

NOTHING: frozenset[str] = frozenset()
"""No component."""


class Loader:
    """Loads kinds, and renders each choice of components once."""

    def __init__(self, kubectl: Kubectl, generated: Path) -> None:
        """Snapshots of the folders are written under ``generated``."""
        self._kubectl = kubectl
        self._generated = generated
        self._rendered: dict[tuple[Path, frozenset[str]], Kind] = {}
        self._findings: dict[Path, list[Finding | InFolder]] = {}
        self._rendering = asyncio.Lock()

    async def load(self, path: Path, *, lenient: bool = False) -> Kind:
        """Read, parse and render a kind's folder, with no component and with each one alone.

        With ``lenient`` what a newer Kubernetes may have, or allow, is no error. Raises KindError, with lines, and
        KindUnreadable, BuildFailed, which names the folder, other errors of kubectl's, WriteFailed.
        """
        # In threads: a folder may bring megabytes of YAML, and the event loop has others to serve.
        return await self.load_files(path, await asyncio.to_thread(kind_folder.read, path), lenient=lenient)

    async def load_files(self, path: Path, files: Mapping[str, bytes], *, lenient: bool = False) -> Kind:
        """Do the same with what was read of a kind's folder."""
        try:
            return await self._load(path, files, lenient=lenient)
        except KindError as error:
            await asyncio.to_thread(kind_folder.tell_lines, error, path, files)
            raise

    async def _load(self, path: Path, files: Mapping[str, bytes], *, lenient: bool) -> Kind:
        kind = await asyncio.to_thread(kind_yaml.parse, path, files)
        if patches_py.FILE in kind.files:
            await patches_py.try_out(path, kind.files[patches_py.FILE])
        bases = [await self._render(kind, chosen) for chosen in _choices(kind)]
        whole = await asyncio.to_thread(base.with_everything, bases[0], bases)
        found = await asyncio.to_thread(check.findings, whole)
        refused = [each for each in found if not (lenient and each.may_pass)]
        if error := await asyncio.to_thread(findings.error_of, whole, refused):
            raise error
        self._findings[path] = found
        self._rendered = {at: known for at, known in self._rendered.items() if at[0] != path}
        for each in bases:
            known = replace(each, everything=whole.everything, variants=whole.variants)
            self._rendered[path, each.chosen] = known
        return self._rendered[path, NOTHING]

    def findings(self, kind: Kind) -> list[Finding | InFolder]:
        """What is odd about a kind that was loaded."""
        return self._findings[kind.folder]

    def alternatives(self, kind: Kind) -> list[Kind]:
        """A kind that was loaded, with no component and with each one alone."""
        return [self._rendered[kind.folder, chosen] for chosen in _choices(kind)]

    async def choose(self, kind: Kind, cr: Body) -> Kind:
        """A kind with the base of the components that a CR wants; raise what `load` raises."""
        chosen = kind.chosen_by(cr)
        if found := self._known(kind, chosen):
            return found
        async with self._rendering:  # a thousand CRs may want the same choice
            if found := self._known(kind, chosen):
                return found
            made = await self._render(kind, chosen)
            self._rendered[kind.folder, chosen] = made
            return made

    def _known(self, kind: Kind, chosen: frozenset[str]) -> Kind | None:
        found = self._rendered.get((kind.folder, chosen))
        return found if found is not None and found.digest == kind.digest else None

    async def _render(self, kind: Kind, chosen: frozenset[str]) -> Kind:
        try:
            text = await self._kubectl.build(overlay.write_choice(self._generated, kind, chosen))
        except BuildFailed as error:
            problems = Problems()
            for cause in await asyncio.to_thread(list, manifest_files.behind(str(error), kind.folder, kind.files)):
                problems.add(cause)
            problems.settle()
            what = f"{kind.folder}: with {', '.join(sorted(chosen))}" if chosen else str(kind.folder)
            raise BuildFailed(f"{what}: {without_path(str(error), overlay.source(self._generated, kind))}") from error
        return await asyncio.to_thread(base.with_base, kind, text, chosen)


def _choices(kind: Kind) -> list[frozenset[str]]:
    return [NOTHING, *(frozenset({component.name}) for component in kind.components)]
