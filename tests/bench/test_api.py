"""The benchmark's connections, to a server without TLS that closes idle ones."""

import http.client
import http.server
import json
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from lab.bench import api
from lab.bench.api import Api
from lab.bench.errors import BenchError


class Server(http.server.ThreadingHTTPServer):
    connections = 0

    def finish_request(self, *arguments: object) -> None:
        self.connections += 1
        super().finish_request(*arguments)  # type: ignore[arg-type]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60.0

    def answer(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        content = json.dumps({"method": self.command, "sent": sent, "type": self.headers["Content-Type"]}).encode()
        self.send_response(404 if "missing" in self.path else 200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815 – http.server's names

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        yield server
        server.shutdown()


@pytest.fixture
def client(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    def connect(_: Api, timeout: float | None) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=timeout)

    monkeypatch.setattr(Api, "_connect", connect)
    monkeypatch.setattr("ssl.create_default_context", lambda **_: None)
    with closing(Api("127.0.0.1", server.server_port, "a CA", "a token")) as client:
        yield client


def test_a_connection_is_used_again(client: Api, server: Server) -> None:
    for _ in range(3):
        client.get("x")

    assert server.connections == 1


def test_a_connection_that_was_idle_is_not(client: Api, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "IDLE_SECONDS", 0.3)
    monkeypatch.setattr(Handler, "timeout", 0.5)
    client.get("x")
    time.sleep(0.8)  # the server has closed it

    assert client.get("x")["method"] == "GET"
    assert server.connections == 2


def test_many_are_created_over_several_connections(client: Api, server: Server) -> None:
    client.create_all("x", [{"name": number} for number in range(40)])

    assert 1 <= server.connections <= api.CONNECTIONS


def test_a_patch_is_a_merge_patch(client: Api) -> None:
    found = client.merge("x", {"spec": 1})

    assert found == {"method": "PATCH", "sent": '{"spec": 1}', "type": "application/merge-patch+json"}


def test_an_error_is_told_with_the_answer(client: Api) -> None:
    with pytest.raises(BenchError, match=r"DELETE missing: 404 .*DELETE"):
        client.delete("missing")
    with pytest.raises(BenchError, match="POST missing"):
        client.create_all("missing", [{}])
