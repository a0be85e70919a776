"""What is wrong with a kind that can be loaded, or will be for some of its users. Pure.

What keeps a kind from being loaded at all, `nuvop.kind_yaml` and `nuvop.base` say themselves, as KindErrors. Here are
further errors, such as types that cannot fit, and warnings: what works, but not as its author will have meant.
"""

import copy
import itertools
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nuvop import (
    autoscaling,
    base,
    child_names,
    crd,
    crd_rules,
    fields,
    follow,
    json_types,
    kind_folder,
    labelling,
    manifests,
    openapi,
    patches_py,
    resources,
    yamltext,
)
from nuvop.errors import KindError, Place
from nuvop.fields import FieldPath, Json, Pointer
from nuvop.kinds import (
    MADE_BY_CHILDREN,
    Child,
    ChildField,
    ChildSelector,
    Kind,
    Report,
    Setting,
    home_namespace,
    name_prefix,
    selector_of,
)
from nuvop.manifests import Nature
from nuvop.objects import Body, a, group_of
from nuvop.problems import Fault

NAME_LIMITS = {
    **dict.fromkeys(("Service", "Deployment", "DaemonSet", "ReplicaSet", "Job", "Pod"), 63),
    **dict.fromkeys(("StatefulSet", "CronJob"), 52),
}
"""How long a name may be that becomes a label's value or a host name
(https://kubernetes.io/docs/concepts/overview/working-with-objects/names/). A StatefulSet's pods carry a label with a
hash behind its name (https://github.com/kubernetes/kubernetes/issues/64023), a CronJob's Jobs a time
(https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/)."""

NAME_LIMIT = 253
"""How long any other name may be."""

DEPRECATED = {
    "bases": "move its lines to `resources`",
    "commonLabels": "write `labels: [{pairs: {…}, includeSelectors: true}]`",
    "imageTags": "write `images`",
    "patchesJson6902": "write `patches`",
    "patchesStrategicMerge": "write `patches`",
    "vars": "write `replacements`",
}
"""Fields of a kustomization that `kustomize edit fix` replaces
(https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/)."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: where, what, and what to write instead.

    An error that ``may_pass`` is none where the API server says so: it may be newer than what nuvop knows of it. A hint
    is about what may be meant as it is.
    """

    place: Place
    message: str
    is_error: bool = False
    may_pass: bool = False
    is_hint: bool = False

    @property
    def level(self) -> str:
        """How bad it is, in a word."""
        return "error" if self.is_error else "hint" if self.is_hint else "warning"

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


@dataclass(frozen=True)
class InFolder:
    """A finding of a field of an object that kustomize renders; `placed` finds out in which file it stands."""

    child: ChildSelector
    path: FieldPath
    message: str
    is_error: bool = False
    may_pass: bool = False
    is_hint: bool = False


def placed(kind: Kind, found: Finding | InFolder) -> Finding:
    """A finding with its place; of a field that stands in no file it tells of which object it is."""
    if isinstance(found, Finding):
        return found
    place = base.place_of(kind, found.child, found.path)
    message = found.message if place.at else _told(found.child, found.path, found.message)
    return Finding(place, message, found.is_error, found.may_pass, found.is_hint)


def of_error(error: KindError, folder: Path) -> list[Finding]:
    """The findings of a kind that cannot be loaded; without a place they are about the folder as a whole."""
    return [Finding(each.place or Place(folder), each.message, is_error=True) for each in (error, *error.more)]


def findings(kind: Kind) -> list[Finding | InFolder]:
    """What is wrong with a kind that was loaded, each thing once; who tells it asks for places (`placed`)."""
    parts: tuple[Callable[[Kind], Iterator[Finding | InFolder]], ...] = (
        *(
            _refused,
            _malformed,
            _types,
            _unknown,
            _overlapping,
            _unselected,
            _scopes,
            _unused,
            _never_chosen,
            _names,
            _unfollowed,
            _nothing_followed,
            _shared,
            _asked_by_all,
            _only_one,
        ),
        *(_reported, _never_ready, _never_released, _retired, _fought_over, _deprecated),
    )
    return list(dict.fromkeys(finding for part in parts for finding in part(kind)))


