"""What may happen to Widgets, their folder and their operator, drawn from a seed, and what must hold after it. Pure.

    seed ──▶ Model.draw ──▶ steps ──▶ Model.take (what must hold now)
                              └─────▶ play.py (does them to a cluster, an operator and a proxy)

The steps depend on the seed alone, never on what the cluster answers, so a seed replays them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tests.faults.workload import NAMES

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping

CRS = ("a", "b", "c", "d", "e", "f", "g")
TEXTS = ("hello", "no", "0045691", "~", "two\nlines", "ütf")
EXTRAS = (0, 1, 5)
"""How many ConfigMaps a folder has beside the three children. From 5 to 0 more than half of all go: the guard holds
them back where these are more than 10. From 5 to 1 it is no more than half."""

GUARD_PERCENT, GUARD_FEW = 50, 10

STEPS = (3, 8)
"""How many steps a round has, at least and at most."""

DELETES_MOST = 2
"""How often a child may be deleted in an operator's life: who does it once more is answered later and later."""


@dataclass(frozen=True)
class Folder:
    """The kind's folder: how many extras, and what they say."""

    extras: int = 0
    wording: int = 0


@dataclass(frozen=True)
class Widget:
    """A CR that should exist. ``left`` are the extras of older folders that may still be there."""

    text: str
    count: int
    suspended: bool = False
    adopts: bool = False
    confirms: bool = False
    held: bool = False
    """The guard keeps what is left."""
    made: frozenset[int] = frozenset()
    """The extras that were made for it and not pruned."""


# --- steps -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Put:
    """Create a CR, or change it."""

    name: str
    text: str
    count: int


@dataclass(frozen=True)
class Remove:
    """Delete a CR."""

    name: str


@dataclass(frozen=True)
class Drift:
    """Somebody changes a child or deletes it; ``number`` makes each somebody another one."""

    name: str
    kind: str
    is_delete: bool
    number: int


@dataclass(frozen=True)
class Annotate:
    """Set an annotation of nuvop's on a CR, or take it off."""

    name: str
    what: str
    value: str | None


@dataclass(frozen=True)
class Stranger:
    """The user makes an object where a CR of this name would make one."""

    name: str


@dataclass(frozen=True)
class Change:
    """The kind's folder changes."""

    folder: Folder


@dataclass(frozen=True)
class Break:
    """The kind's folder is broken for a while."""


@dataclass(frozen=True)
class Kill:
    """The operator is killed and started anew."""


@dataclass(frozen=True)
class Restart:
    """The operator is asked to end and started anew."""


@dataclass(frozen=True)
class KillKubectl:
    """The kubectl that is at work is killed."""


@dataclass(frozen=True)
class RestartApi:
    """The API server is killed and started anew."""


@dataclass(frozen=True)
class Inject:
    """From here to the end of the round every so manieth request meets a fault."""

    fault: str
    every: int


@dataclass(frozen=True)
class Pause:
    """Nothing happens for a while."""

    seconds: float


Step = (
    Put
    | Remove
    | Drift
    | Annotate
    | Stranger
    | Change
    | Break
    | Kill
    | Restart
    | KillKubectl
    | RestartApi
    | Inject
    | Pause
)

FAULTS = ("409", "429", "500", "503", "dropped", "answer lost", "cut short", "delayed")


# --- the model -------------------------------------------------------------------------------------------------------


