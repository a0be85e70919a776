"""What of a Secret's values a plan does not tell, wherever they stand."""

import asyncio
import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from nuvop import differences, fields, patches_py, secrecy
from nuvop import plan as plans
from nuvop.crd import Crd
from nuvop.kinds import ChildSelector, Kind, Setting
from nuvop.objects import Body, ObjectKey
from nuvop.plan import Action, Plan, Planned, Plans
from tests.unit.world import KEY, cr, make_kind, manifest

SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "pass"}, "data": {"x": "Zm9sZGVycw=="}}
CONFIG, PASS = ChildSelector("ConfigMap", "config"), ChildSelector("Secret", "pass")
PATCHES = b"""
def patches(cr):
    password = cr["spec"]["password"]
    yield {"kind": "Secret", "metadata": {"name": "pass"}, "stringData": {"url": f"db://me:{password}@db"}}
"""


def setting(source: str, child: ChildSelector, target: str = "data.x") -> Setting:
    return Setting(fields.parse(source), child, fields.parse(target))


def kind_of(*settings: Setting, python: bytes = b"", schema: Mapping[str, Any] | None = None) -> Kind:
    kind = make_kind(manifest("config"), SECRET)
    files = {patches_py.FILE: python} if python else {}
    return replace(kind, settings=settings, files=files, crd=Crd(kind.crd.resource, {"v1": schema or {}}))


def sample(**spec: Any) -> dict[str, Any]:
    return {**cr(), "spec": spec}


def config(**data: str) -> dict[str, Any]:
    return {**manifest("config"), "data": data}


def planned(kind: Kind, before: Body, after: Body, data: Sequence[str] = ("", ""), message: str = "") -> str:
    """What a program is told of a change of a CR, and of ``data`` in a child of its."""
    itself = Planned(
        Action.CHANGE,
        "v1",
        ObjectKey("", "Sample", "demo", "obj"),
        differences.between(before, after, secret=kind.secrets),
    )
    was, will = (config(x=text) for text in data)
    found = differences.between(was, will, secret=secrecy.ways_in(kind, CONFIG))
    child = Planned(Action.CHANGE, "v1", ObjectKey("", "ConfigMap", "demo", "obj-config"), found, message=message)
    plan = Plan(KEY, itself=itself, objects=(child,), message=message)
    return json.dumps(plans.as_json(Plans(plans=(asyncio.run(secrecy.kept(kind, plan, [before, after], ())),))))


def test_a_field_in_a_list_is_kept_wherever_its_item_goes() -> None:
    kind = kind_of(setting("spec.users.0.password", PASS))
    alice, bob = {"name": "alice", "password": "OLDSECRET"}, {"name": "bob", "password": "BOBSECRET"}
    for before, after in (
        ([alice], [{**alice, "password": "NEWSECRET"}]),
        ([alice, bob], [bob, alice]),
        ([alice], [bob, alice]),
        ([alice], []),
    ):
        told = planned(kind, sample(users=before), sample(users=after))
        assert "SECRET" not in told
        assert "spec.users" in told


def test_what_the_crd_calls_a_password_is_kept() -> None:
    password = {"type": "string", "format": "password"}
    schema = {
        "properties": {
            "spec": {
                "properties": {
                    "word": password,
                    "list": {"items": {"properties": {"word": password}}},
                    "map": {"additionalProperties": password},
                    "open": {"type": "string"},
                }
            }
        }
    }
    kind = kind_of(setting("spec.word", CONFIG), schema=schema)
    before, after = (
        sample(word=word, list=[{"word": word}], map={"a": word}, open=word[:3]) for word in ("OLDSECRET", "NEWSECRET")
    )
    told = planned(kind, before, after, ("OLDSECRET", "NEWSECRET"))
    assert "SECRET" not in told
    assert '{"path": "data.x", "secret": true}' in told
    assert '"from": "OLD", "to": "NEW"' in told