def error_of(kind: Kind, found: Iterable[Finding | InFolder]) -> KindError | None:
    """What is so wrong that a kind cannot be served; the first error carries the others."""
    wrong = [KindError(each.message, each.place) for each in (placed(kind, each) for each in found if each.is_error)]
    if not wrong:
        return None
    wrong[0].more = tuple(wrong[1:])
    return wrong[0]


def _kind_yaml(kind: Kind) -> Place:
    return Place(kind.folder / "kind.yaml")


# --- types -----------------------------------------------------------------------------------------------------------


def _types(kind: Kind) -> Iterator[Finding]:
    """Fields of the CR whose type is not that of the field which they set."""
    for setting in kind.settings:
        told = str((crd.field(kind.crd.schema, setting.source) or {}).get("type", ""))
        if told not in json_types.NAMES:
            continue
        place, where = _kind_yaml(kind) / "set" / str(setting.source), f"{setting.child} {setting.target}"
        schema = _schema_of(kind, setting)
        if schema is None:
            for value in _present(kind, ChildField(setting.child, setting.target)):
                if not json_types.fits(value, told):
                    shown = _described(value, is_secret=setting.child.kind == "Secret")
                    instead = f"write `type: {json_types.type_of(value)}` in the CRD"
                    message = f"the CRD says `type: {told}`, and {where} is {shown}: {instead}"
                    yield Finding(place, message, is_error=True)
        elif (takes := _taken(schema)) and told not in takes:
            which = " or ".join(f"`type: {each}`" for each in takes[:2])
            message = f"the CRD says `type: {told}`, and {where} takes {which}: write that in the CRD"
            yield Finding(place, message, is_error=True)


def _taken(schema: openapi.Schema) -> tuple[str, ...]:
    """The types that a field of Kubernetes' own takes, those to be written first; none where it takes any."""
    if schema.get("x-kubernetes-int-or-string"):
        return ("integer", "string", "number")
    takes = str(schema.get("type", ""))
    return ("number", "integer") if takes == "number" else (takes,) if takes else ()


def _schema_of(kind: Kind, setting: Setting) -> openapi.Schema | None:
    """What Kubernetes says of the field that is set; None where it says nothing."""
    child = next((child for child in kind.everything if child.selector == setting.child), None)
    return openapi.field(child.api_version, child.kind, setting.target) if child else None


def _unknown(kind: Kind) -> Iterator[Finding]:
    """Fields that a child of one of Kubernetes' own kinds does not have: the API server would refuse the child."""
    for setting in kind.settings:
        child = next((child for child in kind.everything if child.selector == setting.child), None)
        if child and openapi.knows(child.api_version, child.kind) and _schema_of(kind, setting) is None:
            message = f"{a(child.kind)} has no field {setting.target} (Kubernetes {openapi.version()})"
            yield Finding(_kind_yaml(kind) / "set" / str(setting.source), message, is_error=True, may_pass=True)


def _overlapping(kind: Kind) -> Iterator[Finding]:
    """Fields of the CR that set the same, so that one of them does nothing, or one a part of what another sets."""
    for child in kind.variants:
        landed = [(setting, at) for setting in kind.settings for at in _landings(child, setting)]
        for (one, at), (other, there) in itertools.combinations(landed, 2):
            if one.source == other.source or not _is_within(at, there):
                continue
            part, whole = (one, other) if len(at) > len(there) else (other, one)
            place = _kind_yaml(kind) / "set" / str(part.source)
            if len(at) == len(there):
                yield Finding(
                    place,
                    f"{whole.source} sets {part.child} {part.target}, too, and one value can stand there: take out one "
                    "of the lines",
                    is_error=True,
                )
            else:
                told = f"sets a part of what {whole.source} sets, and counts more, as it is set last"
                yield Finding(place, told, is_hint=True)


