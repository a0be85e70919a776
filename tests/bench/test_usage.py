import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from lab.bench import usage

# /proc tells a process' user and system time in whole clock ticks each, rounded down (proc_pid_stat(5)).
ROUNDED_OFF = 2 / os.sysconf("SC_CLK_TCK")
BURN = "import time; end = time.process_time() + {seconds}\nwhile time.process_time() < end: pass"


@contextmanager
def process(code: str) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as started:
        try:
            yield started
        finally:
            with suppress(ProcessLookupError):
                os.killpg(started.pid, signal.SIGKILL)


def said(started: "subprocess.Popen[bytes]") -> bytes:
    assert started.stdout is not None
    return started.stdout.readline()


def test_the_time_of_children_that_ended_counts() -> None:
    burn = BURN.format(seconds=0.3)
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {burn!r}]); print(flush=True); input()"
    with process(code) as started:
        said(started)
        assert usage.cpu_seconds(started.pid) > 0.3 - ROUNDED_OFF


def test_the_time_of_children_that_run_counts() -> None:
    burn = BURN.format(seconds=0.3) + "\nprint(flush=True); input()"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {burn!r}])"
    with process(code) as started:
        said(started)
        assert usage.cpu_seconds(started.pid) > 0.3 - ROUNDED_OFF


def test_a_process_that_waits_costs_nothing() -> None:
    with process("print(flush=True); input()") as started:
        said(started)
        before = usage.cpu_seconds(started.pid)
        time.sleep(0.2)
        assert usage.cpu_seconds(started.pid) - before < 0.05


def test_memory_is_summed_over_the_tree() -> None:
    hold = "held = bytearray(100 << 20); print(flush=True); input()"
    code = f"import subprocess, sys; {hold.split(';')[0]}; subprocess.run([sys.executable, '-c', {hold!r}])"
    with process(code) as started:
        said(started)
        found = usage.memory(started.pid)
        assert 200 << 20 <= found.anonymous <= found.rss <= 260 << 20


def test_a_child_that_has_not_begun_its_program_is_its_parent_a_second_time() -> None:
    code = "import os; held = bytearray(100 << 20); os.fork(); print(flush=True); input()"
    with process(code) as started:
        said(started)
        said(started)
        assert len(usage.tree(started.pid)) == 2
        assert 100 << 20 <= usage.memory(started.pid).anonymous <= 130 << 20


def test_children_that_a_thread_started_belong_to_the_tree() -> None:
    wait = "print(flush=True); input()"
    code = (
        "import subprocess, sys, threading\n"
        f"thread = threading.Thread(target=subprocess.run, args=[[sys.executable, '-c', {wait!r}]])\n"
        "thread.start(); thread.join()"
    )
    with process(code) as started:
        said(started)
        assert len(usage.tree(started.pid)) == 2


def test_grandchildren_belong_to_the_tree() -> None:
    wait = "print(flush=True); input()"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {wait!r}])"
    with process(f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])") as started:
        said(started)
        assert len(usage.tree(started.pid)) == 3


def test_the_peak_stays_when_the_memory_is_freed() -> None:
    code = "held = bytearray(100 << 20); print(flush=True); input(); del held; print(flush=True); input()"
    with process(code) as started, usage.PeakMemory(started.pid) as memory:
        said(started)
        end = time.monotonic() + 30
        while memory.peak.anonymous < 100 << 20:
            assert time.monotonic() < end, "it was not seen"
            time.sleep(usage.SAMPLE_SECONDS)
        assert started.stdin is not None
        started.stdin.write(b"\n")
        started.stdin.flush()
        said(started)
        time.sleep(4 * usage.SAMPLE_SECONDS)
        assert usage.memory(started.pid).anonymous < 100 << 20 <= memory.peak.anonymous


def test_a_process_that_is_gone_costs_nothing() -> None:
    with process("") as started:
        started.wait()
        assert usage.cpu_seconds(started.pid) == 0
        assert usage.memory(started.pid) == usage.Memory()


def test_a_process_that_ended_keeps_its_time_until_it_is_waited_for() -> None:
    with process(BURN.format(seconds=0.2)) as started:
        os.waitid(os.P_PID, started.pid, os.WEXITED | os.WNOWAIT)
        assert usage.cpu_seconds(started.pid) == pytest.approx(0.2, abs=0.15)
