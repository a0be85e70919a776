"""Names of children inside of texts: host names of services, which kustomize does not rename. Pure.

A text names a child by a host name: the child's name alone (``cache``), with a port (``cache:6379``), in a URL
(``http://cache/``), as the first part of a longer one (``cache.demo.svc``), or as the pod of a StatefulSet behind its
service (``db-0.db``). A part of a path, a key, or a word that only contains the name is none.
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
    """Return a text with the host names of a kind's children replaced.

    ``names`` are the children's names in the base, ``stateful`` those of StatefulSets, whose pods have names with
    a number behind them; ``rename`` gives what one is called for a CR, ``namespace`` is the CR's, ``own_namespace``
    the base's, if it names one.
    """

    def replace(found: re.Match[str]) -> str:
        parts = found["host"].split(".")
        count = _renamed_parts(parts, names, stateful, rename)
        if not count:
            return found[0]
        if len(parts) > count and parts[count] in (NAMESPACE, *([own_namespace] if own_namespace else [])):
            parts[count] = namespace
        return found["before"] + ".".join(parts)

    return _HOST.sub(replace, text)


def _renamed_parts(
    parts: list[str], names: Collection[str], stateful: Collection[str], rename: Callable[[str], str]
) -> int:
    """Rename the leading parts of a host name that are children's; return how many there are."""
    if parts[0] in names:
        parts[0] = rename(parts[0])
        return 1
    name, _, number = parts[0].rpartition("-")
    if name in stateful and number.isdecimal():
        parts[0] = f"{rename(name)}-{number}"
        if len(parts) > 1 and parts[1] in names:
            parts[1] = rename(parts[1])
            return 2
        return 1
    return 0