@dataclass
class Model:
    """What must be there."""

    folder: Folder = Folder()
    widgets: dict[str, Widget] = field(default_factory=dict)
    strangers: set[str] = field(default_factory=set)
    """The CRs' names in whose child's place an object of the user's stands."""
    uncertain: set[str] = field(default_factory=set)
    """Those of which it is open whether the guard holds what is left of them: it is judged at a time that the model
    does not know, and by what is there then."""
    _deletes: dict[tuple[str, str], int] = field(default_factory=dict)
    _number: int = 0

    def is_stalled(self, name: str) -> bool:
        """Whether an object of somebody else's is in the CR's way."""
        return name in self.strangers and not self.widgets[name].adopts

    def left(self, name: str) -> frozenset[int]:
        """The extras of a CR that the folder has no more."""
        return self.widgets[name].made - frozenset(range(self.folder.extras))

    # --- drawing ------------------------------------------------------------------------------------------------------

    def draw(self, rng: random.Random) -> list[Step]:
        """Draw a round, and take it in. A change of the folder that the guard has to judge is a round of its own."""
        if self.widgets and rng.random() < 0.25:
            steps = self._draw_change(rng)
        else:
            settled = frozenset(self.widgets)
            steps = []
            for _ in range(rng.randint(*STEPS)):
                step = self._draw_step(rng, settled)
                steps.append(step)
                self.take(step)
                if rng.random() < 0.4:
                    steps.append(Pause(round(rng.uniform(0.05, 1.5), 2)))
        return steps

    def _draw_change(self, rng: random.Random) -> list[Step]:
        """A new folder, and perhaps the operator's end while it acts upon it."""
        others = [extras for extras in EXTRAS if extras != self.folder.extras]
        folder = Folder(rng.choice([*others, *others, self.folder.extras]), rng.randrange(3))
        steps: list[Step] = [Change(folder)]
        if rng.random() < 0.4:
            # The folder is looked at once a second, and twice.
            ends: tuple[Step, ...] = (Kill(), Restart(), KillKubectl())
            steps += [Pause(round(rng.uniform(1.0, 4.0), 2)), rng.choice(ends)]
        if rng.random() < 0.3:
            steps.insert(0, Inject(rng.choice(FAULTS), rng.choice((3, 5, 7))))
        for step in steps:
            self.take(step)
        return steps

    def _draw_step(self, rng: random.Random, settled: frozenset[str]) -> Step:
        """One of the steps that are possible now. ``settled`` are the CRs that were there when the round began."""
        self._number += 1
        absent = sorted(set(CRS) - self.widgets.keys())
        free = sorted(set(absent) - settled - self.strangers)
        present = sorted(self.widgets)
        # Whether an object was adopted before its CR went is open until the round has ended.
        removable = [name for name in present if name not in self.strangers or self.is_stalled(name)]
        steady = sorted(settled & self.widgets.keys() - self.strangers)
        text, count = rng.choice(TEXTS), rng.randint(0, 3)
        choices: list[tuple[int, Callable[[], Step]]] = [
            (3, lambda: Kill()),
            (1, lambda: Restart()),
            (2, lambda: KillKubectl()),
            (3, lambda: Inject(rng.choice(FAULTS), rng.choice((3, 5, 7, 11)))),
            (1, lambda: Break()),
        ]
        if rng.random() < 0.1:
            choices.append((2, lambda: RestartApi()))
        if absent:
            choices.append((8, lambda: Put(rng.choice(absent), text, count)))
        if free:
            choices.append((1, lambda: Stranger(rng.choice(free))))
        if removable:
            choices.append((3, lambda: Remove(rng.choice(removable))))
        if present:
            choices += [
                (6, lambda: Put(rng.choice(present), text, count)),
                (3, lambda: self._draw_prune(rng, present)),
                (2, lambda: self._draw_adopt(rng, present)),
                (2, lambda: Annotate(rng.choice(present), "reconcile", str(self._number))),
            ]
        if steady:
            choices += [(5, lambda: self._draw_drift(rng, steady)), (3, lambda: self._draw_suspend(rng, steady))]
        (chosen,) = rng.choices([make for _, make in choices], [weight for weight, _ in choices])
        return chosen()

    def _draw_adopt(self, rng: random.Random, present: list[str]) -> Step:
        stalled = [name for name in present if self.is_stalled(name)]
        if stalled and rng.random() < 0.7:
            return Annotate(rng.choice(stalled), "adopt", "true")
        decided = [name for name in present if name not in self.strangers] or present
        name = rng.choice(decided)
        is_asked = self.widgets[name].adopts and name not in self.strangers
        return Annotate(name, "adopt", None if is_asked else "true")

    def _draw_prune(self, rng: random.Random, present: list[str]) -> Step:
        # Not only those that the guard holds: which these are may hang on the cluster, and a seed's draws must not.
        name = rng.choice(present)
        return Annotate(name, "prune", None if self.widgets[name].confirms else "confirm")

    def _draw_suspend(self, rng: random.Random, steady: list[str]) -> Step:
        suspended = [name for name in steady if self.widgets[name].suspended]
        if suspended and rng.random() < 0.7:
            return Annotate(rng.choice(suspended), "suspend", None)
        return Annotate(rng.choice(steady), "suspend", "true")

    def _draw_drift(self, rng: random.Random, steady: list[str]) -> Step:
        name, kind = rng.choice(steady), rng.choice(sorted(NAMES))
        may_delete = self._deletes.get((name, kind), 0) < DELETES_MOST
        is_delete = may_delete and (kind == "ServiceAccount" or rng.random() < 0.4)
        if kind == "ServiceAccount" and not is_delete:
            kind = "Deployment"
        return Drift(name, kind, is_delete, self._number)

    # --- what the steps change ----------------------------------------------------------------------------------------

    def take(self, step: Step) -> None:
        """Take in what a step changes of what must hold."""
        match step:
            case Put(name, text, count) if name in self.widgets:
                self.widgets[name] = replace(self.widgets[name], text=text, count=count)
            case Put(name, text, count):
                self.widgets[name] = Widget(text, count)
            case Remove(name):
                del self.widgets[name]
                self.uncertain.discard(name)
            case Stranger(name):
                self.strangers.add(name)
            case Annotate(name, what, value):
                self._annotate(name, what, value)
            case Drift(name, kind, True, _):
                self._deletes[name, kind] = self._deletes.get((name, kind), 0) + 1
            case Change(folder):
                self._change(folder)
            case Kill() | Restart():
                self._deletes.clear()
            case _:
                pass

    def _annotate(self, name: str, what: str, value: str | None) -> None:
        widget = self.widgets[name]
        match what:
            case "suspend":
                if widget.suspended and value is None and self.left(name):
                    self.uncertain.add(name)
                self.widgets[name] = replace(widget, suspended=value is not None)
            case "adopt":
                self.widgets[name] = replace(widget, adopts=value is not None)
            case "prune":
                if widget.confirms and value is None and self.left(name):
                    self.uncertain.add(name)  # it may have been pruned meanwhile
                self.widgets[name] = replace(widget, confirms=value is not None)
            case _:
                pass

    def _change(self, folder: Folder) -> None:
        """Change the folder; say what the guard will make of it, as DESIGN.md's rule has it.

        It is judged once, over all CRs, before the first of their children goes.
        """
        if folder == self.folder:
            return
        self.folder = folder
        active = [name for name, each in self.widgets.items() if not each.suspended and not self.is_stalled(name)]
        going = total = 0
        for name, widget in self.widgets.items():
            if not self.is_stalled(name):
                going += len(self.left(name))
                total += len(NAMES) + len(widget.made)
        refused = going * 100 > total * GUARD_PERCENT and going > GUARD_FEW
        for name in active:
            widget, left = self.widgets[name], self.left(name)
            held = bool(left) and not widget.confirms and (refused or widget.held)
            self.widgets[name] = replace(widget, held=held)
            # What one that confirms has lost meanwhile does not count any more.
            if left and not widget.held and any(each.confirms for each in self.widgets.values()):
                self.uncertain.add(name)

    def settle(self, held: Mapping[str, bool]) -> None:
        """Take in that all has come to rest. ``held`` says of each uncertain CR what the guard has made of it."""
        for name, widget in self.widgets.items():
            if widget.suspended or self.is_stalled(name):
                continue
            left = self.left(name)
            is_held = held[name] if name in self.uncertain else widget.held
            is_held = is_held and bool(left) and not widget.confirms
            kept = left if is_held else frozenset()
            self.widgets[name] = replace(widget, held=is_held, made=frozenset(range(self.folder.extras)) | kept)
            self.strangers.discard(name)  # adopted
        self.uncertain.clear()
