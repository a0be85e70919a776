"""What the children of a base are called, and where they live, for finding that in texts. Pure."""

import re
from collections.abc import Callable, Iterator, Sequence

from nuvop import addresses, fields
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

_PROGRAMS = (re.compile(r"(?:^|/)kube-webhook-certgen(?:[:@]|$)"),)
"""Images whose program makes the Secret that ``--secret-name`` names (https://github.com/jkroepke/kube-webhook-certgen)."""

_SECRET_NAME = re.compile(r"--(?:[\w-]+-)?secret-name")

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
    served, made = list(_made_services(children)), {name for _, _, name in made_secrets(children)}
    return BaseNames(
        frozenset([*(name for _, name in types), *made, *served]),
        frozenset([*(name for of, name in types if of in _ADDRESSABLE), *served]),
        frozenset(name for of, name in types if of == ("apps", "StatefulSet")),
        frozenset(name for of, name in types if of == ("", "ServiceAccount")),
        frozenset([*((child.kind, child.name) for child in children), *(("Secret", name) for name in made)]),
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
        for image, at_argument, name in secrets_in_arguments(child):
            if name not in own and any(program.search(image) for program in _PROGRAMS):
                yield child, at_argument, name


def secrets_in_arguments(child: Child) -> Iterator[tuple[str, fields.FieldPath, str]]:
    """What a Job beside the CR is told as ``--secret-name``: the image that is told, where the name stands, and it."""
    containers = fields.value_at(child.body, *_OF_JOB) if child.is_job and child.is_beside else None
    for index, container in enumerate(fields.listed(containers)):
        arguments = [str(each) for each in fields.listed(fields.value_at(container, "args"))]
        for number, argument in enumerate(arguments):
            flag, equals, name = argument.partition("=")
            if _SECRET_NAME.fullmatch(flag):
                at, name = (number, name) if equals else (number + 1, "".join(arguments[number + 1 : number + 2]))
                if name:
                    image = fields.value_at(container, "image")
                    yield str(image), fields.path_to(*_OF_JOB, index, "args", at), name


_OF_JOB = ("spec", "template", "spec", "containers")


def own_namespace(child: Child, home: str) -> str:
    """The namespace that is the CR's to the texts of a child: the base's, or its own if it lives beside the CR."""
    said = fields.value_at(child.body, "metadata", "namespace") if child.is_beside else None
    return str(said or home)


def followed(
    child: Child, path: fields.FieldPath, known: BaseNames, home: str, rename: Callable[[str], str], namespace: str
) -> Iterator[tuple[fields.FieldPath, str]]:
    """The texts at a path of a child that name a child of the base, or its namespace: where, and what becomes of them.

    ``known`` and ``home`` are the base's names (`of_base`) and its home namespace. ``rename`` gives what a name
    becomes, ``namespace`` takes the place of the base's.
    """
    own = own_namespace(child, home)
    for at, text in fields.places(child.body, path):
        if isinstance(text, str) and not addresses.is_program(at):
            before, after = addresses.before(child.body, at), addresses.after(child.body, at)
            renamed = addresses.renamed(text, known, rename, namespace, own, before, after)
            if renamed != text:
                yield at, renamed
