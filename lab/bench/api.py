"""The benchmark's own connections to an API server.

http.client, because it is the leanest: the benchmark shares the processors with what it measures.
"""

from __future__ import annotations

import http
import http.client
import json
import socket
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from lab.bench.errors import BenchError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lab.bench.workload import Body

CONNECTIONS = 4
"""How many create at once. More would only take processor time from the contestant."""

SECONDS = 60.0
IDLE_SECONDS = 20.0
"""After so long without a request a connection is opened anew: the server closes idle ones, after about 90 s."""
WATCH_SECONDS = 24 * 3600
"""How long the server is to keep a watch open: longer than any benchmark."""


class Api:
    """Requests to the API server at `address`:`port`, with a bearer token, over one connection a thread.

    Paths have no leading slash. Raises BenchError with the server's own message, OSError where nothing answers.
    """

    def __init__(self, address: str, port: int, ca: str, token: str) -> None:
        self._address, self._port = address, port
        self._tls = ssl.create_default_context(cadata=ca)
        self._headers = {"Authorization": f"Bearer {token}", "User-Agent": "nuvop-bench"}
        self._of_thread = threading.local()
        self._opened: list[http.client.HTTPSConnection] = []

    def close(self) -> None:
        """Close the connections of all threads; none of them may be at work."""
        for connection in self._opened:
            connection.close()

    def get(self, path: str) -> Body:
        """An object or a list."""
        return self._request("GET", path)

    def create(self, path: str, body: Body) -> Body:
        """Create an object; `path` is that of its collection."""
        return self._request("POST", path, body)

    def create_all(self, path: str, bodies: Iterable[Body]) -> None:
        """Create objects as fast as the server takes them, over several connections."""
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            for _ in pool.map(lambda body: self.create(path, body), bodies):
                pass  # to see the error of each

    def merge(self, path: str, patch: Body) -> Body:
        """Change an object by a JSON merge patch; `path` ends with its name, or with a subresource."""
        return self._request("PATCH", path, patch)

    def delete(self, path: str) -> None:
        """Delete an object; `path` ends with its name."""
        self._request("DELETE", path)

    @contextmanager
    def watching(self, path: str, resource_version: str) -> Iterator[Iterator[bytes]]:
        """The events after a version, a line of JSON each, as they come, in any thread, to the end of the block."""
        query = {"watch": "1", "resourceVersion": resource_version, "timeoutSeconds": str(WATCH_SECONDS)}
        connection = self._connect(None)
        connection.request("GET", f"/{path}?{urlencode(query)}", headers=self._headers)
        open_socket = connection.sock
        answer = connection.getresponse()
        if answer.status != http.HTTPStatus.OK:
            raise BenchError(f"watch {path}: {answer.status} {answer.read().decode(errors='replace')[:500]}")
        try:
            yield iter(answer.readline, b"")
        finally:
            with suppress(OSError):  # the server was faster
                # A thread that reads sees the end; close() alone would leave it waiting.
                open_socket.shutdown(socket.SHUT_RDWR)
            answer.close()
            connection.close()

    def _connect(self, timeout: float | None) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(self._address, self._port, timeout=timeout, context=self._tls)

    def _reused(self) -> http.client.HTTPSConnection:
        """This thread's connection."""
        kept, now = self._of_thread, time.monotonic()
        if now - getattr(kept, "used", float("-inf")) >= IDLE_SECONDS:
            if hasattr(kept, "connection"):
                kept.connection.close()
            kept.connection = self._connect(SECONDS)
            self._opened.append(kept.connection)
        kept.used = now
        connection: http.client.HTTPSConnection = kept.connection
        return connection

    def _request(self, method: str, path: str, body: Body | None = None) -> Body:
        connection = self._reused()
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        content = None if body is None else json.dumps(body)
        try:
            connection.request(method, f"/{path}", content, {**self._headers, "Content-Type": kind})
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()  # the next request opens it anew
            raise
        if answer.status >= http.HTTPStatus.BAD_REQUEST:
            raise BenchError(f"{method} {path}: {answer.status} {text.decode(errors='replace')[:500]}")
        found: Body = json.loads(text)
        return found
