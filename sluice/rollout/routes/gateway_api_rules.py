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
    shares = []
    for backends in _divided(canary, rules):
        weights = _weights(canary, backends)
        shares.append(round(100 * weights[service_of(canary, Side.CANARY)] / (sum(weights.values()) or 1)))
    return max(shares, default=None)


def serves_nobody(canary: Canary, rules: Rules) -> bool:
    """Whether a rule of the Canary's gives none of its sides any traffic, so that its requests fail."""
    return any(not sum(_weights(canary, backends).values()) for backends in _divided(canary, rules))


def shared(canary: Canary, rules: Rules, traffic: Traffic) -> Rules:
    """The rules with that traffic for the canary."""
    # A baseline that is no longer asked for may be in the route still: it gets nothing.
    wanted = {service_of(canary, Side.BASELINE): 0, **split(canary, traffic)}
    rules = copy.deepcopy(rules)
    for backends in _divided(canary, rules):
        if canary.compared:
            _add_baseline(canary, backends)
        ours = [one for one in backends if _is_side(canary, one)]
        # While the route goes from one port to another both are there: the traffic stays where it is.
        port = max(ours, key=lambda one: int(one.get("weight", 1))).get("port")
        for backend in ours:
            weight = wanted[backend["name"]] if backend.get("port") == port else 0
            if backend.get("weight", 1) != weight:
                backend["weight"] = weight
    return rules


def ported(canary: Canary, rules: Rules) -> Rules:
    """The rules with the manifest's port at every side of the Canary, also where a rule is the user's: its old one goes.

    What a route that goes from one port to another has twice is there once.
    """
    rules = copy.deepcopy(rules)
    divided_ones = [id(backends) for backends in _divided(canary, rules)]
    for backends in (rule["backendRefs"] for rule in rules if rule.get("backendRefs")):
        first: dict[str, Object] = {}
        for backend in [one for one in backends if _is_side(canary, one)]:
            known = first.setdefault(backend["name"], backend)
            if known is not backend:
                known["weight"] = int(known.get("weight", 1)) + int(backend.get("weight", 1))
                backends[:] = [one for one in backends if one is not backend]
            known["port"] = canary.spec.service.port
        if id(backends) in divided_ones:  # the apex Service is left from a take-over that was broken off
            backends[:] = [one for one in backends if not _is_apex(canary, one)]
    return rules


def with_baseline(canary: Canary, rules: Rules) -> Rules:
    """The rules with a place for a baseline, without traffic: its pods may not be there yet."""
    rules = copy.deepcopy(rules)
    for backends in _divided(canary, rules) if canary.compared else ():
        _add_baseline(canary, backends)
    return rules


def towards(before: Rules, after: Rules) -> Rules:
    """The next rules on the way from one state to another: a backend is known to data planes before and after it has users.

    New ones come without traffic; then they get it, and the old ones have none; then those go. A data plane that hears of a
    backend and of its users at once has requests that find nobody.
    """
    pairs = list(zip(before, after, strict=False))
    if len(before) != len(after) or not all(rule.get("backendRefs") for pair in pairs for rule in pair):
        return after
    announced = [_with_idle(was, now) for was, now in pairs]
    if announced != before:
        return announced
    moved = [_with_idle(now, was) for was, now in pairs]
    users = (one for was, now in pairs for one in _missing(now, was) if int(one.get("weight", 1)))
    return moved if any(users) else after


def _with_idle(rule: Object, other: Object) -> Object:
    """A rule with the backends that only another state of it has, without traffic."""
    idle = [{**one, "weight": 0} for one in _missing(rule, other)]
    return {**rule, "backendRefs": [*rule["backendRefs"], *idle]} if idle else rule


def _missing(rule: Object, other: Object) -> list[Object]:
    there = {_place(one) for one in rule["backendRefs"]}
    return [one for one in other["backendRefs"] if _place(one) not in there]


def _place(backend: Object) -> tuple[str, ...]:
    return tuple(str(backend.get(name) or "") for name in ("namespace", "name", "port"))


def divided(canary: Canary, rules: Rules, traffic: Traffic) -> Rules:
    """The rules where those that lead to the application as a whole, its apex Service or its primary, have both halves.

    Of an application with several ports only the rules of the Canary's port, where there are any: the users of another port
    stay there. Other backends of a divided rule keep their share of it.
    """
    rules = copy.deepcopy(rules)
    sides = {service_of(canary, side) for side in Side}
    found = [one for rule in rules for one in rule.get("backendRefs") or [] if _is_whole(canary, one)]
    by_port = [one for one in found if one.get("port") == canary.spec.service.port]
    for rule in rules:
        backends = rule.get("backendRefs") or []
        whole = [one for one in backends if one in (by_port or found)]
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
    """The rules where those that have both halves, with users or without, lead to the apex Service instead."""
    rules = copy.deepcopy(rules)
    both = {service_of(canary, Side.PRIMARY), service_of(canary, Side.CANARY)}
    for backends in (rule.get("backendRefs") or [] for rule in rules):
        if not both <= {one["name"] for one in backends if _is_service(canary, one)}:
            continue
        rest = [one for one in backends if not _is_side(canary, one) and not _is_apex(canary, one)]
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
    """The backends of each rule that is the Canary's; not those of one whose users still come by the apex Service."""
    both = {service_of(canary, Side.PRIMARY), service_of(canary, Side.CANARY)}
    found = (rule.get("backendRefs") or [] for rule in rules)
    return [
        backends
        for backends in found
        if both <= {one["name"] for one in backends if _is_service(canary, one)}
        and not any(int(one.get("weight", 1)) for one in backends if _is_apex(canary, one))
    ]


def _is_service(canary: Canary, backend: Object) -> bool:
    here = backend.get("namespace") or canary.namespace
    return (backend.get("group") or "", backend.get("kind") or "Service", here) == ("", "Service", canary.namespace)


def _is_side(canary: Canary, backend: Object) -> bool:
    return _is_service(canary, backend) and backend["name"] in {service_of(canary, side) for side in Side}


def _is_apex(canary: Canary, backend: Object) -> bool:
    return _is_service(canary, backend) and backend["name"] == canary.service_name


def _is_whole(canary: Canary, backend: Object) -> bool:
    return _is_apex(canary, backend) or (
        _is_service(canary, backend) and backend["name"] == service_of(canary, Side.PRIMARY)
    )


def _weights(canary: Canary, backends: list[Object]) -> dict[str, int]:
    """The weight of each side, by the name of its Service."""
    weights = {one["name"]: 0 for one in backends if _is_side(canary, one)}
    for one in backends:
        if _is_side(canary, one):
            weights[one["name"]] += int(one.get("weight", 1))
    return weights


def _add_baseline(canary: Canary, backends: list[Object]) -> None:
    """Put the baseline's backend next to the canary's where a route was made before there was one."""
    name = service_of(canary, Side.BASELINE)
    if all(backend["name"] != name for backend in backends):
        next_to = next(one for one in backends if one["name"] == service_of(canary, Side.CANARY))
        backends.append({**next_to, "name": name, "weight": 0})
