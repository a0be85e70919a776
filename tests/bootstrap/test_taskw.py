"""taskw on a computer that has Python and little else: for real, with real downloads."""

import ast
import os
import shutil
from pathlib import Path

import pytest

from tests.bootstrap.checkout import BASE_PYTHON, ROOT, Checkout
from tests.bootstrap.conftest import SetUp, kill_when

pytestmark = pytest.mark.timeout(900)

OLD_PYTHON = "sys.version_info = (3, 8, 10, 'final', 0)"
NO_ENSUREPIP = "sys.modules['ensurepip'] = None"


class TestFirstRun:
    """An empty HOME, a path with a space, and no kubectl, go, task or poetry on PATH."""

    def test_two_at_once_both_work(self, set_up: SetUp) -> None:
        for run in set_up.concurrent:
            assert (run.returncode, run.stdout.split("+")[0]) == (0, "3.54.0"), run.stderr

    def test_only_one_of_two_installs(self, set_up: SetUp) -> None:
        told = "".join(run.stderr for run in set_up.concurrent)
        assert told.count("bringing poetry 2.5.1 and task 3.54.0") == 1
        assert told.count("bringing Go 1.26.") == 1
        assert told.count("installing nuvop and the locked packages") == 1
        assert told.count("another taskw sets things up here; waiting") >= 1

    def test_tells_once_how_to_call_the_tools(self, set_up: SetUp) -> None:
        root = set_up.checkout.root
        told = "".join(run.stderr for run in set_up.concurrent)
        assert told.count(f'export PATH="{root}/.tools/bin:{root}/.venv/bin:$PATH"') == 1

    def test_what_a_killed_run_left_is_not_taken_for_whole(self, set_up: SetUp) -> None:
        assert [name for name in set_up.left_by_killed if name.startswith("new-")]
        assert not [name for name in set_up.left_by_killed if name.startswith("tools-")]

    def test_what_a_killed_run_left_is_swept(self, set_up: SetUp) -> None:
        assert not list(set_up.checkout.tools.glob("new-*"))


class TestLaterRuns:
    def test_without_arguments_it_lists_the_tasks(self, checkout: Checkout) -> None:
        run = checkout.taskw()
        assert run.returncode == 0
        for task in ("demo", "test", "lint", "format", "cluster:up", "run", "deploy"):
            assert f"* {task}: " in run.stdout

    def test_install_nothing(self, checkout: Checkout) -> None:
        before = (checkout.venv / "taskw.json").stat()
        run = checkout.taskw("--version")
        assert run.stderr == ""
        assert (checkout.venv / "taskw.json").stat() == before

    def test_from_any_folder_tasks_run_in_the_project(self, checkout: Checkout, tmp_path: Path) -> None:
        run = checkout.taskw("--taskfile", "probe.yml", "where", cwd=tmp_path)
        assert run.stdout.strip() == str(checkout.root)
        assert list(tmp_path.iterdir()) == []

    def test_without_a_home(self, checkout: Checkout) -> None:
        assert checkout.run("env", "-u", "HOME", str(checkout.root / "taskw")).returncode == 0

    def test_tasks_find_the_pinned_programs(self, checkout: Checkout) -> None:
        tools, venv = checkout.tools / "bin", checkout.venv / "bin"
        found = checkout.taskw("--taskfile", "probe.yml", "which").stdout.splitlines()
        assert found == [
            *(str(tools / name) for name in ("task", "poetry")),
            *(str(venv / name) for name in ("kubectl", "kopf", "nuvop")),
            str(tools / "go"),
        ]

    def test_pass_the_exit_code_of_a_task_on(self, checkout: Checkout) -> None:
        assert checkout.taskw("--taskfile", "probe.yml", "fail").returncode == 7

    def test_a_changed_lock_file_is_installed_once(self, checkout: Checkout) -> None:
        with (checkout.root / "poetry.lock").open("a") as lock:
            lock.write("# changed\n")
        first, second = checkout.taskw("--version"), checkout.taskw("--version")
        assert "the locked packages or .venv changed" in first.stderr
        assert "bringing poetry" not in first.stderr
        assert (first.returncode, second.returncode, second.stderr) == (0, 0, "")

    def test_an_unfinished_venv_is_made_anew(self, checkout: Checkout) -> None:
        (checkout.venv / "taskw.json").unlink()
        (checkout.venv / "bin" / "kubectl").unlink()
        former = (checkout.venv / "pyvenv.cfg").stat()
        kill_when(checkout.start(), lambda: is_half_installed(checkout.venv, former))
        assert not (checkout.venv / "taskw.json").exists()
        run = checkout.taskw("--version")
        assert "waiting" in run.stderr, "the killed taskw's poetry still installs"
        assert "installing nuvop and the locked packages" in run.stderr
        assert "nuvop's kopf" in checkout.run(str(checkout.venv / "bin" / "kopf")).stdout
        assert (checkout.venv / "bin" / "kubectl").exists()

    def test_a_moved_checkout_works(self, checkout: Checkout, tmp_path: Path) -> None:
        root = tmp_path / "it moved"
        shutil.copytree(checkout.root, root, symlinks=True, copy_function=os.link)
        moved = Checkout(root, checkout.path)
        assert "installing nuvop and the locked packages" in moved.taskw().stderr
        assert "bringing" not in moved.taskw().stderr
        assert "nuvop's kopf" in moved.run(str(root / ".venv" / "bin" / "kopf")).stdout
        assert "Poetry (version 2.5.1)" in moved.run(str(root / ".tools" / "bin" / "poetry"), "--version").stdout


