"""What is wrong with `set`: types that cannot fit, fields that are not there or are set twice. Pure."""

import itertools
import operator
from collections.abc import Iterator

from nuvop import crd, fields, findings, json_types, labelling, openapi
from nuvop.checks import targets
from nuvop.fields import Json, Pointer
from nuvop.findings import Finding
from nuvop.kinds import ChildField, Kind, Setting
from nuvop.objects import a


def types(kind: Kind) -> Iterator[Finding]:
    """Fields of the CR whose type is not that of the field which they set."""
    for setting in kind.settings:
        told = str((crd.field(kind.crd.schema, setting.source) or {}).get("type", ""))
        if told not in json_types.NAMES:
            continue
        place, where = findings.kind_yaml(kind) / "set" / str(setting.source), f"{setting.child} {setting.target}"
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


def unknown(kind: Kind) -> Iterator[Finding]:
    """Fields that a child of one of Kubernetes' own kinds does not have: the API server would refuse the child."""
    for setting in kind.settings:
        child = next((child for child in kind.everything if child.selector == setting.child), None)
        if child and openapi.knows(child.api_version, child.kind) and _schema_of(kind, setting) is None:
            message = f"{a(child.kind)} has no field {setting.target} (Kubernetes {openapi.version()})"
            yield Finding(findings.kind_yaml(kind) / "set" / str(setting.source), message, is_error=True, may_pass=True)


def overlapping(kind: Kind) -> Iterator[Finding]:
    """Fields of the CR that set the same, so that one of them does nothing, or one a part of what another sets."""
    for child in kind.variants:
        landed = [(setting, at) for setting in kind.settings for at in targets.landings(child, setting)]
        for (one, at), (other, there) in itertools.combinations(landed, 2):
            if one.source == other.source or not _is_within(at, there):
                continue
            part, whole = (one, other) if len(at) > len(there) else (other, one)
            place = findings.kind_yaml(kind) / "set" / str(part.source)
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


def _is_within(one: Pointer, other: Pointer) -> bool:
    """Whether two places are the same, or one is a part of the other."""
    return all(map(operator.eq, one, other))


def unselected(kind: Kind) -> Iterator[Finding]:
    """Fields of the CR that set a label of pods without what selects it, or the other way round."""
    for child in kind.variants:
        for selector, label in labelling.selected_labels(child.body):
            for one, other in ((selector, label), (label, selector)):
                both = {setting.source for setting in kind.settings if targets.sets(child, setting, other)}
                for setting in kind.settings:
                    if targets.sets(child, setting, one) and setting.source not in both:
                        here, there = (fields.path_to(*at) for at in (one, other))
                        yield Finding(
                            findings.kind_yaml(kind) / "set" / str(setting.source),
                            f"{child} {here} would not be what {there} is, and {a(child.kind)} has to select its own "
                            "pods: set both, or none",
                            is_error=True,
                            may_pass=True,
                        )


def _present(kind: Kind, of: ChildField) -> list[Json]:
    """The values that a field has in the base, whatever components bring it."""
    children = [child for child in kind.variants if child.selector == of.child]
    return [value for child in children for value in fields.values(child.body, of.path) if value is not None]


def _described(value: Json, *, is_secret: bool) -> str:
    shown = "" if is_secret or isinstance(value, dict | list) else f" ({value!r})"
    return f"{a(json_types.type_of(value))}{shown}"
