"""kopf's session against a server that answers: real connections, a real login, made-up answers."""

# ruff: noqa: ASYNC110, ASYNC240 – the files are small, and nothing else has to go on meanwhile

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import aiohttp
import kopf
import pytest

from nuvop import session as session_
from nuvop import trouble
from nuvop.errors import LoginError
from nuvop.login import Credentials, Login
from nuvop.session import kopf_session
from tests.unit.conftest import ApiServer, plain, reply, status, write_kubeconfig

pytestmark = pytest.mark.usefixtures("impatient")

PODS = "/api/v1/pods"
Open = Callable[[], Coroutine[Any, Any, kopf.AiohttpSession]]


@pytest.fixture
def config(home: Path) -> Path:
    return home / ".kube/config"


@pytest.fixture
def told() -> list[tuple[str, str]]:
    """The requests that were counted: method and code."""
    return []


@pytest.fixture
async def open_(login: Login, api: ApiServer, config: Path, told: list[tuple[str, str]]) -> AsyncIterator[Open]:
    """Opens kopf's session; the kubeconfig has to be there by then."""
    opened: list[aiohttp.ClientSession] = []

    async def make() -> kopf.AiohttpSession:
        session = await kopf_session(login, lambda method, code: told.append((method, code)))
        opened.append(session.aiohttp_session)
        return session

    yield make
    for session in opened:
        await session.close()


def tokens(api: ApiServer) -> list[str | None]:
    return [request.headers.get("Authorization") for request in api.requests]


async def test_what_kopf_is_told(open_: Open, config: Path, api: ApiServer) -> None:
    write_kubeconfig(config, {"token": "t"}, {"server": api.url}, namespace="demo")
    session = await open_()
    assert (session.server, session.default_namespace) == (api.url, "demo")


async def test_the_token_goes_with_every_request(open_: Open, config: Path, api: ApiServer) -> None:
    write_kubeconfig(config, {"token": "secret"}, {"server": api.url})
    api.token = "secret"
    api.answers[f"GET {PODS}"] = [reply({"items": []})]
    session = await open_()
    for _ in range(2):
        response = await session.aiohttp_session.get(api.url + PODS)
        assert await response.json() == {"items": []}
    assert tokens(api) == ["Bearer secret"] * 2


async def test_requests_are_counted(open_: Open, config: Path, api: ApiServer, told: list[tuple[str, str]]) -> None:
    """Each attempt is one; what is not answered has no code."""
    write_kubeconfig(config, {"token": "t"}, {"server": api.url})
    api.answers[f"GET {PODS}"] = [reply({}), status(500, "no")]
    session = await open_()
    for _ in range(2):
        await session.aiohttp_session.get(api.url + PODS)
    assert told == [("GET", "200"), ("GET", "500")]
    with pytest.raises(aiohttp.ClientConnectionError):
        await session.aiohttp_session.post("http://127.0.0.1:1/")
    assert told[2:] == [("POST", "")]


async def test_a_token_file_is_read_for_every_request(open_: Open, config: Path, api: ApiServer, home: Path) -> None:
    file = home / "token"
    file.write_text("one\n")
    write_kubeconfig(config, {"tokenFile": str(file)}, {"server": api.url})
    api.answers[f"GET {PODS}"] = [reply({})]
    session = await open_()
    await session.aiohttp_session.get(api.url + PODS)
    file.write_text("two\n")
    await session.aiohttp_session.get(api.url + PODS)
    assert tokens(api) == ["Bearer one", "Bearer two"]


async def test_an_answer_that_breaks_off_is_a_broken_connection(open_: Open, config: Path, api: ApiServer) -> None:
    """kopf waits that out; a broken answer would end the operator."""
    write_kubeconfig(config, {}, {"server": api.url})
    api.answers[f"GET {PODS}"] = [api.events(b'{"items": [', then="cut"), reply({"items": []})]
    session = await open_()
    with pytest.raises(aiohttp.ClientConnectionError, match="the answer broke off"):
        await session.aiohttp_session.get(api.url + PODS)
    response = await session.aiohttp_session.get(api.url + PODS)
    assert await response.json() == {"items": []}


