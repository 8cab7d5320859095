"""A cluster with Receivers, and the receiver in front of it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import httpx

from blocks.kubernetes.kinds import RECEIVER
from deployments.doors.hooks.door import hook_route
from deployments.doors.hooks.follow import Hooks
from deployments.doors.keys import Keys
from deployments.doors.receiver import application
from sluice.manifests.flux.receiver import REQUESTED_AT
from tests.memory_cluster import MemoryCluster
from tests.sluice.events.senders import payloads
from tests.sluice.events.senders.signed import google_keys, google_token

TOKEN, BODY = "s3cret", json.dumps(payloads.GITLAB).encode()
ACCOUNT, AUDIENCE = "push@project.iam.gserviceaccount.com", "https://sluice.example/google"
Headers = dict[str, str]


def path(token: str = TOKEN, name: str = "shop", namespace: str = "apps") -> str:
    """As Flux documents it: the SHA-256 sum of token, name and namespace."""
    return "/hook/" + hashlib.sha256(f"{token}{name}{namespace}".encode()).hexdigest()


OIDC = [
    {
        "issuerURL": "https://token.actions.example",
        "audience": AUDIENCE,
        "validations": [{"expression": "claims.repository_owner == 'shop-team'", "message": "not our organisation"}],
    }
]


def receiver(type_: str = "generic", *resources: dict[str, Any], **spec: Any) -> dict[str, Any]:
    asked = list(resources) or [{"kind": "GitRepository", "name": "fleet"}]
    proof: dict[str, Any] = {"oidcProviders": OIDC} if type_ == "generic-oidc" else {"secretRef": {"name": "webhook"}}
    return {
        "apiVersion": "notification.toolkit.fluxcd.io/v1",
        "kind": "Receiver",
        "metadata": {"name": "shop", "namespace": "apps", "uid": "r-1", "generation": 1},
        "spec": {"type": type_, "resources": asked, **proof, **spec},
    }


def secret(**values: str) -> dict[str, Any]:
    given = values or {"token": TOKEN}
    data = {key: base64.b64encode(value.encode()).decode() for key, value in given.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "webhook", "namespace": "apps"}, "data": data}


def thing(kind: Any, name: str, namespace: str = "apps", **labels: str) -> dict[str, Any]:
    meta = {"name": name, "namespace": namespace, "labels": labels, "uid": f"{kind.kind}-{name}", "generation": 1}
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": meta, "spec": {}}


class Site:
    """A cluster with Receivers, and the receiver in front of it."""

    def __init__(self, cluster: MemoryCluster | None = None) -> None:
        self.cluster = cluster or MemoryCluster()
        self.cluster.namespaces = ()  # type: ignore[attr-defined]
        self.now = 0.0
        self.hooks = Hooks(self.cluster, lambda: self.now)  # type: ignore[arg-type]

        async def published(_url: str) -> bytes:
            return google_keys("google-1")

        async def post(_events: object) -> int:
            raise AssertionError("a Receiver asks objects, and posts nothing")

        app = application(
            post, [], lambda _: None, Keys(published), lambda guard: [hook_route(lambda: self.hooks, guard)]
        )
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://receiver")

    async def has(self, *manifests: dict[str, Any]) -> None:
        """These are there, and what follows Receivers has looked at all of them."""
        self.cluster.add(*manifests)
        async with asyncio.timeout(10):
            while not await self._settled():
                await asyncio.sleep(0)

    async def _settled(self) -> bool:
        items = await self.cluster.list(RECEIVER)
        known = {key: one.receiver.metadata.generation for key, one in self.hooks.known.items() if one.door}
        wanted = {
            (one["metadata"]["namespace"], one["metadata"]["name"]): one["metadata"]["generation"] for one in items
        }
        return known == wanted and all(
            "conditions" in one.get("status", {}) or one["spec"].get("suspend") for one in items
        )

    async def call(self, at: str = path(), body: bytes = BODY, **headers: str) -> httpx.Response:
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        return await self.http.post(at, content=body, headers=named)

    def asked(self, kind: Any, name: str, namespace: str = "apps") -> str:
        found = self.cluster.objects[(kind.kind, namespace, name)]
        return str((found["metadata"].get("annotations") or {}).get(REQUESTED_AT, ""))

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = self.cluster.objects[("Receiver", "apps", "shop")].get("status", {})
        return found

    def ready(self) -> tuple[str, str, str]:
        (one,) = [each for each in self.status()["conditions"] if each["type"] == "Ready"]
        return one["status"], one["reason"], one["message"]


def oidc_token(**claims: Any) -> str:
    """A token of the issuer that `OIDC` names."""
    said = {"iss": OIDC[0]["issuerURL"], "repository_owner": "shop-team", "repository": "shop-team/fleet"}
    return google_token("google-1", datetime.now(UTC), **said | claims)
