"""Does what a model's rounds say to a cluster, an operator and a proxy, and compares both once all is at rest."""

from __future__ import annotations

import json
import signal
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nuvop.objects import INSTANCE_LABEL, OWNER_LABEL
from tests.e2e.harness import condition, configmap, is_ready, stalled
from tests.e2e.outage import without
from tests.faults import model as steps
from tests.faults import proxy as faults
from tests.faults.aftermath import assert_no_leak, assert_told_once, descriptors
from tests.faults.proxy import Cut, Delay, Drop, Lose
from tests.faults.truth import Truth, assert_invariants
from tests.faults.workload import NAMES, SETTINGS, as_wanted, base, child_name, wait_until_seen, wait_until_well

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lab.controlplane import Cluster
    from tests.e2e.harness import Kubectl, Operator, TestKind
    from tests.faults.history import History
    from tests.faults.model import Folder, Model, Step, Widget
    from tests.faults.proxy import Proxy, What

Body = dict[str, Any]

THEIRS = {"text": "theirs", "theirs": "kept"}
"""What the user's own object says."""

INJECTED: Mapping[str, What] = {
    "409": faults.CONFLICT,
    "429": faults.TOO_MANY,
    "500": faults.INTERNAL,
    "503": faults.UNAVAILABLE,
    "dropped": Drop(),
    "answer lost": Lose(),
    "cut short": Cut(),
    "delayed": Delay(2),
}
ONLY_WRITES = frozenset({"409", "answer lost"})
"""The faults that reads never meet."""


