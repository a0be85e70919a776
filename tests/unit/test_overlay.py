import errno
import json
import os
import shutil
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nuvop import kind_folder, kind_yaml, overlay, yamltext
from nuvop.errors import GeneratedInUse, OverlayError, SettingsError, WriteFailed
from nuvop.kinds import Kind
from nuvop.objects import CRKey, ObjectKey
from tests.unit.based import with_base
from tests.unit.test_yamltext import HOSTILE

SAMPLES = Path(__file__).parents[2] / "kustomize/samples"
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "demo-deploy"},
    "spec": {
        "selector": {"matchLabels": {"app": "x"}},
        "template": {
            "metadata": {"labels": {"app": "x"}},
            "spec": {"containers": [{"name": "nginx", "image": "nginx"}]},
        },
    },
}
CLUSTER_ROLE = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRole",
    "metadata": {"name": "reader"},
}


@pytest.fixture(scope="module")
def kind() -> Kind:
    return with_base(kind_yaml.parse(SAMPLES, kind_folder.read(SAMPLES)), [DEPLOYMENT])


def sample(uid: str = "u1", name: str = "obj", **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "demo", "uid": uid, "generation": 1}
    return {"apiVersion": "nuvolaris.org/v1", "kind": "Sample", "metadata": metadata, "spec": spec}


def operations(made: overlay.Overlay) -> dict[str, Any]:
    return {o["path"]: o["value"] for o in json.loads(made.files["deployment-demo-deploy.json"])}


def test_a_field_that_is_left_out_sets_nothing(kind: Kind) -> None:
    assert "/spec/replicas" not in operations(overlay.make(kind, sample()))
    assert "/spec/replicas" not in operations(overlay.make(kind, sample(count=None)))
    assert operations(overlay.make(kind, sample(count=0)))["/spec/replicas"] == 0


@pytest.mark.parametrize("selected", ["x", "another"])
def test_a_selector_selects_no_other_crs_pods_whether_a_mapping_leaves_it_behind_or_leads_to_it(selected: str) -> None:
    files = dict(kind_folder.read(SAMPLES))
    files["kind.yaml"] = (
        b"apiVersion: nuvop.nuvolaris.org/v1\nkind: Kind\n"
        b"set:\n  spec.image: Deployment/demo-deploy spec.template.metadata.labels.app\n"
    )
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"selector": {"app": selected}, "ports": [{"port": 80}]},
    }
    made = overlay.make(with_base(kind_yaml.parse(SAMPLES, files), [DEPLOYMENT, service]), sample(image="another"))
    patch = {o["path"]: o["value"] for o in json.loads(made.files["service-web.json"])}
    assert patch["/spec/selector/nuvop.nuvolaris.org~1instance"] == "samples-obj"


@pytest.mark.parametrize("order", [1, -1])
def test_a_part_counts_more_than_the_whole_in_whatever_order_they_are_set(order: int) -> None:
    lines = [
        b"  spec.image: Deployment/demo-deploy spec.template.spec.containers.*.resources.limits.cpu\n",
        b"  spec.count: Deployment/demo-deploy spec.template.spec.containers.[name=nginx].resources\n",
    ]
    files = dict(kind_folder.read(SAMPLES))
    files["kind.yaml"] = b"apiVersion: nuvop.nuvolaris.org/v1\nkind: Kind\nset:\n" + b"".join(lines[::order])
    made = overlay.make(
        with_base(kind_yaml.parse(SAMPLES, files), [DEPLOYMENT]), sample(image="7", count={"limits": {"memory": "1Gi"}})
    )
    place = "/spec/template/spec/containers/0/resources"
    assert operations(made)[f"{place}/limits/cpu"] == "7"


UNWRITABLE = ["\x07", "\u0085", "\x7f", "\x1b", "\x00", "\ufffe", "a\ud800"]


@pytest.mark.parametrize("text", UNWRITABLE)
def test_what_cannot_stand_in_a_manifest_is_refused_by_name(kind: Kind, text: str) -> None:
    with pytest.raises(OverlayError) as error:
        overlay.make(kind, sample(image=text))
    assert f"spec.image: the character U+{ord(text[-1]):04X}" in str(error.value)
    with pytest.raises(OverlayError, match=r"spec.image.a.0"):
        overlay.make(kind, sample(image={"a": [text]}))
    with pytest.raises(OverlayError, match=r"spec.image"):
        overlay.make(kind, sample(image={text: 1}))


