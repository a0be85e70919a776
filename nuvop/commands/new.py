"""``nuvop new``: from a kustomize folder to a kind."""

import re
import shutil
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import click

from nuvop import (
    check,
    crd,
    custom_proposals,
    findings,
    gather,
    kind_folder,
    kubectl,
    manifest_files,
    new_kind,
    proposals,
    scaffold,
    yamltext,
)
from nuvop.commands import common
from nuvop.errors import KindError, KubectlError, NuvopError
from nuvop.gather import Gathered
from nuvop.kinds import home_namespace
from nuvop.manifests import Malformed
from nuvop.new_kind import NewKind, TypeNames
from nuvop.proposals import Proposal
from nuvop.settings import Settings
from nuvop.workbench import Workbench, workbench

_OWN_FILES = ("crd.yaml", "kind.yaml", "patches.py", "examples", "expected")
"""What a kind's folder has for itself."""


@click.command()
@click.argument("kind")
@click.option("--group", required=True, help="The API group, such as web.example.com.")
@click.option("--version", default="v1", show_default=True, help="The version.")
@click.option("--from", "source", required=True, type=click.Path(path_type=Path), help="A kustomize folder.")
@click.option(
    "--field",
    "wanted",
    multiple=True,
    metavar="NAME=KIND/CHILD:PATH",
    help="A field of the custom resource's spec and the field that it sets; may be repeated, also with the same name.",
)
@click.option(
    "--yes", is_flag=True, help="Take all fields that are proposed, without asking; beside --field none is proposed."
)
@click.option(
    "--into", type=click.Path(path_type=Path), help="Where the kind's folder is made; without it the kinds' folder."
)
@click.option("--plural", default="", help="The plural; without it the kind's name in lower case with an s.")
@click.option("--short", default="", help="A short name for kubectl.")
def new(
    kind: str,
    group: str,
    version: str,
    source: Path,
    wanted: tuple[str, ...],
    yes: bool,
    into: Path | None,
    plural: str,
    short: str,
) -> None:
    """Make a kind of a kustomize folder: KIND is what its custom resources are called, such as NginxServer.

    The folder is copied, with the folders that it refers to; the files stay as they are. Beside them come crd.yaml,
    kind.yaml, an example, and what the example becomes, which `nuvop check` compares. Where a kind has to leave some of
    it out, such as a Namespace or replicas that an autoscaler sets, a kustomization of its own does, and the files
    stand in base/.

    The CRD's schema is inferred from the manifests: type, bounds, choices and description of each field are those of
    the field that it sets (Kubernetes' own, or of a CRD in the folder), and its present value is the default. Without
    --field the usual ones are proposed: replicas, images, resources, ports, hosts, storage, schedules; of a folder that
    has none of them, the plain values of its custom objects.

    kind.yaml also lists the texts in which children are named, what lives in other namespaces, and what is installed
    once for all. What cannot work is refused with the reason: remote bases, Helm charts, APIServices, names that are
    too long; download, render or shorten them first.

    Exit code 0 when the kind is made; it can be loaded then, and its example renders. 1 where that cannot be; then
    nothing is made.

    \b
    nuvop new Web --group example.com --from ./web --yes
    nuvop new NginxServer --group web.example.com --from ./web \\
        --field replicas=Deployment/web:spec.replicas \\
        --field image=Deployment/web:spec.template.spec.containers.[name=nginx].image
    """
    with common.told():
        names = new_kind.names(kind, group, version, plural, short)
        known = common.read_settings(())
        target = _target(into or known.kinds[0], names.plural, source)
        made, notes = common.run(_make(known, names, source, target, wanted, yes=yes))
    shown = common.here(target)
    click.echo(f"{shown}: {names.kind} has {', '.join(field.source for field in made.fields) or 'no fields'}")
    for note in notes:
        click.echo(note)
    click.echo(f"\nkubectl apply -f {common.typed(target / crd.FILE)}")
    click.echo(f"nuvop run --kinds {common.typed(target)}")
    click.echo(f"kubectl apply -f {common.typed(target / kind_folder.EXAMPLES / names.file)}")


