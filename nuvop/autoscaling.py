"""Which children of a base an autoscaler scales: how many replicas these have is not for nuvop to say. Pure."""

from collections.abc import Iterator, Sequence

from nuvop import fields
from nuvop.fields import Json
from nuvop.kinds import Child, Kind


def autoscaler_of(child: Child, base: Sequence[Child]) -> Child | None:
    """The autoscaler that sets a child's replicas; None where there is none."""
    return next((each for each in base if each.kind in BOUNDS and scales(each, child)), None)


BOUNDS = {
    "HorizontalPodAutoscaler": ("spec.minReplicas", "spec.maxReplicas"),
    "ScaledObject": ("spec.minReplicaCount", "spec.maxReplicaCount"),
}
"""Where each autoscaler has the fewest and the most replicas: Kubernetes' own and KEDA's
(https://keda.sh/docs/latest/reference/scaledobject-spec/)."""


def scales(autoscaler: Child, child: Child) -> bool:
    """Whether an autoscaler is for a child."""
    target = fields.mapped(fields.value_at(autoscaler.body, "spec", "scaleTargetRef"))
    return (target.get("kind", "Deployment"), target.get("name")) == (child.kind, child.name)


REPLICAS = fields.parse("spec.replicas")


def autoscaled(kind: Kind) -> Iterator[tuple[Child, Child, Json]]:
    """Children whose replicas an autoscaler sets, with it and what the base says."""
    for child in kind.everything:
        autoscaler = autoscaler_of(child, kind.everything)
        replicas = [fields.values(each.body, REPLICAS) for each in kind.variants if each == child]
        if autoscaler is not None and all(replicas):
            yield child, autoscaler, replicas[0][0]
