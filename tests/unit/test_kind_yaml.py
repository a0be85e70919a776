"""The sections of kind.yaml: what they say, and what is wrong with them."""

from pathlib import Path
from typing import Any

import pytest

from nuvop import base, fields, kind_folder, kind_yaml
from nuvop.errors import KindError
from nuvop.kinds import OUTSIDE, ChildSelector, Component, Kind

PARTS = Path(__file__).parents[1] / "golden/parts"
FOLDER = Path("kinds/parts")
HEAD = "apiVersion: nuvop.nuvolaris.org/v1\nkind: Kind\n"


def parse(text: str, **files: str | None) -> Kind:
    """The kind of the golden tests with another kind.yaml."""
    found = {**kind_folder.read(PARTS), "kind.yaml": f"{HEAD}{text}".encode()}
    for name, content in files.items():
        found[name.replace("_", ".")] = (content or "").encode()
    return kind_yaml.parse(FOLDER, found)


def errors(text: str, **files: str | None) -> list[str]:
    with pytest.raises(KindError) as raised:
        parse(text, **files)
    return [str(error).removeprefix("kinds/parts/") for error in (raised.value, *raised.value.more)]


def test_all_sections() -> None:
    kind = kind_yaml.parse(FOLDER, kind_folder.read(PARTS))
    assert [(each.name, str(each.source), each.values) for each in kind.components] == [
        ("backup", "spec.backup", ()),
        ("metrics", "spec.metrics", ("plain", "secure")),
    ]
    assert [(str(each.path), len(each.sources), each.type, each.is_sum) for each in kind.reports] == [
        ("pods", 1, "array", False),
        ("total", 2, "integer", True),
        ("address", 2, "string", False),
        ("web.ready", 1, "integer", False),
    ]
    assert kind.elsewhere == {
        ChildSelector("Role", "reader"): "kube-system",
        ChildSelector("RoleBinding", "reads"): "kube-system",
        ChildSelector("Zone", "here"): OUTSIDE,
    }
    assert list(map(str, kind.install)) == ["Namespace/base", "CustomResourceDefinition/zones.golden.example.org"]
    assert [(str(each.child), each.lengths) for each in kind.generated] == [
        ("Secret/password", {"admin": 24, "user": 12})
    ]
    assert kind.kept == {ChildSelector("PersistentVolumeClaim", "data")}
    assert kind.retired == (("batch/v1", "Job"),)
    assert len(kind.follows) == 3
    assert set(kind.crd.schemas) == {"v1", "v1beta1"}
    assert not kind.keeps_names


@pytest.mark.parametrize(
    ("cr", "chosen"),
    [
        ({}, set()),
        ({"spec": {"backup": None}}, set()),
        ({"spec": {"backup": False}}, set()),
        ({"spec": {"backup": {}}}, {"backup"}),
        ({"spec": {"backup": {"schedule": "x"}, "metrics": "plain"}}, {"backup", "metrics"}),
        ({"spec": {"metrics": "off"}}, set()),
    ],
)
def test_which_components_a_cr_wants(cr: dict[str, Any], chosen: set[str]) -> None:
    assert kind_yaml.parse(FOLDER, kind_folder.read(PARTS)).chosen_by(cr) == chosen


