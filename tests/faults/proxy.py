"""A proxy before the API server that does what networks and API servers do on bad days.

    operator, kopf, kubectl ──▶ Proxy (127.0.0.1) ──▶ API server
                                  └── Faults: which requests, what becomes of them, how often

It passes tokens on, and streams what it does not touch, watches too. Its certificate is the cluster's own
administrator's, which kwokctl makes for 127.0.0.1 as well, so a kubeconfig differs from the cluster's by its URL alone.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lab.controlplane import Cluster

HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "host", "upgrade"})
"""What speaks of one connection and not of the message (RFC 9110, section 7.6.1)."""

VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}

START_SECONDS = 10.0

LAST_WORDS = 0.2
"""Seconds in which TLS connections end once aiohttp has closed them."""


@dataclass(frozen=True)
class Asked:
    """A request, as the API server's audit log would name it. ``agent`` is who asks: nuvop, kopf or kubectl."""

    verb: str
    group: str
    resource: str
    namespace: str
    name: str
    subresource: str
    agent: str

    @property
    def is_write(self) -> bool:
        """Whether it changes anything: one that asks for rights is a create, and does not."""
        return self.verb in VERBS.values() and self.group != "authorization.k8s.io"


def asked(method: str, path: str, query: dict[str, str] | Any, agent: str) -> Asked:
    """Read a request's line: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris."""
    parts = path.strip("/").split("/")
    group, rest = (parts[1], parts[3:]) if parts[0] == "apis" and len(parts) > 1 else ("", parts[2:])
    namespace = ""
    if len(rest) > 2 and rest[0] == "namespaces":
        namespace, rest = rest[1], rest[2:]
    resource, name, subresource = [*rest, "", "", ""][:3]
    verb = VERBS.get(method) or ("get" if name else "watch" if query.get("watch") in ("1", "true") else "list")
    return Asked(verb, group, resource, namespace, name, subresource, agent.partition("/")[0])


# --- what may become of a request ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Refuse:
    """The API server answers with an error, and has done nothing."""

    status: int
    reason: str
    retry_after: int | None = None

    def __str__(self) -> str:
        return str(self.status)


@dataclass(frozen=True)
class Drop:
    """The connection ends before the request gets anywhere."""

    def __str__(self) -> str:
        return "dropped"


@dataclass(frozen=True)
class Lose:
    """The API server does what it was asked; the connection ends before its answer arrives."""

    def __str__(self) -> str:
        return "answer lost"


@dataclass(frozen=True)
class Cut:
    """The answer ends in its middle; a watch after so many bytes."""

    after: int = 200

    def __str__(self) -> str:
        return f"cut short after {self.after} bytes"


@dataclass(frozen=True)
class Delay:
    """The request waits before it goes on."""

    seconds: float

    def __str__(self) -> str:
        return f"delayed {self.seconds:g} s"


@dataclass(frozen=True)
class Complain:
    """A watch begins with an ERROR event, which is how the API server says that a version is too old, and ends."""

    status: int
    reason: str

    def __str__(self) -> str:
        return f"ERROR event {self.status}"


@dataclass(frozen=True)
class Hold:
    """The request waits until who asked is gone, and is then forgotten; with ``is_done`` its answer does.

    ``reached`` is set as soon as it waits: when the API server has not heard of it, or has done all of it.
    """

    is_done: bool
    reached: threading.Event = field(default_factory=threading.Event, compare=False)

    def __str__(self) -> str:
        return "held when done" if self.is_done else "held before it is done"

    async def wait(self) -> None:
        """Wait to be cancelled."""
        self.reached.set()
        await asyncio.Event().wait()


What = Refuse | Drop | Lose | Cut | Delay | Complain | Hold

CONFLICT = Refuse(409, "Conflict")
TOO_MANY = Refuse(429, "TooManyRequests", retry_after=1)
INTERNAL = Refuse(500, "InternalError")
UNAVAILABLE = Refuse(503, "ServiceUnavailable")
FORBIDDEN = Refuse(403, "Forbidden")
UNAUTHORIZED = Refuse(401, "Unauthorized")
EXPIRED = Refuse(410, "Expired")
TOO_OLD = Complain(410, "Expired")
BROKEN = Complain(500, "InternalError")


def every(step: int, hits: Callable[[Asked], bool]) -> Callable[[Asked], bool]:
    """Every so manieth of the requests that ``hits`` is true of."""
    turn = 0

    def is_its_turn(request: Asked) -> bool:
        nonlocal turn
        if not hits(request):
            return False
        turn += 1
        return turn % step == 0

    return is_its_turn


@dataclass
class Fault:
    """What becomes of which requests. ``times`` is how often at most; ``count`` how often it has been."""

    what: What
    hits: Callable[[Asked], bool]
    times: int | None = None
    count: int = 0


