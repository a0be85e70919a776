"""kopf's way to the API server: a session that carries the token of the moment in every request.

kopf would read a token once, and log in again on a 401; while it does so it closes the session under the requests of
its other tasks, which ends the operator. Here a refused token is waited out inside the request. So is what else kopf
ends the operator for: a list or a watch that is answered with an error of the client's. An answer that breaks off in
its middle is a broken connection like any other, which kopf waits out.
"""

import re
from http import HTTPStatus
from importlib.metadata import version

import aiohttp
import kopf

from nuvop.cluster import Trouble
from nuvop.connection import open_session
from nuvop.errors import ClusterError, LoginError
from nuvop.login import Credentials, Login

_OBJECTS = re.compile(r"/(api|apis/[^/]+)/[^/]+/(namespaces/[^/]+/)?[^/]+$")
"""Paths at which objects are listed and watched
(https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris); no discovery is among them."""

_KOPFS_OWN = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS)
"""Errors of the client's that kopf itself does not end for."""

_UNTIL_KOPF_KNOWS = (HTTPStatus.NOT_FOUND, HTTPStatus.GONE)
"""What is nothing unusual: the CRD is gone, and kopf, which hears of it in another watch, will end this one; and a
version that is too old."""


class _Authorization:
    """Middleware (https://docs.aiohttp.org/en/stable/client_middleware_cookbook.html) that adds the token."""

    def __init__(self, login: Login, credentials: Credentials) -> None:
        self._login = login
        self._credentials = credentials

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        trouble = Trouble(f"logging in to {self._credentials.server}")
        while True:
            try:
                token = self._credentials.token()
                if token is None:
                    return await handler(request)
                request.headers["Authorization"] = f"Bearer {token}"
                response = await handler(request)
                if response.status != 401:
                    trouble.over()
                    return response
                response.close()
                await trouble.wait(LoginError(f"the token of {self._credentials.source} is not accepted"))
                self._credentials = await self._login.refresh()
            except LoginError as error:
                await trouble.wait(error)


async def _whole(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Middleware that has an answer only when all of it is there; a watch goes on and is handed over as it comes."""
    response = await handler(request)
    is_stream = request.url.query.get("watch") == "true" and response.ok
    if not is_stream:
        try:
            await response.read()
        except aiohttp.ClientPayloadError as error:
            raise aiohttp.ClientConnectionError(f"the answer broke off: {error}") from error
    return response


class _Persistence:
    """Middleware that lists and watches until it works."""

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        response = await handler(request)
        if request.method != "GET" or not _OBJECTS.search(request.url.path):
            return response
        trouble = Trouble(f"listing and watching {request.url.path}")
        while 400 <= response.status < 500 and response.status not in _KOPFS_OWN:
            response.close()
            if response.status == HTTPStatus.GONE:
                # From what there is now; the same place in the history will not come back.
                request.url = request.url.without_query_params("resourceVersion", "continue")
            if response.status in _UNTIL_KOPF_KNOWS:
                await trouble.pause()
            else:
                await trouble.wait(ClusterError(f"{response.reason} ({response.status})", status=response.status))
            response = await handler(request)
        trouble.over()
        return response


async def kopf_session(login: Login) -> kopf.AiohttpSession:
    """Log kopf in; raise LoginError when there are no credentials."""
    credentials = await login.refresh()
    middlewares: list[aiohttp.ClientMiddlewareType] = [
        _whole,
        _Persistence(),
        _Authorization(login, credentials),
    ]
    session = open_session(credentials, user_agent=f"kopf/{version('kopf')}", middlewares=middlewares)
    return kopf.AiohttpSession(
        server=credentials.server, default_namespace=credentials.namespace, aiohttp_session=session
    )