@pytest.mark.parametrize("text", sorted(set(HOSTILE) - set(UNWRITABLE)))
def test_text_stays_what_it_is(kind: Kind, text: str) -> None:
    assert operations(overlay.make(kind, sample(image=text)))["/spec/template/spec/containers/0/image"] == text


def test_the_revision_digests_what_decides_the_output_except_the_uid(kind: Kind) -> None:
    def revision(**more: Any) -> str:
        return overlay.make(kind, sample(**more)).revision

    assert revision(count=1) == revision(count=1, uid="u2") == revision(count=1, unused="x")
    assert len({revision(count=1), revision(count=2), revision(), revision(image="1"), revision(name="b")}) == 5
    changed = with_base(kind_yaml.parse(SAMPLES, {**kind_folder.read(SAMPLES), "note.txt": b"x"}), [DEPLOYMENT])
    assert overlay.make(changed, sample(count=1)).revision != revision(count=1)


def test_a_cr_that_does_not_fit_is_told(kind: Kind) -> None:
    broken = with_base(kind, [{**DEPLOYMENT, "spec": {**DEPLOYMENT["spec"]}}])  # type: ignore[dict-item]
    broken.base[0].body["spec"]["template"] = None
    with pytest.raises(OverlayError, match=r"spec.image cannot be set in Deployment/demo-deploy"):
        overlay.make(broken, sample(image="x"))


def test_the_base_is_never_changed(kind: Kind) -> None:
    before = json.dumps(kind.base[0].body)
    overlay.make(kind, sample(count=5, image="x"))
    assert json.dumps(kind.base[0].body) == before


def test_the_objects_of_a_cr_are_known_without_its_overlay(kind: Kind) -> None:
    mixed = with_base(kind, [DEPLOYMENT, CLUSTER_ROLE])
    made = overlay.make(mixed, sample())
    assert made.objects == overlay.objects_of(mixed, made.key)
    assert made.objects == (
        ObjectKey("apps", "Deployment", "demo", "obj-demo-deploy"),
        ObjectKey("rbac.authorization.k8s.io", "ClusterRole", "", "obj-reader"),
    )
    assert [child.body for child in made.children.values()] == [DEPLOYMENT, CLUSTER_ROLE]


def test_what_the_garbage_collector_cannot_delete_needs_a_finalizer(kind: Kind) -> None:
    assert not overlay.make(kind, sample()).needs_finalizer
    assert overlay.make(with_base(kind, [DEPLOYMENT, CLUSTER_ROLE]), sample()).needs_finalizer


def test_an_orphan_policy_is_part_of_the_revision_and_needs_a_finalizer(kind: Kind) -> None:
    made, orphaning = overlay.make(kind, sample()), overlay.make(kind, sample(), orphan=True)
    assert made.revision != orphaning.revision
    assert (made.needs_finalizer, orphaning.needs_finalizer) == (False, True)
    assert "/metadata/ownerReferences" in operations(made)
    assert "/metadata/ownerReferences" not in operations(orphaning)


def test_a_child_without_any_patch_has_no_file(kind: Kind) -> None:
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "web"}}
    made = overlay.make(with_base(kind, [DEPLOYMENT, account]), sample(), orphan=True)
    assert sorted(made.files) == ["deployment-demo-deploy.json", "kustomization.yaml"]
    assert "web" not in made.files["kustomization.yaml"]
    assert len(made.objects) == 2


def job(**spec: Any) -> dict[str, Any]:
    metadata = {"name": "migrate", "labels": {"app": "migrate"}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}


JOB = ObjectKey("batch", "Job", "demo", "obj-migrate")


def test_what_is_left_out_does_not_count_in_the_revision(kind: Kind) -> None:
    with_job = with_base(kind, [DEPLOYMENT, job()])
    whole, part = overlay.make(with_job, sample()), overlay.make(with_job, sample(), without={JOB})
    assert whole.revision == part.revision
    assert whole.contents == part.contents
    assert part.objects == (ObjectKey("apps", "Deployment", "demo", "obj-demo-deploy"),)
    assert json.loads(part.files["job-migrate.json"]) == {
        "$patch": "delete",
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "migrate"},
    }
    unknown = ObjectKey("batch", "Job", "demo", "obj-other")
    assert overlay.make(with_job, sample(), without={unknown}).files == whole.files


