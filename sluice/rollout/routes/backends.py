"""The Services of a Canary as they are brought to its manifest, in an order that loses no request.

A route points at a port by its number, and data planes find the pods behind it by its name, through objects that follow a
moment later. So a port that is in use is neither removed nor renamed. What is wanted is added (`widened`), the route moves
to it, and only then what is no longer wanted goes (`narrowed`). Where number or name of the wanted port are those of one
that is in use, the route moves twice: by way of a port of ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import Any

from sluice.manifests.flagger.canary import Canary
from sluice.rollout.objects import (
    TARGET_PODS,
    before,
    given_back,
    is_made,
    is_owned,
    is_taken_over,
    owner_of,
    taken_over,
)

Object = dict[str, Any]
MOVING = "sluice-moving"
"""Name of the port by which a route goes for a moment."""
MOVING_PORTS = range(61616, 65536)


def passing(canary: Canary, sides: Iterable[Object]) -> int:
    """The port by which a route may point at all sides once they are `widened`: the manifest's, or one on the way to it.

    Args:
        sides: the Services of the sides that are there already.
    """
    wanted, there = canary.spec.service, [_ports(one) for one in sides]
    known = {int(one["port"]): one["name"] for ports in there for one in ports}
    if not any(_collides(ports, wanted.port, wanted.port_name) for ports in there):
        return wanted.port
    free = (one for one in MOVING_PORTS if known.get(one, MOVING) == MOVING and one != wanted.port)
    moving = next((port for port, name in known.items() if name == MOVING), None)
    return moving if moving is not None else next(free)


def widened(canary: Canary, now: Object, wanted: Object, port: int) -> Object | None:
    """The patch after which a Service is as the manifest says, and still has every port that a route may point at.

    Of a Service that sluice did not make only selector and ports are changed, and no port is taken away.

    Args:
        wanted: the Service as sluice would make it.
        port: the number by which the route goes next (`passing`).
    """
    (ours,) = wanted["spec"]["ports"]
    have = _ports(now)
    if not is_made(canary, now):
        return _patch(canary, now, wanted, _claimed(have, ours))
    if not _collides(have, ours["port"], ours["name"]):
        have = _with(have, ours)
    if port != ours["port"]:
        have = _with(have, {**ours, "name": MOVING, "port": port})
    return _patch(canary, now, wanted, have)


def narrowed(canary: Canary, now: Object, wanted: Object, keep: Set[int] = frozenset()) -> Object | None:
    """The patch after which a Service of sluice's has the wanted port, and of all others those to keep.

    Args:
        keep: numbers of ports that the route may point at still.
    """
    if not is_made(canary, now):
        return widened(canary, now, wanted, canary.spec.service.port)
    (ours,) = wanted["spec"]["ports"]
    kept = [one for one in _ports(now) if one["port"] in keep and one["port"] != ours["port"]]
    known = next((one for one in _ports(now) if one["port"] == ours["port"]), {})
    return _patch(canary, now, wanted, [_entry(known, ours), *kept])


def unturned(patch: Object | None) -> Object | None:
    """A patch of a Service without what would turn it to other pods; None where nothing is left of it."""
    spec = {name: part for name, part in ((patch or {}).get("spec") or {}).items() if name != "selector"}
    rest = {name: part for name, part in (patch or {}).items() if name != "spec"}
    return {**rest, **({"spec": spec} if spec else {})} or None


def put_back(canary: Canary, now: Object) -> Object | None:
    """The patch after which a Service that was taken over is what it was; None for one that was not."""
    if not is_taken_over(now):
        return None
    known, selector = before(now), now["spec"].get("selector") or {}
    # Flagger's rule where nobody remembers: the target's own label.
    old = known.get("selector") or {name: str(value).removesuffix("-primary") for name, value in selector.items()}
    spec: Object = {"selector": {**dict.fromkeys(selector), **old}}
    if known.get("ports"):
        numbers = {one["port"] for one in known["ports"]} | {canary.spec.service.port}
        spec["ports"] = [*known["ports"], *(one for one in _ports(now) if one["port"] not in numbers)]
    return {"metadata": {"annotations": {**given_back(now), TARGET_PODS: None}}, "spec": spec}


def _patch(canary: Canary, now: Object, wanted: Object, ports: list[Object]) -> Object | None:
    spec, meta = _selected(canary, now, wanted), _meta(canary, now, wanted)
    if [_plain(one) for one in ports] != [_plain(one) for one in _ports(now)]:
        spec["ports"] = ports
    patch = {"metadata": meta, "spec": spec}
    return {name: part for name, part in patch.items() if part} or None


def _selected(canary: Canary, now: Object, wanted: Object) -> Object:
    selector, asked = now["spec"].get("selector") or {}, wanted["spec"]["selector"]
    phase = canary.status.phase
    is_switch = TARGET_PODS in (now["metadata"].get("annotations") or {})
    asks = TARGET_PODS in (wanted["metadata"].get("annotations") or {})
    if selector == asked or (is_switch and not asks and phase and phase.in_progress):
        return {}  # a release that is under way may have its users on the other side
    return {"selector": {**dict.fromkeys(selector), **asked}}


def _meta(canary: Canary, now: Object, wanted: Object) -> Object:
    meta, asked = now["metadata"], wanted["metadata"]
    notes = {name: value for name, value in (asked.get("annotations") or {}).items() if _note(meta, name) != value}
    if not is_made(canary, now):
        was = {"selector": now["spec"].get("selector") or {}, "ports": now["spec"].get("ports") or []}
        notes |= taken_over(canary, now, was)
        return {"annotations": notes} if notes else {}
    labels = {name: value for name, value in asked["labels"].items() if (meta.get("labels") or {}).get(name) != value}
    owners = [] if is_owned(canary, now) else [*(meta.get("ownerReferences") or []), owner_of(canary)]
    parts = {"annotations": notes, "labels": labels, "ownerReferences": owners}
    return {name: part for name, part in parts.items() if part}


def _note(meta: Object, name: str) -> str | None:
    return (meta.get("annotations") or {}).get(name)


def _ports(service: Object) -> list[Object]:
    """Its ports; each has a name, as it must where there are several."""
    return [{**one, "name": one.get("name") or f"port-{one['port']}"} for one in service["spec"].get("ports") or []]


def _collides(ports: list[Object], number: int, name: str) -> bool:
    """Whether a port cannot be added: another one has its number or its name."""
    return any((one["port"] == number) is not (one["name"] == name) for one in ports)


def _with(ports: list[Object], wanted: Object) -> list[Object]:
    if all(one["port"] != wanted["port"] for one in ports):
        return [*ports, wanted]
    return [_entry(one, wanted) if one["port"] == wanted["port"] else one for one in ports]


def _claimed(ports: list[Object], wanted: Object) -> list[Object]:
    """The ports of an application's own Service with the wanted one: under the name that its number has there already."""
    known = next((one for one in ports if one["port"] == wanted["port"]), None)
    if known is not None:
        return _with(ports, {**wanted, "name": known["name"]})
    taken = any(one["name"] == wanted["name"] for one in ports)
    return [*ports, {**wanted, "name": f"{wanted['name']}-{wanted['port']}"} if taken else wanted]


def _entry(now: Object, wanted: Object) -> Object:
    return {**wanted, **({"nodePort": now["nodePort"]} if now.get("nodePort") else {})}


def _plain(port: Object) -> tuple[Any, ...]:
    """A port without what the API server adds."""
    number = port["port"]
    return (port["name"], number, port.get("targetPort", number), port.get("protocol", "TCP"), port.get("appProtocol"))