def _target(root: Path, plural: str, source: Path) -> Path:
    if (root / "kind.yaml").exists():
        raise KindError(f"{root}: is a kind itself; give the folder beside it with --into")
    target = root.absolute() / plural
    inside, around = (path.resolve() for path in (target, source))
    if inside.is_relative_to(around) or around.is_relative_to(inside):
        raise KindError(
            f"{common.here(target)}: lies in {source}, or around it, so that each would be a part of the other: give a "
            "folder elsewhere with --into"
        )
    if target.exists():
        raise KindError(f"{target}: is there already; give --plural or --into, or remove it")
    return target


def _with_own(gathered: Mapping[str, bytes], made: NewKind) -> dict[str, bytes]:
    """The files that were gathered with the kind's own.

    They stand in a folder of their own where one has the name of one of the kind's, or the kind changes manifests.
    """
    own = scaffold.files(made)
    if made.homes or made.released or any(name.split("/")[0] in _OWN_FILES for name in gathered):
        own["kustomization.yaml"] = scaffold.kustomization(made)
        gathered = {f"{scaffold.BASE}/{name}": content for name, content in gathered.items()}
    return {**gathered, **{name: text.encode() for name, text in own.items()}}


async def _make(
    settings: Settings, names: TypeNames, source: Path, target: Path, wanted: Sequence[str], *, yes: bool
) -> tuple[NewKind, list[str]]:
    gathered = gather.gather(source)
    for refused in kind_folder.refused(Path(), gathered.files):
        kind_folder.tell_lines(refused, Path(), gathered.files)
        raise _users(refused, gathered)
    async with workbench(settings) as bench:
        raw, draft = (bench.generated.parent / name for name in ("gathered", f"made/{names.plural}"))
        _write(raw, gathered.files)
        try:
            rendered = await bench.kubectl.build(raw)
            made = new_kind.understood(names, yamltext.load_printed(rendered))
        except KubectlError as error:
            for cause in manifest_files.behind(str(error), Path(), gathered.files):
                raise _users(cause, gathered) from error
            raise KindError(f"kustomize cannot build it: {_originals(str(error), gathered, source)}") from error
        except Malformed as error:
            raise _users(manifest_files.written(error, Path(), gathered.files), gathered) from error
        found = new_kind.wanted(made, wanted) if wanted else _proposed(made)
        made = made.with_fields(found if wanted or yes or not found else _asked(made, found))
        _write(draft, _with_own(gathered.files, made))
        notes = [*([] if found else [_why_none(made)]), *_notes(made), *await _proven(bench, draft, source, names)]
        _put(draft, target)
    return made, notes


async def _proven(bench: Workbench, draft: Path, source: Path, names: TypeNames) -> list[str]:
    """See that the kind can be loaded, write down what its example becomes, and return what is worth a look."""
    try:
        kind = await bench.loader.load(draft)
        example = yamltext.load((draft / "examples" / names.file).read_text())
        made = await bench.manifests(kind, common.for_rendering(example))
    except NuvopError as error:
        raise KindError(_in_source(str(error), draft, source)) from error
    _write(draft, {f"{kind_folder.EXPECTED}{names.file}": made.encode()})
    lines = [findings.located(findings.placed(kind, found), kind.files, str(draft)) for found in check.findings(kind)]
    return [line.removeprefix(f"{draft}/") for line in lines]


def _users(error: KindError, gathered: Gathered) -> KindError:
    """What is wrong in a file that was gathered, told of the user's own."""
    path = error.place and gathered.original(str(error.place.file))
    return KindError(error.message, replace(error.place, file=common.here(path)) if error.place and path else None)