@dataclass
class Play:
    """One operator, its Widgets, and the model of them."""

    model: Model
    cluster: Cluster
    kubectl: Kubectl
    kind: TestKind
    operator: Operator
    proxy: Proxy
    history: History
    _truth: Truth = field(default_factory=Truth)
    _frozen: dict[str, Any] = field(default_factory=dict)
    """The children of each suspended CR, as they were when all had come to rest."""
    _strangers: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Each object of the user's, by the CR's name: its uid and its resource version."""
    _open: list[str] = field(default_factory=list)
    """What an operator had open, at rest, after its first whole round."""
    _rounds: int = 0
    """How many rounds have ended since the operator was started."""

    def round(self, drawn: list[Step]) -> None:
        """Do a round's steps, and wait until all is as the model says. Raises AssertionError with what is not."""
        said = len(self.operator.log())
        with ExitStack() as injected:
            for step in drawn:
                self._do(step, injected)
        self._converge()
        self._check_leaks()
        assert_told_once(self.operator.log()[said:])
        wait_until_seen(self.history, [*self.kubectl.list(self.kind.plural), *self._objects().values()])
        self._check_truth()

    def _check_truth(self) -> None:
        versions = self.history.take()
        assert_invariants(versions)
        assert not (found := self._truth.take(versions, self.history.gaps)), found

    def _check_leaks(self) -> None:
        """Compare with what was open at rest when an operator had first lived through a whole round."""
        self._rounds += 1
        if self._rounds > 1:
            self._open = self._open or descriptors(self.operator)
            assert_no_leak(self.operator, self._open)

    # --- steps --------------------------------------------------------------------------------------------------------

    def _do(self, step: Step, injected: ExitStack) -> None:
        match step:
            case steps.Put(name, text, count):
                self.kubectl.apply(self._cr(name, text=text, count=count))
            case steps.Remove(name):
                self._frozen.pop(name, None)
                self.kubectl("delete", f"{self.kind.plural}/{name}", "--wait=false")
            case steps.Annotate(name, what, value):
                self._annotate(name, what, value)
            case steps.Drift():
                self._drift(step)
            case steps.Stranger(name):
                self.kubectl.apply(configmap(child_name(name, "ConfigMap"), None, **THEIRS))
                made = self.kubectl.get(f"configmap/{child_name(name, 'ConfigMap')}")
                self._strangers[name] = _identity(made)
            case steps.Change(folder):
                write(self.kind, folder)
            case steps.Break():
                self._break()
            case steps.Kill():
                self._is_alive()
                self.operator.kill()
                self._start()
            case steps.Restart():
                self._is_alive()
                # It may not have begun to listen for signals.
                assert self.operator.stop() in (0, -signal.SIGTERM), "it did not end well"
                self._start()
            case steps.KillKubectl():
                self._kill_kubectl()
            case steps.RestartApi():
                with without(self.cluster, "kube-apiserver"):
                    pass
            case steps.Inject(fault, every):
                hits = faults.every(every, lambda request: request.is_write or fault not in ONLY_WRITES)
                injected.enter_context(self.proxy.fault(INJECTED[fault], hits))
            case steps.Pause(seconds):
                time.sleep(seconds)

    def _is_alive(self) -> None:
        assert self.operator.process.poll() is None, "the operator has ended"

    def _start(self) -> None:
        self.operator.start(until=None)
        self._rounds = 0

    def _cr(self, name: str, **spec: Any) -> Body:
        """A CR as `kubectl apply` wants it: annotations that were set otherwise stay."""
        return {**self.kind.cr(name, **spec), "metadata": {"name": name}}

    def _annotate(self, name: str, what: str, value: str | None) -> None:
        if what == "suspend" and value is None:
            self._frozen.pop(name, None)
        asked = f"nuvop.nuvolaris.org/{what}"
        self.kubectl(
            "annotate",
            "--overwrite",
            f"{self.kind.plural}/{name}",
            f"{asked}-" if value is None else f"{asked}={value}",
        )

    def _drift(self, step: steps.Drift) -> None:
        """Another manager each time: who takes the same field again and again is answered later and later."""
        child = f"{step.kind}/{child_name(step.name, step.kind)}"
        if step.name in self._frozen:
            # The model is at the round's end already, where this CR may be gone.
            found = self._children([step.name])[step.name]
            assert found == self._frozen[step.name], f"{step.name} is suspended, and its children were changed: {found}"
        if step.is_delete:
            self.kubectl("delete", child, "--wait=false", "--ignore-not-found")
        else:
            changed = (
                {"data": {"text": f"drift {step.number}"}} if step.kind == "ConfigMap" else {"spec": {"replicas": 5}}
            )
            done = self.kubectl.run(
                "patch", child, "--type=merge", f"--field-manager=user-{step.number}", "-p", json.dumps(changed)
            )
            assert done.returncode == 0 or "NotFound" in done.stderr, done.stderr
        if step.name in self._frozen:
            self._frozen[step.name] = self._children([step.name])[step.name]

    def _break(self) -> None:
        """Break the folder for as long as it takes to be seen: it is looked at once a second, and twice."""
        file = self.kind.folder / "kustomization.yaml"
        whole = file.read_text()
        file.write_text("resources: [missing.yaml]\n")
        time.sleep(3)
        file.write_text(whole)

    def _kill_kubectl(self) -> None:
        deadline = time.monotonic() + 0.7
        while time.monotonic() < deadline:
            if self.operator.kill_kubectl():
                return
            time.sleep(0.02)

    # --- what must hold -----------------------------------------------------------------------------------------------

    def _converge(self) -> None:
        wait_until_well(self._wrong)
        children = self._children(self.model.widgets)
        held = {name: bool(self._left(name, children[name])) for name in self.model.widgets}
        self.model.settle(held)
        for name, widget in self.model.widgets.items():
            if widget.suspended:
                self._frozen.setdefault(name, children[name])

    def _wrong(self) -> list[str]:
        """What is not as the model says, a line each."""
        self._is_alive()
        crs = {body["metadata"]["name"]: body for body in self.kubectl.list(self.kind.plural)}
        objects = self._objects()
        found = [f"{name} exists" for name in sorted(crs.keys() - self.model.widgets)]
        known: set[tuple[str, str]] = set()
        for name, widget in self.model.widgets.items():
            cr = crs.get(name)
            own = {key: body for key, body in objects.items() if _is_named_after(key[1], name)}
            known |= own.keys()
            if cr is None or cr["spec"] != {"text": widget.text, "count": widget.count}:
                found.append(f"{name} is lost, or not what was asked for: {cr}")
            else:
                found += [f"{name}: {what}" for what in self._wrong_with(name, widget, cr, own)]
        for name in self.model.strangers - self.model.widgets.keys():
            key = ("ConfigMap", child_name(name, "ConfigMap"))
            known.add(key)
            found += self._touched(name, objects.get(key))
        found += [
            f"{kind}/{name} is an orphan"
            for (kind, name), body in objects.items()
            if (kind, name) not in known and {INSTANCE_LABEL, OWNER_LABEL} & body["metadata"].get("labels", {}).keys()
        ]
        # Who is suspended while kubectl is at it is frozen only after that.
        found += [f"at work: {line}" for line in self.operator.processes() if "kubectl apply" in line]
        return found

    def _wrong_with(self, name: str, widget: Widget, cr: Body, own: Mapping[tuple[str, str], Body]) -> list[str]:
        if self.model.is_stalled(name):
            reason, message = stalled(cr)
            found = [] if reason == "NotOwned" else [f"not stalled by the user's object: {reason} {message}"]
            return found + self._touched(name, own.get(("ConfigMap", child_name(name, "ConfigMap"))))
        if widget.suspended:
            told = condition(cr, "Ready")
            is_told = condition(cr, "Suspended") and told["observedGeneration"] == cr["metadata"]["generation"]
            is_same = self._frozen.get(name) in (None, _essence(own))
            return [
                *([] if is_told else [f"not told that it is suspended: {cr.get('status')}"]),
                *([] if is_same else [f"suspended, and changed: {_essence(own)}, was {self._frozen[name]}"]),
            ]
        found = [] if is_ready(cr) else [f"not ready: {cr.get('status', {}).get('conditions')}"]
        if condition(cr, "Suspended"):
            found.append("told that it is suspended")
        rest = dict(own)
        for kind in NAMES:
            child = rest.pop((kind, child_name(name, kind)), None)
            if child is None or not as_wanted(cr, child):
                found.append(f"{kind} is missing or not as it should be")
            elif kind == "ConfigMap":
                data = {"text": widget.text, "wording": _wording(self.model.folder)}
                # What was adopted keeps what the kind does not set.
                if child["data"] != data and child["data"] != {**THEIRS, **data}:
                    found.append(f"{kind} says {child['data']}")
                if name in self.model.strangers and "theirs" not in child["data"]:
                    found.append("what the user's object said is lost")
        for number in range(self.model.folder.extras):
            extra = rest.pop(("ConfigMap", _extra(name, number)), None)
            if extra is None or extra["data"] != {"wording": _wording(self.model.folder)}:
                found.append(f"extra {number} is missing or not as it should be")
        return found + self._wrong_with_left(name, widget, cr, frozenset(key[1] for key in rest))

    def _wrong_with_left(self, name: str, widget: Widget, cr: Body, rest: frozenset[str]) -> list[str]:
        """What is left of older folders must be there and told of, or be gone, as the guard has it."""
        left = frozenset(_extra(name, number) for number in self.model.left(name))
        is_blocked = bool(condition(cr, "PruneBlocked"))
        if name in self.model.uncertain and not widget.confirms:
            is_right = rest == left if is_blocked else not rest
        elif widget.held and left and not widget.confirms:
            is_right = is_blocked and rest == left
        else:
            is_right = not is_blocked and not rest
        return [] if is_right else [f"left over: {sorted(rest)}, PruneBlocked: {condition(cr, 'PruneBlocked')}"]

    def _left(self, name: str, essence: Mapping[str, Any]) -> frozenset[str]:
        return frozenset(f"ConfigMap/{_extra(name, number)}" for number in self.model.left(name)) & essence.keys()

    def _touched(self, name: str, theirs: Body | None) -> list[str]:
        is_same = theirs is not None and _identity(theirs) == self._strangers[name]
        return [] if is_same else [f"the user's own object was touched: {theirs}"]

    def _objects(self) -> dict[tuple[str, str], Body]:
        kinds = "configmaps,serviceaccounts,deployments"
        return {(body["kind"], body["metadata"]["name"]): body for body in self.kubectl.list(kinds)}

    def _children(self, crs: Iterable[str]) -> dict[str, dict[str, Any]]:
        """The essence of what has each of these CRs' names in front."""
        objects = self._objects()
        return {
            name: _essence({key: body for key, body in objects.items() if _is_named_after(key[1], name)})
            for name in crs
        }


def write(kind: TestKind, folder: Folder) -> None:
    """Write a kind's folder."""
    said = {"wording": _wording(folder)}
    extras = [configmap(f"extra-{number}", None, **said) for number in range(folder.extras)]
    kind.write(*base(**said), *extras, set=SETTINGS)


def _wording(folder: Folder) -> str:
    return f"wording {folder.wording}"


def _extra(cr: str, number: int) -> str:
    return f"{cr}-extra-{number}"


def _is_named_after(name: str, cr: str) -> bool:
    return name.startswith(f"{cr}-")


def _identity(body: Body) -> tuple[str, str]:
    """What changes with whatever is done to an object."""
    return body["metadata"]["uid"], body["metadata"]["resourceVersion"]


def _essence(own: Mapping[tuple[str, str], Body]) -> dict[str, Any]:
    """What nuvop could change of objects, without what controllers write."""
    return {
        f"{kind}/{name}": (body["metadata"]["uid"], body["metadata"].get("labels"), body.get("data"), body.get("spec"))
        for (kind, name), body in own.items()
        if "deletionTimestamp" not in body["metadata"]
    }
