"""Watches the cluster from outside while a delivery runs, and notes at which instant what changed.

Each watch has a thread and a connection of its own, so that one that stalls delays no other; an instant is that of
the event's arrival here, a few milliseconds after the change.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubernetes import client, config, watch
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from lab.demo.measure import PhasePoint, RoutePoint

RECONNECT_S = 60
AGAIN_S = 0.5
Object = Mapping[str, Any]
List = Callable[..., Any]


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


class Observer:
    """Everything the demo notes about one application: route, phase, target, and pods that became ready."""

    def __init__(self, kubeconfig: Path, context: str | None, namespace: str, name: str) -> None:
        self.route: list[RoutePoint] = []
        self.phases: list[PhasePoint] = []
        self.targets: list[TargetPoint] = []
        self.ready: list[ReadyPoint] = []
        self._name = name
        self._stopping = threading.Event()
        api = config.new_client_from_config(str(kubeconfig), context=context)
        custom, apps, core = client.CustomObjectsApi(api), client.AppsV1Api(api), client.CoreV1Api(api)
        one = {"namespace": namespace, "field_selector": f"metadata.name={name}"}
        routes = {"group": "gateway.networking.k8s.io", "version": "v1", "plural": "httproutes", **one}
        canaries = {"group": "flagger.app", "version": "v1beta1", "plural": "canaries", **one}
        watches: list[tuple[List, Mapping[str, str], Callable[[float, Object], None]]] = [
            (custom.list_namespaced_custom_object, routes, self._note_route),
            (custom.list_namespaced_custom_object, canaries, self._note_phase),
            (apps.list_namespaced_deployment, one, self._note_target),
            (core.list_namespaced_pod, {"namespace": namespace}, self._note_ready),
        ]
        for what, where, note in watches:
            threading.Thread(target=self._watch, args=(what, where, note), daemon=True).start()

    def stop(self) -> None:
        """Let the threads end with their next event; they are daemons, so nothing waits for them."""
        self._stopping.set()

    def _watch(self, what: List, where: Mapping[str, str], note: Callable[[float, Object], None]) -> None:
        while not self._stopping.is_set():
            try:
                for event in watch.Watch().stream(what, **where, timeout_seconds=RECONNECT_S):
                    if self._stopping.is_set():
                        return
                    if event["type"] in ("ADDED", "MODIFIED"):
                        note(time.time(), event["raw_object"])
            except (ApiException, HTTPError, OSError):
                # Not there yet (the kind is not installed, the server restarts): what is seen later still counts.
                time.sleep(AGAIN_S)

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