def _landings(child: Child, setting: Setting) -> list[Pointer]:
    """Where a child has, or would get, what is set; none where it is another child's."""
    return fields.landings(child.body, setting.target) if child.selector == setting.child else []


def _is_within(one: Pointer, other: Pointer) -> bool:
    """Whether two places are the same, or one is a part of the other."""
    return all(map(operator.eq, one, other))


def _unselected(kind: Kind) -> Iterator[Finding]:
    """Fields of the CR that set a label of pods without what selects it, or the other way round."""
    for child in kind.variants:
        for selector, label in labelling.selected_labels(child.body):
            for one, other in ((selector, label), (label, selector)):
                both = {setting.source for setting in kind.settings if _sets(child, setting, other)}
                for setting in kind.settings:
                    if _sets(child, setting, one) and setting.source not in both:
                        here, there = (fields.path_to(*at) for at in (one, other))
                        yield Finding(
                            _kind_yaml(kind) / "set" / str(setting.source),
                            f"{child} {here} would not be what {there} is, and {a(child.kind)} has to select its own "
                            "pods: set both, or none",
                            is_error=True,
                            may_pass=True,
                        )


def _sets(child: Child, setting: Setting, at: Pointer) -> bool:
    """Whether a field of a child takes its value from what is set, there or around it."""
    return any(at[: len(landing)] == landing for landing in _landings(child, setting))


def _present(kind: Kind, of: ChildField) -> list[Json]:
    """The values that a field has in the base, whatever components bring it."""
    children = [child for child in kind.variants if child.selector == of.child]
    return [value for child in children for value in fields.values(child.body, of.path) if value is not None]


def _described(value: Json, *, is_secret: bool) -> str:
    shown = "" if is_secret or isinstance(value, dict | list) else f" ({value!r})"
    return f"{a(json_types.type_of(value))}{shown}"


# --- manifests -------------------------------------------------------------------------------------------------------


def _malformed(kind: Kind) -> Iterator[InFolder]:
    """What keeps the API server from taking a child, or what is installed. One that is newer may take it.

    A value that a custom resource may set, or that follows its name or namespace, is no fault of a base, and neither
    is what is missing, which another component may bring: the examples show it (`of_rendered`).
    """
    for child in kind.variants:
        for flaw in manifests.flaws(child.body, child.name_for("x")):
            is_open = flaw.nature is Nature.VALUE and _may_change(kind, child.selector, flaw.about)
            if flaw.nature is not Nature.LACK and not is_open:
                yield _in_folder(child.selector, child.body, flaw.at, flaw.message)
    for obj in yamltext.load_printed(kind.installed):
        for at, message in _of_installed(obj):
            yield _in_folder(selector_of(obj["kind"], obj["metadata"]["name"]), obj, at, message)


def _may_change(kind: Kind, selector: ChildSelector, at: Pointer) -> bool:
    """Whether a field of a child, or a part of it, may be another one in what a CR becomes."""
    segments = fields.path_to(*at).segments
    follows = any(each.child == selector and fields.meet(each.path.segments, segments) for each in kind.follows)
    return follows or patches_py.FILE in kind.files or _is_set(kind, selector, at)


def _of_installed(obj: Mapping[str, Json]) -> Iterable[Fault]:
    flaws = list(manifests.flaws(obj, obj["metadata"]["name"]))
    is_crd = obj["kind"] == "CustomResourceDefinition" and not flaws
    return crd_rules.faults(obj) if is_crd else ((flaw.at, flaw.message) for flaw in flaws)


def _in_folder(selector: ChildSelector, obj: Mapping[str, Json], at: Pointer, message: str) -> InFolder:
    path = fields.readable(obj, fields.path_to(*at))
    return InFolder(selector, path, message, is_error=True, may_pass=True)


def _told(selector: ChildSelector, path: FieldPath, message: str) -> str:
    """What is wrong with a field of an object, or with all of it, where the place does not say which."""
    return f"{' '.join(filter(None, (str(selector), str(path))))}: {message}"


# --- what is expected of children ------------------------------------------------------------------------------------


