"""Which PersistentVolumeClaims go with their StatefulSet, and which stay: what its controller leaves undone. Pure.

A StatefulSet says so in its ``persistentVolumeClaimRetentionPolicy``
(https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#persistentvolumeclaim-retention), and its
controller carries that out with ownerReferences. But when the policy changes, the controller changes them for the
claims of those pods only that there are, up to the first one that is not ready (processReplica in
https://github.com/kubernetes/kubernetes/blob/v1.36.3/pkg/controller/statefulset/stateful_set_control.go). The claim of
a pod that was scaled away would go though it is to stay by now, and its data with it, or stay though it is to go.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nuvop import fields, marks
from nuvop.objects import Body, ObjectKey, group_of, is_deleting, key_of

CLAIM = ("v1", "PersistentVolumeClaim")
POLICY = "persistentVolumeClaimRetentionPolicy"


def has_claims(body: Body) -> bool:
    """Whether an object is a StatefulSet that makes PersistentVolumeClaims."""
    is_one = (group_of(body["apiVersion"]), body["kind"]) == ("apps", "StatefulSet")
    return is_one and bool(fields.value_at(body, "spec", "volumeClaimTemplates"))


@dataclass(frozen=True)
class Change:
    """A claim that ``goes`` with its StatefulSet from now on, or stays, and its ownerReferences then."""

    claim: Body
    goes: bool
    owners: list[dict[str, Any]]


def changes(stateful_set: Body, live: Mapping[ObjectKey, Body]) -> Iterator[Change]:
    """What has to be changed so that a StatefulSet's claims are as it says; ``live`` holds all of a CR's objects.

    Nothing where claims go with their pods: their owners are the pods then, which come and go.
    """
    policy = fields.value_at(stateful_set, "spec", POLICY) or {}
    if policy.get("whenScaled") == "Delete" or is_deleting(stateful_set):
        return
    owner, goes = _owner(stateful_set), policy.get("whenDeleted") == "Delete"
    for claim in _claims(stateful_set, live):
        if marks.is_owned(claim, owner["uid"]) != goes:
            others = [each for each in claim["metadata"].get("ownerReferences") or [] if each["uid"] != owner["uid"]]
            yield Change(claim, goes, [*others, owner] if goes else others)


def _owner(stateful_set: Body) -> dict[str, Any]:
    """The ownerReference as the controller of StatefulSets writes it."""
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "name": stateful_set["metadata"]["name"],
        "uid": stateful_set["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def _claims(stateful_set: Body, live: Mapping[ObjectKey, Body]) -> Iterator[Body]:
    """The claims that its controller has made."""
    for key, body in sorted(live.items()):
        if is_claim_of(key, stateful_set) and not is_deleting(body):
            yield body


def is_claim_of(key: ObjectKey, stateful_set: Body) -> bool:
    """Whether an object is a claim that a StatefulSet's controller has made, by its name
    (https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#stable-storage):
    ``<template>-<StatefulSet>-<number>``.
    """
    of = key_of(stateful_set)
    is_beside = (key.group, key.kind, key.namespace) == ("", "PersistentVolumeClaim", of.namespace)
    if not (is_beside and has_claims(stateful_set)):
        return False
    templates = fields.value_at(stateful_set, "spec", "volumeClaimTemplates")
    names = "|".join(re.escape(template["metadata"]["name"]) for template in templates)
    return re.fullmatch(rf"(?:{names})-{re.escape(of.name)}-[0-9]+", key.name) is not None
