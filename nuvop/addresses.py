"""Names of children inside of texts: host names of services, which kustomize does not rename. Pure.

A text names a child by a host name: the child's name alone (``cache``), with a port (``cache:6379``), in a URL
(``http://cache/``), with a namespace behind it (``cache.demo``, ``cache.demo.svc``, ``cache.$(NS).svc``), or as the pod
of a StatefulSet behind its service (``db-0.db``). A part of a path, a key, a file's name (``cache.conf``), a word that
only contains the name, or a longer name of the Internet (``cache.example.com``) is none. Controllers also take
``namespace/name`` for an object, Traefik ``namespace-name@kubernetescrd`` for one of its own, and the API server knows
a service account as the user ``system:serviceaccount:namespace:name``. On a command line of kubectl objects stand
behind their types.

A namespace alone is one where the key, the variable or the flag that it is the value of says so.

A name alone may be any word: a program, a user, a role. It is an address for certain only where the text says so: as
the value of a key, a flag or a statement that is about hosts, or where a program is told with whom to talk.
Sources: https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/ and
https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#stable-network-id.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from nuvop import fields, kubectl_line
from nuvop.fields import FieldPath, Json, Name

NAMESPACE = "{namespace}"
"""What a manifest may write for the namespace that it does not know."""

UNNAMED = "default"
"""The namespace of a base that names none. As a word it says nothing: it may as well be another one's default."""


@dataclass(frozen=True)
class BaseNames:
    """What the children of a base are called.

    ``hosts`` are the names of those that have a host name, ``stateful`` those of StatefulSets, whose pods have names
    with a number behind them, ``accounts`` those of ServiceAccounts. ``objects`` are kinds and names.
    """

    all: frozenset[str]
    hosts: frozenset[str] = frozenset()
    stateful: frozenset[str] = frozenset()
    accounts: frozenset[str] = frozenset()
    objects: frozenset[tuple[str, str]] = frozenset()


_PORT = re.compile(r":(?:\d{2,5}(?![\w-]|\.\w)|\$)")
"""A port, also of a variable; ``:7`` and ``:1.25-alpine`` are an image's tag."""

_BEGIN = r"(?:^|[\s\"'=,;@(\[{|<>]|//)"
_VARIABLE = r"\$(?:\w++|\{\w++\}|\([^()\n]{1,100}\))"
"""A variable of a shell or of Kubernetes, or a command's output. Before a name and a dot it stands for that of a pod,
behind them for a namespace."""

_ORDINAL = rf"(?:{_VARIABLE}|\$\(\([^()\n]{{1,100}}\)\)|\{{\d+\.{{2,3}}\d+\}}|%[ds])"
"""What stands for a pod's number: also a calculation, a range such as MinIO's ``{0...3}``, or a place to print to."""

_SERVICE = r"_[A-Za-z0-9-]++\._(?:tcp|udp)\."
"""What stands before a name to ask for a port of it
(https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/#srv-records)."""

_PREFIX = rf"{_VARIABLE}\.|\*\.|\.|{_SERVICE}|dns(?:srv(?:noa)?)?\+(?:{_SERVICE})?"
"""What may belong to a host name before a child's: a pod, any or none, and ``dnssrv+`` of Thanos and others."""

_HOST = re.compile(
    rf"""(?P<before>{_BEGIN}(?P<prefix>{_PREFIX})?)  # a host begins here, and not behind a path, a word or a dot
         (?P<host>[a-z0-9](?>(?:[a-z0-9.-]|\{{namespace\}}|(?<=\.){_VARIABLE}|(?<=-){_ORDINAL})*))
         (?=$|[\s"',;)\]}}|<>/?\#&]|{_PORT.pattern})  # and ends here: a port may follow, a key's colon may not""",
    re.VERBOSE | re.MULTILINE,
)
"""The name is an atomic group: a possessive quantifier behind a group says the same, but not to Python before 3.11.5
(https://github.com/python/cpython/issues/106052)."""

_DOT = re.compile(r"\.(?![^({]{0,100}[)}])")
"""A dot between two parts of a host name, and not within a command or a range."""

_POD = re.compile(rf"(?P<of>[a-z0-9-]+)-(?P<number>\d+|{_ORDINAL})")

