"""Names of children inside of texts: host names of services, which kustomize does not rename. Pure.

A text names a child by a host name: the child's name alone (``cache``), with a port (``cache:6379``), in a URL
(``http://cache/``), with a namespace behind it (``cache.demo``, ``cache.demo.svc``), or as the pod of a StatefulSet
behind its service (``db-0.db``). A name alone may as well be any word, such as a command, a role or a database, so it
is certainly a host name only behind ``@``, or behind a word that asks for one (``DB_HOST=cache``, ``server cache;``,
``nc cache``). A part of a path, a key, a word that only contains the name, or a longer name of the
Internet (``cache.example.com``) is none. Controllers also take ``namespace/name`` for an object.
Sources: https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/ and
https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#stable-network-id.
"""

import re
from collections.abc import Callable, Collection

NAMESPACE = "{namespace}"
"""What a manifest may write for the namespace that it does not know."""

_HOST = re.compile(
    r"""(?P<before>^|[\s"'=,;@(\[{|<>]|//)        # a host begins here, and not behind a path, a word or a dot
        (?P<host>[a-z0-9](?:[a-z0-9.-]|\{namespace\})*)
        (?=$|[\s"',;)\]}|<>/?\#&]|:\d)  # and ends here: a port may follow, a key's colon may not""",
    re.VERBOSE | re.MULTILINE,
)


_ASKS_FOR_HOST = re.compile(
    r"""(?:
        (?:host(?:name)?|server|service|upstream|addr(?:ess)?|endpoint|ur[li]|broker|peer|seed|proxy|proxy_pass)s?["']?
        (?:\s*[=:]\s*|\s+)["'\[{(]*      # a key or a flag, what stands between it and its value,
        (?:[\w.:-]+["']?,\s*["']?)*       # and the values before it
        |(?:^|\s)(?:-h|nc|ping|telnet|nslookup|dig|curl|wget)\s+(?:-\S+\s+)*  # a flag or a program that takes one
    )$""",
    re.VERBOSE | re.IGNORECASE,
)
"""What stands before a host name."""


def renamed(
    text: str,
    names: Collection[str],
    stateful: Collection[str],
    rename: Callable[[str], str],
    namespace: str,
    own_namespace: str = "",
) -> str:
    """Return a text with the names of a kind's children replaced.

    ``names`` are the children's names in the base, ``stateful`` those of StatefulSets, whose pods have names with
    a number behind them; ``rename`` gives what one is called for a CR, ``namespace`` is the CR's, ``own_namespace``
    the base's, if it names one. In a text that has certain host names all other words stay as they are; in one that
    has none, each word that is a name is one.
    """

    if text in names:
        return rename(text)
    if is_reference(text, names, own_namespace):
        return f"{namespace}/{rename(text.partition('/')[2])}"

    has_certain = names_one(text, names, stateful)

    def replace(found: re.Match[str]) -> str:
        parts = found["host"].split(".")
        if has_certain and not _is_certain(found, text):
            return found[0]
        count = _renamed_parts(parts, names, stateful, rename)
        if not count:
            return found[0]
        if len(parts) > count and parts[count] in (NAMESPACE, *([own_namespace] if own_namespace else [])):
            parts[count] = namespace
        return found["before"] + ".".join(parts)

    return _HOST.sub(replace, text)


def names_one(text: str, names: Collection[str], stateful: Collection[str], before: str = "") -> bool:
    """Whether a text certainly has a host name of a child. ``before`` stands before it: a key, a flag, a program."""
    whole = before + text
    return any(
        found.start("host") >= len(before)
        and _is_certain(found, whole)
        and _renamed_parts(found["host"].split("."), names, stateful, str)
        for found in _HOST.finditer(whole)
    )


def _is_certain(found: re.Match[str], text: str) -> bool:
    """Whether what may be a host name can be nothing else."""
    return (
        found["before"] in ("//", "@")
        or any(found["host"].split(".")[1:])
        or text.startswith(":", found.end())
        or _ASKS_FOR_HOST.search(text, 0, found.start("host")) is not None
    )


def is_reference(text: str, names: Collection[str], own_namespace: str) -> bool:
    """Whether a text is ``namespace/name`` of a child."""
    namespace, _, name = text.partition("/")
    return name in names and namespace in (NAMESPACE, own_namespace) and bool(namespace)


def _renamed_parts(
    parts: list[str], names: Collection[str], stateful: Collection[str], rename: Callable[[str], str]
) -> int:
    """Rename the leading parts of a host name that are children's; return how many there are."""
    name, _, number = parts[0].rpartition("-")
    is_pod = parts[0] not in names and name in stateful and number.isdecimal()
    count = 2 if is_pod and len(parts) > 1 and parts[1] in names else 1
    if not (is_pod or parts[0] in names) or (len(parts) > count + 1 and parts[count + 1] not in ("svc", "")):
        return 0
    parts[0] = f"{rename(name)}-{number}" if is_pod else rename(parts[0])
    if count > 1:
        parts[1] = rename(parts[1])
    return count
