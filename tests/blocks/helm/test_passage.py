"""The way of helm to the cluster: no credential passes, records go where they are kept, rollouts keep what is theirs."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from aiohttp import web
from kubernetes.aio import client

from blocks.helm.passage import LARGEST, Passage, Rules, passage
from blocks.kubernetes.api_server import ApiServer
from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.logins.base import Credential
from sluice.errors import LostError
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flux.kustomization import HealthCheckExpressions
from sluice.sync.ownership import Governed, rollout_targets
from tests.samples import canary_manifest

APPLY = {"Content-Type": "application/apply-patch+yaml"}
LIVE = {
    "metadata": {"name": "shop", "namespace": "test", "resourceVersion": "7", "managedFields": []},
    "spec": {"replicas": 0},
}


class Login:
    """A login that shows a token."""

    refusal = "it"

    async def credential(self) -> Credential:
        return Credential("Bearer of-sluice")

    async def renew(self, refused: Credential) -> bool:
        return False

    async def close(self) -> None:
        return None


class Server:
    """An API server that notes what it is asked, and how."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Any]] = []
        self.shown: list[str] = []
        self.answer: tuple[int, Any] = (200, {"kind": "Fine"})

    async def handle(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        body = json.loads(raw) if raw[:1] in {b"{", b"["} else raw
        self.asked.append((request.method, request.path_qs, body))
        self.shown.append(request.headers.get("Authorization", ""))
        if request.path in {"/api/v1", "/apis/gateway.networking.k8s.io/v1"}:
            of = {"Service": "services", "HTTPRoute": "httproutes"}
            listed = [{"name": plural, "kind": kind, "namespaced": True} for kind, plural in of.items()]
            return web.json_response({"resources": listed})
        if request.query.get("watch") == "true":
            events = web.StreamResponse(headers={"Content-Type": "application/json"})
            await events.prepare(request)
            text = "".join(json.dumps(one) + "\n" for one in self.answer[1]).encode()
            for at in range(0, len(text), 7):
                await events.write(text[at : at + 7])
            return events
        if request.method == "GET" and request.path.endswith("/shop"):
            return web.json_response(LIVE)
        status, answer = self.answer
        return web.json_response(answer, status=status)


@asynccontextmanager
async def opened(
    server: Server, check: Callable[[], None] = lambda: None, expressions: Sequence[HealthCheckExpressions] = ()
) -> AsyncIterator[httpx.AsyncClient]:
    """A client where helm would be."""
    app = web.Application(client_max_size=2**26)
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    configuration = client.Configuration(host=f"http://127.0.0.1:{runner.addresses[0][1]}")
    cluster = Cluster(ApiServer(client.ApiClient(configuration), "of the test", Login()))
    manifest = canary_manifest()
    manifest["status"] = {"phase": "Initialized"}
    canaries = [Canary.parse(manifest)]

    async def governed() -> tuple[Governed, Any]:
        return Governed.by(canaries), rollout_targets(canaries)

    try:
        async with (
            passage(cluster, Rules("test", "store", governed, check, expressions)) as way,
            httpx.AsyncClient(base_url=way, trust_env=False) as helm,
        ):
            yield helm
    finally:
        await cluster.close()
        await runner.cleanup()


async def test_requests_are_forwarded_with_the_credential_that_helm_does_not_have() -> None:
    server = Server()
    async with opened(server) as helm:
        answer = await helm.get(
            "/apis/apps/v1/namespaces/test/deployments?limit=5", headers={"Authorization": "Bearer mine"}
        )
    assert answer.json() == {"kind": "Fine"}
    assert server.asked == [("GET", "/apis/apps/v1/namespaces/test/deployments?limit=5", b"")]
    assert server.shown == ["Bearer of-sluice"]


async def test_nobody_comes_in_who_does_not_know_the_way() -> None:
    server = Server()
    async with opened(server) as helm, httpx.AsyncClient(trust_env=False) as other:
        port = helm.base_url.port
        for path in ("/api", "/", f"/{'x' * 32}/api"):
            assert (await other.get(f"http://127.0.0.1:{port}{path}")).status_code == 404
    assert server.asked == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "secrets?labelSelector=name%3Dshop%2Cowner%3Dhelm", None),
        ("GET", "secrets/sh.helm.release.v1.shop.v3", None),
        ("PUT", "secrets/sh.helm.release.v1.shop.v3", {"type": "helm.sh/release.v1"}),
        ("DELETE", "secrets/sh.helm.release.v1.shop.v3", None),
        ("POST", "secrets", {"type": "helm.sh/release.v1"}),
    ],
)
async def test_the_record_of_a_release_is_kept_where_the_manifest_says(method: str, path: str, body: Any) -> None:
    server = Server()
    async with opened(server) as helm:
        await helm.request(method, f"/api/v1/namespaces/test/{path}", json=body)
    assert server.asked[-1][1].startswith("/api/v1/namespaces/store/secrets")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "secrets/login", None),
        ("GET", "secrets?labelSelector=app%3Dshop", None),
        ("POST", "secrets", {"type": "Opaque"}),
    ],
)
async def test_other_secrets_stay_where_they_are(method: str, path: str, body: Any) -> None:
    server = Server()
    async with opened(server) as helm:
        await helm.request(method, f"/api/v1/namespaces/test/{path}", json=body)
    assert server.asked[-1][1].startswith("/api/v1/namespaces/test/secrets")


async def test_the_service_that_leads_users_is_not_written_to() -> None:
    server = Server()
    async with opened(server) as helm:
        answer = await helm.patch("/api/v1/namespaces/shop-test/services/shop", json={"spec": {}}, headers=APPLY)
    assert answer.json() == LIVE
    assert {method for method, *_ in server.asked} == {"GET"}


