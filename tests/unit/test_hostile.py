"""Whatever a custom resource's author writes stays a text, at the places that the kind names, and nowhere else.

The kind in ``tests/security/kind`` has a field for each way into a manifest; every value of `hostile.ALL` goes through
all of them, through the real kustomize, in batches as the operator makes them, and is read as kubectl reads it.
"""

import asyncio
import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nuvop import batches, kind_yaml, overlay, yamltext
from nuvop.errors import OverlayError
from nuvop.kinds import Kind
from nuvop.loading import Loader
from nuvop.objects import REVISION_LABEL, CRKey
from tests.golden.test_golden import Kustomize, build
from tests.security.hostile import ALL, DIRECTIVES, HARMLESS, KUSTOMIZES, NO_KEYS, UNWRITABLE
from tests.unit.based import with_base
from tests.unit.conftest import KUBECTL

KIND = Path(__file__).parents[1] / "security/kind"
TOGETHER = 50
COMPARED = CRKey("victims", "demo", "compared")


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile") / "generated"


@pytest.fixture(scope="module")
def kind(generated: Path) -> Kind:
    return asyncio.run(Loader(cast("Any", Kustomize()), generated).load(KIND))


def victim(name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "demo", "uid": "00000000-0000-0000-0000-000000000001", "generation": 1}
    return {"apiVersion": "hostile.example.org/v1", "kind": "Victim", "metadata": metadata, "spec": spec}


def _is_key(value: str) -> bool:
    return value not in (*NO_KEYS, *DIRECTIVES)


def every_way(value: str) -> dict[str, Any]:
    """A spec that has a value in all fields; as a key, too, where it can be one."""
    free = {value: value, "in": [{"k": value, value: [value]}]} if _is_key(value) else {"k": [value]}
    whole = {"text": value, "list": [value], "free": free}
    return {**whole, "list": [value, "between", value], "name": value, "label": value, "python": whole}


def read(printed: str) -> list[dict[str, Any]]:
    """Objects as kubectl reads them, which has a YAML of its own."""
    done = subprocess.run(
        [KUBECTL, "label", "--local", "-f", "-", "-o", "json", "read-by=kubectl"],
        input=printed,
        capture_output=True,
        text=True,
        check=True,
        env={"KUBECONFIG": "/dev/null", "HOME": "/nonexistent"},
    )
    decoder, rest, found = json.JSONDecoder(), done.stdout, []
    while rest := rest.lstrip():
        obj, end = decoder.raw_decode(rest)
        found.append(obj)
        rest = rest[end:]
    return found


def by_name(objects: list[dict[str, Any]]) -> dict[tuple[str, ...], dict[str, Any]]:
    """Objects by kind, namespace and name; without the revision, which digests the values."""
    for obj in objects:
        del obj["metadata"]["labels"][REVISION_LABEL]
    return {(obj["kind"], obj["metadata"]["namespace"], obj["metadata"]["name"]): obj for obj in objects}


def replaced(obj: Any, words: Mapping[str, str]) -> Any:
    """A value in which each text that is one of the words, key or not, is another."""
    match obj:
        case dict():
            return {replaced(key, words): replaced(value, words) for key, value in obj.items()}
        case list():
            return [replaced(item, words) for item in obj]
        case str():
            return words.get(obj, obj)
    return obj


def expected(harmless: Mapping[tuple[str, ...], Any], name: str, value: str) -> dict[tuple[str, ...], Any]:
    """What a harmless custom resource becomes, with another name and another value."""
    renamed = json.loads(json.dumps(list(harmless.values())).replace(COMPARED.name, name))
    return {
        (obj["kind"], obj["metadata"]["namespace"], obj["metadata"]["name"]): replaced(obj, {HARMLESS: value})
        for obj in renamed
    }


