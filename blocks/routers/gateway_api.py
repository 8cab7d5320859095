"""Gateway API v1: weights of an HTTPRoute's backends (gateway-api.sigs.k8s.io, HTTPRoute)."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from blocks.kubernetes.kinds import ENDPOINT_SLICE, HTTP_ROUTE, SERVICE
from blocks.kubernetes.writer import Writer
from sluice.errors import InvalidError, NotFoundError, TransientError
from sluice.manifests.flagger.canary import Canary
from sluice.measures.objective import Telemetry
from sluice.rollout.objects import http_route, services
from sluice.rollout.readiness import serving_addresses
from sluice.rollout.split import split

Object = dict[str, Any]
ACKNOWLEDGED_WITHIN = 20.0
"""Seconds that a controller may take to accept a new generation of a route."""


SERVICE_LABEL = "kubernetes.io/service-name"


def telemetry(canary: Canary) -> Telemetry:
    """Envoy's statistics as Contour names its clusters; other Gateway API data planes bring templates."""
    name, port = f"{canary.namespace}_{canary.service_name}", canary.spec.service.port
    return Telemetry(
        total="envoy_cluster_upstream_rq_xx",
        buckets="envoy_cluster_upstream_rq_time_bucket",
        half_label="envoy_cluster_name",
        canary=f"{name}-canary_{port}",
        primary=f"{name}-primary_{port}",
        baseline=f"{name}-baseline_{port}",
        bad={"envoy_response_code_class": "5"},
    )


@dataclass(frozen=True, slots=True)
class GatewayApiRouter:
    """Shifts by rewriting the weights of the route's backends, fenced by its resourceVersion."""

    writer: Writer

    async def ensure(self, canary: Canary, target: Object) -> None:
        for service in services(canary, target):
            await self.writer.apply(SERVICE, service)
        if await self.weight(canary) is None:
            await self.writer.apply(HTTP_ROUTE, http_route(canary, 0))
        else:
            await self.writer.mark(HTTP_ROUTE, canary.service_name, canary.namespace)
        await self._acknowledged(canary)

    async def weight(self, canary: Canary) -> int | None:
        try:
            route = await self.writer.seen.get(HTTP_ROUTE, canary.service_name, canary.namespace)
        except NotFoundError:
            return None
        return _weight(canary, route)

    async def shift(self, canary: Canary, weight: int) -> None:
        # A baseline that is no longer asked for may be in the route still: it gets nothing.
        wanted = {_baseline(canary): 0, **split(canary, weight)}

        def wish(route: Object) -> Object | None:
            # Lists have no merge in a custom resource: the rules are written whole, with some numbers changed.
            before = route["spec"].get("rules") or []
            rules = copy.deepcopy(before)
            if canary.compared:
                _add_baseline(canary, rules)
            for backend in _backends(rules):
                if backend["name"] in wanted and backend.get("weight", 1) != wanted[backend["name"]]:
                    backend["weight"] = wanted[backend["name"]]
            return None if rules == before else {"spec": {"rules": rules}}

        await self.writer.change(HTTP_ROUTE, canary.service_name, canary.namespace, wish)
        await self._acknowledged(canary)

    async def endpoints(self, canary: Canary, half: str) -> frozenset[str]:
        service = f"{canary.service_name}-{half}"
        slices = await self.writer.seen.list(ENDPOINT_SLICE, canary.namespace)
        return serving_addresses([one for one in slices if one["metadata"]["labels"].get(SERVICE_LABEL) == service])

    def telemetry(self, canary: Canary) -> Telemetry:
        return telemetry(canary)

    async def _acknowledged(self, canary: Canary) -> None:
        """Wait until every parent says Accepted for the route's present generation."""
        name = canary.service_name
        async with self.writer.seen.following(HTTP_ROUTE, name, canary.namespace) as route:
            if await route.until(_accepted, ACKNOWLEDGED_WITHIN):
                return
            if route.object is None:
                raise NotFoundError(f"HTTPRoute {canary.namespace}/{name} is gone")
            refused = _refusal(route.object)
        if refused:
            raise InvalidError(f"HTTPRoute {canary.namespace}/{name} is refused by the Gateway's controller: {refused}")
        raise TransientError(
            f"HTTPRoute {canary.namespace}/{name}: no controller accepted its generation within {ACKNOWLEDGED_WITHIN:g} s"
        )


def _backends(rules: list[Object]) -> list[Object]:
    return [backend for rule in rules for backend in rule.get("backendRefs") or []]


def _baseline(canary: Canary) -> str:
    return f"{canary.service_name}-baseline"


def _add_baseline(canary: Canary, rules: list[Object]) -> None:
    """Put the baseline's backend beside the canary's where a route was made before there was one."""
    for rule in rules:
        backends = {backend["name"]: backend for backend in rule.get("backendRefs") or []}
        beside = backends.get(f"{canary.service_name}-canary")
        if beside is not None and _baseline(canary) not in backends:
            rule["backendRefs"].append({**beside, "name": _baseline(canary), "weight": 0})


def _weight(canary: Canary, route: Object) -> int:
    """The canary's share of a rule's weights, percent; the largest where rules differ, none where it is in no rule."""
    name = f"{canary.service_name}-canary"
    shares = []
    for rule in route["spec"].get("rules") or []:
        weights = {b["name"]: int(b.get("weight", 1)) for b in rule.get("backendRefs") or []}
        shares.append(round(100 * weights.get(name, 0) / (sum(weights.values()) or 1)))
    return max(shares, default=0)


def _conditions(route: Object) -> list[Object]:
    parents = (route.get("status") or {}).get("parents") or []
    return [condition for parent in parents for condition in parent.get("conditions") or []]


def _accepted(route: Object | None) -> bool:
    if route is None:
        return False
    told = [one for one in _conditions(route) if one["type"] == "Accepted"]
    generation = route["metadata"]["generation"]
    return bool(told) and all(
        one["status"] == "True" and one.get("observedGeneration", 0) >= generation for one in told
    )


def _refusal(route: Object) -> str:
    return "; ".join(
        f"{one.get('reason')}: {one.get('message')}"
        for one in _conditions(route)
        if one["type"] == "Accepted" and one["status"] == "False"
    )
