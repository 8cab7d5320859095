"""Gateway API v1: the weights of an HTTPRoute's backends (gateway-api.sigs.k8s.io, HTTPRoute).

An HTTPRoute of the application's own is taken over: parents and hosts are the Canary's manifest's, and of its rules only
those that lead to the application are divided.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sluice.errors import InvalidError
from sluice.manifests.flagger.canary import Canary
from sluice.rollout.objects import (
    MANAGED_BY,
    Ownership,
    before,
    check_claimable,
    given_back,
    is_made,
    is_owned,
    is_taken_over,
    owner_of,
    ownership,
    taken_over,
)
from sluice.rollout.routes.base import Object, check, due
from sluice.rollout.routes.gateway_api_acknowledged import parent_ref
from sluice.rollout.routes.gateway_api_rules import (
    Rules,
    default_rule,
    divided,
    ported,
    serves_nobody,
    share,
    shared,
    towards,
    undivided,
    with_baseline,
)
from sluice.rollout.strategies.base import HOME, Traffic


@dataclass(frozen=True, slots=True)
class GatewayApi:
    """The rules of an HTTPRoute."""

    def cannot(self, canary: Canary) -> Iterator[str]:
        if not canary.spec.service.gateway_refs:
            yield "spec.service.gatewayRefs must name the Gateway that users come through"

    def manifest(self, canary: Canary, target: Object, traffic: Traffic) -> Object:
        check(self, canary)
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
                "parentRefs": _parents(canary),
                "hostnames": list(canary.spec.service.hosts) or None,
                "rules": [default_rule(canary, traffic)],
            },
        }

    def ensured(self, canary: Canary, target: Object, route: Object) -> Object | None:
        check(self, canary)
        check_claimable(canary, route)
        spec = {**_reached(canary, route), **_ruled(canary, route)}
        patch = {"metadata": _meta(canary, route), "spec": spec}
        return {name: part for name, part in patch.items() if part} or None

    def weight(self, canary: Canary, route: Object) -> int | None:
        """The largest share where rules differ; rules that are not the Canary's count for nothing."""
        if ownership(canary, route) not in {Ownership.OURS, Ownership.UNOWNED}:
            return None
        return share(canary, _rules(route))

    def shifted(self, canary: Canary, route: Object, traffic: Traffic) -> Object | None:
        # Lists have no merge in a custom resource: the rules are written whole, with some numbers changed.
        rules = shared(canary, _rules(route), traffic)
        return None if rules == _rules(route) else {"spec": {"rules": rules}}


def without_halves(canary: Canary, route: Object) -> Object | None:
    """The patch after which the route divides nobody: taken over, it is what it was; ours leads to the apex Service.

    None where there is nothing to change, or the route is not this Canary's.
    """
    if ownership(canary, route) not in {Ownership.OURS, Ownership.UNOWNED}:
        return None
    if is_taken_over(route):
        spec = before(route) or {"rules": undivided(canary, _rules(route))}
        return {"metadata": {"annotations": given_back(route)}, "spec": spec}
    rules = undivided(canary, _rules(route))
    return {"spec": {"rules": rules}} if is_made(canary, route) and rules != _rules(route) else None


def next_step(route: Object, patch: Object) -> Object:
    """The part of a patch that can be written now, if no request is to be lost; the patch itself where that is all of it."""
    rules = (patch.get("spec") or {}).get("rules")
    return patch if rules is None else {**patch, "spec": {**patch["spec"], "rules": towards(_rules(route), rules)}}


def _rules(route: Object) -> Rules:
    return (route.get("spec") or {}).get("rules") or []


def _parents(canary: Canary) -> list[Object]:
    return [
        reference.model_dump(by_alias=True, exclude_none=True, exclude_defaults=True)
        | {"group": reference.group, "kind": reference.kind, "namespace": reference.namespace or canary.namespace}
        for reference in canary.spec.service.gateway_refs
    ]


def _reached(canary: Canary, route: Object) -> Object:
    """What differs of where users come from: the Gateways, and the hosts.

    An application's own route keeps its hosts where the Canary names none: without any it would answer for all.
    """
    now, hosts = route.get("spec") or {}, list(canary.spec.service.hosts)
    if not hosts and not is_made(canary, route):
        hosts = (before(route) or now).get("hostnames") or []
    wanted = [parent_ref(one, canary.namespace) for one in _parents(canary)]
    changed: Object = {}
    if [parent_ref(one, canary.namespace) for one in now.get("parentRefs") or []] != wanted:
        changed["parentRefs"] = _parents(canary)
    if sorted(now.get("hostnames") or []) != sorted(hosts):
        changed["hostnames"] = hosts or None
    return changed


def _ruled(canary: Canary, route: Object) -> Object:
    """What differs of the rules: both halves, their ports, a baseline, and the traffic that is due."""
    rules = _rules(route)
    weight = share(canary, rules)
    traffic = due(canary, None if serves_nobody(canary, rules) else weight)
    if weight is None:
        rules = divided(canary, rules, traffic or HOME)
    if share(canary, rules) is None:
        if not is_made(canary, route) and any(rule.get("backendRefs") or rule.get("filters") for rule in rules):
            raise InvalidError(
                f"{canary}: no rule of HTTPRoute {canary.namespace}/{canary.service_name} leads to Service "
                f"{canary.service_name}: add it to the backendRefs of the rule that is to be divided, delete or rename the "
                "route, or use another name in the Canary (spec.service.name)"
            )
        # A rule without backends answers with errors, and would be asked first.
        rules = [rule for rule in rules if rule.get("backendRefs") or rule.get("filters")]
        rules = [*rules, default_rule(canary, traffic or HOME)]
    rules = shared(canary, rules, traffic) if traffic else with_baseline(canary, rules)
    rules = ported(canary, rules)
    return {"rules": rules} if rules != _rules(route) else {}


def _meta(canary: Canary, route: Object) -> Object:
    meta, now = route["metadata"], route.get("spec") or {}
    if is_made(canary, route):
        lacks = not (meta.get("labels") or {}).items() >= MANAGED_BY.items()
        owners = [] if is_owned(canary, route) else [*(meta.get("ownerReferences") or []), owner_of(canary)]
        parts = {"labels": dict(MANAGED_BY) if lacks else {}, "ownerReferences": owners}
        return {name: part for name, part in parts.items() if part}
    was = {name: now.get(name) for name in ("parentRefs", "hostnames", "rules")}
    notes = taken_over(canary, route, was)
    return {"annotations": notes} if notes else {}