def _reported(kind: Kind) -> Iterator[Finding]:
    """Fields of children that status lines report and that these do not have, or that never fit the CR's."""
    for report in kind.reports:
        place = _kind_yaml(kind) / "status" / str(report.path)
        for source in report.sources:
            api_version = _api_version_of(kind, source.child.kind)
            if openapi.knows(api_version, source.child.kind):
                schema = openapi.live_field(api_version, source.child.kind, source.path)
                if message := _never_there(source) if schema is None else _misfit(report, source, schema):
                    yield Finding(place, message)


def _api_version_of(kind: Kind, name: str) -> str:
    """The apiVersion of the kind of objects that a line of ``kind.yaml`` means."""
    found = [child.api_version for child in kind.everything if child.kind == name]
    return found[0] if found else MADE_BY_CHILDREN.get(name, "")


def _never_there(of: ChildField) -> str:
    return f"{of}: {a(of.child.kind)} has no such field (Kubernetes {openapi.version()})"


def _misfit(report: Report, source: ChildField, schema: openapi.Schema) -> str:
    """Why a child's field is never taken for the CR's, by their types; empty where it may be."""
    type_ = str(schema.get("type", ""))
    wanted = "number" if report.is_sum else report.item_type if report.type == "array" else report.type
    if not type_ or not wanted or type_ in _TAKEN_AS.get(wanted, (wanted,)):
        return ""
    if type_ == "array" and report.type == "array":
        return f"{source} is a list, and the status takes its items: write `{source}.*`"
    told = "a sum adds numbers" if report.is_sum else f"the CRD says `type: {wanted}`"
    return f"{told}, and {source} is {json_types.CALLED[type_]}: it would never be there"


_TAKEN_AS = {
    "string": ("string", "integer", "number", "boolean"),
    **dict.fromkeys(("integer", "number"), ("integer", "number")),
}
"""The types of children's fields that a status field of a type may take; any other takes its own only."""


def _never_ready(kind: Kind) -> Iterator[Finding]:
    """Rules for when a child is ready that ask for what its kind does not have."""
    for child in kind.everything:
        rule = kind.rules.get(child.selector)
        if rule is None or not rule.wanted or not openapi.knows(child.api_version, child.kind):
            continue
        path = rule.path or _CONDITIONS
        if openapi.live_field(child.api_version, child.kind, path) is None:
            place = _kind_yaml(kind) / "ready" / "children" / str(child)
            told = f"{_never_there(ChildField(child.selector, path))}, so it would never be ready: write `exists`"
            yield Finding(place, f"{told}, or a field and its value", is_error=True, may_pass=True)


_CONDITIONS = fields.parse("status.conditions")


def _never_released(kind: Kind) -> Iterator[Finding]:
    """Fields that are released although base or CR always set them, so that no one else ever has them."""
    for index, release in enumerate(kind.releases):
        place = _kind_yaml(kind) / "release" / index
        in_base = [_values_in(child, release) for child in kind.variants if child.selector == release.child]
        always = [
            str(setting.source)
            for setting in kind.settings
            if (setting.child, setting.target.segments) == (release.child, release.path.segments)
            and crd.is_always_there(kind.crd.schema, setting.source)
        ]
        is_told = release in [ChildField(child.selector, _REPLICAS) for child, _, _ in _autoscaled(kind)]
        if all(in_base) and not is_told:
            yield Finding(
                place, f"{release} is set in the base, so it is never released: take it out there, or this line"
            )
        elif always:
            yield Finding(
                place,
                f"{always[0]} sets {release}, and the CRD requires it or gives it a default, so it is never released: "
                "let it be left out, or take out this line",
            )


def _values_in(child: Child, of: ChildField) -> list[Json]:
    return [value for value in fields.values(child.body, of.path) if value is not None]


def _retired(kind: Kind) -> Iterator[Finding]:
    """Retired kinds that Kubernetes has not and never had."""
    for index, (api_version, name) in enumerate(kind.retired):
        for _, message in manifests.of_type(api_version, name):
            yield Finding(_kind_yaml(kind) / "retired" / index, message)


# --- scopes ----------------------------------------------------------------------------------------------------------


