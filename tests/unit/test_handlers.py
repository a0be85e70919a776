"""How an operator learns in which mode it runs."""

from types import SimpleNamespace
from typing import Any

import click
import pytest

from nuvop import handlers
from nuvop.rbac import Mode


def mode(namespaces: tuple[str, ...] | None = None, **peering: Any) -> Any:
    """The mode within kopf's command; outside of any where ``namespaces`` is None."""
    is_wide = not namespaces and namespaces is not None
    known = {"clusterwide": is_wide, "mandatory": False, "standalone": False, "name": "default", **peering}
    settings: Any = SimpleNamespace(peering=SimpleNamespace(**known))
    if namespaces is None:
        return handlers._mode(settings)
    context = click.Context(click.Command("run"))
    context.params["namespaces"] = namespaces
    with context:
        return handlers._mode(settings)


def test_the_mode_is_that_of_the_command() -> None:
    assert mode(()) == Mode()
    assert mode(("a", "b-*")) == Mode(("a", "b-*"))


def test_a_peering_counts_where_it_was_asked_for() -> None:
    assert mode(("a",), mandatory=True, name="mine") == Mode(("a",), "mine")
    assert mode(("a",), mandatory=True, standalone=True, name="mine") == Mode(("a",))


def test_kopfs_older_variable_names_a_namespace_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOPF_RUN_NAMESPACE", "old")
    assert mode(("a",)) == Mode(("a", "old"))
    assert mode(()) == Mode(("old",))


def test_outside_of_any_command_it_is_not_known() -> None:
    assert mode(None) is None
    assert mode(None, clusterwide=True) == Mode()
