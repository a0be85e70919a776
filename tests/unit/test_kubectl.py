import asyncio
import contextlib
import errno
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from nuvop import kubectl
from nuvop.errors import ApplyFailed, BuildFailed, KubectlCrashed, KubectlError, KubectlTimeout, KubectlUnusable
from nuvop.kubectl import Completed, Kubectl, Processes, find_kubectl, user_config
from tests.unit.conftest import KUBECTL, eventually, is_alive, read_pids, script, write_kubeconfig

SH = "/bin/sh"
PATH = {"PATH": os.environ["PATH"]}

LONG = 60.0
"""Seconds that a command sleeps which is not to be waited for; no sooner is it too late on a busy machine."""

DEAF_TREE = """
trap '' TERM INT HUP
sh -c "trap '' TERM INT HUP; sleep 60 & echo \\$! >> '$0'; wait" &
echo $$ >> "$0"
echo $! >> "$0"
wait
"""
"""A shell, its child and its grandchild, none of which heeds SIGTERM; the file named by $0 gets their ids."""


def program(name: str) -> str:
    found = shutil.which(name)
    assert found is not None
    return found


# --- Processes -------------------------------------------------------------------------------------------------------


async def test_arguments_arrive_as_given(processes: Processes) -> None:
    arguments = ["a b", "", "$HOME", "*", "'\"", "ü\n", "--"]
    done = await processes.run([program("printf"), r"%s\0", *arguments], environment=PATH, timeout=10)
    assert done.stdout.decode().split("\0") == [*arguments, ""]
    assert (done.returncode, done.stderr) == (0, "")


async def test_the_environment_is_the_one_given_and_no_other(
    processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_OPERATOR", "hunter2")
    done = await processes.run([program("env"), "-0"], environment={"A": "b\nc=d", "E": ""}, timeout=10)
    assert sorted(done.stdout.split(b"\0")) == [b"", b"A=b\nc=d", b"E="]


@pytest.fixture
def typed() -> Iterator[None]:
    """Something is typed at the operator's standard input."""
    before = os.dup(0)
    reading, writing = os.pipe()
    os.write(writing, b"yes\n")
    os.dup2(reading, 0)
    yield
    os.dup2(before, 0)
    for descriptor in (before, reading, writing):
        os.close(descriptor)


@pytest.mark.usefixtures("typed")
async def test_standard_input_is_empty(processes: Processes) -> None:
    done = await processes.run([SH, "-c", "[ /dev/fd/0 -ef /dev/null ] && cat"], environment=PATH, timeout=10)
    assert done == kubectl.Completed(0, b"", "")


async def test_exit_code_and_both_outputs(processes: Processes) -> None:
    text = r"printf 'out\377\n'; printf 'err\377\n' >&2; exit 7"
    done = await processes.run([SH, "-c", text], environment=PATH, timeout=10)
    assert done == kubectl.Completed(7, b"out\xff\n", "err�\n")


async def test_a_command_that_is_killed_by_somebody_else_says_so(processes: Processes) -> None:
    done = await processes.run([SH, "-c", "kill -9 $$"], environment=PATH, timeout=10)
    assert done.returncode == -9


async def test_much_output_on_both_sides_does_not_block(processes: Processes) -> None:
    text = "head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2; head -c 3000000 /dev/zero"
    done = await processes.run([SH, "-c", text], environment=PATH, timeout=20)
    assert (done.returncode, len(done.stdout)) == (0, 6_000_000)


async def test_a_time_out_kills_all_that_the_command_started(processes: Processes, tmp_path: Path) -> None:
    file = tmp_path / "pids"
    began = time.monotonic()
    with pytest.raises(KubectlTimeout) as error:
        await processes.run([SH, "-c", DEAF_TREE, str(file)], environment=PATH, timeout=2)
    assert 2 <= time.monotonic() - began < LONG
    assert str(error.value) == "sh -c took longer than 2 s and was killed"
    pids = read_pids(file, 3)
    assert eventually(lambda: not any(map(is_alive, pids)))


async def test_what_was_printed_too_much_is_not_kept_by_the_error(processes: Processes) -> None:
    with pytest.raises(KubectlError) as error:
        await processes.run([SH, "-c", "head -c 200000 /dev/zero"], environment=PATH, timeout=10, output_limit=100_000)
    frames = [frame.frame.f_locals for frame in error.traceback]
    assert not any(locals_.get("chunks") for locals_ in frames)


@pytest.mark.parametrize("left", range(12))
async def test_no_descriptor_is_lost_when_there_are_too_few(
    processes: Processes, monkeypatch: pytest.MonkeyPatch, left: int
) -> None:
    await processes.run([SH, "-c", ":"], environment=PATH, timeout=10)  # the loop opens what it needs once
    before = set(os.listdir("/dev/fd"))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    fillers = [os.open(os.devnull, os.O_RDONLY) for _ in range(20)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(fillers) + 1, hard))
    try:
        for filler in fillers[:left]:
            os.close(filler)
        refused = pytest.raises(KubectlUnusable, match="cannot be started: Too many open files")
        with contextlib.suppress(KubectlUnusable) if left else refused:
            await processes.run([SH, "-c", ":"], environment=PATH, timeout=10)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for filler in fillers[left:]:
            os.close(filler)
    assert set(os.listdir("/dev/fd")) == before


async def test_a_command_that_closes_its_output_and_stays_is_timed_out_too(processes: Processes) -> None:
    with pytest.raises(KubectlTimeout):
        await processes.run([SH, "-c", "exec sleep 60 >&- 2>&-"], environment=PATH, timeout=0.3)


