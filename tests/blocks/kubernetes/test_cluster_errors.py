"""What the API server says, as sluice's errors: what can be helped by asking again, and what cannot."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from kubernetes.aio import client

from blocks.kubernetes import api_server as block
from blocks.kubernetes.api_server import ApiServer
from blocks.kubernetes.cluster import Cluster, Kind
from blocks.kubernetes.kinds import DEPLOYMENT, NAMESPACE
from sluice.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError, TerminalError, TransientError

CONFIG_MAP = Kind("v1", "ConfigMap", "configmaps")


@dataclass
class Server:
    """An API server that answers as it is told."""

    answer: Any = None
    asked: list[web.Request] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        self.asked.append(request)
        return await self.answer(request)


@pytest.fixture
async def server() -> AsyncIterator[tuple[Server, Cluster]]:
    it = Server()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", it.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    connected = Cluster(ApiServer(client.ApiClient(client.Configuration(host=f"http://127.0.0.1:{port}")), "fake"))
    yield it, connected
    await connected.close()
    await runner.cleanup()


def status(code: int, message: str = "said so", **headers: str) -> Any:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"kind": "Status", "message": message, "code": code}, status=code, headers=headers)

    return answer


def text(body: str, code: int = 200) -> Any:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=body, status=code)

    return answer


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (404, NotFoundError),
        (409, ConflictError),
        (410, ConflictError),
        (400, InvalidError),
        (422, InvalidError),
        (401, TerminalError),
        (403, ForbiddenError),
        (408, TransientError),
        (429, TransientError),
        (500, TransientError),
        (503, TransientError),
        (504, TransientError),
    ],
)
async def test_each_status_is_the_error_that_says_whether_to_ask_again(
    server: tuple[Server, Cluster], code: int, error: type[Exception]
) -> None:
    """The error names the call, the cluster, the status and what the server said."""
    server[0].answer = status(code)
    with pytest.raises(error) as caught:
        await server[1].get(DEPLOYMENT, "shop", "test")
    assert type(caught.value) is error
    assert "GET /apis/apps/v1/namespaces/test/deployments/shop: cluster fake" in str(caught.value)
    assert f"{code}: said so" in str(caught.value)


@pytest.mark.parametrize(
    ("header", "expected"),
    [({"Retry-After": "7"}, 7.0), ({}, None), ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, None)],
    ids=["seconds", "nothing", "a date"],
)
async def test_how_long_to_wait_is_what_the_server_asks(
    server: tuple[Server, Cluster], header: dict[str, str], expected: float | None
) -> None:
    """Retry-After is honoured where it is a number of seconds."""
    server[0].answer = status(429, **header)
    with pytest.raises(TransientError) as caught:
        await server[1].get(NAMESPACE, "test")
    assert caught.value.retry_after == expected


async def test_a_server_that_does_not_answer_in_time_is_transient(
    server: tuple[Server, Cluster], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Silence is not waited for longer than the call's timeout."""
    monkeypatch.setattr(block, "CALL_TIMEOUT", 0.05)
    silence = asyncio.Event()

    async def answer(_: web.Request) -> web.Response:
        await silence.wait()
        return web.Response()

    server[0].answer = answer
    with pytest.raises(TransientError, match="does not answer"):
        await server[1].get(NAMESPACE, "test")
    silence.set()


async def test_a_server_that_is_not_there_is_transient() -> None:
    """A refused connection may be a restart."""
    nobody = Cluster(ApiServer(client.ApiClient(client.Configuration(host="http://127.0.0.1:9")), "away"))
    with pytest.raises(TransientError, match="cluster away does not answer"):
        await nobody.get(NAMESPACE, "test")
    await nobody.close()


async def test_an_answer_that_breaks_off_is_transient(server: tuple[Server, Cluster]) -> None:
    """Half an answer is no answer."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b'{"kind": ')
        assert request.transport is not None
        request.transport.close()
        return response

    server[0].answer = answer
    with pytest.raises(TransientError, match="broke off its answer"):
        await server[1].get(NAMESPACE, "test")


@pytest.mark.parametrize("body", ["<html>a proxy's page</html>", "", '{"kind": '], ids=["a page", "nothing", "half"])
async def test_an_answer_that_is_no_json_is_transient(server: tuple[Server, Cluster], body: str) -> None:
    """A proxy that answers in the server's place is as good as a server that is away."""
    server[0].answer = text(body)
    with pytest.raises(TransientError):
        await server[1].get(NAMESPACE, "test")


