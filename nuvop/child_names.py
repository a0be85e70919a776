"""What the children of a base are called, and where they live, for finding that in texts. Pure."""

from collections.abc import Iterator, Sequence

from nuvop import fields
from nuvop.addresses import BaseNames
from nuvop.kinds import Child

_ADDRESSABLE = frozenset({("", "Service"), ("apps", "StatefulSet")})
"""What has a host name."""

_MAKERS = {
    ("cert-manager.io", "Certificate"): (("spec", "secretName"),),
    ("external-secrets.io", "ExternalSecret"): (("spec", "target", "name"), ("metadata", "name")),
}
"""What makes a Secret, and where it names it, what counts first
(https://cert-manager.io/docs/usage/certificate/, https://external-secrets.io/latest/api/externalsecret/)."""


def of_base(children: Sequence[Child]) -> BaseNames:
    """The names of a base's children, and of the Secrets that others of it make."""
    types = [((child.group, child.kind), child.name) for child in children]
    return BaseNames(
        frozenset([*(name for _, name in types), *(name for _, _, name in made_secrets(children))]),
        frozenset(name for of, name in types if of in _ADDRESSABLE),
        frozenset(name for of, name in types if of == ("apps", "StatefulSet")),
        frozenset(name for of, name in types if of == ("", "ServiceAccount")),
        frozenset((child.kind, child.name) for child in children),
    )


def made_secrets(children: Sequence[Child]) -> Iterator[tuple[Child, fields.FieldPath, str]]:
    """The Secrets that others of the base make, such as a Certificate: the maker, where it names one, and the name.

    A Secret of the base itself is a child, whoever fills it.
    """
    own = {child.name for child in children if (child.group, child.kind) == ("", "Secret")}
    for child in children:
        named = [(at, fields.value_at(child.body, *at)) for at in _MAKERS.get((child.group, child.kind), ())]
        at, name = next(((at, name) for at, name in named if isinstance(name, str)), ((), None))
        if name is not None and child.is_beside and name not in own:
            yield child, fields.path_to(*at), name


def own_namespace(child: Child, home: str) -> str:
    """The namespace that is the CR's to the texts of a child: the base's, or its own if it lives beside the CR."""
    said = fields.value_at(child.body, "metadata", "namespace") if child.is_beside else None
    return str(said or home)
