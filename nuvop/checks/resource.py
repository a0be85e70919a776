"""What is wrong with the CRD, and with what it allows. Pure."""

import re
from collections.abc import Iterable, Iterator

from nuvop import crd, crd_rules, fields, findings, manifests, name_limits, patches_py
from nuvop.errors import Place
from nuvop.fields import FieldPath
from nuvop.findings import Finding
from nuvop.kinds import Kind
from nuvop.name_limits import NAME_LIMIT


def refused(kind: Kind) -> Iterator[Finding]:
    """What keeps the API server from taking the CRD. One that is newer, or has it already, may have taken it."""
    document = kind.crd.document
    flaws = manifests.flaws(document, kind.resource.plural)
    for at, message in (*((flaw.at, flaw.message) for flaw in flaws), *crd_rules.faults(document)):
        yield Finding(Place(kind.folder / crd.FILE, at), message, is_error=True, may_pass=True)


def unused(kind: Kind) -> Iterator[Finding]:
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


def never_chosen(kind: Kind) -> Iterator[Finding]:
    """Components for a value that the CRD does not allow."""
    for component in kind.components:
        schema = crd.field(kind.crd.schema, component.source) or {}
        allowed = [True, False] if schema.get("type") == "boolean" else schema.get("enum") or []
        texts = [fields.as_text(value) for value in allowed]
        for value in component.values if texts else ():
            if value not in texts:
                yield Finding(
                    findings.kind_yaml(kind) / "components" / component.name,
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


def names(kind: Kind) -> Iterator[Finding]:
    """Rules on the CR's name that are missing: without one the API server says no to a child, long after."""
    if kind.keeps_names or not kind.everything:
        return
    schema = kind.crd.schema
    rules = " ".join(str(rule.get("rule", "")) for rule in schema.get("x-kubernetes-validations") or ())
    name = fields.value_at(schema, "properties", "metadata", "properties", "name") or {}
    place = _schema_place(kind, ())
    limit, longest = name_limits.name_limit(kind.everything)
    bounds = [int(found) for found in re.findall(r"self\.metadata\.name\.size\(\) *<= *(\d+)", rules)]
    bounds += [name["maxLength"]] if "maxLength" in name else []
    if not bounds or min(bounds) > limit:
        yield Finding(
            place,
            f"a resource's name may have {min(bounds, default=NAME_LIMIT)} characters, and with more than {limit} the "
            f"name of {longest} is too long: write under x-kubernetes-validations `rule: self.metadata.name.size() <= "
            f"{limit}` with a message",
        )
    service = name_limits.needs_host_name(kind.everything)
    if service is not None and "self.metadata.name.matches(" not in rules and "pattern" not in name:
        yield Finding(
            place,
            f"a resource's name may have a dot, or begin with a digit, and that of {service} may not: write under "
            f"x-kubernetes-validations `rule: {name_limits.SERVICE_RULE}` with a message",
        )