def _scopes(kind: Kind) -> Iterator[Finding]:
    """Children that live where kind.yaml does not say, as far as that is known without a cluster."""
    known = resources.known([kind])
    for api_version, name in sorted({(child.api_version, child.kind) for child in kind.everything}):
        resource = known.get((group_of(api_version), name))
        if resource is not None:
            for error in unfit_scopes(kind, api_version, name, namespaced=resource.namespaced):
                yield from of_error(error, kind.folder)


def unfit_scopes(kind: Kind, api_version: str, name: str, *, namespaced: bool) -> Iterator[KindError]:
    """The children of a type of which a kind says that they live in a namespace and they do not, or the opposite."""
    for child in kind.everything:
        if (child.api_version, child.kind) == (api_version, name) and child.cluster_scoped == namespaced:
            place = _kind_yaml(kind) / "children" / str(child)
            if namespaced:
                yield KindError(f"{a(name)} lives in a namespace; `scope: Cluster` does not fit it", place)
            else:
                yield KindError(f"{a(name)} lives outside namespaces: write `scope: Cluster` here", place)


# --- the CRD ---------------------------------------------------------------------------------------------------------


def _refused(kind: Kind) -> Iterator[Finding]:
    """What keeps the API server from taking the CRD. One that is newer, or has it already, may have taken it."""
    document = kind.crd.document
    flaws = manifests.flaws(document, kind.resource.plural)
    for at, message in (*((flaw.at, flaw.message) for flaw in flaws), *crd_rules.faults(document)):
        yield Finding(Place(kind.folder / crd.FILE, at), message, is_error=True, may_pass=True)


def _unused(kind: Kind) -> Iterator[Finding]:
    """Fields of the CR's spec that set nothing. A kind's own Python may use any of them."""
    if patches_py.FILE in kind.files:
        return
    spec = (kind.crd.schema.get("properties") or {}).get("spec")
    used = [_names_of(setting.source) for setting in kind.settings]
    used += [_names_of(component.source) for component in kind.components]
    for leaf in crd.leaves(spec, ("spec",)) if spec else ():
        if not any(leaf[: len(path)] == path or path[: len(leaf)] == leaf for path in used):
            name = ".".join(leaf)
            yield Finding(
                _schema_place(kind, leaf),
                f"{name} sets nothing: give it a line under `set` or `components` in kind.yaml, or take it out",
            )


def _never_chosen(kind: Kind) -> Iterator[Finding]:
    """Components for a value that the CRD does not allow."""
    for component in kind.components:
        schema = crd.field(kind.crd.schema, component.source) or {}
        allowed = [True, False] if schema.get("type") == "boolean" else schema.get("enum") or []
        texts = [fields.as_text(value) for value in allowed]
        for value in component.values if texts else ():
            if value not in texts:
                yield Finding(
                    _kind_yaml(kind) / "components" / component.name,
                    f"{component.source} is never {value!r}: the CRD allows {', '.join(texts)}",
                )


def _names_of(path: FieldPath) -> tuple[str, ...]:
    return tuple(str(segment.name) for segment in path.segments if isinstance(segment, fields.Name))


def _schema_place(kind: Kind, names: Iterable[str]) -> Place:
    """Where the CRD describes a field of the stored version."""
    place = Place(kind.folder / crd.FILE, kind.crd.schema_at(kind.resource.version))
    for name in names:
        place = place / "properties" / name
    return place


