"""What a train says to the rollout of one of its services: wait, go on, or go home.

A service whose Canary a Train names belongs to that Train: a new revision of it waits before its pods until it has boarded
and its turn has come. It is one more source of closed gates, at `confirm-rollout` and, where all are promoted together, at
`confirm-promotion`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sluice.manifests.flagger.canary import Canary
from sluice.manifests.own.train import CarState, Promotion, Ride, Train, TrainPhase
from sluice.trains.problems import owner_of
from sluice.trains.timetable import departs

BEGINS, PROMOTES = POINTS = ("confirm-rollout", "confirm-promotion")
"""The points of a rollout at which a train is a closed gate."""
LET_ON = {CarState.RIDING, CarState.READY, CarState.PROMOTING, CarState.PROMOTED}
GOES_HOME = {CarState.HOMEWARD, CarState.HOME}


@dataclass(frozen=True, slots=True)
class Held:
    """What a train says to one rollout.

    Attributes:
        train: which one, `namespace/name`.
        rollout: why it does not begin; empty where it may.
        promotion: why it is not promoted; empty where it may be.
        home: why it goes home; empty where it does not. It has not failed, and boards again.
        back_to: the revision that the primary gets back, where it was promoted already.
    """

    train: str
    rollout: str = ""
    promotion: str = ""
    home: str = ""
    back_to: str = ""

    @property
    def closed(self) -> tuple[str, ...]:
        """The points of a rollout at which it is a closed gate."""
        return tuple(point for point in POINTS if self.said_at(point))

    def said_at(self, point: str) -> str:
        """Why the release does not go on at a point of the rollout; empty where it may."""
        return {BEGINS: self.rollout, PROMOTES: self.promotion}.get(point, "")


def held(trains: Iterable[Train], canary: Canary, now: float) -> Held | None:
    """What its train says to the rollout of a Canary; None where it has none."""
    train = owner_of((canary.namespace, canary.name), trains)
    if train is None or (train.metadata.deletion_timestamp and not train.status.rides):
        return None
    name = f"{train.namespace}/{train.name}"
    ride = next((one for one in train.status.rides if (one.namespace, one.canary) == _key(canary)), None)
    status = canary.status
    if (
        ride is not None
        and ride.state in GOES_HOME
        and ride.revision in {status.last_applied_spec, status.last_promoted_spec}
    ):
        return _homeward(train, name, ride, canary, now)
    if ride is None or ride.revision != status.last_applied_spec:
        return Held(name, rollout=_waits(train, now))
    if not train.under_way:
        # A journey that is over let on only what has come to its end.
        return Held(name, rollout="" if ride.state is CarState.PROMOTED else _waits(train, now))
    if ride.state not in LET_ON:
        return Held(name, rollout=f"{_turn(train, ride)}")
    together = train.status.promotion is Promotion.TOGETHER
    if together and ride.state in {CarState.RIDING, CarState.READY}:
        return Held(name, promotion=_passing(train))
    return Held(name)


def names(item: Mapping[str, Any], namespace: str, canary: str) -> bool:
    """Whether a Train, as it was read, names a Canary, or has it aboard: most Trains matter to few Canaries."""
    own = item["metadata"].get("namespace")
    cars = (item.get("spec") or {}).get("cars") or []
    rides = (item.get("status") or {}).get("rides") or []
    return any(
        one.get("canary") == canary and (one.get("namespace") or own) == namespace
        for one in (*cars, *rides)
        if isinstance(one, dict)
    )


def _key(canary: Canary) -> tuple[str, str]:
    return canary.namespace, canary.name


def _homeward(train: Train, name: str, ride: Ride, canary: Canary, now: float) -> Held:
    why = f"{train} went home: {ride.reason}"
    if canary.status.last_promoted_spec == ride.revision:
        return Held(name, rollout=_waits(train, now), home=why, back_to=ride.before)
    if canary.status.last_applied_spec != ride.revision:
        return Held(name, rollout=_waits(train, now))
    return Held(name, rollout=f"{_waits(train, now)}; {why}", promotion=why, home=why)


def _waits(train: Train, now: float) -> str:
    """The sentence that people read on a service that waits for its train."""
    if train.under_way:
        return f"waits for {train}: it is under way without this version; afterwards it {departs(train, now)}"
    wrong = train.status.message if train.status.message.startswith("does not depart") else ""
    return f"waits for {train}: {wrong or departs(train, now)}"


def _turn(train: Train, ride: Ride) -> str:
    if ride.state is not CarState.BOARDED:
        return f"is aboard {train}, and {ride.reason or str(ride.state).lower()}"
    states = {one.name: one.state for one in train.status.rides}
    before = [name for name in ride.after if states.get(name) is not CarState.PROMOTED]
    return (
        f"is aboard {train}: its turn comes after {', '.join(before)}"
        if before
        else f"is aboard {train}: waits for a lane"
    )


def _passing(train: Train) -> str:
    if train.status.phase is not TrainPhase.RUNNING:
        return f"has passed, aboard {train}: its turn to be promoted has not come"
    waiting = [one.name for one in train.status.rides if one.state not in {CarState.READY, CarState.PROMOTED}]
    more = f" and {len(waiting) - 3} more" if len(waiting) > 3 else ""
    return f"has passed, aboard {train}: waits for {', '.join(waiting[:3])}{more}"