def tree(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def chunks(values: list[str]) -> Iterator[tuple[tuple[int, str], ...]]:
    numbered = iter(enumerate(values))
    while chunk := tuple(islice(numbered, TOGETHER)):
        yield chunk


def test_there_are_many() -> None:
    assert len(ALL) + len(UNWRITABLE) + len(NO_KEYS) > 300


def test_every_value_arrives_as_it_is_where_it_belongs_and_nowhere_else(kind: Kind, generated: Path) -> None:
    made = {i: overlay.make(kind, victim(f"case-{i}", every_way(value))) for i, value in enumerate(ALL)}
    # A value that can be no key gives a free object another shape.
    specs = {True: every_way(HARMLESS), False: replaced(every_way(""), {"": HARMLESS})}
    harmless = {}
    for is_key, spec in specs.items():
        folder = overlay.write(generated, kind, overlay.make(kind, victim(COMPARED.name, spec)))
        harmless[is_key] = by_name(read(build(folder)))
    overlay.remove(generated, COMPARED)

    batch = generated / ".batch/0"
    batch.mkdir(parents=True)
    before = tree(generated)
    files = set(made[0].files)
    for chunk in chunks(ALL):
        for i, _ in chunk:
            overlay.write(generated, kind, made[i])
        (batch / "kustomization.yaml").write_text(batches.kustomization([made[i].key for i, _ in chunk]))
        found = by_name(read(build(batch)))
        want: dict[tuple[str, ...], Any] = {}
        for i, value in chunk:
            want |= expected(harmless[_is_key(value)], f"case-{i}", value)
        assert found.keys() == want.keys()
        for at, obj in want.items():
            assert found[at] == obj, at
    folders = {"victims", "victims/demo", *(f"victims/demo/case-{i}" for i in made), ".batch/0/kustomization.yaml"}
    assert tree(generated) - before == folders | {f"victims/demo/case-{i}/{name}" for i in made for name in files}


WAYS: dict[str, Callable[[str], dict[str, Any]]] = {
    "text": lambda value: {"text": value},
    "name": lambda value: {"name": value},
    "label": lambda value: {"label": value},
    "list": lambda value: {"list": ["a", value]},
    "free": lambda value: {"free": {"a": [{"b": value}]}},
    "key": lambda value: {"free": {"a": [{value: "b"}]}},
    "python": lambda value: {"python": {"text": value}},
    "python's key": lambda value: {"python": {"text": "", "a": [{value: "b"}]}},
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("value", UNWRITABLE)
def test_what_yaml_does_not_take_is_refused_by_name(kind: Kind, way: str, value: str) -> None:
    with pytest.raises(OverlayError, match=r"^\S.*: the character U\+[0-9A-F]{4} cannot stand in a manifest$"):
        overlay.make(kind, victim("a", WAYS[way](value)))


@pytest.mark.parametrize("way", ["key", "python's key"])
@pytest.mark.parametrize("key", NO_KEYS, ids=range(len(NO_KEYS)))
def test_what_would_be_no_key_in_a_manifest_is_refused_by_name(kind: Kind, way: str, key: str) -> None:
    with pytest.raises(OverlayError) as raised:
        overlay.make(kind, victim("a", WAYS[way](key)))
    assert "can be no key in a manifest" in str(raised.value)
    assert len(str(raised.value)) < 300


@pytest.mark.parametrize("directive", DIRECTIVES)
def test_no_custom_resource_gives_directives_to_a_kinds_own_python(kind: Kind, directive: str) -> None:
    """What they delete, or keep, may be what the kind's author relies upon."""
    for spec in ({"python": {"text": "", directive: "delete"}}, {"python": {"text": "", "a": [{directive: []}]}}):
        with pytest.raises(OverlayError, match="can be no key in a manifest"):
            overlay.make(kind, victim("a", spec))


@pytest.mark.parametrize("depth", [201, 300, 2_000, 20_000])
@pytest.mark.parametrize("way", ["free", "python"])
def test_what_is_nested_too_deep_is_refused_by_name(kind: Kind, way: str, depth: int) -> None:
    value: Any = "x"
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    with pytest.raises(
        OverlayError, match=r"there are more than 200 mappings and lists inside of each other"
    ) as raised:
        overlay.make(kind, victim("a", {way: {"text": "", "a": value}}))
    assert len(str(raised.value)) < 300


@pytest.mark.parametrize("way", ["free", "python"])
def test_what_is_nested_less_deep_is_not(kind: Kind, generated: Path, way: str) -> None:
    value: Any = "x"
    for _ in range(190):
        value = {"a": value}
    made = overlay.make(kind, victim("deep", {way: {"text": "", "a": value}}))
    (holder,) = (obj for obj in read(build(overlay.write(generated, kind, made))) if obj["kind"] == "Holder")
    assert holder["spec"][way]["a"] == value


def test_the_kinds_own_python_may_give_directives(kind: Kind) -> None:
    source = b"""def patches(cr):
    yield {"kind": "Holder", "metadata": {"name": "holder"}, "spec": {"$patch": "replace"}}
"""
    overlay.make(replace(kind, files={**kind.files, "patches.py": source}), victim("a", {"text": "x"}))


@pytest.mark.parametrize("value", ["hunter22 canary", "hunter\n22's", 424242])
def test_an_error_of_the_kinds_own_python_quotes_no_value_where_it_makes_a_secret(free: Kind, value: object) -> None:
    source = b"""def patches(cr):
    value = cr["spec"]["s1"]["a"][0]
    raise ValueError(f"of <{value!r}>, <{value}>")
"""
    failing = replace(free, files={**free.files, "patches.py": source})
    with pytest.raises(OverlayError) as raised:
        overlay.make(failing, victim("a", {"s1": {"a": [value, "of"]}}))
    told = str(raised.value).replace("'", "").replace('"', "")
    assert told == f"{KIND}/patches.py:3: ValueError: of <(hidden)>, <(hidden)>"


@pytest.mark.parametrize("annotation", KUSTOMIZES)
def test_no_annotation_that_a_custom_resource_gives_tells_kustomize_or_nuvop_what_to_do(
    kind: Kind, annotation: str
) -> None:
    """`needsHashSuffix`, for one, gives an object another name, which nuvop would wait for."""
    source = b"""def patches(cr):
    yield {"kind": "ConfigMap", "metadata": {"name": "settings", "annotations": cr["spec"]["free"]}}
"""
    handing_on = replace(kind, files={**kind.files, "patches.py": source})
    with pytest.raises(OverlayError) as raised:
        overlay.make(handing_on, victim("a", {"free": {annotation: "enabled"}}))
    assert f"metadata.annotations.{annotation}" in str(raised.value)


# --- any shape ------------------------------------------------------------------------------------------------------

WORDS = st.sampled_from(
    [
        *("matchLabels", "matchExpressions", "labelSelector", "podSelector", "namespaceSelector", "key", "operator"),
        *("values", "metadata", "labels", "annotations", "spec", "selector", "template", "from", "kind", "name", "In"),
        *("namespace", "app", "web", "ServiceAccount", "type", "affinity", "containers", "env", "any"),
    ]
)
SHAPES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | WORDS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)
FREE = {
    "Deployment/web": [
        *("spec", "spec.selector", "spec.template", "spec.template.metadata", "spec.template.metadata.labels"),
        *("spec.template.spec", "metadata.labels.x", "metadata.annotations.x"),
    ],
    "StatefulSet/web": ["spec.volumeClaimTemplates", "spec.template.spec.affinity"],
    "CronJob/web": ["spec.jobTemplate", "spec.jobTemplate.metadata"],
    "Service/web": ["spec", "spec.selector", "spec.type"],
    "NetworkPolicy/web": ["spec", "spec.podSelector", "spec.ingress", "spec.egress"],
    "PodDisruptionBudget/web": ["spec.selector"],
    "ServiceMonitor/web": ["spec.selector", "spec.namespaceSelector"],
    "RoleBinding/web": ["subjects"],
    "Secret/web": ["data", "stringData", "stringData.a"],
    "Pod/web": ["spec", "spec.affinity"],
}
VERSIONS = {
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "CronJob": "batch/v1",
    "PodDisruptionBudget": "policy/v1",
    "NetworkPolicy": "networking.k8s.io/v1",
    "ServiceMonitor": "monitoring.coreos.com/v1",
    "RoleBinding": "rbac.authorization.k8s.io/v1",
    "Service": "v1",
    "Secret": "v1",
    "Pod": "v1",
}


@pytest.fixture(scope="module")
def free(kind: Kind) -> Kind:
    """A kind in which a custom resource may say anything, at any place that nuvop itself looks into."""
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "a", "image": "b"}]}}
    selected = {"selector": {"matchLabels": {"app": "web"}}, "template": template}
    more: dict[str, Any] = {
        "Deployment": {"spec": selected},
        "StatefulSet": {"spec": {**selected, "volumeClaimTemplates": [{"metadata": {"name": "v"}}]}},
        "CronJob": {"spec": {"jobTemplate": {"spec": {"template": template}}}},
        "Service": {"spec": {"selector": {"app": "web"}}},
        "NetworkPolicy": {"spec": {"podSelector": {}, "ingress": [{"from": [{"podSelector": {}}]}], "egress": []}},
        "PodDisruptionBudget": {"spec": {"selector": {"matchLabels": {"app": "web"}}}},
        "ServiceMonitor": {"spec": {"selector": {}, "namespaceSelector": {}}},
        "RoleBinding": {"subjects": [{"kind": "ServiceAccount", "name": "web"}]},
        "Secret": {"data": {}, "stringData": {"a": "b"}},
        "Pod": template,
    }
    objects = [
        {"apiVersion": VERSIONS[name], "kind": name, **given, "metadata": {"name": "web", **given.get("metadata", {})}}
        for name, given in more.items()
    ]
    lines = {
        f"spec.s{i}": f"{child} {path}" for i, (child, path) in enumerate((c, p) for c, ps in FREE.items() for p in ps)
    }
    crd = kind.files["crd.yaml"].replace(
        b"                text: {type: string}",
        b"\n".join(
            f"                s{i}: {{x-kubernetes-preserve-unknown-fields: true}}".encode() for i in range(len(lines))
        ),
    )
    text = yamltext.dump(
        {
            "apiVersion": "nuvop.nuvolaris.org/v1",
            "kind": "Kind",
            "set": lines,
            "children": {"RoleBinding/web": {"namespace": "elsewhere"}},
        }
    )
    files = {"crd.yaml": crd, "kind.yaml": text.encode(), "kustomization.yaml": b"resources: []"}
    return with_base(kind_yaml.parse(KIND, files), objects)


@given(st.data())
@settings(max_examples=300)
def test_whatever_shape_a_value_has_it_is_set_or_refused(free: Kind, data: st.DataObject) -> None:
    fields = data.draw(st.lists(st.sampled_from(range(len(free.settings))), min_size=1, max_size=3, unique=True))
    spec = {f"s{i}": data.draw(SHAPES) for i in fields}
    with suppress(OverlayError):
        overlay.make(free, victim("a", spec))