class TestPrograms:
    def test_kubectl(self, checkout: Checkout) -> None:
        kubectl = str(checkout.venv / "bin" / "kubectl")
        assert "Client Version: v1.37.1" in checkout.run(kubectl, "version", "--client").stdout

    def test_go_is_brought_where_there_is_none(self, checkout: Checkout) -> None:
        go = str(checkout.tools / "bin" / "go")
        assert "go version go1.26." in checkout.run(go, "version").stdout
        assert checkout.run(go, "env", "GOROOT").stdout.startswith(str(checkout.tools))

    def test_go_of_the_user_is_used_where_it_is_new_enough(self, checkout: Checkout, tmp_path: Path) -> None:
        (checkout.tools / "bin" / "go").unlink()
        go = program(tmp_path / "go", 'echo "go version go1.27.3 linux/amd64"')
        run = checkout.taskw("--taskfile", "probe.yml", "which", PATH=f"{checkout.path}:{tmp_path}")
        assert (run.stdout.splitlines()[-1], run.stderr) == (go, "")

    def test_go_of_the_user_is_not_used_where_it_is_too_old(self, checkout: Checkout, tmp_path: Path) -> None:
        program(tmp_path / "go", 'echo "go version go1.25.9 linux/amd64"')
        run = checkout.taskw("--taskfile", "probe.yml", "which", PATH=f"{checkout.path}:{tmp_path}")
        assert run.stdout.splitlines()[-1] == str(checkout.tools / "bin" / "go")

    def test_kopf_is_ours(self, checkout: Checkout) -> None:
        assert checkout.run(str(checkout.venv / "bin" / "kopf"), "run").stdout == "nuvop's kopf ['run']\n"

    def test_poetry_run_kopf_is_ours(self, checkout: Checkout) -> None:
        poetry = str(checkout.tools / "bin" / "poetry")
        run = checkout.run(poetry, "run", "kopf", "run", "-n", "demo")
        assert run.stdout == "nuvop's kopf ['run', '-n', 'demo']\n"

    def test_kopf_is_repaired_after_a_plain_poetry_install(self, checkout: Checkout) -> None:
        # poetry's scripts do not start where the path has a space.
        assert checkout.run(str(checkout.tools / "bin" / "poetry"), "install").returncode == 0
        assert b"a checkout" in (checkout.venv / "bin" / "kopf").read_bytes().splitlines()[0]
        assert "the locked packages or .venv changed" in checkout.taskw().stderr
        assert checkout.run(str(checkout.venv / "bin" / "kopf")).stdout == "nuvop's kopf []\n"

    def test_task_works_without_taskw(self, checkout: Checkout) -> None:
        task = str(checkout.tools / "bin" / "task")
        assert "* demo: " in checkout.run(task).stdout
        dry = checkout.run(task, "--dry", "demo", "CLUSTER=current").stderr
        assert f"'{checkout.root}'/.venv/bin/python -m lab.demo --cluster current" in dry

    def test_poetry_takes_packages_from_where_pip_does(self, checkout: Checkout, tmp_path: Path) -> None:
        certificates = tmp_path / "ca.crt"
        certificates.touch()
        settings = {"PIP_INDEX_URL": "https://mirror.example/simple", "PIP_CERT": str(certificates)}
        told = checkout.run(str(checkout.tools / "bin" / "poetry"), "run", "env", **settings).stdout.splitlines()
        assert "POETRY_PYPI_MIRROR_URL=https://mirror.example/simple" in told
        assert f"REQUESTS_CA_BUNDLE={certificates}" in told

    def test_an_active_environment_of_the_user_stays_as_it_is(self, checkout: Checkout, tmp_path: Path) -> None:
        told = checkout.run(str(checkout.tools / "bin" / "poetry"), "env", "info", "--path", VIRTUAL_ENV=str(tmp_path))
        assert told.stdout.strip() == str(checkout.venv)


