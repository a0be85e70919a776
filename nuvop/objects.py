"""What an object's own JSON says of it: which object it is, whose it is, and which of its fields nuvop owns.

Pure; the names of nuvop's labels and of its field manager stand here and nowhere else.
"""

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, combinations, islice
from typing import Any

import orjson

from nuvop import fields

Body = Mapping[str, Any]
"""An object as the API server sends it; never changed in place."""

Leaf = tuple[str, ...]
"""The way to an end of a fieldsV1 tree."""

FIELD_MANAGER = "nuvop"
RELEASED_TO = "nuvop-released"
"""The field manager that owns a field which nuvop has let go."""

MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
INSTANCE_LABEL = "nuvop.nuvolaris.org/instance"
OWNER_LABEL = "nuvop.nuvolaris.org/owner"
REVISION_LABEL = "nuvop.nuvolaris.org/revision"
NAMESPACE_LABEL = "nuvop.nuvolaris.org/namespace"
"""On what lives outside namespaces: the namespace of its CR."""

GENERATED_LABEL = "nuvop.nuvolaris.org/generated"
"""On a Secret whose values nuvop has made once."""

LABELS = (MANAGED_BY_LABEL, INSTANCE_LABEL, OWNER_LABEL, REVISION_LABEL, NAMESPACE_LABEL, GENERATED_LABEL)

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""kubectl's own annotation: a copy of what it has applied, a Secret's values among it."""

_KUSTOMIZES = re.compile(r"(.+\.)?config\.(kubernetes|k8s)\.io/")

FINALIZER = "nuvop.nuvolaris.org/children"
"""On a CR with children that the garbage collector would not delete, or that are to outlive it."""

HIDDEN = "(hidden)"
"""What is told in the place of a value that must not be."""

LABEL_VALUE_LIMIT = 63

NO_UID = "00000000-0000-0000-0000-000000000000"
"""What stands for the uid of a CR that the API server does not know yet."""


def plural_of(kind: str) -> str:
    """What a kind's objects are called together, where nobody says otherwise."""
    name = kind.lower()
    if name.endswith("endpoints"):
        return name  # as in UnsafeGuessKindToResource of k8s.io/apimachinery/pkg/api/meta/restmapper.go
    if name.endswith(("s", "x", "z", "ch", "sh")):
        return f"{name}es"
    return f"{name[:-1]}ies" if re.search(r"[^aeiou]y$", name) else f"{name}s"


@dataclass(frozen=True, order=True)
class CRKey:
    """Which custom resource: its type's plural, its namespace, its name."""

    plural: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.plural}/{self.name} in {self.namespace}"

    @property
    def instance(self) -> str:
        """The value of the instance label on all that belongs to this CR, in its namespace.

        It never holds the uid: selectors are immutable, and a CR that was deleted and made anew must fit them.
        """
        value = f"{self.plural}-{self.name}"
        if len(value) <= LABEL_VALUE_LIMIT:
            return value
        return f"{value[: LABEL_VALUE_LIMIT - 17]}-{hashlib.sha256(value.encode()).hexdigest()[:16]}"


@dataclass(frozen=True, order=True)
class ObjectKey:
    """Which object: its API group (not the version: one object has several), kind, namespace and name."""

    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


NO_NAMESPACE = "is no name of a namespace: lower-case letters, digits and - may stand in it, at most 63 characters"


def is_namespace(text: str) -> bool:
    """Whether a text may be the name of a namespace
    (https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-label-names).
    """
    return re.fullmatch("[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", text) is not None


def is_kustomizes(annotation: str) -> bool:
    """Whether an annotation tells kustomize, or kpt, what to do with an object.

    By ``internal.config.kubernetes.io/needsHashSuffix`` kustomize gives it another name
    (https://kubectl.docs.kubernetes.io/references/kustomize/glossary/#local-configuration tells of a public one).
    """
    return _KUSTOMIZES.match(annotation) is not None


def key_of(body: Body) -> ObjectKey:
    """The key of an object that has apiVersion, kind and metadata."""
    metadata = body["metadata"]
    return ObjectKey(group_of(body["apiVersion"]), body["kind"], metadata.get("namespace", ""), metadata["name"])


def a(name: str) -> str:
    """The name of a kind, or of a type, with its article."""
    return f"{'an' if name[0] in 'AEIOUaeiou' else 'a'} {name}"


def group_of(api_version: str) -> str:
    """``apps/v1`` → ``apps``; ``v1`` → the empty string, the core group."""
    return api_version.rpartition("/")[0]


def labels_of(body: Body) -> Mapping[str, str]:
    """The labels; an empty mapping where there are none."""
    return body["metadata"].get("labels") or {}


def version_of(body: Body) -> int:
    """The resourceVersion as a number: within one resource the larger is the newer.

    Comparing them is allowed since Kubernetes 1.35
    (KEP-5504, https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions).
    """
    return int(body["metadata"]["resourceVersion"])


