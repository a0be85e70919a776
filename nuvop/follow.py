"""Texts of a base that name other children, where kustomize does not rename them. Pure.

Looked at are the places that may hold host names: environment, arguments, probes, ConfigMaps, annotations, and all of
a custom object, of which kustomize knows nothing. A name counts where it can only be meant as an address
(`nuvop.addresses`), or where the name of a custom object's field says that an object is named. A Secret that a
Certificate makes is no child, so kustomize renames it nowhere; it counts where something of the base reads it.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from nuvop import addresses, child_names, fields, labelling, openapi
from nuvop.addresses import BaseNames
from nuvop.fields import FieldPath, Json, Name, Pointer, Segment, parse
from nuvop.kinds import Child, home_namespace
from nuvop.objects import Body, plural_of

_OF_CONTAINER = tuple(
    f"{containers}.*.{text}"
    for containers in ("containers", "initContainers")
    for text in (
        "env.*.value",
        "args.*",
        "command.*",
        *(
            f"{action}.{text}"
            for action in (
                "livenessProbe", "readinessProbe", "startupProbe", "lifecycle.postStart", "lifecycle.preStop",
            )
            for text in ("exec.command.*", "httpGet.host", "httpGet.httpHeaders.*.value", "tcpSocket.host")
        ),
    )
)  # fmt: skip
_OF_KIND = {
    ("", "ConfigMap"): ("data.*",),
    ("", "Service"): ("spec.externalName", r"spec.selector.statefulset\.kubernetes\.io/pod-name"),
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"): ("webhooks.*.clientConfig.url",),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"): ("webhooks.*.clientConfig.url",),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): ("subjects.*.name",),
    ("rbac.authorization.k8s.io", "RoleBinding"): ("subjects.*.name",),
    ("networking.k8s.io", "NetworkPolicy"): tuple(
        rf"spec.{peers}.*.namespaceSelector.matchLabels.kubernetes\.io/metadata\.name"
        for peers in ("ingress.*.from", "egress.*.to")
    ),
}
"""Where Kubernetes' own kinds hold host names, users or namespaces, that kustomize does not rename."""

_SECRETS_OF_PODS = (
    "volumes.*.secret.secretName",
    "volumes.*.projected.sources.*.secret.name",
    *(
        f"{containers}.*.{text}"
        for containers in ("containers", "initContainers")
        for text in ("env.*.valueFrom.secretKeyRef.name", "envFrom.*.secretRef.name")
    ),
)
_REFERENCES = {
    ("networking.k8s.io", "Ingress"): {
        "spec.tls.*.secretName": "Secret",
        r"metadata.annotations.cert-manager\.io/issuer": "Issuer",
    },
    ("", "Secret"): {r"metadata.annotations.kubernetes\.io/service-account\.name": "ServiceAccount"},
    ("", "PersistentVolume"): {"spec.claimRef.name": "PersistentVolumeClaim"},
    ("external-secrets.io", "ExternalSecret"): {"spec.target.name": "Secret"},
    ("discovery.k8s.io", "EndpointSlice"): {r"metadata.labels.kubernetes\.io/service-name": "Service"},
    ("", "Service"): {
        "spec.selector.prometheus": "Prometheus",
        r"spec.selector.operator\.prometheus\.io/name": "Prometheus",
        "spec.selector.alertmanager": "Alertmanager",
    },
    **{
        ("kafka.strimzi.io", kind): {r"metadata.labels.strimzi\.io/cluster": cluster}
        for kind, cluster in {
            "KafkaConnector": "KafkaConnect", "KafkaNodePool": "Kafka", "KafkaRebalance": "Kafka",
            "KafkaTopic": "Kafka", "KafkaUser": "Kafka",
        }.items()
    },
    ("argoproj.io", "Rollout"): {
        **{
            f"spec.strategy.{service}": "Service"
            for service in (
                "blueGreen.activeService", "blueGreen.previewService", "canary.canaryService", "canary.stableService",
                "canary.pingPong.pingService", "canary.pingPong.pongService", "canary.trafficRouting.alb.rootService",
                "canary.trafficRouting.smi.rootService",
            )
        },
        **{
            f"spec.strategy.canary.trafficRouting.{ingress}": "Ingress"
            for ingress in ("alb.ingress", "nginx.stableIngress", "nginx.additionalStableIngresses.*")
        },
        **{
            f"spec.strategy.{templates}.*.templateName": "AnalysisTemplate"
            for templates in (
                "blueGreen.prePromotionAnalysis.templates", "blueGreen.postPromotionAnalysis.templates",
                "canary.analysis.templates", "canary.steps.*.analysis.templates",
                "canary.steps.*.experiment.analyses",
            )
        },
    },
}  # fmt: skip
"""Where an object is named by what does not tell of which kind. kustomize renames a Secret where that is a child; of
Argo's Rollout it renames nothing
(https://github.com/argoproj/argo-rollouts/blob/master/docs/features/kustomize/rollout-transform.yaml)."""