@dataclass
class Proxy:
    """The proxy; start it with `serving`."""

    cluster: Cluster
    injected: Counter[str] = field(default_factory=Counter)
    """How often each kind of fault was met."""
    requests: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """How often who (agent) did what (verb) to which resource."""
    url: str = ""
    _faults: list[Fault] = field(default_factory=list)
    _watches: dict[asyncio.Transport, Asked] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def fault(
        self, what: What, hits: Callable[[Asked], bool] = lambda _: True, times: int | None = None
    ) -> Iterator[Fault]:
        """Inject a fault for the length of a block."""
        fault = Fault(what, hits, times)
        with self._lock:
            self._faults.append(fault)
        try:
            yield fault
        finally:
            with self._lock:
                self._faults.remove(fault)

    def watches(self) -> list[Asked]:
        """The watches that are open."""
        return list(self._watches.values())

    def sever(self, hits: Callable[[Asked], bool] = lambda _: True) -> int:
        """End the connections of open watches, so that they are opened anew now; returns how many."""
        return asyncio.run_coroutine_threadsafe(self._sever(hits), self._loop).result(START_SECONDS)

    async def _sever(self, hits: Callable[[Asked], bool]) -> int:
        severed = [connection for connection, watch in self._watches.items() if hits(watch)]
        for connection in severed:
            connection.abort()
        return len(severed)

    def _meets(self, request: Asked) -> What | None:
        with self._lock:
            self.requests[request.agent, request.verb, request.resource] += 1
            for fault in self._faults:
                if (fault.times is None or fault.count < fault.times) and fault.hits(request):
                    fault.count += 1
                    self.injected[str(fault.what)] += 1
                    return fault.what
        return None

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        wanted = asked(request.method, request.path, request.query, request.headers.get("User-Agent", ""))
        what = self._meets(wanted)
        body = await request.read()
        match what:
            case Refuse():
                return _refusal(what)
            case Complain():
                return _complaint(what)
            case Drop():
                return _abort(request)
            case Delay():
                await asyncio.sleep(what.seconds)
            case Hold(is_done=False):
                await what.wait()
            case _:
                pass
        connection = request.transport
        if wanted.verb != "watch" or connection is None:
            return await self._forward(request, body, what)
        self._watches[connection] = wanted
        try:
            return await self._forward(request, body, what)
        finally:
            del self._watches[connection]

    async def _forward(self, request: web.Request, body: bytes, what: What | None) -> web.StreamResponse:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP}
        try:
            async with self._session.request(
                request.method, self.cluster.server + request.raw_path, headers=headers, data=body or None
            ) as upstream:
                if isinstance(what, Lose):
                    await upstream.read()
                    return _abort(request)
                if isinstance(what, Hold):
                    await upstream.read()
                    await what.wait()
                return await _pass_on(request, upstream, what.after if isinstance(what, Cut) else None)
        except aiohttp.ClientError:
            return _abort(request)  # as it is without a proxy: the API server is away

    # --- its life -----------------------------------------------------------------------------------------------------

    @contextmanager
    def serving(self) -> Iterator[Proxy]:
        """Serve in a thread of its own for the length of a block."""
        loop = self._loop = asyncio.new_event_loop()
        ready, ending = threading.Event(), asyncio.Event()
        thread = threading.Thread(target=lambda: loop.run_until_complete(self._serve(ready, ending)), daemon=True)
        thread.start()
        assert ready.wait(START_SECONDS), "the proxy has not started"
        try:
            yield self
        finally:
            loop.call_soon_threadsafe(ending.set)
            thread.join()
            loop.close()

    async def _serve(self, ready: threading.Event, ending: asyncio.Event) -> None:
        pki = self.cluster.pki
        upstream = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        connector = aiohttp.TCPConnector(limit=0, ssl=upstream)
        timeout = aiohttp.ClientTimeout(total=None)
        async with aiohttp.ClientSession(
            connector=connector,
            timeout=timeout,
            auto_decompress=False,
            skip_auto_headers=["User-Agent", "Content-Type"],
        ) as self._session:
            app = web.Application(client_max_size=1 << 30)
            app.router.add_route("*", "/{path:.*}", self._handle)
            runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
            await runner.setup()
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(pki / "admin.crt", pki / "admin.key")
            site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
            await site.start()
            (address, *_) = runner.addresses
            self.url = f"https://127.0.0.1:{address[1]}"
            ready.set()
            await ending.wait()
            await runner.cleanup()
        await asyncio.sleep(LAST_WORDS)


def _abort(request: web.Request) -> web.StreamResponse:
    """End the connection without a word."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)  # nobody hears it


def _status(what: Refuse | Complain) -> dict[str, Any]:
    status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": what.reason, "code": what.status}
    return {**status, "message": f"the proxy says {what.reason}"}


def _complaint(what: Complain) -> web.Response:
    event = {"type": "ERROR", "object": _status(what)}
    return web.Response(text=json.dumps(event) + "\n", content_type="application/json")


def _refusal(what: Refuse) -> web.Response:
    details = {"retryAfterSeconds": what.retry_after} if what.retry_after else {}
    text = json.dumps({**_status(what), "details": details})
    headers = {"Retry-After": str(what.retry_after)} if what.retry_after else {}
    return web.Response(status=what.status, text=text, content_type="application/json", headers=headers)


async def _pass_on(request: web.Request, upstream: aiohttp.ClientResponse, most: int | None) -> web.StreamResponse:
    """Stream an answer; end the connection after ``most`` bytes of it."""
    headers = {name: value for name, value in upstream.headers.items() if name.lower() not in HOP_BY_HOP}
    response = web.StreamResponse(status=upstream.status, headers=headers)
    with suppress(ConnectionError):  # who asked may be gone
        await response.prepare(request)
        passed = 0
        async for chunk in upstream.content.iter_any():
            if most is not None and passed + len(chunk) > most:
                await response.write(chunk[: most - passed])
                return _abort(request)
            passed += len(chunk)
            await response.write(chunk)
        await response.write_eof()
    return response
