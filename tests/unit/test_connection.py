"""What is made of credentials before the first request, and when the server's authority is another one."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from nuvop import connection
from nuvop.connection import open_session
from nuvop.errors import LoginError
from nuvop.login import Credentials

CERTIFICATES = {name: Path(__file__).parent / f"certificates/{name}.pem" for name in ("one", "two")}
"""Each signed by itself, for 127.0.0.1, with its key."""


async def nothing_new() -> Credentials:
    raise AssertionError("nobody asks")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"ca": "\0\0\0"}, "its certificate authority is no certificate"),
        ({"ca": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}, "cannot be used"),
        ({"client_certificate": "x", "client_key": "y"}, "cannot be used"),
    ],
)
async def test_certificates_that_are_none(wrong: dict[str, str], said: str) -> None:
    credentials = Credentials(source="kubeconfig x", server="https://127.0.0.1:1", namespace="default", **wrong)  # type: ignore[arg-type]
    with pytest.raises(LoginError, match=said) as raised:
        open_session(credentials, nothing_new, user_agent="x")
    assert str(raised.value).startswith("kubeconfig x: ")


async def test_without_an_authority_the_machines_own_count() -> None:
    credentials = Credentials(source="kubeconfig x", server="https://127.0.0.1:1", namespace="default")
    session = open_session(credentials, nothing_new, user_agent="nuvop/1")
    assert session.headers["User-Agent"] == "nuvop/1"
    await session.close()


class Tls:
    """A server with a certificate, and the credentials that are written somewhere."""

    def __init__(self) -> None:
        self.port = 0
        self.trusted = "one"
        self.reads = 0

    def credentials(self) -> Credentials:
        url, ca = f"https://127.0.0.1:{self.port}", CERTIFICATES[self.trusted].read_text()
        return Credentials(source="kubeconfig x", server=url, namespace="default", ca=ca)

    async def read(self) -> Credentials:
        self.reads += 1
        return self.credentials()

    @asynccontextmanager
    async def serving(self, name: str) -> AsyncIterator[None]:
        async def answer(_: web.BaseRequest) -> web.Response:
            return web.Response()

        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(CERTIFICATES[name])
        runner = web.ServerRunner(web.Server(answer))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port, ssl_context=context, reuse_address=True).start()
        self.port = runner.addresses[0][1]
        yield
        await runner.cleanup()


async def test_an_authority_that_is_another_one_by_now_is_read_anew() -> None:
    tls = Tls()
    async with tls.serving("one"):
        session = open_session(tls.credentials(), tls.read, user_agent="x")
        url = tls.credentials().server
        assert (await session.get(url)).status == 200
    tls.trusted = "two"
    async with session, tls.serving("two"):
        answers = await asyncio.gather(*(session.get(url) for _ in range(5)))
        assert [answer.status for answer in answers] == [200] * 5
    assert tls.reads == 1, "all needed the same"


async def test_an_authority_that_stays_wrong_is_not_read_with_each_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """To read it may take a process."""
    tls = Tls()
    async with tls.serving("two"), open_session(tls.credentials(), tls.read, user_agent="x") as session:
        for _ in range(3):
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await session.get(tls.credentials().server)
        assert tls.reads == 1
        monkeypatch.setattr(connection, "READ_AGAIN_AFTER", 0.0)
        tls.trusted = "two"
        assert (await session.get(tls.credentials().server)).status == 200
    assert tls.reads == 2