_SCALED = ("autoscaling", "HorizontalPodAutoscaler"), ("spec", "scaleTargetRef")
"""What names an object of any kind. kustomize renames those of Kubernetes' own kinds only."""

_ROLES = frozenset(("rbac.authorization.k8s.io", kind) for kind in ("ClusterRole", "Role"))
_RENAMED_IN_ROLES = frozenset({("", "ConfigMap"), ("", "Secret")})
"""The kinds whose objects kustomize renames in the rules of a role."""

_CALLED_ALIKE = {("", "Service"): ("endpoints",)}
"""What Kubernetes makes of an object under the same name, and in the same group."""

_ALIAS = "serviceAccount"
"""The older name of a pod's ``serviceAccountName``, which kustomize does not know; the two must be the same."""


@dataclass(frozen=True)
class _Text:
    """A text of a child, and what is known of its place.

    ``names`` is the kind of which it is an object's name and nothing else; ``may_be_reference`` whether
    ``namespace/name`` counts. Of a member of a custom object ``field`` is its name, ``beside`` the kind that stands
    beside it, and ``of`` the field that both are members of.
    """

    child: Child
    at: FieldPath
    text: str
    names: str = ""
    may_be_reference: bool = False
    field: str = ""
    beside: Json = None
    of: str = ""

    @property
    def before(self) -> str:
        """What stands before it."""
        return addresses.before(self.child.body, self.at)

    @property
    def after(self) -> str:
        """What stands after it."""
        return addresses.after(self.child.body, self.at)


@dataclass(frozen=True)
class _Known:
    """What the children of a base are called, also by kind and name, and the namespace in which most live."""

    children: frozenset[tuple[str, str]]
    texts: BaseNames
    home: str


def mentions(children: Sequence[Child]) -> Iterator[tuple[Child, FieldPath]]:
    """Each text that names a child, or its namespace, by the child that it stands in and the way to it."""
    home = home_namespace(children)
    made = frozenset(_read_secrets(children, home))
    objects = frozenset([*((child.kind, child.name) for child in children), *(("Secret", name) for name in made)])
    known = _Known(objects, replace(child_names.of_base(children), objects=objects), home)
    for text in _texts(children):
        own = child_names.own_namespace(text.child, home)
        is_named = _is_called(text, known, made) if text.names else _names_child(text, known)
        if is_named or addresses.names_namespace(text.text, known.texts, own, text.before):
            yield text.child, text.at


def _is_called(text: _Text, known: _Known, made: frozenset[str]) -> bool:
    """Whether a child is called as a text, that is the name of an object of a kind."""
    return text.text in made if text.names == "Secret" else (text.names, text.text) in known.children


@dataclass(frozen=True)
class Word:
    """A text of a child at a place, that is another one's name, or has it in quotes, and may mean that one."""

    child: Child
    at: FieldPath
    named: Child


