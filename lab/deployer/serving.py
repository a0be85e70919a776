"""Which kinds a deployed operator serves. Only its log tells: nobody else knows what an image holds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lab.controlplane import console
from lab.deployer import kubectl, readiness
from lab.deployer.errors import DeployError
from nuvop.catalog import SERVING

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

_CRD = r"[-a-z0-9]+\.[-.a-z0-9]+"


def check(namespace: str, wanted: AbstractSet[str]) -> None:
    """Raise DeployError where the operator of a namespace does not serve all that is wanted; ``wanted`` are CRDs.

    Says so where it serves more, or does not tell.
    """
    running = [pod["metadata"]["name"] for pod in readiness.pods(namespace) if pod["status"].get("phase") == "Running"]
    for pod in running:
        code, log, errors = kubectl.attempt("logs", pod, f"--namespace={namespace}")
        served = told(log)
        if code or served is None:
            why = errors.strip() or f"the log of {pod} does not tell"
            console.say(f"which kinds the image holds is not known: {why}")
        elif said := difference(wanted, served):
            console.say(said)


def told(log: str) -> frozenset[str] | None:
    """The CRDs of the kinds that are served, as a log tells; None where it does not."""
    found = re.search(rf"(?<![\w-]){SERVING}({_CRD}(?:, {_CRD})*|nothing)", log)
    return frozenset(re.findall(_CRD, found[1])) if found else None


def difference(wanted: AbstractSet[str], served: AbstractSet[str]) -> str:
    """What is served beside that what is wanted, in words; raise DeployError where something is lacking."""
    lacking, more = wanted - served, served - wanted
    if lacking:
        raise DeployError(
            f"the operator is Ready, but it serves {_listed(served) or 'nothing'}, and not {_listed(lacking)}: name "
            "the kinds that its image holds (KINDS=), or build one that holds these (task image KINDS=); what is wrong "
            "with a kind that it holds and does not serve is in its log"
        )
    if more:
        return (
            f"the image also holds {_listed(more)}: KINDS= does not name them, so they have got neither CRD nor rights"
        )
    return ""


def _listed(crds: AbstractSet[str]) -> str:
    return ", ".join(sorted(crds))
