"""Command lines of kubectl inside of texts: which objects they name, and in which namespace. Pure.

kubectl takes ``TYPE/NAME`` and ``TYPE NAME``; a type is a kind, its plural or a short name, also with its group
(https://kubernetes.io/docs/reference/kubectl/#syntax).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from nuvop.objects import plural_of

_LINE = re.compile(
    r"(?<![\w.-])kubectl(?=[ \t]|\\\n)(?P<rest>(?:\\\n|\$\([^()\s]+\)|[^\n;|&)`])*)"
)  # up to where a shell ends a command; a variable of Kubernetes has brackets of its own

_WORD = re.compile(r"""["']?(?P<text>(?:\$\([^()\s]+\)|[^\s"'\\])+)""")

_WITH_VALUE = frozenset({
    "-c", "-f", "-k", "-l", "-L", "-o", "-p", "-s", "--as", "--container", "--context", "--field-selector",
    "--filename", "--for", "--from-file", "--from-literal", "--grace-period", "--image", "--kubeconfig", "--kustomize",
    "--output", "--patch", "--patch-file", "--port", "--replicas", "--request-timeout", "--selector", "--server",
    "--since", "--tail", "--target-port", "--template", "--timeout", "--token", "--type",
})  # fmt: skip
"""Flags whose value may stand behind them as a word of its own."""

_WITHOUT_VALUE = {"logs": ("-f", "-p")}
"""Those that mean something else to a verb: ``kubectl logs -f web``."""

_NAMESPACE = ("-n", "--namespace")

_OF_PODS = ("attach", "exec", "logs", "port-forward")
"""What is about a pod where no type is named."""

_LONGEST_VERB = 3
"""Words up to a type: ``rollout restart deployment``."""

_SHORT_NAMES = {
    "ConfigMap": "cm",
    "CronJob": "cj",
    "DaemonSet": "ds",
    "Deployment": "deploy",
    "Endpoints": "ep",
    "HorizontalPodAutoscaler": "hpa",
    "Ingress": "ing",
    "NetworkPolicy": "netpol",
    "PersistentVolume": "pv",
    "PersistentVolumeClaim": "pvc",
    "Pod": "po",
    "PodDisruptionBudget": "pdb",
    "PriorityClass": "pc",
    "ReplicaSet": "rs",
    "ReplicationController": "rc",
    "Service": "svc",
    "ServiceAccount": "sa",
    "StatefulSet": "sts",
    "StorageClass": "sc",
}
"""``kubectl api-resources`` tells them."""


@dataclass(frozen=True)
class Word:
    """A word, and where it begins in the text."""

    text: str
    start: int


@dataclass(frozen=True)
class Command:
    """A command: what may be objects in it, each the name of a type and a name, and the value of ``--namespace``."""

    objects: tuple[tuple[str, Word], ...]
    namespace: Word | None


def commands(text: str) -> Iterator[Command]:
    """The command lines of kubectl in a text."""
    for line in _LINE.finditer(text):
        yield _understood([Word(word["text"], word.start("text")) for word in _words(text, line)])


def means(type_: str, kind: str) -> bool:
    """Whether a type on a command line, or one of several with commas, may be a kind: ``deploy``, ``services``."""
    called = {kind.lower(), plural_of(kind), _SHORT_NAMES.get(kind)}
    return any(each.partition(".")[0].lower() in called for each in type_.split(","))


def _words(text: str, line: re.Match[str]) -> Iterator[re.Match[str]]:
    return _WORD.finditer(text, *line.span("rest"))


def _understood(words: list[Word]) -> Command:
    named: list[Word] = []
    namespace = None
    rest = iter(words)
    for word in rest:
        flag, equals, value = word.text.partition("=")
        if word.text == "--":  # what follows is another program's
            break
        if flag in _NAMESPACE:
            namespace = Word(value, word.start + len(flag) + 1) if equals else next(rest, None)
        elif word.text in _WITH_VALUE and word.text not in (_WITHOUT_VALUE.get(named[0].text, ()) if named else ()):
            next(rest, None)
        elif not word.text.startswith("-"):
            named.append(word)
    return Command(tuple(_objects(named)), namespace)


def _objects(words: list[Word]) -> Iterator[tuple[str, Word]]:
    plain = []
    for word in words:
        before, slash, name = word.text.partition("/")
        if slash:
            yield before, Word(name, word.start + len(before) + 1)
        else:
            plain.append(word)
    for index, type_ in enumerate(plain[:_LONGEST_VERB]):
        yield from ((type_.text, name) for name in plain[index + 1 :])
    if len(plain) > 1 and plain[0].text in _OF_PODS:
        yield "pod", plain[1]
