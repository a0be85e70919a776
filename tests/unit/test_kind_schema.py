"""The JSON Schema of kind.yaml takes and refuses what nuvop does, as far as the shape of the file goes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from jsonschema.protocols import Validator

from lab.docs import generated, kind_page, kind_schema
from nuvop import kind_folder, kind_yaml, yamltext
from nuvop.errors import KindError, Place
from tests.unit import test_kind_yaml

ROOT = Path(__file__).parents[2]
KINDS = sorted(path for path in [*ROOT.glob("kustomize/*/kind.yaml"), *ROOT.glob("tests/**/kind.yaml")])
HEAD = {"apiVersion": kind_yaml.API_VERSION, "kind": "Kind"}
CHECKED = Draft7Validator(kind_schema.SCHEMA)


def refused(text: str) -> bool:
    return not CHECKED.is_valid(yamltext.load(text))


def by(definition: str) -> Validator:
    return CHECKED.evolve(schema={"$ref": f"#/definitions/{definition}", **kind_schema.SCHEMA})


# --- whole files -----------------------------------------------------------------------------------------------------


def test_it_is_a_schema() -> None:
    Draft7Validator.check_schema(kind_schema.SCHEMA)


@pytest.mark.parametrize("path", sorted(generated.pages()), ids=lambda path: path.name)
def test_what_is_written_from_the_code_is_fresh(path: Path) -> None:
    assert path.read_text() == generated.pages()[path], "write it anew: task docs"


def test_the_sections_are_nuvops() -> None:
    assert set(kind_schema.SCHEMA["properties"]) == {*HEAD, *kind_yaml.SECTIONS}


@pytest.mark.parametrize("path", KINDS, ids=lambda path: path.parent.name)
def test_every_kind_of_the_project_fits(path: Path) -> None:
    CHECKED.validate(yamltext.load(path.read_bytes()))


@pytest.mark.parametrize("name", kind_yaml.SECTIONS)
def test_every_section_has_an_example_that_fits(name: str) -> None:
    (example,) = kind_schema.SCHEMA["properties"][name]["examples"]
    CHECKED.validate({**HEAD, name: example})


NOT_BY_SHAPE = (
    "components: {none: spec.backup}",  # no such folder
    "components: {backup: spec.none}",  # no such field in the CRD
    "status: {pods: {sum: Pod/* metadata.name}}",  # a list in the CRD
    "status: {web.none: Pod/* a}",
    "status: {address: [Secret/s data.x]}",  # which fields nobody may name
    "status: {address: ['Secret/s *.x']}",
    "ready: {children: {Secret/s: '*.x=y'}}",
    "follow: [Deployment/web metadata.name]",
    "follow: [Secret/s data.x]",
)
"""Lines that nuvop refuses for what else is in the folder, or for the meaning of a field."""


def wrong_lines() -> list[str]:
    """The lines that the tests of kind.yaml show to be refused."""
    marks: list[pytest.Mark] = vars(test_kind_yaml.test_what_is_wrong_is_named)["pytestmark"]
    (table,) = [mark.args[1] for mark in marks]
    return [text for text, _ in table]


@pytest.mark.parametrize("text", wrong_lines())
def test_what_nuvop_refuses_by_its_shape(text: str) -> None:
    assert refused(f"{test_kind_yaml.HEAD}{text}") == (text not in NOT_BY_SHAPE)


@pytest.mark.parametrize(
    "text",
    [
        "kind: Kind",
        "apiVersion: nuvop.nuvolaris.org/v2\nkind: Kind",
        "apiVersion: nuvop.nuvolaris.org/v1\nkind: Sort",
        *(
            f"{test_kind_yaml.HEAD}{line}"
            for line in (
                "set: [spec.replicas]",
                "set: {spec.replicas: 3}",
                "set: {spec.replicas: null}",
                "set: {spec.replicas: Deployment/web}",
                "set: {spec.replicas: 'Deployment/web '}",
                "set: {spec.replicas: 'Deployment/web a..b'}",
                "set: {spec.replicas: 'Deployment/web a.'}",
                "set: {spec.replicas: 'Deployment/web a.[]'}",
                "set: {spec.replicas: [[Deployment/web spec.replicas]]}",
                "set: {spec: Deployment/web spec.replicas}",
                "set: {metadata.name: Deployment/web spec.replicas}",
                "set: {'spec.*': Deployment/web spec.replicas}",
                "status: {address: {}}",
                "status: {total: {sum: Deployment/* a, max: Pod/* b}}",
                "status: {address: [Service/web]}",
                "ready: {deadline: soon}",
                "ready: {deadline: 0s}",
                "ready: {deadline: 10}",
                "ready: {deadline: null}",
                "ready: {timeout: 5m}",
                "ready: {children: {Widget/w: Ready}}",
                "ready: {children: {Widget/w: Ready=Yes}}",
                "ready: {children: {Widget/w: 'status.phase='}}",
                "ready: {children: {Widget/w: 'status.phase=a||b'}}",
                "ready: {children: {Widget/w: {status.phase=a: b}}}",
                "ready: {children: {Widget/w: true}}",
                "ready: {children: {Widget/*: exists}}",
                "names: null",
                "children: {Role/x: {namespace: ''}}",
                "children: {Role/x: {namespace: a, scope: Cluster}}",
                "install: [Namespace/*]",
                "install: [7]",
                "generate: {Secret/db: 24}",
                "generate: {Secret/db: {password: 129}}",
                "delete: {keep: [[Role/x]]}",
                "delete: {keep: Role/x}",
                "release: [Deployment/* spec.replicas]",
                "release: [Deployment/web spec.containers.*.image]",
                "retired: batch/v1 CronJob",
            )
        ),
    ],
)
def test_what_both_refuse(text: str) -> None:
    assert refused(text)
    with pytest.raises(KindError):
        kind_yaml.parse(test_kind_yaml.FOLDER, {**kind_folder.read(test_kind_yaml.PARTS), "kind.yaml": text.encode()})


@pytest.mark.parametrize(
    "line",
    [
        *(f"{name}:" for name in kind_yaml.SECTIONS if name != "names"),
        "ready: {deadline: 1h30m, children: {Widget/w: ' Ready = True | Unknown '}}",
        "ready: {children: {Widget/w: example.com/Ready=True, Widget/v: 'spec.[a=b].c=d|e', Widget/u: exists}}",
        "status: {address: 'Service/web  spec.clusterIP ', pods: 'Pod/[app=web] metadata.name'}",
        "status: {web.ready: [], total: {sum: Deployment/* status.replicas}}",
        "components: {backup: ' spec.backup '}",
        "components: {backup: spec.backup = a | b}",
        r"follow: ['ConfigMap/settings data.nginx\.conf', 'ConfigMap/settings data.[a b]']",
        "children: {Role/reader: {namespace: x}, Zone/here: {scope: Cluster}}",
        "generate: {Secret/db: {a.b-c_D: 8, b: 128}}",
        "retired: [v1 Service, batch/v1 Job]",
        "names: keep",
    ],
)
def test_what_both_take(line: str) -> None:
    test_kind_yaml.parse(line)
    assert not refused(f"{test_kind_yaml.HEAD}{line}")


# --- lines -----------------------------------------------------------------------------------------------------------

PLACE = Place(Path("kind.yaml"))
TEXTS = st.text(st.sampled_from("aZ1.*[]=/\\-|"), max_size=8)
"""Where a part of a line has a syntax, these characters are it."""


def takes(read: Callable[[], Any]) -> bool:
    try:
        read()
    except KindError:
        return False
    return True


@given(TEXTS, TEXTS)
def test_fields_of_children(child: str, path: str) -> None:
    text = f"{child} {path}"
    many = takes(lambda: kind_yaml._child_field(PLACE, text))
    assert by("childrenField").is_valid(text) == many
    one = many and kind_yaml._child_field(PLACE, text).child.name != "*"
    assert by("childField").is_valid(text) == one
    assert by("releasedField").is_valid(text) == takes(lambda: kind_yaml._release(PLACE, text))


@given(TEXTS)
def test_children(text: str) -> None:
    assert by("child").is_valid(text) == takes(lambda: kind_yaml._selector(PLACE, text))


@given(st.builds("=".join, st.lists(TEXTS, min_size=1, max_size=2)))
def test_rules(text: str) -> None:
    assert by("rule").is_valid(text) == takes(lambda: dict(kind_yaml._rule(None, PLACE, "X/y", text)))  # type: ignore[arg-type]


@given(st.text(st.sampled_from("019hms"), max_size=6))
def test_durations(text: str) -> None:
    found = kind_yaml._DURATION.fullmatch(text)
    seconds = sum(int(part or 0) for part in found.groups()) if found else 0
    assert by("duration").is_valid(text) == bool(seconds)


# --- the page --------------------------------------------------------------------------------------------------------


def test_the_page_links_to_the_rules_of_every_section() -> None:
    page = kind_page.page(json.loads(json.dumps(kind_schema.SCHEMA)))
    missing = [name for name in kind_yaml.SECTIONS if f"Its rules: [{name}](kinds.md#{name}-" not in page]
    assert missing == []