def words(children: Sequence[Child], certain: Iterable[tuple[Child, FieldPath]]) -> Iterator[Word]:
    """The texts of which nobody can tell whether they name a child; ``certain`` are the `mentions`, which do.

    They are whole values of variables, flags and keys of a ConfigMap that are a Service's name, or a pod's of a
    StatefulSet, unless they are called as something else, or stand in what the Service is for; and the objects that
    Prometheus is asked for.
    """
    sure = {(child, at.segments) for child, at in certain}
    named = [child for child in children if labelling.is_service(child.body) or _is_stateful(child)]
    for text in _texts(children):
        is_open = (text.child, text.at.segments) not in sure and not text.names
        if is_open and (found := _meant(text, named) or _asked_for(text, children)):
            yield Word(text.child, text.at, found)


_WHOLE = frozenset({"value", "args", "command", "data"})
"""Of a container or a ConfigMap, the fields of which the values may be an address, or the list that they stand in."""

_KEY = re.compile(r"(?P<key>[\w.-]+)[= ]*$")
_LONGEST = 300
"""Characters before a text that are looked at: the time that the search takes grows faster than they do."""

_OTHERWISE = re.compile(
    r"""(?:^|[_.-])(?:
        user(?:_?name)?|role|mode|type|kind|app(?:lication)?(?:[_-]?name)?|otel[_-]service[_-]name|component|program
        |db(?:[_-]?name)?|database(?:[_-]?name)?|schema|engine|driver|dialect|adapter|provider|client|connection|store
        |profile|env|environment|stage|level|image|command|entrypoint|group|owner|tenant|realm|topic|queue|bucket|index
        |password|path|dir|file|log|format|container(?:[_-]?name)?
        )$""",
    re.IGNORECASE | re.VERBOSE,
)
"""The end of a key whose value is no host, though it is one's name: ``APP_ROLE=web``, ``DB_CONNECTION=mysql``."""


def _is_stateful(child: Child) -> bool:
    return (child.group, child.kind) == ("apps", "StatefulSet")


def _meant(text: _Text, children: Sequence[Child]) -> Child | None:
    """The Service whose name a whole value is, or the StatefulSet whose pod, where nothing says that it is another."""
    names = [segment.name for segment in text.at.segments if isinstance(segment, Name)]
    flag, _, value = text.text.partition("=") if text.text.startswith("-") else ("", "", text.text)
    found = next((each for each in children if _is_meant(value, each)), None)
    if found is None or not _WHOLE & {*names[-2:]} or not openapi.knows(text.child.api_version, text.child.kind):
        return None
    key = _KEY.search((flag or text.before)[-_LONGEST:])
    is_otherwise = key is not None and _OTHERWISE.search(key["key"]) is not None
    return None if is_otherwise or (labelling.is_service(found.body) and _serves(found, text.child)) else found


def _is_meant(value: str, child: Child) -> bool:
    """Whether a value is the name of a Service, or of a pod of a StatefulSet."""
    if labelling.is_service(child.body):
        return value == child.name
    of, _, number = value.rpartition("-")
    return of == child.name and number.isdecimal()


def _serves(service: Child, child: Child) -> bool:
    """Whether the pods of a child are those of a Service: they know what they are called."""
    selector = fields.value_at(service.body, "spec", "selector")
    return service.name == child.name or any(
        isinstance(selector, dict) and bool(selector) and selector.items() <= labels.items()
        for labels in labelling.template_labels(child.body)
    )


_MATCHER = re.compile(r"\b(?P<label>[a-z_]+)\s*(?:=|!=|=~|!~)\s*\"(?P<value>[a-z0-9-]+)\"")


def _asked_for(text: _Text, children: Sequence[Child]) -> Child | None:
    """The child that Prometheus is asked for, in a ConfigMap or a custom object: ``job="web"``.

    A job is called as the Service that it is found by
    (https://prometheus-operator.dev/docs/api-reference/api/#monitoring.coreos.com/v1.ServiceMonitorSpec), and what
    kube-state-metrics tells of an object has a label that is called as its kind.
    """
    if text.child.kind != "ConfigMap" and openapi.knows(text.child.api_version, text.child.kind):
        return None
    asked = {(found["label"], found["value"]) for found in _MATCHER.finditer(text.text)}
    asked |= {("service", value) for label, value in asked if label == "job"}
    return next((child for child in children if (child.kind.lower(), child.name) in asked), None)