async def test_an_error_page_of_a_proxy_is_told_as_it_is(server: tuple[Server, Cluster]) -> None:
    """An error that is no Status is quoted."""
    server[0].answer = text("<h1>Bad Gateway</h1>", 502)
    with pytest.raises(TransientError, match="502: <h1>Bad Gateway</h1>"):
        await server[1].get(NAMESPACE, "test")


async def test_deleting_what_is_not_there_is_no_error(server: tuple[Server, Cluster]) -> None:
    """Deleting is idempotent; finding says None."""
    server[0].answer = status(404)
    await server[1].delete(DEPLOYMENT, "shop", "test")
    assert await server[1].find(DEPLOYMENT, "shop", "test") is None


async def test_names_cannot_leave_their_place_in_the_path(server: tuple[Server, Cluster]) -> None:
    """A name with a slash is a name, not a path."""
    server[0].answer = status(404)
    assert await server[1].find(DEPLOYMENT, "../secrets/x", "a/b") is None
    assert server[0].asked[0].raw_path == "/apis/apps/v1/namespaces/a%2Fb/deployments/..%2Fsecrets%2Fx"


async def test_a_kind_that_the_cluster_does_not_serve_is_named(server: tuple[Server, Cluster]) -> None:
    """The way out is in the message."""
    server[0].answer = status(404)
    with pytest.raises(NotFoundError, match=r"does not serve Canary of flagger.app/v1beta1: is its CRD installed\?"):
        await server[1].resource_for("flagger.app/v1beta1", "Canary")


def stream(*lines: str) -> Any:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for line in lines:
            await response.write(line.encode() + b"\n")
        return response

    return answer


async def watched(cluster: Cluster) -> list[str]:
    return [change.type async for change in cluster.watch(CONFIG_MAP, "5", "test", "of=x")]


async def test_a_watch_goes_on_from_its_version_with_bookmarks_until_the_server_ends_it(
    server: tuple[Server, Cluster],
) -> None:
    """The end of a watch is no error; a line may be larger than any buffer's usual size."""
    large = '{"type": "MODIFIED", "object": {"data": {"x": "' + "y" * 900_000 + '"}}}'
    server[0].answer = stream('{"type": "ADDED", "object": {}}', large, '{"type": "BOOKMARK", "object": {}}')
    assert await watched(server[1]) == ["ADDED", "MODIFIED", "BOOKMARK"]
    query = server[0].asked[0].query
    assert (query["resourceVersion"], query["allowWatchBookmarks"], query["labelSelector"]) == (
        "5",
        "true",
        "of=x",
    )


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param(stream('{"type": "ERROR", "object": {"code": 410}}'), ConflictError, id="the version is too old"),
        pytest.param(stream('{"type": "ERROR", "object": {"code": 500}}'), TransientError, id="an error inside"),
        pytest.param(status(410), ConflictError, id="too old from the start"),
        pytest.param(status(503), TransientError, id="away"),
        pytest.param(stream('{"type": "ADD'), TransientError, id="a line that breaks off"),
    ],
)
async def test_a_watch_that_breaks_says_whether_to_list_again(
    server: tuple[Server, Cluster], answer: Any, error: type[Exception]
) -> None:
    """410 means: list again; everything else: watch again."""
    server[0].answer = answer
    with pytest.raises(error) as caught:
        await watched(server[1])
    assert type(caught.value) is error


async def test_an_event_may_be_large_but_not_without_end(
    server: tuple[Server, Cluster], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line of 5 MiB is an object like others; one beyond the limit is refused by name, before memory runs out."""
    it, cluster = server
    event = {"type": "MODIFIED", "object": {"metadata": {"name": "x"}, "data": {"v": "x" * 5 * 1024**2}}}

    async def watched(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(2):
            await response.write(json.dumps(event).encode() + b"\n")
        return response

    it.answer = watched
    assert [one.object["data"]["v"][-1] async for one in cluster.watch(CONFIG_MAP, "1", "test")] == ["x", "x"]
    monkeypatch.setattr(block, "LINE_LIMIT", 2 * 1024**2)
    with pytest.raises(InvalidError, match=r"configmaps.*2 MiB"):
        [one async for one in cluster.watch(CONFIG_MAP, "1", "test")]