_OF_A_NAMESPACE = re.compile(r"\$.*(?:(?<![A-Za-z])NS|NAMESPACE)[)}]?", re.IGNORECASE)
"""A variable that is called as what it stands for, or a command that reads the file of the API server's."""

_IN_URL = re.compile(r"(?://|@)(?:[^\s/,@]+,)*$")
"""What stands before a host in a URL, also before the second of several."""

_HOST_KEY = re.compile(
    r"(?:(?:host(?:_?name)?|addr|address|server|endpoint|upstream|url|uri|dsn|external_?name)(?:e?s)?"
    r"|brokers|peers|seeds|k8s[_.-]service[_.-]?name|headless[_-]?(?:service|svc)(?:[_-]?name)?|initial_(?:master|cluster_manager)_nodes|statefulset\.kubernetes\.io/pod-name)"
    r"(?:[_.-]?(?:primary|replica|master|slave|read(?:er)?|write|writer|ro|rw|internal|external|public|private|\d+))?$",
    re.IGNORECASE,
)
"""The end of a key whose value is a host: ``DB_HOST``, ``spring.redis.host``, ``bootstrap-servers``, ``apiURL``."""

_KEY = re.compile(
    r"""(?P<key>[A-Za-z][\w./-]*)[)}]?["']?[ \t]*(?:[:=]>?|[:!=]=)[ \t]*["'\[(]*  # the key, and where its value begins
        (?:[^\s,;"'=]+["']?,[ \t]*["']?)*$                              # after others of a list""",
    re.VERBOSE,
)
_BEFORE_ITEM = re.compile(r"[ \t]*-[ \t]+[\"']?")
_BETWEEN_ITEMS = re.compile(r"[ \t]*(?:-[ \t].*|\#.*)?")
_KEY_OF_A_LIST = re.compile(r"""(?P<key>[A-Za-z][\w./-]*)["']?:[ \t]*(?:\#.*)?\Z""")
"""A key without a value on its line. Behind it items only, a line each, are a list of YAML."""
_MOST_ITEMS = 1000
"""Lines above a name that are looked at for the key of its list."""

_END_OF_VALUE = re.compile(r"[ \t]*(?:$|[\"',;)\]}&#])|[ \t]+[\w.-]+=", re.MULTILINE)

_FLAG = re.compile(r"(?:^|\s)--?(?P<key>[A-Za-z][\w.-]*)[ \t]+[\"']?(?:[^\s,;\"'=]+,[ \t]*)*$")
_SHORT_FLAGS = ("h", "H")
"""``pg_isready -h``, ``mysql -h``, ``redis-cli -h``."""

_CALL = re.compile(
    r"""(?:^|[\s"'(;&|`/])(?:
        (?:nslookup|dig|ping|telnet|nc|ncat|netcat|getent[ \t]+a?hosts|(?:--)?(?:replica|slave)of)
        (?:[ \t]+-[\w-]+(?:[ \t]+\d+)?)*
        |(?:curl|wget)(?:[ \t]+(?:-[fsSkLIvqc]+|-q?O-|-q?O[ \t]+-|--(?:fail|silent|spider|quiet)))*
        )[ \t]+["']?$""",
    re.VERBOSE,
)
"""A program, or a setting, that a host stands behind; curl and wget with flags only that take no value."""

_STATEMENT = re.compile(r"(?:^|[;{])[ \t]*(?:server|server_name|ServerName|upstream|[Hh]osts?)[ \t]+$")
_END_OF_STATEMENT = re.compile(r"[ \t]*(?:$|[;{])|[ \t][^\n;]*;", re.MULTILINE)
"""nginx's ``server web;`` and ``upstream web {``, Apache's ``ServerName web``, fluentd's ``host web``."""

_IMAGE = re.compile(r"image[\"']?[ \t]*[:=][ \t]*[\"']?$", re.IGNORECASE)

_WHOSE = r"(?:(?:my|own|pod|k8s|kube|kubernetes|watch|target|operator|release|leader[_-]?elect(?:ion)?)[_-]?)*"
_OF_NAMESPACE = re.compile(
    rf"""(?:^|\s)(?P<dashes>--?)?
        {_WHOSE}(?:namespaces?|matchNames|kubernetes\.io/metadata\.name)(?:=|(?(dashes)[ ]|=))$""",
    re.VERBOSE | re.IGNORECASE,
)
"""The end of a key, a variable or a flag whose value is a namespace of Kubernetes: ``POD_NAMESPACE``, ``--namespace``.
Not ``METRICS_NAMESPACE`` and the like: others have namespaces, too."""

