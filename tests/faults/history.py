"""Every version of some objects, in the order in which the API server made them; read past restarts of it.

One etcd holds all objects, so resource versions of different types are in one order: what was true of the children
when a CR was told Ready can be looked up afterwards (https://kubernetes.io/docs/reference/using-api/api-concepts).
"""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import aiohttp

from nuvop.objects import version_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lab.controlplane import Cluster

Body = dict[str, Any]

RECONNECT_SECONDS = 0.2
START_SECONDS = 30.0
LAST_WORDS = 0.2
"""Seconds in which TLS connections end once aiohttp has closed them."""


def administrator(cluster: Cluster) -> ssl.SSLContext:
    """TLS by which one is a cluster's administrator."""
    tls = ssl.create_default_context(cafile=str(cluster.pki / "ca.crt"))
    tls.load_cert_chain(cluster.pki / "admin.crt", cluster.pki / "admin.key")
    return tls


@dataclass(frozen=True)
class Version:
    """An object as it was from one resource version on; ``is_gone`` where it was deleted then."""

    number: int
    body: Mapping[str, Any]
    is_gone: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """Kind and name."""
        return self.body["kind"], self.body["metadata"]["name"]


@dataclass(frozen=True)
class Gap:
    """Versions that were not seen: those after ``begin``, up to ``end``."""

    begin: int
    end: int


@dataclass
class History:
    """What the watches have seen so far."""

    _cluster: Cluster
    _paths: Sequence[str]
    _seen: dict[tuple[str, str, int, bool], Version] = field(default_factory=dict)
    _there: dict[tuple[str, str], Body] = field(default_factory=dict)
    _newest: dict[tuple[str, str], int] = field(default_factory=dict)
    _at: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _lost: dict[str, int] = field(default_factory=dict)
    _broken: list[Any] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    """Where a watch had grown too old, as all do when the API server starts anew."""

    def versions(self) -> list[Version]:
        """All of them, in order."""
        with self._lock:
            return sorted(self._seen.values(), key=lambda version: version.number)

    def take(self) -> list[Version]:
        """All of them since the last time, in order, and forget them."""
        taken = self.versions()
        with self._lock:
            for version in taken:
                del self._seen[*version.key, version.number, version.is_gone]
        return taken

    def has_seen(self, key: tuple[str, str], number: int) -> bool:
        """Whether the watches are as far as this version of an object."""
        with self._lock:
            return self._newest.get(key, 0) >= number

    def of(self, kind: str) -> list[Body]:
        """All versions of the objects of a kind, in order; without the deleted."""
        return [dict(version.body) for version in self.versions() if version.key[0] == kind and not version.is_gone]

    # --- watching -----------------------------------------------------------------------------------------------------

    @contextmanager
    def recording(self) -> Iterator[History]:
        """Watch for the length of a block."""
        loop, ready, ending = asyncio.new_event_loop(), threading.Event(), asyncio.Event()
        thread = threading.Thread(target=lambda: loop.run_until_complete(self._follow_all(ready, ending)), daemon=True)
        thread.start()
        try:
            assert ready.wait(START_SECONDS), "the history has not begun"
            yield self
        finally:
            loop.call_soon_threadsafe(ending.set)
            thread.join()
            loop.close()
            assert not self._broken, f"a watch has ended: {self._broken}"

    async def _follow_all(self, ready: threading.Event, ending: asyncio.Event) -> None:
        connector = aiohttp.TCPConnector(limit=0, ssl=administrator(self._cluster))
        timeout = aiohttp.ClientTimeout(total=None, sock_read=90)
        async with aiohttp.ClientSession(self._cluster.server, connector=connector, timeout=timeout) as session:
            begun = [asyncio.Event() for _ in self._paths]
            watches = [
                asyncio.create_task(self._follow(session, *each)) for each in zip(self._paths, begun, strict=True)
            ]
            await asyncio.gather(*(each.wait() for each in begun))
            ready.set()
            await ending.wait()
            for watch in watches:
                watch.cancel()
            ended = await asyncio.gather(*watches, return_exceptions=True)
            self._broken = [end for end in ended if not isinstance(end, asyncio.CancelledError)]
        await asyncio.sleep(LAST_WORDS)

    async def _follow(self, session: aiohttp.ClientSession, path: str, begun: asyncio.Event) -> None:
        while True:
            try:
                if path not in self._at:
                    await self._list(session, path)
                begun.set()
                await self._watch(session, path)
            except aiohttp.ClientResponseError as error:
                # Its version may be too old from the start.
                if error.status == HTTPStatus.GONE and path in self._at:
                    self._lost[path] = self._at.pop(path)
            except (aiohttp.ClientError, TimeoutError, json.JSONDecodeError, KeyError):
                pass  # the API server is away, or ends the watch
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _list(self, session: aiohttp.ClientSession, path: str) -> None:
        async with session.get(path, raise_for_status=True) as answer:
            listed = await answer.json()
        kind = listed["kind"].removesuffix("List")
        items = [{"kind": kind, "apiVersion": listed["apiVersion"], **item} for item in listed["items"] or []]
        self._at[path] = int(listed["metadata"]["resourceVersion"])
        names = {item["metadata"]["name"] for item in items}
        for gone in [body for (of, name), body in self._there.items() if of == kind and name not in names]:
            self._take(gone, self._at[path], is_gone=True)
        for item in items:
            self._take(item, version_of(item), is_gone=False)
        if path in self._lost:
            self.gaps.append(Gap(self._lost.pop(path), self._at[path]))

    async def _watch(self, session: aiohttp.ClientSession, path: str) -> None:
        query = {"watch": "true", "allowWatchBookmarks": "true", "resourceVersion": str(self._at[path])}
        async with session.get(path, params=query, raise_for_status=True) as answer:
            rest = b""
            async for chunk in answer.content.iter_any():
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    event = json.loads(line)
                    body = event["object"]
                    if event["type"] == "ERROR":
                        if body.get("code") == 410:
                            self._lost[path] = self._at.pop(path)
                        return
                    if event["type"] != "BOOKMARK":
                        self._take(body, version_of(body), is_gone=event["type"] == "DELETED")
                    self._at[path] = version_of(body)

    def _take(self, body: Body, number: int, *, is_gone: bool) -> None:
        version = Version(number, body, is_gone)
        with self._lock:
            self._seen[*version.key, number, is_gone] = version
            self._newest[version.key] = max(number, self._newest.get(version.key, 0))
            if is_gone:
                self._there.pop(version.key, None)
            else:
                self._there[version.key] = body