async def test_output_over_the_limit_kills_the_command(processes: Processes, tmp_path: Path) -> None:
    file = tmp_path / "pid"
    with pytest.raises(KubectlError) as error:
        await processes.run(
            [SH, "-c", 'echo $$ > "$0"; head -c 100001 /dev/zero; sleep 60', str(file)],
            environment=PATH,
            timeout=10,
            output_limit=100_000,
        )
    assert not isinstance(error.value, KubectlTimeout)
    assert str(error.value) == "sh -c printed more than 100000 bytes and was killed"
    (pid,) = read_pids(file, 1)
    assert eventually(lambda: not is_alive(pid))


async def test_output_up_to_the_limit_is_kept(processes: Processes) -> None:
    done = await processes.run([program("printf"), "12345"], environment=PATH, timeout=10, output_limit=5)
    assert done.stdout == b"12345"
    with pytest.raises(KubectlError):
        await processes.run([program("printf"), "123456"], environment=PATH, timeout=10, output_limit=5)


async def test_only_the_start_of_an_endless_standard_error_is_kept(processes: Processes) -> None:
    text = "printf first >&2; yes | head -c 20000000 >&2; echo out; exit 3"
    done = await processes.run([SH, "-c", text], environment=PATH, timeout=20)
    assert (done.returncode, done.stdout) == (3, b"out\n")
    assert len(done.stderr) == kubectl.ERROR_LIMIT
    assert done.stderr.startswith("firsty\ny\n")


@pytest.mark.parametrize("text", ["exec yes", "exec yes >&2", "yes & yes >&2"])
async def test_a_time_out_holds_for_a_command_that_prints_without_end(processes: Processes, text: str) -> None:
    began = time.monotonic()
    with pytest.raises(KubectlTimeout):
        await processes.run([SH, "-c", text], environment=PATH, timeout=0.3, output_limit=10**12)
    assert time.monotonic() - began < LONG


async def test_output_without_end_is_ended(processes: Processes) -> None:
    for _ in range(10):
        with pytest.raises(KubectlError):
            await processes.run([program("yes")], environment=PATH, timeout=10, output_limit=100_000)


async def test_a_time_out_holds_though_a_process_has_left_the_group(processes: Processes, tmp_path: Path) -> None:
    daemon = (
        f"import os, time; os.setsid(); print(os.getpid(), file=open({str(tmp_path / 'pid')!r}, 'w')); time.sleep(60)"
    )
    began = time.monotonic()
    run = [SH, "-c", '"$0" -I -S -c "$1" & sleep 60', sys.executable, daemon]
    with pytest.raises(KubectlTimeout):
        await processes.run(run, environment=PATH, timeout=3)
    assert time.monotonic() - began < LONG
    (pid,) = read_pids(tmp_path / "pid", 1)
    os.kill(pid, signal.SIGKILL)


