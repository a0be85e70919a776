"""Texts of a base that name other children by their host names, where kustomize does not rename them. Pure."""

from collections.abc import Iterator, Sequence

from nuvop import addresses, fields
from nuvop.fields import FieldPath
from nuvop.kinds import Child

_TEXTS = (
    "spec.template.spec.containers.*.env.*.value",
    "spec.template.spec.containers.*.args.*",
    "spec.template.spec.containers.*.command.*",
    "spec.template.spec.initContainers.*.env.*.value",
    "spec.template.spec.initContainers.*.args.*",
    "spec.template.spec.initContainers.*.command.*",
    "spec.jobTemplate.spec.template.spec.containers.*.env.*.value",
    "spec.jobTemplate.spec.template.spec.containers.*.args.*",
    "spec.jobTemplate.spec.template.spec.containers.*.command.*",
    "data.*",
)
"""Where manifests hold host names that kustomize does not rename."""

_ADDRESSABLE = frozenset({("", "Service"), ("apps", "StatefulSet")})
"""What has a host name."""


def mentions(children: Sequence[Child]) -> Iterator[tuple[Child, FieldPath]]:
    """Each text that names a child, by the child that it stands in and the way to it."""
    names = {child.name for child in children if (child.group, child.kind) in _ADDRESSABLE}
    stateful = {child.name for child in children if (child.group, child.kind) == ("apps", "StatefulSet")}
    for child in children:
        # What a Secret holds is not read.
        for pattern in _TEXTS if child.kind != "Secret" else ():
            for at, text in fields.places(child.body, fields.parse(pattern)):
                is_text = isinstance(text, str)
                if is_text and addresses.renamed(text, names, stateful, lambda name: f"-{name}", "") != text:
                    yield child, at
