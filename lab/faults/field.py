"""The applications that releases are made of: installed, released, gated and removed as a team would, past all proxies."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from lab.api.client import Api
from lab.api.paths import path
from lab.apps.variants import push_variant
from lab.faults.judged.observer import Users
from lab.load import LOAD
from lab.processes.child import Child
from lab.programs.gobuild import build_program

REPOSITORY = "faults-shop"
BASE = "base"
RATE = 10
WEIGHTS = [30, 60]
INTERVAL = "2s"
DEADLINE_S = 20
VARIANTS = {"good": "good", "next": "good", "bad": "fail:50", "never": "never-ready"}
"""What a tag ends with → how its image behaves."""
Object = dict[str, Any]


class Field:
    """One namespace with its applications and their users."""

    def __init__(self, api: Api, namespace: str, env: Object, folder: Path) -> None:
        self.api, self.namespace, self.env = api, namespace, env
        self.users: dict[str, Users] = {}
        self._folder = folder
        self._load: dict[str, Child] = {}

    async def prepare(self, apps: Sequence[str], gates: dict[str, str]) -> None:
        """The namespace, the first image, and every application's objects."""
        await asyncio.to_thread(push_variant, self.env["registry"], REPOSITORY, BASE, "good")
        meta = {"name": self.namespace}
        await self.api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": meta})
        for app in apps:
            await self.install(app, BASE, gates.get(app, ""))

    async def push(self, number: int) -> None:
        """The images of one round: each round's are its own, so that a user's answer names the release."""
        for name, variant in VARIANTS.items():
            tag = f"r{number}-{name}"
            await asyncio.to_thread(push_variant, self.env["registry"], REPOSITORY, tag, variant)

    async def install(self, app: str, tag: str, gate: str = "") -> None:
        """A Deployment and its Canary."""
        await self.api.create(self._deployment(app, tag))
        await self.api.create(self._canary(app, gate))

    async def remove(self, app: str) -> None:
        """Take an application away; what its Canary owns goes with it."""
        await self.api.delete(path("canaries", self.namespace, app))
        await self.api.delete(path("deployments", self.namespace, app))
        await self.api.delete(path("leases", self.namespace, f"sluice-{app}"))

    async def release(self, app: str, tag: str, number: str) -> float:
        """Change the target's template as a team would; returns when that was done."""
        container = {"name": "shop", "image": f"{self.env['registry']}/{REPOSITORY}:{tag}"}
        found = await self.api.get(path("deployments", self.namespace, app))
        template = found["spec"]["template"]
        template["spec"]["containers"][0] |= container
        notes = {"annotations": {"faults/round": number}}
        change = {"spec": {"template": {"metadata": notes, "spec": {"containers": template["spec"]["containers"]}}}}
        await self.api.patch(path("deployments", self.namespace, app), change)
        return time.time()

    async def gate(self, app: str, verb: str) -> None:
        """Open or close an application's gate."""
        async with httpx.AsyncClient(trust_env=False, timeout=5) as http:
            question = {"name": app, "namespace": self.namespace}
            await http.post(f"{self.env['gate_url']}/gate/{verb}", json=question)

    def start_users(self, app: str) -> None:
        """Users of an application, until `stop`."""
        out = self._folder / f"users-{app}.jsonl"
        command = [str(build_program(LOAD, "load")), "--url", self.env["gateway_url"], "--host", self._host(app)]
        command += ["--rate", str(RATE), "--out", str(out)]
        self._load[app] = Child.started(f"users of {app}", command, self._folder / f"users-{app}.log")
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

    def _deployment(self, app: str, tag: str) -> Object:
        probe = {"httpGet": {"path": "/ready", "port": 9898}, "periodSeconds": 1}
        image = f"{self.env['registry']}/{REPOSITORY}:{tag}"
        container = {"name": "shop", "image": image, "readinessProbe": probe}
        meta = {"labels": {"app": app}, "annotations": {"faults/round": "0"}}
        template = {"metadata": meta, "spec": {"containers": [container]}}
        spec = {"replicas": 1, "selector": {"matchLabels": {"app": app}}, "template": template}
        return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": self._meta(app), "spec": spec}

    def _canary(self, app: str, gate: str) -> Object:
        rate = {"name": "request-success-rate", "interval": "1m", "thresholdRange": {"min": 99}}
        analysis: Object = {"interval": INTERVAL, "threshold": 2, "stepWeights": WEIGHTS, "metrics": [rate]}
        if gate:
            url = f"{self.env['gate_url']}/gate/check"
            analysis["webhooks"] = [{"name": gate, "type": gate, "url": url}]
        service = {"port": 80, "targetPort": 9898, "hosts": [self._host(app)], "gatewayRefs": [self.env["gateway"]]}
        spec = {
            "provider": "gatewayapi:v1",
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": app},
            "progressDeadlineSeconds": DEADLINE_S,
            "service": service,
            "analysis": analysis,
        }
        return {"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "metadata": self._meta(app), "spec": spec}

    def _meta(self, app: str) -> Object:
        return {"name": app, "namespace": self.namespace, "labels": {"app": app}}