_IS_NAMESPACE = re.compile(
    rf"""(?:(?<![\w.{{,-])|(?<=[{{,])(?!\w+=["~]))(?P<dashes>--?)?  # no label that Prometheus is asked for
         {_WHOSE}namespaces?["']?(?:[ \t]*[:=][ \t]*|(?(dashes)[ \t]+|(?!)))["']?
         (?P<namespace>[a-z0-9{{}}-]++)(?=["']?[ \t]*(?:$|[\s,;&}}\])]))""",
    re.VERBOSE | re.IGNORECASE | re.MULTILINE,
)
"""The same inside of a text."""

_ACCOUNT = re.compile(
    r"(?<![\w.:-])system:serviceaccount(?:s:(?P<all>[\w{}-]+)|:(?P<namespace>[\w{}-]+):(?P<name>[\w.-]+))(?![\w:])"
)
"""A user that is a service account, and the group of all those of a namespace
(https://kubernetes.io/docs/reference/access-authn-authz/authentication/#service-account-tokens)."""

_TRAEFIK = re.compile(r"(?<![\w{}.-])(?P<name>[\w{}.-]++)@kubernetescrd(?![\w-])")
_OF_TRAEFIK = (
    "IngressRoute", "IngressRouteTCP", "IngressRouteUDP", "Middleware", "MiddlewareTCP", "ServersTransport",
    "ServersTransportTCP", "TLSOption", "TLSStore", "TraefikService",
)  # fmt: skip
"""An object of Traefik's, as others name it: its namespace, ``-`` or ``_``, and its name
(https://doc.traefik.io/traefik/reference/routing-configuration/kubernetes/ingress/)."""

_KINDS = {
    "claimname": ("PersistentVolumeClaim",),
    "configmap": ("ConfigMap",),
    "ingressclass": ("IngressClass",),
    "priorityclass": ("PriorityClass",),
    "secretname": ("Secret",),
    "serviceaccount": ("ServiceAccount",),
    "storageclass": ("StorageClass",),
    "webhookname": ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"),
    "service": ("Service",),
}
"""How keys, variables and flags end whose value is the name of an object, and of which kinds: ``TLS_SECRET_NAME``,
``--ingress-class``. A service may be anything, so it counts with its namespace only."""

_OBJECT = re.compile(
    rf"""(?P<key>claim[_-]?name|(?:config[_-]?map|(?:ingress|priority|storage)[_-]?class|service[_-]?account)(?:[_-]?name)?
             |(?:secret|webhook)[_-]?name|service)
         ["']?(?:[ \t]*[:=]|(?P<blank>(?=[ \t])))[ \t]*["']?
         (?:(?P<namespace>[a-z0-9-]++|\{{namespace\}}|{_VARIABLE})/)?
         (?P<name>[a-z0-9][a-z0-9.-]*+)(?=["']?[ \t]*(?:$|[\s,;&}}\])]))""",
    re.VERBOSE | re.IGNORECASE | re.MULTILINE,
)
_IN_FLAG = re.compile(r"(?:^|\s)--?[\w.-]{0,60}$")

_REFERENCE = re.compile(
    r"""(?<![A-Za-z])(?P<kind>configMap|secret)(?:Key)?(?:Ref)?["']?:[ \t]*(?:\{[ \t]*|\n[ \t]+)
        (?:["']?(?:key|optional|defaultMode)["']?:[ \t]*[^\s,{}]++(?:,[ \t]*|\n[ \t]+)){0,3}
        ["']?name["']?:[ \t]*["']?(?P<name>[a-z0-9][a-z0-9.-]*+)(?=["']?[ \t]*(?:$|[\s,}]))""",
    re.VERBOSE | re.MULTILINE,
)
"""What a pod's variables and volumes come from, in a manifest inside of a text: ``configMapRef: {name: settings}``."""

_WITH_VARIABLE = re.compile(rf"(?P<namespace>\{{namespace\}}|{_VARIABLE})/(?P<name>[a-z0-9.-]++)")
"""An object of the namespace that a variable stands for, which is no path."""

