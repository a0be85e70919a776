"""What a user has asked of an API server, by its audit log, and what roles would have let him ask."""

import json
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

from lab.controlplane import Cluster

Right = tuple[str, str, str]
"""API group, resource (with the subresource) and verb."""


def entries_of(audit_log: Path, since: int = 0) -> list[dict[str, Any]]:
    """An audit log's entries after that many bytes of it, without one that is being written."""
    with audit_log.open("rb") as log:
        log.seek(since)
        return [json.loads(line) for line in log if line.endswith(b"\n")]


def requests_of(cluster: Cluster, user: str, since: int) -> list[dict[str, Any]]:
    """The audit log's entries of a user's requests after that many bytes of it."""
    return [entry for entry in entries_of(cluster.audit_log, since) if entry["user"]["username"] == user]


def used(entries: Iterable[Mapping[str, Any]]) -> set[Right]:
    """The rights that requests needed. A patch that has made an object needed the right to create it, too."""
    found = set()
    for entry in entries:
        asked = entry.get("objectRef", {})
        resource = "/".join(asked[part] for part in ("resource", "subresource") if part in asked)
        found.add((asked.get("apiGroup", ""), resource, entry["verb"]))
        if entry["verb"] == "patch" and entry.get("responseStatus", {}).get("code") == HTTPStatus.CREATED:
            found.add((asked.get("apiGroup", ""), resource, "create"))
    return found


def refused(entries: Iterable[Mapping[str, Any]]) -> list[str]:
    """The requests that were not allowed, in words."""
    return [
        f"{entry['verb']} {entry['requestURI']}: {entry['responseStatus'].get('message', '')}"
        for entry in entries
        if entry.get("responseStatus", {}).get("code") in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
    ]


def granted(roles: Iterable[Mapping[str, Any]]) -> set[Right]:
    """All that roles allow, but for what is no resource."""
    return {
        (group, resource, verb)
        for role in roles
        for rule in role["rules"]
        for group in rule.get("apiGroups", ())
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
