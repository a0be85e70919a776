import copy

import pytest

from nuvop import fields
from nuvop.errors import FieldPathError

DEPLOYMENT = {
    "metadata": {"name": "d", "annotations": {"a.b/c": "x"}},
    "spec": {
        "replicas": 1,
        "template": {
            "spec": {
                "containers": [{"name": "nginx", "image": "i"}, {"name": "side", "image": "j"}],
                "volumes": [{"name": "tmp", "emptyDir": None}],
            }
        },
    },
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("spec.replicas", [1]),
        ("spec.template.spec.containers.[name=side].image", ["j"]),
        ("spec.template.spec.containers.1.image", ["j"]),
        ("spec.template.spec.containers.*.image", ["i", "j"]),
        (r"metadata.annotations.a\.b/c", ["x"]),
        ("metadata.annotations.[a.b/c]", ["x"]),
        ("spec.missing", []),
        ("spec.replicas.deeper", []),
        ("spec.template.spec.containers.[name=none].image", []),
        ("spec.template.spec.containers.7.image", []),
    ],
)
def test_values(path: str, expected: list[object]) -> None:
    assert fields.values(DEPLOYMENT, fields.parse(path)) == expected


def test_a_name_may_end_with_a_dot() -> None:
    assert fields.parse(r"data.a\.").segments == fields.path_to("data", "a.").segments


@pytest.mark.parametrize("name", ["a", "0", "a.b/c", "*", "[x]", "a=b", "]=.", r"d\e", "a b"])
def test_a_path_through_names_is_written_as_it_is_read(name: str) -> None:
    path = fields.path_to("data", name, "x")
    assert fields.parse(path.text) == path
    found = fields.readable({"data": {name: {"x": 1}}}, path)
    assert fields.parse(found.text) == found


def test_an_item_is_called_by_its_name_where_a_path_can_say_it() -> None:
    items = {"list": [{"name": "a.b", "x": 1}, {"name": "a]b", "x": 2}]}
    for index, text in enumerate(("list.[name=a.b].x", "list.1.x")):
        assert fields.readable(items, fields.path_to("list", index, "x")).text == text
        assert fields.values(items, fields.parse(text)) == [index + 1]


@pytest.mark.parametrize("text", ["", ".", "a.", "a..b", ".a", "a.[", "a.[]", "a.[x=1", "a]b", "a[0]", "a\\"])
def test_unreadable_paths_are_named(text: str) -> None:
    with pytest.raises(FieldPathError) as error:
        fields.parse(text)
    assert repr(text) in str(error.value)


@pytest.mark.parametrize(
    ("path", "value", "patch"),
    [
        ("spec.replicas", 2, [("replace", "/spec/replicas", 2)]),
        ("spec.paused", True, [("add", "/spec/paused", True)]),
        (
            "spec.template.metadata.labels.x",
            "y",
            [("add", "/spec/template/metadata", {"labels": {"x": "y"}})],
        ),
        (r"metadata.annotations.a\.b/c", "no", [("replace", "/metadata/annotations/a.b~1c", "no")]),
        (
            "spec.template.spec.containers.[name=nginx].image",
            "new",
            [("replace", "/spec/template/spec/containers/0/image", "new")],
        ),
        (
            "spec.template.spec.containers.*.image",
            "new",
            [
                ("replace", "/spec/template/spec/containers/0/image", "new"),
                ("replace", "/spec/template/spec/containers/1/image", "new"),
            ],
        ),
        (
            "spec.template.spec.volumes.0.emptyDir.medium",
            "Memory",
            [("add", "/spec/template/spec/volumes/0/emptyDir", {"medium": "Memory"})],
        ),
    ],
)
def test_put_changes_the_object_and_says_how(path: str, value: object, patch: list[tuple[str, str, object]]) -> None:
    obj = copy.deepcopy(DEPLOYMENT)
    operations = fields.put(obj, fields.parse(path), value)
    assert [(o.op, o.path, o.value) for o in operations] == patch
    assert all(found == value for found in fields.values(obj, fields.parse(path)))
    assert fields.values(obj, fields.parse(path))


def test_a_second_put_sees_what_the_first_one_made() -> None:
    obj = copy.deepcopy(DEPLOYMENT)
    fields.put(obj, fields.parse("spec.strategy.type"), "RollingUpdate")
    second = fields.put(obj, fields.parse("spec.strategy.rollingUpdate.maxSurge"), 1)
    assert [o.as_dict() for o in second] == [
        {"op": "add", "path": "/spec/strategy/rollingUpdate", "value": {"maxSurge": 1}}
    ]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("spec.template.spec.containers.[name=redis].image", "nginx, side"),
        ("spec.template.spec.containers.5.image", "list of 2"),
        ("spec.replicas.x", "int"),
        ("spec.template.spec.nothing.[name=x].y", "no list"),
    ],
)
def test_put_that_leads_nowhere_names_path_and_reason(path: str, said: str) -> None:
    with pytest.raises(FieldPathError) as error:
        fields.put(copy.deepcopy(DEPLOYMENT), fields.parse(path), 1)
    assert path in str(error.value)
    assert said in str(error.value)


def test_put_does_not_share_the_value() -> None:
    obj: dict[str, object] = {}
    value = {"a": [1]}
    fields.put(obj, fields.parse("spec"), value)
    value["a"].append(2)
    assert obj == {"spec": {"a": [1]}}
