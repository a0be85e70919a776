"""What kopf remembers of an object by digests: which fields have changed, and never a value."""

import json
from typing import Any, cast

import kopf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kopf._cogs.structs.diffs import diff  # what kopf tells handlers is made by it

from nuvop.directives import PREFIX as DIRECTIVES
from nuvop.persistence import FINALIZER, PREFIX, DigestStorage, NotKept, configure

ANNOTATION = f"{PREFIX}/last-handled"


def body(spec: object, annotations: dict[str, Any] | None = None, uid: str = "1") -> kopf.Body:
    metadata = {"name": "obj", "uid": uid, "annotations": annotations or {}}
    return kopf.Body(cast("Any", {"metadata": metadata, "spec": spec}))


def stored(of: kopf.Body, storage: kopf.DiffBaseStorage) -> dict[str, Any]:
    """The annotations of an object once it was handled."""
    patch = kopf.Patch()
    storage.store(body=of, patch=patch, essence=storage.build(body=of))
    return dict(patch.metadata.annotations)


def changes(before: object, after: object, storage: kopf.DiffBaseStorage) -> list[kopf.DiffItem]:
    """What has changed in an object that was handled."""
    now = body(after, stored(body(before), storage))
    return sorted(diff(storage.fetch(body=now), storage.build(body=now)), key=lambda item: item.field)


leaves = st.none() | st.booleans() | st.integers(min_value=2, max_value=2**63 - 1) | st.text() | st.lists(st.text())
trees = st.recursive(leaves, lambda inner: st.dictionaries(st.text(), inner, max_size=4), max_leaves=10)
specs = st.dictionaries(st.text(), trees, max_size=4)


@given(specs, specs)
def test_the_same_fields_have_changed_as_where_the_values_are_kept(before: object, after: object) -> None:
    told = changes(before, after, DigestStorage())
    own = changes(before, after, kopf.AnnotationsDiffBaseStorage())
    assert [(item.operation, item.field, item.new) for item in told] == [
        (item.operation, item.field, item.new) for item in own
    ]


def test_the_old_value_is_not_kept() -> None:
    before = {"count": 2, "text": "a", "map": {"gone": "x", "same": "y"}, "list": [1]}
    after = {"count": 3, "text": "a", "map": {"same": "y", "new": "z"}, "list": [1, 2]}
    assert changes(before, after, DigestStorage()) == [
        ("change", ("spec", "count"), NotKept.NOT_KEPT, 3),
        ("change", ("spec", "list"), NotKept.NOT_KEPT, [1, 2]),
        ("remove", ("spec", "map", "gone"), NotKept.NOT_KEPT, None),
        ("add", ("spec", "map", "new"), None, "z"),
    ]
    assert (str(NotKept.NOT_KEPT), repr([NotKept.NOT_KEPT])) == ("(not kept)", "[(not kept)]")


@pytest.mark.parametrize("value", ["correct horse", ["correct horse"], {"deep": [{"er": "correct horse"}]}])
def test_no_value_is_written(value: object) -> None:
    assert "correct" not in json.dumps(stored(body({"password": value}), DigestStorage()))


def test_a_large_value_is_a_short_digest() -> None:
    assert len(stored(body({"text": "x" * 1_000_000}), DigestStorage())[ANNOTATION]) < 50


def test_equal_values_of_two_objects_have_different_digests() -> None:
    one, other = (stored(body({"a": "x"}, uid=uid), DigestStorage()) for uid in "12")
    assert one != other


def test_an_object_that_was_never_handled() -> None:
    assert DigestStorage().fetch(body=body({"a": 1})) is None


SPOILT = {
    "no JSON": "{broken",
    "nothing": "",
    "a list": "[1]",
    "a number": "1",
    "a text": '"x"',
    "null": "null",
    "deep lists": "[" * 100_000,
    "no metadata": '{"metadata":null}',
    "metadata that is a list": '{"metadata":["annotations"]}',
    "annotations that are a digest": '{"metadata":{"annotations":"abc"}}',
    "annotations that are null": '{"metadata":{"annotations":null}}',
}
"""What somebody may write where the digests are; the API server takes any text."""


@pytest.mark.parametrize("text", SPOILT.values(), ids=SPOILT)
def test_what_somebody_has_spoilt_counts_as_never_handled(text: str) -> None:
    assert DigestStorage().fetch(body=body({"a": 1}, {ANNOTATION: text})) is None


@pytest.mark.parametrize("depth", [100, 300, 450, 600, 900, 50_000])
def test_digests_inside_of_many_mappings_are_no_trouble_to_kopf(depth: int) -> None:
    """It asks for them, and compares, at each event, before it calls any handler."""
    settings = kopf.OperatorSettings()
    configure(settings)
    now = body({"a": 1}, {ANNOTATION: '{"spec":' * depth + "1" + "}" * depth})
    old = settings.persistence.diffbase_storage.fetch(body=now)
    assert old is not None
    new = settings.persistence.diffbase_storage.build(body=now)
    assert diff(settings.persistence.progress_storage.clear(essence=old), new)


def test_what_is_left_on_an_object_is_called_after_nuvop() -> None:
    settings = kopf.OperatorSettings()
    configure(settings)
    storages = settings.persistence.diffbase_storage, settings.persistence.progress_storage
    patch = kopf.Patch()
    storages[1].store(key=kopf.HandlerId("mine"), record=kopf.ProgressRecord(retries=1), body=body({}), patch=patch)
    left = {*patch.metadata.annotations, *stored(body({"a": 1}), storages[0])}
    assert left == {ANNOTATION, f"{PREFIX}/kopf-managed", f"{PREFIX}/mine"}
    assert not any(name.startswith(DIRECTIVES) for name in left)
    assert settings.persistence.finalizer == FINALIZER
