"""Kubernetes alone, without a mesh or a gateway: the apex Service's selector is the switch between primary and canary.

All users are moved at once, so this is a route for blue/green. Connections that are open stay where they are until their
pod ends them: a Service chooses a pod for each new connection.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.side import Side
from sluice.rollout.objects import (
    TARGET_PODS,
    Ownership,
    check_claimable,
    is_made,
    is_taken_over,
    ownership,
    selector_label,
)
from sluice.rollout.routes.backends import narrowed
from sluice.rollout.routes.base import Object, check, due
from sluice.rollout.services import apex
from sluice.rollout.strategies.base import HOME, PROMOTION, Traffic
from sluice.rollout.strategy import has_strategy, plan

WHOLE = (0, 100)


@dataclass(frozen=True, slots=True)
class KubernetesService:
    """The rules of the apex Service."""

    def cannot(self, canary: Canary) -> Iterator[str]:
        analysis = canary.spec.analysis if canary.analysed else None
        steps = plan(analysis) if analysis and has_strategy(analysis) else ()
        if any(step.traffic.canary not in WHOLE for step in steps):
            yield (
                "spec.provider kubernetes moves all users at once: set spec.analysis.iterations for blue/green instead of "
                "weights, or name a provider that has weights"
            )

    def manifest(self, canary: Canary, target: Object, traffic: Traffic) -> Object:
        check(self, canary)
        label, value = selector_label(target)
        service = apex(canary, target, _side(traffic))
        service["metadata"]["annotations"] = {TARGET_PODS: f"{label}={value}"}
        return service

    def ensured(self, canary: Canary, target: Object, route: Object) -> Object | None:
        check_claimable(canary, route)
        return narrowed(canary, route, self.manifest(canary, target, self._due(canary, target, route)))

    def _due(self, canary: Canary, target: Object, route: Object) -> Traffic:
        """Where somebody took the mark away that says whose pods are which, the target says it."""
        label, value = selector_label(target)
        weight = self.weight(canary, route)
        if weight is None and (is_made(canary, route) or is_taken_over(route)) and _target_pods(route) is None:
            weight = PROMOTION.canary if (route["spec"].get("selector") or {}).get(label) == value else HOME.canary
        return due(canary, weight) or (PROMOTION if weight else HOME)

    def weight(self, canary: Canary, route: Object) -> int | None:
        """An application's own Service of that name is no route before it was taken over."""
        found = _target_pods(route)
        if found is None or ownership(canary, route) not in {Ownership.OURS, Ownership.UNOWNED}:
            return None
        label, value = found
        return PROMOTION.canary if (route["spec"].get("selector") or {}).get(label) == value else HOME.canary

    def shifted(self, canary: Canary, route: Object, traffic: Traffic) -> Object | None:
        found = _target_pods(route)
        if found is None:
            return None
        label, value = found
        wanted = value if _side(traffic) is Side.CANARY else f"{value}-{Side.PRIMARY}"
        same = (route["spec"].get("selector") or {}).get(label) == wanted
        return None if same else {"spec": {"selector": {label: wanted}}}


def without_switch(canary: Canary, service: Object) -> Object | None:
    """The patch after which the apex Service is no switch: another router divides the users. None where it is none."""
    if ownership(canary, service) not in {Ownership.OURS, Ownership.UNOWNED} or _target_pods(service) is None:
        return None
    return {"metadata": {"annotations": {TARGET_PODS: None}}}


def _side(traffic: Traffic) -> Side:
    return Side.CANARY if traffic.canary == PROMOTION.canary else Side.PRIMARY


def _target_pods(route: Object) -> tuple[str, str] | None:
    label, equals, value = ((route["metadata"].get("annotations") or {}).get(TARGET_PODS) or "").partition("=")
    return (label, value) if equals else None
