"""What can be set from outside, read once from the environment.

| variable                    | means                                                          | default     |
|-----------------------------|----------------------------------------------------------------|-------------|
| ``NUVOP_KINDS``             | the folder of kind folders                                     | kustomize   |
| ``NUVOP_GENERATED``         | where overlays are written; nuvop's alone                      | generated   |
| ``NUVOP_SERVICE_ACCOUNT``   | where a pod's service-account token, CA and namespace stand    | the pod's   |

Everything else follows from the kubeconfig and from the kinds themselves.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True)
class Settings:
    """nuvop's settings; paths are absolute."""

    kinds: Path
    generated: Path
    service_account: Path


def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings; paths are taken relative to the current folder."""
    return Settings(
        kinds=Path(environment.get("NUVOP_KINDS") or "kustomize").absolute(),
        generated=Path(environment.get("NUVOP_GENERATED") or "generated").absolute(),
        service_account=Path(environment.get("NUVOP_SERVICE_ACCOUNT") or SERVICE_ACCOUNT).absolute(),
    )
