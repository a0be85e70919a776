import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from nuvop import kinds, overlay
from nuvop.errors import GeneratedInUse, OverlayError, SettingsError, WriteFailed
from nuvop.kinds import Kind
from nuvop.objects import CRKey, ObjectKey
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
    return kinds.with_base(kinds.parse(SAMPLES, kinds.read(SAMPLES)), [DEPLOYMENT])


def sample(uid: str = "u1", name: str = "obj", **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "demo", "uid": uid, "generation": 1}
    return {"apiVersion": "nuvolaris.org/v1", "kind": "Sample", "metadata": metadata, "spec": spec}


def operations(made: overlay.Overlay) -> dict[str, Any]:
    return {o["path"]: o["value"] for o in yaml.safe_load(made.files["deployment-demo-deploy.yaml"])}


def test_a_field_that_is_left_out_sets_nothing(kind: Kind) -> None:
    assert "/spec/replicas" not in operations(overlay.make(kind, sample()))
    assert "/spec/replicas" not in operations(overlay.make(kind, sample(count=None)))
    assert operations(overlay.make(kind, sample(count=0)))["/spec/replicas"] == 0


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
    """Read back by PyYAML, which knows YAML 1.1 as kubectl does."""
    assert operations(overlay.make(kind, sample(image=text)))["/spec/template/spec/containers/0/image"] == text


def test_the_revision_digests_what_decides_the_output_except_the_uid(kind: Kind) -> None:
    def revision(**more: Any) -> str:
        return overlay.make(kind, sample(**more)).revision

    assert revision(count=1) == revision(count=1, uid="u2") == revision(count=1, unused="x")
    assert len({revision(count=1), revision(count=2), revision(), revision(image="1"), revision(name="b")}) == 5
    changed = kinds.with_base(kinds.parse(SAMPLES, {**kinds.read(SAMPLES), "note.txt": b"x"}), [DEPLOYMENT])
    assert overlay.make(changed, sample(count=1)).revision != revision(count=1)


def test_a_cr_that_does_not_fit_is_told(kind: Kind) -> None:
    broken = kinds.with_base(kind, [{**DEPLOYMENT, "spec": {**DEPLOYMENT["spec"]}}])  # type: ignore[dict-item]
    broken.base[0].body["spec"]["template"] = None
    with pytest.raises(OverlayError, match=r"spec.image cannot be set in Deployment/demo-deploy"):
        overlay.make(broken, sample(image="x"))


def test_the_base_is_never_changed(kind: Kind) -> None:
    before = json.dumps(kind.base[0].body)
    overlay.make(kind, sample(count=5, image="x"))
    assert json.dumps(kind.base[0].body) == before


def test_the_objects_of_a_cr_are_known_without_its_overlay(kind: Kind) -> None:
    mixed = kinds.with_base(kind, [DEPLOYMENT, CLUSTER_ROLE])
    made = overlay.make(mixed, sample())
    assert made.objects == overlay.objects_of(mixed, made.key)
    assert made.objects == (
        ObjectKey("apps", "Deployment", "demo", "obj-demo-deploy"),
        ObjectKey("rbac.authorization.k8s.io", "ClusterRole", "", "obj-reader"),
    )
    assert [child.body for child in made.children.values()] == [DEPLOYMENT, CLUSTER_ROLE]


def test_what_the_garbage_collector_cannot_delete_needs_a_finalizer(kind: Kind) -> None:
    assert not overlay.make(kind, sample()).needs_finalizer
    assert overlay.make(kinds.with_base(kind, [DEPLOYMENT, CLUSTER_ROLE]), sample()).needs_finalizer


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
    assert sorted(path.name for path in folder.iterdir()) == ["deployment-demo-deploy.yaml", "kustomization.yaml"]
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
