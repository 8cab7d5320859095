"""Who boards: the services that wait at a train with a revision that its rules let aboard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sluice.images.ranges import parse_range, parse_version
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.phase import Phase
from sluice.manifests.own.train import Boarding, Car, Ride, Train
from sluice.manifests.selector import selector
from sluice.trains.order import aboard, levels, order_of
from sluice.trains.problems import Service


@dataclass(frozen=True, slots=True)
class Boarded:
    """Who boards, in their order, and who stays and why."""

    rides: tuple[Ride, ...]
    stayed: dict[str, str]


def boarded(train: Train, canaries: Mapping[Service, Canary], now: float) -> Boarded:
    """Who would board at this moment.

    Args:
        canaries: those that there are.

    Raises:
        CycleError: its order goes round in a circle; a Train with problems does not depart.
    """
    cars = {car.called: car for car in train.spec.cars}
    order, stayed = order_of(train.spec.cars), dict[str, str]()
    held_up: set[str] = set()
    """Those with a revision that stays behind: what comes after them may need it."""
    rides: list[Ride] = []
    for name in (name for level in levels(order) for name in level):
        canary = canaries.get((train.namespace_of(cars[name]), cars[name].canary))
        why = _why_not(train, cars[name], canary, now)
        behind = [one for one in order[name] if one in held_up]
        if not why and behind:
            why = f"comes after {', '.join(behind)}, which {'stays' if len(behind) == 1 else 'stay'}"
        if why or canary is None:
            stayed[name] = why
            if behind or (canary is not None and is_pending(canary)) or canary is None:
                held_up.add(name)
            continue
        rides.append(_ride(train, cars[name], canary, now))
    after = aboard(order, {ride.name for ride in rides})
    return Boarded(tuple(ride.model_copy(update={"after": after[ride.name]}) for ride in rides), stayed)


def is_pending(canary: Canary) -> bool:
    """Whether it holds a revision that is not promoted."""
    return canary.status.last_applied_spec != canary.status.last_promoted_spec


def _ride(train: Train, car: Car, canary: Canary, now: float) -> Ride:
    status = canary.status
    return Ride(
        name=car.called,
        canary=car.canary,
        namespace=train.namespace_of(car),
        revision=status.last_applied_spec,
        version=version_of(canary),
        before=status.last_promoted_spec,
        since=now,
    )


def version_of(canary: Canary) -> str:
    """What people call the revision that is on its way."""
    return canary.status.begun_with.version if canary.status.begun_with else ""


def _why_not(train: Train, car: Car, canary: Canary | None, now: float) -> str:
    if canary is None or canary.metadata.deletion_timestamp:
        return f"there is no Canary {train.namespace_of(car)}/{car.canary}"
    if canary.spec.suspend:
        return "its Canary is suspended"
    status = canary.status
    if status.phase is Phase.FAILED and is_pending(canary):
        return f"{version_of(canary)} was rolled back: push another version"
    if status.phase is not Phase.WAITING:
        if status.phase is not None and status.phase.in_progress:
            return f"is not waiting at the train: it is {status.phase}"
        return "has nothing new"
    return _rules(car.boarding or train.spec.boarding, canary, now)


def _rules(rules: Boarding, canary: Canary, now: float) -> str:
    version = version_of(canary)
    if rules.version:
        parsed = parse_version(version)
        if parsed is None:
            return f"{version or 'its version'} is no semantic version, and the train takes {rules.version}"
        if not parse_range(rules.version).allows(parsed):
            return f"{version} is not in {rules.version}"
    if not selector(rules.selector).matches(canary.metadata.labels):
        return f"its Canary's labels are not {rules.selector}"
    since = _moment(canary.status.last_transition_time)
    if rules.ready_before and (since is None or now - since < rules.ready_before):
        came = f"came {max(0.0, now - since):.0f} s before the bell" if since is not None else "came just now"
        return f"{version} {came}, and the train takes what is there {rules.ready_before:g} s before"
    return ""


def _moment(text: str) -> float | None:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None
