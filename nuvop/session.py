"""kopf's way to the API server: a session that carries the token of the moment in every request.

kopf would read a token once, and log in again on a 401; while it does so it closes the session under the requests of
its other tasks, which ends the operator. Here a refused token is waited out inside the request.
"""

import aiohttp
import kopf

from nuvop.cluster import Trouble
from nuvop.errors import LoginError
from nuvop.login import Credentials, Login


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


async def kopf_session(login: Login) -> kopf.AiohttpSession:
    """Log kopf in; raise LoginError when there are no credentials."""
    credentials = await login.refresh()
    info = kopf.ConnectionInfo(
        server=credentials.server,
        ca_data=credentials.ca,
        insecure=credentials.insecure,
        username=credentials.username,
        password=credentials.password,
        certificate_data=credentials.client_certificate,
        private_key_data=credentials.client_key,
    )
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=info.as_ssl_context()),
        headers=info.as_http_headers(),
        middlewares=[_Authorization(login, credentials)],
        proxy=credentials.proxy,
        trust_env=credentials.may_use_proxies,
    )
    return kopf.AiohttpSession(
        server=credentials.server, default_namespace=credentials.namespace, aiohttp_session=session
    )