def callers(service: Child, children: Sequence[Child]) -> Iterator[Child]:
    """The children that name a Service in a text: they tell its port there, or know it without a word."""
    called = frozenset({service.name})
    known = _Known(frozenset({(service.kind, service.name)}), BaseNames(called, called), home_namespace(children))
    others = [child for child in children if child != service]
    yield from dict.fromkeys(text.child for text in _texts(others) if _names_child(text, known))


def _read_secrets(children: Sequence[Child], home: str) -> Iterator[str]:
    """Of the Secrets that others of the base make, such as Certificates, those that something of it reads."""
    made = {(maker, at.segments): name for maker, at, name in child_names.made_secrets(children)}
    yield from (name for name in dict.fromkeys(made.values()) if _is_read(name, made, children, home))


def _is_read(
    secret: str, made: Collection[tuple[Child, tuple[Segment, ...]]], children: Sequence[Child], home: str
) -> bool:
    """Whether a text of the base names a Secret; ``made`` are those that say that it is to be made."""
    objects = frozenset({("Secret", secret)})
    known = _Known(objects, BaseNames(frozenset({secret}), objects=objects), home)
    return any(
        (text.names, text.text) == ("Secret", secret) if text.names else _names_child(text, known)
        for text in _texts(children)
        if (text.child, text.at.segments) not in made
    )


def may_be_made(children: Sequence[Child]) -> Iterator[tuple[Child, FieldPath, str]]:
    """Where a Job is told the name of a Secret that is in no base, and that others of it read: it may make that."""
    home = home_namespace(children)
    known = {name for _, _, name in child_names.made_secrets(children)} | {
        child.name for child in children if (child.group, child.kind) == ("", "Secret")
    }
    told = [(child, at, name) for child in children for _, at, name in child_names.secrets_in_arguments(child)]
    for child, at, name in told:
        if name not in known and _is_read(name, {(each, at.segments) for each, at, _ in told}, children, home):
            yield child, at, name


def needed_by(installed: Body, children: Sequence[Child]) -> Iterator[Child]:
    """The children that an object which is installed once for all CRs asks by name: the webhook of a CRD.

    Each CR has its own, called otherwise, and the CRD can only ask one.
    """
    service = fields.value_at(installed, "spec", "conversion", "webhook", "clientConfig", "service", "name")
    yield from (child for child in children if (child.group, child.kind, child.name) == ("", "Service", service))


# --- which texts -----------------------------------------------------------------------------------------------------


def _texts(children: Sequence[Child]) -> Iterator[_Text]:
    for child in children:
        type_ = (child.group, child.kind)
        if type_ != ("", "Secret"):  # what a Secret holds is not read
            yield from _in_child(child)
        if child.is_beside or type_ == ("", "PersistentVolume"):  # elsewhere there are other objects
            for pattern, kind in _REFERENCES.get(type_, {}).items():
                for text in _at(child, pattern):
                    yield replace(text, names=kind)
        if type_ in _ROLES:
            yield from _in_rules(child, children)
        if type_ == _SCALED[0] and not _is_kubernetes_own(target := fields.value_at(child.body, *_SCALED[1])):
            yield from _in_custom(child, target, _SCALED[1], _SCALED[1][-1])


def _is_kubernetes_own(reference: Json) -> bool:
    """Whether a reference is to an object of one of Kubernetes' own kinds."""
    api_version, kind = (fields.value_at(reference, name) for name in ("apiVersion", "kind"))
    return openapi.knows(str(api_version), str(kind))


