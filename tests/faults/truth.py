"""Whether statuses told the truth: looks at every version of CRs and children in their order. Pure.

A Ready CR says that its children are as the spec of its observed generation wants them, and ready. The operator may
be late in noticing what others do to them, but each must have been so once before it says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nuvop.objects import INSTANCE_LABEL
from tests.e2e.harness import assert_true, condition
from tests.faults.workload import KIND, NAMES, as_wanted, child_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tests.faults.history import Gap, Version


@dataclass
class Truth:
    """What CRs and children were at the last version taken in."""

    _crs: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    _children: dict[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    _right: dict[tuple[str, str], tuple[str, int]] = field(default_factory=dict)
    """For each child the CR's uid and generation at which it was last as it should be."""
    _begun: dict[tuple[str, int], int] = field(default_factory=dict)
    """The version in which each generation of a CR, by its uid, was seen first."""

    def take(self, versions: Iterable[Version], gaps: Sequence[Gap] = ()) -> list[str]:
        """Take in versions in order; return what a status said that had not been so, each as a line for a person.

        What may have been so in a gap is believed.
        """
        return [untruth for version in versions if (untruth := self._take(version, gaps))]

    def _take(self, version: Version, gaps: Sequence[Gap]) -> str:
        kind, name = version.key
        concerned = self._note(version)
        cr = self._crs.get(concerned)
        if cr is None:
            return ""
        metadata = cr["metadata"]
        now = (metadata["uid"], metadata["generation"])
        keys = [(each, child_name(concerned, each)) for each in NAMES]
        for key in keys:
            child = self._children.get(key)
            if child is not None and as_wanted(cr, child):
                self._right[key] = now
        first = self._begun.setdefault(now, version.number)
        may_be = any(gap.begin < version.number and first <= gap.end for gap in gaps)
        ready = condition(cr, "Ready")
        is_told = ready.get("status") == "True" and ready["observedGeneration"] == metadata["generation"]
        never = [key for key in keys if self._right.get(key) != now]
        if kind != KIND or not is_told or not never or may_be:
            return ""
        self._right |= dict.fromkeys(keys, now)  # said once
        return (
            f"{name} was told Ready at generation {now[1]} (resource version {version.number}), "
            f"and had not been as it should: {', '.join('/'.join(key) for key in never)}"
        )

    def _note(self, version: Version) -> str:
        """Note a version, and return the name of the CR that it concerns."""
        kind, name = version.key
        noted: dict[Any, Mapping[str, Any]] = self._crs if kind == KIND else self._children
        key = name if kind == KIND else version.key
        if version.is_gone:
            noted.pop(key, None)
        else:
            noted[key] = version.body
        if kind == KIND:
            return name
        return str(version.body["metadata"].get("labels", {}).get(INSTANCE_LABEL, "")).removeprefix("widgets-")


def assert_nothing_untrue(versions: list[Version], gaps: Sequence[Gap] = ()) -> None:
    """Fail where a status said what was not so, or broke one of Flux's invariants."""
    assert_invariants(versions)
    assert not (found := Truth().take(versions, gaps)), found


def assert_invariants(versions: Iterable[Version]) -> None:
    """Fail where a status broke one of Flux's invariants."""
    assert_true([version.body for version in versions if version.key[0] == KIND and not version.is_gone])
