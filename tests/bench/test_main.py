import shutil

import pytest
from click.testing import CliRunner

from lab.bench import __main__, place
from lab.bench.__main__ import main
from lab.bench.errors import BenchError


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--contestants", "nuvop,helm", "helm: use some of nuvop,by-hand,kubectl-each,kro,flux"),
        ("--n", "100,many", "'100,many': use whole numbers"),
        ("--n", "1", "'1': use whole numbers from 2 on"),
        ("--samples", "1", "not in the range x>=2"),
    ],
)
def test_a_bad_option_is_told_with_its_value(option: str, value: str, told: str) -> None:
    done = CliRunner().invoke(main, [option, value])

    assert done.exit_code == 2
    assert told in " ".join(done.output.split())


@pytest.mark.parametrize(("what", "disk", "memory"), [("disk", 1, 10**12), ("memory", 10**12, 1)])
def test_too_small_a_machine_is_told_before_anything_is_made(
    monkeypatch: pytest.MonkeyPatch, what: str, disk: int, memory: int
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(2 * disk, disk, disk))
    monkeypatch.setattr(__main__, "available_memory", lambda: memory)
    place.FILES.mkdir(parents=True, exist_ok=True)

    with pytest.raises(BenchError, match=f"GB of {what}"):
        __main__._check_machine()