def _names(kind: Kind) -> Iterator[Finding]:
    """Rules on the CR's name that are missing: without one the API server says no to a child, long after."""
    if kind.keeps_names or not kind.everything:
        return
    schema = kind.crd.schema
    rules = " ".join(str(rule.get("rule", "")) for rule in schema.get("x-kubernetes-validations") or ())
    name = fields.value_at(schema, "properties", "metadata", "properties", "name") or {}
    place = _schema_place(kind, ())
    limit, longest = name_limit(kind.everything)
    bounds = [int(found) for found in re.findall(r"self\.metadata\.name\.size\(\) *<= *(\d+)", rules)]
    bounds += [name["maxLength"]] if "maxLength" in name else []
    if not bounds or min(bounds) > limit:
        yield Finding(
            place,
            f"a resource's name may have {min(bounds, default=NAME_LIMIT)} characters, and with more than {limit} the "
            f"name of {longest} is too long: write under x-kubernetes-validations `rule: self.metadata.name.size() <= "
            f"{limit}` with a message",
        )
    service = needs_host_name(kind.everything)
    if service is not None and "self.metadata.name.matches(" not in rules and "pattern" not in name:
        yield Finding(
            place,
            f"a resource's name may have a dot, or begin with a digit, and that of {service} may not: write under "
            f"x-kubernetes-validations `rule: {SERVICE_RULE}` with a message",
        )


SERVICE_RULE = "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')"
"""https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#rfc-1035-label-names"""


def name_limit(children: Sequence[Child]) -> tuple[int, Child]:
    """How many characters a CR's name may have, and the child for whose sake."""
    limits = [(NAME_LIMITS.get(child.kind, NAME_LIMIT) - len(child.name_for("")), child) for child in children]
    return min(limits, key=lambda pair: pair[0])


def needs_host_name(children: Sequence[Child]) -> Child | None:
    """A child whose name has to be a host name, so that a CR's name has to be one, too; None where there is none."""
    return next((child for child in children if (child.group, child.kind) == ("", "Service")), None)


# --- names in texts --------------------------------------------------------------------------------------------------


def _unfollowed(kind: Kind) -> Iterator[Finding | InFolder]:
    """Texts that name another child, or may do so, and would name it for every CR alike."""
    if kind.keeps_names:
        return
    followed = {
        (child.selector, at.segments)
        for each in kind.follows
        for child in kind.variants
        if child.selector == each.child
        for at, _ in fields.places(child.body, each.path)
    }
    certain = list(follow.mentions(kind.variants))
    for child, at in certain:
        if (child.selector, at.segments) not in followed:
            path = fields.readable(child.body, at)
            yield Finding(
                _kind_yaml(kind),
                f"{child} {path} names a child, or its namespace, and kustomize does not rename it there: write "
                f"`- {child} {path}` under `follow`",
            )
    for word in follow.words(kind.variants, certain):
        if (word.child.selector, word.at.segments) not in followed:
            path = fields.readable(word.child.body, word.at)
            told = f"{word.named.name!r} may mean {word.named}, which is called otherwise for each {kind.resource.kind}"
            instead = f"if it does, write `- {word.child} {path}` under `follow` in kind.yaml; if not, leave it"
            yield InFolder(word.child.selector, path, f"{told}: {instead}", is_hint=True)


def _shared(kind: Kind) -> Iterator[InFolder]:
    """Secrets that a Job may make, and that all resources of a namespace would share then."""
    for child, at, name in follow.may_be_made(kind.variants) if not kind.keeps_names else ():
        told = f"the Secret {name!r} is in no file of the folder, and others of it read it"
        instead = (
            f"if {child} makes it, each {kind.resource.kind} of a namespace gets the same: put a Secret of that name "
            "without data into the folder, which it then fills; if not, leave it"
        )
        yield InFolder(child.selector, at, f"{told}: {instead}", is_hint=True)


def _nothing_followed(kind: Kind) -> Iterator[Finding]:
    """Lines of ``follow`` that change nothing, whatever components there are."""
    known, home = child_names.of_base(kind.variants), home_namespace(kind.variants)
    for index, each in enumerate(kind.follows):
        found = (
            child_names.followed(child, each.path, known, home, lambda name: f"-{name}", "-")
            for child in kind.variants
            if child.selector == each.child
        )
        if not any(map(any, found)):
            yield Finding(
                _kind_yaml(kind) / "follow" / index,
                f"{each} has no address of a child in it, so nothing follows: write it there as `cache:6379`, "
                "`cache.{namespace}` or the name alone, or take out this line",
            )