class TestRefusals:
    def test_old_python(self, bare: Checkout) -> None:
        run = bare.act(OLD_PYTHON)
        assert run.returncode == 1
        assert run.stderr.startswith("nuvop: taskw needs Python 3.11 or newer")
        assert len(run.stderr.splitlines()) == 1

    def test_old_python_can_read_the_file(self) -> None:
        ast.parse((ROOT / "taskw").read_text(), feature_version=(3, 6))

    def test_old_python_where_there_is_a_newer_one(self, checkout: Checkout, tmp_path: Path) -> None:
        (tmp_path / "python3.11").symlink_to(BASE_PYTHON)
        run = checkout.act(OLD_PYTHON, "--version", PATH=f"{checkout.path}:{tmp_path}")
        assert (run.returncode, run.stderr) == (0, "")

    def test_neither_ensurepip_nor_pip(self, bare: Checkout, tmp_path: Path) -> None:
        python = program(tmp_path / "python", 'test "$2" != pip || exit 1', f'exec "{BASE_PYTHON}" "$@"')
        run = bare.act(f"{NO_ENSUREPIP}; sys._base_executable = {python!r}")
        assert run.returncode == 1
        assert "sudo apt install python3-venv" in run.stderr.splitlines()[-1]

    def test_no_ensurepip_but_pip(self, bare: Checkout, tmp_path: Path) -> None:
        pip = 'test "$3" = --version && echo "pip 23.0.1 from here" && exit; echo "this is pip"; exit 1'
        python = program(tmp_path / "python", f'if test "$2" = pip; then {pip}; fi', f'exec "{BASE_PYTHON}" "$@"')
        run = bare.act(f"{NO_ENSUREPIP}; sys._base_executable = {python!r}")
        assert "this is pip" in run.stderr
        assert f"{python} -m pip --python '{bare.tools}/new-" in run.stderr.splitlines()[-1]

    def test_an_index_out_of_reach(self, bare: Checkout) -> None:
        run = bare.taskw(PIP_INDEX_URL="http://127.0.0.1:9/simple", PIP_RETRIES="0")
        assert run.returncode == 1
        assert "ERROR: " in run.stderr
        assert "this failed, see above: " in run.stderr.splitlines()[-1]
        assert [entry.name for entry in bare.tools.iterdir()] == ["lock"]


@pytest.mark.parametrize("name", ["poetry.lock", "tools/requirements.txt", "tools/go.txt"])
def test_locks_name_no_host(name: str) -> None:
    assert "://" not in (ROOT / name).read_text()


def is_half_installed(venv: Path, former: os.stat_result) -> bool:
    """Say whether some packages are in a new venv and our scripts are not.

    The former one may be thrown away between two looks, so it would do for both.
    """
    try:
        is_new = (venv / "pyvenv.cfg").stat().st_mtime_ns > former.st_mtime_ns
    except FileNotFoundError:
        return False
    return is_new and any(venv.glob("lib/*/site-packages/*.dist-info")) and not (venv / "bin" / "nuvop").exists()


def program(path: Path, *lines: str) -> str:
    """Make a little shell script."""
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)
    return str(path)
