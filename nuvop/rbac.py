"""The rights that an operator needs: from the kinds that it serves and the mode that it runs in to RBAC rules. Pure.

A right is one verb on one resource. What is asked of the API server, and by whom:

| what                      | verbs                     | for                                                        |
|---------------------------|---------------------------|------------------------------------------------------------|
| custom resources          | list, watch               | kopf; the guard that counts what would be pruned           |
|                           | get                       | `custom_resource`, before anything is changed              |
|                           | patch                     | the finalizer                                              |
| their status              | patch                     | `reporter`                                                 |
| children                  | list, watch               | `observer`; the end of custom resources: `dismantle`       |
|                           | get                       | `foreign`: who has made what has a child's name            |
|                           | create, patch             | server-side apply: a patch, which may have to create       |
|                           | patch                     | adopting, giving back, letting go                          |
|                           | delete                    | pruning, recreating, what the garbage collector leaves     |
| what controllers make     | list, watch               | the lines of `status` that ask for it                      |
| Events                    | create (events.k8s.io)    | `events`                                                   |
|                           | list, watch (core)        | `complaints`: what controllers warn of                     |
| CRDs                      | list, watch               | kopf, unless it serves namespaces by name                  |
| namespaces                | list, watch               | kopf, where it serves namespaces by a pattern              |
| the peering               | list, watch; patch of one | kopf, where it takes part in one                           |

What everybody may do who is logged in (discovery, asking for one's own rights) is in no rule.

Names cannot narrow the rights to children: they begin with the custom resource's name, a list or a watch is for all,
and a request to create has no name yet. They do narrow what has one certain name: a peering, and a role that is bound.
"""

import json
import textwrap
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from nuvop import yamltext
from nuvop.errors import KindError
from nuvop.fields import Name
from nuvop.kinds import Child, Kind
from nuvop.resources import Resources, group_kind

EVERYWHERE = ""
"""The place of a right that holds in all namespaces, and outside of them."""

RBAC = "rbac.authorization.k8s.io"
PEERING_GROUP = "kopf.dev"
ANY = "*"

VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
"""In the order in which rules name them; others come behind."""

CHILD_VERBS = ("get", "list", "watch", "create", "patch", "delete")


class Purpose(Enum):
    """What a right is for, in the order of the rules; ``{kinds}`` are the plurals of the kinds that need it."""

    CRDS = "To notice CRDs that come, change and go."
    NAMESPACES = "To notice namespaces that come and go."
    PEERING = "To take part in the peering, which is the only object that is patched."
    RESOURCES = (
        "The custom resources: {kinds}. `get` is for the look at one before anything of it is changed, `patch` for the "
        "finalizer of those that have children which the garbage collector leaves, or is to leave."
    )
    STATUS = "Their status."
    CHILDREN = (
        "The children of {kinds}. `get` is for the look at who has made an object of that name. Server-side apply is a "
        "patch, which has to be allowed to create, too. `delete` is for what a folder no longer has and what is made "
        "anew; with its custom resource the garbage collector deletes a child."
    )
    SEEN = "What the children's controllers make, as the status of {kinds} tells of it."
    EVENTS = (
        "What happens is told in Events; so is the last warning about a child that does not get ready, where others "
        "have written it."
    )
    BIND = (
        "What the role bindings among the children of {kinds} bind. Nobody may bind a role whose rights he has not, "
        "unless he may `bind` it."
    )
    GIVEN = (
        "What the roles among the children of {kinds} allow. Nobody may give a right that he has not; this is less "
        "than `escalate` would be, which allows to give oneself anything."
    )
    ESCALATE = (
        "CAUTION: who may do this can give himself any right. Among the children of {kinds} are roles whose rights "
        "are not known beforehand: a custom resource sets them, or they are gathered from other roles."
    )


