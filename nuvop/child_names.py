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
    ("kafka.strimzi.io", "KafkaUser"): (("metadata", "name"),),
}
"""What makes a Secret, and where it names it, what counts first (https://cert-manager.io/docs/usage/certificate/,
https://external-secrets.io/latest/api/externalsecret/, https://strimzi.io/docs/operators/latest/deploying)."""

_SERVED = {
    ("kafka.strimzi.io", "Kafka"): ((("metadata", "name"),), ("-kafka-bootstrap", "-kafka-brokers")),
    ("flagger.app", "Canary"): (
        (("spec", "service", "name"), ("spec", "targetRef", "name")), ("", "-canary", "-primary"),
    ),
}  # fmt: skip
"""What makes Services, where it says how they begin, what counts first, and how they end
(https://strimzi.io/docs/operators/latest/deploying, https://docs.flagger.app/usage/how-it-works)."""


def of_base(children: Sequence[Child]) -> BaseNames:
    """The names of a base's children, and of the Secrets and Services that others of it make."""
    types = [((child.group, child.kind), child.name) for child in children]
    served = list(_made_services(children))
    return BaseNames(
        frozenset([*(name for _, name in types), *(name for _, _, name in made_secrets(children)), *served]),
        frozenset([*(name for of, name in types if of in _ADDRESSABLE), *served]),
        frozenset(name for of, name in types if of == ("apps", "StatefulSet")),
        frozenset(name for of, name in types if of == ("", "ServiceAccount")),
        frozenset((child.kind, child.name) for child in children),
    )


def _made_services(children: Sequence[Child]) -> Iterator[str]:
    """The names of Services that others of the base make."""
    for child in children:
        places, ends = _SERVED.get((child.group, child.kind), ((), ()))
        begin = next((name for at in places if isinstance(name := fields.value_at(child.body, *at), str)), None)
        if begin is not None and child.is_beside:
            yield from (f"{begin}{end}" for end in ends)


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