@pytest.mark.parametrize(("value", "chosen"), [(False, True), (True, False), (None, False), ("false", True)])
def test_false_is_a_value_that_a_component_may_be_for(value: object, chosen: bool) -> None:
    component = Component("discard", fields.parse("spec.retain"), ("false",))
    assert component.is_chosen({"spec": {"retain": value}}) is chosen


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "components: {none: spec.backup}",
            "kind.yaml: components.none: there is no components/none/kustomization.yaml",
        ),
        (
            "components: {Backup: spec.backup}",
            "kind.yaml: components.Backup: a component's name has lower-case letters",
        ),
        ("components: {backup: spec.none}", "kind.yaml: components.backup: the CRD has no such field under spec"),
        ("components: {backup: spec.metrics=}", "kind.yaml: components.backup: 'spec.metrics=' must read `spec.field`"),
        ("components: {backup: [a]}", "kind.yaml: components.backup: ['a'] must read `spec.field`"),
        ("components: [backup]", "kind.yaml: components: ['backup'] is not a mapping"),
        (
            "status: {pods: {max: Pod/* metadata.name}}",
            "kind.yaml: status.pods: {'max': 'Pod/* metadata.name'} must read",
        ),
        (
            "status: {pods: {sum: Pod/* metadata.name}}",
            "kind.yaml: status.pods: a sum is a number, and the CRD says `type",
        ),
        ("status: {web.*: Pod/* a}", "kind.yaml: status: web.*: a status field is named part by part"),
        ("status: {web.none: Pod/* a}", "kind.yaml: status: web.none: the CRD has no status.web.none"),
        ("status: {conditions.x: Pod/* a}", "kind.yaml: status: conditions.x: nuvop itself writes this field"),
        (
            "status: {address: [Secret/s data.x]}",
            "kind.yaml: status.address: Secret/s data.x: a Secret's values are not",
        ),
        ("status: {'[inventory]': Pod/* a}", "kind.yaml: status: [inventory]: nuvop itself writes this field"),
        ("status: {address: ['Secret/s *.x']}", "kind.yaml: status.address: Secret/s *.x: a Secret's values are not"),
        ("ready: {children: {Secret/s: '*.x=y'}}", "kind.yaml: ready.children: Secret/s: Secret/s *.x: a Secret's"),
        (
            "children: {Role/reader: {namespace: Kube_System}}",
            "kind.yaml: children: Role/reader: namespace: 'Kube_System' is no name of a namespace: lower-case",
        ),
        ("generate: {Secret/x: {a b: 9}}", "kind.yaml: generate: Secret/x: a b: a Secret's key has letters, digits"),
        ("status: {pods: 'Pod/[app] a'}", "kind.yaml: status.pods: '[app]' must read `[label=value]`"),
        ("status: {pods: 'Pod/[app=x a'}", "kind.yaml: status.pods: '[app=x' must read `[label=value]`"),
        ("set: {spec.replicas: 'Pod/[app=x] a'}", "kind.yaml: set: spec.replicas: 'Pod/[app=x] a': name the child; *"),
        ("delete: {keep: ['Role/[app=x]']}", "kind.yaml: delete.keep[0]: 'Role/[app=x]' must read `Kind/name`"),
        ("follow: [Deployment/* spec.x]", "kind.yaml: follow[0]: 'Deployment/* spec.x': name the child"),
        (
            "follow: [Deployment/web metadata.name]",
            "kind.yaml: follow[0]: 'Deployment/web metadata.name': metadata.name",
        ),
        ("follow: [Secret/s data.x]", "kind.yaml: follow[0]: Secret/s data.x: a Secret's values are not read"),
        ("follow: Deployment/web spec.x", "kind.yaml: follow: 'Deployment/web spec.x' is not a list"),
        ("names: stay", "kind.yaml: names: 'stay' must be prefix or keep"),
        (
            "children: {Role/x: kube-system}",
            "kind.yaml: children: Role/x: 'kube-system' must read `namespace: <name>` or",
        ),
        ("children: {Role/x: {scope: Namespaced}}", "kind.yaml: children: Role/x: {'scope': 'Namespaced'} must read"),
        ("children: {Role/*: {scope: Cluster}}", "kind.yaml: children: Role/*: 'Role/*' must read `Kind/name`"),
        ("install: [Service/x]", "kind.yaml: install[0]: 'Service/x': only a Namespace or a CustomResourceDefinition"),
        (
            "generate: {ConfigMap/x: {a: 9}}",
            "kind.yaml: generate: ConfigMap/x: only the values of a Secret are generated",
        ),
        ("generate: {Secret/x: {a: 7}}", "kind.yaml: generate: Secret/x: a: 7 must be a number of characters from 8"),
        ("generate: {Secret/x: {a: long}}", "kind.yaml: generate: Secret/x: a: 'long' must be a number of characters"),
        ("generate: {Secret/x: {a: true}}", "kind.yaml: generate: Secret/x: a: True must be a number of characters"),
        ("generate: {Secret/x: {}}", "kind.yaml: generate: Secret/x: name the keys"),
        ("delete: {keep: [x]}", "kind.yaml: delete.keep[0]: 'x' must read `Kind/name`"),
        ("delete: {first: [Role/x]}", "kind.yaml: delete.first: there is no such field; keep may stand here"),
        ("delete: {keep: [[Role/x]]}", "kind.yaml: delete.keep[0]: ['Role/x'] must read `Kind/name`"),
        (
            "ready: {children: {Widget/w: {a=b: c}}}",
            "kind.yaml: ready.children: Widget/w: {'a=b': 'c'} is none of",
        ),
        ("retired: [CronJob]", "kind.yaml: retired[0]: 'CronJob' must read `apiVersion Kind`, like `batch/v1 CronJob`"),
        ("retired: [batch/v1 cronjobs]", "kind.yaml: retired[0]: 'batch/v1 cronjobs' must read `apiVersion Kind`"),
        (
            "sets: {}",
            "kind.yaml: sets: there is no such field; set, components, status, ready, follow, names, children",
        ),
    ],
)
def test_what_is_wrong_is_named(text: str, said: str) -> None:
    (error,) = errors(text)
    assert error.startswith(said)


