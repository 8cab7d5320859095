"""sluice on the lab with an account of its own, so that the API server counts its requests apart from all others'."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from bench.scale import cluster, manifests
from bench.scale.cost import requests, usage
from lab import environment, ports
from lab.api.access import Access
from lab.api.client import Api
from lab.errors import LabError
from lab.paths import LabPaths
from lab.processes import keeper
from lab.processes.child import Child
from lab.product.sluice import sluice_environment
from sluice.manifests.crd import crds

READY_WITHIN_S = 180
IDENTITY = "sluice-sync-bench"


@dataclass
class Installation:
    """What is measured.

    Attributes:
        api: as the lab's administrator.
        env: what the lab says of itself.
        up: `sluice up`.
        namespace: in which the bench's objects of Flux's kinds are.
        home: what sluice and its Prefect keep.
    """

    api: Api
    env: dict[str, Any]
    places: LabPaths
    up: Child
    namespace: str
    home: Path

    async def begin(self) -> None:
        """Start it, with a Prefect that knows nothing where its home is empty, and wait until it is at work.

        Raises:
            LabError: another sluice is at work on this lab, and what it does would be measured.
        """
        receiver = f"http://{ports.HOST}:{self.env['receiver_port']}/healthz"
        if await asyncio.to_thread(_answers, receiver):
            raise LabError("a sluice is at work on this lab already, of a demo or a bench: end it with `make lab-down`")
        self.up.start()
        await asyncio.to_thread(self.up.wait_until, lambda: _answers(receiver), READY_WITHIN_S, "up")

    async def lose(self) -> None:
        """End it, and forget all that it and its Prefect knew."""
        await asyncio.to_thread(self.up.stop)
        await asyncio.to_thread(shutil.rmtree, self.home, ignore_errors=True)

    async def let_go(self) -> None:
        """Take the finalizers from Kustomizations that nobody will clean up after."""
        path = self.path("kustomize.toolkit.fluxcd.io/v1", "kustomizations")
        for one in (await self.api.get(path))["items"]:
            await self.api.patch(f"{path}/{one['metadata']['name']}", {"metadata": {"finalizers": None}})

    async def requests(self) -> dict[str, int]:
        """What sluice has asked the API server so far, by kind and verb."""
        return await requests.counted(self.api, IDENTITY)

    def memory(self) -> dict[str, float]:
        """MiB (PSS) of each of sluice's processes, by what it runs."""
        found: dict[str, float] = {}
        for pid in usage.tree(self.up.pid, usage.parents()):
            name = _part(pid)
            found[name] = round(found.get(name, 0.0) + usage.pss_mib([pid]), 1)
        return found

    async def apply(self, kind: str, api_version: str, name: str, spec: dict[str, Any], **meta: Any) -> None:
        """Put one of Flux's objects there."""
        metadata = {"name": name, "namespace": self.namespace, **meta}
        await self.api.apply({"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec})

    def path(self, group: str, plural: str, name: str = "") -> str:
        """The address of a collection or an object in the bench's namespace."""
        root = f"/apis/{group}" if "/" in group else f"/api/{group}"
        return f"{root}/namespaces/{self.namespace}/{plural}" + (f"/{name}" if name else "")


@asynccontextmanager
async def installed(places: LabPaths, namespaces: Sequence[str] = ()) -> AsyncIterator[Installation]:
    """sluice, at work; all of it is gone after the block.

    Args:
        places: of the lab, which is up.
        namespaces: to look after besides the bench's own.
    """
    env, home = environment.read(places), places.home / "sync-bench"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    access, name = Access.of(places.kubeconfig), f"sync-{uuid4().hex[:6]}"
    async with Api(access, call_s=60) as api:
        await cluster.remove_all(api)
        await cluster.install_kinds(api, crds())
        await cluster.make_identity(api, access, IDENTITY, home / "kubeconfig")
        await api.create(manifests.namespace(name))
        looked_after = {"SLUICE_NAMESPACES": ",".join((name, *namespaces))}
        account = {"SLUICE_KUBECONFIG": str(home / "kubeconfig"), "SLUICE_CONTEXT": "bench"}
        mark = keeper.mark(places.checkout)
        settings = {**os.environ, **sluice_environment(env, home / "sluice"), **looked_after, **account, **mark}
        command = [sys.executable, "-m", "deployments.cli", "up"]
        up = Child("sluice up", command, places.logs / "sync-bench.log", settings)
        here = Installation(api, env, places, up, name, home / "sluice")
        try:
            await here.begin()
            yield here
        finally:
            up.stop()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(120):
                    await here.let_go()
                    await cluster.remove_all(api)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def _part(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return "ended"
    known = ("worker", "receiver", "up", "deployments.server.process")
    return next((word for word in known if word in words), "programs")
