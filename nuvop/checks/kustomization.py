"""What is out of date in a kustomization. Pure."""

from collections.abc import Iterator

from nuvop import kind_folder
from nuvop.errors import Place
from nuvop.findings import Finding
from nuvop.kinds import Kind

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


def deprecated(kind: Kind) -> Iterator[Finding]:
    """Fields that kustomize will take no longer."""
    for name, document in kind_folder.kustomizations(kind.files):
        for field, instead in DEPRECATED.items():
            if field in document:
                yield Finding(Place(kind.folder / name) / field, f"is deprecated: {instead} (`kustomize edit fix`)")