_MEMBER = re.compile(r"(?<![\w.-])(?P<pod>[a-z0-9-]+)=(?=https?://(?P=pod)\.)")
"""A pod as a member of a cluster, which calls itself as its pod: etcd's ``db-0=http://db-0.db:2380``."""

_LONGEST = 300
"""Characters of a line before a name that are looked at."""


def before(body: Json, at: FieldPath) -> str:
    """What stands before a text of an object, as if both were one text.

    That is the name of the environment variable, the key or the field, as ``DB_HOST=``; for arguments those before.
    """
    *parents, last = [segment.name for segment in at.segments if isinstance(segment, Name)]
    parent = fields.value_at(body, *parents)
    if isinstance(parent, list):
        if parents[-1] not in ("command", "args"):
            return f"{parents[-1]}="
        program = _program(body, parents[:-1]) if parents[-1] == "args" else []
        return "".join(f"{item} " for item in [*program, *parent[: int(last)]])
    name = parent.get("name") if last == "value" and isinstance(parent, dict) else None
    return f"{name if isinstance(name, str) else last}="


def _program(body: Json, container: Sequence[str]) -> list[Json]:
    """What stands before the arguments of a container: its command, or the program of an image that is kubectl's."""
    command = fields.value_at(body, *container, "command")
    if isinstance(command, list):  # a custom object may mean something else by it
        return command
    image = fields.value_at(body, *container, "image")
    return ["kubectl"] if isinstance(image, str) and _IMAGE_OF_KUBECTL.search(image) else []


_IMAGE_OF_KUBECTL = re.compile(r"(?:^|/)kubectl(?:[:@]|$)")


def after(body: Json, at: FieldPath) -> str:
    """What stands after a text of an object, if that is one of the words of a command."""
    *parents, last = [segment.name for segment in at.segments if isinstance(segment, Name)]
    words = fields.value_at(body, *parents)
    if not isinstance(words, list) or parents[-1] not in ("command", "args"):
        return ""
    rest = fields.value_at(body, *parents[:-1], "args") if parents[-1] == "command" else None
    return "".join(f" {item}" for item in [*words[int(last) + 1 :], *(rest if isinstance(rest, list) else [])])


def is_program(at: FieldPath) -> bool:
    """Whether a text is the program of a ``command``, which is no host whatever it is called."""
    return at.segments[-2:] == (Name("command"), Name("0"))


def renamed(
    text: str,
    names: BaseNames,
    rename: Callable[[str], str],
    namespace: str,
    own_namespace: str = "",
    before: str = "",
    after: str = "",
) -> str:
    """Return a text with the names of a kind's children, and their namespace, replaced.

    ``names`` are those in the base; ``rename`` gives what one is called for a CR, ``namespace`` is the CR's,
    ``own_namespace`` the base's, if it names one. Names that are only words count where the text has no certain
    address and is not itself one name: whoever asks for it to be renamed means them.
    """
    if _is_namespace_of(text, own_namespace, before):
        return f"{_split_flag(text)[0]}{namespace}"
    if text in names.all:
        return rename(text)
    if is_reference(text, names, own_namespace):
        return f"{namespace}/{rename(text.partition('/')[2])}"
    if found := _with_variable(text, names):
        begin = text[: -len(found[0])]
        return f"{begin}{namespace if found['namespace'] == NAMESPACE else found['namespace']}/{rename(found['name'])}"
    # Whoever asks for it to be renamed means any child, not only those with a host name for certain.
    names = replace(names, hosts=names.all)
    only_certain = names_one(text, names, own_namespace, before, after) or names_namespace(
        text, names, own_namespace, before
    )

    def renamed_account(found: re.Match[str]) -> str:
        if not _is_own_account(found, names, own_namespace):
            return found[0]
        name = found["name"]
        return (
            f"system:serviceaccounts:{namespace}"
            if name is None
            else f"system:serviceaccount:{namespace}:{rename(name) if name in names.accounts else name}"
        )

    def renamed_host(found: re.Match[str]) -> str:
        parts = _DOT.split(found["host"])
        count = _renamed_parts(parts, names, rename, own_namespace)
        if not count or _is_other(found, parts[count:], before) or (only_certain and not _is_certain(found, before)):
            return found[0]
        if len(parts) > count and parts[count] in (NAMESPACE, *([own_namespace] if own_namespace else [])):
            parts[count] = namespace
        return found["before"] + ".".join(parts)

    def renamed_member(found: re.Match[str]) -> str:
        name, _, number = found["pod"].rpartition("-")
        return f"{rename(name)}-{number}=" if name in names.stateful and number.isdecimal() else found[0]

    def renamed_of_traefik(found: re.Match[str]) -> str:
        own, name = _split_traefik(found, names, own_namespace)
        return f"{namespace}{found['name'][len(own)]}{rename(name)}@kubernetescrd" if name else found[0]

    told = {
        *_told_kubectl(text, names, own_namespace, before, after),
        *_told_by_key(text, names, own_namespace, before),
        *_said_to_be_namespace(text, own_namespace),
    }
    for start, end, name in sorted(told, reverse=True):
        text = f"{text[:start]}{rename(name) if name else namespace}{text[end:]}"
    text = _MEMBER.sub(renamed_member, _TRAEFIK.sub(renamed_of_traefik, text))
    return _HOST.sub(renamed_host, _ACCOUNT.sub(renamed_account, text))


