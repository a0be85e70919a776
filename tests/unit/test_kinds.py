import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nuvop import kind_folder, kind_yaml, kinds
from nuvop.errors import KindError, KindUnreadable
from nuvop.objects import CRKey, ObjectKey
from nuvop.readiness import parse_rule
from tests.unit.based import with_base

SAMPLES = Path(__file__).parents[2] / "kustomize/samples"
FOLDER = Path("kinds/web")
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "demo-deploy"},
    "spec": {"replicas": 1, "template": {"spec": {"containers": [{"name": "nginx", "image": "nginx"}]}}},
}


def files(**changed: str | None) -> dict[str, bytes]:
    """The shipped Sample kind's files, some of them changed (``crd`` means crd.yaml) or, with None, left out."""
    found = kind_folder.read(SAMPLES)
    for name, text in changed.items():
        path = f"{name}.yaml"
        if text is None:
            del found[path]
        else:
            found[path] = text.encode()
    return found


def with_crd(change: Callable[[str], str]) -> dict[str, bytes]:
    return files(crd=change((SAMPLES / "crd.yaml").read_text()))


def with_kind_yaml(text: str) -> dict[str, bytes]:
    return files(kind=f"apiVersion: nuvop.nuvolaris.org/v1\nkind: Kind\n{text}")


def error_of(content: dict[str, bytes]) -> str:
    with pytest.raises(KindError) as error:
        kind_yaml.parse(FOLDER, content)
    return str(error.value)


def test_the_shipped_kind() -> None:
    kind = kind_yaml.parse(SAMPLES, files())
    assert (kind.resource.api_version, kind.resource.kind, kind.resource.plural) == (
        "nuvolaris.org/v1",
        "Sample",
        "samples",
    )
    assert [(str(s.source), str(s.child), str(s.target)) for s in kind.settings] == [
        ("spec.count", "Deployment/demo-deploy", "spec.replicas"),
        ("spec.image", "Deployment/demo-deploy", "spec.template.spec.containers.[name=nginx].image"),
    ]
    assert [(str(r.path), *map(str, r.sources), r.type) for r in kind.reports] == [
        ("replicas", "Deployment/demo-deploy status.replicas", "integer"),
        ("podNames", "Pod/* metadata.name", "array"),
    ]
    made = with_base(kind, [DEPLOYMENT])
    assert [str(child) for child in made.base] == ["Deployment/demo-deploy"]
    assert made.watched == {("apps/v1", "Deployment"), ("v1", "Pod")}


def test_find_and_read(tmp_path: Path) -> None:
    for name in ("b", "a", "not-a-kind"):
        (tmp_path / name).mkdir()
    for name in ("b", "a"):
        (tmp_path / name / "kind.yaml").write_text("x")
    (tmp_path / "a/.hidden").write_text("x")
    (tmp_path / "a/__pycache__").mkdir()
    (tmp_path / "a/__pycache__/x.pyc").write_text("x")
    (tmp_path / "a/sub").mkdir()
    (tmp_path / "a/sub/x.yaml").write_text("y")
    assert kind_folder.find([tmp_path]) == [tmp_path / "a", tmp_path / "b"]
    assert kind_folder.find([tmp_path / "b", tmp_path]) == [tmp_path / "b", tmp_path / "a"]
    assert kind_folder.read(tmp_path / "a") == {"kind.yaml": b"x", "sub/x.yaml": b"y"}
    with pytest.raises(KindError, match="no such folder"):
        kind_folder.find([tmp_path, tmp_path / "none"])
    with pytest.raises(KindError, match="not-a-kind: no folder in it describes a kind"):
        kind_folder.find([tmp_path / "not-a-kind"])


def unlisted(monkeypatch: pytest.MonkeyPatch, folder: Path, number: int) -> None:
    """Let nobody list a folder, for the reason that has this number."""
    real = os.scandir

    def scandir(path: Any = ".") -> Any:
        if isinstance(path, str | Path) and Path(path) == folder:
            raise OSError(number, os.strerror(number), str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EMFILE, errno.EIO])
