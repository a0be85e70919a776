"""What the tests of the doors (processes, credentials, API) share."""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from nuvop import cluster, settings, trouble
from nuvop.kubectl import Processes
from nuvop.login import Login

KUBECTL = str(Path(sys.executable).parent / "kubectl")
"""The pinned kubectl, for what only kubectl itself can do right: read a kubeconfig, build with kustomize."""


@pytest.fixture(autouse=True)
def _no_suicide(monkeypatch: pytest.MonkeyPatch) -> None:
    """killpg(0) would kill pytest, killpg(1) every process of the user; pytest-subprocess hands out such pids."""
    real = os.killpg

    def killpg(group: int, signal: int) -> None:
        assert group > 1, f"killpg({group})"
        real(group, signal)

    monkeypatch.setattr(os, "killpg", killpg)


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """A module may have its tests run in another event loop, its ``LOOP``."""
    module = item.getparent(pytest.Module)
    return {"loop": getattr(module and module.obj, "LOOP", asyncio.new_event_loop)}


# --- processes -------------------------------------------------------------------------------------------------------


@pytest.fixture
def processes() -> Iterator[Processes]:
    made = Processes()
    yield made
    made.close()


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie, which only waits for its parent, does not."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except ProcessLookupError:
        return False
    except FileNotFoundError:
        return Path("/proc").is_dir() is False  # no /proc here: the signal has found it
    return state not in "ZX"


def eventually(check: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Whether something becomes true before long."""
    end = time.monotonic() + seconds
    while not check():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def read_pids(file: Path, count: int) -> list[int]:
    """The process ids that a script has written, a line each."""
    assert eventually(lambda: file.exists() and len(file.read_text().split()) >= count, 20)
    return [int(line) for line in file.read_text().split()]


def script(file: Path, text: str) -> str:
    """An executable sh script."""
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o700)
    return str(file)


# --- credentials -----------------------------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without a kubeconfig, outside of any pod and behind no proxy."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    return folder


@pytest.fixture
def private(tmp_path: Path) -> Path:
    folder = tmp_path / "private"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def login(home: Path, private: Path, tmp_path: Path, processes: Processes) -> Login:
    """A login whose sources are the home's ``.kube/config`` and, inside a pod, ``tmp_path/account``."""
    variables = {"NUVOP_SERVICE_ACCOUNT": str(tmp_path / "account")}
    return Login(settings.from_environment(variables), processes, KUBECTL, private)


def write_kubeconfig(
    file: Path, user: Mapping[str, Any] | None = None, cluster: Mapping[str, Any] | None = None, **context: str
) -> Path:
    """A kubeconfig of one context; JSON is YAML."""
    file.parent.mkdir(parents=True, exist_ok=True)
    server = {"server": "https://api.example:6443"}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "clusters": [{"name": "prod", "cluster": {**server, **(cluster or {})}}],
        "users": [{"name": "jane", "user": user or {}}],
        "contexts": [{"name": "c", "context": {"cluster": "prod", "user": "jane", **context}}],
    }
    file.write_text(json.dumps(config))
    return file


# --- a counterpart for clients ---------------------------------------------------------------------------------------

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Seen:
    """A request as it came in."""

    what: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: bytes


class ApiServer:
    """Speaks just enough of the API server's protocol, over real connections.

    ``answers`` has a list for each request, as in ``GET /api/v1/pods`` or ``WATCH /api/v1/pods``. The answers are given
    one after the other; the last one is repeated, but a watch after the last one stays silent.
    """

    def __init__(self) -> None:
        self.answers: dict[str, list[Answer]] = {}
        self.requests: list[Seen] = []
        self.token: str | None = None
        self.port = 0
        self._runner: web.AppRunner | None = None
        self._stopping = asyncio.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Listen, after a `stop` on the same port as before."""
        self._stopping.clear()
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, shutdown_timeout=0.2, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        assert site._server is not None
        self.port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]

    async def stop(self) -> None:
        """End all connections."""
        self._stopping.set()
        if self._runner is not None:
            await self._runner.cleanup()

    def seen(self, what: str) -> list[Seen]:
        """The requests of one sort that came in so far."""
        return [request for request in self.requests if request.what == what]

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        verb = "WATCH" if request.query.get("watch") == "true" else request.method
        what = f"{verb} {request.path}"
        self.requests.append(Seen(what, dict(request.query), dict(request.headers), await request.read()))
        if self.token is not None and request.headers.get("Authorization") != f"Bearer {self.token}":
            return await status(401, "Unauthorized")(request)
        answers = self.answers.get(what, [])
        if verb == "WATCH":
            return await (answers.pop(0) if answers else self.events(then="hang"))(request)
        if not answers:
            return await status(404, f"no answer to {what}")(request)
        return await (answers.pop(0) if len(answers) > 1 else answers[0])(request)

    def events(self, *events: Mapping[str, Any] | bytes, then: str = "end") -> Answer:
        """A watch: events, and then its end, a ``cut`` connection, or silence (``hang``)."""

        async def answer(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse(headers={"Content-Type": "application/json"})
            await response.prepare(request)
            for event in events:
                await response.write(event if isinstance(event, bytes) else json.dumps(event).encode() + b"\n")
            if then == "cut":
                await asyncio.sleep(0.02)  # what was written must be on its way
                assert request.transport is not None
                request.transport.abort()
            elif then == "hang":
                await self._stopping.wait()
            return response

        return answer


def plain(text: str, code: int = 200, content_type: str = "text/html") -> Answer:
    """An answer as it stands, such as a proxy's."""

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(text=text, status=code, content_type=content_type)

    return answer


def reply(body: Mapping[str, Any], code: int = 200) -> Answer:
    """A JSON object."""
    return plain(json.dumps(body), code, "application/json")


def status(code: int, message: str, **details: Any) -> Answer:
    """An error as the API server puts it."""
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code}
    return reply({**body, "details": details}, code)


@pytest.fixture
async def api() -> AsyncIterator[ApiServer]:
    server = ApiServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts follow each other fast."""
    monkeypatch.setattr(trouble, "RETRY_DELAYS", (0.01,))
    monkeypatch.setattr(trouble, "SOMEBODYS_DELAYS", ())
    monkeypatch.setattr(cluster, "RECONNECT_DELAY", 0.01)
