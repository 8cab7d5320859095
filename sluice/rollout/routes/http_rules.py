"""The rules of an HTTPRoute: which of them are the Canary's, and what it may change in them.

A rule is the Canary's where it has both halves, primary and canary, among its backends. Whatever else an application has in
its route (a header that leads to the canary alone, another application's backend) is its owner's.
"""

from __future__ import annotations

import copy

from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.side import Side
from sluice.rollout.routes.base import Object
from sluice.rollout.services import service_of
from sluice.rollout.split import split
from sluice.rollout.strategies.base import HOME, Traffic

Rules = list[Object]


def share(canary: Canary, rules: Rules) -> int | None:
    """The canary's share of the traffic of the Canary's rules, percent; the largest where they differ, None without any."""
    names = {service_of(canary, side) for side in Side}
    shares = []
    for backends in _divided(canary, rules):
        weights = {one["name"]: int(one.get("weight", 1)) for one in backends if one["name"] in names}
        shares.append(round(100 * weights[service_of(canary, Side.CANARY)] / (sum(weights.values()) or 1)))
    return max(shares, default=None)


def serves_nobody(canary: Canary, rules: Rules) -> bool:
    """Whether a rule of the Canary's gives none of its sides any traffic, so that its requests fail."""
    names = {service_of(canary, side) for side in Side}
    return any(
        not sum(int(one.get("weight", 1)) for one in backends if one["name"] in names)
        for backends in _divided(canary, rules)
    )


def shared(canary: Canary, rules: Rules, traffic: Traffic) -> Rules:
    """The rules with that traffic for the canary."""
    # A baseline that is no longer asked for may be in the route still: it gets nothing.
    wanted = {service_of(canary, Side.BASELINE): 0, **split(canary, traffic)}
    rules = copy.deepcopy(rules)
    for backends in _divided(canary, rules):
        if canary.compared:
            _add_baseline(canary, backends)
        for backend in backends:
            if backend["name"] in wanted and backend.get("weight", 1) != wanted[backend["name"]]:
                backend["weight"] = wanted[backend["name"]]
    return rules


def ported(canary: Canary, rules: Rules) -> Rules:
    """The rules with the manifest's port at every side of the Canary, also where a rule is the user's: its old one goes."""
    names = {service_of(canary, side) for side in Side}
    rules = copy.deepcopy(rules)
    for backend in (backend for rule in rules for backend in rule.get("backendRefs") or []):
        if _is_service(canary, backend) and backend["name"] in names:
            backend["port"] = canary.spec.service.port
    return rules


def divided(canary: Canary, rules: Rules, traffic: Traffic) -> Rules:
    """The rules where those that lead to the application as a whole, its apex Service or its primary, have both halves.

    Other backends of such a rule keep their share of it.
    """
    rules = copy.deepcopy(rules)
    sides = {service_of(canary, side) for side in Side}
    for rule in rules:
        backends = rule.get("backendRefs") or []
        whole = [one for one in backends if _is_whole(canary, one)]
        if not whole:
            continue
        ours = [one for one in backends if _is_service(canary, one) and one["name"] in {canary.service_name, *sides}]
        rest = [one for one in backends if one not in ours]
        before = sum(int(one.get("weight", 1)) for one in ours)
        for one in rest if before else []:
            weight = int(one.get("weight", 1))
            one["weight"] = max(round(weight * 100 / before), 1) if weight else 0
        kept = {name: part for name, part in whole[0].items() if name not in {"name", "port", "weight"}}
        rule["backendRefs"] = [*({**kept, **half} for half in halves(canary, traffic)), *rest]
    return rules


def undivided(canary: Canary, rules: Rules) -> Rules:
    """The rules where those that had both halves lead to the apex Service instead."""
    rules = copy.deepcopy(rules)
    sides = {service_of(canary, side) for side in Side}
    for backends in _divided(canary, rules):
        rest = [one for one in backends if not (_is_service(canary, one) and one["name"] in sides)]
        apex = {"group": "", "kind": "Service", "name": canary.service_name, "port": canary.spec.service.port}
        backends[:] = [{**apex, "weight": 100}, *rest]
    return rules


def halves(canary: Canary, traffic: Traffic) -> list[Object]:
    """The backends of the Canary's sides."""
    port = canary.spec.service.port
    return [
        {"group": "", "kind": "Service", "name": name, "port": port, "weight": weight}
        for name, weight in split(canary, traffic).items()
    ]


def default_rule(canary: Canary, traffic: Traffic = HOME) -> Object:
    """Everything goes to the Canary's sides."""
    return {"matches": [{"path": {"type": "PathPrefix", "value": "/"}}], "backendRefs": halves(canary, traffic)}


def _divided(canary: Canary, rules: Rules) -> list[list[Object]]:
    """The backends of each rule that is the Canary's."""
    both = {service_of(canary, Side.PRIMARY), service_of(canary, Side.CANARY)}
    found = (rule.get("backendRefs") or [] for rule in rules)
    return [backends for backends in found if both <= {one["name"] for one in backends if _is_service(canary, one)}]


def _is_service(canary: Canary, backend: Object) -> bool:
    here = backend.get("namespace") or canary.namespace
    return (backend.get("group") or "", backend.get("kind") or "Service", here) == ("", "Service", canary.namespace)


def _is_whole(canary: Canary, backend: Object) -> bool:
    return _is_service(canary, backend) and backend["name"] in {
        canary.service_name,
        service_of(canary, Side.PRIMARY),
    }


def _add_baseline(canary: Canary, backends: list[Object]) -> None:
    """Put the baseline's backend next to the canary's where a route was made before there was one."""
    name = service_of(canary, Side.BASELINE)
    by_name = {backend["name"]: backend for backend in backends}
    if name not in by_name:
        backends.append({**by_name[service_of(canary, Side.CANARY)], "name": name, "weight": 0})
