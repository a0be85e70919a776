"""Answers HTTP requests from a thread of its own, where the setting NUVOP_HTTP says so: pages of text by their path."""

import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client.exposition import ThreadingWSGIServer

from nuvop.errors import SettingsError
from nuvop.settings import HTTP, Address

Page = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
"""A WSGI application (https://peps.python.org/pep-3333/)."""


class Server:
    """A running HTTP server; each request has a thread of its own."""

    def __init__(self, server: WSGIServer) -> None:
        """``server`` listens already."""
        self._server = server
        self._thread = threading.Thread(target=server.serve_forever, name="http", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The port it listens at."""
        return int(self._server.server_port)

    def close(self) -> None:
        """Stop listening; return when the thread has ended, in half a second at most."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def serve(address: Address, pages: Mapping[str, Page]) -> Server:
    """Serve pages, each at its path, until the server is closed.

    Raises SettingsError where nobody can listen there: the port is in use, the address is not this machine's.
    """
    # A socket for `::` takes IPv4 too where the machine has both.
    host = address.host or ("::" if socket.has_dualstack_ipv6() else "0.0.0.0")  # noqa: S104 – asked for by an empty host
    try:
        family = socket.getaddrinfo(host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        listening = type("Listening", (ThreadingWSGIServer,), {"address_family": family})
        return Server(make_server(host, address.port, _routed(pages), listening, _Quiet))
    except (OSError, UnicodeError) as error:  # the latter of a host name that cannot be one
        reason = error.strerror if isinstance(error, OSError) else error
        raise SettingsError(f"{HTTP}: '{address}': {reason}") from error


class _Quiet(WSGIRequestHandler):
    timeout = 10
    """Seconds of silence after which a connection is closed, which holds a thread."""

    def handle(self) -> None:
        """Answer a request, if one comes."""
        with suppress(TimeoutError):
            super().handle()

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: a probe asks every few seconds."""


def _routed(pages: Mapping[str, Page]) -> Page:
    def route(request: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        page = pages.get(request.get("PATH_INFO", "/"))
        if page is not None:
            return page(request, start)
        start("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
        return [f"There are {', '.join(pages)}.\n".encode()]

    return route
