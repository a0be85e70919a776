"""The way to the API server: an HTTP session made of credentials. kopf and `nuvop.cluster` each have one of their own.

It is aiohttp's, which kopf uses too: a request costs a third of the processor time that it takes with httpx.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import aiohttp
import kopf

from nuvop.errors import LoginError
from nuvop.login import Credentials

READ_AGAIN_AFTER = 10.0
"""Seconds until the authority is read again that still is not the server's: for that, kubectl is started."""

Read = Callable[[], Awaitable[Credentials]]
"""Reads the credentials anew; raises LoginError where there are none."""


def open_session(
    credentials: Credentials,
    read: Read,
    *,
    user_agent: str,
    middlewares: Sequence[aiohttp.ClientMiddlewareType] = (),
) -> aiohttp.ClientSession:
    """Return a session with the credentials' certificates or password; a token is for each request to bring.

    Their authority is ``read`` anew where the server's certificate is another one's. Raises LoginError where the
    certificates or the key cannot be used.
    """
    if credentials.ca is not None and "-----BEGIN " not in credentials.ca:
        # kopf would take it for base64 of nothing, and trust the machine's own authorities.
        raise LoginError(f"{credentials.source}: its certificate authority is no certificate in PEM")
    info = kopf.ConnectionInfo(
        server=credentials.server,
        ca_data=credentials.ca,
        insecure=credentials.insecure,
        username=credentials.username,
        password=credentials.password,
        certificate_data=credentials.client_certificate,
        private_key_data=credentials.client_key,
    )
    try:
        tls = info.as_ssl_context()
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise LoginError(f"{credentials.source}: its certificates or key cannot be used: {error}") from error
    return aiohttp.ClientSession(
        # Each watch holds a connection for as long as it lasts.
        connector=aiohttp.TCPConnector(limit=0, ssl=tls),
        headers={**info.as_http_headers(), "User-Agent": user_agent},
        middlewares=[*middlewares, _Trust(tls, credentials, read)],
        proxy=credentials.proxy,
        trust_env=credentials.may_use_proxies,
    )


class _Trust:
    """Middleware that trusts the authority that is written by now, beside the one before, where that is not enough.

    Authorities are replaced, and an API server may come back with the certificate of a new one.
    """

    def __init__(self, tls: ssl.SSLContext, credentials: Credentials, read: Read) -> None:
        self._tls = tls
        self._trusted = credentials
        self._read = read
        self._reading = asyncio.Lock()
        self._read_at = float("-inf")

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        trusted = self._trusted
        try:
            return await handler(request)
        except aiohttp.ClientConnectorCertificateError:
            async with self._reading:
                # Others may have met, and mended, the same meanwhile.
                if self._trusted is trusted and not await self._trust_anew():
                    raise
            return await handler(request)

    async def _trust_anew(self) -> bool:
        """Trust another authority, if one is written by now; return whether it is. Raises LoginError."""
        now = asyncio.get_running_loop().time()
        if now - self._read_at < READ_AGAIN_AFTER:
            return False
        self._read_at = now
        credentials = await self._read()
        if credentials.ca is None or credentials.ca == self._trusted.ca:
            return False
        try:
            self._tls.load_verify_locations(cadata=credentials.ca)
        except (OSError, ValueError) as error:
            raise LoginError(f"{credentials.source}: its certificates cannot be used: {error}") from error
        self._trusted = credentials
        return True


Told = Callable[[str, str], None]
"""Takes in a request's method, and its answer's status; an empty one where there was no answer."""


class Counting:
    """Middleware that tells of each request."""

    def __init__(self, tell: Told) -> None:
        """``tell`` is called when the answer begins."""
        self._tell = tell

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Send a request, and tell of it."""
        code = ""
        try:
            response = await handler(request)
            code = str(response.status)
            return response
        finally:
            self._tell(request.method, code)


async def lines(stream: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """The lines of a stream; aiohttp's own way refuses lines that are as long as a large object's."""
    rest: list[bytes] = []
    async for chunk in stream.iter_any():
        *ended, begun = chunk.split(b"\n")
        for line in ended:
            yield b"".join([*rest, line])
            rest = []
        rest.append(begun)