def test_the_contents_of_a_job_change_with_what_it_is_made_from(kind: Kind) -> None:
    def content(made_of: dict[str, Any], setting: Kind = kind, **more: Any) -> str:
        made = overlay.make(with_base(setting, [DEPLOYMENT, made_of]), sample(**more))
        assert list(made.contents) == [JOB]
        return made.contents[JOB]

    assert content(job()) == content(job(), count=7) == content(job(), uid="u2")
    assert len(content(job())) == 16
    assert content(job()) != content(job(backoffLimit=1))
    sets_job = parsed("set: {spec.count: Job/migrate spec.completions}")
    assert content(job(), sets_job) == content(job()), "what else the kind says does not count"
    assert len({content(job(), sets_job), content(job(), sets_job, count=1), content(job(), sets_job, count=2)}) == 3


def test_a_job_of_others_has_no_contents(kind: Kind) -> None:
    other = {**job(), "apiVersion": "jobs.example.org/v1"}
    assert overlay.make(with_base(kind, [DEPLOYMENT, other]), sample()).contents == {}


def parsed(text: str) -> Kind:
    files = kind_folder.read(SAMPLES) | {
        "kind.yaml": f"apiVersion: nuvop.nuvolaris.org/v1\nkind: Kind\n{text}".encode()
    }
    return kind_yaml.parse(SAMPLES, files)


def test_what_is_released_has_no_value() -> None:
    releasing = parsed(
        "set: {spec.count: Deployment/demo-deploy spec.replicas}\n"
        "release: [Deployment/demo-deploy spec.replicas, Job/migrate spec.completions]"
    )
    kind = with_base(releasing, [DEPLOYMENT, job(completions=2)])
    deployment = ObjectKey("apps", "Deployment", "demo", "obj-demo-deploy")
    assert [(key, str(path)) for key, path in overlay.make(kind, sample()).released] == [(deployment, "spec.replicas")]
    assert overlay.make(kind, sample(count=0)).released == ()
    empty = with_base(releasing, [DEPLOYMENT, job(completions=None)])
    assert [key for key, _ in overlay.make(empty, sample(count=0)).released] == [JOB], "null is no value"
    assert overlay.make(empty, sample(count=0), without={JOB}).released == ()


def test_the_size_grows_with_base_and_files(kind: Kind) -> None:
    small = overlay.make(kind, sample()).size
    assert small == sum(map(len, overlay.make(kind, sample()).files.values())) + len(kind.rendered)
    longer = replace(kind, rendered=kind.rendered + "é" * 1000)
    assert overlay.make(longer, sample()).size == small + 2000
    assert overlay.make(kind, sample(image="x" * 1000)).size > small + 1000


# --- on disk ---------------------------------------------------------------------------------------------------------


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_write_replaces_as_a_whole(kind: Kind, tmp_path: Path) -> None:
    generated = tmp_path / "generated"
    lock = overlay.claim(generated)
    folder = overlay.write(generated, kind, overlay.make(kind, sample(count=1)))
    assert folder == generated / "samples/demo/obj"
    (folder / "stray").write_text("x")
    overlay.write(generated, kind, overlay.make(kind, sample(count=2)))
    assert sorted(path.name for path in folder.iterdir()) == ["deployment-demo-deploy.json", "kustomization.yaml"]
    assert [mode(generated), mode(folder)] == [0o700, 0o700]
    assert {mode(path) for path in folder.iterdir()} == {0o600}
    assert [path.name for path in folder.parent.iterdir()] == ["obj"], "no temporary folder is left"
    overlay.remove(generated, CRKey("samples", "demo", "obj"))
    overlay.remove(generated, CRKey("samples", "demo", "obj"))
    left = sorted(path.name for path in generated.iterdir())
    assert left == [overlay.SNAPSHOTS, overlay.LOCK], "no empty folder is left"
    os.close(lock)


def test_snapshots_are_read_only_and_written_once(kind: Kind, tmp_path: Path) -> None:
    generated = tmp_path / "generated"
    lock = overlay.claim(generated)
    source = overlay.write_source(generated, kind)
    assert {mode(path) for path in source.rglob("*") if path.is_file()} == {0o400}
    assert (source / "deployment.yaml").read_bytes() == (SAMPLES / "deployment.yaml").read_bytes()
    before = source.stat().st_ino
    assert overlay.write_source(generated, kind).stat().st_ino == before
    os.close(lock)


def test_claim_sweeps_and_locks(tmp_path: Path) -> None:
    generated = tmp_path / "generated"
    lock = overlay.claim(generated)
    with pytest.raises(GeneratedInUse, match=str(generated)):
        overlay.claim(generated)
    (generated / "samples/demo/old").mkdir(parents=True)
    (generated / ".kinds/abc").mkdir(parents=True)
    os.close(lock)
    os.close(overlay.claim(generated))
    assert [path.name for path in generated.iterdir()] == [overlay.LOCK]