def names_one(text: str, names: BaseNames, own_namespace: str = "", before: str = "", after: str = "") -> bool:
    """Whether a text has a name of a child that can be nothing else: a host name, or that of an object."""
    return (
        any(_is_certain(found, before) for found in _hosts(text, names, own_namespace, before))
        or any(_split_traefik(found, names, own_namespace)[1] for found in _TRAEFIK.finditer(text))
        or any(_told_kubectl(text, names, own_namespace, before, after))
        or any(_told_by_key(text, names, own_namespace, before))
        or _with_variable(text, names) is not None
    )


def names_namespace(text: str, names: BaseNames, own_namespace: str, before: str) -> bool:
    """Whether a text is the base's namespace for certain, or has a user in it that is a service account there."""
    is_one = _is_namespace_of(text, own_namespace, before) or any(_said_to_be_namespace(text, own_namespace))
    return is_one or any(_is_own_account(found, names, own_namespace) for found in _ACCOUNT.finditer(text))


def _hosts(text: str, names: BaseNames, own_namespace: str, before: str) -> Iterator[re.Match[str]]:
    for found in _HOST.finditer(text):
        parts = _DOT.split(found["host"])
        count = _renamed_parts(parts, names, str, own_namespace)
        if count and not _is_other(found, parts[count:], before):
            yield found


def is_reference(text: str, names: BaseNames, own_namespace: str) -> bool:
    """Whether a text is ``namespace/name`` of a child."""
    namespace, _, name = text.partition("/")
    return name in names.all and namespace in (NAMESPACE, own_namespace) and bool(namespace)


def _with_variable(text: str, names: BaseNames) -> re.Match[str] | None:
    """The namespace and the name of a child, if that is all of a text or of a flag's value."""
    found = _WITH_VARIABLE.fullmatch(_split_flag(text)[1])
    is_own = found is not None and (found["namespace"] == NAMESPACE or _OF_A_NAMESPACE.fullmatch(found["namespace"]))
    return found if found and is_own and found["name"] in names.all else None


def _told_by_key(text: str, names: BaseNames, own_namespace: str, before: str) -> Iterator[tuple[int, int, str]]:
    """Where a text names a child as a key, a variable or a flag says, as `_told_kubectl` does."""
    before = before[-_LONGEST:]
    for found in _OBJECT.finditer(f"{before}{text}"):
        space, name = found["namespace"], found["name"]
        key = re.sub("[_-]", "", found["key"]).lower()
        kinds = _KINDS[key] if key in _KINDS else _KINDS[key.removesuffix("name")]
        is_own = space in (NAMESPACE, own_namespace) or (space is not None and _OF_A_NAMESPACE.fullmatch(space))
        is_said = is_own if space is not None else kinds != ("Service",)
        if not is_said or not any((kind, name) in names.objects for kind in kinds):
            continue
        if found["blank"] is not None and not _IN_FLAG.search(found.string[: found.start()][-_LONGEST:]):
            continue
        begin = found.start("name") - len(before)
        if space in (NAMESPACE, own_namespace) and begin > len(space):
            yield begin - len(space) - 1, begin - 1, ""
        if begin >= 0:
            yield begin, begin + len(name), name
    for found in _REFERENCE.finditer(text):
        if (f"{found['kind'][0].upper()}{found['kind'][1:]}", found["name"]) in names.objects:
            yield *found.span("name"), found["name"]


