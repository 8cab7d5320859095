"""The fault proxy before a real HTTP server: what it lets through, what it breaks, and who is asked at which write."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from lab.faults.proxies.prometheus import altered
from lab.faults.proxies.proxy import Proxy
from lab.faults.proxies.weather import Ask, Effect, Rule, Weather

ROUTE = "/apis/gateway.networking.k8s.io/v1/namespaces/n/httproutes/oak"
ROUTES = ROUTE.removesuffix("/oak")
BODY = {"metadata": {"name": "oak", "resourceVersion": "7"}, "spec": {"rules": []}}
PATIENCE_S = 20


class Server:
    """An API server as far as a proxy can tell: answers writes, and tells watches what it is asked to."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.news: asyncio.Queue[bytes] = asyncio.Queue()

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if "watch" in request.query:
            stream = web.StreamResponse()
            await stream.prepare(request)
            while news := await self.news.get():
                await stream.write(news)
            return stream
        self.written.append(request.path)
        return web.json_response({"metadata": {"resourceVersion": str(100 + len(self.written))}})


class Sentry:
    def __init__(self, before: bool = True, after: bool = True) -> None:
        self.asked: list[str] = []
        self._before, self._after = before, after

    async def before(self, ask: Ask) -> bool:
        self.asked.append(f"before {ask.act.what}" if ask.act else "?")
        return self._before

    async def after(self, ask: Ask, status: int) -> bool:
        self.asked.append(f"after {ask.act.what}" if ask.act else "?")
        return self._after


class Scene:
    def __init__(self, server: Server, proxy: Proxy, weather: Weather, http: aiohttp.ClientSession) -> None:
        self.server, self.proxy, self.weather, self.http = server, proxy, weather, http

    async def write(self, run: str = "") -> int:
        async with self.http.patch(ROUTE, data=json.dumps(BODY), headers={"X-Lab-Run": run}) as answer:
            await answer.read()
            return answer.status


@asynccontextmanager
async def scene(sentry: Sentry | None = None) -> AsyncIterator[Scene]:
    server, weather = Server(), Weather("a seed")
    runner = web.ServerRunner(web.Server(server.answer), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    proxy = Proxy("a", f"http://127.0.0.1:{runner.addresses[0][1]}", None, weather, sentry)
    async with (
        asyncio.timeout(PATIENCE_S),
        proxy.serving(),
        aiohttp.ClientSession(f"http://127.0.0.1:{proxy.port}") as http,
    ):
        yield Scene(server, proxy, weather, http)
        server.news.put_nowait(b"")
    await runner.cleanup()


async def test_a_write_goes_through_and_is_logged_with_the_version_it_made() -> None:
    """The log has who wrote, in which life and for which run, and the cluster's own order."""
    async with scene(sentry := Sentry()) as it:
        it.proxy.life = 3
        assert await it.write("7f") == 200
        (write,) = it.proxy.writes
        assert (write.client, write.life, write.run, write.version) == ("a", 3, "7f", 101)
        assert (write.accepted, write.answered) == (True, True)
        assert sentry.asked == [f"before {write.act.what}", f"after {write.act.what}"]


async def test_a_fault_before_an_act_leaves_it_undone() -> None:
    """The client gets no answer, and the server never sees the request."""
    async with scene(Sentry(before=False)) as it:
        with pytest.raises(aiohttp.ClientError):
            await it.write()
        assert it.server.written == []
        assert it.proxy.writes == []


async def test_a_fault_after_an_act_loses_only_its_answer() -> None:
    """The act is done, and whoever did it does not know."""
    async with scene(Sentry(after=False)) as it:
        with pytest.raises(aiohttp.ClientError):
            await it.write()
        assert it.server.written == [ROUTE]
        assert [write.answered for write in it.proxy.writes] == [False]


@pytest.mark.parametrize(("effect", "status"), [(Effect.TOO_MANY, 429), (Effect.ERROR, 500), (Effect.CONFLICT, 409)])
async def test_refusals_are_answered_in_the_servers_place_until_they_are_over(effect: Effect, status: int) -> None:
    """And only about the Canary that they are aimed at."""
    async with scene() as it:
        other = it.weather.begin(Rule(effect, lambda ask: ask.mentions("elm")))
        assert await it.write() == 200
        rule = it.weather.begin(Rule(effect, lambda ask: ask.mentions("oak")))
        assert await it.write() == status
        assert (rule.met, other.met) == (1, 0)
        it.weather.end(rule)
        assert await it.write() == 200


async def test_a_cut_breaks_requests_and_open_watches() -> None:
    """What a restart of the API server looks like to its clients."""
    async with scene() as it:
        watch = await it.http.get(ROUTES, params={"watch": "true"})
        it.server.news.put_nowait(b"one\n")
        assert await watch.content.readline() == b"one\n"
        it.weather.begin(Rule(Effect.CUT, lambda ask: True))
        with pytest.raises(aiohttp.ClientError):
            await watch.content.read()
        with pytest.raises(aiohttp.ClientError):
            await it.write()


async def test_a_held_watch_tells_nothing_and_then_everything() -> None:
    """Its client sees an old world as long as it is held; writes go through meanwhile."""
    async with scene() as it:
        watch = await it.http.get(ROUTES, params={"watch": "true"})
        rule = it.weather.begin(Rule(Effect.HOLD_WATCHES, lambda ask: True))
        it.server.news.put_nowait(b"one\n")
        assert await it.write() == 200
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(reading := asyncio.ensure_future(watch.content.readline())), 0.3)
        it.weather.end(rule)
        assert await reading == b"one\n"


def test_prometheus_answers_are_altered_as_trouble_would() -> None:
    """No series at all, every value NaN, or nothing scraped since the trouble began."""
    series = {"metric": {}, "values": [[10.0, "1"], [20.0, "2"]]}
    answer = json.dumps({"status": "success", "data": {"resultType": "matrix", "result": [series]}}).encode()

    def result(effect: Effect) -> list[dict[str, object]]:
        rule = Rule(effect, lambda ask: True, since=15.0)
        return list(json.loads(altered(rule, answer))["data"]["result"])

    assert result(Effect.EMPTY) == []
    assert [one["values"] for one in result(Effect.NAN)] == [[[10.0, "NaN"], [20.0, "NaN"]]]
    assert [one["values"] for one in result(Effect.STALE)] == [[[10.0, "1"]]]
    assert result(Effect.SLOW) == [series]