def test_claim_does_not_touch_a_folder_of_others(tmp_path: Path) -> None:
    (tmp_path / "thesis").write_text("x")
    with pytest.raises(SettingsError, match="NUVOP_GENERATED"):
        overlay.claim(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="NUVOP_GENERATED"):
        overlay.claim(tmp_path / "file")
    assert (tmp_path / "thesis").read_text() == "x"


def test_what_cannot_be_written_is_named(kind: Kind, tmp_path: Path) -> None:
    (tmp_path / "samples").write_text("a file where a folder should be")
    with pytest.raises(WriteFailed, match="samples/demo/obj cannot be written"):
        overlay.write(tmp_path, kind, overlay.make(kind, sample()))


def test_what_a_failed_write_has_left_goes_with_the_next_one(kind: Kind, tmp_path: Path) -> None:
    target = tmp_path / "samples/demo/obj"
    target.parent.mkdir(parents=True)
    for left in (".new", ".old"):
        (target.parent / left / "stray").mkdir(parents=True)
    overlay.write(tmp_path, kind, overlay.make(kind, sample()))
    assert [path.name for path in target.parent.iterdir()] == ["obj"]
    (target.parent / ".new").mkdir()
    overlay.remove(tmp_path, CRKey("samples", "demo", "obj"))
    assert not (tmp_path / "samples").exists()


def test_a_snapshot_of_which_a_file_is_missing_is_written_again(kind: Kind, tmp_path: Path) -> None:
    base = overlay.write(tmp_path, kind, overlay.make(kind, sample())).parents[2] / ".kinds" / kind.digest / "base"
    source = overlay.write_source(tmp_path, kind)
    for removed in (base / "base.yaml", source / "deployment.yaml"):
        removed.unlink()
    overlay.write(tmp_path, kind, overlay.make(kind, sample()))
    overlay.write_source(tmp_path, kind)
    assert (base / "base.yaml").exists()
    assert (source / "deployment.yaml").exists()


def test_what_others_remove_at_the_same_time_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "samples/demo/obj"
    folder.mkdir(parents=True)
    real = shutil.rmtree

    def quicker(path: Path) -> None:
        real(path)
        raise FileNotFoundError(path)

    monkeypatch.setattr(shutil, "rmtree", quicker)
    overlay.remove(tmp_path, CRKey("samples", "demo", "obj"))
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_removed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "samples/demo/obj").mkdir(parents=True)

    def refuse(path: Path) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr(shutil, "rmtree", refuse)
    with pytest.raises(WriteFailed, match="samples/demo/obj cannot be removed: Read-only file system"):
        overlay.remove(tmp_path, CRKey("samples", "demo", "obj"))


def test_a_claim_is_kept_when_the_folder_is_swept(tmp_path: Path) -> None:
    generated = tmp_path / "generated"
    lock = overlay.claim(generated)
    overlay.keep_claim(generated, lock)
    shutil.rmtree(generated)
    overlay.keep_claim(generated, lock)
    (generated / "samples").mkdir()
    with pytest.raises(GeneratedInUse):
        overlay.claim(generated)
    os.close(lock)
    os.close(overlay.claim(generated))


def test_a_claim_is_not_taken_from_another(tmp_path: Path) -> None:
    generated = tmp_path / "generated"
    lock = overlay.claim(generated)
    shutil.rmtree(generated)
    others = overlay.claim(generated)
    with pytest.raises(GeneratedInUse):
        overlay.keep_claim(generated, lock)
    for descriptor in (lock, others):
        os.close(descriptor)


def with_python(kind: Kind, given: dict[str, Any]) -> Kind:
    patch = {"kind": "Deployment", **given, "metadata": {"name": "demo-deploy", **given.get("metadata", {})}}
    source = f"import json\ndef patches(cr):\n    yield json.loads({json.dumps(patch)!r})\n"
    return replace(kind, files={**kind.files, "patches.py": source.encode()})


