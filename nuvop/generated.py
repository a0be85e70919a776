"""Secrets whose values are made once: how one looks, and who keeps it. Pure but for chance.

Such a Secret unlocks data, so it lives as long as the data: its owners are the CR and every PersistentVolumeClaim of
the CR, and the garbage collector deletes an object when the last of its owners is gone
(https://kubernetes.io/docs/concepts/architecture/garbage-collection/#owners-dependents).
"""

import base64
import secrets
import string
from collections.abc import Iterable, Mapping
from typing import Any

from nuvop.crd import ResourceType
from nuvop.fields import pointer
from nuvop.objects import (
    GENERATED_LABEL,
    INSTANCE_LABEL,
    MANAGED_BY_LABEL,
    OWNER_LABEL,
    Body,
    CRKey,
    ObjectKey,
    is_deleting,
    labels_of,
)

_ALPHABET = string.ascii_letters + string.digits
"""What needs no quotes anywhere: neither in a URL nor in a shell nor in a configuration file."""


def is_generated(body: Body) -> bool:
    """Whether nuvop has made an object with values of chance."""
    return GENERATED_LABEL in labels_of(body)


def secret(
    base: Body, key: ObjectKey, cr: CRKey, uid: str, lengths: Mapping[str, int], owners: list[dict[str, Any]]
) -> dict[str, Any]:
    """A Secret as the base has it, with values of chance: letters and digits, ``lengths`` characters each."""
    metadata = base.get("metadata") or {}
    values = {name: "".join(secrets.choice(_ALPHABET) for _ in range(length)) for name, length in lengths.items()}
    labels = {**(metadata.get("labels") or {}), **_labels(cr, uid)}
    rest = {name: value for name, value in base.items() if name not in ("metadata", "data", "stringData")}
    texts = base.get("stringData") or {}
    return {
        **rest,
        "metadata": {
            "name": key.name,
            "namespace": key.namespace,
            "labels": labels,
            "annotations": metadata.get("annotations") or {},
            "ownerReferences": owners,
        },
        "data": {**(base.get("data") or {}), **_encoded(texts), **_encoded(values)},
    }


def _labels(cr: CRKey, uid: str) -> dict[str, str]:
    """What marks such a Secret as a CR's."""
    return {
        MANAGED_BY_LABEL: "nuvop",
        INSTANCE_LABEL: cr.instance,
        OWNER_LABEL: uid,
        GENERATED_LABEL: "true",
    }


def _encoded(texts: Mapping[str, Any]) -> dict[str, str]:
    """Texts as they stand in a Secret's ``data``."""
    return {name: base64.b64encode(str(text).encode()).decode() for name, text in texts.items()}


def claims(live: Mapping[ObjectKey, Body]) -> list[Body]:
    """The PersistentVolumeClaims of a CR that are to stay."""
    return [
        body
        for key, body in sorted(live.items())
        if (key.group, key.kind) == ("", "PersistentVolumeClaim") and not is_deleting(body)
    ]


def lost(key: ObjectKey, claimed: Iterable[Body]) -> str:
    """What there is to say of a Secret that is gone while there is data that it unlocks; empty where there is none."""
    names = ", ".join(f"PersistentVolumeClaim/{claim['metadata']['name']}" for claim in claimed)
    return f"{key} is gone, and {names} can only be read with it: bring it back, or delete the data" if names else ""


def owners(cr: Body | None, resource: ResourceType, claimed: Iterable[Body]) -> list[dict[str, Any]]:
    """The ownerReferences of such a Secret: to the CR, None where the Secret is to outlive it, and to its claims."""
    whose = [(resource.api_version, resource.kind, cr)] if cr else []
    whose += [("v1", "PersistentVolumeClaim", claim) for claim in claimed]
    return [
        {
            "apiVersion": api_version,
            "kind": kind,
            "name": body["metadata"]["name"],
            "uid": body["metadata"]["uid"],
        }
        for api_version, kind, body in whose
    ]


def changes(found: Body, cr: CRKey, uid: str, wanted: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The JSON patch that makes a Secret the CR's and gives it its owners; empty where it is, and has them."""
    metadata = found["metadata"]
    labels = {name: value for name, value in _labels(cr, uid).items() if labels_of(found).get(name) != value}
    operations: list[dict[str, Any]] = []
    if labels and not metadata.get("labels"):
        operations.append({"op": "add", "path": "/metadata/labels", "value": {}})
    for name, value in labels.items():
        operations.append({"op": "add", "path": pointer(("metadata", "labels", name)), "value": value})
    if {owner["uid"] for owner in metadata.get("ownerReferences") or []} != {owner["uid"] for owner in wanted}:
        operations.append({"op": "add", "path": pointer(("metadata", "ownerReferences")), "value": wanted})
    return operations
