"""What the resources of kinds are called in RBAC rules: their plural; and whether they live in namespaces.

Kubernetes' own are in ``kubernetes.csv``, which is what a plain API server's discovery tells. A test compares the two
(``tests/e2e/test_rights.py``) and writes the file anew with ``NUVOP_GOLDEN=write``. Of custom resources the folders'
CRDs tell; the rest is left to a cluster's discovery.
"""

import csv
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files

from nuvop.crd import Resource
from nuvop.kinds import Kind

TABLE = "kubernetes.csv"
COLUMNS = ("group", "kind", "plural", "scope")
NAMESPACED, CLUSTER = "Namespaced", "Cluster"

GroupKind = tuple[str, str]
"""An API group, empty for the core group, and a kind. The version changes neither plural nor scope."""


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
    own = (kind.resource.group, kind.resource.kind)
    return {own: Resource(kind.resource.plural, namespaced=True), **kind.defined}
