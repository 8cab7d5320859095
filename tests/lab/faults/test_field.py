"""The applications of the fault suite over a real HTTP connection: made, released and removed as a whole."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from lab.api.access import Access
from lab.api.client import Api
from lab.faults.applications import APPLICATIONS
from lab.faults.field import BASE, Field

Object = dict[str, Any]


def merged(base: Object, change: Object) -> Object:
    """A JSON merge patch (RFC 7396)."""
    result = dict(base)
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key) or {}, value) if isinstance(value, dict) else value
    return result


class Server:
    """An API server and a gate service, as far as the field can tell: objects by their path, and what gates were asked."""

    def __init__(self) -> None:
        self.objects: dict[str, Object] = {}
        self.asked: list[tuple[str, str]] = []

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        path, body = request.path, await request.json() if request.can_read_body else {}
        if path.startswith("/gates/"):
            self.asked.append((path.removeprefix("/gates/"), body["name"]))
        elif request.method == "POST":
            self.objects[f"{path}/{body['metadata']['name']}"] = body
        elif path.endswith("/scale") and path.removesuffix("/scale") in self.objects:
            return web.json_response(self.scaled(path.removesuffix("/scale"), body))
        elif path not in self.objects:
            return web.json_response({}, status=404)
        elif request.method == "PATCH":
            self.objects[path] = merged(self.objects[path], body)
        elif request.method == "DELETE":
            del self.objects[path]
        return web.json_response(self.objects.get(path, {}))

    def scaled(self, path: str, change: Object) -> Object:
        """The subresource `/scale` of a workload, after a change that was decided on this version of it."""
        if change:
            assert change["metadata"]["resourceVersion"] == "1"
            self.objects[path] = merged(self.objects[path], {"spec": change["spec"]})
        return {"metadata": {"resourceVersion": "1"}, "spec": {"replicas": self.objects[path]["spec"]["replicas"]}}


@asynccontextmanager
async def field(tmp_path: Path) -> AsyncIterator[tuple[Server, Field]]:
    server = Server()
    runner = web.ServerRunner(web.Server(server.answer), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    env = {"registry": "registry", "gateway": {"name": "lab", "namespace": "edge"}, "gate_url": f"{url}/gates"}
    async with Api(Access(url)) as api:
        yield server, Field(api, "n", env, tmp_path)
    await runner.cleanup()


@pytest.mark.parametrize("shape", APPLICATIONS)
async def test_an_application_comes_and_goes_as_a_whole(shape: str, tmp_path: Path) -> None:
    """Also where it was made in part before: an API server that fails in the middle is asked again."""
    async with field(tmp_path) as (server, it):
        await it.install("oak", shape, BASE)
        whole = dict(server.objects)
        del server.objects["/apis/flagger.app/v1beta1/namespaces/n/canaries/oak"]
        await it.install("oak", shape, BASE)
        assert server.objects == whole
        await it.remove("oak")
        assert server.objects == {}


@pytest.mark.parametrize("shape", APPLICATIONS)
async def test_a_release_changes_the_template_of_its_workload_alone(shape: str, tmp_path: Path) -> None:
    """And its end-to-end suite finds what users would."""
    async with field(tmp_path) as (server, it):
        await it.install("oak", shape, BASE)
        before = dict(server.objects)
        await it.release("oak", "r1-bad", "1")
        (changed,) = [path for path in before if server.objects[path] != before[path]]
        assert changed == APPLICATIONS[shape].workload.path("n", "oak")
        facts = APPLICATIONS[shape].workload.reads(server.objects[changed])
        assert (facts["tag"], facts["round"]) == ("r1-bad", "1")
        await it.release("oak", "r1-next", "2")
        assert server.asked == [("e2e/pass", "oak"), ("e2e/fail", "oak"), ("e2e/pass", "oak")]
