"""Secrets whose values are made once."""

import base64
from typing import Any

from nuvop import generated
from nuvop.crd import ResourceType
from nuvop.objects import CRKey, ObjectKey

CR = CRKey("psqls", "demo", "a")
KEY = ObjectKey("", "Secret", "demo", "a-password")
TYPE = ResourceType("x.org", "v1", "Psql", "psqls")
BASE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Secret",
    "type": "Opaque",
    "metadata": {"name": "password", "labels": {"app": "db"}, "annotations": {"note": "x"}},
    "stringData": {"user": "admin"},
    "data": {"fixed": "Zml4ZWQ="},
}


def claim(name: str, **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "uid": f"uid-{name}", **metadata}}


def test_a_secret() -> None:
    made = [generated.secret(BASE, KEY, CR, "u1", {"password": 24}, []) for _ in range(2)]
    assert made[0]["data"] != made[1]["data"]
    values = {name: base64.b64decode(value).decode() for name, value in made[0]["data"].items()}
    assert (values["user"], values["fixed"]) == ("admin", "fixed")
    assert len(values["password"]) == 24
    assert values["password"].isalnum()
    assert "stringData" not in made[0]
    assert (made[0]["type"], made[0]["metadata"]["name"], made[0]["metadata"]["namespace"]) == (
        "Opaque",
        "a-password",
        "demo",
    )
    assert made[0]["metadata"]["annotations"] == {"note": "x"}
    assert made[0]["metadata"]["labels"] == {
        "app": "db",
        "app.kubernetes.io/managed-by": "nuvop",
        "nuvop.nuvolaris.org/instance": "psqls-a",
        "nuvop.nuvolaris.org/owner": "u1",
        "nuvop.nuvolaris.org/generated": "true",
    }
    assert generated.is_generated(made[0])


def test_its_owners_are_the_cr_and_the_data() -> None:
    cr = {"metadata": {"name": "a", "uid": "u1"}}
    owners = generated.owners(cr, TYPE, [claim("www-0")])
    assert [(owner["kind"], owner["uid"]) for owner in owners] == [
        ("Psql", "u1"),
        ("PersistentVolumeClaim", "uid-www-0"),
    ]
    # None of them is its controller: there may be but one, and a Secret has no need of any.
    assert not any("controller" in owner for owner in owners)
    assert [owner["kind"] for owner in generated.owners(None, TYPE, [claim("www-0")])] == ["PersistentVolumeClaim"]


def test_what_has_to_be_changed() -> None:
    owners = generated.owners({"metadata": {"name": "a", "uid": "u2"}}, TYPE, [claim("www-0")])
    made = generated.secret(BASE, KEY, CR, "u2", {"password": 24}, owners)
    assert generated.changes(made, CR, "u2", owners) == []
    of_another = generated.secret(BASE, KEY, CR, "u1", {"password": 24}, owners[1:])
    assert generated.changes(of_another, CR, "u2", owners) == [
        {"op": "add", "path": "/metadata/labels/nuvop.nuvolaris.org~1owner", "value": "u2"},
        {"op": "add", "path": "/metadata/ownerReferences", "value": owners},
    ]


def test_one_that_was_brought_back_gets_all_of_its_labels() -> None:
    labels = {
        "app.kubernetes.io~1managed-by": "nuvop",
        "nuvop.nuvolaris.org~1instance": "psqls-a",
        "nuvop.nuvolaris.org~1owner": "u1",
        "nuvop.nuvolaris.org~1generated": "true",
    }
    adds = [{"op": "add", "path": f"/metadata/labels/{name}", "value": value} for name, value in labels.items()]
    assert generated.changes({"metadata": {"labels": {"mine": "x"}}}, CR, "u1", []) == adds
    empty = {"op": "add", "path": "/metadata/labels", "value": {}}
    assert generated.changes({"metadata": {}}, CR, "u1", []) == [empty, *adds]


def test_a_claim_that_is_going_needs_no_password() -> None:
    live = {
        ObjectKey("", "PersistentVolumeClaim", "demo", name): claim(name, **more)
        for name, more in {"www-1": {}, "www-0": {}, "www-2": {"deletionTimestamp": "now"}}.items()
    }
    live[ObjectKey("", "ConfigMap", "demo", "x")] = claim("x")
    assert [body["metadata"]["name"] for body in generated.claims(live)] == ["www-0", "www-1"]
