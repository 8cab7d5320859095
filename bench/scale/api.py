"""The bench's own way to the API server. None of sluice's code: what is measured must not be what measures."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
import yaml

from lab.errors import LabError

Object = dict[str, Any]
CALL_S = 60
AT_ONCE = 16
PLURALS = {
    "Namespace": "namespaces",
    "Node": "nodes",
    "Deployment": "deployments",
    "Canary": "canaries",
    "ServiceAccount": "serviceaccounts",
    "ClusterRoleBinding": "clusterrolebindings",
    "FlowSchema": "flowschemas",
    "Gateway": "gateways",
    "GatewayClass": "gatewayclasses",
}


@dataclass(frozen=True)
class Access:
    """Where the API server is and what proves who we are."""

    server: str
    authority: str
    certificate: str
    key: str

    @classmethod
    def of(cls, kubeconfig: Path) -> Self:
        """From a kubeconfig that names its certificates as files, as the lab's does."""
        document = yaml.safe_load(kubeconfig.read_text())
        cluster, user = document["clusters"][0]["cluster"], document["users"][0]["user"]
        try:
            return cls(
                cluster["server"], cluster["certificate-authority"], user["client-certificate"], user["client-key"]
            )
        except KeyError as missing:
            raise LabError(f"{kubeconfig} has no {missing}: the scale bench needs the lab's own cluster") from missing


class Api:
    """Calls and watches; an async context manager."""

    def __init__(self, access: Access) -> None:
        trust = ssl.create_default_context(cafile=access.authority)
        trust.load_cert_chain(access.certificate, access.key)
        self._session = aiohttp.ClientSession(
            access.server,
            connector=aiohttp.TCPConnector(ssl=trust, limit=AT_ONCE + 8),
            timeout=aiohttp.ClientTimeout(total=CALL_S),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def call(self, method: str, path: str, body: Object | None = None, content: str = "application/json") -> str:
        """One request; the answer's text.

        Raises:
            LabError: the API server refuses.
        """
        data = None if body is None else json.dumps(body)
        async with self._session.request(method, path, data=data, headers={"Content-Type": content}) as answer:
            text = await answer.text()
            if answer.status >= 400 and not (method == "DELETE" and answer.status == 404):
                raise LabError(f"{method} {path}: {answer.status} {text[:300]}")
            return text

    async def get(self, path: str) -> Object:
        """One object or list."""
        return dict(json.loads(await self.call("GET", path)))

    async def create(self, manifest: Object) -> None:
        """A new object."""
        await self.call("POST", collection(manifest), manifest)

    async def patch(self, path: str, body: Object) -> None:
        """JSON merge patch."""
        await self.call("PATCH", path, body, "application/merge-patch+json")

    async def watch(self, path: str) -> AsyncIterator[Object]:
        """What is there, then every change, until the connection ends."""
        limits = aiohttp.ClientTimeout(total=None)
        async with self._session.get(path, params={"watch": "true"}, timeout=limits) as answer:
            answer.raise_for_status()
            rest = b""
            async for chunk in answer.content.iter_any():
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    yield json.loads(line)


def collection(manifest: Object) -> str:
    """Where objects of this kind are created."""
    version, meta = manifest["apiVersion"], manifest["metadata"]
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    within = f"/namespaces/{meta['namespace']}" if "namespace" in meta else ""
    return f"{root}{within}/{PLURALS[manifest['kind']]}"


async def all_of(calls: Iterable[Callable[[], Awaitable[None]]]) -> None:
    """Make all of these calls, a few at a time."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(call: Callable[[], Awaitable[None]]) -> None:
        async with room:
            await call()

    async with asyncio.TaskGroup() as group:
        for call in calls:
            group.create_task(one(call))
