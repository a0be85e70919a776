"""What the environment may say, and what nuvop answers to what it cannot understand."""

from pathlib import Path

import pytest

from nuvop import settings
from nuvop.errors import SettingsError
from nuvop.settings import Address


@pytest.mark.parametrize("environment", [{}, dict.fromkeys(("NUVOP_KINDS", "NUVOP_HTTP", "NUVOP_PRUNE_LIMIT"), "")])
def test_what_is_not_set(environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert settings.from_environment(environment) == settings.Settings(
        kinds=(tmp_path / "kustomize",),
        generated=tmp_path / "generated",
        service_account=settings.SERVICE_ACCOUNT,
        http=None,
        prune_limit=50,
    )


def test_paths_are_relative_to_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    read = settings.from_environment({"NUVOP_KINDS": "mine:/other", "NUVOP_GENERATED": "/run/out"})
    assert (read.kinds, read.generated) == ((tmp_path / "mine", Path("/other")), Path("/run/out"))


@pytest.mark.parametrize(
    ("value", "host", "port"),
    [
        ("127.0.0.1:9090", "127.0.0.1", 9090),
        (":9090", "", 9090),
        ("[::1]:9090", "::1", 9090),
        ("[::]:1", "::", 1),
        ("localhost:65535", "localhost", 65535),
    ],
)
def test_where_it_is_served(value: str, host: str, port: int) -> None:
    address = settings.from_environment({"NUVOP_HTTP": value}).http
    assert address == Address(host, port)
    assert str(address) == value


@pytest.mark.parametrize(
    "value",
    [
        *("9090", "localhost", "localhost:", ":", "::1:9090", "[]:9090", "[::1]", "[127.0.0.1]:9090", "[::g]:9090"),
        *(":0", ":65536", ":99999999999999999999", ":-1", ":http", ":٩٠٩٠", " :9090", ":9090\n", "a b:9090"),
        *("http://localhost:9090", "localhost:9090/metrics", "me@localhost:9090", "on"),
    ],
)
def test_a_wrong_address_is_named(value: str) -> None:
    with pytest.raises(SettingsError) as raised:
        settings.from_environment({"NUVOP_HTTP": value})
    assert str(raised.value).startswith(f"NUVOP_HTTP: {value!r} ")


@pytest.mark.parametrize("percent", [1, 20, 100])
def test_a_prune_limit(percent: int) -> None:
    assert settings.from_environment({"NUVOP_PRUNE_LIMIT": str(percent)}).prune_limit == percent


@pytest.mark.parametrize("value", ["0", "101", "1000", "-1", "50%", "0.5", "half", " 50", "5_0", "50\n", "५२", "+50"])
def test_a_wrong_prune_limit_is_named(value: str) -> None:
    with pytest.raises(SettingsError) as raised:
        settings.from_environment({"NUVOP_PRUNE_LIMIT": value})
    assert str(raised.value).startswith(f"NUVOP_PRUNE_LIMIT: {value!r} ")
