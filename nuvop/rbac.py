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
| what left the folder      | list, watch, patch,       | `retired:` in kind.yaml                                    |
|                           | delete                    |                                                            |
| what controllers make     | list, watch               | the lines of `status` that ask for it                      |
| Events                    | create (events.k8s.io)    | `events`                                                   |
|                           | list, watch (core)        | `complaints`: what controllers warn of                     |
| what is installed         | create, patch             | `made_once`                                                |
| CRDs                      | list, watch               | kopf, unless it serves namespaces by name                  |
| namespaces                | list, watch               | kopf, where it serves namespaces by a pattern              |
| the peering               | list, watch; patch of one | kopf, where it takes part in one                           |

What everybody may do who is logged in (discovery, asking for one's own rights) is in no rule.

Names cannot narrow the rights to children: they begin with the custom resource's name, and where they do not (``names:
keep``) the rights are still needed for what the folder had before. A list or a watch is for all, and who creates names
nothing. They do narrow what has one certain name: a peering, what is installed, a role that is bound.
"""

import hashlib
import json
import re
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
from nuvop.objects import group_of
from nuvop.resources import Resources

EVERYWHERE = ""
"""The place of a right that holds in all namespaces, and outside of them."""

RBAC = "rbac.authorization.k8s.io"
PEERING_GROUP = "kopf.dev"
ANY = "*"

HOME = "nuvop-system"
"""The namespace in deploy/."""

VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
"""In the order in which rules name them; others come behind."""

CHILD_VERBS = ("get", "list", "watch", "create", "patch", "delete")

KINDS_ANNOTATION = "nuvop.nuvolaris.org/kinds"
"""On a role: the CRDs of the kinds that its operator serves. The rules do not tell: a child may be the role of another
operator, whose rights nuvop has to have, too."""


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
    GENERATED = (
        "The Secrets of {kinds} that are made once, with values of chance. Their custom resource does not delete them "
        "before what they unlock is gone."
    )
    ELSEWHERE = (
        "Children of {kinds} that live elsewhere are looked for beside their custom resource, too: they may have lived "
        "there."
    )
    RETIRED = (
        "What {kinds} once had, to see, let go and delete what is left of it. Take it off `retired:` in kind.yaml once "
        "there is nothing left."
    )
    SEEN = "What controllers make of the children: the status of {kinds} tells of it, or a Secret lives as long as it."
    CLAIMS = (
        "The volume claims of StatefulSets of {kinds}: whether one goes with its StatefulSet is an ownerReference, "
        "which Kubernetes does not change where a pod was scaled away."
    )
    INSTALLED = "What {kinds} install once for all. `create` cannot be narrowed to a name."
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
        "than `escalate` would be, which allows to give oneself anything. Where a role names a child, the name is not "
        "known beforehand."
    )
    ESCALATE = (
        "CAUTION: who may do this can give himself any right. Among the children of {kinds} are roles whose rights "
        "are not known beforehand: a custom resource sets them, or they are gathered from other roles."
    )


def _is_pattern(namespace: str) -> bool:
    return any(mark in namespace for mark in "!*?,")


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
        return any(map(_is_pattern, self.namespaces))

    @property
    def has_names(self) -> bool:
        """Whether some namespaces are meant by their names."""
        return not all(map(_is_pattern, self.namespaces))

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
    return kind.watched | frozenset(kind.retired)


def needs(kinds: Iterable[Kind], resources: Resources, mode: Mode) -> list[Need]:
    """What an operator that serves these kinds needs; ``resources`` has all `types` of theirs.

    A component may change what a role allows: a kind with components is to be there with each of them
    (`nuvop.loading.Loader.alternatives`). What a kind's Python makes of a role nobody knows beforehand.
    Raises KindError where a role among the children is of no role's shape.
    """
    found = list(_of_operator(mode))
    for kind in kinds:
        found += _Needs(kind, resources, mode).all()
    return list(dict.fromkeys(found))


_SEE = ("list", "watch")


def _of_operator(mode: Mode) -> Iterator[Need]:
    if mode.places == (EVERYWHERE,):
        crds = "apiextensions.k8s.io", "customresourcedefinitions"
        yield from _need(Purpose.CRDS, mode.places, *crds, _SEE)
    if mode.has_patterns:
        yield from _need(Purpose.NAMESPACES, mode.places, "", "namespaces", _SEE)
    if mode.peering:
        peerings = PEERING_GROUP, "kopfpeerings" if mode.namespaces else "clusterkopfpeerings"
        yield from _need(Purpose.PEERING, mode.places, *peerings, _SEE)
        yield from _need(Purpose.PEERING, mode.places, *peerings, ("patch",), mode.peering)
    yield from _need(Purpose.EVENTS, mode.places, "events.k8s.io", "events", ("create",))
    yield from _need(Purpose.EVENTS, mode.places, "", "events", _SEE)


def _need(
    purpose: Purpose, places: Iterable[str], group: str, resource: str, verbs: Iterable[str], name: str = ""
) -> Iterator[Need]:
    return (Need(Right(place, group, resource, verb, name), purpose) for place in places for verb in verbs)


_INSTALLED = {
    "Namespace": ("", "namespaces"),
    "CustomResourceDefinition": ("apiextensions.k8s.io", "customresourcedefinitions"),
}
_ROLES = {"Role": "roles", "ClusterRole": "clusterroles"}
_BINDINGS = ("RoleBinding", "ClusterRoleBinding")


class _Needs:
    """What one kind needs."""

    def __init__(self, kind: Kind, resources: Resources, mode: Mode) -> None:
        self._kind = kind
        self._resources = resources
        self._mode = mode

    def all(self) -> Iterator[Need]:
        """Everything, marked with the kind's plural."""
        parts = (
            *(self._resource(), self._children(), self._others(), self._claims()),
            *(self._installed(), self._roles()),
        )
        for part in parts:
            for need in part:
                yield replace(need, kind=self._kind.resource.plural)

    def _resource(self) -> Iterator[Need]:
        of, places = self._kind.resource, self._mode.places
        yield from _need(Purpose.RESOURCES, places, of.group, of.plural, ("get", *_SEE, "patch"))
        yield from _need(Purpose.STATUS, places, of.group, f"{of.plural}/status", ("patch",))

    def _children(self) -> Iterator[Need]:
        generated = {each.child for each in self._kind.generated}
        for child in self._kind.everything:
            group, plural = child.group, self._resources[child.group, child.kind].plural
            if child.selector in generated:  # the garbage collector deletes it
                yield from _need(Purpose.GENERATED, self._places(child), group, plural, CHILD_VERBS[:-1])
            else:
                yield from _need(Purpose.CHILDREN, self._places(child), group, plural, CHILD_VERBS)
            yield from _need(Purpose.EVENTS, self._places(child) if child.namespace else (), "", "events", _SEE)

    def _places(self, child: Child) -> tuple[str, ...]:
        """Where the children that come of one live."""
        if child.is_beside or self._mode.places == (EVERYWHERE,):
            return self._mode.places
        return (child.namespace or EVERYWHERE,)

    def _others(self) -> Iterator[Need]:
        """What is watched, or was once made, though the folder has no such child, or has it elsewhere."""
        beside = {(child.api_version, child.kind) for child in self._kind.everything}
        for purpose, verbs, types_ in (
            (Purpose.ELSEWHERE, _SEE, self._kind.watched & beside),
            (Purpose.SEEN, _SEE, self._kind.watched - beside),
            (Purpose.RETIRED, (*_SEE, "patch", "delete"), self._kind.retired),
        ):
            for api_version, name in sorted(types_):
                at = (group_of(api_version), name)
                resource = self._resources[at]
                places = self._mode.places if resource.namespaced else (EVERYWHERE,)
                yield from _need(purpose, places, at[0], resource.plural, verbs)

    def _claims(self) -> Iterator[Need]:
        if self._kind.makes_claims:
            yield from _need(Purpose.CLAIMS, self._mode.places, "", "persistentvolumeclaims", ("patch",))

    def _installed(self) -> Iterator[Need]:
        for selector in self._kind.install:
            yield from _need(Purpose.INSTALLED, (EVERYWHERE,), *_INSTALLED[selector.kind], ("create",))
            yield from _need(Purpose.INSTALLED, (EVERYWHERE,), *_INSTALLED[selector.kind], ("patch",), selector.name)

    # Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping

    def _roles(self) -> Iterator[Need]:
        """What it takes to make roles and bindings, beside the right to make objects of these types."""
        for child in self._kind.base:
            if child.group == RBAC and child.kind in _ROLES:
                yield from self._role(child)
            elif child.group == RBAC and child.kind in _BINDINGS:
                yield from self._binding(child)

    def _role(self, role: Child) -> Iterator[Need]:
        resource, places = _ROLES[role.kind], self._places(role)
        if self._is_open(role):
            yield from _need(Purpose.ESCALATE, places, RBAC, resource, ("escalate",), _known_name(role))
            return
        for place in places:
            unless = Right(place, RBAC, resource, "escalate", _known_name(role))
            for right in self._given(role, place):
                yield Need(right, Purpose.GIVEN, unless=unless)

    def _binding(self, binding: Child) -> Iterator[Need]:
        bound = binding.body.get("roleRef") or {}
        kind, name = str(bound.get("kind")), str(bound.get("name"))
        role = next(
            (each for each in self._kind.base if (each.group, each.kind, each.name) == (RBAC, kind, name)), None
        )
        if self._sets(binding, "roleRef"):
            name = ""
        elif role is not None:
            if not self._is_open(role):
                return  # who has the rights of a role may bind it
            name = _known_name(role)
        yield from _need(Purpose.BIND, self._places(binding), RBAC, _ROLES.get(kind, ""), ("bind",), name)

    def _is_open(self, role: Child) -> bool:
        """Whether the folder alone does not tell what a role allows."""
        return "aggregationRule" in role.body or self._sets(role, "rules", "aggregationRule")

    def _sets(self, child: Child, *names: str) -> bool:
        """Whether a custom resource sets anything in one of a child's fields."""
        own = [setting.target for setting in self._kind.settings if setting.child == child.selector]
        return any(target.segments[0] == Name(name) for target in own for name in names)

    def _given(self, role: Child, place: str) -> Iterator[Right]:
        """The rights that a role gives.

        A name that is a child's follows it, as kustomize, or a line of ``follow``, renames it: it is not known then.
        """
        renamed = {child.name for child in self._kind.everything if not child.keeps_name}
        try:
            for rule in role.body.get("rules") or ():
                for verb in rule["verbs"]:
                    for path in rule.get("nonResourceURLs") or ():
                        yield Right(EVERYWHERE, "", "", verb, path=path)
                    for group in rule.get("apiGroups") or ():
                        for resource in rule.get("resources") or ():
                            for name in rule.get("resourceNames") or ("",):
                                yield Right(place, group, resource, verb, "" if name in renamed else name)
        except (TypeError, KeyError, AttributeError) as error:
            where = f"{self._kind.folder}: {role}: rules"
            raise KindError(f"{where}: is not of the shape of a role's rules: {error!r}") from error


