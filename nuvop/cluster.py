"""The only door to the API server beside kopf and kubectl: list and watch, look-ups, status, access reviews.

Objects go in and out as plain JSON; the requests are aiohttp's. The clients for Kubernetes that there are cost several
times the processor time, or have no preconditions and no raw objects. orjson reads them: in a fifth of the time that
Python's own module takes, and the names of fields, which are most of an object, are in memory once for all of them.
"""

import asyncio
import builtins
import logging
import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, TypeVar

import aiohttp
import orjson

from nuvop.connection import Counting, Read, Told, lines, open_session
from nuvop.errors import ClusterError, ClusterUnreachable, Conflict, Forbidden, LoginError, NotFound, NotServed
from nuvop.fields import pointer
from nuvop.login import Credentials, Login
from nuvop.objects import FIELD_MANAGER, INSTANCE_LABEL, Body
from nuvop.rbac import Right
from nuvop.shallow import shallow
from nuvop.trouble import Trouble

logger = logging.getLogger(__name__)

REQUEST_TIMEOUT = 20.0
PAGE = 500
FEW = 4
"""Objects that are looked up one by one; for more of them one list is cheaper."""
RELIST_AFTER = 600.0
"""Seconds after which a watch starts over with a full list: a watch can lie by omission. Give or take a fifth."""
RECONNECT_DELAY = 0.1
"""Seconds between the end of a watch and the next one."""

REQUESTS_AT_ONCE = 10
"""More of them take longer each, and a connection each; watches do not count."""

USER_AGENT = f"nuvop/{version('nuvop')}"

_TIMEOUT = aiohttp.ClientTimeout(total=REQUEST_TIMEOUT)
_READS_CRDS = re.compile(rb"^\[-\]\S*(?:crd|apiextensions|apiservice|autoregister)", re.MULTILINE)
"""A check of the API server's readiness that fails until it has read what it serves, in the text that tells of each
(https://kubernetes.io/docs/reference/using-api/health-checks/)."""

_WATCH_TIMEOUT = aiohttp.ClientTimeout(total=None, connect=REQUEST_TIMEOUT, sock_read=75.0)
"""A bookmark comes every minute, but not of Events, which the API server does not cache: after a silence for longer the
watch is begun anew, for the connection may be dead."""

JSON_PATCH = "application/json-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
ANY_JSON = "application/json"
NO_NAMESPACE = "-"
"""What cannot be a namespace's name, so that no RoleBinding is in it: only what holds in all namespaces holds there."""

METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
METADATA_OF_ONE = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
"""https://kubernetes.io/docs/reference/using-api/api-concepts/#alternate-representations-of-resources"""
AGGREGATED_DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
"""https://kubernetes.io/docs/concepts/overview/kubernetes-api/#aggregated-discovery; stable since Kubernetes 1.30."""


@dataclass(frozen=True)
class ApiResource:
    """A resource as its URL names it."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    has_status: bool = field(default=False, compare=False)
    """It is the same resource when it has got a status."""

    @property
    def api_version(self) -> str:
        """``apps/v1``, or ``v1`` for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None, name: str | None = None) -> str:
        """The URL's path; all namespaces where ``namespace`` is None."""
        parts = ["/apis" if self.group else "/api", self.api_version]
        if namespace is not None and self.namespaced:
            parts += ["namespaces", namespace]
        return "/".join([*parts, self.plural, *([name] if name else [])])


@dataclass(frozen=True)
class Listed:
    """All objects there are at one moment, of this version; what is not among them did not exist then."""

    items: list[Body]
    version: int


@dataclass(frozen=True)
class Changed:
    """An object was added or modified."""

    body: Body


@dataclass(frozen=True)
class Removed:
    """An object was deleted, or no longer fits the label selector."""

    body: Body


@dataclass(frozen=True)
class Failing:
    """The API server refuses to list or watch; it is asked again until it does not."""

    error: ClusterError


Event = Listed | Changed | Removed | Failing


class Expired(ClusterError):
    """410: the version to go on from is too old; a full list is due."""


