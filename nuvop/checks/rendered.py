"""What the API server would refuse of the objects of a base, and of what the examples become. Pure."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence

from nuvop import crd_rules, fields, findings, manifests, patches_py, yamltext
from nuvop.checks import targets
from nuvop.errors import Place
from nuvop.fields import Json, Pointer
from nuvop.findings import Finding, InFolder
from nuvop.kinds import ChildSelector, Kind, name_prefix, selector_of
from nuvop.manifests import Nature
from nuvop.problems import Fault


def malformed(kind: Kind) -> Iterator[InFolder]:
    """What keeps the API server from taking a child, or what is installed. One that is newer may take it.

    A value that a custom resource may set, or that follows its name or namespace, is no fault of a base, and neither
    is what is missing, which another component may bring: the examples show it (`of_rendered`).
    """
    for child in kind.variants:
        for flaw in manifests.flaws(child.body, child.name_for("x")):
            is_open = flaw.nature is Nature.VALUE and _may_change(kind, child.selector, flaw.about)
            if flaw.nature is not Nature.LACK and not is_open:
                yield findings.in_folder(child.selector, child.body, flaw.at, flaw.message)
    for obj in yamltext.load_printed(kind.installed):
        for at, message in _of_installed(obj):
            yield findings.in_folder(selector_of(obj["kind"], obj["metadata"]["name"]), obj, at, message)


def _may_change(kind: Kind, selector: ChildSelector, at: Pointer) -> bool:
    """Whether a field of a child, or a part of it, may be another one in what a CR becomes."""
    segments = fields.path_to(*at).segments
    follows = any(each.child == selector and fields.meet(each.path.segments, segments) for each in kind.follows)
    return follows or patches_py.FILE in kind.files or targets.is_set(kind, selector, at)


def _of_installed(obj: Mapping[str, Json]) -> Iterable[Fault]:
    flaws = list(manifests.flaws(obj, obj["metadata"]["name"]))
    is_crd = obj["kind"] == "CustomResourceDefinition" and not flaws
    return crd_rules.faults(obj) if is_crd else ((flaw.at, flaw.message) for flaw in flaws)


def of_rendered(kind: Kind, place: Place, cr: Mapping[str, Json], rendered: str) -> Iterator[Finding]:
    """What the API server would refuse in what an example becomes, each thing where it comes from.

    That is the kind's own Python, the example at ``place`` where it sets that field or leaves it out, or a manifest.
    Raises OverlayError.
    """
    source = kind.files.get(patches_py.FILE, b"")
    patches = patches_py.run(kind.folder, source, cr) if source else []
    yield from _changeful(kind, patches, patches_py.run(kind.folder, source, cr) if source else [])
    prefix = "" if kind.keeps_names else name_prefix(cr["metadata"]["name"])
    for obj in yamltext.load_printed(rendered):
        name = obj["metadata"]["name"]
        selector = selector_of(obj["kind"], name.removeprefix(prefix))
        own = [each for each in patches if ChildSelector(each["kind"], each["metadata"]["name"]) == selector]
        for flaw in manifests.flaws(obj, name):
            path = fields.readable(obj, fields.path_to(*flaw.at))
            if any(fields.pointers(patch, path) for patch in own if flaw.at):
                line = patches_py.place_naming(kind.folder, source, str(flaw.at[-1]))
                yield Finding(line, findings.told(selector, path, flaw.message), is_error=True)
            elif targets.is_set(kind, selector, flaw.about):
                yield Finding(place, findings.told(ChildSelector(obj["kind"], name), path, flaw.message), is_error=True)
            else:
                yield findings.placed(kind, findings.in_folder(selector, obj, flaw.at, flaw.message))


def _changeful(kind: Kind, once: Sequence[Json], again: Sequence[Json]) -> Iterator[Finding]:
    """That a kind's own Python does not give the same for the same resource."""
    others = [one or other for one, other in itertools.zip_longest(once, again) if one != other]
    if others:
        names = dict.fromkeys(f"{patch['kind']}/{patch['metadata']['name']}" for patch in others)
        told = f"gives {', '.join(names)} another thing each time for the same resource"
        instead = "it would never be at rest: take out what is of chance or of the time"
        yield Finding(Place(kind.folder / patches_py.FILE), f"{told}: {instead}", is_error=True)
