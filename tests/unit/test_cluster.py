"""nuvop's own client against a server that speaks as much of the protocol as it needs: real connections."""

# ruff: noqa: ASYNC240 – the files are small, and nothing else has to go on meanwhile

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest
from aiohttp import web

from nuvop import cluster, trouble
from nuvop.cluster import ApiResource, Changed, Cluster, Event, Failing, Listed, Removed, answer
from nuvop.connection import open_session
from nuvop.errors import ClusterError, ClusterUnreachable, Conflict, Forbidden, LoginError, NotFound, NotServed
from nuvop.login import Login
from nuvop.objects import kept
from nuvop.rbac import Right
from nuvop.trouble import Trouble
from tests.unit.conftest import Answer, ApiServer, plain, reply, status, write_kubeconfig

pytestmark = pytest.mark.usefixtures("impatient")

PODS = ApiResource("", "v1", "pods", "Pod")
SAMPLES = ApiResource("nuvolaris.org", "v1", "samples", "Sample")
LIST, WATCH = "GET /api/v1/pods", "WATCH /api/v1/pods"


def pod(name: str, version: int) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "demo", "resourceVersion": str(version)}}


def whole(name: str, version: int) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", **pod(name, version)}


def page(*items: Mapping[str, Any], version: int, more: str = "") -> Answer:
    """A list, whose items leave out what they have in common."""
    metadata = {"resourceVersion": str(version), **({"continue": more} if more else {})}
    return reply({"kind": "PodList", "apiVersion": "v1", "metadata": metadata, "items": list(items)})


def event(type_: str, name: str, version: int) -> dict[str, Any]:
    return {"type": type_, "object": whole(name, version)}


def bookmark(version: int) -> dict[str, Any]:
    return {
        "type": "BOOKMARK",
        "object": {"kind": "Pod", "apiVersion": "v1", "metadata": {"resourceVersion": str(version)}},
    }


def error(code: int, message: str) -> dict[str, Any]:
    """An error in the midst of a watch."""
    return {"type": "ERROR", "object": {"kind": "Status", "status": "Failure", "message": message, "code": code}}


@pytest.fixture
def config(home: Path, api: ApiServer) -> Path:
    return write_kubeconfig(home / ".kube/config", {"token": "t"}, {"server": api.url})


@pytest.fixture
async def client(login: Login, config: Path) -> AsyncIterator[Cluster]:
    made = Cluster(login)
    await made.connect()
    yield made
    await made.close()


class Follower:
    """Takes events as they come."""

    def __init__(self, client: Cluster, namespace: str | None = None) -> None:
        self.stream = cast("AsyncGenerator[Event]", client.follow(PODS, namespace, labels="app=x"))

    async def take(self, count: int) -> list[Event]:
        async with asyncio.timeout(5):
            return [await anext(self.stream) for _ in range(count)]

    async def stays_silent(self, seconds: float) -> bool:
        """Whether nothing comes; no event can be taken afterwards."""
        try:
            await asyncio.wait_for(anext(self.stream), seconds)
        except TimeoutError:
            return True
        return False


@pytest.fixture
async def follower(client: Cluster) -> AsyncIterator[Follower]:
    made = Follower(client)
    yield made
    await made.stream.aclose()


# --- list and watch --------------------------------------------------------------------------------------------------


async def test_a_full_list_comes_first(api: ApiServer, follower: Follower) -> None:
    api.answers[LIST] = [page(pod("a", 3), pod("b", 5), version=7)]
    assert await follower.take(1) == [Listed([whole("a", 3), whole("b", 5)], 7)]
    (request,) = api.requests
    assert request.query == {"labelSelector": "app=x", "limit": "500"}
    assert request.headers["Authorization"] == "Bearer t"


async def test_an_empty_list_is_told_too(api: ApiServer, follower: Follower) -> None:
    api.answers[LIST] = [page(version=7)]
    assert await follower.take(1) == [Listed([], 7)], "that there is nothing is a fact"


async def test_an_empty_list_may_be_null(api: ApiServer, follower: Follower) -> None:
    api.answers[LIST] = [reply({"kind": "PodList", "metadata": {"resourceVersion": "7"}, "items": None})]
    assert await follower.take(1) == [Listed([], 7)]


async def test_the_watch_goes_on_from_the_list(api: ApiServer, follower: Follower) -> None:
    api.answers[LIST] = [page(pod("a", 3), version=7)]
    api.answers[WATCH] = [
        api.events(event("ADDED", "b", 8), event("MODIFIED", "a", 9), event("DELETED", "a", 10), then="hang")
    ]
    assert (await follower.take(4))[1:] == [Changed(whole("b", 8)), Changed(whole("a", 9)), Removed(whole("a", 10))]
    (request,) = api.seen(WATCH)
    assert request.query["resourceVersion"] == "7"
    assert request.query["labelSelector"] == "app=x"
    assert request.query["allowWatchBookmarks"] == "true"
    # The server is to end it, ten minutes give or take a fifth after the list.
    assert 470 <= int(request.query["timeoutSeconds"]) <= 720


async def test_one_namespace(api: ApiServer, client: Cluster) -> None:
    api.answers["GET /api/v1/namespaces/demo/pods"] = [page(pod("a", 3), version=7)]
    follower = Follower(client, "demo")
    assert await follower.take(1) == [Listed([whole("a", 3)], 7)]
    await follower.stream.aclose()


