"""The way of a helm program to the cluster: a door on this machine that forwards its requests with sluice's credentials.

The program and the templates that it runs see no credential, and a program whose worker has died can do nothing more: the
door is gone with the worker. What passes is changed by the rules of `blocks/helm/requests.py` alone.
"""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientError, web

from blocks.helm import requests
from blocks.helm.requests import Address
from blocks.helm.shown_health import shown
from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import WORKLOAD_KINDS
from sluice.errors import NotFoundError, SluiceError, TransientError
from sluice.manifests.flux.kustomization import HealthCheckExpressions
from sluice.sync.objects import ObjectId
from sluice.sync.ownership import Governed

LARGEST = 16 * 1024 * 1024
"""Bytes of a request; the API server takes less."""
CALL, WATCH = 60.0, 900.0
"""Seconds for one request, and for one watch."""
KEPT = ("Content-Type", "Retry-After", "Warning")
"""Headers of an answer that go back to the program."""
MANAGER = "helm"
"""The field manager of helm's server-side apply."""
log = logging.getLogger("sluice.helm")


@dataclass(frozen=True, slots=True)
class Rules:
    """What is changed of requests that pass.

    Attributes:
        release_namespace: the one that helm knows, for objects and for its record.
        storage_namespace: where its record is kept.
        governed: what Canaries govern.
        targets: the workloads that rollouts release.
        check: raises where the right to act is gone; asked before each write.
        expressions: by which helm is shown how objects of some kinds are.
    """

    release_namespace: str
    storage_namespace: str
    governed: Callable[[], Awaitable[tuple[Governed, frozenset[ObjectId]]]]
    check: Callable[[], None] = lambda: None
    expressions: Sequence[HealthCheckExpressions] = ()


@dataclass(slots=True)
class Passage:
    """One door, for one run of the program.

    Attributes:
        cluster: where requests go, and as whom.
        written: writes that were let through, for tests and for the log.
    """

    cluster: Cluster
    rules: Rules
    key: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    written: int = 0

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Forward one request."""
        prefix, path = f"/{self.key}", request.rel_url.raw_path
        if not path.startswith(f"{prefix}/"):
            return web.Response(status=404)
        path = path.removeprefix(prefix)
        raw = bytearray()
        async for chunk in request.content.iter_any():
            raw += chunk
            if len(raw) > LARGEST:
                return _refusal(413, f"a request has more than {LARGEST // 1024**2} MiB")
        try:
            return await self._pass(request, path, bytes(raw))
        except NotFoundError as error:
            return _refusal(404, str(error))
        except TransientError as error:
            # Helm's client asks again where an answer says when.
            return _refusal(429, str(error), error.retry_after or 1.0)
        except SluiceError as error:
            return _refusal(403, str(error))

    async def _pass(self, request: web.BaseRequest, path: str, raw: bytes) -> web.StreamResponse:
        where, method = requests.address(path), request.method
        kind = request.headers.get("Content-Type", "application/json")
        body: Any = json.loads(raw) if raw and ("json" in kind or kind == requests.APPLY) else raw or None
        if method not in {"GET", "HEAD"}:
            self.rules.check()
        if where is not None:
            if requests.is_record(where, request.query, raw):
                path = requests.in_storage(path, self.rules.release_namespace, self.rules.storage_namespace)
            elif requests.may_yield(method, where):
                spared, body = await self._yielding(where, body, kind)
                if spared is not None:
                    return web.json_response(spared)
        query = f"?{request.rel_url.raw_query_string}" if request.rel_url.raw_query_string else ""
        within = WATCH if requests.is_watch(request.query) or "follow=" in query else CALL
        headers = {"Accept": request.headers.get("Accept", "application/json"), "Content-Type": kind}
        return await self._forward(request, path + query, body, headers, within)

    async def _yielding(self, where: Address, body: Any, kind: str) -> tuple[dict[str, Any] | None, Any]:
        """The object as it is, where a write is left out; else the body that is written."""
        governed, targets = await self.rules.governed()
        if requests.is_spared(where, governed):
            live = await self.cluster.resource_for(f"{where.group}/v1".lstrip("/"), requests.GOVERNED[where.path_kind])
            return await self.cluster.get(live, where.name, where.namespace), None
        if target := requests.target_kind(where, targets):
            found = await self.cluster.find(WORKLOAD_KINDS[target], where.name, where.namespace)
            if found is not None:
                return None, requests.yielding(target, body, found, kind, MANAGER)
        return None, body

    async def _forward(
        self, request: web.BaseRequest, target: str, body: Any, headers: Mapping[str, str], within: float
    ) -> web.StreamResponse:
        server = self.cluster.server
        async with server.forwarded(request.method, target, body, headers, within) as answer:
            kept = {
                name: answer.headers[name]
                for name in ("Content-Type", "Retry-After", "Warning")
                if name in answer.headers
            }
            response = web.StreamResponse(status=answer.status, headers=kept)
            try:
                await response.prepare(request)
                async for chunk in self._shown(request, target, answer.content.iter_any()):
                    await response.write(chunk)
                await response.write_eof()
            except (ClientError, TimeoutError, ConnectionError, TransientError) as error:
                # The program has gone, or the server: who still reads sees that the answer is cut off.
                log.debug("%s %s was cut off: %r", request.method, target, error)
                if request.transport:
                    request.transport.abort()
                return response
        self.written += request.method not in {"GET", "HEAD"}
        return response

    def _shown(self, request: web.BaseRequest, target: str, content: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """What is read of many objects, with the health of each as its user's expressions say."""
        where = requests.address(target.partition("?")[0])
        many = request.method == "GET" and where is not None and not where.name
        if not many or not self.rules.expressions:
            return content
        return shown(content, self.rules.expressions, watch=requests.is_watch(request.query))


@asynccontextmanager
async def passage(cluster: Cluster, rules: Rules) -> AsyncIterator[str]:
    """Open a door for one run of the program; gives the address that its kubeconfig names, which is a secret."""
    door = Passage(cluster, rules)
    runner = web.ServerRunner(web.Server(door.answer), shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        yield f"http://127.0.0.1:{port}/{door.key}"
    finally:
        await runner.cleanup()


def _refusal(status: int, message: str, again: float = 0.0) -> web.Response:
    headers = {"Retry-After": f"{again:.0f}"} if again else {}
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": status}
    return web.json_response(body, status=status, headers=headers)
