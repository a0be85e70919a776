"""How long the name of a custom resource may be, and what it may look like, for its children's sake. Pure."""

from collections.abc import Sequence

from nuvop.kinds import Child

NAME_LIMITS = {
    **dict.fromkeys(("Service", "Deployment", "DaemonSet", "ReplicaSet", "Job", "Pod"), 63),
    **dict.fromkeys(("StatefulSet", "CronJob"), 52),
}
"""How long a name may be that becomes a label's value or a host name
(https://kubernetes.io/docs/concepts/overview/working-with-objects/names/). A StatefulSet's pods carry a label with a
hash behind its name (https://github.com/kubernetes/kubernetes/issues/64023), a CronJob's Jobs a time
(https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/)."""

NAME_LIMIT = 253
"""How long any other name may be."""

SERVICE_RULE = "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')"
"""https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#rfc-1035-label-names"""


def name_limit(children: Sequence[Child]) -> tuple[int, Child]:
    """How many characters a CR's name may have, and the child for whose sake."""
    limits = [(NAME_LIMITS.get(child.kind, NAME_LIMIT) - len(child.name_for("")), child) for child in children]
    return min(limits, key=lambda pair: pair[0])


def needs_host_name(children: Sequence[Child]) -> Child | None:
    """A child whose name has to be a host name, so that a CR's name has to be one, too; None where there is none."""
    return next((child for child in children if (child.group, child.kind) == ("", "Service")), None)
