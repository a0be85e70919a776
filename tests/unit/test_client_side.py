"""What `kubectl apply` works out by itself."""

import json
from typing import Any

import pytest

from nuvop import client_side
from nuvop.objects import LAST_APPLIED


def cr(spec: Any, last: Any = None, **metadata: Any) -> dict[str, Any]:
    """A CR; ``last`` is the spec that kubectl has applied last."""
    head = {"apiVersion": "a/v1", "kind": "A"}
    applied = {**head, "metadata": {"name": "x", "annotations": {"old": "1"}}, "spec": last}
    noted = {} if last is None else {"annotations": {"mine": "1", "old": "1", LAST_APPLIED: json.dumps(applied)}}
    return {**head, "metadata": {"name": "x", **noted, **metadata}, "spec": spec}


def test_what_a_file_has_no_more_goes_and_what_others_have_set_stays() -> None:
    live = cr(
        {"a": 1, "b": 2, "others": 3, "deep": {"a": 1, "b": 2, "others": [3]}}, last={"a": 1, "b": 2, "deep": {"b": 2}}
    )
    wanted = cr({"a": 5, "deep": {"a": 5}})
    merged = client_side.merged(live, wanted)
    assert merged["spec"] == {"a": 5, "others": 3, "deep": {"a": 5, "others": [3]}}
    assert merged["metadata"]["annotations"].keys() == {"mine", LAST_APPLIED}


def test_where_kubectl_has_not_applied_it_nothing_goes() -> None:
    assert client_side.merged(cr({"a": 1, "b": 2}), cr({"a": 5}))["spec"] == {"a": 5, "b": 2}
    mangled = cr({"a": 1}, annotations={LAST_APPLIED: "{"})
    assert client_side.merged(mangled, cr({"b": 1}))["spec"] == {"a": 1, "b": 1}


def test_who_has_applied_what_kubectl_had_printed_may_do_so_again() -> None:
    """kubectl's note then has what only the API server writes, and that is not removed though the file has it not."""
    live = cr({"a": 1}, uid="u", resourceVersion="7")
    noted = {**cr({"a": 1}, uid="u", resourceVersion="6", creationTimestamp="x"), "status": {"a": 1}}
    live["metadata"]["annotations"] = {LAST_APPLIED: json.dumps(noted)}
    live["status"] = {"a": 2}
    merged = client_side.merged(live, cr({"a": 2}))
    assert (merged["metadata"]["uid"], merged["metadata"]["resourceVersion"]) == ("u", "7")
    assert (merged["spec"], merged["status"]) == ({"a": 2}, {"a": 2})


@pytest.mark.parametrize("note", ["[]", "1", '{"metadata": 5}', "{", '{"spec": {"b": 1}}'])
def test_a_note_of_another_shape_tells_what_it_can(note: str) -> None:
    live = cr({"a": 1}, annotations={LAST_APPLIED: note})
    assert client_side.merged(live, cr({"c": 1}))["spec"] == {"a": 1, "c": 1}


@pytest.mark.parametrize(
    ("live", "wanted", "merged"),
    [
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": {"b": 1}}, {"a": None}, {}),
        ({"a": 1}, {"a": {"b": 1}}, {"a": {"b": 1}}),
        ({"a": {"b": 1}}, {"a": 1}, {"a": 1}),
        (None, {"a": 1}, {"a": 1}),
    ],
)
def test_a_merge_patch(live: Any, wanted: Any, merged: Any) -> None:
    """https://www.rfc-editor.org/rfc/rfc7396"""
    assert client_side.merged(cr(live), cr(wanted))["spec"] == merged


def test_what_only_the_api_server_writes_stays_as_it_is() -> None:
    live = {**cr({}, uid="u", resourceVersion="7", generation=3), "status": {"a": 1}}
    stale = {**cr({}, uid="v", resourceVersion="1", generation=1, managedFields=[], labels={"a": "b"}), "status": {}}
    merged = client_side.merged(live, stale)
    assert merged["metadata"] == {
        "name": "x",
        "uid": "u",
        "resourceVersion": "7",
        "generation": 3,
        "annotations": {},
        "labels": {"a": "b"},
    }
    assert merged["status"] == {"a": 1}
    bare = client_side.bare({**stale, "metadata": {**stale["metadata"], "annotations": {LAST_APPLIED: "{}"}}})
    assert bare["metadata"] == {"name": "x", "labels": {"a": "b"}, "annotations": {}}
    assert "status" not in bare


NOTE: dict[str, Any] = {"f:annotations": {".": {}, f"f:{LAST_APPLIED}": {}}}


def applied(*entries: tuple[str, str, dict[str, Any]], **members: Any) -> dict[str, Any]:
    managed = [{"manager": manager, "operation": how, "fieldsV1": tree} for manager, how, tree in entries]
    metadata = {"name": "x", "annotations": {LAST_APPLIED: "{}"}, "managedFields": managed}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, **members}


def test_what_kubectl_alone_has_set_goes() -> None:
    """Measured with kubectl 1.37: the dry run keeps it, the apply does not."""
    containers = 'k:{"name":"main"}'
    theirs = {
        "f:metadata": NOTE,
        "f:data": {"f:a": {}, "f:mine": {}},
        "f:spec": {
            "f:containers": {
                containers: {".": {}, "f:name": {}, "f:image": {}, "f:tty": {}},
                'k:{"name":"side"}': {".": {}, "f:name": {}},
            }
        },
        "f:finalizers": {'v:"theirs"': {}, 'v:"shared"': {}},
        "f:gone": {"f:x": {}},
    }
    ours = {"f:data": {"f:a": {}}, "f:spec": {"f:containers": {containers: {".": {}, "f:name": {}, "f:image": {}}}}}
    tried = applied(
        ("kubectl-client-side-apply", "Update", theirs),
        ("nuvop", "Apply", ours),
        ("other", "Update", {"f:finalizers": {'v:"shared"': {}}, "f:data": {"f:others": {}}}),
        data={"a": "1", "mine": "2", "others": "3"},
        spec={"containers": [{"name": "main", "image": "x", "tty": True}, {"name": "side", "defaulted": 1}]},
        finalizers=["theirs", "shared"],
    )
    after = client_side.without_kubectls(tried)
    assert after["data"] == {"a": "1", "others": "3"}
    assert after["spec"] == {"containers": [{"name": "main", "image": "x"}]}
    assert after["finalizers"] == ["shared"]
    assert "annotations" not in after["metadata"]
    assert tried["data"] == {"a": "1", "mine": "2", "others": "3"}


@pytest.mark.parametrize(
    ("manager", "how", "metadata"),
    [
        ("kubectl-edit", "Update", {"f:annotations": {"f:other": {}}}),
        ("kubectl", "Apply", NOTE),
    ],
)
def test_who_has_not_written_kubectls_note_keeps_what_is_theirs(manager: str, how: str, metadata: Any) -> None:
    tried = applied((manager, how, {"f:metadata": metadata, "f:data": {"f:mine": {}}}), data={"mine": "2"})
    assert client_side.without_kubectls(tried) is tried
