"""What children report into the status of their CR."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nuvop import children, fields, kind_folder, kind_yaml
from nuvop.kinds import Child, ChildField, ChildSelector, Report
from nuvop.objects import CRKey, ObjectKey
from nuvop.overlay import Overlay

KIND = kind_yaml.parse(Path("samples"), kind_folder.read(Path(__file__).parents[2] / "kustomize/samples"))
CR = CRKey("samples", "demo", "obj")


def overlay(*children_: Child) -> Overlay:
    return Overlay(CR, "r1", {}, {child.key(CR): child for child in children_}, {}, {}, (), 0, is_orphaning=False)


WEB, API = (Child("apps/v1", "Deployment", name, {}) for name in ("web", "api"))
FIXED = Child("v1", "Service", "fixed", {}, keeps_name=True)
MADE = overlay(WEB, API, FIXED)


def live(**status: Any) -> dict[ObjectKey, dict[str, Any]]:
    """Deployments with a status, by their name in the base, a Service and two Pods."""
    found: dict[ObjectKey, dict[str, Any]] = {}
    for name, value in status.items():
        key = ObjectKey("apps", "Deployment", "demo", f"obj-{name}")
        found[key] = {"metadata": {"name": key.name}, "status": value}
    for name in ("p2", "p1"):
        found[ObjectKey("", "Pod", "demo", name)] = {"metadata": {"name": name}}
    # Whoever may make a Pod may label it as another namespace's.
    found[ObjectKey("", "Pod", "elsewhere", "p0")] = {"metadata": {"name": "p0"}}
    found[ObjectKey("", "Service", "demo", "fixed")] = {"metadata": {"name": "fixed"}, "spec": {"port": 80}}
    return found


def report(*sources: str, type_: str = "", item: str = "", is_sum: bool = False, path: str = "x") -> Any:
    parsed = []
    for source in sources:
        child, _, at = source.partition(" ")
        kind, _, name = child.partition("/")
        parsed.append(ChildField(ChildSelector(kind, name), fields.parse(at)))
    line = Report(fields.parse(path), tuple(parsed), type_, item, is_sum)
    seen = live(web={"replicas": 2, "note": "a", "list": [1]}, api={"replicas": 3, "note": None})
    return children.report(replace(KIND, reports=(line,)), MADE, seen)


@pytest.mark.parametrize(
    ("sources", "how", "expected"),
    [
        (["Deployment/web status.replicas"], {"type_": "integer"}, 2),
        (["Deployment/web status.none"], {"type_": "integer"}, None),
        (["Pod/* metadata.name"], {"type_": "array", "item": "string"}, ["p1", "p2"]),
        (["Pod/* metadata.none"], {"type_": "array", "item": "string"}, []),
        (["Pod/* metadata.name", "Service/fixed metadata.name"], {"type_": "array"}, ["p1", "p2", "fixed"]),
        (["Deployment/* status.replicas"], {"type_": "integer", "is_sum": True}, 5),
        (["Deployment/* status.note", "Deployment/web status.replicas"], {"type_": "integer", "is_sum": True}, 2),
        (["Deployment/web status.none", "Deployment/api status.replicas"], {"type_": "integer"}, 3),
        (["Deployment/api status.note", "Deployment/web status.note"], {"type_": "string"}, "a"),
        # The field's type counts: the API server would refuse the whole status.
        (["Service/fixed spec.port"], {"type_": "string"}, "80"),
        (["Deployment/web status.note", "Deployment/web status.replicas"], {"type_": "integer"}, 2),
        (["Deployment/web status.list"], {"type_": "string"}, None),
        (["Deployment/web status.note"], {"type_": "boolean"}, None),
        (["Deployment/web status"], {"type_": "object"}, {"replicas": 2, "note": "a", "list": [1]}),
        (["Deployment/web status.replicas", "Deployment/web status.note"], {"type_": "array", "item": "integer"}, [2]),
    ],
)
def test_reported(sources: list[str], how: dict[str, Any], expected: Any) -> None:
    assert report(*sources, **how) == ({} if expected is None else {"x": expected})


def test_a_field_below_others() -> None:
    assert report("Deployment/web status.replicas", path="web.ready.now") == {"web": {"ready": {"now": 2}}}