def test_a_field_that_reaches_a_secret_is_kept_in_every_child() -> None:
    env = "spec.template.spec.containers.[name=web].env.[name=WORD].value"
    deployment = ChildSelector("Deployment", "web")
    kind = kind_of(
        setting("spec.db.word", PASS),
        setting("spec.db.word", deployment, env),
        setting("spec.db", CONFIG),
        setting("spec.size", CONFIG, "data.size"),
    )
    assert secrecy.ways_in(kind, deployment) == {fields.parse(env).segments}
    assert secrecy.ways_in(kind, CONFIG) == {fields.parse("data.x").segments}


@pytest.mark.parametrize("other", ["NEWSECRET", "word=NEWSECRET", base64.b64encode(b"db://me:NEWSECRET@db").decode()])
def test_what_patches_py_makes_of_a_field_is_kept_wherever_it_stands(other: str) -> None:
    kind = kind_of(python=PATCHES)
    before, after = (
        sample(password="OLDSECRET", size=1, open="old"),
        sample(password="NEWSECRET", size=2, open="new"),
    )
    told = planned(kind, before, after, ("x", other), message=f"is wrong: {other}")
    assert "SECRET" not in told
    assert other not in told
    for path in ("spec.password", "data.x"):
        assert f'{{"path": "{path}", "secret": true}}' in told
    assert '{"path": "spec.size", "from": 1, "to": 2}' in told
    assert '{"path": "spec.open", "from": "old", "to": "new"}' in told


def test_where_patches_py_fails_nothing_of_the_spec_is_told() -> None:
    before, after = sample(password="OLDSECRET"), sample(pasword="NEWSECRET")
    assert "SECRET" not in planned(kind_of(python=PATCHES), before, after)


def test_what_is_in_a_live_secret_is_kept_and_the_folders_own_is_not() -> None:
    kind = kind_of(python=b"def patches(cr): return []\n")
    live = {**SECRET, "data": {"x": "Zm9sZGVycw==", "y": base64.b64encode(b"OLDSECRET").decode()}}
    found = differences.between(config(x="OLDSECRET", y="folders"), config(x="b", y="c"))
    child = Planned(Action.CHANGE, "v1", ObjectKey("", "ConfigMap", "demo", "obj-config"), found)
    (told,) = asyncio.run(secrecy.kept(kind, Plan(KEY, objects=(child,)), [sample()], [live])).objects
    assert [(each.path, each.is_secret) for each in told.differences] == [("data.x", True), ("data.y", False)]


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ('spec.x: Invalid value: "s3:cret": too long', "spec.x: Invalid value: (hidden): too long"),
        (
            r'[a: Invalid value: "s\"3": no, b: Invalid value: 5: no]',
            "[a: Invalid value: (hidden): no, b: Invalid value: (hidden): no]",
        ),
        ('spec: Invalid value: {"password":"s3cret"}: bad', "spec: Invalid value: (hidden)"),
        ("spec: Invalid value: s3cret: s3cret", "spec: Invalid value: (hidden)"),
        ('a: Duplicate value: "s3cret"', "a: Duplicate value: (hidden)"),
        ("no value", "no value"),
    ],
)
def test_an_error_does_not_quote_a_value(message: str, told: str) -> None:
    kind = kind_of(setting("spec.x", PASS))
    child = Planned(Action.FAIL, "v1", ObjectKey("", "ConfigMap", "demo", "obj-config"), message=message)
    kept = asyncio.run(secrecy.kept(kind, Plan(KEY, message=message, objects=(child,)), (), ()))
    assert (kept.message, kept.objects[0].message) == (told, told)
    assert asyncio.run(secrecy.kept(kind_of(), Plan(KEY, message=message), (), ())).message == message


def test_where_patches_py_never_ends_nothing_of_the_spec_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patches_py, "TIMEOUT", 0.2)
    for_ever = b"import threading\n\ndef patches(cr):\n    threading.Event().wait()\n"
    told = planned(kind_of(python=for_ever), sample(password="OLDSECRET"), sample(password="NEWSECRET"))
    assert "SECRET" not in told