def _said_to_be_namespace(text: str, own_namespace: str) -> Iterator[tuple[int, int, str]]:
    """Where a part of a text is the base's namespace, as its key or flag says."""
    for found in _IS_NAMESPACE.finditer(text):
        if found["namespace"] in (NAMESPACE, own_namespace) and found["namespace"] != UNNAMED:
            yield *found.span("namespace"), ""


def _split_traefik(found: re.Match[str], names: BaseNames, own_namespace: str) -> tuple[str, str]:
    """The namespace and the name of an object of Traefik's; both empty where it is no child."""
    for own in (NAMESPACE, own_namespace):
        name = found["name"].removeprefix(own)[1:]
        is_own = bool(own) and found["name"].startswith((f"{own}-", f"{own}_"))
        if is_own and any((kind, name) in names.objects for kind in _OF_TRAEFIK):
            return own, name
    return "", ""


def _told_kubectl(
    text: str, names: BaseNames, own_namespace: str, before: str, after: str
) -> Iterator[tuple[int, int, str]]:
    """Where a text tells kubectl of a child, and which one; without a name it is the namespace. In order."""
    for command in kubectl_line.commands(f"{before}{text}{after}"):
        space = command.namespace
        is_own = space is not None and space.text in (NAMESPACE, own_namespace) and bool(space.text)
        if space is not None and not is_own and not space.text.startswith("$"):
            continue
        named = [(word, _child_called(type_, word.text, names)) for type_, word in command.objects]
        found = {word: name for word, name in named if name}
        if space is not None and is_own and (found or space.text != UNNAMED):
            found[space] = ""
        for word, name in sorted(found.items(), key=lambda item: item[0].start):
            begin = word.start - len(before)
            if begin >= 0 and begin + len(word.text) <= len(text):
                yield begin, begin + len(name or word.text), name


def _child_called(type_: str, name: str, names: BaseNames) -> str:
    """The child that is called by a type and a name: of a pod its StatefulSet; empty where there is none."""
    pods_of, _, number = name.rpartition("-")
    if kubectl_line.means(type_, "Pod") and pods_of in names.stateful and number.isdecimal():
        return pods_of
    return name if any(known == name and kubectl_line.means(type_, kind) for kind, known in names.objects) else ""


def _split_flag(text: str) -> tuple[str, str]:
    """A flag up to its value, and the value: of ``--namespace=shop`` both; no flag is empty."""
    flag, equals, value = text.partition("=") if text.startswith("-") else ("", "", text)
    return f"{flag}{equals}", value


def _is_namespace_of(text: str, own_namespace: str, before: str) -> bool:
    """Whether a text is the base's namespace, as its key or flag says."""
    flag, value = _split_flag(text)
    is_known = value in (NAMESPACE, own_namespace) and value not in ("", UNNAMED)
    return is_known and _OF_NAMESPACE.search(f"{before}{flag}") is not None


def _is_own_account(found: re.Match[str], names: BaseNames, own_namespace: str) -> bool:
    """Whether a user is a child, or what the pods of a namespace run as that the base names: its ``default``."""
    namespace, name = found["all"] or found["namespace"], found["name"]
    if namespace not in (NAMESPACE, own_namespace) or not namespace:
        return False
    return name in names.accounts or (name in (None, "default") and namespace != UNNAMED)


def _is_certain(found: re.Match[str], before: str) -> bool:
    """Whether a child's name in a text can only be meant as a host name."""
    text, end = found.string, found.end()
    own, line = _line(found, ""), _line(found, before)
    is_asked_for = (found["prefix"] or "").startswith(("_", "dns"))
    if any(_DOT.split(found["host"])[1:]) or is_asked_for or _PORT.match(text, end) or _is_among_pods(found, own):
        return True
    if _IN_URL.search(line) or _CALL.search(line):
        return True
    if (key := _KEY.search(line)) and (_HOST_KEY.search(key["key"]) or _is_called(found, own, before)):
        return _END_OF_VALUE.match(text, end) is not None
    if _HOST_KEY.search(_key_of_list(found)):
        return _END_OF_VALUE.match(text, end) is not None
    if (flag := _FLAG.search(line)) and (flag["key"] in _SHORT_FLAGS or _HOST_KEY.search(flag["key"])):
        return True
    return _STATEMENT.search(own) is not None and _END_OF_STATEMENT.match(text, end) is not None


