import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nuvop import reaper
from nuvop.kubectl import Processes
from tests.unit.conftest import eventually, is_alive, read_pids


class Reaper:
    """The reaper as a process, as the operator starts it."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", reaper.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def ignores(self, name: str) -> bool:
        """Whether a signal does nothing to it: as soon as it is up, and not before."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        (mask,) = re.findall(r"^SigIgn:\s*(\w+)$", status, re.MULTILINE)
        return bool(int(mask, 16) >> (getattr(signal, name) - 1) & 1)

    def tell(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def end(self) -> tuple[int, bytes]:
        """The end of the operator: its exit code and what it said."""
        out, err = self.process.communicate(timeout=10)
        return self.process.returncode, out + err


@pytest.fixture
def reaping() -> Iterator[Reaper]:
    made = Reaper()
    yield made
    if made.process.poll() is None:
        made.process.kill()
        made.process.communicate()


class Group:
    """A process group: a shell and a child of it, both deaf to SIGTERM."""

    def __init__(self, file: Path) -> None:
        text = "trap '' TERM HUP; sleep 60 & echo $! > \"$0\"; wait"
        self.process = subprocess.Popen(["sh", "-c", text, str(file)], start_new_session=True)
        self.pids = [self.process.pid, *read_pids(file, 1)]

    def is_gone(self) -> bool:
        self.process.poll()
        return not any(map(is_alive, self.pids))

    def lives(self) -> bool:
        return all(map(is_alive, self.pids))


@pytest.fixture
def groups(tmp_path: Path) -> Iterator[list[Group]]:
    made = [Group(tmp_path / f"group{i}") for i in range(3)]
    yield made
    for group in made:
        if group.process.poll() is None:
            os.killpg(group.process.pid, signal.SIGKILL)
            group.process.wait()


def test_the_end_of_the_input_kills_what_is_still_registered(reaping: Reaper, groups: list[Group]) -> None:
    first, second, unknown = groups
    reaping.tell(f"+{first.process.pid}\n+{second.process.pid}\n")
    time.sleep(0.1)
    assert first.lives(), "nothing is killed while the operator lives"
    assert reaping.end() == (0, b"")
    assert eventually(first.is_gone)
    assert eventually(second.is_gone)
    assert unknown.lives()


def test_a_group_that_has_ended_is_left_alone(reaping: Reaper, groups: list[Group]) -> None:
    first, second, _ = groups
    # Its number may be another process's by now.
    reaping.tell(f"+{first.process.pid}\n+{second.process.pid}\n-{first.process.pid}\n")
    assert reaping.end() == (0, b"")
    assert eventually(second.is_gone)
    assert first.lives()


def test_groups_that_are_gone_do_not_save_the_others(reaping: Reaper, groups: list[Group]) -> None:
    for _ in range(10):
        gone = subprocess.Popen(["true"], start_new_session=True)
        gone.wait()
        reaping.tell(f"+{gone.pid}\n")
    for group in groups:
        reaping.tell(f"+{group.process.pid}\n")
    assert reaping.end() == (0, b"")
    for group in groups:
        assert eventually(group.is_gone)


def test_ending_an_unknown_group_is_no_error(reaping: Reaper, groups: list[Group]) -> None:
    reaping.tell(f"-{groups[0].process.pid}\n+{groups[1].process.pid}\n")
    assert reaping.end() == (0, b"")
    assert groups[0].lives()
    assert eventually(groups[1].is_gone)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_it_outlives_the_signals_that_end_an_operator(reaping: Reaper, groups: list[Group], name: str) -> None:
    reaping.tell(f"+{groups[0].process.pid}\n")
    assert eventually(lambda: reaping.ignores(name))
    reaping.process.send_signal(getattr(signal, name))
    time.sleep(0.1)
    assert reaping.process.poll() is None
    reaping.tell(f"+{groups[1].process.pid}\n")
    assert reaping.end() == (0, b"")
    assert eventually(groups[0].is_gone)
    assert eventually(groups[1].is_gone)


def test_it_is_out_of_reach_of_the_terminal_from_its_first_moment(processes: Processes) -> None:
    # Ctrl-C goes to the terminal's foreground group, and may come before the reaper ignores signals.
    assert processes._reaper is not None
    pid = processes._reaper.pid
    assert (os.getpgid(pid), os.getsid(pid)) == (pid, pid)


def test_without_a_word_it_ends_with_the_operator(reaping: Reaper) -> None:
    assert reaping.end() == (0, b"")


def test_a_line_that_it_cannot_read_costs_no_group_its_end(reaping: Reaper, groups: list[Group]) -> None:
    reaping.tell(f"+{groups[0].process.pid}\n+x\n")
    reaping.end()
    assert eventually(groups[0].is_gone, 1)


OPERATOR = """
import asyncio, sys
from nuvop.kubectl import Processes

async def main():
    processes = Processes()
    script = "trap '' TERM; sleep 60 & echo $$ > $0; echo $! >> $0; wait"
    run = asyncio.create_task(processes.run(["/bin/sh", "-c", script, sys.argv[1]], environment={}, timeout=60))
    while not processes._groups:
        await asyncio.sleep(0.01)
    print("the reaper knows of it", flush=True)
    await run

asyncio.run(main())
"""


def test_what_an_operator_ran_dies_with_it_even_when_it_is_killed(tmp_path: Path) -> None:
    file = tmp_path / "pids"
    with subprocess.Popen([sys.executable, "-c", OPERATOR, str(file)], stdout=subprocess.PIPE) as operator:
        assert operator.stdout is not None
        operator.stdout.readline()
        pids = read_pids(file, 2)
        assert all(map(is_alive, pids))
        operator.kill()
    assert eventually(lambda: not any(map(is_alive, pids)))


def test_it_removes_the_private_folder(tmp_path: Path) -> None:
    private = tmp_path / "private"
    (private / "cache").mkdir(parents=True)
    (private / "kubeconfig").write_text("x")
    subprocess.run([sys.executable, "-I", "-S", reaper.__file__, private], input=b"", check=True, timeout=10)
    assert not private.exists()
    assert tmp_path.exists()


WRITER = """
import os, time
end = time.monotonic() + 1
while time.monotonic() < end:
    for number in range(100):
        os.makedirs(f"cache/{number}", exist_ok=True)
"""


def test_it_removes_the_private_folder_of_one_who_still_writes(tmp_path: Path) -> None:
    """A killed kubectl is not dead at once, and fills its cache meanwhile."""
    private = tmp_path / "private"
    private.mkdir()
    with subprocess.Popen([sys.executable, "-c", WRITER], cwd=private, stderr=subprocess.DEVNULL) as writer:
        assert eventually((private / "cache/99").exists)
        argv = [sys.executable, "-I", "-S", reaper.__file__, str(private)]
        done = subprocess.run(argv, input=b"", stderr=subprocess.PIPE, check=False, timeout=20)
        writer.wait()
    assert (done.returncode, done.stderr) == (0, b"")
    assert not private.exists()


LAST_MOMENT = """
import os, subprocess, sys, time
private = sys.argv[1]
print("up", flush=True)
time.sleep(float(sys.argv[2]))
os.makedirs(f"{private}/cache", exist_ok=True)
os.execve("/bin/sleep", ["sleep", "60"], {"HOME": private})
"""


@pytest.mark.parametrize("seconds", [0, 0.2])
def test_it_kills_what_was_started_in_the_last_moment_of_an_operator(tmp_path: Path, seconds: float) -> None:
    """Nobody has told of it, and it may make the private folder anew."""
    private = tmp_path / "private"
    private.mkdir()
    argv = [sys.executable, "-I", "-S", "-c", LAST_MOMENT, str(private), str(seconds)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as started:
        assert started.stdout is not None
        assert started.stdout.readline()
        if not seconds:
            assert eventually((private / "cache").exists)
        subprocess.run([sys.executable, "-I", "-S", reaper.__file__, private], input=b"", check=True, timeout=20)
        assert started.wait(timeout=10) == -signal.SIGKILL
    assert not private.exists()


def test_an_operator_that_has_ended_well_is_not_looked_after_for_long(tmp_path: Path) -> None:
    argv = [sys.executable, "-I", "-S", reaper.__file__, str(tmp_path / "private")]
    (tmp_path / "private").mkdir()
    done = subprocess.run(argv, input=reaper.FAREWELL, check=True, timeout=20, capture_output=True)
    assert (done.stdout, done.stderr) == (b"", b"")
    assert not (tmp_path / "private").exists()


def test_what_cannot_be_removed_keeps_its_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By that the next operator knows it, and removes it."""
    (tmp_path / "cache").mkdir()
    (tmp_path / "kubeconfig").touch()
    (tmp_path / reaper.LOCK).touch()
    with monkeypatch.context() as context:
        context.setattr(shutil, "rmtree", lambda *_, **__: None)
        assert not reaper.remove(str(tmp_path))
    assert {path.name for path in tmp_path.iterdir()} == {"cache", reaper.LOCK}
    assert reaper.remove(str(tmp_path))
    assert not tmp_path.exists()


def test_what_cannot_be_read_is_not_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> list[str]:
        raise PermissionError

    monkeypatch.setattr(os, "listdir", refuse)
    assert not reaper.remove(str(tmp_path))


def test_another_may_have_removed_it(tmp_path: Path) -> None:
    assert reaper.remove(str(tmp_path / "gone"))