async def test_an_answer_that_does_not_come_is_not_waited_for_long(
    open_: Open, config: Path, api: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection may die without a word, also within an answer. kopf sends the request again."""
    write_kubeconfig(config, {"token": "t"}, {"server": api.url})
    api.answers[f"GET {PODS}"] = [
        api.events(then="hang"),
        api.events(b'{"items": [', then="hang"),
        reply({"items": []}),
    ]
    session = await open_()
    with monkeypatch.context() as impatient:
        impatient.setattr(session_, "ANSWER_WITHIN", 0.2)
        for _ in range(2):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(session.aiohttp_session.get(api.url + PODS), 5)
    assert (await session.aiohttp_session.get(api.url + PODS)).status == 200


@pytest.mark.parametrize("refused", [401, 403])
async def test_what_is_waited_for_otherwise_may_take_its_time(
    open_: Open, config: Path, api: ApiServer, monkeypatch: pytest.MonkeyPatch, refused: int
) -> None:
    """A watch in which nothing happens, a right or a token that somebody has to give."""
    monkeypatch.setattr(session_, "ANSWER_WITHIN", 1.0)
    monkeypatch.setattr(trouble, "RETRY_DELAYS", (1.5,))
    write_kubeconfig(config, {"token": "t"}, {"server": api.url})
    api.answers[f"WATCH {PODS}"] = [api.events(ADDED, then="hang")]
    api.answers[f"GET {PODS}"] = [status(refused, "no"), reply({"items": []})]
    session = await open_()
    assert (await asyncio.wait_for(session.aiohttp_session.get(api.url + PODS), 5)).status == 200
    response = await session.aiohttp_session.get(f"{api.url}{PODS}?watch=true")
    events = response.content.iter_chunked(1024)
    assert json.loads(await anext(events)) == ADDED
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(events), 1.5)
    response.close()


async def test_a_watch_is_handed_over_as_it_comes(open_: Open, config: Path, api: ApiServer) -> None:
    write_kubeconfig(config, {}, {"server": api.url})
    api.answers[f"WATCH {PODS}"] = [api.events({"type": "ADDED"}, then="hang")]
    session = await open_()
    response = await asyncio.wait_for(session.aiohttp_session.get(f"{api.url}{PODS}?watch=true"), 5)
    assert await anext(response.content.iter_chunked(1024)) == b'{"type": "ADDED"}\n'
    response.close()


async def opened_before_the_token_changed(open_: Open, config: Path, api: ApiServer) -> kopf.AiohttpSession:
    """A session whose token the API server accepts no more."""
    write_kubeconfig(config, {"token": "old"}, {"server": api.url})
    api.token = "new"
    api.answers[f"GET {PODS}"] = [reply({})]
    return await open_()


async def test_a_refused_token_is_renewed_within_the_request(
    open_: Open, config: Path, api: ApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "nuvop")
    write_kubeconfig(config, {"token": "old"}, {"server": api.url})
    api.token = "new"
    api.answers[f"PATCH {PODS}"] = [reply({"patched": True})]
    session = await open_()
    request = asyncio.create_task(session.aiohttp_session.patch(api.url + PODS, json={"a": "ü"}))
    async with asyncio.timeout(10):
        while len(api.requests) < 3:
            await asyncio.sleep(0.02)
    assert not request.done(), "it waits for a token that is accepted"
    write_kubeconfig(config, {"token": "new"}, {"server": api.url})
    response = await asyncio.wait_for(request, 5)
    assert response.status == 200
    assert await response.json() == {"patched": True}
    assert tokens(api)[0] == "Bearer old"
    assert tokens(api)[-1] == "Bearer new"
    assert {request.body for request in api.requests} == {b'{"a": "\\u00fc"}'}, "each attempt sends the whole body"
    assert [record.getMessage().replace(api.url, "URL") for record in caplog.records] == [
        f"logging in to URL: the token of kubeconfig {config} is not accepted; trying again until it works",
        "logging in to URL: works again",
    ]
    assert "old" not in caplog.text


async def test_a_login_that_fails_meanwhile_is_waited_out(
    open_: Open, config: Path, api: ApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "nuvop")
    session = await opened_before_the_token_changed(open_, config, api)
    config.write_text("{{{")
    request = asyncio.create_task(session.aiohttp_session.get(api.url + PODS))
    async with asyncio.timeout(10):
        while "no credentials" not in caplog.text:
            await asyncio.sleep(0.02)
    assert not request.done()
    write_kubeconfig(config, {"token": "new"}, {"server": api.url})
    assert (await asyncio.wait_for(request, 5)).status == 200


async def test_a_token_file_that_is_away_for_a_moment(open_: Open, config: Path, api: ApiServer, home: Path) -> None:
    file = home / "token"
    file.write_text("t")
    write_kubeconfig(config, {"tokenFile": str(file)}, {"server": api.url})
    api.answers[f"GET {PODS}"] = [reply({})]
    session = await open_()
    file.unlink()
    request = asyncio.create_task(session.aiohttp_session.get(api.url + PODS))
    await asyncio.sleep(0.1)
    assert api.requests == [], "without its token a request is another user's"
    file.write_text("t")
    assert (await asyncio.wait_for(request, 5)).status == 200


async def test_requests_that_are_refused_together_all_go_on(open_: Open, config: Path, api: ApiServer) -> None:
    session = await opened_before_the_token_changed(open_, config, api)
    requests = asyncio.gather(*(session.aiohttp_session.get(api.url + PODS) for _ in range(10)))
    await asyncio.sleep(0.1)
    write_kubeconfig(config, {"token": "new"}, {"server": api.url})
    assert [response.status for response in await asyncio.wait_for(requests, 10)] == [200] * 10


async def test_requests_that_are_refused_together_log_in_once(
    open_: Open, config: Path, api: ApiServer, login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred watches would start a hundred kubectls, or plugins, at once."""
    session = await opened_before_the_token_changed(open_, config, api)
    write_kubeconfig(config, {"token": "new"}, {"server": api.url})
    logins, refresh = [], login.refresh

    async def counted() -> Credentials:
        logins.append(1)
        return await refresh()

    monkeypatch.setattr(login, "refresh", counted)
    await asyncio.wait_for(asyncio.gather(*(session.aiohttp_session.get(api.url + PODS) for _ in range(10))), 10)
    assert len(logins) == 1


async def test_requests_that_are_refused_together_say_so_once(
    open_: Open, config: Path, api: ApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Each namespace and kind is a watch of kopf's."""
    caplog.set_level(logging.WARNING, "nuvop")
    session = await opened_before_the_token_changed(open_, config, api)
    requests = asyncio.gather(*(session.aiohttp_session.get(api.url + PODS) for _ in range(10)))
    await asyncio.sleep(0.1)
    write_kubeconfig(config, {"token": "new"}, {"server": api.url})
    await asyncio.wait_for(requests, 10)
    assert [record.getMessage().replace(api.url, "URL") for record in caplog.records] == [
        f"logging in to URL: the token of kubeconfig {config} is not accepted; trying again until it works",
        "logging in to URL: works again",
    ]


@pytest.mark.parametrize(
    ("what", "code"),
    [
        *((f"GET {PODS}", code) for code in (200, 429, 500, 503)),
        *((f"PATCH {PODS}/a", code) for code in (200, 403, 404, 409, 422)),
        ("GET /apis/example.org/v1", 404),
        ("GET /api/v1", 404),
    ],
)
async def test_every_other_answer_is_kopfs(open_: Open, config: Path, api: ApiServer, what: str, code: int) -> None:
    write_kubeconfig(config, {"token": "t"}, {"server": api.url})
    api.answers[what] = [status(code, "said")]
    session = await open_()
    method, path = what.split()
    response = await session.aiohttp_session.request(method, api.url + path)
    assert response.status == code
    assert (await response.json())["message"] == "said"
    assert len(api.requests) == 1


@pytest.mark.parametrize("code", [400, 403, 404, 410])
@pytest.mark.parametrize("path", [PODS, "/apis/example.org/v1/namespaces/demo/widgets"])
async def test_a_list_goes_on_until_it_works(
    open_: Open, config: Path, api: ApiServer, caplog: pytest.LogCaptureFixture, code: int, path: str
) -> None:
    """kopf would end the operator, or tell of each attempt: a CRD that is gone may come back, and so may a right."""
    caplog.set_level(logging.WARNING, "nuvop")
    write_kubeconfig(config, {"token": "t"}, {"server": api.url})
    api.answers[f"GET {path}"] = [status(code, "said"), status(code, "said"), reply({"items": []})]
    session = await open_()
    response = await session.aiohttp_session.get(api.url + path)
    assert await response.json() == {"items": []}
    told = [record.getMessage() for record in caplog.records]
    said = {400: "Bad Request (400)", 403: "Forbidden (403)"}.get(code)
    assert told == (
        [f"listing and watching {path}: {said}; trying again until it works",
         f"listing and watching {path}: works again"] if said else []
    )  # fmt: skip


async def test_a_list_that_fails_now_and_then_says_so_once_a_minute(
    open_: Open, config: Path, api: ApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "nuvop")
    write_kubeconfig(config, {"token": "t"}, {"server": api.url})
    away = status(500, "away")  # which is kopf's to wait out
    api.answers[f"GET {PODS}"] = [status(400, "said"), away, *[reply({"items": []}), status(400, "said")] * 5]
    session = await open_()
    assert (await session.aiohttp_session.get(api.url + PODS)).status == 500
    assert "works again" not in caplog.text
    for _ in range(5):
        await session.aiohttp_session.get(api.url + PODS)
    assert [record.getMessage() for record in caplog.records] == [
        f"listing and watching {PODS}: Bad Request (400); trying again until it works",
        f"listing and watching {PODS}: works again",
    ]


async def test_what_is_too_old_begins_anew(open_: Open, config: Path, api: ApiServer) -> None:
    write_kubeconfig(config, {"token": "t"}, {"server": api.url})
    api.answers[f"WATCH {PODS}"] = [status(410, "Expired"), api.events({"type": "ADDED"})]
    api.answers[f"GET {PODS}"] = [status(410, "Expired"), reply({"items": []})]
    session = await open_()
    response = await session.aiohttp_session.get(f"{api.url}{PODS}?watch=true&resourceVersion=7&labelSelector=a")
    assert await anext(response.content.iter_chunked(1024)) == b'{"type": "ADDED"}\n'
    await session.aiohttp_session.get(f"{api.url}{PODS}?limit=1&continue=xyz")
    assert [request.query for request in api.requests] == [
        {"watch": "true", "resourceVersion": "7", "labelSelector": "a"},
        {"watch": "true", "labelSelector": "a"},
        {"limit": "1", "continue": "xyz"},
        {"limit": "1"},
    ]


def error(code: int, message: str) -> dict[str, Any]:
    return {"type": "ERROR", "object": {"kind": "Status", "status": "Failure", "message": message, "code": code}}


ADDED = {"type": "ADDED", "object": {"metadata": {"name": "a", "labels": {"ERROR": "no error"}}}}


async def test_a_watch_that_ends_in_an_error_begins_anew(
    open_: Open, config: Path, api: ApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    """kopf would end the operator for it unless it is 410; the error is said once, until an event comes again."""
    caplog.set_level(logging.WARNING, "nuvop")
    write_kubeconfig(config, {"token": "t"}, {"server": api.url})
    broken = [api.events(error(500, "etcd has a headache"), ADDED), api.events(error(500, "etcd has a headache"))]
    api.answers[f"WATCH {PODS}"] = [*broken, api.events(ADDED), api.events(error(410, "too old"))]
    session = await open_()
    seen = []
    for _ in range(4):
        response = await session.aiohttp_session.get(f"{api.url}{PODS}?watch=true")
        seen.append([json.loads(line) async for line in response.content.iter_chunked(1024)])
    gone = {"type": "ERROR", "object": {"code": 410}}
    assert seen == [[gone], [gone], [ADDED], [gone]]
    assert [record.getMessage() for record in caplog.records] == [
        f"watching {PODS}: etcd has a headache (500); trying again until it works",
        f"watching {PODS}: works again",
    ]


async def test_a_watch_that_breaks_off_says_so(open_: Open, config: Path, api: ApiServer) -> None:
    write_kubeconfig(config, {"token": "t"}, {"server": api.url})
    api.answers[f"WATCH {PODS}"] = [api.events(ADDED, b'{"type": "MODIF', then="cut")]
    session = await open_()
    response = await session.aiohttp_session.get(f"{api.url}{PODS}?watch=true")
    events = response.content.iter_chunked(1024)
    assert json.loads(await anext(events)) == ADDED
    with pytest.raises((aiohttp.ClientPayloadError, aiohttp.ClientConnectionError)):
        await anext(events)
    response.close()


async def test_a_watch_that_kopf_closes_ends(open_: Open, config: Path, api: ApiServer) -> None:
    write_kubeconfig(config, {"token": "t"}, {"server": api.url})
    api.answers[f"WATCH {PODS}"] = [api.events(ADDED, then="hang")]
    session = await open_()
    response = await session.aiohttp_session.get(f"{api.url}{PODS}?watch=true")
    events = response.content.iter_chunked(1024)
    await anext(events)
    asyncio.get_running_loop().call_later(0.05, response.close)
    async with asyncio.timeout(5):
        with pytest.raises(aiohttp.ClientConnectionError):
            await anext(events)


async def test_without_a_token_a_401_is_kopfs(open_: Open, config: Path, api: ApiServer) -> None:
    write_kubeconfig(config, {"username": "jane", "password": "hunter2"}, {"server": api.url})
    api.token = "never"
    session = await open_()
    assert (await session.aiohttp_session.get(api.url + PODS)).status == 401
    (authorization,) = tokens(api)
    assert authorization is not None
    assert authorization.startswith("Basic ")


async def test_a_stream_is_not_read_to_its_end_first(open_: Open, config: Path, api: ApiServer) -> None:
    write_kubeconfig(config, {"token": "t"}, {"server": api.url})
    api.answers[f"WATCH {PODS}"] = [api.events({"type": "ADDED"}, then="hang")]
    session = await open_()
    async with asyncio.timeout(5):
        response = await session.aiohttp_session.get(f"{api.url}{PODS}?watch=true")
        assert await anext(response.content.iter_chunked(1024)) == b'{"type": "ADDED"}\n'
        response.close()


async def test_a_server_that_is_away_is_kopfs_affair(open_: Open, config: Path, api: ApiServer) -> None:
    write_kubeconfig(config, {"token": "t"}, {"server": api.url})
    session = await open_()
    await api.stop()
    with pytest.raises(aiohttp.ClientConnectionError):
        await session.aiohttp_session.get(api.url + PODS)


async def test_a_proxy_is_for_others(
    open_: Open, config: Path, api: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    write_kubeconfig(config, {"token": "t"}, {"server": api.url})
    api.answers[f"GET {PODS}"] = [reply({})]
    session = await open_()
    assert (await session.aiohttp_session.get(api.url + PODS)).status == 200


async def test_nothing_to_log_in_with(open_: Open) -> None:
    with pytest.raises(LoginError):
        await open_()


def deep(levels: int) -> bytes:
    return b'{"a":' * levels + b'"x"' + b"}" * levels


def depth(value: Any) -> int:
    """Levels of mappings in each other."""
    found = 0
    while isinstance(value, dict):
        (value,), found = value.values(), found + 1
    return found


async def test_kopf_reads_no_more_levels_than_python_can(open_: Open, config: Path, api: ApiServer) -> None:
    """It would end the operator, and every one that is started after it."""
    write_kubeconfig(config, {}, {"server": api.url})
    api.answers[f"GET {PODS}"] = [plain(f'{{"items": [{deep(9_000).decode()}, 1]}}', content_type="application/json")]
    api.answers[f"WATCH {PODS}"] = [api.events(b'{"type": "ADDED", "object": ' + deep(9_000) + b"}\n", then="end")]
    session = await open_()
    listed = await (await session.aiohttp_session.get(api.url + PODS)).json()
    assert (depth(listed["items"][0]), listed["items"][1]) == (238, 1)
    async with session.aiohttp_session.get(f"{api.url}{PODS}?watch=true") as response:
        (event,) = [json.loads(line) async for line in response.content.iter_chunked(1)]
    assert (event["type"], depth(event["object"])) == ("ADDED", 239)
