"""What kubectl's get reads, without a process for each look: a test looks many times a second.

Most of a test's processor time went into the starts of kubectl while it waited for something to become true.
"""

from __future__ import annotations

import functools
import http.client
import json
import ssl
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from nuvop import yamltext

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

SECONDS = 60.0

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
"""See https://kubernetes.io/docs/concepts/overview/kubernetes-api/#aggregated-discovery."""


class Refused(AssertionError):
    """What was asked of the API server was not done."""


@dataclass(frozen=True)
class Resource:
    """A kind of objects, by what kubectl calls it and where it is."""

    names: frozenset[str]
    path: str
    """Of its API group and version, such as ``/apis/apps/v1``."""
    plural: str
    is_namespaced: bool

    def url(self, namespace: str, name: str = "") -> str:
        """The path of an object, or of all without a name."""
        where = f"/namespaces/{namespace}" if self.is_namespaced else ""
        return f"{self.path}{where}/{self.plural}" + (f"/{name}" if name else "")


@dataclass(frozen=True)
class Answer:
    """A server's answer to a GET."""

    status: int
    etag: str
    body: bytes


class _OfThread(threading.local):
    """A thread's connection, and what it was told last of /api and /apis, each with its ETag."""

    def __init__(self, connection: Callable[[], http.client.HTTPSConnection]) -> None:
        self.connection = connection()
        self.resources: dict[str, tuple[str, tuple[Resource, ...]]] = {}


class Reader:
    """Reads objects of one cluster, with the client certificate of its kubeconfig.

    Raises Refused for what kubectl would fail with.
    """

    def __init__(self, kubeconfig: Path) -> None:
        config = yamltext.load(kubeconfig.read_bytes())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        tls = ssl.create_default_context(cafile=cluster["certificate-authority"])
        tls.load_cert_chain(user["client-certificate"], user["client-key"])
        address = urlsplit(cluster["server"])
        self._of_thread = _OfThread(
            lambda: http.client.HTTPSConnection(str(address.hostname), address.port, timeout=SECONDS, context=tls)
        )

    def get(self, what: str, namespace: str) -> dict[str, Any]:
        """An object, asked for as in ``kubectl get deployment/web``; empty where there is none."""
        kind, _, name = what.partition("/")
        found = self._read(self._resource(kind).url(namespace, name))
        return {} if found is None else _shown(found)

    def list(self, what: str, namespace: str, selector: str = "") -> list[dict[str, Any]]:
        """All objects, or those whose labels are selected, asked for as in ``kubectl get pods,services -l app=web``."""
        found = []
        for kind in what.split(","):
            read = self._read(f"{self._resource(kind).url(namespace)}?{urlencode({'labelSelector': selector})}")
            if read is None:
                raise Refused(f"{kind} are gone")
            # The items of a list have neither.
            typed = {"apiVersion": read["apiVersion"], "kind": read["kind"].removesuffix("List")}
            found += [_shown({**typed, **item}) for item in read["items"]]
        return found

    def _read(self, url: str) -> dict[str, Any] | None:
        deadline = time.monotonic() + SECONDS
        # So kubectl does, too: until the storage of a new CRD is there the API server asks to come again.
        while (answer := self._request(url)).status == HTTPStatus.TOO_MANY_REQUESTS and time.monotonic() < deadline:
            time.sleep(0.1)
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        if answer.status != HTTPStatus.OK:
            raise Refused(f"{url}: {answer}")
        found: dict[str, Any] = json.loads(answer.body)
        return found

    def _resource(self, name: str) -> Resource:
        for path in ("/api", "/apis"):
            for resource in self._resources(path):
                if name.lower() in resource.names:
                    return resource
        raise Refused(f"the server has no resource type {name!r}")

    def _resources(self, path: str) -> tuple[Resource, ...]:
        """What there is below /api or /apis; only what has changed is sent anew."""
        known = self._of_thread.resources
        tag, resources = known.get(path, ("", ()))
        answer = self._request(path, {"Accept": AGGREGATED, "If-None-Match": tag})
        if answer.status != HTTPStatus.NOT_MODIFIED:
            if answer.status != HTTPStatus.OK:
                raise Refused(f"{path}: {answer}")
            resources = tuple(_resources_of(path, json.loads(answer.body)))
            known[path] = (answer.etag, resources)
        return resources

    def _request(self, url: str, headers: Mapping[str, str] = {}) -> Answer:
        with suppress(OSError, http.client.HTTPException):
            return self._ask(url, headers)
        # The server may have closed the kept connection, as it does when it restarts.
        try:
            return self._ask(url, headers)
        except (OSError, http.client.HTTPException) as error:
            raise Refused(f"{url}: {error!r}") from error

    def _ask(self, url: str, headers: Mapping[str, str]) -> Answer:
        connection = self._of_thread.connection
        try:
            connection.request("GET", url, headers=dict(headers))
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers.get("ETag", ""), answer.read())
        except (OSError, http.client.HTTPException):
            connection.close()  # the next request opens it anew
            raise


@functools.cache
def reader(kubeconfig: Path, written: int) -> Reader:
    """The reader of a cluster's kubeconfig; a cluster that is made anew has another one, by the time it was written."""
    return Reader(kubeconfig)


def _shown(body: dict[str, Any]) -> dict[str, Any]:
    """An object as kubectl shows it."""
    body["metadata"].pop("managedFields", None)
    return body


def _resources_of(path: str, discovered: dict[str, Any]) -> Iterator[Resource]:
    """All resources of a discovery's answer; of a group's versions the preferred one comes first."""
    for of_group in discovered["items"]:
        group = of_group["metadata"].get("name", "")
        for of_version in of_group["versions"]:
            version = of_version["version"]
            where = f"{path}/{group}/{version}" if group else f"{path}/{version}"
            for found in of_version.get("resources", ()):
                short = {found["resource"], found["singularResource"], found["responseKind"]["kind"].lower()}
                short |= set(found.get("shortNames", ()))
                names = {f"{name}{suffix}" for name in short for suffix in ("", f".{group}", f".{version}.{group}")}
                yield Resource(frozenset(names), where, found["resource"], found["scope"] == "Namespaced")
