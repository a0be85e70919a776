"""Whether statuses told the truth: looks at every version of CRs and children in their order. Pure.

A Ready CR says that its children are as the spec of its observed generation wants them, and ready. The operator may
be late in noticing what others do to them, but it must have had that once before it says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nuvop.objects import INSTANCE_LABEL
from tests.e2e.harness import assert_true, condition
from tests.faults.workload import KIND, NAMES, as_wanted, child_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.faults.history import Version


def untruths(versions: Iterable[Version]) -> list[str]:
    """What a status said that had not been so, each as a line for a person."""
    crs: dict[str, Mapping[str, Any]] = {}
    children: dict[tuple[str, str], Mapping[str, Any]] = {}
    fulfilled: dict[str, tuple[str, int]] = {}
    """The uid and generation of each CR whose children have been as they should."""
    found = []
    for version in versions:
        kind, name = version.key
        if kind == KIND:
            if version.is_gone:
                crs.pop(name, None)
                continue
            crs[name] = version.body
            concerned = name
        else:
            if version.is_gone:
                children.pop(version.key, None)
            else:
                children[version.key] = version.body
            concerned = version.body["metadata"].get("labels", {}).get(INSTANCE_LABEL, "").removeprefix("widgets-")
        cr = crs.get(concerned)
        if cr is None:
            continue
        metadata = cr["metadata"]
        own = {each: children.get((each, child_name(concerned, each))) for each in NAMES}
        if all(body is not None and as_wanted(cr, body) for body in own.values()):
            fulfilled[concerned] = (metadata["uid"], metadata["generation"])
        ready = condition(cr, "Ready")
        now = (metadata["uid"], metadata["generation"])
        is_told = ready.get("status") == "True" and ready["observedGeneration"] == metadata["generation"]
        if kind == KIND and is_told and fulfilled.get(concerned) != now:
            found.append(
                f"{concerned} was told Ready at generation {now[1]} (resource version {version.number}), "
                "and its children had not been as they should"
            )
            fulfilled[concerned] = now  # said once
    return found


def assert_nothing_untrue(versions: list[Version]) -> None:
    """Fail where a status said what was not so, or broke one of Flux's invariants."""
    assert_true([version.body for version in versions if version.key[0] == KIND and not version.is_gone])
    assert not (found := untruths(versions)), found