def is_deleting(body: Body) -> bool:
    """Whether somebody asked for its deletion."""
    return "deletionTimestamp" in body["metadata"]


def is_finished(body: Body) -> bool:
    """Whether a Job has come to its end, well or not
    (https://kubernetes.io/docs/concepts/workloads/controllers/job/#terminal-job-conditions)."""
    return (group_of(body["apiVersion"]), body["kind"]) == ("batch", "Job") and any(
        condition.get("type") in ("Complete", "Failed") and condition.get("status") == "True"
        for condition in (body.get("status") or {}).get("conditions") or ()
    )


def kept(body: Body, left_out: Collection[str] = ()) -> Body:
    """An object as it is held in memory: without some of its fields, and without who wrote which field of its status.

    Each fieldsV1, a third of all an object's mappings, is a text of JSON then. The functions here read it either way.
    """
    metadata = body["metadata"]
    entries = [
        {**entry, "fieldsV1": _packed(entry)}
        for entry in metadata.get("managedFields") or ()
        if entry.get("subresource") != "status"
    ]
    whole = {name: value for name, value in body.items() if name not in left_out}
    return {**whole, "metadata": {**metadata, "managedFields": entries}}


def is_applied(body: Body) -> bool:
    """Whether nuvop owns any field of an object."""
    return _ownership(body) is not None


def owns_label(body: Body, label: str) -> bool:
    """Whether nuvop owns a label of an object: whoever copies the object has the label, but not that."""
    return f"f:{label}" in owned_tree(body).get("f:metadata", {}).get("f:labels", {})


def owned_tree(body: Body) -> Mapping[str, Any]:
    """The fieldsV1 of what nuvop owns in an object; empty where it owns nothing."""
    return applied_tree(body, FIELD_MANAGER)


def applied_tree(body: Body, manager: str) -> Mapping[str, Any]:
    """The fieldsV1 of what a manager owns in an object by server-side applies; empty where it owns nothing so."""
    entry = _ownership(body, manager)
    return _tree(entry) if entry else {}


def _ownership(body: Body, manager: str = FIELD_MANAGER) -> Mapping[str, Any] | None:
    """A manager's entry in managedFields: the one that `kubectl apply --server-side` writes; None where it is gone."""
    for entry in body["metadata"].get("managedFields") or ():
        if (entry.get("manager"), entry.get("operation")) == (manager, "Apply") and not entry.get("subresource"):
            found: Mapping[str, Any] = entry
            return found
    return None


def _packed(entry: Mapping[str, Any]) -> str:
    tree = entry.get("fieldsV1") or {}
    # Not the bytes themselves: orjson hands them out in a buffer of several times their size.
    return tree if isinstance(tree, str) else orjson.dumps(tree, option=orjson.OPT_SORT_KEYS).decode()


