"""A kind's own Python: what it may give, and what becomes of its errors."""

import asyncio
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import wait
from pathlib import Path

import pytest

from nuvop import patches_py
from nuvop.errors import KindError, OverlayError, TookTooLong

FOLDER = Path("kinds/web")
CR = {"metadata": {"name": "a"}, "spec": {"count": 2, "list": [1]}}


def run(body: str) -> list[dict[str, object]]:
    return patches_py.run(FOLDER, f"def patches(cr):\n{body}".encode(), CR)


def test_partial_objects_are_given() -> None:
    found = run('    yield {"kind": "Service", "metadata": {"name": "web"}, "spec": {"x": cr["spec"]["count"]}}\n')
    assert found == [{"kind": "Service", "metadata": {"name": "web"}, "spec": {"x": 2}}]
    assert run("    return []\n") == []


def test_what_it_changes_in_the_cr_is_its_own() -> None:
    assert run('    cr["spec"]["list"].append(2)\n    return []\n') == []
    assert CR["spec"] == {"count": 2, "list": [1]}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('    cr["spec"]["none"]\n    return []\n', "kinds/web/patches.py:2: KeyError: 'none'"),
        ("    x = 1\n    return len(x)\n", "kinds/web/patches.py:3: TypeError: "),
        ("    yield {}\n    raise ValueError('no')\n", "kinds/web/patches.py:3: ValueError: no"),
        ("    return None\n", "kinds/web/patches.py: TypeError: "),
        ("    raise SystemExit('enough')\n", "kinds/web/patches.py:2: SystemExit: enough"),
        ('    yield {"kind": "A"}\n', "kinds/web/patches.py: gives something without kind and metadata.name"),
        ("    yield 1\n", "kinds/web/patches.py: gives something without kind and metadata.name"),
        ("    yield {'a': object()}\n", "kinds/web/patches.py: gives what no manifest can hold: "),
    ],
)
def test_an_error_names_file_and_line(body: str, said: str) -> None:
    with pytest.raises(OverlayError) as raised:
        run(body)
    assert str(raised.value).startswith(said)


def test_a_value_is_never_told() -> None:
    with pytest.raises(OverlayError) as raised:
        run('    yield {"password": "s3cret"}\n')
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def patches(cr)\n", "kinds/web/patches.py:1: expected ':'"),
        ("x = 1\n", "kinds/web/patches.py: there is no function `patches(cr)` in it"),
        ("import nothing_of_this_name\n", "kinds/web/patches.py:1: ModuleNotFoundError: "),
        ("x = 1\n1 / 0\n", "kinds/web/patches.py:2: ZeroDivisionError: division by zero"),
        ("\0", "kinds/web/patches.py: source code string cannot contain null bytes"),
        ("import sys\nsys.exit(3)\n", "kinds/web/patches.py:2: SystemExit: 3"),
    ],
)
def test_what_cannot_be_loaded(source: str, said: str) -> None:
    with pytest.raises(KindError) as raised:
        patches_py.load(FOLDER, source.encode())
    assert str(raised.value).startswith(said)


FOR_EVER = "import threading\nthreading.Event().wait()\n"


async def test_what_never_ends_when_it_is_loaded_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patches_py, "TIMEOUT", 0.2)
    with pytest.raises(KindError) as raised:
        await patches_py.try_out(FOLDER, FOR_EVER.encode())
    assert str(raised.value) == "kinds/web/patches.py: took longer than 0.2 s"


async def test_what_never_ends_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patches_py, "TIMEOUT", 0.2)
    never, stuck = threading.Event(), Path("kinds/stuck")
    waiting = [patches_py.in_time(stuck, b"1", never.wait) for _ in range(3 * patches_py.THREADS)]
    found = Counter(map(str, await asyncio.gather(*waiting, return_exceptions=True)))
    assert found == {
        "kinds/stuck/patches.py: took longer than 0.2 s": patches_py.THREADS,
        "kinds/stuck/patches.py: has not begun: it takes longer than 0.2 s for 4 others": 2 * patches_py.THREADS,
    }
    assert await patches_py.in_time(FOLDER, b"x = 1", lambda: 7) == 7
    assert await patches_py.in_time(stuck, b"2", lambda: 8) == 8  # once the file is another
    assert await asyncio.to_thread(lambda: 9) == 9
    never.set()


async def test_who_waits_for_a_thread_has_its_time_still_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them is done in time, all of them together are not."""
    monkeypatch.setattr(patches_py, "TIMEOUT", 2.0)
    many = [patches_py.in_time(Path("kinds/many"), b"1", lambda: time.sleep(0.3)) for _ in range(40)]
    assert await asyncio.gather(*many) == [None] * 40


async def test_what_takes_too_long_is_known_to_end_at_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patches_py, "TIMEOUT", 0.2)
    slow, late, begun = threading.Event(), Path("kinds/late"), list[int]()

    def work() -> None:
        begun.append(1)
        slow.wait()

    waiting = [patches_py.in_time(late, b"1", work) for _ in range(patches_py.THREADS + 1)]
    errors = await asyncio.gather(*waiting, return_exceptions=True)
    await asyncio.sleep(0)
    over = [error.work.done() for error in errors if isinstance(error, TookTooLong)]
    assert over == [*[False] * patches_py.THREADS, True], "the last one never begins"
    slow.set()
    for error in errors:
        assert isinstance(error, TookTooLong)
        await asyncio.to_thread(wait, [error.work], 10)
        assert error.work.done()
    assert len(begun) == patches_py.THREADS


async def test_what_is_made_of_a_resource_has_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patches_py, "TIMEOUT", 0.2)
    assert await patches_py.within_time(FOLDER, {}, lambda: 7) == 7
    files = {patches_py.FILE: b"def patches(cr):\n    import threading\n    threading.Event().wait()\n"}
    with pytest.raises(OverlayError) as raised:
        await patches_py.within_time(FOLDER, files, lambda: patches_py.run(FOLDER, files[patches_py.FILE], CR))
    assert str(raised.value) == "kinds/web/patches.py: took longer than 0.2 s"


async def test_its_errors_come_to_who_waits() -> None:
    with pytest.raises(KindError, match="there is no function"):
        await patches_py.try_out(FOLDER, b"x = 1\n")


def test_no_end_of_a_process_waits_for_it() -> None:
    program = (
        "import asyncio, pathlib, threading; from nuvop import patches_py; patches_py.TIMEOUT = 0.1\n"
        f"asyncio.run(patches_py.try_out(pathlib.Path('x'), {FOR_EVER.encode()!r}))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    assert "x/patches.py: took longer than 0.1 s" in done.stderr