@pytest.mark.parametrize("below", ["", "sub", "sub/deeper", ".hidden"])
def test_a_folder_that_cannot_be_listed_is_not_an_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, below: str, number: int
) -> None:
    (tmp_path / "sub/deeper").mkdir(parents=True)
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "kind.yaml").touch()
    unlisted(monkeypatch, tmp_path / below, number)
    with pytest.raises(KindUnreadable) as error:
        kind_folder.read(tmp_path)
    assert str(error.value) == f"{tmp_path / below}: {os.strerror(number)}"


@pytest.mark.parametrize("number", [errno.EACCES, errno.EMFILE, errno.EIO])
def test_a_folder_of_kinds_that_cannot_be_listed_has_not_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/kind.yaml").touch()
    unlisted(monkeypatch, tmp_path, number)
    with pytest.raises(KindUnreadable, match=os.strerror(number)):
        kind_folder.find([tmp_path])


def test_a_folder_that_may_not_be_looked_into_is_no_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "lost+found"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "kind.yaml").touch()
    real = os.stat

    def stat(path: Any, **how: Any) -> os.stat_result:
        if "lost+found/" in str(path):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return real(path, **how)

    monkeypatch.setattr(os, "stat", stat)
    assert kind_folder.find([tmp_path]) == [tmp_path / "a"]