def _tree(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    packed = entry.get("fieldsV1") or {}
    tree: Mapping[str, Any] = orjson.loads(packed) if isinstance(packed, str) else packed
    return tree


def ownership_digest(body: Body) -> str:
    """A digest of the fields that nuvop owns in an object, 16 hexadecimal digits; empty where it owns none.

    It changes when another manager takes or removes a field that nuvop set, and is the same again after nuvop
    has put it back. It does not change with the values, the time, the status, or what others add.
    """
    entry = _ownership(body)
    return _digest(entry) if entry else ""


def _digest(entry: Mapping[str, Any]) -> str:
    return hashlib.sha256(f"{entry.get('apiVersion')}\n{_packed(entry)}".encode()).hexdigest()[:16]


def maker_of(body: Body) -> str:
    """The manager that first wrote the own fields of an object of somebody else's; empty where nothing tells."""
    writers = _other_writers(body)
    return min(((entry.get("time", ""), entry.get("manager", "")) for entry in writers), default=("", ""))[1]


def told_owner(body: Body) -> str:
    """Which CR an object of nuvop's belongs to, by its labels, in words: ``samples-obj``, ``samples-obj in demo``."""
    labels = labels_of(body)
    where = f" in {labels[NAMESPACE_LABEL]}" if NAMESPACE_LABEL in labels else ""
    return f"{labels.get(INSTANCE_LABEL, labels[OWNER_LABEL])}{where}"


def is_taken_over(body: Body) -> bool:
    """Whether somebody else had made an object, given how nuvop's first apply has left it.

    Whoever else has written to it then did so before. Later it tells nothing: controllers write to what nuvop makes,
    and nuvop's entry bears the time of its last change.
    """
    own = _ownership(body)
    is_later = own is not None and own.get("time", "") > body["metadata"].get("creationTimestamp", "")
    return own is not None and (is_later or bool(_other_writers(body)))


def _other_writers(body: Body) -> list[Mapping[str, Any]]:
    """The entries in managedFields of those who, beside nuvop, wrote an object's own fields, not its status."""
    entries = body["metadata"].get("managedFields") or ()
    nuvops = (FIELD_MANAGER, RELEASED_TO)
    return [entry for entry in entries if entry.get("manager") not in nuvops and not entry.get("subresource")]


def status_of_others(body: Body) -> frozenset[str]:
    """The names of the fields of an object's status that others have written, and nuvop has not."""
    nuvops, others = set[str](), set[str]()
    for entry in body["metadata"].get("managedFields") or ():
        if entry.get("subresource") == "status":
            names = {field.removeprefix("f:") for field in _tree(entry).get("f:status", {})} - {"."}
            (nuvops if entry.get("manager") == FIELD_MANAGER else others).update(names)
    return frozenset(others - nuvops)


Taken = list[tuple[str, str]]
"""Fields that nuvop owned, each with the manager that owns it now."""


def taken_fields(before: Body, after: Body) -> Taken:
    """The fields that nuvop owned before and does not own now, each with the manager that owns it now.

    Returns ``(field path, manager)`` pairs; the manager is empty where the field is gone altogether.
    """
    lost = sorted(_leaves(owned_tree(before)) - _leaves(owned_tree(after)))
    others = [
        (entry.get("manager", ""), _leaves(_tree(entry))) for entry in after["metadata"].get("managedFields") or ()
    ]
    return [(_readable(leaf), next((m for m, leaves in others if leaf in leaves), "")) for leaf in lost]


MOST_GUESSES = 4000
"""How many combinations of fields are tried; it takes a fifth of a second."""


def taken_since(body: Body, digest: str) -> Taken | None:
    """The fields that others own now and nuvop owned when its ownership had this digest, as `taken_fields` has them.

    Where nobody has kept the object as it was, the digest tells: given back to nuvop, the right fields make it again.
    None where no fields that others own do: some were removed, or were too many.
    """
    own = _ownership(body) or {"apiVersion": body["apiVersion"]}
    tree = _tree(own)
    left = _leaves(tree)
    entries = [[(leaf, manager) for leaf in sorted(_leaves(fields) - left)] for manager, fields in _others(body)]
    candidates = [each for entry in entries for each in entry]
    sizes = (combinations(candidates, size) for size in range(1, len(candidates) + 1))
    for guess in islice(chain(entries, chain.from_iterable(sizes)), MOST_GUESSES):
        if _digest({**own, "fieldsV1": _with_leaves(tree, [leaf for leaf, _ in guess])}) == digest:
            return sorted((_readable(leaf), manager) for leaf, manager in guess)
    return None


def _with_leaves(tree: Mapping[str, Any], leaves: Iterable[Leaf]) -> dict[str, Any]:
    """A fieldsV1 tree with more fields in it."""
    result = dict(tree)
    for first, *rest in leaves:
        below = result.get(first, {})
        result[first] = _with_leaves(below, [tuple(rest)]) if rest else below
    return result


@dataclass(frozen=True, order=True)
class Share:
    """A field of an object that another manager owns; with ``is_shared`` nuvop owns it, too."""

    manager: str
    field: str
    is_shared: bool


def shares(body: Body) -> list[Share]:
    """What other managers own of an object but its status; of an item of a list that is theirs, the item alone."""
    ours = owned_tree(body)
    return sorted({Share(manager, *found) for manager, tree in _others(body) for found in _beside(tree, ours)})


def _beside(theirs: Mapping[str, Any], ours: Mapping[str, Any], at: Leaf = ()) -> Iterator[tuple[str, bool]]:
    for key, below in theirs.items():
        if key == ".":
            continue
        members = below.keys() - {"."}
        is_item_of_theirs = "." in below and not key.startswith("f:") and key not in ours
        if members and not is_item_of_theirs:
            yield from _beside(below, ours.get(key, {}), (*at, key))
        else:
            yield _readable((*at, key)), key in ours


def _others(body: Body) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The managers beside nuvop that own an object's own fields, not its status, each with the fieldsV1."""
    for entry in body["metadata"].get("managedFields") or ():
        manager = entry.get("manager", "")
        if manager != FIELD_MANAGER and entry.get("subresource") != "status":
            yield manager, _tree(entry)


def _leaves(fields_v1: Mapping[str, Any], at: Leaf = ()) -> set[Leaf]:
    """The ends of a fieldsV1 tree (https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management)."""
    found: set[Leaf] = set()
    for key, below in fields_v1.items():
        if key == ".":
            continue
        found |= _leaves(below, (*at, key)) if below and set(below) != {"."} else {(*at, key)}
    return found


def _readable(leaf: Leaf) -> str:
    """``("f:spec", "f:containers", 'k:{"name":"nginx"}', "f:image")`` → ``spec.containers.[name=nginx].image``."""
    parts = []
    for part in leaf:
        mark, _, text = part.partition(":")
        if mark == "k":
            parts.append("[" + ",".join(f"{name}={value}" for name, value in orjson.loads(text).items()) + "]")
        else:
            parts.append(fields.written(text))
    return ".".join(parts)
