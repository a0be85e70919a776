"""What is written down of a CR's children, and what is read from it."""

from typing import Any

from nuvop import inventory
from nuvop.inventory import Entry
from nuvop.objects import ObjectKey, key_of

JOB = ObjectKey("batch", "Job", "demo", "x-migrate")
ENTRY = Entry("batch/v1", "Job", "demo", "x-migrate", "u1", "d1")


def job(*, finished: str = "", uid: str = "u1") -> dict[str, Any]:
    conditions = [{"type": finished, "status": "True"}] if finished else []
    metadata = {"namespace": "demo", "name": "x-migrate", "uid": uid}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "status": {"conditions": conditions}}


def configmap(name: str, uid: str = "c1") -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "demo", "name": name, "uid": uid}}


def test_an_entry_survives_the_status() -> None:
    done = Entry("batch/v1", "Job", "demo", "x", "u1", "d1", "abc")
    status = {"inventory": [ENTRY.as_dict(), done.as_dict()]}
    assert inventory.of(status) == (ENTRY, done)
    assert "done" not in ENTRY.as_dict(), "a status is not rewritten for what does not apply"


def test_what_is_mangled_does_not_count() -> None:
    assert inventory.of({"inventory": ["x", {"kind": "Job"}, None, ENTRY.as_dict()]}) == (ENTRY,)
    assert inventory.of({}) == ()
    assert inventory.of({"inventory": None}) == ()


def test_a_finished_job_is_noted_once_it_has_finished() -> None:
    contents = {JOB: "abc"}
    assert inventory.with_finished_jobs((ENTRY,), contents, {JOB: job()}) == (ENTRY,)
    for end in ("Complete", "Failed"):
        (noted,) = inventory.with_finished_jobs((ENTRY,), contents, {JOB: job(finished=end)})
        assert noted.done == "abc"
    another = job(finished="Complete", uid="u2")
    assert inventory.with_finished_jobs((ENTRY,), contents, {JOB: another}) == (ENTRY,), "somebody else's of that name"
    assert inventory.with_finished_jobs((ENTRY,), contents, {}) == (ENTRY,), "gone, and nobody saw it finish"


def test_a_finished_job_that_is_gone_is_not_made_again_unless_it_is_another() -> None:
    (noted,) = inventory.with_finished_jobs((ENTRY,), {JOB: "abc"}, {JOB: job(finished="Complete")})
    assert inventory.finished_and_gone((noted,), {JOB: "abc"}, {}) == {JOB}
    assert inventory.finished_and_gone((noted,), {JOB: "abc"}, {JOB: job()}) == frozenset()
    assert inventory.finished_and_gone((noted,), {JOB: "other"}, {}) == frozenset()
    assert inventory.finished_and_gone((ENTRY,), {JOB: "abc"}, {}) == frozenset()


def test_what_left_the_overlay_stays_until_it_is_gone() -> None:
    left, new = configmap("x-left"), configmap("x-new", "c2")
    after = inventory.after_apply((inventory.entry_of(left),), [new])
    assert [entry.name for entry in after] == ["x-new", "x-left"]
    both = {key_of(new): new, key_of(left): left}
    assert inventory.still(after, [key_of(new)], both) == after
    assert [e.name for e in inventory.still(after, [key_of(new)], {key_of(new): new})] == ["x-new"]


def test_what_cannot_be_seen_stays() -> None:
    left = (inventory.entry_of(configmap("x-left")),)
    assert inventory.still(left, [], {}, {("v1", "ConfigMap")}) == left
    assert inventory.still(left, [], {}, {("v1", "Secret")}) == ()


def test_what_nuvop_deletes_itself_is_as_if_it_had_not_been_made() -> None:
    one, other = inventory.entry_of(configmap("one")), inventory.entry_of(configmap("other", "c2"))
    changed = inventory.without_uid((one, other), [one.key])
    assert [(entry.key, entry.uid) for entry in changed] == [(one.key, ""), (other.key, "c2")]


def test_a_finished_job_stays_in_the_inventory() -> None:
    done = Entry("batch/v1", "Job", "demo", "x-migrate", "u1", "d1", "abc")
    assert inventory.after_apply((done,), [configmap("x")])[1] == done
    assert inventory.still((done,), [], {}) == (done,)


def test_an_announced_object_has_no_uid_yet() -> None:
    entry = inventory.announced(JOB, "batch/v1")
    assert (entry.key, entry.uid, entry.digest) == (JOB, "", "")
    assert inventory.of({"inventory": [entry.as_dict()]}) == (entry,)
