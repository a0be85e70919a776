"""What the resources of kinds are called in RBAC rules: their plural; and whether they live in namespaces.

Kubernetes' own are in ``kubernetes.csv``, which is what a plain API server's discovery tells. A test compares the two
(``tests/e2e/test_rights.py``) and writes the file anew with ``NUVOP_GOLDEN=write``. Of custom resources the folders'
CRDs tell; the rest is left to a cluster's discovery.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from nuvop import yamltext
from nuvop.kinds import Kind

TABLE = "kubernetes.csv"
COLUMNS = ("group", "kind", "plural", "scope")
NAMESPACED, CLUSTER = "Namespaced", "Cluster"

GroupKind = tuple[str, str]
"""An API group, empty for the core group, and a kind. The version changes neither plural nor scope."""


@dataclass(frozen=True)
class Resource:
    """A kind's plural, and whether its objects live in namespaces."""

    plural: str
    namespaced: bool


Resources = Mapping[GroupKind, Resource]


def known(kinds: Iterable[Kind]) -> dict[GroupKind, Resource]:
    """What is known without a cluster: Kubernetes' own, and what the CRDs in the kinds' folders define."""
    found = dict(of_kubernetes())
    for kind in kinds:
        found |= of_folder(kind)
    return found


@cache
def of_kubernetes() -> Resources:
    """Those that every API server has."""
    with (files("nuvop") / TABLE).open() as table:
        return {
            (row["group"], row["kind"]): Resource(row["plural"], row["scope"] == NAMESPACED)
            for row in csv.DictReader(table)
        }


def of_folder(kind: Kind) -> Resources:
    """The kind's CRs, and what the CRDs define that stand in any file of its folder."""
    found = {(kind.resource.group, kind.resource.kind): Resource(kind.resource.plural, namespaced=True)}
    for name, content in kind.files.items():
        if name.endswith((".yaml", ".yml", ".json")):
            found |= dict(_defined(content))
    return found


def _defined(content: bytes) -> Iterator[tuple[GroupKind, Resource]]:
    try:
        documents: list[Any] = yamltext.load_all(content)
    except yamltext.NotYaml:
        return  # kustomize reads it, or nobody does
    for document in documents:
        match document:
            case {
                "kind": "CustomResourceDefinition",
                "spec": {"group": str(group), "scope": scope, "names": {"kind": str(kind), "plural": str(plural)}},
            }:
                yield (group, kind), Resource(plural, scope == NAMESPACED)
