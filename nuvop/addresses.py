"""Names of children inside of texts: host names of services, which kustomize does not rename. Pure.

A text names a child by a host name: the child's name alone (``cache``), with a port (``cache:6379``), in a URL
(``http://cache/``), with a namespace behind it (``cache.demo``, ``cache.demo.svc``), or as the pod of a StatefulSet
behind its service (``db-0.db``). A part of a path, a key, a word that only contains the name, or a longer name of the
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
    the base's, if it names one.
    """

    if text in names:
        return rename(text)
    if is_reference(text, names, own_namespace):
        return f"{namespace}/{rename(text.partition('/')[2])}"

    def replace(found: re.Match[str]) -> str:
        parts = found["host"].split(".")
        count = _renamed_parts(parts, names, stateful, rename)
        if not count:
            return found[0]
        if len(parts) > count and parts[count] in (NAMESPACE, *([own_namespace] if own_namespace else [])):
            parts[count] = namespace
        return found["before"] + ".".join(parts)

    return _HOST.sub(replace, text)


def names_one(text: str, names: Collection[str], stateful: Collection[str], *, in_prose: bool = False) -> bool:
    """Whether a text has a host name of a child; in prose, where a name may be a word, one that can be nothing else."""
    for found in _HOST.finditer(text):
        parts = found["host"].split(".")
        count = _renamed_parts(parts, names, stateful, str)
        is_sure = found["before"] == "//" or any(parts[1:]) or text[found.end() :].startswith(":")
        if count and (is_sure or not in_prose):
            return True
    return False


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