def _known_name(child: Child) -> str:
    """What a child is called whatever its custom resource is called; empty where that is not so."""
    return child.name if child.keeps_name else ""


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
            fresh = [need for need in its_own if not _allowed(rules, need.right)]
            if fresh:
                kinds = tuple(sorted({need.kind for need in fresh} - {""}))
                section = Section(purpose, kinds, merged({need.right for need in fresh}))
                found.setdefault(place, []).append(section)
                rules += section.rules
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

    @property
    def role(self) -> str:
        """What its roles and their bindings are called: each subject's own.

        Who applies a binding takes the rights from whom another one of the same name was for. No name of a namespace or
        of a service account has a colon.
        """
        if not self.namespace:
            return f"nuvop:user:{self._typed}"
        return self.name if self.namespace == HOME else f"{self.name}:{self.namespace}"

    @property
    def _typed(self) -> str:
        """A user's name as one may type it in a shell; with a digest where that is not the name itself."""
        if re.fullmatch("[-A-Za-z0-9@._]+", self.name):
            return self.name
        letters = re.sub("[^a-z0-9]+", "-", self.name.lower()).strip("-")
        return f"{letters}:{hashlib.sha256(self.name.encode()).hexdigest()[:8]}"

    def as_dict(self) -> dict[str, str]:
        """As it stands in a binding."""
        if self.namespace:
            return {"kind": "ServiceAccount", "name": self.name, "namespace": self.namespace}
        return {"kind": "User", "apiGroup": RBAC, "name": self.name}


