"""`nuvop plan` as a command, with a planner that knows the answer."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from nuvop.cli import COMMANDS
from nuvop.commands import plan as command
from nuvop.crd import ResourceType
from nuvop.objects import CRKey, ObjectKey
from nuvop.plan import Action, Plan, Planned, Plans

SAMPLES = ResourceType("nuvolaris.org", "v1", "Sample", "samples")
CREATED = Planned(Action.CREATE, "v1", ObjectKey("", "ConfigMap", "demo", "obj-a"))


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> None:
    async def of_kind(*_: Any) -> Plans:
        return Plans((SAMPLES,), (Plan(CRKey("samples", "demo", "obj"), objects=(CREATED,)),))

    monkeypatch.setattr(command, "_of_kind", of_kind)


@pytest.mark.usefixtures("answered")
@pytest.mark.parametrize(
    ("variables", "arguments", "is_coloured"),
    [
        ({}, ["--color"], True),
        ({"NO_COLOR": "1"}, ["--color"], True),
        ({"NO_COLOR": "1"}, [], False),
        ({}, ["--no-color"], False),
    ],
)
def test_the_last_word_on_colours(variables: dict[str, str], arguments: list[str], is_coloured: bool) -> None:
    done = CliRunner().invoke(COMMANDS, ["plan", "--kind", "samples", *arguments], env=variables)
    assert done.exit_code == 2
    assert ("\x1b[32m" in done.output) == is_coloured


def test_a_kind_without_a_name_is_none(tmp_path: Path) -> None:
    done = CliRunner().invoke(COMMANDS, ["plan", "--kind", ""], env={"KUBECONFIG": str(tmp_path / "none")})
    assert done.exit_code == 1
    assert "Error: " in done.output
    assert not isinstance(done.exception, AssertionError)