async def test_a_service_of_somebody_else_is_written_to() -> None:
    server = Server()
    async with opened(server) as helm:
        await helm.patch("/api/v1/namespaces/other/services/shop", json={"spec": {"a": 1}}, headers=APPLY)
    assert server.asked[-1] == ("PATCH", "/api/v1/namespaces/other/services/shop", {"spec": {"a": 1}})


async def test_the_number_of_a_targets_replicas_is_the_rollouts() -> None:
    server = Server()
    path = "/apis/apps/v1/namespaces/shop-test/deployments/shop"
    manifest = {"metadata": {"name": "shop", "namespace": "shop-test"}, "spec": {"replicas": 5, "template": {"x": 1}}}
    async with opened(server) as helm:
        await helm.patch(path, json=manifest, headers=APPLY)
        applied = server.asked[-1][2]
        strategic = {"Content-Type": "application/strategic-merge-patch+json"}
        await helm.patch(path, json={"spec": {"replicas": 5, "template": {"x": 2}}}, headers=strategic)
        patched = server.asked[-1][2]
    assert applied["spec"] == {"template": {"x": 1}}
    assert patched["spec"] == {"template": {"x": 2}}


async def test_a_run_that_lost_its_right_writes_nothing() -> None:
    server = Server()

    def lost() -> None:
        raise LostError("the lease has run out")

    async with opened(server, lost) as helm:
        refused = await helm.post("/api/v1/namespaces/test/configmaps", json={})
        looked = await helm.get("/api/v1/namespaces/test/configmaps")
    assert (refused.status_code, looked.status_code) == (403, 200)
    assert "the lease has run out" in refused.json()["message"]
    assert [method for method, *_ in server.asked] == ["GET"]


async def test_what_the_api_server_says_is_handed_on() -> None:
    server = Server()
    server.answer = (422, {"kind": "Status", "message": "no"})
    async with opened(server) as helm:
        answer = await helm.post("/api/v1/namespaces/test/configmaps", json={})
    assert (answer.status_code, answer.json()["message"]) == (422, "no")


async def test_a_request_without_end_is_refused() -> None:
    server = Server()
    async with opened(server) as helm:
        answer = await helm.post("/api/v1/namespaces/test/configmaps", content=b" " * (LARGEST + 1))
    assert answer.status_code == 413
    assert server.asked == []


async def test_an_api_server_that_is_away_is_asked_again_by_helm() -> None:
    configuration = client.Configuration(host="http://127.0.0.1:1")
    cluster = Cluster(ApiServer(client.ApiClient(configuration), "away"))

    async def nothing() -> Any:
        return Governed(frozenset(), frozenset()), frozenset()

    try:
        async with passage(cluster, Rules("test", "test", nothing)) as way, httpx.AsyncClient(trust_env=False) as helm:
            answer = await helm.get(f"{way}/api")
    finally:
        await cluster.close()
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")


def test_each_door_has_a_key_of_its_own() -> None:
    rules = Rules("a", "a", None)  # type: ignore[arg-type]
    keys = {Passage(None, rules).key for _ in range(20)}  # type: ignore[arg-type]
    assert len(keys) == 20
    assert min(map(len, keys)) >= 32


THINGS = "/apis/example.com/v1/namespaces/test/things"
READY_BY = (HealthCheckExpressions(api_version="example.com/v1", kind="Thing", current="status.phase == 'Done'"),)


def thing(name: str, phase: str) -> dict[str, Any]:
    return {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": name}, "status": {"phase": phase}}


def types(item: dict[str, Any]) -> list[str]:
    return [one["type"] for one in item["status"].get("conditions", [])]


async def test_a_list_shows_helm_the_health_that_expressions_say() -> None:
    """Items of Kubernetes' own kinds do not say what they are: the list does."""
    server = Server()
    bare = {key: value for key, value in thing("c", "Done").items() if key in {"metadata", "status"}}
    items = [thing("a", "Done"), thing("b", "Working"), bare]
    server.answer = (200, {"apiVersion": "example.com/v1", "kind": "ThingList", "metadata": {}, "items": items})
    async with opened(server, expressions=READY_BY) as helm:
        found = (await helm.get(THINGS)).json()["items"]
    assert [types(one) for one in found] == [["Ready"], ["Reconciling"], ["Ready"]]
    async with opened(server) as helm:
        assert (await helm.get(THINGS)).json() == server.answer[1], "without expressions nothing is changed"


async def test_a_watch_shows_it_event_by_event() -> None:
    """However the events are cut into pieces on their way."""
    server = Server()
    bookmark = {"type": "BOOKMARK", "object": {"kind": "Thing", "metadata": {"resourceVersion": "9"}}}
    events = [{"type": "ADDED", "object": thing("a", "Working")}, {"type": "MODIFIED", "object": thing("a", "Done")}]
    server.answer = (200, [*events, bookmark])
    async with opened(server, expressions=READY_BY) as helm:
        answer = await helm.get(f"{THINGS}?watch=true")
    found = [json.loads(line) for line in answer.text.splitlines()]
    assert [types(one["object"]) for one in found[:2]] == [["Reconciling"], ["Ready"]]
    assert found[2] == bookmark


async def test_one_object_is_read_and_written_as_it_is() -> None:
    """Helm compares it with what it has applied."""
    server = Server()
    server.answer = (200, thing("a", "Working"))
    async with opened(server, expressions=READY_BY) as helm:
        read = await helm.get(f"{THINGS}/a")
        written = await helm.patch(f"{THINGS}/a", json=thing("a", "Working"), headers=APPLY)
    assert read.json() == written.json() == server.answer[1]
