"""Gateway API v1: the weights of an HTTPRoute's backends (gateway-api.sigs.k8s.io, HTTPRoute)."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass

from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.side import Side
from sluice.rollout.objects import MANAGED_BY, owner_of
from sluice.rollout.routes.base import Object, check
from sluice.rollout.services import service_of
from sluice.rollout.split import split
from sluice.rollout.strategies.base import Traffic


@dataclass(frozen=True, slots=True)
class GatewayApi:
    """The rules of an HTTPRoute."""

    def cannot(self, canary: Canary) -> Iterator[str]:
        if not canary.spec.service.gateway_refs:
            yield "spec.service.gatewayRefs must name the Gateway that users come through"

    def manifest(self, canary: Canary, target: Object, traffic: Traffic) -> Object:
        check(self, canary)
        service = canary.spec.service
        parents = [
            reference.model_dump(by_alias=True, exclude_none=True, exclude_defaults=True)
            | {"group": reference.group, "kind": reference.kind, "namespace": reference.namespace or canary.namespace}
            for reference in service.gateway_refs
        ]
        backends = [
            {"group": "", "kind": "Service", "name": name, "port": service.port, "weight": share}
            for name, share in split(canary, traffic).items()
        ]
        return {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "HTTPRoute",
            "metadata": {
                "name": canary.service_name,
                "namespace": canary.namespace,
                "labels": dict(MANAGED_BY),
                "ownerReferences": [owner_of(canary)],
            },
            "spec": {
                "parentRefs": parents,
                "hostnames": list(service.hosts) or None,
                "rules": [{"matches": [{"path": {"type": "PathPrefix", "value": "/"}}], "backendRefs": backends}],
            },
        }

    def weight(self, canary: Canary, route: Object) -> int:
        """The largest share where rules differ, none where the canary is in no rule."""
        name = service_of(canary, Side.CANARY)
        shares = []
        for rule in route["spec"].get("rules") or []:
            weights = {b["name"]: int(b.get("weight", 1)) for b in rule.get("backendRefs") or []}
            shares.append(round(100 * weights.get(name, 0) / (sum(weights.values()) or 1)))
        return max(shares, default=0)

    def shifted(self, canary: Canary, route: Object, traffic: Traffic) -> Object | None:
        # A baseline that is no longer asked for may be in the route still: it gets nothing.
        wanted = {service_of(canary, Side.BASELINE): 0, **split(canary, traffic)}
        # Lists have no merge in a custom resource: the rules are written whole, with some numbers changed.
        before = route["spec"].get("rules") or []
        rules = copy.deepcopy(before)
        if canary.compared:
            _add_baseline(canary, rules)
        for backend in (backend for rule in rules for backend in rule.get("backendRefs") or []):
            if backend["name"] in wanted and backend.get("weight", 1) != wanted[backend["name"]]:
                backend["weight"] = wanted[backend["name"]]
        return None if rules == before else {"spec": {"rules": rules}}


def accepted(route: Object | None) -> bool:
    """Whether every parent says Accepted for the route's present generation."""
    if route is None:
        return False
    known = [one for one in _conditions(route) if one["type"] == "Accepted"]
    generation = route["metadata"]["generation"]
    return bool(known) and all(
        one["status"] == "True" and one.get("observedGeneration", 0) >= generation for one in known
    )


def refusal(route: Object) -> str:
    """Why a parent does not accept the route; empty where none refuses it."""
    return "; ".join(
        f"{one.get('reason')}: {one.get('message')}"
        for one in _conditions(route)
        if one["type"] == "Accepted" and one["status"] == "False"
    )


def _conditions(route: Object) -> list[Object]:
    parents = (route.get("status") or {}).get("parents") or []
    return [condition for parent in parents for condition in parent.get("conditions") or []]


def _add_baseline(canary: Canary, rules: list[Object]) -> None:
    """Put the baseline's backend next to the canary's where a route was made before there was one."""
    name = service_of(canary, Side.BASELINE)
    for rule in rules:
        backends = {backend["name"]: backend for backend in rule.get("backendRefs") or []}
        next_to = backends.get(service_of(canary, Side.CANARY))
        if next_to is not None and name not in backends:
            rule["backendRefs"].append({**next_to, "name": name, "weight": 0})
