"""``nuvop check``: everything that is wrong with kinds' folders, before an operator runs."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import click

from nuvop import crd, examples, findings, kind_folder, patches_py
from nuvop.checks.rendered import of_rendered
from nuvop.commands import common
from nuvop.errors import KindError, NuvopError, OverlayError, Place, TookTooLong
from nuvop.findings import Finding
from nuvop.kinds import Kind
from nuvop.objects import Body
from nuvop.settings import Settings
from nuvop.workbench import Workbench, workbench


@click.command()
@click.argument("folders", nargs=-1, type=click.Path(path_type=Path))
def check(folders: tuple[Path, ...]) -> None:
    """Check kinds before they run: each thing that is wrong with file, line and what to write instead.

    FOLDERS are kinds' folders, or folders of them; without any, those of $NUVOP_KINDS, else of kustomize/. It works
    without a cluster, so of rules in CEL only those on the name are tried.

    A hint is about what may be right as it is: a word that is also the name of one of the kind's Services, a field that
    sets a part of what another one sets, a default that two resources would have to share.

    Exit code 0 where there are warnings and hints at most, 1 where there is an error: the API server or the
    operator would refuse something of the kind.

    \b
    nuvop check
    nuvop check kustomize/samples my-kinds/*
    """
    with common.told():
        known = common.read_settings(_without_files(folders))
        paths = kind_folder.find(known.kinds)
    found = common.run(_check(replace(known, kinds=tuple(paths)), paths))
    levels = Counter(finding.level for _, finding in found)
    for line, finding in found:
        click.echo(_painted(line, finding))
    counts = [_counted(levels[level], level) for level in ("error", "warning")]
    counts += [_counted(levels["hint"], "hint")] if levels["hint"] else []
    click.echo(f"{_counted(len(paths), 'kind')}: {', '.join(counts)}")
    if levels["error"]:
        raise click.exceptions.Exit(1)


def _without_files(named: tuple[Path, ...]) -> tuple[Path, ...]:
    """What is named but for files, such as a kustomization that a shell's ``*`` finds beside the kinds' folders."""
    return tuple(path for path in named if not path.is_file()) or named


def _counted(count: int, what: str) -> str:
    return f"{count or 'no'} {what}{'' if count == 1 else 's'}"


def _painted(line: str, finding: Finding) -> str:
    painted = click.style(finding.level, fg=_COLOURS[finding.level])
    return line.replace(f" {finding.level}: ", f" {painted}: ", 1)


_COLOURS = {"error": "red", "warning": "yellow", "hint": "cyan"}


async def _check(settings: Settings, paths: list[Path]) -> list[tuple[str, Finding]]:
    """The findings of each folder, as lines."""
    found = []
    async with workbench(settings) as bench:
        types = dict(crd.resource_types(paths))
        for path in paths:
            listed = [finding async for finding in _findings(bench, path)]
            if isinstance(unfit := types[path], KindError):
                listed += findings.of_error(unfit, path)
            files = _files(path)
            for finding in dict.fromkeys(listed):
                here = replace(finding, place=replace(finding.place, file=common.here(finding.place.file)))
                found.append((findings.located(here, files, str(common.here(path))), finding))
    return found


def _files(path: Path) -> dict[str, bytes]:
    try:
        return kind_folder.read(path)
    except NuvopError:
        return {}  # which is a finding of its own


async def _findings(bench: Workbench, path: Path) -> AsyncIterator[Finding]:
    try:
        kind = await bench.loader.load(path, lenient=True)  # what may pass is among the findings
    except KindError as error:
        for finding in findings.of_error(error, path):
            yield finding
        return
    except NuvopError as error:
        yield Finding(Place(path), str(error).removeprefix(f"{path}: "), is_error=True)
        return
    for found in bench.loader.findings(kind):
        yield findings.placed(kind, found)
    for place, message in (*examples.untried(kind), *examples.idle(kind)):
        yield Finding(place, message)
    async for finding in _of_examples(bench, kind):
        yield finding


async def _of_rendered(kind: Kind, place: Place, cr: Body, rendered: str) -> list[Finding]:
    whole = kind.crd.defaulted(cr)
    return await patches_py.within_time(
        kind.folder, kind.files, lambda: list(of_rendered(kind, place, whole, rendered))
    )


def _not_rendered(example: Place, error: NuvopError, untried: int) -> Finding:
    """That an example cannot be rendered; ``untried`` are those behind it that are not rendered because of it."""
    rest = f"; {untried} more {'is' if untried == 1 else 'are'} not tried, as it may be the same" if untried else ""
    if isinstance(error, OverlayError) and error.place:
        told = f"{kind_folder.EXAMPLES}{example.file.name} cannot be rendered: {error.message}{rest}"
        return Finding(error.place, told, is_error=True)
    return Finding(example, f"cannot be rendered: {error}{rest}", is_error=True)


async def _of_examples(bench: Workbench, kind: Kind) -> AsyncIterator[Finding]:
    rendered: dict[Path, list[str]] = {}
    unrendered: set[Path] = set()
    listed = list(examples.of(kind))
    is_endless = False
    for index, (place, example) in enumerate(listed, 1):
        wrong = [
            Finding(replace(place, at=at), message, is_error=True) for at, message in examples.unfit(kind, example)
        ]
        for finding in wrong:
            yield finding
        if wrong or is_endless:
            unrendered.add(place.file)
            continue
        cr = common.for_rendering(example)
        try:
            made = await bench.manifests(kind, cr)
            for finding in await _of_rendered(kind, place, cr, made):
                yield finding
        except NuvopError as error:
            is_endless = isinstance(error, TookTooLong)
            unrendered.add(place.file)
            yield _not_rendered(place, error, len(listed) - index if is_endless else 0)
        else:
            rendered.setdefault(place.file, []).append(made)
    for finding in _unexpected(kind, {path: texts for path, texts in rendered.items() if path not in unrendered}):
        yield finding
    if not listed:
        yield Finding(Place(kind.folder), "there is no example: write one to examples/, which shows what a user writes")


def _unexpected(kind: Kind, rendered: Mapping[Path, Sequence[str]]) -> Iterator[Finding]:
    """Files of examples that become other manifests than was written down."""
    for path, texts in rendered.items():
        expected = kind.files.get(f"{kind_folder.EXPECTED}{path.name}")
        if expected is not None and not examples.are_alike("---\n".join(texts), expected.decode(errors="replace")):
            written = kind.folder / kind_folder.EXPECTED / path.name
            told = (
                f"what it becomes is not what {kind_folder.EXPECTED}{path.name} says; if that is meant, `nuvop render "
                f"-f {common.typed(path)} --kinds {common.typed(kind.folder)} > {common.typed(written)}`"
            )
            yield Finding(Place(path), told, is_error=True)
