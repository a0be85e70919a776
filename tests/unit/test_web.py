"""What is served over HTTP, and where."""

import asyncio
import socket
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from nuvop import health, web
from nuvop.errors import SettingsError
from nuvop.health import Check
from nuvop.metrics import Metrics
from nuvop.settings import Address
from nuvop.web import Server
from tests.unit.conftest import eventually

LOCAL = Address("127.0.0.1", 0)


def fetch(port: int, path: str = "/metrics", host: str = "127.0.0.1") -> tuple[int, str]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{host}:{port}{path}", timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.fixture
def server() -> Iterator[Server]:
    server = web.serve(LOCAL, {"/metrics": Metrics().page})
    yield server
    server.close()


def test_each_page_is_at_its_path(server: Server) -> None:
    code, text = fetch(server.port)
    assert (code, "nuvop_applies_total" in text) == (200, True)
    for path in ("/", "/metric", "/metrics/", "/../metrics"):
        assert fetch(server.port, path) == (404, "There are /metrics.\n")


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_an_ipv6_address() -> None:
    server = web.serve(Address("::1", 0), {"/metrics": Metrics().page})
    try:
        assert fetch(server.port, host="[::1]")[0] == 200
    finally:
        server.close()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere 127.0.0.2 is no address of this machine")
def test_only_the_address_that_was_asked_for_is_listened_at(server: Server) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.2", server.port))  # taken where all addresses are listened at


def test_an_empty_host_is_all_addresses() -> None:
    server = web.serve(Address("", 0), {"/metrics": Metrics().page})
    try:
        assert fetch(server.port)[0] == 200
        if socket.has_dualstack_ipv6():
            assert fetch(server.port, host="[::1]")[0] == 200
    finally:
        server.close()


def test_closing_frees_the_port_and_ends_the_thread() -> None:
    before = threading.active_count()
    server = web.serve(LOCAL, {"/metrics": Metrics().page})
    port = server.port
    fetch(port)
    server.close()
    with pytest.raises(urllib.error.URLError):
        fetch(port)
    assert threading.active_count() == before
    web.serve(Address("127.0.0.1", port), {}).close()


@pytest.mark.parametrize("said", [b"", b"GET /metr", b"GET /metrics HTTP/1.1\r\nA: b\r\n"])
def test_who_says_nothing_more_is_hung_up_on(
    server: Server, said: bytes, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Each connection holds a thread."""
    assert web._Quiet.timeout
    monkeypatch.setattr(web._Quiet, "timeout", 0.1)
    before = threading.active_count()
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as silent:
        silent.sendall(said)
        assert silent.recv(1) == b""
    assert eventually(lambda: threading.active_count() == before)
    assert fetch(server.port)[0] == 200
    assert capfd.readouterr().err == ""


def test_a_port_in_use_is_named(server: Server) -> None:
    with pytest.raises(SettingsError) as raised:
        web.serve(Address("127.0.0.1", server.port), {})
    assert str(raised.value) == f"NUVOP_HTTP: '127.0.0.1:{server.port}': Address already in use"


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "no-such-host.invalid", "a" * 64 + ".example"])
def test_an_address_that_is_not_this_machines_is_named(host: str) -> None:
    address = Address(host, 9090)
    with pytest.raises(SettingsError) as raised:
        web.serve(address, {})
    assert str(raised.value).startswith(f"NUVOP_HTTP: '{address}': ")


# --- health ----------------------------------------------------------------------------------------------------------


async def asked(*checks: Check) -> tuple[int, str]:
    async def look() -> list[Check]:
        return list(checks)

    server = web.serve(LOCAL, {"/readyz": health.page(asyncio.get_running_loop(), look)})
    try:
        return await asyncio.to_thread(fetch, server.port, "/readyz")
    finally:
        server.close()


async def test_all_is_well() -> None:
    assert await asked(Check("a"), Check("b")) == (200, "[+]a ok\n[+]b ok\n")


async def test_something_is_not_well() -> None:
    assert await asked(Check("a"), Check("b", "it is gone")) == (503, "[+]a ok\n[-]b failed: it is gone\n")


async def test_an_event_loop_that_does_not_come_to_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "PATIENCE", 0.1)
    loop = asyncio.get_running_loop()
    server = web.serve(LOCAL, {"/healthz": health.page(loop, health.alive)})
    found: list[tuple[int, str]] = []
    thread = threading.Thread(target=lambda: found.append(fetch(server.port, "/healthz")))
    thread.start()
    thread.join()  # which blocks the loop
    server.close()
    assert found == [(503, "[-]loop failed: it has not answered in 0.1 s\n")]
    await asyncio.sleep(0)


async def test_who_asks_while_the_operator_ends_is_told_so(capfd: pytest.CaptureFixture[str]) -> None:
    async def look() -> list[Check]:
        raise asyncio.CancelledError  # as asyncio.run does to what is left

    server = web.serve(LOCAL, {"/readyz": health.page(asyncio.get_running_loop(), look)})
    try:
        found = await asyncio.to_thread(fetch, server.port, "/readyz")
    finally:
        server.close()
    assert found == (503, "[-]loop failed: the operator ends\n")
    assert "Traceback" not in capfd.readouterr().err
