"""Kinds that are not installed: an empty list by the API server's own word, found once they are there."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web

from blocks.kubernetes import follow, informers
from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.informers import informed
from blocks.kubernetes.kinds import CANARY, DEPLOYMENT, KUSTOMIZATION, METRIC_TEMPLATE
from sluice.errors import NotFoundError, TerminalError, TransientError
from tests.samples import NAME, NAMESPACE, canary_manifest
from tests.scoped_server import ScopedServer, serving


def there(version: int = 5) -> dict[str, Any]:
    item = canary_manifest()
    return {**item, "metadata": {**item["metadata"], "resourceVersion": str(version)}}


async def test_an_absent_kind_is_an_empty_list() -> None:
    """Neither its group, nor its version, nor it alone has to be there."""
    async with serving(ScopedServer((), {DEPLOYMENT: []})) as cluster:
        assert await cluster.list(CANARY) == []
    async with serving(ScopedServer((), {CANARY: [there()]})) as cluster:
        assert await cluster.list(METRIC_TEMPLATE) == []
        assert len(await cluster.list(CANARY)) == 1


async def test_a_proxy_that_knows_nothing_is_no_empty_list() -> None:
    """What is pruned or started by a list must not rest on somebody else's 404."""

    async def nothing(_: web.Request) -> web.StreamResponse:
        return web.Response(text="404 page not found", status=404)

    server = ScopedServer(())
    server.handle = nothing  # type: ignore[method-assign]
    async with serving(server) as cluster:
        with pytest.raises(NotFoundError):
            await cluster.list(KUSTOMIZATION)


async def test_a_right_that_is_missing_is_no_empty_list() -> None:
    """403 stays an error: somebody has to give the right."""
    async with serving(ScopedServer(("a",), {CANARY: []})) as cluster:
        with pytest.raises(TerminalError, match="403"):
            await Cluster(cluster.server).list(CANARY)


async def test_a_watch_on_an_absent_kind_waits_and_finds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader is answered at once that there is none; installed later, nobody restarts anything; and removed again."""
    monkeypatch.setattr(follow, "ABSENT_PAUSE", 0.01)
    monkeypatch.setattr(follow, "LONGEST_PAUSE", 0.01)
    server = ScopedServer(())
    async with serving(server) as cluster, asyncio.timeout(30), informed(cluster) as seen:
        assert await seen.list(CANARY) == []
        assert await seen.find(CANARY, NAME, NAMESPACE) is None
        server.objects[CANARY] = [there()]
        while not await seen.list(CANARY):
            await asyncio.sleep(0.01)
        del server.objects[CANARY]
        while await seen.list(CANARY):
            await asyncio.sleep(0.01)
        server.objects[CANARY] = [there(8)]
        while not await seen.list(CANARY):
            await asyncio.sleep(0.01)


async def test_a_reader_who_waits_in_vain_is_told_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """A right that was forgotten is what people meet on the first day: the error says which."""
    monkeypatch.setattr(informers, "SYNC_WITHIN", 0.5)
    async with serving(ScopedServer(("a",), {CANARY: []})) as cluster, informed(Cluster(cluster.server)) as seen:
        with pytest.raises(TransientError, match=r"has not listed its canaries .*answered 403: forbidden"):
            await seen.list(CANARY)