class _Client:
    """A session, and the credentials that it was made with; once retired, it is closed when nobody uses it any more.

    Closed under a request, aiohttp's session would leave that request waiting for ever.
    """

    def __init__(self, credentials: Credentials, read: Read, tell: Told) -> None:
        self._credentials = credentials
        self._session = open_session(credentials, read, user_agent=USER_AGENT, middlewares=[Counting(tell)])
        self._users = 0
        self._is_retired = False

    @asynccontextmanager
    async def request(
        self,
        method: str,
        path: str,
        *,
        accept: str = ANY_JSON,
        content_type: str = "",
        timeout: aiohttp.ClientTimeout | None = None,  # noqa: ASYNC109 – aiohttp's own
        **more: Any,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Make a request; raise LoginError where there is no token to send."""
        headers = {"Accept": accept}
        if content_type:
            headers["Content-Type"] = content_type
        if token := self._credentials.token():
            headers["Authorization"] = f"Bearer {token}"
        url = self._credentials.server.rstrip("/") + path
        self._users += 1
        try:
            async with self._session.request(
                method, url, headers=headers, allow_redirects=False, timeout=timeout or _TIMEOUT, **more
            ) as response:
                yield response
        finally:
            self._users -= 1
            await self._close_if_idle()

    async def retire(self) -> None:
        """Close the session as soon as nobody uses it."""
        self._is_retired = True
        await self._close_if_idle()

    async def close(self) -> None:
        """Close the session now."""
        await self._session.close()

    async def _close_if_idle(self) -> None:
        if self._is_retired and not self._users:
            await self._session.close()


class Cluster:
    """A client of one API server, with the credentials of a `Login`."""

    def __init__(self, login: Login, tell: Told = lambda method, code: None) -> None:
        """Log in at once with `connect`. ``tell`` is told of each request."""
        self._login = login
        self._tell = tell
        self._client: _Client | None = None
        self._connecting = asyncio.Lock()
        self._slots = asyncio.Semaphore(REQUESTS_AT_ONCE)
        self._discovered: dict[str, dict[str, ApiResource]] = {}
        self._discovering: dict[str, asyncio.Lock] = {}

    async def connect(self) -> Credentials:
        """Read the credentials anew and use them from now on; raise LoginError when there are none."""
        credentials = await self._login.refresh()
        before, self._client = self._client, _Client(credentials, self._login.refresh, self._tell)
        if before is not None:
            await before.retire()
        return credentials

    async def close(self) -> None:
        """End all connections."""
        if self._client is not None:
            await self._client.close()

    async def discover(self, api_version: str, kind: str, *, anew: bool = False) -> ApiResource:
        """Return the resource of a kind; raise NotServed where the API server does not know it.

        What was found once is taken for true, unless ``anew`` says to ask again.
        """
        # Who asks while an answer is awaited gets the same.
        async with self._discovering.setdefault(api_version, asyncio.Lock()):
            if anew or kind not in self._discovered.get(api_version, {}):
                try:
                    self._discovered[api_version] = await self._served_of(api_version)
                except NotServed:
                    self._discovered.pop(api_version, None)
                    raise
        try:
            return self._discovered[api_version][kind]
        except KeyError as error:
            raise NotServed(f"the API server serves no {kind} of {api_version}", status=404) from error

    async def _learn_anew(self, resource: ApiResource) -> None:
        """Take in what there is to know of a type by now, should it be served.

        Where it is not, what was known stays: who looks at its objects finds that out, and asking each time would take
        too long for many.
        """
        with suppress(NotServed):
            served = await self._served_of(resource.api_version)
            if resource.kind in served:
                self._discovered[resource.api_version] = served

    async def _served_of(self, api_version: str) -> dict[str, ApiResource]:
        """The resources of an API version by their kinds; raises NotServed where there is no such version."""
        group, _, version = api_version.rpartition("/")
        path = f"/apis/{api_version}" if group else f"/api/{version}"
        try:
            with _allowed_to_all():
                answer = await self._found(path)
        except NotFound as error:
            raise NotServed(f"the API server serves no {api_version}", status=404) from error
        names = {entry["name"] for entry in answer["resources"]}
        return {
            entry["kind"]: ApiResource(
                group,
                version,
                entry["name"],
                entry["kind"],
                entry["namespaced"],
                has_status=f"{entry['name']}/status" in names,
            )
            for entry in answer["resources"]
            if "/" not in entry["name"]
        }

    async def _found(self, path: str) -> dict[str, Any]:
        """Return the answer to a GET; raise NotFound where an API server that has started knows no such path."""
        try:
            return await self._request("GET", path)
        except NotFound:
            await self._see_that_it_has_started()
            return await self._request("GET", path)

    async def _see_that_it_has_started(self) -> None:
        """Raise ClusterUnreachable where the API server has not read all CRDs and APIServices yet: it serves none then.

        Whoever hides how ready it is has to be believed, and what else it is not ready for does not matter.
        """
        status, told = await self._exchange("GET", "/readyz", accept="text/plain, */*")
        if status >= 500 and _READS_CRDS.search(told):
            raise ClusterUnreachable("the API server has just started, and has not read its CRDs yet")

    async def served(self) -> builtins.list[Body]:
        """Return the API groups with all that they serve, as APIGroupDiscovery objects, the core group first."""
        answers = []
        for path in ("/api", "/apis"):
            with _allowed_to_all():
                answers.append(await self._request("GET", path, accept=AGGREGATED_DISCOVERY))
        if any(answer.get("kind") != "APIGroupDiscoveryList" for answer in answers):
            raise ClusterError("the API server does not tell what it serves as servers of Kubernetes 1.30 and newer do")
        return [group for answer in answers for group in answer["items"]]

    async def get(self, resource: ApiResource, namespace: str, name: str, *, metadata_only: bool = False) -> Body:
        """Return an object; raise NotFound where there is none. ``metadata_only`` is as for `list`."""
        accept = METADATA_OF_ONE if metadata_only else ANY_JSON
        body = await self._request("GET", resource.path(namespace, name), accept=accept)
        return _typed(body, resource)

    async def find(self, resource: ApiResource, namespace: str, names: Collection[str]) -> dict[str, Body]:
        """Return those of these objects that exist, of each no more than its metadata.

        Many are looked up by one list of what carries no instance label, so what belongs to a CR is not among them.
        A namespace that is too full for that is asked for each name.
        """
        if len(names) > FEW:
            params = {"labelSelector": f"!{INSTANCE_LABEL}", "limit": str(PAGE)}
            page = await self._request("GET", resource.path(namespace), params=params, accept=METADATA_ONLY)
            if not page["metadata"].get("continue"):
                found = {item["metadata"]["name"]: item for item in page["items"] or []}
                return {name: found[name] for name in names if name in found}
        bodies = await asyncio.gather(*(self._find_one(resource, namespace, name) for name in names))
        return {body["metadata"]["name"]: body for body in bodies if body is not None}

    async def _find_one(self, resource: ApiResource, namespace: str, name: str) -> Body | None:
        try:
            return await self._request("GET", resource.path(namespace, name), accept=METADATA_OF_ONE)
        except NotFound:
            return None

    async def list(
        self,
        resource: ApiResource,
        namespace: str | None,
        *,
        labels: str = "",
        fields: str = "",
        metadata_only: bool = False,
    ) -> builtins.list[Body]:
        """Return all objects in a namespace (None for all namespaces) that fit a label and a field selector.

        ``metadata_only`` leaves out all but apiVersion, kind and metadata: nothing of a Secret is sent then.
        """
        selectors = _selectors(labels, fields)
        items, _ = await self._list(resource, namespace, selectors, accept=METADATA_ONLY if metadata_only else ANY_JSON)
        return items

    async def create(self, resource: ApiResource, namespace: str, body: Body) -> Body:
        """Create an object; return it as it is now. Raises Conflict where one of that name exists."""
        return await self._request("POST", resource.path(namespace), content=orjson.dumps(body))

    async def try_out(self, resource: ApiResource, body: Body) -> Body:
        """Return an object as it would be, defaults and all, were it created, or replaced where it has a uid.

        Nothing is changed. Raises what the API server would answer `kubectl apply`, of unknown fields, too.
        """
        metadata = body["metadata"]
        name = metadata["name"] if "uid" in metadata else None
        path = resource.path(metadata.get("namespace", ""), name)
        content, params = orjson.dumps(body), {"dryRun": "All", "fieldValidation": "Strict"}
        return await self._request("PUT" if name else "POST", path, content=content, params=params)

    async def try_apply(self, resource: ApiResource, body: Body) -> Body:
        """Return an object as a server-side apply of nuvop's would leave it; nothing is changed.

        Raises what the API server would answer.
        """
        metadata = body["metadata"]
        path = resource.path(metadata.get("namespace", ""), metadata["name"])
        params = {"dryRun": "All", "fieldManager": FIELD_MANAGER, "force": "true", "fieldValidation": "Ignore"}
        return await self._request("PATCH", path, params=params, content_type=APPLY_PATCH, content=orjson.dumps(body))

    async def delete(self, resource: ApiResource, body: Body) -> None:
        """Delete exactly this object as it was seen, in the background.

        Raises Conflict where it is another one by now (by its uid) or has changed since (by its resourceVersion), and
        NotFound where it is gone.
        """
        metadata = body["metadata"]
        preconditions = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Background",
            "preconditions": preconditions,
        }
        path = resource.path(metadata.get("namespace", ""), metadata["name"])
        await self._request("DELETE", path, content=orjson.dumps(options))

    async def patch_metadata(self, resource: ApiResource, body: Body, operations: Sequence[Mapping[str, Any]]) -> Body:
        """Apply a JSON patch to exactly this object as it was seen; return it as it is now.

        Raises Conflict where it is another one by now or has changed since, NotFound where it is gone.
        """
        metadata = body["metadata"]
        tests = [
            {"op": "test", "path": f"/metadata/{name}", "value": metadata[name]} for name in ("uid", "resourceVersion")
        ]
        return await self._request(
            "PATCH",
            resource.path(metadata.get("namespace", ""), metadata["name"]),
            content_type=JSON_PATCH,
            content=orjson.dumps([*tests, *operations]),
        )

    async def hand_over(self, resource: ApiResource, namespace: str, body: Body, manager: str) -> None:
        """Let another field manager own the fields of ``body``, too, with the values that they have.

        Raises Conflict where a value is no longer what ``body`` says.
        """
        path = resource.path(namespace, body["metadata"]["name"])
        params = {"fieldManager": manager, "force": "false"}
        await self._request("PATCH", path, params=params, content_type=APPLY_PATCH, content=orjson.dumps(body))

    async def write_status(
        self, resource: ApiResource, cr: Body, status: Mapping[str, Any], beside: Collection[str] = ()
    ) -> Body:
        """Replace a CR's status, but for the fields ``beside``, which are others'; return the CR.

        Raises Conflict where the CR is another one by now (by its uid), or has another generation than the one that
        the status speaks of. A merge patch with a wrong uid would be ignored, a JSON patch's ``test`` is not.
        """
        metadata = cr["metadata"]
        namespace, name = metadata["namespace"], metadata["name"]
        patch = [
            {"op": "test", "path": "/metadata/uid", "value": metadata["uid"]},
            {"op": "test", "path": "/metadata/generation", "value": metadata["generation"]},
            *_replacing(cr.get("status") or {}, status, beside),
        ]
        return await self._request(
            "PATCH", resource.path(namespace, name) + "/status", content_type=JSON_PATCH, content=orjson.dumps(patch)
        )

    async def may(self, right: Right) -> bool:
        """Whether the credentials give a right."""
        if right.path:
            spec = {"nonResourceAttributes": {"verb": right.verb, "path": right.path}}
        else:
            resource, _, subresource = right.resource.partition("/")
            attributes = {
                "verb": right.verb,
                "group": right.group,
                "resource": resource,
                "subresource": subresource,
                "name": right.name,
                "namespace": right.place,
            }
            spec = {"resourceAttributes": attributes}
        answer = await self._review("authorization.k8s.io/v1", "SelfSubjectAccessReview", {"spec": spec})
        return bool(answer["allowed"])

    async def rules(self, namespace: str) -> Body:
        """The status of a SelfSubjectRulesReview: what the credentials allow in a namespace, as far as is known.

        https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/self-subject-rules-review-v1/
        """
        spec = {"namespace": namespace or NO_NAMESPACE}
        return await self._review("authorization.k8s.io/v1", "SelfSubjectRulesReview", {"spec": spec})

    async def whoami(self) -> str:
        """The user that the credentials are for."""
        answer = await self._review("authentication.k8s.io/v1", "SelfSubjectReview", {})
        return str(answer["userInfo"]["username"])

    async def _review(self, api_version: str, kind: str, body: Mapping[str, Any]) -> Body:
        """Ask what everybody may ask of himself; return the review's status."""
        with _allowed_to_all():
            path = f"/apis/{api_version}/{kind.lower()}s"
            content = orjson.dumps({"apiVersion": api_version, "kind": kind, **body})
            answer = await self._request("POST", path, content=content)
        status: Body = answer["status"]
        return status

    async def follow(
        self,
        resource: ApiResource,
        namespace: str | None,
        *,
        labels: str = "",
        fields: str = "",
        metadata_only: bool = False,
    ) -> AsyncIterator[Event]:
        """List and watch for ever: a full list first, and again after every gap and every ten minutes or so.

        ``labels`` and ``fields`` are selectors, ``metadata_only`` is as for `list`.

        Never raises a ClusterError: it says what is wrong once, and tries again until it works. With each list but the
        first one, and what is refused, `discover` learns what has become of the type.
        """
        where = f"{resource.plural}{f' in {namespace}' if namespace else ''}"
        selectors = _selectors(labels, fields)
        trouble = Trouble(f"watching {where}")
        version, relist_at = "", 0.0
        may_be_another = False
        clock = asyncio.get_running_loop().time
        while True:
            try:
                if not version or clock() >= relist_at:
                    if may_be_another:
                        await self._learn_anew(resource)
                    may_be_another = True
                    accept = METADATA_ONLY if metadata_only else ANY_JSON
                    items, version = await self._list(resource, namespace, selectors, accept=accept)
                    relist_at = clock() + RELIST_AFTER * random.uniform(0.8, 1.2)  # noqa: S311 – no secret
                    trouble.over()
                    yield Listed(items, int(version))
                accept = METADATA_OF_ONE if metadata_only else ANY_JSON
                left = relist_at - clock()
                async for event in self._watch(resource, namespace, selectors, version, left, accept=accept):
                    trouble.over()
                    version = event["object"]["metadata"]["resourceVersion"]
                    if event["type"] in ("ADDED", "MODIFIED"):
                        yield Changed(_typed(event["object"], resource))
                    elif event["type"] == "DELETED":
                        yield Removed(_typed(event["object"], resource))
                await asyncio.sleep(RECONNECT_DELAY)
            except Expired:
                version = ""
                await trouble.pause()
            except (ClusterUnreachable, LoginError) as error:
                await trouble.wait(error)
            except ClusterError as error:
                version = ""
                # Who is refused learns nothing, and would be told another trouble than this one.
                may_be_another = not isinstance(error, Forbidden)
                yield Failing(error)
                await trouble.wait(error, is_somebodys=isinstance(error, Forbidden))

    async def _list(
        self, resource: ApiResource, namespace: str | None, selectors: Mapping[str, str], *, accept: str = ANY_JSON
    ) -> tuple[builtins.list[Body], str]:
        items: builtins.list[Body] = []
        params = {**selectors, "limit": str(PAGE)}
        while True:
            page = await self._request("GET", resource.path(namespace), params=params, accept=accept)
            if "items" not in page or not isinstance(page.get("metadata"), dict):
                raise ClusterUnreachable("what answers to a list is no API server")
            items += [_typed(item, resource) for item in page["items"] or []]
            if not page["metadata"].get("continue"):
                return items, page["metadata"]["resourceVersion"]
            params["continue"] = page["metadata"]["continue"]

    async def _watch(
        self,
        resource: ApiResource,
        namespace: str | None,
        selectors: Mapping[str, str],
        version: str,
        seconds: float,
        *,
        accept: str,
    ) -> AsyncIterator[dict[str, Any]]:
        """The events after a version, until the watch ends or is silent for long.

        Raises Expired where the version is too old.
        """
        params = {
            **selectors,
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(max(int(seconds), 1)),
        }
        path = resource.path(namespace)
        try:
            async with self._accepted("GET", path, accept=accept, params=params, timeout=_WATCH_TIMEOUT) as response:
                if response.status >= 400:
                    raise _error(response.status, await response.read())
                async for event in _events(response.content):
                    if event["type"] == "ERROR":
                        raise _status_error(event["object"].get("code", 0), event["object"].get("message", ""))
                    yield event
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise ClusterUnreachable(_said(error)) from error

    async def _request(
        self,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        content_type: str = ANY_JSON,
        accept: str = ANY_JSON,
        params: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        sent: dict[str, Any] = {"data": content, "content_type": content_type} if content is not None else {}
        status, answered = await self._exchange(method, path, accept=accept, params=params, **sent)
        if status >= 400:
            raise _error(status, answered)
        body = _json(answered)
        if not isinstance(body, dict):
            raise ClusterUnreachable(f"what answers to {method} {path} is no API server")
        return body

    async def _exchange(self, method: str, path: str, **sent: Any) -> tuple[int, bytes]:
        """Send a request once there is a slot for it; return the status and the body of the answer."""
        try:
            async with self._slots, self._accepted(method, path, **sent) as response:
                return response.status, await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ClusterUnreachable(_said(error)) from error

    @asynccontextmanager
    async def _accepted(self, method: str, path: str, **sent: Any) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request; once more, and with other credentials, where its token is not accepted.

        That was not renewed in time, or the source of the credentials has changed.
        """
        for is_last in (False, True):
            # Not before: while it waited for a slot, another client may have taken this one's place.
            client = self._connected()
            async with client.request(method, path, **sent) as response:
                if is_last or response.status != 401:
                    yield response
                    return
            await self._reconnect(client)

    async def _reconnect(self, failed: _Client) -> None:
        """Connect anew unless somebody has done so since ``failed`` was used."""
        async with self._connecting:
            if self._client is failed:
                await self.connect()

    def _connected(self) -> _Client:
        if self._client is None:
            raise ClusterUnreachable("not connected yet")
        return self._client


def _replacing(
    before: Mapping[str, Any], status: Mapping[str, Any], beside: Collection[str]
) -> Iterator[dict[str, Any]]:
    """The operations that replace a status field by field: what others write meanwhile beside them is not undone."""
    if not before:
        yield {"op": "add", "path": "/status", "value": status}
        return
    for name in {**before, **status}:
        path = pointer(("status", name))
        if name not in status:
            # Nothing can be removed that is not there, and somebody else may have been quicker.
            yield {"op": "add", "path": path, "value": ""}
            yield {"op": "remove", "path": path}
        elif name not in beside:
            yield {"op": "add", "path": path, "value": status[name]}


def _typed(body: Body, resource: ApiResource) -> Body:
    """An object with its own type: an item of a list has none, and its metadata alone another one."""
    return {**body, "apiVersion": resource.api_version, "kind": resource.kind}


def _selectors(labels: str, fields: str) -> dict[str, str]:
    return {name: value for name, value in (("labelSelector", labels), ("fieldSelector", fields)) if value}


def _json(answered: bytes) -> Any:
    """What an answer says; None where that is not JSON."""
    try:
        return orjson.loads(shallow(answered))
    except ValueError:
        return None


def _error(code: int, answered: bytes) -> ClusterError:
    status = _json(answered)
    if not isinstance(status, dict):
        # Other words than the API server's own, such as "404 page not found", end in a newline, or are many lines.
        return _status_error(code, " ".join(answered[:200].decode(errors="replace").split()))
    if code == 422 and not (status.get("details") or {}).get("causes"):
        # That is how the API server answers a `test` operation that failed.
        return Conflict(status.get("message", ""), status=422)
    return _status_error(code, status.get("message", ""))


@contextmanager
def _allowed_to_all() -> Iterator[None]:
    """For what whoever is logged in may ask (the ClusterRoles system:discovery and system:basic-user).

    Who refuses that is an API server that has just been started and has not read its rules yet: as good as away.
    """
    try:
        yield
    except Forbidden as error:
        raise ClusterUnreachable(str(error), status=error.status) from error


async def _events(stream: aiohttp.StreamReader) -> AsyncIterator[dict[str, Any]]:
    """The events of a watch that has begun, until it ends or is silent for long."""
    received = lines(stream)
    while True:
        try:
            line = await anext(received)
        except (StopAsyncIteration, TimeoutError):
            return
        event = orjson.loads(shallow(line))
        if not _is_event(event):
            raise ValueError("what answers to a watch is no API server")
        yield event


def _is_event(event: Any) -> bool:
    """Whether it is one as all that is here reads it; https://kubernetes.io/docs/reference/using-api/api-concepts/."""
    match event:
        case {"type": "ERROR", "object": {}}:
            return True
        case {"type": str(), "object": {"metadata": {"resourceVersion": str()}}}:
            return True
        case _:
            return False


def _status_error(code: int, message: str) -> ClusterError:
    errors: dict[int, type[ClusterError]] = {401: Forbidden, 403: Forbidden, 404: NotFound, 409: Conflict, 410: Expired}
    unreachable = code == 429 or code >= 500
    kind = ClusterUnreachable if unreachable else errors.get(code, ClusterError)
    return kind(f"{message or 'the API server answered'} ({code})", status=code)


def _said(error: Exception) -> str:
    why = "no answer in time" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
    return f"the API server cannot be reached: {why}"


Answer = TypeVar("Answer")


async def answer(trouble: Trouble, ask: Callable[[], Awaitable[Answer]]) -> Answer:
    """Ask the API server until it answers, well or with an error: one that is away is waited for.

    ``trouble`` says so meanwhile, as in `Trouble("looking for samples")`; who asks again and again has one for all.
    """
    while True:
        try:
            answered = await ask()
        except ClusterUnreachable as error:
            await trouble.wait(error)
        else:
            trouble.over()
            return answered