@dataclass(frozen=True)
class Mode:
    """How an operator runs: ``namespaces`` are those that it serves, as `kopf run -n` names them, or all where there
    are none; ``peering`` is the name of the kopf peering that it takes part in, or empty.
    """

    namespaces: tuple[str, ...] = ()
    peering: str = ""

    @property
    def has_patterns(self) -> bool:
        """Whether kopf has to look which namespaces are meant (`kopf._cogs.structs.references`)."""
        return any(mark in namespace for namespace in self.namespaces for mark in "!*?,")

    @property
    def places(self) -> tuple[str, ...]:
        """Where the rights to what lives in namespaces have to hold."""
        return self.namespaces if self.namespaces and not self.has_patterns else (EVERYWHERE,)


@dataclass(frozen=True, order=True)
class Right:
    """A verb on a resource (with its subresource, as in ``samples/status``), or on a path that is no resource's.

    ``place`` is a namespace or `EVERYWHERE`. ``name`` is that of the one object that it is about; empty for all.
    """

    place: str
    group: str
    resource: str
    verb: str
    name: str = ""
    path: str = ""


@dataclass(frozen=True)
class Need:
    """A right that is needed, and what for; ``kind`` is the plural of the kind that needs it, empty for the operator.

    With the right ``unless`` it is not needed.
    """

    right: Right
    purpose: Purpose
    kind: str = ""
    unless: Right | None = None