def _in_rules(role: Child, children: Sequence[Child]) -> Iterator[_Text]:
    """The names of objects that a role gives rights to, where its rule is for a kind that has a child of that name."""
    within = [child for child in children if role.cluster_scoped or child.namespace == role.namespace]
    for index, rule in enumerate(map(fields.mapped, fields.listed(role.body.get("rules")))):
        kinds = {
            (child.kind, child.name)
            for child in within
            if (child.group, child.kind) not in _RENAMED_IN_ROLES
            and _is_for(rule, child.group, plural_of(child.kind), *_CALLED_ALIKE.get((child.group, child.kind), ()))
        }
        for at, name in fields.places(role.body, parse(f"rules.{index}.resourceNames.*")):
            kind = next((kind for kind, called in kinds if called == name), None)
            if isinstance(name, str) and (kind is not None or _is_for(rule, "", "secrets")):
                yield _Text(role, at, name, names=kind or "Secret")


def _is_for(rule: Mapping[str, Json], group: str, *plurals: str) -> bool:
    """Whether a rule of a role is for objects that are called so together."""
    resources = {str(each).partition("/")[0] for each in fields.listed(rule.get("resources"))}
    groups = {str(each) for each in fields.listed(rule.get("apiGroups"))}
    return not resources.isdisjoint({*plurals, "*"}) and not groups.isdisjoint({group, "*"})


def _in_child(child: Child) -> Iterator[_Text]:
    is_custom = not openapi.knows(child.api_version, child.kind)
    pods = None if is_custom else labelling.pods_at(child.body)
    spec = () if pods is None else (*pods, "spec")
    type_ = (child.group, child.kind)
    for text in _at(child, *(".".join([*spec, text]) for text in _OF_CONTAINER if spec), *_OF_KIND.get(type_, ())):
        if not addresses.is_program(text.at):
            yield text
    if child.is_beside and spec:
        for text in _at(child, *(".".join([*spec, text]) for text in _SECRETS_OF_PODS)):
            yield replace(text, names="Secret")
        for text in _at(child, ".".join([*spec, _ALIAS])):
            yield replace(text, names="ServiceAccount")
    if is_custom:
        yield from _in_custom(child, child.body, (), "")
    metadata = [("metadata",), *([] if pods is None else [(*pods, "metadata")])]
    for text in _at(child, *(".".join([*at, "annotations", "*"]) for at in metadata)):
        yield replace(text, may_be_reference=True)


def _at(child: Child, *patterns: str) -> Iterator[_Text]:
    for pattern in patterns:
        for at, text in fields.places(child.body, parse(pattern)):
            if isinstance(text, str):
                yield _Text(child, at, text)


def _in_custom(child: Child, value: Json, at: Pointer, key: str) -> Iterator[_Text]:
    """The texts below a value of a custom object; ``key`` is the field that it is of."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for member, below in members:
        if not at and member in ("apiVersion", "kind", "metadata", "status"):
            continue
        field = member if isinstance(member, str) else key
        if not isinstance(below, str):
            yield from _in_custom(child, below, (*at, member), field)
        elif isinstance(value, dict):
            path = fields.path_to(*at, member)
            yield _Text(child, path, below, may_be_reference=True, field=field, beside=value.get("kind"), of=key)
        else:
            yield _Text(child, fields.path_to(*at, member), below, may_be_reference=True)


# --- whom they name --------------------------------------------------------------------------------------------------


def _names_child(text: _Text, known: _Known) -> bool:
    own = child_names.own_namespace(text.child, known.home)
    return (
        addresses.names_one(text.text, known.texts, own, text.before, text.after)
        or (text.may_be_reference and addresses.is_reference(text.text, known.texts, own))
        or (bool(text.field) and _refers(text, known))
    )


def _refers(text: _Text, known: _Known) -> bool:
    """Whether a field refers to a child: ``issuerRef: {name: ca}``, ``services: [{name: web}]``, ``secretName``."""
    if text.field != "name":
        return text.field.endswith("Name") and _has(known, text.field.removesuffix("Name"), text.text)
    if isinstance(text.beside, str):
        return (text.beside, text.text) in known.children
    of = text.of.removesuffix("s")
    return any(name == text.text for _, name in known.children) if of.endswith("Ref") else _has(known, of, text.text)


def _has(known: _Known, kind: str, name: str) -> bool:
    return any(each.lower() == kind.lower() and called == name for each, called in known.children)
