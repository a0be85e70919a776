"""What can be set from outside, read once from the environment.

| variable                    | means                                                          | default     |
|-----------------------------|----------------------------------------------------------------|-------------|
| ``NUVOP_KINDS``             | kind folders, or folders of them, with ``:`` between           | kustomize   |
| ``NUVOP_GENERATED``         | where overlays are written; nuvop's alone                      | generated   |
| ``NUVOP_SERVICE_ACCOUNT``   | where a pod's service-account token, CA and namespace stand    | the pod's   |
| ``NUVOP_HTTP``              | ``host:port`` or ``:port`` for health and metrics over HTTP     | not served  |
| ``NUVOP_PRUNE_LIMIT``       | percent of a kind's children that a changed folder may prune   | 50          |

A variable that is empty is as good as not set. Everything else follows from the kubeconfig and from the kinds
themselves.
"""

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nuvop.errors import SettingsError

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
KINDS_VARIABLE = "NUVOP_KINDS"
HTTP = "NUVOP_HTTP"
PRUNE_LIMIT = "NUVOP_PRUNE_LIMIT"

KINDS = Path("kustomize")

PRUNE_LIMIT_DEFAULT = 50
"""Percent."""

LAST_PORT = 65535

_HOST_AND_PORT = re.compile(r"(?:\[(?P<ipv6>[^\[\]]+)\]|(?P<host>[A-Za-z0-9.-]*)):(?P<port>[0-9]{1,5})")


@dataclass(frozen=True)
class Address:
    """Where to listen: a host name or an IP address (without brackets), empty for all of this machine's; a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Settings:
    """nuvop's settings; paths are absolute, ``prune_limit`` is a percentage, ``http`` is None for no server."""

    kinds: tuple[Path, ...]
    generated: Path
    service_account: Path
    http: Address | None
    prune_limit: int


def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings; paths are taken relative to the current folder.

    Raises SettingsError, which names the variable and its value, where one cannot be understood.
    """
    return Settings(
        kinds=tuple(Path(part).absolute() for part in _parts(environment.get(KINDS_VARIABLE, "")))
        or (KINDS.absolute(),),
        generated=Path(environment.get("NUVOP_GENERATED") or "generated").absolute(),
        service_account=Path(environment.get("NUVOP_SERVICE_ACCOUNT") or SERVICE_ACCOUNT).absolute(),
        http=_address(HTTP, environment.get(HTTP, "")),
        prune_limit=_percentage(PRUNE_LIMIT, environment.get(PRUNE_LIMIT, ""), PRUNE_LIMIT_DEFAULT),
    )


def _parts(value: str) -> list[str]:
    """The parts of a value like that of ``PATH``."""
    return [part for part in value.split(os.pathsep) if part]


def _address(variable: str, value: str) -> Address | None:
    if not value:
        return None
    match = _HOST_AND_PORT.fullmatch(value)
    port = int(match["port"]) if match else 0
    if match is None or not 1 <= port <= LAST_PORT or not _is_ipv6(match["ipv6"]):
        raise SettingsError(
            f"{variable}: {value!r} is not an address such as 127.0.0.1:9090, :9090 (all addresses) or [::1]:9090"
        )
    return Address(match["ipv6"] or match["host"], port)


def _is_ipv6(host: str | None) -> bool:
    """Whether what stands in brackets may do so; nothing may."""
    try:
        return host is None or bool(ipaddress.IPv6Address(host))
    except ValueError:
        return False


def _percentage(variable: str, value: str, default: int) -> int:
    if not value:
        return default
    if not re.fullmatch(r"[0-9]{1,3}", value) or not 1 <= int(value) <= 100:
        raise SettingsError(f"{variable}: {value!r} is not a whole number of percent from 1 to 100")
    return int(value)