async def test_cancelling_the_caller_kills_all_that_the_command_started(processes: Processes, tmp_path: Path) -> None:
    file = tmp_path / "pids"
    task = asyncio.create_task(processes.run([SH, "-c", DEAF_TREE, str(file)], environment=PATH, timeout=60))
    await asyncio.to_thread(read_pids, file, 3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert eventually(lambda: not any(map(is_alive, read_pids(file, 3))))
    assert processes._groups == set()


@pytest.mark.parametrize("name", ["no-such-program", "/no/such/program", "{}/not-executable"])
async def test_a_program_that_cannot_be_started(processes: Processes, tmp_path: Path, name: str) -> None:
    (tmp_path / "not-executable").write_text("#!/bin/sh\n")
    (tmp_path / "not-executable").chmod(0o600)
    name = name.format(tmp_path)
    with pytest.raises(KubectlUnusable) as error:
        await processes.run([name, "apply"], environment=PATH, timeout=10)
    reason = "Permission denied" if "not-executable" in name else "No such file or directory"
    assert str(error.value) == f"{name} cannot be started: {reason}"
    assert processes._groups == set()


async def test_what_a_command_leaves_in_the_background_is_killed(processes: Processes, tmp_path: Path) -> None:
    file = tmp_path / "pid"
    text = "trap '' TERM HUP; sleep 60 > /dev/null 2>&1 & echo $! > \"$0\"; echo done"
    done = await processes.run([SH, "-c", text, str(file)], environment=PATH, timeout=10)
    assert (done.returncode, done.stdout) == (0, b"done\n")
    (pid,) = read_pids(file, 1)
    assert eventually(lambda: not is_alive(pid))


async def test_runs_do_not_wait_for_each_other(processes: Processes, tmp_path: Path) -> None:
    file = tmp_path / "pids"
    text = 'echo $$ >> "$0"; until [ "$(wc -l < "$0")" = 8 ]; do sleep 0.05; done'
    argv = [SH, "-c", text, str(file)]
    done = await asyncio.gather(*(processes.run(argv, environment=PATH, timeout=20) for _ in range(8)))
    assert [each.returncode for each in done] == [0] * 8


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def zombies() -> list[str]:
    """The children of this process that have ended and that nobody has waited for."""
    found = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = file.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if state == "Z" and int(parent) == os.getpid():
            found.append(file.parent.name)
    return found


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts in /proc")
async def test_many_runs_leave_no_file_open_and_no_zombie(processes: Processes) -> None:
    async def every_end() -> None:
        await processes.run([SH, "-c", "exit 1"], environment=PATH, timeout=10)
        with pytest.raises(KubectlUnusable):
            await processes.run(["no-such-program"], environment=PATH, timeout=10)
        with pytest.raises(KubectlError):
            await processes.run([program("printf"), "12345678901"], environment=PATH, timeout=10, output_limit=10)
        with pytest.raises(KubectlTimeout):
            await processes.run([SH, "-c", "exec sleep 60"], environment=PATH, timeout=0.01)

    await every_end()
    before, zombies_before = open_files(), zombies()
    for _ in range(25):
        await asyncio.gather(every_end(), every_end())
    assert eventually(lambda: open_files() <= before), f"{before} files were open, now {open_files()}"
    assert eventually(lambda: zombies() == zombies_before)
    assert processes._groups == set()


def the_reaper(processes: Processes) -> "subprocess.Popen[bytes]":
    assert processes._reaper is not None
    return processes._reaper


@pytest.mark.parametrize("reaper_lives", [True, False])
async def test_closing_kills_what_runs_and_ends_the_reaper(tmp_path: Path, reaper_lives: bool) -> None:
    file = tmp_path / "pids"
    processes = Processes()
    task = asyncio.create_task(processes.run([SH, "-c", DEAF_TREE, str(file)], environment=PATH, timeout=60))
    pids = await asyncio.to_thread(read_pids, file, 3)
    reaper = the_reaper(processes)
    if not reaper_lives:
        reaper.kill()
        reaper.wait()
    processes.close()
    assert reaper.returncode == (0 if reaper_lives else -9)
    assert eventually(lambda: not any(map(is_alive, pids)))
    await asyncio.wait([task], timeout=5)
    assert task.done()
    task.exception()


async def test_a_run_that_closing_has_killed_ends_as_one_that_was_killed() -> None:
    processes = Processes()
    task = asyncio.create_task(processes.run([SH, "-c", "exec sleep 60"], environment=PATH, timeout=60))
    await asyncio.sleep(0.2)
    processes.close()
    with contextlib.suppress(KubectlError):  # just as well
        assert (await task).returncode == -9


@pytest.fixture
def without_reaper() -> Iterator[Processes]:
    """Processes whose reaper was killed, by a lack of memory perhaps."""
    made = Processes()
    the_reaper(made).kill()
    the_reaper(made).wait()
    yield made
    made.close()


async def test_the_operator_can_do_without_its_reaper(without_reaper: Processes) -> None:
    done = await without_reaper.run([program("printf"), "x"], environment=PATH, timeout=10)
    assert done.stdout == b"x"


async def test_no_command_is_left_behind_without_a_reaper(without_reaper: Processes, tmp_path: Path) -> None:
    file = tmp_path / "pid"
    argv = [SH, "-c", 'echo $$ > "$0"; exec sleep 60', str(file)]
    task = asyncio.create_task(without_reaper.run(argv, environment=PATH, timeout=60))
    (pid,) = await asyncio.to_thread(read_pids, file, 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert eventually(lambda: not is_alive(pid))


async def test_a_new_reaper_knows_of_all_that_runs(processes: Processes) -> None:
    task = asyncio.create_task(processes.run([SH, "-c", "exec sleep 60"], environment=PATH, timeout=60))
    await asyncio.sleep(0.2)
    assert processes._groups
    killed = the_reaper(processes)
    killed.kill()
    killed.wait()
    await processes.run([SH, "-c", ":"], environment=PATH, timeout=10)
    another = the_reaper(processes)
    assert another is not killed
    # The end of the operator, for the reaper.
    assert another.stdin is not None
    another.stdin.close()
    ended, _ = await asyncio.wait([task], timeout=5)
    assert ended
    task.exception()  # it can be told nothing more
    another.wait(timeout=10)
    processes._reaper = None


async def test_a_reaper_that_cannot_be_started_is_started_later(
    without_reaper: Processes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))

    pid = tmp_path / "pid"
    forever = [SH, "-c", 'echo $$ > "$0"; exec sleep 60', str(pid)]
    with monkeypatch.context() as lack:
        lack.setattr(subprocess, "Popen", full)
        for _ in range(2):
            with pytest.raises(KubectlUnusable, match="Cannot allocate memory"):
                await without_reaper.run(forever, environment=PATH, timeout=10)
    assert without_reaper._groups == set()
    assert not pid.exists() or not is_alive(int(pid.read_text() or 0))
    done = await without_reaper.run([program("printf"), "x"], environment=PATH, timeout=10)
    assert done.stdout == b"x"
    assert the_reaper(without_reaper).poll() is None


async def test_what_is_run_after_closing_is_killed_at_once(tmp_path: Path) -> None:
    processes = Processes()
    processes.close()
    with contextlib.suppress(KubectlError):  # just as well
        done = await processes.run([SH, "-c", "exec sleep 60"], environment=PATH, timeout=30)
        assert done.returncode == -9


# --- Kubectl ---------------------------------------------------------------------------------------------------------


def mortal(folder: Path, deaths: int) -> str:
    """A program that is killed so many times, and then says how often it was run."""
    return script(
        folder / "mortal",
        f"""
        echo >> '{folder}/runs'
        runs=$(wc -l < '{folder}/runs')
        [ "$runs" -gt {deaths} ] || kill -KILL $$
        echo "$runs"
        exit 3
        """,
    )


async def test_what_is_needed_is_run_again_when_it_was_killed(processes: Processes, tmp_path: Path) -> None:
    """By a lack of memory, say: an operator that starts would end for it."""
    done = await processes.run_unless_killed([mortal(tmp_path, deaths=2)], environment=os.environ, timeout=5)
    assert (done.stdout, done.returncode) == (b"3\n", 3)


async def test_what_is_killed_each_time_is_an_error(processes: Processes, tmp_path: Path) -> None:
    with pytest.raises(KubectlError) as error:
        await processes.run_unless_killed([mortal(tmp_path, deaths=99)], environment=os.environ, timeout=5)
    assert str(error.value) == "mortal was killed by signal 9, 5 times"
    assert (tmp_path / "runs").read_text().count("\n") == 5


# --- Kubectl ---------------------------------------------------------------------------------------------------------


class Fake:
    """A kubectl that says what it is told to, and keeps how it was called."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.says("", "", 0)
        self.program = script(
            folder / "kubectl",
            f"""
            cd '{folder}'
            printf '%s\\0' "$@" > argv
            env -0 > environment
            cat stdout
            cat stderr >&2
            exit "$(cat code)"
            """,
        )

    def says(self, stdout: str, stderr: str = "", code: int = 0) -> None:
        for name, text in (("stdout", stdout), ("stderr", stderr), ("code", str(code))):
            (self._folder / name).write_text(text)

    @property
    def argv(self) -> list[str]:
        return (self._folder / "argv").read_text().split("\0")[:-1]

    @property
    def environment(self) -> dict[str, str]:
        pairs = [entry.partition("=") for entry in (self._folder / "environment").read_text().split("\0")[:-1]]
        of_the_shell = ("PWD", "OLDPWD", "SHLVL", "_")
        return {name: value for name, _, value in pairs if name not in of_the_shell}


@pytest.fixture
def fake(tmp_path: Path) -> Fake:
    folder = tmp_path / "bin"
    folder.mkdir()
    return Fake(folder)


@pytest.fixture
def kubectl_(fake: Fake, processes: Processes, private: Path) -> Kubectl:
    return Kubectl(processes, fake.program, private)


FOLDER = Path("/made/up/generated/samples/demo/obj")
CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "managedFields": []}}


async def test_apply_is_server_side_and_takes_no_manifest_on_the_command_line(fake: Fake, kubectl_: Kubectl) -> None:
    fake.says(json.dumps(CONFIG_MAP))
    await kubectl_.apply(FOLDER, size=1000, timeout=30)
    assert fake.argv == [
        "apply", "-k", str(FOLDER), "--server-side", "--force-conflicts", "--field-manager=nuvop", "--validate=false",
        "-o", "json", "--show-managed-fields", "--request-timeout=20s",
    ]  # fmt: skip


async def test_build_returns_what_kustomize_makes(fake: Fake, kubectl_: Kubectl) -> None:
    fake.says("kind: ConfigMap\ndata: {a: ü}\n")
    assert await kubectl_.build(FOLDER) == "kind: ConfigMap\ndata: {a: ü}\n"
    assert fake.argv == ["kustomize", str(FOLDER)]


async def test_kubectl_knows_how_to_reach_the_api_server_and_nothing_else(
    fake: Fake, processes: Processes, private: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in os.environ:
        monkeypatch.delenv(name)
    passed = {
        "PATH": f"{fake.program}/..:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "SSL_CERT_FILE": "/ca.pem",
        "SSL_CERT_DIR": "/certs",
        "HTTPS_PROXY": "http://proxy:3128",
        "no_proxy": "127.0.0.1",
    }
    stray = {
        "AWS_SECRET_ACCESS_KEY": "hunter2",
        "GITHUB_TOKEN": "hunter2",
        "KUBECONFIG": "/users/config",
        "HOME": "/users",
        "KUBECTL_EXTERNAL_DIFF": "rm",
        "KUBERNETES_SERVICE_HOST": "10.0.0.1",
        "GOGC": "off",
        "LD_PRELOAD": "",
    }
    for name, value in {**passed, **stray}.items():
        monkeypatch.setenv(name, value)
    fake.says(json.dumps(CONFIG_MAP))
    await Kubectl(processes, fake.program, private).apply(FOLDER, size=1000, timeout=30)
    assert fake.environment == {
        **passed,
        "HOME": str(private),
        "TMPDIR": str(private),
        "KUBECONFIG": str(private / "kubeconfig"),
        "KUBECACHEDIR": str(private / "cache"),
        "GOGC": "400",
        "GOMEMLIMIT": str(34 * 1024 * 1024 + 32 * 1000),
    }


async def test_apply_returns_the_items_of_a_list(fake: Fake, kubectl_: Kubectl) -> None:
    fake.says(json.dumps({"apiVersion": "v1", "kind": "List", "items": [CONFIG_MAP, CONFIG_MAP]}))
    assert await kubectl_.apply(FOLDER, size=1000, timeout=30) == [CONFIG_MAP, CONFIG_MAP]


async def test_apply_returns_a_single_object_as_a_list(fake: Fake, kubectl_: Kubectl) -> None:
    fake.says(json.dumps(CONFIG_MAP), "Warning: spec.x is deprecated\n")
    assert await kubectl_.apply(FOLDER, size=1000, timeout=30) == [CONFIG_MAP]


@pytest.mark.parametrize(
    "stdout", ["", "configmap/c serverside-applied\n", "[]", "3", "null", "{}", '{"kind": "List"}', '{"kind": "Lis']
)
async def test_a_good_end_without_objects_is_tried_again(fake: Fake, kubectl_: Kubectl, stdout: str) -> None:
    fake.says(stdout, "strange\n")
    with pytest.raises(ApplyFailed) as error:
        await kubectl_.apply(FOLDER, size=1000, timeout=30)
    assert not error.value.terminal
    assert str(error.value) == "kubectl apply ended well but printed no objects: strange"


async def test_an_apply_that_hangs_is_killed(fake: Fake, processes: Processes, private: Path, tmp_path: Path) -> None:
    hanging = script(tmp_path / "hanging", "sleep 60")
    with pytest.raises(KubectlTimeout) as error:
        await Kubectl(processes, hanging, private).apply(FOLDER, size=1000, timeout=0.3)
    assert str(error.value) == "hanging apply took longer than 0.3 s and was killed"


# What kubectl 1.37 printed when it applied to kube-apiserver 1.36; only the names of folders were changed.

INVALID = """\
The Deployment "d" is invalid: 
* spec.replicas: Invalid value: -1: must be greater than or equal to 0
* spec.template.metadata.labels: Invalid value: {"a":"c"}: `selector` does not match template `labels`
* spec.template.spec.containers[0].image: Required value
"""  # noqa: W291
INVALID_TOLD = (
    'The Deployment "d" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0; '
    'spec.template.metadata.labels: Invalid value: {"a":"c"}: `selector` does not match template `labels`; '
    "spec.template.spec.containers[0].image: Required value"
)
HAS_VALUE = "Error from server: .data.b: expected string, got &value.valueUnstructured{Value:12}"
WITHOUT_VALUE = "Error from server: .data.b: expected string"
CONFLICT_ADVICE = """\
Please review the fields above--they currently have other managers. Here
are the ways you can resolve this warning:
* If you intend to manage all of these fields, please re-run the apply
  command with the `--force-conflicts` flag.
* If you do not intend to manage all of the fields, please edit your
  manifest to remove references to the fields that should keep their
  current managers.
* You may co-own fields by updating your manifest to match the existing
  value; in this case, you'll become the manager if the other manager(s)
  stop managing the field (remove it from their configuration).
See https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts
"""
HOOK = 'admission webhook "refuse.example.org" denied the request'
FAILING = 'Internal error occurred: failed calling webhook "refuse.example.org": failed to call webhook'
MODIFIED = 'Operation cannot be fulfilled on configmaps "good": the object has been modified; please apply your changes'
REFUSED = 'Get "https://127.0.0.1:1/api?timeout=20s": dial tcp 127.0.0.1:1: connect: connection refused'
QUOTA = 'configmaps "c" is forbidden: exceeded quota: tight, requested: configmaps=1, used: configmaps=1'
TYPED_PATCH = "failed to create typed patch object (default/d; apps/v1, Kind=Deployment)"

TERMINAL = {
    "invalid in one field": 'The Deployment "d" is invalid: spec.replicas: Invalid value: -1: must be greater than or '
    "equal to 0",
    "immutable": 'The Deployment "im" is invalid: spec.selector: Invalid value: {"matchLabels":{"a":"d"}}: field is '
    "immutable",
    "stateful set": 'The StatefulSet "ss" is invalid: spec: Forbidden: updates to statefulset spec for fields other '
    "than 'replicas', 'ordinals' are forbidden",
    "quota": f"Error from server (Forbidden): {QUOTA}",
    "no right": 'Error from server (Forbidden): configmaps "good" is forbidden: User "system:serviceaccount:default:x" '
    'cannot patch resource "configmaps" in API group "" in the namespace "default"',
    "webhook": f"Error from server: {HOOK}: owner label missing",
    "webhook without a word": f"Error from server: {HOOK} without explanation",
    "policy": "The configmaps \"bad\" is invalid: : ValidatingAdmissionPolicy 'no-bad' with binding 'no-bad' denied "
    "request: no bad names please",
    "unknown field": f"Error from server: {TYPED_PATCH}: .spec.replica: field not declared in schema",
    "wrong type": f"Error from server: {TYPED_PATCH}: .spec.replicas: expected numeric (int or float), got string",
    "too large": "Error from server (RequestEntityTooLarge): Request entity too large: limit is 3145728",
    "too large for etcd": 'The ConfigMap "c3" is invalid: []: Too long: may not be more than 1048576 bytes',
}
PASSING = {
    "webhook away": f"Error from server (InternalError): {FAILING}: "
    'Post "https://127.0.0.1:1/x?timeout=1s": dial tcp 127.0.0.1:1: connect: connection refused',
    "webhook slow": f"Error from server (InternalError): {FAILING}: "
    'Post "https://127.0.0.1:18443/x?timeout=1s": context deadline exceeded',
    "namespace going away": 'Error from server (Forbidden): configmaps "c" is forbidden: unable to create new content '
    "in namespace gone because it is being terminated",
    "namespace gone": 'Error from server (NotFound): namespaces "absent" not found',
    "connection cut": "Unable to connect to the server: EOF",
    "no answer": "Unable to connect to the server: net/http: request canceled (Client.Timeout exceeded while awaiting "
    "headers)",
    "unknown certificate authority": "Unable to connect to the server: tls: failed to verify certificate: x509: "
    "certificate signed by unknown authority",
    "proxy": 'Error from server (InternalError): an error on the server ("<html>Bad gateway\\nsecond line</html>") has '
    "prevented the request from succeeding (patch configmaps good)",
    "too many requests": "Error from server (TooManyRequests): the server has received too many requests and has asked "
    "us to try again later",
    "unavailable": "Error from server (ServiceUnavailable): the server is currently unable to handle the request",
    "server time-out": "Error from server (Timeout): Timeout: request did not complete within requested timeout - "
    "context deadline exceeded",
    "etcd": "Error from server: etcdserver: leader changed",
    "nothing but a warning": "Warning: v1 X is deprecated",
}
"""Errors that are one line, and stay as they are."""


@pytest.mark.parametrize(
    ("stderr", "terminal", "said"),
    [
        *(pytest.param(f"{text}\n", True, text, id=name) for name, text in TERMINAL.items()),
        *(pytest.param(f"{text}\n", False, text, id=name) for name, text in PASSING.items()),
        pytest.param(
            INVALID,
            True,
            INVALID_TOLD,
            id="invalid in three fields",
        ),
        pytest.param(
            f"Warning: this is a warning from the hook\nError from server: {HOOK}: no owner\n",
            True,
            f"Error from server: {HOOK}: no owner",
            id="warning",
        ),
        pytest.param(
            f'Error from server (Forbidden): {QUOTA}\nThe ConfigMap "c" is invalid: x\n',
            True,
            f'Error from server (Forbidden): {QUOTA}; The ConfigMap "c" is invalid: x',
            id="two objects refused",
        ),
        pytest.param(
            f'The Secret "s" is invalid: \n* data.a: Required value\n{HAS_VALUE}\n{INVALID}{HAS_VALUE}\n',
            True,
            f'The Secret "s" is invalid: data.a: Required value; {WITHOUT_VALUE}; {INVALID_TOLD}',
            id="several, one of them twice, with causes of their own and a value",
        ),
        pytest.param(
            "".join(f"Error from server: {number}{'x' * 280}\n" for number in range(7)),
            False,
            "; ".join(f"Error from server: {number}{'x' * 280}" for number in range(2)) + " (and 5 more)",
            id="more than a condition holds",
        ),
        pytest.param(f"{'x' * 2000}\ny\n", False, f"{'x' * 2000} (and 1 more)", id="one that is too long"),
        pytest.param(
            "error: You must be logged in to the server (Unauthorized)\n",
            False,
            "You must be logged in to the server (Unauthorized)",
            id="unauthorized",
        ),
        pytest.param("", False, "it said nothing", id="nothing said"),
        pytest.param(
            f'E1121 10:26:02.530397   20980 memcache.go:381] "Couldn\'t get current server API group list" err="{{}}"\n'
            f'error: unable to recognize "{FOLDER}": {REFUSED}\n',
            False,
            REFUSED,
            id="connection refused",
        ),
        pytest.param(
            f'error: resource mapping not found for name: "d" namespace: "default" from "{FOLDER}": no matches for '
            'kind "Widget" in version "nowhere.example/v1"\nensure CRDs are installed first\n',
            False,
            'resource mapping not found for name: "d" namespace: "default": no matches for '
            'kind "Widget" in version "nowhere.example/v1"',
            id="unknown kind",
        ),
        pytest.param(
            f'error: unable to decode "{FOLDER}": json: cannot unmarshal number into Go struct field '
            "ObjectMeta.metadata.labels of type string\n",
            True,
            "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string",
            id="label that is no string",
        ),
        pytest.param(
            "Error from server: failed to convert new object (default/c; /v1, Kind=Secret) to proper version: unable "
            "to convert unstructured object to /v1, Kind=Secret: error decoding from json: illegal base64 data at "
            "input byte 7\n",
            True,
            "Error from server: failed to convert new object (default/c; /v1, Kind=Secret) to proper version: unable "
            "to convert unstructured object to /v1, Kind=Secret: error decoding from json: illegal base64 data at "
            "input byte 7",
            id="Secret that is no base64",
        ),
        pytest.param(
            f"error: {MODIFIED}\n{CONFLICT_ADVICE}",
            False,
            MODIFIED,
            id="conflict",
        ),
        pytest.param(
            f"Warning: this is a warning from the hook\nerror: {HOOK}: denied with a code\n{CONFLICT_ADVICE}",
            True,
            f"{HOOK}: denied with a code",
            id="webhook that denies with 409",
        ),
    ],
)
async def test_why_an_apply_failed(fake: Fake, kubectl_: Kubectl, stderr: str, terminal: bool, said: str) -> None:
    fake.says("", stderr, 1)
    with pytest.raises(ApplyFailed) as error:
        await kubectl_.apply(FOLDER, size=1000, timeout=30)
    assert (error.value.terminal, str(error.value)) == (terminal, said)


@pytest.mark.parametrize("stderr", [INVALID, "x\r\ny\tz\n", "  \n\n  error: x  \n\n", f"a\n{CONFLICT_ADVICE}"])
async def test_an_error_is_one_line(fake: Fake, kubectl_: Kubectl, stderr: str) -> None:
    fake.says("", stderr, 1)
    with pytest.raises(ApplyFailed) as error:
        await kubectl_.apply(FOLDER, size=1000, timeout=30)
    text = str(error.value)
    assert len(text.splitlines()) == 1
    assert text == text.strip()


async def test_what_was_printed_before_the_error_is_not_in_it(fake: Fake, kubectl_: Kubectl) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "data": {"password": "aHVudGVyMg=="}}
    fake.says(json.dumps(secret), f"Error from server (Forbidden): {QUOTA}\n", 1)
    with pytest.raises(ApplyFailed) as error:
        await kubectl_.apply(FOLDER, size=1000, timeout=30)
    assert "aHVudGVyMg==" not in repr(error.value)
    assert error.value.__cause__ is None
    fake.says(json.dumps(secret)[:-1])
    with pytest.raises(ApplyFailed) as error:
        await kubectl_.apply(FOLDER, size=1000, timeout=30)
    assert "aHVudGVyMg==" not in str(error.value)


@pytest.mark.parametrize("command", ["apply", "kustomize"])
async def test_one_that_was_killed_is_told_by_its_signal(processes: Processes, private: Path, command: str) -> None:
    killed = Kubectl(processes, script(private / "kubectl", "echo half; echo Warning: old >&2; kill -KILL $$"), private)
    with pytest.raises(KubectlError) as error:
        await (killed.build(FOLDER) if command == "kustomize" else killed.apply(FOLDER, size=1000, timeout=30))
    assert str(error.value) == f"kubectl {command} was killed by signal 9"


@pytest.mark.parametrize(
    ("stdout", "stderr", "said"),
    [
        ("kind: ConfigMap\nmetadata: {name: b}\nkind: Confi", "", "kubectl kustomize printed half a line"),
        ("", "error: no such luck\n", "kubectl kustomize ended well but printed nothing: no such luck"),
    ],
)
async def test_what_kustomize_made_is_all_there_or_not_taken(
    fake: Fake, kubectl_: Kubectl, stdout: str, stderr: str, said: str
) -> None:
    fake.says(stdout, stderr)
    with pytest.raises(KubectlError) as error:
        await kubectl_.build(FOLDER)
    assert str(error.value) == said
    assert not isinstance(error.value, BuildFailed), "the folder is not to blame"


@pytest.mark.parametrize(
    ("stderr", "said"),
    [
        (
            "# Warning: 'bases' is deprecated\nfatal error: out of memory allocating heap arena map\n\nruntime:\n",
            "fatal error: out of memory allocating heap arena map",
        ),
        ("", "it said nothing"),
    ],
)
async def test_a_crash_says_nothing_of_the_folder(fake: Fake, kubectl_: Kubectl, stderr: str, said: str) -> None:
    fake.says("kind: ConfigMap\n", stderr, code=2)
    with pytest.raises(KubectlCrashed) as error:
        await kubectl_.build(FOLDER)
    assert str(error.value) == f"kubectl kustomize crashed: {said}"


@pytest.mark.parametrize(
    "crash", ["panic: runtime error: index out of range [1]", "runtime: goroutine stack\nfatal error: stack overflow"]
)
async def test_a_mistake_of_kustomizes_own_is_about_the_folder(fake: Fake, kubectl_: Kubectl, crash: str) -> None:
    fake.says("", f"# Warning: 'bases' is deprecated\n{crash}\n\ngoroutine 1 [running]:\n", code=2)
    with pytest.raises(BuildFailed, match="kustomize itself breaks down"):
        await kubectl_.build(FOLDER)


TYPED_SECRET = "failed to create typed patch object (default/c; /v1, Kind=Secret)"


@pytest.mark.parametrize(
    ("told", "said"),
    [
        pytest.param(
            ".data.password: expected string, got &value.valueUnstructured{Value:424242}",
            ".data.password: expected string",
            id="number",
        ),
        pytest.param(".data: expected map, got &{424242}", ".data: expected map", id="no map"),
        pytest.param(".data: expected map, got &{[424242 1]}", ".data: expected map", id="list"),
        pytest.param(
            'errors:\n  .data.a: expected string, got &value.valueUnstructured{Value:[]interface {}{"424242"}}\n'
            "  .data.b: expected string, got &value.valueUnstructured{Value:true}",
            "errors: .data.a: expected string; .data.b: expected string",
            id="two",
        ),
    ],
)
async def test_a_value_of_a_secret_is_not_in_the_error(fake: Fake, kubectl_: Kubectl, told: str, said: str) -> None:
    fake.says("", f"Error from server: {TYPED_SECRET}: {told}\n", 1)
    with pytest.raises(ApplyFailed) as error:
        await kubectl_.apply(FOLDER, size=1000, timeout=30)
    assert error.value.terminal
    assert str(error.value) == f"Error from server: {TYPED_SECRET}: {said}"


async def test_what_kustomize_cannot_build_is_not_tried_again(
    kustomize: Kubectl, tmp_path: Path, private: Path
) -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}}
    spec = {"containers": [{"name": "x", "image": "y", "env": "no list"}]}
    config_map = CONFIG_MAP | {"metadata": {"name": "c"}}
    files = {"p": json.dumps({**pod, "spec": spec}), "c": json.dumps(config_map)}
    folder = kind_folder(tmp_path / "overlay", "namePrefix: x-\nresources: [p.yaml, c.yaml]", **files)
    write_kubeconfig(private / "kubeconfig", {"token": "t"}, {"server": "https://127.0.0.1:1"})
    with pytest.raises(ApplyFailed) as error:
        await kustomize.apply(folder, size=1000, timeout=30)
    assert "updating name reference" in str(error.value)
    assert error.value.terminal


# --- build, with the real kustomize ----------------------------------------------------------------------------------


@pytest.fixture
def kustomize(processes: Processes, private: Path) -> Kubectl:
    return Kubectl(processes, KUBECTL, private)


def kind_folder(folder: Path, kustomization: str, **files: str) -> Path:
    folder.mkdir()
    (folder / "kustomization.yaml").write_text(kustomization)
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return folder


async def test_a_folder_is_built(kustomize: Kubectl, tmp_path: Path) -> None:
    folder = kind_folder(
        tmp_path / "a folder",
        "resources: [c.yaml]\nnamePrefix: x-",
        c=json.dumps(CONFIG_MAP | {"metadata": {"name": "c"}}),
    )
    assert "name: x-c" in await kustomize.build(folder)


@pytest.mark.parametrize(
    ("kustomization", "reason"),
    [
        ("resources: [gone.yaml]", "gone.yaml: there is no such file: "),
        ("resources: [c.yaml]", "c.yaml: is no Kubernetes object"),
        ("bogus: 1", "kustomization.yaml: bogus: kustomize has no such field"),
        (
            "resources: [bad.yaml]",
            "bad.yaml: is not YAML: line 1: did not find expected node content",
        ),
    ],
)
async def test_a_build_error_is_one_line_without_the_folder(
    kustomize: Kubectl, tmp_path: Path, kustomization: str, reason: str
) -> None:
    folder = kind_folder(tmp_path / "kind", kustomization, c="a: b", bad="a: [")
    with pytest.raises(BuildFailed) as error:
        await kustomize.build(folder)
    text = str(error.value)
    assert reason in text
    assert "\n" not in text
    assert str(tmp_path) not in text
    assert not text.startswith("error: ")


SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"password": "hunter22"}}


@pytest.mark.parametrize(
    ("patch", "said"),
    [
        ([{"op": "add", "path": f"/stringData/{'k' * 2000}", "value": "x"}], "did not find expected ',' or '}'"),
        ({**SECRET, "stringData": {"": "hunter22"}}, "wrong node kind: expected ScalarNode but got MappingNode"),
        ({**SECRET, "stringData": "a: hunter22\nb: c\n"}, "wrong node kind: expected MappingNode but got ScalarNode"),
    ],
    ids=["a key that is too long", "a key without a name", "a text"],
)
async def test_kustomize_quotes_no_value_of_a_secret(
    kustomize: Kubectl, tmp_path: Path, private: Path, patch: Any, said: str
) -> None:
    """Neither where it is asked to build, nor where it cannot build what is to be applied."""
    kustomization = "resources: [s.yaml]\npatches: [{path: p.yaml, target: {kind: Secret}}]\nnamePrefix: x-"
    folder = kind_folder(tmp_path / "overlay", kustomization, s=json.dumps(SECRET), p=json.dumps(patch))
    write_kubeconfig(private / "kubeconfig", {"token": "t"}, {"server": "https://127.0.0.1:1"})
    with pytest.raises(BuildFailed) as built:
        await kustomize.build(folder)
    with pytest.raises(ApplyFailed) as applied:
        await kustomize.apply(folder, size=1000, timeout=30)
    assert said in str(applied.value)
    for error in (built.value, applied.value):
        assert "hunter22" not in str(error)


async def test_a_folder_that_is_gone(kustomize: Kubectl, tmp_path: Path) -> None:
    with pytest.raises(BuildFailed) as error:
        await kustomize.build(tmp_path / "gone")
    assert "the folder" in str(error.value)
    assert str(tmp_path) not in str(error.value)


async def test_a_build_error_in_a_linked_folder_names_no_folder_either(kustomize: Kubectl, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(kind_folder(tmp_path / "kind", "resources: [gone.yaml]"))
    with pytest.raises(BuildFailed) as error:
        await kustomize.build(tmp_path / "link")
    assert str(tmp_path) not in str(error.value)


# --- find_kubectl ----------------------------------------------------------------------------------------------------


@pytest.fixture
def on_path(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> Fake:
    monkeypatch.setenv("PATH", str(Path(fake.program).parent), prepend=os.pathsep)
    return fake


def version(text: str) -> str:
    return json.dumps({"clientVersion": {"major": "1", "gitVersion": text}, "kustomizeVersion": "v5.8.1"})


@pytest.mark.parametrize("text", ["v1.27.0", "v1.37.1", "v1.32.4-dispatcher", "v1.30.2+k3s1", "v1.100.0", "v2.0.0"])
async def test_a_kubectl_that_will_do(processes: Processes, on_path: Fake, text: str) -> None:
    on_path.says(version(text))
    assert await find_kubectl(processes) == on_path.program
    assert on_path.argv == ["version", "--client", "-o", "json"]


@pytest.mark.parametrize("text", ["v1.26.15", "v1.9.0", "v0.99.0"])
async def test_a_kubectl_that_is_too_old(processes: Processes, on_path: Fake, text: str) -> None:
    on_path.says(version(text))
    with pytest.raises(KubectlUnusable) as error:
        await find_kubectl(processes)
    assert str(error.value) == f"{on_path.program} is {text}; nuvop needs 1.27 or newer"


@pytest.mark.parametrize("stdout", ["", "Client Version: v1.20", "[]", "{}", '{"clientVersion": {"gitVersion": 1}}'])
async def test_a_program_that_is_no_kubectl(processes: Processes, on_path: Fake, stdout: str) -> None:
    on_path.says(stdout, "kubectl: I am a shim\nmore\n", 3)
    with pytest.raises(KubectlUnusable) as error:
        await find_kubectl(processes)
    expected = f"{on_path.program} does not tell its version (exit code 3): kubectl: I am a shim; more"
    assert str(error.value) == expected


async def test_no_kubectl_on_path(processes: Processes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(KubectlUnusable) as error:
        await find_kubectl(processes)
    assert str(error.value) == "kubectl is not on PATH; nuvop needs 1.27 or newer"


async def test_a_kubectl_that_was_killed_is_asked_again(
    processes: Processes, on_path: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_path.says(version("v1.30.0"))
    killed_once = (
        f"if mkdir '{tmp_path}/was-killed' 2> /dev/null; then kill -KILL $$; fi; exec '{on_path.program}' \"$@\""
    )
    script(tmp_path / "kubectl", killed_once)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert await find_kubectl(processes) == str(tmp_path / "kubectl")
    (tmp_path / "was-killed").rmdir()
    on_path.says('{"kind": "Config"}')
    assert await user_config(processes, str(tmp_path / "kubectl")) == {"kind": "Config"}


async def test_a_kubectl_that_takes_its_time_is_waited_for(
    processes: Processes, on_path: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a disk that stalls, say: an operator that starts would end for it, though every later command may take so
    long."""
    given, run = [], Processes.run

    async def watched(self: Processes, argv: Sequence[str], **how: Any) -> Completed:
        given.append(how["timeout"])
        return await run(self, argv, **how)

    monkeypatch.setattr(Processes, "run", watched)
    on_path.says(version("v1.30.0"))
    await find_kubectl(processes)
    on_path.says('{"kind": "Config"}')
    await user_config(processes, on_path.program)
    assert min(given) >= kubectl.BUILD_TIMEOUT


async def test_the_pinned_kubectl_will_do(processes: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(Path(KUBECTL).parent), prepend=os.pathsep)
    assert await find_kubectl(processes) == KUBECTL


# --- user_config -----------------------------------------------------------------------------------------------------


async def test_the_users_kubeconfig_is_merged_and_cut_down(
    processes: Processes, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = write_kubeconfig(home / "one", {"token": "t"}, namespace="demo")
    second = home / "two"
    second.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "users": [{"name": "other", "user": {"token": "hunter2"}}],
                "contexts": [{"name": "other", "context": {"cluster": "prod", "user": "other"}}],
            }
        )
    )
    monkeypatch.setenv("KUBECONFIG", f"{second}{os.pathsep}{first}")
    config = await user_config(processes, KUBECTL)
    assert config["users"] == [{"name": "jane", "user": {"token": "t"}}]
    assert config["contexts"] == [{"name": "c", "context": {"cluster": "prod", "user": "jane", "namespace": "demo"}}]
    assert "hunter2" not in json.dumps(config)


async def test_a_user_without_a_kubeconfig(processes: Processes, home: Path) -> None:
    with pytest.raises(KubectlError) as error:
        await user_config(processes, KUBECTL)
    assert str(error.value) == "current-context must exist in order to minify"


async def test_half_a_kubeconfig(fake: Fake, processes: Processes) -> None:
    fake.says('{"kind": "Config", "users": [{"na')
    with pytest.raises(KubectlError) as error:
        await user_config(processes, fake.program)
    assert str(error.value) == "kubectl config printed no kubeconfig: it said nothing"


def test_the_real_programs_are_those_of_the_project() -> None:
    said = subprocess.run([KUBECTL, "version", "--client"], capture_output=True, text=True, check=True).stdout
    assert re.search(r"Client Version: v1\.\d+\.\d+", said)
