"""What is told of changes that nuvop did not make."""

from typing import Any

from nuvop import drift
from nuvop.children import Comparison
from nuvop.objects import OWNER_LABEL, REVISION_LABEL, Body, ObjectKey, Taken, ownership_digest, taken_since

WEB = ObjectKey("apps", "Deployment", "demo", "web")
CONFIG = ObjectKey("", "ConfigMap", "demo", "config")


def body(nuvops: dict[str, Any], others: dict[str, dict[str, Any]] | None = None) -> dict[str, Any]:
    entries = [{"manager": "nuvop", "operation": "Apply", "fieldsV1": nuvops}]
    entries += [{"manager": name, "operation": "Update", "fieldsV1": owned} for name, owned in (others or {}).items()]
    return {"metadata": {"managedFields": entries, "labels": {REVISION_LABEL: "abc"}}}


OUR_LABELS: dict[str, Any] = {"f:metadata": {"f:labels": {f"f:{REVISION_LABEL}": {}, f"f:{OWNER_LABEL}": {}}}}


def comparison(**found: tuple[ObjectKey, ...]) -> Comparison:
    return Comparison(**{"missing": (), "outdated": (), "drifted": (), **found})


def nothing(_: ObjectKey, __: Body) -> Taken:
    return []


def test_a_changed_field_names_its_manager() -> None:
    before = body({"f:spec": {"f:replicas": {}, "f:paused": {}}})
    after = body({"f:spec": {}}, {"kubectl-scale": {"f:spec": {"f:replicas": {}}}})
    changes = drift.changes(comparison(drifted=(WEB,)), {WEB: before}, {WEB: after}, nothing)
    assert [change.contender for change in changes] == [
        (WEB, "spec.paused", ""),
        (WEB, "spec.replicas", "kubectl-scale"),
    ]
    assert drift.told(changes) == (
        "Deployment/web: spec.paused was removed, spec.replicas was changed by kubectl-scale"
    )


def test_what_others_own_now_tells_what_nobody_saw() -> None:
    """As after a restart: of what nuvop owned before there is a digest."""
    before = {**body({"f:spec": {"f:replicas": {}}}), "apiVersion": "apps/v1"}
    after = {**body({"f:spec": {}}, {"kubectl": {"f:spec": {"f:replicas": {}}}}), "apiVersion": "apps/v1"}
    changes = drift.changes(
        comparison(drifted=(WEB,)), {}, {WEB: after}, lambda _, body: taken_since(body, ownership_digest(before)) or []
    )
    assert drift.told(changes) == "Deployment/web: spec.replicas was changed by kubectl"


def test_what_nobody_saw_and_nobody_owns_is_told_as_such() -> None:
    changes = drift.changes(comparison(drifted=(WEB,)), {}, {WEB: body({})}, nothing)
    assert drift.told(changes) == "Deployment/web: was changed while nuvop was not looking"


def test_deleted_and_reapplied_children() -> None:
    changes = drift.changes(comparison(missing=(CONFIG,), outdated=(WEB,)), {}, {WEB: body(OUR_LABELS)}, nothing)
    assert drift.told(changes) == (
        "ConfigMap/config was deleted; Deployment/web was applied by another nuvop, with another folder (revision abc)"
    )
    assert len({change.contender for change in changes}) == 2


def test_another_nuvop_is_one_contender_for_all_children() -> None:
    changes = drift.changes(
        comparison(outdated=(WEB, CONFIG)), {}, {WEB: body(OUR_LABELS), CONFIG: body(OUR_LABELS)}, nothing
    )
    assert len(changes) == 2
    assert len({change.contender for change in changes}) == 1


def test_whoever_changes_nuvops_labels_is_no_other_nuvop() -> None:
    owner: dict[str, Any] = {"f:metadata": {"f:labels": {f"f:{OWNER_LABEL}": {}}}}
    after = body({"f:metadata": {"f:labels": {f"f:{REVISION_LABEL}": {}}}}, {"kubectl-label": owner})
    (change,) = drift.changes(comparison(outdated=(WEB,)), {WEB: body(OUR_LABELS)}, {WEB: after}, nothing)
    assert change.text == "Deployment/web: metadata.labels.[nuvop.nuvolaris.org/owner] was changed by kubectl-label"


def test_the_revision_label_is_a_field_as_any_other() -> None:
    """It is written alike, whoever changes it; but a person who takes it on two children does so twice."""
    nuvop = drift.changes(comparison(outdated=(WEB,)), {}, {WEB: body(OUR_LABELS)}, nothing)
    revision: dict[str, Any] = {"f:metadata": {"f:labels": {f"f:{REVISION_LABEL}": {}}}}
    owner: dict[str, Any] = {"f:metadata": {"f:labels": {f"f:{OWNER_LABEL}": {}}}}
    before, after = body(OUR_LABELS), body(owner, {"kubectl-label": revision})
    others = drift.changes(
        comparison(outdated=(WEB, CONFIG)),
        dict.fromkeys((WEB, CONFIG), before),
        dict.fromkeys((WEB, CONFIG), after),
        nothing,
    )
    assert {change.field for change in (*nuvop, *others)} == {"metadata.labels.[nuvop.nuvolaris.org/revision]"}
    assert len({change.contender for change in others}) == 2


def test_nothing_is_nothing() -> None:
    assert drift.changes(comparison(), {}, {}, nothing) == ()