def test_errors_come_in_the_order_of_the_lines() -> None:
    found = errors("".join(f"wrong{number}: 1\n" for number in range(9)))
    assert [error.split(": ")[1] for error in found] == [f"wrong{number}" for number in range(9)]


def test_all_annotations_may_be_followed() -> None:
    assert parse("follow: ['Deployment/web metadata.annotations.*']").follows


def test_one_wrong_line_does_not_hide_another() -> None:
    found = errors("set: {spec.none: X/y z}\nnames: stay\nready: {deadline: soon}\n", patches_py="def patches(:\n")
    assert [error.split(":")[0] for error in found] == ["patches.py", "kind.yaml", "kind.yaml", "kind.yaml"]
    # Each error carries no more than itself but the first.
    assert len(found) == len(set(found))


def objects(*names: str) -> str:
    """What kustomize would print of these objects, ``Kind/name`` each."""
    printed = []
    for kind, _, name in (each.partition("/") for each in names):
        api_version = "rbac.authorization.k8s.io/v1" if "Role" in kind else "v1"
        printed.append(f"apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: {name}}}\n")
    return "---\n".join(printed)


def loaded(text: str, *names: str) -> Kind:
    made = base.with_base(parse(text), objects(*names))
    return base.with_everything(made, [made])


def base_errors(text: str, *names: str) -> list[str]:
    with pytest.raises(KindError) as raised:
        loaded(text, *names)
    return [str(error).removeprefix("kinds/parts/") for error in (raised.value, *raised.value.more)]


def test_what_is_installed_is_no_child() -> None:
    kind = loaded("install: [Namespace/a]", "Namespace/a", "ConfigMap/b")
    assert list(map(str, kind.base)) == ["ConfigMap/b"]
    assert "Namespace" not in kind.rendered
    assert "ConfigMap" not in kind.installed
    (error,) = base_errors("install: [Namespace/c]", "Namespace/a", "ConfigMap/b")
    assert error.endswith("write it under `install:` in kind.yaml, and it is applied once for all")
    assert base_errors("install: [Namespace/c]", "ConfigMap/b") == [
        "kind.yaml: install[0]: the folder has no Namespace/c"
    ]


def test_where_children_live() -> None:
    kind = loaded("children: {Role/far: {namespace: there}}", "Role/far", "Role/near", "ClusterRole/out")
    assert [(str(child), child.namespace, child.is_beside) for child in kind.base] == [
        ("Role/far", "there", False),
        ("Role/near", None, True),
        ("ClusterRole/out", OUTSIDE, False),
    ]
    assert kind.namespaces_of("rbac.authorization.k8s.io/v1", "Role", "here") == {"here", "there"}
    assert kind.namespaces_of("v1", "Secret", "here") == {"here"}
    (error,) = base_errors("children: {ClusterRole/out: {namespace: there}}", "ClusterRole/out")
    assert error == "kind.yaml: children: ClusterRole/out: a ClusterRole lives outside namespaces"
    (error,) = base_errors("children: {Role/none: {namespace: there}}", "ConfigMap/b")
    assert error == "kind.yaml: children: Role/none: the folder has no Role/none; it has ConfigMap/b"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("follow: [ConfigMap/none data.x]", "kind.yaml: follow[0]: the folder has no ConfigMap/none"),
        ("follow: [ConfigMap/b metadata.labels.x.y.z]", ""),
        ("generate: {Secret/none: {a: 9}}", "kind.yaml: generate: Secret/none: the folder has no Secret/none"),
        ("delete: {keep: [Secret/none]}", "kind.yaml: delete.keep: Secret/none: the folder has no Secret/none"),
    ],
)
def test_lines_that_do_not_fit_the_base(text: str, said: str) -> None:
    if not said:
        loaded(text, "ConfigMap/b")
        return
    (error,) = base_errors(text, "ConfigMap/b")
    assert error.startswith(said)