async def test_an_ended_watch_goes_on_where_it_was(api: ApiServer, follower: Follower) -> None:
    api.answers[LIST] = [page(version=7)]
    api.answers[WATCH] = [
        api.events(event("ADDED", "a", 8)),
        api.events(),
        api.events(event("ADDED", "b", 9), then="hang"),
    ]
    assert await follower.take(3) == [Listed([], 7), Changed(whole("a", 8)), Changed(whole("b", 9))]
    assert [request.query["resourceVersion"] for request in api.seen(WATCH)] == ["7", "8", "8"]
    assert len(api.seen(LIST)) == 1


@pytest.mark.parametrize(
    ("rest", "then"),
    [
        pytest.param(b"", "cut", id="between events"),
        pytest.param(b'{"type": "MODIFIED", "object": {"metad', "cut", id="within an event"),
        pytest.param(b'{"type": "MODIFIED", "object": {"metad', "end", id="within an event, politely"),
        pytest.param(b"<html>time-out</html>\n", "hang", id="by a proxy"),
        pytest.param(b"[]\n", "hang", id="by what is no API server"),
        pytest.param(b'{"type": "ADDED", "object": {"metadata": {}}}\n', "hang", id="by half an event"),
    ],
)
async def test_a_lost_connection_goes_on_where_it_was(
    api: ApiServer, follower: Follower, rest: bytes, then: str
) -> None:
    api.answers[LIST] = [page(version=7)]
    api.answers[WATCH] = [
        api.events(event("ADDED", "a", 8), rest, then=then),
        api.events(event("MODIFIED", "a", 9), then="hang"),
    ]
    assert await follower.take(3) == [Listed([], 7), Changed(whole("a", 8)), Changed(whole("a", 9))]
    assert [request.query["resourceVersion"] for request in api.seen(WATCH)] == ["7", "8"]
    assert len(api.seen(LIST)) == 1


