"""Watches the cluster from outside while a delivery runs, and notes at which instant what changed.

The watches run in a thread of their own, each with a connection of its own, so that one that stalls delays no other; an
instant is that of the event's arrival here, a few milliseconds after the change.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from lab.api.access import Access
from lab.api.client import Api, Refused
from lab.api.paths import path
from lab.product.measure import PhasePoint, RoutePoint

AGAIN_S = 0.5
STOP_WITHIN_S = 5.0
Object = Mapping[str, Any]
Note = Callable[[float, Object], None]


@dataclass(frozen=True)
class ReadyPoint:
    """From this instant on, this pod of this image was ready."""

    t: float
    pod: str
    image: str


@dataclass(frozen=True)
class TargetPoint:
    """From this instant on, the Deployment asked for this image."""

    t: float
    image: str


@dataclass(frozen=True)
class AppliedPoint:
    """From this instant on, the cluster was what git said at this revision."""

    t: float
    revision: str


class Observer:
    """Everything the demo notes about one application: route, phase, target, what was applied, and ready pods."""

    def __init__(self, kubeconfig: Path, context: str | None, namespace: str, name: str) -> None:
        self.route: list[RoutePoint] = []
        self.phases: list[PhasePoint] = []
        self.targets: list[TargetPoint] = []
        self.ready: list[ReadyPoint] = []
        self.applied: list[AppliedPoint] = []
        self._name = name
        self._namespace = namespace
        self._access = Access.of_context(kubeconfig, context)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._watch_all()), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the watches and their thread."""
        self._stopping.set()
        self._thread.join(STOP_WITHIN_S)

    async def _watch_all(self) -> None:
        one = {"fieldSelector": f"metadata.name={self._name}"}
        watches: list[tuple[str, dict[str, str], Note]] = [
            ("httproutes", one, self._note_route),
            ("canaries", one, self._note_phase),
            ("deployments", one, self._note_target),
            ("pods", {}, self._note_ready),
            ("kustomizations", one, self._note_applied),
        ]
        async with Api(self._access) as api:
            tasks = [asyncio.create_task(self._watch(api, plural, where, note)) for plural, where, note in watches]
            while not self._stopping.is_set():
                await asyncio.sleep(AGAIN_S)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _watch(self, api: Api, plural: str, where: dict[str, str], note: Note) -> None:
        while True:
            try:
                async for kind, item in api.watch(path(plural, self._namespace), **where):
                    if kind in ("ADDED", "MODIFIED"):
                        note(time.time(), item)
            except (Refused, aiohttp.ClientError, OSError):
                # Not there yet (the kind is not installed, the server restarts): what is seen later still counts.
                await asyncio.sleep(AGAIN_S)

    def _note_route(self, t: float, route: Object) -> None:
        primary, canary = weights(route, self._name)
        if not self.route or (self.route[-1].primary, self.route[-1].canary) != (primary, canary):
            self.route.append(RoutePoint(t, primary, canary))

    def _note_phase(self, t: float, canary: Object) -> None:
        phase = canary.get("status", {}).get("phase", "")
        if phase and (not self.phases or self.phases[-1].phase != phase):
            self.phases.append(PhasePoint(t, phase))

    def _note_target(self, t: float, deployment: Object) -> None:
        image = _image(deployment["spec"]["template"])
        if not self.targets or self.targets[-1].image != image:
            self.targets.append(TargetPoint(t, image))

    def _note_applied(self, t: float, kustomization: Object) -> None:
        revision = str(kustomization.get("status", {}).get("lastAppliedRevision", ""))
        if revision and (not self.applied or self.applied[-1].revision != revision):
            self.applied.append(AppliedPoint(t, revision))

    def _note_ready(self, t: float, pod: Object) -> None:
        conditions = pod.get("status", {}).get("conditions", [])
        is_ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
        name = pod["metadata"]["name"]
        if is_ready and not any(point.pod == name for point in self.ready):
            self.ready.append(ReadyPoint(t, name, _image(pod)))


def weights(route: Object, name: str) -> tuple[int, int]:
    """The weights a route gives to the primary and to the canary of an application.

    A backend without a weight has weight 1, as the Gateway API says; one that is not there has 0.
    """
    found = {f"{name}-primary": 0, f"{name}-canary": 0}
    for rule in route["spec"].get("rules", []):
        here = {one["name"]: int(one.get("weight", 1)) for one in rule.get("backendRefs", []) if one["name"] in found}
        if here:
            found |= here
            break
    return found[f"{name}-primary"], found[f"{name}-canary"]


def _image(template: Object) -> str:
    return str(template["spec"]["containers"][0]["image"])
