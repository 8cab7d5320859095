"""Parts that several shapes of application have: pod templates, Deployments, HTTPRoutes, the weighted canary, Canaries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.faults.applications.base import CANARY, INTERVAL_S, PRIMARY, ROUND_NOTE, Object, Part, Route, Site, Strategy
from lab.faults.judged.history import Facts, History

PORT, CONTAINER_PORT = 80, 9898
DEADLINE_S = 20
WEIGHTS = [30, 60]
SIDES = {PRIMARY, CANARY}


def template(site: Site, labels: Mapping[str, str]) -> Object:
    """The pod template of every shape."""
    probe = {"httpGet": {"path": "/ready", "port": CONTAINER_PORT}, "periodSeconds": 1}
    container = {"name": "shop", "image": site.image, "readinessProbe": probe}
    return {
        "metadata": {"labels": dict(labels), "annotations": {ROUND_NOTE: "0"}},
        "spec": {"containers": [container]},
    }


def workload(site: Site, part: Part, labels: Mapping[str, str] | None = None, **more: Any) -> Object:
    """The target of a Canary; its pods are found by the label `app` alone where no others are given."""
    labels = labels or {"app": site.app}
    spec = {"selector": {"matchLabels": dict(labels)}, "template": template(site, labels), **more}
    return {"apiVersion": part.api_version, "kind": part.kind, "metadata": site.meta, "spec": spec}


def plain_way_in(site: Site, selector: Mapping[str, str], **service: Any) -> list[Object]:
    """A Service over these pods, and an HTTPRoute of the application's own that names it alone."""
    ports = [{"name": "http", "port": PORT, "targetPort": CONTAINER_PORT}]
    spec = {"selector": dict(selector), "ports": ports, **service}
    backends = [{"name": site.app, "port": PORT}]
    route = {"parentRefs": [site.gateway], "hostnames": [site.host], "rules": [{"backendRefs": backends}]}
    return [
        {"apiVersion": "v1", "kind": "Service", "metadata": site.meta, "spec": spec},
        {"apiVersion": HTTP_ROUTE.api_version, "kind": HTTP_ROUTE.kind, "metadata": site.meta, "spec": route},
    ]


def canary(site: Site, provider: str, target: Part, strategy: Strategy, **service: Any) -> Object:
    """The Canary of an application; `service` is what its provider wants to know of users' way in."""
    analysis = strategy.analysis(site)
    if site.gate:
        gate = {"name": site.gate, "type": site.gate, "url": f"{site.gate_url}/gate/check"}
        analysis["webhooks"] = [*analysis.get("webhooks", []), gate]
    spec = {
        "provider": provider,
        "targetRef": {"apiVersion": target.api_version, "kind": target.kind, "name": site.app},
        "progressDeadlineSeconds": DEADLINE_S,
        "service": {"port": PORT, "targetPort": CONTAINER_PORT, **service},
        "analysis": analysis,
    }
    return {"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "metadata": site.meta, "spec": spec}


def gateway_canary(site: Site, target: Part) -> Object:
    """A Canary whose route sluice makes at the lab's Gateway."""
    return canary(site, "gatewayapi:v1", target, WEIGHTED, hosts=[site.host], gatewayRefs=[site.gateway])


def template_facts(item: Mapping[str, Any]) -> Facts:
    """What a workload of any kind says of its pods, and whether its controller has seen that."""
    pods = item["spec"]["template"]
    return {
        "tag": str(pods["spec"]["containers"][0]["image"]).rpartition(":")[2],
        "round": (pods["metadata"].get("annotations") or {}).get(ROUND_NOTE, ""),
        "observed": (item.get("status") or {}).get("observedGeneration", 0) >= item["metadata"].get("generation", 0),
    }


def _deployment(item: Mapping[str, Any]) -> Facts:
    spec, status = item["spec"], item.get("status") or {}
    return {
        **template_facts(item),
        "pods": spec.get("replicas", 1),
        "frozen": bool(spec.get("paused")),
        "ready": status.get("readyReplicas", 0),
        "updated": status.get("updatedReplicas", 0),
        "all": status.get("replicas", 0),
    }


def _http_route(item: Mapping[str, Any]) -> Facts:
    weights: dict[str, int] = {}
    for rule in (item.get("spec") or {}).get("rules") or []:
        for backend in rule.get("backendRefs") or []:
            weights[str(backend["name"]).rpartition("-")[2]] = int(backend.get("weight", 1))
    # One that a team had before its Canary names the apex Service, which keeps all users until the sides are known to serve.
    others = any(weight for side, weight in weights.items() if side not in SIDES)
    sides = {side: weight for side, weight in weights.items() if side in SIDES}
    return {"weights": sides} if set(sides) == SIDES and (any(sides.values()) or not others) else {}


def offered(history: History, service: str, version: int) -> set[str]:
    """The addresses of ready pods that a Service offers."""
    slices = (history.at("endpointslices", name, version) for name in history.names("endpointslices"))
    return {address for one in slices if one.get("service") == service for address in one["ready"]}


def _side_offered(history: History, app: str, side: str, version: int) -> bool:
    return bool(offered(history, f"{app}-{side}", version))


def _sides(app: str, weights: Mapping[str, int]) -> list[str]:
    return [f"{app}-{side}" for side in (PRIMARY, CANARY) if weights.get(side)]


def _weighted(_: Site) -> Object:
    rate = {"name": "request-success-rate", "interval": "1m", "thresholdRange": {"min": 99}}
    return {"interval": f"{INTERVAL_S}s", "threshold": 2, "stepWeights": WEIGHTS, "metrics": [rate]}


DEPLOYMENT = Part("apps/v1", "Deployment", _deployment)
HTTP_ROUTE = Route("gateway.networking.k8s.io/v1", "HTTPRoute", _http_route, _side_offered, _sides)
WEIGHTED = Strategy(_weighted, frozenset(WEIGHTS), len(WEIGHTS), measured=True)