def _originals(message: str, gathered: Gathered, source: Path) -> str:
    """What kustomize says, with the user's own files in the place of their copies."""

    def original(found: re.Match[str]) -> str:
        path = gathered.original(found[0])
        return str(common.here(path)) if path else found[0]

    return re.sub(r"[^\s:`,]+", original, message).replace(kubectl.THE_FOLDER, str(source))


def _in_source(message: str, draft: Path, source: Path) -> str:
    """A message with the user's own files in the place of their copies."""

    def original(found: re.Match[str]) -> str:
        path = found[1]
        theirs = [source / each for each in (path, path.removeprefix(f"{scaffold.BASE}/"))]
        is_own = path.split("/")[0] in _OWN_FILES
        return next((str(each) for each in theirs if each.exists() and not is_own), f"{draft.name}/{path}")

    return re.sub(rf"{re.escape(str(draft))}/([^\s:]+)", original, message).replace(str(draft), draft.name)


def _notes(made: NewKind) -> Iterator[str]:
    """What the user should know of the children."""
    kind = made.names.kind
    if made.keeps_names:
        where = f"there is one {kind} in a namespace; make it in the namespace {home_namespace(made.children)}"
        yield f"kind.yaml: names: keep, because {made.keeps_names}: {where}"
    for home in made.homes:
        labels = home["metadata"].get("labels") or home["metadata"].get("annotations")
        told = "; its labels and annotations are yours to set there" if labels else ""
        yield (
            f"kustomization.yaml: Namespace/{home['metadata']['name']} is left out, because each {kind} lives in the "
            f"namespace where it is made{told}"
        )
    for target in made.released:
        yield f"kustomization.yaml: {target} is left out, because an autoscaler sets it"
    for target in made.autoscaled:
        if target not in made.released:
            yield f"kind.yaml: {target} is set by a field, and by an autoscaler of the folder: take one of them out"
    for child in made.children:
        if child.kind == "Secret" and (child.body.get("data") or child.body.get("stringData")):
            yield (
                f"kind.yaml: {child} has the same values for every {kind}; see `generate` in docs/kinds.md for its own"
            )


def _put(draft: Path, target: Path) -> None:
    """Copy a folder to where nothing is yet, all or nothing; raise KindError."""
    missing = [path for path in target.parents if not path.exists()]
    # Beside the target, so that the last step is one that cannot be half done.
    fresh = target.parent / f".{target.name}.new"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(draft, fresh)
        fresh.rename(target)
    except OSError as error:
        shutil.rmtree(fresh, ignore_errors=True)
        for path in filter(Path.exists, missing):
            path.rmdir()
        raise KindError(f"{error.filename or target}: {error.strerror or error}") from error


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _proposed(made: NewKind) -> list[Proposal]:
    """The usual fields; of a folder without any those of its custom objects."""
    return proposals.propose(made.children) or custom_proposals.propose(made.children, made.schemas)


def _why_none(made: NewKind) -> str:
    """Why no field is proposed, and what to do."""
    if custom_proposals.custom(made.children):
        why = "the custom objects of the folder have no plain values under spec"
    else:
        why = "nothing of the folder has replicas, an image, resources, a port, a host, storage or a schedule"
    return f"no field is proposed: {why}; name fields with --field NAME=KIND/CHILD:PATH"


def _may_ask() -> bool:
    """Whether there is a person to ask."""
    return sys.stdin.isatty()


def _asked(made: NewKind, found: Sequence[Proposal]) -> list[Proposal]:
    """The proposals that the user takes."""
    if not _may_ask():
        raise KindError("there is no terminal to ask at: name the fields with --field, or take all with --yes")
    chosen = []
    for each in found:
        value = proposals.value_of(made.child(each.targets[0]), each.targets[0])
        shown = "" if value is None or isinstance(value, dict | list) else f" (now {value})"
        where = ", ".join(map(str, each.targets))
        with _interruptible():
            if click.confirm(f"{each.source}{shown} → {where}", default=True, err=True):
                chosen.append(each)
    return chosen


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C end a question: within an event loop it would be heeded once the question is answered."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
