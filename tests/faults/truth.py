"""Whether statuses told the truth: looks at every version of CRs and children in their order. Pure.

A Ready CR says that its children are as the spec of its observed generation wants them, and ready. The operator may
be late in noticing what others do to them, but each must have been so before it says so: since the CR was last told
not to be Ready. While a CR is suspended nothing is put back, and Ready says no more than that they are ready: each must
have been as wanted once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nuvop.objects import INSTANCE_LABEL, OWNER_LABEL
from tests.e2e.harness import assert_true, condition
from tests.faults.workload import KIND, NAMES, as_wanted, child_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.faults.history import Gap, Version


Spec = Mapping[str, Any]
Generation = tuple[str, int]
"""A CR's uid, and the generation of its spec."""


@dataclass
class Truth:
    """What CRs and children were at the last version taken in."""

    _crs: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    _children: dict[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    _specs: dict[str, dict[Generation, Spec]] = field(default_factory=dict)
    """By the CR's name, from the generation on that its status speaks of."""
    _begun: dict[Generation, int] = field(default_factory=dict)
    """The version in which each generation was seen first."""
    _right: dict[tuple[str, str], set[Generation]] = field(default_factory=dict)
    """For each child the generations as which it has been since its CR was last told not to be Ready."""
    _once: dict[tuple[str, str], set[Generation]] = field(default_factory=dict)
    """The same since ever."""

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
        keys = [(each, child_name(concerned, each)) for each in NAMES]
        for generation, spec in self._specs[concerned].items():
            for key in keys:
                if self._is_as(key, generation, spec):
                    self._right.setdefault(key, set()).add(generation)
                    self._once.setdefault(key, set()).add(generation)
        if kind != KIND:
            return ""
        ready = condition(cr, "Ready")
        told = (cr["metadata"]["uid"], ready.get("observedGeneration", 0))
        if told not in self._specs[concerned]:
            return ""
        if ready["status"] != "True":
            self._forget(keys, told, self._specs[concerned][told])
            return ""
        right = self._once if condition(cr, "Suspended") else self._right
        never = [key for key in keys if told not in right.get(key, ())]
        may_be = any(gap.begin < version.number and self._begun[told] <= gap.end for gap in gaps)
        if not never or may_be:
            return ""
        for key in keys:
            right.setdefault(key, set()).add(told)  # said once
        return (
            f"{name} was told Ready at generation {told[1]} (resource version {version.number}), "
            f"and had not been as it should: {', '.join('/'.join(key) for key in never)}"
        )

    def _is_as(self, key: tuple[str, str], generation: Generation, spec: Spec) -> bool:
        """Whether a child is what a CR wants at a generation."""
        child = self._children.get(key)
        return child is not None and as_wanted({"metadata": {"uid": generation[0]}, "spec": spec}, child)

    def _forget(self, keys: Iterable[tuple[str, str]], told: Generation, spec: Spec) -> None:
        """Take in that a CR is told not to be Ready: what is not right now has to be so again before it is."""
        for key in keys:
            if not self._is_as(key, told, spec):
                self._right.get(key, set()).discard(told)

    def _note(self, version: Version) -> str:
        """Note a version, and return the name of the CR that it concerns."""
        kind, name = version.key
        if kind != KIND:
            if version.is_gone:
                self._children.pop(version.key, None)
            else:
                self._children[version.key] = version.body
            return str(version.body["metadata"].get("labels", {}).get(INSTANCE_LABEL, "")).removeprefix("widgets-")
        if version.is_gone:
            self._crs.pop(name, None)
            self._specs.pop(name, None)
            return name
        self._crs[name] = version.body
        metadata = version.body["metadata"]
        now = (metadata["uid"], metadata["generation"])
        self._begun.setdefault(now, version.number)
        # A status may speak of a generation that has been overtaken, but of none before one that it has spoken of.
        oldest = version.body.get("status", {}).get("observedGeneration", 0)
        known = {
            (uid, generation): spec
            for (uid, generation), spec in self._specs.get(name, {}).items()
            if uid == metadata["uid"] and generation >= oldest
        }
        self._specs[name] = {**known, now: version.body["spec"]}
        return name


def wrongly_deleted(versions: Iterable[Version], gaps: Sequence[Gap] = ()) -> list[str]:
    """The Deployments that went though their CR was there and was to stay, a line each.

    Tests delete other children themselves. What went in a gap is believed to have been right: its CR may have gone too.
    """
    crs: dict[str, Mapping[str, Any]] = {}
    found = []
    for version in versions:
        kind, name = version.key
        metadata = version.body["metadata"]
        if kind == KIND:
            if version.is_gone or "deletionTimestamp" in metadata:
                crs.pop(name, None)
            else:
                crs[name] = metadata
        elif kind == "Deployment" and version.is_gone and not any(g.begin < version.number <= g.end for g in gaps):
            owner = metadata.get("labels", {}).get(OWNER_LABEL)
            found += [f"{name} was deleted, and {cr} is there" for cr, its in crs.items() if its["uid"] == owner]
    return found


def assert_nothing_wrong(versions: list[Version], gaps: Sequence[Gap] = ()) -> None:
    """Fail where a status said what was not so or broke one of Flux's invariants, and where a child went in between."""
    assert_invariants(versions)
    assert not (found := Truth().take(versions, gaps)), found
    assert not (found := wrongly_deleted(versions, gaps)), found


def assert_invariants(versions: Iterable[Version]) -> None:
    """Fail where a status broke one of Flux's invariants."""
    assert_true([version.body for version in versions if version.key[0] == KIND and not version.is_gone])
