"""An API server as an installation with rights in some namespaces meets it: 403 elsewhere, 404 for what is not installed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from kubernetes.aio import client

from blocks.kubernetes.api_server import ApiServer
from blocks.kubernetes.cluster import Cluster, Kind

Object = dict[str, Any]


@dataclass
class ScopedServer:
    """Objects by kind.

    Attributes:
        namespaces: where its one user has rights; empty for everywhere.
        objects: of each kind that is installed.
        refused: paths that were asked for without a right.
        patched: names of the objects that were written to.
    """

    namespaces: tuple[str, ...]
    objects: dict[Kind, list[Object]] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    patched: list[str] = field(default_factory=list)
    port: int = 0

    def cluster(self) -> Cluster:
        """The cluster, for an installation that looks after these namespaces."""
        configuration = client.Configuration(host=f"http://127.0.0.1:{self.port}")
        return Cluster(ApiServer(client.ApiClient(configuration), "scoped"), self.namespaces)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        body = await request.read()
        kinds = {f"/apis/{kind.api_version}": kind for kind in self.objects}
        if path == "/apis":
            versions = sorted({kind.api_version for kind in self.objects})
            return web.json_response({"groups": [{"versions": [{"groupVersion": one}]} for one in versions]})
        if path in kinds:
            named = [{"name": one.plural} for one in self.objects if path == f"/apis/{one.api_version}"]
            return web.json_response({"resources": named})
        for kind, items in self.objects.items():
            place = path.removeprefix(f"/apis/{kind.api_version}/").split("/")
            namespace = place[1] if place[0] == "namespaces" else None
            if place[2 if namespace else 0 :][:1] != [kind.plural]:
                continue
            if self.namespaces and namespace not in self.namespaces:
                self.refused.append(path)
                return web.json_response({"message": "forbidden"}, status=403)
            if body:
                self.patched.append("/".join(place[1:4:2]))
                return web.json_response({})
            if "watch" in request.query:
                response = web.StreamResponse()
                await response.prepare(request)
                return response
            found = [one for one in items if namespace in {None, one["metadata"]["namespace"]}]
            return web.json_response({"items": found, "metadata": {"resourceVersion": "7"}})
        return web.Response(text="404 page not found\n", status=404)


@asynccontextmanager
async def serving(server: ScopedServer) -> AsyncIterator[Cluster]:
    """A cluster whose API server this is."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.port = runner.addresses[0][1]
    cluster = server.cluster()
    try:
        yield cluster
    finally:
        await cluster.close()
        await runner.cleanup()
