"""What differs between an object as it is and as it would be."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuvop import differences, fields
from nuvop.differences import MISSING, Difference, Hidden
from nuvop.fields import Every, Name, Where
from nuvop.objects import LAST_APPLIED, MANAGED_BY_LABEL, OWNER_LABEL, REVISION_LABEL


def obj(kind: str = "ConfigMap", metadata: dict[str, Any] | None = None, **members: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": "a", **(metadata or {})}, **members}


def between(before: dict[str, Any], after: dict[str, Any], **more: Any) -> list[tuple[str, Any, Any]]:
    return [(each.path, each.before, each.after) for each in differences.between(before, after, **more)]


def test_members_and_items() -> None:
    before = obj(
        spec={
            "replicas": 1,
            "containers": [{"name": "a", "image": "x:1"}, {"name": "b", "args": ["1", "2"]}],
            "ports": [{"port": 80}, {"port": 81, "name": "x"}],
            "rules": [{"hosts": ["a"]}, {"hosts": ["b"]}],
            "gone": {"a": 1},
        }
    )
    after = obj(
        spec={
            "replicas": None,
            "containers": [{"name": "a", "image": "x:2"}, {"name": "b", "args": ["1", "3"]}, {"name": "c"}],
            "ports": [{"port": 80, "protocol": "TCP"}],
            "rules": [{"hosts": ["a"]}, {"hosts": ["c"]}],
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
        ("spec.rules.1.hosts", ["b"], ["c"]),
        ("spec.gone", {"a": 1}, MISSING),
        ("spec.new", MISSING, False),
    ]


def test_the_order_of_a_list_counts() -> None:
    """Init containers run one after the other, and an env value may name an earlier one."""
    before, after = [{"name": "a", "value": "1"}, {"name": "b"}], [{"name": "b"}, {"name": "a", "value": "1"}]
    assert between(obj(env=before), obj(env=after)) == [("env", before, after)]
    between_two = [{"name": "a", "value": "1"}, {"name": "c"}, {"name": "b"}]
    assert between(obj(env=before), obj(env=between_two)) == [("env.[name=c]", MISSING, {"name": "c"})]


def test_a_list_of_which_nobody_knows_which_item_is_which_is_one_value() -> None:
    shorter, longer = [{"a": 1}], [{"a": 2}, {"a": 1}]
    assert between(obj(x=shorter), obj(x=longer)) == [("x", shorter, longer)]
    twice = [{"name": "a"}, {"name": "a"}]
    assert between(obj(x=[]), obj(x=twice)) == [("x", [], twice)]


@pytest.mark.parametrize(("before", "after"), [(1, True), (0, False), (1, "1"), ("", None), ([], {}), ([1], [True])])
def test_values_of_two_types_differ(before: Any, after: Any) -> None:
    assert between(obj(x=before), obj(x=after)) == [("x", before, after)]


def test_bookkeeping_is_no_difference() -> None:
    before = obj(
        metadata={
            "uid": "u",
            "resourceVersion": "1",
            "generation": 1,
            "managedFields": [1],
            "creationTimestamp": "x",
            "labels": {REVISION_LABEL: "r1", OWNER_LABEL: "u1", "app": "a"},
            "annotations": {LAST_APPLIED: "{}"},
        },
        status={"x": 1},
    )
    after = obj(metadata={"labels": {REVISION_LABEL: "r2", OWNER_LABEL: "u2", "app": "a"}})
    assert between(before, after) == []
    after["metadata"]["labels"]["app"] = "b"
    after["metadata"]["annotations"] = {"a.b/c": "1"}
    assert between(before, after) == [
        ("metadata.labels.app", "a", "b"),
        ("metadata.annotations.[a.b/c]", MISSING, "1"),
    ]


def test_that_labels_and_owners_are_put_back_is_told() -> None:
    owner = {"uid": "u1", "kind": "Sample"}
    after = obj(metadata={"labels": {REVISION_LABEL: "r", MANAGED_BY_LABEL: "nuvop"}, "ownerReferences": [owner]})
    assert between(obj(), after) == [
        (f"metadata.labels.[{REVISION_LABEL}]", MISSING, "r"),
        (f"metadata.labels.[{MANAGED_BY_LABEL}]", MISSING, "nuvop"),
        ("metadata.ownerReferences", MISSING, [owner]),
    ]
    orphan = obj(metadata={"labels": after["metadata"]["labels"]})
    assert between(after, orphan) == [("metadata.ownerReferences", [owner], MISSING)]


def test_a_secrets_values_are_kept() -> None:
    before = obj("Secret", {"annotations": {"copy": "hunter2"}}, data={"a": "hunter2", "b": "hunter2", "same": "x"})
    after = obj("Secret", data={"a": "hunter3", "c": "hunter3", "same": "x"}, type="t", other="hunter2")
    found = differences.between(before, after)
    assert [(each.path, each.is_secret) for each in found] == [
        ("metadata.annotations.copy", True),
        ("data.a", True),
        ("data.b", True),
        ("data.c", True),
        ("type", False),
        ("other", True),
    ]
    assert "hunter" not in repr(found)
    (whole,) = differences.between(obj("Secret"), obj("Secret", data={"a": "hunter2"}))
    assert (whole.path, whole.is_secret) == ("data.a", True)


def test_a_field_that_is_said_to_be_secret_is_kept() -> None:
    way = fields.parse("spec.password").segments
    before, after = obj(spec={"password": "hunter2", "x": 1}), obj(spec={"password": "hunter3", "x": 2})
    found = differences.between(before, after, secret=[way])
    assert found == (
        Difference("spec.password", Hidden("hunter2"), Hidden("hunter3")),
        Difference("spec.x", 1, 2),
    )
    (whole,) = differences.between(obj(), after, secret=[way])
    assert (whole.path, whole.after) == ("spec", {"password": Hidden("hunter3"), "x": 2})
    assert "hunter" not in repr((found, whole))
    assert not differences.between(before, before, secret=[way, fields.parse("spec.not.there").segments, (Name("x"),)])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "b", "1", "true", "]", "a=b"]),
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "a", "b.c", "*", "[x]", "a=b", "d\\e", "]=."]), below, max_size=3)
    ),
    max_leaves=15,
)


def is_same(before: Any, after: Any) -> bool:
    """Strictly: a number is no boolean."""
    match before, after:
        case dict(), dict():
            return before.keys() == after.keys() and all(is_same(before[name], after[name]) for name in before)
        case list(), list():
            return len(before) == len(after) and all(map(is_same, before, after))
    return type(before) is type(after) and before == after


@given(JSON, JSON)
def test_there_are_differences_if_and_only_if_values_differ(before: Any, after: Any) -> None:
    assert bool(between(obj(x=before), obj(x=after))) == (not is_same(before, after))


@given(JSON, JSON)
def test_a_path_leads_to_the_value_that_it_is_said_to_have(before: Any, after: Any) -> None:
    was, will = obj(x=before), obj(x=after)
    for path, old, new in between(was, will):
        assert fields.values(was, fields.parse(path)) == ([] if old is MISSING else [old]), path
        assert fields.values(will, fields.parse(path)) == ([] if new is MISSING else [new]), path


@given(JSON, JSON)
def test_the_differences_are_all_that_it_takes(before: Any, after: Any) -> None:
    """Made to the one, they give the other, but for the places of items that are new."""
    was = copy.deepcopy(obj(x=before))
    for path, _, new in reversed(between(obj(x=before), obj(x=after))):
        change(was, path, new)
    assert all(isinstance(each.before, list) for each in differences.between(was, obj(x=after)))
    assert is_same(in_any_order(was["x"]), in_any_order(after))


def change(at: Any, path: str, value: Any) -> None:
    *way, last = fields.parse(path).segments
    for segment in way:
        at = at[place(at, segment)]
    key = place(at, last)
    if value is MISSING:
        del at[key]
    elif key is None:
        at.append(value)
    else:
        at[key] = value


def place(at: Any, segment: Name | Where | Every) -> Any:
    match segment:
        case Name(name):
            return int(name) if isinstance(at, list) else name
        case Where(key, value):
            return next((i for i, item in enumerate(at) if fields.as_text(item[key]) == value), None)
    raise AssertionError(segment)


def in_any_order(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: in_any_order(value[name]) for name in sorted(value)}
    return sorted(map(in_any_order, value), key=repr) if isinstance(value, list) else value