def _asked_by_all(kind: Kind) -> Iterator[Finding]:
    """Children that an object which is installed once asks: it can only ask one CR's."""
    for obj in yamltext.load_printed(kind.installed):
        for child in follow.needed_by(obj, kind.everything):
            if not child.keeps_name:
                yield Finding(
                    _kind_yaml(kind) / "install",
                    f"{obj['kind']}/{obj['metadata']['name']} asks {child}, which is called otherwise for each "
                    f"{kind.resource.kind}: write `names: keep`, which allows one {kind.resource.kind} in a namespace",
                )


_OF_A_CLUSTER = "only one object of a cluster can have that"
_OF_REQUESTS = "only one of them can answer there"
_ONLY_ONE: Mapping[tuple[str, str], tuple[tuple[str, ...], str]] = {
    ("", "Service"): (
        ("spec.ports.*.nodePort", "spec.healthCheckNodePort", "spec.clusterIP", "spec.clusterIPs.*"), _OF_A_CLUSTER,
    ),
    ("", "PersistentVolumeClaim"): (("spec.volumeName",), _OF_A_CLUSTER),
    ("networking.k8s.io", "Ingress"): (("spec.rules.*.host",), _OF_REQUESTS),
    ("gateway.networking.k8s.io", "HTTPRoute"): (("spec.hostnames.*",), _OF_REQUESTS),
    ("route.openshift.io", "Route"): (("spec.host",), _OF_REQUESTS),
}  # fmt: skip
"""Fields whose value one object of a cluster can have, and why: the API server refuses a second one, or it waits for
ever, or gets none of the requests."""

_VOLUME, _TLS = fields.parse("spec.volumeName"), fields.parse("spec.tls.*.secretName")

_ON_A_NODE = ("spec.containers.*.ports.*.hostPort", "spec.initContainers.*.ports.*.hostPort")
"""Fields of pods whose value one pod of a node can have: a second one waits for another node."""

_CERTIFIED = frozenset({"cert-manager.io/issuer", "cert-manager.io/cluster-issuer"})
"""Annotations by which cert-manager makes the Secrets of an Ingress (https://cert-manager.io/docs/usage/ingress/)."""


def _only_one(kind: Kind) -> Iterator[Finding]:
    """Values that the children of a second resource could not have, or not for themselves."""
    # What names children: kustomize renames it with them, or it follows.
    own = {
        _VOLUME: [child.name for child in kind.variants if child.kind == "PersistentVolume"],
        _TLS: [
            *(child.name for child in kind.variants if child.kind == "Secret"),
            *(name for _, _, name in child_names.made_secrets(kind.variants)),
        ],
    }
    for child in kind.variants if not kind.keeps_names else ():
        body = _by_default(kind, child)
        for path, why in _alone(body):
            for at, value in fields.places(body, path):
                if value in (None, "", "None", 0) or value in own.get(path, ()):
                    continue
                told = f"{child} {fields.readable(body, at)} is {value!r} for every {kind.resource.kind}"
                set_by = [each for each in kind.settings if _sets(child, each, fields.pointers(body, at)[0])]
                if not set_by:
                    place = Place(kind.folder / "kustomization.yaml")
                    yield Finding(place, f"{told}, and {why}: leave it out of the manifest")
                elif (
                    not crd.is_always_there(kind.crd.schema, set_by[-1].source)
                    or _default(kind, set_by[-1]) is not None
                ):
                    source = set_by[-1].source
                    instead = "let the CRD require that field, without a default, or leave it out of the manifest"
                    place = _kind_yaml(kind) / "set" / str(source)
                    yield Finding(place, f"{told} that leaves out {source}, and {why}: {instead}", is_hint=True)


def _alone(body: Body) -> Iterator[tuple[FieldPath, str]]:
    """Where an object may have what no other one can have, and why."""
    texts, why = _ONLY_ONE.get((group_of(body["apiVersion"]), body["kind"]), ((), ""))
    yield from ((fields.parse(text), why) for text in texts)
    pods = labelling.pods_at(body)
    for text in _ON_A_NODE if pods is not None else ():
        yield fields.parse(".".join([*(pods or ()), text])), "only one pod of a node can have that"
    if not _CERTIFIED.isdisjoint(body["metadata"].get("annotations") or {}):
        yield _TLS, "cert-manager makes one Secret for all of them: write a Certificate instead of the annotation, or"