GENERATE = "generate: {Secret/db: {password: 24}}\n"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "set: {spec.greeting: Secret/db data.user}",
            "kind.yaml: set: spec.greeting: Secret/db data.user: its values are made once (`generate`) and it is not",
        ),
        (
            "follow: ['Secret/db metadata.annotations.at']",
            "kind.yaml: follow[0]: Secret/db metadata.annotations.at: its values are made once (`generate`) and it is",
        ),
        ("release: [Secret/db metadata.labels.x]", "kind.yaml: release[0]: Secret/db metadata.labels.x: its values"),
        (
            "children: {Secret/db: {namespace: there}}",
            "kind.yaml: children: Secret/db: nuvop makes its values once (`generate`), and it lives as long as the",
        ),
        ("children: {Secret/db: {scope: Cluster}}", "kind.yaml: children: Secret/db: nuvop makes its values once"),
    ],
)
def test_what_would_come_to_nothing_in_a_secret_that_is_made_once(line: str, said: str) -> None:
    (error,) = base_errors(f"{GENERATE}{line}", "Secret/db", "Secret/other")
    assert error.startswith(said)
    loaded(f"{GENERATE}{line.replace('/db', '/other')}", "Secret/db", "Secret/other")


def test_what_cannot_be_a_child_is_told_with_its_file() -> None:
    files = {
        "zones_yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: one}\n---\nkind: Secret\n",
        "workload_yaml": "broken: [Namespace, one",
    }
    kind = parse("", **files)
    with pytest.raises(KindError) as raised:
        base.with_base(kind, objects("Namespace/one", "Namespace/two", "APIService/three", "ConfigMap/b"))
    found = [str(error).removeprefix("kinds/parts/") for error in (raised.value, *raised.value.more)]
    assert [error.split(": a")[0] for error in found] == [
        "zones.yaml: Namespace/one",
        "kustomization.yaml: Namespace/two",
        "kustomization.yaml: APIService/three",
    ]


def test_a_label_that_only_a_component_gives_counts() -> None:
    bare = base.with_base(parse("status: {pods: 'Pod/[app=web] metadata.name'}"), objects("Deployment/web"))
    labelled = objects("Deployment/web") + "spec: {template: {metadata: {labels: {app: web}}}}\n"
    more = base.with_base(bare, labelled, frozenset({"backup"}))
    assert base.with_everything(bare, [bare, more]).reports


def test_claims_that_only_a_component_brings() -> None:
    stateful = "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db}\n"
    bare = base.with_base(parse(""), stateful)
    claims = "spec: {volumeClaimTemplates: [{metadata: {name: x}}]}\n"
    more = base.with_base(bare, f"{stateful}{claims}", frozenset({"backup"}))
    whole = base.with_everything(bare, [bare, more])
    assert not bare.makes_claims
    assert whole.makes_claims
    assert (len(whole.everything), len(whole.variants)) == (1, 2)
    assert base.with_everything(bare, [bare, bare]).variants == bare.base


def test_a_label_that_nothing_has_is_told() -> None:
    template = "spec: {template: {metadata: {labels: {example.org/app: web}}}}\n"
    pods = "status: {{pods: 'Pod/[{}] metadata.name'}}"
    made = base.with_base(parse(pods.format("example.org/app=web")), objects("Deployment/web") + template)
    assert base.with_everything(made, [made]).reports[0].sources[0].child.label == ("example.org/app", "web")
    made = base.with_base(parse(pods.format("example.org/app=wbe")), objects("Deployment/web") + template)
    with pytest.raises(KindError) as raised:
        base.with_everything(made, [made])
    assert str(raised.value).endswith(
        "status.pods: Pod/[example.org/app=wbe]: no object of the folder, and no template in one, has "
        "example.org/app=wbe"
    )


def test_what_only_a_component_brings_may_be_named() -> None:
    bare = base.with_base(parse("set: {spec.greeting: ConfigMap/c data.x}"), objects("ConfigMap/b"))
    more = base.with_base(bare, objects("ConfigMap/b", "ConfigMap/c"), frozenset({"backup"}))
    whole = base.with_everything(bare, [bare, more])
    assert list(map(str, whole.everything)) == ["ConfigMap/b", "ConfigMap/c"]
    with pytest.raises(KindError, match=r"set: spec\.greeting: the folder has no ConfigMap/c"):
        base.with_everything(bare, [bare])
