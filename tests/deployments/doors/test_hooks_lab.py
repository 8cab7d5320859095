"""Flux's Receivers on a real API server: the receiver as it is served, with the rights that its role gives it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from blocks.kubernetes.cluster import Cluster, Kind
from blocks.kubernetes.kinds import GIT_REPOSITORY, IMAGE_REPOSITORY, NAMESPACE, RECEIVER
from deployments.doors.serving import receive
from deployments.rights.part import Part
from deployments.settings import Settings
from sluice.manifests.flux.receiver import REQUESTED_AT
from tests.deployments.rights.accounts import LOGIN, Accounts, Lacking
from tests.prefect_server import free_port

pytestmark = pytest.mark.lab
Object = dict[str, Any]
WITHIN = 20.0
"""Seconds in which something that a watch brings is seen."""
TOKEN = "s3cret"
ROLE = Lacking(Part.RECEIVER)


@dataclass
class Site:
    """The receiver in front of one namespace."""

    admin: Cluster
    http: httpx.AsyncClient
    namespace: str
    secret: str

    async def token(self, token: str) -> None:
        data = {"token": base64.b64encode(token.encode()).decode()}
        meta = {"name": self.secret, "namespace": self.namespace}
        await self.admin.apply({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": data})

    async def has(self, kind: Kind, name: str, spec: Object, **labels: str) -> None:
        meta = {"name": name, "namespace": self.namespace, "labels": labels}
        await self.admin.apply({"apiVersion": kind.api_version, "kind": kind.kind, "metadata": meta, "spec": spec})

    async def seen(self, kind: Kind, name: str, what: Callable[[Object], Any]) -> Any:
        """What is seen of an object, as soon as there is anything."""
        async with asyncio.timeout(WITHIN):
            while not (found := what(await self.admin.get(kind, name, self.namespace))):
                await asyncio.sleep(0.02)
        return found

    async def call(self, path: str, token: str = TOKEN) -> httpx.Response:
        body = json.dumps({"zen": "x"}).encode()
        signature = "sha256=" + hmac.new(token.encode(), body, hashlib.sha256).hexdigest()
        headers = {"X-Hub-Signature-256": signature, "X-GitHub-Event": "push", "X-GitHub-Delivery": uuid4().hex}
        return await self.http.post(path, content=body, headers=headers)


def path_of(one: Object) -> str:
    return str(one.get("status", {}).get("webhookPath", ""))


def asked(one: Object) -> str:
    return str(one["metadata"].get("annotations", {}).get(REQUESTED_AT, ""))


@pytest.fixture
async def site(lab_env: Object, tmp_path: Path) -> AsyncIterator[Site]:
    """A namespace with an account that has the receiver's rights, and the receiver that uses it."""
    admin = await Cluster.connect(lab_env["kubeconfig"], lab_env["context"])
    accounts = Accounts(lab_env, f"hooks-{uuid4().hex[:6]}", tmp_path)
    await accounts.install(admin, [ROLE])
    port, ready = free_port(), asyncio.Event()
    settings = Settings(
        home=tmp_path,
        receiver_port=port,
        prefect_api_url="http://127.0.0.1:9/api",
        kubeconfig=tmp_path / ROLE.account,
        namespaces=(accounts.namespace,),
    )
    serving = asyncio.create_task(receive(settings, ready.set))
    async with asyncio.timeout(WITHIN):
        await ready.wait()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
        yield Site(admin, http, accounts.namespace, LOGIN)
    serving.cancel()
    with suppress(asyncio.CancelledError):
        await serving
    await accounts.remove(admin)
    await admin.close()


async def test_a_delivery_to_a_receiver_asks_real_objects(site: Site) -> None:
    """By name and by labels, with no more rights than the role has; a token that was replaced opens nothing any more."""
    await site.token(TOKEN)
    await site.has(GIT_REPOSITORY, "fleet", {"url": "https://git.test/fleet.git", "interval": "1h"})
    await site.has(IMAGE_REPOSITORY, "web", {"image": "registry.test/web", "interval": "1h"}, team="shop")
    await site.has(IMAGE_REPOSITORY, "db", {"image": "registry.test/db", "interval": "1h"}, team="other")
    resources = [
        {"kind": "GitRepository", "name": "fleet"},
        {"kind": "ImageRepository", "name": "*", "matchLabels": {"team": "shop"}},
    ]
    spec = {"type": "github", "events": ["push"], "secretRef": {"name": site.secret}, "resources": resources}
    await site.has(RECEIVER, "shop", spec)
    path = await site.seen(RECEIVER, "shop", path_of)
    assert path == "/hook/" + hashlib.sha256(f"{TOKEN}shop{site.namespace}".encode()).hexdigest()
    answer = await site.call(path)
    expected = [f"GitRepository/{site.namespace}/fleet", f"ImageRepository/{site.namespace}/web"]
    assert (answer.status_code, answer.json()) == (202, {"asked": expected})
    assert await site.seen(GIT_REPOSITORY, "fleet", asked)
    assert await site.seen(IMAGE_REPOSITORY, "web", asked)
    assert asked(await site.admin.get(IMAGE_REPOSITORY, "db", site.namespace)) == ""
    assert (await site.call(path, "guessed")).status_code == 401
    await site.token("replaced")
    async with asyncio.timeout(WITHIN):
        while (await site.call(path)).status_code != 404:
            await asyncio.sleep(0.2)
    new = await site.seen(RECEIVER, "shop", lambda one: path_of(one) if path_of(one) != path else "")
    assert (await site.call(new, "replaced")).status_code == 202
    await site.admin.delete(RECEIVER, "shop", site.namespace)
    async with asyncio.timeout(WITHIN):
        while (await site.call(new, "replaced")).status_code != 404:
            await asyncio.sleep(0.02)
    await site.admin.delete(NAMESPACE, site.namespace)
