"""``nuvop new``: from a kustomize folder to a kind."""

import re
import shutil
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from nuvop import base, check, crd, fields, gather, proposals, scaffold, yamltext
from nuvop.commands import common
from nuvop.commands.render import NO_UID
from nuvop.errors import FieldPathError, KindError, KubectlError, NuvopError, Place
from nuvop.kind_folder import EXPECTED
from nuvop.kinds import NEVER_A_CHILD, OUTSIDE, Child, ChildField, ChildSelector, is_outside
from nuvop.proposals import Proposal
from nuvop.scaffold import NewKind
from nuvop.settings import Settings
from nuvop.workbench import Workbench, workbench

_OWN_FILES = ("crd.yaml", "kind.yaml", "patches.py", "examples", "expected")
"""What a kind's folder has for itself."""

_INSTALLED = ("Namespace", "CustomResourceDefinition")


@dataclass(frozen=True)
class _Names:
    """What a new kind is called."""

    kind: str
    group: str
    version: str
    plural: str
    short: str


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
@click.option("--yes", is_flag=True, help="Take all fields that are proposed, without asking.")
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

    The folder is copied, with the folders that it refers to. The CRD's schema is inferred from the manifests: of each
    field the type, bounds, description and default. Without --field the usual ones are proposed: replicas, images,
    resources, ports, hosts, storage, schedules.

    Exit code 1 where that cannot be; then nothing is made.

    \b
    nuvop new Web --group example.com --from ./web --yes
    nuvop new NginxServer --group web.example.com --from ./web \\
        --field replicas=Deployment/web:spec.replicas \\
        --field image=Deployment/web:spec.template.spec.containers.[name=nginx].image
    """
    names = _Names(kind, group, version, plural or _plural(kind), short)
    with common.told():
        _check(names)
        known = common.read_settings(())
        target = (into or known.kinds[0]).absolute() / names.plural
        if target.exists():
            raise KindError(f"{target}: is there already; give --plural or --into, or remove it")
        gathered = _without_clashes(gather.gather(source))
        made, notes = common.run(_make(known, names, gathered, target, wanted, yes=yes))
    shown = _relative(target)
    click.echo(f"{shown}: {names.kind} has {', '.join(field.source for field in made.fields) or 'no fields'}")
    for note in notes:
        click.echo(note)
    click.echo(f"\nkubectl apply -f {shown}/crd.yaml")
    click.echo(f"nuvop run --kinds {shown}")
    click.echo(f"kubectl apply -f {shown}/examples/{names.kind.lower()}.yaml")


def _plural(kind: str) -> str:
    name = kind.lower()
    if name.endswith(("s", "x", "z", "ch", "sh")):
        return f"{name}es"
    return f"{name[:-1]}ies" if re.search(r"[^aeiou]y$", name) else f"{name}s"


def _check(names: _Names) -> None:
    label = r"[a-z]([-a-z0-9]*[a-z0-9])?"
    for what, value, pattern, example in (
        ("KIND", names.kind, r"[A-Za-z][A-Za-z0-9]*", "NginxServer"),
        ("--group", names.group, rf"{label}(\.{label})+", "web.example.com"),
        ("--version", names.version, r"v[1-9][0-9]*((alpha|beta)[1-9][0-9]*)?", "v1 or v1alpha1"),
        ("--plural", names.plural, label, "nginxservers"),
        ("--short", names.short or "x", label, "nx"),
    ):
        if not re.fullmatch(pattern, value):
            raise KindError(f"{what}: {value!r} must be a name such as {example}")


def _without_clashes(files: dict[str, bytes]) -> dict[str, bytes]:
    """The files, in a folder of their own where one has the name of one of the kind's own."""
    if not any(name.split("/")[0] in _OWN_FILES for name in files):
        return files
    head = b"apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n  - base\n"
    return {"kustomization.yaml": head, **{f"base/{name}": content for name, content in files.items()}}


async def _make(
    settings: Settings, names: _Names, gathered: Mapping[str, bytes], target: Path, wanted: Sequence[str], *, yes: bool
) -> tuple[NewKind, list[str]]:
    async with workbench(settings) as bench:
        draft = bench.generated.parent / names.plural
        _write(draft, gathered)
        try:
            rendered = await bench.kubectl.build(draft)
        except KubectlError as error:
            raise KindError(f"kustomize cannot build it: {error}") from error
        new_kind = _understood(names, yamltext.load_all(rendered))
        found = [_field(new_kind, text) for text in wanted] if wanted else proposals.propose(new_kind.children)
        chosen = _merged(found) if wanted or yes else _asked(new_kind, found)
        new_kind = _with_fields(new_kind, chosen)
        _write(draft, {name: text.encode() for name, text in scaffold.files(new_kind).items()})
        notes = await _proven(bench, draft, names)
        try:
            # Beside the target, so that the last step is one that cannot be half done.
            fresh = target.parent / f".{target.name}.new"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(draft, fresh)
            fresh.rename(target)
        except OSError as error:
            shutil.rmtree(fresh, ignore_errors=True)
            raise KindError(f"{error.filename or target}: {error.strerror or error}") from error
    return new_kind, notes