async def test_a_silent_watch_is_begun_anew_without_a_word(
    api: ApiServer, follower: Follower, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The API server sends no bookmarks of Events: silence is nothing unusual."""
    caplog.set_level(logging.WARNING, "nuvop")
    monkeypatch.setattr(cluster, "_WATCH_TIMEOUT", aiohttp.ClientTimeout(total=None, sock_read=0.3))
    api.answers[LIST] = [page(version=7)]
    api.answers[WATCH] = [
        api.events(event("ADDED", "a", 8), then="hang"),
        api.events(event("ADDED", "b", 9), then="hang"),
    ]
    assert await follower.take(3) == [Listed([], 7), Changed(whole("a", 8)), Changed(whole("b", 9))]
    assert [request.query["resourceVersion"] for request in api.seen(WATCH)] == ["7", "8"]
    assert not caplog.records


async def test_a_bookmark_is_no_event_and_keeps_the_place(api: ApiServer, follower: Follower) -> None:
    api.answers[LIST] = [page(version=7)]
    api.answers[WATCH] = [api.events(bookmark(50)), api.events(event("ADDED", "a", 51), then="hang")]
    assert await follower.take(2) == [Listed([], 7), Changed(whole("a", 51))]
    assert [request.query["resourceVersion"] for request in api.seen(WATCH)] == ["7", "50"]


@pytest.mark.parametrize("how", ["event", "answer"])
async def test_a_version_that_is_too_old_means_a_new_list(api: ApiServer, follower: Follower, how: str) -> None:
    gone = api.events(error(410, "too old resource version")) if how == "event" else status(410, "Expired")
    api.answers[LIST] = [page(pod("a", 3), pod("b", 4), version=7), page(pod("b", 4), version=90)]
    api.answers[WATCH] = [gone, api.events(event("ADDED", "c", 91), then="hang")]
    assert await follower.take(3) == [
        Listed([whole("a", 3), whole("b", 4)], 7),
        Listed([whole("b", 4)], 90),  # nobody says that a was deleted: the list does
        Changed(whole("c", 91)),
    ]
    assert [request.query["resourceVersion"] for request in api.seen(WATCH)] == ["7", "90"]


async def test_a_watch_that_is_told_of_an_error_goes_on_where_it_was(api: ApiServer, follower: Follower) -> None:
    api.answers[LIST] = [page(version=7)]
    api.answers[WATCH] = [
        api.events(event("ADDED", "a", 8), error(500, "etcdserver: leader changed")),
        api.events(event("ADDED", "b", 9), then="hang"),
    ]
    assert await follower.take(3) == [Listed([], 7), Changed(whole("a", 8)), Changed(whole("b", 9))]
    assert [request.query["resourceVersion"] for request in api.seen(WATCH)] == ["7", "8"]


async def test_a_long_list_comes_in_pages(api: ApiServer, follower: Follower) -> None:
    api.answers[LIST] = [
        page(pod("a", 1), version=7, more="two"),
        page(pod("b", 2), version=7, more="three"),
        page(pod("c", 3), version=7),
    ]
    assert await follower.take(1) == [Listed([whole("a", 1), whole("b", 2), whole("c", 3)], 7)]
    assert [request.query.get("continue") for request in api.seen(LIST)] == [None, "two", "three"]
    assert {request.query["labelSelector"] for request in api.seen(LIST)} == {"app=x"}


async def test_a_list_that_expires_between_its_pages_starts_over(api: ApiServer, follower: Follower) -> None:
    api.answers[LIST] = [
        page(pod("a", 1), version=7, more="two"),
        status(410, "The provided continue parameter is too old"),
        page(pod("b", 2), version=9),
    ]
    assert await follower.take(1) == [Listed([whole("b", 2)], 9)], "half a list would look like a deletion"
    assert [request.query.get("continue") for request in api.seen(LIST)] == [None, "two", None]


async def test_a_list_that_fails_between_its_pages_is_not_told(api: ApiServer, follower: Follower) -> None:
    api.answers[LIST] = [page(pod("a", 1), version=7, more="two"), status(503, "busy"), page(pod("b", 2), version=9)]
    assert await follower.take(1) == [Listed([whole("b", 2)], 9)]


async def test_a_new_list_is_due_after_a_while(
    api: ApiServer, follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "RELIST_AFTER", 0.05)
    api.answers[LIST] = [page(pod("a", 1), version=7), page(version=8)]
    api.answers[WATCH] = [api.events() for _ in range(20)]
    assert await follower.take(2) == [Listed([whole("a", 1)], 7), Listed([], 8)]
    assert {request.query["timeoutSeconds"] for request in api.seen(WATCH)} == {"1"}, "0 would be the server's default"


async def test_a_new_list_is_one_of_what_is_served_by_then(
    api: ApiServer, client: Cluster, follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A CRD's new version may have a status subresource."""
    monkeypatch.setattr(cluster, "RELIST_AFTER", 0.05)
    api.answers["GET /api/v1"] = [
        resources(("pods", "Pod", True)), resources(("pods", "Pod", True), ("pods/status", "Pod", True)),
    ]  # fmt: skip
    assert not (await client.discover("v1", "Pod")).has_status
    api.answers[LIST] = [page(version=7)]
    api.answers[WATCH] = [api.events() for _ in range(20)]
    await follower.take(2)
    assert (await client.discover("v1", "Pod")).has_status


async def test_a_type_that_is_served_elsewhere_is_found_there(
    api: ApiServer, client: Cluster, follower: Follower
) -> None:
    """Its CRD was deleted and made anew with another plural, or for all namespaces."""
    api.answers["GET /api/v1"] = [resources(("pods", "Pod", True))]
    await client.discover("v1", "Pod")
    api.answers["GET /api/v1"] = [resources(("others", "Other", True)), resources(("podz", "Pod", False))]
    told = await follower.take(3)
    assert all(isinstance(event, Failing) and isinstance(event.error, NotFound) for event in told)
    assert await client.discover("v1", "Pod") == ApiResource("", "v1", "podz", "Pod", namespaced=False)


async def test_who_is_refused_does_not_ask_what_has_become_of_the_type(api: ApiServer, follower: Follower) -> None:
    """It would learn nothing, and meet with another trouble where its token is refused, waited for less long."""
    api.answers[LIST] = [status(403, "no right")] * 2 + [page(version=7)]
    await follower.take(3)
    assert [request for request in api.requests if request.what == "GET /api/v1"] == []


async def test_a_type_that_is_gone_is_not_asked_for_by_each_who_needs_it(
    api: ApiServer, client: Cluster, follower: Follower
) -> None:
    """A thousand resources may: that its watch fails is told to all of them."""
    api.answers["GET /api/v1"] = [resources(("pods", "Pod", True))]
    await client.discover("v1", "Pod")
    del api.answers["GET /api/v1"]
    await follower.take(3)
    asked = len(api.requests)
    assert await client.discover("v1", "Pod") == PODS
    assert len(api.requests) == asked


async def test_what_is_forbidden_is_told_and_tried_until_it_is_allowed(
    api: ApiServer, follower: Follower, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "nuvop")
    refused = status(403, 'pods is forbidden: User "jane" cannot list resource "pods"')
    api.answers[LIST] = [refused, refused, refused, page(version=7)]
    *failing, listed = await follower.take(4)
    for told in failing:
        assert isinstance(told, Failing)
        assert isinstance(told.error, Forbidden)
        assert told.error.status == 403
    assert listed == Listed([], 7)
    assert [record.getMessage() for record in caplog.records] == [
        'watching pods: pods is forbidden: User "jane" cannot list resource "pods" (403); trying again until it works',
        "watching pods: works again",
    ]


async def test_what_is_forbidden_is_tried_less_and_less_often(
    api: ApiServer, follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trouble, "SOMEBODYS_DELAYS", (60.0,))
    api.answers[LIST] = [status(403, "forbidden")]
    await follower.take(2)
    assert await follower.stays_silent(0.3)
    assert len(api.seen(LIST)) == 2


async def test_a_right_that_is_lost_means_a_new_list(api: ApiServer, follower: Follower) -> None:
    api.answers[LIST] = [page(pod("a", 1), version=7), page(version=20)]
    api.answers[WATCH] = [status(403, "forbidden")]
    first, failing, second = await follower.take(3)
    assert (first, second) == (Listed([whole("a", 1)], 7), Listed([], 20))
    assert isinstance(failing, Failing)


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
async def test_an_api_server_in_trouble_is_waited_for(
    api: ApiServer, follower: Follower, caplog: pytest.LogCaptureFixture, code: int
) -> None:
    caplog.set_level(logging.WARNING, "nuvop")
    api.answers[LIST] = [status(code, "busy"), status(code, "busy"), page(version=7)]
    assert await follower.take(1) == [Listed([], 7)]
    assert len(caplog.records) == 2, "once that it does not work, once that it does"


async def test_a_proxys_error_page_is_trouble_too(
    api: ApiServer, follower: Follower, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "nuvop")
    api.answers[LIST] = [plain("<html>\nBad gateway</html>\n", 502), page(version=7)]
    assert await follower.take(1) == [Listed([], 7)]
    told = "watching pods: <html> Bad gateway</html> (502); trying again until it works"
    assert caplog.records[0].getMessage() == told, "in one line"


async def test_a_server_that_comes_back_is_found_again(
    api: ApiServer, client: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "nuvop")
    api.answers[LIST] = [page(pod("a", 1), version=7)]
    api.answers[WATCH] = [api.events(event("ADDED", "b", 8), then="hang")]
    follower = Follower(client)
    await follower.take(2)
    await api.stop()
    waiting = asyncio.create_task(follower.take(1))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    api.answers[WATCH] = [api.events(event("DELETED", "a", 9), then="hang")]
    await api.start()
    assert await waiting == [Removed(whole("a", 9))]
    assert api.seen(WATCH)[-1].query["resourceVersion"] == "8"
    assert len(api.seen(LIST)) == 1
    messages = [record.getMessage() for record in caplog.records]
    assert messages[0].startswith("watching pods: the API server cannot be reached: ")
    assert messages[-1] == "watching pods: works again"
    assert len(messages) == len(set(messages))
    await follower.stream.aclose()


async def test_a_follower_can_be_cancelled_at_any_time(api: ApiServer, client: Cluster) -> None:
    async def follow() -> None:
        async with contextlib.aclosing(cast("AsyncGenerator[Event]", client.follow(PODS, None))) as stream:
            async for _ in stream:
                pass

    api.answers[LIST] = [page(version=7)]
    watching = asyncio.create_task(follow())
    await asyncio.sleep(0.1)
    assert len(api.seen(WATCH)) == 1
    api.answers[LIST] = [status(503, "busy")]
    retrying = asyncio.create_task(follow())
    await asyncio.sleep(0.1)
    for task in (watching, retrying):
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, 1)


