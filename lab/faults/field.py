"""The applications that releases are made of: installed, released, gated and removed as a team would, past all proxies."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from lab.api.client import Api
from lab.api.paths import path, path_of
from lab.apps.variants import push_variant
from lab.faults.applications import APPLICATIONS
from lab.faults.applications.base import NEIGHBOUR, ROUND_NOTE, Application, Site, neighbour_of
from lab.faults.judged.observer import Users
from lab.load import LOAD
from lab.paths import CHECKOUT
from lab.processes import keeper
from lab.processes.child import Child
from lab.programs.gobuild import build_program

REPOSITORY = "faults-shop"
BASE = "base"
RATE = 10
VARIANTS = {"good": "good", "next": "good", "bad": "fail:50", "never": "never-ready"}
"""What a tag ends with → how its image behaves."""
Object = dict[str, Any]


class Field:
    """One namespace with its applications and their users."""

    def __init__(self, api: Api, namespace: str, env: Object, folder: Path) -> None:
        self.api, self.namespace, self.env = api, namespace, env
        self.users: dict[str, Users] = {}
        self.shapes: dict[str, Application] = {}
        self._folder = folder
        self._load: dict[str, Child] = {}

    async def prepare(self, shapes: Mapping[str, str], gates: Mapping[str, str]) -> None:
        """The namespace, the first image, and the objects of every application, which has the shape of that name."""
        for tag in (BASE, NEIGHBOUR):
            await asyncio.to_thread(push_variant, self.env["registry"], REPOSITORY, tag, "good")
        meta = {"name": self.namespace}
        await self.api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": meta})
        for app, shape in shapes.items():
            await self.install(app, shape, BASE, gates.get(app, ""))

    async def push(self, number: int) -> None:
        """The images of one round: each round's are its own, so that a user's answer names the release."""
        for name, variant in VARIANTS.items():
            tag = f"r{number}-{name}"
            await asyncio.to_thread(push_variant, self.env["registry"], REPOSITORY, tag, variant)

    async def install(self, app: str, shape: str, tag: str, gate: str = "") -> None:
        """All objects of an application that are not there yet, its Canary last."""
        self.shapes[app] = APPLICATIONS[shape]
        await self._let_tests(app, tag)
        for manifest in self._manifests(app, tag, gate):
            if await self.api.find(path_of(manifest)) is None:
                await self.api.create(manifest)

    async def remove(self, app: str) -> None:
        """Take an application away, its Canary first; what that owns goes with it."""
        for manifest in reversed(self._manifests(app, BASE)):
            await self.api.delete(path_of(manifest))
        await self.api.delete(path("leases", self.namespace, f"sluice-{app}"))

    async def release(self, app: str, tag: str, number: str) -> float:
        """Change the target's template as a team would; returns when that was done."""
        await self._let_tests(app, tag)
        place = self.shapes[app].workload.path(self.namespace, app)
        found = await self.api.get(place)
        template = found["spec"]["template"]
        template["spec"]["containers"][0] |= {"name": "shop", "image": self._image(tag)}
        notes = {"annotations": {ROUND_NOTE: number}}
        change = {"spec": {"template": {"metadata": notes, "spec": {"containers": template["spec"]["containers"]}}}}
        await self.api.patch(place, change)
        return time.time()

    async def gate(self, app: str, verb: str) -> None:
        """Open or close an application's gate."""
        await self._ask(f"gate/{verb}", app)

    async def _let_tests(self, app: str, tag: str) -> None:
        """The end-to-end suite finds of a revision what users would; Canaries without one do not ask it."""
        await self._ask("e2e/fail" if VARIANTS.get(tag.rpartition("-")[2], "").startswith("fail") else "e2e/pass", app)

    def visited(self) -> list[str]:
        """The applications that have users, and their neighbours."""
        return [*self.shapes, *(neighbour_of(app) for app, shape in self.shapes.items() if shape.neighbour)]

    def start_users(self, app: str) -> None:
        """Users of an application, until `stop`."""
        out = self._folder / f"users-{app}.jsonl"
        command = [str(build_program(LOAD, "load")), "--url", self.env["gateway_url"], "--host", self._host(app)]
        command += ["--rate", str(RATE), "--out", str(out)]
        self._load[app] = Child.started(
            f"users of {app}", command, self._folder / f"users-{app}.log", keeper.mark(CHECKOUT)
        )
        self.users[app] = Users(out)

    async def answers(self, app: str) -> bool:
        """Whether a user gets an answer from the application."""
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=2) as http:
                answer = await http.get(self.env["gateway_url"], headers={"Host": self._host(app)})
        except httpx.HTTPError:
            return False
        return answer.status_code == 200

    async def stop(self) -> None:
        """Send the users home and take everything away."""
        await asyncio.gather(*(asyncio.to_thread(load.stop) for load in self._load.values()))
        await self.api.delete(path("namespaces", name=self.namespace))

    def _host(self, app: str) -> str:
        return f"{app}.{self.namespace}.test"

    def _image(self, tag: str) -> str:
        return f"{self.env['registry']}/{REPOSITORY}:{tag}"

    def _manifests(self, app: str, tag: str, gate: str = "") -> list[Object]:
        host, image, gateway = self._host(app), self._image(tag), self.env["gateway"]
        return self.shapes[app].manifests(Site(app, self.namespace, host, image, gateway, self.env["gate_url"], gate))

    async def _ask(self, path: str, app: str) -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=5) as http:
            answer = await http.post(f"{self.env['gate_url']}/{path}", json={"name": app, "namespace": self.namespace})
            answer.raise_for_status()
