"""What differs between an object as it is and as it would be."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuvop import differences
from nuvop.differences import MISSING, Difference
from nuvop.objects import OWNER_LABEL, REVISION_LABEL


def obj(kind: str = "ConfigMap", metadata: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": "a", **(metadata or {})}, **fields}


def between(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    return [(each.path, each.before, each.after) for each in differences.between(before, after)]


def test_members_and_items() -> None:
    before = obj(
        spec={
            "replicas": 1,
            "containers": [{"name": "a", "image": "x:1"}, {"name": "b", "args": ["1", "2"]}],
            "ports": [{"port": 80}, {"port": 81, "name": "x"}],
            "gone": {"a": 1},
        }
    )
    after = obj(
        spec={
            "replicas": None,
            "containers": [{"name": "b", "args": ["1", "3"]}, {"name": "a", "image": "x:2"}, {"name": "c"}],
            "ports": [{"port": 80, "protocol": "TCP"}],
            "new": False,
        }
    )
    assert between(before, after) == [
        ("spec.replicas", 1, None),
        ("spec.containers.[name=a].image", "x:1", "x:2"),
        ("spec.containers.[name=b].args", ["1", "2"], ["1", "3"]),
        ("spec.containers.[name=c]", MISSING, {"name": "c"}),
        ("spec.ports.[port=80].protocol", MISSING, "TCP"),
        ("spec.ports.[port=81]", {"port": 81, "name": "x"}, MISSING),
        ("spec.gone", {"a": 1}, MISSING),
        ("spec.new", MISSING, False),
    ]


def test_a_list_whose_items_have_no_name_is_one_value() -> None:
    assert between(obj(x=[{"a": 1}]), obj(x=[{"a": 2}])) == [("x", [{"a": 1}], [{"a": 2}])]
    twice = [{"name": "a"}, {"name": "a"}]
    assert between(obj(x=[]), obj(x=twice)) == [("x", [], twice)]


def test_bookkeeping_is_no_difference() -> None:
    before = obj(
        metadata={
            "uid": "u",
            "resourceVersion": "1",
            "generation": 1,
            "managedFields": [1],
            "creationTimestamp": "x",
            "ownerReferences": [{"uid": "1"}],
            "labels": {REVISION_LABEL: "r1", OWNER_LABEL: "u1", "app": "a"},
            "annotations": {},
        },
        status={"x": 1},
    )
    after = obj(metadata={"labels": {REVISION_LABEL: "r2", OWNER_LABEL: "u2", "app": "a"}})
    assert between(before, after) == []
    after["metadata"]["labels"]["app"] = "b"
    after["metadata"]["annotations"] = {"a.b/c": "1"}
    assert between(before, after) == [
        ("metadata.labels.app", "a", "b"),
        ("metadata.annotations", MISSING, {"a.b/c": "1"}),
    ]


def test_a_secret_is_kept() -> None:
    before, after = obj("Secret", data={"a": "eA==", "b": "eQ=="}), obj("Secret", data={"a": "eg=="}, type="x")
    found = differences.between(before, after)
    assert found == [
        Difference("data.a", None, None, is_secret=True),
        Difference("data.b", None, None, is_secret=True),
        Difference("type", MISSING, "x"),
    ]
    (whole,) = differences.between(obj("Secret"), obj("Secret", data={"a": "eA=="}))
    assert (whole.path, whole.after, whole.is_secret) == ("data", None, True)


@pytest.mark.parametrize("name", ["a.b", "x/y.z"])
def test_a_name_with_dots_is_bracketed(name: str) -> None:
    assert between(obj(data={name: "1"}), obj(data={name: "2"})) == [(f"data.[{name}]", "1", "2")]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "b"]),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.sampled_from(["name", "a", "b"]), below, max_size=3),
    max_leaves=12,
)


@given(JSON, JSON)
def test_there_are_differences_if_and_only_if_values_differ(before: Any, after: Any) -> None:
    found = between(obj(x=before), obj(x=after))
    assert bool(found) == (not differs_in_order_only(before, after) and before != after)
    assert between(obj(x=before), obj(x=before)) == []


def differs_in_order_only(before: Any, after: Any) -> bool:
    """Lists whose items have names are maps to Kubernetes."""
    return repr(sorted_(before)) == repr(sorted_(after))


def sorted_(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: sorted_(below) for name, below in value.items()}
    if isinstance(value, list):
        items = [sorted_(item) for item in value]
        is_map = all(isinstance(item, dict) and "name" in item for item in items)
        names = [str(item["name"]) for item in items] if is_map else []
        return sorted(items, key=repr) if is_map and len(set(names)) == len(names) else items
    return value