def manifests(wanted: Collection[Need], mode: Mode, subject: Subject, name: str) -> str:
    """Roles with the rights that are needed, and their bindings to a subject, as YAML with comments.

    All are called ``name``; but where the namespaces are named, what stands outside of these may have to stand beside
    that of another operator. So there the subject's namespace is put behind it, unless it ends with that; of a user the
    first of those that are named.
    """
    beside = outside(name, subject.namespace) if subject.namespace else f"{name}:{mode.places[0]}"
    annotations = {KINDS_ANNOTATION: ",".join(served(wanted))}
    documents = []
    for place, found in sections(wanted).items():
        own = name if place in mode.places else beside
        documents += [_role(own, place, annotations, found), _binding(own, place, subject)]
    return "---\n".join(documents)


def outside(name: str, namespace: str) -> str:
    """What roles called ``name``, of an operator in a namespace, are called outside of those that it serves."""
    return name if name.endswith(f":{namespace}") else f"{name}:{namespace}"


def served(wanted: Iterable[Need]) -> list[str]:
    """The names of the CRDs of the kinds that have these needs."""
    found = {need.right for need in wanted if need.purpose is Purpose.STATUS}
    return sorted({f"{right.resource.partition('/')[0]}.{right.group}" for right in found})


_HEAD = (
    "What an operator of {kinds} needs, no more and no less. Made by `nuvop rbac`: make it anew when a kind changes."
)
_WIDTH = 118


def _role(name: str, place: str, annotations: Mapping[str, str], found: Sequence[Section]) -> str:
    kinds = sorted({kind for section in found for kind in section.kinds})
    head = _comment(_HEAD.format(kinds=", ".join(kinds)), "")
    role = _object("Role", name, place)
    role["metadata"]["annotations"] = dict(annotations)
    return head + yamltext.dump(role) + "rules:\n" + "".join(map(_section, found))


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
