"""Where the instance label goes in a child, so that two CRs of a kind never select each other's pods. Pure.

kustomize's own ``includeSelectors`` would also give a selector to Services that have none on purpose; here a selector
takes the label only where it selects pods that the kind itself makes.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from nuvop import fields
from nuvop.fields import FieldPath, Json, Pointer
from nuvop.objects import INSTANCE_LABEL, Body, group_of

ROLLOUT = ("argoproj.io", "Rollout")
"""Of Argo Rollouts (https://argo-rollouts.readthedocs.io/en/stable/features/specification/)."""

_WORKLOADS = {
    "Deployment": "apps", "StatefulSet": "apps", "DaemonSet": "apps", "ReplicaSet": "apps", ROLLOUT[1]: ROLLOUT[0],
}  # fmt: skip
_TEMPLATES = {
    **{(group, kind): ("spec", "template") for kind, group in _WORKLOADS.items()},
    ("", "ReplicationController"): ("spec", "template"),
    ("batch", "Job"): ("spec", "template"),
    ("batch", "CronJob"): ("spec", "jobTemplate", "spec", "template"),
}
"""Where the kinds of Kubernetes itself, and a Rollout, keep their pod template."""


_MONITORS = frozenset(("monitoring.coreos.com", kind) for kind in ("PodMonitor", "ServiceMonitor"))
"""Of the Prometheus operator (https://prometheus-operator.dev/docs/api-reference/api/)."""


def _type_of(body: Body) -> tuple[str, str]:
    return group_of(body["apiVersion"]), body["kind"]


def pods_at(body: Body) -> tuple[str, ...] | None:
    """Where an object has the metadata and the spec of the pods that it makes or is; None where it makes none."""
    type_ = _type_of(body)
    if type_ == ROLLOUT and fields.value_at(body, "spec", "template") is None:
        return None  # it takes the pods of the Deployment that its workloadRef names
    return () if type_ == ("", "Pod") else _TEMPLATES.get(type_)


def selected_labels(body: Body) -> list[tuple[Pointer, Pointer]]:
    """Where a workload asks for a label of its own pods, and where they get it, label by label."""
    pods, at = pods_at(body), ("spec", "selector", "matchLabels")
    selected = fields.value_at(body, *at)
    if pods is None or not isinstance(selected, dict):
        return []
    return [((*at, name), (*pods, "metadata", "labels", name)) for name in selected]


def is_service(body: Body) -> bool:
    """Whether an object is a Service of Kubernetes itself."""
    return _type_of(body) == ("", "Service")


def template_labels(body: Body) -> Iterator[Mapping[str, str]]:
    """The labels of the pods that an object makes or is."""
    at = pods_at(body)
    if at is not None:
        yield fields.mapped(fields.value_at(body, *at, "metadata", "labels"))


def template_paths(body: Body) -> Iterator[FieldPath]:
    """Where the instance label goes so that pods and volume claims map to their CR."""
    kind = _type_of(body)
    if at := pods_at(body):
        yield fields.path_to(*at, "metadata", "labels", INSTANCE_LABEL)
    if kind == ("batch", "CronJob"):
        yield fields.path_to("spec", "jobTemplate", "metadata", "labels", INSTANCE_LABEL)
    if kind == ("apps", "StatefulSet"):
        for index in range(len(fields.listed(fields.value_at(body, "spec", "volumeClaimTemplates")))):
            yield fields.path_to("spec", "volumeClaimTemplates", index, "metadata", "labels", INSTANCE_LABEL)


def selector_paths(
    body: Body, templates: list[Mapping[str, str]], services: list[Mapping[str, str]], namespace: str
) -> Iterator[FieldPath]:
    """Where the instance label narrows a selector to this CR's own pods, or Services.

    A workload's own selector always takes it. Any other does when it selects pods that this kind makes: a selector
    of somebody else's pods, an ExternalName Service or one without a selector is none of these. ``services`` are the
    labels of the kind's Services, which a ServiceMonitor selects; ``namespace`` is the CR's.
    """
    kind = _type_of(body)
    spec = ("spec",)
    pods = pods_at(body)
    if _WORKLOADS.get(kind[1]) == kind[0] and pods:
        yield fields.path_to(*spec, "selector", "matchLabels", INSTANCE_LABEL)
    elif kind == ("", "ReplicationController"):
        yield fields.path_to(*spec, "selector", INSTANCE_LABEL)
    elif is_service(body):
        selector = fields.value_at(body, *spec, "selector")
        if (
            selector
            and fields.value_at(body, *spec, "type") != "ExternalName"
            and _selects({"matchLabels": selector}, templates)
        ):
            yield fields.path_to(*spec, "selector", INSTANCE_LABEL)
    elif kind == ("policy", "PodDisruptionBudget") and _selects(fields.value_at(body, *spec, "selector"), templates):
        yield fields.path_to(*spec, "selector", "matchLabels", INSTANCE_LABEL)
    elif kind == ("networking.k8s.io", "NetworkPolicy"):
        yield from _network_policy_selectors(body, templates)
    elif kind in _MONITORS and _looks_into(body, namespace):
        monitored = services if kind[1] == "ServiceMonitor" else templates
        if _selects(fields.value_at(body, *spec, "selector"), monitored):
            yield fields.path_to(*spec, "selector", "matchLabels", INSTANCE_LABEL)
    if pods:
        for found in _label_selectors(fields.value_at(body, *pods, "spec") or {}, (*pods, "spec")):
            if _selects(fields.value_at(body, *map(str, found)), templates):
                yield fields.path_to(*found, "matchLabels", INSTANCE_LABEL)


def _network_policy_selectors(body: Body, templates: list[Mapping[str, str]]) -> Iterator[FieldPath]:
    if _selects(fields.value_at(body, "spec", "podSelector"), templates):
        yield fields.path_to("spec", "podSelector", "matchLabels", INSTANCE_LABEL)
    for rules, peers in (("ingress", "from"), ("egress", "to")):
        for i, rule in enumerate(fields.listed(fields.value_at(body, "spec", rules))):
            for j, peer in enumerate(map(fields.mapped, fields.listed(fields.mapped(rule).get(peers)))):
                # An empty podSelector means every pod of the namespace, and with a namespaceSelector it is about
                # others' namespaces: neither is about this CR's pods alone.
                if (
                    peer.get("podSelector")
                    and "namespaceSelector" not in peer
                    and _selects(peer["podSelector"], templates)
                ):
                    yield fields.path_to("spec", rules, i, peers, j, "podSelector", "matchLabels", INSTANCE_LABEL)


def _looks_into(monitor: Body, namespace: str) -> bool:
    """Whether a monitor looks for what it monitors in a namespace; without names it is its own, or all."""
    listed = fields.value_at(monitor, "spec", "namespaceSelector", "matchNames")
    return not listed or namespace in fields.listed(listed)


def _label_selectors(obj: Json, at: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    """Every ``labelSelector`` of a pod's spec: affinity rules and topology spread constraints have them."""
    members = obj.items() if isinstance(obj, dict) else enumerate(obj) if isinstance(obj, list) else ()
    for key, below in members:
        if key == "labelSelector":
            yield (*at, key)
        else:
            yield from _label_selectors(below, (*at, key))


def _selects(selector: Json, templates: list[Mapping[str, str]]) -> bool:
    """Whether a label selector selects any of the pods (an empty one selects all, a missing one none)."""
    return isinstance(selector, dict) and any(_matches(selector, labels) for labels in templates)


def _matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    for key, value in fields.mapped(selector.get("matchLabels")).items():
        if labels.get(key) != value:
            return False
    expressions = map(fields.mapped, fields.listed(selector.get("matchExpressions")))
    return all(fits(expression, labels) for expression in expressions)


def fits(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether labels are what one of a selector's ``matchExpressions`` asks for."""
    value, listed = labels.get(str(expression.get("key"))), fields.listed(expression.get("values"))
    found = {
        "In": value in listed,
        "NotIn": value not in listed,
        "Exists": value is not None,
        "DoesNotExist": value is None,
    }
    return found.get(str(expression.get("operator")), False)
