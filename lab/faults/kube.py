"""The Kubernetes API, raw: what the driver and the observer read and write with. Shares nothing with sluice's own client."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
import yaml

Object = dict[str, Any]
CALL_S = 15.0
WATCH_S = 300
LONGEST_LINE = 4 * 1024 * 1024

PATHS = {
    "canaries": "/apis/flagger.app/v1beta1",
    "httproutes": "/apis/gateway.networking.k8s.io/v1",
    "deployments": "/apis/apps/v1",
    "endpointslices": "/apis/discovery.k8s.io/v1",
    "leases": "/apis/coordination.k8s.io/v1",
    "pods": "/api/v1",
    "namespaces": "/api/v1",
}
"""Plural of a kind → the group and version that serve it."""


class Refused(Exception):  # noqa: N818 - the server refused; whether that is an error is the caller's to say
    """The API server answered with an error; `status` is HTTP's."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(f"{status}: {said}")
        self.status = status


class Access:
    """Where an API server is and with which certificate it is spoken to, from a kubeconfig."""

    def __init__(self, kubeconfig: Path) -> None:
        document = yaml.safe_load(kubeconfig.read_text())
        cluster, user = document["clusters"][0]["cluster"], document["users"][0]["user"]
        self.url: str = cluster["server"]
        self.tls = ssl.create_default_context(cafile=cluster["certificate-authority"])
        self.tls.load_cert_chain(user["client-certificate"], user["client-key"])


class Kube:
    """A connection to the API server, for one namespace. Use as an async context manager."""

    def __init__(self, access: Access, namespace: str) -> None:
        self._access = access
        self.namespace = namespace
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(ssl=self._access.tls, limit=0)
        self._http = aiohttp.ClientSession(self._access.url, connector=connector, read_bufsize=LONGEST_LINE)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._http:
            await self._http.close()

    def path(self, plural: str, name: str = "") -> str:
        """The path of one object of this namespace, or of all of a kind."""
        inside = "" if plural == "namespaces" else f"/namespaces/{self.namespace}"
        return f"{PATHS[plural]}{inside}/{plural}" + (f"/{name}" if name else "")

    async def call(
        self, method: str, path: str, body: Object | None = None, content: str = "application/json"
    ) -> Object:
        """One request.

        Raises:
            Refused: the server refused.
            aiohttp.ClientError, TimeoutError: it did not answer.
        """
        assert self._http is not None  # noqa: S101
        data = None if body is None else json.dumps(body)
        limit = aiohttp.ClientTimeout(total=CALL_S)
        async with self._http.request(
            method, path, data=data, headers={"Content-Type": content}, timeout=limit
        ) as answer:
            raw = await answer.read()
            if answer.status >= 400:
                raise Refused(answer.status, raw[:300].decode(errors="replace"))
            return dict(json.loads(raw))

    async def get(self, plural: str, name: str = "") -> Object:
        """One object, or the list of all where `name` is empty."""
        return await self.call("GET", self.path(plural, name))

    async def find(self, plural: str, name: str) -> Object | None:
        """One object, None where there is none."""
        try:
            return await self.get(plural, name)
        except Refused as refused:
            if refused.status == 404:
                return None
            raise

    async def create(self, plural: str, manifest: Object) -> Object:
        """A new object."""
        return await self.call("POST", self.path(plural), manifest)

    async def merge(self, plural: str, name: str, change: Object) -> Object:
        """A JSON merge patch."""
        return await self.call("PATCH", self.path(plural, name), change, "application/merge-patch+json")

    async def delete(self, plural: str, name: str) -> None:
        """Delete; nothing happens where it does not exist."""
        try:
            await self.call("DELETE", self.path(plural, name), {"propagationPolicy": "Background"})
        except Refused as refused:
            if refused.status != 404:
                raise

    async def watch(self, plural: str, version: str) -> AsyncIterator[tuple[str, Object]]:
        """Changes from a version on, each with its type, until the server ends the watch."""
        assert self._http is not None  # noqa: S101
        query = {"watch": "true", "resourceVersion": version, "timeoutSeconds": str(WATCH_S)}
        query["allowWatchBookmarks"] = "true"
        limit = aiohttp.ClientTimeout(total=None, sock_connect=5)
        async with self._http.get(self.path(plural), params=query, timeout=limit) as answer:
            if answer.status >= 400:
                raise Refused(answer.status, "watch")
            async for line in answer.content:
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise Refused(int(event["object"].get("code") or 500), str(event["object"].get("message")))
                yield event["type"], event["object"]