def test_a_kinds_own_python_may_change_what_a_child_is_like(kind: Kind) -> None:
    metadata = {"labels": {"a": "b"}, "annotations": {"c": None}}
    spec = {"template": {"$patch": "replace"}}
    files = overlay.make(with_python(kind, {"metadata": metadata, "spec": spec}), sample()).files
    (patch,) = [json.loads(text) for name, text in files.items() if name.startswith("python-")]
    assert (patch["metadata"], patch["spec"]) == ({"name": "demo-deploy", **metadata}, spec)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"$patch": "delete"}, "$patch"),
        ({"status": {"replicas": 1}}, "status"),
        ({"metadata": {"namespace": "other", "finalizers": []}}, "metadata.namespace, metadata.finalizers"),
        ({"metadata": {"labels": {"nuvop.nuvolaris.org/owner": "me"}}}, "metadata.labels.nuvop.nuvolaris.org/owner"),
        (
            {"metadata": {"annotations": {"config.kubernetes.io/local-config": "true"}}},
            "metadata.annotations.config.kubernetes.io/local-config",
        ),
        (
            {"metadata": {"annotations": {"nuvop.nuvolaris.org/adopt": "true"}}},
            "metadata.annotations.nuvop.nuvolaris.org/adopt",
        ),
    ],
)
def test_a_kinds_own_python_may_not_say_which_children_there_are(kind: Kind, given: dict[str, Any], said: str) -> None:
    with pytest.raises(OverlayError) as raised:
        overlay.make(with_python(kind, given), sample())
    where = f"{kind.folder}/patches.py: Deployment/demo-deploy: "
    assert str(raised.value) == f"{where}{said}: which children there are, and whose, is not for Python to say"


def monitor(name: str, kind: str, spec: dict[str, Any], namespace: str = "demo") -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "monitoring.coreos.com/v1", "kind": kind, "metadata": metadata, "spec": spec}


@pytest.mark.parametrize(
    ("kind_name", "spec", "is_narrowed"),
    [
        ("ServiceMonitor", {"selector": {"matchLabels": {"tier": "front"}}}, True),
        ("ServiceMonitor", {"selector": {"matchLabels": {"tier": "back"}}}, False),
        ("ServiceMonitor", {"selector": {"matchLabels": {"app": "pods"}}}, False),
        ("ServiceMonitor", {"selector": {"matchExpressions": [{"key": "tier", "operator": "Exists"}]}}, True),
        ("ServiceMonitor", {"selector": {}, "namespaceSelector": {"any": True}}, True),
        ("ServiceMonitor", {"selector": {}, "namespaceSelector": {"matchNames": ["demo"]}}, True),
        ("ServiceMonitor", {"selector": {}, "namespaceSelector": {"matchNames": ["other"]}}, False),
        ("ServiceMonitor", {}, False),
        ("PodMonitor", {"selector": {"matchLabels": {"app": "pods"}}}, True),
        ("PodMonitor", {"selector": {"matchLabels": {"tier": "front"}}}, False),
        ("Probe", {"selector": {"matchLabels": {"tier": "front"}}}, False),
    ],
)
def test_a_monitor_watches_its_own_crs_only(
    kind: Kind, kind_name: str, spec: dict[str, Any], is_narrowed: bool
) -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "s", "labels": {"tier": "front"}},
        "spec": {},
    }
    pods = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": {"app": "pods"}}}
    made = overlay.make(with_base(kind, [DEPLOYMENT, service, pods, monitor("m", kind_name, spec)]), sample())
    patch = json.loads(made.files[f"{kind_name.lower()}-m.json"])
    assert any(each["path"].startswith("/spec/selector/matchLabels") for each in patch) is is_narrowed


def test_names_follow_as_the_base_has_them_whatever_lines_say_so() -> None:
    """Neither does a second line rename words that the first one has left, nor is a program ever a host."""
    at = "Deployment/web spec.template.spec.containers.[name=a]"
    lines = [f"{at}.command.*", f"{at}.args.*", f"{at}.args.0", f"{at}.env.[name=PEER].value"]
    files = dict(kind_folder.read(SAMPLES))
    files["kind.yaml"] = yamltext.dump(
        {"apiVersion": "nuvop.nuvolaris.org/v1", "kind": "Kind", "follow": lines}
    ).encode()
    container = {
        "name": "a",
        "command": ["web", "-h", "web"],
        "args": ["web proxies http://web/", "--mode"],
        "env": [{"name": "PEER", "value": "web"}, {"name": "ROLE", "value": "web"}],
    }
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }
    kind = with_base(kind_yaml.parse(SAMPLES, files), [deployment])
    made = json.loads(overlay.make(kind, sample()).files["deployment-web.json"])
    place = "/spec/template/spec/containers/0/"
    assert {each["path"].removeprefix(place): each["value"] for each in made if place in each["path"]} == {
        "command/2": "obj-web",
        "args/0": "web proxies http://obj-web/",
        "env/0/value": "obj-web",
    }
