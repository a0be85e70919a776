"""What the children of a base are called, and where they live, for finding that in texts. Pure."""

from collections.abc import Iterator, Sequence

from nuvop import addresses, fields
from nuvop.kinds import Child

_ADDRESSABLE = frozenset({("", "Service"), ("apps", "StatefulSet")})
"""What has a host name."""

_CERTIFICATE = ("cert-manager.io", "Certificate")


def of_base(children: Sequence[Child]) -> addresses.Names:
    """The names of a base's children, and of the Secrets that its Certificates make."""
    types = [((child.group, child.kind), child.name) for child in children]
    return addresses.Names(
        frozenset([*(name for _, name in types), *(name for _, _, name in made_secrets(children))]),
        frozenset(name for of, name in types if of in _ADDRESSABLE),
        frozenset(name for of, name in types if of == ("apps", "StatefulSet")),
        frozenset(name for of, name in types if of == ("", "ServiceAccount")),
    )


def made_secrets(children: Sequence[Child]) -> Iterator[tuple[Child, fields.FieldPath, str]]:
    """The Secrets that a Certificate of the base makes: the Certificate, where it names the Secret, and the name.

    A Secret of the base itself is a child, whoever fills it (https://cert-manager.io/docs/usage/certificate/).
    """
    own = {child.name for child in children if (child.group, child.kind) == ("", "Secret")}
    for child in children:
        at = fields.path_to("spec", "secretName")
        if (child.group, child.kind) == _CERTIFICATE and child.is_beside:
            name = fields.value_at(child.body, "spec", "secretName")
            if isinstance(name, str) and name not in own:
                yield child, at, name


def own_namespace(child: Child, home: str) -> str:
    """The namespace that is the CR's to the texts of a child: the base's, or its own if it lives beside the CR."""
    said = fields.value_at(child.body, "metadata", "namespace") if child.is_beside else None
    return str(said or home)