def test_what_others_keep_in_a_folder_need_not_be_readable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder may be a volume, whose file system has a lost+found."""
    for name in (".git", "__pycache__", "lost+found"):
        (tmp_path / name).mkdir()
        unlisted(monkeypatch, tmp_path / name, errno.EACCES)
    (tmp_path / "kind.yaml").touch()
    assert list(kind_folder.read(tmp_path)) == ["kind.yaml"]


def test_a_symbolic_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "passwords").symlink_to("/etc/passwd")
    with pytest.raises(KindError, match="passwords: is a symbolic link"):
        kind_folder.read(tmp_path)
    (tmp_path / "passwords").unlink()
    (tmp_path / "etc").symlink_to("/etc")
    with pytest.raises(KindError, match="etc: is a symbolic link"):
        kind_folder.read(tmp_path)


def test_digest_depends_on_names_and_contents() -> None:
    digests = {
        kind_folder.digest(content)
        for content in ({"a": b"1"}, {"a": b"2"}, {"b": b"1"}, {"a": b"1", "b": b""}, {"a": b"", "b": b"1"}, {})
    }
    assert len(digests) == 6
    assert kind_folder.digest({"a": b"1", "b": b"2"}) == kind_folder.digest({"b": b"2", "a": b"1"})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (files(crd=None), ["kinds/web/crd.yaml", "no such file"]),
        (files(crd="{"), ["kinds/web/crd.yaml", "not YAML"]),
        (files(crd="- 1"), ["kinds/web/crd.yaml", "[1] is not a mapping"]),
        (files(crd="kind: Secret"), ["kinds/web/crd.yaml: kind: 'Secret'"]),
        (
            files(crd="kind: CustomResourceDefinition\napiVersion: apiextensions.k8s.io/v1beta1"),
            ["kinds/web/crd.yaml: apiVersion: 'apiextensions.k8s.io/v1beta1' must be 'apiextensions.k8s.io/v1'"],
        ),
        (
            files(crd="kind: CustomResourceDefinition\napiVersion: apiextensions.k8s.io/v1"),
            ["kinds/web/crd.yaml: spec is missing"],
        ),
        (with_crd(lambda text: text.replace("  names:", "  nomes:")), ["crd.yaml: spec: names is missing"]),
        (with_crd(lambda text: text.replace("    kind: Sample\n", "")), ["crd.yaml: spec.names: kind is missing"]),
        (with_crd(lambda text: text.replace("type: integer", "type: [integer]")), ["['integer'] must be a text"]),
        (
            with_crd(lambda text: text.replace("count:\n", "count:\n                nix:\n", 1)),
            ["count: None must be a mapping"],
        ),
        (with_crd(lambda text: text.replace("storage: true", "storage: false")), ["storage: true"]),
        (
            with_crd(lambda text: text.replace("served: true", "served: false")),
            ["crd.yaml: spec.versions[0].served: version v1: nuvop watches the stored version", "`served: true`"],
        ),
        (with_crd(lambda text: text.replace("Namespaced", "Cluster")), ["spec.scope: 'Cluster' must be 'Namespaced'"]),
        (
            with_crd(lambda text: text.replace("        status: {}\n", "", 1)),
            ["version v1", "subresources", "`status: {}`"],
        ),
        (
            with_crd(lambda text: text.replace("                inventory:", "                stock:")),
            ["status.inventory"],
        ),
        (
            with_crd(lambda text: text.replace("observedGeneration: -1", "observedGeneration: 0")),
            ["{observedGeneration: -1}"],
        ),
        (files(kind=None), ["kinds/web/kind.yaml", "no such file"]),
        (files(kind="kind: Kind"), ["kinds/web/kind.yaml: apiVersion: None must be 'nuvop.nuvolaris.org/v1'"]),
        (with_kind_yaml("sets: {}"), ["kinds/web/kind.yaml: sets: there is no such field"]),
        (with_kind_yaml("set: [a]"), ["kinds/web/kind.yaml: set: ['a'] is not a mapping"]),
        (with_kind_yaml("set: {spec.count: nowhere}"), ["set: spec.count", "'nowhere'", "Kind/name field.path"]),
        (with_kind_yaml("set: {spec.count: 7}"), ["set: spec.count", "7 must read"]),
        (with_kind_yaml("set: {spec.count: Deployment/x spec..y}"), ["set: spec.count", "'spec..y' cannot be read"]),
        (with_kind_yaml("set: {spec.size: Deployment/x spec.y}"), ["set: spec.size", "the CRD has no such field"]),
        (with_kind_yaml("set: {metadata.name: Deployment/x spec.y}"), ["set: metadata.name", "under spec"]),
        (with_kind_yaml("set: {'spec.*': Deployment/x spec.y}"), ["set: spec.*"]),
        (with_kind_yaml("set: {spec.count: Deployment/* spec.y}"), ["set: spec.count", "name the child"]),
        (with_kind_yaml("status: {conditions: Deployment/x spec.y}"), ["status.conditions", "nuvop itself writes"]),
        (with_kind_yaml("status: {nodes: Deployment/x spec.y}"), ["status.nodes", "the CRD has no status.nodes"]),
        (
            with_crd(lambda text: text.replace("lastHandledReconcileAt:", "lastHandled:")),
            ["status.lastHandledReconcileAt"],
        ),
        (with_crd(lambda text: text.replace("      done:", "      finished:")), ["status.inventory[].done", "drop it"]),
        (with_kind_yaml("release: {a: b}"), ["kind.yaml: release: {'a': 'b'} is not a list"]),
        (
            with_kind_yaml("release: [Deployment/web]"),
            ["kind.yaml: release[0]: 'Deployment/web'", "Kind/name field.path"],
        ),
        (with_kind_yaml("release: [Deployment/* spec.x]"), ["release[0]: 'Deployment/* spec.x'", "no wildcards"]),
        (
            with_kind_yaml("release: ['Deployment/web spec.*.x']"),
            ["release[0]: 'Deployment/web spec.*.x'", "no wildcards"],
        ),
        (with_kind_yaml("release: [Deployment/web metadata.name]"), ["metadata.name is nuvop's own"]),
        (
            with_kind_yaml("release: [Secret/s data.password]"),
            ["release[0]: Secret/s", "a Secret's values are not read"],
        ),
        (
            with_kind_yaml("ready: {children: {Secret/s: data.password=x}}"),
            ["ready.children: Secret/s", "a Secret's values are not read"],
        ),
        (with_kind_yaml("ready: [a]"), ["kind.yaml: ready: ['a'] is not a mapping"]),
        (
            with_kind_yaml("ready: {children: {Widget: exists}}"),
            ["ready.children.Widget: 'Widget'", "must read `Kind/name`"],
        ),
        (
            with_kind_yaml("ready: {children: {Widget/*: exists}}"),
            ["ready.children: Widget/*", "must read `Kind/name`"],
        ),
        (
            with_kind_yaml("ready: {children: {Widget/w: Ready}}"),
            ["kind.yaml: ready.children: Widget/w: 'Ready'", "STATUS"],
        ),
        (with_kind_yaml("ready: {children: Ready=True}"), ["ready.children: 'Ready=True' is not a mapping"]),
        (with_kind_yaml("ready: {timeout: 5m}"), ["kind.yaml: ready.timeout: there is no such field"]),
        *(
            (with_kind_yaml(f"ready: {{deadline: {text}}}"), [f"ready.deadline: {seen} must be a duration", "1h30m"])
            for text, seen in (("300", "300"), ("soon", "'soon'"), ("0s", "'0s'"), ("''", "''"), ("5m1h", "'5m1h'"))
        ),
        (files(kustomization=None), ["kinds/web/kustomization.yaml", "no such file"]),
        (files(kustomization="resources: [../other]"), ["resources[0]: '../other' is outside", "copy it in"]),
        (files(kustomization="resources: [/etc]"), ["resources[0]: '/etc' is outside"]),
        (files(kustomization="resources: [x/../../y.yaml]"), ["'x/../../y.yaml' is outside"]),
        (files(kustomization="resources: [https://example.org/a.yaml]"), ["remote bases are not fetched"]),
        (files(kustomization="resources: [github.com/org/repo]"), ["remote bases are not fetched"]),
        (files(kustomization="components: ['git@example.org:a/b']"), ["components", "remote bases are not fetched"]),
        *(
            (files(deployment=text), ["kustomization.yaml: resources[0]: 'deployment.yaml' has no object in it"])
            for text in ("", "\n\n", "# apiVersion: apps/v1\n---\n  # kind: Deployment\n")
        ),
    ],
)
def test_what_is_wrong_is_named(content: dict[str, bytes], said: list[str]) -> None:
    error = error_of(content)
    for part in said:
        assert part in error


@pytest.mark.parametrize(
    "path",
    [
        "kind",
        "apiVersion",
        "status.x",
        "metadata",
        "metadata.name",
        "metadata.namespace",
        "metadata.ownerReferences",
        "metadata.ownerReferences.0.uid",
        "metadata.labels",
        "metadata.labels.[nuvop.nuvolaris.org/owner]",
        "metadata.labels.*",
        "metadata.annotations.[nuvop.nuvolaris.org/recreate]",
        "metadata.annotations.[config.kubernetes.io/local-config]",
        "metadata.annotations.[internal.config.kubernetes.io/needsHashSuffix]",
        "metadata.*",
        "metadata.*.[nuvop.nuvolaris.org/owner]",
        "*",
        "*.annotations.[nuvop.nuvolaris.org/recreate]",
    ],
)
def test_what_says_which_object_it_is_cannot_be_set(path: str) -> None:
    assert f"{path} is for nuvop alone" in error_of(
        with_kind_yaml(f"set: {{spec.count: 'Deployment/demo-deploy {path}'}}")
    )


@pytest.mark.parametrize("path", ["metadata.annotations", "metadata.annotations.*"])
def test_annotations_are_set_one_by_one(path: str) -> None:
    text = f"set: {{spec.count: 'Deployment/demo-deploy {path}'}}"
    assert "nuvop's own annotations may be among them; name each" in error_of(with_kind_yaml(text))


@pytest.mark.parametrize("path", ["metadata.labels.mine", "metadata.annotations.x", "spec.selector.name"])
def test_other_metadata_can_be_set(path: str) -> None:
    assert kind_yaml.parse(FOLDER, with_kind_yaml(f"set: {{spec.count: Deployment/demo-deploy {path}}}")).settings


def test_a_nested_kustomization_is_looked_at_too() -> None:
    content = files() | {"sub/kustomization.yaml": b"resources: [../../outside]"}
    assert "kinds/web/sub/kustomization.yaml: resources[0]: '../../outside' is outside" in error_of(content)
    inside = files() | {"sub/kustomization.yaml": b"resources: [..]"}
    assert kind_yaml.parse(FOLDER, inside).files == inside


@pytest.mark.parametrize("text", ["resources: [missing.yaml]", "resources: {}", "7"])
def test_what_kustomize_says_itself_is_left_to_it(text: str) -> None:
    assert kind_yaml.parse(FOLDER, files(kustomization=text)).base == ()


@pytest.mark.parametrize("text", ["set:\n  spec.count: [Deployment/a spec.x, Deployment/b spec.y]", ""])
def test_a_field_may_set_several_children_or_none(text: str) -> None:
    assert len(kind_yaml.parse(FOLDER, with_kind_yaml(text)).settings) == (2 if text else 0)


def based(*objects: dict[str, Any], content: dict[str, bytes] | None = None) -> kinds.Kind:
    return with_base(kind_yaml.parse(FOLDER, content or files()), objects)


def base_error(*objects: dict[str, Any], content: dict[str, bytes] | None = None) -> str:
    with pytest.raises(KindError) as error:
        based(*objects, content=content)
    return str(error.value)


def named(kind: str, name: str = "x", api_version: str = "v1", **more: Any) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, **more}}


def test_a_base_that_does_not_fit() -> None:
    assert "no object" in base_error()
    assert "Deployment/demo-deploy stands there twice" in base_error(DEPLOYMENT, DEPLOYMENT)
    assert "has no Deployment/demo-deploy; it has ConfigMap/x" in base_error(named("ConfigMap"))
    assert "set: spec.count" in base_error(named("ConfigMap"))
    other = {**DEPLOYMENT, "spec": {"template": {"spec": {"containers": [{"name": "web"}]}}}}
    error = base_error(other)
    assert "set: spec.image" in error
    assert "[name=nginx]" in error
    assert "there is web" in error
    reported = with_kind_yaml("status: {replicas: Service/* spec.x}")
    assert "status.replicas" in base_error(DEPLOYMENT, content=reported)


@pytest.mark.parametrize("kind", ["Namespace", "CustomResourceDefinition", "APIService"])
def test_what_may_not_be_a_child(kind: str) -> None:
    assert f"{kind}/x" in base_error(DEPLOYMENT, named(kind))


CR = CRKey("samples", "demo", "obj")


@pytest.mark.parametrize(
    ("kind", "api_version"),
    [
        ("ClusterRole", "rbac.authorization.k8s.io/v1"),
        ("PriorityClass", "scheduling.k8s.io/v1"),
        ("CSIDriver", "storage.k8s.io/v1"),
        ("PersistentVolume", "v1"),
        ("ValidatingAdmissionPolicy", "admissionregistration.k8s.io/v1beta1"),
    ],
)
def test_what_lives_outside_namespaces_may_be_a_child(kind: str, api_version: str) -> None:
    child = based(DEPLOYMENT, named(kind, api_version=api_version)).base[1]
    assert child.cluster_scoped
    assert child.key(CR) == ObjectKey(api_version.rpartition("/")[0], kind, "", "obj-x")


def test_the_group_tells_what_lives_outside_namespaces() -> None:
    deployment, node = based(DEPLOYMENT, named("Node", api_version="example.org/v1")).base
    assert not deployment.cluster_scoped
    assert deployment.key(CR) == ObjectKey("apps", "Deployment", "demo", "obj-demo-deploy")
    assert node.key(CR) == ObjectKey("example.org", "Node", "demo", "obj-x")


def test_a_job_may_have_a_time_to_live() -> None:
    job = {**named("Job", api_version="batch/v1"), "spec": {"ttlSecondsAfterFinished": 0}}
    assert based(DEPLOYMENT, job).base[1].body == job


def test_release() -> None:
    content = with_kind_yaml("release: [Deployment/demo-deploy spec.replicas]")
    assert [(str(r.child), str(r.path)) for r in based(DEPLOYMENT, content=content).releases] == [
        ("Deployment/demo-deploy", "spec.replicas")
    ]
    assert "release[0]: the folder has no" in base_error(named("ConfigMap"), content=content)
    typo = with_kind_yaml("release: ['Deployment/demo-deploy spec.template.spec.containers.[name=web].image']")
    assert "there is nginx" in base_error(DEPLOYMENT, content=typo)


@pytest.mark.parametrize(
    ("text", "seconds"), [("", 600), ("deadline: 90s", 90), ("deadline: 10m", 600), ("deadline: 1h30m", 5400)]
)
def test_deadline(text: str, seconds: float) -> None:
    assert kind_yaml.parse(FOLDER, with_kind_yaml(f"ready: {{{text}}}")).deadline == seconds


def test_rules_of_readiness() -> None:
    content = with_kind_yaml(
        "ready: {children: {Deployment/demo-deploy: Available=True, Widget/w: status.phase=Running}}"
    )
    widget = named("Widget", "w", "example.org/v1")
    assert based(DEPLOYMENT, widget, content=content).rules == {
        kinds.ChildSelector("Deployment", "demo-deploy"): parse_rule("Available=True"),
        kinds.ChildSelector("Widget", "w"): parse_rule("status.phase=Running"),
    }
    assert "ready.children: Widget/w: the folder has no Widget/w" in base_error(DEPLOYMENT, content=content)


ANNOTATION = "nuvop.nuvolaris.org"


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (f"{ANNOTATION}/recreate", "yes"),
        (f"{ANNOTATION}/prune", "true"),
        (f"{ANNOTATION}/adopt", "true"),
        (f"{ANNOTATION}/Prune", "disabled"),
    ],
)
def test_annotations_that_mean_nothing_are_refused(annotation: str, value: str) -> None:
    error = base_error(DEPLOYMENT, named("ConfigMap", annotations={annotation: value}))
    assert f"ConfigMap/x: metadata.annotations: {annotation}: {value!r}" in error
    assert f"{ANNOTATION}/recreate: 'true' or 'false'; {ANNOTATION}/prune: 'disabled'" in error


@pytest.mark.parametrize(
    "annotations",
    [
        {f"{ANNOTATION}/recreate": "true", f"{ANNOTATION}/prune": "disabled"},
        {f"{ANNOTATION}/recreate": "false"},
        {"example.org/prune": "7"},
    ],
)
def test_annotations_that_may_stand_on_a_child(annotations: dict[str, str]) -> None:
    assert based(DEPLOYMENT, named("ConfigMap", annotations=annotations)).base[1].body["metadata"]["annotations"]


@pytest.mark.parametrize("text", ["resources: 7", "resources: a.yaml", "resources: {a: b}"])
def test_resources_of_another_shape_are_left_to_kustomize(text: str) -> None:
    assert kind_yaml.parse(FOLDER, files(kustomization=text)).base == ()


@pytest.mark.parametrize("schema", ["[1]", "{properties: []}", "{properties: {status: {properties: 7}}}"])
def test_a_schema_of_another_shape_is_an_error_of_the_kind(schema: str) -> None:
    text = (SAMPLES / "crd.yaml").read_text()
    assert "kinds/web/crd.yaml" in error_of(
        files(crd=text[: text.index("        openAPIV3Schema:")] + f"        openAPIV3Schema: {schema}")
    )


def test_objects_need_a_name_and_no_owner() -> None:
    assert "metadata.name" in base_error({"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "x-"}})
    assert "ownerReferences" in base_error(named("ConfigMap", ownerReferences=[{}]))


def test_what_tells_kustomize_of_names_is_carried() -> None:
    content = files(
        kustomization="resources: [deployment.yaml]\nconfigurations: [./names.yaml]", names="nameReference: []"
    )
    assert kind_yaml.parse(FOLDER, content).carried == {"configurations": ("names.yaml",)}


def test_what_a_folder_below_tells_kustomize_is_carried_too() -> None:
    content = {
        **files(kustomization="resources: [deployment.yaml, certs]\nconfigurations: [names.yaml, none.yaml]\ncrds: []"),
        "names.yaml": b"nameReference: []",
        "certs/kustomization.yaml": b"configurations: [../certs/names.yaml]\ncrds: [crd.json]",
        "certs/names.yaml": b"nameReference: []",
        "certs/crd.json": b"{}",
    }
    assert kind_yaml.parse(FOLDER, content).carried == {
        "configurations": ("names.yaml", "certs/names.yaml"),
        "crds": ("certs/crd.json",),
    }