@dataclass(frozen=True)
class Rule:
    """A rule as RBAC has it (https://kubernetes.io/docs/reference/access-authn-authz/rbac/)."""

    groups: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()

    def allows(self, right: Right) -> bool:
        """Whether a right is among those that the rule gives.

        Source: pkg/apis/rbac/v1/evaluation_helpers.go of Kubernetes.
        """
        if not _has(self.verbs, right.verb):
            return False
        if right.path:
            return any(path in (ANY, right.path) or _is_below(path, right.path) for path in self.paths)
        subresource = right.resource.partition("/")[2]
        return (
            _has(self.groups, right.group)
            and (_has(self.resources, right.resource) or bool(subresource and f"{ANY}/{subresource}" in self.resources))
            and (not self.names or right.name in self.names)
        )

    def fields(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """The fields that are not empty, by the names that they have in a manifest."""
        named = {
            "apiGroups": self.groups,
            "resources": self.resources,
            "resourceNames": self.names,
            "nonResourceURLs": self.paths,
            "verbs": self.verbs,
        }
        return ((name, values) for name, values in named.items() if values)


def _has(values: Collection[str], value: str) -> bool:
    return ANY in values or value in values


def _is_below(pattern: str, path: str) -> bool:
    return pattern.endswith(ANY) and path.startswith(pattern.rstrip(ANY))


# --- what is needed --------------------------------------------------------------------------------------------------


def types(kind: Kind) -> frozenset[tuple[str, str]]:
    """The apiVersion and kind of everything whose resource `needs` has to know."""
    return kind.watched


def needs(kinds: Iterable[Kind], resources: Resources, mode: Mode) -> list[Need]:
    """What an operator that serves these kinds needs; ``resources`` has all `types` of theirs.

    Raises KindError where a role among the children is of no role's shape.
    """
    found = list(_of_operator(mode))
    for kind in kinds:
        found += _of_kind(kind, resources, mode)
    return found


def _of_operator(mode: Mode) -> Iterator[Need]:
    if mode.places == (EVERYWHERE,):
        yield from _need(Purpose.CRDS, (EVERYWHERE,), "apiextensions.k8s.io", "customresourcedefinitions", _SEE)
    if mode.has_patterns:
        yield from _need(Purpose.NAMESPACES, (EVERYWHERE,), "", "namespaces", _SEE)
    if mode.peering:
        plural = "kopfpeerings" if mode.namespaces else "clusterkopfpeerings"
        yield from _need(Purpose.PEERING, mode.places, PEERING_GROUP, plural, _SEE)
        yield from _need(Purpose.PEERING, mode.places, PEERING_GROUP, plural, ("patch",), name=mode.peering)
    yield from _need(Purpose.EVENTS, mode.places, "events.k8s.io", "events", ("create",))
    yield from _need(Purpose.EVENTS, mode.places, "", "events", _SEE)


_SEE = ("list", "watch")


def _need(
    purpose: Purpose,
    places: Iterable[str],
    group: str,
    resource: str,
    verbs: Iterable[str],
    *,
    name: str = "",
    kind: str = "",
) -> Iterator[Need]:
    for place in places:
        for verb in verbs:
            yield Need(Right(place, group, resource, verb, name), purpose, kind)


def _of_kind(kind: Kind, resources: Resources, mode: Mode) -> Iterator[Need]:
    of, places = kind.resource, mode.places
    crs = of.group, of.plural
    yield from _need(Purpose.RESOURCES, places, *crs, ("get", *_SEE, "patch"), kind=of.plural)
    yield from _need(Purpose.STATUS, places, of.group, f"{of.plural}/status", ("patch",), kind=of.plural)
    for child in kind.base:
        at = _places(child, mode)
        plural = resources[child.group, child.kind].plural
        yield from _need(Purpose.CHILDREN, at, child.group, plural, CHILD_VERBS, kind=of.plural)
        if child.group == RBAC:
            yield from _of_role(kind, child, at)
    for api_version, name in kind.watched - {(child.api_version, child.kind) for child in kind.base}:
        group, _ = at_resource = group_kind(api_version, name)
        resource = resources[at_resource]
        at = places if resource.namespaced else (EVERYWHERE,)
        yield from _need(Purpose.SEEN, at, group, resource.plural, _SEE, kind=of.plural)


def _places(child: Child, mode: Mode) -> tuple[str, ...]:
    """Where the children that come of one live."""
    return (EVERYWHERE,) if child.cluster_scoped else mode.places


_ROLES = {"Role": "roles", "ClusterRole": "clusterroles"}
_BINDINGS = ("RoleBinding", "ClusterRoleBinding")


def _of_role(kind: Kind, child: Child, places: tuple[str, ...]) -> Iterator[Need]:
    """What it takes to make a role or a binding, beside the right to make objects of its type.

    Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping
    """
    plural = kind.resource.plural
    if child.kind in _ROLES:
        resource = _ROLES[child.kind]
        if _is_open(kind, child):
            yield from _need(Purpose.ESCALATE, places, RBAC, resource, ("escalate",), kind=plural)
            return
        for place in places:
            unless = Right(place, RBAC, resource, "escalate")
            for right in _given(kind, child, place):
                yield Need(right, Purpose.GIVEN, plural, unless)
    elif child.kind in _BINDINGS:
        bound = child.body.get("roleRef") or {}
        role = next((each for each in kind.base if _is_role(each, bound)), None)
        resource = _ROLES.get(str(bound.get("kind")), "")
        if _sets(kind, child, "roleRef") or (role and _is_open(kind, role)):
            yield from _need(Purpose.BIND, places, RBAC, resource, ("bind",), kind=plural)
        elif role is None:
            yield from _need(Purpose.BIND, places, RBAC, resource, ("bind",), name=bound.get("name", ""), kind=plural)


def _is_role(child: Child, bound: Mapping[str, Any]) -> bool:
    return (child.group, child.kind, child.name) == (RBAC, bound.get("kind"), bound.get("name"))


def _is_open(kind: Kind, role: Child) -> bool:
    """Whether the folder alone does not tell what a role allows."""
    return "aggregationRule" in role.body or _sets(kind, role, "rules", "aggregationRule")


def _sets(kind: Kind, child: Child, *names: str) -> bool:
    """Whether a custom resource sets anything in one of a child's fields."""
    own = [setting.target for setting in kind.settings if setting.child == child.selector]
    return any(target.segments[0] == Name(name) for target in own for name in names)


def _given(kind: Kind, role: Child, place: str) -> Iterator[Right]:
    """The rights that a role gives."""
    try:
        for rule in role.body.get("rules") or ():
            for verb in rule["verbs"]:
                for path in rule.get("nonResourceURLs") or ():
                    yield Right(EVERYWHERE, "", "", verb, path=path)
                for group in rule.get("apiGroups") or ():
                    for resource in rule.get("resources") or ():
                        for name in rule.get("resourceNames") or ("",):
                            yield Right(place, group, resource, verb, name)
    except (TypeError, KeyError, AttributeError) as error:
        raise KindError(f"{kind.folder}: {role}: rules: is not of the shape of a role's rules: {error!r}") from error


# --- from rights to rules --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Section:
    """Rules with one purpose, and the plurals of the kinds that need them."""

    purpose: Purpose
    kinds: tuple[str, ...]
    rules: tuple[Rule, ...]

    @property
    def comment(self) -> str:
        """What they are for, in words."""
        return self.purpose.value.format(kinds=", ".join(self.kinds))


def sections(wanted: Collection[Need]) -> dict[str, list[Section]]:
    """The rules that give exactly the rights that are needed, by place; what holds everywhere comes first.

    No rule gives a right that an earlier one gives.
    """
    found: dict[str, list[Section]] = {}
    general: list[Rule] = []
    for place in sorted({need.right.place for need in wanted}):
        rules = list(general)
        for purpose in Purpose:
            its_own = [need for need in wanted if (need.right.place, need.purpose) == (place, purpose)]
            fresh = merged({need.right for need in its_own if not _allowed(rules, need.right)})
            if fresh:
                kinds = tuple(sorted({need.kind for need in its_own} - {""}))
                found.setdefault(place, []).append(Section(purpose, kinds, fresh))
                rules += fresh
        if place == EVERYWHERE:
            general = rules
    return found


def merged(rights: Collection[Right]) -> tuple[Rule, ...]:
    """Rules that give these rights, which are all of one place, and no others; in a certain order.

    Resources of a group with the same verbs are joined, and so are verbs and names of a resource.
    """
    paths: dict[str, set[str]] = defaultdict(set)
    names: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for right in rights:
        if right.path:
            paths[right.path].add(right.verb)
        elif not right.name or replace(right, name="") not in rights:
            names[right.group, right.resource, right.verb] |= {right.name} - {""}
    verbs: dict[tuple[str, str, tuple[str, ...]], set[str]] = defaultdict(set)
    for (group, resource, verb), of in names.items():
        verbs[group, resource, tuple(sorted(of))].add(verb)
    resources: dict[tuple[str, tuple[str, ...], tuple[str, ...]], set[str]] = defaultdict(set)
    for (group, resource, of_names), allowed in verbs.items():
        resources[group, _in_order(allowed), of_names].add(resource)
    by_verbs: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for path, allowed in paths.items():
        by_verbs[_in_order(allowed)].add(path)
    rules = [
        *(
            Rule((group,), tuple(sorted(of_resources)), allowed_verbs, of_names)
            for (group, allowed_verbs, of_names), of_resources in resources.items()
        ),
        *(Rule(verbs=allowed_verbs, paths=tuple(sorted(of_paths))) for allowed_verbs, of_paths in by_verbs.items()),
    ]
    return tuple(sorted(rules, key=lambda rule: (rule.groups, rule.resources, rule.names, rule.paths, rule.verbs)))


def _in_order(verbs: Iterable[str]) -> tuple[str, ...]:
    known = {verb: index for index, verb in enumerate(VERBS)}
    return tuple(sorted(verbs, key=lambda verb: (known.get(verb, len(known)), verb)))


def _allowed(rules: Iterable[Rule], right: Right) -> bool:
    return any(rule.allows(right) for rule in rules)


# --- from rules to manifests -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Subject:
    """Whom rights are given to: a service account, or a user, who is in no namespace."""

    name: str
    namespace: str = ""

    def as_dict(self) -> dict[str, str]:
        """As it stands in a binding."""
        if self.namespace:
            return {"kind": "ServiceAccount", "name": self.name, "namespace": self.namespace}
        return {"kind": "User", "apiGroup": RBAC, "name": self.name}


def manifests(wanted: Collection[Need], mode: Mode, subject: Subject, name: str) -> str:
    """Roles with the rights that are needed, and their bindings to a subject, as YAML with comments.

    All are called ``name``; but where the namespaces are named, what stands outside of these may have to stand beside
    that of another operator, so the subject's namespace, or else the first of them, is put behind it there.
    """
    beside = f"{name}-{subject.namespace or mode.places[0]}"
    documents = []
    for place, found in sections(wanted).items():
        own = name if place in mode.places else beside
        documents += [_role(own, place, found), _binding(own, place, subject)]
    return "---\n".join(documents)


_HEAD = (
    "What an operator of {kinds} needs, no more and no less. Made by `nuvop rbac`: make it anew when a kind changes."
)
_WIDTH = 118


def _role(name: str, place: str, found: Sequence[Section]) -> str:
    kinds = sorted({kind for section in found for kind in section.kinds})
    head = _comment(_HEAD.format(kinds=", ".join(kinds)), "")
    return head + yamltext.dump(_object("Role", name, place)) + "rules:\n" + "".join(map(_section, found))


def _binding(name: str, place: str, subject: Subject) -> str:
    kind = "ClusterRole" if place == EVERYWHERE else "Role"
    reference = {"apiGroup": RBAC, "kind": kind, "name": name}
    binding = {**_object("RoleBinding", name, place), "roleRef": reference, "subjects": [subject.as_dict()]}
    return yamltext.dump(binding)


def _object(kind: str, name: str, place: str) -> dict[str, Any]:
    metadata = {"name": name, **({"namespace": place} if place else {})}
    labels = {"app.kubernetes.io/name": "nuvop"}
    full = f"Cluster{kind}" if place == EVERYWHERE else kind
    return {"apiVersion": f"{RBAC}/v1", "kind": full, "metadata": {**metadata, "labels": labels}}


def _section(section: Section) -> str:
    """Rules a field a line, each list on one: JSON is YAML."""
    lines = [
        f"  {'-' if first == 0 else ' '} {field}: {json.dumps(values)}\n"
        for rule in section.rules
        for first, (field, values) in enumerate(rule.fields())
    ]
    return _comment(section.comment, "  ") + "".join(lines)


def _comment(text: str, indent: str) -> str:
    mark = f"{indent}# "
    lines = textwrap.wrap(text, _WIDTH, initial_indent=mark, subsequent_indent=mark, break_on_hyphens=False)
    return "".join(f"{line}\n" for line in lines)


# --- what is missing -------------------------------------------------------------------------------------------------


def missing(wanted: Iterable[Need], given: Mapping[str, Sequence[Rule]]) -> list[Need]:
    """The needs that no rule of their place meets; ``given`` are the rules that hold in each place."""
    return [
        need
        for need in wanted
        if not _allowed(given[need.right.place], need.right)
        and not (need.unless and _allowed(given[need.right.place], need.unless))
    ]


def reviewed(status: Mapping[str, Any]) -> tuple[Rule, ...]:
    """The rules that the status of a SelfSubjectRulesReview tells of."""
    rules = [
        Rule(
            tuple(rule.get("apiGroups") or ()),
            tuple(rule.get("resources") or ()),
            tuple(rule.get("verbs") or ()),
            tuple(rule.get("resourceNames") or ()),
        )
        for rule in status.get("resourceRules") or ()
    ]
    rules += [
        Rule(verbs=tuple(rule.get("verbs") or ()), paths=tuple(rule.get("nonResourceURLs") or ()))
        for rule in status.get("nonResourceRules") or ()
    ]
    return tuple(rules)


def told(rights: Collection[Right]) -> str:
    """Rights in words: ``create, patch deployments.apps in demo and other; list pods cluster-wide``."""
    places: dict[tuple[str, str], set[str]] = defaultdict(set)
    for right in rights:
        places[_what(right), right.verb].add(right.place)
    verbs: dict[tuple[str, tuple[str, ...]], set[str]] = defaultdict(set)
    for (what, verb), of in places.items():
        verbs[what, tuple(sorted(of))].add(verb)
    return "; ".join(
        f"{', '.join(_in_order(of_verbs))} {what}{_where(of)}" for (what, of), of_verbs in sorted(verbs.items())
    )


def _what(right: Right) -> str:
    if right.path:
        return right.path
    resource, slash, subresource = right.resource.partition("/")
    group = f".{right.group}" if right.group else ""
    name = f" {right.name}" if right.name else ""
    return f"{resource}{group}{slash}{subresource}{name}"


def _where(places: tuple[str, ...]) -> str:
    if EVERYWHERE in places:
        return " cluster-wide"
    return f" in {' and '.join(places)}"
