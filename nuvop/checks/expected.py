"""What is expected of children that these never are, have or do. Pure."""

from collections.abc import Iterator

from nuvop import autoscaling, crd, fields, findings, json_types, manifests, openapi, resources
from nuvop.errors import KindError
from nuvop.fields import Json
from nuvop.findings import Finding
from nuvop.kinds import MADE_BY_CHILDREN, Child, ChildField, Kind, Report
from nuvop.objects import a, group_of


def reported(kind: Kind) -> Iterator[Finding]:
    """Fields of children that status lines report and that these do not have, or that never fit the CR's."""
    for report in kind.reports:
        place = findings.kind_yaml(kind) / "status" / str(report.path)
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


def never_ready(kind: Kind) -> Iterator[Finding]:
    """Rules for when a child is ready that ask for what its kind does not have."""
    for child in kind.everything:
        rule = kind.rules.get(child.selector)
        if rule is None or not rule.wanted or not openapi.knows(child.api_version, child.kind):
            continue
        path = rule.path or _CONDITIONS
        if openapi.live_field(child.api_version, child.kind, path) is None:
            place = findings.kind_yaml(kind) / "ready" / "children" / str(child)
            told = f"{_never_there(ChildField(child.selector, path))}, so it would never be ready: write `exists`"
            yield Finding(place, f"{told}, or a field and its value", is_error=True, may_pass=True)


_CONDITIONS = fields.parse("status.conditions")


def never_released(kind: Kind) -> Iterator[Finding]:
    """Fields that are released although base or CR always set them, so that no one else ever has them."""
    autoscaled = [ChildField(child.selector, autoscaling.REPLICAS) for child, _, _ in autoscaling.autoscaled(kind)]
    for index, release in enumerate(kind.releases):
        place = findings.kind_yaml(kind) / "release" / index
        in_base = [_values_in(child, release) for child in kind.variants if child.selector == release.child]
        always = [
            str(setting.source)
            for setting in kind.settings
            if (setting.child, setting.target.segments) == (release.child, release.path.segments)
            and crd.is_always_there(kind.crd.schema, setting.source)
        ]
        if all(in_base) and release not in autoscaled:
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


def retired(kind: Kind) -> Iterator[Finding]:
    """Retired kinds that Kubernetes has not and never had."""
    for index, (api_version, name) in enumerate(kind.retired):
        for _, message in manifests.of_type(api_version, name):
            yield Finding(findings.kind_yaml(kind) / "retired" / index, message)


def scopes(kind: Kind) -> Iterator[Finding]:
    """Children that live where kind.yaml does not say, as far as that is known without a cluster."""
    known = resources.known([kind])
    for api_version, name in sorted({(child.api_version, child.kind) for child in kind.everything}):
        resource = known.get((group_of(api_version), name))
        if resource is not None:
            for error in unfit_scopes(kind, api_version, name, namespaced=resource.namespaced):
                yield from findings.of_error(error, kind.folder)


def unfit_scopes(kind: Kind, api_version: str, name: str, *, namespaced: bool) -> Iterator[KindError]:
    """The children of a type of which a kind says that they live in a namespace and they do not, or the opposite."""
    for child in kind.everything:
        if (child.api_version, child.kind) == (api_version, name) and child.cluster_scoped == namespaced:
            place = findings.kind_yaml(kind) / "children" / str(child)
            if namespaced:
                yield KindError(f"{a(name)} lives in a namespace; `scope: Cluster` does not fit it", place)
            else:
                yield KindError(f"{a(name)} lives outside namespaces: write `scope: Cluster` here", place)