# --- a token that is refused -----------------------------------------------------------------------------------------


async def test_a_new_token_is_read_when_the_old_one_is_refused(api: ApiServer, client: Cluster, config: Path) -> None:
    api.answers["GET /api/v1/namespaces/demo/pods/a"] = [reply(whole("a", 1))]
    api.token = "new"
    write_kubeconfig(config, {"token": "new"}, {"server": api.url})
    assert await client.get(PODS, "demo", "a") == whole("a", 1)
    assert api.requests[-1].headers["Authorization"] == "Bearer new"


async def test_a_token_file_is_read_anew(api: ApiServer, login: Login, config: Path, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("old")
    write_kubeconfig(config, {"tokenFile": str(file)}, {"server": api.url})
    client = Cluster(login)
    await client.connect()
    api.answers[LIST] = [page(version=7)]
    api.token = "old"
    follower = Follower(client)
    await follower.take(1)
    api.token = "new"
    file.write_text("new")
    api.answers[WATCH] = [api.events(event("ADDED", "a", 8), then="hang")]
    assert await follower.take(1) == [Changed(whole("a", 8))]
    assert len(api.seen(LIST)) == 1, "nothing was lost"
    await follower.stream.aclose()
    await client.close()


async def test_a_watch_goes_on_with_the_new_token_when_the_old_one_is_refused(
    api: ApiServer, follower: Follower, config: Path
) -> None:
    """That it fails would be told in the status of all that is watched."""
    api.answers[LIST] = [page(version=7)]
    await follower.take(1)
    api.token = "new"
    write_kubeconfig(config, {"token": "new"}, {"server": api.url})
    api.answers[WATCH] = [api.events(event("ADDED", "a", 8), then="hang")]
    assert await follower.take(1) == [Changed(whole("a", 8))]
    assert len(api.seen(LIST)) == 1, "nothing was lost"


async def test_a_watch_waits_until_its_token_is_accepted(api: ApiServer, follower: Follower, config: Path) -> None:
    api.answers[LIST] = [page(pod("a", 1), version=7), page(version=8)]
    assert await follower.take(1) == [Listed([whole("a", 1)], 7)]
    api.token = "new"
    failing = (await follower.take(1))[0]
    assert isinstance(failing, Failing)
    assert failing.error.status == 401
    write_kubeconfig(config, {"token": "new"}, {"server": api.url})
    async with asyncio.timeout(5):
        async for event in follower.stream:
            if isinstance(event, Listed):
                assert event == Listed([], 8)
                break


async def test_a_login_that_fails_meanwhile_is_waited_out(api: ApiServer, follower: Follower, config: Path) -> None:
    api.answers[LIST] = [page(version=7)]
    api.token = "new"
    config.write_text("{{{")
    waiting = asyncio.create_task(follower.take(1))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    write_kubeconfig(config, {"token": "new"}, {"server": api.url})
    assert await waiting == [Listed([], 7)]


async def test_a_token_that_stays_refused_is_an_error(api: ApiServer, client: Cluster) -> None:
    api.token = "another"
    with pytest.raises(Forbidden) as raised:
        await client.get(PODS, "demo", "a")
    assert (raised.value.status, str(raised.value)) == (401, "Unauthorized (401)")


async def test_without_credentials_a_refused_token_is_a_login_error(
    api: ApiServer, client: Cluster, config: Path
) -> None:
    api.token = "another"
    config.unlink()
    with pytest.raises(LoginError):
        await client.get(PODS, "demo", "a")


async def test_requests_that_are_refused_together_log_in_once(api: ApiServer, client: Cluster, config: Path) -> None:
    api.answers["GET /api/v1/namespaces/demo/pods/a"] = [reply(whole("a", 1))]
    api.token = "new"
    write_kubeconfig(config, {"token": "new"}, {"server": api.url})
    logins = 0
    real = client._login.refresh

    async def refresh() -> Any:
        nonlocal logins
        logins += 1
        return await real()

    client._login.refresh = refresh  # type: ignore[method-assign]
    await asyncio.gather(*(client.get(PODS, "demo", "a") for _ in range(10)))
    assert logins == 1


async def test_a_new_token_does_not_end_what_is_under_way(api: ApiServer, follower: Follower, client: Cluster) -> None:
    api.answers[LIST] = [page(version=7)]
    api.answers[WATCH] = [api.events(event("ADDED", "a", 8), then="hang")]
    await follower.take(2)
    await client.connect()
    assert await follower.stays_silent(0.1)
    assert len(api.seen(WATCH)) == 1


# --- what may not happen ---------------------------------------------------------------------------------------------


async def test_versions_that_are_always_too_old_do_not_burn_the_api_server(
    api: ApiServer, follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trouble, "RETRY_DELAYS", (0.2,))
    monkeypatch.setattr(cluster, "RECONNECT_DELAY", 0.1)
    api.answers[LIST] = [page(version=7)]
    api.answers[WATCH] = [status(410, "Expired") for _ in range(1000)]

    async def take_all() -> None:
        async for _ in follower.stream:
            pass

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(take_all(), 0.5)
    assert len(api.seen(LIST)) <= 8


async def test_a_token_that_stays_refused_costs_no_connections(
    api: ApiServer, client: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[aiohttp.ClientSession] = []

    def remember(*arguments: Any, **named: Any) -> aiohttp.ClientSession:
        opened.append(open_session(*arguments, **named))
        return opened[-1]

    monkeypatch.setattr(cluster, "open_session", remember)
    api.token = "another"
    for _ in range(10):
        with pytest.raises(Forbidden):
            await client.get(PODS, "demo", "a")
    assert len(opened) == 10
    assert [session.closed for session in opened] == [True] * 9 + [False]


async def test_a_watch_outlives_new_credentials(api: ApiServer, client: Cluster, follower: Follower) -> None:
    gate = asyncio.Event()

    async def later(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await gate.wait()
        await response.write(json.dumps(event("ADDED", "a", 8)).encode() + b"\n")
        return response

    api.answers[LIST] = [page(version=7)]
    api.answers[WATCH] = [later]
    await follower.take(1)
    waiting = asyncio.create_task(follower.take(1))
    await asyncio.sleep(0.05)
    for _ in range(5):
        await client.connect()
    gate.set()
    assert await waiting == [Changed(whole("a", 8))]


@pytest.mark.parametrize("text", ["<html>please log in</html>", "[]", "{}", '{"metadata": {}}'])
async def test_an_answer_that_is_no_list_is_trouble(api: ApiServer, follower: Follower, text: str) -> None:
    api.answers[LIST] = [plain(text), page(version=7)]
    assert (await follower.take(1))[-1] == Listed([], 7)


async def test_an_error_that_is_no_status_is_trouble(api: ApiServer, follower: Follower) -> None:
    api.answers[LIST] = [plain('"bad gateway"', 502, "application/json"), page(version=7)]
    assert (await follower.take(1))[-1] == Listed([], 7)


@pytest.mark.parametrize("when", ["before the list", "before the watch"])
async def test_a_token_file_that_is_away_for_a_moment(
    api: ApiServer, login: Login, config: Path, tmp_path: Path, when: str
) -> None:
    file = tmp_path / "token"
    file.write_text("old")
    write_kubeconfig(config, {"tokenFile": str(file)}, {"server": api.url})
    client = Cluster(login)
    await client.connect()
    api.answers[LIST] = [page(version=7)]
    api.answers[WATCH] = [api.events(event("ADDED", "a", 8), then="hang")]
    follower = Follower(client)
    try:
        if when == "before the watch":
            await follower.take(1)
        api.token = "new"
        file.unlink()
        waiting = asyncio.create_task(follower.take(1))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        file.write_text("new")
        assert await waiting == [Listed([], 7) if when == "before the list" else Changed(whole("a", 8))]
    finally:
        await follower.stream.aclose()
        await client.close()


# --- requests --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (400, ClusterError),
        (403, Forbidden),
        (404, NotFound),
        (409, Conflict),
        (410, cluster.Expired),
        (429, ClusterUnreachable),
        (500, ClusterUnreachable),
        (503, ClusterUnreachable),
    ],
)
async def test_errors_are_told_apart(api: ApiServer, client: Cluster, code: int, kind: type[ClusterError]) -> None:
    api.answers["GET /api/v1/namespaces/demo/pods/a"] = [status(code, "what it said")]
    with pytest.raises(ClusterError) as raised:
        await client.get(PODS, "demo", "a")
    assert type(raised.value) is kind
    assert (raised.value.status, str(raised.value)) == (code, f"what it said ({code})")
    assert len(api.requests) == 1


async def test_a_server_that_is_away(api: ApiServer, client: Cluster) -> None:
    await api.stop()
    with pytest.raises(ClusterUnreachable) as raised:
        await client.get(PODS, "demo", "a")
    assert raised.value.status == 0
    assert str(raised.value).startswith("the API server cannot be reached: ")


async def test_a_server_that_does_not_answer(api: ApiServer, client: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(5)
        return web.Response()

    api.answers["GET /api/v1/namespaces/demo/pods/a"] = [never]
    monkeypatch.setattr(cluster, "_TIMEOUT", aiohttp.ClientTimeout(total=0.1))
    with pytest.raises(ClusterUnreachable, match="cannot be reached: no answer in time"):
        await client.get(PODS, "demo", "a")


async def test_a_proxy_is_for_others(
    api: ApiServer, login: Login, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    client = Cluster(login)
    await client.connect()
    api.answers["GET /api/v1/namespaces/demo/pods/a"] = [reply(whole("a", 1))]
    assert await client.get(PODS, "demo", "a") == whole("a", 1)
    await client.close()


async def test_nothing_can_be_asked_before_connecting(login: Login) -> None:
    with pytest.raises(ClusterUnreachable):
        await Cluster(login).get(PODS, "demo", "a")


@pytest.mark.parametrize(
    ("resource", "namespace", "name", "path"),
    [
        (PODS, None, None, "/api/v1/pods"),
        (PODS, "demo", "a", "/api/v1/namespaces/demo/pods/a"),
        (SAMPLES, "demo", None, "/apis/nuvolaris.org/v1/namespaces/demo/samples"),
        (ApiResource("", "v1", "nodes", "Node", namespaced=False), "demo", "n", "/api/v1/nodes/n"),
    ],
)
def test_paths(resource: ApiResource, namespace: str | None, name: str | None, path: str) -> None:
    assert resource.path(namespace, name) == path


def resources(*names: tuple[str, str, bool]) -> Answer:
    entries = [{"name": name, "kind": kind, "namespaced": namespaced} for name, kind, namespaced in names]
    return reply({"kind": "APIResourceList", "resources": entries})


async def test_discovery(api: ApiServer, client: Cluster) -> None:
    api.answers["GET /apis/apps/v1"] = [
        resources(
            ("deployments", "Deployment", True), ("deployments/scale", "Scale", True),
            ("deployments/status", "Deployment", True), ("controllerrevisions", "ControllerRevision", True),
        )
    ]  # fmt: skip
    api.answers["GET /api/v1"] = [resources(("nodes", "Node", False), ("nodes/status", "Node", False))]
    expected = ApiResource("apps", "v1", "deployments", "Deployment")
    assert await client.discover("apps/v1", "Deployment") == expected
    assert (await client.discover("apps/v1", "Deployment")).has_status
    revisions = await client.discover("apps/v1", "ControllerRevision")
    assert (revisions.plural, revisions.has_status) == ("controllerrevisions", False)
    assert await client.discover("v1", "Node") == ApiResource("", "v1", "nodes", "Node", namespaced=False)
    assert len(api.requests) == 2, "a group is asked for once"
    with pytest.raises(NotServed) as raised:
        await client.discover("apps/v1", "Scale")
    assert str(raised.value) == "the API server serves no Scale of apps/v1"


async def test_a_group_that_is_gone_is_not_taken_for_served(api: ApiServer, client: Cluster) -> None:
    api.answers["GET /apis/nuvolaris.org/v1"] = [resources(("samples", "Sample", True))]
    await client.discover("nuvolaris.org/v1", "Sample")
    del api.answers["GET /apis/nuvolaris.org/v1"]
    for is_anew in (True, False):
        with pytest.raises(NotServed):
            await client.discover("nuvolaris.org/v1", "Sample", anew=is_anew)


async def test_an_api_server_that_has_just_started_is_not_believed_that_it_serves_no_such_group(
    api: ApiServer, client: Cluster
) -> None:
    """Until it has read all CRDs it answers so; children of the type would be taken for gone with it."""
    many = "".join(f"[+]check-{index} ok\n" for index in range(50))
    late = f"{many}[-]poststarthook/crd-informer-synced failed: reason withheld\nreadyz check failed\n"
    api.answers["GET /readyz"] = [plain(late, 500, "text/plain")]
    with pytest.raises(ClusterUnreachable, match="has not read its CRDs yet"):
        await client.discover("nuvolaris.org/v1", "Sample")
    # What else is wrong there does not matter.
    api.answers["GET /readyz"] = [plain(f"{many}[-]shutdown failed: reason withheld\n", 500, "text/plain")]
    with pytest.raises(NotServed):
        await client.discover("nuvolaris.org/v1", "Sample")
    api.answers["GET /readyz"] = [plain("ok")]
    with pytest.raises(NotServed):
        await client.discover("nuvolaris.org/v1", "Sample")
    api.answers["GET /apis/nuvolaris.org/v1"] = [status(404, "not found"), resources(("samples", "Sample", True))]
    assert await client.discover("nuvolaris.org/v1", "Sample") == SAMPLES


async def test_all_that_is_served(api: ApiServer, client: Cluster) -> None:
    core: dict[str, Any] = {"metadata": {}, "versions": []}
    apps = {"metadata": {"name": "apps"}, "versions": []}
    kind = {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2"}
    api.answers["GET /api"] = [reply({**kind, "items": [core]})]
    api.answers["GET /apis"] = [reply({**kind, "items": [apps]})]
    assert await client.served() == [core, apps]
    wanted = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    assert [request.headers["Accept"] for request in api.requests] == [wanted, wanted]
    api.answers["GET /apis"] = [reply({"kind": "APIGroupList", "groups": []})]
    with pytest.raises(ClusterError, match=r"as servers of Kubernetes 1\.30 and newer do"):
        await client.served()


async def test_of_metadata_alone(api: ApiServer, client: Cluster) -> None:
    partial = {"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", **pod("a", 3)}
    api.answers["GET /api/v1/namespaces/demo/pods/a"] = [reply(partial)]
    assert await client.get(PODS, "demo", "a", metadata_only=True) == whole("a", 3)
    api.answers[LIST] = [page(partial, version=7)]
    later = {**partial, **pod("a", 8)}
    api.answers[WATCH] = [
        api.events({"type": "MODIFIED", "object": later}, {"type": "DELETED", "object": later}, then="hang")
    ]
    follower = cast("AsyncGenerator[Event]", client.follow(PODS, None, metadata_only=True))
    events = [await anext(follower) for _ in range(3)]
    await follower.aclose()
    assert events == [Listed([whole("a", 3)], 7), Changed(whole("a", 8)), Removed(whole("a", 8))]
    one, many = cluster.METADATA_OF_ONE, cluster.METADATA_ONLY
    assert [request.headers["Accept"] for request in api.requests] == [one, many, one]


async def test_an_api_server_that_does_not_know_its_rules_yet_is_as_good_as_away(
    api: ApiServer, client: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    refused = status(403, 'forbidden: User "jane" cannot get path "/api/v1"')
    api.answers["GET /api/v1"] = [refused, refused, resources(("nodes", "Node", False))]
    found = await answer(Trouble("waiting for it"), lambda: client.discover("v1", "Node"))
    assert found.plural == "nodes"
    assert 'cannot get path "/api/v1" (403); trying again until it works' in caplog.text
    api.answers["POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews"] = [refused]
    with pytest.raises(ClusterUnreachable):
        await client.may(Right("", "apps", "deployments", "list"))


async def test_a_kind_that_is_installed_later_is_found(api: ApiServer, client: Cluster) -> None:
    with pytest.raises(NotServed) as raised:
        await client.discover("nuvolaris.org/v1", "Sample")
    assert str(raised.value) == "the API server serves no nuvolaris.org/v1"
    api.answers["GET /apis/nuvolaris.org/v1"] = [resources(("others", "Other", True))]
    with pytest.raises(NotServed):
        await client.discover("nuvolaris.org/v1", "Sample")
    api.answers["GET /apis/nuvolaris.org/v1"] = [resources(("samples", "Sample", True))]
    assert await client.discover("nuvolaris.org/v1", "Sample") == SAMPLES


REVIEWS = "POST /apis/authorization.k8s.io/v1/selfsubject"


@pytest.mark.parametrize(
    ("right", "allowed", "asked"),
    [
        (Right("", "apps", "deployments", "list"), True, {"group": "apps", "resource": "deployments"}),
        (Right("demo", "", "pods/log", "list"), False, {"resource": "pods", "subresource": "log", "namespace": "demo"}),
        (Right("demo", "", "pods", "list", "a"), False, {"resource": "pods", "name": "a", "namespace": "demo"}),
    ],
)
async def test_a_right_is_asked_for(
    api: ApiServer, client: Cluster, right: Right, allowed: bool, asked: dict[str, str]
) -> None:
    api.answers[f"{REVIEWS}accessreviews"] = [reply({"status": {"allowed": allowed}}, 201)]
    assert await client.may(right) is allowed
    (request,) = api.requests
    assert request.headers["Content-Type"] == "application/json"
    rest = dict.fromkeys(("group", "subresource", "name", "namespace"), "")
    assert json.loads(request.body)["spec"] == {"resourceAttributes": {**rest, "verb": "list", **asked}}


async def test_a_right_to_what_is_no_resource_is_asked_for(api: ApiServer, client: Cluster) -> None:
    api.answers[f"{REVIEWS}accessreviews"] = [reply({"status": {"allowed": True}}, 201)]
    assert await client.may(Right("", "", "", "get", path="/metrics"))
    assert json.loads(api.requests[0].body)["spec"] == {
        "nonResourceAttributes": {"verb": "get", "path": "/metrics"},
    }


@pytest.mark.parametrize(("namespace", "asked"), [("demo", "demo"), ("", "-")])
async def test_all_rights_in_a_namespace_or_outside_are_asked_for(
    api: ApiServer, client: Cluster, namespace: str, asked: str
) -> None:
    told = {"resourceRules": [], "nonResourceRules": [], "incomplete": False}
    api.answers[f"{REVIEWS}rulesreviews"] = [reply({"status": told}, 201)]
    assert await client.rules(namespace) == told
    assert json.loads(api.requests[0].body) == {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": asked},
    }


async def test_who_one_is(api: ApiServer, client: Cluster) -> None:
    what = "POST /apis/authentication.k8s.io/v1/selfsubjectreviews"
    api.answers[what] = [reply({"status": {"userInfo": {"username": "jane"}}}, 201)]
    assert await client.whoami() == "jane"


# --- status ----------------------------------------------------------------------------------------------------------

STATUS = "PATCH /apis/nuvolaris.org/v1/namespaces/demo/samples/obj/status"


def patching(stored: dict[str, Any]) -> Answer:
    """What the API server does with a JSON patch: its tests first; a failed one is a 422 without causes."""

    async def answer(request: web.Request) -> web.StreamResponse:
        assert request.content_type == "application/json-patch+json"
        for operation in await request.json():
            *parents, last = operation["path"].split("/")[1:]
            target = stored
            for parent in parents:
                target = target[parent]
            if operation["op"] == "add":
                target[last] = operation["value"]
            elif operation["op"] == "remove" and last in target:
                del target[last]
            elif operation["op"] == "remove" or target.get(last) != operation["value"]:
                return await status(422, "the server rejected our request due to an error in our request")(request)
        return await reply(stored)(request)

    return answer


def sample(uid: str = "u1", generation: int = 3, **more: Any) -> dict[str, Any]:
    metadata = {"name": "obj", "namespace": "demo", "uid": uid, "generation": generation, "resourceVersion": "9"}
    return {"metadata": metadata, **more}


NEW = {"phase": "Ready", "conditions": [{"type": "Ready", "status": "True"}]}


async def test_a_status_is_replaced_but_for_what_others_write(api: ApiServer, client: Cluster) -> None:
    seen = sample(status={"phase": "Old", "left/over": 1, "theirs": "as seen"})
    stored = sample(status={"phase": "Old", "left/over": 1, "theirs": "newer", "new": "not seen yet"})
    stored["status"]["left~1over"] = stored["status"].pop("left/over")  # as a JSON pointer has it
    api.answers[STATUS] = [patching(stored)]
    written = await client.write_status(SAMPLES, seen, {**NEW, "theirs": "as seen"}, {"theirs"})
    assert written["status"] == {**NEW, "theirs": "newer", "new": "not seen yet"}
    (request,) = api.requests
    assert [(entry["op"], entry["path"]) for entry in json.loads(request.body)] == [
        ("test", "/metadata/uid"),
        ("test", "/metadata/generation"),
        ("add", "/status/phase"),
        ("add", "/status/left~1over"),
        ("remove", "/status/left~1over"),
        ("add", "/status/conditions"),
    ]


async def test_a_field_that_somebody_else_has_just_removed_is_in_nobodys_way(api: ApiServer, client: Cluster) -> None:
    seen, stored = sample(status={"phase": "Old", "left": 1}), sample(status={"phase": "Old"})
    api.answers[STATUS] = [patching(stored)]
    assert (await client.write_status(SAMPLES, seen, NEW))["status"] == NEW


async def test_a_first_status_is_written(api: ApiServer, client: Cluster) -> None:
    api.answers[STATUS] = [patching(sample())]
    assert (await client.write_status(SAMPLES, sample(), NEW))["status"] == NEW


@pytest.mark.parametrize("stored", [sample(uid="u2"), sample(generation=4)], ids=["another one", "has changed"])
async def test_a_status_of_another_cr_or_generation_is_not_written(
    api: ApiServer, client: Cluster, stored: dict[str, Any]
) -> None:
    api.answers[STATUS] = [patching(stored)]
    with pytest.raises(Conflict) as raised:
        await client.write_status(SAMPLES, sample(), NEW)
    assert raised.value.status == 422
    assert "status" not in stored


async def test_a_status_that_the_schema_refuses_is_no_conflict(api: ApiServer, client: Cluster) -> None:
    causes = [{"reason": "FieldValueTypeInvalid", "field": "status.phase", "message": "must be string"}]
    api.answers[STATUS] = [status(422, 'Sample "obj" is invalid', causes=causes)]
    with pytest.raises(ClusterError) as raised:
        await client.write_status(SAMPLES, sample(), NEW)
    assert not isinstance(raised.value, Conflict)
    assert str(raised.value) == 'Sample "obj" is invalid (422)'


async def test_a_status_of_a_cr_that_is_gone(api: ApiServer, client: Cluster) -> None:
    with pytest.raises(NotFound):
        await client.write_status(SAMPLES, sample(), NEW)


# --- an answer that takes its time -----------------------------------------------------------------------------------


async def test_trying_out_changes_nothing(api: ApiServer, client: Cluster) -> None:
    """https://kubernetes.io/docs/reference/using-api/api-concepts/#dry-run"""
    at = "/apis/nuvolaris.org/v1/namespaces/demo/samples"
    sample = {"metadata": {"name": "a", "namespace": "demo"}}
    known = {"metadata": {**sample["metadata"], "uid": "u"}}
    for what in (f"POST {at}", f"PUT {at}/a", f"PATCH {at}/a"):
        api.answers[what] = [reply({"tried": what})]
    assert await client.try_out(SAMPLES, sample) == {"tried": f"POST {at}"}
    assert await client.try_out(SAMPLES, known) == {"tried": f"PUT {at}/a"}
    assert await client.try_apply(SAMPLES, sample) == {"tried": f"PATCH {at}/a"}
    assert [request.query.pop("dryRun") for request in api.requests] == ["All"] * 3
    assert [request.query for request in api.requests] == [
        {"fieldValidation": "Strict"},
        {"fieldValidation": "Strict"},
        # As `kubectl apply --server-side --force-conflicts --field-manager=nuvop --validate=false` asks.
        {"fieldManager": "nuvop", "force": "true", "fieldValidation": "Ignore"},
    ]
    assert api.requests[-1].headers["Content-Type"] == "application/apply-patch+yaml"


async def test_answer_waits_for_the_api_server(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "nuvop")
    answers: list[Any] = [ClusterUnreachable("away"), ClusterUnreachable("away"), "found"]

    async def ask() -> str:
        said = answers.pop(0)
        if isinstance(said, Exception):
            raise said
        return str(said)

    assert await answer(Trouble("looking for samples"), ask) == "found"
    assert [record.getMessage() for record in caplog.records] == [
        "looking for samples: away; trying again until it works",
        "looking for samples: works again",
    ]


@pytest.mark.parametrize("error", [NotFound("gone"), Forbidden("no"), LoginError("nobody"), ValueError("a bug")])
async def test_answer_passes_an_answer_on_that_is_an_error(error: Exception) -> None:
    async def ask() -> None:
        raise error

    with pytest.raises(type(error)) as raised:
        await answer(Trouble("looking"), ask)
    assert raised.value is error


async def test_an_object_that_is_nested_too_deep_does_not_hide_the_others(api: ApiServer, follower: Follower) -> None:
    """What is as deep as that cannot be held in memory in nuvop's way."""
    deep = b'{"a":' * 9_000 + b"1" + b"}" * 9_000

    def with_deep(text: dict[str, Any]) -> bytes:
        return json.dumps(text).encode().replace(b'"DEEP"', deep)

    listed = {"metadata": {"resourceVersion": "9"}, "items": [{**pod("a", 3), "spec": "DEEP"}, pod("b", 5)]}
    api.answers[LIST] = [plain(with_deep(listed).decode(), content_type="application/json")]
    event = {"type": "MODIFIED", "object": {**pod("a", 10), "spec": "DEEP"}}
    api.answers[WATCH] = [api.events(with_deep(event) + b"\n", then="hang")]
    seen, changed = await follower.take(2)
    assert isinstance(seen, Listed)
    assert [item["metadata"]["name"] for item in seen.items] == ["a", "b"]
    assert isinstance(changed, Changed)
    assert changed.body["metadata"]["resourceVersion"] == "10"
    assert kept(changed.body)["metadata"]["name"] == "a"