async def _proven(bench: Workbench, draft: Path, names: _Names) -> list[str]:
    """See that the kind can be loaded, write down what its example becomes, and return what is worth a look."""
    try:
        kind = await bench.loader.load(draft)
        example = yamltext.load((draft / "examples" / f"{names.kind.lower()}.yaml").read_text())
        metadata = {**example["metadata"], "namespace": "default", "uid": NO_UID}
        made = await bench.manifests(kind, {**example, "metadata": metadata})
    except NuvopError as error:
        raise KindError(str(error).replace(f"{draft}", names.plural)) from error
    _write(draft, {f"{EXPECTED}{names.kind.lower()}.yaml": made.encode()})
    lines = [check.located(finding, kind.files, str(draft)) for finding in check.findings(kind)]
    notes = [line.removeprefix(f"{draft}/") for line in lines]
    return notes + [
        f"kind.yaml: {child} has the same values for every {names.kind}; see `generate` in docs/kinds.md for its own"
        for child in kind.everything
        if child.kind == "Secret" and (child.body.get("data") or child.body.get("stringData"))
    ]


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _relative(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


# --- what the folder makes -------------------------------------------------------------------------------------------


def _understood(names: _Names, objects: Sequence[Mapping[str, Any]]) -> NewKind:
    """Tell children from what is installed once, and where they live."""
    installed, children = [], []
    for obj in objects:
        name = (obj.get("metadata") or {}).get("name")
        if not (name and obj.get("kind") and obj.get("apiVersion")):
            raise KindError(
                f"an object of the folder has no apiVersion, kind or metadata.name: {obj.get('kind')!r}, {name!r}"
            )
        if obj["kind"] in _INSTALLED:
            installed.append(obj)
        elif obj["kind"] in NEVER_A_CHILD:
            raise KindError(
                f"{obj['kind']}/{name}: deleting one {names.kind} must not delete it, so it cannot be part of a kind; "
                "take it out of the folder and apply it by hand"
            )
        else:
            children.append(obj)
    if not children:
        raise KindError("the folder makes no object that could be a child")
    home = Counter(obj["metadata"].get("namespace", "") for obj in children).most_common(1)[0][0]
    outside = {
        (obj["spec"]["group"], obj["spec"]["names"]["kind"])
        for obj in installed
        if obj["kind"] == "CustomResourceDefinition" and obj["spec"].get("scope") == "Cluster"
    }
    return NewKind(
        names.group,
        names.version,
        names.kind,
        names.plural,
        names.short,
        [_child(obj, home, outside) for obj in children],
        [f"{obj['kind']}/{obj['metadata']['name']}" for obj in installed],
        _schemas(installed),
        (),
    )


def _child(obj: Mapping[str, Any], home: str, outside: set[tuple[str, str]]) -> Child:
    api_version, kind, metadata = obj["apiVersion"], obj["kind"], obj["metadata"]
    namespace: str | None = None
    if is_outside(api_version, kind) or (api_version.rpartition("/")[0], kind) in outside:
        namespace = OUTSIDE
    elif metadata.get("namespace", home) != home:
        namespace = metadata["namespace"]
    return Child(api_version, kind, metadata["name"], obj, namespace)


def _schemas(installed: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], crd.Schema]:
    found = {}
    for obj in installed:
        if obj["kind"] == "CustomResourceDefinition":
            spec = obj["spec"]
            for version in spec["versions"]:
                schema = (version.get("schema") or {}).get("openAPIV3Schema") or {}
                found[f"{spec['group']}/{version['name']}", spec["names"]["kind"]] = schema
    return found


# --- which fields ----------------------------------------------------------------------------------------------------


def _field(new_kind: NewKind, text: str) -> Proposal:
    """Read ``replicas=Deployment/web:spec.replicas``; raise KindError."""
    place = Place(Path("--field"), (text,))
    found = re.fullmatch(r"(?P<name>[^=]+)=(?P<kind>[^/]+)/(?P<child>[^:]+(:[^.:]+)*):(?P<path>[^:].*)", text)
    if found is None or not re.fullmatch(
        r"[a-z][A-Za-z0-9]*(\.[a-z][A-Za-z0-9]*)*", found["name"].removeprefix("spec.")
    ):
        raise KindError("must read name=Kind/child:field.path, such as replicas=Deployment/web:spec.replicas", place)
    try:
        target = ChildField(ChildSelector(found["kind"], found["child"]), fields.parse(found["path"]))
    except FieldPathError as error:
        raise KindError(str(error), place) from error
    children = [child for child in new_kind.children if child.selector == target.child]
    if not children:
        has = ", ".join(map(str, new_kind.children))
        advice = base.advice(target.child, new_kind.children)
        raise KindError(f"the folder has no {target.child}; it has {has}{advice}", place)
    return Proposal(found["name"].removeprefix("spec."), (target,))


def _merged(found: Sequence[Proposal]) -> list[Proposal]:
    """Fields of one name as one field that sets them all."""
    targets: dict[str, tuple[ChildField, ...]] = {}
    for each in found:
        targets[each.name] = targets.get(each.name, ()) + each.targets
    return [Proposal(name, all_) for name, all_ in targets.items()]


def _may_ask() -> bool:
    """Whether there is a person to ask."""
    return sys.stdin.isatty()


def _asked(new_kind: NewKind, found: Sequence[Proposal]) -> list[Proposal]:
    """The proposals that the user takes."""
    if not _may_ask():
        raise KindError("there is no terminal to ask at: name the fields with --field, or take all with --yes")
    chosen = []
    for each in found:
        value = proposals.value_of(new_kind.child(each.targets[0]), each.targets[0])
        shown = "" if value is None or isinstance(value, dict | list) else f" (now {value})"
        where = ", ".join(map(str, each.targets))
        if click.confirm(f"{each.source}{shown} → {where}", default=True, err=True):
            chosen.append(each)
    return chosen


def _with_fields(new_kind: NewKind, chosen: Sequence[Proposal]) -> NewKind:
    names = [field.name for field in chosen]
    for name in names:
        if above := next((other for other in names if name.startswith(f"{other}.")), None):
            raise KindError(f"--field: {name}: {above} is a field of its own, so it has no members")
    return NewKind(**{**vars(new_kind), "fields": chosen})
