"""`nuvop plan` as a command, with a planner that knows the answer."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from nuvop.cli import COMMANDS
from nuvop.commands import plan as command
from nuvop.errors import NotResolved
from nuvop.kinds import Kind
from nuvop.objects import CRKey, ObjectKey
from nuvop.plan import Action, Plan, Planned, Plans
from tests.unit.world import make_kind, manifest

SAMPLES = make_kind(manifest("a"))
CREATED = Planned(Action.CREATE, "v1", ObjectKey("", "ConfigMap", "demo", "obj-a"))


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> None:
    async def of_kind(*_: Any) -> Plans:
        return Plans(("samples",), (Plan(CRKey("samples", "demo", "obj"), objects=(CREATED,)),))

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


@pytest.mark.parametrize(
    "name", ["samples", "Sample", "sam", "samples.nuvolaris", "samples.nuvolaris.org", "samples.v1.nuvolaris.org"]
)
def test_a_kind_is_called_as_by_kubectl(name: str) -> None:
    other = kind_of("example.org", plural="samplers", short_names=("smp",))
    assert command._named([other, SAMPLES], name) == SAMPLES


def test_a_kind_that_may_be_two_or_none_is_not_chosen() -> None:
    other = kind_of("example.org")
    for name, told in (
        ("samples", "--kind: 'samples' may be samples.nuvolaris.org or samples.example.org: say which"),
        ("", "--kind: '': there is no such kind; there are samples, samples"),
        ("samples.x", "--kind: 'samples.x': there is no such kind; there are samples, samples"),
    ):
        with pytest.raises(NotResolved) as error:
            command._named([SAMPLES, other], name)
        assert str(error.value) == told


def kind_of(group: str, plural: str = "samples", **names: Any) -> Kind:
    kind = SAMPLES
    resource = replace(kind.resource, group=group, plural=plural, kind=plural[:-1].capitalize())
    return replace(kind, crd=replace(kind.crd, resource=resource, singular=plural[:-1], **names))


def test_a_kind_without_a_name_is_none(tmp_path: Path) -> None:
    done = CliRunner().invoke(COMMANDS, ["plan", "--kind", ""], env={"KUBECONFIG": str(tmp_path / "none")})
    assert done.exit_code == 1
    assert "Error: " in done.output
    assert not isinstance(done.exception, AssertionError)