def _by_default(kind: Kind, child: Child) -> Body:
    """A child of a CR that leaves out all that it may."""
    body = copy.deepcopy(dict(child.body))
    for setting in kind.settings:
        if _landings(child, setting) and (value := _default(kind, setting)) is not None:
            fields.put(body, setting.target, value)
    return body


def _default(kind: Kind, setting: Setting) -> Json:
    """What a CR has that leaves out a field; None where it has none then."""
    values = fields.values(kind.crd.defaulted({"spec": {}}), setting.source)
    return values[0] if values else None


_REPLICAS = fields.parse("spec.replicas")


def _fought_over(kind: Kind) -> Iterator[InFolder]:
    """Replicas that the base sets, and a HorizontalPodAutoscaler of it, too.

    Where a component takes them out they are not: it will be the one that brings the autoscaler.
    """
    for child, autoscaler, replicas in _autoscaled(kind):
        release = ChildField(child.selector, _REPLICAS)
        line = "" if release in kind.releases else f", and write `- {release}` under `release` in kind.yaml"
        told = f"{autoscaler} sets the replicas of {child}, and nuvop would set them back to {replicas!r} each time"
        yield InFolder(child.selector, _REPLICAS, f"{told}: take this line out{line}")


def _autoscaled(kind: Kind) -> Iterator[tuple[Child, Child, Json]]:
    """Children whose replicas an autoscaler sets, with it and what the base says."""
    for child in kind.everything:
        autoscaler = autoscaling.autoscaler_of(child, kind.everything)
        replicas = [fields.values(each.body, _REPLICAS) for each in kind.variants if each == child]
        if autoscaler is not None and all(replicas):
            yield child, autoscaler, replicas[0][0]


# --- kustomization ---------------------------------------------------------------------------------------------------


def _deprecated(kind: Kind) -> Iterator[Finding]:
    for name, document in kind_folder.kustomizations(kind.files):
        for field, instead in DEPRECATED.items():
            if field in document:
                yield Finding(Place(kind.folder / name) / field, f"is deprecated: {instead} (`kustomize edit fix`)")


# --- examples --------------------------------------------------------------------------------------------------------


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
                yield Finding(line, _told(selector, path, flaw.message), is_error=True)
            elif _is_set(kind, selector, flaw.about):
                yield Finding(place, _told(ChildSelector(obj["kind"], name), path, flaw.message), is_error=True)
            else:
                yield placed(kind, _in_folder(selector, obj, flaw.at, flaw.message))


def _changeful(kind: Kind, once: Sequence[Json], again: Sequence[Json]) -> Iterator[Finding]:
    """That a kind's own Python does not give the same for the same resource."""
    others = [one or other for one, other in itertools.zip_longest(once, again) if one != other]
    if others:
        names = dict.fromkeys(f"{patch['kind']}/{patch['metadata']['name']}" for patch in others)
        told = f"gives {', '.join(names)} another thing each time for the same resource"
        instead = "it would never be at rest: take out what is of chance or of the time"
        yield Finding(Place(kind.folder / patches_py.FILE), f"{told}: {instead}", is_error=True)


def _is_set(kind: Kind, selector: ChildSelector, at: Pointer) -> bool:
    """Whether a CR may set a field of a child, or a part of it."""
    segments = fields.path_to(*at).segments
    return any(each.child == selector and fields.meet(each.target.segments, segments) for each in kind.settings)


# --- lines -----------------------------------------------------------------------------------------------------------


def located(finding: Finding, folder: Mapping[str, bytes], root: str) -> str:
    """A finding as compilers write theirs: ``file:line: error: what``; ``root`` is the folder's path."""
    place = kind_folder.located(finding.place, Path(root), folder)
    return ": ".join(filter(None, (place.file_and_line, finding.level, place.path, finding.message)))
