"""kopf's way to the API server: a session that carries the token of the moment in every request.

kopf would read a token once, and log in again on a 401; while it does so it closes the session under the requests of
its other tasks, which ends the operator. Here a refused token is waited out inside the request. So is what else kopf
ends the operator for: a list or a watch that is answered with an error of the client's, and a watch that ends in an
error. An answer that breaks off in its middle, or does not come, is a broken connection like any other, which kopf
waits out. Of an object that is nested too deep for Python it gets as much as it can read.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

import aiohttp
import kopf
import orjson

from nuvop.connection import Counting, Told, lines, open_session
from nuvop.errors import ClusterError, LoginError
from nuvop.login import Credentials, Login
from nuvop.shallow import shallow
from nuvop.trouble import Trouble

_OBJECTS = re.compile(r"/(api|apis/[^/]+)/[^/]+/(namespaces/[^/]+/)?[^/]+$")
"""Paths at which objects are listed and watched
(https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris); no discovery is among them."""

ANSWER_WITHIN = 60.0
"""Seconds until a request that is no watch is sent anew, for its connection may be dead. kopf's own 5 minutes are for
all attempts. The API server itself ends what takes longer than this
(https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/, --request-timeout)."""

_KOPFS_OWN = (HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS)
"""Errors of the client's that kopf itself does not end for. Nor for 403; but it would say that at each attempt."""

_UNTIL_KOPF_KNOWS = (HTTPStatus.NOT_FOUND, HTTPStatus.GONE)
"""What is nothing unusual: the CRD is gone, and kopf, which hears of it in another watch, will end this one; and a
version that is too old."""


class _Authorization:
    """Middleware (https://docs.aiohttp.org/en/stable/client_middleware_cookbook.html) that adds the token."""

    def __init__(self, login: Login, credentials: Credentials) -> None:
        self._login = login
        self._credentials = credentials
        self._renewing = asyncio.Lock()
        self._trouble = Trouble(f"logging in to {credentials.server}")
        """Of all requests: what one of them meets, all do."""

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        while True:
            try:
                credentials = self._credentials
                token = credentials.token()
                if token is None:
                    return await handler(request)
                request.headers["Authorization"] = f"Bearer {token}"
                response = await handler(request)
                if response.status != 401:
                    self._trouble.over()
                    return response
                response.close()
                await self._renew(credentials)
            except LoginError as error:
                await self._trouble.wait(error)

    async def _renew(self, refused: Credentials) -> None:
        """Wait and log in anew, unless somebody has since ``refused`` was used: all watches are refused at once."""
        async with self._renewing:
            if self._credentials is refused:
                await self._trouble.wait(LoginError(f"the token of {refused.source} is not accepted"))
                self._credentials = await self._login.refresh()


async def _whole(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Middleware that has an answer only when all of it is there, in time, and no deeper than kopf can read it; a watch
    goes on and is handed over as it comes.
    """
    async with asyncio.timeout(None if _is_watch(request) else ANSWER_WITHIN):
        response = await handler(request)
        if not (_is_watch(request) and response.ok):
            try:
                # It keeps what it has read for whoever asks it for JSON.
                response._body = shallow(await response.read())
            except aiohttp.ClientPayloadError as error:
                raise aiohttp.ClientConnectionError(f"the answer broke off: {error}") from error
    return response


class _Events:
    """A watch's events, one a line, as kopf reads them: an ERROR event becomes one that kopf lists anew for.

    client-go's reflector does likewise, whatever the error
    (https://github.com/kubernetes/client-go/blob/v0.36.0/tools/cache/reflector.go).
    """

    def __init__(self, stream: aiohttp.StreamReader, trouble: Trouble) -> None:
        self._stream = stream
        self._trouble = trouble

    def __getattr__(self, name: str) -> Any:
        # aiohttp tells the stream of its connection's end.
        return getattr(self._stream, name)

    async def iter_chunked(self, _: int) -> AsyncIterator[bytes]:
        async for line in lines(self._stream):
            error = _error_in(line)
            if error is None:
                self._trouble.over()
                yield shallow(line) + b"\n"
                continue
            if error.status != HTTPStatus.GONE:
                await self._trouble.wait(error)
            yield orjson.dumps({"type": "ERROR", "object": {"code": HTTPStatus.GONE}}) + b"\n"
            return


def _error_in(event: bytes) -> ClusterError | None:
    """What an ERROR event says; None for every other event, which is not parsed: its type comes first in its line."""
    if b'"ERROR"' not in event[:32]:
        return None
    said = orjson.loads(event).get("object") or {}
    code = said.get("code", 0)
    return ClusterError(f"{said.get('message') or said.get('reason') or 'an ERROR event'} ({code})", status=code)


class _Persistence:
    """Middleware that lists and watches until it works."""

    def __init__(self) -> None:
        self._refusals: dict[str, Trouble] = {}
        """With each path: they outlast the single request, for what is refused now and then would fill the log."""
        self._broken: dict[str, Trouble] = {}
        """With each watch, which may open well each time and then end in an error."""

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        response = await handler(request)
        path = request.url.path
        if request.method != "GET" or not _OBJECTS.search(path):
            return response
        trouble = self._refusals.setdefault(path, Trouble(f"listing and watching {path}"))
        while 400 <= response.status < 500 and response.status not in _KOPFS_OWN:
            response.close()
            if response.status == HTTPStatus.GONE:
                # From what there is now; the same place in the history will not come back.
                request.url = request.url.without_query_params("resourceVersion", "continue")
            if response.status in _UNTIL_KOPF_KNOWS:
                await trouble.pause()
            else:
                error = ClusterError(f"{response.reason} ({response.status})", status=response.status)
                await trouble.wait(error, is_somebodys=response.status == HTTPStatus.FORBIDDEN)
            response = await handler(request)
        if response.ok:
            trouble.over()
        if _is_watch(request) and response.ok:
            within = self._broken.setdefault(path, Trouble(f"watching {path}"))
            response.content = _Events(response.content, within)  # type: ignore[assignment]  # all that is used of one
        return response


def _is_watch(request: aiohttp.ClientRequest) -> bool:
    return request.url.query.get("watch") == "true"


async def kopf_session(login: Login, tell: Told) -> kopf.AiohttpSession:
    """Log kopf in, and ``tell`` of each of its requests; raise LoginError when there are no credentials."""
    credentials = await login.refresh()
    middlewares: list[aiohttp.ClientMiddlewareType] = [
        _Persistence(),
        _Authorization(login, credentials),
        _whole,
        Counting(tell),
    ]
    session = open_session(credentials, login.refresh, user_agent=f"kopf/{version('kopf')}", middlewares=middlewares)
    return kopf.AiohttpSession(
        server=credentials.server, default_namespace=credentials.namespace, aiohttp_session=session
    )
