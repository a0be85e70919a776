"""An operator that is killed 200 times, at any moment of its life, while its workload changes."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.e2e.harness import eventually
from tests.faults.aftermath import REAPED, kill, private_folders
from tests.faults.proxy import Hold

if TYPE_CHECKING:
    from tests.e2e.harness import Operator
    from tests.faults.conftest import Scene
    from tests.faults.proxy import Asked
    from tests.faults.workload import Workload

KILLS = 200
KILLS_BETWEEN_CHECKS = 40
BEGUN = "Initial authentication has finished"
LONGEST_WAIT = 5.0
"""Seconds after that until a kill comes whose moment does not: there may be no work left for so many requests."""


AT_WORK = ("kubectl patch", "nuvop patch", "nuvop create events", "nuvop delete")
"""How what is held begins where an operator has started and does something."""


@dataclass
class Moment:
    """The so-many-th request of a life, or the so-many-th that writes; ``request`` is the last one it saw."""

    number: int
    of_writes: bool
    request: str = ""
    _seen: int = 0

    def __call__(self, request: Asked) -> bool:
        """Whether it has come."""
        if request.verb == "watch":
            return False  # its answer has no end
        self._seen += request.is_write or not self.of_writes
        self.request = f"{request.agent} {request.verb} {request.resource}/{request.subresource}".rstrip("/")
        return self._seen == self.number


def disturb(chance: random.Random, workload: Workload) -> str:
    """What a user, or somebody else, does while an operator is killed; returns what it was."""
    what = chance.choice(["create", "create", "update", "update", "scale", "edit", "lose", "delete", "replace"])
    name = chance.choice(sorted(workload.wanted))
    match what:
        case "create":
            workload.put(f"w{chance.randrange(8)}", text=f"made {chance.randrange(10**6)}")
        case "update":
            workload.put(name, text=f"changed {chance.randrange(10**6)}", count=chance.randrange(1, 4))
        case "scale":
            workload.kubectl.run("scale", f"deployment/{name}-web", f"--replicas={chance.randrange(5)}")
        case "edit":
            patch = '{"data":{"text":"of another"}}'
            workload.kubectl.run("patch", f"configmap/{name}-config", "--type=merge", "-p", patch)
        case "lose":
            workload.kubectl.run("delete", f"serviceaccount/{name}-account", "--wait=false")
        case "delete" if len(workload.wanted) > 3:
            workload.remove(name)
        case "replace":
            workload.remove(name)
            workload.put(name, text=f"anew {chance.randrange(10**6)}")
        case _:
            return "nothing"
    return what


def has_come(hold: Hold, running: Operator) -> bool:
    """Wait for the moment of a hold; whether it comes. How long an operator takes to begin is up to the machine."""
    eventually("it has begun", lambda: hold.reached.is_set() or BEGUN in running.logs()[-1])
    return hold.reached.wait(LONGEST_WAIT)


@pytest.mark.timeout(1200)
def test_killed_at_any_moment(scene: Scene) -> None:
    """200 times: after a while, or at one of the requests of a life, before it is done or when it is."""
    seed = int(os.environ.get("NUVOP_SEED") or 1)
    print(f"NUVOP_SEED={seed}")
    chance = random.Random(seed)
    done: Counter[str] = Counter()
    met: Counter[str] = Counter()
    running, before = scene.begin()
    running.stop()
    for number in range(1, KILLS + 1):
        way = chance.choices(["time", "request", "write"], [7, 5, 8])[0]
        moment = Moment(chance.randrange(1, 7 if way == "write" else 40), of_writes=way == "write")
        # An operator takes more than a second to start.
        hold, seconds = Hold(is_done=chance.random() < 0.5), chance.uniform(0, 3.0)
        with ExitStack() as injected:
            if way != "time":
                injected.enter_context(scene.proxy.fault(hold, moment, times=1))
            running.start(until=None)
            begun = time.monotonic()
            done[disturb(chance, scene.workload)] += 1
            if way == "time":
                time.sleep(max(begun + seconds - time.monotonic(), 0))
                met["any time"] += 1
            elif has_come(hold, running):
                met[f"{moment.request}, {hold}"] += 1
            else:
                met["idle"] += 1
            running.kill()
        assert running.process.returncode == -signal.SIGKILL, running.logs()[-1]
        if number % KILLS_BETWEEN_CHECKS == 0:
            running.start()
            scene.check(running, before)
            eventually("one is running", lambda: len(running.processes()) == 2)
            eventually("credentials of the killed are gone", lambda: len(private_folders(running)) == 1, within=REAPED)
            kill(running)
            print(f"{number} kills", flush=True)
    print(f"{KILLS} kills at {dict(met.most_common())}\nwhile {dict(done.most_common())}")
    assert met.total() == KILLS
    assert not scene.history.gaps
    at_work = sum(count for what, count in met.items() if what.startswith(AT_WORK))
    assert at_work > KILLS / 4, "hardly any was killed at its work"