_NEXT = r"[\"']?,[ \t]*[\"']?"


def _is_among_pods(found: re.Match[str], own: str) -> bool:
    """Whether a name is a pod's, and stands before or behind another one of the same StatefulSet: ``db-0,db-1``."""
    if (pod := _POD.fullmatch(found["host"])) is None or not pod["number"].isdecimal():
        return False
    other = rf"{pod['of']}-\d+"
    is_before = re.compile(rf"{_NEXT}{other}(?![\w-])").match(found.string, found.end()) is not None
    return is_before or re.search(rf"(?<![\w-]){other}{_NEXT}$", own) is not None


def _is_called(found: re.Match[str], own: str, before: str) -> bool:
    """Whether a variable is called as its value, such as ``WEB_API=web-api``: that is no role and no mode."""
    return not own and before == f"{found['host'].upper().replace('-', '_')}="


def _is_other(found: re.Match[str], rest: list[str], before: str) -> bool:
    """Whether a name is an image, or with nothing but a dot before it and no ``svc`` behind it the end of a file's."""
    is_end = found["prefix"] in (".", "*.") and "svc" not in rest
    return is_end or _IMAGE.search(_line(found, before)) is not None


def _line(found: re.Match[str], before: str) -> str:
    """The line up to a name; ``before`` is what stands before the text."""
    start = found.start("prefix" if found["prefix"] else "host")
    line = found.string[max(start - _LONGEST, 0) : start]
    # Not more, also of what stands before: the time that a search takes grows faster than the text.
    return f"{before if start < _LONGEST else ''}{line}"[-_LONGEST:].rpartition("\n")[2]


def _key_of_list(found: re.Match[str]) -> str:
    """The key of the list that a name is an item of with a line of its own; empty for any other name."""
    text, end = found.string, found.start("host")
    begin = text.rfind("\n", 0, end) + 1
    if not _BEFORE_ITEM.fullmatch(text, begin, end):
        return ""
    for _ in range(_MOST_ITEMS):
        if not begin:
            return ""
        begin, end = text.rfind("\n", 0, begin - 1) + 1, begin - 1
        if not _BETWEEN_ITEMS.fullmatch(text, begin, end):
            key = _KEY_OF_A_LIST.search(text, max(begin, end - _LONGEST), end)
            return key["key"] if key else ""
    return ""


def _renamed_parts(parts: list[str], names: BaseNames, rename: Callable[[str], str], own_namespace: str) -> int:
    """Rename the leading parts of a host name that are children's; return how many there are."""
    pod = None if parts[0] in names.hosts else _pod(parts[0], names)
    count = 2 if pod and len(parts) > 1 and parts[1] in names.hosts else 1
    rest = parts[count:]
    is_behind_pod = count > 1 and len(rest) == 1 and rest[0].startswith("$")
    if not (pod or parts[0] in names.hosts) or not (is_behind_pod or _is_namespace(rest, own_namespace)):
        return 0
    parts[0] = rename(parts[0]) if pod is None else f"{rename(pod['of'])}-{pod['number']}"
    if count > 1:
        parts[1] = rename(parts[1])
    return count


def _pod(name: str, names: BaseNames) -> re.Match[str] | None:
    """A pod's StatefulSet and number, if a name is that of a pod of a child."""
    found = _POD.fullmatch(name)
    return found if found and found["of"] in names.stateful else None


def _is_namespace(rest: list[str], own_namespace: str) -> bool:
    """Whether a name with these parts behind it is one of the cluster: none, a namespace, or ``<any>.svc``.

    A single word that is no known namespace is rather the end of a file's name, or of a name of the Internet.
    """
    match rest:
        case [] | [""]:
            return True
        case [namespace] | [namespace, ""]:
            is_own = bool(own_namespace) and namespace == own_namespace
            return is_own or namespace == NAMESPACE or _OF_A_NAMESPACE.fullmatch(namespace) is not None
        case _:
            return rest[1] == "svc"
